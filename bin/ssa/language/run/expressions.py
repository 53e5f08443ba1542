"""Expression -> closure over a record, which is a plain list with one slot for each column.

Constants are folded. An expression whose value several places need is evaluated at the first of them, and kept for the
row. Nothing is looked up by name while a row is judged.
"""

from __future__ import annotations

from collections.abc import Callable
from operator import itemgetter

from ssa.checking import TYPE_CHECKING
from ssa.language.analysis.columns import FIRST_COLUMNS, INPUT_EVENT
from ssa.language.analysis.map_keys import event_key, without_text_cast
from ssa.language.analysis.value_numbering import Numbering
from ssa.language.functions import REGISTRY, REQUIRED, Function, Parameter
from ssa.language.functions.meanings import NewMap
from ssa.language.text import syntax
from ssa.language.text.errors import SsaError, near_miss
from ssa.language.values import COMPARISONS, TYPES, TooLargeError, Value, arithmetic, bounded, contains, member

from .closures import UNKNOWN, Evaluate, Record, any_of, checked, equals, negated, one_of, with_constants

if TYPE_CHECKING:
    from typing import Any, NoReturn


KEPT = len(FIRST_COLUMNS)
"""The slot with the values that are kept for the row: one list, which all records of the row share."""


class Expressions:
    """Compiles the expressions of one program. Columns get their slots here, as they are met.

    `event_stays` is True where no command of the program changes the column input_event.
    """

    def __init__(self, text: str, numbering: Numbering, event_stays: bool) -> None:
        self.text = text
        self.numbering = numbering
        self.event_stays = event_stays
        self.slots: dict[str, int] = {name: slot for slot, name in enumerate(FIRST_COLUMNS)}
        self._places: dict[int, int] = {}
        self.input_fields: set[str] | None = set()
        self._constants: dict[int, tuple[syntax.Expression, Value]] = {}

    def fail(self, problem: str, at: int) -> NoReturn:
        """Raise SsaError for a place in the text."""
        raise SsaError(problem, self.text, at)

    def slot(self, name: str) -> int:
        """Return the slot of a column."""
        return self.slots.setdefault(name, len(self.slots) + 1)  # one is KEPT

    # -- constants and shared values

    def expression(self, node: syntax.Expression) -> Evaluate:
        """Compile an expression; raises SsaError for what can be seen to be wrong without an event."""
        # A field of the event is a text or null, which the cast leaves as it is.
        key = event_key(without_text_cast(node) if self.event_stays else node)
        if key is not None:
            return self._field(key)
        compile_node: Callable[[Any], Evaluate] = getattr(self, "_" + type(node).__name__.lower())
        evaluate = compile_node(node)
        if isinstance(node, syntax.Literal):
            return evaluate
        if not isinstance(node, syntax.Name) and all(self._is_constant(child) for child in syntax.children(node)):
            try:
                value = evaluate([])
            except TooLargeError as error:
                self.fail(f"the search makes {error}", node.at)
            self._constants[id(node)] = node, value  # the node too, so that no other one gets its id
            return lambda record: value
        return self._keep(node, evaluate) if self.numbering.is_shared(node) else evaluate

    def _is_constant(self, node: syntax.Expression) -> bool:
        return isinstance(node, (syntax.Literal, syntax.Regex)) or id(node) in self._constants

    def _constant(self, node: syntax.Expression) -> Value:
        """Return the value of a constant; `UNKNOWN` for what only an event decides."""
        if isinstance(node, syntax.Literal):
            return node.value
        return self._constants.get(id(node), (None, UNKNOWN))[1]

    def _keep(self, node: syntax.Expression, evaluate: Evaluate) -> Evaluate:
        place = self._places.setdefault(self.numbering.number(node), len(self._places))

        def kept(record: Record) -> Value:
            values = record[KEPT]
            value = values[place]
            if value is UNKNOWN:
                value = values[place] = evaluate(record)
            return value

        return kept

    def nothing_kept(self) -> tuple[Value, ...]:
        """Return what `record[KEPT]` must hold at the start of a row."""
        return (UNKNOWN,) * len(self._places)

    # -- columns and values

    def _field(self, key: str) -> Evaluate:
        if self.input_fields is not None:
            self.input_fields.add(key)
        event = self.slots[INPUT_EVENT]
        if self.event_stays:
            return lambda record: record[event].get(key)
        return lambda record: member(record[event], key)

    def _literal(self, node: syntax.Literal) -> Evaluate:
        value = node.value
        return lambda record: value

    def _regex(self, node: syntax.Regex) -> Evaluate:
        self.fail("a regex /…/ stands only as the pattern of a function that takes one", node.at)

    def _name(self, node: syntax.Name) -> Evaluate:
        if node.name == INPUT_EVENT:
            self.input_fields = None
        return itemgetter(self.slot(node.name))

    def _access(self, node: syntax.Access) -> Evaluate:
        target, key = self.expression(node.target), self.expression(node.key)
        return lambda record: member(target(record), key(record))

    def _listof(self, node: syntax.ListOf) -> Evaluate:
        items = [self.expression(item) for item in node.items]
        return lambda record: bounded([item(record) for item in items])

    def _mapof(self, node: syntax.MapOf) -> Evaluate:
        return self._map([(key, value) for key, value in node.items])

    def _map(self, pairs: list[tuple[str, syntax.Expression]]) -> Evaluate:
        items = [(key, self.expression(value)) for key, value in pairs]
        return lambda record: bounded({key: value(record) for key, value in items})

    # -- operators

    def _negative(self, node: syntax.Negative) -> Evaluate:
        operand = self.expression(node.operand)
        return lambda record: arithmetic("-", 0, operand(record))

    def _arithmetic(self, node: syntax.Arithmetic) -> Evaluate:
        first = self.expression(node.first)
        rest = [(operator, self.expression(operand)) for operator, operand in node.rest]

        def evaluate(record: Record) -> Value:
            value = first(record)
            for operator, operand in rest:
                value = arithmetic(operator, value, operand(record))
            return value

        return evaluate

    def _comparison(self, node: syntax.Comparison) -> Evaluate:
        for side, other in ((node.left, node.right), (node.right, node.left)):
            # `x != null` is written all over the published rules and means IS NOT NULL (our choice).
            if isinstance(side, syntax.Literal) and side.value is None and node.operator in ("=", "!="):
                return self._isnull(syntax.IsNull(other, node.operator == "!=", node.at))
        left, right, holds = self.expression(node.left), self.expression(node.right), COMPARISONS[node.operator]
        for operand, text in ((right, self._constant(node.left)), (left, self._constant(node.right))):
            if isinstance(text, str) and node.operator == "=":
                return equals(operand, text)
        return lambda record: holds(left(record), right(record))

    def _isnull(self, node: syntax.IsNull) -> Evaluate:
        operand = self.expression(node.operand)
        if node.negated:
            return lambda record: operand(record) is not None
        return lambda record: operand(record) is None

    def _in(self, node: syntax.In) -> Evaluate:
        operand, options = self.expression(node.operand), [self.expression(option) for option in node.options]
        texts = [self._constant(option) for option in node.options]
        if all(isinstance(text, str) for text in texts):
            is_in = one_of(operand, frozenset(texts))
        else:

            def is_in(record: Record) -> bool | None:
                value = operand(record)
                return any_of(contains(option(record), value) for option in options)

        return negated(is_in) if node.negated else is_in

    def _not(self, node: syntax.Not) -> Evaluate:
        return negated(self.expression(node.operand))

    def _and(self, node: syntax.And) -> Evaluate:
        return self._decided_by(False, node)

    def _or(self, node: syntax.Or) -> Evaluate:
        return self._decided_by(True, node)

    def _decided_by(self, decisive: bool, node: syntax.And | syntax.Or) -> Evaluate:
        """Compile three-valued logic: one operand that is `decisive` decides, else one that is null."""
        operands: list[Evaluate] = [self.expression(operand) for operand in node.operands]
        other = not decisive

        def evaluate(record: Record) -> bool | None:
            result: bool | None = other
            for operand in operands:
                value = operand(record)
                if value is not other:
                    if value is decisive:
                        return not other
                    result = None
            return result

        return evaluate

    # -- calls

    def _call(self, node: syntax.Call) -> Evaluate:
        function = REGISTRY.get(node.function)
        if function is None:
            self.fail(f"unknown function {node.function}(){near_miss(node.function, REGISTRY)}", node.at)
        arguments = self._arguments(function, node)
        if isinstance(function.meaning, NewMap) and isinstance(arguments[0], syntax.ListOf):
            # So nearly every body is made, of a list whose keys are constants: the same as a map literal.
            flat = arguments[0].items
            keys = [key.value for key in flat[::2] if isinstance(key, syntax.Literal) and isinstance(key.value, str)]
            if len(keys) * 2 == len(flat):
                return self._map([*zip(keys, flat[1::2])])
        compiled = [
            self._argument(function, function.parameter(index), argument) for index, argument in enumerate(arguments)
        ]
        constants = [value for _, value in compiled[1:]]
        if UNKNOWN not in constants:
            return with_constants(function, *compiled[0], constants)
        body = function.body
        ready = [
            checked(argument, function.parameter(index)) if value is UNKNOWN else argument
            for index, (argument, value) in enumerate(compiled)
        ]
        if function.sees_nulls:
            return lambda record: body(*[argument(record) for argument in ready])

        def evaluate(record: Record) -> Value:
            values = [argument(record) for argument in ready]
            return None if None in values else body(*values)

        return evaluate

    def _arguments(self, function: Function, node: syntax.Call) -> list[syntax.Expression | None]:
        """Put positional and named arguments in the order of the parameters; None stands for a default."""
        arguments: list[syntax.Expression | None] = list(node.arguments)
        parameters = function.parameters
        if function.variadic:
            if node.named:
                arguments = list(self._listed(function, node))
            if not arguments:
                self.fail(f"{function.signature} needs at least one argument", node.at)
            if function.pairs and len(arguments) % 2:
                self.fail(f"{function.signature} takes its arguments in pairs, found {len(arguments)}", node.at)
            return arguments
        if len(arguments) > len(parameters):
            self.fail(f"{function.signature} takes {_count(len(parameters))}, found {len(arguments)}", node.at)
        names = [parameter.name for parameter in parameters]
        arguments += [None] * (len(parameters) - len(arguments))
        for name, value in node.named:
            if name not in names:
                self.fail(f"{function.signature} has no argument named {name}{near_miss(name, names)}", node.at)
            if arguments[names.index(name)] is not None:
                self.fail(f"{function.signature} gets the argument {name} twice", node.at)
            arguments[names.index(name)] = value
        for parameter, argument in zip(parameters, arguments):
            if argument is None and parameter.default is REQUIRED:
                self.fail(f"{function.signature} needs the argument {parameter.name}", node.at)
        return arguments

    def _listed(self, function: Function, node: syntax.Call) -> tuple[syntax.Expression, ...]:
        """Return the arguments of a variadic function that are given as one list under the name of its parameter."""
        (name, values), *others = node.named
        parameter = function.parameters[0].name
        if others or node.arguments or name != parameter or not isinstance(values, syntax.ListOf):
            self.fail(f"{function.signature} takes its arguments one by one, or as {parameter}: […]", node.at)
        return values.items

    def _argument(
        self, function: Function, parameter: Parameter, argument: syntax.Expression | None
    ) -> tuple[Evaluate, Value]:
        """Compile one argument; return its value too where it is a constant, which is checked and prepared here, once.

        What an event decides is still to be checked.
        """
        is_type, prepare = TYPES[parameter.type], parameter.prepare
        if argument is None:
            value = parameter.default
        elif isinstance(argument, syntax.Regex) and parameter.regex:
            value = argument.pattern
        else:
            evaluate = self.expression(argument)
            value = self._constant(argument)
            if value is UNKNOWN:
                return evaluate, UNKNOWN
            if value is not None and not is_type(value):
                if isinstance(argument, syntax.Literal):
                    expected = f"{parameter.name} must be a {parameter.type}"
                    self.fail(f"{function.signature}: {expected}, found {value!r}", argument.at)
                value = None
        try:
            constant = prepare(value) if prepare and value is not None else value
        except ValueError as error:
            self.fail(f"{function.signature}: {error}", 0 if argument is None else argument.at)
        return lambda record: constant, constant


def _count(arguments: int) -> str:
    return "1 argument" if arguments == 1 else f"{arguments} arguments"

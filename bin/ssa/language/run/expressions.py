"""Expression -> closure over a record, which is a plain list with one slot for each column.

Constants are folded. An expression whose value several places need is evaluated at the first of them, and kept for the
row. Nothing is looked up by name while a row is judged.
"""

from __future__ import annotations

from collections.abc import Iterator
from operator import itemgetter
from typing import Any, Callable, NoReturn

from ssa.language.analysis.columns import FIRST_COLUMNS, INPUT_EVENT
from ssa.language.analysis.value_numbering import Numbering
from ssa.language.functions import REGISTRY, REQUIRED, Function, Parameter
from ssa.language.text.errors import SsaError, near_miss
from ssa.language.text.syntax import (
    Access,
    And,
    Arithmetic,
    Call,
    Comparison,
    Expression,
    In,
    IsNull,
    ListOf,
    Literal,
    MapOf,
    Name,
    Negative,
    Not,
    Or,
    Regex,
    children,
)
from ssa.language.values import COMPARISONS, TYPES, Value, arithmetic, contains, member

Record = list[Value]
Evaluate = Callable[[Record], Value]

_CLASSES: dict[str, type] = {"string": str, "long": int, "double": float, "boolean": bool, "list": list, "map": dict}
_TESTED = {TYPES[name]: kind for name, kind in _CLASSES.items()}
UCAST = REGISTRY["ucast"].body
"""It stands around nearly every field that a detection reads, and its type is nearly always a constant."""

CREATE_MAP = REGISTRY["create_map"].body
"""It makes nearly every body, of a list whose keys are constants: the same as a map literal."""

_UNKNOWN: Any = object()
KEPT = len(FIRST_COLUMNS)
"""The slot with the values that are kept for the row: one list, which all records of the row share."""


def key_of(node: Expression) -> str | None:
    """Return the key of `target.key`, `target["key"]` or map_get(target, "key"); None for anything else."""
    found = _target_and_key(node)
    return None if found is None else found[1]


def event_key(node: Expression) -> str | None:
    """Return the field of `input_event.field`, `input_event["field"]` or map_get(input_event, "field"); else None."""
    found = _target_and_key(node)
    return found[1] if found is not None and isinstance(found[0], Name) and found[0].name == INPUT_EVENT else None


def _cast_to_text(node: Expression) -> Expression:
    """Return the x of ucast(x, "string", null); any other expression as it is."""
    if isinstance(node, Call) and node.function == "ucast" and not node.named and 2 <= len(node.arguments) <= 3:
        value, *rest = node.arguments
        if [item.value if isinstance(item, Literal) else item for item in rest] in (["string"], ["string", None]):
            return value
    return node


def _target_and_key(node: Expression) -> tuple[Expression, str] | None:
    if isinstance(node, Access):
        target, key = node.target, node.key
    elif isinstance(node, Call) and node.function == "map_get" and len(node.arguments) == 2 and not node.named:
        target, key = node.arguments
    else:
        return None
    return (target, key.value) if isinstance(key, Literal) and isinstance(key.value, str) else None


class Expressions:
    """Compiles the expressions of one program. Columns get their slots here, as they are met.

    `event_stays` says that no command of the program changes the column input_event.
    """

    def __init__(self, text: str, numbering: Numbering, event_stays: bool) -> None:
        self.text = text
        self.numbering = numbering
        self.event_stays = event_stays
        self.slots: dict[str, int] = {name: slot for slot, name in enumerate(FIRST_COLUMNS)}
        self._places: dict[int, int] = {}
        self.input_fields: set[str] | None = set()
        self._constants: dict[int, tuple[Expression, Value]] = {}

    def fail(self, problem: str, at: int) -> NoReturn:
        """Raise SsaError for a place in the text."""
        raise SsaError(problem, self.text, at)

    def slot(self, name: str) -> int:
        """Return the slot of a column."""
        return self.slots.setdefault(name, len(self.slots) + 1)  # one is KEPT

    # -- constants and shared values

    def expression(self, node: Expression) -> Evaluate:
        """Compile an expression; raises SsaError for what can be seen to be wrong without an event."""
        # A field of the event is a text or null, which the cast leaves as it is.
        key = event_key(_cast_to_text(node) if self.event_stays else node)
        if key is not None:
            return self._field(key)
        compile_node: Callable[[Any], Evaluate] = getattr(self, "_" + type(node).__name__.lower())
        evaluate = compile_node(node)
        if isinstance(node, Literal):
            return evaluate
        if not isinstance(node, Name) and all(self._is_constant(child) for child in children(node)):
            value = evaluate([])
            self._constants[id(node)] = node, value  # the node too, so that no other one gets its id
            return lambda record: value
        return self._keep(node, evaluate) if self.numbering.is_shared(node) else evaluate

    def _is_constant(self, node: Expression) -> bool:
        return isinstance(node, (Literal, Regex)) or id(node) in self._constants

    def _constant(self, node: Expression) -> Value:
        """Return the value of a constant; `_UNKNOWN` for what only an event decides."""
        if isinstance(node, Literal):
            return node.value
        return self._constants.get(id(node), (None, _UNKNOWN))[1]

    def _keep(self, node: Expression, evaluate: Evaluate) -> Evaluate:
        place = self._places.setdefault(self.numbering.number(node), len(self._places))

        def kept(record: Record) -> Value:
            values = record[KEPT]
            value = values[place]
            if value is _UNKNOWN:
                value = values[place] = evaluate(record)
            return value

        return kept

    def nothing_kept(self) -> tuple[Value, ...]:
        """Return what `record[KEPT]` must hold at the start of a row."""
        return (_UNKNOWN,) * len(self._places)

    # -- columns and values

    def _field(self, key: str) -> Evaluate:
        if self.input_fields is not None:
            self.input_fields.add(key)
        event = self.slots[INPUT_EVENT]
        if self.event_stays:
            return lambda record: record[event].get(key)
        return lambda record: member(record[event], key)

    def _literal(self, node: Literal) -> Evaluate:
        value = node.value
        return lambda record: value

    def _regex(self, node: Regex) -> Evaluate:
        self.fail("a regex /…/ stands only as the pattern of a function that takes one", node.at)

    def _name(self, node: Name) -> Evaluate:
        if node.name == INPUT_EVENT:
            self.input_fields = None
        return itemgetter(self.slot(node.name))

    def _access(self, node: Access) -> Evaluate:
        target, key = self.expression(node.target), self.expression(node.key)
        return lambda record: member(target(record), key(record))

    def _listof(self, node: ListOf) -> Evaluate:
        items = [self.expression(item) for item in node.items]
        return lambda record: [item(record) for item in items]

    def _mapof(self, node: MapOf) -> Evaluate:
        return self._map([(key, value) for key, value in node.items])

    def _map(self, pairs: list[tuple[str, Expression]]) -> Evaluate:
        items = [(key, self.expression(value)) for key, value in pairs]
        return lambda record: {key: value(record) for key, value in items}

    # -- operators

    def _negative(self, node: Negative) -> Evaluate:
        operand = self.expression(node.operand)
        return lambda record: arithmetic("-", 0, operand(record))

    def _arithmetic(self, node: Arithmetic) -> Evaluate:
        first = self.expression(node.first)
        rest = [(operator, self.expression(operand)) for operator, operand in node.rest]

        def evaluate(record: Record) -> Value:
            value = first(record)
            for operator, operand in rest:
                value = arithmetic(operator, value, operand(record))
            return value

        return evaluate

    def _comparison(self, node: Comparison) -> Evaluate:
        for side, other in ((node.left, node.right), (node.right, node.left)):
            # `x != null` is written all over the published rules and means IS NOT NULL (our choice).
            if isinstance(side, Literal) and side.value is None and node.operator in ("=", "!="):
                return self._isnull(IsNull(other, node.operator == "!=", node.at))
        left, right, holds = self.expression(node.left), self.expression(node.right), COMPARISONS[node.operator]
        for operand, text in ((right, self._constant(node.left)), (left, self._constant(node.right))):
            if isinstance(text, str) and node.operator == "=":
                return _equals(operand, text)
        return lambda record: holds(left(record), right(record))

    def _isnull(self, node: IsNull) -> Evaluate:
        operand = self.expression(node.operand)
        if node.negated:
            return lambda record: operand(record) is not None
        return lambda record: operand(record) is None

    def _in(self, node: In) -> Evaluate:
        operand, options = self.expression(node.operand), [self.expression(option) for option in node.options]
        texts = [self._constant(option) for option in node.options]
        if all(isinstance(text, str) for text in texts):
            found = _one_of(operand, frozenset(texts))
        else:

            def found(record: Record) -> bool | None:
                value = operand(record)
                return _any(contains(option(record), value) for option in options)

        return _negated(found) if node.negated else found

    def _not(self, node: Not) -> Evaluate:
        return _negated(self.expression(node.operand))

    def _and(self, node: And) -> Evaluate:
        return self._decided_by(False, node)

    def _or(self, node: Or) -> Evaluate:
        return self._decided_by(True, node)

    def _decided_by(self, decisive: bool, node: And | Or) -> Evaluate:
        """Compile three-valued logic: one operand that is `decisive` decides, else one that is null."""
        operands: list[Evaluate] = [self.expression(operand) for operand in node.operands]
        other = not decisive

        def evaluate(record: Record) -> bool | None:
            found: bool | None = other
            for operand in operands:
                value = operand(record)
                if value is not other:
                    if value is decisive:
                        return not other
                    found = None
            return found

        return evaluate

    # -- calls

    def _call(self, node: Call) -> Evaluate:
        function = REGISTRY.get(node.function)
        if function is None:
            self.fail(f"unknown function {node.function}(){near_miss(node.function, REGISTRY)}", node.at)
        arguments = self._arguments(function, node)
        if function.body is CREATE_MAP and isinstance(arguments[0], ListOf):
            flat = arguments[0].items
            keys = [key.value for key in flat[::2] if isinstance(key, Literal) and isinstance(key.value, str)]
            if len(keys) * 2 == len(flat):
                return self._map([*zip(keys, flat[1::2])])
        found = [
            self._argument(function, function.parameter(index), argument) for index, argument in enumerate(arguments)
        ]
        constants = [value for _, value in found[1:]]
        if _UNKNOWN not in constants:
            return _with_constants(function, *found[0], constants)
        body = function.body
        checked = [
            _checked(argument, function.parameter(index)) if value is _UNKNOWN else argument
            for index, (argument, value) in enumerate(found)
        ]
        if function.sees_nulls:
            return lambda record: body(*[argument(record) for argument in checked])

        def evaluate(record: Record) -> Value:
            values = [argument(record) for argument in checked]
            return None if None in values else body(*values)

        return evaluate

    def _arguments(self, function: Function, node: Call) -> list[Expression | None]:
        """Put positional and named arguments in the order of the parameters; None stands for a default."""
        found: list[Expression | None] = list(node.arguments)
        parameters = function.parameters
        if function.variadic:
            if node.named:
                found = list(self._listed(function, node))
            if not found:
                self.fail(f"{function.signature} needs at least one argument", node.at)
            if function.pairs and len(found) % 2:
                self.fail(f"{function.signature} takes its arguments in pairs, found {len(found)}", node.at)
            return found
        if len(found) > len(parameters):
            self.fail(f"{function.signature} takes {_count(len(parameters))}, found {len(found)}", node.at)
        names = [parameter.name for parameter in parameters]
        found += [None] * (len(parameters) - len(found))
        for name, value in node.named:
            if name not in names:
                self.fail(f"{function.signature} has no argument named {name}{near_miss(name, names)}", node.at)
            if found[names.index(name)] is not None:
                self.fail(f"{function.signature} gets the argument {name} twice", node.at)
            found[names.index(name)] = value
        for parameter, argument in zip(parameters, found):
            if argument is None and parameter.default is REQUIRED:
                self.fail(f"{function.signature} needs the argument {parameter.name}", node.at)
        return found

    def _listed(self, function: Function, node: Call) -> tuple[Expression, ...]:
        """Return the arguments of a variadic function that are given as one list under the name of its parameter."""
        (name, values), *others = node.named
        parameter = function.parameters[0].name
        if others or node.arguments or name != parameter or not isinstance(values, ListOf):
            self.fail(f"{function.signature} takes its arguments one by one, or as {parameter}: […]", node.at)
        return values.items

    def _argument(
        self, function: Function, parameter: Parameter, argument: Expression | None
    ) -> tuple[Evaluate, Value]:
        """Compile one argument; return its value too where it is a constant, which is checked and prepared here, once.

        What an event decides is still to be checked.
        """
        is_type, prepare = TYPES[parameter.type], parameter.prepare
        if argument is None:
            value = parameter.default
        elif isinstance(argument, Regex) and parameter.regex:
            value = argument.pattern
        else:
            evaluate = self.expression(argument)
            value = self._constant(argument)
            if value is _UNKNOWN:
                return evaluate, _UNKNOWN
            if value is not None and not is_type(value):
                if isinstance(argument, Literal):
                    expected = f"{parameter.name} must be a {parameter.type}"
                    self.fail(f"{function.signature}: {expected}, found {value!r}", argument.at)
                value = None
        try:
            constant = prepare(value) if prepare and value is not None else value
        except ValueError as error:
            self.fail(f"{function.signature}: {error}", 0 if argument is None else argument.at)
        return lambda record: constant, constant


def _with_constants(function: Function, argument: Evaluate, value: Value, constants: list[Value]) -> Evaluate:
    """Call a function with an argument, `value` where it is a constant too, and constants, as most calls are."""
    body, parameter = function.body, function.parameters[0]
    first = _checked(argument, parameter) if value is _UNKNOWN else argument
    if body is UCAST and constants[0] in _TESTED:
        asserted, default = _TESTED[constants[0]], constants[1]
        return lambda record: value if type(value := first(record)) is asserted else default
    if function.sees_nulls:
        return lambda record: body(first(record), *constants)
    if None in constants:
        return lambda record: None
    kind = _CLASSES.get(parameter.type)
    if value is _UNKNOWN and kind is not None and not parameter.prepare and len(constants) < 2:
        # The check in one with the call.
        if not constants:
            return lambda record: body(value) if type(value := argument(record)) is kind else None
        constant = constants[0]
        return lambda record: body(value, constant) if type(value := argument(record)) is kind else None
    if not constants:
        return lambda record: None if (value := first(record)) is None else body(value)
    return lambda record: None if (value := first(record)) is None else body(value, *constants)


def _count(arguments: int) -> str:
    return "1 argument" if arguments == 1 else f"{arguments} arguments"


def _checked(evaluate: Evaluate, parameter: Parameter) -> Evaluate:
    """Give null where an argument is of another type than its parameter, and prepare it where that is asked for."""
    if parameter.prepare:
        return _prepared(evaluate, TYPES[parameter.type], parameter.prepare)
    if parameter.type == "any":
        return evaluate
    kind = _CLASSES.get(parameter.type)
    if kind is not None:
        return lambda record: value if type(value := evaluate(record)) is kind else None
    is_type = TYPES[parameter.type]
    return lambda record: value if is_type(value := evaluate(record)) else None


def _prepared(evaluate: Evaluate, is_type: Callable[[Value], bool], prepare: Callable[[Any], Any]) -> Evaluate:
    def prepared(record: Record) -> Value:
        value = evaluate(record)
        if not is_type(value):
            return None
        try:
            return prepare(value)
        except ValueError:
            return None

    return prepared


def _equals(side: Evaluate, text: str) -> Evaluate:
    return lambda record: None if (value := side(record)) is None else value == text


def _one_of(operand: Evaluate, texts: frozenset[str]) -> Evaluate:
    def one_of(record: Record) -> bool | None:
        value = operand(record)
        if type(value) is str:
            return value in texts
        return None if value is None else False

    return one_of


def _negated(evaluate: Evaluate) -> Evaluate:
    def negate(record: Record) -> bool | None:
        value = evaluate(record)
        return not value if isinstance(value, bool) else None

    return negate


def _any(values: Iterator[Value]) -> bool | None:
    found: bool | None = False
    for value in values:
        if value is True:
            return True
        if value is not False:
            found = None
    return found

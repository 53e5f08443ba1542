"""Syntax tree -> plan: a chain of closures over a record, which is a plain list with one slot for each column."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Callable, NoReturn

from .errors import SsaError
from .functions import REGISTRY, REQUIRED, Function, Parameter
from .parser import parse
from .syntax import (
    Access,
    And,
    Arithmetic,
    Call,
    Comparison,
    Eval,
    Expression,
    From,
    In,
    Into,
    IsNull,
    ListOf,
    Literal,
    MapOf,
    Name,
    Negative,
    Not,
    Or,
    Program,
    Regex,
    Statement,
    Where,
    children,
)
from .values import COMPARISONS, TYPES, Value, arithmetic, contains, member

Record = list[Value]
Evaluate = Callable[[Record], Value]
Step = Callable[[Record], bool]
"""Changes the record in place; False drops it."""

Origins = dict[str, frozenset[str]]
"""Column -> the fields of input_event that its value comes from."""

INPUT_EVENT = "input_event"
FIRST_COLUMNS = (INPUT_EVENT, "_datamodels", "body", "start_time", "end_time", "entities")
"""What every record has, in the slots 0 to 5: what it is given, and what it hands over."""


@dataclass(frozen=True)
class Detected:
    """What `into write_ssa_detected_events()` receives: times in epoch milliseconds, or None where they are null."""

    start_time: int | None
    end_time: int | None
    entities: tuple[Value, ...]
    body: dict[str, Value]


@dataclass(frozen=True)
class Plan:
    """A detection text, ready to run.

    `input_fields` are the keys that it reads of input_event; None means any. `decisive_fields` are those on which its
    conditions depend: an event without a value in one of them can hardly be judged.
    """

    program: Program
    input_fields: frozenset[str] | None
    decisive_fields: frozenset[str]
    columns: tuple[str, ...]
    branches: tuple[tuple[Step, ...], ...]

    def run(self, input_event: Mapping[str, str | None], datamodels: Sequence[str] = ()) -> Iterator[Detected]:
        """Yield what the detection makes of one input event: nothing, or one Detected for each `into`."""
        for steps in self.branches:
            record: Record = [input_event, list(datamodels), {}]
            record.extend([None] * (len(self.columns) - len(record)))
            if all(step(record) for step in steps):
                yield _detected(record)


def _detected(record: Record) -> Detected:
    _, _, body, start, end, entities = record[: len(FIRST_COLUMNS)]
    listed = entities if isinstance(entities, list) else [] if entities is None else [entities]
    return Detected(
        start if type(start) is int else None,
        end if type(end) is int else None,
        tuple(entity for entity in listed if entity is not None),
        body if isinstance(body, dict) else {},
    )


def compile_text(text: str) -> Plan:
    """Compile the text of a detection; raises SsaError with the place of the first problem."""
    return _Compiler(parse(text)).plan()


def event_key(node: Expression) -> str | None:
    """Return the field of `input_event.field`, `input_event["field"]` or map_get(input_event, "field"); else None."""
    if isinstance(node, Access):
        target, key = node.target, node.key
    elif isinstance(node, Call) and node.function == "map_get" and len(node.arguments) == 2 and not node.named:
        target, key = node.arguments
    else:
        return None
    reads = isinstance(target, Name) and target.name == INPUT_EVENT
    return key.value if reads and isinstance(key, Literal) and isinstance(key.value, str) else None


def origin(node: Expression, origins: Origins) -> frozenset[str]:
    """Return the fields of input_event that the value of an expression comes from, given those of the columns."""
    key = event_key(node)
    if key is not None:
        return frozenset((key,))
    if isinstance(node, Name):
        return origins.get(node.name, frozenset())
    return frozenset().union(*(origin(child, origins) for child in children(node)))


class _Compiler:
    def __init__(self, program: Program) -> None:
        self.program = program
        self.slots: dict[str, int] = {name: slot for slot, name in enumerate(FIRST_COLUMNS)}
        self.input_fields: set[str] | None = set()
        self.decisive_fields: set[str] = set()
        self.bindings: dict[str, tuple[tuple[Step, ...], Origins]] = {}

    def fail(self, problem: str, at: int) -> NoReturn:
        raise SsaError(problem, self.program.text, at)

    def slot(self, name: str) -> int:
        return self.slots.setdefault(name, len(self.slots))

    # -- statements

    def plan(self) -> Plan:
        branches = []
        for statement in self.program.statements:
            steps, origins, ends = self.statement(statement)
            if statement.binding is not None:
                self.bindings[statement.binding] = steps, origins
            elif not ends:
                self.fail("this pipeline goes nowhere: end it with | into write_ssa_detected_events()", statement.at)
            if ends:
                branches.append(steps)
        if not branches:
            self.fail("no pipeline ends with | into write_ssa_detected_events()", 0)
        fields = None if self.input_fields is None else frozenset(self.input_fields)
        return Plan(self.program, fields, frozenset(self.decisive_fields), tuple(self.slots), tuple(branches))

    def statement(self, statement: Statement) -> tuple[tuple[Step, ...], Origins, bool]:
        first = statement.commands[0]
        if not isinstance(first, From):
            self.fail("a pipeline starts with | from read_ssa_enriched_events()", first.at)
        steps: list[Step] = []
        origins: Origins = {}
        if first.binding is not None:
            if first.binding not in self.bindings:
                self.fail(f"${first.binding} is not bound above{_near(first.binding, self.bindings)}", first.at)
            bound, known = self.bindings[first.binding]
            steps.extend(bound)
            origins.update(known)
        for command in statement.commands[1:]:
            if isinstance(command, Eval):
                for name, expression in command.assignments:
                    steps.append(self.assignment(name, expression))
                    origins[name] = origin(expression, origins)
            elif isinstance(command, Where):
                steps.append(_keeps(self.expression(command.condition)))
                self.decisive_fields |= origin(command.condition, origins)
            elif isinstance(command, From):
                self.fail("'from' stands only at the start of a pipeline", command.at)
            elif command is not statement.commands[-1]:
                self.fail("'into' stands only at the end of a pipeline", command.at)
        return tuple(steps), origins, isinstance(statement.commands[-1], Into)

    def assignment(self, name: str, expression: Expression) -> Step:
        evaluate = self.expression(expression)
        if name == INPUT_EVENT:
            self.input_fields = None
        slot = self.slot(name)

        def assign(record: Record) -> bool:
            record[slot] = evaluate(record)
            return True

        return assign

    # -- expressions

    def expression(self, node: Expression) -> Evaluate:
        key = event_key(node)
        if key is not None:
            if self.input_fields is not None:
                self.input_fields.add(key)
            event = self.slots[INPUT_EVENT]
            return lambda record: member(record[event], key)
        compile_node: Callable[[Any], Evaluate] = getattr(self, "compile_" + type(node).__name__.lower())
        return compile_node(node)

    def compile_literal(self, node: Literal) -> Evaluate:
        value = node.value
        return lambda record: value

    def compile_regex(self, node: Regex) -> Evaluate:
        self.fail("a regex /…/ stands only as the pattern of a function that takes one", node.at)

    def compile_name(self, node: Name) -> Evaluate:
        if node.name == INPUT_EVENT:
            self.input_fields = None
        slot = self.slot(node.name)
        return lambda record: record[slot]

    def compile_access(self, node: Access) -> Evaluate:
        target, key = self.expression(node.target), self.expression(node.key)
        return lambda record: member(target(record), key(record))

    def compile_listof(self, node: ListOf) -> Evaluate:
        items = [self.expression(item) for item in node.items]
        return lambda record: [item(record) for item in items]

    def compile_mapof(self, node: MapOf) -> Evaluate:
        items = [(key, self.expression(value)) for key, value in node.items]
        return lambda record: {key: value(record) for key, value in items}

    def compile_negative(self, node: Negative) -> Evaluate:
        operand = self.expression(node.operand)
        return lambda record: arithmetic("-", 0, operand(record))

    def compile_arithmetic(self, node: Arithmetic) -> Evaluate:
        first = self.expression(node.first)
        rest = [(operator, self.expression(operand)) for operator, operand in node.rest]

        def evaluate(record: Record) -> Value:
            value = first(record)
            for operator, operand in rest:
                value = arithmetic(operator, value, operand(record))
            return value

        return evaluate

    def compile_comparison(self, node: Comparison) -> Evaluate:
        for side, other in ((node.left, node.right), (node.right, node.left)):
            # `x != null` is written all over the published rules and means IS NOT NULL (our choice).
            if isinstance(side, Literal) and side.value is None and node.operator in ("=", "!="):
                return self.expression(IsNull(other, node.operator == "!=", node.at))
        left, right, holds = self.expression(node.left), self.expression(node.right), COMPARISONS[node.operator]
        return lambda record: holds(left(record), right(record))

    def compile_isnull(self, node: IsNull) -> Evaluate:
        operand = self.expression(node.operand)
        if node.negated:
            return lambda record: operand(record) is not None
        return lambda record: operand(record) is None

    def compile_in(self, node: In) -> Evaluate:
        operand, options = self.expression(node.operand), [self.expression(option) for option in node.options]

        def evaluate(record: Record) -> bool | None:
            value = operand(record)
            return _any(contains(option(record), value) for option in options)

        return _negated(evaluate) if node.negated else evaluate

    def compile_not(self, node: Not) -> Evaluate:
        return _negated(self.expression(node.operand))

    def compile_and(self, node: And) -> Evaluate:
        operands = [self.expression(operand) for operand in node.operands]

        def evaluate(record: Record) -> bool | None:
            found: bool | None = True
            for operand in operands:
                value = operand(record)
                if value is False:
                    return False
                if value is not True:
                    found = None
            return found

        return evaluate

    def compile_or(self, node: Or) -> Evaluate:
        operands = [self.expression(operand) for operand in node.operands]
        return lambda record: _any(operand(record) for operand in operands)

    # -- calls

    def compile_call(self, node: Call) -> Evaluate:
        function = REGISTRY.get(node.function)
        if function is None:
            self.fail(f"unknown function {node.function}(){_near(node.function, REGISTRY)}", node.at)
        arguments = self.arguments(function, node)
        checked = [
            self.argument(function, function.parameter(index), argument) for index, argument in enumerate(arguments)
        ]
        body = function.body
        if function.sees_nulls:
            return lambda record: body(*[argument(record) for argument in checked])

        def evaluate(record: Record) -> Value:
            values = [argument(record) for argument in checked]
            return None if None in values else body(*values)

        return evaluate

    def arguments(self, function: Function, node: Call) -> list[Expression | None]:
        """Put positional and named arguments in the order of the parameters; None stands for a default."""
        found: list[Expression | None] = list(node.arguments)
        parameters = function.parameters
        if function.variadic:
            if node.named:
                self.fail(f"{function.signature} takes no named arguments", node.at)
            if not found:
                self.fail(f"{function.signature} needs at least one argument", node.at)
            return found
        if len(found) > len(parameters):
            self.fail(f"{function.signature} takes {len(parameters)} arguments, found {len(found)}", node.at)
        names = [parameter.name for parameter in parameters]
        found += [None] * (len(parameters) - len(found))
        for name, value in node.named:
            if name not in names:
                self.fail(f"{function.signature} has no argument named {name}{_near(name, names)}", node.at)
            if found[names.index(name)] is not None:
                self.fail(f"{function.signature} gets the argument {name} twice", node.at)
            found[names.index(name)] = value
        for parameter, argument in zip(parameters, found):
            if argument is None and parameter.default is REQUIRED:
                self.fail(f"{function.signature} needs the argument {parameter.name}", node.at)
        return found

    def argument(self, function: Function, parameter: Parameter, argument: Expression | None) -> Evaluate:
        """Evaluate, check and prepare one argument; a constant is checked and prepared here, once."""
        if argument is None:
            default = parameter.default
            return lambda record: default
        is_type, prepare = TYPES[parameter.type], parameter.prepare
        if isinstance(argument, Literal):
            value = argument.value
            if value is not None and not is_type(value):
                self.fail(
                    f"{function.signature}: {parameter.name} must be a {parameter.type}, found {value!r}", argument.at
                )
            try:
                constant = prepare(value) if prepare and value is not None else value
            except ValueError as error:
                self.fail(f"{function.signature}: {error}", argument.at)
            return lambda record: constant
        evaluate = self.expression(argument)
        if prepare:
            return _prepared(evaluate, is_type, prepare)
        if parameter.type == "any":
            return evaluate
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


def _keeps(condition: Evaluate) -> Step:
    return lambda record: condition(record) is True


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


def _near(name: str, known: Any) -> str:
    close = difflib.get_close_matches(name, list(known), n=1)
    return f": did you mean {close[0]}?" if close else ""

"""What is known of a value without an event: its type, and the case of its letters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ssa.language.functions import REGISTRY, Function
from ssa.language.functions.casting import plain_type
from ssa.language.functions.meanings import (
    RECASED,
    ChangeOfCase,
    Meaning,
    OneOf,
    PartOfText,
    TypeAssertion,
    TypeConversion,
)
from ssa.language.text import syntax
from ssa.language.values import TYPES, Value

from .columns import INPUT_EVENT, Columns
from .map_keys import event_key


@dataclass(frozen=True)
class ValueType:
    """The type of a value that is not null ("null" where it always is), and for a text the case of its letters.

    None is unknown, and for the case that there is none. `is_event` is True for the input event, whose fields are
    strings.
    """

    name: str | None = None
    case: str | None = None
    is_event: bool = False

    @property
    def is_known(self) -> bool:
        """Whether the type is known, and not that the value is always null."""
        return self.name in _NAMES


UNKNOWN, NULL = ValueType(), ValueType("null")
AT_START = {INPUT_EVENT: ValueType("map", is_event=True), "_datamodels": ValueType("list"), "body": ValueType("map")}
"""What a record holds at the start."""

NUMBERS = ("long", "double", "number")
_NAMES = ("string", "boolean", "long", "double", "list", "map")
_RESULTS: dict[type, str] = {
    syntax.ListOf: "list",
    syntax.MapOf: "map",
    syntax.And: "boolean",
    syntax.Or: "boolean",
    syntax.Not: "boolean",
    syntax.IsNull: "boolean",
    syntax.In: "boolean",
    syntax.Comparison: "boolean",
}


class ExpressionTypes:
    """Finds the types of expressions, and of all inside them."""

    def __init__(self) -> None:
        self._found: dict[int, tuple[syntax.Expression, ValueType]] = {}

    def of(self, node: syntax.Expression) -> ValueType:
        """Return the type of an expression that `find` has seen."""
        return self._found[id(node)][1]

    def find(self, expression: syntax.Expression, columns: Columns[ValueType]) -> ValueType:
        """Find the types of an expression and of all inside it, given those of the columns."""
        for node in syntax.postorder(expression):
            self._found[id(node)] = node, self._type(node, columns)
        return self.of(expression)

    def _type(self, node: syntax.Expression, columns: Columns[ValueType]) -> ValueType:
        if isinstance(node, syntax.Literal):
            return type_of(node.value)
        if event_key(node) is not None:
            return ValueType("string") if columns.get(INPUT_EVENT, NULL).is_event else UNKNOWN
        if isinstance(node, syntax.Name):
            return columns.get(node.name, NULL)
        if isinstance(node, syntax.Call):
            return self._call(node)
        if isinstance(node, (syntax.Arithmetic, syntax.Negative)):
            names = {self.of(child).name for child in syntax.children(node)}
            return ValueType(names.pop()) if len(names) == 1 and not _divides(node) else UNKNOWN
        return ValueType(_RESULTS.get(type(node)))

    def _call(self, node: syntax.Call) -> ValueType:
        function = REGISTRY[node.function]
        arguments = [self.of(argument) for argument in node.arguments]
        if mismatch(function, arguments) is not None:
            return NULL
        name = None if function.returns == "any" else function.returns
        target = named_type(node)
        if target is not None:
            name = target
            if isinstance(function.meaning, TypeAssertion):
                default = arguments[2] if len(arguments) > 2 else NULL
                if arguments[0].is_known and not suits(arguments[0].name, target):
                    return default
                if default not in (NULL, ValueType(target)) and default.name != target:
                    return UNKNOWN
        case = None if name == "list" or node.named else _case(function.meaning, arguments)
        return ValueType(name, case)


def _case(meaning: Meaning | None, arguments: Sequence[ValueType]) -> str | None:
    """Return the case of a text by that of the arguments that it comes from: the case that they have in common."""
    if isinstance(meaning, ChangeOfCase):
        return meaning.case
    if isinstance(meaning, OneOf):
        cases = {argument.case for argument in arguments[meaning.arguments] if argument != NULL}
        return cases.pop() if len(cases) == 1 else None
    return arguments[0].case if isinstance(meaning, (PartOfText, TypeConversion)) and arguments else None


def named_type(node: syntax.Call) -> str | None:
    """Return the type that a call such as ucast or cast names, by its plain name; None for another call."""
    if not isinstance(REGISTRY[node.function].meaning, (TypeAssertion, TypeConversion)) or len(node.arguments) < 2:
        return None
    target = node.arguments[1]
    name = plain_type(str(target.value)) if isinstance(target, syntax.Literal) and target.value is not None else None
    return None if name == "any" else name


def mismatch(function: Function, arguments: Sequence[ValueType]) -> int | None:
    """Return the place of an argument whose known type is not what a function takes, so that it gives null."""
    if function.sees_nulls:
        return None
    for at, argument in enumerate(arguments):
        if argument.is_known and not suits(argument.name, function.parameter(at).type):
            return at
    return None


def suits(name: str | None, wanted: str) -> bool:
    """Return whether a value of a type is taken where another type is wanted."""
    return wanted in ("any", name) or (name in NUMBERS and wanted == "number")


def type_of(value: Value) -> ValueType:
    """Return the type of a constant."""
    if value is None:
        return NULL
    name = next(name for name in _NAMES if TYPES[name](value))
    if not isinstance(value, str):
        return ValueType(name)
    return ValueType(name, next((case for case, recased in RECASED.items() if value == recased(value)), None))


def _divides(node: syntax.Expression) -> bool:
    return isinstance(node, syntax.Arithmetic) and any(operator == "/" for operator, _ in node.rest)

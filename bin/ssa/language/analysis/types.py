"""What is known of a value without an event: its type, and the case of its letters."""

from __future__ import annotations

from dataclasses import dataclass

from ssa.language.functions import REGISTRY, Function
from ssa.language.functions.casting import plain_type
from ssa.language.text import syntax
from ssa.language.values import TYPES, Value

from .columns import INPUT_EVENT, Columns
from .map_keys import event_key


@dataclass(frozen=True)
class Fact:
    """The type of a value that is not null ("null" where it always is), and "lower" or "upper"; None is unknown.

    `is_event` says that it is the input event, whose fields are strings.
    """

    type: str | None = None
    case: str | None = None
    is_event: bool = False


UNKNOWN, NULL = Fact(), Fact("null")
GIVEN = {INPUT_EVENT: Fact("map", is_event=True), "_datamodels": Fact("list"), "body": Fact("map")}
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
_CASES = {"lower": "lower", "upper": "upper"}
_KEEP_CASE: dict[str, tuple[int, ...]] = {
    "ucast": (0, 2),
    "cast": (0,),
    "if": (1, 2),
    "nullif": (0,),
    "substr": (0,),
    "trim": (0,),
    "ltrim": (0,),
    "rtrim": (0,),
}
"""Functions whose text has the case that these arguments have in common."""


class Facts:
    """Finds out what is known of the parts of an expression."""

    def __init__(self) -> None:
        self._found: dict[int, tuple[syntax.Expression, Fact]] = {}

    def of(self, node: syntax.Expression) -> Fact:
        """Return what is known of an expression that `value` has seen."""
        return self._found[id(node)][1]

    def value(self, expression: syntax.Expression, columns: Columns[Fact]) -> Fact:
        """Find out what is known of an expression and of all inside it, given what is known of the columns."""
        for node in syntax.postorder(expression):
            self._found[id(node)] = node, self._fact(node, columns)
        return self.of(expression)

    def _fact(self, node: syntax.Expression, columns: Columns[Fact]) -> Fact:
        if isinstance(node, syntax.Literal):
            return literal(node.value)
        if event_key(node) is not None:
            return Fact("string") if columns.get(INPUT_EVENT, NULL).is_event else UNKNOWN
        if isinstance(node, syntax.Name):
            return columns.get(node.name, NULL)
        if isinstance(node, syntax.Call):
            return self._call(node)
        if isinstance(node, (syntax.Arithmetic, syntax.Negative)):
            kinds = {self.of(child).type for child in syntax.children(node)}
            return Fact(kinds.pop()) if len(kinds) == 1 and not _divides(node) else UNKNOWN
        return Fact(_RESULTS.get(type(node)))

    def _call(self, node: syntax.Call) -> Fact:
        function = REGISTRY[node.function]
        arguments = [self.of(argument) for argument in node.arguments]
        if mismatch(function, arguments) is not None:
            return NULL
        kind = None if function.returns == "any" else function.returns
        target = asserted(node)
        if target is not None:
            kind = target
            default = arguments[2] if len(arguments) > 2 else NULL
            if node.function == "ucast" and is_known(arguments[0]) and not suits(arguments[0].type, target):
                return default
            if node.function == "ucast" and default not in (NULL, Fact(target)) and default.type != target:
                return UNKNOWN
        places = _KEEP_CASE.get(node.function, range(len(arguments)) if node.function == "coalesce" else ())
        places = () if node.named else places
        alike = {arguments[at].case for at in places if at < len(arguments) and arguments[at] != NULL}
        return Fact(kind, _CASES.get(node.function) or (alike.pop() if len(alike) == 1 else None))


def asserted(node: syntax.Call) -> str | None:
    """Return the type that a ucast or cast names, by its plain name; None for another call."""
    target = node.arguments[1] if node.function in ("ucast", "cast") and len(node.arguments) > 1 else None
    kind = plain_type(str(target.value)) if isinstance(target, syntax.Literal) and target.value is not None else None
    return None if kind == "any" else kind


def is_known(fact: Fact) -> bool:
    """Tell whether a type is known, and not that the value is always null."""
    return fact.type in _NAMES


def mismatch(function: Function, arguments: list[Fact]) -> int | None:
    """Return the place of an argument whose known type is not what a function takes, so that it gives null."""
    if function.sees_nulls:
        return None
    for at, argument in enumerate(arguments):
        if is_known(argument) and not suits(argument.type, function.parameter(at).type):
            return at
    return None


def suits(kind: str | None, wanted: str) -> bool:
    """Tell whether a value of a type is taken where another type is asked for."""
    return wanted in ("any", kind) or (kind in NUMBERS and wanted == "number")


def literal(value: Value) -> Fact:
    """Return what is known of a constant."""
    if value is None:
        return NULL
    kind = next(name for name in _NAMES if TYPES[name](value))
    if not isinstance(value, str):
        return Fact(kind)
    return Fact(kind, "lower" if value == value.lower() else "upper" if value == value.upper() else None)


def _divides(node: syntax.Expression) -> bool:
    return isinstance(node, syntax.Arithmetic) and any(operator == "/" for operator, _ in node.rest)

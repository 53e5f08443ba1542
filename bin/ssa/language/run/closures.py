"""Closures that several kinds of expression compile to: calls with constants, type checks, three-valued logic."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from ssa.checking import TYPE_CHECKING
from ssa.language.functions import Function, Parameter
from ssa.language.functions.meanings import TypeAssertion
from ssa.language.values import TYPES, Value

if TYPE_CHECKING:
    from typing import Any


Record = list[Value]
Evaluate = Callable[[Record], Value]

UNKNOWN: Any = object()
"""The value of what only an event decides."""

_CLASSES: dict[str, type] = {"string": str, "long": int, "double": float, "boolean": bool, "list": list, "map": dict}
_TESTED = {TYPES[name]: kind for name, kind in _CLASSES.items()}


def with_constants(function: Function, argument: Evaluate, value: Value, constants: list[Value]) -> Evaluate:
    """Call a function with an argument, `value` where it is a constant too, and constants, as most calls are."""
    body, parameter = function.body, function.parameters[0]
    first = checked(argument, parameter) if value is UNKNOWN else argument
    if isinstance(function.meaning, TypeAssertion) and constants[0] in _TESTED:
        # One stands around nearly every field that a detection reads, and its type is nearly always a constant.
        asserted, default = _TESTED[constants[0]], constants[1]
        return lambda record: value if type(value := first(record)) is asserted else default
    if function.sees_nulls:
        return lambda record: body(first(record), *constants)
    if None in constants:
        return lambda record: None
    kind = _CLASSES.get(parameter.type)
    if value is UNKNOWN and kind is not None and not parameter.prepare and len(constants) < 2:
        # The check in one with the call.
        if not constants:
            return lambda record: body(value) if type(value := argument(record)) is kind else None
        constant = constants[0]
        return lambda record: body(value, constant) if type(value := argument(record)) is kind else None
    if not constants:
        return lambda record: None if (value := first(record)) is None else body(value)
    return lambda record: None if (value := first(record)) is None else body(value, *constants)


def checked(evaluate: Evaluate, parameter: Parameter) -> Evaluate:
    """Give null where an argument is of another type than its parameter, and prepare it where the parameter does."""
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


def equals(side: Evaluate, text: str) -> Evaluate:
    """Compare a value with a text that is a constant."""
    return lambda record: None if (value := side(record)) is None else value == text


def one_of(operand: Evaluate, texts: frozenset[str]) -> Evaluate:
    """Test whether a value is one of several texts that are constants."""

    def one_of(record: Record) -> bool | None:
        value = operand(record)
        if type(value) is str:
            return value in texts
        return None if value is None else False

    return one_of


def negated(evaluate: Evaluate) -> Evaluate:
    """Negate a boolean; anything else gives null."""

    def negate(record: Record) -> bool | None:
        value = evaluate(record)
        return not value if isinstance(value, bool) else None

    return negate


def any_of(values: Iterator[Value]) -> bool | None:
    """Return the OR of several values, in three-valued logic."""
    result: bool | None = False
    for value in values:
        if value is True:
            return True
        if value is not False:
            result = None
    return result

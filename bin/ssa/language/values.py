"""Values of the SSA dialect and what holds for all of them: types, null, comparison, arithmetic.

A value is a Python str (string), int (long), float (double), bool (boolean), list (list), dict (map) or None (null).
Logic is three-valued. Where the product's documentation is silent, the choice is ours, and marked so.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from ssa.checking import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Any, TypeAlias, TypeVar  # novm: for the type checker alone

    Container = TypeVar("Container", "list[Any]", "dict[str, Any]")

Value: TypeAlias = "Any"
"""One of the types above; checked at run time, because an event decides it."""

MAX_TEXT = 1 << 20
"""Characters of a text that is made of others, and of the texts in a list or a map: 32 of Windows' longest strings."""

MAX_VALUES = 1 << 15
"""Values in a list or a map, with those in its lists and maps: as many as Windows' longest string has characters."""

MAX_LEVELS = 64
"""Lists and maps inside each other: more than a text can spell (parser.MAX_NESTING), fewer than Python can follow."""

LONG_MIN, LONG_MAX = -(2**63), 2**63 - 1


def is_number(value: Value) -> bool:
    """Return whether a value is a long or a double (a boolean is neither)."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _is_long(value: Value) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


TYPES: dict[str, Callable[[Value], bool]] = {
    "string": lambda value: isinstance(value, str),
    "long": _is_long,
    "double": lambda value: isinstance(value, float),
    "number": is_number,
    "boolean": lambda value: isinstance(value, bool),
    "list": lambda value: isinstance(value, list),
    "map": lambda value: isinstance(value, dict),
    "any": lambda value: value is not None,
}
"""Type names as detections write them, each with its test. Null is of no type."""


class TooLargeError(Exception):
    """A value that a program makes larger than any may be; the message says in which way."""


def check_text(characters: int) -> None:
    """Raise TooLargeError for a text of so many characters, before it is made."""
    if characters > MAX_TEXT:
        raise TooLargeError(f"a text, or the texts of a list or a map, of more than {MAX_TEXT:,} characters")


def check_values(values: int) -> None:
    """Raise TooLargeError for a list or a map of so many values, before it is made."""
    if values > MAX_VALUES:
        raise TooLargeError(f"a list or a map of more than {MAX_VALUES:,} values, with those inside its values")


def bounded(made: Container) -> Container:
    """Return a list or a map that was made of other values; raises TooLargeError.

    A value that stands in several places counts in each: so it does for whoever writes or compares it.
    """
    characters = 0
    for item in made.values() if type(made) is dict else made:
        kind = type(item)
        if kind is str:
            characters += len(item)
        elif kind is list or kind is dict:
            break
    else:
        if characters <= MAX_TEXT and len(made) <= MAX_VALUES:
            return made  # as nearly all
    container: Any
    level: list[Any] = [made]
    values = characters = 0
    for _ in range(MAX_LEVELS):
        inner: list[Any] = []
        for container in level:
            values += len(container)
            check_values(values)
            items: list[Any] = [*container, *container.values()] if type(container) is dict else container
            characters += sum([len(item) for item in items if type(item) is str])
            check_text(characters)
            inner += [item for item in items if type(item) is list or type(item) is dict]
        if not inner:
            return made
        level = inner
    raise TooLargeError(f"lists and maps inside each other, more than {MAX_LEVELS} deep")


def equal(left: Value, right: Value) -> bool | None:
    """`=`: null when a side is null; values of different kinds are unequal (ours); case-sensitive (ours)."""
    if left is None or right is None:
        return None
    return _same(left, right)


def _same(left: Value, right: Value) -> bool:
    if is_number(left) and is_number(right):
        return bool(left == right)
    if type(left) is not type(right):
        return False
    if isinstance(left, list):
        return len(left) == len(right) and all(map(_same, left, right))
    if isinstance(left, dict):
        return left.keys() == right.keys() and all(_same(left[key], right[key]) for key in left)
    return bool(left == right)


def compare(left: Value, right: Value) -> int | None:
    """Order two strings (by code point) or two numbers: -1, 0 or 1; null for anything else (ours)."""
    if (isinstance(left, str) and isinstance(right, str)) or (is_number(left) and is_number(right)):
        return int(left > right) - int(left < right)
    return None


COMPARISONS: dict[str, Callable[[Value, Value], bool | None]] = {
    "=": equal,
    "!=": lambda left, right: None if (answer := equal(left, right)) is None else not answer,
    "<": lambda left, right: None if (answer := compare(left, right)) is None else answer < 0,
    "<=": lambda left, right: None if (answer := compare(left, right)) is None else answer <= 0,
    ">": lambda left, right: None if (answer := compare(left, right)) is None else answer > 0,
    ">=": lambda left, right: None if (answer := compare(left, right)) is None else answer >= 0,
}


def contains(options: Value, value: Value) -> bool | None:
    """`value IN (options)` for one option: membership in a list, else equality."""
    if not isinstance(options, list):
        return equal(value, options)
    if value is None:
        return None
    result: bool | None = False
    for item in options:
        same = equal(value, item)
        if same:
            return True
        if same is None:
            result = None
    return result


def add(left: Value, right: Value) -> Value:
    """`+`: numbers are added, strings joined (ours); raises TooLargeError."""
    if isinstance(left, str) and isinstance(right, str):
        check_text(len(left) + len(right))
        return left + right
    return left + right if is_number(left) and is_number(right) else None


def _numbers(operation: Callable[[Any, Any], Any]) -> Callable[[Value, Value], Value]:
    return lambda left, right: operation(left, right) if is_number(left) and is_number(right) else None


_OPERATIONS: dict[str, Callable[[Value, Value], Value]] = {
    "+": add,
    "-": _numbers(lambda left, right: left - right),
    "*": _numbers(lambda left, right: left * right),
    "/": _numbers(lambda left, right: float(left) / float(right)),
    "%": _numbers(
        lambda left, right: math.fmod(left, right) if isinstance(left + right, float) else _rest(left, right)
    ),
}


def _rest(left: int, right: int) -> int:
    rest = abs(left) % abs(right)
    return -rest if left < 0 else rest


def arithmetic(operator: str, left: Value, right: Value) -> Value:
    """`+ - * / %`; null for null, for other types, for a division by zero and for what a long cannot hold (ours).

    `/` gives a double; `%` has the sign of the left side. Raises TooLargeError for a text.
    """
    try:
        result = _OPERATIONS[operator](left, right)
    except (ArithmeticError, ValueError):
        return None
    return representable(result)


def representable(value: Value) -> Value:
    """The value, or null where it is a number that a long or a double cannot hold."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, int) and not LONG_MIN <= value <= LONG_MAX:
        return None
    return value


def member(target: Value, key: Value) -> Value:
    """`target.key`, `target[key]`: a map's value or a list's item (from 0); null when there is none."""
    if isinstance(target, dict):
        return target.get(key) if isinstance(key, str) else None
    if isinstance(target, list) and _is_long(key) and 0 <= key < len(target):
        return target[key]
    return None

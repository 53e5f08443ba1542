"""Types: asserting one, and converting to one."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache

from ..values import TYPES, Value, is_number, representable
from .meanings import TypeAssertion, TypeConversion
from .registry import DSP, Parameter, entry
from .texts import double_in, long_in, number_in, text_of

CASTING = DSP + ", Casting"

_TYPE_NAME = re.compile(r"([a-z]+)(<.*>)?", re.DOTALL)
_SAME = {"collection": "list", "float": "double", "integer": "long"}
"""Names of the product for types that are one here: a double has 64 bits, and so has every whole number."""


def plain_type(name: str) -> str:
    """Return the type that a name such as `string` or `map<string, any>` means; raises ValueError if there is none.

    Names of one type are one: integer is long, float is double.
    """
    match = _TYPE_NAME.fullmatch(name)
    if match:
        plain = _SAME.get(match[1], match[1])
        if plain in TYPES and (match[2] is None or plain in ("list", "map")):
            return plain
    raise ValueError(f"unknown type {name!r}: expected one of {', '.join({**TYPES, **_SAME})}")


@lru_cache(maxsize=64)
def _test_of(name: str) -> Callable[[Value], bool]:
    return TYPES[plain_type(name)]


@entry(
    Parameter("input", "any"),
    Parameter("target_type", "string", prepare=_test_of),
    Parameter("default_value", "any", default=None),
    returns="any",
    help="The value if it is of the type, else the default. Never converts; what a list or map holds is not looked at.",
    source=f"{CASTING}; integer is long, float is double: ours",
    sees_nulls=True,
    nulls="A null is of no type: it gives the default.",
    meaning=TypeAssertion(slice(0, None, 2)),
)
def ucast(value: Value, is_type: Callable[[Value], bool] | None, default: Value) -> Value:
    """Assert a type; a type name that an event spells wrong asserts nothing, so it gives the default."""
    return value if is_type is not None and is_type(value) else default


def _long(value: Value) -> Value:
    if isinstance(value, str):
        return long_in(value)
    return representable(int(value)) if is_number(value) else None


def _double(value: Value) -> Value:
    if isinstance(value, str):
        return double_in(value)
    return float(value) if is_number(value) else None


def _number(value: Value) -> Value:
    if isinstance(value, str):
        return number_in(value)
    return value if is_number(value) else None


def _boolean(value: Value) -> Value:
    if isinstance(value, str):
        return {"true": True, "false": False}.get(value[:6].lower())
    return value if isinstance(value, bool) else None


_CONVERSIONS: dict[str, Callable[[Value], Value]] = {
    "string": text_of,
    "long": _long,
    "double": _double,
    "number": _number,
    "boolean": _boolean,
}


@lru_cache(maxsize=64)
def _conversion_to(name: str) -> Callable[[Value], Value]:
    target = plain_type(name)
    return _CONVERSIONS.get(target, lambda value: value if TYPES[target](value) else None)


@entry(
    Parameter("input", "any"),
    Parameter("target_type", "string", prepare=_conversion_to),
    returns="any",
    help="The value as a value of the type: numbers, booleans and strings convert, lists and maps stay what they are; "
    "null when it cannot be converted. True and false are read in any case. A double loses its fraction on the way to "
    "a long.",
    source=f"{CASTING}; which text spells a value: ours",
    meaning=TypeConversion(),
)
def cast(value: Value, convert: Callable[[Value], Value]) -> Value:
    """Convert to a type."""
    return convert(value)

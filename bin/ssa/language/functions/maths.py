"""Numbers. What has no answer, and what a long or a double cannot hold, is null."""

from __future__ import annotations

import math
from collections.abc import Callable

from ..values import Value, representable
from .registry import DSP, SPL2, Parameter, entry

MATHEMATICAL = DSP + ", Mathematical"
FUNCTIONS = SPL2 + ", Mathematical functions"
STATISTICAL = SPL2 + ", Statistical eval functions"

Number = float  # a long or a double: for a type checker, an int is a float


def _double(operation: Callable[..., float], *numbers: Number) -> float | None:
    """Return what an operation gives, as a double; null where it gives none."""
    try:
        return float(operation(*numbers))
    except (ArithmeticError, ValueError):
        return None


@entry(
    Parameter("value", "number"),
    returns="number",
    help="The number without its sign; a long stays a long.",
    source=MATHEMATICAL,
    name="abs",
)
def absolute(value: Number) -> Value:
    """Drop the sign; the smallest long has no positive counterpart."""
    return representable(abs(value))


@entry(
    Parameter("value", "number"),
    returns="double",
    help="The number rounded up to a whole one, as a double.",
    source=MATHEMATICAL,
)
def ceil(value: Number) -> float | None:
    """Round up."""
    return _double(math.ceil, value)


@entry(
    Parameter("value", "number"),
    returns="double",
    help="The number rounded up to a whole one, as a double: ceil by another name.",
    source=MATHEMATICAL,
)
def ceiling(value: Number) -> float | None:
    """Round up."""
    return _double(math.ceil, value)


@entry(
    Parameter("value", "number"),
    returns="double",
    help="The number rounded down to a whole one, as a double.",
    source=MATHEMATICAL,
)
def floor(value: Number) -> float | None:
    """Round down."""
    return _double(math.floor, value)


def _precision(digits: int) -> int:
    if not 0 <= digits <= 15:
        raise ValueError(f"precision must be from 0 to 15, found {digits}")
    return digits


@entry(
    Parameter("value", "number"),
    Parameter("precision", "long", default=0, prepare=_precision),
    returns="double",
    help="The number rounded to so many decimal places, 0 to 15, as a double; a half is rounded away from zero.",
    source=f"{FUNCTIONS}; parameter names, and a double, as ceil and floor give it: ours",
    name="round",
)
def rounded(value: Number, precision: int) -> float | None:
    """Round."""
    return _double(_nearest, value, precision)


def _nearest(value: Number, precision: int) -> float:
    """Round exactly: the value is a fraction of two whole numbers, and so is the result."""
    above, below = value.as_integer_ratio()
    scale: int = 10**precision
    scaled = (2 * abs(above) * scale + below) // (2 * below)
    return (scaled if above > 0 else -scaled) / scale


@entry(
    Parameter("value", "number"),
    returns="double",
    help="The square root; null for a negative number.",
    source=f"{FUNCTIONS}; parameter name: ours",
)
def sqrt(value: Number) -> float | None:
    """Take the square root."""
    return _double(math.sqrt, value)


@entry(
    Parameter("value", "number"),
    Parameter("exponent", "number"),
    returns="double",
    help="The first number to the power of the second, as a double.",
    source=f"{FUNCTIONS}; parameter names: ours",
    name="pow",
)
def power(value: Number, exponent: Number) -> float | None:
    """Raise to a power."""
    return _double(math.pow, value, exponent)


@entry(Parameter("value", "number"), returns="double", help="e to the power of the number.", source=MATHEMATICAL)
def exp(value: Number) -> float | None:
    """Raise e to a power."""
    return _double(math.exp, value)


@entry(
    Parameter("value", "number"),
    returns="double",
    help="The natural logarithm; null for a number that is not positive.",
    source=f"{FUNCTIONS}; parameter name: ours",
)
def ln(value: Number) -> float | None:
    """Take the natural logarithm."""
    return _double(math.log, value)


@entry(
    Parameter("value", "number"),
    Parameter("base", "number", default=10),
    returns="double",
    help="The logarithm to a base; null for a number that is not positive and for a base that is none.",
    source=MATHEMATICAL,
)
def log(value: Number, base: Number) -> float | None:
    """Take a logarithm; that of 1000 to the base 10 is exactly 3."""
    if base in (2, 10):
        return _double(math.log2 if base == 2 else math.log10, value)
    return _double(math.log, value, base)


@entry(
    Parameter("values", "any"),
    returns="any",
    help="The greatest of the values: numbers by size, strings by code point, and a string is greater than a number; "
    "null when there is a boolean, a list or a map among them.",
    source=STATISTICAL,
    variadic=True,
    name="max",
    nulls="Null when a value is null.",
)
def greatest(*values: Value) -> Value:
    """Find the maximum."""
    return max(values, key=_rank) if _have_order(values) else None


@entry(
    Parameter("values", "any"),
    returns="any",
    help="The least of the values, by the order that max has.",
    source=STATISTICAL,
    variadic=True,
    name="min",
    nulls="Null when a value is null.",
)
def least(*values: Value) -> Value:
    """Find the minimum."""
    return min(values, key=_rank) if _have_order(values) else None


def _have_order(values: tuple[Value, ...]) -> bool:
    return all(type(value) in (str, int, float) for value in values)


def _rank(value: Value) -> tuple[bool, Value]:
    return isinstance(value, str), value

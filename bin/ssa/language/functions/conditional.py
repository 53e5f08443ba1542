"""Choosing between values."""

from __future__ import annotations

from ..values import Value, equal
from .meanings import FirstOf, OneOf
from .registry import DSP, SPL2, Parameter, entry

CONDITIONAL = DSP + ", Conditional"


@entry(
    Parameter("predicate", "boolean"),
    Parameter("then", "any"),
    Parameter("else", "any"),
    returns="any",
    help="The second argument when the condition is true, else the third.",
    source=CONDITIONAL,
    sees_nulls=True,
    name="if",
    nulls="A condition that is null, or no boolean, is not true: it gives the third argument.",
    meaning=OneOf(slice(1, None)),
)
def if_(predicate: bool | None, then: Value, otherwise: Value) -> Value:
    """Choose one of two values."""
    return then if predicate else otherwise


@entry(
    Parameter("conditions", "any"),
    returns="any",
    help="For pairs of a condition and a value, the value of the first condition that is true; null when none is.",
    source=CONDITIONAL,
    sees_nulls=True,
    variadic=True,
    pairs=True,
    nulls="A condition that is null is not true; a value may be null.",
    meaning=OneOf(slice(1, None, 2)),
)
def case(*conditions: Value) -> Value:
    """Choose the value of the first condition that is true."""
    return next((value for condition, value in _pairs(conditions) if condition is True), None)


@entry(
    Parameter("conditions", "any"),
    returns="any",
    help="For pairs of a condition and a value, the value of the first condition that is false; null when none is.",
    source=f"{SPL2}, Comparison and conditional functions",
    sees_nulls=True,
    variadic=True,
    pairs=True,
    nulls="A condition that is null is not false; a value may be null.",
    meaning=OneOf(slice(1, None, 2)),
)
def validate(*conditions: Value) -> Value:
    """Choose the value of the first condition that is false."""
    return next((value for condition, value in _pairs(conditions) if condition is False), None)


def _pairs(flat: tuple[Value, ...]) -> zip[tuple[Value, Value]]:
    return zip(flat[::2], flat[1::2])


@entry(
    Parameter("values", "any"),
    returns="any",
    help="The first value that is not null.",
    source=CONDITIONAL,
    sees_nulls=True,
    variadic=True,
    nulls="Nulls are passed over; null when there is nothing else.",
    meaning=FirstOf(slice(None)),
)
def coalesce(*values: Value) -> Value:
    """Pick the first non-null."""
    return next((value for value in values if value is not None), None)


@entry(
    Parameter("value1", "any"),
    Parameter("value2", "any"),
    returns="any",
    help="Null when the two values are equal, else the first one.",
    source=f"{SPL2}, Comparison and conditional functions",
    sees_nulls=True,
    nulls="A null equals nothing, so the result is the first value.",
    meaning=OneOf(slice(1)),
)
def nullif(first: Value, second: Value) -> Value:
    """Drop one value."""
    return None if equal(first, second) else first

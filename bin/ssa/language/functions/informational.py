"""What a value is."""

from __future__ import annotations

from ..values import TYPES, Value
from .registry import SPL2, USE, Parameter, entry

INFORMATIONAL = SPL2 + ", Informational functions"


@entry(
    Parameter("value", "any"),
    returns="boolean",
    help="Whether the value is null.",
    source=f"{INFORMATIONAL}; {USE}",
    sees_nulls=True,
    nulls="True for a null.",
)
def isnull(value: Value) -> bool:
    """Test for null."""
    return value is None


@entry(
    Parameter("value", "any"),
    returns="boolean",
    help="Whether the value is not null.",
    source=f"{INFORMATIONAL}; {USE}",
    sees_nulls=True,
    nulls="False for a null.",
)
def isnotnull(value: Value) -> bool:
    """Test for a value."""
    return value is not None


def _type_test(name: str, type_name: str, what: str) -> None:
    @entry(
        Parameter("value", "any"),
        returns="boolean",
        help=f"Whether the value is {what}.",
        source=INFORMATIONAL,
        name=name,
        nulls="Null for a null.",
    )
    def is_type(value: Value) -> bool:
        return TYPES[type_name](value)


_type_test("isarray", "list", "a list")
_type_test("isbool", "boolean", "a boolean")
_type_test("isdouble", "double", "a double; a string of digits is none")
_type_test("isint", "long", "a long; a string of digits is none")
_type_test("isnum", "number", "a long or a double; a string of digits is neither")
_type_test("isobject", "map", "a map")
_type_test("isstr", "string", "a string")

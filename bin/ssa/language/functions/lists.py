"""Lists."""

from __future__ import annotations

from ssa.checking import TYPE_CHECKING
from ssa.regex import compile_pattern

from ..values import Value, bounded, check_text, check_values, is_number
from .meanings import OneOf
from .registry import DSP, SPL2, USE, Parameter, entry
from .texts import text_of

if TYPE_CHECKING:
    from typing import Any

    from ssa.regex import Pattern

LIST = DSP + ", List"
MULTIVALUE = SPL2 + ", Multivalue eval functions"


@entry(
    Parameter("values", "any"),
    returns="list",
    help="One list of all values; lists among them are flattened by one level.",
    source=f"{LIST}; nulls: {USE}",
    sees_nulls=True,
    variadic=True,
    nulls="Nulls are left out; of nulls alone comes an empty list.",
    meaning=OneOf(slice(None)),
)
def mvappend(*values: Value) -> list[Value]:
    """Append values."""
    if list not in map(type, values):
        return bounded([value for value in values if value is not None])
    items: list[Value] = []
    for value in values:
        items.extend(value if isinstance(value, list) else [value])
        check_values(len(items))
    return bounded([value for value in items if value is not None])


@entry(
    Parameter("input", "any"),
    returns="long",
    help="The number of characters of a string, or of entries of a list or a map; null for another type.",
    source=LIST,
)
def length(value: Value) -> int | None:
    """Count what a value holds."""
    return len(value) if isinstance(value, (str, list, dict)) else None


@entry(
    Parameter("mv", "any"),
    returns="long",
    help="The number of values in a list, nulls not counted; 1 for a value that is no list; null when there is none.",
    source=f"{MULTIVALUE}; nulls in a list: ours",
)
def mvcount(value: Value) -> int | None:
    """Count values."""
    return sum(item is not None for item in value) or None if isinstance(value, list) else 1


@entry(
    Parameter("input", "list"),
    Parameter("index", "long"),
    returns="any",
    help="The value at a position of the list: 0 is the first, -1 the last; null when there is none.",
    source=f"{LIST}; negative positions: {USE}",
    meaning=OneOf(slice(1)),
)
def mvindex(items: list[Value], index: int) -> Value:
    """Pick an item."""
    return items[index] if -len(items) <= index < len(items) else None


@entry(
    Parameter("mv", "list"),
    returns="list",
    help="The list without repeated values: each at its first place.",
    source=LIST,
    meaning=OneOf(slice(1)),
)
def mvdedup(items: list[Value]) -> list[Value]:
    """Drop repetitions; what is equal is what `=` calls equal."""
    first: dict[Any, Value] = {}
    for item in items:
        first.setdefault(_identity(item), item)
    return [*first.values()]


def _identity(value: Value) -> Any:
    """Return something hashable that two values share when they are equal."""
    if isinstance(value, list):
        return "list", tuple(map(_identity, value))
    if isinstance(value, dict):
        return "map", frozenset((key, _identity(item)) for key, item in value.items())
    return ("number" if is_number(value) else type(value)), value


@entry(
    Parameter("mv", "list"),
    Parameter("regex", "string", prepare=compile_pattern, regex=True),
    returns="long",
    help="The position of the first string in the list in which the regular expression matches, from 0; null when "
    "there is none.",
    source=MULTIVALUE,
)
def mvfind(items: list[Value], pattern: Pattern) -> int | None:
    """Find an item by a regex."""
    return next((at for at, item in enumerate(items) if isinstance(item, str) and pattern.found_in(item)), None)


@entry(
    Parameter("mv", "list"),
    Parameter("delim", "string"),
    returns="string",
    help="The values of the list as one string, with the delimiter between them; nulls are left out. Null when there "
    "is a list or a map among them.",
    source=f"{MULTIVALUE}; nulls, lists and maps in a list: ours",
)
def mvjoin(items: list[Value], delim: str) -> str | None:
    """Join values."""
    texts = _texts([item for item in items if item is not None])
    if texts is None:
        return None
    check_text(sum(map(len, texts)) + len(delim) * max(len(texts) - 1, 0))
    return delim.join(texts)


@entry(
    Parameter("mv", "list"),
    returns="list",
    help="The list sorted by the text of its values, by code point: 10 comes before 9. Null when there is a null, a "
    "list or a map in it.",
    source=f"{MULTIVALUE}; what cannot be sorted: ours",
    meaning=OneOf(slice(1)),
)
def mvsort(items: list[Value]) -> list[Value] | None:
    """Sort values."""
    texts = _texts(items)
    if texts is None:
        return None
    return [items[at] for at in sorted(range(len(items)), key=texts.__getitem__)]


def _texts(items: list[Value]) -> list[str] | None:
    """Return the values as strings; None when one of them has no text."""
    texts = [text for text in map(text_of, items) if text is not None]
    return texts if len(texts) == len(items) else None

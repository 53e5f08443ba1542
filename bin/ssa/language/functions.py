"""The functions of the SSA dialect: one entry each. Adding a function is adding an entry.

Null and type rules live in `Function.call`, not in the entries: unless an entry says `sees_nulls`, a null or an
argument of another type gives null, and the entry is not called.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Callable

from .values import LONG_MAX, LONG_MIN, TYPES, Value

REQUIRED = object()


@dataclass(frozen=True)
class Parameter:
    """One parameter: its type, the default for a missing argument, and how an argument is prepared.

    `prepare` turns an argument into what the function works with (a pattern into a matcher): once for a constant,
    else for each row. It raises ValueError with a message for the author of the detection.
    """

    name: str
    type: str
    default: Any = REQUIRED
    prepare: Callable[[Any], Any] | None = None


@dataclass(frozen=True)
class Function:
    """An entry of the registry."""

    name: str
    parameters: tuple[Parameter, ...]
    returns: str
    help: str
    source: str
    body: Callable[..., Value]
    sees_nulls: bool = False
    variadic: bool = False

    def parameter(self, index: int) -> Parameter:
        """Return the parameter of an argument; the last one repeats in a variadic function."""
        return self.parameters[min(index, len(self.parameters) - 1)]

    @property
    def signature(self) -> str:
        """Return the call as a help text shows it."""
        names = [
            p.name if p.default is REQUIRED else f"{p.name}={'null' if p.default is None else p.default}"
            for p in self.parameters
        ]
        return f"{self.name}({', '.join(names)}{', …' if self.variadic else ''})"


REGISTRY: dict[str, Function] = {}


def entry(
    *parameters: Parameter,
    returns: str,
    help: str,
    source: str,
    sees_nulls: bool = False,
    variadic: bool = False,
    name: str = "",
) -> Callable[[Callable[..., Value]], Callable[..., Value]]:
    """Register the decorated body under its own name."""

    def register(body: Callable[..., Value]) -> Callable[..., Value]:
        function = name or body.__name__
        REGISTRY[function] = Function(function, parameters, returns, help, source, body, sees_nulls, variadic)
        return body

    return register


DSP = "Data Stream Processor function reference"
USE = "published detections"


def _type_test(name: Any) -> Callable[[Value], bool]:
    if name not in TYPES:
        raise ValueError(f"unknown type {name!r}: expected one of {', '.join(TYPES)}")
    return TYPES[name]


class _Part:
    """What stands between two `%` of a LIKE pattern: characters and `_`, so always of one length."""

    def __init__(self, items: list[str | None]) -> None:
        self.length = len(items)
        self.literal = "".join(item for item in items if item is not None) if None not in items else None
        self.regex = re.compile("".join("." if item is None else re.escape(item) for item in items), re.DOTALL)

    def at(self, text: str, position: int) -> bool:
        return self.regex.match(text, position) is not None

    def find(self, text: str, start: int) -> int:
        if self.literal is not None:
            return text.find(self.literal, start)
        found = self.regex.search(text, start)
        return found.start() if found else -1


@lru_cache(maxsize=512)
def like_matcher(pattern: str) -> Callable[[str], bool]:
    """Return the test of a LIKE pattern: `%` any run, `_` one character, a backslash escapes; both span newlines.

    The parts between the `%` are looked for one after the other, each at its first place: a regex with a `.*` for each
    `%` would try all places of all parts, and a command line made for it could stall the search.
    """
    parts: list[list[str | None]] = [[]]
    escaped = False
    for char in pattern:
        if escaped or char not in "%_\\":
            parts[-1].append(char)
            escaped = False
        elif char == "\\":
            escaped = True
        elif char == "%":
            parts.append([])
        else:
            parts[-1].append(None)
    if escaped:
        parts[-1].append("\\")
    first, *middle, last = [_Part(items) for items in (parts if len(parts) > 1 else [*parts, []])]
    whole = len(parts) == 1

    def matches(text: str) -> bool:
        end = len(text) - last.length
        if end < first.length or (whole and end > first.length) or not first.at(text, 0) or not last.at(text, end):
            return False
        position = first.length
        for part in middle:
            position = part.find(text, position)
            if position < 0 or position + part.length > end:
                return False
            position += part.length
        return True

    return matches


@entry(
    Parameter("input", "any"),
    Parameter("target_type", "string", prepare=_type_test),
    Parameter("default_value", "any", default=None),
    returns="any",
    help="The value if it is of the type, else the default. Never converts.",
    source=DSP,
    sees_nulls=True,
)
def ucast(value: Value, is_type: Callable[[Value], bool], default: Value) -> Value:
    """Assert a type."""
    return value if is_type(value) else default


@entry(
    Parameter("map", "map"),
    Parameter("key", "string"),
    returns="any",
    help="The value of a key; null when the map has no such key.",
    source=DSP,
)
def map_get(mapping: dict[str, Value], key: str) -> Value:
    """Look a key up."""
    return mapping.get(key)


@entry(
    Parameter("keys_and_values", "list"),
    returns="map",
    help="A map from one flat list of keys and values.",
    source=DSP,
)
def create_map(flat: list[Value]) -> dict[str, Value] | None:
    """Build a map; null when the list is odd or a key is no string (ours)."""
    keys = flat[::2]
    if len(flat) % 2 or not all(isinstance(key, str) for key in keys):
        return None
    return dict(zip(keys, flat[1::2]))


@entry(
    Parameter("text", "string"),
    returns="long",
    help="The whole number that the text spells, blanks around it allowed; null when it spells none.",
    source=DSP,
)
def parse_long(text: str) -> int | None:
    """Read a long."""
    if not re.fullmatch(r"\s*[+-]?[0-9]{1,19}\s*", text):
        return None
    found = int(text)
    return found if LONG_MIN <= found <= LONG_MAX else None


@entry(
    Parameter("values", "any"),
    returns="list",
    help="One list of all values; lists are flattened by one level, nulls are left out.",
    source=DSP + "; nulls: " + USE,
    sees_nulls=True,
    variadic=True,
)
def mvappend(*values: Value) -> list[Value]:
    """Append values."""
    found: list[Value] = []
    for value in values:
        found.extend(value if isinstance(value, list) else [value])
    return [value for value in found if value is not None]


@entry(
    Parameter("text", "string"),
    Parameter("pattern", "string", prepare=like_matcher),
    returns="boolean",
    help="Whether the whole text matches: % any run of characters, _ one, a backslash escapes. Case-sensitive.",
    source=USE,
)
def like(text: str, matches: Callable[[str], bool]) -> bool:
    """Match a LIKE pattern."""
    return matches(text)


@entry(Parameter("text", "string"), returns="string", help="The text in lower case.", source=DSP)
def lower(text: str) -> str:
    """Lower the case."""
    return text.lower()


@entry(Parameter("text", "string"), returns="string", help="The text in upper case.", source=DSP)
def upper(text: str) -> str:
    """Raise the case."""
    return text.upper()


@entry(Parameter("text", "string"), returns="long", help="The number of characters.", source=DSP, name="len")
def length(text: str) -> int:
    """Count characters."""
    return len(text)


@entry(
    Parameter("values", "any"),
    returns="any",
    help="The first value that is not null.",
    source=DSP,
    sees_nulls=True,
    variadic=True,
)
def coalesce(*values: Value) -> Value:
    """Pick the first non-null."""
    return next((value for value in values if value is not None), None)


@entry(Parameter("value", "any"), returns="boolean", help="Whether the value is null.", source=DSP, sees_nulls=True)
def isnull(value: Value) -> bool:
    """Test for null."""
    return value is None


@entry(Parameter("value", "any"), returns="boolean", help="Whether it is not null.", source=DSP, sees_nulls=True)
def isnotnull(value: Value) -> bool:
    """Test for a value."""
    return value is not None

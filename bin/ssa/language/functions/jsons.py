"""JSON text as a map. An attacker may have written it: how deep it nests is bounded, and so are its numbers."""

from __future__ import annotations

import json
import re

from ..values import Value, bounded, representable

MAX_DEPTH = 50
"""How deep lists and maps may nest: as deep as in a detection text."""

_BRACKET = r'(?s)"[^"\\]*(?:\\.[^"\\]*)*"?|(?P<opens>[\[{])|(?P<closes>[\]}])'


def map_in(text: str) -> dict[str, Value] | None:
    """Return the map that a JSON text spells; null where it spells none, or nests deeper than MAX_DEPTH.

    A number that a long or a double cannot hold is null; half of a surrogate pair becomes U+FFFD.
    """
    if _depth(text) > MAX_DEPTH:
        return None
    try:
        value = _DECODER.decode(text)
    except ValueError:
        return None
    if "\\u" in text:
        value = _mended(value)
    return bounded(value) if isinstance(value, dict) else None


def _depth(text: str) -> int:
    deepest = depth = 0
    for bracket in re.finditer(_BRACKET, text):
        depth += bool(bracket["opens"]) - bool(bracket["closes"])
        deepest = max(deepest, depth)
    return deepest


def _refused(constant: str) -> Value:
    raise ValueError(f"{constant} is not JSON")


def _long(digits: str) -> Value:
    return representable(int(digits)) if len(digits) <= 20 else None


_DECODER = json.JSONDecoder(
    parse_int=_long, parse_float=lambda digits: representable(float(digits)), parse_constant=_refused
)


def _mended(value: Value) -> Value:
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, list):
        return [_mended(item) for item in value]
    if isinstance(value, dict):
        return {_mended(key): _mended(item) for key, item in value.items()}
    return value

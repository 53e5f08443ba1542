"""Strings. Patterns have a module of their own."""

from __future__ import annotations

import re

from ..values import Value, bounded, check_text, check_values
from .meanings import LOWER, UPPER, ChangeOfCase, PartOfText
from .registry import DSP, OMITTED, SPL2, USE, Parameter, entry

STRINGS = DSP + ", String manipulation"
TEXT = SPL2 + ", Text functions"


@entry(
    Parameter("values", "string"),
    returns="string",
    help="All the strings, one after the other.",
    source=STRINGS,
    variadic=True,
)
def concat(*values: str) -> str:
    """Join strings."""
    check_text(sum(map(len, values)))
    return "".join(values)


@entry(Parameter("str", "string"), returns="long", help="The number of characters.", source=TEXT, name="len")
def length(text: str) -> int:
    """Count characters."""
    return len(text)


@entry(
    Parameter("str", "string"),
    returns="string",
    help="The string in lower case.",
    source=TEXT,
    meaning=ChangeOfCase(LOWER),
)
def lower(text: str) -> str:
    """Lower the case."""
    return text.lower()


@entry(
    Parameter("str", "string"),
    returns="string",
    help="The string in upper case.",
    source=TEXT,
    meaning=ChangeOfCase(UPPER),
)
def upper(text: str) -> str:
    """Raise the case."""
    return text.upper()


def _outer(text: str, chars: frozenset[str], left: bool, right: bool) -> str:
    """Strip characters; str.strip would look each one up in the whole of `chars`, which an event may choose."""
    start, end = 0, len(text)
    while left and start < end and text[start] in chars:
        start += 1
    while right and start < end and text[end - 1] in chars:
        end -= 1
    return text[start:end]


def _trim(name: str, where: str, left: bool, right: bool) -> None:
    @entry(
        Parameter("str", "string"),
        Parameter("trim_chars", "string", default=" \t", prepare=frozenset),
        returns="string",
        help=f"The string without the given characters at {where}; spaces and tabs where none are given.",
        source=TEXT,
        name=name,
        meaning=PartOfText(),
    )
    def trim(text: str, chars: frozenset[str]) -> str:
        return _outer(text, chars, left, right)


_trim("trim", "both ends", left=True, right=True)
_trim("ltrim", "its start", left=True, right=False)
_trim("rtrim", "its end", left=False, right=True)


@entry(
    Parameter("str", "string"),
    Parameter("start", "long"),
    Parameter("length", "long", default=OMITTED),
    returns="string",
    help="The part of the string from a character on: 1 is the first, -1 the last. Without a length, all to the end. "
    "Null for a start of 0 and for a negative length.",
    source=f"{TEXT}; the nulls: ours",
    meaning=PartOfText(),
)
def substr(text: str, start: int, length: Value) -> str | None:
    """Cut a part out of a string; what lies outside of it is not there."""
    if start == 0 or (length is not OMITTED and length < 0):
        return None
    begin = start - 1 if start > 0 else len(text) + start
    end = len(text) if length is OMITTED else begin + length
    return text[max(begin, 0) : max(end, 0)]


@entry(
    Parameter("str", "string"),
    Parameter("delim", "string"),
    returns="list",
    help="The parts of the string between the delimiters, which are plain text; an empty delimiter gives characters.",
    source=f"{SPL2}, Multivalue eval functions; {USE}",
    meaning=PartOfText(),
)
def split(text: str, delim: str) -> list[Value]:
    """Split a string."""
    parts: list[Value] = [*text.split(delim)] if delim else [*text]
    check_values(len(parts))
    return parts


@entry(
    Parameter("input", "string"),
    Parameter("key_value_delimiter", "string"),
    Parameter("pair_delimiter", "string"),
    returns="map",
    help="A map of the pairs that a string such as a=1;b=2 spells. A part without a key and value delimiter is left "
    "out; of two equal keys the last one counts. Null when a delimiter is empty.",
    source=f"{STRINGS}; parts without a delimiter, equal keys, an empty pair delimiter: ours",
)
def extract_key_value(text: str, key_value_delimiter: str, pair_delimiter: str) -> dict[str, Value] | None:
    """Read pairs of keys and values."""
    if not key_value_delimiter or not pair_delimiter:
        return None
    parts = (part.partition(key_value_delimiter) for part in text.split(pair_delimiter))
    return bounded({key: value for key, delimiter, value in parts if delimiter})


_ESCAPED = r"(?:%[0-9A-Fa-f]{2})+"


@entry(
    Parameter("url", "string"),
    returns="string",
    help="The string with each %20 and the like replaced by the character it stands for, in UTF-8. A plus sign stays.",
    source=f"{TEXT}; bytes that are not UTF-8 become U+FFFD: ours",
)
def urldecode(text: str) -> str:
    """Decode a URL."""
    return re.sub(_ESCAPED, lambda run: bytes.fromhex(run[0].replace("%", "")).decode("utf-8", "replace"), text)

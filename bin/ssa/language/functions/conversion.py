"""Values as other values.

There are no bytes here: where the product has them, a string stands, for its bytes in UTF-8 (ours).
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Callable

from ..values import Value, check_text, is_number, representable
from .jsons import map_in
from .registry import DSP, OMITTED, SPL2, USE, Parameter, entry
from .texts import double_in, long_in, number_in, text_of

CONVERSION = DSP + ", Conversion"
NO_BYTES = f"{CONVERSION}; a string instead of bytes: ours"


@entry(
    Parameter("value", "string"),
    returns="long",
    help="The whole number that the string spells, blanks around it allowed; null when it spells none.",
    source=f"{USE}; parameter name: as in {CONVERSION}",
)
def parse_long(text: str) -> int | None:
    """Read a long."""
    return long_in(text)


@entry(
    Parameter("value", "string"),
    returns="double",
    help="The number that the string spells, with or without a fraction or an exponent, blanks around it allowed; null "
    "when it spells none.",
    source=f"{USE}; parameter name: as in {CONVERSION}",
)
def parse_double(text: str) -> float | None:
    """Read a double."""
    return double_in(text)


def _base(base: int) -> int:
    if not 2 <= base <= 36:
        raise ValueError(f"base must be from 2 to 36, found {base}")
    return base


@entry(
    Parameter("str", "string"),
    Parameter("base", "long", default=10, prepare=_base),
    returns="number",
    help="The number that the string spells in a base from 2 to 36: in base 10 a long or a double, else a long, which "
    "may start with 0x in base 16. Null when it spells none.",
    source=f"{SPL2}, Conversion functions",
)
def tonumber(text: str, base: int) -> float | None:
    """Read a number."""
    return number_in(text, base)


def _hex(number: float) -> str | None:
    return f"{'-' if number < 0 else ''}0x{abs(number):X}" if isinstance(number, int) else None


def _commas(number: float) -> str:
    return f"{number:,}" if isinstance(number, int) else f"{number:,.2f}"


def _duration(seconds: float) -> str | None:
    whole = abs(int(seconds))
    if representable(int(seconds)) is None:
        return None
    return f"{'-' if seconds <= -1 else ''}{whole // 3600:02}:{whole // 60 % 60:02}:{whole % 60:02}"


_FORMATS: dict[str, Callable[[float], str | None]] = {"hex": _hex, "commas": _commas, "duration": _duration}


def _as_it_is(value: Value) -> str | None:
    return str(value) if isinstance(value, bool) else text_of(value)


def _format(name: Value) -> Callable[[Value], str | None]:
    if name is OMITTED:
        return _as_it_is
    write = _FORMATS.get(name)
    if write is None:
        raise ValueError(f"unknown format {name!r}: expected one of {', '.join(_FORMATS)}")
    return lambda value: write(value) if is_number(value) else None


@entry(
    Parameter("value", "any"),
    Parameter("format", "string", default=OMITTED, prepare=_format),
    returns="string",
    help="The string for a number, a boolean (True or False) or a string; null for a list or a map. A number can be "
    "formatted: hex (0xFF), commas (1,234.50), or duration, for whole seconds (01:00:05).",
    source=f"{CONVERSION}; lists and maps, hours from 24 on, hex of a double (null): ours",
)
def tostring(value: Value, write: Callable[[Value], str | None]) -> str | None:
    """Write a value as text."""
    return write(value)


@entry(
    Parameter("value", "any"),
    returns="string",
    help="The string for a string, a number or a boolean (true or false), as cast gives it; null for a list or a map.",
    source=NO_BYTES,
)
def to_string(value: Value) -> str | None:
    """Write a value as text."""
    return text_of(value)


@entry(
    Parameter("value", "string"),
    returns="string",
    help="The string itself, which stands for its bytes in UTF-8.",
    source=NO_BYTES,
)
def to_bytes(text: str) -> str:
    """Keep the text."""
    return text


_BASE64 = r"[A-Za-z0-9+/]*={0,2}"


@entry(
    Parameter("value", "string"),
    returns="string",
    help="The string whose bytes, in UTF-8, the Base64 text spells; null when it is no Base64. Padding may be missing. "
    "Bytes that are not UTF-8 become U+FFFD.",
    source=NO_BYTES,
)
def base64_decode(text: str) -> str | None:
    """Decode Base64; text in UTF-16, as PowerShell takes it, comes out with a NUL after each letter."""
    letters = text.rstrip("=")
    if not re.fullmatch(_BASE64, text) or len(letters) % 4 == 1 or (letters != text and len(text) % 4):
        return None
    return binascii.a2b_base64(letters + "=" * (-len(letters) % 4)).decode("utf-8", "replace")


@entry(
    Parameter("value", "string"),
    returns="string",
    help="The Base64 text of the string's bytes in UTF-8.",
    source=NO_BYTES,
)
def base64_encode(text: str) -> str:
    """Encode as Base64."""
    encoded = binascii.b2a_base64(text.encode("utf-8", "replace"), newline=False)
    check_text(len(encoded))
    return encoded.decode("ascii")


def _json(name: str) -> None:
    @entry(
        Parameter("value", "string"),
        returns="map",
        help="The map that the JSON text spells; null when it spells none, or nests deeper than 50.",
        source=NO_BYTES if name == "deserialize_json_object" else f"{DSP}, Map (an example); parameter name: ours",
        name=name,
    )
    def from_json(text: str) -> dict[str, Value] | None:
        return map_in(text)


_json("deserialize_json_object")
_json("from_json_object")

"""Values as text, and numbers read from text: one reading of each for all functions that convert."""

from __future__ import annotations

import re

from ..values import LONG_MAX, LONG_MIN, Value, representable

# Not compiled: each search would wait for it, and few use them. re keeps what it compiled.
_LONG = r"[+-]?0{0,400}[0-9]{1,19}"
_DOUBLE = r"[+-]?(?:[0-9]{1,400}(?:\.[0-9]{0,400})?|\.[0-9]{1,400})(?:[eE][+-]?[0-9]{1,4})?"
_DIGITS = r"[+-]?[0-9A-Za-z]{1,64}"
_PREFIX = r"[+-]?0[boBO]"
_BLANKS = " \t\r\n"


def text_of(value: Value) -> str | None:
    """Return the text of a string, a number or a boolean (`true`, `false`); null for anything else.

    A double has the fewest digits that read back as itself (ours).
    """
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return repr(value)
    return None


def long_in(text: str) -> int | None:
    """Return the long that a text spells in decimal digits, blanks around it allowed; null where it spells none."""
    if len(text) < 19 and text.isdigit() and text.isascii():
        return int(text)  # as nearly all are
    spelled = text.strip(_BLANKS)
    return representable(int(spelled)) if re.fullmatch(_LONG, spelled) else None


def double_in(text: str) -> float | None:
    """Return the double that a text spells, an exponent and blanks around it allowed; null where it spells none."""
    spelled = text.strip(_BLANKS)
    return representable(float(spelled)) if re.fullmatch(_DOUBLE, spelled) else None


def number_in(text: str, base: int = 10) -> int | float | None:
    """Return the long that a text spells in a base from 2 to 36, or else, in base 10, the double; null where neither.

    In base 16 a leading 0x is allowed.
    """
    if base == 10:
        whole = long_in(text)
        return double_in(text) if whole is None else whole
    spelled = text.strip(_BLANKS)
    if not re.fullmatch(_DIGITS, spelled) or (base in (2, 8) and re.match(_PREFIX, spelled)):
        return None  # Python would read 0b and 0o
    try:
        number = int(spelled, base)
    except ValueError:
        return None
    return number if LONG_MIN <= number <= LONG_MAX else None

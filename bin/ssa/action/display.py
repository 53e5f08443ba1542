"""Text of an event as an analyst can read it: what cannot be seen is shown, what is long is cut with a mark. Pure."""

from __future__ import annotations

import re

_INVISIBLE = re.compile(
    "[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufff9-\ufffb"
    # Default_Ignorable_Code_Point of the Unicode Character Database (DerivedCoreProperties.txt): zero-width characters,
    # marks and overrides of the direction, variation selectors, tags.
    "\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f"
    "\ufeff\uffa0\ufff0-\ufff8\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
"""What takes no room, turns the direction of what follows, ends a line, or cannot be encoded."""

_SYMBOLS = {
    **{chr(code): chr(0x2400 + code) for code in range(0x20)},
    "\x7f": "␡",
    **dict.fromkeys("\x85\u2028\u2029", "␤"),
}


def visible(text: str) -> str:
    """Return a text with every invisible character shown: control characters as symbols, others as ⟨U+200B⟩.

    So a name cannot pass for another's, and no text has more than one line.
    """
    if text.isascii() and text.isprintable():  # nearly every text, and much faster to see
        return text
    return _INVISIBLE.sub(lambda match: _SYMBOLS.get(match.group()) or f"⟨U+{ord(match.group()):04X}⟩", text)


def shorten(text: str, longest: int) -> str:
    """Make a text visible, and cut it to `longest` characters with a mark that says how many it had."""
    shown = visible(text[: longest + 1])
    return shown if len(shown) <= longest else f"{shown[:longest]}… ({len(text):,} characters in all)"

r"""Places between characters: where ^ $ \A \z \Z \b \B hold in a text, as java.util.regex has it.

Each function takes a text and returns the offsets where its assertion holds. Python's `re` is safe in here: these
patterns do not backtrack.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Callable

Edge = Callable[[str], Iterable[int]]

_WORD_EDGE = re.compile(r"\b", re.ASCII)
# Between \r and \n there is neither the end nor the start of a line.
_LINE_END = re.compile(r"(?<!\r)(?=\n)|(?=[\r\x85\u2028\u2029])|\Z")
_LINE_START = re.compile(r"\A(?!\Z)|(?<=\r)(?![\n]|\Z)|(?<=[\n\x85\u2028\u2029])(?!\Z)")
_UNIX_LINE_END = re.compile(r"(?=\n)|\Z")
_UNIX_LINE_START = re.compile(r"\A(?!\Z)|(?<=\n)(?!\Z)")
LAST = r"(?:(?<!\r)(?=\n\Z)|(?=\r\n\Z)|(?=[\r\x85\u2028\u2029]\Z)|\Z)"
UNIX_LAST = r"(?:(?=\n\Z)|\Z)"
r"""Where \Z holds, and under (?d): for a pattern of `re`."""
_LAST, _UNIX_LAST = map(re.compile, (LAST, UNIX_LAST))


def start(text: str) -> Iterable[int]:
    r"""Return where \A holds."""
    return (0,)


def end(text: str) -> Iterable[int]:
    r"""Return where \z holds."""
    return (len(text),)


def last(text: str) -> Iterable[int]:
    r"""Return where \Z holds: at the end, and before a line terminator that ends the text."""
    return _starts(_LAST, text, max(0, len(text) - 2))


def unix_last(text: str) -> Iterable[int]:
    r"""Return where \Z holds under (?d)."""
    return _starts(_UNIX_LAST, text, max(0, len(text) - 1))


def line_start(text: str) -> Iterable[int]:
    """Return where ^ holds under (?m): never at the end of the text."""
    return _starts(_LINE_START, text)


def unix_line_start(text: str) -> Iterable[int]:
    """Return where ^ holds under (?md)."""
    return _starts(_UNIX_LINE_START, text)


def line_end(text: str) -> Iterable[int]:
    """Return where $ holds under (?m)."""
    return _starts(_LINE_END, text)


def unix_line_end(text: str) -> Iterable[int]:
    """Return where $ holds under (?md)."""
    return _starts(_UNIX_LINE_END, text)


def word_edge(text: str) -> Iterable[int]:
    r"""Return where \b holds."""
    return _starts(_WORD_EDGE, text)


def no_word_edge(text: str) -> Iterable[int]:
    r"""Return where \B holds."""
    return sorted(set(range(len(text) + 1)).difference(word_edge(text)))


def _starts(pattern: re.Pattern[str], text: str, start: int = 0) -> Iterable[int]:
    return [match.start() for match in pattern.finditer(text, start)]

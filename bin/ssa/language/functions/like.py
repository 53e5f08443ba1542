"""LIKE patterns."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache


class _Part:
    """What stands between two `%` of a LIKE pattern: characters and `_`, so always of one length."""

    def __init__(self, items: list[str | None]) -> None:
        self.length = len(items)
        self.literal = "".join(item for item in items if item is not None) if None not in items else None
        if self.literal is None:
            self.regex = re.compile("".join("." if item is None else re.escape(item) for item in items), re.DOTALL)

    def at(self, text: str, position: int) -> bool:
        if self.literal is not None:
            return text.startswith(self.literal, position)
        return self.regex.match(text, position) is not None

    def find(self, text: str, start: int) -> int:
        if self.literal is not None:
            return text.find(self.literal, start)
        match = self.regex.search(text, start)
        return match.start() if match else -1


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
    if len(middle) == 1 and not first.length and not last.length and middle[0].literal is not None:
        literal = middle[0].literal
        return lambda text: literal in text

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

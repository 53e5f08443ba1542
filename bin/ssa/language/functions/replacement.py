r"""What stands in place of a match: text that refers to groups as in Java ($1, ${name}) or as in SPL (\1)."""

from __future__ import annotations

import re
from functools import lru_cache

from ssa.checking import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import TypeAlias  # novm: for the type checker alone

    from ssa.regex import Pattern

_PIECE = r"(?s)\\(?P<escaped>.)|\$(?:(?P<digits>[0-9]{1,3})|\{(?P<name>[A-Za-z][A-Za-z0-9]*)\})"

Bound: TypeAlias = "tuple[str | int, ...]"
"""Texts, and the numbers of groups of one pattern."""


class Replacement:
    """A replacement, before it is known for which pattern."""

    def __init__(self, pieces: list[str | re.Match[str]]) -> None:
        self._pieces = pieces

    def bound_to(self, pattern: Pattern) -> Bound | None:
        """Return the replacement for matches of a pattern; None when it refers to a group that cannot be read."""
        parts: list[str | int] = []
        for piece in self._pieces:
            if isinstance(piece, str):
                parts.append(piece)
                continue
            digits, name = piece["digits"] or piece["escaped"], piece["name"]
            if name is not None:
                group, rest = pattern.names.get(name), ""
            else:
                group, rest = _group(digits, pattern.groups)
            if group is None or group in pattern.unread:
                return None
            parts += [group, rest]
        return tuple(parts)


def _group(digits: str, groups: int) -> tuple[int | None, str]:
    """Read $12 as group 12, or as group 1 and the text 2 where there are fewer (as Java does)."""
    for end in range(len(digits), 0, -1):
        if int(digits[:end]) <= groups:
            return int(digits[:end]), digits[end:]
    return None, ""


@lru_cache(maxsize=512)
def parse_replacement(text: str) -> Replacement:
    r"""Read a replacement: $1, ${name} and \1 are groups, a backslash makes any other character plain.

    Raises ValueError for a dollar sign or a backslash that is neither.
    """
    pieces: list[str | re.Match[str]] = []
    last = 0
    for piece in re.finditer(_PIECE, text):
        pieces.append(_plain(text[last : piece.start()]))
        escaped = piece["escaped"]
        pieces.append(piece if escaped is None or escaped in "0123456789" else escaped)
        last = piece.end()
    pieces.append(_plain(text[last:]))
    return Replacement(pieces)


def _plain(text: str) -> str:
    for sign, what in (("$", "names no group"), ("\\", "ends the replacement")):
        if sign in text:
            raise ValueError(f"a {sign} here {what}: write \\{sign} for the sign itself")
    return text

"""From a value of a field to the detections filed under a text which it holds: one look-up a distinct value."""

from __future__ import annotations

import re
import sys
from array import array
from collections.abc import Sequence
from functools import cached_property

from ssa.checking import TYPE_CHECKING
from ssa.language.required_text import MATCHES, PRESENT

if TYPE_CHECKING:
    from typing import Any, Callable

GRAM, _CODE = 4, "I"
"""Bytes of a part of a text that is looked up, and the code of an unsigned number of so many: so the bytes of a text
become its parts without a step of Python for each."""

_END = b"\0" * GRAM
"""Stands behind a value, so that it has as many whole parts from each of its first bytes on; no text has a NUL."""

EDGE = 3
"""Characters at the start or end of a value that are looked up."""

Filed = dict[str, "list[int]"]


class Memo:
    """What is remembered of values, for all fields together: so many bytes at the most, then nothing of it."""

    def __init__(self, most: int) -> None:
        self.most, self.held = most, 0
        self._kept: list[dict[Any, Any]] = []

    def dict(self) -> dict[Any, Any]:
        """Return a dict for what is remembered; whoever puts anything in it calls `keep`."""
        self._kept.append({})
        return self._kept[-1]

    def keep(self, size: int) -> None:
        """Count a value of so many bytes; forget all others where there is no room."""
        self.held += size
        if self.held > self.most:
            self.held = size
            for kept in self._kept:
                kept.clear()


class Lookup:
    """The detections that are filed under texts of one field, by their numbers; `known` is what was found for a value.

    A value is searched in lower case, whatever the texts are, but for patterns: what is found is to be judged.
    """

    def __init__(self, memo: Memo) -> None:
        self.known: dict[str, tuple[int, ...]] = memo.dict()
        self.searched = 0
        """How many texts are searched within a value."""
        self._memo = memo
        self._equal: Filed = {}
        self._starts: dict[int, dict[str, Filed]] = {}
        self._ends: dict[int, dict[str, Filed]] = {}
        """By the length of what is looked up, and that itself."""
        self._parts = _Parts()
        self._short: Filed = {}
        self._foreign_parts = _Parts()
        self._foreign_short: Filed = {}
        """Those with characters outside of ASCII: hardly a value has one, and they are many."""
        self._patterns: dict[tuple[str, bool], tuple[Callable[[str], object], bool, list[int]]] = {}
        self._present: list[int] = []

    def add(self, number: int, how: str, fold: bool, texts: Sequence[str]) -> None:
        """File a detection under texts of a group of its profile."""
        if how == PRESENT:
            self._present.append(number)
        for text in texts if how != PRESENT else ():
            if how == MATCHES:
                self._patterns.setdefault((text, fold), (re.compile(text).search, fold, []))[2].append(number)
            else:
                small = text.lower()
                self._filed(how, small).setdefault(small, []).append(number)

    def _filed(self, how: str, small: str) -> Filed:
        if how == "equals":
            return self._equal
        if how == "starts":
            edge = small[:EDGE]
            return self._starts.setdefault(len(edge), {}).setdefault(edge, {})
        if how == "ends":
            edge = small[-EDGE:]
            return self._ends.setdefault(len(edge), {}).setdefault(edge, {})
        self.searched += 1
        is_ascii = small.isascii()
        part = small.encode("utf-8", "surrogatepass")
        if len(part) < GRAM:
            return self._short if is_ascii else self._foreign_short
        if is_ascii:
            from ssa.language.analysis.rarity import rarest  # most searches look up what is equal

            part = rarest(small, GRAM).encode()
        return (self._parts if is_ascii else self._foreign_parts).file(part)

    def find(self, value: str) -> tuple[int, ...]:
        """Return the detections that are filed under what a value holds, and remember them."""
        small = value.lower()
        found = [*self._present, *self._equal.get(small, ())]
        for length in self._ends:
            for text, numbers in self._ends[length].get(small[-length:], {}).items():
                if small.endswith(text):
                    found += numbers
        for length in self._starts:
            for text, numbers in self._starts[length].get(small[:length], {}).items():
                if small.startswith(text):
                    found += numbers
        for text, numbers in self._short.items():
            if text in small:
                found += numbers
        if self._parts:
            found += self._parts.held(small)
        if not small.isascii():
            for text, numbers in self._foreign_short.items():
                if text in small:
                    found += numbers
            found += self._foreign_parts.held(small)
        for search, fold, numbers in self._patterns.values():
            if search(small if fold else value):
                found += numbers
        kept = self.known[value] = tuple(dict.fromkeys(found))
        self._memo.keep(2 * len(value) + 8 * len(kept) + 200)
        return kept


class _Parts(dict[int, Filed]):
    """Texts by a part of each: so many bytes of it, as a number."""

    def file(self, part: bytes) -> Filed:
        """Return where to file under a text, by a part of it."""
        return self.setdefault(int.from_bytes(part[:GRAM], sys.byteorder), {})

    def held(self, small: str) -> list[int]:
        """Return what is filed under the texts that a value in lower case holds."""
        data = small.encode("utf-8", "surrogatepass") + _END
        size = len(data) // GRAM * GRAM - GRAM
        parts = array(_CODE, data[:size] + data[1 : size + 1] + data[2 : size + 2] + data[3 : size + 3])
        found: list[int] = []
        for part in self._keys.intersection(parts):
            for text, numbers in self[part].items():
                if text in small:
                    found += numbers
        return found

    @cached_property
    def _keys(self) -> frozenset[int]:
        return frozenset(self)  # it intersects in half the time that the keys of a dict take

"""From a value of a field to the detections filed under a text which it holds: one look-up a distinct value."""

from __future__ import annotations

import re
import sys
from array import array
from collections.abc import Sequence

from ssa.language.required_text import MATCHES, PRESENT

GRAM, _CODE = 4, "I"
"""Bytes of a part of a text that is looked up, and the code of an unsigned number of so many: so the bytes of a text
become its parts without a step of Python for each."""

Filed = dict[str, "list[int]"]


class Memo:
    """What is remembered of values, for all fields together: so many bytes at the most, then nothing of it."""

    def __init__(self, most: int) -> None:
        self.most, self.held = most, 0
        self.lookups: list[Lookup] = []

    def keep(self, size: int) -> None:
        """Count a value of so many bytes; forget all others where there is no room."""
        self.held += size
        if self.held > self.most:
            self.held = size
            for lookup in self.lookups:
                lookup.known.clear()


class Lookup:
    """The detections that are filed under texts of one field, by their numbers; `known` is what was found for a value.

    A value is searched in lower case, whatever the texts are: what is found is to be judged.
    """

    def __init__(self, memo: Memo) -> None:
        self.known: dict[str, tuple[int, ...]] = {}
        self._memo = memo
        memo.lookups.append(self)
        self._equal: Filed = {}
        self._starts: dict[int, Filed] = {}
        self._ends: dict[int, Filed] = {}
        self._grams: dict[int, Filed] = {}
        self._keys: frozenset[int] = frozenset()
        self._short: Filed = {}
        self._foreign: Filed = {}
        """Texts that are too short for a part, and have characters outside of ASCII."""
        self._patterns: Filed = {}
        self._present: list[int] = []

    def add(self, number: int, how: str, texts: Sequence[str]) -> None:
        """File a detection under texts of a group of its profile."""
        if how == PRESENT:
            self._present.append(number)
        for text in texts if how != PRESENT else ():
            small = text.lower()
            if how == MATCHES:
                filed, small = self._patterns, text
            elif how == "equals":
                filed = self._equal
            elif how == "starts":
                filed = self._starts.setdefault(len(small), {})
            elif how == "ends":
                filed = self._ends.setdefault(len(small), {})
            elif not small.isascii():
                encoded = small.encode("utf-8", "surrogatepass")
                if len(encoded) < GRAM:
                    filed = self._foreign
                else:
                    filed = self._grams.setdefault(int.from_bytes(encoded[:GRAM], sys.byteorder), {})
            elif len(small) < GRAM:
                filed = self._short
            else:
                from ssa.language.analysis.rarity import rarest  # most searches look up what is equal

                filed = self._grams.setdefault(int.from_bytes(rarest(small, GRAM).encode(), sys.byteorder), {})
            filed.setdefault(small, []).append(number)
        self._keys = frozenset()

    def find(self, value: str) -> tuple[int, ...]:
        """Return the detections that are filed under what a value holds, and remember them."""
        small = value.lower()
        found = [*self._present, *self._equal.get(small, ())]
        for length, filed in self._ends.items():
            found += filed.get(small[-length:], ())
        for length, filed in self._starts.items():
            found += filed.get(small[:length], ())
        for text, numbers in self._short.items():
            if text in small:
                found += numbers
        if not small.isascii():
            for text, numbers in self._foreign.items():
                if text in small:
                    found += numbers
        for pattern, numbers in self._patterns.items():
            if re.search(pattern, value) or re.search(pattern, small):
                found += numbers
        for gram in self._grams_of(small) if self._grams else ():
            for text, numbers in self._grams[gram].items():
                if text in small:
                    found += numbers
        kept = self.known[value] = tuple(dict.fromkeys(found))
        self._memo.keep(2 * len(value) + 8 * len(kept) + 200)
        return kept

    def _grams_of(self, small: str) -> frozenset[int]:
        """Return the parts of a value that anything is filed under."""
        if not self._keys:
            self._keys = frozenset(self._grams)
        data = small.encode("utf-8", "surrogatepass")
        parts = array(_CODE)
        for start in range(min(GRAM, len(data) - GRAM + 1)):
            parts.frombytes(data[start : start + (len(data) - start) // GRAM * GRAM])
        return self._keys.intersection(parts.tolist())

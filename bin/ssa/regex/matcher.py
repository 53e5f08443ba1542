"""A program run by priorities: where the first match from a place ends, and what its groups hold.

A way that failed at a place fails there for good, so each SPLIT is tried at each place once: without that memory this
would be the backtracking of `re`. An atomic group is a run of its own, which remembers where its matches end too.
"""

from __future__ import annotations

from array import array
from collections.abc import MutableSequence, Sequence

from .automaton import Flags
from .program import ASSERT, ATOMIC, CHAR, SAVE, SPLIT, Program

_FAILED = 1
_WON = 2
"""What a row holds for a place that is tried: failed, or for an atomic group this much more than the match's end."""

_Way = list[tuple[int, int, int]]
"""The steps of a match that matter later, each with `op`, `arg` or its own number for SPLIT, and the place."""


class Matcher:
    """A program on one text; its memory lasts for all matches there, which must be found from left to right."""

    def __init__(self, program: Program, text: str, flags: Flags) -> None:
        self.steps = program.steps
        self.entry = program.entry
        self.alphabet = program.alphabet
        self.text = text
        self.flags: Sequence[int] = flags or ()
        self.rows: dict[int, MutableSequence[int]] = {}
        self.inner_rows: dict[int, MutableSequence[int]] = {}

    def match(self, start: int, slots: int) -> list[int] | None:
        """Return start and end of the first match from a place, then of its groups, -1 where none; None: no match."""
        end, way = self._run(self.entry, start, self.rows, True)
        if end < 0:
            return None
        for row in self.rows.values():
            row[end] = 0  # a later match may begin where this one ended: there, tried is not failed
        places = [-1] * slots
        self._read(way, places)
        places[:2] = start, end
        return places

    def _read(self, way: _Way, places: list[int]) -> None:
        for op, arg, at in way:
            if op == SAVE:
                places[arg] = at
            elif op == ATOMIC:
                self._read(self._run(arg, at, self.inner_rows, True)[1], places)

    def _run(self, entry: int, start: int, rows: dict[int, MutableSequence[int]], reading: bool) -> tuple[int, _Way]:
        """Return the end of the first match, -1 for none, and its way, which is whole if it is for reading."""
        steps, alphabet, text, flags = self.steps, self.alphabet, self.text, self.flags
        inner = rows is self.inner_rows
        way: _Way = []
        waiting = [(entry, start, 0)]
        while waiting:
            number, at, kept = waiting.pop()
            del way[kept:]
            while True:
                op, arg, to = steps[number]
                if op == CHAR:
                    if at == len(text) or not alphabet[text[at]] & arg:
                        break
                    at += 1
                elif op == SPLIT:
                    row = rows.get(number)
                    if row is None:
                        row = rows[number] = (array("i", (0,)) if inner else bytearray(1)) * (len(text) + 1)
                    known = row[at]
                    if known == _FAILED:
                        break
                    if known and not reading:
                        return self._won(way, known - _WON), way
                    if not known:
                        row[at] = _FAILED
                    if inner:
                        way.append((SPLIT, number, at))
                    waiting += [(other, at, len(way)) for other in to[:0:-1]]
                elif op == SAVE:
                    way.append((SAVE, arg, at))
                elif op == ASSERT:
                    if not flags[at] & arg:
                        break
                elif op == ATOMIC:
                    end, _ = self._run(arg, at, self.inner_rows, False)
                    if end < 0:
                        break
                    way.append((ATOMIC, arg, at))
                    number, at = to[end > at], end
                    continue
                else:
                    return self._won(way, at), way
                number = to[0]
        return -1, way

    def _won(self, way: _Way, end: int) -> int:
        for op, number, at in way:
            if op == SPLIT:
                self.inner_rows[number][at] = end + _WON
        return end

"""Which detections a row can match, without running them: all are served in one pass, and few of them by each row.

A detection is filed under one of its clauses, the least likely one, with every text of it. A row looks up its values,
which costs the same however many detections there are; what is found is judged by all else that is required.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain

from ssa.content.detection import Detection
from ssa.language.required_text import SAME
from ssa.rows import event

from .judge import Judge, Lowered, Test, same
from .lookup import Lookup, Memo

MEMO = 8 << 20
"""Bytes of values that are remembered: paths and parents repeat, and most command lines do not."""


class Dispatch:
    """The detections of a search, to be asked which of them an event can match."""

    def __init__(self, detections: Sequence[Detection]) -> None:
        self._detections = detections
        self._judges: list[Judge | None] = [None] * len(detections)
        self._always: list[int] = []
        self._pairs: list[tuple[Test, int]] = []
        memo, lookups = Memo(MEMO), dict[str, Lookup]()
        self.fields: set[str] = set()
        """The fields on which it depends which detections an event can match."""
        for number, detection in enumerate(detections):
            clauses = detection.profile.required
            for group in (*chain.from_iterable(clauses), *detection.profile.excluded):
                self.fields.update(group[:1] if group[1] != SAME else (group[0], *group[3]))
            if not clauses:
                self._always.append(number)
            for field, how, fold, texts in clauses[0] if clauses else ():
                if how == SAME:
                    self._pairs += [(same(field, other, fold), number) for other in texts]
                else:
                    if field not in lookups:
                        lookups[field] = Lookup(memo)
                    lookups[field].add(number, how, texts)
        self._lookups = [(field, lookup.known, lookup.find) for field, lookup in lookups.items()]

    def __call__(self, seen: event.InputEvent) -> list[Detection]:
        """Return the detections that an event can match, in their order."""
        found = [*self._always]
        for field, known, find in self._lookups:
            value = seen.get(field)
            if value is not None:
                numbers = known.get(value)
                found += find(value) if numbers is None else numbers
        lowered: Lowered = {}
        for holds, number in self._pairs:
            if holds(seen, lowered):
                found.append(number)
        if not found:
            return []
        return [self._detections[number] for number in sorted({*found}) if self._judge(number)(seen, lowered)]

    def _judge(self, number: int) -> Judge:
        judge = self._judges[number]
        if judge is None:
            judge = self._judges[number] = Judge(self._detections[number].profile)
        return judge

"""Which detections a row can match, without running them: all are served in one pass, and few of them by each row.

A detection is filed under one of its clauses, the least likely one, with every text of it. A row looks up its values,
which costs the same however many detections there are; what is found is judged by all else that is required.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain

from ssa.checking import TYPE_CHECKING
from ssa.content.detection import Detection
from ssa.language.required_text import SAME
from ssa.rows import event

from .judge import Judge, Lowered, are_same, pairs
from .lookup import Lookup, Memo

if TYPE_CHECKING:
    from typing import TypeAlias  # novm: for the type checker alone

Values: TypeAlias = "tuple[str | None, ...]"

MEMO = 8 << 20
"""Bytes of values that are remembered: paths and parents repeat, and most command lines do not."""


class Dispatch:
    """The detections of a search, to be asked which of them an event can match.

    What the values of all fields together leave over is remembered, but for the `long` fields, in which most texts are
    searched: those hardly repeat.
    """

    def __init__(self, detections: Sequence[Detection]) -> None:
        self._detections = detections
        self._judges: list[Judge | None] = [None] * len(detections)
        self._always: list[int] = []
        self._memo = Memo(MEMO)
        self._known: dict[Values, list[int]] = self._memo.dict()
        lookups: dict[str, Lookup] = {}
        same: dict[str, dict[tuple[str, bool], list[int]]] = {}
        self.fields: set[str] = set()
        """The fields on which it depends which detections an event can match."""
        for number, detection in enumerate(detections):
            clauses = detection.profile.required
            for group in (*chain.from_iterable(clauses), *detection.profile.excluded):
                self.fields.update(group[:1] if group[1] != SAME else (group[0], *group[3]))
            if not clauses:
                self._always.append(number)
                continue
            for field, how, fold, texts in clauses[0]:
                if how != SAME:
                    if field not in lookups:
                        lookups[field] = Lookup(self._memo)
                    lookups[field].add(number, how, fold, texts)
            for field, other, fold in pairs(clauses[0]):
                same.setdefault(field, {}).setdefault((other, fold), []).append(number)
        most = max([lookup.searched for lookup in lookups.values()], default=0)
        long = {field for field, lookup in lookups.items() if lookup.searched > most // 2}
        self._same = [(field, [*others.items()]) for field, others in same.items()]
        self._long = [(field, lookup.known, lookup.find) for field, lookup in lookups.items() if field in long]
        self._short = {field: lookup for field, lookup in lookups.items() if field not in long}
        self._fields = (*self._short,)

    def __call__(self, seen: event.InputEvent) -> list[Detection]:
        """Return the detections that an event can match, in their order."""
        values = (*map(seen.get, self._fields),)
        lowered: Lowered = {}
        left = self._known.get(values)
        if left is None:
            left = self._leave(values, seen, lowered)
        found: list[int] = []
        for field, known, find in self._long:
            value = seen.get(field)
            if value is not None:
                numbers = known.get(value)
                found += find(value) if numbers is None else numbers
        for field, others in self._same:
            if field in seen:
                for (other, fold), equal in others:
                    if are_same(field, other, fold, seen):
                        found += equal
        judges = self._judges
        offered = [number for number in left if (judges[number] or self._judge(number)).last(seen, lowered)]
        if found:
            for number in {*found}.difference(left):
                judge = judges[number] or self._judge(number)
                if judge.first(seen, lowered) and judge.last(seen, lowered):
                    offered.append(number)
            offered.sort()
        return [self._detections[number] for number in offered]

    def _leave(self, values: Values, seen: event.InputEvent, lowered: Lowered) -> list[int]:
        """Return the detections that are found by the fields which repeat and may match by them, and remember them."""
        found = [*self._always]
        for lookup, value in zip(self._short.values(), values):
            if value is not None:
                numbers = lookup.known.get(value)
                found += lookup.find(value) if numbers is None else numbers
        judges = self._judges
        left = [each for each in sorted({*found}) if (judges[each] or self._judge(each)).first(seen, lowered)]
        self._known[values] = left
        self._memo.keep(sum(len(value) + 60 for value in values if value) + 8 * (len(values) + len(left)) + 200)
        return left

    def _judge(self, number: int) -> Judge:
        judge = self._judges[number] = Judge(self._detections[number].profile, frozenset(self._short))
        return judge

"""Which detections a row can match, without running them: all are served in one pass, and few of them by each row.

A detection is filed under one of its clauses, the least likely one, with every text of it. A row looks up its values,
which costs the same however many detections there are; what is found is judged by all else that is required.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain

from ssa.checking import TYPE_CHECKING
from ssa.content.detection import Detection
from ssa.language.required_text import SAME
from ssa.rows import event

from .judge import Judge, Lowered, Pair, are_same, pairs
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
        same: dict[Pair, list[int]] = {}
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
            for pair in pairs(clauses[0]):
                same.setdefault(pair, []).append(number)
        most = max([lookup.searched for lookup in lookups.values()], default=0)
        long = {field for field, lookup in lookups.items() if lookup.searched > most // 2}
        self._long = [(field, lookup.known, lookup.find) for field, lookup in lookups.items() if field in long]
        self._short = {field: lookup for field, lookup in lookups.items() if field not in long}
        self._long_same = {pair: equal for pair, equal in same.items() if not long.isdisjoint(pair[:2])}
        self._short_same = {pair: equal for pair, equal in same.items() if pair not in self._long_same}
        self._fields = (*dict.fromkeys(chain(self._short, *[pair[:2] for pair in self._short_same])),)

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
        if self._long_same:
            found += _equal(self._long_same, seen)
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
        found = [*self._always, *_equal(self._short_same, seen)]
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
        judge = self._judges[number] = Judge(self._detections[number].profile, frozenset(self._fields))
        return judge


def _equal(same: Mapping[Pair, list[int]], seen: event.InputEvent) -> list[int]:
    """Return the detections of the pairs of fields that are equal."""
    return [number for pair, numbers in same.items() if are_same(*pair, seen) for number in numbers]

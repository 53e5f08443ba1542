"""Which detections a row can match, without running them: all are served in one pass, and few of them by each row."""

from __future__ import annotations

from collections.abc import Sequence

from ssa.content.detection import Detection
from ssa.language.analysis.requirements import Clause, RequiredText
from ssa.rows import event


class Dispatch:
    """The detections of a search, to be asked which of them an event can match."""

    def __init__(self, detections: Sequence[Detection]) -> None:
        self._by_value: dict[tuple[str, bool], dict[str, list[int]]] = {}
        self._by_nothing: list[int] = []
        self._all = [(detection, list(event.required(detection))) for detection in detections]
        for number, (_, clauses) in enumerate(self._all):
            clause = next(filter(_is_equality, clauses), None)
            if clause is None:
                self._by_nothing.append(number)
                continue
            clauses.remove(clause)
            table = self._by_value.setdefault((clause[0].field, clause[0].fold), {})
            for wanted in clause:
                table.setdefault(wanted.text, []).append(number)

    def __call__(self, seen: event.InputEvent) -> list[Detection]:
        """Return the detections that an event can match, in their order."""
        lowered: dict[str, str] = {}
        found = self._by_nothing
        for (name, fold), table in self._by_value.items():
            value = seen.get(name)
            if value is not None:
                if fold:
                    value = lowered[name] = value.lower()
                found = [*found, *table.get(value, ())] if found else table.get(value, found)
        if not found:
            return []
        return [self._all[number][0] for number in sorted(found) if _meets(self._all[number][1], seen, lowered)]


def _is_equality(clause: Clause) -> bool:
    """Tell whether a clause says what one field is equal to, so that its value can be looked up."""
    return len({(wanted.field, wanted.fold, wanted.how == "equals") for wanted in clause}) == 1 and (
        clause[0].how == "equals"
    )


def _meets(clauses: Sequence[Clause], seen: event.InputEvent, lowered: dict[str, str]) -> bool:
    for clause in clauses:
        for wanted in clause:
            if _holds(wanted, seen, lowered):
                break
        else:
            return False
    return True


def _holds(wanted: RequiredText, seen: event.InputEvent, lowered: dict[str, str]) -> bool:
    name, text, how = wanted.field, wanted.text, wanted.how
    value = seen.get(name)
    if value is None:
        return False
    if wanted.fold:
        if name not in lowered:
            lowered[name] = value.lower()
        value = lowered[name]
    if how == "contains":
        return text in value
    if how == "equals":
        return text == value
    return value.startswith(text) if how == "starts" else value.endswith(text)

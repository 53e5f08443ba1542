"""What looks wrong in a detection that can be imported: notes for its author, as it is imported unchanged."""

from __future__ import annotations

from collections.abc import Iterator

from ssa.action import risk
from ssa.content.detection import Detection
from ssa.search.explanation import explain


def doubts(detection: Detection) -> list[str]:
    """Return notes: the warnings on it, words that are meant to be others."""
    warnings = [row for row in explain(detection) if row["part"] == "warning"]
    places = [
        f" (line {row['line']}, column {row['column']}: {row['near']})" if row["near"] else "" for row in warnings
    ]
    notes = [f"{row['name']}: {row['text']}{place}" for row, place in zip(warnings, places, strict=True)]
    return [*notes, *_misspelt(detection)]


def _misspelt(detection: Detection) -> Iterator[str]:
    for observable in detection.observables:
        for word, known in ((observable.type, risk.OBJECT_TYPES), (observable.role, ("Victim",))):
            for meant in known:
                if word != meant and word.casefold() == meant.casefold():
                    yield f"the observable {observable.name} is a {word}, which counts only when written {meant}"

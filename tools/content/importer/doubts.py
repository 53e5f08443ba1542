"""What looks wrong in a detection that can be imported: notes for its author, as it is imported unchanged."""

from __future__ import annotations

from ssa.content.detection import Detection
from ssa.search.explanation import explain
from tools.content.authoring.checks import misspelt


def doubts(detection: Detection) -> list[str]:
    """Return notes: the warnings on it, words that are meant to be others."""
    warnings = [row for row in explain(detection) if row["part"] == "warning"]
    places = [
        f" (line {row['line']}, column {row['column']}: {row['near']})" if row["near"] else "" for row in warnings
    ]
    notes = [f"{row['name']}: {row['text']}{place}" for row, place in zip(warnings, places, strict=True)]
    return [*notes, *misspelt(detection)]

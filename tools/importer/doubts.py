"""What looks wrong in a detection that can be imported: it is imported as it is, and its author is told."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ssa import event, risk
from ssa.detection import Detection
from ssa.explanation import explain
from tools.importer.stanzas import FIELDS

_KEY = re.compile(r"""["']([\w.]+)["']|(\w+)\s*:""", re.ASCII)
"""What may name a value of the body: a string, as in create_map(["key", …]), or a key as in {key: …}."""


def doubts(detection: Detection) -> list[str]:
    """Return notes: the warnings on its text, names that nothing supplies, words that are meant to be others."""
    warnings = [row for row in explain(detection) if row["part"] == "warning"]
    places = [
        f" (line {row['line']}, column {row['column']}: {row['near']})" if row["near"] else "" for row in warnings
    ]
    told = [f"{row['name']}: {row['text']}{place}" for row, place in zip(warnings, places, strict=True)]
    return [*told, *_unsupplied(detection), *_misspelt(detection)]


def _unsupplied(detection: Detection) -> Iterator[str]:
    read = detection.plan.input_fields
    if read is None:
        return
    keys = {key for found in _KEY.findall(detection.search) for key in found}
    for name in sorted(detection.needs - read - keys - {*FIELDS, *event.COLUMNS, *event.COUNTERPARTS}):
        yield f"nothing in the search names {name}, which the message or an observable does: is it misspelt?"


def _misspelt(detection: Detection) -> Iterator[str]:
    for observable in detection.observables:
        for word, known in ((observable.type, risk.OBJECT_TYPES), (observable.role, ("Victim",))):
            for meant in known:
                if word != meant and word.casefold() == meant.casefold():
                    yield f"the observable {observable.name} is a {word}, which counts only when written {meant}"

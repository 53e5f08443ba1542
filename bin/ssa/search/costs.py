"""What each of many detections costs over rows, measured, and what would make it cheaper."""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from contextlib import suppress

from ssa.content.detection import Detection
from ssa.immutable import Immutable
from ssa.language.analysis import rarity
from ssa.language.required_text import GATES
from ssa.rows.cells import Row
from ssa.rows.hits import detect

from .detector import readers_of

PASSES = 3
"""How often all rows are judged: what counts of a detection is its least time."""

SHORT, FREQUENT, SLOW = 4, 0.05, 100e-6
"""A text of fewer characters is slow to look up; a detection that must judge a greater share of rows, or for longer
(seconds a row), is worth a word."""


class Cost(Immutable):
    """What a detection has cost: the rows that it could match and was run for, its hits, and the time of its steps.

    `share` is that of the time of the whole run, reading rows and finding who can match them included.
    """

    detection: Detection
    offered: int
    hits: int
    seconds: float
    share: float


def measure(detections: Sequence[Detection], rows: Sequence[Row]) -> list[Cost]:
    """Run all detections on the rows, as ssadetect does; return the costs of those that were run, the costliest first.

    Those that cost alike are in the order of the rows that they were run for, then of their names.
    """
    least: dict[str, float] = {}
    others: list[float] = []
    for _ in range(PASSES):
        several = readers_of(detections)
        spent: dict[str, float] = defaultdict(float)
        offered, hits, whole = Counter[str](), Counter[str](), 0.0
        for row in rows:
            for readers in several:
                began = time.perf_counter()
                seen, found = readers.offers(row)
                whole += time.perf_counter() - began
                for detection in found:
                    _ = detection.plan  # compiled once, before the time counts
                    began = time.perf_counter()
                    with suppress(Exception):  # ssadetect reports it
                        hits[detection.name] += len(detect(detection, row, seen))
                    spent[detection.name] += time.perf_counter() - began
                    offered[detection.name] += 1
        others.append(whole)
        for name, seconds in spent.items():
            least[name] = min(least.get(name, seconds), seconds)
    total = min(others, default=0) + sum(least.values())
    costs = [
        Cost(one, offered[one.name], hits[one.name], least[one.name], least[one.name] / total)
        for one in detections
        if one.name in least
    ]
    return sorted(costs, key=lambda cost: (-cost.seconds, -cost.offered, cost.detection.name))


def advice(cost: Cost, rows: int) -> str:
    """Return what would make a detection cheaper that was run for some of so many rows; empty for none that does."""
    clauses = cost.detection.profile.required
    texts = [text for _, how, _, several in clauses[0] for text in several if how not in GATES] if clauses else []
    often = cost.offered > rows * FREQUENT
    if not texts:
        return ""
    texts = [*dict.fromkeys(texts)]
    named = " or ".join(f'"{text}"' for text in texts[:3]) + " or another" * (len(texts) > 3)
    if min(map(len, texts)) < SHORT:
        return f"what it is found by is short: {named}. A longer text, or a further one, has fewer rows judged"
    if often:
        return f"many events hold {named}: require a text that fewer hold"
    if cost.seconds > cost.offered * SLOW:
        return "its steps take long: let `where` drop events before `eval` or `rex` compute what only a hit needs"
    return ""


def usual_rows() -> Iterator[Row]:
    """Yield rows of made process events: what Windows machines run most, each with the one before as its parent."""
    paths, lines = rarity.sample()
    for number, (path, line) in enumerate(zip(paths, lines)):
        parent, name = paths[number - 1], path.rpartition("\\")[2]
        yield {
            **{"_time": str(1_700_000_000 + number), "user": "user", "dest": "host", "process_id": str(4 * number + 4)},
            **{"process": line, "process_path": path, "process_name": name, "original_file_name": name},
            **{"parent_process": lines[number - 1], "parent_process_path": parent},
            "parent_process_name": parent.rpartition("\\")[2],
        }

"""What the story's detections make of the catalogue: what works and is found, what is harmless and scores."""

from __future__ import annotations

from collections.abc import Iterable

from tools.docs import pages
from tools.evaluate import rules
from tools.evaluate.catalogue import Row, load
from tools.evaluate.rules import Judged
from tools.evaluate.tables import INFORMATIONAL, LOW, code, share, table

ATTACK = ("known", "inferred")
DETECTION = ("detection", "known", "inferred", "expected, missed", "harmless to 20", "to 40", "above")
ALARM = ("what", "event", "score", "by", "why", "source")

EACH = f"""## Each detection

*Expected* are the rows that name it as the one which ought to find them. *{pages.GIVEN}*, which stays as it was
published, is in this table alone: every other figure of the story is without it.
"""


def attacks(works: str) -> list[Judged]:
    """Return the rows that work, as known or as inferred, and leave a trace."""
    return [each for each in rules.judged() if each.row.works == works and not each.row.no_trace]


def harmless() -> list[Judged]:
    """Return the harmless rows."""
    return [each for each in rules.judged() if each.row.works == "harmless"]


def vendors() -> list[Judged]:
    """Return those of vendors' package installations."""
    return [each for each in harmless() if each.row.vendor]


def above(rows: Iterable[Judged], score: float) -> list[Judged]:
    """Return the rows that get more than a score."""
    return [each for each in rows if each.score > score]


def missed(works: str) -> list[Judged]:
    """Return the rows that work and that no detection finds."""
    return [each for each in attacks(works) if not each.hits]


def sections() -> list[str]:
    """Write the page's sections on the story."""
    return [
        f"## The story\n\n{len(load().rows)} rows:\n",
        table(["", ""], _summary()),
        "By part; what leaves no trace in the event is left out:\n",
        table(["part", "rows", "known, found", "inferred, found", "harmless", "above 20", "above 40"], _parts()),
        EACH,
        table(DETECTION, _detections()),
        "## Works and is missed\n",
        table(["what", "works", "event", "source"], [_line(each.row) for works in ATTACK for each in missed(works)]),
        "## Harmless, and scores above low\n",
        table(ALARM, map(_alarm, above(harmless(), LOW))),
        "## Vendors' installations that score above informational\n",
        table(ALARM, map(_alarm, above(vendors(), INFORMATIONAL))),
        "## Leaves no trace\n\nWhat works, and what of the event cannot show it:\n",
        table(["what", "event", "why"], _no_trace()),
    ]  # fmt: skip


def _summary() -> list[list[str]]:
    none = harmless()
    return [
        *([f"{works} to work, found", _found(attacks(works))] for works in ATTACK),
        ["harmless, above low", share(len(above(none, LOW)), len(none))],
        ["harmless, above informational", share(len(above(none, INFORMATIONAL)), len(none))],
        ["vendors' installations, above informational", share(len(above(vendors(), INFORMATIONAL)), len(vendors()))],
    ]


def _found(rows: list[Judged]) -> str:
    return share(sum(bool(each.hits) for each in rows), len(rows))


def _parts() -> list[list[str]]:
    lines = []
    for part in load().parts:
        own = [each for each in rules.judged() if each.row.part == part.name and not each.row.no_trace]
        of = {works: [each for each in own if each.row.works == works] for works in (*ATTACK, "harmless")}
        none = of["harmless"]
        scores = [str(len(above(none, bound))) if none else "" for bound in (INFORMATIONAL, LOW)]
        found = [_found(of[works]) if of[works] else "" for works in ATTACK]
        lines.append([part.title, str(len(own)), *found, str(len(none) or ""), *scores])
    return lines


def false_alarms(name: str) -> tuple[int, int, int]:
    """Return on how many harmless rows a detection fires with a score that is informational, low, or above."""
    scores = [each.verdicts[name].score or 0 for each in harmless() if each.fires(name)]
    return (
        sum(score <= INFORMATIONAL for score in scores),
        sum(INFORMATIONAL < score <= LOW for score in scores),
        sum(score > LOW for score in scores),
    )


def _detections() -> list[list[str]]:
    lines = []
    for name in rules.story():
        expected = [each for works in ATTACK for each in attacks(works) if name in each.row.found_by]
        late = [each for each in expected if not each.fires(name)]
        known, inferred = (sum(each.fires(name) for each in attacks(works)) for works in ATTACK)
        bands = map(str, false_alarms(name))
        lines.append([name, str(known), str(inferred), f"{len(late)} of {len(expected)}", *bands])
    return lines


def _event(row: Row) -> str:
    """Write the event: its command line, or where it connected to."""
    if row.line or "query" in row.event or "dest_ip" in row.event:
        return code(row.line or row.event.get("query") or f"{row.event['dest']}:{row.event['dest_port']}")
    return code("")


def _what(row: Row) -> str:
    return row.what + " (form inferred)" * row.inferred


def _line(row: Row) -> list[str]:
    return [_what(row), row.works, _event(row), row.source]


def _alarm(each: Judged) -> list[str]:
    name = max(each.hits, key=each.hits.__getitem__)
    return [_what(each.row), _event(each.row), f"{each.score:g}", name, each.row.reason or "–", each.row.source]


def _no_trace() -> list[list[str]]:
    return [[row.what, _event(row), row.no_trace] for row in load().rows if row.no_trace]

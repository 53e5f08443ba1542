"""A result of an alert -> a row of the lookup ssa_alerts, and that row with what is there already. Pure.

Rule and time come from splunkd, everything else from columns that the search itself computes, and all of it is cut to
a length: a row of the KV store may hold 16 MB, an event much of that.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ssa.action import entities, stash
from ssa.action.display import shorten
from ssa.action.payload import SEVERITIES
from ssa.rows import cells
from ssa.rows.cells import Row

KINDS = ("user", "system", "other")
"""Types of risk objects."""

LONGEST_NAME = stash.LONGEST_VALUE + 100
"""Characters of an entity's name: one that the risk index has, cut there and marked, stays what it is."""

LONGEST_RULE, LONGEST_MESSAGE, LONGEST_DETECTION, LONGEST_SEARCH = 250, 2_000, 300, 8_000
"""Characters. A search means nothing when cut: a longer one is left out."""

MOST_ENTITIES, MOST_DETECTIONS = 50, 50
"""Values that a row has."""

KEY = 24
"""Characters of a _key, as those that the KV store makes have."""

_DUE = re.compile(r"scheduler_.*_at_([0-9]{9,11})(?:_|\Z)", re.DOTALL)

Record = dict[str, Any]


def due(sid: str, now: float) -> int:
    """Return when an alert was raised (epoch s): when its scheduled search was due, by its sid, else now.

    Nothing that an event holds is part of a sid.
    """
    match = _DUE.search(sid)
    return int(match[1]) if match and int(match[1]) <= now else int(now)


def names(row: Row) -> list[str]:
    """Return the entities of a result, `user:NAME`, `system:NAME` or `other:NAME`, sorted; names in their normal form.

    They are in risk_object, of the one type in risk_object_type; or else in user and device, and what risk_object has
    beyond these is of type other.
    """
    objects, kinds = cells.values(row.get("risk_object")), cells.values(row.get("risk_object_type"))
    if kinds:
        kind = kinds[0].lower() if len(kinds) == 1 and kinds[0].lower() in KINDS else "other"
        found = {(kind, _name(value, kind)) for value in objects}
    else:
        found = {
            (kind, _name(value, kind))
            for kind, column in (("user", "user"), ("system", "device"))
            for value in cells.values(row.get(column))
        }
        known = {name for _, name in found}
        found |= {("other", _name(value, "other")) for value in objects if _name(value, "user") not in known}
    return sorted(f"{kind}:{name}" for kind, name in found if not entities.is_no_risk_object(name, kind))


def record(row: Row, rule: str, severity: str, time: int) -> Record | None:
    """Return the row of ssa_alerts for a result, new and without a _key; None where the result names no entity.

    `severity` holds where the result has none of its own, `time` is when it was raised (epoch s).
    """
    found = names(row)
    if not found:
        return None
    own = (cells.text(row.get("severity")) or "").strip().lower()
    search = cells.text(row.get("drilldown_search")) or ""
    made = {
        "subject": cells.sha256([rule, *found]).hex(),
        "rule": shorten(rule, LONGEST_RULE),
        "entities": found[:MOST_ENTITIES],
        "severity": own if own in SEVERITIES else severity,
        "risk_score": _score(row),
        "message": shorten(cells.text(row.get("message")) or rule, LONGEST_MESSAGE),
        "detections": _detections(cells.values(row.get("detections")) or cells.values(row.get("detection"))),
        "raised": time,
        "last_raised": time,
        "times": 1,
        "drilldown_search": search if len(search) <= LONGEST_SEARCH else None,
        "state": "new",
        "changed": time,
    }
    return {name: value for name, value in made.items() if value is not None}


def merged(raised: Record, there: Sequence[Mapping[str, Any]]) -> Record:
    """Return the row to write: the open alert of the same subject, raised once more; else the new one with its _key.

    `there` are the rows of its subject. What an analyst has written, and when, stays. The new _key goes by the last one
    that was closed, so that two processes that raise the same at once write one row.
    """
    opened = [one for one in there if one.get("state") != "closed"]
    if not opened:
        last = max(there, key=_last_raised, default=None)
        return {"_key": cells.sha256([raised["subject"], last["_key"] if last else ""]).hex()[:KEY], **raised}
    before = max(opened, key=_last_raised)
    scores = [score for score in (_number(one.get("risk_score")) for one in (before, raised)) if score is not None]
    severities = [one["severity"] for one in (before, raised) if one.get("severity") in SEVERITIES]
    kept = {name: value for name, value in before.items() if name != "_user"}
    return {
        **kept,
        **{name: raised[name] for name in ("message", "drilldown_search") if name in raised},
        "risk_score": max(scores, default=None),
        "severity": max(severities, key=SEVERITIES.index),
        "detections": _detections([*raised["detections"], *_texts(before.get("detections"))]),
        "last_raised": max(raised["last_raised"], int(_last_raised(before))),
        "times": int(_number(before.get("times")) or 1) + 1,
    }


def _name(value: str, kind: str) -> str:
    return shorten(entities.normal(value, kind), LONGEST_NAME)


def _detections(found: Iterable[str]) -> list[str]:
    return [*dict.fromkeys(shorten(one, LONGEST_DETECTION) for one in found)][:MOST_DETECTIONS]


def _score(row: Row) -> float | None:
    text = cells.text(row.get("risk_score")) or ""
    return _number(float(text)) if re.fullmatch(r"[0-9]{1,9}(?:\.[0-9]{1,9})?", text) else None


def _number(value: Any) -> float | None:
    """Return a number of a record; None for what is none."""
    good = isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
    return float(value) if good else None


def _last_raised(row: Mapping[str, Any]) -> float:
    return _number(row.get("last_raised")) or 0.0


def _texts(value: Any) -> list[str]:
    """Return the texts of a record's field, which has a list, or, written by a search, one text."""
    return [one for one in (value if isinstance(value, list) else [value]) if isinstance(one, str)]

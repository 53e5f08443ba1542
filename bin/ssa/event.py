"""Splunk row -> SSA input event; detected event -> Splunk row. Pure: a row is a dict of what splunkd sent."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any, Optional, Union

from .detection import Detection
from .language import Detected

Cell = Union[str, list[str], None]
Row = Mapping[str, Cell]
InputEvent = dict[str, Optional[str]]

COUNTERPARTS: dict[str, tuple[str, ...]] = {
    "dest_user_id": ("user",),
    "dest_device_id": ("dest", "host"),
}
"""SSA fields that CIM calls otherwise, each with its columns in the order of preference."""

IDENTITY = ("dest_device_id", "dest_user_id", "process_id", "process_path", "process")
"""What tells one process event from another, beside its whole second. tstats has no more, so neither may we."""

NOTHING = ("", "unknown")
"""How a missing value shows in a data model: the same event must have the same identity from raw and from tstats."""

_TIME = re.compile(r"-?[0-9]{1,15}(\.[0-9]{1,15})?")

COLUMNS = (
    "detection",
    "detection_id",
    "detection_version",
    "detection_type",
    "start_time",
    "end_time",
    "entities",
    "body",
    "risk_score",
    "risk_severity",
    "finding_id",
    "event_id",
)
"""What a detected row carries beside its own fields and the SSA names that the detection's message needs."""


def text(cell: Cell) -> str | None:
    """Read a cell as one string: null when empty; a multivalue cell by its distinct values, joined by newlines.

    Two extractions of one field often give the same value twice, which must not hide the event.
    """
    if isinstance(cell, list):
        return "\n".join(dict.fromkeys(value for value in cell if value)) or None
    return cell or None


def milliseconds(cell: Cell) -> str | None:
    """Turn Splunk's `_time` (epoch seconds, with or without a fraction) into epoch milliseconds as a string."""
    found = _TIME.fullmatch(text(cell) or "")
    return str(int(Decimal(found.group()) * 1000)) if found else None


def field(row: Row, name: str) -> str | None:
    """Return one SSA field of a row: the column of that name, else its CIM counterpart; `_time` in milliseconds."""
    if name == "_time":
        return milliseconds(row.get("_time"))
    value = text(row.get(name))
    if value is None:
        if name == "event_id":
            return event_id(row)
        for column in COUNTERPARTS.get(name, ()):
            value = text(row.get(column))
            if value is not None:
                break
    return value


def input_event(row: Row, fields: Iterable[str] | None) -> InputEvent:
    """Build the SSA input event of a row: the named fields, or (fields is None) every field that the row can give."""
    if fields is None:
        fields = [name for name in row if not name.startswith("__mv_")] + [*COUNTERPARTS, "event_id"]
    return {name: field(row, name) for name in fields}


def event_id(row: Row) -> str:
    """Identify the event of a row: the row's own event_id, else SHA-256 over its whole second and IDENTITY."""
    own = text(row.get("event_id"))
    if own is not None:
        return own
    parts: list[Any] = [whole_second(row.get("_time"))]
    for name in IDENTITY:
        value = field(row, name)
        parts.append("" if value is None or value in NOTHING else value)
    return sha256(parts).hex()


def whole_second(cell: Cell) -> int | None:
    """Return the whole second (epoch s) of a `_time` cell; None when it is no time."""
    millis = milliseconds(cell)
    return None if millis is None else int(millis) // 1000


def canonical(value: Any) -> str:
    """Write JSON that is the same for the same value: sorted keys, no blanks, no escapes beyond JSON's own."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def sha256(value: Any) -> bytes:
    """Hash the canonical JSON of a value."""
    # A lone surrogate in an event cannot be encoded; it must not stop the search.
    return hashlib.sha256(canonical(value).encode("utf-8", "surrogatepass")).digest()


def finding_id(detection: Detection, hit: Detected) -> str:
    """Identify a hit as the product did: "sha256:" + base64 of the SHA-256 over its canonical JSON."""
    finding = {
        "detection_id": detection.id,
        "start_time": hit.start_time,
        "end_time": hit.end_time,
        "entities": list(hit.entities),
        "body": hit.body,
    }
    return "sha256:" + base64.b64encode(sha256(finding)).decode("ascii")


def detect(detection: Detection, row: Row) -> list[dict[str, Cell]]:
    """Run a detection on a row; return the columns of each hit, to be laid over the row."""
    plan = detection.plan
    event = input_event(row, plan.input_fields)
    return [columns(detection, hit, row) for hit in plan.run(event, datamodels(detection, row))]


def datamodels(detection: Detection, row: Row) -> Sequence[str]:
    """Name the data models of a row: its own `_datamodels`, else the detection's (the base search chose the events)."""
    own = row.get("_datamodels")
    if isinstance(own, list):
        return own
    return [own] if own else [detection.datamodel]


def columns(detection: Detection, hit: Detected, row: Row) -> dict[str, Cell]:
    """Return the output columns of a hit (COLUMNS, and the SSA names that the message and observables use)."""
    found: dict[str, Cell] = {name: field(row, name) for name in detection.needs if text(row.get(name)) is None}
    found.update(
        detection=detection.name,
        detection_id=detection.id,
        detection_version=detection.version,
        detection_type=detection.type,
        start_time=None if hit.start_time is None else str(hit.start_time),
        end_time=None if hit.end_time is None else str(hit.end_time),
        entities=[entity if isinstance(entity, str) else canonical(entity) for entity in hit.entities],
        body=canonical(hit.body),
        risk_score=format_score(detection.risk_score),
        risk_severity=detection.severity,
        finding_id=finding_id(detection, hit),
        event_id=event_id(row),
    )
    return found


def format_score(score: float) -> str:
    """Write a score without a useless fraction: 35, 12.5."""
    return format(score, ".10g")

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

IDENTITY = (
    ("dest_device_id", "dest"),
    ("dest_user_id", "user"),
    ("process_id",),
    ("process_path",),
    ("process",),
)
"""What tells one process event from another, beside its whole second: each by its columns in the order of preference.

tstats has no more, so neither may we: not milliseconds, nor the host that stands in for a missing dest.
"""

NOTHING = ("", "unknown")
"""How a missing value shows in a data model: the same event must look the same from raw and from tstats."""

DATAMODELS = (
    ("Endpoint_Processes", {"process", "report"}),
    ("Endpoint_Registry", {"endpoint", "registry"}),
    ("Endpoint_Filesystem", {"endpoint", "filesystem"}),
    ("Endpoint_Services", {"service", "report"}),
    ("Endpoint_Ports", {"listening", "port"}),
    ("Network_Traffic", {"network", "communicate"}),
    ("Network_Resolution", {"network", "resolution", "dns"}),
    ("Authentication", {"authentication"}),
    ("Web", {"web"}),
)
"""Data models of CIM by the tags that put an event into them (Common Information Model manual, the models' tags)."""

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


def values(cell: Cell) -> list[str]:
    """Read a cell as its distinct values, without empty ones; values that differ in case alone are one.

    Two extractions of one field often give the same value twice, which must not hide the event.
    """
    if not isinstance(cell, list):
        return [cell] if cell else []
    found: dict[str, str] = {}
    for value in cell:
        if value:
            found.setdefault(value.casefold(), value)
    return list(found.values())


def text(cell: Cell) -> str | None:
    """Read a cell as one string: null when empty; distinct values joined by newlines."""
    return "\n".join(values(cell)) or None


def milliseconds(cell: Cell) -> str | None:
    """Turn Splunk's `_time` (epoch seconds, with or without a fraction) into epoch milliseconds as a string."""
    found = _TIME.fullmatch(text(cell) or "")
    return str(int(Decimal(found.group()) * 1000)) if found else None


def field_values(row: Row, name: str) -> list[str]:
    """Return the values of one SSA field: of the column of that name, else of its CIM counterpart.

    `_time` is in milliseconds; event_id is computed where the row has none.
    """
    if name == "_time":
        return values(milliseconds(row.get("_time")))
    if name == "event_id":
        return [event_id(row)]
    found = values(row.get(name))
    for column in COUNTERPARTS.get(name, ()):
        if not found:
            found = [value for value in values(row.get(column)) if value not in NOTHING]
    return found


def field(row: Row, name: str) -> str | None:
    """Return one SSA field of a row as one string, several values joined by newlines; None when it has none."""
    return "\n".join(field_values(row, name)) or None


def input_event(row: Row, fields: Iterable[str] | None) -> InputEvent:
    """Build the SSA input event of a row: the named fields, or (fields is None) every field that the row can give.

    A field without a value is not in it.
    """
    if fields is None:
        fields = [name for name in row if not name.startswith("__mv_")] + [*COUNTERPARTS, "event_id"]
    return {name: value for name in fields if (value := field(row, name)) is not None}


def event_id(row: Row) -> str:
    """Identify the event of a row: the row's own event_id, else SHA-256 over its whole second and IDENTITY."""
    own = text(row.get("event_id"))
    if own is not None:
        return own
    parts: list[Any] = [whole_second(row.get("_time"))]
    for columns in IDENTITY:
        found = (text(row.get(column)) for column in columns)
        parts.append(next((value for value in found if value is not None and value not in NOTHING), ""))
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


def detect(detection: Detection, row: Row, seen: InputEvent | None = None) -> list[dict[str, Cell]]:
    """Run a detection on a row; return the columns of each hit, to be laid over the row.

    `seen` is the row's input event, where the caller has it for several detections.
    """
    plan = detection.plan
    seen = input_event(row, plan.input_fields) if seen is None else seen
    return [columns(detection, hit, row) for hit in plan.run(seen, datamodels(detection, row))]


def datamodels(detection: Detection, row: Row) -> Sequence[str]:
    """Name the data models of a row: its own `_datamodels`, else those of its tags, else the detection's.

    tstats has no tags, and a `fields` command may drop them: then the base search chose the row for the detection.
    """
    tags = set(values(row.get("tag")))
    tagged = [name for name, needed in DATAMODELS if needed <= tags]
    return values(row.get("_datamodels")) or tagged or [detection.datamodel]


def columns(detection: Detection, hit: Detected, row: Row) -> dict[str, Cell]:
    """Return the output columns of a hit (COLUMNS, and the SSA names that the message and observables use)."""
    found: dict[str, Cell] = {}
    for name in detection.needs:
        if text(row.get(name)) is None:
            value = hit.body.get(name)
            found[name] = as_cell(field_values(row, name) if value is None else value)
    found.update(
        detection=detection.name,
        detection_id=detection.id,
        detection_version=detection.version,
        detection_type=detection.type,
        start_time=None if hit.start_time is None else str(hit.start_time),
        end_time=None if hit.end_time is None else str(hit.end_time),
        entities=as_cell(list(hit.entities)),
        body=canonical(hit.body),
        risk_score=format_score(detection.risk_score),
        risk_severity=detection.severity,
        finding_id=finding_id(detection, hit),
        event_id=event_id(row),
    )
    return found


def as_cell(value: Any) -> Cell:
    """Write a value of the language as a cell: a list as its values that are not null, what is no string as JSON.

    A list without any is null.
    """
    if isinstance(value, list):
        items = [item if isinstance(item, str) else canonical(item) for item in value if item is not None]
        return items if len(items) > 1 else next(iter(items), None)
    return value if isinstance(value, str) else canonical(value)


def format_score(score: float) -> str:
    """Write a score without a useless fraction: 35, 12.5."""
    return format(score, ".10g")

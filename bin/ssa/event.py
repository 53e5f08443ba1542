"""Splunk row -> SSA input event; detected event -> Splunk row. Pure: a row is a dict of what splunkd sent."""

from __future__ import annotations

import hashlib
import json
import re
from binascii import b2a_base64
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any, Optional, Union

from .detection import Detection, severity
from .language import Clauses, Detected

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

MADE = ("_time", "event_id", "_datamodels")
"""Fields of the input event whose text is not as it stands in the row."""

_TIME = re.compile(r"(-?[0-9]{1,15})(?:\.([0-9]{1,15}))?")

_JSON = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, check_circular=False)
_QUOTED = json.encoder.encode_basestring

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
    return str(_thousandths(found[1], found[2])) if found else None


def _thousandths(whole: str, fraction: str | None) -> int:
    return int(whole + ((fraction or "") + "000")[:3])


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
    if name not in MADE:
        # As field_values, for the cells of nearly all rows: one text or none.
        cell = row.get(name)
        for column in COUNTERPARTS.get(name, ()):
            if cell:
                break
            cell = row.get(column)
            if cell in NOTHING:
                cell = None
        if not isinstance(cell, list):
            return cell or None
    return "\n".join(field_values(row, name)) or None


def input_event(row: Row, fields: frozenset[str] | None) -> InputEvent:
    """Build the SSA input event of a row: the named fields, or (fields is None) every field that the row can give.

    A field without a value is not in it.
    """
    if fields is None:
        fields = frozenset([*(name for name in row if not name.startswith("__mv_")), *COUNTERPARTS, "event_id"])
    plain, others = _by_source(fields)
    found: InputEvent = {}
    for name in plain:
        cell = row.get(name)
        value = cell if isinstance(cell, str) else text(cell)
        if value:
            found[name] = value
    for name in others:
        value = field(row, name)
        if value:
            found[name] = value
    return found


@lru_cache(maxsize=8)
def _by_source(fields: frozenset[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Part fields into those that are the row's column of that name and nothing else, and the others."""
    others = fields.intersection((*MADE, *COUNTERPARTS))
    return tuple(fields - others), tuple(others)


def columns_read(detections: Iterable[Detection]) -> frozenset[str] | None:
    """Return the columns of a row that detections and the columns of their hits come from; None means all."""
    found = {"_time", "event_id", "_datamodels", "tag"}.union(*IDENTITY)
    for detection in detections:
        if detection.plan.input_fields is None:
            return None
        for name in (*detection.plan.input_fields, *detection.needs):
            found.update((name, *COUNTERPARTS.get(name, ())))
    return frozenset(found)


def required(detection: Detection) -> Clauses:
    """Return what a row must hold for a detection to match, as its text stands in the row: see Plan.required."""
    return tuple(clause for clause in detection.plan.required if all(literal.field not in MADE for literal in clause))


def event_id(row: Row) -> str:
    """Identify the event of a row: the row's own event_id, else SHA-256 over its whole second and IDENTITY."""
    own = text(row.get("event_id"))
    if own is not None:
        return own
    second = whole_second(row.get("_time"))
    parts = ["null" if second is None else str(second)]
    for columns in IDENTITY:
        for column in columns:
            value = row.get(column)
            if value and value not in NOTHING:
                found = value if isinstance(value, str) else text(value)
                if found is not None and found not in NOTHING:
                    parts.append(_QUOTED(found))
                    break
        else:
            parts.append('""')
    return _digest(f"[{','.join(parts)}]").hex()


def whole_second(cell: Cell) -> int | None:
    """Return the whole second (epoch s) of a `_time` cell; None when it is no time."""
    millis = milliseconds(cell)
    return None if millis is None else int(millis) // 1000


def canonical(value: Any) -> str:
    """Write JSON that is the same for the same value: sorted keys, no blanks, no escapes beyond JSON's own."""
    return _QUOTED(value) if isinstance(value, str) else _JSON.encode(value)


def sha256(value: Any) -> bytes:
    """Hash the canonical JSON of a value."""
    return _digest(canonical(value))


def _digest(text: str) -> bytes:
    # A lone surrogate in an event cannot be encoded; it must not stop the search.
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()


def finding_id(detection: Detection, hit: Detected, body: str) -> str:
    """Identify a hit as the product did: "sha256:" + base64 of the SHA-256 over its canonical JSON.

    `body` is the canonical JSON of the hit's body.
    """
    start, end = ("null" if time is None else str(time) for time in (hit.start_time, hit.end_time))
    entities = ",".join(map(canonical, hit.entities))
    text = (
        f'{{"body":{body},"detection_id":{canonical(detection.id)},"end_time":{end},'
        f'"entities":[{entities}],"start_time":{start}}}'
    )
    return "sha256:" + b2a_base64(_digest(text), newline=False).decode("ascii")


def detect(detection: Detection, row: Row, seen: InputEvent | None = None) -> list[dict[str, Cell]]:
    """Run a detection on a row; return the columns of each hit, to be laid over the row.

    `seen` is the row's input event, where the caller has it for several detections.
    """
    plan = detection.plan
    seen = input_event(row, plan.input_fields) if seen is None else seen
    models = datamodels(detection, row) if plan.reads_datamodels else ()
    return [columns(detection, hit, row, seen) for hit in plan.run(seen, models)]


def datamodels(detection: Detection, row: Row) -> Sequence[str]:
    """Name the data models of a row: its own `_datamodels`, else those of its tags, else the detection's.

    tstats has no tags, and a `fields` command may drop them: then the base search chose the row for the detection.
    """
    tags = set(values(row.get("tag")))
    tagged = [name for name, needed in DATAMODELS if needed <= tags]
    return values(row.get("_datamodels")) or tagged or [detection.datamodel]


def columns(detection: Detection, hit: Detected, row: Row, seen: InputEvent) -> dict[str, Cell]:
    """Return the output columns of a hit (COLUMNS, and the SSA names that the message and observables use)."""
    body = canonical(hit.body)
    found: dict[str, Cell] = {**detection.columns}
    if detection.dynamic_score:
        score = detection.score_of(hit.body)
        found["risk_score"], found["risk_severity"] = format_score(score), severity(score)
    for name in detection.needs:
        if text(row.get(name)) is None:
            value = hit.body.get(name)
            found[name] = as_cell(field_values(row, name) if value is None else value)
    found["start_time"] = None if hit.start_time is None else str(hit.start_time)
    found["end_time"] = None if hit.end_time is None else str(hit.end_time)
    found["entities"] = as_cell(list(hit.entities))
    found["body"] = body
    found["finding_id"] = finding_id(detection, hit, body)
    found["event_id"] = seen.get("event_id") or event_id(row)
    return found


def as_cell(value: Any) -> Cell:
    """Write a value of the language as a cell: a list as its values that are not null, what is no string as JSON.

    A list without any is null.
    """
    if isinstance(value, list):
        items = [item if isinstance(item, str) else canonical(item) for item in value if item is not None]
        return items if len(items) > 1 else next(iter(items), None)
    return value if isinstance(value, str) else canonical(value)


format_score = Detection.format_score

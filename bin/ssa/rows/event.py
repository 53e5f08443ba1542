"""Splunk row -> SSA input event; detected event -> Splunk row. Pure: a row is a dict of what splunkd sent."""

from __future__ import annotations

import json
import re
from binascii import b2a_base64
from collections.abc import Iterable, Mapping, Sequence
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any, Optional, Union

from ssa.content.detection import Detection, severity
from ssa.language import Clauses, Detected

if TYPE_CHECKING:
    import hashlib

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

_QUOTED = json.encoder.encode_basestring
_ENCODE: Any = json.encoder.c_make_encoder(None, None, _QUOTED, None, ":", ",", True, False, True)  # type: ignore[attr-defined]  # typeshed lacks it
"""What json.JSONEncoder makes anew for each value, with sort_keys, these separators, and not ensure_ascii."""


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
    return _moment(cell if isinstance(cell, str) else text(cell) or "")[0]


@lru_cache(maxsize=64)
def _moment(time: str) -> tuple[str | None, int | None]:
    """Return milliseconds and whole second of a time: both are asked for, one after the other."""
    found = _TIME.fullmatch(time)
    if not found:
        return None, None
    millis = _thousandths(found[1], found[2])
    return str(millis), millis // 1000


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
    cell = _cell(row, name)
    return "\n".join(cell) if type(cell) is list else cell  # type: ignore[return-value]  # a str is left


def _cell(row: Row, name: str) -> Cell:
    """Return as_cell of field_values, without detours where each of the row's cells is one text, as nearly always."""
    if name == "_time":
        return milliseconds(row.get("_time"))
    if name not in MADE:
        cell = row.get(name)
        for column in COUNTERPARTS.get(name, ()):
            if cell:
                break
            cell = row.get(column)
            if cell in NOTHING:
                cell = None
        if type(cell) is not list:
            return cell or None
    return as_cell(field_values(row, name))


def input_event(row: Row, fields: frozenset[str] | None) -> InputEvent:
    """Build the SSA input event of a row: the named fields, or (fields is None) every field that the row can give.

    A field without a value is not in it.
    """
    if fields is None:
        fields = frozenset([*(name for name in row if not name.startswith("__mv_")), *COUNTERPARTS, "event_id"])
    plain, others = _by_source(fields)
    found: dict[str, Any] = {name: cell for name in plain if (cell := row.get(name))}
    if list in map(type, found.values()):
        found = {name: several for name, cell in found.items() if (several := text(cell))}
    for name in others:
        cell = _cell(row, name)
        if cell:
            found[name] = "\n".join(cell) if isinstance(cell, list) else cell
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
    own = row.get("event_id") and text(row.get("event_id"))
    if own:
        return own
    second = whole_second(row.get("_time"))
    parts = ["null" if second is None else str(second)]
    for columns in IDENTITY:
        for column in columns:
            value = row.get(column)
            if isinstance(value, list):
                value = text(value)
            if value and value not in NOTHING:
                parts.append(_QUOTED(value))
                break
        else:
            parts.append('""')
    return _digest(f"[{','.join(parts)}]").hex()


def whole_second(cell: Cell) -> int | None:
    """Return the whole second (epoch s) of a `_time` cell; None when it is no time."""
    return _moment(cell if isinstance(cell, str) else text(cell) or "")[1]


def canonical(value: Any) -> str:
    """Write JSON that is the same for the same value: sorted keys, no blanks, no escapes beyond JSON's own."""
    return _QUOTED(value) if isinstance(value, str) else "".join(_ENCODE(value, 0))


def sha256(value: Any) -> bytes:
    """Hash the canonical JSON of a value."""
    return _digest(canonical(value))


def _digest(text: str) -> bytes:
    # A lone surrogate in an event cannot be encoded; it must not stop the search.
    hashed = _sha256().copy()
    hashed.update(text.encode("utf-8", "surrogatepass"))
    return hashed.digest()


@cache
def _sha256() -> hashlib._Hash:
    """Return the start of all hashes, to be copied: OpenSSL looks an algorithm up for as long as it hashes an event."""
    import hashlib  # not at the start: most searches find nothing

    return hashlib.sha256()


def finding_id(detection: Detection, hit: Detected, body: str) -> str:
    """Identify a hit as the product did: "sha256:" + base64 of the SHA-256 over its canonical JSON.

    `body` is the canonical JSON of the hit's body.
    """
    start, end = hit.start_time, hit.end_time
    entities = ",".join([_QUOTED(one) if type(one) is str else canonical(one) for one in hit.entities])
    text = (
        f'{{"body":{body},"detection_id":{_QUOTED(detection.id)},"end_time":{"null" if end is None else end},'
        f'"entities":[{entities}],"start_time":{"null" if start is None else start}}}'
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
    start, end = hit.start_time, hit.end_time
    found: dict[str, Cell] = {
        **detection.columns,
        "start_time": None if start is None else str(start),
        "end_time": None if end is None else str(end),
        "entities": as_cell([*hit.entities]),
        "body": body,
        "finding_id": finding_id(detection, hit, body),
        "event_id": seen.get("event_id") or event_id(row),
    }
    if detection.dynamic_score:
        score = detection.score_of(hit.body)
        found["risk_score"], found["risk_severity"] = format_score(score), severity(score)
    for name in detection.needs:
        own = row.get(name)
        if not own or (type(own) is list and text(own) is None):
            value = hit.body.get(name)
            if value is None:
                value = seen.get(name)
                found[name] = _cell(row, name) if value is None or "\n" in value else value
            else:
                found[name] = as_cell(value)
    return found


def as_cell(value: Any) -> Cell:
    """Write a value of the language as a cell: a list as its values that are not null, what is no string as JSON.

    A list without any is null.
    """
    if isinstance(value, list):
        items = [item if isinstance(item, str) else canonical(item) for item in value if item is not None]
        return items if len(items) > 1 else items[0] if items else None
    return value if isinstance(value, str) else canonical(value)


format_score = Detection.format_score

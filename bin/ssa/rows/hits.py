"""What a detection finds in a row: the columns of each hit. Pure."""

from __future__ import annotations

from binascii import b2a_base64

from ssa.checking import TYPE_CHECKING
from ssa.content.detection import Detection, format_score, severity
from ssa.language.values import TooLargeError

from .cells import LONGEST_BODY, Cell, Row, as_cell, canonical, digest, quoted, text
from .event import InputEvent, cell_of, datamodels, event_id, input_event

if TYPE_CHECKING:
    from ssa.language import Detected


def detect(detection: Detection, row: Row, seen: InputEvent | None = None) -> list[dict[str, Cell]]:
    """Run a detection on a row; return the columns of each hit, to be laid over the row.

    `seen` is the row's input event, where the caller has it for several detections. Raises TooLargeError where the
    detection's search makes something larger than it may.
    """
    plan = detection.plan
    seen = input_event(row, plan.input_fields, detection.columns) if seen is None else seen
    models = datamodels(detection, row) if plan.reads_datamodels else ()
    found = plan.run(seen, models)
    return [columns(detection, hit, row, seen) for hit in found] if found else []


def columns(detection: Detection, hit: Detected, row: Row, seen: InputEvent) -> dict[str, Cell]:
    """Return the output columns of a hit: COLUMNS, and the SSA names that the message and observables use.

    A name that the row has a column for is among them where it is not read from that column (Detection.replaced): what
    the body has there counts, null too.
    """
    body = canonical(hit.body)
    if len(body) > LONGEST_BODY:
        raise TooLargeError(f"a body of more than {LONGEST_BODY:,} characters of JSON")
    start, end = hit.start_time, hit.end_time
    cells: dict[str, Cell] = {}
    replaced, held = detection.replaced, hit.body
    for name in detection.needs:
        if name not in replaced:
            own = row.get(name)
            if own and (type(own) is str or text(own)):
                continue
        value = held.get(name)
        if type(value) is str:
            cells[name] = value
        elif value is not None:
            cells[name] = as_cell(value)
        elif name in held and name in replaced:
            cells[name] = None
        else:
            value = seen.get(name)
            cells[name] = cell_of(row, name, detection.columns) if value is None or "\n" in value else value
    cells.update(detection.constants)
    cells["start_time"] = None if start is None else str(start)
    cells["end_time"] = None if end is None else str(end)
    cells["entities"] = as_cell([*hit.entities])
    cells["body"] = body
    cells["finding_id"] = finding_id(detection, hit, body)
    if "event_id" not in seen:
        seen["event_id"] = event_id(row)  # for all other hits in the row too
    cells["event_id"] = seen["event_id"]
    if detection.dynamic_score:
        score = detection.score_of(hit.body)
        cells["risk_score"], cells["risk_severity"] = format_score(score), severity(score)
    return cells


def finding_id(detection: Detection, hit: Detected, body: str) -> str:
    """Identify a hit as the product did: "sha256:" + base64 of the SHA-256 over its canonical JSON.

    `body` is the canonical JSON of the hit's body.
    """
    start, end = hit.start_time, hit.end_time
    entities = ",".join([quoted(one) if type(one) is str else canonical(one) for one in hit.entities])
    text = (
        f'{{"body":{body},"detection_id":{detection.quoted_id},"end_time":{"null" if end is None else end},'
        f'"entities":[{entities}],"start_time":{"null" if start is None else start}}}'
    )
    return "sha256:" + b2a_base64(digest(text), newline=False).decode("ascii")

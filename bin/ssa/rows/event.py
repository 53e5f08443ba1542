"""Splunk row -> SSA input event, and what identifies its event. Pure: a row is a dict of what splunkd sent."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache

from ssa.checking import TYPE_CHECKING
from ssa.content.datamodels import DATA_MODELS, PROCESSES
from ssa.content.detection import Detection
from ssa.content.fields import COMPUTED, COUNTERPARTS, PLACEHOLDERS
from ssa.language.analysis.requirements import Clauses

from .cells import Cell, Row, as_cell, digest, milliseconds, quoted, text, values, whole_second

if TYPE_CHECKING:
    from typing import Any, TypeAlias  # novm: for the type checker alone


InputEvent: TypeAlias = "dict[str, str | None]"


def field_values(row: Row, name: str) -> list[str]:
    """Return the values of one SSA field: of the column of that name, else of its CIM counterpart.

    `_time` is in milliseconds; event_id is computed where the row has none.
    """
    if name == "_time":
        return values(milliseconds(row.get("_time")))
    if name == "event_id":
        return [event_id(row)]
    cell_values = values(row.get(name))
    for column in COUNTERPARTS.get(name, ()):
        if not cell_values:
            cell_values = [value for value in values(row.get(column)) if value not in PLACEHOLDERS]
    return cell_values


def cell_of(row: Row, name: str) -> Cell:
    """Return as_cell of field_values, without detours where each of the row's cells is one text, as nearly always."""
    if name == "_time":
        return milliseconds(row.get("_time"))
    if name not in COMPUTED:
        cell = row.get(name)
        for column in COUNTERPARTS.get(name, ()):
            if cell:
                break
            cell = row.get(column)
            if cell in PLACEHOLDERS:
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
    event: dict[str, Any] = {name: cell for name in plain if (cell := row.get(name))}
    if list in map(type, event.values()):
        event = {name: several for name, cell in event.items() if (several := text(cell))}
    for name in others:
        cell = cell_of(row, name)
        if cell:
            event[name] = "\n".join(cell) if isinstance(cell, list) else cell
    return event


@lru_cache(maxsize=8)
def _by_source(fields: frozenset[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Part fields into those that are the row's column of that name and nothing else, and the others."""
    others = fields.intersection((*COMPUTED, *COUNTERPARTS))
    return tuple(fields - others), tuple(others)


def columns_read(detections: Iterable[Detection]) -> frozenset[str] | None:
    """Return the columns of a row that detections and the columns of their hits come from; None means all."""
    columns = {"_time", "event_id", "_datamodels", "tag"}.union(*PROCESSES.identity)
    for detection in detections:
        if detection.plan.input_fields is None:
            return None
        for name in (*detection.plan.input_fields, *detection.needs):
            columns.update((name, *COUNTERPARTS.get(name, ())))
    return frozenset(columns)


def required(detection: Detection) -> Clauses:
    """Return what a row must hold for a detection to match, as its text stands in the row: see Plan.required."""
    return tuple(clause for clause in detection.plan.required if all(wanted.field not in COMPUTED for wanted in clause))


def event_id(row: Row) -> str:
    """Identify the event of a row: the row's own event_id, else SHA-256 over its whole second and identity."""
    own = row.get("event_id") and text(row.get("event_id"))
    if own:
        return own
    second = whole_second(row.get("_time"))
    parts = ["null" if second is None else str(second)]
    for columns in PROCESSES.identity:
        for column in columns:
            value = row.get(column)
            if isinstance(value, list):
                value = text(value)
            if value and value not in PLACEHOLDERS:
                parts.append(quoted(value))
                break
        else:
            parts.append('""')
    return digest(f"[{','.join(parts)}]").hex()


def datamodels(detection: Detection, row: Row) -> Sequence[str]:
    """Name the data models of a row: its own `_datamodels`, else those of its tags, else the detection's.

    tstats has no tags, and a `fields` command may drop them: then the base search chose the row for the detection.
    """
    tags = set(values(row.get("tag")))
    tagged = [model.name for model in DATA_MODELS.values() if model.tags <= tags]
    return values(row.get("_datamodels")) or tagged or [detection.datamodel]

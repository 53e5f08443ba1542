"""Splunk row -> SSA input event, and what identifies its event. Pure: a row is a dict of what splunkd sent."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from types import MappingProxyType

from ssa.checking import TYPE_CHECKING
from ssa.content.datamodels import DATA_MODELS, PROCESSES
from ssa.content.detection import Detection
from ssa.content.fields import COMPUTED, COUNTERPARTS, is_no_user, is_placeholder, sources
from ssa.language.required_text import Clauses

from .cells import Cell, Row, as_cell, digest, milliseconds, quoted, text, values, whole_second

if TYPE_CHECKING:
    from typing import Any, TypeAlias  # novm: for the type checker alone


InputEvent: TypeAlias = "dict[str, str | None]"

NO_COLUMNS: Mapping[str, str] = MappingProxyType({})
"""The columns of a detection that reads each field from where all do."""

_IS_MISSING: Mapping[str, Callable[[str], bool]] = {"dest_user_id": is_no_user, "dest_device_id": is_placeholder}
"""Fields in which a placeholder is no value."""

_IDENTITY = tuple((columns, is_no_user if "user" in columns else is_placeholder) for columns in PROCESSES.identity)


def field_values(row: Row, name: str, columns: Mapping[str, str] = NO_COLUMNS) -> list[str]:
    """Return the values of one SSA field: of the first of its columns that has any, see `sources`.

    `_time` is in milliseconds; event_id is computed.
    """
    if name == "_time":
        return values(milliseconds(row.get("_time")))
    if name == "event_id":
        return [event_id(row)]
    is_missing = _IS_MISSING.get(name)
    for column in sources(name, columns):
        found = values(row.get(column))
        if is_missing:
            found = [value for value in found if not is_missing(value)]
        if found:
            return found
    return []


def cell_of(row: Row, name: str, columns: Mapping[str, str] = NO_COLUMNS) -> Cell:
    """Return as_cell of field_values, without detours where each of the row's cells is one text, as nearly always."""
    if name == "_time":
        return milliseconds(row.get("_time"))
    if name != "event_id":
        is_missing = _IS_MISSING.get(name)
        for column in sources(name, columns):
            cell = row.get(column)
            if isinstance(cell, list):
                break
            if cell and not (is_missing and is_missing(cell)):
                return cell
        else:
            return None
    return as_cell(field_values(row, name, columns))


def input_event(row: Row, fields: frozenset[str] | None, columns: Mapping[str, str] = NO_COLUMNS) -> InputEvent:
    """Build the SSA input event of a row: the named fields, or (fields is None) every field that the row can give.

    A field without a value is not in it. `columns` are those of the detection that reads it.
    """
    if fields is None:
        own = (name for name in row if not name.startswith("__mv_"))
        fields = frozenset([*own, *COUNTERPARTS, *columns, "event_id"])
    plain, others = _by_source(fields, frozenset(columns))
    event: dict[str, Any] = {name: cell for name in plain if (cell := row.get(name))}
    if list in map(type, event.values()):
        event = {name: several for name, cell in event.items() if (several := text(cell))}
    for name in others:
        cell = cell_of(row, name, columns)
        if cell:
            event[name] = "\n".join(cell) if isinstance(cell, list) else cell
    return event


@lru_cache(maxsize=1_000)
def _by_source(fields: frozenset[str], renamed: frozenset[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Part fields into those that are the row's column of that name and nothing else, and the others."""
    others = fields.intersection((*COMPUTED, *COUNTERPARTS, *renamed))
    return tuple(fields - others), tuple(others)


def columns_read(detections: Iterable[Detection]) -> frozenset[str] | None:
    """Return the columns of a row that detections and the columns of their hits come from; None means all."""
    columns = {"_time", "_datamodels", "tag", *COUNTERPARTS}.union(*PROCESSES.identity)
    names: dict[tuple[tuple[str, str], ...], set[str]] = {}
    for detection in detections:
        read = detection.input_fields
        if read is None:
            return None
        names.setdefault(tuple(detection.columns.items()), set()).update(read, detection.needs)
    for renamed, fields in names.items():
        own = dict(renamed)
        columns.update(column for name in fields for column in sources(name, own))
    return frozenset(columns - {"event_id"})


def required(detection: Detection) -> Clauses:
    """Return what a row must hold for a detection to match, as its text stands in the row: see Plan.required."""
    return tuple(clause for clause in detection.plan.required if all(wanted.field not in COMPUTED for wanted in clause))


def event_id(row: Row) -> str:
    """Identify the event of a row: SHA-256 over its whole second and PROCESSES.identity, whatever the row says."""
    second = whole_second(row.get("_time"))
    parts = ["null" if second is None else str(second)]
    for columns, is_missing in _IDENTITY:
        for column in columns:
            value = row.get(column)
            if isinstance(value, list):
                value = "\n".join([one for one in values(value) if not is_missing(one)])
            if value and not is_missing(value):
                parts.append(quoted(value))
                break
        else:
            parts.append('""')
    return digest(f"[{','.join(parts)}]").hex()


def passed_over(row: Row, columns: Mapping[str, str] = NO_COLUMNS) -> list[str]:
    """Return the SSA fields for which a row has a column of that very name, whose value is not the one that counts."""
    return [
        name
        for name in COUNTERPARTS
        if (own := row.get(name))
        and (theirs := field_values({name: own}, name))
        and {value.casefold() for value in theirs} != {value.casefold() for value in field_values(row, name, columns)}
    ]


def datamodels(detection: Detection, row: Row) -> Sequence[str]:
    """Name the data models of a row: its own `_datamodels`, else those of its tags, else the detection's.

    tstats has no tags, and a `fields` command may drop them: then the base search chose the row for the detection.
    """
    tags = set(values(row.get("tag")))
    tagged = [model.name for model in DATA_MODELS.values() if model.tags <= tags]
    return values(row.get("_datamodels")) or tagged or [detection.datamodel]

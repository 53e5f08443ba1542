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

LONGEST_KNOWN, MOST_KNOWN = 200, 4_000
"""Characters of the users, devices and paths that are remembered, and how many of each."""


class _Written(dict[str, str]):
    """Value -> its JSON, which is remembered; empty for one that stands for a missing value."""

    def __init__(self, is_missing: Callable[[str], bool]) -> None:
        super().__init__()
        self._is_missing = is_missing

    def __missing__(self, text: str) -> str:
        written = "" if self._is_missing(text) else quoted(text)
        if len(text) <= LONGEST_KNOWN:
            if len(self) >= MOST_KNOWN:
                self.clear()
            self[text] = written
        return written


_WRITTEN: Mapping[str, _Written] = {"dest_user_id": _Written(is_no_user), "dest_device_id": _Written(is_placeholder)}
"""For the fields in which a placeholder is no value."""

_REPEATED = {
    "user": _WRITTEN["dest_user_id"],
    "dest": _WRITTEN["dest_device_id"],
    "process_path": _Written(is_placeholder),
}
_IDENTITY = [
    (columns, is_no_user if "user" in columns else is_placeholder, _REPEATED.get(columns[0]))
    for columns in PROCESSES.identity
]


def field_values(row: Row, name: str, columns: Mapping[str, str] = NO_COLUMNS) -> list[str]:
    """Return the values of one SSA field: of the first of its columns that has any, see `sources`.

    `_time` is in milliseconds; event_id is computed.
    """
    if name == "_time":
        return values(milliseconds(row.get("_time")))
    if name == "event_id":
        return [event_id(row)]
    written = _WRITTEN.get(name)
    for column in sources(name, columns):
        found = values(row.get(column))
        if written is not None:
            found = [value for value in found if written[value]]
        if found:
            return found
    return []


def cell_of(row: Row, name: str, columns: Mapping[str, str] = NO_COLUMNS) -> Cell:
    """Return as_cell of field_values."""
    if name in COMPUTED:
        return as_cell(field_values(row, name, columns))
    return _first(row, sources(name, columns), _WRITTEN.get(name))


def _first(row: Row, columns: tuple[str, ...], written: _Written | None) -> Cell:
    """Return the first cell of these columns that has a value; where placeholders are none, without them."""
    for column in columns:
        cell = row.get(column)
        if isinstance(cell, list):
            cell = as_cell([value for value in values(cell) if written is None or written[value]])
            if cell:
                return cell
        elif cell and (written is None or written[cell]):
            return cell
    return None


class Reading:
    """How the input event of a row is read: the named fields, or (None) every field that the row can give.

    A field without a value is not in it. `columns` are those of the detections that read it.
    """

    def __init__(self, fields: frozenset[str] | None, columns: Mapping[str, str] = NO_COLUMNS) -> None:
        self._all, self._columns = fields is None, columns
        others = (fields or frozenset()).intersection((*COMPUTED, *COUNTERPARTS, *columns))
        self._plain = (fields or frozenset()) - others
        self._others = [(name, sources(name, columns), _WRITTEN.get(name)) for name in others - {*COMPUTED}]
        self._computed = others.intersection(COMPUTED)

    def __call__(self, row: Row) -> InputEvent:
        """Return the input event of a row."""
        if self._all:
            own = (name for name in row if not name.startswith("__mv_"))
            return input_event(row, frozenset([*own, *COUNTERPARTS, *self._columns, "event_id"]), self._columns)
        plain = self._plain
        event: dict[str, Any]
        if len(row) < len(plain):  # whichever is shorter, as every row goes through here
            event = {name: cell for name, cell in row.items() if cell and name in plain}
        else:
            event = {name: cell for name in plain if (cell := row.get(name))}
        if list in map(type, event.values()):
            event = {name: several for name, cell in event.items() if (several := text(cell))}
        for name, columns, written in self._others:
            cell = _first(row, columns, written)
            if cell:
                event[name] = "\n".join(cell) if isinstance(cell, list) else cell
        for name in self._computed:
            found = (
                milliseconds(row.get(name)) if name == "_time" else "\n".join(field_values(row, name, self._columns))
            )
            if found:
                event[name] = found
        return event


def input_event(row: Row, fields: frozenset[str] | None, columns: Mapping[str, str] = NO_COLUMNS) -> InputEvent:
    """Build the SSA input event of a row, as Reading does."""
    return _reading(fields, tuple(columns.items()))(row)


@lru_cache(maxsize=1_000)
def _reading(fields: frozenset[str] | None, columns: tuple[tuple[str, str], ...]) -> Reading:
    return Reading(fields, dict(columns))


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
    for columns, is_missing, written in _IDENTITY:
        for column in columns:
            value = row.get(column)
            if not value:
                continue
            if isinstance(value, list):
                value = "\n".join([one for one in values(value) if not is_missing(one)])
            part = written[value] if written is not None else "" if is_missing(value) else quoted(value)
            if part:
                parts.append(part)
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

"""A hit -> the hashes that say what is the same: the risk of an object, a process, a mere repeat. Pure.

What an event holds enters hashes alone, so that none of it can pass for a hash of another event.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ssa.content.datamodels import PROCESSES
from ssa.content.detection import Detection, format_score
from ssa.content.fields import is_placeholder
from ssa.rows import cells, event
from ssa.rows.cells import Row

from . import entities

HOUR = 3_600
"""Seconds within which the repeats of a set's hit are one: what ssa_set_fold has, too."""

_PROGRAM = re.compile(r'"[^"]*"|\S*', re.ASCII)
"""The program in a command line: in quotes, else up to the first blank."""

_PROCESS_ID = re.compile(r"0x0*([0-9a-f]{1,16})|0*([0-9]{1,20})", re.IGNORECASE)
"""A process id, as Security events have it (0x1a4) and as Sysmon has it (420)."""

_VARIABLE = re.compile(r"\{?[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\}?|[0-9]+")
"""What tells repeats apart: GUIDs, and digits."""


class Identity:
    """The hashes of a hit, at a time (epoch s) and with a score. Each is the same whichever search found the hit.

    `process_key` is that of one process, whoever saw it and whatever found it: Security 4688 and Sysmon 1 differ in how
    they write program and process id, and may see it in two seconds. `repeat_key` is that of hits of one detection on
    one device that differ in digits and GUIDs alone, and score the same. An event that is no process is known by the
    parts of its risk instead, and of those that have it by its body too.

    The search of a set folds the repeats of an hour (macro ssa_set_fold), of which another time range may see another
    first: so processes that a detection of a set finds are known by their hour, and without a command by their path.
    """

    def __init__(self, detection: Detection, row: Row, body: Mapping[str, Any], time: float, score: float) -> None:
        device = _device(row, detection.columns)
        command = _text(row, "process")
        second = int(time // 1)
        self._start = [detection.id, second]
        self._end: list[Any] = [device, command.strip()]
        if detection.datamodel != PROCESSES.name:
            self._end.append(
                {name: value for name, value in body.items() if name != "event_id"} or cells.text(row.get("body")) or {}
            )
        name = _text(row, "process_name").replace("\\", "/").rpartition("/")[2]
        if detection.datamodel == PROCESSES.name and (name or command):
            path = _text(row, "process_path")
            if detection.set:
                self._start = [detection.id, f"hour {second // HOUR}"]
                self._end = [device, command.strip() or path or name]
            arguments = _arguments(command.strip(), path)
            process = process_id(row) or f"at {second}"
            self.process_key = _hash([_device(row), process, name, arguments])
            alike = _VARIABLE.sub("#", arguments)
            self.repeat_key = _hash([detection.id, device, name, alike, format_score(score)])
        else:
            self.process_key = self.repeat_key = _hash([*self._start, *self._end])

    def risk_event_id(self, name: str, kind: str) -> str:
        """Return what identifies the risk that the hit adds to an object, by its normal form and type."""
        return _hash([*self._start, name, kind, *self._end])


def process_id(row: Row) -> int | None:
    """Return a row's process id; None where it is no number, several, or 0, which no process has that was started."""
    found = {_PROCESS_ID.fullmatch(value.strip()) for value in cells.values(row.get("process_id"))}
    numbers = {int(match[1], 16) if match[1] else int(match[2]) for match in found if match}
    return numbers.pop() or None if len(numbers) == 1 else None


def _text(row: Row, column: str) -> str:
    """Return what a column has in lower case; "" where it has placeholders alone."""
    return "\n".join(value for value in cells.values(row.get(column)) if not is_placeholder(value)).lower()


def _device(row: Row, columns: Mapping[str, str] = event.NO_COLUMNS) -> list[str]:
    """Return the normal forms of a row's device, mostly one: the event's, or that of a detection with such columns."""
    named = {entities.normal(value, "system") for value in event.field_values(row, "dest_device_id", columns)}
    return sorted(named - {""})


def _arguments(command: str, path: str) -> str:
    """Return a command line without its program.

    Where a Security event has no command line, the add-on writes the path instead, and blanks in it in no quotes.
    """
    rest = command[len(path) :] if path and command.startswith(path) else _PROGRAM.sub("", command, count=1)
    return _one_blank(rest)


def _one_blank(text: str) -> str:
    return " ".join(text.split())


def _hash(parts: list[Any]) -> str:
    return cells.sha256(parts).hex()

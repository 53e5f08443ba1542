"""Files of events -> batches for HEC, the same ones each time: so a replay can stop and go on."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from sandbox.inputs import windows
from sandbox.inputs.windows.census import Census

FIELD = "ssa_replay"
"""The indexed field by which a batch is found again."""

MAX_BYTES = 900_000
"""Of a batch: the smallest limit that a Splunk has shipped with is 1 MB (limits.conf, max_content_length)."""


class Survey(NamedTuple):
    """What the files hold: events to send, a digest of their texts, the latest time (s), what cannot be seen."""

    events: int
    digest: str
    latest: float
    files: list[Census]


class Batch(NamedTuple):
    """Events of one request; batches count from 1."""

    number: int
    events: int
    body: bytes


def marker(run: str, number: int) -> str:
    """Return the value of FIELD that all events of a batch have, and no others."""
    return f"{run}-{number}"


def sendable(files: Iterable[Path]) -> Iterator[windows.Event]:
    """Read the events of the files that have a text: HEC takes no others. Raises OSError."""
    return (event for path in files for event in windows.read_events(path) if event.raw.strip())


def survey(files: Iterable[Path]) -> Survey:
    """Read the files once. Raises OSError for one that is no file of Windows events."""
    digest = hashlib.sha256()
    events = 0
    latest = 0.0
    censuses = [Census(path) for path in files]
    for census in censuses:
        for event in census.count(windows.read_events(census.path)):
            if event.raw.strip():
                events += 1
                latest = max(latest, event.time)
                digest.update(event.raw.encode() + b"\0\n")
    return Survey(events, digest.hexdigest(), latest, censuses)


def batches(files: Iterable[Path], run: str, size: int, shift: int, given: Mapping[str, str]) -> Iterator[Batch]:
    """Yield the events in batches of at most `size`, their times `shift` seconds later. Raises OSError.

    `given` holds what all events get instead of their own: index, host, source, sourcetype. An event without a readable
    time has none in its batch either: it gets that of its arrival (REST API Reference: services/collector/event).
    """
    number, lines, length = 1, list[bytes](), 0
    for event in sendable(files):
        line = _line(event, marker(run, number), shift, given)
        if lines and (len(lines) == size or length + len(line) > MAX_BYTES):
            yield Batch(number, len(lines), b"".join(lines))
            number, lines, length = number + 1, [], 0
            line = _line(event, marker(run, number), shift, given)
        lines.append(line)
        length += len(line)
    if lines:
        yield Batch(number, len(lines), b"".join(lines))


def _line(event: windows.Event, mark: str, shift: int, given: Mapping[str, str]) -> bytes:
    own = {"host": event.host, "source": event.source, "sourcetype": event.sourcetype}
    meta = {name: value for name, value in {**own, **given}.items() if value}
    time = {"time": round(event.time + shift, 6)} if event.time else {}
    sent = {**time, **meta, "fields": {FIELD: mark}, "event": event.raw}
    return json.dumps(sent, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"

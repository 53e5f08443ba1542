"""Raw Windows events -> the fields that the Windows and Sysmon add-ons extract at search time.

The sandbox has no add-ons, but the app only ever sees events through their eyes: as CIM fields. This room reads the
renderings in which new processes (Security 4688, Sysmon 1), connections (Sysmon 3) and name queries (Sysmon 22) reach
Splunk: as XmlWinEventLog, event logs (.evtx) among them, or as classic WinEventLog text. It names their fields as the
add-ons do. What it cannot read it hands on with a reason, as Splunk would index it all the same.
"""

import gzip
import re
import zlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from sandbox.inputs.windows import classic, evtx, xml
from sandbox.inputs.windows.census import lacks
from sandbox.inputs.windows.event import Event, Reading
from sandbox.inputs.windows.fields import PROCESS_TAGS, RULES, Fields
from sandbox.inputs.windows.files import EXPECTED, Opened
from sandbox.inputs.windows.splitting import CLASSIC, CUT, MAX_EVENT_CHARS, OTHER, XML, Piece, pieces

__all__ = ["MAX_EVENT_CHARS", "PROCESS_TAGS", "Event", "parse", "read_events", "read_text"]

_NAME = re.compile("[A-Z][A-Za-z]*")
"""What Windows calls data: none of these is the name of a CIM field."""


def read_events(path: Path) -> Iterator[Event]:
    """Read every event of a file, in its order, in bounded memory.

    `path` is an event log of Windows (.evtx), or text in UTF-8 or UTF-16 (undecodable bytes are replaced), in which XML
    and classic events may be mixed; or either, compressed by gzip. Each character of a text comes out in some event's
    `raw`, but for what stands around events: row ends, declarations, comments, tags of elements around them, and what
    stands before one in its row. Damage comes as an event whose `problem` names it.

    Raises OSError when the file cannot be read, is a damaged .gz, is no file of Windows events, or at its end when none
    of them could be read.
    """
    problem, readable = "", 0
    try:
        file = Opened(path)
        for event in _read_evtx(file) if file.is_evtx else read_text(file.chunks()):
            readable += not event.problem
            problem = problem or event.problem
            yield event
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise gzip.BadGzipFile(f"{path}: {error}") from error
    if not readable:
        seems = f" It seems to be {file.hint}." if file.hint else ""
        raise OSError(f"{path}: no event can be read in it.{seems} {problem or EXPECTED}")


def read_text(chunks: Iterable[str]) -> Iterator[Event]:
    """Read every event of a text, as `read_events` does."""
    return (_event(piece) for piece in pieces(chunks))


def _read_evtx(file: Opened) -> Iterator[Event]:
    with file.binary() as binary:
        try:
            for record in evtx.records(binary):
                yield parse(record.xml) if record.xml else _unreadable("", record.problem)
        except (OSError, RuntimeError) as error:
            raise OSError(f"{file.path}: {error}") from error


def _unreadable(raw: str, problem: str, row: int = 0) -> Event:
    return Event(raw, 0.0, "", "", "unknown", {}, (), problem, row=row)


def parse(raw: str) -> Event:
    """Read one event; never raises. What is wrong with a damaged event stands in its `problem`."""
    found = [*pieces([raw])]
    if len(found) > 1:
        return _unreadable(raw, f"{len(found)} events or parts of them, where one was expected")
    piece = found[0] if found else Piece(OTHER, raw, 0)
    return _event(piece)._replace(raw=raw, row=0)


def _event(piece: Piece) -> Event:
    kind, raw, row, reading = piece
    if reading:
        pass
    elif kind in (XML, CUT):
        reading = xml.read(raw)
    elif kind == CLASSIC:
        reading = classic.read(raw)
    else:
        problem = (
            "not a Windows event: expected <Event (XmlWinEventLog), or a row that is a time and nothing else, like "
            f"MM/DD/YYYY HH:MM:SS AM (classic WinEventLog), found {raw[:60]!r}"
        )
        return _unreadable(raw, problem, row)
    return _of_reading(raw, reading, row)


def _of_reading(raw: str, reading: Reading, row: int) -> Event:
    """Apply the add-ons' rules."""
    sourcetype, log, host, code, time, data, problem, remarks = reading
    problems = [problem] if problem else []
    if time is None:
        problems.append("no readable time: expected TimeCreated SystemTime in ISO 8601, or a date and time that exist")
    if not code:
        problems.append("no event code: expected <EventID> in <System>, or an EventCode= row before Message=")
    source = f"{sourcetype}:{log}" if log else sourcetype
    filled: Fields = {}
    own: Mapping[str, str] = {}
    tags: tuple[str, ...] = ()
    if not problems:
        fields: Fields = {"dest": host}
        if rule := RULES.get((source, code)):
            fields = {**rule.fields(data, host), "signature_id": code}
            tags = rule.tags
            remarks += lacks(data, fields, tags)
            if tags == PROCESS_TAGS and sourcetype == xml.SOURCETYPE:
                own = {name: value for name, value in data.items() if value and _NAME.fullmatch(name)}
        filled = {name: value for name, value in fields.items() if value}
    return Event(raw, time or 0.0, host, source, sourcetype, filled, tags, "; ".join(problems), remarks, row, own)

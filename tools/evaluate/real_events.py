"""Real process-creation events: read from the folder that SSA_REAL_EVENTS names, never from the project."""

from __future__ import annotations

import functools
import gzip
import json
import os
from dataclasses import dataclass
from pathlib import Path
from xml.etree.ElementTree import Element
from xml.sax.saxutils import escape

from defusedxml.ElementTree import fromstring

FOLDER = "SSA_REAL_EVENTS"
_NAMESPACE = "http://schemas.microsoft.com/win/2004/08/events/event"
_SYSMON_GUID = "{5770385F-C22A-43E0-BF4C-06F5698FFBD9}"
# The labels of a Sysmon 1 message, in its order.
_SYSMON_LABELS = (
    "RuleName",
    "UtcTime",
    "ProcessGuid",
    "ProcessId",
    "Image",
    "FileVersion",
    "Description",
    "Product",
    "Company",
    "OriginalFileName",
    "CommandLine",
    "CurrentDirectory",
    "User",
    "LogonGuid",
    "LogonId",
    "TerminalSessionId",
    "IntegrityLevel",
    "Hashes",
    "ParentProcessGuid",
    "ParentProcessId",
    "ParentImage",
    "ParentCommandLine",
)


@dataclass(frozen=True)
class RealEvent:
    """One event as it was stored, and the fields that another parser found in it (None: the event has no such)."""

    raw: str
    format: str  # xml, evtx, classic or json
    event_id: int  # 4688 or 1
    uid: str
    time: str
    host: str
    user: str
    process_path: str
    process_name: str
    command_line: str | None
    process_id: str | None
    parent_path: str | None
    parent_command_line: str | None
    parent_process_id: str
    original_file_name: str | None
    source_repo: str
    source_file: str  # where the recording stands in that repository


def folder() -> Path | None:
    """Return the folder that is named; None where none is."""
    named = os.environ.get(FOLDER)
    return Path(named) if named else None


@functools.cache
def load(folder: Path) -> tuple[RealEvent, ...]:
    """Read all events of a folder. Raises OSError for a folder without them."""
    with gzip.open(folder / "process_creation.jsonl.gz", "rt", encoding="utf-8") as file:
        return tuple(_real_event(json.loads(row)) for row in file)


def _real_event(row: dict[str, str]) -> RealEvent:
    names = set(RealEvent.__dataclass_fields__) - {"uid", "event_id"}
    return RealEvent(event_id=int(row["event_id"]), uid=row["event_uid"], **{name: row[name] for name in names})


def as_splunk(event: RealEvent) -> str:
    """Return the event's text as a forwarder would send it."""
    if event.format == "evtx":
        return _one_line(fromstring(event.raw))
    if event.format == "json":
        return _sysmon_xml(json.loads(event.raw))
    return event.raw


def _one_line(root: Element) -> str:
    """Write an event as Windows renders it: single-quoted attributes, nothing between elements, quotes as they are."""

    def write(element: Element) -> str:
        tag = element.tag.rpartition("}")[2]
        attributes = "".join(f" {name}='{escape(value)}'" for name, value in element.attrib.items())
        if tag == "Event":
            attributes = f" xmlns='{_NAMESPACE}'"
        if len(element):
            return f"<{tag}{attributes}>{''.join(map(write, element))}</{tag}>"
        text = element.text or ""
        if tag == "Data" or text.strip():
            return f"<{tag}{attributes}>{escape(text)}</{tag}>"
        return f"<{tag}{attributes}/>"

    return write(root)


def _sysmon_xml(row: dict[str, str | int]) -> str:
    """Turn NXLog's record of a Sysmon event to the XML of the same event; its Message holds the values unescaped."""
    labels = iter(_SYSMON_LABELS)
    expected = next(labels, None)
    data: list[tuple[str, str]] = []
    for line in str(row["Message"]).split("\r\n")[1:]:
        if expected is not None and line.startswith(f"{expected}:"):
            data.append((expected, line.removeprefix(f"{expected}:").removeprefix(" ")))
            expected = next(labels, None)
        else:  # a row of the value before
            data[-1] = (data[-1][0], f"{data[-1][1]}\n{line}")
    if expected is not None:
        raise ValueError(f"the message has no {expected}")
    system = (
        f"<Provider Name='{row['SourceName']}' Guid='{_SYSMON_GUID}'/><EventID>{row['EventID']}</EventID>"
        f"<Version>{row['Version']}</Version><Level>4</Level><Task>{row['Task']}</Task><Opcode>0</Opcode>"
        f"<Keywords>0x8000000000000000</Keywords>"
        f"<TimeCreated SystemTime='{str(row['EventTime']).replace(' ', 'T')}.000000000Z'/>"
        f"<EventRecordID>{row['RecordNumber']}</EventRecordID><Correlation/>"
        f"<Execution ProcessID='{row['ProcessID']}' ThreadID='{row['ThreadID']}'/><Channel>{row['Channel']}</Channel>"
        f"<Computer>{row['Hostname']}</Computer><Security UserID='{row['UserID']}'/>"
    )
    values = "".join(f"<Data Name='{name}'>{escape(value)}</Data>" for name, value in data)
    return f"<Event xmlns='{_NAMESPACE}'><System>{system}</System><EventData>{values}</EventData></Event>"

"""Real process-creation events for tests: read from the folder that SSA_REAL_EVENTS names, never from the project."""

import functools
import gzip
import json
import os
import re
from dataclasses import dataclass
from pathlib import Path
from xml.etree.ElementTree import Element
from xml.sax.saxutils import escape

import pytest
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
# The values that name a target, in XML and in classic text.
_XML_TARGET = re.compile(r"(<Data Name='Target(?:UserName|DomainName)'>)[^<]*")
_CLASSIC_TARGET = re.compile(r"^(Target Subject:\n.*\n\tAccount Name:\t\t).*(\n\tAccount Domain:\t\t).*", re.MULTILINE)


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


def real_events() -> tuple[RealEvent, ...]:
    """Return all real events. Skips the test when no folder is named; a named folder without them is an error."""
    folder = os.environ.get(FOLDER)
    if not folder:
        pytest.skip(f"set {FOLDER} to a folder with real events")
    return _load(Path(folder))


@functools.cache
def _load(folder: Path) -> tuple[RealEvent, ...]:
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


def plant(event: RealEvent, process_path: str, command_line: str, user: str | None = None) -> str:
    """Return the event as Splunk has it, with another process, command line and user (DOMAIN\\name, or a name).

    Everything else stays as it was; but in a 4688 the user becomes the subject, and then there is no target. Raises
    ValueError when the event has no place for one of them: classic text has none for a command line of several rows.
    """
    raw = as_splunk(event)
    classic = event.format == "classic"
    if classic and "\n" in command_line:
        raise ValueError("classic text has one row for the command line")
    if classic:
        path_label, line_label = "New Process Name", "Process Command Line"
        user_label, domain_label = "Account Name", "Account Domain"  # the first of each is the subject's
    else:
        path_label, line_label = "NewProcessName" if event.event_id == 4688 else "Image", "CommandLine"
        user_label, domain_label = "SubjectUserName", "SubjectDomainName"
    values = {path_label: process_path, line_label: command_line}
    if user is not None and event.event_id == 4688:
        domain, _, name = user.rpartition("\\")
        values |= {user_label: name, domain_label: domain or "-"}
        raw = _CLASSIC_TARGET.sub(r"\1-\2-", raw) if classic else _XML_TARGET.sub(r"\1-", raw)
    elif user is not None:
        values["User"] = user
    for label, value in values.items():
        pattern = rf"^(\t{label}:[ \t]*)[^\n]*$" if classic else rf"(<Data Name='{label}'>)[^<]*(?=</Data>)"
        place = re.search(pattern, raw, re.MULTILINE)
        if place is None:
            raise ValueError(f"the event has no {label}")
        raw = raw[: place.end(1)] + (value if classic else escape(value)) + raw[place.end() :]
    return raw


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
    assert expected is None, f"the message has no {expected}"
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

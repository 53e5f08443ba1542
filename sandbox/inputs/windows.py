"""Raw Windows process-creation events -> the fields that the Windows and Sysmon add-ons extract at search time.

The sandbox has no add-ons, but the app only ever sees events through their eyes: as CIM fields. This module reads the
three renderings in which such events reach Splunk (Security 4688 and Sysmon 1 as XmlWinEventLog, Security 4688 as
classic WinEventLog text), event logs (.evtx) as the first of them, and names their fields as the add-ons do. What it
cannot read it hands on with a reason, as Splunk would index it all the same.
"""

import codecs
import gzip
import re
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any, NamedTuple
from xml.etree.ElementTree import Element, ParseError, fromstring

from sandbox.inputs import evtx

PROCESS_TAGS = ("process", "report")

# Bounds the memory that one event can take. Windows events end at 64 KB: what is longer is none, and comes in pieces.
MAX_EVENT_CHARS = 1_000_000

_UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)  # in which Windows exports
_XML_START = re.compile(r"<Event[\s>]")
_XML_END = "</Event>"
_CLASSIC_START = re.compile(r"[0-9]{2}/[0-9]{2}/[0-9]{4} [0-9]{2}:[0-9]{2}:[0-9]{2} [AP]M\r?(?:\n|\Z)")
_XML_HEADER = re.compile(r"<(EventID|Channel|Computer)\b[^<>]*>([^<]*)<|<TimeCreated SystemTime=['\"]([^'\"]*)")
# What XML 1.0 has no place for, though a command line may hold it and Splunk's extraction would not mind it.
_NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
# An opening quote that is never closed is an ordinary character: the word ends at a blank, and no argument is lost.
_FIRST_WORD = re.compile(r'\s*("[^"]*"|\S+)')

# The lines of a classic 4688 message, by section and label, and the names that the XML of the same event has for them.
# Windows before Windows 10 and Server 2016 writes "Subject" for the creator, and names no target.
_CLASSIC_NAMES = {
    ("Subject:", "Account Name"): "SubjectUserName",
    ("Subject:", "Account Domain"): "SubjectDomainName",
    ("Creator Subject:", "Account Name"): "SubjectUserName",
    ("Creator Subject:", "Account Domain"): "SubjectDomainName",
    ("Target Subject:", "Account Name"): "TargetUserName",
    ("Target Subject:", "Account Domain"): "TargetDomainName",
    ("Process Information:", "New Process ID"): "NewProcessId",
    ("Process Information:", "New Process Name"): "NewProcessName",
    ("Process Information:", "Creator Process ID"): "ProcessId",
    ("Process Information:", "Creator Process Name"): "ParentProcessName",
    ("Process Information:", "Process Command Line"): "CommandLine",
}


# Splunk makes fields of all data of XML, by their names: these tell accounts apart. Classic text has no such names.
_ACCOUNTS = ("SubjectUserName", "SubjectUserSid", "TargetUserName", "TargetUserSid")


@dataclass(frozen=True)
class Event:
    """One event of a file. An event with a problem keeps its text but has no fields and no tags."""

    raw: str  # exactly as it stood in the file, without the row end
    time: float  # epoch seconds, UTC; 0.0 when unreadable
    host: str  # "" when unreadable
    source: str  # XmlWinEventLog:<channel> or WinEventLog:<log name>; "" when it is no Windows event
    sourcetype: str  # XmlWinEventLog, WinEventLog or unknown
    fields: Mapping[str, str]  # CIM fields; an absent or empty value is left out
    tags: tuple[str, ...]  # PROCESS_TAGS for a process-creation event, else ()
    problem: str = ""


class _Reading(NamedTuple):
    """The parts of an event that both formats have, before the add-ons' rules apply."""

    sourcetype: str
    log: str
    host: str
    code: str
    time: float | None
    data: Mapping[str, str]  # by the names of the XML's EventData
    problem: str = ""


def read_events(path: Path) -> Iterator[Event]:
    """Read every event of a file, in its order, in bounded memory.

    `path` is an event log of Windows (.evtx, known by its first bytes), or text in UTF-8, or in UTF-16 with a BOM
    (undecodable bytes are replaced), in which XML and classic events may be mixed; or .gz with either. Each character
    of a text comes out in some event's `raw`, but for the row ends between events. A text without any gives one event,
    whose problem names what was expected; damage in an event log comes as an event without text that names it.

    Raises OSError when the file cannot be read, is a damaged .gz, or an event log without a whole header.
    """
    try:
        start = _start(path)
        if start == evtx.MAGIC:
            yield from _read_evtx(path)
        else:
            yield from _read_text(path, "utf-16" if start[:2] in _UTF_16 else "utf-8-sig")
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise gzip.BadGzipFile(f"{path}: {error}") from error


def _opener(path: Path) -> Callable[..., IO[Any]]:
    return gzip.open if path.suffix == ".gz" else open


def _start(path: Path) -> bytes:
    """Return the first bytes of a file, which show its format. A pipe is not read: its bytes would be gone."""
    if not path.is_file():
        return b""
    with _opener(path)(path, "rb") as file:
        return bytes(file.read(len(evtx.MAGIC)))


def _read_evtx(path: Path) -> Iterator[Event]:
    with _opener(path)(path, "rb") as file:
        try:
            for record in evtx.records(file):
                yield parse(record.xml) if record.xml else _unreadable("", record.problem)
        except (OSError, RuntimeError) as error:
            raise OSError(f"{path}: {error}") from error


def _read_text(path: Path, encoding: str) -> Iterator[Event]:
    empty = True
    # newline="\n": a lone \r belongs to the event that holds it, and \r\n must not be rewritten.
    with _opener(path)(path, "rt", encoding=encoding, errors="replace", newline="\n") as file:
        for piece in _pieces(iter(lambda: file.readline(MAX_EVENT_CHARS), "")):
            if raw := piece.strip("\r\n"):
                empty = False
                yield parse(raw)
    if empty:
        yield parse("")


def _unreadable(raw: str, problem: str) -> Event:
    return Event(raw, 0.0, "", "", "unknown", {}, (), problem)


def parse(raw: str) -> Event:
    """Read one event; never raises. What is wrong with a damaged event stands in its `problem`."""
    if _XML_START.match(raw):
        reading = _read_xml(raw)
    elif _CLASSIC_START.match(raw):
        reading = _read_classic(raw)
    else:
        problem = (
            "not a Windows event: expected a row that starts with <Event (XmlWinEventLog) or that reads "
            f"MM/DD/YYYY HH:MM:SS AM (classic WinEventLog), found {raw[:60]!r}"
        )
        return _unreadable(raw, problem)
    problems = [reading.problem] if reading.problem else []
    if reading.time is None:
        problems.append("no readable time: expected TimeCreated SystemTime in ISO 8601, or a date and time that exist")
    if not reading.code:
        problems.append("no event code: expected <EventID> in <System>, or an EventCode= row before Message=")
    source = f"{reading.sourcetype}:{reading.log}" if reading.log else reading.sourcetype
    fields: dict[str, str] = {}
    tags: tuple[str, ...] = ()
    if not problems:
        fields["dest"] = reading.host
        if rules := _RULES.get((source, reading.code)):
            fields |= rules(reading.data)
            fields["signature_id"] = reading.code
            tags = PROCESS_TAGS
    filled = {name: value for name, value in fields.items() if value}
    return Event(raw, reading.time or 0.0, reading.host, source, reading.sourcetype, filled, tags, "; ".join(problems))


def _pieces(chunks: Iterable[str]) -> Iterator[str]:
    """Join rows (or parts of a very long one) to events.

    A newline inside a command line makes a new row inside an event. In XML that does no harm: Windows escapes "<" in
    values, so no value can begin a row with <Event, and a date in an event that has not ended is part of it. Classic
    text escapes nothing: a command line with a newline and a date in it looks like the next event, here as in Splunk.
    """
    held: list[str] = []
    size = 0
    at_row_start = True
    in_xml = False
    for chunk in chunks:
        xml = at_row_start and _XML_START.match(chunk) is not None
        classic = at_row_start and not in_xml and _CLASSIC_START.match(chunk) is not None
        if xml or classic or size + len(chunk) > MAX_EVENT_CHARS:
            yield "".join(held)
            held, size, in_xml = [], 0, False
        in_xml = in_xml or xml
        while in_xml and (end := chunk.find(_XML_END)) >= 0:
            end += len(_XML_END)
            yield "".join([*held, chunk[:end]])
            chunk = chunk[end:]  # the row end, as a rule; or the next event, or what is none
            held, size, in_xml = [], 0, _XML_START.match(chunk) is not None
        held.append(chunk)
        size += len(chunk)
        at_row_start = chunk.endswith("\n")
    yield "".join(held)


def _read_xml(raw: str) -> _Reading:
    # <System> is read as text: a cut event still has it, and no value of EventData comes before its end.
    header: dict[str, str] = {}
    for match in _XML_HEADER.finditer(raw.partition("</System>")[0]):
        header.setdefault(match[1] or "SystemTime", (match[2] or match[3] or "").strip())
    time = None
    try:
        moment = datetime.fromisoformat(header.get("SystemTime", ""))
        time = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        pass
    data: dict[str, str] = {}
    problem = ""
    try:
        data = {item.get("Name", ""): item.text or "" for item in _tree(raw).iterfind("{*}EventData/{*}Data")}
    except (ParseError, ValueError) as error:
        problem = f"damaged XML: {error}"
    return _Reading(
        sourcetype="XmlWinEventLog",
        log=header.get("Channel", ""),
        host=header.get("Computer", ""),
        code=header.get("EventID", ""),
        time=time,
        data=data,
        problem=problem,
    )


def _tree(raw: str) -> Element:
    """Parse an event. Raises ParseError or ValueError.

    Without a document type declaration there are no entities to expand and nothing outside to fetch, so that the fast
    parser is as safe as one that looks for them (a text, not bytes: no encoding can hide one).
    """
    if "<!DOCTYPE" in raw:
        raise ValueError("a document type declaration, which no Windows event has")
    try:
        return fromstring(raw)  # noqa: S314 (see above)
    except (ParseError, UnicodeEncodeError):  # the latter is for a lone surrogate
        return fromstring(_NOT_XML.sub("\N{REPLACEMENT CHARACTER}", raw))  # noqa: S314


def _read_classic(raw: str) -> _Reading:
    head, _, message = raw.partition("\nMessage=")
    first_row, *rows = head.split("\n")
    try:
        moment = datetime.strptime(first_row.strip(), "%m/%d/%Y %I:%M:%S %p")
        time = moment.replace(tzinfo=UTC).timestamp()
    except ValueError:
        time = None
    header: dict[str, str] = {}
    for row in rows:
        key, _, value = row.partition("=")
        header.setdefault(key, value.strip())
    return _Reading(
        sourcetype="WinEventLog",
        log=header.get("LogName", ""),
        host=header.get("ComputerName", ""),
        code=header.get("EventCode", ""),
        time=time,
        data=_classic_data(message),
    )


def _classic_data(message: str) -> dict[str, str]:
    """Read the labelled rows of a 4688 message.

    The command line is the only text of an attacker's choice that may hold newlines and labels, and it comes last: so
    reading ends there, and of each label the first one in its section counts. The format does not separate the
    rest of a command line of several rows from the text that follows it: `process` is then its first row, without
    leading blanks, as an extraction by row ends has it (how the add-on reads such an event is documented nowhere). The
    XML renderings keep it all.
    """
    data: dict[str, str] = {}
    section = ""
    for row in message.split("\n"):
        row = row.removesuffix("\r")
        if not row.startswith("\t"):
            section = row or section
            continue
        label, _, value = row[1:].partition(":")
        name = _CLASSIC_NAMES.get((section, label))
        if name is not None:
            data.setdefault(name, value.lstrip(" \t"))
        if name == "CommandLine":
            break
    return data


def _security_fields(data: Mapping[str, str]) -> dict[str, str]:
    path = data.get("NewProcessName", "")
    parent = data.get("ParentProcessName", "")
    # A service that starts a process as another user is the subject; that user is the target.
    account = "Subject" if data.get("TargetUserName", "") in {"", "-"} else "Target"
    return {
        "process_path": path,
        "process_name": _basename(path),
        "process": _security_process(path, data.get("CommandLine", "")),
        "process_id": data.get("NewProcessId", ""),
        "parent_process_id": data.get("ProcessId", ""),
        "parent_process_path": parent,
        "parent_process_name": _basename(parent),
        "parent_process": parent,
        "user": data.get(f"{account}UserName", ""),
        "user_domain": data.get(f"{account}DomainName", ""),
        "vendor_product": "Microsoft Windows",
    }


def _security_xml_fields(data: Mapping[str, str]) -> dict[str, str]:
    return {**_security_fields(data), **{name: data.get(name, "") for name in _ACCOUNTS}}


def _security_process(path: str, command_line: str) -> str:
    """Return the command line, with the full path of the process where it was started by its bare name."""
    word = _FIRST_WORD.match(command_line)
    if word is None:
        return path
    if "\\" in word[1] or not path:
        return command_line
    return (f'"{path}"' if " " in path else path) + command_line[word.end() :]


def _sysmon_fields(data: Mapping[str, str]) -> dict[str, str]:
    path = data.get("Image", "")
    parent = data.get("ParentImage", "")
    user = data.get("User", "")
    return {
        "process_path": path,
        "process_name": _basename(path),
        "process": data.get("CommandLine", ""),
        "process_id": data.get("ProcessId", ""),
        "parent_process_id": data.get("ParentProcessId", ""),
        "parent_process_path": parent,
        "parent_process_name": _basename(parent),
        "parent_process": data.get("ParentCommandLine", ""),
        "user": user,
        "user_domain": user.partition("\\")[0] if "\\" in user else "",
        "original_file_name": data.get("OriginalFileName", ""),
        "vendor_product": "Microsoft Sysmon",
    }


def _basename(path: str) -> str:
    return path.replace("/", "\\").rpartition("\\")[2]


_RULES: Mapping[tuple[str, str], Callable[[Mapping[str, str]], dict[str, str]]] = {
    ("XmlWinEventLog:Security", "4688"): _security_xml_fields,
    ("WinEventLog:Security", "4688"): _security_fields,
    ("XmlWinEventLog:Microsoft-Windows-Sysmon/Operational", "1"): _sysmon_fields,
}

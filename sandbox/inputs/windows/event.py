"""What is read of a Windows event, before and after the add-ons' rules apply."""

from collections.abc import Mapping
from typing import NamedTuple


class Reading(NamedTuple):
    """The parts of an event that its formats have in common: header, and data by the names of the XML's EventData.

    `time` is in epoch seconds, None where it is unreadable. `remarks` are keys of what is worth saying (see census.py).
    """

    sourcetype: str
    log: str
    host: str
    code: str
    time: float | None
    data: Mapping[str, str]
    problem: str = ""
    remarks: tuple[str, ...] = ()


class Event(NamedTuple):
    """One event of a file. An event with a problem keeps its text but has no fields and no tags."""

    raw: str  # exactly as it stood in the file, without the row end and what stands around it
    time: float  # epoch seconds, UTC; 0.0 when unreadable
    host: str  # "" when unreadable
    source: str  # XmlWinEventLog:<channel> or WinEventLog:<log name>; "" when it is no Windows event
    sourcetype: str  # XmlWinEventLog, WinEventLog or unknown
    fields: Mapping[str, str | list[str]]  # CIM fields; an absent or empty value is left out
    tags: tuple[str, ...]  # those that put it into data models, such as PROCESS_TAGS
    problem: str = ""
    remarks: tuple[str, ...] = ()  # what is worth saying of it: keys of census.SENTENCES
    row: int = 0  # of a file of text, where the event begins, from 1; else 0
    own: Mapping[str, str] = {}  # a new process's data in XML: Splunk makes fields of them, too, by their names

"""What a file of events holds, and what of it cannot be seen: counted while it is read, said in sentences."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from sandbox.inputs.windows import classic, times
from sandbox.inputs.windows.event import Event
from sandbox.inputs.windows.fields import PROCESS_TAGS, Fields

NO_COMMAND_LINE, NO_NAME, NO_PARENT = "no command line", "no name", "no parent"
"""What an event of a process may lack."""

_SENTENCES = {
    NO_COMMAND_LINE: "no command line, so no detection that reads one can see them: switch on command line auditing "
    "(Administrative Templates > System > Audit Process Creation > Include command line in process creation events)",
    NO_NAME: "no name of their process, so no detection that reads it can see them: was the event cut or rewritten?",
    NO_PARENT: "no name of a parent, so no detection that reads it can see them: Windows before 10 and Server 2016 "
    "does not write it, Sysmon does",
    classic.UNKNOWN_LANGUAGE: "classic text in a language whose labels are not known: read by the places of its rows "
    "here, and not by the add-on in a Splunk. Send them as XML (renderXml = true), which has no language",
    classic.TEXT_OF_SYSMON: "Sysmon as classic text: read here, and not by the add-on in a Splunk, which wants XML "
    "(renderXml = true)",
    times.UNKNOWN_ZONE: "a time zone whose name is not known, and were taken as UTC: write it as +01:00",
    times.DAY_OR_MONTH: "a date in which day and month may be the other way round, in a file that has dates with the "
    "day first: these were read with the month first",
}
_OF_LANGUAGE = (
    "classic text in {}: read here, and not by the add-on in a Splunk, which knows English labels. Send them as XML "
    "(renderXml = true), which has no language"
)


_NO_PROCESS = (
    "{} of a new process (Security 4688 or Sysmon 1): {} can be detected. Is the auditing of process creation on?"
)
MAX_NAMED, SHOWN = 1_000, 10
"""The most damaged events of a file that are named one by one: in JSON, and at a terminal."""


class Problem(NamedTuple):
    """What could not be seen in a file: in one event, which begins in row `line` (None: not known), or altogether."""

    file: str
    line: int | None
    problem: str

    def __str__(self) -> str:
        """Say it in one sentence."""
        return f"{self.file}, {self.problem}"


def lacks(data: Mapping[str, str], fields: Fields, tags: tuple[str, ...]) -> tuple[str, ...]:
    """Return what an event of a process lacks, by its data, and the fields and tags that the add-ons make of them."""
    is_new = tags == PROCESS_TAGS
    found: tuple[str, ...] = ()
    if is_new and not data.get("CommandLine", "").strip():
        found += (NO_COMMAND_LINE,)
    if not fields.get("process_name"):
        found += (NO_NAME,)
    if is_new and fields.get("parent_process_name", "-") in ("", "-"):
        found += (NO_PARENT,)
    return found


@dataclass
class Census:
    """Counts the events of a file."""

    path: Path
    sources: Counter[str] = field(default_factory=Counter)
    processes: int = 0
    network: int = 0
    damaged: int = 0
    named: list[Problem] = field(default_factory=list)
    remarks: Counter[str] = field(default_factory=Counter)
    first: dict[str, tuple[int, int]] = field(default_factory=dict)

    def count(self, events: Iterable[Event]) -> Iterator[Event]:
        """Yield the events, and count them."""
        for number, event in enumerate(events, 1):
            self.sources[event.source or "unknown"] += 1
            self.processes += event.tags == PROCESS_TAGS
            self.network += "network" in event.tags
            if event.problem:
                self.damaged += 1
                if self.damaged <= MAX_NAMED:
                    self.named.append(self._problem(event.row, f"event {number}: {event.problem}"))
            for remark in event.remarks:
                self.remarks[remark] += 1
                self.first.setdefault(remark, (number, event.row))
            yield event

    def problems(self, most: int = MAX_NAMED) -> list[Problem]:
        """Return what cannot be seen: at `most` so many damaged events, and a sentence for all that lack the same."""
        found = self.named[:most]
        if more := self.damaged - len(found):
            found.append(self._problem(None, f"{more:,} more damaged event{'s' * (more > 1)}"))
        total = self.sources.total()
        readable = total - self.damaged
        if readable and not self.processes:
            none = f"none of its {readable:,} events tells" if readable > 1 else "its only event does not tell"
            seen = "only its connections and name queries" if self.network else "nothing in it"
            found.append(self._problem(None, _NO_PROCESS.format(none, seen)))
        for remark, count in self.remarks.items():
            sentence = _sentence(remark)
            if sentence and (remark != times.DAY_OR_MONTH or self.remarks[times.DAY_FIRST]):
                number, row = self.first[remark]
                of = f"{count:,} of {total:,} events, the first is event {number}" if total > 1 else "its only event"
                found.append(self._problem(row, f"{of}: {sentence}"))
        return found

    def _problem(self, row: int | None, problem: str) -> Problem:
        return Problem(str(self.path), row or None, problem)


def _sentence(remark: str) -> str:
    if remark.startswith(classic.LANGUAGE):
        return _OF_LANGUAGE.format(remark.removeprefix(classic.LANGUAGE))
    return _SENTENCES.get(remark, "")

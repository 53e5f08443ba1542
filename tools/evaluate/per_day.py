"""What each detection finds in real events, and what that tells of a day of many hosts: `make evaluate` prints it.

It stands on no page: pages are generated without the events, which are no part of the project.
"""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sandbox.demo import replay
from sandbox.inputs import windows
from ssa.content.detection import SEVERITIES, Detection, severity
from ssa.rows.cells import Row
from ssa.rows.hits import detect
from tools.docs.pages import detections
from tools.evaluate import real_events
from tools.evaluate.real_events import RealEvent
from tools.evaluate.tables import LOW, table

PROCESSES = "Endpoint_Processes"
"""The data model of the events of the folder."""

HOSTS = 10_000
STARTS = 208
"""Process starts of a host and day: 426,045,096 starts and ends on 17,684 computers in 58 days, of which half are
starts (Los Alamos National Laboratory, Comprehensive, Multi-Source Cyber-Security Events, 2015)."""

BUSY_STARTS = 2_000
"""The same for a host of today that is used all day: our assumption, without a source."""

DOUBT = 0.05
"""The chance that is left for the true rate to be above the greatest one given."""

TECHNIQUE = re.compile(r"T[0-9]{4}(?:\.[0-9]{3})?(?![0-9.])")
AMERICAN = "%m/%d/%Y %I:%M:%S %p"


@dataclass
class Found:
    """The hits of a detection: (severity, whether in a recording of its technique) -> how many, and the blind ones.

    `alarms` are the hits outside such recordings with a score above low.
    """

    detection: Detection
    hits: Counter[tuple[str, bool]] = field(default_factory=Counter)
    blind: int = 0
    alarms: int = 0

    def judge(self, row: Row, technique: str) -> None:
        """Run the detection on an event of a recording of a technique, and count its hits."""
        own = technique in self.detection.mitre_attack_id
        for hit in detect(self.detection, row):
            score = float(str(hit.get("risk_score", self.detection.risk_score)))
            if json.loads(str(hit["body"])).get("verdict") == "blind":
                self.blind += 1
                continue
            self.hits[severity(score), own] += 1
            self.alarms += not own and score > LOW

    @property
    def by_severity(self) -> str:
        """The severities of the hits, each with how many are within recordings of its techniques / outside."""
        bands = [(name, self.hits[name, True], self.hits[name, False]) for _, name in SEVERITIES]
        return ", ".join(f"{name} {true} / {false}" for name, true, false in bands if true or false) or "–"


def splunk_row(event: RealEvent) -> Row:
    """Return an event as a search sees it: with the fields of the add-ons, without empty ones."""
    row = replay.row(windows.parse(real_events.as_splunk(event)))
    cells: dict[str, Any] = {name: value for name, value in row.items() if value not in (None, "")}
    return {**cells, "_time": f"{cells['_time']:.3f}"}


def technique(event: RealEvent) -> str:
    """Return the ATT&CK technique that the event's recording is filed under; empty where it is filed under none."""
    named = TECHNIQUE.search(event.source_file)
    return named.group() if named else ""


def host(event: RealEvent) -> str:
    """Return the name of the event's host, without its domain."""
    return event.host.partition(".")[0].lower()


def by_msiexec(path: str | None) -> bool:
    """Tell whether a path is that of a msiexec.exe, wherever it is."""
    return (path or "").lower().rpartition("\\")[2] == "msiexec.exe"


def hour(event: RealEvent) -> datetime:
    """Return the hour in which the event was recorded, in the time zone of its recording."""
    american = "/" in event.time
    time = datetime.strptime(event.time, AMERICAN) if american else datetime.fromisoformat(event.time[:13])
    return time.replace(minute=0, second=0)


def most(hits: int) -> float:
    """Return the greatest mean of a Poisson distribution that gives so few hits with a chance of DOUBT."""
    low, high = float(hits), hits + 5 * math.sqrt(hits + 1)
    for _ in range(60):
        mean = (low + high) / 2
        chance = sum(math.exp(count * math.log(mean) - mean - math.lgamma(count + 1)) for count in range(hits + 1))
        low, high = (mean, high) if chance > DOUBT else (low, mean)
    return high


def measured(events: Iterable[RealEvent], some: Iterable[Detection]) -> list[Found]:
    """Run each detection on each event."""
    found = [Found(detection) for detection in some]
    for event in events:
        row, filed = splunk_row(event), technique(event)
        for one in found:
            one.judge(row, filed)
    return found


def rates(alarms: int, seen: int) -> list[str]:
    """Write how many alarms that is of a million events, and how many of a day, by each number of starts.

    `seen` is the number of events that the alarms were found in.
    """
    if not seen:
        return ["–", "–", "–"]
    days = [[times / seen * starts * HOSTS for times in (alarms, most(alarms))] for starts in (STARTS, BUSY_STARTS)]
    return [f"{alarms / seen * 1_000_000:,.0f}", *(f"{found:,.0f} to {possible:,.0f}" for found, possible in days)]


def report(events: tuple[RealEvent, ...], found: list[Found], others: Iterable[str] = ()) -> str:
    """Write what was found in the events, and what a day of HOSTS hosts may be by that.

    `others` are detections of other events than processes.
    """
    seen = [event for event in events if event.command_line]
    installing = [event for event in events if any(map(by_msiexec, (event.process_path, event.parent_path)))]
    about = (
        f"{len(events):,} process events, {len(seen):,} of them with a command line and {len(installing):,} with "
        f"msiexec as process or parent, of {len({*map(host, events)}):,} hosts in "
        f"{len({(host(event), hour(event)) for event in events}):,} hours in which a host has one, from "
        f"{len({(event.source_repo, event.source_file) for event in events}):,} recordings of attacks "
        f"({', '.join(sorted({event.source_repo for event in events}))}).\n"
    )
    rows = (
        [one.detection.name, str(one.hits.total()), one.by_severity, str(one.blind), str(one.alarms),
         *rates(one.alarms, len(seen))]
        for one in found
    )  # fmt: skip
    head = ["detection", "hits", "by severity, true / false", "blind", "false, above low", "of a million",
            f"a day at {STARTS:,} starts", f"a day at {BUSY_STARTS:,} starts"]  # fmt: skip
    lacking = "".join(f"No event here is one that *{name}* reads: it was not tried.\n\n" for name in others)
    return f"## Real events\n\n{about}\n{table(head, rows)}\n{lacking}{ASSUMED}"


ASSUMED = f"""True is a hit in a recording of one of the detection's own techniques, false one in any other: the events
themselves are not labelled, and a recording of an attack has harmless events, too. Blind hits have the score 0 and add
no risk. The rates are those of false hits above low; a million counts the events with a command line alone, as most
detections need one.

The days are those of {HOSTS:,} hosts. They assume that the hosts start processes like these ones, that false hits come
one by one, and that a host starts {STARTS:,} processes a day (half of 426,045,096 starts and ends on 17,684 computers
in 58 days: Los Alamos National Laboratory, 2015) or {BUSY_STARTS:,} (no source: our assumption). Each range is from
what was found to the most that so few events leave possible, with a confidence of {1 - DOUBT:.0%}.

None of these assumptions holds well. The hosts are servers and few clients of laboratories, recorded around attacks,
with hardly any installation of software, which is what makes false alarms here. Days of so many hosts cannot be
foretold from so few events: a detection that is silent here does not fire on everything, and more is not shown. Count
your own for a week: run each detection's search before its risk action is switched on.
"""


def text() -> str:
    """Write the section; one line where no folder of real events is named. Raises OSError for a folder without them."""
    folder = real_events.folder()
    if folder is None:
        return f"Real events: set {real_events.FOLDER} to a folder that has them, and their hits are counted here.\n"
    events = real_events.load(folder)
    some = detections()
    tried = [detection for detection in some if detection.datamodel == PROCESSES]
    return report(events, measured(events, tried), [each.name for each in some if each not in tried])

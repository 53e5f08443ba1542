"""The alert action `ssa_risk`: payload and results file -> risk events -> the risk index, each once in effect."""

from __future__ import annotations

import functools
import itertools
import time
import traceback
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import IO, Callable, TextIO, TypeVar

from ssa.content import message_fields
from ssa.content.conf import APP, HOME
from ssa.content.detection import Catalogue, Detection, DetectionError
from ssa.rows import cells
from ssa.rows.cells import Row

from . import payload, results, risk, stash
from .display import shorten
from .entities import Ignored
from .log import Log
from .payload import Action, Limits
from .process import (
    DEADLINE,
    EXIT_DEFECT,
    EXIT_DETECTION,
    EXIT_INPUT,
    EXIT_OK,
    EXIT_SPLUNKD,
    EXIT_USAGE,
    ONE_REQUEST,
    QUERIES,
    start,
)
from .sink import Ledger, Patience, Sink, SinkError
from .spool import Spool

LONGEST_NAME = 1_000
"""Characters of a detection's name that are looked at."""

BATCH = 250
"""Risk events in one file or request: at most 2.5 MB, all that is held of them at a time."""

PROGRESS = 2_000
"""Risk events after which the log reports the progress."""

MOST_LOGGED = 20
"""Problems of one kind that are logged; the rest is counted."""

CUT, LONGEST_CUT = "ssa_cut", 300
"""The column of the row by which a set's search names what it cut, and how much of a value is logged."""

CUT_ADVICE = (
    "the others got no risk, so that no other detection lost any. Leave out what is usual (lookup ssa_allow_list, or "
    "local/ssa_detection_settings.conf); the macros ssa_set_most and ssa_set_results are the limits"
)

NO_BACKFILL = (
    "a backfill needs the ledger (lookup ssa_risk_ledger), or it would write once more what is there: {}. Start the "
    "same backfill again then: what it has written it does not write twice"
)

LEDGER_AGE = 30 * 86_400
"""Seconds that the ledger remembers a risk event."""

NONE: set[str] = set()

Answer = TypeVar("Answer")


class Run:
    """One run of the action: counts, and the worst that happened. Raises PayloadError for a wrong index."""

    def __init__(self, action: Action, log: Log, limits: Limits) -> None:
        payload.check_index(action.index, limits)
        self.action, self.log, self.limits = action, log, limits
        self.catalogue = Catalogue.of_app(APP)
        for problem in self.catalogue.settings.problems:
            log("WARN", problem)
        seconds, pause = limits.seconds * DEADLINE - time.process_time(), limits.seconds / 600
        self.patience = Patience(log, seconds, pause=pause)
        self.queries, self.substituted = (
            Patience(log, seconds, budget=limits.seconds * QUERIES, pause=pause) for _ in range(2)
        )
        self.sinks: list[Sink] = []
        self.ledger: Ledger | None = None
        self.unknown = ""
        self.used: dict[str, None] = {}
        self.detections: dict[str, tuple[Detection, ...]] = {}
        self.seen: set[str] = set()
        self.unnoted: list[str] = []
        self.rows = self.events = self.written = self.known = self.lost = self.ignored = 0
        self.problems: Counter[int] = Counter()

    def fail(self, code: int, problem: str) -> None:
        """Log an error and note its exit code; the run goes on."""
        self.problems[code] += 1
        if self.problems[code] <= MOST_LOGGED:
            self.log("ERROR", problem)

    def summary(self) -> str:
        """Return the counts so far as one line of the log."""
        action = self.action
        return (
            f'search="{action.search_name}" sid={action.sid} results={self.rows} risk_events={self.events} '
            f"written={self.written} written_before={self.known} not_written={self.lost} ignored={self.ignored} "
            f"index={action.index} dry_run={int(action.dry_run)} sink={','.join(self.used) or 'none'} "
            f"problems={sum(self.problems.values())}"
        )

    def execute(self) -> int:
        """Write the risk events of the results that were not written before, or log them; return the exit code."""
        rows = self.readable(results.read(self.action.results_file, HOME, self.skip))
        first = list(itertools.islice(rows, 1))
        if first and self.connect():
            for batch in batches(self.lines(itertools.chain(first, rows))):
                self.write(batch)
            self.finish()
        if 0 < self.limits.results <= self.rows and not self.action.result_id:
            # One that found exactly so many looks the same; a search that does so each time is cut off each time.
            self.fail(
                EXIT_INPUT,
                f"the search gave {self.rows} results, the most that an alert gets: it may have found more, which get "
                f"no risk. Set maxresults above {self.limits.results} for ssa_risk in local/alert_actions.conf, or "
                "narrow the search's time range or its filter",
            )
        code = max(self.problems, default=EXIT_OK)
        self.log("ERROR" if code else "INFO", f"{self.summary()} exit_code={code}")
        return code

    def skip(self, problem: results.ResultsError) -> None:
        """Count a result that is left out, and report it."""
        self.rows += 1
        self.fail(EXIT_INPUT, str(problem))

    def readable(self, rows: Iterator[dict[str, cells.Cell]]) -> Iterator[dict[str, cells.Cell]]:
        """Yield the results that can be read, numbered; what cannot is an error, and ends them."""
        try:
            for row in rows:
                self.rows += 1
                row.setdefault("rid", self.action.result_id or str(self.rows - 1))
                yield row
        except results.ResultsError as error:
            self.fail(EXIT_INPUT, str(error))
        except Exception:
            self.fail(EXIT_DEFECT, f"the results failed, please report this: {traceback.format_exc()}")

    def connect(self) -> bool:
        """Choose sinks and ledger, and read the ignored entities; return False when nothing may be written."""
        from .rest import guard, lookups, receivers  # here: they load longer than a search needs
        from .rest import session as rest

        action, name, no_entries = self.action, self.action.search_name, list[Ignored]()
        if self.limits.spool:
            spool = Spool(HOME, action.index, name, action.server_host)
            spool.clean()
            self.sinks.append(spool)
        timeout = min(rest.TIMEOUT, self.limits.seconds * ONE_REQUEST)
        try:
            session = rest.Session(action.server_uri, action.session_key, timeout)
        except SinkError as error:
            if not self.sinks or action.historic:
                self.fail(EXIT_SPLUNKD, f"nothing was written: {error}")
                return False
            self.log("WARN", f"going on without ledger, ignored entities and double-score guard: {error}")
            self.context = risk.Context(name, action.sid, time.time())
            return True
        self.sinks.append(receivers.Receivers(session, action.index, name, action.server_host))
        self.ledger = lookups.KvLedger(session, action.index)
        if action.historic and not self.may_backfill(self.ledger):
            return False
        ignored = self.query("the lookup of ignored entities", lambda: lookups.ignored(session), no_entries)
        self.context = risk.Context(name, action.sid, time.time(), tuple(ignored), action.historic)
        other = self.query(
            "the double-score guard", lambda: guard.other_risk(session, name, action.owner, action.app), ""
        )
        if other:
            self.fail(
                EXIT_USAGE,
                f'"{name}" adds risk in Enterprise Security as well ({other}): every hit would score twice, so nothing '
                "was written. Choose one: turn that off for this search, or action.ssa_risk",
            )
        return not other

    def may_backfill(self, ledger: Ledger) -> bool:
        """Return whether the ledger can be written, by dropping its old entries: a run that is not historic goes on."""
        try:
            self.queries("the ledger", lambda: ledger.forget(time.time() - LEDGER_AGE))
        except SinkError as error:
            self.fail(EXIT_SPLUNKD, f"nothing was written: {NO_BACKFILL.format(error)}")
            return False
        return True

    def query(self, what: str, request: Callable[[], Answer], default: Answer) -> Answer:
        """Return splunkd's answer, or a default with a warning: a query that fails must not cost risk."""
        try:
            return self.queries(what, request)
        except SinkError as error:
            self.log("WARN", f"{what}: going on without: {error}")
            return default

    def lines(self, rows: Iterable[Row]) -> Iterator[tuple[str, str]]:
        """Yield the id and the line of each risk event of the results, once."""
        for row in rows:
            try:
                if self.is_of_cuts(row):
                    continue
                for detection in self.detection(row):
                    for risk_event in self.row_events(detection, row):
                        id = str(risk_event["risk_event_id"])
                        if id not in self.seen:
                            self.seen.add(id)
                            self.events += 1
                            yield id, stash.line(risk_event)
            except Exception:
                # A defect of ours, found by one row, must not cost the others their risk.
                self.fail(EXIT_DEFECT, f"result {self.rows} failed, please report this: {traceback.format_exc()}")

    def is_of_cuts(self, row: Row) -> bool:
        """Return whether a row names what a set's search cut, in place of a hit; log it.

        No event can be one: a hit of ssadetect has a detection.
        """
        cuts = [] if self.action.detection or cells.text(row.get("detection")) else cells.values(row.get(CUT))
        for cut in cuts:
            self.log("WARN", f'"{self.action.search_name}" kept hits of {shorten(cut, LONGEST_CUT)}: {CUT_ADVICE}')
        return bool(cuts)

    def detection(self, row: Row) -> tuple[Detection, ...]:
        """Return the detection of a row; empty when it is unknown, which is logged once for each name."""
        name = (self.action.detection or cells.text(row.get("detection")) or "")[:LONGEST_NAME]
        if name not in self.detections:
            try:
                if not name:
                    raise DetectionError(
                        "the results have no column 'detection': end the search with | ssadetect, "
                        "or name the detection in the action's parameter detection"
                    )
                self.detections[name] = (self.catalogue.find(name),)
                for problem in message_fields.unsupplied(self.detections[name][0]):
                    self.log("WARN", f"{name}: {problem}")
            except DetectionError as error:
                self.detections[name] = ()
                self.fail(EXIT_DETECTION, str(error))
        return self.detections[name]

    def row_events(self, detection: Detection, row: Row) -> list[risk.RiskEvent]:
        """Return the risk events of one result; a result without a victim is an error, unless all are ignored."""
        outcome = risk.risk_events(detection, row, self.context)
        self.ignored += outcome.ignored
        if outcome.left_out:
            self.fail(EXIT_INPUT, f"result {self.rows} names {outcome.left_out} victims too many: they get no risk")
        if not outcome.events and not outcome.ignored:
            victims = ", ".join(o.name for o in detection.observables if o.role == "Victim")
            why = f"no value in any of {victims}" if victims else "the detection has no observable with the role Victim"
            self.fail(EXIT_INPUT, f"result {self.rows} of {detection.name} names no victim: {why}")
        return outcome.events

    def write(self, batch: Sequence[tuple[str, str]]) -> None:
        """Write a batch, without what the ledger knows, and note it there; what splunkd does not take is reported."""
        first, last = self.events - len(batch) + 1, self.events
        patience = self.patience if self.action.historic else self.queries
        known = self.query_ledger(lambda ledger: ledger.known([id for id, _ in batch]), NONE, patience)
        if self.action.historic and self.ledger is None:
            self.lost += len(batch)
            self.fail(
                EXIT_SPLUNKD, f"risk events {first} to {last} were not written: {NO_BACKFILL.format(self.unknown)}"
            )
            return
        self.known += len(known)
        fresh = [(id, line) for id, line in batch if id not in known]
        if self.action.dry_run:
            for _, line in fresh:
                self.log("INFO", f"dry_run, not written: {line}")
        elif fresh:
            which = f"risk events {first} to {last}"
            try:
                self.deliver(which, [line for _, line in fresh])
            except SinkError as error:
                self.lost += len(fresh)
                self.fail(EXIT_SPLUNKD, f"{which} were not written: {error}")
                return
            self.written += len(fresh)
            # After the event, never before: a crash between the two writes it again, and readers see one.
            self.unnoted += [id for id, _ in fresh]
            self.note(self.queries)
        if last // PROGRESS > (first - 1) // PROGRESS:
            self.log("INFO", f"results so far: {self.rows}, risk events written: {self.written}")

    def deliver(self, which: str, lines: Sequence[str]) -> None:
        """Write lines by the first sink that takes them; raises SinkError that tells of each."""
        problems: list[str] = []
        for number, sink in enumerate(self.sinks):
            patience = self.patience if number == len(self.sinks) - 1 else self.substituted
            write = functools.partial(sink.write, lines)
            try:
                patience(which, write) if patience.budget > 0 else write()
            except SinkError as error:
                problems.append(f"{sink.name}: {error}")
            else:
                if problems and sink.name not in self.used:
                    self.log("WARN", f"{which} were written by {sink.name} instead. {problems[0]}")
                self.used[sink.name] = None
                return
        raise SinkError("; ".join(problems))

    def note(self, patience: Patience) -> None:
        """Note in the ledger what was written; what it does not take now is noted again later."""

        def request(ledger: Ledger) -> bool:
            ledger.note(self.unnoted, time.time())
            return True

        if self.unnoted:
            noted = self.query_ledger(request, False, patience)
            self.unnoted = [] if noted else self.unnoted

    def query_ledger(self, request: Callable[[Ledger], Answer], default: Answer, patience: Patience) -> Answer:
        """Return the ledger's answer, or a default: the risk rules count a repeated risk_event_id once."""
        ledger = self.ledger
        if ledger is None or patience.budget <= 0:
            return default
        try:
            return patience("the ledger", lambda: request(ledger))
        except SinkError as error:
            if not error.temporary or self.action.historic:
                self.ledger, self.unknown = None, str(error)
            self.log("WARN", f"going on without the ledger, so a hit that is found again is written again: {error}")
            return default

    def finish(self) -> None:
        """Note in the ledger what it does not have yet, and drop its old entries."""
        self.note(self.patience)
        if self.written:
            self.query_ledger(lambda ledger: ledger.forget(time.time() - LEDGER_AGE), None, self.queries)


def batches(lines: Iterator[tuple[str, str]]) -> Iterator[list[tuple[str, str]]]:
    """Yield BATCH lines at a time."""
    while batch := list(itertools.islice(lines, BATCH)):
        yield batch


def main(argv: Sequence[str], stdin: IO[bytes], stderr: TextIO) -> int:
    """Run the action as splunkd starts it; return the exit code."""
    return start("ssa_risk", Run, argv, stdin, stderr)

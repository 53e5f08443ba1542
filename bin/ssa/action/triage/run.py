"""One run of the action: payload and results file -> rows of ssa_alerts, in the KV store."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from typing import IO, TextIO

from ssa.action import results
from ssa.action.log import Log
from ssa.action.payload import Action, Limits
from ssa.action.process import DEADLINE, EXIT_INPUT, EXIT_OK, EXIT_SPLUNKD, ONE_REQUEST, start
from ssa.action.sink import Patience, SinkError
from ssa.content.conf import HOME
from ssa.rows.cells import Row

from . import alerts
from .alerts import Record

CLOSED_AGE = 90 * 86_400
"""Seconds that a closed alert is kept after its last change."""

MOST_LOGGED = 20
"""Problems with results that are logged; the rest is counted."""


class Run:
    """One run of the action: counts, and the worst that happened."""

    def __init__(self, action: Action, log: Log, limits: Limits) -> None:
        self.action, self.log, self.limits = action, log, limits
        seconds = limits.seconds * DEADLINE - time.process_time()
        self.patience = Patience(log, seconds, pause=limits.seconds / 120)
        self.due = alerts.due(action.sid, time.time())
        self.rows = self.new = self.again = self.lost = self.problems = 0
        self.code = EXIT_OK

    def fail(self, code: int, problem: str) -> None:
        """Log an error and note its exit code; the run goes on."""
        self.code = max(self.code, code)
        self.problems += 1
        if self.problems <= MOST_LOGGED:
            self.log("ERROR", problem)

    def summary(self) -> str:
        """Return the counts so far as one line of the log."""
        return (
            f'search="{self.action.search_name}" sid={self.action.sid} results={self.rows} new={self.new} '
            f"raised_again={self.again} not_kept={self.lost} problems={self.problems}"
        )

    def execute(self) -> int:
        """Keep the alerts of the results; return the exit code."""
        raised: dict[str, Record] = {}
        try:
            for row in results.read(self.action.results_file, HOME, self.skip):
                self.rows += 1
                self.take(raised, row)
        except results.ResultsError as error:
            self.fail(EXIT_INPUT, str(error))
        if 0 < self.limits.results <= self.rows and not self.action.result_id:
            self.fail(
                EXIT_INPUT,
                f"the search gave {self.rows} results, the most that an alert gets: others may be missing. Narrow the "
                f"search, or set maxresults above {self.limits.results} for ssa_alert in local/alert_actions.conf",
            )
        if raised:
            self.keep(raised)
        self.log("ERROR" if self.code else "INFO", f"{self.summary()} exit_code={self.code}")
        return self.code

    def skip(self, problem: results.ResultsError) -> None:
        """Count a result that is left out, and report it."""
        self.rows += 1
        self.fail(EXIT_INPUT, str(problem))

    def take(self, raised: dict[str, Record], row: Row) -> None:
        """Add the alert of a result to those that are raised, by subject; one without an entity is an error."""
        action = self.action
        record = alerts.record(row, action.search_name, action.severity, self.due)
        if record is None:
            self.fail(
                EXIT_INPUT,
                f'result {self.rows} of "{action.search_name}" names no user or device, so it is not kept: let the '
                "search end with the columns risk_object and risk_object_type (user, system or other), or with user "
                "and device",
            )
        elif record["subject"] in raised:
            first = raised[record["subject"]]
            raised[record["subject"]] = {**alerts.merged(record, [first]), "times": 1}
        else:
            raised[record["subject"]] = record

    def keep(self, raised: dict[str, Record]) -> None:
        """Write the alerts into the KV store; what it does not take is logged as it would be written."""
        from ssa.action.rest import alerts as store  # here: it loads longer than the results need
        from ssa.action.rest import session as rest

        rows = [*raised.values()]
        try:
            timeout = min(rest.TIMEOUT, self.limits.seconds * ONE_REQUEST)
            kept = store.KvAlerts(rest.Session(self.action.server_uri, self.action.session_key, timeout))
            there = self.patience("reading the lookup ssa_alerts", lambda: kept.of([*raised]))
            by_subject: dict[str, list[Record]] = {}
            for one in there:
                by_subject.setdefault(str(one.get("subject")), []).append(one)
            rows = [alerts.merged(one, by_subject.get(subject, [])) for subject, one in raised.items()]
            self.patience("writing the lookup ssa_alerts", lambda: kept.save(rows))
        except SinkError as error:
            self.lost = len(rows)
            self.fail(EXIT_SPLUNKD, f"{len(rows)} alerts were not kept: {error}. docs/triage.md has how to keep them")
            for row in rows:
                self.log("ERROR", f"not kept: record={json.dumps(row)}")
            return
        self.new = sum(row["times"] == 1 for row in rows)
        self.again = len(rows) - self.new
        try:
            self.patience("pruning the lookup ssa_alerts", lambda: kept.forget(self.due - CLOSED_AGE))
        except SinkError as error:
            self.log("WARN", f"closed alerts older than {CLOSED_AGE // 86_400} days stay until the next run: {error}")


def main(argv: Sequence[str], stdin: IO[bytes], stderr: TextIO) -> int:
    """Run the action as splunkd starts it; return the exit code."""
    return start("ssa_alert", Run, argv, stdin, stderr)

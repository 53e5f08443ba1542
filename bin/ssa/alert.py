"""The alert action `ssa_risk`: payload and results file -> risk events -> the risk index."""

from __future__ import annotations

import json
import time
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import IO, Any, Callable, TextIO

from . import event, results, risk, stash
from .conf import APP, ConfError, is_true
from .detection import Catalogue, Detection, DetectionError
from .event import Row

EXIT_OK, EXIT_USAGE, EXIT_INPUT, EXIT_DETECTION, EXIT_SPLUNKD, EXIT_DEFECT = range(6)
"""Exit codes: done; the action is set up wrongly; the results; a detection; splunkd did not take the events; a bug."""

MAX_RESULTS = 10_000
"""How many results splunkd gives us at most: maxresults in alert_actions.conf."""

BATCH = 500
"""Risk events in one request: at most 5 MB."""


class PayloadError(Exception):
    """A payload that splunkd would not send, or a parameter of the action that is wrong."""


@dataclass(frozen=True)
class Action:
    """What splunkd and the user told the action."""

    search_name: str
    sid: str
    results_file: str
    server_uri: str
    server_host: str
    session_key: str
    detection: str
    index: str
    dry_run: bool


def read_action(stream: IO[bytes]) -> Action:
    """Read the payload from stdin, which is UTF-8 whatever the server's locale; raises PayloadError."""
    try:
        payload = json.loads(stream.read().decode("utf-8"))
    except ValueError as error:
        raise PayloadError(f"the payload on stdin is no JSON: {error}") from error
    if not isinstance(payload, dict):
        raise PayloadError("the payload on stdin is no JSON object")
    settings = payload.get("configuration") or {}
    if not isinstance(settings, dict):
        raise PayloadError("configuration in the payload is no JSON object")

    def text(source: Mapping[str, Any], key: str, default: str = "") -> str:
        return str(source.get(key) or default)

    for key in ("results_file", "server_uri", "session_key"):
        if not payload.get(key):
            raise PayloadError(f"the payload has no {key}: is payload_format = json set in alert_actions.conf?")
    try:
        dry_run = is_true(text(settings, "dry_run", "0"))
    except ValueError as error:
        raise PayloadError(f"parameter dry_run: {error}") from error
    return Action(
        search_name=text(payload, "search_name", "ad hoc"),
        sid=text(payload, "sid"),
        results_file=text(payload, "results_file"),
        server_uri=text(payload, "server_uri"),
        server_host=text(payload, "server_host"),
        session_key=text(payload, "session_key"),
        detection=text(settings, "detection").strip(),
        index=text(settings, "index", "risk").strip(),
        dry_run=dry_run,
    )


class Run:
    """One run of the action: counts, and the worst that happened."""

    def __init__(self, action: Action, log: Callable[[str, str], None]) -> None:
        self.action = action
        self.log = log
        self.catalogue = Catalogue.of_app(APP)
        self.context = risk.Context(action.search_name, action.sid, time.time())
        self.detections: dict[str, tuple[Detection, ...]] = {}
        self.rows = self.written = 0
        self.code = EXIT_OK

    def fail(self, code: int, problem: str) -> None:
        """Log an error, and remember the exit code; the rest goes on."""
        self.log("ERROR", problem)
        self.code = max(self.code, code)

    def detection(self, row: Row) -> tuple[Detection, ...]:
        """Return the detection of a row (none when it cannot be told, which is logged once for each name)."""
        name = self.action.detection or event.text(row.get("detection")) or ""
        if name not in self.detections:
            try:
                if not name:
                    raise DetectionError(
                        "the results have no column 'detection': end the search with | ssadetect, "
                        "or name the detection in the action's parameter detection"
                    )
                self.detections[name] = (self.catalogue.find(name),)
            except DetectionError as error:
                self.detections[name] = ()
                self.fail(EXIT_DETECTION, str(error))
        return self.detections[name]

    def lines(self) -> list[str]:
        """Return the risk events of all results that can be read, as lines of the index."""
        found: list[str] = []
        try:
            for row in results.read(self.action.results_file):
                self.rows += 1
                row.setdefault("rid", str(self.rows - 1))
                try:
                    for detection in self.detection(row):
                        found.extend([stash.line(event) for event in self.row_events(detection, row)])
                except Exception:
                    # A defect of ours, found by one row, must not cost the others their risk.
                    self.fail(EXIT_DEFECT, f"result {self.rows} failed, please report this: {traceback.format_exc()}")
        except results.ResultsError as error:
            self.fail(EXIT_INPUT, str(error))
        if self.rows >= MAX_RESULTS:
            self.log("WARN", f"the search gave {MAX_RESULTS} results, the most that an alert gets: there may be more")
        return found

    def row_events(self, detection: Detection, row: Row) -> list[risk.RiskEvent]:
        """Return the risk events of one result; a result that names nobody is an error."""
        found = risk.risk_events(detection, row, self.context)
        if not found:
            victims = ", ".join(o.name for o in detection.observables if o.role == "Victim")
            why = f"no value in any of {victims}" if victims else "the detection has no observable with the role Victim"
            self.fail(EXIT_INPUT, f"result {self.rows} of {detection.name} names no victim: {why}")
        return found

    def write(self, lines: Sequence[str]) -> None:
        """Write the lines in batches; a batch that splunkd does not take is reported, the others are still tried."""
        from . import splunkd  # here, because a dry run and a search without hits need no client

        try:
            sink = splunkd.Receivers(self.action.server_uri, self.action.session_key, self.action.index)
        except splunkd.SinkError as error:
            self.fail(EXIT_SPLUNKD, str(error))
            return
        for start in range(0, len(lines), BATCH):
            batch = lines[start : start + BATCH]
            try:
                sink.write(batch, self.action.search_name, self.action.server_host)
                self.written += len(batch)
            except splunkd.SinkError as error:
                last = start + len(batch)
                self.fail(EXIT_SPLUNKD, f"risk events {start + 1} to {last} were not written: {error}")


def main(argv: Sequence[str], stdin: IO[bytes], stderr: TextIO) -> int:
    """Run the action as splunkd starts it (`--execute`, payload on stdin); return the exit code."""

    def log(level: str, text: str) -> None:
        # One line each, whatever a value holds: splunkd reads the level from the start of a line.
        stderr.write(f"{level} {stash.visible(text)}\n")
        stderr.flush()

    if "--execute" not in argv[1:]:
        log("ERROR", "ssa_risk is an alert action: splunkd starts it with --execute and a payload on stdin")
        return EXIT_USAGE
    try:
        return execute(read_action(stdin), log)
    except (PayloadError, ConfError) as error:
        log("ERROR", str(error))
        return EXIT_USAGE
    except Exception:
        # A defect of ours must be one line that can be searched for, not a traceback in pieces.
        log("ERROR", f"ssa_risk failed, please report this: {traceback.format_exc()}")
        return EXIT_DEFECT


def execute(action: Action, log: Callable[[str, str], None]) -> int:
    """Write the risk events of the results, or log them (dry run); return the exit code."""
    run = Run(action, log)
    lines = run.lines()
    if action.dry_run:
        for text in lines:
            log("INFO", f"dry_run, not written: {text}")
    elif lines:
        run.write(lines)
    log(
        "INFO" if run.code == EXIT_OK else "ERROR",
        f'search="{action.search_name}" sid={action.sid} results={run.rows} risk_events={len(lines)} '
        f"written={run.written} index={action.index} dry_run={int(action.dry_run)} exit_code={run.code}",
    )
    return run.code

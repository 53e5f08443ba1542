"""What both alert actions are as processes: how they start, exit codes, shares of the time that splunkd leaves."""

from __future__ import annotations

import os
import threading
import time
import traceback
from collections.abc import Sequence
from typing import IO, Callable, Protocol, TextIO

from ssa.content.conf import ConfError

from . import payload
from .log import Log
from .payload import Action, Limits, PayloadError

EXIT_OK, EXIT_USAGE, EXIT_INPUT, EXIT_DETECTION, EXIT_SPLUNKD, EXIT_DEFECT = range(6)
"""Exit codes: done; the action is set up wrongly; the results; a detection; splunkd took not all; a bug."""

ONE_REQUEST, QUERIES, DEADLINE, WATCHDOG = 0.1, 0.2, 0.75, 0.9
"""Shares of maxtime: one request may take so much; queries that fail may cost so much, so that events have the rest,
and so may the tries of a sink before another stands in for it; nothing is begun later; the process ends itself.
splunkd would kill it at 1, without a message. What Python took to start is part of the time: time.process_time() knows
most of it."""


class Run(Protocol):
    """One run of an action."""

    def summary(self) -> str:
        """Return the counts so far as one line of the log."""

    def execute(self) -> int:
        """Do it; return the exit code."""


Begin = Callable[[Action, Log, Limits], Run]


def start(name: str, begin: Begin, argv: Sequence[str], stdin: IO[bytes], stderr: TextIO) -> int:
    """Run an action as splunkd starts it (`--execute`, payload on stdin); return the exit code."""
    log = Log(stderr)
    if "--execute" not in argv[1:]:
        log("ERROR", f"{name} is an alert action: splunkd starts it with --execute and a payload on stdin")
        return EXIT_USAGE
    try:
        limits = payload.limits(log, action=name)
        action = payload.read_action(stdin)
        log.secret = action.session_key
        run = begin(action, log, limits)
        watchdog = watch(log, run.summary, limits.seconds * WATCHDOG - time.process_time())
        try:
            return run.execute()
        finally:
            watchdog.cancel()
    except (PayloadError, ConfError) as error:
        log("ERROR", str(error))
        return EXIT_USAGE
    except Exception:
        # A defect of ours must be one line that can be searched for, not a traceback in pieces.
        log("ERROR", f"{name} failed, please report this: {traceback.format_exc()}")
        return EXIT_DEFECT


def watch(log: Callable[[str, str], None], summary: Callable[[], str], seconds: float) -> threading.Timer:
    """End the process after so many seconds, with a message: splunkd would kill it a little later without one."""

    def end() -> None:
        # Where no process reads the log, writing to it would wait for ever.
        last = threading.Timer(1, os._exit, [EXIT_SPLUNKD])
        last.daemon = True
        last.start()
        log("ERROR", f"out of time after {seconds:.1f} s, what was not written yet is lost: {summary()}")
        os._exit(EXIT_SPLUNKD)

    timer = threading.Timer(seconds, end)
    timer.daemon = True
    timer.start()
    return timer

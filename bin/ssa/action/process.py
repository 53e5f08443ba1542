"""What both alert actions are as processes: exit codes, shares of the time that splunkd leaves, and the watchdog."""

from __future__ import annotations

import os
import threading
from typing import Callable

EXIT_OK, EXIT_USAGE, EXIT_INPUT, EXIT_DETECTION, EXIT_SPLUNKD, EXIT_DEFECT = range(6)
"""Exit codes: done; the action is set up wrongly; the results; a detection; splunkd took not all; a bug."""

ONE_REQUEST, QUERIES, DEADLINE, WATCHDOG = 0.1, 0.2, 0.75, 0.9
"""Shares of maxtime: one request may take so much; queries that fail may cost so much, so that events have the rest,
and so may the tries of a sink before another stands in for it; nothing is begun later; the process ends itself.
splunkd would kill it at 1, without a message. What Python took to start is part of the time: time.process_time() knows
most of it."""


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

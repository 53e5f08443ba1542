"""Where risk events go, and how often that is tried.

Sinks are the spool (spool.py) and splunkd's receivers (rest/receivers.py), the ledger is in the KV store
(rest/lookups.py). `alert.Run.connect` chooses them: the only place that names an implementation.
"""

from __future__ import annotations

import itertools
import math
import random
import time
from collections.abc import Sequence
from typing import Any, Callable, Protocol, TypeVar

ATTEMPTS = 5
"""How often a request is tried whose failure may be its own, such as status 500."""

BUSY = (0, 429, 502, 503, 504)
"""What any request would meet, 0 being no answer: tried as long as there is time, for others would fare no better."""

Answer = TypeVar("Answer")


class SinkError(Exception):
    """What was not done; the message names cause and remedy.

    `temporary` is True where the same may succeed later; `status` is the HTTP status, 0 without an answer, None where
    no request was made; `after` is the wait in seconds that splunkd requests.
    """

    def __init__(self, problem: str, temporary: bool = False, status: int | None = 0, after: float = 0.0) -> None:
        super().__init__(problem)
        self.temporary, self.status, self.after = temporary, status, after


class Sink(Protocol):
    """Takes lines as events of the risk index; `name` is how the log calls it."""

    name: str

    def write(self, lines: Sequence[str]) -> None:
        """Write lines as events, all or none as far as can be known; raises SinkError."""


class Ledger(Protocol):
    """Remembers the risk events that were written to an index, by risk_event_id, for a bounded time."""

    def known(self, ids: Sequence[str]) -> set[str]:
        """Return those of the ids that were written before; raises SinkError."""

    def note(self, ids: Sequence[str], time: float) -> None:
        """Remember ids as written at a time (epoch s); raises SinkError."""

    def forget(self, before: float) -> None:
        """Drop what was noted before a time (epoch s); raises SinkError."""


class Patience:
    """Tries again what may succeed later, with growing pauses.

    Nothing is begun when `seconds` are over, nor when failed tries and pauses have cost `budget` seconds. A request
    that keeps failing gets no more than half of the time that is left, so that some stays for others. `pause` is the
    first one, seconds; `clock` and `sleep` are time's, `log` gets (level, text).
    """

    def __init__(
        self,
        log: Callable[[str, str], None],
        seconds: float,
        budget: float = math.inf,
        pause: float = 0.5,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Any] = time.sleep,
    ) -> None:
        self.log, self.budget, self.first, self.longest = log, budget, pause, 16 * pause
        self.clock, self.sleep = clock, sleep
        self.deadline = clock() + seconds

    def __call__(self, what: str, request: Callable[[], Answer]) -> Answer:
        """Return a request's answer; raises its last SinkError when it stays temporary, or at once when it is not."""
        begun = self.clock()
        if begun >= self.deadline or self.budget <= 0:
            raise SinkError("not tried: the time that maxtime in alert_actions.conf leaves is used up", temporary=True)
        end = begun + (self.deadline - begun) / 2
        for attempt in itertools.count(1):
            started = self.clock()
            try:
                return request()
            except SinkError as error:
                failed = self.clock()
                self.budget -= failed - started
                pause = min(self.first * 2 ** min(attempt - 1, 10), self.longest) * random.uniform(0.75, 1.25)
                pause = max(pause, error.after)
                last = attempt >= ATTEMPTS and error.status not in BUSY
                if not error.temporary or last or failed + pause >= end or pause >= self.budget:
                    raise
                self.log("WARN", f"{what}: try {attempt} failed, again in {pause:.2f} s: {error}")
                self.budget -= pause
                self.sleep(pause)
        raise AssertionError("the last try returns or raises")

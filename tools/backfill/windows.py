"""The time ranges of a backfill: whole, one after the other, each from its start up to, not including, its end."""

from __future__ import annotations

from typing import NamedTuple

from tools.backfill.errors import BackfillError

DAY, HOUR = 86_400, 3_600

MOST_DAYS = 29
"""The ledger remembers 30 days: what a scheduled run wrote before that would be written again."""

SETTLE = 600
"""Seconds before the hour at which a backfill ends: where the last hourly run (dispatch.latest_time = -10m@m) ended,
and the next begins. What is later is news, which those runs find."""


class Window(NamedTuple):
    """A time range, epoch s: `start` inclusive, `end` exclusive, as splunkd searches it."""

    start: int
    end: int


def windows(days: int, hours: int, now: float) -> list[Window]:
    """Return the windows of so many hours, the oldest first, that cover the days up to the last hourly run before now.

    None of them reaches over the start of the last day, whose late events are left to the runs that follow.
    Raises BackfillError for numbers that are not allowed.
    """
    if not 1 <= days <= MOST_DAYS:
        raise BackfillError(f"--days is {days}, not 1 to {MOST_DAYS}: the ledger remembers 30 days of what was written")
    if not 1 <= hours <= 24:
        raise BackfillError(f"--hours is {hours}, not 1 to 24")
    end = int(now // HOUR) * HOUR - SETTLE
    parts = ((end - days * DAY, end - DAY), (end - DAY, end))
    return [
        Window(at, min(at + hours * HOUR, until)) for start, until in parts for at in range(start, until, hours * HOUR)
    ]

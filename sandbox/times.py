"""Splunk's relative time modifiers, such as `-70m@m`, as DuckDB's date arithmetic. All times are UTC.

Sources: Search Manual, "Specify time modifiers in your search", and Search Reference, "Time modifiers". Choices of the
sandbox: the user's time zone is UTC; units are lower case; a day of the month that is not there becomes the month's
last day; a fraction of a second in `now` stays unless something snaps it away.
"""

import functools
import re
from datetime import UTC, datetime

import duckdb

from sandbox.errors import SearchError

_SPELLINGS = {
    "SECOND": "s sec secs second seconds",
    "MINUTE": "m min minute minutes",
    "HOUR": "h hr hrs hour hours",
    "DAY": "d day days",
    "WEEK": "w week weeks",
    "MONTH": "mon month months",
    "QUARTER": "q qtr qtrs quarter quarters",
    "YEAR": "y yr yrs year years",
}
UNITS = {word: unit for unit, words in _SPELLINGS.items() for word in words.split()}
"""The units of an offset, with DuckDB's name for each."""

SNAPS = UNITS | {f"w{day}": "WEEK" for day in range(8)}
"""What `@` takes: a unit, or a day of the week, where w0, w7 and a plain week are Sunday."""

_STEP = re.compile(r"(?P<sign>[+-])(?P<count>[0-9]{0,6})(?P<unit>[a-z]+)|@(?P<snap>[a-z]+[0-7]?)")
_ABSOLUTE = "%m/%d/%Y:%H:%M:%S"


class TimeModifierError(SearchError, ValueError):
    """A time modifier that is none, or is not supported."""


def code(modifier: str, moment: str) -> str:
    """Write the SQL that moves a time, given as the SQL of epoch s, by offsets and snaps in their order.

    Raises TimeModifierError for anything that is no chain of them.
    """
    at, time = 0, f"make_timestamp(TRY_CAST(round(({moment}) * 1e6) AS BIGINT))"
    while step := _STEP.match(modifier, at):
        at = step.end()
        if step["snap"] in SNAPS:
            time = _snap(time, step["snap"])
        elif step["unit"] in UNITS:
            time = f"({time} {step['sign']} INTERVAL {step['count'] or 1} {UNITS[step['unit']]})"
        else:
            break
    else:
        if modifier and at == len(modifier):
            return f"epoch({time})"
    raise TimeModifierError(f"Unsupported time modifier '{modifier}'")


def _snap(time: str, to: str) -> str:
    if SNAPS[to] != "WEEK":
        return f"date_trunc('{SNAPS[to]}', {time})"
    days = (int(to[1:]) - 1) % 7 if to[1:].isdigit() else 6  # after Monday, where DuckDB's weeks begin
    return f"(date_trunc('WEEK', {time} - INTERVAL {days} DAY) + INTERVAL {days} DAY)"


@functools.cache
def _database() -> duckdb.DuckDBPyConnection:
    return duckdb.connect()


def resolve(modifier: str, now: float) -> float | None:
    """Return the time that a modifier means, both in epoch s; None, for no bound, if it is empty or 0.

    Takes `now`, `now()`, epoch s, a time as `%m/%d/%Y:%H:%M:%S`, and relative times. Raises TimeModifierError, a
    SearchError, for anything else, such as real-time modifiers.
    """
    if modifier in ("now", "now()"):
        return now
    if re.fullmatch(r"[0-9]{1,12}(\.[0-9]+)?|", modifier):
        return float(modifier or 0) or None
    try:
        if re.match("[0-9]+/", modifier):
            return datetime.strptime(modifier, _ABSOLUTE).replace(tzinfo=UTC).timestamp()
        found = _database().cursor().execute(f"SELECT {code(modifier, repr(now))}").fetchall()
        return float(found[0][0])
    except (ValueError, TypeError, duckdb.Error):
        raise TimeModifierError(f"Unsupported time modifier '{modifier}'") from None

"""The times that Windows and Splunk write into events -> epoch seconds."""

import re
from datetime import UTC, datetime, timedelta, timezone
from typing import NamedTuple

_AFTER_NOON = ("p", "下午", "午後", "오후")
_BLANK = r"[ \t\u00a0\u202f]"

# A row that is a date and a time and nothing else: three numbers, or all of it in one (as WMI writes it).
ROW = (
    rf"(?:(?P<one>[0-9]{{1,4}})[/.\-年]{_BLANK}?(?P<two>[0-9]{{1,2}})[/.\-月]{_BLANK}?(?P<three>[0-9]{{1,4}})[.日]?"
    rf"(?:,?{_BLANK}+|T)(?:(?P<noon>上午|下午|午前|午後|오전|오후){_BLANK}?)?"
    r"(?P<hour>[0-9]{1,2}):(?P<minute>[0-9]{2})(?::(?P<second>[0-9]{2})(?:[.,](?P<fraction>[0-9]{1,9}))?)?"
    rf"(?:{_BLANK}?(?P<half>[AaPp])\.?{_BLANK}?[Mm]\b\.?)?"
    r"|(?P<wmi>[0-9]{14})\.(?P<micro>[0-9]{6}))"
    rf"(?:{_BLANK}*(?P<zone>Z|(?:UTC|GMT)?[+-][0-9]{{1,2}}:?[0-9]{{2}}|[+-][0-9]{{3}}|[A-Z]{{2,5}}))?{_BLANK}*"
)
_ROW = re.compile(ROW)

# The zones of RFC 822, and of Europe; hours from UTC. Others have more than one meaning.
_ZONES = {
    **{"Z": 0, "UTC": 0, "GMT": 0, "UT": 0, "WET": 0, "BST": 1, "WEST": 1, "CET": 1, "CEST": 2, "EET": 2, "EEST": 3},
    **{"EST": -5, "EDT": -4, "CST": -6, "CDT": -5, "MST": -7, "MDT": -6, "PST": -8, "PDT": -7},
}

UNKNOWN_ZONE, DAY_OR_MONTH, DAY_FIRST = "unknown zone", "day or month", "day first"
"""What is worth saying of a time (see census.py)."""


class Moment(NamedTuple):
    """A time in epoch seconds, None for one that does not exist, and what is worth saying of it."""

    seconds: float | None
    remarks: tuple[str, ...] = ()


def iso(text: str) -> float | None:
    """Read a time in ISO 8601, in UTC where it names no zone; None where it is none."""
    try:
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None


def row(text: str) -> Moment:
    """Read a row that ROW matches, in UTC where it names no zone.

    The year is the number of four digits. A point between the numbers means that the day is first, a slash the month,
    as Splunk's forwarders write it wherever they run, unless there is no such month.
    """
    text = text.strip()
    found = _ROW.fullmatch(text)
    if found is None:
        return Moment(None)
    one, two, three, noon, hour, minute, second, fraction, half, wmi, micro, zone = found.groups()
    remarks: tuple[str, ...] = ()
    if wmi:
        year, month, day = int(wmi[:4]), int(wmi[4:6]), int(wmi[6:8])
        hour, minute, second, fraction = wmi[8:10], wmi[10:12], wmi[12:], micro
    elif len(one) == 4:
        year, month, day = int(one), int(two), int(three)
    else:
        year, month, day = int(three), int(one), int(two)
        if text[found.end("one")] != "/":
            month, day = day, month
        elif month > 12:
            month, day, remarks = day, month, (DAY_FIRST,)
        elif not (half or noon) and day <= 12 and day != month:
            remarks = (DAY_OR_MONTH,)
    hours = int(hour)
    if half or noon:
        if not 1 <= hours <= 12:
            return Moment(None)
        hours = hours % 12 + (12 if (half or noon).lower() in _AFTER_NOON else 0)
    try:
        moment = datetime(year + (2000 if year < 100 else 0), month, day, hours, int(minute), int(second or 0))
        offset = _offset(zone)
        if offset is None:
            offset, remarks = timedelta(), (*remarks, UNKNOWN_ZONE)
        seconds = moment.replace(tzinfo=timezone(offset) if offset else UTC).timestamp()
    except (ValueError, OverflowError):
        return Moment(None)
    return Moment(seconds + float(f"0.{fraction}") if fraction else seconds, remarks)


def _offset(zone: str | None) -> timedelta | None:
    """Return how far a zone is from UTC; None for a name that is not known. Raises ValueError."""
    if not zone:
        return timedelta()
    digits = re.search(r"([+-])([0-9:]+)", zone)
    if digits is None:
        hours = _ZONES.get(zone)
        return None if hours is None else timedelta(hours=hours)
    number = digits[2].replace(":", "")
    # WMI writes minutes, all others hours and minutes
    minutes = int(number) if len(number) == 3 and ":" not in digits[2] else int(number[:-2]) * 60 + int(number[-2:])
    return timedelta(minutes=-minutes if digits[1] == "-" else minutes)

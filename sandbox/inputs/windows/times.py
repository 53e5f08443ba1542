"""The times that Windows and Splunk write into events -> epoch seconds."""

import re
from datetime import UTC, datetime
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
# What Splunk's forwarders write: ROW matches it, too, in ten times the time.
SPLUNK = r"(0[1-9]|1[0-2])/([0-3][0-9])/([0-9]{4}) ([01][0-9]):([0-5][0-9]):([0-5][0-9])(?:\.([0-9]{1,9}))? ([AP])M"
_SPLUNK = re.compile(SPLUNK)

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
    found = _SPLUNK.fullmatch(text)
    if found:
        month, day, year, hour, minute, second, fraction, half = found.groups()
        remarks: tuple[str, ...] = (DAY_OR_MONTH,) if day <= "12" and day != month else ()
        return Moment(_seconds((year, month, day), hour, minute, second, fraction, half), remarks)
    found = _ROW.fullmatch(text)
    if found is None:
        return Moment(None)
    one, two, three, noon, hour, minute, second, fraction, half, wmi, micro, zone = found.groups()
    remarks = ()
    if wmi:
        date = wmi[:4], wmi[4:6], wmi[6:8]
        hour, minute, second, fraction = wmi[8:10], wmi[10:12], wmi[12:], micro
    elif len(one) == 4:
        date = one, two, three
    elif text[found.end("one")] != "/" or int(one) > 12:
        date = three, two, one
        remarks = (DAY_FIRST,) if text[found.end("one")] == "/" else ()
    else:
        date = three, one, two
        remarks = (DAY_OR_MONTH,) if int(two) <= 12 and int(one) != int(two) else ()
    offset = _offset(zone)
    if offset is None:
        offset, remarks = 0, (*remarks, UNKNOWN_ZONE)
    return Moment(_seconds(date, hour, minute, second, fraction, half or noon, offset), remarks)


def _seconds(
    date: tuple[str, str, str],
    hour: str,
    minute: str,
    second: str | None,
    fraction: str | None,
    half: str | None,
    offset: int = 0,
) -> float | None:
    """Return a date (year, month, day) and a time in epoch seconds, None if there is no such; `offset`: minutes."""
    year, hours = int(date[0]), int(hour)
    if half:
        if not 1 <= hours <= 12:
            return None
        hours = hours % 12 + (12 if half.lower() in _AFTER_NOON else 0)
    try:
        day = datetime(year + 2000 if len(date[0]) == 2 else year, int(date[1]), int(date[2]), tzinfo=UTC).timestamp()
    except ValueError:
        return None
    if hours > 23 or int(minute) > 59 or int(second or 0) > 60:
        return None
    whole = day + hours * 3600 + (int(minute) - offset) * 60 + int(second or 0)
    return whole + float(f"0.{fraction}") if fraction else whole


def _offset(zone: str | None) -> int | None:
    """Return how many minutes a zone is east of UTC; None for a name that is not known."""
    if not zone:
        return 0
    digits = re.search(r"([+-])([0-9:]+)", zone)
    if digits is None:
        return 60 * _ZONES[zone] if zone in _ZONES else None
    number = digits[2].replace(":", "")
    # WMI writes minutes, all others hours and minutes
    minutes = int(number) if number == digits[2] and len(number) == 3 else int(number[:-2]) * 60 + int(number[-2:])
    return -minutes if digits[1] == "-" else minutes

"""The names of fields: what CIM and SSA call them, and which the app itself adds."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

COUNTERPARTS: dict[str, tuple[str, ...]] = {
    "dest_user_id": ("user",),
    "dest_device_id": ("dest", "host"),
}
"""SSA fields that CIM calls otherwise, each with its columns in the order of preference."""

_SOURCES = {name: (*columns, name) for name, columns in COUNTERPARTS.items()}

BLANKS = (
    " \t\n\v\f\r\x1c\x1d\x1e\x1f\x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u2800\u3000"
)
"""What separates words, and what looks like it."""

PLACEHOLDERS = frozenset({"", "-", "unknown", "null", "(null)", "none", "n/a", "not_translated"})
"""How Windows, add-ons and data models write that a value is missing; in any case, with any blanks around."""

_LONGEST, _BLANKS = max(map(len, PLACEHOLDERS)), frozenset(BLANKS)

COMPUTED = ("_time", "event_id", "_datamodels")
"""Fields of the input event whose text is not as it stands in the row."""

COLUMNS = (
    "detection",
    "detection_id",
    "detection_version",
    "detection_type",
    "start_time",
    "end_time",
    "entities",
    "body",
    "risk_score",
    "risk_severity",
    "finding_id",
    "event_id",
)
"""Columns of a hit, next to the row's own fields and the SSA names that the detection's message needs."""

CONTRIBUTING = ("dest", "user", "parent_process_name", "process_name", "process_path", "process")
"""Columns of the row that a risk event repeats as they are, for readers who do not follow it to its event."""

ACCOUNTS = (("TargetUserName", "TargetUserSid"), ("SubjectUserName", "SubjectUserSid"))
"""Columns of a Windows Security event that name an account, each with that of the account's SID."""


def sources(name: str, columns: Mapping[str, str] = MappingProxyType({})) -> tuple[str, ...]:
    """Return the columns of a row that a field of the input event is read from: the first with a value counts.

    `columns` names those that a detection reads a field from instead of all others.
    """
    return (columns[name],) if name in columns else _SOURCES.get(name) or (name,)


def is_placeholder(text: str) -> bool:
    """Return whether a text stands for a missing value."""
    if len(text) > _LONGEST and text[0] not in _BLANKS and text[-1] not in _BLANKS:
        return False  # as nearly all
    text = text.strip(BLANKS)
    return len(text) <= _LONGEST and text.lower() in PLACEHOLDERS


def is_no_user(text: str) -> bool:
    """Return whether the name of a user stands for a missing one, also behind a domain."""
    return is_placeholder(text.rpartition("\\")[2] if "\\" in text else text)

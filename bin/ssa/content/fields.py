"""The names of fields: what CIM and SSA call them, and which the app itself adds."""

from __future__ import annotations

COUNTERPARTS: dict[str, tuple[str, ...]] = {
    "dest_user_id": ("user",),
    "dest_device_id": ("dest", "host"),
}
"""SSA fields that CIM calls otherwise, each with its columns in the order of preference."""

PLACEHOLDERS = ("", "unknown")
"""How a missing value shows in a data model: the same event must look the same from raw and from tstats."""

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

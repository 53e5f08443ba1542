"""The alerts that wait for an analyst, in the KV store: lookup ssa_alerts."""

from __future__ import annotations

from collections.abc import Sequence

from .collection import Collection, Record
from .session import Session

ALERTS = "ssa_alerts"
"""KV-store collection of ours (collections.conf)."""

SUBJECTS_IN_A_QUERY = 100
"""Subjects that one query of a batch_find names."""


class KvAlerts:
    """The rows of ssa_alerts, found by their subject: the hash of a rule and its entities."""

    def __init__(self, session: Session) -> None:
        self.collection = Collection(session, ALERTS, "the lookup ssa_alerts")

    def of(self, subjects: Sequence[str]) -> list[Record]:
        """Return the rows of these subjects, open and closed; raises SinkError."""
        return self.collection.find(
            [
                {"$or": [{"subject": one} for one in subjects[start : start + SUBJECTS_IN_A_QUERY]]}
                for start in range(0, len(subjects), SUBJECTS_IN_A_QUERY)
            ]
        )

    def save(self, rows: Sequence[Record]) -> None:
        """Write rows, over those of the same _key; raises SinkError."""
        self.collection.save(rows)

    def forget(self, before: float) -> None:
        """Delete rows that are closed and have not changed since a time (epoch s); raises SinkError."""
        self.collection.prune({"state": "closed", "changed": {"$lt": before}})

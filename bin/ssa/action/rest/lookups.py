"""What the action reads and keeps in the KV store: the ledger, and the entities that users ignore."""

from __future__ import annotations

import time
from collections.abc import Sequence

from ssa.action.entities import Ignored

from .collection import DATA, MISSING, NAMESPACE, Collection
from .session import Session, content

LEDGER, IGNORED = "ssa_risk_ledger", "ssa_ignored_entities"
"""KV-store collections of ours (collections.conf)."""

IDS_IN_A_QUERY = 100
"""risk_event_ids that one query of a batch_find names."""


class KvLedger:
    """The ledger of an index, in the KV store: one record for each risk event, its _key the risk_event_id.

    The record names the index: what a trial wrote to another one is still to be written to this.
    """

    def __init__(self, session: Session, index: str) -> None:
        self.collection, self.index = Collection(session, LEDGER, "the ledger"), index

    def known(self, ids: Sequence[str]) -> set[str]:
        """Return those of the ids that were written before; raises SinkError."""
        queries = [
            {"$or": [{"_key": id} for id in ids[start : start + IDS_IN_A_QUERY]]}
            for start in range(0, len(ids), IDS_IN_A_QUERY)
        ]
        found = self.collection.find(queries)
        return {str(record.get("_key")) for record in found if record.get("index") == self.index}.intersection(ids)

    def note(self, ids: Sequence[str], time: float) -> None:
        """Remember ids as written at a time (epoch s); raises SinkError."""
        self.collection.save([{"_key": id, "index": self.index, "written": time} for id in ids])

    def forget(self, before: float) -> None:
        """Drop what was noted before a time (epoch s); raises SinkError."""
        self.collection.prune({"written": {"$lt": before}})


def ignored(session: Session) -> list[Ignored]:
    """Return the entities that users chose to ignore and that have not expired; raises SinkError.

    REST API Reference, KV store endpoint descriptions: GET storage/collections/data/{collection}.
    """
    answer = session.call(
        f"reading the lookup {IGNORED}", lambda: session.service.get(f"{DATA}/{IGNORED}", **NAMESPACE), MISSING
    )
    now = time.time()
    return [
        Ignored(str(entry.get("entity") or ""), str(entry.get("type") or "*"))
        for entry in content(answer, list)
        if isinstance(entry, dict) and entry.get("entity") and now < expiry(str(entry.get("expires") or ""))
    ]


def expiry(text: str) -> float:
    """Return when an entry stops to apply (epoch s): its day begins, by this server's clock; 0 for what is no day."""
    try:
        return time.mktime(time.strptime(text.strip(), "%Y-%m-%d"))
    except (ValueError, OverflowError):
        return 0.0

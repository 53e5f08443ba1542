"""What the action reads and keeps in the KV store: the ledger, and the entities that users ignore."""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Sequence
from typing import Any

from ssa.action.entities import Ignored

from .session import OWNER, Session, content, strange

LEDGER, IGNORED = "ssa_risk_ledger", "ssa_ignored_entities"
"""KV-store collections of ours (collections.conf)."""

IDS_IN_A_QUERY = 100
"""risk_event_ids that one query of a batch_find names."""

MOST_RECORDS = 1_000
"""Records in one batch_save (limits.conf [kvstore] max_documents_per_batch_save)."""

NAMESPACE: dict[str, Any] = {"owner": "nobody", "app": "ssa_detections", "sharing": "app"}
DATA = "storage/collections/data"
JSON = [("Content-Type", "application/json")]
MISSING = {
    403: f"The search's owner may not use the app's KV store. {OWNER}",
    404: "The KV store does not have the app's collections: is it up (splunk show kvstore-status), and was Splunk "
    "restarted after installing?",
}


class KvLedger:
    """The ledger of an index, in the KV store: one record for each risk event, its _key the risk_event_id.

    The record names the index: what a trial wrote to another one is still to be written to this.
    """

    def __init__(self, session: Session, index: str) -> None:
        self.session, self.index = session, index

    def known(self, ids: Sequence[str]) -> set[str]:
        """Return those of the ids that were written before; raises SinkError.

        REST API Reference, KV store endpoint descriptions: POST storage/collections/data/{collection}/batch_find.
        """
        queries = [
            {"query": {"$or": [{"_key": id} for id in ids[start : start + IDS_IN_A_QUERY]]}}
            for start in range(0, len(ids), IDS_IN_A_QUERY)
        ]
        answer = self._post("batch_find", queries)
        try:
            records = itertools.chain.from_iterable(content(answer, list))
            return {record["_key"] for record in records if record.get("index") == self.index}.intersection(ids)
        except (TypeError, AttributeError, LookupError):
            raise strange(answer) from None

    def note(self, ids: Sequence[str], time: float) -> None:
        """Remember ids as written at a time (epoch s); raises SinkError.

        REST API Reference, KV store endpoint descriptions: POST storage/collections/data/{collection}/batch_save.
        """
        records = [{"_key": id, "index": self.index, "written": time} for id in ids]
        for start in range(0, len(records), MOST_RECORDS):
            self._post("batch_save", records[start : start + MOST_RECORDS])

    def forget(self, before: float) -> None:
        """Drop what was noted before a time (epoch s); raises SinkError.

        REST API Reference, KV store endpoint descriptions: DELETE storage/collections/data/{collection}.
        """
        query = json.dumps({"written": {"$lt": before}})
        delete = self.session.service.delete
        self.session.call("pruning the ledger", lambda: delete(f"{DATA}/{LEDGER}", query=query, **NAMESPACE), MISSING)

    def _post(self, operation: str, records: list[dict[str, Any]]) -> bytes:
        body, post = json.dumps(records), self.session.service.post
        path = f"{DATA}/{LEDGER}/{operation}"
        return self.session.call(
            f"the ledger's {operation}", lambda: post(path, headers=JSON, body=body, **NAMESPACE), MISSING
        )


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

"""A collection of the app in the KV store: find, save and prune records."""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping, Sequence
from typing import Any

from .session import OWNER, Session, content, strange

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

Record = dict[str, Any]


class Collection:
    """A collection by its name in collections.conf; `what` is how messages call it."""

    def __init__(self, session: Session, name: str, what: str) -> None:
        self.session, self.name, self.what = session, name, what

    def find(self, queries: Sequence[Mapping[str, Any]]) -> list[Record]:
        """Return the records that any of these queries finds, in their order; raises SinkError.

        REST API Reference, KV store endpoint descriptions: POST storage/collections/data/{collection}/batch_find.
        """
        answer = self._post("batch_find", [{"query": query} for query in queries])
        try:
            records = [*itertools.chain.from_iterable(content(answer, list))]
        except TypeError:
            raise strange(answer) from None
        if not all(isinstance(record, dict) and "_key" in record for record in records):
            raise strange(answer)
        return records

    def save(self, records: Sequence[Mapping[str, Any]]) -> None:
        """Write records, over those of the same _key; raises SinkError.

        REST API Reference, KV store endpoint descriptions: POST storage/collections/data/{collection}/batch_save.
        """
        for start in range(0, len(records), MOST_RECORDS):
            self._post("batch_save", records[start : start + MOST_RECORDS])

    def prune(self, query: Mapping[str, Any]) -> None:
        """Delete the records that a query finds; raises SinkError.

        REST API Reference, KV store endpoint descriptions: DELETE storage/collections/data/{collection}.
        """
        text, delete = json.dumps(query), self.session.service.delete
        path = f"{DATA}/{self.name}"
        self.session.call(f"pruning {self.what}", lambda: delete(path, query=text, **NAMESPACE), MISSING)

    def _post(self, operation: str, records: Sequence[Mapping[str, Any]]) -> bytes:
        body, post = json.dumps(list(records)), self.session.service.post
        path = f"{DATA}/{self.name}/{operation}"
        return self.session.call(
            f"{self.what}'s {operation}", lambda: post(path, headers=JSON, body=body, **NAMESPACE), MISSING
        )

"""The sink where the spool cannot be written, or an admin prefers it: splunkd takes the events over HTTP."""

from __future__ import annotations

from collections.abc import Sequence

from splunklib import client

from .session import Session

SOURCETYPE = "ssa_risk_stash"
"""Our parsing sourcetype (props.conf): one event a line, time first; indexed as `stash`, where readers look."""


class Receivers:
    """The sink of splunkd's own REST API: `services/receivers/simple` of one index."""

    name = "receivers"

    def __init__(self, session: Session, index: str, source: str, host: str) -> None:
        self.session = session
        self.target = {"index": index, "source": source, "sourcetype": SOURCETYPE, "host": host}
        self.remedies = {
            400: f"Create the index '{index}' (Settings > Indexes) on the indexers, and define it on this search head "
            "too; or name another index in the action's parameter index",
            403: "The search's owner lacks the capability edit_tcp or edit_log_alert_event (power and admin have the "
            "second): give one to the owner's role, or make admin the owner of the search",
        }

    def write(self, lines: Sequence[str]) -> None:
        """Write lines as events; raises SinkError.

        REST API Reference, Input endpoint descriptions: POST receivers/simple.
        """
        body = "".join(line + "\n" for line in lines).encode("utf-8")
        path = client.PATH_RECEIVERS_SIMPLE
        post = self.session.service.post
        self.session.call("writing risk events", lambda: post(path, body=body, **self.target), self.remedies)

"""Where risk events go: splunkd's REST receivers. The edge to splunklib.client."""

from __future__ import annotations

import http.client
import urllib.parse
from collections.abc import Sequence

from splunklib import binding, client

SOURCETYPE = "ssa_risk_stash"
"""Our parsing sourcetype (props.conf): one event a line, time first; indexed as `stash`, where readers look."""

TIMEOUT = 30
"""Seconds for one request."""


class SinkError(Exception):
    """Risk events that were not written; the message names cause and remedy."""


class Receivers:
    """Writes lines into an index through `services/receivers/simple`, with the session key of the search's owner."""

    def __init__(self, server_uri: str, session_key: str, index: str) -> None:
        try:
            uri = urllib.parse.urlsplit(server_uri)
            address = (uri.scheme, uri.hostname, uri.port)
        except ValueError:  # a port that is none, a bracket that is not closed
            address = ("", None, None)
        scheme, host, port = address
        if scheme not in ("http", "https") or not host or not port:
            raise SinkError(f"server_uri in the alert payload is no address of splunkd: {server_uri!r}")
        self.server_uri = server_uri
        self.index = index
        self.service = client.Service(
            scheme=scheme,
            host=host,
            port=port,
            token=session_key,
            handler=binding.handler(timeout=TIMEOUT),
        )

    def write(self, lines: Sequence[str], source: str, host: str) -> None:
        """Write lines as events; raises SinkError with what splunkd answered and what to do."""
        body = "".join(line + "\n" for line in lines).encode("utf-8")
        try:
            self.service.post(
                client.PATH_RECEIVERS_SIMPLE,
                body=body,
                index=self.index,
                source=source,
                sourcetype=SOURCETYPE,
                host=host,
            )
        except binding.AuthenticationError:  # an HTTPError of its own kind: it comes first
            raise SinkError(
                f"splunkd at {self.server_uri} answered 401: it does not accept the session key (it may have expired). "
                "Run the search again; if it stays, check that the search's owner still exists"
            ) from None
        except binding.HTTPError as error:
            raise SinkError(self.explain(error)) from None
        except (OSError, http.client.HTTPException) as error:
            said = f"{type(error).__name__}: {error}"
            raise SinkError(f"splunkd at {self.server_uri} cannot be reached or gave no answer: {said}") from None

    def explain(self, error: binding.HTTPError) -> str:
        """Say what an HTTP status means here, and what to do."""
        answer = str(error).removeprefix("HTTP ")[:300]  # "403 Forbidden -- insufficient permission …"
        said = f"splunkd at {self.server_uri} answered {answer}"
        if error.status == 400 and "missing" in answer:
            return (
                f"{said}. Create the index '{self.index}' (Settings > Indexes) on the indexers, and define it on this "
                "search head too; or name another index in the action's parameter index"
            )
        if error.status == 403:
            return (
                f"{said}. The search's owner lacks the capability edit_tcp: give it to the owner's role, "
                "or make admin the owner of the search"
            )
        return said

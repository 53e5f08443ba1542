"""splunkd's REST API as the alert action uses it: receivers, KV store, saved searches. The edge to splunklib.client.

Every request goes through the SDK's Service, which knows no more of these endpoints than their paths: each method names
the page of the REST API Reference that describes its request.
"""

from __future__ import annotations

import http.client
import itertools
import json
import re
import time
import urllib.parse
from collections.abc import Iterable, Sequence
from typing import Any, Callable, TypeVar

from splunklib import binding, client

from ssa.content.conf import is_true

from . import tls
from .entities import Ignored
from .log import mask
from .sink import SinkError

SOURCETYPE = "ssa_risk_stash"
"""Our parsing sourcetype (props.conf): one event a line, time first; indexed as `stash`, where readers look."""

TIMEOUT = 30
"""Seconds for one step of a request, at most."""

LEDGER, IGNORED = "ssa_risk_ledger", "ssa_ignored_entities"
"""KV-store collections of ours (collections.conf)."""

NAMESPACE: dict[str, Any] = {"owner": "nobody", "app": "ssa_detections", "sharing": "app"}
IDS_IN_A_QUERY = 100
"""risk_event_ids that one query of a batch_find names."""

MOST_RECORDS = 1_000
"""Records in one batch_save (limits.conf [kvstore] max_documents_per_batch_save)."""

DATA = "storage/collections/data"
JSON = [("Content-Type", "application/json")]
OWNER = "Make admin the owner of the search"
MISSING = {
    403: f"The search's owner may not use the app's KV store. {OWNER}",
    404: "The KV store does not have the app's collections: is it up (splunk show kvstore-status), and was Splunk "
    "restarted after installing?",
}
Answer = TypeVar("Answer")


class Splunkd:
    """A session with splunkd, with the session key of the search's owner."""

    def __init__(self, server_uri: str, session_key: str, timeout: float = TIMEOUT) -> None:
        """Connect to nothing yet; raises SinkError for an address that is none, or certificates that are missing."""
        try:
            uri = urllib.parse.urlsplit(server_uri)
            scheme, host, port = uri.scheme, uri.hostname, uri.port
        except ValueError:  # a port that is none, a bracket that is not closed
            scheme, host, port = "", None, None
        if scheme not in ("http", "https") or not host or not port:
            raise SinkError(f"server_uri in the alert payload is no address of splunkd: {server_uri!r}")
        self.server_uri, self.session_key = server_uri, session_key
        try:
            context = tls.context() if scheme == "https" else None
        except OSError as error:
            raise SinkError(
                "whether and how server.conf [sslConfig] asks to verify splunkd's certificate (sslVerifyServerCert, "
                f"sslRootCAPath) cannot be read: {error}. Correct it"
            ) from None
        handler = binding.handler(timeout=timeout, verify=context is not None, context=context)
        self.service = client.Service(scheme=scheme, host=host, port=port, token=session_key, handler=handler)

    def call(self, what: str, request: Callable[[], Any], remedies: dict[int, str] | None = None) -> bytes:
        """Send a request and return its answer; raises SinkError that names the request, the answer, and a remedy.

        `remedies` maps an HTTP status to its remedy.
        """
        server = f"splunkd at {self.server_uri}"
        try:
            response = request()
            body: bytes = response.body.read()
        except binding.AuthenticationError:  # an HTTPError of its own kind: it comes first
            raise SinkError(
                f"{server} answered 401 to {what}: it does not accept the session key (it may have expired). "
                "Run the search again; if it stays, check that the search's owner still exists",
                status=401,
            ) from None
        except binding.HTTPError as error:
            # "403 Forbidden -- insufficient …"; it may quote the request, so the key goes before the cut
            answer = mask(str(error), self.session_key).removeprefix("HTTP ")[:300]
            remedy = (remedies or {}).get(error.status, "")
            raise SinkError(
                f"{server} answered {answer} to {what}{remedy and '. ' + remedy}",
                temporary=error.status == 429 or error.status >= 500,
                status=error.status,
                after=_retry_after(error.headers or ()),
            ) from None
        except Exception as error:  # whatever the SDK lets through: it must not cost the other batches their turn
            unverified = "CERTIFICATE_VERIFY_FAILED" in str(error)
            raise SinkError(
                f"{server} cannot be reached or gave no answer to {what}: {type(error).__name__}: {error}"
                + ". server.conf [sslConfig] asks to verify it: correct sslRootCAPath or the certificate" * unverified,
                temporary=isinstance(error, (OSError, http.client.HTTPException))
                and not (unverified or isinstance(error, http.client.InvalidURL)),
            ) from None
        if not 200 <= response.status < 300:
            # For example a redirection: taken for success, it would lose what was to be written.
            raise SinkError(
                f"{server} answered {response.status} {response.reason} to {what}: does server_uri lead elsewhere?",
                status=response.status,
            )
        return body

    def writes_own_risk(self, search_name: str, owner: str, app: str) -> bool:
        """Return whether a saved search also has Enterprise Security's own risk action on; raises SinkError.

        REST API Reference, Search endpoint descriptions: GET saved/searches/{name}.
        """
        path = f"/servicesNS/{_quoted(owner)}/{_quoted(app)}/saved/searches/{_quoted(search_name)}"
        url = binding.UrlEncoded(path, skip_encode=True)
        try:
            answer = self.call(
                "reading the saved search", lambda: self.service.get(url, output_mode="json"), {403: OWNER}
            )
        except SinkError as error:
            if error.status == 404:  # an ad hoc search
                return False
            raise
        try:
            return is_true(str(_json(answer, dict)["entry"][0]["content"].get("action.risk") or ""))
        except (TypeError, AttributeError, LookupError, ValueError):
            raise _strange(answer) from None

    def ignored(self) -> list[Ignored]:
        """Return the entities that users chose to ignore and that have not expired; raises SinkError.

        REST API Reference, KV store endpoint descriptions: GET storage/collections/data/{collection}.
        """
        answer = self.call(
            f"reading the lookup {IGNORED}", lambda: self.service.get(f"{DATA}/{IGNORED}", **NAMESPACE), MISSING
        )
        now = time.time()
        return [
            Ignored(str(entry.get("entity") or ""), str(entry.get("type") or "*"))
            for entry in _json(answer, list)
            if isinstance(entry, dict) and entry.get("entity") and now < expiry(str(entry.get("expires") or ""))
        ]


class Receivers:
    """The sink: `services/receivers/simple` of one index."""

    def __init__(self, splunkd: Splunkd, index: str, source: str, host: str) -> None:
        self.splunkd = splunkd
        self.target = {"index": index, "source": source, "sourcetype": SOURCETYPE, "host": host}
        self.remedies = {
            400: f"Create the index '{index}' (Settings > Indexes) on the indexers, and define it on this search head "
            "too; or name another index in the action's parameter index",
            403: "The search's owner lacks the capability edit_tcp: give it to the owner's role, or make admin the "
            "owner of the search",
        }

    def write(self, lines: Sequence[str]) -> None:
        """Write lines as events; raises SinkError.

        REST API Reference, Input endpoint descriptions: POST receivers/simple.
        """
        body = "".join(line + "\n" for line in lines).encode("utf-8")
        path = client.PATH_RECEIVERS_SIMPLE
        self.splunkd.call(
            "writing risk events", lambda: self.splunkd.service.post(path, body=body, **self.target), self.remedies
        )


class KvLedger:
    """The ledger of an index, in the KV store: one record for each risk event, its _key the risk_event_id.

    The record names the index: what a trial wrote to another one is still to be written to this.
    """

    def __init__(self, splunkd: Splunkd, index: str) -> None:
        self.splunkd, self.index = splunkd, index

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
            records = itertools.chain.from_iterable(_json(answer, list))
            return {record["_key"] for record in records if record.get("index") == self.index}.intersection(ids)
        except (TypeError, AttributeError, LookupError):
            raise _strange(answer) from None

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
        delete = self.splunkd.service.delete
        self.splunkd.call("pruning the ledger", lambda: delete(f"{DATA}/{LEDGER}", query=query, **NAMESPACE), MISSING)

    def _post(self, operation: str, content: list[dict[str, Any]]) -> bytes:
        body, post = json.dumps(content), self.splunkd.service.post
        path = f"{DATA}/{LEDGER}/{operation}"
        return self.splunkd.call(
            f"the ledger's {operation}", lambda: post(path, headers=JSON, body=body, **NAMESPACE), MISSING
        )


def expiry(text: str) -> float:
    """Return when an entry stops to apply (epoch s): its day begins, by this server's clock; 0 for what is no day."""
    try:
        return time.mktime(time.strptime(text.strip(), "%Y-%m-%d"))
    except (ValueError, OverflowError):
        return 0.0


def _json(answer: bytes, kind: type[Answer]) -> Answer:
    try:
        content = json.loads(answer)
    except (ValueError, RecursionError):
        content = None
    if not isinstance(content, kind):
        raise _strange(answer)
    return content


def _strange(answer: bytes) -> SinkError:
    # Not quoted: it may quote the request.
    return SinkError(f"splunkd's answer ({len(answer)} bytes) is not what was asked for", temporary=True, status=200)


def _quoted(text: str) -> str:
    """Quote one part of a path, whatever it holds."""
    return urllib.parse.quote(text, safe="")


def _retry_after(headers: Iterable[tuple[str, str]]) -> float:
    """Return the wait in seconds of an answer's Retry-After; 0 without one, or where it is a date."""
    seconds = [value for name, value in headers if name.lower() == "retry-after"]
    return float(seconds[0]) if seconds and re.fullmatch("[0-9]{1,6}", seconds[0]) else 0.0

"""A session with splunkd: requests, and what went wrong with one. The edge to splunklib.client.

Every request goes through the SDK's Service, which knows no more of these endpoints than their paths: each function
that sends one names the page of the REST API Reference that describes it.
"""

from __future__ import annotations

import http.client
import json
import re
import urllib.parse
from collections.abc import Iterable
from typing import Any, Callable, TypeVar

from splunklib import binding, client

from ssa.action.log import mask
from ssa.action.sink import SinkError

from . import tls

TIMEOUT = 30
"""Seconds for one step of a request, at most."""

OWNER = "Make admin the owner of the search"
Answer = TypeVar("Answer")


class Session:
    """A session with splunkd, with the rights of the search's owner."""

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


def content(answer: bytes, kind: type[Answer]) -> Answer:
    """Return the JSON of an answer, a list or a dict; raises SinkError for anything else."""
    try:
        found = json.loads(answer)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, kind):
        raise strange(answer)
    return found


def strange(answer: bytes) -> SinkError:
    """Return the error for an answer that splunkd would not give."""
    # Not quoted: it may quote the request.
    return SinkError(f"splunkd's answer ({len(answer)} bytes) is not what was asked for", temporary=True, status=200)


def _retry_after(headers: Iterable[tuple[str, str]]) -> float:
    """Return the wait in seconds of an answer's Retry-After; 0 without one, or where it is a date."""
    seconds = [value for name, value in headers if name.lower() == "retry-after"]
    return float(seconds[0]) if seconds and re.fullmatch("[0-9]{1,6}", seconds[0]) else 0.0

"""The HTTP Event Collector, on a port of its own, as in Splunk: a client that mixes up the two must fail here too.

Source: "HTTP Event Collector REST API endpoints" (Getting Data In), "Troubleshoot HTTP Event Collector" for codes and
texts, "About HTTP Event Collector Indexer Acknowledgment", "Format events for HTTP Event Collector". A request is
stored whole or not at all: seen for a wrong index, a choice of the sandbox for other mistakes, a body that is no gzip
among them. Splunk MINT and forwarders (mint, s2s) are not served, and a token in the address is not enabled, as ever.
"""

from __future__ import annotations

import base64
import gzip
import json
import re
import zlib
from collections.abc import Callable, Mapping
from typing import Any

from starlette.responses import JSONResponse, Response

from sandbox.errors import SandboxError
from sandbox.inputs.indexing import IndexedEvent
from sandbox.inputs.intake import break_body, one_event
from sandbox.splunkd.calls import Call
from sandbox.splunkd.state import Channel, Token

CODES = {
    0: (200, "Success"),
    1: (403, "Token disabled"),
    2: (401, "Token is required"),
    3: (401, "Invalid authorization"),
    4: (403, "Invalid token"),
    5: (400, "No data"),
    6: (400, "Invalid data format"),
    7: (400, "Incorrect index"),
    8: (500, "Internal server error"),
    9: (503, "Server is busy"),
    10: (400, "Data channel is missing"),
    11: (400, "Invalid data channel"),
    12: (400, "Event field is required"),
    13: (400, "Event field cannot be blank"),
    14: (400, "ACK is disabled"),
    15: (400, "Error in handling indexed fields"),
    16: (400, "Query string authorization is not enabled"),
    17: (200, "HEC is healthy"),
    18: (503, "HEC is unhealthy, queues are full"),
}
"""HTTP status and text of each code."""

_GUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_BLANK = re.compile(r"\s*")
_DECODER = json.JSONDecoder()


class HecError(SandboxError):
    """A request that is refused, with a code of CODES; `number` is the event's that is to blame."""

    def __init__(self, code: int, number: int | None = None) -> None:
        super().__init__(CODES[code][1])
        self.code, self.number = code, number


def reply(code: int, **more: Any) -> Response:
    """Answer with a code."""
    return JSONResponse({"text": CODES[code][1], "code": code, **more}, CODES[code][0])


def refuse(error: HecError) -> Response:
    """Answer to a request that is refused."""
    return reply(error.code, **({} if error.number is None else {"invalid-event-number": error.number}))


def _token(call: Call) -> Token:
    given = call.request.headers.get("authorization", "")
    if not given:
        raise HecError(16 if "token" in call.query else 2)
    scheme, _, key = given.partition(" ")
    if scheme == "Basic":  # of any user, with the token as the password
        key = _decoded(key).partition(":")[2]
    if scheme not in ("Splunk", "Basic") or not key:
        raise HecError(3)
    token = call.splunkd.tokens.get(key)
    if token is None or token.disabled:
        raise HecError(4 if token is None else 1)
    return token


def _decoded(credentials: str) -> str:
    try:
        return base64.b64decode(credentials, validate=True).decode()
    except ValueError:
        return ""


def _body(call: Call) -> bytes:
    """Return what a request carries, unpacked where it is compressed."""
    how = call.request.headers.get("content-encoding", "identity").lower()
    if how == "gzip":
        try:
            return gzip.decompress(call.body)
        except (OSError, EOFError, zlib.error):
            raise HecError(6) from None
    if how != "identity":
        raise HecError(6)
    return call.body


def _channel(call: Call) -> str:
    channel = call.request.headers.get("x-splunk-request-channel") or call.query.get("channel", "")
    if not _GUID.fullmatch(channel):
        raise HecError(11 if channel else 10)
    return channel


def _store(call: Call, read: Callable[[Call, Token, str], list[IndexedEvent]]) -> Response:
    token = _token(call)
    channel = _channel(call) if token.ack else ""
    body = _body(call)
    if not body.strip():
        raise HecError(5)
    call.instance.add_events(read(call, token, body.decode("utf-8", "replace")))
    if not token.ack:
        return reply(0)
    known = token.channels.setdefault(channel, Channel())
    known.indexed.add(number := next(known.numbers))
    return reply(0, ackId=number)


def _index(call: Call, token: Token, given: Mapping[str, Any]) -> str:
    index = given.get("index") or token.index
    if index not in call.splunkd.indexes or (token.allowed and index not in token.allowed):
        raise HecError(7, 1)
    return str(index)


def _meta(token: Token, *given: Mapping[str, Any]) -> dict[str, str]:
    found = {"host": "127.0.0.1", "source": "http:sandbox", "sourcetype": token.sourcetype}
    for one in given:
        found |= {key: str(one[key]) for key in found if one.get(key) is not None}
    return found


def _events(call: Call, token: Token, text: str) -> list[IndexedEvent]:
    at, made = 0, list[IndexedEvent]()
    while at < len(text):
        try:
            one, at = _DECODER.raw_decode(text, at)
        except ValueError:
            raise HecError(6, len(made)) from None
        at = _BLANK.match(text, at).end()  # type: ignore[union-attr]  # it matches anywhere
        made.append(_event(call, token, one, len(made)))
    return made


def _event(call: Call, token: Token, one: Any, number: int) -> IndexedEvent:
    if not isinstance(one, dict):
        raise HecError(6, number)
    event, fields = one.get("event"), one.get("fields", {})
    if event is None or event == "":
        raise HecError(12 if event is None else 13, number)
    if not isinstance(fields, dict) or any(isinstance(value, dict) for value in fields.values()):
        raise HecError(15, number)
    try:
        at = None if one.get("time") is None else float(one["time"])
    except (TypeError, ValueError):
        raise HecError(6, number) from None
    index, meta = _index(call, token, {**call.query, **one}), _meta(token, call.query, one)
    extra = {key: value if isinstance(value, str | list) else json.dumps(value) for key, value in fields.items()}
    return {**extra, **one_event(call.instance, event, at, index, meta)}


def collect(call: Call) -> Response:
    """Store events: JSON objects one after the other."""
    return _store(call, _events)


def collect_raw(call: Call) -> Response:
    """Store raw data; `index`, `host`, `source` and `sourcetype` in the URL."""

    def read(call: Call, token: Token, text: str) -> list[IndexedEvent]:
        index, meta = _index(call, token, call.query), _meta(token, call.query)
        return break_body(call.instance, text, index, meta)

    return _store(call, read)


def acknowledge(call: Call) -> Response:
    """Answer which requests of a channel, `{"acks": [0, 1]}`, are indexed. Each is acknowledged only once."""
    token = _token(call)
    if not token.ack:
        raise HecError(14)
    known = token.channels.get(_channel(call), Channel()).indexed
    try:
        numbers = [int(number) for number in json.loads(_body(call))["acks"]]
    except (ValueError, TypeError, KeyError):
        raise HecError(6) from None
    answer = {str(number): number in known for number in numbers}
    known.difference_update(numbers)
    return JSONResponse({"acks": answer})


def health(call: Call) -> Response:
    """Answer that events are taken, to whoever asks."""
    return reply(17)

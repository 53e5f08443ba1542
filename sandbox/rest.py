"""splunkd's REST API, as far as the app calls it: on loopback, on a free port, in a thread of its own."""

from __future__ import annotations

import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from xml.sax.saxutils import escape

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sandbox import indexing
from sandbox.errors import SandboxError

STARTUP_LIMIT = 10
"""Seconds."""


def message(status: int, level: str, text: str) -> Response:
    """Answer as splunkd does: an XML list of messages."""
    body = f'<response><messages><msg type="{level}">{escape(text)}</msg></messages></response>'
    return Response(f'<?xml version="1.0" encoding="UTF-8"?>\n{body}\n', status, media_type="text/xml")


class Splunkd:
    """The REST server. `sessions` maps a session key to its user's capabilities; `indexes` are those that exist.

    `failures` holds HTTP statuses to answer next instead of serving: for tests of what the app does then.
    """

    def __init__(self, store: Callable[[Iterable[indexing.Event]], int], props: indexing.Conf) -> None:
        self.store = store
        self.props = props
        self.sessions: dict[str, frozenset[str]] = {}
        self.indexes = {"main", "risk"}
        self.failures: deque[int] = deque()
        self.requests: list[str] = []
        app = Starlette(routes=[Route("/services/receivers/simple", self.receive, methods=["POST"])])
        config = uvicorn.Config(app, log_config=None, lifespan="off", timeout_graceful_shutdown=1)
        self.server = uvicorn.Server(config)
        self.socket = socket.socket()
        self.socket.bind(("127.0.0.1", 0))
        self.uri = f"http://127.0.0.1:{self.socket.getsockname()[1]}"
        self.thread = threading.Thread(target=self.server.run, kwargs={"sockets": [self.socket]}, daemon=True)

    def __enter__(self) -> Splunkd:
        """Start serving; raises SandboxError when the server does not come up."""
        self.thread.start()
        limit = time.monotonic() + STARTUP_LIMIT
        while not self.server.started:
            if time.monotonic() > limit or not self.thread.is_alive():
                raise SandboxError(f"the sandbox's REST server did not start on {self.uri}")
            time.sleep(0.01)
        return self

    def __exit__(self, *_: object) -> None:
        """Stop serving."""
        self.server.should_exit = True
        self.thread.join()
        self.socket.close()

    async def receive(self, request: Request) -> Response:
        """Serve `services/receivers/simple`: events of one index, source, sourcetype and host."""
        self.requests.append(str(request.url))
        if self.failures:
            status = self.failures.popleft()
            return message(status, "ERROR", "In handler 'simple': an internal error of the sandbox, as asked for")
        capabilities = self.sessions.get(request.headers.get("authorization", "").removeprefix("Splunk "))
        if capabilities is None:
            return message(401, "WARN", "call not properly authenticated")
        if "edit_tcp" not in capabilities:
            return message(403, "ERROR", "insufficient permission to access this resource")
        query = request.query_params
        index = query.get("index", "main")
        if index not in self.indexes:
            return message(400, "WARN", f"supplied index '{index}' missing")
        sourcetype = query.get("sourcetype", "")
        body = (await request.body()).decode("utf-8", "replace")
        events: list[indexing.Event] = []
        for at, text, final in indexing.break_events(body, self.props.get(sourcetype, {}), sourcetype):
            event: indexing.Event = indexing.stash_fields(text) if final == "stash" else {}
            event.update(_raw=text, _time=time.time() if at is None else at, index=index, sourcetype=final)
            event.update(source=query.get("source"), host=query.get("host"))
            events.append(event)
        self.store(events)
        return Response("<response><results/></response>", media_type="text/xml")

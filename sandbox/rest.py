"""splunkd's REST API, as far as the app calls it: on loopback, on a free port, in a thread of its own."""

import json
import socket
import threading
import time
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any, Self
from xml.sax.saxutils import escape

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox import confs, indexing
from sandbox.errors import SandboxError
from sandbox.kvstore import Collection, ConflictError, NotFoundError
from sandbox.search import Instance

Handler = Callable[[Request], Awaitable[Response]]
APP = "/servicesNS/{owner}/{app}"

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

    def __init__(self, instance: Instance, app: str = "ssa_detections") -> None:
        self.instance = instance
        self.props = confs.load(instance.apps / app, "props")
        self.sessions: dict[str, frozenset[str]] = {}
        self.indexes = {"main", "risk"}
        self.failures: deque[int] = deque()
        self.requests: list[str] = []
        records = APP + "/storage/collections/data/{collection}"
        routes: list[tuple[str, Handler, str]] = [
            ("/services/receivers/simple", self.receive, "POST"),
            (APP + "/saved/searches/{name:path}", self.saved_search, "GET"),
            (records, self.find, "GET"),
            (records, self.delete, "DELETE"),
            (records + "/batch_find", self.batch_find, "POST"),
            (records + "/batch_save", self.batch_save, "POST"),
        ]
        asgi = Starlette(routes=[Route(path, self.guarded(serve), methods=[method]) for path, serve, method in routes])
        config = uvicorn.Config(asgi, log_config=None, lifespan="off", timeout_graceful_shutdown=1)
        self.server = uvicorn.Server(config)
        self.socket = socket.socket()
        self.socket.bind(("127.0.0.1", 0))
        self.uri = f"http://127.0.0.1:{self.socket.getsockname()[1]}"
        self.thread = threading.Thread(target=self.server.run, kwargs={"sockets": [self.socket]}, daemon=True)

    def __enter__(self) -> Self:
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

    def guarded(self, serve: Handler) -> Handler:
        """Wrap a handler: notes the request, fails it when a test asked for that, and wants a session."""

        async def handle(request: Request) -> Response:
            self.requests.append(str(request.url))
            if self.failures:
                return message(self.failures.popleft(), "ERROR", "an internal error of the sandbox, as asked for")
            if self.capabilities(request) is None:
                return message(401, "WARN", "call not properly authenticated")
            try:
                return await serve(request)
            except NotFoundError as error:
                return message(404, "ERROR", str(error))
            except ConflictError as error:
                return message(409, "ERROR", str(error))
            except (SandboxError, ValueError) as error:
                return message(400, "ERROR", str(error))

        return handle

    def capabilities(self, request: Request) -> frozenset[str] | None:
        """Return what the session of a request may do; None when there is no such session."""
        return self.sessions.get(request.headers.get("authorization", "").removeprefix("Splunk "))

    async def receive(self, request: Request) -> Response:
        """Serve `services/receivers/simple`: events of one index, source, sourcetype and host."""
        if "edit_tcp" not in (self.capabilities(request) or ()):
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
        self.instance.add_events(events)
        return Response("<response><results/></response>", media_type="text/xml")

    async def saved_search(self, request: Request) -> Response:
        """Serve a saved search's settings, as JSON."""
        name, app = request.path_params["name"], request.path_params["app"]
        saved = confs.load(self.instance.apps / app, "savedsearches")
        if name not in saved:
            raise NotFoundError(f"Could not find object id={name}")
        return JSONResponse({"entry": [{"name": name, "content": saved[name]}]})

    async def find(self, request: Request) -> Response:
        """Serve the records of a collection that a query matches."""
        return JSONResponse(self.collection(request).find(_query(request)))

    async def delete(self, request: Request) -> Response:
        """Remove the records of a collection that a query matches."""
        self.collection(request).delete(_query(request))
        return Response()

    async def batch_find(self, request: Request) -> Response:
        """Serve the records that each of several queries matches."""
        collection = self.collection(request)
        return JSONResponse([collection.find(asked.get("query")) for asked in await request.json()])

    async def batch_save(self, request: Request) -> Response:
        """Write records, over those of the same keys."""
        return JSONResponse(self.collection(request).save(await request.json()))

    def collection(self, request: Request) -> Collection:
        """Return the collection that a request names."""
        return self.instance.kvstore.collection(request.path_params["app"], request.path_params["collection"])


def _query(request: Request) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(request.query_params.get("query") or "{}")
    return found

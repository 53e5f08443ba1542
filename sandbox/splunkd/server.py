"""The server: loopback, free ports, TLS with a certificate made at the start, in a thread of its own."""

from __future__ import annotations

import asyncio
import base64
import secrets
import socket
import threading
import time
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, Self

import duckdb
import trustme
import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from sandbox.errors import SandboxError
from sandbox.inputs import logs
from sandbox.search.instance import Instance
from sandbox.splunkd.atom import message
from sandbox.splunkd.calls import Call, CallError, Served
from sandbox.splunkd.endpoints import hec
from sandbox.splunkd.routes import ROUTES
from sandbox.splunkd.state import SESSION_SECONDS, USERS, Session, State
from sandbox.store import failures
from sandbox.store.kvstore import ConflictError, DownError, NotFoundError

STARTUP_LIMIT = 10
"""Seconds."""

SPOOL_SECONDS = 0.05
"""Seconds between two looks into the spool."""

KV_STORE_DOWN = "KV Store is initializing. Please try again later."
"""The answer (503) for collections while the KV store does not run: of one that failed, splunkd may say so instead."""

RECEIVERS_REFUSE = "insufficient permission to access this resource"
"""The answer of receivers to a user who lacks the capabilities; other endpoints name theirs."""

ANONYMOUS = Session("nobody", "", frozenset())


class Splunkd(State):
    """splunkd of an instance, while the `with` block runs: its REST API at `uri`, the event collector at `hec_uri`.

    State lists what tests may read and change. `ca_file` holds the certificate to verify the server with; `ports` are
    chosen where they are 0.
    """

    def __init__(
        self,
        instance: Instance,
        *,
        tls: bool = True,
        users: Mapping[str, tuple[str, str]] = USERS,
        ports: tuple[int, int] = (0, 0),
    ) -> None:
        self.sockets = [socket.socket(), socket.socket()]
        for one, port in zip(self.sockets, ports, strict=True):
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            one.bind(("127.0.0.1", port))
        self._hec_port = self.sockets[1].getsockname()[1]
        scheme = "https" if tls else "http"
        uri, self.hec_uri = (f"{scheme}://127.0.0.1:{one.getsockname()[1]}" for one in self.sockets)
        super().__init__(instance, users, uri)
        self._rest, self._hec = (self._application(collector) for collector in (False, True))
        options: dict[str, Any] = {
            "log_config": None,
            "interface": "asgi3",
            "proxy_headers": False,
            "lifespan": "off",
            "timeout_graceful_shutdown": 1,
        }
        self.ca_file = instance.home / "etc/auth/cacert.pem"
        if tls:
            key_file = instance.home / "etc/auth/server.pem"
            self._certify(key_file)
            options |= {"ssl_certfile": key_file, "ssl_keyfile": key_file}
        self.server = uvicorn.Server(uvicorn.Config(self._serve, http=_Protocol, **options))
        self.reader, self.stopped = threading.Thread(target=self.read_on, daemon=True), threading.Event()
        self.unread: Exception | None = None
        self.thread = threading.Thread(target=self.server.run, kwargs={"sockets": self.sockets}, daemon=True)

    def _certify(self, key_file: Path) -> None:
        """Make a certificate, unless an earlier start did."""
        if key_file.is_file():
            return
        authority = trustme.CA()
        key_file.parent.mkdir(parents=True, exist_ok=True)
        authority.cert_pem.write_to_path(self.ca_file)
        authority.issue_cert("127.0.0.1", "localhost").private_key_and_cert_chain_pem.write_to_path(key_file)

    def __enter__(self) -> Self:
        """Start serving; raises SandboxError when the server does not come up."""
        self.thread.start()
        self.reader.start()
        limit = time.monotonic() + STARTUP_LIMIT
        while not self.server.started:
            if time.monotonic() > limit or not self.thread.is_alive():
                raise SandboxError(f"the sandbox's REST server did not start on {self.uri}")
            time.sleep(0.01)
        return self

    def __exit__(self, *_: object) -> None:
        """Let searches end, and stop reading and serving; raises what went wrong with reading the spool."""
        self.wait()
        self.stopped.set()
        self.reader.join()
        self.instance.intake = None
        self.server.should_exit = True
        self.thread.join()
        for one in self.sockets:
            one.close()
        if self.unread:
            raise self.unread

    def read_on(self) -> None:
        """Read the spool again and again, as splunkd does, until it stops or something is wrong."""
        while not self.stopped.wait(SPOOL_SECONDS):
            try:
                self.spool.read()
            except Exception as error:
                self.unread = error
                return

    def session(self, request: Request) -> Session | None:
        """Return the session of a request, which lasts longer for it; None when there is none."""
        scheme, _, key = request.headers.get("authorization", "").partition(" ")
        if scheme == "Basic":
            return self.basic(key)
        found = self.sessions.get(key) if scheme in ("Splunk", "Bearer") else None
        if isinstance(found, frozenset):
            return Session("admin", "admin", found)
        if found is None or found.expires <= time.time():
            return None
        found.expires = max(found.expires, time.time() + SESSION_SECONDS)
        return found

    def basic(self, credentials: str) -> Session | None:
        """Return a session for one call, given a name and a password as HTTP Basic has them; None if they are wrong."""
        try:
            user, _, password = base64.b64decode(credentials, validate=True).decode().partition(":")
        except ValueError:
            return None
        expected, role = self.users.get(user, ("", ""))
        right = role and secrets.compare_digest(expected.encode(), password.encode())
        return self.session_of(user, role) if right else None

    # -- requests

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        collector = scope["server"][1] == self._hec_port
        await (self._hec(_whole(scope), receive, send) if collector else self.rest(scope, receive, send))

    async def rest(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a call of the REST API: an ASGI application, for tests in the same process."""
        await self._rest(_whole(scope), receive, send)

    def _application(self, collector: bool) -> Starlette:
        roots = ("/services/",) if collector else ("/services/", "/servicesNS/{owner}/{app}/")
        routes = [
            Route(root + path, self._endpoint(served), methods=[served.method])
            for served in ROUTES
            if served.hec == collector
            for root in roots
            for path in {served.path, served.path.replace("search/v2/jobs/", "search/jobs/")}
        ]

        async def unknown(request: Request, error: Exception) -> Response:
            status = error.status_code if isinstance(error, HTTPException) else 404
            if collector:
                return JSONResponse({"text": "The requested URL was not found on this server.", "code": status}, status)
            json = request.query_params.get("output_mode") == "json"
            return message(json, status, "Method Not Allowed" if status == 405 else "Not Found")

        return Starlette(routes=routes, exception_handlers={HTTPException: unknown})

    def _endpoint(self, served: Served) -> Callable[[Request], Awaitable[Response]]:
        async def endpoint(request: Request) -> Response:
            self.requests.append(str(request.url))
            self.used.add((served.method, served.path))
            drop = self.drops.popleft() if self.drops else ""
            answer = Response() if drop == "before" else await self._answer(served, request)
            if drop:
                request.state.transport.abort()
            return answer

        return endpoint

    async def _answer(self, served: Served, request: Request) -> Response:
        json = request.query_params.get("output_mode") == "json"
        if self.failures:
            status = self.failures.popleft()
            if served.hec:
                busy = 18 if served.handler is hec.health else 9
                return hec.reply(busy if status == 503 else 8)
            return message(json, status, "an internal error, as set in failures")
        try:
            session = ANONYMOUS if served.public or served.hec else self.session(request)
            if session is None:
                raise CallError(401, "call not properly authenticated", "WARN")
            if served.needs and not session.capabilities.intersection(served.needs):
                who = f"You (user={session.user}) do not have permission to perform this operation"
                text = f"{who} (requires capability: {' or '.join(served.needs)})."
                raise CallError(403, RECEIVERS_REFUSE if "edit_tcp" in served.needs else text)
            try:
                body = await request.body()
            except ClientDisconnect:
                return Response()  # its reader is gone
            call = Call(self, request, session, body)
            json = call.json
            answer = await run_in_threadpool(served.handler, call)
            if served.method != "GET" and served.path.startswith("storage/collections/data/"):
                line = f"{served.method} {request.url.path}"
                await run_in_threadpool(logs.call, self.instance, session.user, line, answer.status_code, self.clock())
            return answer
        except hec.HecError as error:
            return hec.refuse(error)
        except CallError as error:
            return message(json, error.status, str(error), error.level)
        except NotFoundError as error:
            return message(json, 404, str(error))
        except ConflictError as error:
            return message(json, 409, str(error))
        except DownError:
            return message(json, 503, KV_STORE_DOWN)
        except (SandboxError, ValueError, duckdb.Error) as error:
            return hec.reply(8) if served.hec else message(json, 400, failures.words(error))


def _whole(scope: Scope) -> Scope:
    """Take a path as it was sent: parts may hold an encoded slash, and a slash at the end means nothing in splunkd."""
    return {**scope, "path": scope["raw_path"].decode("ascii").rstrip("/")}


class _Protocol(H11Protocol):
    """HTTP that also takes a body without length, up to the end of the connection, as Index.attach of the SDK sends it.

    Such a request has the header `X-Splunk-Input-Mode: Streaming`; it goes on as one that is chunked. And a
    request's state has the connection, to drop it.
    """

    streaming, head = False, b""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.app_state = {**self.app_state, "transport": transport}

    def data_received(self, data: bytes) -> None:
        if self.streaming:
            data = _chunk(data)
        elif self.cycle is None:
            self.head += data
            head, end, body = self.head.partition(b"\r\n\r\n")
            if not end:
                return
            self.streaming = b"x-splunk-input-mode: streaming" in head.lower()
            data = head + b"\r\nTransfer-Encoding: chunked\r\n\r\n" + _chunk(body) if self.streaming else self.head
        super().data_received(data)

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.streaming or self.cycle is None or self.cycle.response_complete:
            super().connection_lost(exc)
        else:
            super().data_received(b"0\r\n\r\n")
            self.loop.create_task(self._finish(exc))

    async def _finish(self, exc: Exception | None) -> None:
        while not self.cycle.response_complete:
            await asyncio.sleep(0.01)
        super().connection_lost(exc)


def _chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data) if data else b""

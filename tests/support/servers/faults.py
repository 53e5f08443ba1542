"""A TCP proxy in front of splunkd that goes wrong, request by request, in the ways that networks and servers do."""

import contextlib
import socket
import socketserver
import ssl
import struct
import threading
import time
import urllib.parse
from typing import NamedTuple

AFTER = ("half", "close_after", "reset_after")
"""Faults after which splunkd has served the request, and the client does not know."""

LONGEST = 30
"""Seconds that a fault without end lasts, where the client does not go away."""


class Request(NamedTuple):
    """What came in; `path` without the query, `head` with the first line."""

    path: str
    head: bytes
    body: bytes


class Fault(NamedTuple):
    """`kind`: a status to answer with; JSON to answer with; slow, half, close, close_after, reset, reset_after, silent,
    drip; anything else is sent as it is, which is no HTTP."""

    kind: str
    headers: dict[str, str]
    body: str
    reason: str
    seconds: float


def fault(kind, headers=None, body="", reason="Told", seconds=0.0):
    return Fault(kind, headers or {}, body, reason, seconds)


class Faults:
    """The proxy, for a `with` statement. `choose` gets each request and returns a Fault, or None: it is served.

    With `tls`, a server's ssl.SSLContext, it speaks HTTPS. `uri` is its address; `done` lists (path, kind of the fault
    or "", seconds that it took) of each request; an error of its own is raised at the end.
    """

    def __init__(self, uri, choose, tls=None):
        self.upstream, self.choose = urllib.parse.urlsplit(uri), choose
        self.done, self.problem = [], None
        self.tls = tls
        self.busy, self.idle = 0, threading.Condition()
        proxy = self

        class Handler(socketserver.BaseRequestHandler):
            def handle(self):
                proxy.handle(self.request)

        class Server(socketserver.ThreadingTCPServer):
            daemon_threads = True
            request_queue_size = 64

        self.server = Server(("127.0.0.1", 0), Handler)
        self.uri = f"{'https' if tls else 'http'}://127.0.0.1:{self.server.server_address[1]}"

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, args=[0.02], daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()
        if self.problem:
            raise self.problem

    def wait(self):
        """Wait until splunkd has served all that was passed on, also requests whose client is gone."""
        with self.idle:
            assert self.idle.wait_for(lambda: not self.busy, LONGEST)

    def handle(self, client):
        with self.idle:
            self.busy += 1
        try:
            # A client that was killed, or gave up, is no error of the proxy.
            with contextlib.suppress(ConnectionError, TimeoutError, ssl.SSLError):
                if self.tls:
                    with self.tls.wrap_socket(client, server_side=True) as secured:
                        self.serve(secured)
                else:
                    self.serve(client)
        except Exception as error:
            self.problem = error
            raise
        finally:
            with self.idle:
                self.busy -= 1
                self.idle.notify_all()

    def serve(self, client):
        client.settimeout(LONGEST)
        request = read(client)
        if request is None:
            return
        found, started = self.choose(request) or fault(""), time.monotonic()
        try:
            self.answer(client, request, found)
        finally:
            self.done.append((request.path, found.kind, time.monotonic() - started))

    def answer(self, client, request, found):
        """Serve a request, with its fault."""
        if found.kind in ("", "slow", *AFTER):
            if found.kind == "slow":
                time.sleep(found.seconds)
            answer = self.forward(request)
            if found.kind in ("", "slow"):
                client.sendall(answer)
            elif found.kind == "half":
                client.sendall(answer[: len(answer) // 2])
        elif found.kind.isdigit():
            client.sendall(written(found.kind, found.reason, found.headers, found.body))
        elif found.kind[0] in "{[":
            client.sendall(written("200", "OK", {"Content-Type": "application/json"}, found.kind))
        elif found.kind == "silent":
            client.recv(1)  # until it goes away
        elif found.kind == "drip":
            end = time.monotonic() + LONGEST
            client.sendall(b"HTTP/1.1 200 OK\r\nX-Drip: ")
            while time.monotonic() < end:
                client.sendall(b"x")
                time.sleep(0.05)
        elif found.kind not in ("close", "reset"):
            client.sendall(f"{found.kind} {found.reason}\r\n".encode())
        if found.kind.startswith("reset"):
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            client.close()

    def forward(self, request):
        """Let splunkd serve a request; return its whole answer."""
        with socket.create_connection((self.upstream.hostname, self.upstream.port), LONGEST) as server:
            server.sendall(request.head + request.body)
            return b"".join(iter(lambda: server.recv(65_536), b""))


def read(client):
    """Read a request; None when the client goes away before its end."""
    received = b""
    while b"\r\n\r\n" not in received:
        more = client.recv(65_536)
        if not more:
            return None
        received += more
    head, _, body = received.partition(b"\r\n\r\n")
    headers = {k.strip().lower(): v.strip() for k, _, v in (line.partition(b":") for line in head.split(b"\r\n")[1:])}
    length = int(headers.get(b"content-length", 0))
    parts, size = [body], len(body)
    while size < length:
        more = client.recv(65_536)
        if not more:
            return None
        parts.append(more)
        size += len(more)
    return Request(head.split(b" ")[1].decode().partition("?")[0], head + b"\r\n\r\n", b"".join(parts))


def written(status, reason, headers, body):
    """Write an HTTP answer."""
    content = body.encode()
    lines = [f"HTTP/1.1 {status} {reason}", *(f"{name}: {value}" for name, value in headers.items())]
    lines += [f"Content-Length: {len(content)}", "Connection: close", "", ""]
    return "\r\n".join(lines).encode() + content

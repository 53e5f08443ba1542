"""The application: what Splunk Web serves of an app, over a splunkd in the same process."""

from __future__ import annotations

import errno
import re
import socket
import threading
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from contextlib import contextmanager
from html import escape
from typing import Any
from urllib.parse import quote

import httpx
import uvicorn
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Receive, Scope, Send

from sandbox import confs
from sandbox.splunkd import Splunkd
from tools import ROOT
from tools.ui import pages
from tools.ui.pages import APP, HOME, PORT, THEMES

DIST = ROOT / "ui/dist"
RAW = "/en-US/splunkd/__raw"
"""Below it Splunk Web hands requests on to splunkd."""

MANAGER = f"/en-US/manager/{APP}/"
ACTION = "ssa_risk"
COOKIE = f"splunkd_{PORT}"
"""Holds the session key."""


class Web:
    """Splunk Web of a splunkd: `application` serves the app's views, alert form and searches, for admin, logged in.

    What is served is read from the installed app at each request.
    """

    def __init__(self, splunkd: Splunkd) -> None:
        self.splunkd, self.folder = splunkd, splunkd.instance.apps / APP / "default/data/ui"
        routes = [
            Route("/", self.home),
            Route("/favicon.ico", self.icon),
            Route("/app/{rest:path}", self.localized),
            Route("/manager/{rest:path}", self.localized),
            Route(MANAGER + "saved/searches", self.saved),
            Route(MANAGER + "{rest:path}", self.elsewhere),
            Route(HOME, self.home),
            Route(HOME + "search", self.search),
            Route(HOME + "alert_form", self.form),
            Route(HOME + "{view}", self.view),
            Mount(RAW, self.raw),
            Mount("/ui", StaticFiles(directory=DIST, check_dir=False)),
        ]
        hosts = Middleware(TrustedHostMiddleware, allowed_hosts=["127.0.0.1", "localhost"])
        self.application = Starlette(routes=routes, middleware=[hosts])

    def views(self) -> dict[str, str]:
        """Return the label of each page by name, in the order of the navigation."""
        own = {path.stem: path.read_text("utf-8") for path in sorted((self.folder / "views").glob("*.xml"))}
        named = pages.navigation((self.folder / "nav/default.xml").read_text("utf-8"))
        labels = {name: ET.fromstring(text).findtext("label", name) for name, text in own.items()}  # noqa: S314
        ordered = {name: labels[name] for name in dict.fromkeys(named) if name in labels}
        return {**ordered, **labels, "search": "Search", "alert_form": "Alert form"}

    def page(self, request: Request, here: str, title: str, body: str, theme: str) -> Response:
        """Answer with a page, and a session for what it calls."""
        answer = HTMLResponse(pages.page(title, here, theme, self.views(), body))
        answer.set_cookie(COOKIE, self.splunkd.login("admin"), path=RAW, httponly=True, samesite="strict")
        return answer

    def home(self, request: Request) -> Response:
        """Go to the navigation's first view."""
        return RedirectResponse(pages.address(next(iter(self.views()))))

    def icon(self, request: Request) -> Response:
        """Give the app's icon."""
        return FileResponse(self.splunkd.instance.apps / APP / "static/appIcon.png")

    def localized(self, request: Request) -> Response:
        """Add the locale that an app's links do not name, as Splunk Web does."""
        return RedirectResponse(f"/en-US{request.url.path}" + (f"?{request.url.query}" if request.url.query else ""))

    async def view(self, request: Request) -> Response:
        """Show a view as the app ships it."""
        name = request.path_params["view"]
        answer = await self.call("GET", f"data/ui/views/{quote(name, '')}")
        if answer.status_code != httpx.codes.OK:
            raise HTTPException(404, f"There is no view {name}.")
        view = pages.read_view(answer.json()["entry"][0]["content"]["eai:data"])
        theme = _theme(request, view.theme)
        style = '<link rel="stylesheet" href="/ui/view.css">'
        body = style + pages.drawn("view", {"definition": view.definition, "theme": theme})
        return self.page(request, name, view.label, body, theme)

    def form(self, request: Request) -> Response:
        """Show the alert action's form, with the values that alert_actions.conf gives."""
        settings = confs.load(self.splunkd.instance.apps / APP, "alert_actions")[ACTION]
        given = {f"action.{ACTION}.{key}": value for key, value in settings.items() if key.startswith("param.")}
        theme = _theme(request, "light")
        html = (self.folder / f"alerts/{ACTION}.html").read_text("utf-8")
        body = pages.drawn("form", {"settings": given, "theme": theme}, html)
        return self.page(request, "alert_form", settings["label"], body, theme)

    async def search(self, request: Request) -> Response:
        """Run a search (`q`, `earliest`, `latest`), and list its rows."""
        query = {"q": "", "earliest": "-24h@h", "latest": "now", **request.query_params}
        content: dict[str, Any] | None = None
        complaint = ""
        text = query["q"].strip()
        risky = [] if pages.AGREED in request.query_params else self.risky(text)
        if text and not risky:
            whole = text if text.startswith(("|", "search ")) else f"search {text}"
            span = {"earliest_time": query["earliest"], "latest_time": query["latest"]}
            answer = await self.call("POST", "search/jobs", search=whole, exec_mode="oneshot", count="0", **span)
            if answer.status_code == httpx.codes.OK:
                content = answer.json()
            else:
                complaint = "; ".join(message["text"] for message in answer.json()["messages"])
        body = pages.results(query, content, complaint, risky)
        return self.page(request, "search", "Search", body, _theme(request, "light"))

    def risky(self, text: str) -> list[str]:
        """Name the commands of a search before which Splunk Web asks (commands.conf: is_risky)."""
        commands = confs.load(self.splunkd.instance.apps / APP, "commands")
        asks = [name for name, settings in commands.items() if confs.is_true(settings.get("is_risky", "0"))]
        return [name for name in asks if re.search(rf"\|\s*{name}\b", text)]

    async def saved(self, request: Request) -> Response:
        """List saved searches whose name contains `search`, each with a form that schedules it."""
        wanted = request.query_params.get("search", "").lower()
        answer = await self.call("GET", "saved/searches", count="0")
        found = [one for one in answer.json()["entry"] if wanted in one["name"].lower()]
        body = pages.saved_searches(found, f"{RAW}/servicesNS/nobody/{APP}/saved/searches")
        return self.page(request, "saved", "Searches, reports, and alerts", body, _theme(request, "light"))

    def elsewhere(self, request: Request) -> Response:
        """Say that a page of Settings is not here."""
        body = f"<main><p>Splunk Web has a page of Settings here: {escape(request.url.path)}.</p></main>"
        return self.page(request, "settings", "Settings", body, _theme(request, "light"))

    async def call(self, method: str, path: str, **arguments: str) -> httpx.Response:
        """Call splunkd's REST API in the app's namespace, for the pages that are made here."""
        head = {"Authorization": f"Splunk {self.splunkd.login('admin')}"}
        given = {"params" if method == "GET" else "data": {**arguments, "output_mode": "json"}}
        within = httpx.ASGITransport(self.splunkd.rest)
        async with httpx.AsyncClient(transport=within, base_url=self.splunkd.uri) as http:
            return await http.request(method, f"/servicesNS/admin/{APP}/{path}", headers=head, **given)  # type: ignore[arg-type]

    async def raw(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand a request on to splunkd, with the session of the page that makes it."""
        key = Request(scope).cookies.get(COOKIE, "")
        heads = [(name, value) for name, value in scope["headers"] if name not in (b"authorization", b"cookie")]
        heads.append((b"authorization", f"Splunk {key}".encode("latin-1")))
        path = scope["raw_path"].removeprefix(RAW.encode())
        await self.splunkd.rest({**scope, "headers": heads, "raw_path": path, "root_path": ""}, receive, send)


@contextmanager
def serving(application: ASGIApp, port: int = 0) -> Iterator[str]:
    """Serve on loopback in a thread of its own, at a port, or at a free one where that is taken; yield the address."""
    with socket.socket() as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind(("127.0.0.1", port))
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
            listening.bind(("127.0.0.1", 0))
        server = uvicorn.Server(
            uvicorn.Config(application, log_config=None, lifespan="off", timeout_graceful_shutdown=1)
        )
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()


def _theme(request: Request, default: str) -> str:
    theme = request.query_params.get("theme", default)
    return theme if theme in THEMES else default

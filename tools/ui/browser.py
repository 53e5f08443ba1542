"""A real browser before the stand-in for Splunk Web: opens views, waits for their searches, and sees what went wrong.

An ASGI middleware records what the browser requests; the browser's own log has what it complains of.
"""

from __future__ import annotations

import json
import math
import os
import re
import shutil
import time
import urllib.parse
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Locator, Page, sync_playwright
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tools.ui.web import RAW

DRAWN = "() => !document.getElementById('root') || document.querySelector('#root *')"
"""A test for the page: whether a view has begun to be drawn."""

SIZE = 1440, 2500
"""Of the window, in pixels: so high that a view is drawn whole."""

WIDTHS = 1280, 1440, 1920, 2560
"""Of windows in which a view must be good to read, in pixels: from a small notebook to a large screen."""

FILLED = """() => {
    const panels = [...document.querySelectorAll('[data-test=viz-size-wrapper]')];
    const edge = Math.max(...panels.map(panel => panel.getBoundingClientRect().right));
    return !panels.length || Math.abs(edge / innerWidth - 1) < 0.02;
}"""
"""A test for the page: whether its panels fill the width of the window."""

MARGIN = 12
"""Below the last panel of a picture, in pixels."""

QUIET, CALM, LIMIT = 0.6, 4, 90.0
"""Seconds without a request, seen so often, after which a page is taken to be whole; and when it is given up."""


def chromium() -> str | None:
    """Return the browser: that which CHROMIUM names, else Debian's."""
    return os.environ.get("CHROMIUM") or shutil.which("chromium")


@dataclass
class Exchange:
    """A request and its answer; `form` are the arguments of both address and body, the last of each."""

    method: str
    path: str
    form: dict[str, str]
    status: int = 0
    body: bytes = field(default=b"", repr=False)

    @property
    def json(self) -> Any:
        """The answer, read."""
        return json.loads(self.body)


@dataclass
class Recorder:
    """ASGI middleware that keeps each `exchange`, and knows how many requests are `open`."""

    application: ASGIApp
    exchanges: list[Exchange] = field(default_factory=list)
    open: int = 0
    last: float = 0.0
    page: int = 0

    def forget(self) -> None:
        """Keep nothing of what was requested until now, even where its answer comes later."""
        self.exchanges.clear()
        self.page += 1

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand a request on."""
        if scope["type"] != "http":
            return await self.application(scope, receive, send)
        sent: list[bytes] = []
        seen = Exchange(scope["method"], scope["path"], {})
        self.open, page = self.open + 1, self.page

        async def reading() -> Message:
            message = await receive()
            sent.append(message.get("body", b""))
            return message

        async def writing(message: Message) -> None:
            seen.status = message.get("status", seen.status)
            seen.body += message.get("body", b"")
            await send(message)

        try:
            await self.application(scope, reading, writing)
        finally:
            given = b"&".join([scope["query_string"], b"".join(sent)]).decode("utf-8", "replace")
            seen.form = dict(urllib.parse.parse_qsl(given, keep_blank_values=True))
            if page == self.page:
                self.exchanges.append(seen)
            self.open, self.last = self.open - 1, time.monotonic()


@dataclass
class Search:
    """A search that a view ran: the id of its data source, what was searched, and in which time."""

    source: str
    text: str
    earliest: str
    latest: str
    sid: str


class Screen:
    """A page of the stand-in at an address, with what happened since the last `open`."""

    def __init__(self, page: Page, recorder: Recorder, address: str) -> None:
        self.page, self.recorder, self.address = page, recorder, address
        self.errors: list[str] = []
        page.on("console", self._logged)
        page.on("pageerror", lambda error: self.errors.append(error.message))
        page.on("requestfailed", lambda request: self._failed(request.url, request.failure))

    def _logged(self, message: ConsoleMessage) -> None:
        gone = message.location["url"].endswith("/control")  # a job is cancelled, and again with the page that made it
        if message.type == "error" and not gone:
            self.errors.append(message.text)

    def _failed(self, url: str, why: str | None) -> None:
        if why != "net::ERR_ABORTED":  # which a page that is left does to its requests
            self.errors.append(f"{url}: {why}")

    def open(self, name: str, **query: str) -> None:
        """Open a page of the app (a view, or `search`) with arguments in its address, and wait until it is whole."""
        self.page.goto("about:blank")  # what was open asks for nothing more
        self.forget()
        self.page.goto(f"{self.address}/en-US/app/ssa_detections/{name}?{urllib.parse.urlencode(query)}")
        self.page.wait_for_function(DRAWN)
        self.settle()

    def resize(self, width: int) -> None:
        """Give the window a width, in pixels, and a height that grows with it; wait until panels have followed."""
        self.page.set_viewport_size({"width": width, "height": SIZE[1] * width // SIZE[0]})
        self.page.wait_for_function(FILLED)

    def forget(self) -> None:
        """Forget what happened."""
        self.errors.clear()
        self.recorder.forget()

    def settle(self) -> None:
        """Wait until no request is open, every search is done, and the browser idle. Raises TimeoutError."""
        limit, calm = time.monotonic() + LIMIT, 0
        while time.monotonic() < limit:
            self.page.wait_for_timeout(1000 * QUIET / CALM)
            started = time.monotonic()
            busy = self.recorder.open or self._running()
            self.page.evaluate("() => new Promise(done => requestIdleCallback(() => done(), {timeout: 1000}))")
            still = not busy and self.recorder.last < started < time.monotonic() < started + QUIET / CALM
            calm = calm + 1 if still else 0
            if calm > CALM:
                return
        raise TimeoutError(f"{self.page.url} is not whole after {LIMIT:g} s; searches that run: {self._running()}")

    def _running(self) -> set[str]:
        over = {
            one["content"]["sid"]
            for seen in self.calls("GET", r"/search/jobs")
            for one in seen.json["entry"]
            if one["content"]["isDone"]
        }
        over |= {seen.path.split("/")[-2] for seen in self.calls("POST", r"/search/jobs/[^/]+/control")}
        return {search.sid for search in self.searches()} - over

    def calls(self, method: str, path: str) -> Iterator[Exchange]:
        """Yield the calls of splunkd whose path matches a regex."""
        wanted = re.compile(rf"{RAW}/services(NS/[^/]+/[^/]+)?{path}")
        return (seen for seen in [*self.recorder.exchanges] if seen.method == method and wanted.fullmatch(seen.path))

    def searches(self) -> list[Search]:
        """Return the searches that the page ran, in order."""
        return [
            Search(
                seen.form.get("label", ""),
                seen.form["search"],
                seen.form.get("earliest_time", ""),
                seen.form.get("latest_time", ""),
                seen.json["sid"],
            )
            for seen in self.calls("POST", "/search/jobs")
            if seen.status == 201
        ]

    def panel(self, title: str) -> Locator:
        """Return the panel whose title contains this."""
        named = self.page.locator("[data-test=viz-title]", has_text=title)
        return named.locator("xpath=ancestor::*[descendant::*[@data-test='viz-size-wrapper']][1]")

    def click(self, title: str, text: str) -> None:
        """Click the first row of a panel's table that has a text, by its place, as rows may be drawn anew; then forget.

        What the click led to is not waited for.
        """
        row = self.panel(title).locator("tbody tr", has_text=text).first
        row.scroll_into_view_if_needed()
        box = row.locator("td").first.bounding_box()
        if not box:
            raise ValueError(f"{title}: the row with {text} is not to be seen")
        self.forget()
        self.page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)

    def picture(self, path: Path) -> None:
        """Write a picture (PNG) of the page in the width of the window, down to the last panel."""
        bottom = self.page.evaluate(
            "() => Math.max(...[...document.querySelectorAll('[data-test=viz-size-wrapper]')].map("
            "panel => panel.getBoundingClientRect().bottom + scrollY))"
        )
        width, height = self.page.evaluate("() => innerWidth"), math.ceil(bottom) + MARGIN
        self.page.screenshot(path=path, clip={"x": 0, "y": 0, "width": width, "height": height}, full_page=True)


@contextmanager
def browser() -> Iterator[Browser]:
    """Run Chromium, without a window."""
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=chromium())
        try:
            yield started
        finally:
            started.close()


@contextmanager
def window(browser: Browser) -> Iterator[BrowserContext]:
    """Open a window of its own: its pages share a cache."""
    width, height = SIZE
    context = browser.new_context(viewport={"width": width, "height": height}, timezone_id="UTC", locale="en-US")
    try:
        yield context
    finally:
        context.close()


@contextmanager
def blank(window: BrowserContext) -> Iterator[Page]:
    """Open an empty page of a window, with nothing left of earlier ones but the cache."""
    window.clear_cookies()
    page = window.new_page()
    try:
        yield page
    finally:
        page.close()

"""What a backfill asks of splunkd's REST API: a saved search, a search over a window, and what its action logged."""

from __future__ import annotations

import difflib
import http.client
import json
import re
import ssl
import time
import urllib.parse
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from splunklib import binding

from tools.backfill.errors import BackfillError
from tools.backfill.windows import Window
from tools.replay.hec import LONGEST_WORDS, brief, certificate_error
from tools.replay.lookup import service

APP = "ssa_detections"

DONE = ("0", "2", "3")
"""Exit codes of the action when it has written what it could: all, or all but what a result or a detection spoilt."""

PAUSE = 0.5
"""Seconds between two looks at a job."""

LONGEST_LOG = 16 * 1024 * 1024
"""Bytes of a search.log that are read."""

_SUMMARY = re.compile(
    r" results=(\d+) risk_events=(\d+) written=(\d+) written_before=(\d+) not_written=\d+ .* exit_code=(\d+)"
)
_LINE = re.compile(r"\b(WARN|ERROR)\b.*? STDERR -\s+(.*)")

Answer = TypeVar("Answer")


@dataclass(frozen=True)
class Written:
    """What a window gave: results of the search, risk events of these, how many were written, and were so before.

    `whole`: no result was left out. `problems` are lines that the action logged.
    """

    results: int
    risk_events: int
    written: int
    before: int
    whole: bool
    problems: tuple[str, ...]


class Splunkd:
    """splunkd at `url`, with the user of the environment; raises ReplayError when that names none."""

    def __init__(self, url: str, context: ssl.SSLContext) -> None:
        self.url, self.service = url, service(url, context, "--url", APP)

    def saved(self, title: str) -> dict[str, Any]:
        """Return the settings of a saved search of the app; raises BackfillError that names those meant, if any."""
        name = urllib.parse.quote(title, safe="")
        path = binding.UrlEncoded(f"/servicesNS/nobody/{APP}/saved/searches/{name}", skip_encode=True)
        try:
            answer = self._call("reading the saved search", lambda: self.service.get(path, output_mode="json"))
            return dict(json.loads(answer.body.read())["entry"][0]["content"])
        except _MissingError:
            meant = difflib.get_close_matches(title, self.titles(), n=3)
            raise BackfillError(
                f"{self.url} has no search '{title}' that you may see"
                + (f": is it one of {', '.join(meant)}?" if meant else ": is the app installed there?")
                + " A detection of a set has none of its own: name the set with --set"
            ) from None
        except (ValueError, TypeError, LookupError):
            raise BackfillError(f"{self.url}: what answers there is no splunkd") from None

    def titles(self) -> list[str]:
        """Return the names of the app's searches that write risk."""
        answer = self._call(
            "listing the saved searches", lambda: self.service.get("saved/searches", output_mode="json", count=0)
        )
        entries = json.loads(answer.body.read())["entry"]
        return [one["name"] for one in entries if str(one["content"].get("action.ssa_risk")) in ("1", "True")]

    def run(self, text: str, window: Window) -> Written:
        """Run a search that hands its results to the action; raises BackfillError that says why it failed."""
        job = self._call(
            "starting a search",
            lambda: self.service.jobs.create(text, earliest_time=window.start, latest_time=window.end, preview=0),
        )
        while not self._call("looking at the search", job.is_done):
            time.sleep(PAUSE)
        log = self._call("reading search.log", lambda: job.searchlog().read(LONGEST_LOG)).decode("utf-8", "replace")
        problems = tuple(dict.fromkeys(f"{found[1]} {found[2][: LONGEST_WORDS * 3]}" for found in _LINE.finditer(log)))
        counts = _SUMMARY.findall(log)
        code = counts[-1][-1] if counts else ""
        if not counts or code not in DONE:
            said = job["messages"] if "messages" in job.content else {}
            texts = [text for level in ("fatal", "error") for text in said.get(level) or ()]
            reasons = [line for line in problems if line.startswith("ERROR")] or texts
            raise BackfillError("; ".join(reasons)[:2000] or "its search.log has no line of the action ssa_risk")
        results, events, written, before, _ = map(int, counts[-1])
        return Written(results, events, written, before, code == "0", problems)

    def _call(self, what: str, request: Callable[[], Answer]) -> Answer:
        """Return an answer; raises BackfillError for what has no answer, or one that refuses."""
        try:
            return request()
        except binding.AuthenticationError:
            raise BackfillError(f"{self.url}: splunkd does not know this user and password, or token") from None
        except binding.HTTPError as error:
            if error.status == 404:
                raise _MissingError from None
            right = error.status == 403
            advice = ". Use a user with the role admin (on Splunk Cloud sc_admin)" if right else ""
            raise BackfillError(f"{self.url}: splunkd refuses {what}: {brief(error)}{advice}") from None
        except (OSError, http.client.HTTPException) as error:
            reason = certificate_error(error) or brief(error)
            raise BackfillError(f"{self.url}: no answer to {what}: {reason}") from None


class _MissingError(BackfillError):
    """There is no such thing."""

"""Search jobs: each runs in a thread of its own, with a session of its owner.

Source: REST API Reference, "Search endpoint descriptions". Choices of the sandbox: a search begins with `search` or
`|`; there are no previews; the events of a job are its results, where these are events; jobs last until the server
stops.
"""

from __future__ import annotations

import hashlib
import itertools
import math
import re
import threading
import time
from collections.abc import Callable, Sequence
from copy import copy
from typing import TYPE_CHECKING, Any

import duckdb
from starlette.responses import Response

from sandbox import confs, spl, times
from sandbox.errors import SandboxError
from sandbox.kvstore import NotFoundError
from sandbox.search import Instance, Result, Stage, _Job
from sandbox.splunkd import results
from sandbox.splunkd.atom import Entity, entities, entry, message, texts
from sandbox.splunkd.calls import Call, CallError, Session, serves
from sandbox.splunkd.results import Found
from sandbox.sql import Relation

if TYPE_CHECKING:
    from sandbox.splunkd.server import Splunkd

JOBS = ("search/jobs", "search/v2/jobs")
EXPORT = tuple(f"{path}/export" for path in JOBS)
EACH = tuple(f"{path}/{{sid}}" for path in JOBS)
RESULTS = tuple(f"{path}/{part}" for path in EACH for part in ("results", "results_preview"))
EVENTS, CONTROL = (tuple(f"{path}/{part}" for path in EACH) for part in ("events", "control"))

_OPTIONS = {"search", "exec_mode", "earliest_time", "latest_time", "now", "output_mode", "count", "offset", "f"}
_NO_MATTER = {"segmentation", "preview", "rf", "timeout", "ttl", "max_count", "adhoc_search_level", "status_buckets"}
_NUMBERS = itertools.count(1)


class _Search(_Job):
    """A search that says when it is checked: what is wrong until then is told to who creates the job."""

    accepted = False

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.settled = threading.Event()

    def execute(self, commands: Sequence[spl.Command], distributable: list[bool], stages: list[Stage]) -> Relation:
        self.accepted = True
        self.settled.set()
        return super().execute(commands, distributable, stages)


class Job:
    """A search that somebody asked for; `name` is the saved search's, if it is one. `done` is set at its end.

    `acting` is the instance as its owner sees it: with the server's address and a session key.
    """

    def __init__(
        self, splunkd: Splunkd, session: Session, text: str, app: str, name: str, asked: dict[str, str]
    ) -> None:
        self.splunkd, self.owner, self.text, self.app, self.name = splunkd, session.user, text, app, name
        now, self.bounds = _times(asked, splunkd.clock())
        code = hashlib.md5(name.encode(), usedforsecurity=False).hexdigest()[:16]
        what = f"RMD5{code}_at" if name else "search"
        self.sid = f"{self.owner}__{self.owner}__{app}__{what}_{time.time():.0f}_{next(_NUMBERS)}"
        self.acting: Instance = copy(splunkd.instance)  # all is shared but these two
        self.acting.splunkd_uri, self.acting.session_key = splunkd.uri, splunkd.open(session, math.inf)
        self.search = _Search(self.acting, self.sid, text, app, self.owner, *self.bounds, now)
        self.result, self.error, self.seconds = Result(self.sid, self.search.head.dispatch), "", 0.0
        self.started, self.done = time.time(), threading.Event()

    def run(self, then: Callable[[Job], None]) -> None:
        """Run the search, and what follows it."""
        try:
            self.result = self.search.run()
        except Exception as error:  # whatever it is, somebody waits
            self.error = str(error) if isinstance(error, (SandboxError, duckdb.Error)) else repr(error)
        self.seconds = time.time() - self.started
        self.search.close()
        self.done.set()
        self.search.settled.set()
        if not self.error:
            then(self)
        self.splunkd.sessions.pop(self.acting.session_key, None)

    @property
    def found(self) -> Found:
        """Its results, once it is done; a failed one has none but the message."""
        if self.error:
            return Found([], [], [("FATAL", self.error)])
        return Found(self.result.columns, self.result.rows, [(level, text) for level, text, _ in self.result.messages])

    def entity(self, json: bool) -> Entity:
        """Tell of it."""
        done, stages, messages = self.done.is_set(), self.result.stages, self.found.messages
        levels = {level.lower(): [text for one, text in messages if one == level] for level, _ in messages}
        content = {
            "sid": self.sid,
            "search": self.text,
            "label": self.name,
            "isSavedSearch": bool(self.name),
            "dispatchState": "FAILED" if done and self.error else "DONE" if done else "RUNNING",
            "isDone": done,
            "isFailed": done and bool(self.error),
            "isFinalized": False,
            "isPaused": False,
            "doneProgress": float(done),
            "eventCount": stages[0].rows_out if stages else 0,
            "scanCount": stages[0].rows_in if stages else 0,
            "resultCount": len(self.result.rows),
            "runDuration": round(self.seconds, 3),
            "earliestTime": _iso(self.bounds[0]),
            "latestTime": _iso(self.bounds[1]),
            "ttl": 600,
            "messages": [{"type": level, "text": text} for level, text in messages] if json else levels,
        }
        return Entity(self.text, "search/jobs", content, self.app, self.owner, key=self.sid)


def start(
    splunkd: Splunkd,
    session: Session,
    text: str,
    app: str,
    asked: dict[str, str],
    name: str = "",
    then: Callable[[Job], None] = lambda job: None,
) -> Job:
    """Start a search as somebody, with `earliest_time`, `latest_time` and `now` as asked; `then` follows its success.

    Raises CallError (400, FATAL) for a time that is none, and for a search that is none, before it runs.
    """
    try:
        job = Job(splunkd, session, text, app, name, asked)
        thread = threading.Thread(target=job.run, args=(then,), daemon=True)
        thread.start()
        splunkd.threads.append(thread)
        job.search.settled.wait()
        if not job.search.accepted:
            raise SandboxError(job.error)
    except SandboxError as error:
        raise CallError(400, str(error), "FATAL") from error
    splunkd.jobs[job.sid] = job
    return job


def _times(asked: dict[str, str], now: float) -> tuple[float, tuple[float | None, float | None]]:
    found: dict[str, float | None] = {"now": now}
    for key in ("now", "earliest_time", "latest_time"):
        try:
            found[key] = times.resolve(asked.get(key, "now" if key == "now" else ""), found["now"] or now)
        except SandboxError:
            raise CallError(400, f"Invalid {key}.", "FATAL") from None
    earliest, latest = found["earliest_time"], found["latest_time"]
    if earliest is not None and latest is not None and latest <= earliest:
        raise CallError(400, "Invalid latest_time: latest_time must be after earliest_time.", "FATAL")
    return found["now"] or now, (earliest, latest)


def _iso(time: float | None) -> Any:
    return results.cell("_time", f"{time or 0:.3f}") if time else ""


def _asked(call: Call) -> Job:
    """Start the search that a call asks for."""
    text = call.args.get("search", "").strip()
    for key in call.args.keys() - _OPTIONS - _NO_MATTER:
        raise CallError(400, f'Argument "{key}" is not supported by this handler.')
    results.mode_of(call)
    if not text:
        raise CallError(400, "Search string cannot be empty.", "FATAL")
    try:
        whole = spl.expand(text, confs.load(call.instance.apps / call.app, "macros")).strip()
    except SandboxError as error:
        raise CallError(400, str(error), "FATAL") from error
    if not re.match(r"\||search\b", whole):
        raise CallError(400, f"Unknown search command '{re.split(r'[^a-z_]', whole.lower())[0]}'.", "FATAL")
    return start(call.splunkd, call.session, text, call.app, call.args)


def _visible(call: Call, job: Job) -> bool:
    """Tell whether the user may see a job: an own one, a saved search's, which are shared, or, as an admin, any."""
    return bool(job.name) or job.owner == call.session.user or "admin_all_objects" in call.session.capabilities


def _job(call: Call) -> Job:
    found = call.splunkd.jobs.get(call.part("sid"))
    if not found or not _visible(call, found):
        raise NotFoundError("Unknown sid.")
    return found


@serves("GET POST", *EXPORT, needs="search")
def export(call: Call) -> Response:
    """Run a search and stream its results."""
    job = _asked(call)
    job.done.wait()
    return results.stream(call, job.found)


@serves("POST", *JOBS, needs="search")
def create(call: Call) -> Response:
    """Create a job: `exec_mode` normal, blocking, or oneshot, which answers with the results."""
    mode = call.args.get("exec_mode", "normal")
    if mode not in ("normal", "blocking", "oneshot"):
        raise CallError(400, f"Invalid exec_mode '{mode}'.")
    job = _asked(call)
    if mode != "normal":
        job.done.wait()
    return results.answer(call, job.found) if mode == "oneshot" else texts(call, 201, sid=job.sid)


@serves("GET", *JOBS)
def jobs(call: Call) -> Response:
    """List the jobs, the last one first."""
    found = [job.entity(call.json) for job in call.splunkd.jobs.values() if _visible(call, job)]
    return entities(call, found[::-1])


@serves("GET", *EACH)
def poll(call: Call) -> Response:
    """Tell how a job is doing."""
    return entry(call, _job(call).entity(call.json))


@serves("GET POST", *RESULTS)
def job_results(call: Call) -> Response:
    """Give results; nothing (204) while there are none yet."""
    job = _job(call)
    if "search" in call.args:
        raise CallError(400, "Searching in results is not supported by the sandbox: the argument 'search'.")
    return results.answer(call, job.found) if job.done.is_set() else Response(status_code=204)


@serves("GET POST", *EVENTS)
def job_events(call: Call) -> Response:
    """Give the events that a search found."""
    job = _job(call)
    events = "_raw" in job.found.columns
    found = job.found if events else Found([], [], job.found.messages)
    return results.answer(call, found) if job.done.is_set() else Response(status_code=204)


@serves("POST", *CONTROL)
def control(call: Call) -> Response:
    """Stop and remove a job: `action=cancel`."""
    if (action := call.args.get("action", "")) != "cancel":
        raise CallError(400, f"Invalid action '{action}': the sandbox supports cancel.")
    return cancel(call)


@serves("DELETE", *EACH)
def cancel(call: Call) -> Response:
    """Stop and remove a job."""
    job = _job(call)
    del call.splunkd.jobs[job.sid]
    if not job.done.is_set():
        job.search.database.interrupt()
    return message(call.json, 200, "Search job cancelled.", "INFO")

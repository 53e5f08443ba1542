"""Search jobs: each runs in a thread of its own, with a session of its owner.

Source: REST API Reference, "Search endpoint descriptions". Choices of the sandbox: a search begins with `search` or
`|`; there are no previews; jobs last until the server stops.
"""

from __future__ import annotations

import functools
import re
import threading
from collections.abc import Callable
from typing import Any

import duckdb
from starlette.responses import JSONResponse, PlainTextResponse, Response

from sandbox import confs, times
from sandbox.alerts.alert_actions import SEARCH_LOG
from sandbox.errors import SandboxError
from sandbox.inputs import logs
from sandbox.search import spl
from sandbox.search.server import DISPATCH, SEARCH_HEAD
from sandbox.splunkd import results
from sandbox.splunkd.atom import Entity, entities, entry, message, texts
from sandbox.splunkd.calls import Call, CallError
from sandbox.splunkd.job import Job
from sandbox.splunkd.results import Found
from sandbox.splunkd.state import Session, State
from sandbox.store import failures
from sandbox.store.kvstore import NotFoundError

_OPTIONS = {"search", "exec_mode", "earliest_time", "latest_time", "now", "output_mode", "count", "offset", "f"}
_NO_MATTER = {"segmentation", "preview", "rf", "timeout", "ttl", "max_count", "adhoc_search_level", "status_buckets"}
_NO_MATTER |= {"sid", "label", "check_risky_command", "provenance", "postprocess_searches"}  # of Splunk's dashboards


def start(
    splunkd: State,
    session: Session,
    text: str,
    app: str,
    options: dict[str, str],
    name: str = "",
    then: Callable[[Job], None] = lambda job: None,
) -> Job:
    """Start a search of a user. `options` has `earliest_time`, `latest_time` and `now`; `then` follows its success.

    Raises CallError (400, FATAL) for a time that is none, and for a search that is none, before it runs.
    """
    try:
        now, bounds = _times(options, splunkd.clock())
        acting = splunkd.acting(session)
        close = functools.partial(splunkd.sessions.pop, acting.session_key, None)
        job = Job(acting, session.user, text, app, name, now, bounds, close)
        logs.search(splunkd.instance, logs.Search(session.user, job.sid, text, app, name), splunkd.clock())
        thread = threading.Thread(target=job.run, args=(then,), daemon=True)
        thread.start()
        splunkd.threads.append(thread)
        job.settled.wait()
        if job.stop is None:
            raise SandboxError(job.error)
    except SandboxError as error:
        raise CallError(400, failures.words(error), "FATAL") from error
    splunkd.jobs[job.sid] = job
    return job


def _times(options: dict[str, str], now: float) -> tuple[float, tuple[float | None, float | None]]:
    found: dict[str, float | None] = {"now": now}
    for key in ("now", "earliest_time", "latest_time"):
        try:
            found[key] = times.resolve(options.get(key, "now" if key == "now" else ""), found["now"] or now)
        except SandboxError:
            raise CallError(400, f"Invalid {key}.", "FATAL") from None
    earliest, latest = found["earliest_time"], found["latest_time"]
    if earliest is not None and latest is not None and latest <= earliest:
        raise CallError(400, "Invalid latest_time: latest_time must be after earliest_time.", "FATAL")
    return found["now"] or now, (earliest, latest)


def _found(job: Job) -> Found:
    """Return the results of a job that is done; a failed one has none but the message."""
    if job.error:
        return Found([], [], [("FATAL", job.error)])
    messages = [(level, text if at == SEARCH_HEAD else f"[{at}] {text}") for level, text, at in job.result.messages]
    return Found(job.result.columns, job.result.rows, messages)


def _post_process(call: Call, job: Job, text: str) -> Found:
    """Run commands over the results of a job, which stay. Raises CallError (400, FATAL) where they fail."""
    earliest, latest = job.bounds
    try:
        made = call.instance.search(
            text, earliest=earliest, latest=latest, app=job.app, owner=job.owner, now=job.now, over=job.result
        )
    except (SandboxError, duckdb.Error) as error:
        raise CallError(400, failures.words(error), "FATAL") from error
    return Found(made.columns, made.rows, _found(job).messages, len(made.rows))


def _entity(job: Job, json: bool) -> Entity:
    """Show a job."""
    done, stages, messages = job.done.is_set(), job.result.stages, _found(job).messages
    levels = {level.lower(): [text for one, text in messages if one == level] for level, _ in messages}
    content = {
        "sid": job.sid,
        "search": job.text,
        "label": job.name,
        "isSavedSearch": bool(job.name),
        "dispatchState": "FAILED" if done and job.error else "DONE" if done else "RUNNING",
        "isDone": done,
        "isFailed": done and bool(job.error),
        "isFinalized": False,
        "isPaused": False,
        "doneProgress": float(done),
        "eventCount": stages[0].rows_out if stages else 0,
        "scanCount": stages[0].rows_in if stages else 0,
        "resultCount": len(job.result.rows),
        "resultPreviewCount": len(job.result.rows),
        "isRealTimeSearch": False,
        "runDuration": round(job.seconds, 3),
        "earliestTime": _iso(job.bounds[0]),
        "latestTime": _iso(job.bounds[1]),
        "ttl": 600,
        "messages": [{"type": level, "text": text} for level, text in messages] if json else levels,
    }
    return Entity(job.text, "search/jobs", content, job.app, job.owner, key=job.sid)


def _iso(time: float | None) -> Any:
    return results.cell("_time", f"{time or 0:.3f}") if time else ""


def _started(call: Call) -> Job:
    """Start the search of a call."""
    text = call.args.get("search", "").strip()
    for key in call.args.keys() - _OPTIONS - _NO_MATTER:
        raise CallError(400, f'Argument "{key}" is not supported by this handler.')
    if not text:
        raise CallError(400, "Search string cannot be empty.", "FATAL")
    try:
        whole = spl.expand(text, confs.load(call.instance.apps / call.app, "macros")).strip()
    except SandboxError as error:
        raise CallError(400, failures.words(error), "FATAL") from error
    if not re.match(r"\||search\b", whole):
        raise CallError(400, f"Unknown search command '{re.split(r'[^a-z_]', whole.lower())[0]}'.", "FATAL")
    return start(call.splunkd, call.session, text, call.app, call.args)


def _visible(call: Call, job: Job) -> bool:
    """Return whether the user may see a job: an own one, a saved search's, which are shared, or, as an admin, any."""
    return bool(job.name) or job.owner == call.session.user or "admin_all_objects" in call.session.capabilities


def _job(call: Call) -> Job:
    found = call.splunkd.jobs.get(call.part("sid"))
    if not found or not _visible(call, found):
        raise NotFoundError("Unknown sid.")
    return found


def create(call: Call) -> Response:
    """Create a job: `exec_mode` normal, blocking, or oneshot, which answers with the results."""
    mode = call.args.get("exec_mode", "normal")
    if mode not in ("normal", "blocking", "oneshot"):
        raise CallError(400, f"Invalid exec_mode '{mode}'.")
    if mode == "oneshot":
        results.mode_of(call)
    job = _started(call)
    if mode != "normal":
        job.done.wait()
    return results.answer(call, _found(job)) if mode == "oneshot" else texts(call, 201, sid=job.sid)


def export(call: Call) -> Response:
    """Run a search and stream its results."""
    results.mode_of(call)
    job = _started(call)
    job.done.wait()
    return results.stream(call, _found(job))


def jobs(call: Call) -> Response:
    """List the jobs, the last one first; with `id` only these."""
    ids = [value for key, value in call.pairs if key == "id"]
    found = [job for job in call.splunkd.jobs.values() if _visible(call, job) and (not ids or job.sid in ids)]
    return entities(call, [_entity(job, call.json) for job in found[::-1]])


def poll(call: Call) -> Response:
    """Describe a job and its progress."""
    return entry(call, _entity(_job(call), call.json))


def job_results(call: Call) -> Response:
    """Give results, post-processed by the commands of `search`; nothing (204) while there are none yet."""
    job = _job(call)
    if not job.done.is_set():
        return Response(status_code=204)
    text = call.args.get("search", "").strip()
    return results.answer(call, _post_process(call, job, text) if text and not job.error else _found(job))


def search_log(call: Call) -> Response:
    """Give a search's own log: here, of its alert actions alone."""
    path = call.instance.home / DISPATCH / _job(call).sid / SEARCH_LOG
    return PlainTextResponse(path.read_text("utf-8") if path.is_file() else "")


def control(call: Call) -> Response:
    """Stop and remove a job (`action=cancel`), or keep it (`touch`), as jobs are kept anyway."""
    job, action = _job(call), call.args.get("action", "")
    if action == "touch":
        return message(call.json, 200, "Search job touched.", "INFO")
    if action != "cancel":
        raise CallError(400, f"Invalid action '{action}': the sandbox supports cancel and touch.")
    del call.splunkd.jobs[job.sid]
    if job.stop and not job.done.is_set():
        job.stop()
    return message(call.json, 200, "Search job cancelled.", "INFO")


def timeparser(call: Call) -> Response:
    """Resolve each `time` as a search would: a JSON object from the text of each to ISO 8601."""
    now, given = call.splunkd.clock(), [value for key, value in call.pairs if key == "time"]
    return JSONResponse({text: results.cell("_time", f"{times.resolve(text, now) or 0:.3f}") for text in given})

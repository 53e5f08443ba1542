"""`python -m sandbox replay`: raw event files through the packaged app: detections, risk and alerts come out.

All of it by the ways that a real Splunk offers: the REST API, called with Splunk's own SDK over TLS, and the HTTP Event
Collector. Only the scheduler's time does not pass by itself: the replay sets it.
"""

from __future__ import annotations

import itertools
import json
import shutil
import ssl
import time
import urllib.parse
import uuid
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
from rich.console import Console
from rich.progress import track
from splunklib import binding, client

from sandbox import confs
from sandbox.demo.console import shown, table
from sandbox.errors import SandboxError
from sandbox.inputs import windows
from sandbox.inputs.intake import windows_row
from sandbox.search import spl
from sandbox.search.command import Row
from sandbox.search.instance import Instance
from sandbox.splunkd import Splunkd, Token
from sandbox.terminal import plain

APP, ACTION = "ssa_detections", "ssa_risk"
HOUR = 3600
INDEX = "wineventlog"
"""The index of Windows events: as on most servers, none that is searched by default."""

BATCH = 1_000
"""Events in one request to the HTTP Event Collector."""

SECONDS = 60
"""How long an answer of the collector may take."""

ALL_TIME = {"dispatch.earliest_time": "0", "dispatch.latest_time": ""}
SCORED = ("risk_object", "risk_object_type", "risk_score", "at")
TOP = 6
"""The most risk objects that a terminal shows."""

HOURLY = {"is_scheduled": 1, "cron_schedule": "0 * * * *"}
"""The schedule of the risk rules here."""


@dataclass
class Replay:
    """What a replay did; `ok` is False when anything was reported as an error.

    `server` is the address, `app` what is installed there. `passed_prefilter` counts the rows that came out of the
    searches' first commands, all together; `messages` are the searches' (level, text), `log` is what the action logged
    (level, text). `scores` has for each user and device the highest score of 24 hours, the highest first. `disabled`
    counts the searches that were left out because they are.
    """

    server: str = ""
    app: str = ""
    events: Counter[str] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)
    searches: list[str] = field(default_factory=list)
    passed_prefilter: int = 0
    messages: list[tuple[str, str]] = field(default_factory=list)
    log: list[tuple[str, str]] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    detections: list[Row] = field(default_factory=list)
    risk_events: list[Row] = field(default_factory=list)
    scores: list[Row] = field(default_factory=list)
    disabled: int = 0
    risk_rules: list[str] = field(default_factory=list)
    risk_alerts: list[Row] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def ok(self) -> bool:
        """Whether nothing failed. A damaged event is no failure: Splunk indexes it too."""
        return not self.errors


def row(event: windows.Event) -> Row:
    """Return an event as it stands in its index: with its default fields, tags and CIM fields."""
    return {**windows_row(event), "index": INDEX}


def connect(splunkd: Splunkd) -> Any:
    """Log in as admin, and return the SDK's client."""
    handler = binding.handler(verify=True, context=ssl.create_default_context(cafile=splunkd.ca_file))
    at, password = urllib.parse.urlsplit(splunkd.uri), splunkd.users["admin"][0]
    return client.connect(
        host=at.hostname, port=at.port, username="admin", password=password, owner="nobody", app=APP, handler=handler
    )


def install(splunkd: Splunkd, archive: Path, local: Path | None = None) -> None:
    """Install the app of an archive, and lay settings over its own. Raises HTTPError for what is no app's archive."""
    service = connect(splunkd)
    service.post("apps/local", owner="nobody", app="system", name=str(archive.resolve()), filename=1)
    if APP not in service.apps:
        raise SandboxError(f"{archive} is not the app {APP}")
    if local is not None:
        shutil.copytree(local, splunkd.instance.apps / APP / "local", dirs_exist_ok=True)


def forward(splunkd: Splunkd, files: list[Path], done: Replay, console: Console) -> None:
    """Send the events of the files to the HTTP Event Collector; count them, and note what is damaged."""
    splunkd.tokens[token := str(uuid.uuid4())] = Token()
    context = ssl.create_default_context(cafile=splunkd.ca_file)
    with httpx.Client(
        verify=context, headers={"Authorization": f"Splunk {token}"}, timeout=SECONDS, trust_env=False
    ) as http:
        read = _events(files, done, console)
        while batch := "\n".join(itertools.islice(read, BATCH)):
            answer = http.post(f"{splunkd.hec_uri}/services/collector/event", content=batch)
            if answer.is_error:
                raise SandboxError(f"the HTTP Event Collector answered {answer.status_code}: {answer.text}")


def _events(files: list[Path], done: Replay, console: Console) -> Iterator[str]:
    for path in files:
        for number, event in enumerate(track(windows.read_events(path), f"reading {path.name}", console=console), 1):
            done.events[event.source or "unknown"] += 1
            if event.problem:
                done.problems.append(f"{path}, event {number}: {event.problem}")
            about = {name: getattr(event, name) for name in ("time", "host", "source", "sourcetype")}
            if event.raw:
                yield json.dumps({**about, "index": INDEX, "event": event.raw})


def risk_searches(instance: Instance, tstats: bool = False, disabled: bool = False) -> list[str]:
    """Return the saved searches whose results become risk, of one of the two kinds: those to be run, or the disabled.

    A detection may have a search over events and one over the accelerated data model, which find the same.
    """
    saved = confs.load(instance.apps / "ssa_detections", "savedsearches")
    macros = confs.load(instance.apps / "ssa_detections", "macros")
    return [
        name
        for name, settings in saved.items()
        if confs.is_true(settings.get(f"action.{ACTION}", "0"))
        and confs.is_true(settings.get("disabled", "0")) == disabled
        and (spl.pipeline(spl.expand(settings["search"], macros))[0].name == "tstats") == tstats
    ]


def rows(results: Any) -> list[Row]:
    """Read results; their times become epoch s again."""
    found: list[dict[str, Any]] = json.loads(results.read())["results"]
    for each in found:
        if "_time" in each:
            each["_time"] = f"{datetime.fromisoformat(each['_time']).timestamp():.3f}"
    return [*found]


def dispatch(splunkd: Splunkd, saved: Any, done: Replay, **how: Any) -> tuple[Any, list[Row]]:
    """Run a saved search over all time, to the end of its actions; return the job and its results.

    Raises HTTPError for a search that is refused, SandboxError for one that fails.
    """
    job = saved.dispatch(**ALL_TIME, **how)
    splunkd.wait()
    job.refresh()
    messages = [(level.upper(), text) for level, texts in (job["messages"] or {}).items() for text in texts]
    if job["isFailed"] == "1":
        raise SandboxError("; ".join(text for level, text in messages if level == "FATAL"))
    done.messages += messages
    return job, rows(job.results(output_mode="json", count=0))


def detect(service: Any, splunkd: Splunkd, dry_run: bool, done: Replay) -> None:
    """Run the searches with their action, and read its events and log; a search that fails is noted as an error."""
    for name in done.searches:
        try:
            saved = service.saved_searches[name]
            if saved["disabled"] == "1":
                saved.update(disabled=0)
            if dry_run:
                saved.update(**{f"action.{ACTION}.param.dry_run": 1})
            job, found = dispatch(splunkd, saved, done, trigger_actions=1)
            done.passed_prefilter += int(job["eventCount"])
            done.detections += found
        except (SandboxError, binding.HTTPError) as error:
            done.errors.append(f"{name}: {error}")
    logged = rows(_oneshot(service, "search index=_internal component=sendmodalert OR log_level=ERROR | sort 0 _time"))
    for line in logged:
        level, text = str(line["log_level"]), str(line["_raw"]).partition(" - ")[2]
        head, own, rest = text.partition(" STDERR -  ")
        if own:
            done.log.append((level, rest))
        elif level == "ERROR":
            done.errors.append(head)
    done.risk_events = rows(_oneshot(service, "search index=risk sourcetype=stash"))
    done.scores = scores(service)


def scores(service: Any) -> list[Row]:
    """Return each user's and device's highest score of 24 hours, the highest first, as the app's macros compute it."""
    return rows(_oneshot(service, "search `ssa_risk_scores` | sort 0 - risk_score, risk_object"))


def _oneshot(service: Any, search: str) -> Any:
    return service.jobs.oneshot(search, output_mode="json", count=0)


def raise_alerts(service: Any, splunkd: Splunkd, done: Replay) -> None:
    """Schedule the risk rules, let time pass, and note what they raise. A rule that fails is noted as an error.

    A rule is run over all the risk first, which names the users and devices that it may be about; then the scheduler
    comes to the end of each hour in which they gathered risk, as if risk were written at once.
    """
    hours = set[float]()
    for saved in service.saved_searches.list(count=-1):
        if saved["disabled"] == "0" and confs.is_true(saved.content.get("alert.track", "0")):
            try:
                named = {name for found in dispatch(splunkd, saved, done)[1] for name in listed(found["risk_object"])}
                saved.update(**HOURLY)
                done.risk_rules.append(saved.name)
                gathered = (float(str(e["_time"])) for e in done.risk_events if e["risk_object"] in named)
                hours |= {at // HOUR * HOUR + HOUR for at in gathered}
            except (SandboxError, binding.HTTPError) as error:
                done.errors.append(f"{saved.name}: {error}")
    splunkd.instance.backdate("risk", since=0)
    try:
        runs = [run for hour in sorted(hours) for run in splunkd.scheduler.run(hour, hour + 1)]
    except SandboxError as error:  # a setting of another search, which the user scheduled
        done.errors.append(str(error))
        return
    for run in runs:
        if run.search in done.risk_rules:
            done.errors += [f"{run.search}: {run.error}"] if run.error else []
            for found in itertools.chain.from_iterable(alert.rows for alert in run.raised):
                done.risk_alerts.append({**found, "_time": f"{run.time:.0f}", "search_name": run.search})


def run(
    splunkd: Splunkd, files: list[Path], dry_run: bool, console: Console, *, tstats: bool = False, every: bool = False
) -> Replay:
    """Replay files through a server with the app; raises SandboxError for files, not for searches.

    `tstats` chooses the searches over the accelerated data model, `every` enables those that are disabled, too.
    """
    done, started = Replay(), time.perf_counter()
    for path in files:
        if path.is_dir() or not path.exists():
            raise SandboxError(f"{path}: {'this is a folder' if path.is_dir() else 'no such file'}")
    names, disabled = (risk_searches(splunkd.instance, tstats, off) for off in (False, True))
    if every:
        names, disabled = names + disabled, []
    if not names:
        kind = "with" if tstats else "without"
        raise SandboxError(f"the app {APP} has no saved search {kind} tstats that has action.{ACTION} = 1")
    service, done.searches, done.server = connect(splunkd), names, splunkd.uri
    done.disabled = len(disabled)
    done.app = "{label} {version}".format(**service.apps[APP].content)
    if INDEX not in service.indexes:
        service.indexes.create(INDEX)
    forward(splunkd, files, done, console)
    with console.status("searching …"):
        detect(service, splunkd, dry_run, done)
    if done.risk_events:
        with console.status("running the risk rules …"):
            raise_alerts(service, splunkd, done)
    done.seconds = time.perf_counter() - started
    return done


def write_json(done: Replay, console: Console, indexers: int) -> None:
    """Write one JSON object a line: detections, risk events, alerts, then a summary."""

    def line(kind: str, fields: Mapping[str, object]) -> None:
        console.file.write(json.dumps({**fields, "kind": kind}, ensure_ascii=False) + "\n")

    for fields in done.detections:
        line("detection", fields)
    for fields in done.risk_events:
        line("risk_event", fields)
    for fields in done.risk_alerts:
        line("risk_alert", fields)
    line("summary", summary(done, indexers))


def summary(done: Replay, indexers: int) -> dict[str, Any]:
    """Return the counts of a replay."""
    return {
        "events": sum(done.events.values()),
        "events_by_source": dict(done.events),
        "passed_prefilter": done.passed_prefilter,
        "detections": len(done.detections),
        "risk_events": len(done.risk_events),
        "risk_alerts": len(done.risk_alerts),
        "scores": [{name: score[name] for name in SCORED} for score in done.scores],
        "problems": done.problems,
        "errors": done.errors,
        "messages": [list(message) for message in done.messages],
        "log": [list(line) for line in done.log],
        "indexers": indexers,
        "seconds": round(done.seconds, 2),
        "ok": done.ok,
    }


def listed(cell: Any) -> list[Any]:
    """Return the values of a cell."""
    return cell if isinstance(cell, list) else [cell]


def _clock(cell: Any) -> str:
    return time.strftime("%Y-%m-%d %H:%M", time.gmtime(float(cell or 0)))


def write_page(done: Replay, console: Console, dry_run: bool) -> None:
    """Write the story of a replay for a reader at a terminal."""

    def show(text: str, style: str = "bold") -> None:
        console.print(plain(text), style=style, markup=False, highlight=False)

    events, hits, risk = sum(done.events.values()), done.detections, done.risk_events
    show(f"{done.app}, installed over REST into a stand-in for splunkd at {done.server}")
    show(f"1. Events read: {events:,}, forwarded to index={INDEX} (HTTP Event Collector)")
    for source, count in done.events.most_common():
        show(f"   {count:7,}  {source}", "none")
    for problem in done.problems[:10]:
        show(f"   damaged: {problem}", "yellow")
    if len(done.problems) > 10:
        show(f"   … and {len(done.problems) - 10} more damaged events", "yellow")

    what = "the detection" if len(done.searches) == 1 else "the detections"
    show(f"2. Searched: {done.passed_prefilter:,} events passed the prefilter, {what} fired on {len(hits):,}")
    for name in dict.fromkeys(str(hit.get("detection")) for hit in hits):
        columns = table(f"Detection: {name}", "UTC", "user", "device", "score", "command line")
        for hit in sorted(hits, key=lambda hit: float(str(hit.get("_time") or 0))):
            if str(hit.get("detection")) == name:
                cells = (shown(hit.get(key)) for key in ("dest_user_id", "dest_device_id", "risk_score", "process"))
                columns.add_row(_clock(hit.get("_time")), *cells)
        console.print(columns)

    show(f"3. Risk written by the alert action: {len(risk):,} events in index=risk, each hit once for its user, device")
    if risk:
        show(f"   {risk[-1]['risk_object']}, {risk[-1]['risk_score']}: {risk[-1]['risk_message']}", "none")
        highest = table("", "score", "24 hours to, UTC", "risk object", "type")
        for score in done.scores[:TOP]:
            names = (shown(score[key]) for key in ("risk_object", "risk_object_type"))
            highest.add_row(shown(score["risk_score"]), _clock(score["at"]), *names)
        if len(done.scores) > TOP:
            highest.add_row("…", "", f"and {len(done.scores) - TOP} more", "")
        console.print(highest)

    show(f"4. Alerts raised by {len(done.risk_rules)} risk rules, scheduled hourly: {len(done.risk_alerts):,}")
    if done.risk_alerts:
        raised = table("", "UTC", "score", "user or device", "message")
        for alert in done.risk_alerts:
            cells = (shown(alert.get(key)) for key in ("risk_score", "risk_object", "message"))
            raised.add_row(_clock(alert["_time"]), *cells)
        console.print(raised)
    if dry_run:
        for _, text in done.log:
            console.print(plain(text), markup=False, highlight=False, soft_wrap=True)

    for level, text in done.messages:
        show(f"search message, {level}: {text}", "yellow")
    for level, text in done.log:
        if level != "INFO":
            show(f"{ACTION} {level}: {text}", "red")
    for error in done.errors:
        show(f"failed: {error}", "red")
    show(
        f"{events:,} events read, {done.passed_prefilter:,} passed the prefilter, {len(hits):,} fired, {len(risk):,} "
        f"risk events written, {len(done.risk_alerts):,} alerts raised, in {done.seconds:.1f} s.",
        "bold green" if done.ok else "bold red",
    )
    if done.disabled:
        show(f"{done.disabled} more searches are disabled: --all runs them too.", "none")

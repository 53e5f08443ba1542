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
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import httpx
from rich.console import Console
from rich.progress import track
from splunklib import binding, client

from sandbox import confs
from sandbox.demo import runs
from sandbox.demo.console import shown
from sandbox.demo.runs import EVERY, Runs
from sandbox.errors import SandboxError
from sandbox.inputs import windows
from sandbox.inputs.intake import windows_row
from sandbox.inputs.windows.census import Census, Problem
from sandbox.search.command import Row
from sandbox.search.instance import Instance
from sandbox.splunkd import Splunkd, Token
from sandbox.store.kvstore import Record

APP, ACTION = runs.APP, runs.ACTION
HOUR = 3600
INDEX = "wineventlog"
"""The index of Windows events: as on most servers, none that is searched by default."""

BATCH = 1_000
"""Events in one request to the HTTP Event Collector."""

SECONDS = 60
"""How long an answer of the collector may take."""

ALL_TIME = {"dispatch.earliest_time": "0", "dispatch.latest_time": ""}


HOURLY = {"is_scheduled": 1, "cron_schedule": "0 * * * *"}
"""The schedule of the risk rules here."""

TUNED = ("ssa_allow_list", "ssa_ignored_entities", "ssa_risk_modifiers")
"""The lookups whose entries are the user's: they apply to the next replay, too."""

DATA_CHECK = "SSA - Data check"
"""What alerts, and is no risk rule: files that came in at once are no hours of a living estate."""


@dataclass
class Replay:
    """What a replay did; `ok` is False when anything was reported as an error.

    `server` is the address, `app` what is installed there, `indexed` counts all events that it has by now.
    `passed_prefilter` counts the rows that came out of the searches' first commands, all together; `messages` are the
    searches' (level, text), `log` is what the action logged (level, text). `scores` has for each user and device the
    highest score of 24 hours, the highest first. `disabled` counts the searches that were left out because they are;
    `own` states of the user's detections what runs them.
    """

    server: str = ""
    app: str = ""
    indexed: int = 0
    files: list[Census] = field(default_factory=list)
    searches: list[str] = field(default_factory=list)
    passed_prefilter: int = 0
    messages: list[tuple[str, str]] = field(default_factory=list)
    log: list[tuple[str, str]] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    detections: list[Row] = field(default_factory=list)
    risk_events: list[Row] = field(default_factory=list)
    scores: list[Row] = field(default_factory=list)
    disabled: int = 0
    own: dict[str, str] = field(default_factory=dict)
    risk_rules: list[str] = field(default_factory=list)
    risk_alerts: list[Row] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def ok(self) -> bool:
        """Whether nothing failed. A damaged event is no failure: Splunk indexes it too."""
        return not self.errors

    @property
    def events(self) -> Counter[str]:
        """How many events were read, by source."""
        return sum((file.sources for file in self.files), Counter[str]())

    @property
    def problems(self) -> list[Problem]:
        """What could not be seen in the files."""
        return [problem for file in self.files for problem in file.problems()]


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
    there = int(APP in service.apps)
    service.post("apps/local", owner="nobody", app="system", name=str(archive.resolve()), filename=1, update=there)
    if APP not in service.apps:
        raise SandboxError(f"{archive} is not the app {APP}")
    if local is not None:
        overlay(splunkd.instance, local)


def entries(home: Path) -> dict[str, list[Record]]:
    """Return what the user has put into the lookups of a folder of a replay: its records, by lookup."""
    try:
        with closing(Instance(home, on_disk=True, app=APP)) as instance:
            collections = [instance.kvstore.collection(APP, name) for name in TUNED]
            return {each.name: found for each in collections if (found := each.find())}
    except (SandboxError, duckdb.Error):  # of a version without them, or damaged: a replay must be able to replace it
        return {}


def tune(splunkd: Splunkd, kept: dict[str, list[Record]]) -> None:
    """Put entries into the lookups, and copy the allow list, as splunkd does within five minutes of an installation."""
    for name, records in kept.items():
        splunkd.instance.kvstore.collection(APP, name).save(records)
    _oneshot(connect(splunkd), "| `ssa_apply_allow_list`")


def overlay(instance: Instance, local: Path) -> None:
    """Lay settings over those of the installed app. Raises SandboxError for a folder that has none, or wrong ones."""
    if not local.is_dir():
        raise SandboxError(f"--local {local}: no such folder: name an app's local/")
    files = [*local.glob("*.conf")]
    if not files and any(local.iterdir()):
        inside = "name the local/ in it" if (local / "local").is_dir() else "name an app's local/"
        raise SandboxError(f"--local {local}: it has no .conf: {inside}")
    for file in files:
        confs.read(file)  # named as the user knows it
    shutil.copytree(local, instance.apps / APP / "local", dirs_exist_ok=True)


def forward(splunkd: Splunkd, files: list[Path], done: Replay, console: Console) -> None:
    """Send the events of the files to the HTTP Event Collector; count them, and note what cannot be seen."""
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
        census = Census(path)
        done.files.append(census)
        try:
            events = track(windows.read_events(path), f"reading {shown(path.name)}", console=console)
            for event in census.count(events):
                about = {name: getattr(event, name) for name in ("time", "host", "source", "sourcetype")}
                if event.raw:
                    yield json.dumps({**about, "index": INDEX, "event": event.raw})
        except OSError as error:  # of this file: the others are read, and so is what came before
            done.errors.append(str(error))


def risk_searches(instance: Instance, tstats: bool = False, disabled: bool = False) -> list[str]:
    """Return the saved searches whose results become risk, of one of the two kinds: those to be run, or the disabled.

    A detection may have a search over events and one over the accelerated data model, which find the same.
    """
    saved = Runs(instance.apps / APP)
    return [
        name
        for name in saved.searches
        if saved.is_disabled(name) == disabled and (saved.pipeline(name)[0].name == "tstats") == tstats
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
            known = {_identity(hit) for hit in done.detections} if name == EVERY else set()
            done.detections += [hit for hit in found if _identity(hit) not in known]
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


def _identity(hit: Row) -> tuple[object, ...]:
    return hit.get("detection_id"), hit.get("finding_id"), hit.get("event_id")


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
        alerts = saved["disabled"] == "0" and confs.is_true(saved.content.get("alert.track", "0"))
        if alerts and saved.name != DATA_CHECK:
            try:
                named = {name for found in dispatch(splunkd, saved, done)[1] for name in listed(found["risk_object"])}
                saved.update(**HOURLY)
                done.risk_rules.append(saved.name)
                gathered = (float(str(e["_time"])) for e in done.risk_events if e["risk_object"] in named)
                hours |= {at // HOUR * HOUR + HOUR for at in gathered}
            except (SandboxError, binding.HTTPError) as error:
                done.errors.append(f"{saved.name}: {error}")
    splunkd.instance.backdate("risk", since=0)
    splunkd.instance.played.add("risk")  # no alert before its hit
    try:
        runs = [run for hour in sorted(hours) for run in splunkd.scheduler.run(hour, hour + 1)]
    except SandboxError as error:  # a setting of another search, which the user scheduled
        done.errors.append(str(error))
        return
    finally:
        splunkd.instance.played.remove("risk")
    for run in runs:
        if run.search in done.risk_rules:
            done.errors += [f"{run.search}: {run.error}"] if run.error else []
            for found in itertools.chain.from_iterable(alert.rows for alert in run.raised):
                done.risk_alerts.append({**found, "_time": f"{run.time:.0f}", "search_name": run.search})


def run(
    splunkd: Splunkd,
    files: list[Path],
    dry_run: bool,
    console: Console,
    *,
    tstats: bool = False,
    every: bool = False,
    local: Path | None = None,
) -> Replay:
    """Replay files through a server with the app; raises SandboxError for files, not for searches.

    `tstats` chooses the searches over the accelerated data model, `every` enables those that are disabled, too: that
    of every detection only where one has no other. `local` are the settings that were installed with the app.
    """
    done, started = Replay(), time.perf_counter()
    for path in files:
        if path.is_dir() or not path.exists():
            raise SandboxError(
                f"{path}: {'this is a folder: name the files in it' if path.is_dir() else 'no such file'}"
            )
    names, disabled = (risk_searches(splunkd.instance, tstats, off) for off in (False, True))
    saved = Runs(splunkd.instance.apps / APP)
    if every:
        names, disabled = names + disabled, []
        if not saved.alone(names):
            names = [name for name in names if name != EVERY]
    names.sort(key=lambda name: name == EVERY)
    if not names:
        kind = "with" if tstats else "without"
        raise SandboxError(f"the app {APP} has no saved search {kind} tstats that has action.{ACTION} = 1")
    service, done.searches, done.server = connect(splunkd), names, splunkd.uri
    done.disabled = len([name for name in disabled if name != EVERY])
    own = confs.read(local / "ssa_detections.conf") if local else {}
    done.own = {name: saved.fate(name, names) for name in own}
    done.app = "{label} {version}".format(**service.apps[APP].content)
    if INDEX not in service.indexes:
        service.indexes.create(INDEX)
    forward(splunkd, files, done, console)
    (counted,) = rows(_oneshot(service, f"search index={INDEX} | stats count"))
    done.indexed = int(str(counted["count"]))
    if done.indexed:
        with console.status("searching …"):
            detect(service, splunkd, dry_run, done)
    if done.risk_events:
        with console.status("running the risk rules …"):
            raise_alerts(service, splunkd, done)
    done.seconds = time.perf_counter() - started
    return done


def listed(cell: Any) -> list[Any]:
    """Return the values of a cell."""
    return cell if isinstance(cell, list) else [cell]

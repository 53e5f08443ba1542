"""`python -m sandbox replay`: raw event files through the packaged app: detections, risk and alerts come out."""

from __future__ import annotations

import json
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import track

from sandbox import alerts, confs, spl, times, windows
from sandbox.console import plain, shown, table
from sandbox.errors import SandboxError
from sandbox.registry import Row
from sandbox.rest import Splunkd
from sandbox.search import Instance, Result

SESSION_KEY = "sandbox"
ACTION = "ssa_risk"
HOUR = 3600
INDEX = "wineventlog"
"""Where Windows events lie: as on most servers, in no index that is searched by default."""


@dataclass
class Replay:
    """What a replay did; `ok` is False when anything was reported as an error."""

    events: Counter[str] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)
    searches: dict[str, Result] = field(default_factory=dict)
    actions: list[alerts.ActionRun] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    detections: list[dict[str, Any]] = field(default_factory=list)
    risk_events: list[dict[str, Any]] = field(default_factory=list)
    risk_alerts: list[dict[str, Any]] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def ok(self) -> bool:
        """Whether nothing failed. A damaged event is no failure: Splunk indexes it too."""
        return not self.errors and all(action.code == 0 for action in self.actions)

    @property
    def passed_prefilter(self) -> int:
        """How many rows came out of the searches' first commands, all together."""
        return sum(result.stages[0].rows_out for result in self.searches.values())


def row(event: windows.Event) -> Row:
    """Return an event as it stands in its index: with its default fields, tags and CIM fields."""
    return {
        **event.fields,
        "_raw": event.raw,
        "_time": event.time,
        "host": event.host,
        "source": event.source,
        "sourcetype": event.sourcetype,
        "index": INDEX,
        "tag": list(event.tags),
    }


def rows(files: list[Path], done: Replay, console: Console) -> Iterator[Row]:
    """Yield the events of the files as rows of their index; count them, and note what is damaged."""
    for path in files:
        for number, event in enumerate(track(windows.read_events(path), f"reading {path.name}", console=console), 1):
            done.events[event.source or "unknown"] += 1
            if event.problem:
                done.problems.append(f"{path}, event {number}: {event.problem}")
            yield row(event)


def risk_searches(instance: Instance, tstats: bool = False) -> list[str]:
    """Return the saved searches that are there to be run and whose results become risk, of one of the two kinds.

    A detection may have a search over events and one over the accelerated data model, which find the same.
    """
    saved = confs.load(instance.apps / "ssa_detections", "savedsearches")
    macros = confs.load(instance.apps / "ssa_detections", "macros")
    return [
        name
        for name, settings in saved.items()
        if confs.is_true(settings.get(f"action.{ACTION}", "0"))
        and not confs.is_true(settings.get("disabled", "0"))
        and (spl.pipeline(spl.expand(settings["search"], macros))[0].name == "tstats") == tstats
    ]


def risk_rules(instance: Instance) -> list[str]:
    """Return the saved searches that list triggered alerts: the rules that watch the risk index."""
    saved = confs.load(instance.apps / "ssa_detections", "savedsearches")
    return [
        name
        for name, settings in saved.items()
        if confs.is_true(settings.get("alert.track", "0")) and not confs.is_true(settings.get("disabled", "0"))
    ]


def risk_alerts(instance: Instance, done: Replay) -> Iterator[dict[str, Any]]:
    """Yield the alerts that the risk rules would have raised, with `_time` (epoch s) and `search_name`.

    A rule is run over all the risk first, which names the users and devices that it may be about; then at the end of
    each hour in which they gathered risk, over its own time range, as if risk were written at once. What it suppresses
    is left out. A rule that fails is noted as an error.
    """
    for name in risk_rules(instance):
        saved, silent = instance.saved_search(name), dict[tuple[str, ...], float]()
        try:
            how = alerts.read(instance.apps / "ssa_detections", saved)
            named = {row.get("risk_object") for row in instance.search(saved["search"]).rows}
            events = (float(event["_time"]) for event in done.risk_events if event["risk_object"] in named)
            for now in sorted({at // HOUR * HOUR + HOUR for at in events}):
                earliest, latest = (times.resolve(saved[f"dispatch.{end}_time"], now) for end in ("earliest", "latest"))
                found = instance.search(saved["search"], earliest=earliest, latest=latest, now=now)
                for alert in alerts.divide(how, found.rows) if alerts.triggers(saved, found.rows) else ():
                    if silent.get(alert.key, now) <= now:
                        silent[alert.key] = now + how.suppress
                        yield from ({**row, "_time": f"{now:.0f}", "search_name": name} for row in alert.rows)
        except SandboxError as error:
            done.errors.append(f"{name}: {error}")


def run(
    instance: Instance, splunkd: Splunkd, files: list[Path], dry_run: bool, console: Console, *, tstats: bool = False
) -> Replay:
    """Replay files through an instance on which the app is installed; raises SandboxError for files, not searches.

    `tstats` chooses the searches over the accelerated data model.
    """
    done = Replay()
    started = time.perf_counter()
    for path in files:
        if path.is_dir() or not path.exists():
            raise SandboxError(f"{path}: {'this is a folder' if path.is_dir() else 'no such file'}")
    if not (names := risk_searches(instance, tstats)):
        kind = "with" if tstats else "without"
        raise SandboxError(f"the app ssa_detections has no saved search {kind} tstats that has action.{ACTION} = 1")
    instance.add_events(rows(files, done, console))
    for name in names:
        with console.status(f"running {name} …"):
            try:
                saved = instance.saved_search(name)
                result = instance.search(saved["search"])
                done.searches[name] = result
                done.detections.extend(result.rows)
                if alerts.triggers(saved, result.rows):
                    done.actions.append(alerts.run(instance, ACTION, name, result, {"dry_run": str(int(dry_run))}))
            except SandboxError as error:
                done.errors.append(f"{name}: {error}")
    if "risk" in splunkd.indexes and splunkd.requests:
        done.risk_events = list(instance.search("index=risk sourcetype=stash").rows)
    if done.risk_events:
        with console.status("running the risk rules …"):
            done.risk_alerts = sorted(risk_alerts(instance, done), key=lambda alert: float(alert["_time"]))
    done.seconds = time.perf_counter() - started
    return done


def write_json(done: Replay, console: Console, indexers: int) -> None:
    """Write one JSON object a line: detections, risk events, alerts, then a summary."""

    def line(kind: str, fields: dict[str, Any]) -> None:
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
        "problems": done.problems,
        "errors": done.errors,
        "messages": [list(message) for result in done.searches.values() for message in result.messages],
        "log": [[level, text] for action in done.actions for level, text in action.log],
        "indexers": indexers,
        "seconds": round(done.seconds, 2),
        "ok": done.ok,
    }


def _clock(cell: Any) -> str:
    return time.strftime("%Y-%m-%d\n%H:%M:%S", time.gmtime(float(cell or 0)))


def write_page(done: Replay, console: Console, dry_run: bool) -> None:
    """Write the story of a replay for a reader at a terminal."""
    read = table("Events read", "events", "source")
    for source, count in done.events.most_common():
        read.add_row(f"{count:,}", shown(source))
    console.print(read)
    for problem in done.problems[:10]:
        console.print(plain(f"damaged: {problem}"), style="yellow", markup=False)
    if len(done.problems) > 10:
        console.print(f"… and {len(done.problems) - 10} more damaged events", style="yellow")

    risk: dict[str, list[dict[str, Any]]] = {}
    for event in done.risk_events:
        risk.setdefault(str(event.get("finding_id")), []).append(event)
    for name in dict.fromkeys(str(hit.get("detection")) for hit in done.detections):
        hits = table(f"Detection: {name}", "UTC", "command line, and risk message", "score", "risk event for")
        for hit in sorted(done.detections, key=lambda hit: float(hit.get("_time") or 0)):
            if str(hit.get("detection")) == name:
                events = risk.get(str(hit.get("finding_id")), [])
                what = [shown(hit.get("process")), *dict.fromkeys(shown(e.get("risk_message")) for e in events)]
                who = [f"{shown(e.get('risk_object'))} ({shown(e.get('risk_object_type'))})" for e in events]
                scores = [shown(e.get("risk_score")) for e in events]
                hits.add_row(
                    _clock(hit.get("_time")), "\n".join(what), "\n".join(scores), "\n".join(who), end_section=True
                )
        console.print(hits)
    totals: dict[tuple[str, str], float] = defaultdict(float)
    for event in done.risk_events:
        totals[shown(event.get("risk_object")), shown(event.get("risk_object_type"))] += float(event["risk_score"])
    if totals:
        sums = table("Risk added (index=risk)", "score", "risk object", "type")
        for (name, kind), score in sorted(totals.items(), key=lambda item: -item[1]):
            sums.add_row(f"{score:g}", name, kind)
        console.print(sums)
    if done.risk_alerts:
        raised = table("Alerts (by the risk rules)", "UTC", "score", "user or device", "message")
        for alert in done.risk_alerts:
            cells = (shown(alert.get(name)) for name in ("risk_score", "risk_object", "message"))
            raised.add_row(_clock(alert["_time"]), *cells, end_section=True)
        console.print(raised)
    if dry_run:
        for action in done.actions:
            for _, text in action.log:
                console.print(plain(text), markup=False, highlight=False, soft_wrap=True)

    for result in done.searches.values():
        for message in result.messages:
            console.print("search message:", *map(plain, message), style="yellow", markup=False)
    for action in done.actions:
        for level, text in action.log:
            if level != "INFO":
                console.print(plain(f"{action.action} {level}: {text}"), style="red", markup=False)
    for error in done.errors:
        console.print(plain(f"search failed: {error}"), style="red", markup=False)
    told = summary(done, 0)
    console.print(
        f"{told['events']:,} events read, {told['passed_prefilter']:,} passed the prefilter, "
        f"{told['detections']:,} fired, {told['risk_events']:,} risk events written, {told['risk_alerts']:,} alerts "
        f"raised, in {done.seconds:.1f} s.",
        style="bold green" if done.ok else "bold red",
    )

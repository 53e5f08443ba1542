"""What a replay says: one JSON object a line, or the story for a reader at a terminal."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import Any

from rich.console import Console

from sandbox.demo.console import shown, table
from sandbox.demo.replay import ACTION, INDEX, Replay
from sandbox.demo.story import story
from sandbox.inputs.windows.census import SHOWN
from sandbox.terminal import plain

SCORED = ("risk_object", "risk_object_type", "risk_score", "at")

FEW = 5
"""The most detections of the user's that a terminal names one by one where the same is to be said of them."""

TOP = 6
"""The most risk objects that a terminal shows."""


def write_json(done: Replay, console: Console, indexers: int) -> None:
    """Write one JSON object a line: problems of the files, detections, risk events, alerts, then a summary."""

    def line(kind: str, fields: Mapping[str, object]) -> None:
        console.file.write(json.dumps({**fields, "kind": kind}, ensure_ascii=False) + "\n")

    for problem in done.problems:
        line("problem", problem._asdict())
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
        "problems": [*map(str, done.problems)],
        "errors": done.errors,
        "messages": [list(message) for message in done.messages],
        "log": [list(line) for line in done.log],
        "indexers": indexers,
        "own": done.own,
        "seconds": round(done.seconds, 2),
        "ok": done.ok,
    }


def _clock(cell: Any) -> str:
    return time.strftime("%Y-%m-%d %H:%M", time.gmtime(float(cell or 0)))


def write_page(done: Replay, console: Console, dry_run: bool) -> None:
    """Write the story of a replay for a reader at a terminal."""

    def show(text: str, style: str = "bold") -> None:
        console.print(plain(text), style=style, markup=False, highlight=False)

    events, hits, risk = sum(done.events.values()), done.detections, done.risk_events
    show(f"{done.app}, installed over REST into a stand-in for splunkd at {done.server}")
    show(f"1. Events read: {events:,}, forwarded to index={INDEX} (HTTP Event Collector)")
    if done.indexed > events:
        show(f"   {done.indexed:,} are there now, with those of before: all of them are searched", "none")
    for source, count in done.events.most_common():
        show(f"   {count:7,}  {source}", "none")
    for file in done.files:
        for problem in file.problems(SHOWN):
            show(f"   {problem}", "yellow")

    for fate in dict.fromkeys(done.own.values()):
        alike = [name for name, its in done.own.items() if its == fate]
        for name in alike if len(alike) <= FEW else [f"{len(alike):,} detections"]:
            show(f"   {name}: {fate}", "none" if fate.startswith("run by") else "yellow")
    is_one = len(done.searches) == 1
    what = "the detection" if is_one else "the detections"
    prefilter = "the prefilter" if is_one else f"the prefilters of {len(done.searches)} searches"
    show(f"2. Searched: {done.passed_prefilter:,} events passed {prefilter}, {what} fired on {len(hits):,}")
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

    show(f"4. Alerts raised by {len(done.risk_rules)} risk rules, run as they are scheduled: {len(done.risk_alerts):,}")
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
        f"{events:,} events read, {done.passed_prefilter:,} passed {prefilter}, {len(hits):,} fired, {len(risk):,} "
        f"risk events written, {len(done.risk_alerts):,} alerts raised, in {done.seconds:.1f} s.",
        "bold green" if done.ok else "bold red",
    )
    for line in story(done):
        show(line, "bold" if not line.startswith(" ") else "none")
    if done.disabled:
        show(f"{done.disabled} more searches are disabled: --all runs them too.", "none")

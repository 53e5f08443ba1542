"""Alerts: when a saved search's results trigger, and its alert actions as splunkd runs them.

Settings are those of savedsearches.conf.spec and alert_actions.conf.spec (Admin Manual).
"""

import gzip
import json
import operator
import re
import subprocess
import time
import urllib.parse
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from sandbox import confs
from sandbox.errors import SandboxError
from sandbox.search.chunked import Value, encode_rows, environment
from sandbox.search.instance import Instance
from sandbox.search.server import Result

Settings = dict[str, str]
Row = dict[str, Value]

MAX_RESULTS = "10000"
"""The default of maxresults in alert_actions.conf."""

SEARCH_LOG = "search.log"
"""A search's own log, in its folder."""

MAX_PER_RESULT = 500
"""limits.conf: max_per_result_alerts, how many results of one search are alerted on one by one."""

_SPLUNKS = ("email", "rss", "script", "lookup", "populate_lookup", "summary_index", "webhook", "logevent")
NOT_HERE = {*_SPLUNKS, "correlationsearch", "notable", "risk"}
"""Actions of Splunk and of Enterprise Security: a search may enable them, the sandbox does not run them."""

RELATIONS: dict[str, Callable[[int, int], bool]] = {
    "greater than": operator.gt,
    "less than": operator.lt,
    "equal to": operator.eq,
    "not equal to": operator.ne,
}
"""The values of `relation`. `rises by` and `drops by` are not supported."""

_COUNTED = {"number of events": "", "number of hosts": "host", "number of sources": "source"}


@dataclass
class ActionRun:
    """What one run of an alert action did: its exit code, and the lines that it logged (level, text)."""

    action: str
    code: int
    log: list[tuple[str, str]] = field(default_factory=list)


class Alert(NamedTuple):
    """The results that actions get together; alerts with an equal `key` suppress each other.

    `number` is the place of the one result in per-result mode, from 0; None in digest mode.
    """

    key: tuple[str, ...]
    rows: list[Row]
    number: int | None = None


class Alerting(NamedTuple):
    """How a saved search alerts: durations in s, `suppress` 0 for never; `severity` from 1 (debug) to 6 (fatal).

    `actions` are the app's that it enables, `not_here` the others.
    """

    digest: bool
    suppress: int
    fields: list[str]
    track: bool
    severity: int
    expires: int
    actions: list[str]
    not_here: list[str]


def read(app: Path, search: Settings) -> Alerting:
    """Read how a saved search of an app alerts. Raises SandboxError that names what is wrong or not supported.

    `alert.track` is auto by default: an action's `track_alert` decides, but what always triggers is not tracked; only
    the app's own actions count (a choice of the sandbox).
    """
    triggers(search, [])
    own = confs.load(app, "alert_actions")
    pattern = r"action\.([^.]+|correlationsearch\.enabled)"
    switches = {key: key.split(".")[1] for key in search if re.fullmatch(pattern, key)}
    names = [name for key, name in switches.items() if confs.is_true(search[key])]
    for name in names:
        if name not in NOT_HERE.union(own):
            raise SandboxError(f"action.{name}: alert_actions.conf has no stanza [{name}]")
    actions, not_here = ([name for name in names if (name in own) == here] for here in (True, False))
    tracking = [confs.is_true(_settings(app, name, search).get("track_alert", "0")) for name in actions]
    if (track := search.get("alert.track", "auto")) == "auto":
        track = str(search.get("counttype", "always") != "always" and any(tracking))
    digest = confs.is_true(search.get("alert.digest_mode", "1"))
    suppress = confs.is_true(search.get("alert.suppress", "0"))
    fields = re.findall(r"[^\s,]+", search.get("alert.suppress.fields", ""))
    if suppress and not digest and not fields:
        raise SandboxError("alert.suppress.fields: must be set when alert.digest_mode = 0 and alert.suppress = 1")
    if "alert.suppress.group_name" in search:
        raise SandboxError("alert.suppress.group_name: not supported")
    if (severity := search.get("alert.severity", "3")) not in [*"123456"]:
        raise SandboxError(f"alert.severity: expected a number from 1 to 6, found '{severity}'")
    period = _seconds("alert.suppress.period", search.get("alert.suppress.period", "")) if suppress else 0
    expires = _seconds("alert.expires", search.get("alert.expires", "24h"))
    return Alerting(digest, period, fields, confs.is_true(track), int(severity), expires, actions, not_here)


def triggers(search: Settings, rows: list[Row]) -> bool:
    """Return whether these results trigger a saved search's actions: `counttype`, `relation`, `quantity`.

    Raises SandboxError that names the setting for a condition that is not supported.
    """
    kind, relation, quantity = (search.get(key, "") for key in ("counttype", "relation", "quantity"))
    for key, supported in {
        "alert_condition": not search.get("alert_condition"),
        "counttype": kind in ("", "always", *_COUNTED),
        "relation": kind not in _COUNTED or relation in RELATIONS,
        "quantity": kind not in _COUNTED or re.fullmatch("[0-9]{1,9}", quantity),
    }.items():
        if not supported:
            raise SandboxError(f"unsupported trigger condition: {key} = {search.get(key)}")
    if kind not in _COUNTED:
        return True
    name = _COUNTED[kind]
    counted = {value for row in rows for value in _values(row.get(name))} if name else rows
    return RELATIONS[relation](len(counted), int(quantity))


def divide(alerting: Alerting, rows: list[Row]) -> list[Alert]:
    """Make alerts of results: one of all in digest mode, else one of each, up to MAX_PER_RESULT.

    A result that lacks a field of `alert.suppress.fields` equals others that lack it (a choice of the sandbox).
    """
    if alerting.digest:
        return [Alert((), rows)]
    keys = [tuple("\n".join(_values(row.get(name))) for name in alerting.fields) for row in rows[:MAX_PER_RESULT]]
    return [Alert(key, [rows[number]], number) for number, key in enumerate(keys)]


def run(
    instance: Instance,
    action: str,
    name: str,
    result: Result,
    overrides: Settings,
    app: str = "",
    owner: str = "admin",
    number: int | None = None,
) -> ActionRun:
    """Run an alert action on the results of a saved search, with `overrides` of its parameters.

    A search without a name is none that is saved. `number` is the result's, in per-result mode. What the action itself
    does wrong is in the ActionRun, and what it says in the index _internal, of a search without a name in its
    search.log (source: remg427/misp42splunk issue 79); raises SandboxError only when it has no script, or settings that
    are not supported.
    """
    app = app or instance.app
    folder = instance.apps / app
    settings = _settings(folder, action, instance.saved_search(name, app) if name else {})
    first = result.rows[0] if result.rows else {}
    payload: dict[str, object] = {
        "app": app,
        "owner": owner,
        "results_file": str(_write_results(result, int(settings.get("maxresults", MAX_RESULTS)), number)),
        "results_link": f"http://localhost:8000/app/{app}/@go?sid={result.sid}",
        "search_uri": f"/servicesNS/{owner}/{app}/saved/searches/{urllib.parse.quote_plus(name)}",
        "server_host": "search_head",
        "server_uri": instance.splunkd_uri,
        "session_key": instance.session_key,
        "sid": result.sid,
        "search_name": name,
        "configuration": {**_parameters(settings, first), **overrides},
        "result": first,
    }
    script, limit = folder / "bin" / f"{action}.py", _seconds("maxtime", settings.get("maxtime", "5m"))
    if not script.is_file():
        raise SandboxError(f"the alert action {action} has no script {script}")
    started = time.monotonic()
    try:
        ran = subprocess.run(
            [instance.python, str(script), "--execute"],
            input=json.dumps(payload if number is None else payload | {"result_id": number}).encode(),
            capture_output=True,
            timeout=limit,
            check=False,
            env=environment(instance.home),
        )
        code, errors, end = ran.returncode, ran.stderr, list[str]()
    except subprocess.TimeoutExpired as late:
        code, errors, end = -1, late.stderr or b"", [f"ERROR killed after {limit} s"]
    done = ActionRun(action, code)
    for text in errors.decode("utf-8", "replace").splitlines() + end:
        level, _, rest = text.partition(" ")
        # splunkd logs a line without a level, such as a traceback, as an error.
        done.log.append((level, rest) if level in ("DEBUG", "INFO", "WARN", "ERROR") else ("ERROR", text))
    lasted = f"completed in duration={(time.monotonic() - started) * 1000:.0f} ms with exit code=0"
    lines = [(level, f"action={action} STDERR -  {text}") for level, text in done.log]
    outcome = f"action={action} - Alert action script {f'returned error code={code}' if code else lasted}"
    lines.append(("ERROR" if code else "INFO", outcome))
    if name:
        log(instance, "sendmodalert", lines, action=action)
    else:
        with (result.dispatch_dir / SEARCH_LOG).open("a", encoding="utf-8") as file:
            file.writelines(f"{level:<5} sendmodalert - {text}\n" for level, text in lines)
    return done


def send(instance: Instance, action: str, result: Result, parameters: Mapping[str, str], app: str, owner: str) -> None:
    """Run an alert action as the command sendalert does. Raises SandboxError if there is none, or its script fails.

    Source: LetMeR00t/TA-thehive-cortex issue 101. Choices of the sandbox: the payload's search_name is empty, as the
    search is ad hoc; one without results runs the action, too.
    """
    if action not in confs.load(instance.apps / app, "alert_actions"):
        raise SandboxError(f'Alert action "{action}" not found.')
    done = run(instance, action, "", result, {**parameters}, app, owner)
    if done.code:
        raise SandboxError(f"Alert script returned error code {done.code}.")


def log(
    instance: Instance, component: str, lines: list[tuple[str, str]], at: float | None = None, **fields: str
) -> None:
    """Write lines (level, text) into splunkd.log, which splunkd indexes into _internal; `at` is epoch s, None is now.

    Another `sourcetype` among the fields is that of another log. Source: "Logging for custom alert actions" (Splunk
    Dev); Troubleshooting Manual, "What Splunk software logs".
    """
    now = time.time() if at is None else at
    stamp = time.strftime("%m-%d-%Y %H:%M:%S.", time.gmtime(now)) + f"{int(now % 1 * 1000):03} +0000"
    event = {"index": "_internal", "host": "search_head", "sourcetype": "splunkd", "component": component}
    texts = [f"{stamp} {level:<5} {component} - {text}" for level, text in lines]
    instance.add_events(
        {**event, **fields, "_time": now + number / 1e6, "log_level": level, "_raw": text}  # in this order
        for number, ((level, _), text) in enumerate(zip(lines, texts, strict=True))
    )


def _settings(app: Path, action: str, search: Settings) -> Settings:
    """Return an action's settings: of alert_actions.conf, then of the search."""
    prefix = f"action.{action}."
    given = {key.removeprefix(prefix): value for key, value in search.items() if key.startswith(prefix)}
    settings = confs.load(app, "alert_actions").get(action, {}) | given
    if settings.get("payload_format", "xml") != "json" or any(key.startswith("alert.execute.cmd") for key in settings):
        raise SandboxError(f"action.{action}: only payload_format = json without alert.execute.cmd is supported")
    _seconds(f"action.{action}: maxtime", settings.get("maxtime", "5m"))
    return settings


def _parameters(settings: Settings, first: Row) -> Settings:
    """Return the `param.*` of an action's settings, with `$result.x$` taken from the first result."""

    def value(token: re.Match[str]) -> str:
        return "\n".join(_values(first.get(token[1])))

    found = {key.removeprefix("param."): text for key, text in settings.items() if key.startswith("param.")}
    return {key: re.sub(r"\$result\.([^$]+)\$", value, text) for key, text in found.items() if key[:1] != "_"}


def _write_results(result: Result, most: int, number: int | None) -> Path:
    """Write at most so many results into the dispatch folder, where an action finds them."""
    path = result.dispatch_dir / ("results.csv.gz" if number is None else f"per_result_alert/tmp_{number}.csv.gz")
    path.parent.mkdir(exist_ok=True)
    table = [[row.get(name) for name in result.columns] for row in result.rows[:most]]
    path.write_bytes(gzip.compress(encode_rows(result.columns, table)))
    return path


def _values(cell: Value) -> list[str]:
    return cell if isinstance(cell, list) else [cell] if cell else []


def _seconds(setting: str, value: str) -> int:
    """Read a duration such as 24h, 30m, 1d, 60s or 60."""
    found = re.fullmatch(r"([0-9]{1,9})([smhd]?)", value.strip())
    if not found:
        raise SandboxError(f"{setting}: expected a duration such as 24h, found '{value}'")
    return int(found[1]) * {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}[found[2]]

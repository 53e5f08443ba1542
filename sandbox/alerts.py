"""Alert actions as splunkd runs them: a results file, a payload on stdin, a time limit, and a log."""

from __future__ import annotations

import gzip
import json
import operator
import re
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from sandbox import confs
from sandbox.chunked import Value, encode_rows, environment
from sandbox.errors import SandboxError
from sandbox.search import Instance, Result

MAX_SECONDS = 300
"""alert_actions.conf: maxtime = 5m."""

MAX_RESULTS = "10000"
"""maxresults where alert_actions.conf says nothing."""

RELATIONS: dict[str, Callable[[int, int], bool]] = {
    "greater than": operator.gt,
    "less than": operator.lt,
    "equal to": operator.eq,
    "not equal to": operator.ne,
}
"""savedsearches.conf: the values of `relation` for a number of events."""


@dataclass
class ActionRun:
    """What one run of an alert action did: its exit code, and the lines that it logged (level, text)."""

    action: str
    code: int
    log: list[tuple[str, str]] = field(default_factory=list)


def triggers(search: dict[str, str], results: int) -> bool:
    """Tell whether a saved search with this many results triggers its actions: `counttype`, `relation`, `quantity`.

    Raises SandboxError for a condition that is not modelled.
    """
    if search.get("counttype") != "number of events" or search.get("relation") not in RELATIONS:
        raise SandboxError(f"unsupported trigger condition: {search.get('counttype')} {search.get('relation')}")
    return RELATIONS[search["relation"]](results, int(search.get("quantity", "0")))


def write_results(result: Result, most: int) -> Path:
    """Write results.csv.gz, with at most so many results, into the dispatch folder, as an action finds it."""
    path = result.dispatch_dir / "results.csv.gz"
    table = [[row.get(name) for name in result.columns] for row in result.rows[:most]]
    path.write_bytes(gzip.compress(encode_rows(result.columns, table)))
    return path


def parameters(app: Path, action: str, search: dict[str, str], first: dict[str, Value]) -> dict[str, str]:
    """Return the action's `param.*`: of alert_actions.conf, then of the search; `$result.x$` from the first result."""
    found = {k: v for k, v in confs.load(app, "alert_actions").get(action, {}).items() if k.startswith("param.")}
    prefix = f"action.{action}."
    found.update({k[len(prefix) :]: v for k, v in search.items() if k.startswith(prefix)})

    def value(token: re.Match[str]) -> str:
        cell = first.get(token.group(1))
        return "\n".join(cell) if isinstance(cell, list) else cell or ""

    plain = {k[len("param.") :]: re.sub(r"\$result\.([^$]+)\$", value, v) for k, v in found.items()}
    return {k: v for k, v in plain.items() if not k.startswith("_")}


def run(instance: Instance, action: str, name: str, result: Result, overrides: dict[str, str]) -> ActionRun:
    """Run an alert action on the results of a saved search, with `overrides` of its parameters.

    What the action itself does wrong is in the ActionRun; raises SandboxError only when it has no script.
    """
    app = instance.apps / "ssa_detections"
    search = instance.saved_search(name)
    first = result.rows[0] if result.rows else {}
    most = int(confs.load(app, "alert_actions").get(action, {}).get("maxresults", MAX_RESULTS))
    payload = {
        "app": "ssa_detections",
        "owner": "admin",
        "results_file": str(write_results(result, most)),
        "results_link": f"http://localhost:8000/app/ssa_detections/@go?sid={result.sid}",
        "search_uri": f"/servicesNS/admin/ssa_detections/saved/searches/{name}",
        "server_host": "search_head",
        "server_uri": instance.splunkd_uri,
        "session_key": instance.session_key,
        "sid": result.sid,
        "search_name": name,
        "configuration": {**parameters(app, action, search, first), **overrides},
        "result": first,
    }
    script = app / "bin" / f"{action}.py"
    if not script.is_file():
        raise SandboxError(f"the alert action {action} has no script {script}")
    try:
        ran = subprocess.run(
            [instance.python, str(script), "--execute"],
            input=json.dumps(payload).encode(),
            capture_output=True,
            timeout=MAX_SECONDS,
            check=False,
            env=environment(instance.home),
        )
        code, errors = ran.returncode, ran.stderr
    except subprocess.TimeoutExpired as late:
        code, errors = -1, (late.stderr or b"") + f"\nERROR killed after {MAX_SECONDS} s".encode()
    done = ActionRun(action, code)
    for text in errors.decode("utf-8", "replace").splitlines():
        level, _, rest = text.partition(" ")
        # splunkd logs a line without a level, such as a traceback, as an error.
        done.log.append((level, rest) if level in ("DEBUG", "INFO", "WARN", "ERROR") else ("ERROR", text))
    return done

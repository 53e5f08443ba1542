"""What SPL the sandbox supports, by name: for docs/sandbox.md, and for the test that wants a case for each."""

from __future__ import annotations

import tomllib
from typing import Any

from sandbox import times
from sandbox.commands import COMMANDS
from sandbox.commands.options import OPTIONS
from sandbox.commands.statistics import STATISTICS
from sandbox.search import spl
from sandbox.search.evaluation import EACH_VALUE, FUNCTIONS
from sandbox.search.matching import TIME_MODIFIERS
from tools import ROOT
from tools.marks import page_mark

PATH = "docs/sandbox.md"
CASES = ROOT / "tests/sandbox/commands"

SEARCH_FORMS = ("term", "phrase", "wildcard", "AND", "OR", "NOT", "IN", "subsearch")
"""What the expression of search is made of, apart from comparisons and time modifiers."""

EVAL_FORMS = ("AND", "OR", "NOT", "IN", "LIKE")
"""What the expressions of eval and where are made of, apart from comparisons, operators and functions."""

HEAD = f"""\
# Sandbox: what runs without Splunk?

{page_mark("sandbox/commands", "tests/sandbox/commands")}

A stand-in for splunkd, for development and the demo: it installs the package, and runs its searches, commands and alert
actions as processes, over their real wire formats. It is not packaged, and it is not Splunk: the SPL below, and nothing
else, means here what Splunk's documentation describes. Anything else is an error that names it and its position.

    make demo    # leaves its events and risk in .sandbox
    .venv/bin/python -m sandbox search 'index=risk | stats sum(risk_score) by risk_object'
    .venv/bin/python -m sandbox search --earliest=-24h@h --json '| tstats count from datamodel=Endpoint.Processes'

[Replay](replay.md) has how it takes events of your own.
A search that names no index sees `main` only; replayed events lie in `wineventlog`, risk in `risk`. Times are UTC; the
table of `sandbox search` shows `_time` in the terminal's time zone. A search over Windows events that names a field of
the raw event (`EventCode`, `Account_Name`, `LogonType`, …) gets it, by the add-ons' names. A search that finds nothing
says why, where that can be known.
`--tstats` makes a replay run the searches over the accelerated data model. Commands are run on every indexer as far as
they are distributable (`--indexers N`), from what the knowledge bundle replicates, then on the search head.

A running server reads the spool (`var/spool/splunk` in its home) all the time, and before each search: files become
events by the `[batch://]` stanzas of the apps, and are deleted. It is stricter than splunkd, as it waits for no writer:
rename finished files into the folder, of names never used before, with a breaker line behind the header. Events of an
index that does not exist are dropped, with splunkd's warning in `_internal`.

Users have the roles of Splunk (`admin`, `power`, `user`) and those of the apps' `authorize.conf`: capabilities, the
indexes that they may search, search filters, and the permissions of objects in `default.meta` hold for whoever calls.
What users search stands in `_audit`, who changes a collection by the API in `_internal`. Splunk's SDKs for Python and
JavaScript talk to it, and the HTTP Event Collector takes its documented paths, plain and gzip.

Every entry has a case in `tests/sandbox/commands`, with the documentation that its meaning comes from; a test fails for
an entry without one. Where the documentation leaves room, the module states the choice ("a choice of the sandbox").
"""


def sections() -> dict[str, list[str]]:
    """Name everything supported, by heading: `stats`, `timechart span=`, `search !=`, `eval case()`, `stats dc()`."""
    commands = []
    for command in sorted(COMMANDS):
        commands += [command, *(f"{command} {option}=" for option in OPTIONS.get(command, ()))]
    evals = [f"eval {name}()" if name.isidentifier() else f"eval {name}" for name in (*FUNCTIONS, *EACH_VALUE)]
    return {
        "Commands": commands,
        "The expression of search": [f"search {form}" for form in SEARCH_FORMS]
        + [f"search {name}=" for name in TIME_MODIFIERS]
        + [f"search {name}" for name in spl.COMPARISONS],
        "Expressions of eval and where": [f"eval {form}" for form in (*EVAL_FORMS, *spl.COMPARISONS)] + evals,
        "Statistics of stats, timechart and tstats": [f"stats {name}()" for name in STATISTICS],
        "Time modifiers": [f"time {unit}" for unit in times.UNITS] + [f"time @{snap}" for snap in times.SNAPS],
    }


def cases() -> dict[str, list[dict[str, Any]]]:
    """Return the cases of each table, by its name."""
    return {path.stem: tomllib.loads(path.read_text("utf-8"))["case"] for path in sorted(CASES.glob("*.toml"))}


def titles(source: str) -> list[str]:
    """Return the pages that a case's source names, without its remarks: `Manual: page (remark); …`."""
    parts = (part.partition(" (")[0].strip() for part in source.split(";"))
    return [part for part in parts if ": " in part and not part.startswith("a choice")]


def page() -> str:
    """Return docs/sandbox.md."""
    sources: dict[str, dict[str, None]] = {}
    for case in (case for table in cases().values() for case in table):
        for name in case["covers"]:
            sources.setdefault(name, {}).update(dict.fromkeys(titles(case["source"])))
    parts = [HEAD]
    for heading, names in sections().items():
        rows = [f"| `{name}` | {'; '.join(sources.get(name, {}))} |" for name in names]
        parts.append("\n".join([f"## {heading}\n", "| | documented in |", "| --- | --- |", *rows]) + "\n")
    return "\n".join(parts)

"""Add the risk of past days of a detection, or of a set: marked historic, which views show and no rule alerts on.

It runs the detection's search over one window after the other, up to the last hourly run, and hands the results to the
action ssa_risk. What was written before is not written again, so it can be stopped and started again. It takes
SPLUNK_USERNAME and SPLUNK_PASSWORD, or SPLUNK_TOKEN, of a user with the role admin. docs/backfill.md has the rest, and
the same without this tool.
"""

from __future__ import annotations

import argparse
import re
import time
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console

from sandbox.terminal import plain
from tools.backfill.errors import BackfillError
from tools.backfill.splunkd import Splunkd, Written
from tools.backfill.windows import DAY, MOST_DAYS, Window, windows
from tools.content import sets
from tools.replay import address, positive, trusted
from tools.replay.errors import ReplayError

COLUMNS = ("from (UTC)", "to", "results", "risk events", "written", "written before")


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    add = parser.add_argument
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("detection", nargs="?", metavar="DETECTION", help="its name, or the title of a search of its own")
    what.add_argument("--set", metavar="NAME", help="the set whose search is run, such as sigma_process_creation")
    add("--days", type=positive, default=7, metavar="N", help=f"how many days back, at most {MOST_DAYS} (default: 7)")
    add("--hours", type=positive, default=24, metavar="N", help="of a window, at most 24 (default: 24)")
    add("--url", type=address, required=True, metavar="URL", help="the REST API: https://host:8089")
    add("--dry-run", action="store_true", help="count what would be written, and write nothing")
    trust = parser.add_mutually_exclusive_group()
    trust.add_argument("--ca", type=Path, metavar="FILE", help="CAs to trust, PEM (default: the system's)")
    trust.add_argument("--insecure", action="store_true", help="trust any: whoever answers gets the password")


def run(options: argparse.Namespace) -> int:
    """Backfill; return the exit code: 0 when every window is done, 1, or 130 when interrupted."""
    console = Console(stderr=True)
    try:
        backfill(options, console)
    except (BackfillError, ReplayError, OSError) as error:
        console.print(plain(f"backfill: {error}"), style="red", markup=False, highlight=False, soft_wrap=True)
        return 1
    except KeyboardInterrupt:
        console.print("backfill: interrupted; start the same command again to go on")
        return 130
    return 0


def backfill(options: argparse.Namespace, console: Console) -> None:
    """Run the search over each window, and print a line for each; raises BackfillError, ReplayError, OSError."""
    due = windows(options.days, options.hours, time.time())
    splunkd = Splunkd(options.url, trusted(options))
    title = sets.title(options.set) if options.set else of_detection(options.detection)
    text = search(title, splunkd.saved(title), dry_run=options.dry_run)
    print(f"{title}, {len(due)} windows{' (a dry run: nothing is written)' * options.dry_run}")
    print(" | ".join(COLUMNS))
    total, seen, wrong = [0, 0, 0, 0], set[str](), 0
    for number, window in enumerate(due, 1):
        try:
            with console.status(f"window {number} of {len(due)}, from {shown(window.start)} …"):
                done = splunkd.run(of_window(text, window, due[-1].end), window)
        except BackfillError as error:
            raise BackfillError(
                f"{shown(window.start)} to {shown(window.end)}: {error}. "
                "The windows before are done; start the same command again to go on"
            ) from None
        print(" | ".join((shown(window.start), shown(window.end), *map(str, counts(done)))))
        for problem in [one for one in done.problems if one not in seen]:
            console.print(plain(f"backfill: {problem}"), style="yellow", markup=False, highlight=False, soft_wrap=True)
        seen.update(done.problems)
        wrong += not done.whole
        total = [one + more for one, more in zip(total, counts(done), strict=True)]
    print(" | ".join(("all", "", *map(str, total))))
    if wrong:
        raise BackfillError(f"in {wrong} windows, results were left out: see above. The others are done")
    print("To see it: SSA - Example: what a backfill found, or | search `ssa_risk_events` historic=1")


def counts(done: Written) -> tuple[int, int, int, int]:
    """Return the figures of a window in the order of the columns."""
    return done.results, done.risk_events, done.written, done.before


def shown(at: int) -> str:
    """Write a time (epoch s)."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M")


def of_detection(name: str) -> str:
    """Return the title of a detection's search; a title stays as it is."""
    return name if name.startswith("SSA - ") else f"SSA - {name} - Rule"


def of_window(text: str, window: Window, end: int) -> str:
    """Return the search for a window of a backfill that ends at `end`: of its last day, without what came in since.

    The runs that follow find late events of one day: they are news, which must not be historic. Accelerated searches
    stay as they are: whether tstats takes index times of summaries is not documented.
    """
    return re.sub(r"`ssa_due\((?:index|event)\)`", f"_index_latest={end}", text) if window.start >= end - DAY else text


def search(title: str, saved: dict[str, object], dry_run: bool = False) -> str:
    """Return a saved search with the action behind it, as historic; raises BackfillError for one without the action.

    The saved search keeps its settings: the action gets its index, and its detection, if it names one.
    """
    text, on = str(saved.get("search") or "").strip(), str(saved.get("action.ssa_risk") or "0")
    if not text or on.lower() not in ("1", "true"):
        raise BackfillError(f"the search '{title}' does not have the action ssa_risk: it writes no risk")
    given = {"historic": "1", "dry_run": "1" if dry_run else "0"}
    given |= {name: str(saved.get(f"action.ssa_risk.param.{name}") or "") for name in ("index", "detection")}
    for name, value in given.items():
        if re.search(r'["\\`|\[\]$]', value):
            raise BackfillError(f"the search '{title}': action.ssa_risk.param.{name} cannot be passed on: {value!r}")
    parameters = " ".join(f'param.{name}="{value}"' for name, value in given.items() if value)
    return f"{'' if text.startswith('|') else 'search '}{text} | sendalert ssa_risk {parameters}"

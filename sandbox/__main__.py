"""The sandbox's command line: `python -m sandbox replay FILE…`, then `python -m sandbox search '<SPL>'`."""

from __future__ import annotations

import argparse
import io
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import duckdb
from rich.console import Console
from splunklib.binding import HTTPError

from sandbox import times
from sandbox.demo import hints, replay, report
from sandbox.demo.console import write_result
from sandbox.errors import SandboxError
from sandbox.search.instance import Instance
from sandbox.search.server import DATABASE
from sandbox.splunkd import Splunkd
from sandbox.splunkd.state import ROLES, Session
from sandbox.store import failures

RUN = ".venv/bin/python -m sandbox"
MAX_INDEXERS = 32
HOME = Path(".sandbox")
"""Where `make demo` leaves its events, and a search looks for them."""


def indexers(text: str) -> int:
    """Read a number of indexers; each costs a process of every command."""
    if not text.isdecimal() or not 1 <= int(text) <= MAX_INDEXERS:
        raise argparse.ArgumentTypeError(f"expected a number from 1 to {MAX_INDEXERS}, found {text!r}")
    return int(text)


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    top = argparse.ArgumentParser(prog="python -m sandbox", description="Run the packaged app without Splunk.")
    commands = top.add_subparsers(dest="command", required=True)
    one = commands.add_parser("replay", help="run raw Windows events through the packaged app")
    one.set_defaults(run=run_replay)
    one.add_argument(
        "files", nargs="+", type=Path, metavar="FILE", help="XmlWinEventLog or WinEventLog text, .evtx, or .gz"
    )
    one.add_argument("--json", action="store_true", help="one JSON object a line, of five kinds: see docs/replay.md")
    one.add_argument("--dry-run", action="store_true", help="show the exact risk events, write none")
    one.add_argument("--indexers", type=indexers, default=1, metavar="N", help="how many indexers share the events")
    one.add_argument("--package", type=Path, metavar="FILE", help="the app's archive (default: built from this tree)")
    one.add_argument("--local", type=Path, metavar="FOLDER", help="settings and detections of your own: a local/")
    one.add_argument("--tstats", action="store_true", help="run the accelerated searches instead")
    one.add_argument("--all", action="store_true", help="run also the searches that are disabled")
    one.add_argument("--home", type=Path, metavar="FOLDER", help="keep the events and the app there, to be searched")
    one.add_argument("--add", action="store_true", help="keep what --home has, and add these events to it")
    two = commands.add_parser("search", help="run SPL over the events that a replay kept")
    two.set_defaults(run=run_search)
    two.add_argument("spl", metavar="SPL", help="the search; see docs/sandbox.md for what is supported")
    two.add_argument("--earliest", default="0", metavar="TIME", help="like -24h@h, or epoch s (default: all)")
    two.add_argument("--latest", default="now", metavar="TIME", help="(default: now)")
    two.add_argument("--json", action="store_true", help="one JSON object a line: the results")
    two.add_argument("--home", type=Path, default=HOME, metavar="FOLDER", help=f"(default: {HOME})")
    for command in (one, two):
        command.add_argument("--python", default=sys.executable, help="what runs the app (default: this Python)")
    return top


@contextmanager
def home_folder(home: Path | None, add: bool, console: Console) -> Iterator[Path]:
    """Give a folder for an instance: a temporary one, or this one, emptied unless its events are added to."""
    if home is None:
        with tempfile.TemporaryDirectory(prefix="sandbox-") as folder:
            yield Path(folder)
        return
    if home.exists() and (not home.is_dir() or (any(home.iterdir()) and not (home / DATABASE).is_file())):
        raise SandboxError(f"{home} is there and holds no events of a sandbox: name another --home")
    if (home / DATABASE).is_file() and not add:
        console.print(f"{home}: its events and risk are replaced (--add keeps them)", style="yellow", markup=False)
    if not add:
        shutil.rmtree(home, ignore_errors=True)
    yield home


def run_replay(options: argparse.Namespace) -> bool:
    """Replay files; return whether nothing failed."""
    console = Console(stderr=options.json, width=None if sys.stdout.isatty() else 120)
    if options.add and options.home is None:
        raise SandboxError("--add adds to the events of a folder: name it with --home")
    if options.package is None:
        from tools.build import package

        options.package = package.build()
    kept = replay.entries(options.home) if options.home and (options.home / DATABASE).is_file() else {}
    with (
        home_folder(options.home, options.add, console) as home,
        closing(
            Instance(home, options.indexers, options.python, on_disk=options.home is not None, app=replay.APP)
        ) as instance,
        Splunkd(instance) as splunkd,
    ):
        replay.install(splunkd, options.package, options.local)
        if kept:
            replay.tune(splunkd, kept)
            counts = ", ".join(f"{name} {len(records)}" for name, records in kept.items())
            console.print(f"{home}: the entries of its lookups are kept: {counts}", style="yellow", markup=False)
        done = replay.run(
            splunkd,
            options.files,
            options.dry_run,
            console,
            tstats=options.tstats,
            every=options.all,
            local=options.local,
        )
    if options.json:
        report.write_json(done, Console(), options.indexers)
    else:
        report.write_page(done, console, options.dry_run)
        if options.home is not None:
            at = "" if options.home == HOME else f" --home {options.home}"
            console.print(
                f"Look around: {RUN} search{at} 'index=risk | table _time, risk_object, risk_message'", markup=False
            )
    return done.ok


def moment(name: str, text: str, now: float) -> float | None:
    """Read the time of an option; raises SandboxError that names it."""
    try:
        return times.resolve(text, now)
    except times.TimeModifierError as error:
        raise SandboxError(f"--{name}: {error}: give one such as -24h@h or -7d, seconds since 1970, or now") from error


def run_search(options: argparse.Namespace) -> bool:
    """Run a search over kept events; return True, or raise SandboxError."""
    if not (options.home / DATABASE).is_file():
        raise SandboxError(f"{options.home} holds no events: run make demo, or {RUN} replay --home {options.home} FILE")
    now = time.time()
    earliest, latest = (moment(name, getattr(options, name), now) for name in ("earliest", "latest"))
    with (
        closing(Instance(options.home, python=options.python, on_disk=True, app=replay.APP)) as instance,
        Splunkd(instance) as splunkd,
    ):
        admin = splunkd.acting(Session("admin", "admin", ROLES["admin"]))
        found = admin.search(options.spl, earliest=earliest, latest=latest, now=now)
        write_result(found, options.json, hints.nothing_found(admin, found))
    return True


def main(arguments: list[str] | None = None) -> int:
    """Run one command; return the exit code: 0, or 1 when anything failed."""
    words = sys.argv[1:] if arguments is None else arguments
    # argparse takes -24h for an option: --earliest -24h is written --earliest=-24h for it
    options = parser().parse_args(re.sub(r"(--(?:earliest|latest))\0(?=-)", r"\1=", "\0".join(words)).split("\0"))
    # With --json, stdout is for the JSON alone; progress and errors go to stderr.
    if options.json and isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(encoding="utf-8")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the temporary folder goes
    try:
        return 0 if options.run(options) else 1
    except KeyboardInterrupt:
        return 130
    except (SandboxError, HTTPError, OSError, subprocess.CalledProcessError, duckdb.Error) as error:
        Console(stderr=True).print(f"sandbox: {failures.words(error)}", style="red", markup=False, soft_wrap=True)
        return 1


if __name__ == "__main__":
    sys.exit(main())

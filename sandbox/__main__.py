"""The sandbox's command line: `python -m sandbox replay FILE…`."""

from __future__ import annotations

import argparse
import io
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

from rich.console import Console

from sandbox import confs, replay
from sandbox.errors import SandboxError
from sandbox.rest import Splunkd
from sandbox.search import Instance

MAX_INDEXERS = 32


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
    one.add_argument("files", nargs="+", type=Path, metavar="FILE", help="XmlWinEventLog or WinEventLog text, or .gz")
    one.add_argument("--json", action="store_true", help="one JSON object a line: detection, risk_event, summary")
    one.add_argument("--dry-run", action="store_true", help="show the exact risk events, write none")
    one.add_argument("--indexers", type=indexers, default=1, metavar="N", help="how many indexers share the events")
    one.add_argument("--package", type=Path, metavar="FILE", help="the app's archive (default: built from this tree)")
    one.add_argument("--local", type=Path, metavar="FOLDER", help="settings and detections of your own: a local/")
    one.add_argument("--python", default=sys.executable, help="the Python that runs the app (default: this one)")
    return top


def main(arguments: list[str] | None = None) -> int:
    """Run one command; return the exit code: 0, or 1 when anything failed."""
    asked = parser().parse_args(arguments)
    # With --json, stdout is for the JSON alone; progress and complaints go to stderr.
    if asked.json and isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(encoding="utf-8")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the temporary folder goes
    console = Console(stderr=asked.json, width=None if sys.stdout.isatty() else 120)
    try:
        if asked.package is None:
            from tools import package

            asked.package = package.build()
        with tempfile.TemporaryDirectory(prefix="sandbox-") as home:
            instance = Instance(
                Path(home), indexers=asked.indexers, python=asked.python, session_key=replay.SESSION_KEY
            )
            instance.install(asked.package)
            if asked.local is not None:
                shutil.copytree(asked.local, instance.apps / "ssa_detections/local", dirs_exist_ok=True)
            props = confs.load(instance.apps / "ssa_detections", "props")
            with Splunkd(instance.add_events, props) as splunkd:
                splunkd.sessions[replay.SESSION_KEY] = frozenset({"edit_tcp"})
                instance.splunkd_uri = splunkd.uri
                done = replay.run(instance, splunkd, asked.files, asked.dry_run, console)
        if asked.json:
            replay.write_json(done, Console(), asked.indexers)
        else:
            replay.write_page(done, console, asked.dry_run)
    except KeyboardInterrupt:
        return 130
    except (SandboxError, OSError, subprocess.CalledProcessError) as error:
        Console(stderr=True).print(f"sandbox: {error}", style="red", markup=False)
        return 1
    return 0 if done.ok else 1


if __name__ == "__main__":
    sys.exit(main())

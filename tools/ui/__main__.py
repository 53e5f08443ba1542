"""`python -m tools.ui`: show the app's views over the demo events, or your own, at an address that is printed."""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
import time
from pathlib import Path

from rich.console import Console

from sandbox.errors import SandboxError
from tools.build import package
from tools.ui.pages import PORT
from tools.ui.stage import EVENTS, stage
from tools.ui.web import Web, serving


def main(arguments: list[str] | None = None) -> int:
    """Serve until Ctrl-C; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tools.ui", description="Show the views over events.")
    parser.add_argument("files", nargs="*", type=Path, metavar="FILE", help="event files (default: those of the demo)")
    parser.add_argument("--all", action="store_true", help="run also the searches that are disabled")
    parser.add_argument("--local", type=Path, metavar="FOLDER", help="settings and detections of your own: a local/")
    options = parser.parse_args(arguments)
    console = Console()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the temporary folder goes
    try:
        with (
            tempfile.TemporaryDirectory(prefix="sandbox-") as home,
            stage(
                Path(home), package.build(), console, options.files or EVENTS, every=options.all, local=options.local
            ) as splunkd,
            serving(Web(splunkd).application, PORT) as address,
        ):
            at = time.strftime("%Y-%m-%d %H:%M", time.gmtime(splunkd.clock()))
            console.print(f"Open {address}/  (Ctrl-C stops it); its clock stands at {at} UTC", style="bold green")
            while True:
                time.sleep(1)
    except KeyboardInterrupt:
        return 0
    except (SandboxError, OSError) as error:
        console.print(f"ui: {error}", style="red", markup=False)
        return 1


if __name__ == "__main__":
    sys.exit(main())

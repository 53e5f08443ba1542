"""`python -m tools.ui`: show the app's views over the demo events, at an address that is printed."""

from __future__ import annotations

import signal
import sys
import tempfile
import time
from pathlib import Path

from rich.console import Console

from sandbox.errors import SandboxError
from tools.build import package
from tools.ui.pages import PORT
from tools.ui.stage import stage
from tools.ui.web import Web, serving


def main() -> int:
    """Serve until Ctrl-C; return the exit code."""
    console = Console()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the temporary folder goes
    try:
        with (
            tempfile.TemporaryDirectory(prefix="sandbox-") as home,
            stage(Path(home), package.build(), console) as splunkd,
            serving(Web(splunkd).application, PORT) as address,
        ):
            console.print(f"Open {address}/  (Ctrl-C stops it)", style="bold green")
            while True:
                time.sleep(1)
    except KeyboardInterrupt:
        return 0
    except (SandboxError, OSError) as error:
        console.print(f"ui: {error}", style="red", markup=False)
        return 1


if __name__ == "__main__":
    sys.exit(main())

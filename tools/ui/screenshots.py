"""`python -m tools.ui.screenshots [VIEW…]`: write the pictures of views in README and docs, over the demo events."""

import argparse
import itertools
import sys
import tempfile
from pathlib import Path

from rich.console import Console

from tools import ROOT
from tools.build import package
from tools.ui import pictures
from tools.ui.browser import Recorder, Screen, blank, browser, window
from tools.ui.stage import stage
from tools.ui.web import Web, serving

CLICK = {"entity": ("Users and devices by highest", "b.heron"), "tuning": ("Values that hits share", "b.heron")}
"""What is clicked before a picture: the first row of a panel's table with a text."""

LARGEST = 600_000
"""Bytes of a picture."""


def main() -> int:
    """Write the pictures; return the exit code."""
    parser = argparse.ArgumentParser(prog="tools.ui.screenshots", description=__doc__)
    parser.add_argument("views", nargs="*", metavar="VIEW", help=f"of {', '.join(pictures.VIEWS)}; all by default")
    chosen = parser.parse_args().views or pictures.VIEWS
    if unknown := [name for name in chosen if name not in pictures.VIEWS]:
        parser.error(f"there is no picture of '{unknown[0]}': name {', '.join(pictures.VIEWS)}")
    console = Console()
    with tempfile.TemporaryDirectory(prefix="sandbox-") as home, stage(Path(home), package.build(), console) as splunkd:
        recorder = Recorder(Web(splunkd).application)
        with (
            serving(recorder) as address,
            browser() as started,
            window(started) as opened,
            blank(opened) as page,
        ):
            shown = Screen(page, recorder, address)
            pictures.FOLDER.mkdir(parents=True, exist_ok=True)
            for name, (size, width) in itertools.product(chosen, pictures.SIZES.items()):
                shown.resize(width)
                shown.open(name)
                if name in CLICK:
                    shown.click(*CLICK[name])
                    shown.settle()
                picture = pictures.place(name, size)
                shown.picture(picture)
                pictures.write(name, picture)
                console.print(f"{picture.relative_to(ROOT)}: {picture.stat().st_size:,} bytes")
                if picture.stat().st_size > LARGEST:
                    return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

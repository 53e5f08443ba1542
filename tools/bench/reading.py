"""Measure how fast event files are read: `python -m tools.bench.reading`.

Files of the demo's events, over and over: events a second of processor time, the best of some rounds, which take turns.
Beside them a yardstick of the machine: the same XML through the standard library's parser, event by event, and nothing
done with it. Exit code 1 when an event is not read.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from xml.etree.ElementTree import fromstring

from rich import box
from rich.console import Console
from rich.table import Table

from sandbox.inputs import windows
from tools import ROOT

DEMO = ROOT / "sandbox/demo"
EVENTS, ROUNDS = 20_000, 7
GOALS = {"security-4688.xml.log": 15_000, "sysmon.xml.log": 15_000, "security-4688.classic.log": 20_000}
"""Events a second of processor time, by file of the demo."""


def read(path: Path) -> int:
    """Read a file as a replay does; return how many events it has that can be read."""
    return sum(not event.problem for event in windows.read_events(path))


def parse(path: Path) -> int:
    """Parse a file of one event a row, by the standard library; return how many it has."""
    with path.open(encoding="utf-8") as rows:
        return sum(fromstring(row) is not None for row in rows)  # noqa: S314 - our own demo events


def repeated(path: Path, folder: Path) -> Path:
    """Write a file with the events of another again and again, EVENTS of them at least."""
    text, count = path.read_text(encoding="utf-8"), read(path)
    target = folder / path.name
    target.write_text(text * -(-EVENTS // count), encoding="utf-8")
    return target


def seconds(readers: list[Callable[[], int]]) -> list[tuple[int, float]]:
    """Run some readers in turns; return for each how many events it read, and the least processor time (s)."""
    found = [(0, float("inf"))] * len(readers)
    for _ in range(ROUNDS):
        for place, reader in enumerate(readers):
            start = time.process_time()
            count = reader()
            found[place] = count, min(found[place][1], time.process_time() - start)
    return found


def main() -> int:
    """Measure, and show a table; return the exit code."""
    table = Table(title="Reading: events a second of processor time", title_justify="left", box=box.SIMPLE_HEAD)
    for heading in ("file", "events", "a second", "goal"):
        table.add_column(heading, justify="left" if heading == "file" else "right")
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        files = [repeated(DEMO / name, Path(folder)) for name in GOALS]
        readers = [*((lambda file=file: read(file)) for file in files), lambda: parse(files[0])]
        measured = seconds(readers)
        expected = [path.read_text().count("EventID>") // 2 or path.read_text().count("\nEventCode=") for path in files]
    for (name, goal), (count, least) in zip(GOALS.items(), measured, strict=False):
        speed = count / least
        table.add_row(name, f"{count:,}", f"{speed:,.0f}", f"{goal:,}: {'met' if speed >= goal else 'missed'}")
    count, least = measured[-1]
    table.add_row(f"{files[0].name}, xml.etree alone", f"{count:,}", f"{count / least:,.0f}", "")
    Console(width=None if sys.stdout.isatty() else 120).print(table)
    return int([count for count, _ in measured[:-1]] != expected)


if __name__ == "__main__":
    sys.exit(main())

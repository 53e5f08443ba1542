"""Measure how long msiexec's command lines take to read: `python -m tools.bench.msiexec`.

Lines of up to 32 KB, the longest that Windows starts a process with (CreateProcessW), of several shapes: processor time
of the best of some rounds, and the time per character. A curve that is straight has the same one in each row.
"""

from __future__ import annotations

import sys
import time

from rich import box
from rich.console import Console
from rich.table import Table

from ssa.language.functions.msiexec import msiexec_options

SIZES = (1_024, 2_048, 4_096, 8_192, 16_384, 32_768)
SHAPES = {
    "a long path": "long folder\\",
    "properties": 'NAME="some value" ',
    "switches": "/y ",
    "quotes": '"',
    "blanks": " ",
    "transforms": "TRANSFORMS=a;b ",
    "look-alikes": "–ʸ x ",
    "marks that combine": "-\u0301\u0301\u0301 ",
}
ROUNDS = 5
SECONDS = 0.02
"""How long a round lasts at least."""


def line(shape: str, size: int) -> str:
    """Return a command line of a size (characters), filled with a shape."""
    start = "msiexec /i "
    return (start + shape * size)[: size - 1] + "x"


def seconds(text: str) -> float:
    """Return the least processor time (s) that reading a line takes."""
    best = float("inf")
    for _ in range(ROUNDS):
        calls, start = 0, time.process_time()
        while (used := time.process_time() - start) < SECONDS:
            msiexec_options(text)
            calls += 1
        best = min(best, used / calls)
    return best


def main() -> int:
    """Measure, and show a table; return the exit code."""
    table = Table(
        title="msiexec_options: ms of processor time, (ns per character)", title_justify="left", box=box.SIMPLE
    )
    table.add_column("filled with")
    for size in SIZES:
        table.add_column(f"{size // 1_024} KB", justify="right")
    for name, shape in SHAPES.items():
        figures = [(size, seconds(line(shape, size))) for size in SIZES]
        table.add_row(name, *(f"{used * 1e3:.2f} ({used / size * 1e9:.0f})" for size, used in figures))
    Console(width=None if sys.stdout.isatty() else 120).print(table)
    return 0


if __name__ == "__main__":
    sys.exit(main())

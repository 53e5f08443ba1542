"""The results file of an alert -> rows: gzipped CSV, multivalue fields in `__mv_` columns.

The path comes from splunkd, what is in the file from events: neither may cost more than a bounded amount of memory and
time, nor lead elsewhere, nor cost another result its risk.
"""

from __future__ import annotations

import csv
import gzip
import os
import sys
import zlib
from collections.abc import Iterator
from typing import IO, Callable

from ssa.rows.cells import MV, Cell, listed

MAX_ROW = 8 * 1024 * 1024
"""Bytes of memory of one row. A command line has 32,767 characters at most, an event 10,000 bytes by default."""

MAX_FILE = 2 * 1024 * 1024 * 1024
"""Characters of the whole file, unpacked: more is no list of results but a bomb."""

EMPTY = sys.getsizeof("")
PIECE = 64 * 1024
"""Characters that are read at a time of a row that is skipped."""

_DISPATCH = os.path.join("var", "run", "splunk", "dispatch")


class ResultsError(Exception):
    """A results file that cannot be read; the message names the file and the row."""


class TooLongError(ValueError):
    """A row that takes more than MAX_ROW."""


def check(path: str, home: str) -> str:
    """Return the real path of a results file; raises ResultsError unless it is a file in the dispatch folder."""
    dispatch = os.path.realpath(os.path.join(home, _DISPATCH))
    real = os.path.realpath(path)
    if os.path.islink(path) or not real.startswith(os.path.join(dispatch, "")):
        raise ResultsError(f"the results file {path} is not in splunkd's dispatch folder {dispatch}: nothing was read")
    if not os.path.isfile(real):
        raise ResultsError(f"the results file {path} is missing or no file: the search's results may have expired")
    if not os.path.getsize(real):
        raise ResultsError(f"the results file {path} is empty: is the disk full?")
    return real


def read(path: str, home: str, skipped: Callable[[ResultsError], None] | None = None) -> Iterator[dict[str, Cell]]:
    """Yield the rows of a results file of the splunkd in `home`.

    Raises ResultsError for a file that cannot be read, after the rows before the place. A row that is too long is
    handed to `skipped`, and the next one follows; without it, it is an error too.
    """
    number = 0
    try:
        csv.field_size_limit(MAX_ROW)
        with gzip.open(check(path, home), "rt", encoding="utf-8", errors="replace", newline="") as handle:
            lines = _Lines(handle)
            reader = csv.reader(lines)
            columns = next(reader, [])
            while True:
                lines.start()
                try:
                    cells = next(reader, None)
                except TooLongError as error:
                    if skipped is None:
                        raise
                    number += 1
                    skipped(ResultsError(f"result {number} of {path} is left out: {error}"))
                    continue
                if cells is None:
                    return
                if cells:  # an empty line is no row
                    number += 1
                    yield _row(columns, cells)
    except (OSError, EOFError, zlib.error, csv.Error, ValueError) as error:
        raise ResultsError(f"the results file {path} cannot be read after row {number}: {error}") from error


def _row(columns: list[str], cells: list[str]) -> dict[str, Cell]:
    """Return the cells of a row by their columns; None where the row is too short."""
    plain: dict[str, str | None] = {name: None for name in columns if name and not name.startswith(MV)}
    plain.update((name, cell) for name, cell in zip(columns, cells) if name in plain)
    row: dict[str, Cell] = {**plain}
    for name, cell in zip(columns, cells):
        of = name[len(MV) :]
        if cell and name.startswith(MV) and of in plain:
            row[of] = listed(cell, plain[of]) or row[of]
    return row


class _Lines:
    """The lines of a text file for csv, within MAX_FILE, and within MAX_ROW for each row."""

    def __init__(self, handle: IO[str]) -> None:
        self.handle = handle
        self.file = 0
        self.start()

    def start(self) -> None:
        """Begin a row."""
        self.row = self.quotes = 0

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self.take(MAX_ROW + 1)
        if not line:
            raise StopIteration
        if self.row > MAX_ROW:
            # The row ends with the first line that ends outside of quotes.
            while line and not (line.endswith(("\n", "\r")) and self.quotes % 2 == 0):
                line = self.take(PIECE)
            raise TooLongError(f"it takes {self.row:,} bytes, more than {MAX_ROW:,}")
        # Python 3.9's csv stops at a NUL, which an event may well hold.
        return line.replace("\0", "␀")

    def take(self, most: int) -> str:
        """Read a line, or `most` characters of it."""
        line = self.handle.readline(most)
        self.row += sys.getsizeof(line) - EMPTY
        self.file += len(line)
        self.quotes += line.count('"')
        if self.file > MAX_FILE:
            raise ValueError(f"it has more than {MAX_FILE:,} characters")
        return line

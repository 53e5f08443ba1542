"""The results file of an alert -> rows: gzipped CSV, multivalue fields in `__mv_` columns."""

from __future__ import annotations

import csv
import gzip
import re
import zlib
from collections.abc import Iterator

from .event import Cell

_MULTIVALUE = re.compile(r"\$((?:\$\$|[^$])*)\$(?:;|$)")
_PREFIX = "__mv_"
_LONGEST_FIELD = 10 * 1024 * 1024


class ResultsError(Exception):
    """A results file that cannot be read; the message names the file and the row."""


def decode(cell: str) -> list[str]:
    """Read `$a$;$b$` (a dollar sign doubled inside) as its values."""
    return [value.replace("$$", "$") for value in _MULTIVALUE.findall(cell)]


def read(path: str) -> Iterator[dict[str, Cell]]:
    """Yield the rows of a results file; raises ResultsError, after the rows that could be read."""
    csv.field_size_limit(_LONGEST_FIELD)
    number = 0
    try:
        with gzip.open(path, "rt", encoding="utf-8", errors="replace", newline="") as handle:
            # Python 3.9's csv stops at a NUL, which an event may well hold.
            for cells in csv.DictReader(line.replace("\0", "␀") for line in handle):
                number += 1
                row: dict[str, Cell] = {
                    name: cell for name, cell in cells.items() if name and not name.startswith(_PREFIX)
                }
                for name, cell in cells.items():
                    if name and cell and name.startswith(_PREFIX):
                        row[name[len(_PREFIX) :]] = decode(cell)
                yield row
    except (OSError, EOFError, zlib.error, csv.Error) as error:
        raise ResultsError(f"the results file {path} cannot be read after row {number}: {error}") from error

"""Results for a reader at a terminal, or as JSON."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from sandbox.search.server import Result
from sandbox.terminal import plain

MAX_ROWS, MAX_COLUMNS = 100, 8
"""The most rows that a terminal shows, and the most columns of one table."""


def table(title: str, *columns: str) -> Table:
    """Make an empty table with a title."""
    made = Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, pad_edge=False)
    for column in columns:
        made.add_column(column, justify="right" if column in ("events", "score") else "left", overflow="fold")
    return made


def shown(cell: Any) -> str:
    """Write a cell of a table: several values with commas between them, and no markup."""
    return escape(plain(", ".join(cell) if isinstance(cell, list) else str(cell or "")))


def at(moment: Any) -> Any:
    """Write a _time, epoch s, as ISO 8601 in the local time zone; what is no such time stays."""
    try:
        return datetime.fromtimestamp(float(moment)).astimezone().isoformat(timespec="milliseconds").replace(".000", "")
    except (TypeError, ValueError, OverflowError, OSError):
        return moment


def cell(name: str, row: Mapping[str, Any]) -> str:
    """Write a cell of a search's result."""
    return shown(at(row[name]) if name == "_time" else row[name])


def write_result(result: Result, as_json: bool, hints: Sequence[str] = ()) -> None:
    """Write a search's rows, messages and hints: a table, or one JSON object a line and all else on stderr."""
    console = Console(stderr=as_json)
    if as_json:
        for row in result.rows:
            print(json.dumps({name: cell for name, cell in row.items() if cell is not None}, ensure_ascii=False))
    elif len(result.columns) > MAX_COLUMNS:  # a wide table would be a column of letters
        for row in result.rows[:MAX_ROWS]:
            fields = table("", "field", "value")
            for name in result.columns:
                if row[name] is not None:
                    fields.add_row(shown(name), cell(name, row))
            console.print(fields)
    else:
        rows = table("", *map(shown, result.columns))
        for row in result.rows[:MAX_ROWS]:
            rows.add_row(*(cell(name, row) for name in result.columns))
        console.print(rows)
    for level, words, server in result.messages:
        console.print(plain(f"{level} ({server}): {words}"), style="yellow", markup=False)
    for hint in hints:
        console.print(plain(f"Hint: {hint}"), style="yellow", markup=False, soft_wrap=True)
    more = f", the first {MAX_ROWS} shown: --json gives all" if len(result.rows) > MAX_ROWS and not as_json else ""
    console.print(f"{len(result.rows):,} rows{more}", style="bold green")

"""Results for a reader at a terminal, or as JSON."""

import json
from datetime import UTC, datetime
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


def _cell(name: str, cell: Any) -> str:
    """Write a cell of a search's table: as Splunk does, `_time` is shown as a time."""
    try:
        seconds = float(cell) if name == "_time" else None
        at = None if seconds is None else datetime.fromtimestamp(seconds, UTC)
    except (TypeError, ValueError, OverflowError, OSError):
        at = None
    return shown(cell) if at is None else f"{at:%Y-%m-%d %H:%M:%S} UTC"


def write_result(result: Result, as_json: bool) -> None:
    """Write a search's rows and messages: a table, or one JSON object a line and the messages on stderr."""
    console = Console(stderr=as_json)
    if as_json:
        for row in result.rows:
            print(json.dumps({name: cell for name, cell in row.items() if cell is not None}, ensure_ascii=False))
    elif len(result.columns) > MAX_COLUMNS:  # a wide table would be a column of letters
        for row in result.rows[:MAX_ROWS]:
            fields = table("", "field", "value")
            for name in result.columns:
                if row[name] is not None:
                    fields.add_row(shown(name), _cell(name, row[name]))
            console.print(fields)
    else:
        rows = table("", *map(shown, result.columns))
        for row in result.rows[:MAX_ROWS]:
            rows.add_row(*(_cell(name, row[name]) for name in result.columns))
        console.print(rows)
    for level, words, server in result.messages:
        console.print(plain(f"{level} ({server}): {words}"), style="yellow", markup=False)
    more = f", the first {MAX_ROWS} shown: --json gives all" if len(result.rows) > MAX_ROWS and not as_json else ""
    console.print(f"{len(result.rows):,} rows{more}", style="bold green")

"""Store rows that were made in Python in DuckDB."""

import contextlib
import itertools
from collections.abc import Iterable, Iterator
from typing import Any

import duckdb

from sandbox.search.command import Row
from sandbox.store import sql

BATCH = 2_000  # rows that go over at once: more takes more memory and is no faster


def store(database: duckdb.DuckDBPyConnection, table: str, rows: Iterable[Row]) -> int:
    """Add rows to a table, with new columns as needed: VARCHAR, or VARCHAR[] once a value is a list.

    Returns the number of rows. Raises duckdb.Error for a time that is no number.
    """
    stream, total, kinds = iter(rows), 0, describe(database, table)
    while batch := list(itertools.islice(stream, BATCH)):
        columns: dict[str, list[object]] = {}  # by the code of each
        for key in dict.fromkeys(itertools.chain.from_iterable(batch)):
            cells = [row.get(key) for row in batch]
            found = set(map(type, cells))
            if not found <= {str, list, type(None)}:
                cells = [cell if cell is None or isinstance(cell, list) else str(cell) for cell in cells]
            name, code = sql.column_name(key), sql.ident(key)
            kind = (
                "VARCHAR[]"
                if list in found
                else kinds.get(name, "DOUBLE" if key in ("_time", "_indextime") else "VARCHAR")
            )
            if name not in kinds:
                database.execute(f"ALTER TABLE {table} ADD COLUMN {code} {kind}")
            elif kind != kinds[name]:
                database.execute(f"ALTER TABLE {table} ALTER {code} TYPE {kind} USING spl_list({code})")
            kinds[name] = kind
            if kind == "VARCHAR[]":
                cells = [[cell] if cell and isinstance(cell, str) else cell for cell in cells]
            # A column goes over as one parameter, a list: half the time of a file between. What is empty is null.
            columns[f"unnest(CAST(? AS {kind}[])) AS {code}"] = [cell or None for cell in cells]
        database.execute(f"INSERT INTO {table} BY NAME SELECT {', '.join(columns)}", list(columns.values()))
        total += len(batch)
    return total


def each(database: duckdb.DuckDBPyConnection, code: str) -> Iterator[Any]:
    """Yield the rows of a query, a batch of them in memory at a time; the connection runs nothing else meanwhile."""
    cursor = database.execute(code)
    while batch := cursor.fetchmany(BATCH):
        yield from batch


@contextlib.contextmanager
def transaction(database: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """Commit what the block does, or none of it if it raises. On disk, many batches together are far cheaper."""
    database.begin()
    try:
        yield
    except BaseException:
        database.rollback()
        raise
    database.commit()


def single(cell: str | list[str] | None) -> str | list[str] | None:
    """Take a list of one value, or of none, as that."""
    return cell if not isinstance(cell, list) or len(cell) > 1 else cell[0] if cell else None


def describe(database: duckdb.DuckDBPyConnection, table: str) -> dict[str, str]:
    """Return the type of each column of a table."""
    relation = database.table(table)  # half the time of DESCRIBE
    return dict(zip(relation.columns, map(str, relation.types), strict=True))


def size(database: duckdb.DuckDBPyConnection, source: str) -> int:
    """Count rows."""
    return int(database.execute(f"FROM {source} SELECT count(*)").fetchall()[0][0])

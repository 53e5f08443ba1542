"""Run rules in a database, one query for each, on one thread: a process of its own, called by the benchmark.

usage: databases.py sqlite|ilike|lower ROWS.csv RULES.json; prints seconds of CPU, and the rows that each rule finds.
"""

from __future__ import annotations

import csv
import json
import re
import sqlite3
import sys
import time
from collections.abc import Callable
from functools import cache

import duckdb

Count = Callable[[str], int]


def sqlite(path: str) -> Count:
    """Load rows into SQLite; return how to count those that a condition holds for."""
    database = sqlite3.connect(":memory:")
    search = cache(lambda pattern: re.compile(pattern, re.ASCII).search)
    database.create_function(
        "regexp", 2, lambda pattern, text: text is not None and search(pattern)(text) is not None, deterministic=True
    )
    with open(path, encoding="utf-8", newline="") as file:  # noqa: PTH123 - called by path, alone
        header, *rows = csv.reader(file)
    database.execute(f"create table events ({', '.join(f'{name} text' for name in header)})")
    marks = ", ".join("nullif(?, '')" for _ in header)
    database.executemany(f"insert into events values ({marks})", rows)  # noqa: S608 - our own names
    return lambda where: int(database.execute(f"select count(*) from events where {where}").fetchone()[0])  # noqa: S608


def duck(path: str, lower: bool) -> Count:
    """Load rows into DuckDB, their columns as they are or in lower case; return how to count."""
    database = duckdb.connect()
    database.execute("set threads = 1")
    database.execute("set enable_progress_bar = false")
    database.execute(
        "create table given as select * from read_csv(?, header=true, all_varchar=true, nullstr='', quote='\"', "
        "escape='\"', delim=',', max_line_size=4000000, strict_mode=false)",
        [path],
    )
    names = [row[0] for row in database.execute("describe given").fetchall()]
    columns = ", ".join(f"lower({name}) as {name}, {name} as raw_{name}" if lower else name for name in names)
    database.execute(f"create table events as select {columns} from given")  # noqa: S608 - our own names
    database.execute("drop table given")

    def count(where: str) -> int:
        found = database.execute(f"select count(*) from events where {where}").fetchone()  # noqa: S608
        return int(found[0]) if found else 0

    return count


def main() -> None:
    """Run all rules."""
    kind, rows, rules = sys.argv[1:]
    count = sqlite(rows) if kind == "sqlite" else duck(rows, kind == "lower")
    with open(rules, encoding="utf-8") as file:  # noqa: PTH123
        conditions = json.load(file)
    start = time.process_time()
    hits = {name: count(where) for name, where in conditions.items()}
    print(json.dumps({"seconds": time.process_time() - start, "hits": {name: n for name, n in hits.items() if n}}))


if __name__ == "__main__":
    main()

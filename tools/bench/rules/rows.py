"""Rows to measure with, as a search of process events passes them on: 18 columns, each command line there once.

Events made in the statistics of real ones, or those of the folder that SSA_REAL_EVENTS names, blown up.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import os
import re
from collections.abc import Callable
from html import unescape
from pathlib import Path
from random import Random

FOLDER = "SSA_REAL_EVENTS"
SEED = 4688

Row = dict[str, str]

COLUMNS = (
    *("_time", "host", "dest", "user", "process", "process_name", "process_path", "process_id", "parent_process"),
    *("parent_process_name", "parent_process_path", "original_file_name", "process_current_directory"),
    *("process_integrity_level", "process_hash", "Description", "Product", "Company"),
)

LABELS = {
    "process_current_directory": "CurrentDirectory",
    "process_integrity_level": "IntegrityLevel",
    "process_hash": "Hashes",
    **{name: name for name in ("Description", "Product", "Company")},
}

MOST_BASES = 2_000
"""Events that are blown up: of real ones, those that differ."""

PROGRAMS, PARENTS, LINES = 170, 70, 1_400
"""Different ones among 5,600 real events."""

LINE_LENGTHS = (31, 33, 44, 46, 55, 58, 58, 58, 60, 60, 65, 67, 72, 75, 95, 116, 136, 152, 250, 800)
"""Characters of their command lines, by twentieths."""


def bases(are_real: bool) -> list[Row]:
    """Return the events that are blown up, without time: real ones, or made ones."""
    chance = Random(SEED)
    found = (
        list({tuple(sorted(row.items())): row for row in real()}.values())
        if are_real
        else [made(n, chance) for n in range(LINES)]
    )
    chance.shuffle(found)
    return found[:MOST_BASES]


def real() -> list[Row]:
    """Return the events of the named folder, if one is named, as rows."""
    folder = os.environ.get(FOLDER)
    if not folder:
        return []
    with gzip.open(Path(folder) / "process_creation.jsonl.gz", "rt", encoding="utf-8") as file:
        return [_row(json.loads(line)) for line in file]


def _row(event: Row) -> Row:
    """Turn a line of the file to a row."""
    raw = event["raw"]
    row = {
        "host": event["host"],
        "dest": event["host"],
        "user": event["user"],
        "process": event["command_line"] or event["process_path"],
        "process_name": event["process_name"],
        "process_path": event["process_path"],
        "process_id": event["process_id"],
        "parent_process": event["parent_command_line"] or event["parent_path"],
        "parent_process_path": event["parent_path"],
        "parent_process_name": (event["parent_path"] or "").rpartition("\\")[2],
        "original_file_name": event["original_file_name"],
    }
    for column, label in LABELS.items():
        found = re.search(rf"""Name=['"]{label}['"]>([^<]*)<|\\n{label}: (.*?)\\r\\n""", raw)
        if found:
            row[column] = unescape(found[1]) if found[1] is not None else found[2].replace("\\\\", "\\")
    return {key: value for key, value in row.items() if value}


def made(number: int, chance: Random) -> Row:
    """Make an event; frequent programs have low numbers."""
    program, parent = (min(int(chance.paretovariate(0.6)), most) for most in (PROGRAMS, PARENTS))
    name, parent_name = f"{_word(program)}.exe", f"{_word(parent)}.exe"
    folder = ("C:\\Windows\\System32", "C:\\Program Files\\Vendor", "C:\\Users\\someone\\AppData\\Local")[program % 3]
    line = f'"{folder}\\{name}"'
    length = chance.choice(LINE_LENGTHS)
    while len(line) < length:
        line += chance.choice((" -", " /", " ", "\\", "=", ",")) + _word(min(int(chance.paretovariate(0.4)), 5_000))
    digest = f"{chance.getrandbits(128):032X}"
    sysmon = program % 5 < 2
    return {
        **{
            "host": f"ws-{number % 37}.example",
            "dest": f"ws-{number % 37}.example",
            "user": f"CORP\\user{number % 41}",
        },
        **{"process": line, "process_name": name, "process_path": f"{folder}\\{name}", "process_id": str(number)},
        "parent_process": f"C:\\Windows\\{parent_name} -k {_word(parent)}",
        **{"parent_process_name": parent_name, "parent_process_path": f"C:\\Windows\\{parent_name}"},
        **(
            {
                "original_file_name": name.upper(),
                "process_current_directory": "C:\\Windows\\system32\\",
                "process_integrity_level": chance.choice(("Medium", "High", "System")),
                "process_hash": f"MD5={digest},SHA256={digest}{digest},IMPHASH={digest}",
                **{"Description": f"Tool {program}", "Product": "Example", "Company": "Example Corporation"},
            }
            if sysmon
            else {}
        ),
    }


def _word(number: int) -> str:
    """Return the word of a number: the same one each time."""
    chance = Random(number)
    return "".join(chance.choices("etaoinshrdlucmfwypvbgkjqxz", k=chance.choice((2, 3, 4, 5, 6, 7, 8, 10, 12))))


def blown_up(found: list[Row], is_hit: Callable[[Row], bool], count: int, rate: float) -> list[Row]:
    """Return so many rows, a share of them of events that are hits: each with a time and a word of its own."""
    chance = Random(SEED)
    sorts: tuple[list[Row], list[Row]] = ([], [])
    for row in found:
        sorts[is_hit(row)].append(row)
    rows = []
    for number in range(count):
        row = chance.choice(sorts[bool(sorts[1]) and chance.random() < rate])
        word = f"{chance.getrandbits(64):016x}"
        rows.append({**row, "_time": f"{1_700_000_000 + number * 0.137:.3f}", "process": f"{row['process']} {word}"})
    return rows


def chunk(rows: list[Row]) -> bytes:
    """Write rows as the body of a chunk, as splunkd sends them: each column with the one of its lists."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([*COLUMNS, *(f"__mv_{name}" for name in COLUMNS)])
    for row in rows:
        writer.writerow([*(row.get(name, "") for name in COLUMNS), *[""] * len(COLUMNS)])
    return text.getvalue().encode("utf-8", "surrogatepass")

"""The catalogue of events: rows with what they are, by which source, and the verdict that is expected of them."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from ssa.content.datamodels import PROCESSES

FOLDER = Path(__file__).with_name("parts")
MSIEXEC = r"C:\Windows\System32\msiexec.exe"

WORKS = ("known", "inferred", "no", "harmless")
"""An attack that a source shows to work, or that we infer; a try that does nothing; and what is none."""

ANSWERS = ("alarm", "low", "blind", "none", "any")
"""What may be expected of the hardened detection; `any`: the right verdict is not known, or not its matter."""

NETWORK = {"Network_Traffic": ("dest_ip", "dest_port", "dest_host"), "Network_Resolution": ("query",)}
"""The columns of a row by its data model; rows of every other name are of Endpoint_Processes."""

DEFAULTS = {"works", "expect", "vendor", "found_by", "datamodel", "path", "parent", "parent_line", "user"}
PART = {"title", "rows", "original", *DEFAULTS}
PROCESS = {"line", "name", "original", "pad", "parent", "parent_line"}
ROW = {"what", "source", "form", "no_trace", "reason", *DEFAULTS}

Event = dict[str, str]
Toml = Mapping[str, Any]


@dataclass(frozen=True)
class Row:
    """An event of the catalogue, and what is known of it; `event` is its row in Splunk, without empty fields.

    `found_by` are the detections of the story that one would expect to find it; `vendor` marks what a vendor's package
    installation does, `inferred` an event that no source has as it stands; `reason` is why a harmless row scores.
    """

    part: str
    number: int
    what: str
    source: str
    works: str
    expect: str
    no_trace: str
    vendor: bool
    inferred: bool
    found_by: tuple[str, ...]
    reason: str
    datamodel: str
    event: Event

    @property
    def line(self) -> str:
        """The command line."""
        return self.event.get("process", "")


@dataclass(frozen=True)
class Part:
    """Rows of one kind; `works` is what most of them do."""

    name: str
    title: str
    works: str
    rows: tuple[Row, ...]


@dataclass(frozen=True)
class Catalogue:
    """All parts, and the sources by their short names."""

    parts: tuple[Part, ...]
    sources: dict[str, str]

    @property
    def rows(self) -> list[Row]:
        """The rows of all parts."""
        return [row for part in self.parts for row in part.rows]

    def part(self, name: str) -> Part:
        """Return a part by its name. Raises StopIteration where there is none."""
        return next(part for part in self.parts if part.name == name)


@cache
def load(folder: Path = FOLDER) -> Catalogue:
    """Read the catalogue. Raises KeyError for what names no known source or program, ValueError for what is wrong."""
    files = [tomllib.loads(path.read_text("utf-8")) for path in sorted(folder.glob("*.toml"))]
    sources, programs, parts = (_merged(files, table) for table in ("sources", "programs", "parts"))
    return Catalogue(tuple(_part(name, part, sources, programs) for name, part in parts.items()), sources)


def _merged(files: list[dict[str, Any]], table: str) -> dict[str, Any]:
    """Return a table of all files. Raises ValueError for a name that two of them have."""
    pairs = [pair for file in files for pair in file.get(table, {}).items()]
    merged = dict(pairs)
    if len(merged) < len(pairs):
        raise ValueError(f"{table}: a name twice")
    return merged


def _part(name: str, part: Toml, sources: Toml, programs: Toml) -> Part:
    _only(name, part, PART)
    defaults = {key: part[key] for key in DEFAULTS & set(part)}
    programs = {**programs, "": {"original": part.get("original", "msiexec.exe")}}
    rows = tuple(_row(name, number, row, {**defaults, **row}, programs) for number, row in enumerate(part["rows"], 1))
    for row in rows:
        sources[row.source]
    return Part(name, part["title"], part["works"], rows)


def _row(part: str, number: int, own: Toml, row: Toml, programs: Toml) -> Row:
    """Make a row; `row` has the defaults of its part, too. Raises ValueError for a value that cannot be."""
    where, model = f"{part} {number}", row.get("datamodel", PROCESSES.name)
    _only(where, own, ROW | (PROCESS if model == PROCESSES.name else set(NETWORK[model])))
    attack, harmless = row["works"] in WORKS[:2], row["works"] == "harmless"
    made = Row(
        part, number, row["what"], row["source"], row["works"], row.get("expect", "any"), row.get("no_trace", ""),
        harmless and row.get("vendor", False), "form" in row, tuple(row.get("found_by", ())) if attack else (),
        row.get("reason", ""), model,
        _event(row, programs) if model == PROCESSES.name else _connection(row, programs),
    )  # fmt: skip
    wrong = (
        (made.works not in WORKS, f"works is one of {', '.join(WORKS)}"),
        (made.expect not in ANSWERS, f"expect is one of {', '.join(ANSWERS)}"),
        (bool(made.no_trace or "found_by" in own) and not attack, "only what works leaves no trace, or is found by"),
        (("vendor" in own or bool(made.reason)) and not harmless, "vendor, reason: of what is harmless"),
        (row.get("form", "inferred") != "inferred", "form is inferred, or not stated"),
    )
    for is_wrong, why in wrong:
        if is_wrong:
            raise ValueError(f"{where}: {why}")
    return made


def _only(where: str, table: Toml, known: set[str]) -> None:
    if unknown := set(table) - known:
        raise ValueError(f"{where}: {', '.join(sorted(unknown))}: not a key here")


def _program(name: str, programs: Toml) -> Toml:
    """Return path, and what else is known of a program, by its short name or its own path.

    A short name that is empty stands for all that have none.
    """
    return {**programs[""], "path": name} if "." in name or "\\" in name else programs[name]


def _event(row: Toml, programs: Toml) -> Event:
    """Return the event of a process as add-ons give it to Splunk."""
    program = _program(row.get("path", "msiexec"), programs)
    parent = _program(row.get("parent", "cmd"), programs)
    path = program["path"]
    fields = {
        "_time": "1795305600",
        "dest": "ws-01.example",
        "user": row.get("user", "jdoe"),
        "process": row["line"] + " " * int(row.get("pad", 0)) + "/l" * ("pad" in row),
        "process_name": row.get("name", path.rpartition("\\")[2]),
        "process_path": path,
        "process_id": "0x1a2b",
        "original_file_name": row.get("original", program.get("original", "")),
        "parent_process": row.get("parent_line", parent.get("line", "")),
        "parent_process_name": parent["path"].rpartition("\\")[2],
        "parent_process_path": parent["path"],
    }
    return {name: value for name, value in fields.items() if value}


def _connection(row: Toml, programs: Toml) -> Event:
    """Return the event of a connection or of a query for a name, as the add-on for Sysmon gives it to Splunk."""
    path = _program(row.get("path", "msiexec"), programs)["path"]
    address = row.get("dest_ip", "")
    fields = {
        "_time": "1795305600",
        "host": "ws-01.example",
        "dvc": "ws-01.example",
        "src": "ws-01.example",
        "user": row.get("user", "jdoe"),
        "app": path,
        "process_name": path.rpartition("\\")[2],
        "process_path": path,
        "process_id": "6699",
        "dest": row.get("dest_host", address),
        "dest_host": row.get("dest_host", ""),
        "dest_ip": address,
        "dest_port": str(row.get("dest_port", "")),
        "transport": "tcp" * bool(address),
        "direction": "outbound" * bool(address),
        "query": row.get("query", ""),
    }
    return {name: value for name, value in fields.items() if value}

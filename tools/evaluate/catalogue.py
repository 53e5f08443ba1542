"""The catalogue of events: rows with what they are, by which source, and the verdict that is expected of them."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path

FILE = Path(__file__).with_name("catalogue.toml")
MSIEXEC, SHELL = r"C:\Windows\System32\msiexec.exe", r"C:\Windows\System32\cmd.exe"

ANSWERS = ("alarm", "low", "blind", "none", "any")
"""What may be expected of the hardened detection; `any`: the right verdict is not known."""

Event = dict[str, str]


@dataclass(frozen=True)
class Row:
    """An event of the catalogue, and what is known of it; `event` is its row in Splunk, without empty fields."""

    part: str
    number: int
    what: str
    source: str
    expect: str
    no_trace: str
    event: Event

    @property
    def line(self) -> str:
        """The command line."""
        return self.event.get("process", "")


@dataclass(frozen=True)
class Part:
    """Rows of one kind; `works`: each registers a DLL on Windows."""

    name: str
    title: str
    works: bool
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


def load(file: Path = FILE) -> Catalogue:
    """Read the catalogue. Raises KeyError for a row without a known source, ValueError for another wrong one."""
    with file.open("rb") as handle:
        read = tomllib.load(handle)
    parts = []
    for name, part in read["parts"].items():
        rows = tuple(_row(name, part["expect"], number, row) for number, row in enumerate(part["rows"], 1))
        for row in rows:
            read["sources"][row.source]
            if row.expect not in ANSWERS:
                raise ValueError(f"{name} {row.number}: expect is one of {', '.join(ANSWERS)}")
        parts.append(Part(name, part["title"], part.get("works", False), rows))
    return Catalogue(tuple(parts), read["sources"])


def _row(part: str, expect: str, number: int, row: dict[str, str]) -> Row:
    return Row(
        part, number, row["what"], row["source"], row.get("expect", expect), row.get("no_trace", ""), _event(row)
    )


def _event(row: dict[str, str]) -> Event:
    """Return the event as add-ons give it to Splunk."""
    path, parent = row.get("path", MSIEXEC), row.get("parent", SHELL)
    fields = {
        "_time": "1795305600",
        "dest": "ws-01.example",
        "user": "jdoe",
        "process": row["line"] + " " * int(row.get("pad", 0)) + "/l" * ("pad" in row),
        "process_name": row.get("name", path.rpartition("\\")[2]),
        "process_path": path,
        "process_id": "0x1a2b",
        "original_file_name": row.get("original", "msiexec.exe"),
        "parent_process_name": parent.rpartition("\\")[2],
        "parent_process_path": parent,
    }
    return {name: value for name, value in fields.items() if value}

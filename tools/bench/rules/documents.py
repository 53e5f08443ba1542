"""Sigma rules to measure with: made in the statistics of real ones, or those of the folder that SSA_SIGMA_RULES names.

More of them than there are come from exchanging the values of one field and operator between copies, so that each value
stays as frequent as it was. The numbers below are those of 857 published rules for Windows process creation.
"""

from __future__ import annotations

import os
import re
import tarfile
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from random import Random
from typing import Any
from uuid import UUID

import yaml

FOLDER = "SSA_SIGMA_RULES"
SEED = 1415

Document = dict[str, Any]
Pools = dict[tuple[str, int], list[Any]]
"""Values by key of their item, and class of their length."""

LOGSOURCE = {"product": "windows", "category": "process_creation"}

SHAPES = (
    ("program or its original name, command line", 287),
    ("command line", 174),
    ("program, command line", 116),
    ("program or its original name", 57),
    ("program, parent", 52),
    ("program", 50),
    ("program, parent, command line", 43),
    ("parent", 35),
    ("program or its original name, parent", 16),
    ("program or its original name, parent, command line", 12),
    ("parent, command line", 9),
)
"""What rules ask for."""

NEGATED = 0.22
OTHER = 0.37
"""Of rules, those with a filter, and those that ask for one of OTHERS."""

LINES = (1, 1, 1, 1, 1, 1, 2, 2, 3, 4)
"""Items of the command line, by tenths of the rules that have any."""

COMMAND_LINE = (
    ("contains", 776), ("contains|all", 412), ("contains|windash", 63), ("endswith", 63), ("re", 46), ("equals", 24),
    ("startswith", 6),
)  # fmt: skip
"""How often a modifier of the command line is used."""

WITHOUT_LITERAL = 0.3
"""Of regular expressions, those that no text must stand in."""

OTHERS = (
    ("Image|contains", 60), ("ParentCommandLine|contains", 57), ("Description", 40), ("ParentImage|contains", 44),
    ("Hashes|contains", 30), ("Product", 29), ("Image|startswith", 24), ("IntegrityLevel", 21), ("Company", 13),
)  # fmt: skip
"""The same of other fields."""

MANY = {"contains": (1, 1, 1, 1, 2, 2, 3, 5, 8, 30), "contains|all": (2, 2, 2, 2, 2, 2, 3, 3, 4, 7)}
FEW = (1, 1, 1, 1, 1, 1, 1, 2, 4, 8)
"""Values of an item, by tenths of the items."""

LENGTHS = {"CommandLine": (1, 2, 3, 4, 5, 8, 10, 14, 20, 40), "Hashes": (36, 40, 40, 45, 45, 45, 71, 71, 71, 71)}
LENGTH = (6, 8, 10, 11, 13, 15, 17, 20, 30, 50)
"""Characters of a value, likewise."""

BANDS = (0.0, 0.01, 0.1, 0.5, 1.0)
FREQUENCIES = (
    (2, (0.36, 0.28, 0.20, 0.14, 0.02)),
    (4, (0.43, 0.44, 0.11, 0.02, 0.0)),
    (8, (0.57, 0.37, 0.05, 0.01, 0.0)),
    (14, (0.82, 0.14, 0.03, 0.01, 0.0)),
    (1_000, (0.87, 0.09, 0.04, 0.0, 0.0)),
)
"""Of the values up to a length, how many occur in what share of events: none, up to a hundredth, and so on."""

NAME_SEEN = 0.3
"""Of the names of programs, those that occur in events."""

TRIES = 20
SAMPLE = 500


def documents(count: int, rows: list[dict[str, str]], are_real: bool) -> list[Document]:
    """Return so many rules, the same ones each time; made ones take some of their values from rows."""
    chance = Random(SEED)
    found = [*real()] if are_real else []
    chance.shuffle(found)
    if not found:
        maker = Maker(rows, chance)
        return [maker.rule(number) for number in range(count)]
    pools: Pools = {}
    for document in found:
        for items, key in _items(document["detection"]):
            for value in items[key] if isinstance(items[key], list) else [items[key]]:
                pools.setdefault((key, _size(value)), []).append(value)
    return [*found, *(exchanged(found[n % len(found)], n, pools, chance) for n in range(len(found), count))][:count]


def real() -> Iterator[Document]:
    """Yield the rules of the named folder."""
    if folder := os.environ.get(FOLDER):
        with tarfile.open(Path(folder) / "rules.tar.gz") as archive:
            for member in archive:
                if file := archive.extractfile(member) if member.isfile() else None:
                    yield yaml.load(file.read(), yaml.CSafeLoader)


def is_real(document: Document) -> bool:
    """Tell whether a rule is a published one."""
    return UUID(document["id"]).version is not None


def exchanged(document: Document, number: int, pools: Pools, chance: Random) -> Document:
    """Return a copy of a rule, with values of others, about as long, in place of its own."""
    copy = deepcopy(document)
    copy["id"], copy["title"] = str(UUID(int=number)), f"Exchanged {number}"
    for items, key in _items(copy["detection"]):
        if not key.endswith(("fieldref", "exists")):
            values = items[key] if isinstance(items[key], list) else [items[key]]
            items[key] = [chance.choice(pools[key, _size(value)]) for value in values]
    return copy


def _size(value: Any) -> int:
    """Return the class of a value's length; of what is no text, one of its own."""
    return len(value).bit_length() if isinstance(value, str) else -1


def _items(tree: Any) -> Iterator[tuple[dict[str, Any], str]]:
    """Yield each item of a detection, by the map that it is in and its key."""
    if isinstance(tree, list):
        for part in tree:
            yield from _items(part)
    elif isinstance(tree, dict):
        for key, value in tree.items():
            if isinstance(value, dict) or (isinstance(value, list) and any(isinstance(one, dict) for one in value)):
                yield from _items(value)
            elif key not in ("condition", "timeframe") and ("|" in key or key[:1].isupper()):
                yield tree, key


COLUMNS = {
    "CommandLine": "process",
    "Image": "process_path",
    "ParentImage": "parent_process_path",
    "ParentCommandLine": "parent_process",
    "Hashes": "process_hash",
    "IntegrityLevel": "process_integrity_level",
}
"""Where rows have the fields that values are made for."""


class Maker:
    """Makes rules over rows."""

    def __init__(self, rows: list[dict[str, str]], chance: Random) -> None:
        self._chance, self._rows = chance, rows
        self._names = sorted({row["process_name"] for row in rows})
        sample = chance.sample(rows, min(SAMPLE, len(rows)))
        self._cells = {column: [row.get(column, "").lower() for row in sample] for column in COLUMNS.values()}

    def rule(self, number: int) -> Document:
        """Make a rule."""
        chance = self._chance
        detection: dict[str, Any] = {}
        shape = self._weighted(SHAPES)
        names = [self._name() for _ in range(chance.choice(FEW))]
        paths = {"Image|endswith": [f"\\{name}" for name in names]}
        if "program" in shape:
            detection["selection_img"] = [paths, {"OriginalFileName": names}] if "original" in shape else paths
        if "parent" in shape:
            parents = [f"\\{self._name()}" for _ in range(chance.choice(FEW))]
            detection["selection_parent"] = {"ParentImage|endswith": parents}
        rare = not detection
        if "command line" in shape:
            hows = [self._weighted(COMMAND_LINE) for _ in range(chance.choice(LINES))]
            detection["selection_cli"] = {
                "CommandLine" if how == "equals" else f"CommandLine|{how}": self._values("CommandLine", how, rare)
                for how in hows
            }
        if chance.random() < OTHER:
            key = self._weighted(OTHERS)
            field, _, how = key.partition("|")
            detection["selection_other"] = {key: self._values(field, how, rare)}
        detection["condition"] = "all of selection_*"
        if chance.random() < NEGATED:
            detection["filter_main"] = {"ParentImage|endswith": f"\\{self._name()}"}
            detection["condition"] += " and not 1 of filter_main*"
        id = str(UUID(int=number))
        return {"title": f"Made {number}", "id": id, "level": "high", "logsource": LOGSOURCE, "detection": detection}

    def _weighted(self, weights: tuple[tuple[str, int], ...]) -> str:
        return self._chance.choices([what for what, _ in weights], [weight for _, weight in weights])[0]

    def _values(self, field: str, how: str, rare: bool) -> list[str]:
        """Make the values of an item; those of a rule that asks for nothing else occur in few events."""
        lengths = LENGTHS.get(field, LENGTH)
        count = self._chance.choice(MANY.get(how, FEW))
        return [self._value(COLUMNS.get(field, ""), how, self._chance.choice(lengths), rare) for _ in range(count)]

    def _value(self, column: str, how: str, length: int, rare: bool) -> str:
        """Make a value: a part of a cell, or letters, so that it occurs in as many events as values of its length."""
        chance = self._chance
        shares = next(shares for most, shares in FREQUENCIES if length <= most)
        band = chance.choices(range(len(BANDS)), shares)[0]
        band = min(band, 1) if rare else band
        text = ""
        for _ in range(TRIES):
            cell = chance.choice(self._rows).get(column, "")
            at = {"startswith": 0, "endswith": len(cell) - length}.get(how, chance.randrange(len(cell) or 1))
            text = cell[max(at, 0) : at + length]
            if not band or len(text) < length:
                text = "".join(chance.choices("etaoinshrdlucmfw-_/. ", k=length))
            cells = self._cells.get(column, [""])
            share = sum(text.lower() in cell for cell in cells) / len(cells)
            if share <= BANDS[band] and (not band or share > BANDS[band - 1]):
                break
        if how == "re" and chance.random() < WITHOUT_LITERAL:
            return r"(?:[^\w\s]{3}[0-9]){" + str(length) + "}"
        if how == "re":
            return "".join(char if char.isalnum() else "." for char in text) + "[0-9]{2,}"
        if how.endswith("windash"):
            return " -" + re.sub(r"\W", "", text)
        return re.sub(r"[\\*?]", r"\\\g<0>", text)

    def _name(self) -> str:
        """Make the name of a program: one of the rows', or another."""
        if self._chance.random() < NAME_SEEN:
            return self._chance.choice(self._names)
        return (
            "".join(self._chance.choices("etaoinshrdlu", k=self._chance.choice((3, 4, 5, 6, 7, 8, 9, 9, 13)))) + ".exe"
        )

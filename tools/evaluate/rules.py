"""The rules that are compared, each by its published logic, and the story's detections: an event in, a verdict out.

A rule without a score of its own gets none here either: it has fired or not.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable
from fnmatch import fnmatchcase
from functools import cache
from typing import NamedTuple

from ssa.content.detection import Detection
from ssa.rows.cells import Cell
from ssa.rows.hits import detect
from tools import ROOT
from tools.docs import pages
from tools.evaluate.catalogue import Event, Row, load

HARDENED = "Windows MSIExec DLL Registration"
STORY, NAMES = "Windows System Binary Proxy Execution MSIExec", ("Windows MSIExec ", "Windows Installer ")
"""The analytic story, and how the names of its detections begin."""


class Verdict(NamedTuple):
    """The verdict of a rule on an event: whether it fires, its score where it has one, and whether it is blind."""

    fires: bool
    score: float | None = None
    blind: bool = False


Rule = Callable[[Event], Verdict]
Hit = dict[str, Cell]
"""The columns of a hit."""


def detection(shipped: Detection) -> Rule:
    """Return a detection of this app as a rule: its shipped text, on the input event that ssadetect makes."""

    def judge(row: Event) -> Verdict:
        return max((_verdict(hit) for hit in detect(shipped, row) if not is_usual(hit)), default=Verdict(False))

    return judge


def _verdict(hit: Hit) -> Verdict:
    blind = json.loads(str(hit["body"])).get("verdict") == "blind"
    return Verdict(not blind, float(str(hit["risk_score"])), blind)


def is_usual(hit: Hit) -> bool:
    """Return whether the search of a detection leaves a hit out: the lookup ssa_usual names it."""
    return any(
        hit["detection"] == entry["detection"]
        and fnmatchcase(str(hit.get(entry["field"], "")).lower(), entry["pattern"])
        for entry in _usual()
    )


@cache
def _usual() -> list[dict[str, str]]:
    with (ROOT / "lookups/ssa_usual.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def story() -> dict[str, Detection]:
    """Return the shipped detections of the story, by name."""
    found = pages.detections()
    return {each.name: each for each in found if STORY in each.analytic_story or each.name.startswith(NAMES)}


class Judged(NamedTuple):
    """A row of the catalogue, and the verdicts of the detections of the story that have a say on it."""

    row: Row
    verdicts: dict[str, Verdict]

    @property
    def hits(self) -> dict[str, float]:
        """The score of each of our detections that finds it: the given one is measured for itself."""
        return {name: each.score or 0 for name, each in self.verdicts.items() if each.fires and name != pages.GIVEN}

    def fires(self, name: str) -> bool:
        """Return whether a detection finds it, be it the given one."""
        return name in self.verdicts and self.verdicts[name].fires

    @property
    def score(self) -> float:
        """The greatest score that it gets."""
        return max(self.hits.values(), default=0)


@cache
def judged() -> tuple[Judged, ...]:
    """Return all rows with the verdicts on them; a detection judges the rows of its own data model."""
    rules = {name: (shipped.datamodel, detection(shipped)) for name, shipped in story().items()}
    return tuple(
        Judged(row, {name: rule(row.event) for name, (model, rule) in rules.items() if model == row.datamodel})
        for row in load().rows
    )


def escu(row: Event) -> Verdict:
    """Splunk ESCU, Windows MSIExec DLLRegisterServer (fdb59aef-d88f-4909-8369-ec2afbd2c398), version 1.

    Its macro process_msiexec, and process IN ("*/y*", "*-y*"); search compares without case.
    """
    names = (row.get("process_name", ""), row.get("original_file_name", ""))
    line = row.get("process", "").lower()
    return Verdict("msiexec.exe" in [name.lower() for name in names] and ("/y" in line or "-y" in line))


DASHES = "-/–—―"
"""Sigma's modifier windash takes each of these for any other."""

LEGITIMATE = (
    '\\MsiExec.exe" /Y "C:\\Program Files\\',
    '\\MsiExec.exe" /Y "C:\\Program Files (x86)\\',
    '\\MsiExec.exe" /Y "C:\\Windows\\System32\\',
    '\\MsiExec.exe" /Y "C:\\Windows\\SysWOW64\\',
)
"""What the filter of Sigma's rule finds anywhere in the command line."""


def sigma(row: Event) -> Verdict:
    """Sigma, Suspicious Msiexec Execute Arbitrary DLL (6f4191bb-912b-48a8-9ce7-682769541e6d), of 2026-01-09.

    Sigma compares without case.
    """
    line = row.get("process", "")
    named = row.get("process_path", "").lower().endswith("\\msiexec.exe")
    switch = re.search(f" [{DASHES}]y", line, re.IGNORECASE)
    variants = (text.replace("/Y", f"{dash}Y") for text in LEGITIMATE for dash in DASHES)
    filtered = any(text.lower() in line.lower() for text in variants)
    return Verdict(bool(named and switch) and not filtered)


def compared() -> dict[str, Rule]:
    """Return the rules by the name that the page gives them."""
    shipped = pages.shipped()
    return {
        "given": detection(shipped.find(pages.GIVEN)),
        "ESCU": escu,
        "Sigma": sigma,
        "hardened": detection(shipped.find(HARDENED)),
    }

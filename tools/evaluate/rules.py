"""The rules that are compared, each by its published logic: an event in, the risk score out; None is no hit.

A rule without a score of its own gets none here either: it has fired or not.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import NamedTuple

from ssa.content.detection import Detection
from ssa.rows.hits import detect
from tools.docs import pages
from tools.evaluate.catalogue import Event

HARDENED = "Windows MSIExec DLL Registration"


class Verdict(NamedTuple):
    """The verdict of a rule on an event: whether it fires, its score where it has one, and whether it is blind."""

    fires: bool
    score: float | None = None
    blind: bool = False


Rule = Callable[[Event], Verdict]


def detection(shipped: Detection) -> Rule:
    """Return a detection of this app as a rule: its shipped text, on the input event that ssadetect makes."""

    def judge(row: Event) -> Verdict:
        hits = detect(shipped, row)
        if not hits:
            return Verdict(False)
        blind = json.loads(str(hits[0]["body"])).get("verdict") == "blind"
        return Verdict(not blind, float(str(hits[0]["risk_score"])), blind)

    return judge


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
    '\\MsiExec.exe" /Y "C:\\Program Files\\Bonjour\\mdnsNSP.dll',
    '\\MsiExec.exe" /Y "C:\\Program Files (x86)\\Bonjour\\mdnsNSP.dll',
    '\\MsiExec.exe" /Y "C:\\Program Files (x86)\\Apple Software Update\\ScriptingObjectModel.dll',
    '\\MsiExec.exe" /Y "C:\\Program Files (x86)\\Apple Software Update\\SoftwareUpdateAdmin.dll',
    '\\MsiExec.exe" /Y "C:\\Windows\\CCM\\',
    '\\MsiExec.exe" /Y C:\\Windows\\CCM\\',
)
"""What the filter of Sigma's rule finds anywhere in the command line."""


def sigma(row: Event) -> Verdict:
    """Sigma, Suspicious Msiexec Execute Arbitrary DLL (6f4191bb-912b-48a8-9ce7-682769541e6d), of 2022-12-08.

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

"""The documentation page of a detection, from its stanza: the parts and order of Splunk's published pages."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable

from ssa.content import conf
from ssa.content.datamodels import DATA_MODELS
from ssa.content.detection import CONF, Catalogue, Detection, format_score
from tools import ROOT
from tools.marks import page_mark

FOLDER = "docs/detections"

SOURCE = f"default/{CONF}.conf"
"""The file that has every fact about the shipped detections."""

GIVEN = "Windows System Binary Proxy Execution MSIExec DLLRegisterServer"
"""The detection that was given, as it was published; we wrote the others."""

DYNAMIC = ", the most that a hit can have: the search weighs each hit itself, and gives the reasons"


def shipped() -> Catalogue:
    """Return the detections that the package has: those of default/, whatever this checkout's local/ holds."""
    return Catalogue(conf.merge([str(ROOT / f"default/{CONF}.conf")]))


def detections() -> list[Detection]:
    """Return each of them, in the order of their conf."""
    catalogue = shipped()
    return [catalogue.find(name) for name in catalogue.names]


def slug(name: str) -> str:
    """Turn a detection's name into the stem of its macros and of its page."""
    return re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")


def saved_search(detection: Detection) -> str:
    """Return the name of a detection's saved search."""
    return f"SSA - {detection.name} - Rule"


def techniques() -> dict[str, tuple[str, str]]:
    """Return ATT&CK technique id -> (name, tactics), from the app's lookup."""
    with (ROOT / "lookups" / "ssa_attack_techniques.csv").open(newline="") as handle:
        return {row["technique_id"]: (row["technique"], row["tactics"]) for row in csv.DictReader(handle)}


def bullets(items: Iterable[str]) -> str:
    """Write a list, or that there is nothing."""
    return "\n".join(f"- {item}" for item in items) or "None."


def attack_table(detection: Detection) -> str:
    """Write the ATT&CK table of a detection."""
    known = techniques()
    rows = [f"| [{id}](https://attack.mitre.org/techniques/{id.replace('.', '/')}/) | {known[id][0]} | {known[id][1]} |"
            for id in detection.mitre_attack_id]  # fmt: skip
    return "\n".join(["| ID | Technique | Tactic |", "| --- | --- | --- |", *rows])


def page(detection: Detection, more: Iterable[str] = ()) -> str:
    """Write the page; `more` stands before its version."""
    stem = slug(detection.name)
    parts = [
        f"# {detection.name}",
        page_mark(SOURCE),
        "## Description",
        detection.description,
        bullets([
            f"**Type**: {detection.type}" + f". {detection.type_reason}" * bool(detection.type_reason),
            f"**Product**: {detection.product}",
            f"**Data model**: {detection.datamodel}",
            f"**Last updated**: {detection.date}",
            f"**Author**: {detection.author}",
            f"**ID**: {detection.id}",
        ]),
        "## Annotations",
        "### ATT&CK",
        attack_table(detection),
        "### Kill chain phase",
        bullets(detection.kill_chain_phases),
        "### NIST",
        bullets(detection.nist),
        "### CIS20",
        bullets(detection.cis20),
        "### CVE",
        bullets(detection.cve),
        "## Search",
        f"```\n{detection.search}\n```",
        f"On Splunk Enterprise the saved search `{saved_search(detection)}` runs this text with `ssadetect`.",
        "## Macros",
        f"- `{stem}_filter`: empty by default (`search *`). Yours: it leaves known false positives out.\n"
        f"- `{stem}_prefilter`: what every matching event contains; it keeps the rest away from the command.\n"
        f"- {DATA_MODELS[detection.datamodel].base}: the events of {detection.datamodel}. Narrow the indexes here.",
        "## Required fields",
        bullets(detection.required_fields),
        "## How To Implement",
        detection.how_to_implement,
        "## Known False Positives",
        detection.known_false_positives,
        "## Associated Analytic Story",
        bullets(detection.analytic_story),
        "## RBA",
        "| Risk score | Impact | Confidence | Message |\n| --- | --- | --- | --- |\n"
        f"| {detection.risk_score:.1f} | {format_score(detection.impact)} | {format_score(detection.confidence)} "
        f"| {detection.message} |",
        "Risk score = impact × confidence / 100" + DYNAMIC * detection.dynamic_score
        + ". One risk event for each victim:",
        bullets(f"`{o.name}`: {o.type}, {o.role}" for o in detection.observables),
        "## Reference",
        bullets(f"<{address}>" for address in detection.references),
        "## Test Dataset",
        bullets([f"<{detection.dataset}>"] if detection.dataset else []),
        *more,
        f"---\nversion: {detection.version}",
    ]  # fmt: skip
    return "\n\n".join(parts) + "\n"

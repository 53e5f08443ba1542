"""All pages about detections: one for each, with its evaluation and how to tune it, an index, and a Navigator layer."""

from __future__ import annotations

import json
import re
from typing import Any

from ssa.content.detection import Detection, format_score
from tools.docs import pages
from tools.docs.pages import FOLDER, slug
from tools.evaluate import figures, rules
from tools.evaluate import page as evaluation
from tools.marks import page_mark

INDEX, LAYER = f"{FOLDER}/index.md", "docs/attack_navigator.json"

LINKS = "[How well they find what works](../evaluation.md) · [ATT&CK Navigator layer](../attack_navigator.json)"

OFF = (
    f"The search of *{pages.GIVEN}*, the given detection, is ready to be scheduled. Those of the others ship disabled: "
    "Settings > Searches, reports, and alerts > *SSA - … - Rule* > Edit > Enable. `| ssadetect` runs all of them."
)

COMPARED = {pages.GIVEN: "given", rules.HARDENED: "hardened"}
"""Detections that the evaluation compares, and what it calls them."""

LOOSE, TIGHT = "#fce8b2", "#d62728"
"""Colours of the layer's least and greatest score."""


def detection_pages() -> dict[str, str]:
    """Return path in the repository -> content: the page of each detection, and their index."""
    detections = pages.detections()
    own = {
        f"{FOLDER}/{slug(each.name)}.md": pages.page(each, [*_evaluation(each), *_tuning(each)]) for each in detections
    }
    return {**own, INDEX: index(detections)}


def layer() -> dict[str, str]:
    """Return path in the repository -> content: the layer for MITRE's Navigator."""
    return {LAYER: json.dumps(navigator(pages.detections()), indent=2, ensure_ascii=False) + "\n"}


def _evaluation(detection: Detection) -> list[str]:
    if detection.name not in COMPARED:
        found = sum(each.fires(detection.name) for works in figures.ATTACK for each in figures.attacks(works))
        none, low, above = figures.false_alarms(detection.name)
        text = (
            f"Of the catalogue's events it finds {found} that work; of {len(figures.harmless())} harmless ones it "
            f"calls {none} informational and {low} low, and {above} get more: [evaluation](../evaluation.md)."
        )
        return ["## Evaluation", text]
    counted = evaluation.counts(COMPARED[detection.name])
    results = pages.bullets(f"{title}: fires on {fires} of {rows}" for title, fires, rows in counted)
    others = "Every miss and every false alarm, and the same of other published rules: [evaluation](../evaluation.md)."
    return ["## Evaluation", results, others]


def _tuning(detection: Detection) -> list[str]:
    stem, victims = slug(detection.name), [o.name for o in detection.observables if o.role == "Victim"]
    shown = [o.name for o in detection.observables if o.role != "Victim"]
    advice = [
        f"The view *Tuning* lists what its hits have in common, and writes the lines for `{stem}_filter`.",
        f"Leave out by what an attacker cannot choose: {', '.join(f'`{name}`' for name in victims)}, rather than by "
        f"{', '.join(f'`{name}`' for name in shown)}; a path, a name or a parent can be imitated.",
    ]
    if detection.dynamic_score:
        advice.append(
            f"The score of a hit is its own, {format_score(detection.risk_score)} at most: `| where risk_score>20` in "
            "the filter macro leaves out what is informational. `impact` and `confidence` in "
            "`local/ssa_detections.conf` lower that most."
        )
    else:
        advice.append("`impact` and `confidence` in `local/ssa_detections.conf` change its score for all hits.")
    return ["## Tuning", pages.bullets(advice)]


def index(detections: list[Detection]) -> str:
    """Write the index: by analytic story, and by ATT&CK technique."""
    known = pages.techniques()
    parts = ["# Detections", page_mark(pages.SOURCE), OFF, LINKS]
    parts.append("## By analytic story")
    for story in dict.fromkeys(story for detection in detections for story in detection.analytic_story):
        rows = [_row(each) for each in detections if story in each.analytic_story]
        parts += [
            f"### {story}",
            "\n".join(["| Detection | Type | Score | Finds |", "| --- | --- | --- | --- |", *rows]),
        ]
    parts.append("## By ATT&CK technique")
    for technique in sorted({id for each in detections for id in each.mitre_attack_id}):
        name, tactics = known[technique]
        address = f"https://attack.mitre.org/techniques/{technique.replace('.', '/')}/"
        links = [_link(each) for each in detections if technique in each.mitre_attack_id]
        parts += [f"### [{technique}]({address}) {name} ({tactics})", pages.bullets(links)]
    return "\n\n".join(parts) + "\n"


def _link(detection: Detection) -> str:
    return f"[{detection.name}]({slug(detection.name)}.md)"


def _row(detection: Detection) -> str:
    most = "up to " if detection.dynamic_score else ""
    finds = re.split(r"(?<=\.) ", detection.description)[0].removeprefix("The following analytic identifies ")
    return f"| {_link(detection)} | {detection.type} | {most}{format_score(detection.risk_score)} | {finds} |"


def navigator(detections: list[Detection]) -> dict[str, Any]:
    """Return a layer of MITRE's ATT&CK Navigator, by the specification of layer files 4.5.

    A technique has the score of its best detection.
    """
    techniques = []
    for technique in sorted({id for each in detections for id in each.mitre_attack_id}):
        own = [each for each in detections if technique in each.mitre_attack_id]
        techniques.append({
            "techniqueID": technique,
            "score": max(each.risk_score for each in own),
            "comment": "; ".join(each.name for each in own),
        })  # fmt: skip
    return {
        "name": "SSA Detections",
        "versions": {"navigator": "4.9.0", "layer": "4.5"},
        "domain": "enterprise-attack",
        "description": "What the shipped detections cover. A score is the most that a hit can have.",
        "filters": {"platforms": ["Windows"]},
        "layout": {"layout": "side", "showID": True, "expandedSubtechniques": "annotated"},
        "techniques": techniques,
        "gradient": {"colors": [LOOSE, TIGHT], "minValue": 0, "maxValue": 100},
    }

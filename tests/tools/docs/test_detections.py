"""The pages of all detections, their index, and the layer for MITRE's Navigator."""

import json
import re

import pytest

from tests.support.examples import ROOT
from tools.docs import detections
from tools.docs.pages import FOLDER, GIVEN, shipped, slug

DETECTIONS = [shipped().find(name) for name in shipped().names]
OUTPUTS = {**detections.detection_pages(), **detections.layer()}
LAYER = json.loads(OUTPUTS[detections.LAYER])


@pytest.mark.parametrize("path", [path for path in OUTPUTS if path.endswith(".md")])
def test_every_link_between_pages_leads_somewhere(path):
    for address in re.findall(r"\]\((?!https?:)([^)#]+)\)", OUTPUTS[path]):
        target = (ROOT / path).parent / address
        assert target.is_file() or str(target.resolve().relative_to(ROOT)) in OUTPUTS, address


@pytest.mark.parametrize("detection", DETECTIONS, ids=shipped().names)
def test_a_page_ends_with_its_evaluation_and_how_to_tune_it(detection):
    text = OUTPUTS[f"{FOLDER}/{slug(detection.name)}.md"]
    titles = re.findall(r"^## (.*)", text, re.MULTILINE)
    assert titles[-3:] == ["Test Dataset", "Evaluation", "Tuning"]
    assert f"`{slug(detection.name)}_filter`" in text.partition("## Tuning")[2]
    assert ("the most that a hit can have" in text) == detection.dynamic_score


TYPES = {
    GIVEN: "TTP",
    "Windows MSIExec DLL Registration": "TTP",
    "Windows MSIExec DLL Unregistration": "TTP",
    "Windows MSIExec Package From Network": "Anomaly",
    "Windows MSIExec Silent Package From User Folder": "Anomaly",
    "Windows MSIExec Copy By Its Options": "Anomaly",
    "Windows MSIExec Masquerading": "TTP",
    "Windows MSIExec Security Product Removal": "Anomaly",
    "Windows Installer Through Another Program": "Anomaly",
    "Windows MSIExec Unusual Parent": "Anomaly",
    "Windows MSIExec Unusual Child": "Anomaly",
    "Windows MSIExec Hidden Launch": "TTP",
    "Windows MSIExec Renamed": "TTP",
    "Windows MSIExec Network Connection": "Anomaly",
    "Windows MSIExec Name Query": "Anomaly",
}


@pytest.mark.parametrize("detection", DETECTIONS, ids=shipped().names)
def test_a_page_says_why_its_detection_is_of_its_type(detection):
    assert detection.type == TYPES[detection.name]
    assert detection.type_reason.endswith(".")
    text = OUTPUTS[f"{FOLDER}/{slug(detection.name)}.md"]
    assert f"\n- **Type**: {detection.type}. {detection.type_reason}\n" in text


def test_the_index_lists_each_detection_under_its_story_and_each_of_its_techniques():
    text = OUTPUTS[detections.INDEX]
    stories, techniques = text.split("## By ATT&CK technique")
    for detection in DETECTIONS:
        link = f"[{detection.name}]({slug(detection.name)}.md)"
        assert stories.count(link) == len(detection.analytic_story)
        assert techniques.count(link) == len(detection.mitre_attack_id)


def test_the_layer_keeps_to_the_specification():
    """Layer file format 4.5: what is required, and of which kind it is."""
    assert set(LAYER) <= {
        *("name", "versions", "domain", "description", "filters", "sorting", "layout", "hideDisabled", "techniques"),
        *("gradient", "legendItems", "metadata", "links"),
    }
    assert (LAYER["domain"], LAYER["versions"]["layer"]) == ("enterprise-attack", "4.5")
    assert tuple(map(int, LAYER["versions"]["navigator"].split("."))) >= (4, 9, 0)
    gradient = LAYER["gradient"]
    assert len(gradient["colors"]) >= 2
    assert gradient["minValue"] < gradient["maxValue"]
    for technique in LAYER["techniques"]:
        assert set(technique) == {"techniqueID", "score", "comment"}
        assert re.fullmatch(r"T\d{4}(\.\d{3})?", technique["techniqueID"])
        assert gradient["minValue"] <= technique["score"] <= gradient["maxValue"]


def test_the_layer_has_every_technique_of_the_detections_with_its_best_score():
    scores = {technique["techniqueID"]: technique["score"] for technique in LAYER["techniques"]}
    assert set(scores) == {id for detection in DETECTIONS for id in detection.mitre_attack_id}
    assert scores["T1218.007"] == max(d.risk_score for d in DETECTIONS if "T1218.007" in d.mitre_attack_id)

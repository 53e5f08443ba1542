"""Documents of a content pack as contentctl-ng reads them, from those that contentctl 5 reads.

ESCU 6 is written so. The fields and their rules are those of contentctl-ng 1.1.1 (PyPI), contentctl_ng/objects:
searches/detection.py, searches/search.py, schedule.py, story.py, macro.py and data_source.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from ssa.content.detection import Detection
from tools.content import stanzas

Yaml = dict[str, Any]

SCHEDULE = {
    "cron_schedule": "cron_schedule",
    "schedule_window": "schedule_window",
    "earliest_time": "dispatch.earliest_time",
    "latest_time": "dispatch.latest_time",
}
"""A schedule's keys, and those of savedsearches.conf. Without one, a pack must have a default."""


def content(document: Yaml, identity: Mapping[str, Any]) -> Yaml:
    """Return any document: with two dates and no tags. `identity` is for those that contentctl 5 knows without."""
    whole: Yaml = {"name": document["name"], **identity, **document}
    date = whole.pop("date")
    tags = whole.pop("tags", {})
    first = ("name", "id", "version")
    return {
        **{key: whole.pop(key) for key in first},
        "creation_date": date,
        "modification_date": date,
        **whole,
        **tags,
    }


def identity(root: str, name: str, date: str, author: str) -> Yaml:
    """Return what identifies a document; `root` is what ids are made of, with the name."""
    return {"id": str(uuid5(NAMESPACE_URL, root + name)), "version": 1, "date": date, "author": author}


def detection(document: Yaml, rule: Detection, settings: Mapping[str, str]) -> Yaml:
    """Return a detection, with the schedule of its saved search.

    What an entity adds is stated once: a TTP's finding scores one, its intermediate findings the others, each with its
    message; an anomaly has no finding, a correlation no intermediate ones, and a hunting search neither.
    """
    whole = content(document, {})
    rba, untested = whole.pop("rba"), whole.pop("manual_test", None)
    found = stanzas.finding(rule)
    objects = {entity["field"]: entity for entity in rba["risk_objects"]}
    if found is not None:
        whole["finding"] = {"title": rba["message"], "entity": objects.pop(found.name)}
    if objects and rule.type not in ("Correlation", "Hunting"):
        entities = [{**entity, "message": rba["message"]} for entity in objects.values()]
        whole["intermediate_findings"] = {"entities": entities}
    if rule.type != "Hunting":
        whole["threat_objects"] = rba["threat_objects"]
    tests = [{**test, "test_type": "unit"} for test in whole.pop("tests", [])]
    return {
        **whole,
        "category": "endpoint",
        "custom_schedule": {key: settings[setting] for key, setting in SCHEDULE.items()},
        "tests": tests or [{"name": "Manual test", "test_type": "experimental", "description": untested}],
    }

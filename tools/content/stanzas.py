"""A detection -> the stanzas that Splunk reads of it: saved search, macros, analytic stories.

The importer writes them for published files, `make generate` for the detections that the app ships. The saved search
is ready and unscheduled, and has macros for what users change.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from ssa.action import risk
from ssa.content.datamodels import DATA_MODELS, NO_MODEL, PROCESSES, security_domain
from ssa.content.detection import Detection, Observable, format_score
from ssa.content.fields import ACCOUNTS
from tools.content import pushdown
from tools.docs.pages import saved_search, slug

Settings = dict[str, str]

PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_.]*")
"""The name of a field, as a search may write it without quotes."""

ENTITY = ("risk_object", "risk_object_type")
"""Columns of a result that Enterprise Security takes for its entity, before any that the search names."""

PREFILTER_COMMENT = (
    "Wide on purpose: it only has to keep every event that the detection could match. The command decides."
)
FILTER_COMMENT = "Yours: what to leave out of this detection's results."
"""Comments above two macros of a detection."""

FIELDS = ("_time", "host", *PROCESSES.columns, *(column for pair in ACCOUNTS for column in pair))
"""What every saved search passes on: what identifies an event, what its reader wants to see, and where the event has
them, the accounts with their SIDs: a service account has no risk, whatever its name. The columns of its
data model follow."""

FINDINGS = frozenset({"TTP", "Correlation"})
"""Types of detections of which Enterprise Security makes findings; the others add risk only (so ESCU 6 has it)."""

NO_ENTITY = {"risk_object_field": "N/A", "risk_object_type": "N/A", "risk_score": 0}
"""What Enterprise Security writes as the entity of a finding that has none: it adds no risk."""

THEIRS = frozenset({
    *("disabled", "enableSched", "cron_schedule", "dispatch.earliest_time", "dispatch.latest_time", "schedule_window"),
    *("allow_skew", "realtime_schedule", "is_visible", "counttype", "relation", "quantity"),
    *("alert.digest_mode", "alert.track", "alert.suppress", "request.ui_dispatch_app"),
    *("action.ssa_risk", "action.ssa_risk.param.index", "action.correlationsearch.enabled"),
    *("action.risk", "action.notable"),
    *(f"action.notable.param.{key}" for key in ("nes_fields", "rule_title", "security_domain", "severity")),
})  # fmt: skip
"""When and how a saved search runs, and what Enterprise Security shows: what is set of it stays as it is."""


HOURLY = {
    "request.ui_dispatch_app": "ssa_detections",
    "disabled": "0",
    "enableSched": "0",
    "cron_schedule": "0 * * * *",
    "dispatch.earliest_time": "-70m@m",
    "dispatch.latest_time": "-10m@m",
    "schedule_window": "auto",
    "allow_skew": "100%",
    "realtime_schedule": "0",
    "is_visible": "1",
    "counttype": "number of events",
    "relation": "greater than",
    "quantity": "0",
    "alert.digest_mode": "1",
    "alert.track": "0",
    "alert.suppress": "0",
    "action.ssa_risk": "1",
    "action.ssa_risk.param.index": "risk",
}
"""When a saved search runs that a user has scheduled, and what becomes of its results."""


@dataclass(frozen=True)
class Metadata:
    """What a saved search states of its detection that no setting of ssa_detections.conf holds.

    `datamodels` are those whose events are searched, by their names in DATA_MODELS.
    """

    datamodels: tuple[str, ...]
    data_source: tuple[str, ...]
    asset_type: str = "Endpoint"
    deprecated: bool = False


def json_text(value: object) -> str:
    """Write a value as the JSON of a setting: without blanks, as Enterprise Security saves it."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def macro(definition: str) -> Settings:
    """Return the settings of a macro."""
    return {"definition": definition, "iseval": "0"}


def fields(*detections: Detection) -> str:
    """Return the commands that pass only the needed fields on to ssadetect: all (`*`) where they cannot be named."""
    wanted: set[str] = set()
    usual, nameable = dict.fromkeys(FIELDS), True
    for detection in detections:
        read = detection.input_fields
        if read is None:
            return "fields *"
        wanted.update(["tag"] * ("_datamodels" in detection.search))  # the data models of an event follow from its tags
        for name in detection.needs | (read - {"event_id"}):
            columns = detection.sources(name)
            wanted.update(columns[:-1] or columns)  # an event as CIM has it has no column of the SSA name
        nameable = nameable and all(PLAIN.fullmatch(name) for name in read)
        usual.update(dict.fromkeys(DATA_MODELS.get(detection.datamodel, NO_MODEL).columns))
    passed = ", ".join([*usual, *sorted(wanted - usual.keys())]) if nameable else "*"
    return f"fields {passed}" + " | fields - _raw" * ("_raw" not in wanted)


def detect_commands(detection: Detection) -> str:
    """Return the commands that run a detection over the rows of a search, and show its hits.

    Where a hit has a score of its own, the highest come first: the action gets a limited number of results. A column
    of an event that Enterprise Security would take for the entity, in place of ours, goes.
    """
    observed = [o.name for o in detection.observables if o.name not in ENTITY]
    shown = dict.fromkeys(["_time", "detection", "risk_score", *observed, "process"])
    order = "| sort 0 - risk_score " * detection.dynamic_score
    passed = re.findall(r"\*|[\w.]+", fields(detection))
    drop = f"| fields - {', '.join(ENTITY)} " * (not {"*", *ENTITY}.isdisjoint({*passed, *detection.needs}))
    return (
        f'| ssadetect detection="{detection.name}" | `ssa_usual` | `ssa_allow_list` '
        f"| `{slug(detection.name)}_filter` {order}{drop}"
        f"| addinfo | table {', '.join(shown)}, *"
    )


def events_of(datamodels: Iterable[str]) -> str:
    """Return what a search of the events of data models begins with."""
    macros = [f"`{DATA_MODELS[model].macro}`" for model in datamodels]
    return macros[0] if len(macros) == 1 else "(" + " OR ".join(f"({macro})" for macro in macros) + ")"


def search_settings(detection: Detection, metadata: Metadata) -> Settings:
    """Return the settings of the detection's saved search, enabled and not scheduled."""
    name = saved_search(detection)
    victims = [o.name for o in detection.observables if o.role == "Victim"]
    base = events_of(metadata.datamodels)
    due = "index" if pushdown.has_words(detection) else "event"
    prefilter = f"`{slug(detection.name)}_prefilter` `ssa_due({due})`"
    return {
        "description": detection.description,
        "search": f"{base} {prefilter} | {fields(detection)} {detect_commands(detection)}",
        **HOURLY,
        "action.correlationsearch.enabled": "1",
        "action.correlationsearch.detection_type": "ebd",
        "action.correlationsearch.label": name,
        "action.correlationsearch.annotations": json_text(_annotations(detection, metadata)),
        "action.correlationsearch.metadata": json_text(_metadata(detection, metadata)),
        "action.risk": "0",
        "action.risk.param._risk_message": detection.message,
        "action.risk.param._risk": json_text(_risk(detection)),
        "action.risk.param._risk_score": "0",
        "action.risk.param.verbose": "0",
        "action.notable": "0",
        "action.notable.param._entities": json_text([_entity(detection)]),
        "action.notable.param.nes_fields": ",".join(dict.fromkeys(victims)),
        "action.notable.param.rule_title": name,
        "action.notable.param.rule_description": detection.description,
        "action.notable.param.security_domain": security_domain(detection.datamodel),
        "action.notable.param.severity": detection.severity,
        "action.notable.param.drilldown_searches": json_text(_drilldowns(detection, base)),
    }


def _annotations(detection: Detection, metadata: Metadata) -> dict[str, Any]:
    return {
        "analytic_story": detection.analytic_story,
        "cis20": detection.cis20,
        "cve": detection.cve,
        "data_source": metadata.data_source,
        "kill_chain_phases": detection.kill_chain_phases,
        "mitre_attack": detection.mitre_attack_id,
        "nist": detection.nist,
        "type": detection.type,
        "type_list": [detection.type],
    }


def _metadata(detection: Detection, metadata: Metadata) -> dict[str, Any]:
    day = datetime.fromisoformat(detection.date or "1970-01-01").replace(tzinfo=UTC)
    return {
        "deprecated": str(int(metadata.deprecated)),
        "detection_id": detection.id,
        "detection_version": detection.version,
        "publish_time": int(day.timestamp()),
    }


def finding(detection: Detection) -> Observable | None:
    """Return the victim that Enterprise Security's finding is about: the first user, else the first victim.

    In Enterprise Security 8 a finding scores its entity itself, so the risk action must not score that one too: with
    both actions on, each victim is scored once, as in its own content since ESCU 6 (contentctl-ng 1.1.1, detection.py:
    validate_entity_field_uniqueness; port_yml_file.py: port_ttp).
    """
    victims = [o for o in detection.observables if o.role == "Victim"] if detection.type in FINDINGS else []
    return min(victims, key=lambda victim: risk.OBJECT_TYPES.get(victim.type) != "user", default=None)


def _scored(detection: Detection, victim: Observable) -> dict[str, Any]:
    score = float(format_score(detection.risk_score))
    return {
        "risk_object_field": victim.name,
        "risk_object_type": risk.OBJECT_TYPES.get(victim.type, "other"),
        "risk_score": int(score) if score.is_integer() else score,
    }


def _entity(detection: Detection) -> dict[str, Any]:
    victim = finding(detection)
    return NO_ENTITY if victim is None else _scored(detection, victim)


def _risk(detection: Detection) -> list[dict[str, Any]]:
    elsewhere = finding(detection)
    victims = [
        {**_scored(detection, o), "risk_message": detection.message}
        for o in detection.observables
        if o.role == "Victim" and o != elsewhere
    ]
    threats = [
        {"threat_object_field": o.name, "threat_object_type": risk.threat_object_type(o)}
        for o in detection.observables
        if o.role != "Victim"
    ]
    return victims + threats


def _drilldowns(detection: Detection, base: str) -> list[dict[str, str]]:
    """Return the search for what else happened to the first victim, a device before a user."""
    kinds = {o.name: risk.OBJECT_TYPES.get(o.type) for o in detection.observables if o.role == "Victim"}
    for victim in sorted(kinds, key=lambda name: kinds[name] != "system")[:1]:
        column = detection.sources(victim)[0]
        return [
            {
                "name": f"Events of ${victim}$ around the hit",
                "search": f'{base} {column}="${victim}$"',
                "earliest_offset": "600",
                "latest_offset": "600",
            }
        ]
    return []


def story_search_settings(detection: Detection, metadata: Metadata) -> Settings:
    """Return the settings of the saved search in analyticstories.conf."""
    return {
        "type": "detection",
        "asset_type": metadata.asset_type,
        "confidence": "low" if detection.confidence < 34 else "medium" if detection.confidence < 67 else "high",
        "explanation": detection.description,
        "how_to_implement": detection.how_to_implement,
        "annotations": json_text(dict(risk.frameworks_of(detection))),
        "known_false_positives": detection.known_false_positives,
        "providing_technologies": json_text(metadata.data_source),
    }


def story_settings(story: str, detection: Detection) -> Settings:
    """Return an analytic story that is new here: the published file of a detection gives no more than its name."""
    return {
        "category": "Adversary Tactics",
        "last_updated": detection.date,
        "version": "1",
        "references": "[]",
        "maintainers": json_text([{"company": "SSA Detections", "email": "-", "name": "SSA Detections maintainers"}]),
        "spec_version": "3",
        "searches": "[]",
        "description": f"Detections of the analytic story {story}.",
        "narrative": f"The analytic story {story}, as published detections name it. Each describes what it finds.",
    }

"""Detection + result row -> risk events: message, score, and one event for each risk object. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Union

from . import event
from .detection import TOKEN, Detection, Observable
from .event import Row

OBJECT_TYPES = {
    "User": "user",
    "Hostname": "system",
    "Endpoint": "system",
    "IP Address": "system",
    "Device": "system",
}
"""Observable type of a victim -> risk object type of Enterprise Security; anything else is `other`."""

SECURITY_DOMAINS = {
    "Endpoint": "endpoint",
    "Network": "network",
    "Web": "network",
    "Authentication": "access",
    "Change": "audit",
}
"""First word of the detection's data model -> security domain of Enterprise Security; anything else is `threat`."""

MISSING = "unknown"
"""What a message says where a field has no value."""

MOST_THREATS, LONGEST_THREAT = 20, 300
"""Threat objects of one event, and characters of each: so that all of them fit, and their types beside them."""

LONGEST_MESSAGE = 1_000
"""Characters. A command line may have 32,000; the event itself has them all."""

Value = Union[str, tuple[str, ...]]


@dataclass(frozen=True)
class RiskEvent:
    """One risk event: its time (epoch s) and its fields in the order of writing; a tuple is a multivalue field."""

    time: float
    fields: tuple[tuple[str, Value], ...]

    def __getitem__(self, name: str) -> Value:
        """Return the value of a field; raises KeyError."""
        return dict(self.fields)[name]


@dataclass(frozen=True)
class Context:
    """The search that found the row: its name and sid, and the time at which the action runs (epoch s)."""

    search_name: str
    sid: str
    now: float


class Lookup:
    """The fields of a hit: looked up in the body, then in the SSA input event, then in the row; first value wins."""

    def __init__(self, row: Row) -> None:
        self.row = row
        self.body = _json_object(event.text(row.get("body")))

    def values(self, name: str) -> list[str]:
        """Return a field's values as text, without empty ones."""
        found = event.values(event.as_cell(self.body[name])) if self.body.get(name) is not None else []
        return found or event.field_values(self.row, name)

    def __call__(self, name: str) -> str | None:
        """Return a field's value as text, several joined by commas; None when it has none."""
        return ", ".join(self.values(name)) or None


def _json_object(cell: str | None) -> dict[str, Any]:
    try:
        found = json.loads(cell or "{}")
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def message(template: str, lookup: Lookup) -> tuple[str, tuple[str, ...]]:
    """Fill the `$tokens$` of a message; return it, and the names of the tokens that had no value.

    A value is put in once and never read for tokens again, so an event cannot name a field of its own.
    """
    defaulted: list[str] = []

    def fill(found: re.Match[str]) -> str:
        value = lookup(found.group(1))
        if value is None:
            defaulted.append(found.group(1))
            return MISSING
        return value

    return shorten(TOKEN.sub(fill, template), LONGEST_MESSAGE), tuple(dict.fromkeys(defaulted))


def shorten(text: str, longest: int) -> str:
    """Cut a text to `longest` characters, with a mark that says how many went."""
    return text if len(text) <= longest else f"{text[:longest]}… ({len(text) - longest} more characters)"


def threat_object_type(observable: Observable) -> str:
    """Name an observable's type as a threat object type: snake case, `process_name` for a process."""
    if "Process" in observable.type:
        return "process_name"
    return re.sub(r"[^a-z0-9]+", "_", observable.type.lower()).strip("_") or "other"


def security_domain(detection: Detection) -> str:
    """Name the security domain of a detection, by its data model."""
    return SECURITY_DOMAINS.get(re.split(r"[_ .]", detection.datamodel)[0], "threat")


def risk_events(detection: Detection, row: Row, context: Context) -> list[RiskEvent]:
    """Return the risk events of one result row: one for each risk object that the row names, each with the full score.

    A victim without a value adds no event; a row without any victim gives an empty list.
    """
    lookup = Lookup(row)
    text, defaulted = message(detection.message, lookup)
    victims: dict[tuple[str, str], None] = {}
    threats: dict[tuple[str, str], None] = {}
    for observable in detection.observables:
        for value in lookup.values(observable.name):
            if observable.role == "Victim":
                victims[(value, OBJECT_TYPES.get(observable.type, "other"))] = None
            else:
                threats[(shorten(value, LONGEST_THREAT), threat_object_type(observable))] = None
    time = _time(row, context)
    return [
        RiskEvent(
            time,
            tuple(_fields(detection, lookup, context, time, victim, list(threats)[:MOST_THREATS], text, defaulted)),
        )
        for victim in victims
    ]


def _time(row: Row, context: Context) -> float:
    """Return the time of the hit (epoch s): the event's own, else the start that the detection computed, else now."""
    for millis in (event.milliseconds(row.get("_time")), event.text(row.get("start_time"))):
        if millis is not None and re.fullmatch(r"-?[0-9]{1,15}", millis):
            return int(millis) / 1000
    return context.now


def _fields(
    detection: Detection,
    lookup: Lookup,
    context: Context,
    time: float,
    victim: tuple[str, str],
    threats: Sequence[tuple[str, str]],
    text: str,
    defaulted: tuple[str, ...],
) -> list[tuple[str, Value]]:
    """Return the fields of one risk event: what readers need first, long texts last (extraction may stop early)."""
    frameworks = frameworks_of(detection)
    row = lookup.row
    found: list[tuple[str, Value]] = [
        ("search_name", context.search_name),
        ("risk_object", victim[0]),
        ("risk_object_type", victim[1]),
        ("risk_score", event.format_score(detection.risk_score)),
        ("threat_object", tuple(value for value, _ in threats)),
        ("threat_object_type", tuple(kind for _, kind in threats)),
        ("risk_event_id", risk_event_id(detection, lookup, time, victim)),
        ("severity", detection.severity),
        ("security_domain", security_domain(detection)),
        ("detection", detection.name),
        ("detection_id", detection.id),
        ("detection_version", detection.version),
        ("event_id", event.event_id(row)),
        ("finding_id", event.text(row.get("finding_id")) or ""),
        ("orig_sid", context.sid),
        ("orig_rid", event.text(row.get("rid")) or ""),
        ("orig_time", format(time, ".3f")),
        *((name, event.text(row.get(name)) or "") for name in ("info_min_time", "info_max_time", "info_search_time")),
        ("annotations._frameworks", tuple(frameworks)),
        ("annotations._all", tuple(dict.fromkeys(value for values in frameworks.values() for value in values))),
        *((f"annotations.{framework}", tuple(values)) for framework, values in frameworks.items()),
        ("analyticstories", detection.analytic_story),
        ("defaulted_tokens", defaulted),
        ("risk_message", text),
        ("annotations", event.canonical(frameworks)),
        ("contributing_events_search", contributing_events_search(lookup, time)),
        ("savedsearch_description", shorten(detection.description, LONGEST_MESSAGE)),
    ]
    return [(name, value) for name, value in found if value]


def spl_quote(value: str) -> str:
    """Quote a value of an event for a search: what could end the string, call a macro or be a token is any character.

    Whether Splunk expands macros and tokens inside quotes is documented nowhere, so none can stand there.
    """
    return '"' + re.sub(r'[`$"\x00-\x1f\x7f]', "*", value).replace("\\", "\\\\") + '"'


def contributing_events_search(lookup: Lookup, time: float) -> str:
    """Return the search that finds the event of a hit: its whole second, its device, its process id."""
    second = int(time // 1)
    terms = [f"`ssa_process_events` earliest={second} latest={second + 1}"]
    devices = map(spl_quote, lookup.values("dest_device_id"))
    terms.append(" OR ".join(f"dest={device} OR host={device}" for device in devices))
    terms.append(" OR ".join(f"process_id={spl_quote(value)}" for value in lookup.values("process_id")))
    return " ".join(f"({term})" if " OR " in term else term for term in terms if term)


def frameworks_of(detection: Detection) -> Mapping[str, list[str]]:
    """Return the frameworks of a detection, by the names that Enterprise Security uses; empty ones are left out."""
    every = {
        "analytic_story": detection.analytic_story,
        "cis20": detection.cis20,
        "cve": detection.cve,
        "kill_chain_phases": detection.kill_chain_phases,
        "mitre_attack": detection.mitre_attack_id,
        "nist": detection.nist,
    }
    return {framework: list(values) for framework, values in every.items() if values}


def risk_event_id(detection: Detection, lookup: Lookup, time: float, victim: tuple[str, str]) -> str:
    """Identify the risk that a hit adds to an object: the same whichever search found it, and however often.

    The host that stands in for a missing device does not count: a search of the data model has none.
    """
    device = lookup("dest_device_id")
    stand_in = event.text(lookup.row.get("dest")) is None and device == event.text(lookup.row.get("host"))
    parts = [
        detection.id,
        int(time // 1),
        *victim,
        "" if device is None or stand_in else device,
        (lookup("process") or "").lower(),
    ]
    return event.sha256(parts).hex()

"""Detection + result row -> risk events: message, score, and one event for each risk object. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, islice, zip_longest
from typing import Any, NamedTuple, Union

from ssa.content.datamodels import DATA_MODELS, NO_MODEL, security_domain
from ssa.content.detection import TOKEN, Detection, Observable, format_score, severity
from ssa.content.fields import CONTRIBUTING
from ssa.language import TooLargeError
from ssa.language.values import bounded
from ssa.rows import cells, event
from ssa.rows.cells import Row
from ssa.rows.hits import detect

from . import entities
from .display import shorten, visible
from .entities import Ignored
from .identity import Identity

OBJECT_TYPES = {
    "User": "user",
    "Hostname": "system",
    "Endpoint": "system",
    "IP Address": "system",
    "Device": "system",
}
"""Observable type of a victim -> risk object type of Enterprise Security; anything else is `other`."""

MISSING = "unknown"
"""What stands in a message for a field without a value."""

MOST_VICTIMS = 1_000
"""Risk objects of one hit: more names no event has, and each is an event of its own."""

LONGEST_NAME = 300
"""Characters of a risk object's name. An account's or a device's has at most 255."""

MOST_THREATS, LONGEST_THREAT = 10, 250
"""Threat objects of one event, and characters of each: so that all of them fit, and their types with them."""

LONGEST_ID = 100
"""Characters of the row's own id; of a longer one, its start is kept."""

MOST_DEVICES = 10
"""Devices, and process ids, that a contributing search names."""

LONGEST_MESSAGE, LONGEST_PART = 1_000, 500
"""Characters of a message, and of what fills one token of it. A command line may have 32,000; the event has all."""

MOST_DAYS_AGO, MOST_DAYS_HENCE = 10_000, 2
"""Times that Splunk believes: MAX_DAYS_AGO of our sourcetype (props.conf), MAX_DAYS_HENCE of every one."""

FOLDED = {"hits": "ssa_hits", "last_time": "ssa_last"}
"""Field of a set's risk event -> the column that the macro ssa_set_fold writes."""

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
    """The search that found the row: its name and sid; when the action runs (epoch s); the entities to ignore.

    `historic` marks what a backfill finds.
    """

    search_name: str
    sid: str
    now: float
    ignored: Sequence[Ignored] = ()
    historic: bool = False


class Found(NamedTuple):
    """The risk events of a row; how many victims it names that get no risk, and how many past MOST_VICTIMS."""

    events: list[RiskEvent]
    ignored: int
    left_out: int = 0


class Lookup:
    """The fields of a hit: looked up in the body, then in the SSA input event, then in the row; first value wins.

    `columns` are those of its detection.
    """

    def __init__(self, row: Row, columns: Mapping[str, str] = event.NO_COLUMNS) -> None:
        self.row, self.columns = row, columns
        self.body = _json_object(cells.text(row.get("body")))

    def values(self, name: str) -> list[str]:
        """Return a field's values as text, without empty ones."""
        values = cells.values(cells.as_cell(self.body[name])) if self.body.get(name) is not None else []
        return values or event.field_values(self.row, name, self.columns)

    def __call__(self, name: str) -> str | None:
        """Return a field's value as text, several joined by commas; None when it has none."""
        return ", ".join(self.values(name)) or None


def _json_object(cell: str | None) -> dict[str, Any]:
    """Return the map that a body is; an empty one for what no detection can have written."""
    if not cell or len(cell) > cells.LONGEST_BODY:
        return {}
    try:
        body = json.loads(cell)
        return bounded(body) if isinstance(body, dict) else {}
    except (ValueError, RecursionError, TooLargeError):
        return {}


def message(template: str, lookup: Lookup) -> tuple[str, tuple[str, ...]]:
    """Fill the `$tokens$` of a message; return it, and the names of the tokens that had no value.

    A value is put in once and never read for tokens again, so an event cannot name a field of its own. Nor can it for
    those who read the message after us (Enterprise Security fills the tokens of a title that quotes it): where more
    than one dollar sign is in the message, they are full-width ones.
    """
    defaulted: list[str] = []

    def fill(token: re.Match[str]) -> str:
        value = lookup(token.group(1))
        if value is None:
            defaulted.append(token.group(1))
            return MISSING
        return shorten(value, LONGEST_PART)

    text = shorten(TOKEN.sub(fill, template), LONGEST_MESSAGE)
    return text.replace("$", "＄") if text.count("$") > 1 else text, tuple(dict.fromkeys(defaulted))


def threat_object_type(observable: Observable) -> str:
    """Name an observable's type as a threat object type: snake case; a process by its name, a parent as such."""
    if "Process" in observable.type:
        named = f"{observable.name} {observable.type} {observable.role}".lower()
        return "parent_process_name" if "parent" in named else "process_name"
    return re.sub(r"[^a-z0-9]+", "_", observable.type.lower()).strip("_") or "other"


def risk_events(detection: Detection, row: Row, context: Context) -> Found:
    """Return the risk events of one result row: one for each risk object that it names, each with the full score.

    Users and devices are named by the rule of `entities`; a name that is no risk object adds none, nor does a hit whose
    detection computes that it has no risk.
    """
    lookup, score = Lookup(row, detection.columns), score_of(detection, row)
    without_risk = detection.dynamic_score and score == 0
    services = entities.service_accounts(row)
    victims: list[list[tuple[str, str]]] = []
    threats: list[list[tuple[str, str]]] = []
    ignored = 0
    for observable in detection.observables:
        kind, values = OBJECT_TYPES.get(observable.type, "other"), lookup.values(observable.name)
        if observable.role != "Victim":
            threats.append([(shorten(value, LONGEST_THREAT), threat_object_type(observable)) for value in values])
            continue
        named = [(entities.normal(value, kind), kind) for value in values]
        scored = [
            (name, kind)
            for name, _ in named
            if not without_risk
            and not (kind == "user" and name in services)
            and not entities.is_no_risk_object(name, kind, context.ignored)
        ]
        ignored += len(named) - len(scored)
        victims.append(scored)
    chosen = dealt(victims, MOST_VICTIMS)
    time = hit_time(row)
    identity = Identity(detection, row, lookup.body, context.now if time is None else time, score)
    shared = _shared(detection, lookup, context, time, score, identity, dealt(threats, MOST_THREATS))
    events = [_event(score, context, time, victim, identity.risk_event_id(*victim), shared) for victim in chosen]
    return Found(events, ignored, len({*chain(*victims)}) - len(chosen))


def dealt(observables: Sequence[Sequence[tuple[str, str]]], most: int) -> list[tuple[str, str]]:
    """Return at most so many values of observables, each once, in their order.

    They are dealt out in turn, the first of each observable, then the second: many of one push no other out.
    """
    in_turn = dict.fromkeys(value for turn in zip_longest(*observables) for value in turn if value)
    kept = {*islice(in_turn, most)}
    return [*dict.fromkeys(value for value in chain(*observables) if value in kept)]


def score_of(detection: Detection, row: Row) -> float:
    """Return the risk score of a hit.

    With dynamic_score it is computed again from the row's fields: a row comes through a search, where an event can have
    columns named `body` and `risk_score` too. Where the row no longer has what the detection reads, or the detection
    cannot judge it, the score is the most that the conf allows.
    """
    if not detection.dynamic_score:
        return detection.risk_score
    try:
        hits = detect(detection, row)
    except TooLargeError:
        return detection.risk_score
    scores = {hit["finding_id"]: float(str(hit["risk_score"])) for hit in hits}
    return scores.get(own(row, "finding_id"), max(scores.values(), default=detection.risk_score))


def hit_time(row: Row) -> float | None:
    """Return the time of a hit (epoch s): the event's own, else the start that the detection computed; or None."""
    for millis in (cells.milliseconds(row.get("_time")), cells.text(row.get("start_time"))):
        if millis is not None and re.fullmatch(r"-?[0-9]{1,15}", millis):
            return int(millis) / 1000
    return None


def _event(
    score: float,
    context: Context,
    time: float | None,
    victim: tuple[str, str],
    id: str,
    shared: Sequence[tuple[str, Value]],
) -> RiskEvent:
    """Return the risk event of one risk object: what readers need first, then what it shares with the others.

    Its time is that of the hit, or of the action where there is none that Splunk would take.
    """
    day = 86_400
    if time is None or not -MOST_DAYS_AGO * day < time - context.now < MOST_DAYS_HENCE * day:
        time = context.now
    first: list[tuple[str, Value]] = [
        ("search_name", context.search_name),
        ("risk_object", shorten(victim[0], LONGEST_NAME)),
        ("risk_object_type", victim[1]),
        ("risk_score", format_score(score)),
        ("risk_event_id", id),
        *([("historic", "1")] if context.historic else []),
    ]
    return RiskEvent(time, (*first, *shared))


def _shared(
    detection: Detection,
    lookup: Lookup,
    context: Context,
    time: float | None,
    score: float,
    identity: Identity,
    threats: Sequence[tuple[str, str]],
) -> list[tuple[str, Value]]:
    """Return the fields that the risk events of a hit have in common, long texts last (extraction may stop early)."""
    frameworks = frameworks_of(detection)
    row = lookup.row
    text, defaulted = message(detection.message, lookup)
    fields: list[tuple[str, Value]] = [
        ("process_key", identity.process_key),
        ("repeat_key", identity.repeat_key),
        ("detection_type", detection.type),
        ("severity", severity(score)),
        ("security_domain", security_domain(detection.datamodel)),
        ("detection", detection.name),
        ("detection_id", detection.id),
        ("detection_version", detection.version),
        *_of_set(detection, row),
        ("event_id", shorten(event.event_id(row), LONGEST_ID)),
        ("finding_id", own(row, "finding_id")),
        ("orig_sid", context.sid),
        ("orig_rid", own(row, "rid")),
        ("orig_time", "" if time is None else format(time, ".3f")),
        *((name, own(row, name)) for name in ("info_min_time", "info_max_time", "info_search_time")),
        ("annotations._frameworks", tuple(frameworks)),
        ("annotations._all", tuple(dict.fromkeys(value for values in frameworks.values() for value in values))),
        *((f"annotations.{framework}", tuple(values)) for framework, values in frameworks.items()),
        ("analyticstories", detection.analytic_story),
        ("threat_object", tuple(value for value, _ in threats)),
        ("threat_object_type", tuple(kind for _, kind in threats)),
        ("defaulted_tokens", defaulted),
        ("risk_message", text),
        ("annotations", cells.canonical(frameworks)),
        ("contributing_events_search", contributing_events_search(detection, lookup, time)),
        *((name, tuple(cells.values(row.get(name)))) for name in CONTRIBUTING),
        ("savedsearch_description", shorten(detection.description, LONGEST_MESSAGE)),
    ]
    return [(name, value) for name, value in fields if value]


def _of_set(detection: Detection, row: Row) -> list[tuple[str, Value]]:
    """Return what a risk event has of a set's detection: its own words, and how many repeats the search has folded."""
    if not detection.set:
        return []
    folded = {"hits": r"[0-9]{1,12}", "last_time": r"[0-9]{1,12}(\.[0-9]{1,9})?"}
    return [
        ("detection_set", detection.set),
        ("detection_level", detection.level),
        ("detection_author", shorten(detection.author, LONGEST_NAME)),
        *((name, text) for name in folded if re.fullmatch(folded[name], text := own(row, FOLDED[name]))),
    ]


def own(row: Row, name: str) -> str:
    """Return a row's own id as a short text; "" when it has none."""
    return shorten(cells.text(row.get(name)) or "", LONGEST_ID)


def spl_quote(value: str) -> str:
    """Quote a value of an event for a search: a quotation mark, and what macros, tokens and commands need, is any text.

    Whether Splunk looks for those inside quotes is documented nowhere, so none can stand there; nor can what is not
    written as it is, because it cannot be seen.
    """
    seen = "".join(character if visible(character) == character else "*" for character in value)
    return '"' + re.sub(r'[`$"|[\]]', "*", seen).replace("\\", "\\\\") + '"'


def contributing_events_search(detection: Detection, lookup: Lookup, time: float | None) -> str:
    """Return the search that finds the event of a hit: its data model, its whole second, its device, its process id.

    None ("") without a time: it would search everything.
    """
    if time is None:
        return ""
    second = int(time // 1)
    terms = [DATA_MODELS.get(detection.datamodel, NO_MODEL).base, f"earliest={second} latest={second + 1}"]
    devices, processes = (
        [spl_quote(value[:LONGEST_MESSAGE]) for value in lookup.values(name)[:MOST_DEVICES]]
        for name in ("dest_device_id", "process_id")
    )
    columns = detection.sources("dest_device_id")
    named = [f"{column}={device}" for device in devices for column in columns[:-1] or columns]
    terms.append(" OR ".join(named))
    terms.append(" OR ".join(f"process_id={process}" for process in processes))
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

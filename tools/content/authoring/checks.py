"""What costs a night in a stanza that runs: settings and names that nothing reads, gives or counts."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import date

from ssa.action import risk
from ssa.content import conf
from ssa.content.datamodels import DATA_MODELS
from ssa.content.detection import Detection
from ssa.language.text.errors import near_miss
from tools.content import pushdown
from tools.content.authoring import fields
from tools.content.authoring.settings import unknown
from tools.docs.pages import slug, techniques

UUID = re.compile(r"[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")
TYPES = ("TTP", "Anomaly", "Hunting", "Correlation")
MORE = 3
"""The most of one kind that are named."""


def stanza_checks(name: str, stanzas: Mapping[str, conf.Stanza]) -> Iterator[tuple[str, str]]:
    """Yield setting and problem, for each that looks wrong in a stanza, whether or not it is a detection."""
    stanza = stanzas[name]
    value = {key: setting.value for key, setting in stanza.items()}
    for key in stanza:
        if problem := unknown(key):
            yield key, problem
    id = value.get("id", "")
    if id and not UUID.fullmatch(id):
        yield "id", f"expected a UUID, as `python -c 'import uuid; print(uuid.uuid4())'` makes, found {id!r}"
    for other, settings in stanzas.items():
        if id and other != name and "id" in settings and settings["id"].value.casefold() == id.casefold():
            yield "id", f"{id} is also the id of {other!r} ({settings.place}): their hits count as one. Give it another"
    if value.get("version") and not re.fullmatch("[1-9][0-9]{0,8}", value["version"]):
        yield "version", f"expected a whole number, such as 1, found {value['version']!r}"
    if value.get("date") and not _is_day(value["date"]):
        yield "date", f"expected a day as YYYY-MM-DD, found {value['date']!r}"
    if value.get("type") and value["type"] not in TYPES:
        yield "type", f"{value['type']!r} is none of {', '.join(TYPES)}{near_miss(value['type'], TYPES)}"
    model = value.get("datamodel", "")
    if model and model not in DATA_MODELS:
        near = near_miss(model, DATA_MODELS) or f": known are {', '.join(DATA_MODELS)}"
        yield "datamodel", f"no search reads events of {model!r}{near}"
    for technique in conf.comma_list(value.get("mitre_attack_id", "")):
        if technique not in techniques():
            yield "mitre_attack_id", f"ATT&CK has no technique {technique!r}{near_miss(technique, _alike(technique))}"


def _alike(technique: str) -> list[str]:
    """Return the techniques whose ids begin alike, those of the same number first."""
    stem = re.sub(r"\D", "", technique)[:4]
    return sorted((id for id in techniques() if stem[:2] in id), key=lambda id: (id[1:5] != stem, id))


def _is_day(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return bool(re.fullmatch(r"\d{4}-\d\d-\d\d", text))


def detection_checks(detection: Detection, macros: Mapping[str, conf.Stanza]) -> Iterator[tuple[str, str]]:
    """Yield the same of a detection that can be read. `macros` are those of its app, none where it is in no app."""
    yield from (("observables", problem) for problem in observable_checks(detection))
    yield from (("search", problem) for problem in _field_checks(detection))
    macro = f"{slug(detection.name)}_prefilter"
    there, wanted = macros.get(macro, conf.Stanza()).get("definition"), pushdown.prefilter(detection)
    if there and there.value != wanted:
        yield (
            "search",
            f"the macro {macro} ({there.file}, line {there.line}) keeps other events away than the search does now: "
            f"{there.value}. If you did not narrow it yourself, `python -m tools import` writes it anew: {wanted}",
        )


def observable_checks(detection: Detection) -> Iterator[str]:
    """Yield what gives no risk, or not that of a user or device, in the observables of a detection."""
    words = [*misspelt(detection)]
    yield from words
    victims = [observable for observable in detection.observables if observable.role == "Victim"]
    if not victims and not words:
        yield "no observable has the role Victim, so its hits add no risk"
    for observable in victims:
        if observable.type not in risk.OBJECT_TYPES and not words:
            yield (
                f"the observable {observable.name} is a {observable.type}, so its risk is of no user or device but of "
                f"something else; of these are {', '.join(risk.OBJECT_TYPES)}"
            )


def misspelt(detection: Detection) -> Iterator[str]:
    """Yield the words of observables that are meant to be others."""
    for observable in detection.observables:
        for word, known in ((observable.type, risk.OBJECT_TYPES), (observable.role, ("Victim",))):
            for meant in known:
                if word != meant and (word.casefold() == meant.casefold() or near_miss(word, [meant])):
                    yield f"the observable {observable.name} is a {word}, which counts only when written {meant}"


def _field_checks(detection: Detection) -> Iterator[str]:
    known = fields.known()
    strange = [
        name for name in sorted(detection.plan.input_fields or ()) if known.isdisjoint({name, *detection.sources(name)})
    ]
    for name in strange[:MORE]:
        near = near_miss(name, sorted(known))
        # The data of a Windows event becomes fields of their own names, in capitals: too many to know.
        if near or name == name.lower():
            yield f"no source that we know gives the field {name}{near}"
    if len(strange) > MORE:
        yield f"nor these: {', '.join(strange[MORE:])}"

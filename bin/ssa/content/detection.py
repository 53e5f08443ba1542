"""ssa_detections.conf -> Detection: every fact about a detection comes from there, and is checked here."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import cached_property

from ssa.checking import TYPE_CHECKING
from ssa.immutable import Immutable

from . import conf
from .datamodels import PROCESSES
from .fields import COLUMNS, COMPUTED, COUNTERPARTS, sources
from .profile import Profile
from .settings import NUMBER, SET, DetectionSettings

if TYPE_CHECKING:
    from typing import Any, NoReturn

    from ssa.language import Plan

    from .index import Index


CONF = "ssa_detections"

REQUIRED = ("id", "version", "search", "impact", "confidence", "message", "observables")
"""A stanza without one of these is not a detection."""

TOKEN = re.compile(r"\$([A-Za-z_][A-Za-z0-9_.]*)\$")
"""A `$field$` in a message."""

_COLUMN = re.compile(r"([A-Za-z_][A-Za-z0-9_.]*)\s*:\s*([A-Za-z_][A-Za-z0-9_.]*)")
"""An SSA field, and the column that it is read from."""

SEVERITIES = ((20, "informational"), (40, "low"), (60, "medium"), (80, "high"), (100, "critical"))
"""Upper bound of the risk score, and the severity up to it."""


def severity(score: float) -> str:
    """Return the band of a risk score."""
    return next(band for bound, band in SEVERITIES if score <= bound)


def format_score(score: float) -> str:
    """Write a score without a useless fraction: 35, 12.5."""
    return format(score, ".10g")


class DetectionError(Exception):
    """A detection that does not exist or is wrong; the message names file, line, stanza, key and what to do."""


class Observable(Immutable):
    """A field of the event that names a user, a device or a thing: its type (User, …) and its role (Victim, …)."""

    name: str
    type: str
    role: str


class Detection(Immutable):
    """One detection, as its stanza states it. Scores are 0 to 100."""

    name: str
    id: str
    version: str
    date: str
    author: str
    type: str
    type_reason: str
    product: str
    datamodel: str
    description: str
    search: str
    impact: float
    confidence: float
    dynamic_score: bool
    """Whether the body of a hit may lower impact and confidence: see score_of."""
    message: str
    observables: tuple[Observable, ...]
    mitre_attack_id: tuple[str, ...]
    kill_chain_phases: tuple[str, ...]
    nist: tuple[str, ...]
    cis20: tuple[str, ...]
    cve: tuple[str, ...]
    analytic_story: tuple[str, ...]
    required_fields: tuple[str, ...]
    how_to_implement: str
    known_false_positives: str
    references: tuple[str, ...]
    dataset: str
    disabled: bool
    columns: Mapping[str, str]
    """SSA field -> the only column that it is read from, where that is not as for other detections."""
    set: str
    """The set that it was imported with; empty for one outside of sets."""
    level: str
    status: str
    license: str
    source: str
    """Of an imported rule: its own words."""
    changed_by: tuple[str, ...]
    """The stanzas of ssa_detection_settings.conf that hold for it."""

    @cached_property
    def plan(self) -> Plan:
        """The search, compiled: when it is read, or where the index has its profile at first use."""
        from ssa.language import compile_text  # not at the start: most searches need none of the language

        return compile_text(self.search)

    @cached_property
    def profile(self) -> Profile:
        """What is known of the search before any event."""
        return Profile.of(self.plan)

    @property
    def input_fields(self) -> frozenset[str] | None:
        """The fields of the input event that the search reads; None means any."""
        known: Profile | Plan = self.__dict__.get("profile") or self.plan
        return known.input_fields

    @property
    def risk_score(self) -> float:
        """Impact × confidence / 100: the score of a hit, or with dynamic_score the most that one can have."""
        return self.impact * self.confidence / 100

    def score_of(self, body: Mapping[str, Any]) -> float:
        """Return the risk score of a hit by its body, as the search has computed it.

        With dynamic_score, the numbers `impact` and `confidence` of the body count, as far as they are from 0 to those
        of the conf; else, and for anything that is no such number, those of the conf. A text is no number: whatever an
        event holds is text, so only what the search computes can be one.
        """
        if not self.dynamic_score:
            return self.risk_score
        return _at_most(self.impact, body.get("impact")) * _at_most(self.confidence, body.get("confidence")) / 100

    @property
    def severity(self) -> str:
        """The band of the risk score."""
        return severity(self.risk_score)

    @cached_property
    def constants(self) -> dict[str, str]:
        """What is the same in each row that the detection finds, by the name of its column."""
        return {
            "detection": self.name,
            "detection_id": self.id,
            "detection_version": self.version,
            "detection_type": self.type,
            "risk_score": format_score(self.risk_score),
            "risk_severity": self.severity,
        }

    @cached_property
    def quoted_id(self) -> str:
        """The id as a JSON string."""
        return json.dumps(self.id, ensure_ascii=False)

    @property
    def tokens(self) -> tuple[str, ...]:
        """The fields that the message names, in order."""
        return tuple(dict.fromkeys(TOKEN.findall(self.message)))

    @cached_property
    def needs(self) -> frozenset[str]:
        """Every field that the message or an observable names: later stages find each in the row."""
        return frozenset(self.tokens) | {observable.name for observable in self.observables}

    @cached_property
    def replaced(self) -> frozenset[str]:
        """Of `needs`, the names of columns that a hit has in place of the row's own.

        A column that the event is read from stays: who reads the hit must find the event that was found.
        """
        read = self.input_fields
        stay = {"_time", "host", *PROCESSES.columns, *(column for name in read or () for column in self.sources(name))}
        renamed = {*COUNTERPARTS, *self.columns} - {*self.columns.values()}
        return self.needs - ((self.needs if read is None else stay) - renamed)

    def sources(self, name: str) -> tuple[str, ...]:
        """Return the columns that a field of the input event is read from, in the order of preference."""
        return sources(name, self.columns)


def _at_most(most: float, computed: Any) -> float:
    is_number = isinstance(computed, (int, float)) and not isinstance(computed, bool)
    return min(most, computed) if is_number and computed >= 0 else most


class Catalogue:
    """Detections by name. Their stanzas are checked when they are looked up, and compiled unless an index has them."""

    def __init__(self, stanzas: Mapping[str, conf.Stanza], index: Index | None = None) -> None:
        self._stanzas, self._index = stanzas, index
        self.settings = DetectionSettings({})

    @classmethod
    def of_app(cls, app: str, index: Index | None = None) -> Catalogue:
        """Read the detections of an app folder, and what users set of them; raises ConfError."""
        catalogue = cls(conf.load(app, CONF).stanzas, index)
        catalogue.settings = DetectionSettings.of_app(app)
        catalogue.settings.apply(catalogue._stanzas)
        return catalogue

    @property
    def names(self) -> list[str]:
        """The names of all detections, in the order of the conf."""
        return list(self._stanzas)

    def is_enabled(self, name: str) -> bool:
        """Return whether a detection is not disabled; raises DetectionError when the setting is no boolean."""
        return not _Reader(name, self._stanzas[name], None).boolean("disabled")

    def set_of(self, name: str) -> str:
        """Return the set of a detection, empty for one outside of sets; raises DetectionError for no name of a set."""
        return _Reader(name, self._stanzas[name], None).set()

    def find(self, name_or_id: str) -> Detection:
        """Return the detection of a name or an id; raises DetectionError for none, or for a wrong stanza."""
        if name_or_id in self._stanzas:
            return _Reader(name_or_id, self._stanzas[name_or_id], self._index).detection()
        for name, stanza in self._stanzas.items():
            if "id" in stanza and stanza["id"].value == name_or_id:
                return _Reader(name, stanza, self._index).detection()
        import difflib  # not at the start, because most searches name their detection right

        near = difflib.get_close_matches(name_or_id, self._stanzas, n=1, cutoff=0.5)
        raise DetectionError(
            f"unknown detection '{name_or_id}': no stanza of {CONF}.conf has this name or id."
            + (f" Did you mean '{near[0]}'?" if near else "")
            + " `| rest /services/configs/conf-ssa_detections | table title id` lists them."
        )

    def selected(self, selection: str) -> list[Detection]:
        """Return the detections of `name or id[,…]`, each once; raises DetectionError.

        A name that itself contains a comma is taken whole first.
        """
        whole = selection.strip()
        parts = [whole] if whole in self._stanzas else conf.comma_list(selection)
        if not parts:
            raise DetectionError("detection= is empty: give the name or id of a detection, or leave the option out")
        selected: dict[str, Detection] = {}
        for part in parts:
            detection = self.find(part)
            selected[detection.name] = detection
        return list(selected.values())


class _Reader:
    """Reads the settings of one stanza; an error names the place of the setting."""

    def __init__(self, name: str, stanza: conf.Stanza, index: Index | None) -> None:
        self.name, self.stanza, self.index = name, stanza, index

    def fail(self, key: str, problem: str) -> NoReturn:
        setting = self.stanza.get(key)
        place = f"{setting.file}, line {setting.line}" if setting else self.stanza.place
        raise DetectionError(f"{place}: [{self.name}] {key}: {problem}")

    def text(self, key: str) -> str:
        setting = self.stanza.get(key)
        return setting.value if setting else ""

    def list(self, key: str) -> tuple[str, ...]:
        return tuple(conf.comma_list(self.text(key)))

    def boolean(self, key: str) -> bool:
        try:
            return conf.is_true(self.text(key))
        except ValueError as error:
            self.fail(key, str(error))

    def set(self) -> str:
        name = self.text("set")
        if name and not SET.fullmatch(name):
            self.fail("set", f"expected up to 60 of a-z, 0-9 and _, found '{name}'")
        return name

    def percent(self, key: str) -> float:
        number = NUMBER.fullmatch(self.text(key))
        if not number or float(number.group()) > 100:
            self.fail(key, f"expected a number from 0 to 100, found '{self.text(key)}'")
        return float(number.group())

    def observables(self) -> tuple[Observable, ...]:
        shape = 'expected a JSON list of {"name": …, "type": …, "role": …}'
        try:
            items = json.loads(self.text("observables"))
        except (ValueError, RecursionError) as error:
            self.fail("observables", f"{shape}: {error}")
        if not isinstance(items, list):
            self.fail("observables", shape)
        observables: list[Observable] = []
        for item in items:
            if not isinstance(item, dict) or not all(
                isinstance(item.get(key), str) for key in ("name", "type", "role")
            ):
                self.fail("observables", f"{shape}, found {json.dumps(item)}")
            observables.append(Observable(item["name"], item["type"], item["role"]))
        return tuple(observables)

    def columns(self) -> dict[str, str]:
        columns: dict[str, str] = {}
        for item in self.list("columns"):
            pair = _COLUMN.fullmatch(item)
            if pair is None:
                self.fail("columns", f"expected <SSA field>:<column>, …, such as dest_user_id:src_user, found '{item}'")
            field, column = pair.groups()
            if field in columns:
                self.fail("columns", f"{field} is there twice: it can be read from one column only")
            if field in COMPUTED or column in COLUMNS:
                self.fail("columns", f"{field if field in COMPUTED else column} is computed, and never read from a row")
            columns[field] = column
        return columns

    def compiled(self) -> dict[str, Any]:
        """Return what is known of the search: the profile that the index has, or else the plan."""
        search = self.text("search")
        profile = self.index.find(search) if self.index else None
        if profile:
            return {"profile": profile}
        from ssa.language import SsaError, compile_text

        try:
            plan = compile_text(search)
        except SsaError as error:
            self.fail("search", str(error))
        # In a run of all, which may be thousands, plans are where the memory would go.
        return {"plan": plan} if self.index is None else {"profile": Profile.of(plan)}

    def detection(self) -> Detection:
        for key in REQUIRED:
            if not self.text(key):
                self.fail(key, "this setting is required")
        text = self.text
        detection = Detection(
            name=self.name,
            id=text("id"),
            version=text("version"),
            date=text("date"),
            author=text("author"),
            type=text("type"),
            type_reason=text("type_reason"),
            product=text("product"),
            datamodel=text("datamodel"),
            description=text("description"),
            search=text("search"),
            impact=self.percent("impact"),
            confidence=self.percent("confidence"),
            dynamic_score=self.boolean("dynamic_score"),
            message=text("message"),
            observables=self.observables(),
            mitre_attack_id=self.list("mitre_attack_id"),
            kill_chain_phases=self.list("kill_chain_phases"),
            nist=self.list("nist"),
            cis20=self.list("cis20"),
            cve=self.list("cve"),
            analytic_story=self.list("analytic_story"),
            required_fields=self.list("required_fields"),
            how_to_implement=text("how_to_implement"),
            known_false_positives=text("known_false_positives"),
            references=self.list("references"),
            dataset=text("dataset"),
            disabled=self.boolean("disabled"),
            columns=self.columns(),
            set=self.set(),
            level=text("level"),
            status=text("status"),
            license=text("license"),
            source=text("source"),
            changed_by=tuple(text("changed_by").split(", ")) if text("changed_by") else (),
        )
        detection.__dict__.update(self.compiled())
        read = detection.input_fields if detection.columns else None
        if read is not None:
            for field in sorted(detection.columns.keys() - read - detection.needs):
                self.fail("columns", f"neither the search nor message or observables name {field}: is it misspelt?")
        return detection

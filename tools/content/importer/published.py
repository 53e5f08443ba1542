"""The published YAML of a detection -> its settings, checked: an error names file, line and key, and what to do.

The layout is that of splunk/security_content's ssa___*.yml: name, id, search … at the top, risk and frameworks in
`tags`. The files come from elsewhere, so nothing in them may reach beyond the value that it is: texts are folded to
one line, names keep to characters that neither a stanza header nor a search reads as its own.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, NoReturn

import yaml

from ssa.content.datamodels import DATA_MODELS, PROCESSES
from ssa.content.detection import format_score
from ssa.language import Plan, SsaError, compile_text
from tools.content.stanzas import PLAIN, Metadata

MAX_BYTES = 1_000_000
"""A file may have so many; a published one has a hundredth of it."""

LONGEST_NAME = 86
"""Characters: Enterprise Security takes 99 for the saved search, whose name has thirteen more."""

NUMBER = re.compile(r"[0-9]+(\.[0-9]+)?")
"""A number as files write it."""

MISFITS = (ArithmeticError, AttributeError, LookupError, TypeError)
"""What PyYAML lets through for a value that does not fit its tag, as in `!!bool maybe`."""

FOREIGN = re.compile("[\\x00-\\x08\\x0b-\\x1f\\x7f\ud800-\udfff]")
"""What a conf cannot carry: control characters (newline and tab it can), and halves of surrogate pairs."""

OTHER_DIALECT = re.compile(r"--finding_report--|\bread_ba_enriched_events\b|\bfrom\s+source\b")
"""Marks of the dialect to which the published files were later rewritten; it reads OCSF events, not these."""

SEARCHED_MODEL = re.compile(r"""(?<!NOT )["'](\w+)["']\s+IN\s*\(\s*_datamodels\b""", re.ASCII | re.IGNORECASE)
"""How a text tests whether an event belongs to a data model."""


class ImporterError(Exception):
    """Something that cannot be imported; the message names the place and the remedy."""


@dataclass(frozen=True)
class Published:
    """A detection as its file states it: the settings of its stanza, and those of its saved search alone."""

    file: str
    name: str
    settings: dict[str, str]
    metadata: Metadata
    notes: tuple[str, ...]
    present: bool = False
    """Whether the stanza stands in the app's local/ as it is: only what follows from it is to be written."""


def wrong_yaml(path: Path, what: str, error: yaml.MarkedYAMLError) -> str:
    """Write what is wrong in a file of YAML, with its line."""
    mark = error.problem_mark or error.context_mark
    place = f"{path}, line {mark.line + 1}" if mark else str(path)
    return f"{place}: {what}: {error.problem or error.context}"


def read(path: Path) -> Published:
    """Read one file; raises ImporterError."""
    try:
        tree, lines = _load(path.read_bytes())
    except OSError as error:
        raise ImporterError(f"{path}: cannot be read: {error.strerror}") from error
    except yaml.MarkedYAMLError as error:
        raise ImporterError(wrong_yaml(path, "this is not the YAML of a detection", error)) from error
    except RecursionError as error:
        raise ImporterError(f"{path}: this is not the YAML of a detection: it is nested too deeply") from error
    except (yaml.YAMLError, ValueError) as error:
        raise ImporterError(f"{path}: this is not the YAML of a detection: {_first_line(error)}") from error
    except MISFITS as error:
        raise ImporterError(f"{path}: this is not the YAML of a detection: a value does not fit its tag") from error
    return _Reader(str(path), tree, lines).published()


def _first_line(error: Exception) -> str:
    return FOREIGN.sub("?", str(error).partition("\n")[0])


class _Loader(yaml.SafeLoader):
    """Takes a value as it is written where YAML 1.1 would read a number or a day: 010 as 8, 1:30 as 90."""

    def flatten_mapping(self, node: yaml.MappingNode) -> None:
        """Refuse a key that stands twice. It stands for the merging of `<<`, which could make much of little."""
        seen: set[str] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode):
                if key.value in seen:
                    problem = f"the key {key.value!r} stands twice: keep one"
                    raise yaml.MarkedYAMLError(problem=problem, problem_mark=key.start_mark)
                seen.add(key.value)


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag.endswith((":null", ":bool"))]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def _load(content: bytes) -> tuple[dict[Any, Any], dict[str, int]]:
    """Return a file's mapping, and the lines of the keys at its top and in its tags."""
    if len(content) > MAX_BYTES:
        raise ValueError(f"it has {len(content):,} bytes, more than {MAX_BYTES:,}")
    loader = _Loader(content)
    try:
        root = loader.get_single_node()
        if root is None:
            raise ValueError("it is empty")
        if not isinstance(root, yaml.MappingNode):
            raise ValueError("it must be a mapping: name, id, search … at its top")
        lines = {}
        for key, value in root.value:
            lines[str(key.value)] = key.start_mark.line + 1
            if key.value == "tags" and isinstance(value, yaml.MappingNode):
                lines |= {f"tags.{inner.value}": inner.start_mark.line + 1 for inner, _ in value.value}
        return loader.construct_document(root), lines
    finally:
        loader.dispose()


def _kind(value: object) -> str:
    """Name what was found in place of something else; a long or deep value is never written out."""
    if value is None:
        return "nothing"
    if isinstance(value, (dict, list)):
        return "a mapping" if isinstance(value, dict) else "a list"
    shown = repr(value)
    return shown if len(shown) <= 60 else shown[:60] + "…"


class _Reader:
    """Reads the keys of one file; an error names the place of a wrong one."""

    def __init__(self, file: str, tree: dict[Any, Any], lines: dict[str, int]) -> None:
        self.file, self.tree, self.lines = file, tree, lines
        tags = tree.get("tags", {})
        if not isinstance(tags, dict):
            self.fail("tags", f"expected a mapping (impact, confidence, message …), found {_kind(tags)}")
        self.tags: dict[Any, Any] = tags

    def fail(self, key: str, problem: str) -> NoReturn:
        line = self.lines.get(key) or (self.lines.get("tags") if key.startswith("tags.") else None)
        raise ImporterError(f"{self.file}{f', line {line}' if line else ''}: {key}: {problem}")

    def value(self, key: str) -> Any:
        inside, _, name = key.rpartition(".")
        return (self.tags if inside else self.tree).get(name)

    def one_line(self, key: str, value: str) -> str:
        """Fold a text to one line, and refuse what a conf would not give back."""
        folded = " ".join(value.split())
        foreign = FOREIGN.search(folded)
        if foreign:
            self.fail(key, f"the character {foreign.group()!r} cannot stand in a conf: take it out")
        if folded.endswith("\\"):
            self.fail(key, "a text cannot end with a backslash, which would join the next setting to it: take it away")
        return folded

    def text(self, key: str, otherwise: str | None = None) -> str:
        """Read a text as one line; it is required unless there is a text to stand in for it."""
        value = self.value(key)
        if value is None and otherwise is not None:
            return otherwise
        if value is None:
            self.fail(key, f"this key is required: add `{key.rpartition('.')[2]}: …`" + self.below(key))
        if not isinstance(value, str):
            self.fail(key, f"expected a text, found {_kind(value)}: put it in quotes")
        folded = self.one_line(key, value)
        if not folded and otherwise is None:
            self.fail(key, "this key is required, and here it is empty")
        return folded

    @staticmethod
    def below(key: str) -> str:
        return " below `tags:`" if key.startswith("tags.") else ""

    def items(self, key: str) -> tuple[str, ...]:
        """Read a list of texts; a single text counts as a list of one."""
        value = self.value(key)
        listed = [] if value is None else value if isinstance(value, list) else [value]
        texts = []
        for item in listed:
            if not isinstance(item, str):
                self.fail(key, f"expected a list of texts, found {_kind(item)} in it: put the item in quotes")
            texts.append(self.one_line(key, item))
        return tuple(dict.fromkeys(filter(None, texts)))

    def comma_list(self, key: str) -> str:
        """Read a list of texts as a setting: separated by commas, so that none can stand within an item."""
        items = self.items(key)
        if key == "references":  # in an address a comma can be written otherwise
            items = tuple(item.replace(",", "%2C") if re.match("https?://", item) else item for item in items)
        for item in items:
            if "," in item:
                self.fail(key, f"a comma separates items in a conf, so none can stand in {item!r}: take it out")
        return ", ".join(items)

    def name(self, key: str, name: str) -> str:
        """Check a name that becomes a stanza and is written into searches."""
        forbidden = re.search(r"[\[\]\"`|$\\]", name)
        if forbidden:
            self.fail(key, f"the character {forbidden.group()} cannot stand in a name: take it out of {name!r}")
        if name.casefold() == "default":
            self.fail(key, "a stanza of this name would hold for every detection: choose another name")
        return name

    def percent(self, key: str) -> str:
        value = self.value(key)
        if value is None:
            self.fail(key, f"this key is required: add `{key.rpartition('.')[2]}: <0 to 100>`" + self.below(key))
        if not isinstance(value, str) or not NUMBER.fullmatch(value) or float(value) > 100:
            self.fail(key, f"expected a number from 0 to 100, found {_kind(value)}")
        return format_score(float(value))

    def version(self) -> str:
        value = self.value("version")
        if not isinstance(value, str) or not re.fullmatch(r"[0-9]{1,9}", value):
            self.fail("version", f"expected a whole number, such as 1, found {_kind(value)}")
        return str(int(value))

    def day(self) -> str:
        value = self.value("date")
        parts = re.fullmatch(r"([0-9]{4})-([0-9]{1,2})-([0-9]{1,2})", value) if isinstance(value, str) else None
        try:
            return date(*map(int, parts.groups())).isoformat() if parts else self.fail_day(value)
        except ValueError:
            self.fail_day(value)

    def fail_day(self, value: object) -> NoReturn:
        self.fail("date", f"expected a day as YYYY-MM-DD, found {_kind(value)}")

    def id(self) -> str:
        id = self.text("id")
        if not re.fullmatch(r"[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}", id):
            self.fail("id", f"expected a UUID, as `python -c 'import uuid; print(uuid.uuid4())'` makes, found {id!r}")
        return id

    def observables(self) -> list[dict[str, str]]:
        """Read the observables; one of several roles becomes several."""
        key, shape = (
            "tags.observable",
            "expected a list of {name: <field>, type: <User, Hostname …>, role: [<Victim …>]}",
        )
        listed = self.value(key)
        if not isinstance(listed, list):
            self.fail(key, f"{shape}, found {_kind(listed)}")
        observables = []
        for item in listed:
            if not isinstance(item, dict):
                self.fail(key, f"{shape}, found {_kind(item)} in it")
            name = self.word(key, shape, item.get("name"))
            if not PLAIN.fullmatch(name):
                self.fail(key, f"{_kind(name)} is not the name of a field: letters, digits, _ and . only")
            kind, role = self.word(key, shape, item.get("type")), item.get("role")
            for one in role if isinstance(role, list) and role else [role]:
                observables.append({"name": name, "type": kind, "role": self.word(key, shape, one)})
        return observables

    def word(self, key: str, shape: str, value: object) -> str:
        """Check one part of an observable."""
        if not isinstance(value, str) or not value.strip():
            self.fail(key, f"{shape}, found {_kind(value)} for one of them")
        return self.one_line(key, value)

    def search(self) -> Plan:
        """Read the text of the detection, unchanged but for blanks around it, and compile it."""
        value = self.value("search")
        if not isinstance(value, str) or not value.strip():
            self.fail("search", f"expected the text of a detection, found {_kind(value)}")
        text = value.strip()
        foreign = FOREIGN.search(text)
        if foreign:
            self.fail("search", f"the character {foreign.group()!r} cannot stand in a conf: in a string, escape it")
        try:
            return compile_text(text)
        except SsaError as error:
            later = "\nIt was rewritten for OCSF events, which is another dialect: take an earlier version of the file."
            self.fail("search", str(error) + (later if OTHER_DIALECT.search(text) else ""))

    def dataset(self) -> str:
        """Return the first test dataset: of the tags, else of the tests as later files have them."""
        for address in self.items("tags.dataset"):
            return address
        tests = self.value("tests")
        for test in tests if isinstance(tests, list) else []:
            data = test.get("attack_data") if isinstance(test, dict) else None
            for item in data if isinstance(data, list) else []:
                if isinstance(item, dict) and isinstance(item.get("data"), str):
                    return self.one_line("tests", item["data"])
        return ""

    def datamodels(self, plan: Plan, notes: list[str]) -> tuple[str, ...]:
        """Return the data models: stated ones, else those that the text tests for, else by the fields that it reads."""
        known = {name.casefold(): name for name in DATA_MODELS}
        stated = {model: known.get(model.casefold().replace(".", "_")) for model in self.items("datamodel")}
        models = dict.fromkeys(filter(None, stated.values()))
        unknown = [stated_name for stated_name, model in stated.items() if not model]
        possible = [*DATA_MODELS.values()]
        says = "no datamodel is stated, so"
        if unknown and not models:
            # CIM calls the whole of several Endpoint.
            possible = [one for one in possible if one.name.casefold().startswith(f"{unknown[0].casefold()}_")]
            if not possible:
                self.fail("datamodel", f"{unknown[0]!r} is not one of {', '.join(known.values())}: state one that is")
            says = f"the datamodel {unknown.pop(0)} is {', '.join(one.name for one in possible)} together:"
        searched = dict.fromkeys(SEARCHED_MODEL.findall(plan.program.text))
        if not models:
            names = {one.name for one in possible}
            models = dict.fromkeys(model for model in searched if model in names)
        if not models:
            # A field of a process may be one of any event, so the others come first.
            models_first = sorted(possible, key=lambda one: one is PROCESSES)
            fields = sorted(plan.input_fields or ())
            starts = ((one.name, start) for one in models_first for start in one.field_starts)
            guessed = ((model, name) for model, start in starts for name in fields if name.startswith(start))
            model, name = next(guessed, (models_first[-1].name, ""))
            why = f"it reads {name}" if name else "most detections read such events"
            notes.append(f"{says} {model} is taken, because {why}; if that is wrong, state it")
            models = {model: None}
        for wrong, where in ((unknown, "is stated"), ([m for m in searched if m not in models], "is in the search")):
            if wrong:
                notes.append(
                    f"the data model {', '.join(wrong)} {where}, but only events of {', '.join(models)} are searched; "
                    f"known are {', '.join(known.values())}"
                )
        return tuple(models)

    def published(self) -> Published:
        notes: list[str] = []
        plan, observables = self.search(), self.observables()
        name = self.name("name", self.text("name"))
        if len(name) > LONGEST_NAME:
            self.fail("name", f"the name has {len(name)} characters, more than {LONGEST_NAME}: shorten it")
        if not re.search("[a-z0-9]", name.lower()):
            self.fail("name", "the macros are named after it, so it needs a letter from a to z or a digit")
        for technique in self.items("tags.mitre_attack_id"):
            if not re.fullmatch(r"T[0-9]{4}(\.[0-9]{3})?", technique):
                self.fail(
                    "tags.mitre_attack_id", f"expected an ATT&CK technique, such as T1218.007, found {technique!r}"
                )
        for story in self.items("tags.analytic_story"):
            self.name("tags.analytic_story", story)
        datamodels = self.datamodels(plan, notes)
        settings = {
            "id": self.id(),
            "version": self.version(),
            "date": self.day(),
            "author": self.text("author", ""),
            "type": self.text("type"),
            "product": self.comma_list("tags.product"),
            "datamodel": datamodels[0],
            "description": self.text("description"),
            "search": plan.program.text,
            "impact": self.percent("tags.impact"),
            "confidence": self.percent("tags.confidence"),
            "message": self.text("tags.message"),
            "observables": json.dumps(observables, ensure_ascii=False),
            "mitre_attack_id": self.comma_list("tags.mitre_attack_id"),
            "kill_chain_phases": self.comma_list("tags.kill_chain_phases"),
            "nist": self.comma_list("tags.nist"),
            "cis20": self.comma_list("tags.cis20"),
            "cve": self.comma_list("tags.cve"),
            "analytic_story": self.comma_list("tags.analytic_story"),
            "required_fields": self.comma_list("tags.required_fields"),
            "how_to_implement": self.text("how_to_implement", ""),
            "known_false_positives": self.text("known_false_positives", ""),
            "references": self.comma_list("references"),
            "dataset": self.dataset(),
        }
        if not any(item["role"] == "Victim" for item in observables):
            notes.append("no observable has the role Victim, so its hits add no risk")
        self.compare_score(settings, notes)
        return Published(
            file=self.file,
            name=name,
            settings=settings,
            metadata=Metadata(
                datamodels=datamodels,
                data_source=self.items("data_source"),
                asset_type=self.text("tags.asset_type", "Endpoint"),
                deprecated=self.value("status") == "deprecated",
            ),
            notes=tuple(notes),
        )

    def compare_score(self, settings: dict[str, str], notes: list[str]) -> None:
        """Note a stated risk score that is not impact × confidence / 100."""
        stated = self.value("tags.risk_score")
        score = float(settings["impact"]) * float(settings["confidence"]) / 100
        if isinstance(stated, str) and NUMBER.fullmatch(stated) and abs(float(stated) - score) > 0.5:
            notes.append(f"the file states a risk score of {stated}; impact × confidence / 100 = {format_score(score)}")

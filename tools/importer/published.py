"""The published YAML of a detection -> its facts, checked: whatever is wrong is said with file, line, key and remedy.

The layout is that of splunk/security_content's ssa___*.yml: name, id, search … at the top, risk and frameworks in
`tags`. The files come from elsewhere, so nothing in them may reach beyond the value that it is: texts are folded to
one line, names keep to characters that neither a stanza header nor a search reads as its own.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any, NoReturn

import yaml

from ssa.event import format_score
from ssa.language import SsaError, compile_text

MAX_BYTES, MAX_NODES = 1_000_000, 20_000
"""A file may have so many bytes, and so many values once its aliases are written out; a published one has 1,000."""

LONGEST_NAME = 150
"""Characters: more than any published name has, and short enough for a file name of every system."""

MISFITS = (ArithmeticError, AttributeError, LookupError, TypeError)
"""What PyYAML lets through for a value that does not fit its tag, as in `!!bool maybe`."""

FOREIGN = re.compile("[\\x00-\\x08\\x0b-\\x1f\\x7f\ud800-\udfff]")
"""What a conf cannot carry: control characters (newline and tab it can), and halves of surrogate pairs."""

PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_.]*")
"""The name of a field, as a search may write it without quotes."""

OTHER_DIALECT = re.compile(r"--finding_report--|\bread_ba_enriched_events\b|\bfrom\s+source\b")
"""Marks of the dialect to which the published files were later rewritten; it reads OCSF events, not these."""

MODELS_BY_FIELD = (
    ("registry_", "Endpoint_Registry"),
    ("file_", "Endpoint_Filesystem"),
    ("dest_port", "Network_Traffic"),
    ("dest_ip", "Network_Traffic"),
    ("dest_device_ips", "Network_Traffic"),
    ("process", "Endpoint_Processes"),
)
"""Beginning of a field's name -> data model that has it: the more particular first. For files that state none."""


class ImporterError(Exception):
    """Something that cannot be imported; the message names the place and says what to do."""


@dataclass(frozen=True)
class Published:
    """A detection as its file states it: the settings of its stanza, and what only its saved search tells."""

    file: str
    name: str
    settings: dict[str, str]
    datamodels: tuple[str, ...]
    data_source: tuple[str, ...]
    asset_type: str
    deprecated: bool
    notes: tuple[str, ...]


def read(path: Path) -> Published:
    """Read one file; raises ImporterError."""
    try:
        tree, lines = _load(path.read_bytes())
    except OSError as error:
        raise ImporterError(f"{path}: cannot be read: {error.strerror}") from error
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f"{path}, line {mark.line + 1}" if mark else str(path)
        raise ImporterError(
            f"{place}: this is not the YAML of a detection: {error.problem or error.context}"
        ) from error
    except RecursionError as error:
        raise ImporterError(f"{path}: this is not the YAML of a detection: it is nested too deeply") from error
    except (yaml.YAMLError, ValueError) as error:
        raise ImporterError(f"{path}: this is not the YAML of a detection: {_first_line(error)}") from error
    except MISFITS as error:
        raise ImporterError(f"{path}: this is not the YAML of a detection: a value does not fit its tag") from error
    return _Reader(str(path), tree, lines).published()


def json_text(value: object) -> str:
    """Write a value as the JSON of a setting."""
    return json.dumps(value, ensure_ascii=False)


def _first_line(error: Exception) -> str:
    return FOREIGN.sub("?", str(error).partition("\n")[0])


def _load(content: bytes) -> tuple[dict[Any, Any], dict[str, int]]:
    """Return a file's mapping, and the lines of the keys at its top and in its tags."""
    if len(content) > MAX_BYTES:
        raise ValueError(f"it has {len(content):,} bytes, more than {MAX_BYTES:,}")
    loader = yaml.SafeLoader(content)
    try:
        root = loader.get_single_node()
        if root is None:
            raise ValueError("it is empty")
        if not isinstance(root, yaml.MappingNode):
            raise ValueError("it must be a mapping: name, id, search … at its top")
        weight = _weight(root, {}, set())
        if weight > MAX_NODES:
            raise ValueError(f"it has {weight:,} values with its aliases written out, more than {MAX_NODES:,}")
        lines = {}
        for key, value in root.value:
            lines[str(key.value)] = key.start_mark.line + 1
            if key.value == "tags" and isinstance(value, yaml.MappingNode):
                lines |= {f"tags.{inner.value}": inner.start_mark.line + 1 for inner, _ in value.value}
        return loader.construct_document(root), lines
    finally:
        loader.dispose()


def _weight(node: yaml.Node, known: dict[int, int], above: set[int]) -> int:
    """Count the values below a node, aliases written out; refuse one within itself, and a key that stands twice."""
    if id(node) in above:
        raise yaml.MarkedYAMLError(problem="an alias stands within itself", problem_mark=node.start_mark)
    if id(node) not in known:
        above.add(id(node))
        below: list[yaml.Node] = []
        if isinstance(node, yaml.MappingNode):
            seen: set[str] = set()
            for key, value in node.value:
                if isinstance(key, yaml.ScalarNode):
                    if key.value in seen:
                        problem = f"the key {key.value!r} stands twice: keep one"
                        raise yaml.MarkedYAMLError(problem=problem, problem_mark=key.start_mark)
                    seen.add(key.value)
                below += [key, value]
        elif isinstance(node, yaml.SequenceNode):
            below = node.value
        known[id(node)] = 1 + sum(_weight(child, known, above) for child in below)
        above.remove(id(node))
    return known[id(node)]


def _kind(value: object) -> str:
    """Name what was found in place of something else; a long or deep value is never written out."""
    if value is None:
        return "nothing"
    if isinstance(value, (dict, list)):
        return "a mapping" if isinstance(value, dict) else "a list"
    shown = repr(value)
    return shown if len(shown) <= 60 else shown[:60] + "…"


class _Reader:
    """Reads the keys of one file, and says where a wrong one stands."""

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
        found = FOREIGN.search(folded)
        if found:
            self.fail(key, f"the character {found.group()!r} cannot stand in a conf: take it out")
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
        found = []
        for item in listed:
            if not isinstance(item, (str, int)) or isinstance(item, bool):
                self.fail(key, f"expected a list of texts, found {_kind(item)} in it: put the item in quotes")
            found.append(self.one_line(key, str(item)))
        return tuple(dict.fromkeys(filter(None, found)))

    def comma_list(self, key: str) -> str:
        """Read a list of texts as a setting: separated by commas, so that none can stand within an item."""
        found = self.items(key)
        if key == "references":  # in an address a comma can be written otherwise
            found = tuple(item.replace(",", "%2C") if re.match("https?://", item) else item for item in found)
        for item in found:
            if "," in item:
                self.fail(key, f"a comma separates items in a conf, so none can stand in {item!r}: take it out")
        return ", ".join(found)

    def name(self, key: str, name: str) -> str:
        """Check a name that becomes a stanza and is written into searches."""
        found = re.search(r"[\[\]\"`|$\\]", name)
        if found:
            self.fail(key, f"the character {found.group()} cannot stand in a name: take it out of {name!r}")
        if len(name) > LONGEST_NAME:
            self.fail(key, f"the name has {len(name)} characters, more than {LONGEST_NAME}: shorten it")
        if name.casefold() == "default":
            self.fail(key, "a stanza of this name would hold for every detection: choose another name")
        return name

    def percent(self, key: str) -> str:
        value = self.value(key)
        if value is None:
            self.fail(key, f"this key is required: add `{key.rpartition('.')[2]}: <0 to 100>`" + self.below(key))
        try:
            number = float(value) if isinstance(value, (int, float, str)) and not isinstance(value, bool) else -1.0
        except (ValueError, OverflowError):
            number = -1.0
        if not 0 <= number <= 100:
            self.fail(key, f"expected a number from 0 to 100, found {_kind(value)}")
        return format_score(number)

    def version(self) -> str:
        value = self.value("version")
        if isinstance(value, bool) or not re.fullmatch(r"[0-9]{1,9}", str(value)):
            self.fail("version", f"expected a whole number, such as 1, found {_kind(value)}")
        return str(int(value))

    def day(self) -> str:
        value = self.value("date")
        if isinstance(value, date):
            return (value.date() if isinstance(value, datetime) else value).isoformat()
        parts = re.fullmatch(r"([0-9]{4})-([0-9]{1,2})-([0-9]{1,2})", value) if isinstance(value, str) else None
        try:
            return date(*map(int, parts.groups())).isoformat() if parts else self.fail_day(value)
        except ValueError:
            self.fail_day(value)

    def fail_day(self, value: object) -> NoReturn:
        self.fail("date", f"expected a day as YYYY-MM-DD, found {_kind(value)}")

    def id(self) -> str:
        found = self.text("id")
        if not re.fullmatch(r"[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}", found):
            self.fail(
                "id", f"expected a UUID, as `python -c 'import uuid; print(uuid.uuid4())'` makes, found {found!r}"
            )
        return found

    def observables(self) -> list[dict[str, str]]:
        """Read the observables; one of several roles becomes several."""
        key, shape = (
            "tags.observable",
            "expected a list of {name: <field>, type: <User, Hostname …>, role: [<Victim …>]}",
        )
        listed = self.value(key)
        if not isinstance(listed, list):
            self.fail(key, f"{shape}, found {_kind(listed)}")
        found = []
        for item in listed:
            if not isinstance(item, dict):
                self.fail(key, f"{shape}, found {_kind(item)} in it")
            name = self.word(key, shape, item.get("name"))
            if not PLAIN.fullmatch(name):
                self.fail(key, f"{_kind(name)} is not the name of a field: letters, digits, _ and . only")
            kind, role = self.word(key, shape, item.get("type")), item.get("role")
            for one in role if isinstance(role, list) and role else [role]:
                found.append({"name": name, "type": kind, "role": self.word(key, shape, one)})
        return found

    def word(self, key: str, shape: str, value: object) -> str:
        """Check one part of an observable."""
        if not isinstance(value, str) or not value.strip():
            self.fail(key, f"{shape}, found {_kind(value)} for one of them")
        return self.one_line(key, value)

    def search(self) -> str:
        """Read the text of the detection, unchanged but for blanks around it, and see that it compiles."""
        value = self.value("search")
        if not isinstance(value, str) or not value.strip():
            self.fail("search", f"expected the text of a detection, found {_kind(value)}")
        text = value.strip()
        found = FOREIGN.search(text)
        if found:
            self.fail("search", f"the character {found.group()!r} cannot stand in a conf: in a string, escape it")
        try:
            compile_text(text)
        except SsaError as error:
            later = "\nIt was rewritten for OCSF events, which is another dialect: take an earlier version of the file."
            self.fail("search", str(error) + (later if OTHER_DIALECT.search(text) else ""))
        return text

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

    def datamodels(self, search: str, notes: list[str]) -> tuple[str, ...]:
        """Return the data models: as stated, else as the text asks for them, else by the fields that it reads."""
        stated = self.items("datamodel")
        for model in stated:
            if not re.fullmatch(r"\w+", model, re.ASCII):
                self.fail("datamodel", f"{model!r} is not the name of a data model, such as Endpoint_Processes")
        asked = re.findall(r"""["'](\w+)["']\s+IN\s*\(\s*_datamodels\b""", search, re.ASCII | re.IGNORECASE)
        if stated or asked:
            return stated or tuple(dict.fromkeys(asked))
        fields = sorted(compile_text(search).input_fields or ())
        guessed = ((model, name) for start, model in MODELS_BY_FIELD for name in fields if name.startswith(start))
        model, name = next(guessed, ("Endpoint_Processes", ""))
        why = f"it reads {name}" if name else "most detections read process events"
        notes.append(f"no datamodel is stated, so {model} is taken, because {why}; if that is wrong, state it")
        return (model,)

    def published(self) -> Published:
        notes: list[str] = []
        search, observables = self.search(), self.observables()
        name = self.name("name", self.text("name"))
        if not re.search("[a-z0-9]", name.lower()):
            self.fail("name", "the macros are named after it, so it needs a letter from a to z or a digit")
        for technique in self.items("tags.mitre_attack_id"):
            if not re.fullmatch(r"T[0-9]{4}(\.[0-9]{3})?", technique):
                self.fail(
                    "tags.mitre_attack_id", f"expected an ATT&CK technique, such as T1218.007, found {technique!r}"
                )
        for story in self.items("tags.analytic_story"):
            self.name("tags.analytic_story", story)
        datamodels = self.datamodels(search, notes)
        settings = {
            "id": self.id(),
            "version": self.version(),
            "date": self.day(),
            "author": self.text("author", ""),
            "type": self.text("type"),
            "product": self.comma_list("tags.product"),
            "datamodel": datamodels[0],
            "description": self.text("description"),
            "search": search,
            "impact": self.percent("tags.impact"),
            "confidence": self.percent("tags.confidence"),
            "message": self.text("tags.message"),
            "observables": json_text(observables),
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
            datamodels=datamodels,
            data_source=self.items("data_source"),
            asset_type=self.text("tags.asset_type", "Endpoint"),
            deprecated=self.value("status") == "deprecated",
            notes=tuple(notes),
        )

    def compare_score(self, settings: dict[str, str], notes: list[str]) -> None:
        """Note a stated risk score that is not impact × confidence / 100."""
        stated = self.value("tags.risk_score")
        score = float(settings["impact"]) * float(settings["confidence"]) / 100
        if isinstance(stated, (int, float)) and abs(stated - score) > 0.5:
            notes.append(f"the file states a risk score of {stated}; impact × confidence / 100 = {format_score(score)}")

"""The mapping file: what Sigma rules read, as columns of a row, and what their levels count. See mapping.toml."""

from __future__ import annotations

import csv
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sigma.types import SigmaString

from tools.content.sigma.refusal import Refused

SHIPPED = Path(__file__).with_name("mapping.toml")

MOST_VALUES = 10_000
"""Values that a placeholder may stand for."""


class MappingError(Exception):
    """A mapping file that cannot be used; the message names file, key and remedy."""


@dataclass(frozen=True)
class Field:
    """Where a row has a field of Sigma: the first column with a value counts.

    `whole` are the columns where a value is compared from its start; `domain` are those of what stands before a value,
    with a backslash, that has none; `values` what a value of the row is in Sigma.
    """

    columns: tuple[str, ...]
    domain: tuple[str, ...] = ()
    whole: tuple[str, ...] = ()
    values: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Source:
    """A log source of rules, as Splunk has it.

    `names` has, by field, the column with the last part of its path; `gives`, by kind of event, the fields that it has;
    `event` is the column with the text of the whole event.
    """

    product: str
    category: str
    datamodel: str
    story: str
    how_to_implement: str
    message: str
    body: tuple[str, ...]
    observables: tuple[Mapping[str, str], ...]
    event: str
    fields: Mapping[str, Field]
    names: Mapping[str, str]
    gives: Mapping[str, frozenset[str]]

    def field(self, name: str) -> Field:
        """Return where the row has a field: one that is not mapped is the column of its name."""
        return self.fields.get(name) or Field((name,))


class RuleMapping:
    """A mapping file, read; raises MappingError."""

    def __init__(self, path: Path = SHIPPED) -> None:
        self.path = path
        try:
            tree = tomllib.loads(path.read_text("utf-8"))
            self.impact: dict[str, float] = {level: _percent(value) for level, value in tree["impact"].items()}
            self.confidence: dict[str, float] = {one: _percent(value) for one, value in tree["confidence"].items()}
            self.sources = tuple(map(_source, tree["source"]))
            self.placeholders = {name: self._values(value) for name, value in tree.get("placeholders", {}).items()}
            self.otherwise = self.impact["medium"], self.confidence["other"]
            """What a rule counts whose level or status is not there."""
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            raise MappingError(f"{path}: cannot be read: {error}") from error
        except KeyError as error:
            raise MappingError(f"{path}: {error} is missing: compare the file with {SHIPPED}") from error
        except (AttributeError, TypeError, ValueError) as error:
            raise MappingError(f"{path}: {error}: compare the file with {SHIPPED}") from error

    def source(self, product: str | None, category: str | None, service: str | None) -> Source:
        """Return the source of a rule; raises Refused for a log source that has none."""
        for source in self.sources:
            if (product or source.product, category, service) == (source.product, source.category, None):
                return source
        stated = {"product": product, "category": category, "service": service}
        named = ", ".join(f"{key} {value}" for key, value in stated.items() if value)
        raise Refused(f"its log source ({named or 'none'}) has no [[source]] in {self.path.name}")

    def values_of(self, placeholder: str) -> list[SigmaString]:
        """Return what a placeholder stands for; raises Refused when nothing is given for it."""
        try:
            return self.placeholders[placeholder]
        except KeyError:
            problem = f"the placeholder %{placeholder}% has no values: give it some in [placeholders]"
            raise Refused(f"{problem} of {self.path.name}") from None

    def _values(self, given: Any) -> list[SigmaString]:
        if isinstance(given, dict):
            with (self.path.parent / given["lookup"]).open(encoding="utf-8-sig", newline="") as file:
                cells = [row[given["column"]] for row in csv.DictReader(file)]
            values = [SigmaString.from_str(cell) for cell in dict.fromkeys(cells) if cell]
        else:
            values = [SigmaString(str(value)) for value in _texts(given)]
        if not 0 < len(values) <= MOST_VALUES:
            raise ValueError(f"a placeholder has {len(values):,} values, not 1 to {MOST_VALUES:,}")
        return values


def _source(tree: dict[str, Any]) -> Source:
    texts = ("product", "category", "datamodel", "story", "how_to_implement", "message", "event")
    return Source(
        **{key: _text(tree[key]) for key in texts},
        body=_texts(tree["body"]),
        observables=tuple({key: _text(one[key]) for key in ("name", "type", "role")} for one in tree["observables"]),
        fields={name: _field(value) for name, value in tree["fields"].items()},
        names={name: _text(column) for name, column in tree.get("names", {}).items()},
        gives={kind: frozenset(_texts(names)) for kind, names in tree.get("gives", {}).items()},
    )


def _field(given: Any) -> Field:
    if not isinstance(given, dict):
        return Field(_texts(given))
    values = {_text(key): _text(value) for key, value in given.get("values", {}).items()}
    return Field(_texts(given["columns"]), _texts(given.get("domain", ())), _texts(given.get("whole", ())), values)


def _texts(given: Any) -> tuple[str, ...]:
    if isinstance(given, str):
        raise TypeError(f"expected a list of texts, found {given!r}")
    return tuple(map(_text, given))


def _text(given: Any) -> str:
    if not isinstance(given, str):
        raise TypeError(f"expected a text, found {given!r}")
    return given


def _percent(given: Any) -> float:
    if isinstance(given, bool) or not isinstance(given, (int, float)) or not 0 <= given <= 100:
        raise ValueError(f"expected a number from 0 to 100, found {given!r}")
    return given

"""The dashboards of the app as Splunk reads them: default/data/ui/views/*.xml, Dashboard Studio's version 2."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol, TypeVar

from defusedxml import ElementTree

from tools import ROOT

FOLDER = ROOT / "default/data/ui/views"

TOKEN = re.compile(r"\$([\w .-]+?(?::[\w .-]+?)?)((?:\|[a-z])*)\$")
"""A token and its filters. Source: Dashboard Studio, "Tokens": |s puts a value into quotes, |u makes it fit a URL."""


@dataclass(frozen=True)
class View:
    """One dashboard: its name, the attributes and texts of its XML, and its definition."""

    name: str
    attributes: Mapping[str, str]
    texts: Mapping[str, str]
    definition: Mapping[str, Any]

    @cached_property
    def sources(self) -> Mapping[str, Any]:
        """Its data sources by id."""
        sources: Mapping[str, Any] = self.definition["dataSources"]
        return sources

    def query(self, source: str) -> str:
        """Return the whole search of a data source: of a chain, with the one that it extends before it."""
        options = self.sources[source]["options"]
        own: str = options["query"]
        return f"{self.query(options['extend'])} {own}" if "extend" in options else own

    def results(self, source: str, rows: Sequence[Mapping[str, Any]]) -> dict[str, str]:
        """Return the tokens that the results of a data source set, from their first row: `<name>:result.<field>`.

        Source: Dashboard Studio, "Setting tokens from search results or search job metadata".
        """
        if not rows or not self.sources[source]["options"].get("enableSmartSources"):
            return {}
        name = self.sources[source]["name"]
        return {f"{name}:result.{field}": str(value) for field, value in rows[0].items() if value is not None}

    @property
    def defaults(self) -> dict[str, str]:
        """Return the values that tokens have at first paint: of inputs, and of the defaults."""
        values: dict[str, str] = {}
        for one in self.definition["inputs"].values():
            options = one["options"]
            if one["type"] == "input.timerange":
                earliest, latest = options["defaultValue"].split(",")
                values |= {f"{options['token']}.earliest": earliest, f"{options['token']}.latest": latest}
            else:
                values[options["token"]] = options["defaultValue"]
        given = self.definition["defaults"].get("tokens", {}).get("default", {})
        return values | {name: one["value"] for name, one in given.items()}


def fill(text: str, tokens: Mapping[str, str]) -> str:
    """Put the values of tokens into a text; one that has none stays. Raises KeyError for an unknown filter."""

    def value(match: re.Match[str]) -> str:
        if match[1] not in tokens:
            return match[0]
        text = tokens[match[1]]
        for name in match[2].split("|")[1:]:
            text = {"s": json.dumps(text, ensure_ascii=False)}[name]
        return text

    return TOKEN.sub(value, text)


class Found(Protocol):
    """What a search has found."""

    @property
    def rows(self) -> Sequence[Mapping[str, Any]]:
        """Its rows."""


Results = TypeVar("Results", bound=Found)


def paint(view: View, tokens: Mapping[str, str], search: Callable[..., Results]) -> Iterator[tuple[str, Results]]:
    """Run the data sources of a view as Splunk does, a chain over the results of what it extends; yield each by its id.

    `search` runs a text, with `over` the results of another one or None. What a source sets as tokens, those behind
    know.
    """
    known, found = dict(tokens), dict[str | None, Results]()
    for id, source in view.sources.items():
        options = source["options"]
        result = found[id] = search(fill(options["query"], known), over=found.get(options.get("extend")))
        known |= view.results(id, result.rows)
        yield id, result


def read(path: Path) -> View:
    """Read a dashboard. Raises ParseError or JSONDecodeError for what is none."""
    root = ElementTree.fromstring(path.read_bytes())
    texts = {child.tag: child.text or "" for child in root}
    return View(path.stem, root.attrib, texts, json.loads(texts.pop("definition")))


def shipped() -> dict[str, View]:
    """Return the dashboards of the app by name."""
    return {path.stem: read(path) for path in sorted(FOLDER.glob("*.xml"))}

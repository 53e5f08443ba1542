"""Rules and rows in all their forms, and what it costs to run them: see RuleBench."""

from __future__ import annotations

import csv
import io
import json
import os
import runpy
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from ssa.content import conf
from ssa.content.detection import CONF, Catalogue
from ssa.rows.event import columns_read
from tools.bench.rules import documents, rows
from tools.bench.rules.translation import Python, Sql, Unsaid, module
from tools.bench.scan.runs import Bench, Run
from tools.content import index
from tools.content.conf_text import setting
from tools.content.sigma.conversion import Converted, convert_one
from tools.content.sigma.mapping import RuleMapping

RATE = 0.01
SAMPLE, LOUD = 300, 3
"""A rule that is not published and finds more of so many events is none that anyone would have: it is left out."""
DATABASES = {"ilike": "DuckDB, ILIKE", "lower": "DuckDB, columns in lower case, LIKE", "sqlite": "SQLite"}


class Rule(NamedTuple):
    """A rule in all its forms: its stanza's name and text, its function in Python, its conditions by database."""

    name: str
    stanza: str
    is_real: bool
    python: str
    sql: dict[str, str]


class Cost(NamedTuple):
    """What a run over the rows cost: CPU s to getinfo (of a command), and of all rows; its MB; hits by rule."""

    start: float
    work: float
    memory: float
    hits: Counter[str]


class Rules:
    """So many rules, by the events that they are to be run over; `home` is a folder for their module."""

    def __init__(self, home: Path, count: int, events: list[rows.Row], real: bool) -> None:
        python = Python()
        candidates = documents.documents(count + count // 4 + 10, events, real)
        found = [rule for one in candidates if (rule := translated(one, python))]
        self.module, self._patterns = home / "rules.py", python.patterns
        self.write(found)
        sample = events[:SAMPLE]
        loud = {
            name for name, hits in Counter(name for row in sample for name in self.found(row)).items() if hits > LOUD
        }
        self.all = [rule for rule in found if rule.is_real or rule.name not in loud][:count]
        self.write(self.all)

    def write(self, some: list[Rule]) -> None:
        """Write some of them as functions of a module."""
        self.module.write_text(module({rule.name: rule.python for rule in some}, self._patterns), "utf-8")
        self._functions = runpy.run_path(str(self.module))["RULES"]

    def found(self, row: rows.Row) -> Iterator[str]:
        """Yield the names of the written ones that a row is a hit of."""
        lower = [row.get(name, "").lower() for name in rows.COLUMNS]
        return (name for name, function in self._functions if function(row, *lower))


class RuleBench:
    """So many rules over so many rows, in a folder of its own."""

    def __init__(self, home: Path, count: int, row_count: int, real: bool) -> None:
        self.bench, self.home = Bench(home), home
        bases = rows.bases(real)
        self.rules = Rules(home, count, bases, real)
        self.rows = rows.blown_up(bases, lambda row: any(self.rules.found(row)), row_count, RATE)
        self.chunks = [rows.chunk(self.rows[at : at + 50_000]) for at in range(0, row_count, 50_000)]
        with (home / "rows.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, rows.COLUMNS, quoting=csv.QUOTE_ALL)
            writer.writeheader()
            writer.writerows({name: row.get(name, "") for name in rows.COLUMNS} for row in self.rows)

    def take(self, count: int) -> None:
        """Have the next runs run the first `count` rules."""
        some = self.rules.all[:count]
        local = self.bench.app / "local"
        local.mkdir(exist_ok=True)
        stanzas = "".join(rule.stanza for rule in some)
        (local / f"{CONF}.conf").write_text(f"[default]\ndisabled = 1\n{stanzas}", "utf-8")
        index.write(self.bench.app)
        self.rules.write(some)
        for kind in DATABASES:
            (self.home / f"{kind}.json").write_text(json.dumps({rule.name: rule.sql[kind] for rule in some}), "utf-8")

    def command(self, python: str, what: str) -> Cost:
        """Run ours, or the plain command (`rules`)."""
        hits: Counter[str] = Counter()

        def rows_of(body: bytes) -> int:
            found = [
                row["detection"] for row in csv.DictReader(io.StringIO(body.decode("utf-8", "replace"), newline=""))
            ]
            hits.update(found)
            return len(found)

        ran: Run = self.bench.run(python, what, self.chunks, rows_of=rows_of)
        return Cost(ran.start, ran.work, ran.memory, hits)

    def database(self, kind: str) -> Cost:
        """Run a database."""
        ran = subprocess.run(
            [sys.executable, str(Path(__file__).with_name("databases.py")), kind, "rows.csv", f"{kind}.json"],
            cwd=self.home,
            check=True,
            capture_output=True,
            text=True,
            env={"PATH": os.defpath},
        )
        answer = json.loads(ran.stdout)
        return Cost(0.0, answer["seconds"], 0.0, Counter(answer["hits"]))


MAPPING = RuleMapping()


def translated(document: documents.Document, python: Python) -> Rule | None:
    """Return a rule in all its forms; None where one of them cannot say it."""
    known = len(python.patterns)
    converted = convert_one("bench", document, [], MAPPING)
    try:
        if converted.reason:
            raise Unsaid(converted.reason)
        text, sql = python.rule(document), {kind: Sql(kind).rule(document) for kind in DATABASES}
    except Unsaid:
        del python.patterns[known:]
        return None
    return Rule(converted.name, stanza(converted), documents.is_real(document), text, sql)


def stanza(converted: Converted) -> str:
    """Write a rule as a stanza, enabled."""
    settings = {**converted.settings, "disabled": "0"}
    return f"[{converted.name}]\n" + "".join(f"{setting(key, value)}\n" for key, value in settings.items())


def stanzas_and_columns(count: int, home: Path, events: list[rows.Row]) -> tuple[str, frozenset[str]]:
    """Return so many rules for events as a conf, and the columns that they read: published ones where they are named.

    `home` is a folder for their module.
    """
    rules = Rules(home, count, events, bool(os.environ.get(documents.FOLDER))).all
    text = "".join(rule.stanza for rule in rules)
    catalogue = Catalogue(conf.parse(text, CONF))
    columns = columns_read([catalogue.find(rule.name) for rule in rules]) or frozenset()
    return text, columns - {"_datamodels"}

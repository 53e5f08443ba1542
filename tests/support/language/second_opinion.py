"""The second opinion on what a program means: the same program as SQL, which DuckDB runs over all events at once.

Written from the facts about the dialect and the functions' documentation, never from the compiler: only the syntax
tree is shared, and the tree comes from the generator, not from the parser.
"""

import itertools
from collections import Counter
from dataclasses import dataclass, field

import duckdb

from .sql.translation import Translation
from .sql.values import decode


@dataclass
class Answer:
    """What a program makes of the events.

    `detected` has, for each event, one (start_time, end_time, entities, body) for each `into` that the event reached,
    in the order of the text. The rest counts what was evaluated on the way.
    """

    detected: list
    conditions: Counter = field(default_factory=Counter)
    evaluated: Counter = field(default_factory=Counter)
    valued: Counter = field(default_factory=Counter)


class SecondOpinion:
    """DuckDB over one table of events: pairs of an input event and its data models."""

    def __init__(self, events):
        self.connection = duckdb.connect(config={"threads": 1})
        self.connection.execute("PRAGMA disable_optimizer")
        self.events = events
        self._run("CREATE TABLE events (id BIGINT, input_event MAP(VARCHAR, VARCHAR), datamodels VARCHAR[])")
        for number, (event, models) in enumerate(events):
            row = [number, list(event), list(event.values()), models]
            self._run("INSERT INTO events VALUES (?, map(?::VARCHAR[], ?::VARCHAR[]), ?)", row)

    def _run(self, sql, parameters=()):
        return self.connection.execute(sql, list(parameters)).fetchall()

    def answer(self, program):
        """Run a program, given as its syntax tree."""
        translation = Translation(program)
        answer = Answer([[] for _ in self.events])
        for table, query in translation.tables:
            self._run(f"CREATE OR REPLACE TEMP TABLE {table} AS {query}")
        for columns, query in translation.branches:
            # Not WHERE: DuckDB would put the whole program in place of that column, again and again.
            for number, alive, *found in self._run(query):
                if not alive:
                    continue
                start, end, entities, body = (
                    decode(value, column.type) for value, column in zip(found, columns, strict=True)
                )
                entities = entities if isinstance(entities, list) else [entities]
                answer.detected[number].append(
                    (start, end, tuple(entity for entity in entities if entity is not None), body or {})
                )
        for counted, table in translation.counts:
            self._count(answer, counted, table)
        return answer

    def _count(self, answer, counted, table):
        columns = {}
        for label, value, alive in counted:
            columns[alive] = alive
            columns["held", value.sql] = f"{value.sql} IS NOT NULL"
            if label == "where":
                columns[value.sql] = value.sql
        rows = self._run(f"SELECT {', '.join(columns.values())} FROM {table}")
        found = dict(zip(columns, zip(*rows, strict=True), strict=True))
        for label, value, alive in counted:
            answer.evaluated[label] += sum(found[alive])
            answer.valued[label] += sum(map(bool.__and__, found[alive], found["held", value.sql]))
            if label == "where":
                answer.conditions.update(itertools.compress(found[value.sql], found[alive]))

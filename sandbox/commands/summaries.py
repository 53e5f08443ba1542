"""tstats over data models, see sandbox.search.datamodels; its statistics are those of stats.

The meaning is that of the Search Reference ("tstats"). Narrower here, or a choice of the sandbox: it reads data models
only, by their root datasets, as if their summaries were complete, so that summariesonly and allow_old_summaries change
nothing; `_time` among the fields to group by needs a span; where takes comparisons of fields, whatever their case,
`earliest` and `latest`, and subsearches that give such, but no terms and no index times.
"""

import re
from collections.abc import Mapping
from dataclasses import replace

from sandbox.commands.options import options
from sandbox.commands.statistics import aggregations, group
from sandbox.commands.timechart import read_span
from sandbox.search import spl
from sandbox.search.command import Context
from sandbox.search.datamodels import DATASETS
from sandbox.search.evaluation import FUNCTIONS
from sandbox.search.matching import TIME_RANGE, compared, matches
from sandbox.store.sql import COLUMN_TYPES, Relation, Sql, as_number, query, quote, value_of

_FROM = re.compile(r"\bfrom\s+datamodel\s*=\s*", re.IGNORECASE)


def condition(command: spl.Command) -> spl.Node | None:
    """Return the expression by which a pipeline's first command finds events: that of search, or tstats' where."""
    if command.name != "tstats":
        return spl.SearchReader(command).expression() if command.name == "search" else None
    _, reader = _readers(command)
    reader.word()
    return reader.expression("by", "BY") if reader.take("where", "WHERE") else None


def _readers(command: spl.Command) -> tuple[spl.Reader, spl.SearchReader]:
    """Return a reader of what stands before the name of the data model, and of what begins with it."""
    cut = _FROM.search(command.text)
    if not cut:
        raise spl.fail("'tstats' needs from datamodel=, nothing else is supported", command.position)
    then = replace(command, text=command.text[cut.end() :], offset=command.offset + cut.end())
    return spl.Reader(replace(command, text=command.text[: cut.start()])), spl.SearchReader(then)


def build_tstats(context: Context, command: spl.Command, _: Relation) -> str:
    """Compute statistics of a data model."""
    head, reader = _readers(command)
    rows = _dataset(context, reader.word())
    given = options(head, command)
    found, more = aggregations(head, command, rows)
    given |= more
    head.end()
    tail, fields = "", dict[str, spl.Node]()
    if reader.take("where", "WHERE"):
        expression = reader.expression("by", "BY")
        for field in compared(expression, command, context):
            if field.text not in TIME_RANGE:
                _known(field, rows)
        tail = f"WHERE {matches(expression, rows, context)}"
    if reader.take("by", "BY"):
        while not fields or reader.more():
            given |= options(reader, command)
            if reader.more():
                field = _known(reader.word(), rows)
                fields[field.text] = field
            reader.take(",")
    reader.end()
    values = {name: value_of(rows, name) for name in rows.columns}
    for name, field in fields.items():
        values[name] = _grouped(name, field, values[name], given)
    columns = {name: COLUMN_TYPES.get(value.kind, "VARCHAR") for name, value in values.items()}
    filtered = f"(FROM {rows.source} SELECT * {tail})"
    code = query(filtered, {name: value.code for name, value in values.items()}, more=", 0 AS rowid")
    return group(Relation(f"({code})", columns), found, list(fields))


def _dataset(context: Context, name: spl.Node) -> Relation:
    if name.text not in DATASETS:
        raise spl.fail(f"Unsupported data model '{name.text}', of {', '.join(DATASETS)}", name.position)
    return DATASETS[name.text].rows(name.text.rpartition(".")[2], context.events())


def _known(field: spl.Node, rows: Relation) -> spl.Node:
    if field.text not in rows.columns:
        raise spl.fail(f"The data model has no field '{field.text}'", field.position)
    return field


def _grouped(name: str, field: spl.Node, value: Sql, given: Mapping[str, spl.Node]) -> Sql:
    """Write a value to group by: time in spans, and a missing one filled, without which its event does not count."""
    if name == "_time":
        if "span" not in given:
            raise spl.fail("'_time' needs span=", field.position)
        return Sql(f"epoch({read_span(given['span']).start(as_number(value))})", "number")
    if "fillnull_value" not in given:
        return value
    return FUNCTIONS["coalesce"]([value, Sql(quote(given["fillnull_value"].text), "text")])

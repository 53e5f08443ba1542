"""Commands that aggregate rows, and those that prepare rows for them: stats, eventstats, dedup, fillnull, ...

The meaning is that of the Search Reference (the pages of the commands, statistical functions).
Where that leaves room, a choice of the sandbox: rows of stats come sorted by the fields that they are grouped by,
numbers before words; each value of a multivalue field counts as one more event with it, for first() or earliest() too;
of events of the same _time the one that stands first is the latest, as in the results of a search. eventstats and
streamstats take the values of a multivalue field as one group, and a row that lacks a field to group by gets no
statistic. With time_window= rows must come sorted by _time, the earliest first; those of one moment count together, and
one exactly so long ago counts. streamstats without window= has no limit of rows, where its page speaks of 10,000 events
(limits.conf, [stats] max_stream_window); without it list() and values() of many rows are slow.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from sandbox.commands.options import options
from sandbox.confs import is_true
from sandbox.search import spl
from sandbox.search.command import Context, names, whole
from sandbox.search.evaluation import evaluate
from sandbox.store import sql

ROW = '"^ row"'  # a row's place in its table. No field's column has a blank after `^`, see sql.column_name

# Each statistic's code, given the code of the list of a field's values, which is empty if there are none.
STATISTICS = {
    "avg": "list_avg(spl_nums({0}))",
    "count": "len({0})",
    "dc": "len(list_distinct({0}))",
    "distinct_count": "len(list_distinct({0}))",
    "earliest": "{0}[-1]",
    "first": "{0}[1]",
    "last": "{0}[-1]",
    "latest": "{0}[1]",
    "list": "spl_some({0}[1:100])",  # limits.conf, [stats] list_maxsize
    "max": "CASE WHEN spl_numeric({0}) THEN spl_text(list_max(spl_nums({0}))) ELSE list_max({0}) END",
    "min": "CASE WHEN spl_numeric({0}) THEN spl_text(list_min(spl_nums({0}))) ELSE list_min({0}) END",
    **{f"perc{p}": f"list_aggregate(spl_nums({{0}}), 'quantile_disc', {p / 100})" for p in (50, 95)},
    "sum": "list_sum(spl_nums({0}))",
    "values": "spl_some(list_sort(list_distinct({0})))",
}

# The same for a row and those before it, where that takes less time than to list their values: of a row's own values,
# which are null if there are none, its place in time, null without values or time, and the window.
_TEXT_SO_FAR = "CASE WHEN bool_and(spl_numeric({0})) {2} THEN spl_text({1}(list_{1}(spl_nums({0}))) {2})"
_TEXT_SO_FAR += " ELSE {1}(list_{1}({0})) {2} END"
RUNNING = {
    "count": "CAST(coalesce(sum(len({0})) {2}, 0) AS BIGINT)",
    "avg": "sum(list_sum(spl_nums({0}))) {2} / sum(list_count(spl_nums({0}))) {2}",
    "dc": "len(flatten(list(DISTINCT {0}) {2}).list_distinct())",
    "earliest": "arg_min({0}[-1], {1}) {2}",
    "first": "first_value({0}[1] IGNORE NULLS) {2}",
    "last": "last_value({0}[-1] IGNORE NULLS) {2}",
    "latest": "arg_max({0}[1], {1}) {2}",
    "max": _TEXT_SO_FAR.replace("{1}", "max"),
    "min": _TEXT_SO_FAR.replace("{1}", "min"),
    "sum": "sum(list_sum(spl_nums({0}))) {2}",
}

# The same of a field that has no more than one value in a row: of a text, and of a number where that is simpler. {1} is
# which rows count, or the window.
_TEXT = "CASE WHEN count({0}) {1} = count(spl_num({0})) {1} THEN spl_text(max(spl_num({0})) {1}) ELSE max({0}) {1} END"
TEXTS = {
    "avg": "avg(spl_num({0})) {1}",
    "count": "count({0}) {1}",
    "dc": "count(DISTINCT {0}) {1}",
    "distinct_count": "count(DISTINCT {0}) {1}",
    "first": f"arg_min({{0}}, {ROW}) {{1}}",
    "last": f"arg_max({{0}}, {ROW}) {{1}}",
    "max": _TEXT,
    "min": _TEXT.replace("max", "min"),
    "sum": "sum(spl_num({0})) {1}",
    "values": "spl_some(list_sort(list(DISTINCT {0}) {1}))",
}
NUMBERS = {name: f"{name}({{0}}) {{1}}" for name in ("avg", "count", "max", "min", "sum")}


@dataclass(frozen=True)
class Aggregation:
    """A statistic of a command: its column, and the value of a row that it is of; without one it counts rows.

    `time` is the code of a row's time, epoch s. `where` is a condition that a row must meet to be counted.
    """

    column: str
    position: int
    function: str
    value: sql.Sql | None
    time: str
    where: str = "true"

    def code(self, condition: str = "true", over: str = "") -> str:
        """Write the statistic of the rows of a group for which a condition holds; their source has the column ROW.

        With `over`, the code of a window, it is of the rows of that window.
        """
        if not self.value:
            return f"count(*) FILTER (WHERE {self.where} AND {condition}) {over}"
        if form := self._form(NUMBERS if over else TEXTS):
            code = sql.as_text(self.value) if self.function == "values" else self.value.code
            return form.format(code, f"FILTER (WHERE {self.value.code} IS NOT NULL AND {condition}) {over}")
        values = sql.as_list(self.value)
        order, condition = "", f"{values} IS NOT NULL AND {condition}"
        if self.function in ("earliest", "latest"):
            order, condition = f" ORDER BY {self.time} DESC, {ROW}", f"{self.time} IS NOT NULL AND {condition}"
        elif self.function in ("first", "last", "list"):
            order = f" ORDER BY {ROW}"
        values = f"coalesce(flatten(list({values}{order}) FILTER (WHERE {condition}) {over}), [])"
        return STATISTICS[self.function].format(values)

    def running(self, over: str) -> str:
        """Write the statistic of the rows of a window that moves along with each row."""
        if not self.value or self.function not in RUNNING or self._form(NUMBERS):
            return self.code(over=over)
        values = sql.as_list(self.value)
        place = f"CASE WHEN {values} IS NOT NULL THEN row({self.time}, -{ROW}) END"
        return RUNNING[self.function].format(values, place, over)

    def _form(self, known: Mapping[str, str]) -> str:
        """Return how to write the statistic of a field with one value at most, among those that are known; else ""."""
        if not self.value or self.value.kind == "list" or self.function not in known:
            return ""
        return (NUMBERS if self.value.kind == "number" and self.function in NUMBERS else TEXTS)[self.function]


def aggregations(
    reader: spl.Reader, command: spl.Command, rows: sql.Relation, *stops: str
) -> tuple[list[Aggregation], dict[str, spl.Node]]:
    """Read statistics, as in `count sum(bytes) as total`, with options among them, to the end or to `by` or a stop.

    Raises SearchError for an unknown statistic, a wildcard, or an eval without the name that it needs.
    """
    found, given = list[Aggregation](), options(reader, command)
    while not found or (reader.more() and not reader.at("by", "BY", *stops)):
        found.append(_aggregation(reader, command, rows))
        reader.take(",")
        given |= options(reader, command)
    return found, given


def check_columns(found: Iterable[Aggregation], others: Iterable[str]) -> None:
    """Raise SearchError if two columns of a result have the same name."""
    taken = set(others)
    for each in found:
        if each.column in taken:
            raise spl.fail(f"Two columns are named '{each.column}'", each.position)
        taken.add(each.column)


def split(rows: sql.Relation, fields: Sequence[str]) -> tuple[str, dict[str, sql.Sql]]:
    """Return rows to group by fields, with ROW, and the fields' codes: one for each combination of a row's values."""
    source, groups = f"(FROM {rows.source} SELECT *, rowid AS {ROW})", dict[str, sql.Sql]()
    for place, name in enumerate(dict.fromkeys(fields)):
        groups[name] = sql.value_of(rows, name)
        if groups[name].kind == "list":
            one = f'"^ {place}"'
            source = f"(FROM {source} SELECT *, unnest(coalesce({groups[name].code}, [NULL])) AS {one})"
            groups[name] = sql.Sql(one, "text")
    return source, groups


def group(rows: sql.Relation, found: Sequence[Aggregation], fields: Sequence[str]) -> str:
    """Write the query for statistics of rows, one row for each combination of the values of these fields, if any.

    A row that lacks one of the fields is left out. `rows` has a rowid. Raises SearchError as `check_columns` does.
    """
    check_columns(found, fields)
    source, groups = split(rows, fields)
    columns = {name: value.code for name, value in groups.items()} | {each.column: each.code() for each in found}
    if not groups:
        return sql.query(source, columns)
    present = " AND ".join(f"{value.code} IS NOT NULL" for value in groups.values())
    places = ", ".join(str(place + 1) for place in range(len(groups)))
    order = (
        f"{sql.as_number(sql.Sql(sql.ident(name), value.kind))}, {sql.ident(name)}" for name, value in groups.items()
    )
    return f"FROM ({sql.query(source, columns, f'WHERE {present} GROUP BY {places}')}) ORDER BY {', '.join(order)}"


def build_stats(_: Context, command: spl.Command, rows: sql.Relation) -> str:
    """Compute statistics, of all rows or by fields."""
    found, fields, _given = _grouped(command, rows)
    return group(rows, found, fields)


def build_eventstats(_: Context, command: spl.Command, rows: sql.Relation) -> sql.Beside:
    """Add statistics of all rows, or of those of the same group, to each row."""
    found, fields, _given = _grouped(command, rows)
    source = f"(FROM {rows.source} SELECT *, rowid AS {ROW})"
    keys = {f"^ key {place}": sql.value_of(rows, name).code for place, name in enumerate(fields)}
    stats = {f"^ stat {place}": each.code() for place, each in enumerate(found)}
    named = {f'"{name}"': code for name, code in (keys | stats).items()}
    groups = f"FROM {source} SELECT {', '.join(f'{code} AS {name}' for name, code in named.items())}"
    same = " AND ".join(f'{code} IS NOT DISTINCT FROM "{name}"' for name, code in keys.items()) or "true"
    by = f" GROUP BY {', '.join(keys.values())}" if keys else ""
    added = {each.column: f'"^ stat {place}"' for place, each in enumerate(found)}
    return _beside(rows, fields, added, f" LEFT JOIN ({groups}{by}) ON {same}")


def build_streamstats(_: Context, command: spl.Command, rows: sql.Relation) -> sql.Beside:
    """Add statistics of the rows so far to each row."""
    found, fields, given = _grouped(command, rows)
    size = whole(given["window"]) if "window" in given else 0
    if size and fields and ("global" not in given or is_true(given["global"].text)):
        raise spl.fail("'streamstats' with window= and by is supported with global=false only", command.position)
    back = 0 if "current" not in given or is_true(given["current"].text) else 1
    first, last = size - 1 + back if size else "UNBOUNDED", f"{back} PRECEDING" if back else "CURRENT ROW"
    rank, unit = ROW, "ROWS"
    if "time_window" in given:
        if size or back:
            raise spl.fail(
                "'streamstats' with time_window= is supported without window= and current=", command.position
            )
        rank, unit, first = sql.as_number(sql.value_of(rows, "_time")), "RANGE", _seconds(given["time_window"])
    over = f"OVER ({_partition(rows, fields)} ORDER BY {rank} {unit} BETWEEN {first} PRECEDING AND {last})"
    return _beside(rows, fields, {each.column: each.running(over) for each in found})


def _seconds(word: spl.Node) -> int:
    """Read a length of time: `30s`, `5m`, `2h`, `1d`."""
    length = re.fullmatch("([0-9]{1,9})([smhd])", word.text)
    if not length:
        raise spl.fail(f"Invalid length of time '{word.text}'", word.position)
    return int(length[1]) * {"s": 1, "m": 60, "h": 3600, "d": 86_400}[length[2]]


def _grouped(command: spl.Command, rows: sql.Relation) -> tuple[list[Aggregation], list[str], dict[str, spl.Node]]:
    """Read statistics, the fields after `by`, and options."""
    reader = spl.Reader(command)
    found, given = aggregations(reader, command, rows)
    by = reader.take("by", "BY")
    fields = names(reader) if by else []
    reader.end()
    if by and any("*" in name for name in fields):
        raise spl.fail("Wildcards are not supported in 'by'", by.position)
    check_columns(found, ())
    return found, fields, given


def _partition(rows: sql.Relation, fields: Sequence[str]) -> str:
    return f"PARTITION BY {', '.join(sql.value_of(rows, name).code for name in fields)}" if fields else ""


def _beside(rows: sql.Relation, fields: Sequence[str], columns: Mapping[str, str], join: str = "") -> sql.Beside:
    """Write more columns of rows, which are null where one of the fields is.

    They may use ROW, and the columns of a join.
    """
    present = " AND ".join(f"{sql.value_of(rows, name).code} IS NOT NULL" for name in fields) or "true"
    added = {name: f"CASE WHEN {present} THEN {code} END" for name, code in columns.items()}
    source = f"(FROM {rows.source} SELECT *, rowid AS {ROW})"
    return sql.Beside(sql.same(rows) | added, source + join, f"ORDER BY {ROW}")


def build_dedup(_: Context, command: spl.Command, rows: sql.Relation) -> str:
    """Keep the first rows of each combination of values. A row without one of the fields ends a run (our choice)."""
    reader = spl.Reader(command)
    number = reader.word() if reader.next.text.isdecimal() else None
    if number and not whole(number):
        raise spl.fail("'dedup' keeps one event at least, not 0", number.position)
    keys, given = _fields(reader, command)
    if not keys:
        raise spl.fail("'dedup' needs a field", command.position)
    flags = {name: is_true(word.text) for name, word in given.items()}
    codes = [sql.value_of(rows, name).code for name in keys]
    every, lacking = ", ".join(codes), " OR ".join(f"{code} IS NULL" for code in codes)
    # Rows of one combination that follow one another are those whose two numbers, here and in the table, differ alike.
    run = f"rowid - row_number() OVER (PARTITION BY {every} ORDER BY rowid)" if flags.get("consecutive") else "0"
    place = f'row_number() OVER (PARTITION BY {every}, "^ run" ORDER BY {ROW})'
    numbered = f'(FROM {rows.source} SELECT *, rowid AS {ROW}, {run} AS "^ run")'
    kept = f'({lacking} OR {place} <= {number.text if number else 1}) AS "^ kept", {lacking} AS "^ lacking"'
    columns, tail = sql.same(rows), "" if flags.get("keepempty") else 'WHERE NOT "^ lacking"'
    if flags.get("keepevents"):
        columns |= {
            name: f'CASE WHEN "^ kept" THEN {code} END'
            for name, code in zip(keys, codes, strict=True)
            if name in rows.columns
        }
    else:
        tail = f'{tail} AND "^ kept"' if tail else 'WHERE "^ kept"'
    # What is decided by the fields of the combination stands beside the rows, which are then as wide as they may be.
    return sql.query(f"{rows.source} POSITIONAL JOIN (FROM {numbered} SELECT {kept} ORDER BY {ROW})", columns, tail)


def build_fillnull(_: Context, command: spl.Command, rows: sql.Relation) -> sql.Beside:
    """Put a value where a field has none."""
    reader = spl.Reader(command)
    fields, given = _fields(reader, command)
    value = sql.Sql(sql.quote(given["value"].text if "value" in given else "0"), "text")
    columns = sql.same(rows)
    for name in fields or rows.columns:
        old = sql.value_of(rows, name)
        form = sql.as_list if old.kind == "list" else sql.as_text
        columns[name] = f"coalesce({form(old)}, {form(value)})"
    return sql.Beside(columns, rows.source)


def build_filldown(_: Context, command: spl.Command, rows: sql.Relation) -> sql.Beside:
    """Put the value of the row before where a field has none."""
    fields, _given = _fields(spl.Reader(command), command)
    columns = sql.same(rows)
    for name in fields or rows.columns:
        if name in columns:
            columns[name] = f"last_value({columns[name]} IGNORE NULLS) OVER (ORDER BY rowid ROWS UNBOUNDED PRECEDING)"
    return sql.Beside(columns, rows.source, "ORDER BY rowid")


def _fields(reader: spl.Reader, command: spl.Command) -> tuple[list[str], dict[str, spl.Node]]:
    """Read fields and options in any order."""
    fields, given = list[str](), options(reader, command)
    while reader.more():
        word = reader.word()
        if "*" in word.text or (command.name, word.text) == ("dedup", "sortby"):
            raise spl.fail(f"Unsupported in '{command.name}': '{word.text}'", word.position)
        fields.append(word.text)
        reader.take(",")
        given |= options(reader, command)
    return [*dict.fromkeys(fields)], given


def _aggregation(reader: spl.Reader, command: spl.Command, rows: sql.Relation) -> Aggregation:
    function = reader.word()
    column, value, where = function.text, None, "true"
    if column not in STATISTICS:
        raise spl.fail(f"Unsupported statistic '{column}'", function.position)
    if column != "count" or reader.at("("):
        reader.expect("(")
        field = reader.word()
        dynamic = field.text == "eval" and reader.at("(")
        if "*" in field.text:
            raise spl.fail(f"Wildcards are not supported in '{column}({field.text})'", field.position)
        value = given = _evaluated(reader, command, rows, function) if dynamic else sql.value_of(rows, field.text)
        if given.kind == "bool":
            value, where = None, sql.as_condition(given)
        reader.expect(")")
        if dynamic and not reader.at("as", "AS"):
            raise spl.fail(f"'{column}(eval(...))' needs a name: as ...", function.position)
        column = f"{column}({field.text})"
    if reader.take("as", "AS"):
        column = reader.word().text
    time = sql.as_number(sql.value_of(rows, "_time"))
    return Aggregation(column, function.position, function.text, value, time, where)


def _evaluated(reader: spl.Reader, command: spl.Command, rows: sql.Relation, function: spl.Node) -> sql.Sql:
    """Read the bracket of eval(...): for count a condition, whose rows count, or, as for all others, a value."""
    start = reader.expect("(").position + 1
    inner = spl.EvalReader(replace(command, text=command.text[start - command.offset :], offset=start))
    value = evaluate(inner.expression(), rows)
    while reader.next.position < inner.next.position:
        if not reader.take(reader.next.text):
            reader.word()
    reader.expect(")")
    if value.kind == "bool" and function.text != "count":
        raise spl.fail(f"A boolean stands where a value is needed: '{function.text}'", function.position)
    return value

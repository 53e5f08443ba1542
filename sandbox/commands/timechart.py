"""Commands that put rows into spans of time: bin, for numbers too, and timechart; and chart, its kin.

The meaning is that of the Search Reference (the commands' pages). Where that leaves room, a choice of the sandbox:

- Time is UTC. A span of more than one month, of days, weeks or less is counted from 1970-01-01, so a week begins on a
  Thursday.
- A bound that the search's time range lacks is the first or the last event's. A chart has 50,000 rows at most.
- Series come in the order of their names, one statistic's before the next one's; then NULL, of empty texts too, then
  OTHER. NULL is not counted against the limit. OTHER is the statistic of all that it stands for. Numbers to split by
  stay as they are. otherstr and nullstr, which name OTHER and NULL, must not be a value that has a series.
- span of chart is that of the field of its rows, and stands behind it.
- Where nothing was found a statistic is what it is of no events: 0 for count and dc, else no value. A chart that is
  split has no rows if it has no series.
- Rows of chart come sorted by their field, numbers before words; a series that has this field's name gets VALUE before.
- The internal columns _span and _spandays, which are not documented, are left out.
"""

import re
from dataclasses import dataclass

from sandbox.commands.options import options
from sandbox.commands.statistics import ROW, Aggregation, aggregations, check_columns, split
from sandbox.confs import is_true
from sandbox.search import spl
from sandbox.search.command import Context, whole
from sandbox.store.sql import Beside, Relation, Sql, as_number, as_text, ident, query, quote, same, value_of
from sandbox.times import UNITS

MAX_ROWS = 50_000  # limits.conf, [discretize] maxbins
MAX_DEFAULT = 100  # spans of a length that is not given
NULL_SERIES, OTHER_SERIES = "NULL", "OTHER"

# The units of a span, of those that sandbox.times knows, and how long they are, about.
_SECONDS = {"SECOND": 1, "MINUTE": 60, "HOUR": 3600, "DAY": 86400, "WEEK": 604800, "MONTH": 2592000}
_TIME, _SERIES = '"^ time"', '"^ series"'  # columns of our own, as ROW is


@dataclass(frozen=True)
class Span:
    """A length of time, in a unit of DuckDB's intervals."""

    number: int
    unit: str

    @property
    def seconds(self) -> int:
        """The rough length in s."""
        return self.number * _SECONDS[self.unit]

    @property
    def interval(self) -> str:
        """The SQL of an INTERVAL."""
        return f"INTERVAL '{self.number} {self.unit}'"

    def start(self, moment: str) -> str:
        """Write when the span that a moment lies in begins, a TIMESTAMP; the moment is the code of epoch seconds."""
        return f"time_bucket({self.interval}, {_timestamp(moment)}, TIMESTAMP '1970-01-01')"


_DEFAULTS = [
    *(Span(number, "SECOND") for number in (1, 5, 10, 30)),
    *(Span(number, "MINUTE") for number in (1, 5, 10, 30)),
    *(Span(1, unit) for unit in ("HOUR", "DAY", "MONTH")),
]


def read_span(word: spl.Node) -> Span:
    """Read a length of time as `span=` takes it: `30`, in seconds, `5m`, `1mon`."""
    match = re.fullmatch("0*([1-9][0-9]{0,5})([a-z]*)", word.text)
    unit = UNITS.get(match[2] or "s") if match else None
    if not match or unit not in _SECONDS:
        raise spl.fail(f"Unsupported span of time '{word.text}'", word.position)
    return Span(int(match[1]), unit)


def default_span(seconds: float) -> Span:
    """Choose the shortest span of those of "timechart" that makes no more than 100 of a time range."""
    return next((span for span in _DEFAULTS if seconds / span.seconds <= MAX_DEFAULT), _DEFAULTS[-1])


def _timestamp(moment: str) -> str:
    return f"make_timestamp(CAST(floor({moment} * 1e6) AS BIGINT))"


def build_bin(_: Context, command: spl.Command, rows: Relation) -> Beside:
    """Round _time down to its span, or put a number into a range, 10-20; what is no number stays (our choice)."""
    reader = spl.Reader(command)
    given = options(reader, command)
    field = reader.word().text
    target = reader.word().text if reader.take("as", "AS") else field
    given |= options(reader, command)
    reader.end()
    if "span" not in given:
        raise spl.fail("'bin' needs span=", command.position)
    code = _binned(field, value_of(rows, field), given["span"]).code
    return Beside(same(rows) | ({target: code} if field in rows.columns else {}), rows.source)


def _binned(field: str, value: Sql, span: spl.Node) -> Sql:
    """Write the span of time or the range that a value lies in."""
    if field == "_time":
        return Sql(f"epoch({read_span(span).start(as_number(value))})", "number")
    size = whole(span)
    if not size:
        raise spl.fail("A span is at least 1", span.position)
    low = f"floor({as_number(value)} / {size}) * {size}"
    return Sql(f"coalesce(spl_text({low}) || '-' || spl_text({low} + {size}), {as_text(value)})", "text")


def build_timechart(context: Context, command: spl.Command, rows: Relation) -> str:
    """Compute statistics by time."""
    reader = spl.Reader(command)
    found, given = aggregations(reader, command, rows)
    check_columns(found, ["_time"])
    by = [reader.word().text] if reader.take("by", "BY") else []
    given |= options(reader, command)
    reader.end()
    source, groups = split(rows, by)
    moment = as_number(value_of(rows, "_time"))
    start, end = _time_range(context, f"FROM {source} SELECT min({moment}), max({moment})")
    span = read_span(given["span"]) if "span" in given else default_span(end - start)
    if (end - start) / span.seconds > MAX_ROWS:
        raise spl.fail(f"'timechart' would make more than {MAX_ROWS} rows", command.position)
    inside = f"WHERE {moment} >= {start!r} AND {moment} < {end!r}"
    source = f"(FROM {source} SELECT *, {span.start(moment)} AS {_TIME} {inside})"
    tail = f"GROUP BY {_TIME} ORDER BY {_TIME}"
    if by:
        source, columns = _split_by(context, source, groups[by[0]], found, _TIME, given)
        tail += "" if columns else " LIMIT 0"
    else:
        columns = {each.column: each.code(f"{ROW} IS NOT NULL") for each in found}
    spans = f"(SELECT unnest(range({span.start(repr(start))}, {_timestamp(repr(end))}, {span.interval})) AS {_TIME})"
    joined = f"{spans} {'LEFT ' * _flag(given, 'cont')}JOIN {source} USING ({_TIME})"
    return query(joined, {"_time": f"epoch({_TIME})"} | columns, tail)


def build_chart(context: Context, command: spl.Command, rows: Relation) -> str:
    """Compute statistics by a field's values, in a column for each value of another: `over x by y`, or `by x y`."""
    reader = spl.Reader(command)
    found, given = aggregations(reader, command, rows, "over", "OVER")
    fields = list[str]()
    for least, word in enumerate(("over", "by")):
        if reader.take(word, word.upper()):
            while len(fields) <= least and reader.more() and not reader.at("by", "BY"):
                fields.append(reader.word().text)
                reader.take(",")
                more = options(reader, command)
                if "span" in more and len(fields) > 1:
                    raise spl.fail("'chart' takes span= behind the field of its rows", more["span"].position)
                given |= more
    reader.end()
    if not fields or len({*fields}) < len(fields) or "*" in "".join(fields):
        raise spl.fail("'chart' takes one field, or two: over x by y, or by x y", command.position)
    source, groups = split(rows, fields)
    key = groups[fields[0]]
    key = _binned(fields[0], key, given["span"]) if "span" in given else key
    source, tail = f"(FROM {source} WHERE {key.code} IS NOT NULL)", f"GROUP BY {key.code}"
    if len(fields) == 2:
        source, columns = _split_by(context, source, groups[fields[1]], found, key.code, given)
        tail += "" if columns else " LIMIT 0"
        columns = {"VALUE" * (name == fields[0]) + name: code for name, code in columns.items()}
    else:
        check_columns(found, fields)
        columns = {each.column: each.code() for each in found}
    code = query(source, {fields[0]: key.code} | columns, tail)
    own = ident(fields[0])
    return f"FROM ({code}) ORDER BY {as_number(Sql(own, key.kind))}, {own}"


def _flag(given: dict[str, spl.Node], name: str) -> bool:
    """Return an option that is true if it is not given."""
    return name not in given or is_true(given[name].text)


def _split_by(
    context: Context, source: str, value: Sql, found: list[Aggregation], key: str, given: dict[str, spl.Node]
) -> tuple[str, dict[str, str]]:
    """Return rows with their series, and a column for each statistic of each, by the options of a command.

    `value` is what splits, `key` the code of what makes the rows of the result.
    """
    most, lowest = _limit(given["limit"]) if "limit" in given else (10, False)
    labels = {NULL_SERIES: given.get("nullstr"), OTHER_SERIES: given.get("otherstr")}
    text = f"nullif({as_text(value)}, '')"
    ranked = [value for (value,) in context.fetch(_ranking(source, text, found, key))]
    values = [value for value in ranked if value is not None]
    top = (values[-most:] if lowest else values[:most]) if most else values
    for word in labels.values():
        if word and word.text in top:
            raise spl.fail(f"The label '{word.text}' is a value, too", word.position)
    series = {value: value for value in sorted(top)}
    more = [NULL_SERIES] * (_flag(given, "usenull") and None in ranked)
    more += [OTHER_SERIES] * (_flag(given, "useother") and len(top) < len(values))
    series |= {name: word.text if (word := labels[name]) else name for name in more}
    return f"(FROM {source} SELECT *, {_series_of(text, top)} AS {_SERIES})", _series_columns(found, series)


def _limit(word: spl.Node) -> tuple[int, bool]:
    """Read how many values keep a series of their own, and whether these are the lowest: 5, top5, bottom5."""
    match = re.fullmatch("(top|bottom)?([0-9]{1,9})", word.text)
    if not match:
        raise spl.fail(f"Expected a number, topN or bottomN, found '{word.text}'", word.position)
    return int(match[2]), match[1] == "bottom"


def _time_range(context: Context, code: str) -> tuple[float, float]:
    """Return the chart's first moment and the one after its last, epoch s; `code` fetches those of the events."""
    first, last = next(iter(context.fetch(code)), (None, None))
    start, end = context.earliest or first, context.latest or (None if last is None else last + 1e-6)
    return (0.0, 0.0) if start is None or end is None else (start, end)


def _ranking(source: str, text: str, found: list[Aggregation], key: str) -> str:
    """Write the query for the values to split by, best first, null among them.

    By the sum of the only statistic's values, or, if there are several statistics, by number of events; then by name.
    """
    score = f"TRY_CAST(CAST({found[0].code()} AS VARCHAR) AS DOUBLE)" if len(found) == 1 else "count(*)"
    scores = f'(FROM {source} SELECT {text} AS {_SERIES}, {score} AS "^ score" GROUP BY {text}, {key})'
    return f'FROM {scores} SELECT {_SERIES} GROUP BY {_SERIES} ORDER BY sum("^ score") DESC NULLS LAST, {_SERIES}'


def _series_of(text: str, top: list[str]) -> str:
    """Write which series a row belongs to, given the value that it is split by and the values with their own series."""
    own = ", ".join(map(quote, top)) or "NULL"
    none, other = quote(NULL_SERIES), quote(OTHER_SERIES)
    return f"CASE WHEN {text} IS NULL THEN {none} WHEN {text} IN ({own}) THEN {text} ELSE {other} END"


def _series_columns(found: list[Aggregation], series: dict[str, str]) -> dict[str, str]:
    """Write a column for each statistic of each series, which has a label."""
    columns = dict[str, str]()
    for each in found:
        for value, label in series.items():
            name = label if len(found) == 1 else f"{each.column}: {label}"
            prefix = "VALUE" if name.startswith("_") else ""  # as documented: it is not to be an internal field
            columns[prefix + name] = each.code(f"{_SERIES} = {quote(value)}")
    return columns

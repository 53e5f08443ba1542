"""Commands that count values: top and rare.

The meaning is that of the Search Reference. Where that leaves room, a choice of the sandbox: a row that lacks one of
the fields counts nowhere, in the percentages neither; each value of a multivalue field counts; of values that are as
frequent, the first by name comes first; groups come sorted, numbers before words.
"""

from sandbox.commands.options import options
from sandbox.commands.statistics import split
from sandbox.confs import is_true
from sandbox.search import spl
from sandbox.search.command import Context, names, whole
from sandbox.store import sql

MAX_ROWS = 50_000  # limits.conf, [top] maxresultrows; [rare] alike
_COUNT, _PLACE, _ALL = '"^ count"', '"^ place"', '"^ all"'  # columns of our own, as statistics.ROW is


def build_top(_: Context, command: spl.Command, rows: sql.Relation) -> str:
    """Count the most frequent combinations of values."""
    return _frequencies(command, rows, "DESC")


def build_rare(_: Context, command: spl.Command, rows: sql.Relation) -> str:
    """Count the least frequent combinations of values."""
    return _frequencies(command, rows, "ASC")


def _frequencies(command: spl.Command, rows: sql.Relation, order: str) -> str:
    reader = spl.Reader(command)
    number = reader.word() if command.name == "top" and reader.next.text.isdecimal() else None
    fields, given = list[spl.Node](), options(reader, command)
    while not fields or (reader.more() and not reader.at("by", "BY")):
        fields.append(reader.word())
        reader.take(",")
        given |= options(reader, command)
    by = names(reader) if reader.take("by", "BY") else []
    reader.end()
    number = given.get("limit", number)
    limit = (whole(number) if number else 10) or MAX_ROWS
    if number and limit > MAX_ROWS:
        raise spl.fail(f"'{command.name}' gives {MAX_ROWS} rows at most, not {limit}", number.position)
    text = {"countfield": "count", "percentfield": "percent", "otherstr": "OTHER"}
    text |= {name: word.text for name, word in given.items()}
    added = {}
    if is_true(text.get("showcount", "true")):
        added[text["countfield"]] = f"CAST(sum({_COUNT}) AS BIGINT)"
    if is_true(text.get("showperc", "true")):
        added[text["percentfield"]] = f"printf('%.6f', 100.0 * sum({_COUNT}) / any_value({_ALL}))"
    every = [*by, *(field.text for field in fields)]
    for field in (name for name in every if "*" in name):
        raise spl.fail(f"Wildcards are not supported in '{command.name}': '{field}'", command.position)
    if len({*every, *added}) < len(every) + len(added):
        raise spl.fail(f"Two columns have the same name: '{command.name}'", command.position)
    source, groups = split(rows, every)
    codes = {name: sql.as_text(value) for name, value in groups.items()}
    present = " AND ".join(f"{code} IS NOT NULL" for code in codes.values())
    places = ", ".join(str(place) for place in range(1, len(codes) + 1))
    counted = sql.query(source, codes, f"WHERE {present} GROUP BY {places}", f", count(*) AS {_COUNT}")
    own = ", ".join(sql.ident(field.text) for field in fields)
    group = f"PARTITION BY {', '.join(map(sql.ident, by))}" if by else ""
    ranks = f"row_number() OVER ({group} ORDER BY {_COUNT} {order}, {own}) AS {_PLACE}"
    ranked = f"FROM ({counted}) SELECT *, {ranks}, sum({_COUNT}) OVER ({group}) AS {_ALL}"
    others = is_true(text.get("useother", "false"))
    columns = {name: sql.ident(name) for name in every}
    columns |= {
        field.text: f"CASE WHEN {_PLACE} <= {limit} THEN {sql.ident(field.text)} ELSE {sql.quote(text['otherstr'])} END"
        for field in fields
    }
    place = f"least({_PLACE}, {limit + 1})"
    kept = "" if others else f"WHERE {_PLACE} <= {limit}"
    keys = ", ".join([*columns.values(), place])
    sorting = ", ".join(f"spl_num({sql.ident(name)}), {sql.ident(name)}" for name in by)
    found = sql.query(f"({ranked})", columns | added, f"{kept} GROUP BY {keys}", f", {place} AS {_PLACE}")
    return f"FROM ({found}) SELECT * EXCLUDE ({_PLACE}) ORDER BY {sorting + ', ' * bool(by)}{_PLACE}"

"""Commands that take rows one by one, or as they come: filters, columns, order.

Choices of the sandbox: mvexpand keeps a row without the field; sort keeps the order of equals and takes several values
as one text.
"""

import difflib
import re
from collections.abc import Sequence

from sandbox import confs
from sandbox.commands.options import options
from sandbox.confs import is_true
from sandbox.search import spl
from sandbox.search.command import Context, names, pattern, pick, whole
from sandbox.search.evaluation import evaluate
from sandbox.search.matching import matches
from sandbox.store import sql

_IPV4 = r"\d{1,3}(\.\d{1,3}){3}"
_PADDED = "list_transform(string_split({0}, '.'), lambda part: lpad(part, 3, '0')).array_to_string('.')"


def build_search(context: Context, command: spl.Command, rows: sql.Relation) -> str:
    """Keep the rows, or read the events, that match an expression."""
    reader = spl.SearchReader(command)
    condition = matches(reader.expression(), rows, context)
    reader.end()
    return sql.query(rows.source, sql.same(rows), f"WHERE {condition}")


def build_where(_: Context, command: spl.Command, rows: sql.Relation) -> str:
    """Keep the rows for which a condition is true."""
    reader = spl.EvalReader(command)
    condition = evaluate(reader.expression(), rows)
    reader.end()
    if condition.kind != "bool":
        raise spl.fail("A value stands where a condition is needed: 'where'", command.position)
    return sql.query(rows.source, sql.same(rows), f"WHERE {condition.code}")


def build_eval(_: Context, command: spl.Command, rows: sql.Relation) -> sql.Beside:
    """Compute fields; each assignment sees the ones before it."""
    reader, old, new = spl.EvalReader(command), rows, dict[str, str]()
    while not new or reader.take(","):
        target = reader.word()
        reader.expect("=")
        value = evaluate(reader.expression(), rows)
        if value.kind == "bool":
            raise spl.fail("Fields cannot be assigned a boolean result; use if(...)", target.position)
        kind = sql.COLUMN_TYPES.get(value.kind, "VARCHAR")
        code = sql.query(rows.source, sql.same(rows) | {target.text: f"CAST({value.code} AS {kind})"})
        rows = sql.Relation(f'({code}) AS "^all"', rows.columns | {target.text: kind})
        new[target.text] = f'"^all".{sql.ident(target.text)}'
    reader.end()
    return sql.Beside(sql.same(old) | new, rows.source)


def build_fields(_: Context, command: spl.Command, rows: sql.Relation) -> sql.Beside:
    """Keep these fields, or remove them."""
    return sql.Beside({name: sql.ident(name) for name in kept_fields(command, [*rows.columns])}, rows.source)


def kept_fields(command: spl.Command, columns: Sequence[str]) -> list[str]:
    """Return which columns the command fields keeps, in its order. Raises SearchError."""
    reader = spl.Reader(command)
    sign = reader.take("+", "-")
    if not sign and reader.next.text.startswith(("+", "-")):
        raise spl.fail("'fields' wants a blank after its sign", reader.next.position)
    chosen = [found for name in names(reader) for found in pick(name, [*columns])]
    if sign and sign.text == "-":
        return [name for name in columns if name not in chosen]
    return [name for name in dict.fromkeys([*chosen, "_time", "_raw"]) if name in columns]


def build_table(_: Context, command: spl.Command, rows: sql.Relation) -> sql.Beside:
    """Keep these fields, in this order."""
    columns: dict[str, str] = {}
    for name in names(spl.Reader(command)):  # a name that no row has still gives a column, a pattern does not
        for found in pick(name, [*rows.columns]) if "*" in name else [name]:
            columns.setdefault(found, sql.value_of(rows, found).code)
    return sql.Beside(columns, rows.source)


def build_rename(_: Context, command: spl.Command, rows: sql.Relation) -> sql.Beside:
    """Rename fields, by wildcards too."""
    reader, columns = spl.Reader(command), sql.same(rows)
    while reader.more():
        old = reader.word()
        reader.expect("as", "AS")
        new = reader.word().text.split("*")
        reader.take(",")
        if old.text.count("*") != len(new) - 1:
            raise spl.fail(f"The wildcards of '{old.text}' and '{'*'.join(new)}' do not pair", old.position)
        moved = {}
        for name in pick(old.text, [*columns]):
            found = pattern(old.text).fullmatch(name)
            moved[name] = "".join(map("".join, zip(new, [*(found.groups() if found else ()), ""], strict=True)))
        kept = {name: code for name, code in columns.items() if name in moved or name not in moved.values()}
        columns = {moved.get(name, name): code for name, code in kept.items()}
        if "*" not in old.text and not moved and new[0] in columns:
            columns[new[0]] = sql.NULL.code  # a field that is not there takes the other's place all the same
    return sql.Beside(columns, rows.source)


def build_mvexpand(_: Context, command: spl.Command, rows: sql.Relation) -> str:
    """Make a row of each value of a field."""
    reader = spl.Reader(command)
    field = reader.word().text
    reader.end()
    if field not in rows.columns:
        return sql.query(rows.source, sql.same(rows))
    values = sql.as_list(sql.value_of(rows, field))
    each = f"unnest(coalesce({values}, [NULL]))"  # keeps rows without a value
    return sql.query(rows.source, sql.same(rows) | {field: each})


def build_head(_: Context, command: spl.Command, rows: sql.Relation) -> str:
    """Keep the first rows."""
    return sql.query(rows.source, sql.same(rows), f"LIMIT {limit(command)}")


def limit(command: spl.Command) -> int:
    """Return how many rows the command head keeps. Raises SearchError."""
    reader = spl.Reader(command)
    most = whole(reader.word()) if reader.more() else 10
    reader.end()
    return most


def build_sort(_: Context, command: spl.Command, rows: sql.Relation) -> str:
    """Sort the rows."""
    reader, keys = spl.Reader(command), list[str]()
    limit = whole(reader.word()) if reader.next.text.isdecimal() else 10_000
    while not keys or reader.more():
        sign, word = reader.take("-", "+"), reader.word()
        if word.text in ("d", "desc") and keys and not reader.more():
            raise spl.fail(f"Unsupported option '{word.text}' of 'sort'", word.position)
        name = word.text if sign else word.text.lstrip("+-")
        order = "DESC" if (sign or word).text.startswith("-") else "ASC"
        if name == "str" and reader.take("("):
            value = sql.value_of(rows, reader.word().text)
            reader.expect(")")
            keys.append(f"{_sorted_text(value)} {order} NULLS LAST")
        else:
            keys += _sort_keys(sql.value_of(rows, name), order)
        reader.take(",")
    tail = f"ORDER BY {', '.join(keys)}, rowid" + (f" LIMIT {limit}" if limit else "")
    return sql.query(rows.source, sql.same(rows), tail)


def _sort_keys(value: sql.Sql, order: str) -> list[str]:
    """Order by numbers, addresses and words, as each value is; a row without one comes last, whatever the order."""
    if value.kind == "number":
        return [f"{value.code} {order} NULLS LAST"]
    text = _sorted_text(value)
    number = sql.as_number(sql.Sql(text, "text"))
    is_address = f"regexp_full_match({text}, {sql.quote(_IPV4)})"
    word_order = f"CASE WHEN {is_address} THEN {_PADDED.format(text)} ELSE {text} END"
    # numbers before words
    first = [f"{text} IS NULL", f"{number} {order} NULLS FIRST"] if order == "DESC" else [f"{number} NULLS LAST"]
    return [*first, f"{word_order} {order} NULLS LAST"]


def _sorted_text(value: sql.Sql) -> str:
    return f"array_to_string({value.code}, chr(10))" if value.kind == "list" else sql.as_text(value)


def build_reverse(_: Context, command: spl.Command, rows: sql.Relation) -> str:
    """Turn the order of the rows around."""
    spl.Reader(command).end()
    return sql.query(rows.source, sql.same(rows), "ORDER BY rowid DESC")


def build_addinfo(_: Context, command: spl.Command, rows: sql.Relation) -> sql.Beside:
    """Add the search's id and time range to each row."""
    spl.Reader(command).end()
    info = {f"info_{name}": f"getvariable('spl_{name}')" for name in ("min_time", "max_time", "sid", "search_time")}
    return sql.Beside(sql.same(rows) | info, rows.source)


def build_append(context: Context, command: spl.Command, rows: sql.Relation) -> str:
    """Add the rows of a subsearch below."""
    inner = re.fullmatch(r"\[(.*)\]", command.text, re.S)
    if not inner:
        raise spl.fail("'append' takes a subsearch in brackets and no options", command.position)
    return sql.union([rows, context.subsearch(inner[1], command.offset + 1)])


def build_savedsearch(context: Context, command: spl.Command, _: sql.Relation) -> str:
    """Run a saved search without its actions, over the time range of this one (a choice of the sandbox)."""
    reader = spl.Reader(command)
    name = reader.word()
    reader.end()
    saved = confs.load(context.app, "savedsearches")
    if "search" not in saved.get(name.text, {}):
        near = difflib.get_close_matches(name.text, saved, n=1)
        meant = f", did you mean '{near[0]}'?" if near else ""
        raise spl.fail(f"Unable to find saved search named '{name.text}'{meant}", name.position)
    text = spl.expand(saved[name.text]["search"], confs.load(context.app, "macros"))
    rows = context.subsearch(text, command.offset)
    return sql.query(rows.source, sql.same(rows))


def build_appendpipe(context: Context, command: spl.Command, rows: sql.Relation) -> str:
    """Run a pipeline over the rows, and append its result to them."""
    inner = re.fullmatch(r"\[(.*)\]", command.text, re.S)
    if not inner:
        raise spl.fail("'appendpipe' takes a pipeline in brackets and no options", command.position)
    return sql.union([rows, context.pipe(inner[1], command.offset + 1, rows)])


def build_makeresults(context: Context, command: spl.Command, _: sql.Relation) -> str:
    """Make rows."""
    reader = spl.Reader(command)
    given = options(reader, command)
    reader.end()
    columns = {"_time": "floor(getvariable('spl_now'))"}
    if "annotate" in given and is_true(given["annotate"].text):
        empty = dict.fromkeys(("host", "source", "sourcetype", "splunk_server_group"), sql.NULL.code)
        columns = {"_raw": sql.NULL.code} | columns | empty | {"splunk_server": sql.quote(context.server)}
    return sql.query(f"range({whole(given['count']) if 'count' in given else 1})", columns)

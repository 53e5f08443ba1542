"""SPL commands as DuckDB queries: one function per command, one line per eval function and per statistic.

A relation's columns are VARCHAR, DOUBLE, BIGINT or VARCHAR[] (several values); a field without a column is null.
The meaning is that of the Search Reference. Where that leaves room, or this is narrower:

- eval, where: text that looks like a number compares as a number with other such text, else by code point. A field
  with several values where one is needed is an error, outside the functions made for it (mvcount, mvjoin, ...).
- search: values compare as text, whatever their case; `<` and its kin as numbers if both sides look like numbers. Any
  one value of a multivalue field may match, for `!=` too. A bare term or phrase must stand between breakers.
- match and replace take DuckDB's regexes (RE2): what only PCRE knows, such as look-around, is an error.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from sandbox import spl
from sandbox.confs import is_true

# Run on each new connection. The variable spl_now, the search's start in epoch seconds, is set for each search.
# A macro is expanded in place, so it uses its arguments once (a lambda binds them): nested calls must not multiply.
SETUP = r"""
CREATE TEMP MACRO spl_num(x) AS
    TRY_CAST(regexp_extract(x, '^\s*([+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?)\s*$', 1) AS DOUBLE);
CREATE TEMP MACRO spl_text(x) AS regexp_replace(CAST(x AS VARCHAR), '\.0$', '');
CREATE TEMP MACRO spl_one(x) AS list_transform([x], lambda v:
    CASE WHEN len(v) > 1 THEN error('A field with several values stands where one is needed') ELSE v[1] END)[1];
CREATE TEMP MACRO spl_list(x) AS list_transform([x], lambda v: CASE WHEN v IS NOT NULL THEN [v] END)[1];
CREATE TEMP MACRO spl_some(x) AS list_transform([x], lambda v: CASE WHEN len(v) > 0 THEN v END)[1];
CREATE TEMP MACRO spl_plus(x, y) AS list_transform([[x, y]], lambda v:
    coalesce(spl_text(spl_num(v[1]) + spl_num(v[2])), v[1] || v[2]))[1];
CREATE TEMP MACRO spl_json(x) AS list_transform([x], lambda v: spl_some(
    CASE WHEN json_type(v) = 'ARRAY' THEN CAST(v AS VARCHAR[]) WHEN (v ->> '$') != '' THEN [v ->> '$'] END))[1];
CREATE TEMP MACRO spl_place(i) AS CASE WHEN i < 0 THEN i ELSE i + 1 END;
CREATE TEMP MACRO spl_slice(x, i) AS spl_some(list_slice(x, spl_place(i), spl_place(i))),
    (x, i, j) AS spl_some(list_slice(x, spl_place(i), spl_place(j)));
CREATE TEMP MACRO spl_nums(x) AS list_transform(x, lambda v: spl_num(v));
CREATE TEMP MACRO spl_numeric(x) AS len(list_filter(x, lambda v: spl_num(v) IS NULL)) = 0;
"""
MAX_CODE = 200_000  # characters of an expression's SQL, which can grow much faster than the SPL

# segmenters.conf (Splunk's default): major and minor breakers, and major ones that are a URL-encoded character.
_MAJOR = r"\[\]<>(){}|!;,'\"*\n\r\s\t&?+"
_BREAKER = rf"[{_MAJOR}/:=@.$#%\\_-]"
_ENCODED = "%(?:21|26|2526|3B|7C|20|2B|3D|2520|5D|5B|3A|0A|2C|28|29)"
_TIME_MODIFIERS = ("earliest", "latest", "_index_earliest", "_index_latest")


@dataclass(frozen=True)
class Relation:
    """Rows to query: the SQL of a FROM item and the type of each field's column."""

    source: str
    columns: dict[str, str]


@dataclass(frozen=True)
class Context:
    """Where a command runs: the server's name, and the way to the rows of a subsearch, given its text and offset."""

    server: str
    subsearch: Callable[[str, int], Relation]


class Sql(NamedTuple):
    """The code of a value and its kind: text, number, list, bool or null."""

    code: str
    kind: str


Build = Callable[[Context, spl.Command, Relation], str]


class Spec(NamedTuple):
    """A command: its translation, whether indexers may run it, whether it makes rows and so can come first."""

    build: Build
    distributable: bool
    generating: bool


NO_COLUMN = "^none"  # stands in rows that have no field; no field's column is named so
NULL = Sql("CAST(NULL AS VARCHAR)", "null")
COMMANDS: dict[str, Spec] = {}


def register(name: str, *, distributable: bool = False, generating: bool = False) -> Callable[[Build], Build]:
    """Enter a command's translation, a function from context, command and input relation to a query."""

    def enter(build: Build) -> Build:
        COMMANDS[name] = Spec(build, distributable, generating)
        return build

    return enter


def quote(text: str) -> str:
    """Write a string literal."""
    return "'" + text.replace("'", "''") + "'"


def column_name(field: str) -> str:
    """Name a field's column: DuckDB ignores case in names, SPL does not, so capitals are marked: `Id` becomes `^Id`."""
    return "".join("^" + char if char == "^" or char != char.lower() else char for char in field)


def field_name(column: str) -> str:
    """Name a column's field, the reverse of `column_name`."""
    return re.sub(r"\^(.)", r"\1", column, flags=re.S)


def ident(field: str) -> str:
    """Write the quoted name of a field's column."""
    return '"' + column_name(field).replace('"', '""') + '"'


def value_of(rows: Relation, field: str) -> Sql:
    """Refer to a field of a relation."""
    if field not in rows.columns:
        return NULL
    return Sql(ident(field), {"VARCHAR": "text", "VARCHAR[]": "list"}.get(rows.columns[field], "number"))


def as_text(value: Sql) -> str:
    """Convert to VARCHAR."""
    if value.kind == "bool":
        raise ValueError("A boolean stands where a value is needed")
    return {"number": f"spl_text({value.code})", "list": f"spl_one({value.code})"}.get(value.kind, value.code)


def as_number(value: Sql) -> str:
    """Convert to DOUBLE, null if it is no number."""
    return value.code if value.kind == "number" else f"spl_num({as_text(value)})"


def as_list(value: Sql) -> str:
    """Convert to VARCHAR[]."""
    return value.code if value.kind == "list" else f"spl_list({as_text(value)})"


def as_condition(value: Sql) -> str:
    """Take a boolean."""
    if value.kind != "bool":
        raise ValueError("A value stands where a condition is needed")
    return value.code


def query(source: str, columns: Mapping[str, str], tail: str = "", more: str = "") -> str:
    """Write a query for these fields, each given by its code. `tail` follows the source, as in `WHERE ...`."""
    codes = [f"{code} AS {ident(name)}" for name, code in columns.items()] or [f'NULL AS "{NO_COLUMN}"']
    return f"FROM {source} SELECT {', '.join(codes)}{more} {tail}"


def same(rows: Relation) -> dict[str, str]:
    """Take every field as it is."""
    return {name: ident(name) for name in rows.columns}


def union(tables: Sequence[Relation], newest_first: bool = False) -> str:
    """Put tables one below the other, in their order or by descending _time; each field gets one type."""
    kinds: dict[str, set[str]] = {}
    for table in tables:
        for name in table.columns:
            kinds.setdefault(name, set()).add(value_of(table, name).kind)

    def cast(value: Sql, kinds: set[str]) -> str:
        if kinds == {"number"}:
            return f"CAST({value.code} AS DOUBLE)"
        return as_list(value) if "list" in kinds else as_text(value)

    parts = []
    for at, table in enumerate(tables):
        columns = {name: cast(value_of(table, name), kinds[name]) for name in kinds}
        parts.append(query(table.source, columns, more=f', {at} AS "^part", rowid AS "^row"'))  # no field is named so
    order = f"{ident('_time')} DESC NULLS LAST, " if newest_first and kinds.get("_time") == {"number"} else ""
    return f'FROM ({" UNION ALL ".join(parts)}) SELECT * EXCLUDE ("^part", "^row") ORDER BY {order}"^part", "^row"'


# Expressions of eval and where


def evaluate(node: spl.Node, rows: Relation) -> Sql:
    """Translate an expression. Raises SearchError for an unknown function, wrong arguments or a misplaced boolean."""
    leaves = {"string": Sql(quote(node.text), "text"), "number": Sql(f"CAST({node.text} AS DOUBLE)", "number")}
    if node.kind in ("name", *leaves):
        return leaves.get(node.kind) or value_of(rows, node.text)
    args = [evaluate(arg, rows) for arg in node.args]
    try:
        if node.kind == "not":
            return Sql(f"(NOT {as_condition(args[0])})", "bool")
        if node.kind in ("and", "or"):
            return Sql(f"({f' {node.kind} '.join(map(as_condition, args))})", "bool")
        if node.kind == "in":
            return Sql(f"({' OR '.join(compare('=', args[0], choice) for choice in args[1:])})", "bool")
        if node.kind == "compare":
            return Sql(compare(node.text, *args), "bool")
        if node.text not in FUNCTIONS:
            raise ValueError("Unsupported function")
        if sum(len(arg.code) for arg in args) > MAX_CODE:
            raise ValueError("Too large an expression")
        return FUNCTIONS[node.text](args)
    except ValueError as error:
        raise spl.fail(f"{error}: '{node.text}'", node.position) from None


def compare(operator: str, left: Sql, right: Sql) -> str:
    """Write a comparison: of numbers if both sides are or look like numbers, else of texts."""
    if left.kind == right.kind == "number":
        return f"({left.code} {operator} {right.code})"
    numbers, texts = ([form(value) for value in (left, right)] for form in (as_number, as_text))
    both = f"{numbers[0]} IS NOT NULL AND {numbers[1]} IS NOT NULL"
    return f"(CASE WHEN {both} THEN {numbers[0]} {operator} {numbers[1]} ELSE {texts[0]} {operator} {texts[1]} END)"


CONVERTERS: dict[str, Callable[[Sql], str]] = {"t": as_text, "n": as_number, "l": as_list, "v": lambda v: v.code}
CONVERTERS["i"] = lambda value: f"CAST({as_number(value)} AS INTEGER)"


def _function(kind: str, takes: str, form: str) -> Callable[[list[Sql]], Sql]:
    """Make an eval function of a kind from its signature and code.

    `takes` has one letter for each argument: t text, n number, i integer, l list, v any value; then `?` if the last may
    be missing, `*` if it may come any number of times. In `form`, {0}, {1} are the arguments and {args} all of them.
    """
    most = len(takes.rstrip("?*")) if takes[-1:] != "*" else 200
    least = len(takes.rstrip("?*")) - (takes[-1:] == "?")

    def build(args: list[Sql]) -> Sql:
        if not least <= len(args) <= most:
            raise ValueError("Wrong number of arguments")
        letters = takes.rstrip("?*").ljust(len(args), takes[:1] or " ")
        codes = [CONVERTERS[letter](arg) for letter, arg in zip(letters, args, strict=False)]
        return Sql(form.format(*codes, args=", ".join(codes)), kind)

    return build


def _choose(values: Sequence[Sql], form: Callable[[list[str]], str]) -> Sql:
    """Write code that picks one of several values, which are brought to one kind."""
    kinds = {value.kind for value in values} - {"null"}
    kind = "list" if "list" in kinds else "number" if kinds == {"number"} else "text"
    return Sql(form([CONVERTERS[kind[0]](value) for value in values]), kind)


def _case(args: list[Sql]) -> Sql:
    if not args or len(args) % 2:
        raise ValueError("Wrong number of arguments")
    tests = [f"WHEN {as_condition(test)} THEN " for test in args[::2]]
    return _choose(args[1::2], lambda codes: f"(CASE {' '.join(map(str.__add__, tests, codes))} END)")


def _plus(args: list[Sql]) -> Sql:
    """Add numbers, join texts: a field's text counts as a number if it looks like one, a literal's never does."""
    if any(arg.kind == "number" for arg in args):
        return _function("number", "nn", "({0} + {1})")(args)
    literal = any(arg.code.startswith("'") for arg in args)
    return _function("text", "tt", "({0} || {1})" if literal else "spl_plus({args})")(args)


FUNCTIONS: dict[str, Callable[[list[Sql]], Sql]] = {
    "+": _plus,
    "-": _function("number", "nn", "({0} - {1})"),
    "*": _function("number", "nn", "({0} * {1})"),
    "/": _function("number", "nn", "({0} / nullif({1}, 0))"),
    "%": _function("number", "nn", "({0} % nullif({1}, 0))"),
    ".": _function("text", "tt", "({0} || {1})"),
    "case": _case,
    "coalesce": lambda args: _choose(args, lambda codes: f"coalesce({', '.join(codes)})"),
    "false": _function("bool", "", "false"),
    "if": lambda args: _case([*args[:2], Sql("true", "bool"), *args[2:]]),
    "isnotnull": _function("bool", "v", "({0} IS NOT NULL)"),
    "isnull": _function("bool", "v", "({0} IS NULL)"),
    "len": _function("number", "t", "length({0})"),
    "like": _function("bool", "tt", r"like_escape({args}, '\')"),
    "lower": _function("text", "t", "lower({0})"),
    "match": _function("bool", "tt", "regexp_matches({args})"),
    "mvappend": _function("list", "l*", "spl_some(list_concat({args}))"),
    "mvcount": _function("number", "l", "len({0})"),
    "mvindex": _function("list", "lii?", "spl_slice({args})"),
    "mvjoin": _function("text", "lt", "array_to_string({args})"),
    "now": _function("number", "", "floor(getvariable('spl_now'))"),
    "null": _function(NULL.kind, "", NULL.code),
    "replace": _function("text", "ttt", "regexp_replace({args}, 'g')"),
    "round": _function("number", "ni?", "round({args})"),
    "split": _function("list", "tt", "string_split({args})"),
    "substr": _function("text", "tii?", "substr({args})"),
    "time": _function("number", "", "getvariable('spl_now')"),
    "tonumber": _function("number", "n", "{0}"),
    "tostring": _function("text", "t", "{0}"),
    "true": _function("bool", "", "true"),
    "upper": _function("text", "t", "upper({0})"),
}


# The expression of search


def matches(node: spl.Node, rows: Relation) -> str:
    """Translate a search expression to a condition, which may be null for a row that does not match."""
    if node.kind == "not":
        return f"({matches(node.args[0], rows)} IS NOT TRUE)"
    if node.kind in ("and", "or"):
        return f"({f' {node.kind} '.join(matches(arg, rows) for arg in node.args)})"
    if not node.args:
        return _term(node.text, rows)
    field = node.args[0].text
    if field in _TIME_MODIFIERS:
        return _time_range(field, node, rows)
    value, operator = value_of(rows, field), "=" if node.kind == "in" else node.text
    one = "v" if value.kind == "list" else as_text(value)
    form = _index_test if field == "index" else _test
    test = " OR ".join(form(one, operator, choice.text) for choice in node.args[1:])
    return f"(len(list_filter({value.code}, lambda v: {test})) > 0)" if one == "v" else f"({test})"


def names_index(node: spl.Node) -> bool:
    """Tell whether a search expression says which indexes it means."""
    return (
        any(map(names_index, node.args))
        if node.kind in ("not", "and", "or")
        else bool(node.args and node.args[0].text == "index")
    )


def _time_range(modifier: str, node: spl.Node, rows: Relation) -> str:
    """Translate `earliest=<epoch s>` (inclusive) and `latest=<epoch s>` (exclusive)."""
    bounds = {"earliest": ">=", "latest": "<"}
    moment = node.args[1].text
    if modifier not in bounds or node.text != "=" or not re.fullmatch(r"[0-9]{1,12}(\.[0-9]+)?", moment):
        raise spl.fail(f"The time modifier '{modifier}' is supported only with an epoch time", node.position)
    return f"({as_number(value_of(rows, '_time'))} {bounds[modifier]} {moment})"


def _test(code: str, operator: str, value: str) -> str:
    if operator in ("=", "==", "!="):
        pattern = re.sub(r"([%_\\])", r"\\\1", value).replace("*", "%")
        return f"{code} {'NOT ' if operator == '!=' else ''}ILIKE {quote(pattern)} ESCAPE '\\'"
    return compare(operator, Sql(f"lower({code})", "text"), Sql(quote(value.lower()), "text"))


def _index_test(code: str, operator: str, value: str) -> str:
    """Test an index: a wildcard at the start means no internal one, whose name begins with `_`."""
    test = _test(code, operator, value)
    return f"({test} AND NOT starts_with({code}, '_'))" if operator in ("=", "==") and value[:1] == "*" else test


def _term(term: str, rows: Relation) -> str:
    if not term.strip("*"):
        return "true"  # also for rows without _raw, so that the empty filter macros keep every row
    pattern = "".join(rf"[^{_MAJOR}]*" if char == "*" else re.escape(char) for char in term)
    if not re.match(_BREAKER, term[0]):
        pattern = f"(?:^|{_BREAKER}|{_ENCODED}){pattern}"
    if not re.match(_BREAKER, term[-1]):
        pattern = f"{pattern}(?:$|{_BREAKER})"
    return f"regexp_matches({as_text(value_of(rows, '_raw'))}, {quote('(?i)' + pattern)})"


# Commands


def options(command: spl.Command, *allowed: str) -> dict[str, spl.Node]:
    """Read arguments that are all `name=value`. Raises SearchError for a name that is not allowed."""
    reader, values = spl.Reader(command), {}
    while reader.more():
        name = reader.word()
        if name.text not in allowed:
            raise spl.fail(f"Unsupported option '{name.text}' of '{command.name}'", name.position)
        reader.expect("=")
        values[name.text] = reader.word()
    return values


def _names(reader: spl.Reader) -> list[str]:
    """Read a list of names, separated by commas or blanks, to the end."""
    names: list[str] = []
    while not names or reader.more():
        names.append(reader.word().text)
        reader.take(",")
    return names


def _whole(word: spl.Node) -> int:
    if not re.fullmatch("[0-9]{1,9}", word.text):
        raise spl.fail(f"Expected a whole number, found '{word.text}'", word.position)
    return int(word.text)


def _pattern(name: str) -> re.Pattern[str]:
    return re.compile(re.escape(name).replace(r"\*", "(.*)"), re.S)


def _pick(name: str, fields: Sequence[str]) -> list[str]:
    """Find the fields that a name with wildcards means; internal ones only if it begins with `_` itself."""
    return [field for field in fields if _pattern(name).fullmatch(field) and (name[0] == "_" or field[0] != "_")]


@register("search", distributable=True, generating=True)
def _search(_: Context, command: spl.Command, rows: Relation) -> str:
    reader = spl.SearchReader(command)
    condition = matches(reader.expression(), rows)
    reader.end()
    return query(rows.source, same(rows), f"WHERE {condition}")


@register("where", distributable=True)
def _where(_: Context, command: spl.Command, rows: Relation) -> str:
    reader = spl.EvalReader(command)
    condition = evaluate(reader.expression(), rows)
    reader.end()
    if condition.kind != "bool":
        raise spl.fail("A value stands where a condition is needed: 'where'", command.position)
    return query(rows.source, same(rows), f"WHERE {condition.code}")


@register("eval", distributable=True)
def _eval(_: Context, command: spl.Command, rows: Relation) -> str:
    reader, code = spl.EvalReader(command), ""
    while not code or reader.take(","):  # each assignment sees the ones before it
        target = reader.word()
        reader.expect("=")
        value = evaluate(reader.expression(), rows)
        if value.kind == "bool":
            raise spl.fail("Fields cannot be assigned a boolean result; use if(...)", target.position)
        kind = {"number": "DOUBLE", "list": "VARCHAR[]"}.get(value.kind, "VARCHAR")
        code = query(rows.source, same(rows) | {target.text: f"CAST({value.code} AS {kind})"})
        rows = Relation(f"({code})", rows.columns | {target.text: kind})
    reader.end()
    return code


@register("fields", distributable=True)
def _fields(_: Context, command: spl.Command, rows: Relation) -> str:
    reader = spl.Reader(command)
    sign = reader.take("+", "-")
    if not sign and reader.next.text.startswith(("+", "-")):
        raise spl.fail("'fields' wants a blank after its sign", reader.next.position)
    chosen = [found for name in _names(reader) for found in _pick(name, [*rows.columns])]
    if sign and sign.text == "-":
        return query(rows.source, {name: ident(name) for name in rows.columns if name not in chosen})
    return query(rows.source, {name: ident(name) for name in [*chosen, "_time", "_raw"] if name in rows.columns})


@register("table")
def _table(_: Context, command: spl.Command, rows: Relation) -> str:
    columns: dict[str, str] = {}
    for name in _names(spl.Reader(command)):  # a name that no row has still gives a column, a pattern does not
        for found in _pick(name, [*rows.columns]) if "*" in name else [name]:
            columns.setdefault(found, value_of(rows, found).code)
    return query(rows.source, columns)


@register("rename", distributable=True)
def _rename(_: Context, command: spl.Command, rows: Relation) -> str:
    reader, columns = spl.Reader(command), same(rows)
    while reader.more():
        old = reader.word()
        reader.expect("as", "AS")
        new = reader.word().text.split("*")
        reader.take(",")
        if old.text.count("*") != len(new) - 1:
            raise spl.fail(f"The wildcards of '{old.text}' and '{'*'.join(new)}' do not pair", old.position)
        moved = {}
        for name in _pick(old.text, [*columns]):
            found = _pattern(old.text).fullmatch(name)
            moved[name] = "".join(map("".join, zip(new, [*(found.groups() if found else ()), ""], strict=True)))
        kept = {name: code for name, code in columns.items() if name in moved or name not in moved.values()}
        columns = {moved.get(name, name): code for name, code in kept.items()}
    return query(rows.source, columns)


@register("mvexpand", distributable=True)
def _mvexpand(_: Context, command: spl.Command, rows: Relation) -> str:
    reader = spl.Reader(command)
    field = reader.word().text
    reader.end()
    if field not in rows.columns:
        return query(rows.source, same(rows))
    values = as_list(value_of(rows, field))
    return query(rows.source, same(rows) | {field: f"unnest(coalesce({values}, [NULL]))"})  # keeps rows without a value


@register("head")
def _head(_: Context, command: spl.Command, rows: Relation) -> str:
    reader = spl.Reader(command)
    limit = _whole(reader.word()) if reader.more() else 10
    reader.end()
    return query(rows.source, same(rows), f"LIMIT {limit}")


@register("sort")
def _sort(_: Context, command: spl.Command, rows: Relation) -> str:
    reader, keys = spl.Reader(command), list[str]()
    limit = _whole(reader.word()) if reader.next.text.isdecimal() else 10_000
    while not keys or reader.more():
        sign, word = reader.take("-", "+"), reader.word()
        if word.text in ("d", "desc") and keys and not reader.more():
            raise spl.fail(f"Unsupported option '{word.text}' of 'sort'", word.position)
        name = word.text if sign else word.text.lstrip("+-")
        order = "DESC" if (sign or word).text.startswith("-") else "ASC"
        value = value_of(rows, name)
        text = f"array_to_string({value.code}, chr(10))" if value.kind == "list" else as_text(value)
        number = as_number(value if value.kind == "number" else Sql(text, "text"))
        # numbers before words; a row without the field comes last, whatever the order
        keys += [f"{text} IS NULL", f"{number} IS NULL {order}", f"{number} {order}", f"{text} {order}"]
        reader.take(",")
    return query(rows.source, same(rows), f"ORDER BY {', '.join(keys)}, rowid" + (f" LIMIT {limit}" if limit else ""))


@register("addinfo", distributable=True)
def _addinfo(_: Context, command: spl.Command, rows: Relation) -> str:
    spl.Reader(command).end()
    info = {f"info_{name}": f"getvariable('spl_{name}')" for name in ("min_time", "max_time", "sid", "search_time")}
    return query(rows.source, same(rows) | info)


@register("append")
def _append(context: Context, command: spl.Command, rows: Relation) -> str:
    inner = re.fullmatch(r"\[(.*)\]", command.text, re.S)
    if not inner:
        raise spl.fail("'append' takes a subsearch in brackets and no options", command.position)
    return union([rows, context.subsearch(inner[1], command.offset + 1)])


@register("makeresults", generating=True)
def _makeresults(context: Context, command: spl.Command, _: Relation) -> str:
    given = options(command, "count", "annotate", "splunk_server")
    columns = {"_time": "floor(getvariable('spl_now'))"}
    if "annotate" in given and is_true(given["annotate"].text):
        empty = dict.fromkeys(("host", "source", "sourcetype", "splunk_server_group"), NULL.code)
        columns = {"_raw": NULL.code} | columns | empty | {"splunk_server": quote(context.server)}
    return query(f"range({_whole(given['count']) if 'count' in given else 1})", columns)


# Each statistic's code, given the code of the list of a field's values.
STATISTICS = {
    "avg": "list_avg(spl_nums({0}))",
    "count": "len({0})",
    "dc": "len(list_distinct({0}))",
    "distinct_count": "len(list_distinct({0}))",
    "max": "CASE WHEN spl_numeric({0}) THEN spl_text(list_max(spl_nums({0}))) ELSE list_max({0}) END",
    "min": "CASE WHEN spl_numeric({0}) THEN spl_text(list_min(spl_nums({0}))) ELSE list_min({0}) END",
    "sum": "list_sum(spl_nums({0}))",
    "values": "spl_some(list_sort(list_distinct({0})))",
}


@register("stats")
def _stats(_: Context, command: spl.Command, rows: Relation) -> str:
    reader, results = spl.Reader(command), dict[str, str]()
    while not results or (reader.more() and not reader.at("by", "BY")):
        function = reader.word()
        label, code = function.text, "count(*)"
        if label not in STATISTICS:
            raise spl.fail(f"Unsupported statistic '{label}'", function.position)
        if label != "count" or reader.at("("):
            reader.expect("(")
            field = reader.word()
            reader.expect(")")
            if "*" in field.text:
                raise spl.fail(f"Wildcards are not supported in '{label}({field.text})'", field.position)
            values = as_list(value_of(rows, field.text))
            values = f"coalesce(flatten(list({values}) FILTER (WHERE {values} IS NOT NULL)), [])"
            label, code = f"{label}({field.text})", STATISTICS[label].format(values)
        results[reader.word().text if reader.take("as", "AS") else label] = code
        reader.take(",")
    source, order, groups = rows.source, list[str](), dict[str, str]()
    for name in _names(reader) if reader.take("by", "BY") else []:
        value = value_of(rows, name)
        groups[name] = value.code
        if value.kind == "list":  # a row counts once for each value of the field that it is grouped by
            source = f"(FROM {source} SELECT * REPLACE (unnest({value.code}) AS {value.code}))"
            value = Sql(value.code, "text")
        order += [as_number(value), value.code]
    reader.end()
    present = "".join(f" AND {code} IS NOT NULL" for code in groups.values())
    by = f" GROUP BY {', '.join(str(place + 1) for place in range(len(groups)))}" if groups else ""
    tail = f"ORDER BY {', '.join(order)}" if order else ""
    return f"FROM ({query(source, groups | results, f'WHERE true{present}{by}')}) {tail}"

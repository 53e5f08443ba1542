"""SPL commands as DuckDB queries: one function per command, one entry per eval function and per statistic.

A relation's columns are VARCHAR, DOUBLE, BIGINT or VARCHAR[] (several values); a field without a column is null.
The meaning is that of the Search Reference. Where it leaves room, or this is narrower:

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
from sandbox.errors import SearchError

# Run on each new connection. The variable spl_now, the search's start in epoch seconds, is set for each search.
SETUP = r"""
CREATE TEMP MACRO spl_num(x) AS
    CASE WHEN regexp_full_match(x, '\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*') THEN TRY_CAST(x AS DOUBLE) END;
CREATE TEMP MACRO spl_text(x) AS
    CASE WHEN x = trunc(x) AND abs(x) < 9e15 THEN CAST(CAST(x AS BIGINT) AS VARCHAR) ELSE CAST(x AS VARCHAR) END;
CREATE TEMP MACRO spl_one(x) AS
    CASE WHEN len(x) > 1 THEN error('A field with several values stands where one is needed') ELSE x[1] END;
CREATE TEMP MACRO spl_list(x) AS CASE WHEN x IS NOT NULL THEN [x] END;
CREATE TEMP MACRO spl_some(x) AS CASE WHEN len(x) > 0 THEN x END;
"""
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


Build = Callable[[Context, spl.Command, Relation], str]


class Spec(NamedTuple):
    """A command: its translation, whether indexers may run it, whether it makes rows and so comes first."""

    build: Build
    distributable: bool
    generating: bool


class Sql(NamedTuple):
    """The code of a value and its kind: text, number, list, bool or null."""

    code: str
    kind: str


NULL = Sql("CAST(NULL AS VARCHAR)", "null")
COMMANDS: dict[str, Spec] = {}


def register(name: str, *, distributable: bool = False, generating: bool = False) -> Callable[[Build], Build]:
    """Enter a command's translation, a function from context, command and input relation to a SELECT."""

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


def value_of(relation: Relation, field: str) -> Sql:
    """Refer to a field of a relation."""
    if field not in relation.columns:
        return NULL
    return Sql(ident(field), {"VARCHAR": "text", "VARCHAR[]": "list"}.get(relation.columns[field], "number"))


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


def select(columns: Mapping[str, str], source: str, tail: str = "", more: str = "") -> str:
    """Write a SELECT of these fields, each given by its code."""
    if not columns:
        raise SearchError("No field is left in the results.")
    return (
        f"SELECT {', '.join(f'{code} AS {ident(name)}' for name, code in columns.items())}{more} FROM {source} {tail}"
    )


def same(relation: Relation) -> dict[str, str]:
    """Take every field as it is."""
    return {name: ident(name) for name in relation.columns}


def union(relations: Sequence[Relation], newest_first: bool = False) -> str:
    """Put tables one below the other, in their order or by descending _time; each field gets one type."""
    kinds: dict[str, set[str]] = {}
    for relation in relations:
        for name in relation.columns:
            kinds.setdefault(name, set()).add(value_of(relation, name).kind)

    def cast(relation: Relation, name: str) -> str:
        value = value_of(relation, name)
        if kinds[name] == {"number"}:
            return f"CAST({value.code} AS DOUBLE)"
        return as_list(value) if "list" in kinds[name] else as_text(value)

    parts = [  # no field's column has a name like "^part", so these are safe
        select({name: cast(table, name) for name in kinds}, table.source, more=f', {at} AS "^part", rowid AS "^row"')
        for at, table in enumerate(relations)
    ]
    order = f"{ident('_time')} DESC NULLS LAST, " if newest_first and kinds.get("_time") == {"number"} else ""
    return f'SELECT * EXCLUDE ("^part", "^row") FROM ({" UNION ALL ".join(parts)}) ORDER BY {order}"^part", "^row"'


# Expressions of eval and where


def evaluate(node: spl.Node, relation: Relation) -> Sql:
    """Translate an expression. Raises SearchError for an unknown function, wrong arguments or a misplaced boolean."""
    if node.kind == "field":
        return value_of(relation, node.text)
    if node.kind in ("string", "number"):
        return Sql(quote(node.text), "text") if node.kind == "string" else Sql(f"{node.text}::DOUBLE", "number")
    args = [evaluate(arg, relation) for arg in node.args]
    try:
        if node.kind in ("and", "or", "not"):
            return _logic(node.kind, args)
        if node.kind == "in":
            return _logic("or", [_compare("=", args[0], choice) for choice in args[1:]])
        if node.kind == "compare":
            return _compare(node.text, *args)
        if node.text not in FUNCTIONS:
            raise ValueError("Unsupported function")
        function = FUNCTIONS[node.text]
        if not function.least <= len(args) <= function.most:
            raise ValueError("Wrong number of arguments")
        return function.build(args)
    except ValueError as error:
        raise spl.fail(f"{error}: '{node.text}'", node.position) from None


def _logic(kind: str, args: Sequence[Sql]) -> Sql:
    if any(arg.kind != "bool" for arg in args):
        raise ValueError("Expected a boolean as operand")
    return Sql(f"(NOT {args[0].code})" if kind == "not" else f"({f' {kind} '.join(arg.code for arg in args)})", "bool")


def _compare(operator: str, left: Sql, right: Sql) -> Sql:
    operator = "=" if operator == "==" else operator
    if left.kind == right.kind == "number":
        return Sql(f"({left.code} {operator} {right.code})", "bool")
    numbers = [as_number(value) for value in (left, right)]
    both = f"{numbers[0]} IS NOT NULL AND {numbers[1]} IS NOT NULL"
    as_numbers, as_texts = f"{numbers[0]} {operator} {numbers[1]}", f"{as_text(left)} {operator} {as_text(right)}"
    return Sql(f"(CASE WHEN {both} THEN {as_numbers} ELSE {as_texts} END)", "bool")


def _choose(values: Sequence[Sql], form: Callable[[list[str]], str]) -> Sql:
    """Build code around values of which one will be the result, brought to one kind."""
    kinds = {value.kind for value in values} - {"null"}
    if "list" in kinds:
        return Sql(form([as_list(value) for value in values]), "list")
    if kinds == {"number"}:
        return Sql(form([value.code for value in values]), "number")
    return Sql(form([as_text(value) for value in values]), "text")


def _case(args: list[Sql]) -> Sql:
    if len(args) % 2:
        raise ValueError("A condition without a value")
    tests = [_logic("and", [test]).code for test in args[::2]]
    return _choose(
        args[1::2],
        lambda values: f"(CASE {' '.join(f'WHEN {t} THEN {v}' for t, v in zip(tests, values, strict=True))} END)",
    )


def _plus(args: list[Sql]) -> Sql:
    """Add numbers, join texts; a field's text counts as a number if it looks like one, a literal never does."""
    if all(arg.kind == "number" for arg in args):
        return _arithmetic("+")(args)
    if any(arg.kind == "number" for arg in args):
        return Sql(f"({as_number(args[0])} + {as_number(args[1])})", "number")
    texts, numbers = [as_text(arg) for arg in args], [as_number(arg) for arg in args]
    joined, total = f"{texts[0]} || {texts[1]}", f"{numbers[0]} + {numbers[1]}"
    if any(arg.code.startswith("'") for arg in args):
        return Sql(f"({joined})", "text")
    return Sql(f"(CASE WHEN {total} IS NOT NULL THEN spl_text({total}) ELSE {joined} END)", "text")


def _arithmetic(operator: str) -> Callable[[list[Sql]], Sql]:
    def build(args: list[Sql]) -> Sql:
        right = f"nullif({as_number(args[1])}, 0)" if operator in "/%" else as_number(args[1])
        return Sql(f"({as_number(args[0])} {operator} {right})", "number")

    return build


def _mvindex(args: list[Sql]) -> Sql:
    values = as_list(args[0])
    places = [
        f"CAST({as_number(arg)} + CASE WHEN {as_number(arg)} < 0 THEN 0 ELSE 1 END AS BIGINT)" for arg in args[1:]
    ]
    if len(places) == 1:
        return Sql(f"list_extract({values}, {places[0]})", "text")
    return Sql(f"spl_some(list_slice({values}, {', '.join(places)}))", "list")


def _tostring(args: list[Sql]) -> Sql:
    value = args[0]
    code = f"CASE {value.code} WHEN true THEN 'True' WHEN false THEN 'False' END" if value.kind == "bool" else None
    return Sql(code or as_text(value), "text")


def _texts(kind: str, form: str) -> Callable[[list[Sql]], Sql]:
    """Build from arguments that are all texts, {0}, {1}, ... in the form."""
    return lambda args: Sql(form.format(*map(as_text, args)), kind)


def _integers(kind: str, name: str, first: Callable[[Sql], str]) -> Callable[[list[Sql]], Sql]:
    """Build a call whose arguments after the first are whole numbers."""
    whole = "CAST({} AS INTEGER)".format
    return lambda args: Sql(
        f"{name}({', '.join([first(args[0]), *(whole(as_number(arg)) for arg in args[1:])])})", kind
    )


class Function(NamedTuple):
    """An eval function or operator: the least and most arguments it takes, and how to build its code from theirs."""

    least: int
    most: int
    build: Callable[[list[Sql]], Sql]


FUNCTIONS: dict[str, Function] = {
    ".": Function(2, 2, _texts("text", "({0} || {1})")),
    "+": Function(2, 2, _plus),
    **{operator: Function(2, 2, _arithmetic(operator)) for operator in "-*/%"},
    "if": Function(3, 3, lambda args: _case([*args[:2], Sql("true", "bool"), args[2]])),
    "case": Function(2, 200, _case),
    "coalesce": Function(1, 200, lambda args: _choose(args, lambda codes: f"coalesce({', '.join(codes)})")),
    "isnull": Function(1, 1, lambda args: Sql(f"({args[0].code} IS NULL)", "bool")),
    "isnotnull": Function(1, 1, lambda args: Sql(f"({args[0].code} IS NOT NULL)", "bool")),
    "null": Function(0, 0, lambda _: NULL),
    "true": Function(0, 0, lambda _: Sql("true", "bool")),
    "false": Function(0, 0, lambda _: Sql("false", "bool")),
    "like": Function(2, 2, _texts("bool", "({0} LIKE {1} ESCAPE '\\')")),
    "match": Function(2, 2, _texts("bool", "regexp_matches({0}, {1})")),
    "replace": Function(3, 3, _texts("text", "regexp_replace({0}, {1}, {2}, 'g')")),
    "lower": Function(1, 1, _texts("text", "lower({0})")),
    "upper": Function(1, 1, _texts("text", "upper({0})")),
    "len": Function(1, 1, _texts("number", "length({0})")),
    "substr": Function(2, 3, _integers("text", "substr", as_text)),
    "round": Function(1, 2, _integers("number", "round", as_number)),
    "split": Function(2, 2, _texts("list", "string_split({0}, {1})")),
    "mvappend": Function(1, 200, lambda args: Sql(f"spl_some(list_concat({', '.join(map(as_list, args))}))", "list")),
    "mvcount": Function(1, 1, lambda args: Sql(f"len({as_list(args[0])})", "number")),
    "mvindex": Function(2, 3, _mvindex),
    "mvjoin": Function(2, 2, lambda args: Sql(f"array_to_string({as_list(args[0])}, {as_text(args[1])})", "text")),
    "tostring": Function(1, 1, _tostring),
    "tonumber": Function(1, 1, lambda args: Sql(as_number(args[0]), "number")),
    "now": Function(0, 0, lambda _: Sql("floor(getvariable('spl_now'))", "number")),
    "time": Function(0, 0, lambda _: Sql("getvariable('spl_now')", "number")),
}


# The expression of search


def matches(node: spl.Node, relation: Relation) -> str:
    """Translate a search expression to a condition, which may be null for a row that does not match."""
    if node.kind == "not":
        return f"(({matches(node.args[0], relation)}) IS NOT TRUE)"
    if node.kind in ("and", "or"):
        return f"({f' {node.kind} '.join(matches(arg, relation) for arg in node.args)})"
    if node.kind == "term":
        return _term(node.text, relation)
    field = node.args[0].text
    if field in _TIME_MODIFIERS:
        raise spl.fail(f"The time modifier '{field}' is not supported in the search text", node.position)
    value = value_of(relation, field)
    tests = [_test("=" if node.kind == "in" else node.text, choice.text) for choice in node.args[1:]]
    if value.kind == "list":
        return f"len(list_filter({value.code}, lambda v: {' OR '.join(test('v') for test in tests)})) > 0"
    return f"({' OR '.join(test(as_text(value)) for test in tests)})"


def _test(operator: str, value: str) -> Callable[[str], str]:
    """Return what makes a condition of a field's text."""
    if operator in ("=", "==", "!="):
        pattern = re.sub(r"([%_\\])", r"\\\1", value).replace("*", "%")
        test = f"{'NOT ' if operator == '!=' else ''}ILIKE {quote(pattern)} ESCAPE '\\'"
        return lambda text: f"{text} {test}"
    literal = Sql(quote(value), "text")
    return lambda text: (
        _compare(operator, Sql(f"lower({text})", "text"), literal._replace(code=f"lower({literal.code})")).code
    )


def _term(term: str, relation: Relation) -> str:
    if not term.strip("*"):
        return "true"  # also for rows without _raw, so that the empty filter macros keep every row
    pattern = "".join(rf"[^{_MAJOR}]*" if char == "*" else re.escape(char) for char in term)
    before, after = (not re.match(_BREAKER, edge) for edge in (term[0], term[-1]))
    pattern = (f"(?:^|{_BREAKER}|{_ENCODED})" if before else "") + pattern + (f"(?:$|{_BREAKER})" if after else "")
    return f"regexp_matches({as_text(value_of(relation, '_raw'))}, {quote('(?is)' + pattern)})"


# Commands


def _pattern(name: str) -> re.Pattern[str]:
    return re.compile(re.escape(name).replace(r"\*", "(.*)"), re.S)


def _pick(name: str, rows: Relation) -> list[str]:
    """Find the fields that a name with wildcards means; internal ones only if it begins with `_` itself."""
    return [field for field in rows.columns if _pattern(name).fullmatch(field) and (name[0] == "_" or field[0] != "_")]


def _names(reader: spl.Reader) -> list[str]:
    """Read a list of names, separated by commas or blanks, to the end."""
    names = []
    while not names or not reader.done():
        names.append(reader.word().text)
        reader.take(",")
    return names


def _end(reader: spl.Reader, code: str) -> str:
    """Return the code when the command's arguments are all read."""
    if not reader.done():
        raise reader.unexpected()
    return code


def _count(token: spl.Token) -> int:
    if not re.fullmatch("[0-9]{1,9}", token.text):
        raise spl.fail(f"Expected a whole number, not '{token.text}',", token.position)
    return int(token.text)


def options(command: spl.Command, *allowed: str) -> dict[str, spl.Token]:
    """Read arguments that are all `name=value`. Raises SearchError for a name that is not allowed."""
    reader, values = spl.Reader(command), {}
    while not reader.done():
        name = reader.word()
        if name.text not in allowed:
            raise spl.fail(f"Unsupported option '{name.text}' of '{command.name}'", name.position)
        reader.expect("=")
        values[name.text] = reader.word()
    return values


@register("search", distributable=True, generating=True)
def _search(_: Context, command: spl.Command, rows: Relation) -> str:
    return select(same(rows), rows.source, "WHERE " + matches(spl.SearchReader(command).parse(), rows))


@register("where", distributable=True)
def _where(_: Context, command: spl.Command, rows: Relation) -> str:
    reader = spl.EvalReader(command)
    test = evaluate(reader.parse(), rows)
    if test.kind != "bool":
        raise spl.fail("The expression of 'where' is no condition", command.position)
    return _end(reader, select(same(rows), rows.source, "WHERE " + test.code))


@register("eval", distributable=True)
def _eval(_: Context, command: spl.Command, rows: Relation) -> str:
    reader, code = spl.EvalReader(command), ""
    while not code or reader.take(","):  # each assignment sees the ones before it
        target = reader.word()
        reader.expect("=")
        value = evaluate(reader.parse(), rows)
        if value.kind == "bool":
            raise spl.fail("Fields cannot be assigned a boolean result; use if(...)", target.position)
        kind = {"number": "DOUBLE", "list": "VARCHAR[]"}.get(value.kind, "VARCHAR")
        code = select(same(rows) | {target.text: f"CAST({value.code} AS {kind})"}, rows.source)
        rows = Relation(f"({code})", rows.columns | {target.text: kind})
    return _end(reader, code)


@register("fields", distributable=True)
def _fields(_: Context, command: spl.Command, rows: Relation) -> str:
    reader = spl.Reader(command)
    remove = reader.take("+", "-")
    chosen = [found for name in _names(reader) for found in _pick(name, rows)]
    if remove and remove.text == "-":
        return select({name: ident(name) for name in rows.columns if name not in chosen}, rows.source)
    return select({name: ident(name) for name in [*chosen, "_time", "_raw"] if name in rows.columns}, rows.source)


@register("table")
def _table(_: Context, command: spl.Command, rows: Relation) -> str:
    columns: dict[str, str] = {}
    for name in _names(spl.Reader(command)):  # a name that no row has still gives a column, a pattern does not
        for found in _pick(name, rows) if "*" in name else [name]:
            columns.setdefault(found, value_of(rows, found).code)
    return select(columns, rows.source)


@register("rename", distributable=True)
def _rename(_: Context, command: spl.Command, rows: Relation) -> str:
    reader, columns = spl.Reader(command), same(rows)
    while not reader.done():
        old = reader.word()
        reader.expect("as", "AS")
        new = reader.word().text
        reader.take(",")
        if old.text.count("*") != new.count("*"):
            raise spl.fail(f"The wildcards of '{old.text}' and '{new}' do not pair", old.position)
        moved = {}
        for name in _pick(old.text, Relation("", dict.fromkeys(columns, ""))):
            parts = _pattern(old.text).fullmatch(name)
            moved[name] = "".join(map("".join, zip(new.split("*"), (*(parts or [""])[1:], ""), strict=True)))
        columns = {
            moved.get(name, name): code for name, code in columns.items() if name in moved or name not in moved.values()
        }
    return select(columns, rows.source)


@register("mvexpand", distributable=True)
def _mvexpand(_: Context, command: spl.Command, rows: Relation) -> str:
    reader, field, code = spl.Reader(command), "", ""
    field = reader.word().text
    values = as_list(value_of(rows, field))
    if reader.take("limit"):
        reader.expect("=")
        limit = _count(reader.word())
        values = f"list_slice({values}, 1, {limit})" if limit else values
    if field in rows.columns:  # a row without a value stays as it is
        code = f"unnest(coalesce({values}, [NULL]))"
    return _end(reader, select(same(rows) | ({field: code} if code else {}), rows.source))


@register("head")
def _head(_: Context, command: spl.Command, rows: Relation) -> str:
    reader = spl.Reader(command)
    if reader.take("limit"):
        reader.expect("=")
    limit = 10 if reader.done() else _count(reader.word())
    return _end(reader, select(same(rows), rows.source, f"LIMIT {limit}"))


@register("sort")
def _sort(_: Context, command: spl.Command, rows: Relation) -> str:
    reader, limit, keys = spl.Reader(command), 10_000, []
    if reader.take("limit"):
        reader.expect("=")
        limit = _count(reader.word())
    elif reader.peek().text.isdecimal():
        limit = _count(reader.word())
    while not keys or not reader.done():
        sign, token = reader.take("-", "+"), reader.word()
        name = token.text if sign or token.text[0] not in "+-" else token.text[1:]
        order = "DESC" if "-" in (sign.text if sign else "", token.text[0]) else "ASC"
        if keys and name in ("d", "desc"):
            raise spl.fail(f"Unsupported option '{name}' of 'sort'", token.position)
        value = value_of(rows, name)
        text = f"array_to_string({value.code}, chr(10))" if value.kind == "list" else as_text(value)
        number = value.code if value.kind == "number" else f"spl_num({text})"
        # numbers before words; a row without the field comes last in either order
        keys += [f"{text} IS NULL", f"{number} IS NULL {order}", f"{number} {order}", f"{text} {order}"]
        reader.take(",")
    tail = f"ORDER BY {', '.join(keys)}, rowid" + (f" LIMIT {limit}" if limit else "")
    return select(same(rows), rows.source, tail)


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
    return select(columns, f"range({_count(given['count']) if 'count' in given else 1})")


def _extreme(name: str) -> Callable[[str], str]:
    """Build max or min: of numbers if all values are numbers, else by code point."""
    numbers = "list_transform({0}, lambda v: spl_num(v))"
    form = f"CASE WHEN len(list_filter({{0}}, lambda v: spl_num(v) IS NULL)) = 0 THEN spl_text({name}({numbers})) ELSE {name}({{0}}) END"
    return form.format


# A statistic's code, given the code of the list of a field's values.
STATISTICS: dict[str, Callable[[str], str]] = {
    "count": "len({0})".format,
    "dc": "len(list_distinct({0}))".format,
    "distinct_count": "len(list_distinct({0}))".format,
    "values": "spl_some(list_sort(list_distinct({0})))".format,
    "sum": "list_sum(list_transform({0}, lambda v: spl_num(v)))".format,
    "avg": "list_avg(list_transform({0}, lambda v: spl_num(v)))".format,
    "max": _extreme("list_max"),
    "min": _extreme("list_min"),
}


@register("stats")
def _stats(_: Context, command: spl.Command, rows: Relation) -> str:
    reader, results = spl.Reader(command), {}
    while not results or not (reader.done() or reader.next_is("by", "BY")):
        function = reader.word()
        if function.text not in STATISTICS:
            raise spl.fail(f"Unsupported statistic '{function.text}'", function.position)
        label, code = function.text, "count(*)"
        if function.text != "count" or reader.next_is("("):
            reader.expect("(")
            field = reader.word()
            reader.expect(")")
            if "*" in field.text:
                raise spl.fail(f"Wildcards in '{function.text}({field.text})' are not supported", field.position)
            values = as_list(value_of(rows, field.text))
            label = f"{function.text}({field.text})"
            code = STATISTICS[function.text](
                f"coalesce(flatten(list({values}) FILTER (WHERE {values} IS NOT NULL)), [])"
            )
        results[reader.word().text if reader.take("as", "AS") else label] = code
        reader.take(",")
    groups = _names(reader) if reader.take("by", "BY") else []
    source, order = rows.source, ["true"]
    for name in groups:  # a row counts once for each value of the field that it is grouped by, not at all without one
        value = value_of(rows, name)
        if value.kind == "list":
            source = f"(SELECT * REPLACE (unnest({value.code}) AS {value.code}) FROM {source})"
            value = value._replace(kind="text")
        order += [as_number(value), value.code]
    columns = {name: value_of(rows, name).code for name in groups}
    present = " AND ".join(f"{code} IS NOT NULL" for code in columns.values()) or "true"
    return _end(
        reader,
        f"SELECT * FROM ({select(columns | results, source, f'WHERE {present} GROUP BY ALL')}) ORDER BY {', '.join(order)}",
    )

"""The expressions of eval and where as SQL: one line per function.

The meaning is that of the Search Reference. Where that leaves room, or this is narrower:

- Text that looks like a number compares as a number with other such text, else by code point. A field with several
  values where one is needed is an error, outside the functions made for it (mvcount, mvjoin, ...).
- A comparison with null is null, and so is its negation: neither is true. mvappend and mvmap leave nulls out. mvmap
  takes a field, no expression, and joins the values of several lists.
- A number as text has up to 17 digits. mvindex cuts a range that goes beyond the end. In like a backslash takes the
  meaning from % and _. time() stands still at the search's start.
- strptime reads the whole text; it and strftime work in UTC, and know the letters of time formats that DuckDB knows.
- match and replace take DuckDB's regexes (RE2): what only PCRE knows, such as look-around, is an error.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import replace

from sandbox import times
from sandbox.search import spl
from sandbox.store import patterns
from sandbox.store.sql import NULL, Relation, Sql, as_condition, as_list, as_number, as_text, ident, quote, value_of

MAX_CODE = 200_000  # characters of an expression's SQL, which can grow much faster than the SPL


def evaluate(node: spl.Node, rows: Relation) -> Sql:
    """Translate an expression. Raises SearchError for an unknown function, wrong arguments or a misplaced boolean."""
    leaves = {"string": Sql(quote(node.text), "text"), "number": Sql(f"CAST({node.text} AS DOUBLE)", "number")}
    if node.kind in ("name", *leaves):
        return leaves.get(node.kind) or value_of(rows, node.text)
    try:
        if node.kind == "call" and node.text in EACH_VALUE:
            return EACH_VALUE[node.text](node.args, rows)
        args = [evaluate(arg, rows) for arg in node.args]
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


def _is_literal(value: Sql) -> bool:
    return value.code.startswith("'")


def _literal(value: Sql) -> str:
    return value.code[1:-1].replace("''", "'")


def _plus(args: list[Sql]) -> Sql:
    """Add numbers, join texts: a field's text counts as a number if it looks like one, a literal's never does."""
    literal = any(map(_is_literal, args))
    if any(arg.kind == "number" for arg in args):
        if literal:
            raise ValueError("Takes two numbers or two texts")
        return _function("number", "nn", "({0} + {1})")(args)
    return _function("text", "tt", "({0} || {1})" if literal else "spl_plus({args})")(args)


def _extreme(number: str, text: str) -> Callable[[list[Sql]], Sql]:
    """Make max or min: `number` picks one of numbers, `text` one value from `v`, a list of texts."""

    def build(args: list[Sql]) -> Sql:
        if args and all(arg.kind == "number" for arg in args):
            return _function("number", "n*", f"{number}({{args}})")(args)
        return _function("text", "l*", f"list_transform([list_concat({{args}})], lambda v: {text})[1]")(args)

    return build


_WORDS = "list_filter(v, lambda w: spl_num(w) IS NULL)"


def _of_each(name: str, node: spl.Node, rows: Relation) -> Sql:
    """Translate an expression for one value of a field, which a lambda's parameter of the column's name has."""
    return evaluate(node, replace(rows, columns=rows.columns | {name: "VARCHAR"}))


def _mvmap(nodes: Sequence[spl.Node], rows: Relation) -> Sql:
    if len(nodes) != 2 or nodes[0].kind != "name":
        raise ValueError("Takes a field and an expression")
    each = _of_each(nodes[0].text, nodes[1], rows)
    mapped = f"list_transform({as_list(value_of(rows, nodes[0].text))}, lambda {ident(nodes[0].text)}: {as_list(each)})"
    return Sql(f"spl_some(list_filter(flatten({mapped}), lambda v: v IS NOT NULL))", "list")


def _mvfilter(nodes: Sequence[spl.Node], rows: Relation) -> Sql:
    fields = {leaf.text for node in nodes for leaf in _leaves(node) if leaf.kind == "name"}
    if len(nodes) != 1 or len(fields) != 1:
        raise ValueError("Takes a condition on one field")
    (name,) = fields
    test = as_condition(_of_each(name, nodes[0], rows))
    return Sql(f"spl_some(list_filter({as_list(value_of(rows, name))}, lambda {ident(name)}: {test}))", "list")


def _leaves(node: spl.Node) -> list[spl.Node]:
    return [leaf for arg in node.args for leaf in _leaves(arg)] if node.args or node.kind == "call" else [node]


EACH_VALUE: dict[str, Callable[[Sequence[spl.Node], Relation], Sql]] = {"mvfilter": _mvfilter, "mvmap": _mvmap}
"""The functions that evaluate an argument for each value of a field."""


def _searching(kind: str, takes: str, form: str) -> Callable[[list[Sql]], Sql]:
    """Make a function whose second argument is a regex; one that stands in the search is read before it runs."""
    made = _function(kind, takes, form)

    def build(args: list[Sql]) -> Sql:
        if len(args) > 1 and _is_literal(args[1]):
            args = [args[0], Sql(quote(patterns.readable(_literal(args[1]))), "text"), *args[2:]]
        return made(args)

    return build


def _nullif(args: list[Sql]) -> Sql:
    if len(args) != 2:
        raise ValueError("Wrong number of arguments")
    return _case([Sql(f"({compare('=', *args)} IS NOT TRUE)", "bool"), args[0]])


def _relative_time(args: list[Sql]) -> Sql:
    if len(args) != 2 or not _is_literal(args[1]):
        raise ValueError("Takes a time and a literal time modifier")
    return Sql(times.code(_literal(args[1]), as_number(args[0])), "number")


def _tonumber(args: list[Sql]) -> Sql:
    """Read a number, null if it is none or has blanks around it; a literal that is none is a mistake."""
    if any(_is_literal(arg) and not re.fullmatch(r"'[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?'", arg.code) for arg in args):
        raise ValueError("The literal is no number")
    return _function("number", "t", r"TRY_CAST(regexp_extract({0}, '^[-+.0-9eE]+$') AS DOUBLE)")(args)


FUNCTIONS: dict[str, Callable[[list[Sql]], Sql]] = {
    "+": _plus,
    "-": _function("number", "nn", "({0} - {1})"),
    "*": _function("number", "nn", "({0} * {1})"),
    "/": _function("number", "nn", "({0} / nullif({1}, 0))"),
    "%": _function("number", "nn", "({0} % nullif({1}, 0))"),
    ".": _function("text", "tt", "({0} || {1})"),
    "abs": _function("number", "n", "abs({0})"),
    "case": _case,
    "ceil": _function("number", "n", "ceil({0})"),
    "ceiling": _function("number", "n", "ceil({0})"),
    "coalesce": lambda args: _choose(args, lambda codes: f"coalesce({', '.join(codes)})"),
    "false": _function("bool", "", "false"),
    "if": lambda args: _case([*args[:2], Sql("true", "bool"), *args[2:]]),
    "isnotnull": _function("bool", "v", "({0} IS NOT NULL)"),
    "isnull": _function("bool", "v", "({0} IS NULL)"),
    "floor": _function("number", "n", "floor({0})"),
    "len": _function("number", "t", "length({0})"),
    "like": _function("bool", "tt", r"like_escape({args}, '\')"),
    "lower": _function("text", "t", "lower({0})"),
    "match": _searching("bool", "tt", "regexp_matches({args})"),
    "max": _extreme("greatest", f"coalesce(list_max({_WORDS}), spl_text(list_max(spl_nums(v))))"),
    "min": _extreme("least", f"coalesce(spl_text(list_min(spl_nums(v))), list_min({_WORDS}))"),
    "mvappend": _function("list", "l*", "spl_some(list_concat({args}))"),
    "mvcount": _function("number", "l", "len({0})"),
    "mvdedup": _function("list", "l", "spl_dedup({0})"),
    "mvindex": _function("list", "lii?", "spl_slice({args})"),
    "mvjoin": _function("text", "lt", "array_to_string({args})"),
    "mvsort": _function("list", "l", "list_sort({0})"),
    "mvrange": _function("list", "ii", "spl_some(list_transform(range({args}), lambda i: CAST(i AS VARCHAR)))"),
    "mvzip": _function("list", "llt?", "spl_zip({args})"),
    "now": _function("number", "", "floor(getvariable('spl_now'))"),
    "null": _function(NULL.kind, "", NULL.code),
    "nullif": _nullif,
    "relative_time": _relative_time,
    "replace": _searching("text", "ttt", "regexp_replace({args}, 'g')"),
    "round": _function("number", "ni?", "round({args})"),
    "sha256": _function("text", "t", "sha256({0})"),
    "split": _function("list", "tt", "string_split({args})"),
    "strftime": _function("text", "nt", "strftime(make_timestamp(CAST(floor({0} * 1e6) AS BIGINT)), {1})"),
    "strptime": _function("number", "tt", "epoch(try_strptime({args}))"),
    "substr": _function("text", "tii?", "substr({args})"),
    "time": _function("number", "", "getvariable('spl_now')"),
    "tonumber": _tonumber,
    "tostring": _function("text", "t", "{0}"),
    "true": _function("bool", "", "true"),
    "upper": _function("text", "t", "upper({0})"),
    "urldecode": _function("text", "t", "url_decode({0})"),
}

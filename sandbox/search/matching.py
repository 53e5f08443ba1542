"""The expression of search as a SQL condition.

The meaning is that of the Search Reference. Where that leaves room, or this is narrower: values compare as text,
whatever their case; `<` and its kin as numbers if both sides look like numbers. Any one value of a multivalue field may
match, for `!=` too. A bare term or phrase must stand between breakers.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from sandbox import times
from sandbox.errors import SearchError
from sandbox.search import spl
from sandbox.search.command import Context
from sandbox.search.evaluation import compare
from sandbox.store.sql import Relation, Sql, as_number, as_text, export, ident, quote, value_of

# segmenters.conf (Splunk's default): major and minor breakers, and major ones that are a URL-encoded character.
_MAJOR = r"\[\]<>(){}|!;,'\"*\n\r\s\t&?+"
_BREAKER = rf"[{_MAJOR}/:=@.$#%\\_-]"
_ENCODED = "%(?:21|26|2526|3B|7C|20|2B|3D|2520|5D|5B|3A|0A|2C|28|29)"
MAX_RESULTS = 10_000  # of a subsearch: limits.conf, [subsearch] maxout
TIME_RANGE = ("earliest", "latest")
TIME_MODIFIERS = (*TIME_RANGE, "_index_earliest", "_index_latest")


def matches(node: spl.Node, rows: Relation, context: Context) -> str:
    """Translate a search expression to a condition, which may be null for a row that does not match."""
    if node.kind == "not":
        return f"({matches(node.args[0], rows, context)} IS NOT TRUE)"
    if node.kind in ("and", "or"):
        return f"({f' {node.kind} '.join(matches(arg, rows, context) for arg in node.args)})"
    if node.kind == "subsearch":
        return matches(_formatted(node, context), rows, context)
    if not node.args:
        return _term(node.text, rows)
    field = node.args[0].text
    if field in TIME_MODIFIERS:
        return _within(node, rows, context.now)
    value, operator = value_of(rows, field), "=" if node.kind == "in" else node.text
    one = "v" if value.kind == "list" else as_text(value)
    form = _index_test if field == "index" else _test
    test = " OR ".join(form(one, operator, choice.text) for choice in node.args[1:])
    return f"(len(list_filter({value.code}, lambda v: {test})) > 0)" if one == "v" else f"({test})"


def permitted(rows: Relation, first: spl.Command | None, context: Context) -> Relation:
    """Leave the events that the user may search, and of a search that begins so and names no index, the default ones.

    The filter of a role must be an expression that `matches` knows.
    """
    access = context.access
    named = not first or names_index(spl.SearchReader(first).expression(), context)
    if "index" not in rows.columns or (named and (not access or access.everything)):
        return rows
    codes = [] if named else [_one_of(access.default if access else ["main"])]
    if access and not access.everything:
        codes.append(_one_of(access.indexes))
        if access.filter:
            codes.append(
                matches(spl.SearchReader(spl.Command("search", access.filter, 0, 0)).expression(), rows, context)
            )
    return replace(rows, source=f"(FROM {rows.source} SELECT * WHERE {' AND '.join(codes)})")


def _one_of(indexes: Sequence[str]) -> str:
    name = ident("index")
    tests = [_index_test(name, "=", one) if "*" in one else f"{name} = {quote(one)}" for one in indexes]
    return f"({' OR '.join(tests) or 'false'})"


class _BareReader(spl.SearchReader):
    """Reads the results of a subsearch as terms; they are data, so a subsearch in them never runs."""

    pattern = spl.Reader.pattern


def _formatted(node: spl.Node, context: Context) -> spl.Node:
    """Run a subsearch and turn its rows into an expression, as the implied `format` does (Search Reference).

    A row's fields, but internal ones, are joined by AND, rows and the values of a field by OR; the value of `search` or
    `query` is an expression itself. Without rows nothing matches. So `earliest` and `latest` are time modifiers.
    """
    found, rows = context.subsearch(node.text, node.position), list[spl.Node]()

    def join(kind: str, nodes: list[spl.Node]) -> spl.Node:
        return nodes[0] if len(nodes) == 1 else node.over(kind, nodes)

    def test(name: str, value: str) -> spl.Node:
        if name not in ("search", "query"):
            words = [replace(node, kind="string", text=text) for text in (name, value)]
            return node.over("compare", words, "=")
        reader = _BareReader(spl.Command(name, value, node.position, node.position))
        expression = reader.expression()
        reader.end()
        return expression

    for row in context.fetch(export(found, f"LIMIT {MAX_RESULTS}")):
        fields = {name: cell for name, cell in zip(found.columns, row, strict=False) if cell and name[:1] != "_"}
        values = {name: cell if isinstance(cell, list) else [cell] for name, cell in fields.items()}
        if tests := [join("or", [test(name, value) for value in cell]) for name, cell in values.items()]:
            rows.append(join("and", tests))
    return join("or", rows) if rows else node.over("not", [replace(node, kind="name", text="*")])


def names_index(node: spl.Node, context: Context) -> bool:
    """Return whether a search expression, or the result of a subsearch in it, names indexes."""
    if node.kind == "subsearch":
        node = _formatted(node, context)
    if node.kind in ("not", "and", "or"):
        return any(names_index(arg, context) for arg in node.args)
    return bool(node.args and node.args[0].text == "index")


def compared(node: spl.Node, command: spl.Command, context: Context) -> list[spl.Node]:
    """Return the fields that the where of a command, or a subsearch in it, compares. Raises SearchError for a term."""
    if node.kind == "subsearch":
        found = _formatted(node, context)
        return [] if found.kind == "not" else compared(found, command, context)  # so it is without rows
    if node.kind in ("not", "and", "or"):
        return [field for arg in node.args for field in compared(arg, command, context)]
    if not node.args:
        raise spl.fail(f"'{command.name}' takes no term in where: '{node.text}'", node.position)
    return [node.args[0]]


def time_range(node: spl.Node, context: Context) -> tuple[float | None, float | None] | None:
    """Return the range that `earliest` and `latest` of a search expression set, in epoch s; None if it has neither.

    Search Manual, "Specify time modifiers in your search": such a range overrides the dispatched one, `earliest` alone
    ends now, and `latest` wants an `earliest`. Those that a subsearch gives count alike: its result takes its place
    before the search runs ("About subsearches"). Choices of the sandbox: of several modifiers the narrowest count, and
    none may stand under OR or NOT, so that a subsearch may give one row of them.
    """
    bounds: dict[str, list[float]] = {}
    last = node
    for last in _modifiers(node, context):
        moment = _bound(last, context.now)
        bounds.setdefault(last.args[0].text, []).extend([] if moment is None else [moment])
    if bounds and "earliest" not in bounds:
        raise spl.fail("The search has 'latest' without 'earliest'", last.position)
    return (
        (max(bounds["earliest"], default=None), min(bounds.get("latest", [context.now]), default=None))
        if bounds
        else None
    )


def _modifiers(node: spl.Node, context: Context, nested: bool = False) -> Iterator[spl.Node]:
    if node.kind == "subsearch":
        node = _formatted(node, context)
    if node.kind in ("and", "or", "not"):
        for arg in node.args:
            yield from _modifiers(arg, context, nested or node.kind != "and")
    elif node.args and node.args[0].text in TIME_RANGE:
        if nested:
            raise spl.fail("A time modifier under OR or NOT is not supported", node.position)
        yield node


def _bound(node: spl.Node, now: float) -> float | None:
    if node.text != "=":
        raise spl.fail(f"A time modifier takes =, as '{node.args[0].text}=', not '{node.text}'", node.position)
    try:
        return times.resolve(node.args[1].text, now)
    except SearchError as error:
        raise spl.fail(str(error), node.position) from None


def _within(node: spl.Node, rows: Relation, now: float) -> str:
    """Translate a time modifier: the earliest time is inclusive, the latest exclusive (of `_indextime` a choice)."""
    name, moment = node.args[0].text, _bound(node, now)
    field, operator = "_indextime" if name[0] == "_" else "_time", ">=" if name.endswith("earliest") else "<"
    return "true" if moment is None else f"({as_number(value_of(rows, field))} {operator} {moment!r})"


def _test(code: str, operator: str, value: str) -> str:
    if operator in ("=", "==", "!="):
        if inner := re.fullmatch(r"\*([^*]+)\*", value, re.S):  # twice as fast as ILIKE, and the same
            return f"{'NOT ' if operator == '!=' else ''}contains(lower({code}), lower({quote(inner[1])}))"
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
    raw, longest = as_text(value_of(rows, "_raw")), max(term.split("*"), key=len)
    # To look for its longest part first takes a quarter of the time.
    return f"({_test(raw, '=', f'*{longest}*')} AND regexp_matches({raw}, {quote('(?i)' + pattern)}))"

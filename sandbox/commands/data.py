"""Commands that reach beyond their rows: lookup tables and other indexes."""

import re
from datetime import UTC, datetime

from sandbox import confs
from sandbox.commands.options import options
from sandbox.errors import SandboxError
from sandbox.search import lookups, spl
from sandbox.search.command import Context, Row, pick
from sandbox.search.matching import compared, matches
from sandbox.store.sql import Beside, Relation, as_list, as_text, export, query, quote, same, union, value_of

_OUTPUT = ("OUTPUT", "output", "OUTPUTNEW", "outputnew")


def build_lookup(context: Context, command: spl.Command, rows: Relation) -> Beside:
    """Join a table's fields to the rows, on the search head (a choice: splunkd runs lookup on indexers too).

    More choices of the sandbox, where the documentation is silent: OUTPUT without a match clears the field; OUTPUTNEW
    fills each field that a row lacks; empty cells are left out of several matches; a row without a value to look up has
    no match and no default_match; of several fields to look up, one may have several values.
    """
    reader = spl.Reader(command)
    table = lookups.find(context, reader.word())
    fields = table.fields

    def pairs(kind: str) -> list[tuple[str, str]]:
        """Read `<field of the table> [AS <field of the row>]` up to OUTPUT."""
        found: list[tuple[str, str]] = []
        while not found or (reader.more() and not reader.at(*_OUTPUT)):
            field = reader.word()
            if field.text not in fields and not (table.collection and field.text == "_key"):
                what = (
                    f"Could not find all of the specified {kind} fields in the lookup table: '{field.text}' is missing"
                )
                raise spl.fail(what, field.position)
            found.append((field.text, reader.word().text if reader.take("AS", "as") else field.text))
            reader.take(",")
        return found

    keys = pairs("lookup")
    clause = reader.take(*_OUTPUT)
    outputs = pairs("destination") if clause else [(name, name) for name in fields if name not in dict(keys)]
    reader.end()
    columns = same(rows)
    for place, (_, target) in enumerate(outputs):
        old = f"{as_list(value_of(rows, target))}, " if clause and clause.text.upper() == "OUTPUTNEW" else ""
        columns[target] = f'coalesce({old}"^{place}")'
    found = _found(context, table, rows, keys, [name for name, _ in outputs])
    source = f'{rows.source} AS "^rows" LEFT JOIN ({found}) AS "^found" ON "^rows".rowid = "^row"'
    return Beside(columns, source, 'ORDER BY "^rows".rowid')


def _found(context: Context, table: lookups.Table, rows: Relation, keys: list[tuple[str, str]], out: list[str]) -> str:
    """Write the query for what rows find: `^row` (the rowid), and for each field to put out a list, `^0`, `^1`, ..."""
    content = context.keep(table.rows())
    inputs = [value_of(rows, field) for _, field in keys]
    many = next((at for at, value in enumerate(inputs) if value.kind == "list"), 0)  # the one with several values
    values = as_list(inputs[many])
    codes = [f'{as_text(value)} AS "^k{at}"' for at, value in enumerate(inputs) if at != many]
    codes += [f'unnest({values}) AS "^k{many}", generate_subscripts({values}, 1) AS "^place", rowid AS "^row"']
    tests = []
    for at, (field, _) in enumerate(keys):
        value, cell = f'"^k{at}"', as_text(value_of(content, field))
        if table.any_case:  # a collection's own data must be in lower case to be found so
            value, cell = f"lower({value})", cell if table.collection else f"lower({cell})"
        if field in table.wildcards:
            cell = rf"replace(regexp_replace({cell}, '([\\%_])', '\\\1', 'g'), '*', '%')"
        tests.append(rf"like_escape({value}, {cell}, '\')" if field in table.wildcards else f"{value} = {cell}")
    cells = [f', {as_list(value_of(content, field))} AS "^{at}"' for at, field in enumerate(out)]
    present = " AND ".join(f'"^k{at}" IS NOT NULL' for at in range(len(keys)))
    matched = (
        f'FROM (FROM {rows.source} SELECT {", ".join(codes)}) LEFT JOIN {content.source} AS "^table" ON '
        f'{" AND ".join(tests)} SELECT "^row", "^place", "^table".rowid AS "^line"{"".join(cells)} WHERE {present} '
        f'QUALIFY row_number() OVER (PARTITION BY "^row", "^place" ORDER BY "^line") <= {table.most}'
    )
    default = f'list_transform(range({table.least} - count("^line")), lambda i: {quote(table.default)})'
    by_value, by_row = [], []
    for at in range(len(out)):
        lists = f'coalesce(flatten(list("^{at}" ORDER BY "^line") FILTER ("^{at}" IS NOT NULL)), [])'
        by_value.append(f", list_filter(list_concat({lists}, {default}), lambda v: v != '') AS \"^{at}\"")
        by_row.append(f', spl_some(flatten(list("^{at}" ORDER BY "^place"))) AS "^{at}"')
    matched = f'FROM ({matched}) SELECT "^row", "^place"{"".join(by_value)} GROUP BY "^row", "^place"'
    return f'FROM ({matched}) SELECT "^row"{"".join(by_row)} GROUP BY "^row"'


def build_inputlookup(context: Context, command: spl.Command, rows: Relation) -> str:
    """Give a table's rows; those of a collection have `_key`. `where` has comparisons only (a choice)."""
    reader = spl.SearchReader(command)
    options(reader, command)
    table = lookups.find(context, reader.word())
    content = context.keep(table.rows())
    condition = "true"
    if reader.take("where", "WHERE"):
        expression = reader.expression()
        compared(expression, command, context)  # no term, which would want a _raw
        condition = matches(expression, content, context)
    reader.end()
    names = dict.fromkeys([*table.fields, *(["_key"] if table.collection else [])])
    columns = {name: value_of(content, name).code for name in names}
    code = query(content.source, columns, f"WHERE {condition} ORDER BY rowid", ", rowid")
    found = Relation(f"({code})", {name: content.columns.get(name, "VARCHAR") for name in names})
    return union([rows, found] if rows.tables else [found])  # without a table before it, it comes first


def _values(context: Context, rows: Relation) -> list[dict[str, str | list[str]]]:
    """Fetch rows, of each the fields that have a value."""
    cells = context.fetch(export(rows))
    return [{name: cell for name, cell in zip(rows.columns, row, strict=False) if cell} for row in cells]


def _target(context: Context, command: spl.Command) -> tuple[lookups.Table, dict[str, spl.Node]]:
    reader = spl.Reader(command)
    given = options(reader, command)
    word = reader.word()
    table = lookups.find(context, word, new=True)
    lookups.may_write(context, table, word)
    given |= options(reader, command)
    reader.end()
    if "key_field" in given and not table.collection:
        raise spl.fail("The option 'key_field' is for KV store lookups", given["key_field"].position)
    return table, given


def write_table(context: Context, command: spl.Command, rows: Relation) -> None:
    """Write rows to a table.

    Choices of the sandbox: nothing appended changes nothing; of the fields whose names begin with `_` a file gets _time
    alone; a collection gets the fields of fields_list.
    """
    table, given = _target(context, command)
    flags = {name: confs.is_true(word.text) for name, word in given.items()}
    found, append = _values(context, rows), flags.get("append", "key_field" in given)
    if found:
        columns = [name for name in rows.columns if name[:1] != "_" or name == "_time"]
        key = given["key_field"].text if "key_field" in given else "_key"
        try:
            table.write(found, columns, append=append, key=key)
        except SandboxError as error:
            raise spl.fail(f"{str(error).rstrip('.')}: 'outputlookup'", command.position) from None
    elif not append and flags.get("override_if_empty", True):
        table.clear()


def build_outputlookup(context: Context, command: spl.Command, rows: Relation) -> Beside:
    """Write the rows into a table."""
    _target(context, command)
    return Beside(same(rows), rows.source)


def index_rows(context: Context, command: spl.Command, rows: Relation) -> None:
    """Write rows to an index, with the fields that Splunk would find in them.

    A row keeps its `_raw`, else gets one. Choices of the sandbox: there, what is more than word characters is quoted,
    and line breaks separate the values of a field; a row's own host, source, sourcetype and index become orig_host, ...
    """
    given = {name: word.text for name, word in options(spl.Reader(command), command).items()}
    marker = given.pop("marker", "")
    marks = {name: value.strip('"') for name, value in re.findall(r'([\w.]+)=("[^"]*"|[^,\s]+)', marker)}
    stash = {"source": "stash", "sourcetype": "stash", "host": context.server} | given
    times = {"info_min_time": context.earliest, "info_max_time": context.latest, "info_search_time": context.now}
    info = {name: f"{moment:.3f}" for name, moment in times.items() if moment is not None}
    events: list[Row] = []
    for row in _values(context, rows):
        moment = str(row.get("_time") or (context.now if context.earliest is None else context.earliest))
        if not re.fullmatch(r"[0-9]{1,11}(\.[0-9]+)?", moment):
            raise spl.fail(f"'collect' met a _time that is no epoch time: '{moment}'", command.position)
        own = {name: row[name] for name in pick("*", [*row]) if name != "splunk_server"}
        own = {f"orig_{name}" if name in (*stash, "index") else name: value for name, value in own.items()}
        head = {} if "_raw" in row else info
        made = [f"{datetime.fromtimestamp(float(moment), UTC):%m/%d/%Y %H:%M:%S +0000}"]
        made += [f"{name}={text}" for name, text in head.items() if name not in own]
        raw = row.get("_raw") or ", ".join([*made, *(f"{name}={_quoted(value)}" for name, value in own.items())])
        added = {"_time": moment, "_raw": f"{raw}, {marker}" if marker else raw}
        events.append({**head, **own, **marks, **stash, **added})
    context.index(events)


def _quoted(value: str | list[str]) -> str:
    text = "\n".join(value) if isinstance(value, list) else value
    return text if re.fullmatch("[A-Za-z0-9_]+", text) else '"' + re.sub(r'([\\"])', r"\\\1", text) + '"'


def _action(command: spl.Command) -> tuple[spl.Node, dict[str, str]]:
    reader = spl.Reader(command)
    name, given = reader.word(), dict[str, str]()
    while key := reader.take_key():
        if not key.text.startswith("param."):
            raise spl.fail(f"Unsupported option '{key.text}' of 'sendalert'", key.position)
        given[key.text.removeprefix("param.")] = reader.word().text
    reader.end()
    return name, given


def send_alert(context: Context, command: spl.Command, rows: Relation) -> None:
    """Hand the rows to an alert action, with parameters `param.<name>=<value>` over those of its stanza."""
    name, given = _action(command)
    try:
        context.alert(name.text, given, [*rows.columns], _values(context, rows))
    except SandboxError as error:
        raise spl.fail(f"Error in 'sendalert' command: {error}", command.position) from None


def build_sendalert(_: Context, command: spl.Command, rows: Relation) -> Beside:
    """Run an alert action on the rows, which go on."""
    _action(command)
    return Beside(same(rows), rows.source)


def build_collect(_: Context, command: spl.Command, rows: Relation) -> Beside:
    """Write the rows into an index."""
    reader = spl.Reader(command)
    if "index" not in options(reader, command):
        raise spl.fail("'collect' wants index=<name>", command.position)
    reader.end()
    return Beside(same(rows), rows.source)

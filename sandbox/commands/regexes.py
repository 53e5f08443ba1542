"""Commands that apply a regex: regex and rex.

The meaning is that of the Search Reference. Where that leaves room, or this is narrower: regexes are RE2's, so that
what only PCRE knows, such as look-around, is an error. Each value of a multivalue field is searched; any of them may
match for `=`, none for `!=`, which keeps rows without the field. A group that matches nothing, or an empty text, leaves
its field as it is. sed knows the flags `g` and a number, and any character but a letter, digit or backslash as its
separator; the match of that number is replaced as if it stood alone. offset_field tells of the whole match of a regex,
the first one, in a field of one value.
"""

import re

from sandbox.commands.options import options
from sandbox.search import spl
from sandbox.search.command import Context, whole
from sandbox.store import patterns, sql

_SED = re.compile(r"([sy])([^\w\s\\])((?:\\.|(?!\2).)*)\2((?:\\.|(?!\2).)*)\2(g|[1-9][0-9]{0,3}|)", re.S)


def build_regex(_: Context, command: spl.Command, rows: sql.Relation) -> str:
    """Keep the rows of which a field matches, or does not."""
    reader = spl.Reader(command)
    word, field, operator = reader.word(), "_raw", "="
    if sign := reader.take("=", "!="):
        field, operator, word = word.text, sign.text, reader.word()
    reader.end()
    regex = sql.quote(_readable(word, word.text))
    found = f"len(list_filter({sql.as_list(sql.value_of(rows, field))}, lambda v: regexp_matches(v, {regex}))) > 0"
    return sql.query(rows.source, sql.same(rows), f"WHERE ({found}) IS {'NOT ' * (operator == '!=')}TRUE")


def build_rex(_: Context, command: spl.Command, rows: sql.Relation) -> sql.Beside:
    """Make fields of the named groups of a regex, or edit a field by sed."""
    reader = spl.Reader(command)
    given = options(reader, command)
    word = reader.word()
    given |= options(reader, command)
    reader.end()
    field = given["field"].text if "field" in given else "_raw"
    value = sql.value_of(rows, field)
    if "mode" in given:
        if given["mode"].text != "sed" or "max_match" in given:
            raise spl.fail("'rex' takes mode=sed, without max_match=, or no mode", given["mode"].position)
        if "offset_field" in given:
            raise spl.fail("'rex' takes no offset_field= with mode=sed", given["offset_field"].position)
        edited = f"list_transform({sql.as_list(value)}, lambda v: {_sed(word)})"
        code = edited if value.kind == "list" else f"{edited}[1]"
        return sql.Beside(sql.same(rows) | ({field: code} if field in rows.columns else {}), rows.source)
    regex, most = _readable(word, word.text), whole(given["max_match"]) if "max_match" in given else 1
    names = {name: number for number, name in enumerate(patterns.groups(word.text), 1) if name}
    if not names:
        raise spl.fail("The regex of 'rex' has no named group, as in (?<name>...)", word.position)
    columns, each = sql.same(rows), f"[1:{most}]" if most else ""
    for name, number in names.items():
        every = f"regexp_extract_all(v, {sql.quote(regex)}, {number}){each}"
        matches = f"list_transform({sql.as_list(value)}, lambda v: {every})"
        found = f"spl_some(list_filter(flatten({matches}), lambda v: v <> ''))"
        old = sql.value_of(rows, name)
        if most == 1 and "list" not in (value.kind, old.kind):
            columns[name] = f"coalesce({found}[1], {sql.as_text(old)})"
        else:
            columns[name] = f"coalesce({found}, {sql.as_list(old)})"
    if "offset_field" in given:
        name = given["offset_field"].text
        columns[name] = f"coalesce({_offsets(sql.as_text(value), regex)}, {sql.as_text(sql.value_of(rows, name))})"
    return sql.Beside(columns, rows.source)


def _offsets(code: str, regex: str) -> str:
    """Write where the first match of a value lies: its first character and its last, counted from 0; null for none."""
    before, match = (sql.quote(text) for text in (f"^((?s:.*?))(?:{regex})", regex))
    start, length = f"length(regexp_extract(v, {before}, 1))", f"length(regexp_extract(v, {match}))"
    text = f"CASE WHEN {length} > 0 THEN {start} || '-' || ({start} + {length} - 1) END"
    return f"list_transform([{code}], lambda v: {text})[1]"


def _sed(word: spl.Node) -> str:
    """Write the code of a sed expression for a value `v`."""
    parts = _SED.fullmatch(word.text)
    if not parts:
        forms = "s/regex/text/, s/regex/text/g, s/regex/text/2 or y/abc/xyz/"
        raise spl.fail(f"Expected {forms}, found '{word.text}'", word.position)
    kind, separator, old, new, flag = parts.groups()
    old, new = (text.replace(f"\\{separator}", separator) for text in (old, new))
    if kind == "y":
        if len(old) != len(new) or flag:
            raise spl.fail(f"The two sides of '{word.text}' are not equally long", word.position)
        return f"translate(v, {sql.quote(old)}, {sql.quote(new)})"
    backslashed = re.findall(r"\\(.?)", new)
    if not {*backslashed} <= {"\\", *map(str, range(len(patterns.groups(old)) + 1))}:
        raise spl.fail(f"'{word.text}' names a group that its regex does not have", word.position)
    regex = sql.quote(_readable(word, old))
    if not flag.isdigit():
        return f"regexp_replace(v, {regex}, {sql.quote(new)}, {sql.quote(flag)})"
    every, between = f"regexp_extract_all(v, {regex})", f"string_split_regex(v, {regex})"
    part = f"CASE WHEN i = {flag} THEN regexp_replace(m[i], {regex}, {sql.quote(new)}) ELSE coalesce(m[i], '') END"
    put = f"list_transform(b, lambda t, i: t || list_transform([{every}], lambda m: {part})[1])"
    return f"list_transform([{between}], lambda b: array_to_string({put}, ''))[1]"


def _readable(word: spl.Node, regex: str) -> str:
    try:
        return patterns.readable(regex)
    except ValueError as error:
        raise spl.fail(f"{error}; it stands", word.position) from None

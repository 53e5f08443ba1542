"""The SQL that commands and expressions share: rows, fields, values and their kinds, for DuckDB.

A relation's columns are VARCHAR, DOUBLE, BIGINT or VARCHAR[] (several values); a field without a column is null.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

# Run on each new connection. The variable spl_now, the search's start in epoch seconds, is set for each search.
# A macro is expanded in place, so it uses its arguments once (a lambda binds them): nested calls must not multiply.
SETUP = r"""
SET enable_progress_bar = false;
CREATE TEMP MACRO spl_num(x) AS TRY_CAST(regexp_extract(x, '^[-+.0-9eE\s]+$') AS DOUBLE);
CREATE TEMP MACRO spl_text(x) AS list_transform([x], lambda v:
    CASE WHEN v = floor(v) AND abs(v) < 1e15 THEN CAST(CAST(v AS BIGINT) AS VARCHAR)
    ELSE regexp_replace(CAST(v AS VARCHAR), '\.0$', '') END)[1];
CREATE TEMP MACRO spl_one(x) AS list_transform([x], lambda v:
    CASE WHEN len(v) > 1 THEN error('A field with several values stands where one is needed') ELSE v[1] END)[1];
CREATE TEMP MACRO spl_list(x) AS list_transform([x], lambda v: CASE WHEN v IS NOT NULL THEN [v] END)[1];
CREATE TEMP MACRO spl_some(x) AS list_transform([x], lambda v: CASE WHEN len(v) > 0 THEN v END)[1];
CREATE TEMP MACRO spl_plus(x, y) AS list_transform([[x, y]], lambda v:
    coalesce(spl_text(spl_num(v[1]) + spl_num(v[2])), v[1] || v[2]))[1];
CREATE TEMP MACRO spl_place(i) AS CASE WHEN i < 0 THEN i ELSE i + 1 END;
CREATE TEMP MACRO spl_slice(x, i) AS spl_some(list_slice(x, spl_place(i), spl_place(i))),
    (x, i, j) AS spl_some(list_slice(x, spl_place(i), spl_place(j)));
CREATE TEMP MACRO spl_zip(x, y, sep := ',') AS spl_some(list_transform(list_zip(x, y, true), lambda v:
    v[1] || sep || v[2]));
CREATE TEMP MACRO spl_dedup(x) AS list_transform([x], lambda v:
    list_filter(v, lambda w, i: list_position(v, w) = i))[1];
CREATE TEMP MACRO spl_nums(x) AS list_transform(x, lambda v: spl_num(v));
CREATE TEMP MACRO spl_numeric(x) AS len(list_filter(x, lambda v: spl_num(v) IS NULL)) = 0;
"""


@dataclass(frozen=True)
class Relation:
    """Rows to query: the SQL of a FROM item, the type of each field's column, and the fields to keep (None: all).

    Of rows in temporary tables also these, which lie side by side, and the code of each column in them: see `steps`.
    """

    source: str
    columns: dict[str, str]
    wanted: frozenset[str] | None = None
    tables: tuple[str, ...] = ()
    codes: Mapping[str, str] = field(default_factory=dict)


class Beside(NamedTuple):
    """The columns that a command gives to rows that it leaves in their places: as for `query`.

    Where the code is the `ident` of a field of theirs, they have its values.
    """

    columns: Mapping[str, str]
    source: str
    tail: str = ""


class Sql(NamedTuple):
    """The code of a value and its kind: text, number, list, bool or null."""

    code: str
    kind: str


COLUMN_TYPES = {"number": "DOUBLE", "list": "VARCHAR[]"}  # of a kind of value; of any other VARCHAR
NO_COLUMN = "^ none"  # stands in rows that have no field; no column of another field has a blank there
OTHER_ROWID = "^ rowid"  # the column of a field of that name
NULL = Sql("CAST(NULL AS VARCHAR)", "null")


def quote(text: str) -> str:
    """Write a string literal."""
    return "'" + text.replace("'", "''") + "'"


def column_name(field: str) -> str:
    """Name a field's column: DuckDB ignores case in names, SPL does not, so capitals are marked: `Id` becomes `^Id`.

    DuckDB has a `rowid` of its own in each table, the place of a row.
    """
    if field == "rowid":
        return OTHER_ROWID
    return "".join("^" + char if char == "^" or char != char.lower() else char for char in field)


def field_name(column: str) -> str:
    """Name a column's field, the reverse of `column_name`."""
    return "rowid" if column == OTHER_ROWID else re.sub(r"\^(.)", r"\1", column, flags=re.S)


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
    """Take every field that is wanted as it is."""
    return {name: ident(name) for name in rows.columns if rows.wanted is None or name in rows.wanted}


def export(rows: Relation, tail: str = "") -> str:
    """Write the query for rows as texts and lists of texts; what is empty is null. `tail` as for `query`."""
    values = {name: value_of(rows, name) for name in rows.columns}
    codes = {name: v.code if v.kind == "list" else f"nullif({as_text(v)}, '')" for name, v in values.items()}
    return query(rows.source, codes, tail)


def union(tables: Sequence[Relation], newest_first: bool = False) -> str:
    """Append tables to one another, in their order or by descending _time; each field gets one type.

    By time, rows of the same _time, or without any, come by their place in their tables.
    """
    kinds: dict[str, set[str]] = {}
    for table in tables:
        for name in table.columns:
            kinds.setdefault(name, set()).add(value_of(table, name).kind)

    def cast(value: Sql, kinds: set[str]) -> str:
        if kinds == {"number"}:
            return f"CAST({value.code} AS DOUBLE)"
        return as_list(value) if "list" in kinds else as_text(value)

    columns = [{name: cast(value_of(table, name), kinds[name]) for name in kinds} for table in tables]
    if not newest_first:  # UNION ALL keeps the order
        return " UNION ALL ".join(f"({query(one.source, codes)})" for one, codes in zip(tables, columns, strict=True))
    parts = []
    for at, (table, codes) in enumerate(zip(tables, columns, strict=True)):  # no field has such a column
        parts.append(query(table.source, codes, more=f', {at} AS "^ part", rowid AS "^ row"'))
    order = '"^ row", "^ part"'
    if kinds.get("_time") == {"number"}:
        order = f"{ident('_time')} DESC NULLS LAST, {order}"
    return f'FROM ({" UNION ALL ".join(parts)}) SELECT * EXCLUDE ("^ part", "^ row") ORDER BY {order}'

"""Values of the SSA dialect in DuckDB's SQL: their types, and what holds for all of them.

A second time, and from the facts about the dialect alone: nothing of ssa.language is imported here. A type is known
before a program runs, and so which rule applies; only `any`, whose type an event decides, is tested at run time.
"""

import itertools
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Type:
    """A static type; `parts` are the item of a list or map, the items of a tuple, (key, type) of a record.

    A tuple is a list whose items are known one by one, a record a map of known keys.
    """

    kind: str
    parts: tuple = ()


STRING, LONG, DOUBLE, BOOLEAN, NULL, ANY = map(Type, ("string", "long", "double", "boolean", "null", "any"))
SCALARS = (STRING, LONG, DOUBLE, BOOLEAN)
TAGS = {"string": "s", "long": "l", "double": "d", "boolean": "b"}
"""How an `any` says what it is, and where it keeps it."""

_SQL = {
    "string": "VARCHAR",
    "long": "BIGINT",
    "double": "DOUBLE",
    "boolean": "BOOLEAN",
    "null": "BOOLEAN",
    "huge": "HUGEINT",
    "json": "JSON",
    "any": "STRUCT(t VARCHAR, s VARCHAR, l BIGINT, d DOUBLE, b BOOLEAN)",
}


class UntranslatableError(Exception):
    """An expression whose type this translation does not know; the generator makes none."""


@dataclass(frozen=True)
class Value:
    """A column or a constant of a query; `constant` is what a literal holds."""

    sql: str
    type: Type
    constant: object = field(default=None, compare=False)


def listed(item):
    return Type("list", (item,))


def mapped(item):
    return Type("map", (item,))


def is_list(type):
    return type.kind in ("list", "tuple")


def is_map(type):
    return type.kind in ("map", "record")


def is_number(type):
    return type in (LONG, DOUBLE)


def sql_type(type):
    """Return the type of DuckDB that holds values of a type."""
    if type.kind == "list":
        return sql_type(type.parts[0]) + "[]"
    if type.kind == "map":
        return f"MAP(VARCHAR, {sql_type(type.parts[0])})"
    if type.kind == "entries":
        return f"STRUCT(k VARCHAR, v {sql_type(type.parts[0])})[]"
    if type.kind in ("tuple", "record"):
        items = [f"{name} {sql_type(item)}" for name, item in _members(type)]
        return f"STRUCT({', '.join(items or ['nothing BOOLEAN'])})"
    return _SQL[type.kind]


def _members(type):
    """Return the members of the STRUCT that holds a tuple or a record, as (name, type)."""
    if type.kind == "tuple":
        return [(f"i{index}", item) for index, item in enumerate(type.parts)]
    # DuckDB reads names in any case, and no key is safe as a name.
    return [("k" + key.encode().hex(), item) for key, item in type.parts]


def members(value):
    """Return the values in a tuple or record: [(key or None, value)]."""
    keys = [None] * len(value.type.parts) if value.type.kind == "tuple" else [key for key, _ in value.type.parts]
    names = _members(value.type)
    return [(key, Value(f"{value.sql}.{name}", item)) for key, (name, item) in zip(keys, names, strict=True)]


def string(text):
    """Return an SQL string; a query cannot hold a NUL."""
    return " || chr(0) || ".join("'" + part.replace("'", "''") + "'" for part in text.split("\0"))


def literal(constant):
    """Return the value of a literal."""
    if constant is None:
        return null(NULL)
    if isinstance(constant, bool):
        return Value(str(constant).lower(), BOOLEAN, constant)
    if isinstance(constant, str):
        return Value(f"({string(constant)})", STRING, constant)
    kind = LONG if isinstance(constant, int) else DOUBLE
    return Value(f"('{constant!r}'::{sql_type(kind)})", kind, constant)


def null(type):
    return Value(f"(NULL::{sql_type(type)})", type)


def join(types):
    """Return the type that holds values of all given types: of different scalars an `any`."""
    found = {type for type in types if type != NULL}
    if len(found) <= 1:
        return found.pop() if found else NULL
    if all(type == ANY or type in SCALARS for type in found):
        return ANY
    if all(map(is_list, found)):
        return listed(join(part for type in found for part in type.parts))
    if all(map(is_map, found)):
        return mapped(join(_item_types(found)))
    raise UntranslatableError(f"one type for {found}")


def _item_types(types):
    for type in types:
        yield from type.parts if type.kind == "map" else (item for _, item in type.parts)


def item_type(type):
    """Return the type that holds every item of a list or map type."""
    return join(type.parts if is_list(type) else _item_types([type]))


def coerce(value, type):
    """Return the SQL of a value as one of another type, which must be able to hold it."""
    x, own = value.sql, value.type
    if own == type:
        return x
    if own == NULL:
        return null(type).sql
    if type == ANY and own in SCALARS:
        held = ", ".join(f"'{tag}': {x if kind == own.kind else null(Type(kind)).sql}" for kind, tag in TAGS.items())
        return f"CASE WHEN {x} IS NOT NULL THEN {{'t': '{TAGS[own.kind]}', {held}}} END"
    if type.kind == "list" and own.kind == "tuple":
        items = ", ".join(coerce(item, type.parts[0]) for _, item in members(value))
        return f"CASE WHEN {x} IS NOT NULL THEN [{items}]::{sql_type(type)} END"
    if type.kind == "map" and own.kind == "record":
        keys = ", ".join(string(key) for key, _ in own.parts)
        items = ", ".join(coerce(item, type.parts[0]) for _, item in members(value))
        made = f"MAP([{keys}]::VARCHAR[], [{items}]::{sql_type(listed(type.parts[0]))})"
        return f"CASE WHEN {x} IS NOT NULL THEN {made} END"
    if type.kind == own.kind == "list":
        (item,), name = own.parts, fresh()
        return f"list_transform({x}, lambda {name}: {coerce(Value(name, item), type.parts[0])})"
    if type.kind == own.kind == "map":
        (item,), name = own.parts, fresh()
        made = coerce(Value(f"{name}.value", item), type.parts[0])
        entries = f"list_transform(map_entries({x}), lambda {name}: {{'k': {name}.key, 'v': {made}}})"
        return f"CASE WHEN {x} IS NOT NULL THEN map_from_entries({entries}) END"
    raise UntranslatableError(f"{own} as {type}")


_numbers = itertools.count()


def fresh():
    """Return a name for the parameter of a lambda, which no other has."""
    return f"x{next(_numbers)}"


def alternatives(value):
    """Return what a value can be: [(condition or None, value of that one type)]."""
    if value.type != ANY:
        return [(None, value)]
    return [(f"{value.sql}.t = '{tag}'", Value(f"{value.sql}.{tag}", Type(kind))) for kind, tag in TAGS.items()]


def lift(operation, *operands):
    """Apply an operation of single types to operands that may be `any`.

    The operation returns a Value, or None where those types give null.
    """
    cases = []
    for choice in itertools.product(*map(alternatives, operands)):
        found = operation(*(value for _, value in choice))
        if found is not None:
            cases.append((" AND ".join(condition for condition, _ in choice if condition), found))
    type = join(found.type for _, found in cases)
    if not cases:
        return literal(None)
    if len(cases) == 1 and not cases[0][0]:
        return cases[0][1]
    whens = " ".join(f"WHEN {condition} THEN {coerce(found, type)}" for condition, found in cases)
    return Value(f"CASE {whens} END", type)


# -- equality


def same(left, right):
    """Return the SQL of: the same value, of the same kind. A null is the same as a null."""
    a, b = left.sql, right.sql
    s, t = left.type, right.type
    both_null = f"({a} IS NULL AND {b} IS NULL)"
    if NULL in (s, t):
        return both_null
    if s == ANY or t == ANY:
        found = lift(lambda x, y: Value(same(x, y), BOOLEAN), left, right)
        return f"(CASE WHEN {a} IS NULL OR {b} IS NULL THEN {both_null} ELSE {found.sql} END)"
    if s == t and s in SCALARS:
        return f"({a} IS NOT DISTINCT FROM {b})"
    if is_number(s) and is_number(t):
        return f"(CASE WHEN {a} IS NULL OR {b} IS NULL THEN {both_null} ELSE {order(left, right)} = 0 END)"
    if is_list(s) and is_list(t):
        inside = _same_lists(left, right)
    elif is_map(s) and is_map(t):
        inside = _same_maps(left, right)
    else:
        return both_null
    return f"(CASE WHEN {a} IS NULL OR {b} IS NULL THEN {both_null} ELSE {inside} END)"


def _same_lists(left, right):
    if left.type.kind == "list" and right.type.kind == "list":
        i = fresh()
        item = same(Value(f"{left.sql}[{i}]", left.type.parts[0]), Value(f"{right.sql}[{i}]", right.type.parts[0]))
        all_same = f"list_bool_and(list_transform(range(1, len({left.sql}) + 1), lambda {i}: {item}))"
        return f"(len({left.sql}) = len({right.sql}) AND coalesce({all_same}, true))"
    if left.type.kind == "list":
        left, right = right, left
    items = [item for _, item in members(left)]
    if right.type.kind == "tuple":
        others = [item for _, item in members(right)]
        length = str(len(items) == len(others)).lower()
    else:
        others = [Value(f"{right.sql}[{index + 1}]", right.type.parts[0]) for index in range(len(items))]
        length = f"len({right.sql}) = {len(items)}"
    return " AND ".join([f"({length}", *map(same, items, others)]) + ")"


def _same_maps(left, right):
    if left.type.kind == "map" and right.type.kind == "map":
        k = fresh()
        item = same(Value(f"{left.sql}[{k}]", left.type.parts[0]), Value(f"{right.sql}[{k}]", right.type.parts[0]))
        all_same = f"list_transform(map_keys({left.sql}), lambda {k}: map_contains({right.sql}, {k}) AND {item})"
        return f"(cardinality({left.sql}) = cardinality({right.sql}) AND coalesce(list_bool_and({all_same}), true))"
    if left.type.kind == "map":
        left, right = right, left
    entries = members(left)
    if right.type.kind == "record":
        others = dict(members(right))
        if others.keys() != {key for key, _ in entries}:
            return "false"
        return " AND ".join(["(true", *(same(item, others[key]) for key, item in entries)]) + ")"
    tests = [f"(cardinality({right.sql}) = {len(entries)}"]
    for key, item in entries:
        other = Value(f"{right.sql}[{string(key)}]", right.type.parts[0])
        tests += [f"map_contains({right.sql}, {string(key)})", same(item, other)]
    return " AND ".join(tests) + ")"


# -- order


def order(left, right):
    """Return the SQL of -1, 0 or 1 for two strings (by code point) or two numbers (by value), else null."""
    a, b, s, t = left.sql, right.sql, left.type, right.type
    if s == ANY or t == ANY:
        found = lift(lambda x, y: Value(order(x, y), LONG) if _ordered(x.type, y.type) else None, left, right)
        return f"({found.sql})"
    if not _ordered(s, t):
        return "NULL::BIGINT"
    if s == t:
        return f"(CASE WHEN {a} < {b} THEN -1 WHEN {a} > {b} THEN 1 WHEN {a} = {b} THEN 0 END)"
    if s == DOUBLE:
        return f"(-{order(right, left)})"
    # A long and a double: a double cannot tell the longs beyond 2^53 apart, so compare longs, then the fraction.
    whole = f"TRY_CAST(floor({b}) AS BIGINT)"
    return (
        f"(CASE WHEN {a} IS NULL THEN NULL WHEN {b} >= 9223372036854775808::DOUBLE THEN -1 "
        f"WHEN {b} < -9223372036854775808::DOUBLE THEN 1 WHEN {a} < {whole} THEN -1 WHEN {a} > {whole} THEN 1 "
        f"WHEN {b} > floor({b}) THEN -1 WHEN {b} = floor({b}) THEN 0 END)"
    )


def _ordered(s, t):
    return s == t == STRING or (is_number(s) and is_number(t))


# -- arithmetic


def finite(sql):
    """Return the SQL of a double, null where it is none."""
    return f"(CASE WHEN isfinite({sql}) THEN {sql} END)"


def long(sql):
    """Return the SQL of a HUGEINT as a long, null where a long cannot hold it."""
    return f"TRY_CAST({sql} AS BIGINT)"


def arithmetic(operator, left, right):
    """Return `left operator right` for two single types, or None where they give null."""
    a, b, s, t = left.sql, right.sql, left.type, right.type
    if operator == "+" and s == t == STRING:
        return Value(f"({a} || {b})", STRING)
    if not (is_number(s) and is_number(t)):
        return None
    if operator == "/":
        return Value(f"(CASE WHEN {b} <> 0 THEN {finite(f'({a}::DOUBLE / {b}::DOUBLE)')} END)", DOUBLE)
    if s == t == LONG:
        found = f"{a}::HUGEINT {operator} {b}::HUGEINT"
        return Value(long(f"CASE WHEN {b} <> 0 THEN {found} END" if operator == "%" else found), LONG)
    found = f"({a}::DOUBLE {operator} {b}::DOUBLE)"
    return Value(f"(CASE WHEN {b} <> 0 THEN {found} END)" if operator == "%" else finite(found), DOUBLE)


# -- results


def decode(found, type):
    """Return the Python value of what DuckDB returned for a value of a type."""
    if found is None:
        return None
    if type == ANY:
        return found[found["t"]]
    if type.kind == "list":
        return [decode(item, type.parts[0]) for item in found]
    if type.kind == "map":
        return {key: decode(item, type.parts[0]) for key, item in found.items()}
    if type.kind == "tuple":
        return [decode(found[name], item) for name, item in _members(type)]
    if type.kind == "record":
        return {
            key: decode(found[name], item) for (key, item), (name, _) in zip(type.parts, _members(type), strict=True)
        }
    return found

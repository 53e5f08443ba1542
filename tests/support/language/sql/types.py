"""Types, conditions, and what a value is."""

from .calls import add, lifted, strict
from .readings import double_in, long_in, number_in, text_of
from .values import (
    ANY,
    BOOLEAN,
    DOUBLE,
    LONG,
    SCALARS,
    STRING,
    Value,
    coerce,
    is_list,
    is_map,
    is_number,
    join,
    literal,
)

# -- types


def _kind_of(name):
    plain = (name.constant or "").partition("<")[0]
    return {"integer": "long", "float": "double", "collection": "list"}.get(plain, plain)


def _is_of(type, kind):
    """Tell whether a value of a type, if it is not null, is of a kind."""
    return (
        kind in ("any", type.kind)
        or (kind == "number" and is_number(type))
        or (kind == "list" and is_list(type))
        or (kind == "map" and is_map(type))
    )


def _ucast(translation, value, name, default):
    kind = _kind_of(name)
    if value.type == ANY and kind in ("list", "map"):
        value = literal(None)
    if value.type != ANY:
        return _first(translation, value if _is_of(value.type, kind) else literal(None), default)
    return _first(translation, lifted(translation, lambda x: x if _is_of(x.type, kind) else None, value), default)


def _first(translation, *values):
    type = join(value.type for value in values)
    found = ", ".join(coerce(value, type) for value in values)
    return translation.put(f"coalesce({found})", type, *values)


add("ucast(input: guess, target_type: type, default_value: T = null) -> T", _ucast)

_CASTS = {
    "string": text_of,
    "long": lambda x: {
        STRING: Value(long_in(x.sql), LONG),
        LONG: x,
        DOUBLE: Value(f"TRY_CAST(trunc({x.sql}) AS BIGINT)", LONG),
    }.get(x.type),
    "double": lambda x: {
        STRING: Value(double_in(x.sql), DOUBLE),
        LONG: Value(f"{x.sql}::DOUBLE", DOUBLE),
        DOUBLE: x,
    }.get(x.type),
    "number": lambda x: number_in(x.sql) if x.type == STRING else x if is_number(x.type) else None,
    "boolean": lambda x: {
        STRING: Value(f"(CASE lower({x.sql}) WHEN 'true' THEN true WHEN 'false' THEN false END)", BOOLEAN),
        BOOLEAN: x,
    }.get(x.type),
}


def _cast(translation, value, name):
    kind = _kind_of(name)
    if kind in _CASTS:
        return lifted(translation, _CASTS[kind], value)
    return value if value.type != ANY and _is_of(value.type, kind) else value if kind == "any" else literal(None)


add("cast(input: source, target_type: type) -> T", _cast)

# -- conditions


def _choice(translation, tests, wanted, values, otherwise):
    type = join(value.type for value in [*values, otherwise])
    whens = [f"WHEN {wanted}{test.sql} THEN {coerce(value, type)}" for test, value in zip(tests, values, strict=True)]
    sql = f"CASE {' '.join(whens)} ELSE {coerce(otherwise, type)} END"
    return translation.put(sql, type, *tests, *values, otherwise)


def _if(translation, predicate, then, otherwise):
    return _choice(translation, [translation.truth(predicate)], "", [then], otherwise)


def _pairs(translation, arguments, wanted):
    tests = [translation.truth(test) for test in arguments[::2]]
    return _choice(translation, tests, wanted, arguments[1::2], literal(None))


def _nullif(translation, value, other):
    equal = translation.equal(value, other)
    return translation.put(f"CASE WHEN {equal.sql} THEN NULL ELSE {value.sql} END", value.type, value, equal)


add("if(predicate: boolean, then: T, else: T) -> T", _if)
add("case(conditions: pair...) -> T", lambda translation, *given: _pairs(translation, given, ""))
add("validate(conditions: pair...) -> T", lambda translation, *given: _pairs(translation, given, "NOT "))
add("coalesce(values: T...) -> T", _first)
add("nullif(value1: T, value2: T) -> T", _nullif)

# -- what a value is


def _null_test(sql):
    return lambda translation, value: translation.put(f"{value.sql} {sql}", BOOLEAN, value)


def _kind_test(kind):
    def make(translation, value):
        if value.type != ANY:
            test = str(_is_of(value.type, kind)).lower()
        else:
            tests = [f"{value.sql}.t = '{type.kind[0]}'" for type in SCALARS if _is_of(type, kind)]
            test = " OR ".join(tests) or "false"
        return strict(translation, test, BOOLEAN, value=value)

    return make


add("isnull(value: any) -> boolean", _null_test("IS NULL"))
add("isnotnull(value: any) -> boolean", _null_test("IS NOT NULL"))
add("isarray(value: any) -> boolean", _kind_test("list"))
add("isbool(value: any) -> boolean", _kind_test("boolean"))
add("isdouble(value: any) -> boolean", _kind_test("double"))
add("isint(value: any) -> boolean", _kind_test("long"))
add("isnum(value: any) -> boolean", _kind_test("number"))
add("isobject(value: any) -> boolean", _kind_test("map"))
add("isstr(value: any) -> boolean", _kind_test("string"))

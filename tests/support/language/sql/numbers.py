"""Numbers as text and text as numbers, and mathematics."""

from functools import partial

from .calls import MISSING, add, double, lifted, single, strict
from .readings import BLANKS, double_in, long_in, number_in, text_of
from .values import (
    ANY,
    BOOLEAN,
    DOUBLE,
    LONG,
    NULL,
    STRING,
    Type,
    Value,
    coerce,
    finite,
    is_list,
    is_map,
    is_number,
    join,
    lift,
    listed,
    literal,
    long,
    order,
)

# -- numbers and texts


def _tonumber(translation, text, base):
    text, base = translation.narrowed(text, STRING), translation.narrowed(base, LONG)
    step = partial(strict, translation)
    spelled = step(f"lower(trim({{text}}, {BLANKS}))", STRING, text=text)
    sign = "CASE {base} WHEN 16 THEN '^[+-]?(0x)?' ELSE '^[+-]?' END"
    bare = step(f"regexp_replace({{spelled}}, {sign}, '')", STRING, spelled=spelled, base=base)
    places = "lambda c: strpos('0123456789abcdefghijklmnopqrstuvwxyz', c) - 1"
    digits = step(f"list_transform(string_split(ltrim({{bare}}, '0'), ''), {places})", listed(LONG), bare=bare)
    # More than 120 bits are no long, and what is less fits a HUGEINT.
    fits = "len({digits}) * log2({base}) <= 120"
    valid = "list_bool_and(list_transform({digits}, lambda d: d >= 0 AND d < {base}))"
    total = "list_reduce(list_transform({digits}, lambda d: d::HUGEINT), lambda a, d: a * {base}::HUGEINT + d)"
    value = step(
        "CASE WHEN NOT ({base} BETWEEN 2 AND 36) OR {bare} = '' THEN NULL WHEN ltrim({bare}, '0') = '' THEN 0 "
        f"WHEN {valid} AND {fits} THEN {total} END",
        HUGE,
        bare=bare,
        digits=digits,
        base=base,
    )
    signed = long("{value} * CASE WHEN {spelled} LIKE '-%' THEN -1 ELSE 1 END")
    found = step(signed, LONG, value=value, spelled=spelled)
    number, other = number_in(text.sql), coerce(found, ANY)
    return translation.put(f"CASE WHEN {base.sql} = 10 THEN {number.sql} ELSE {other} END", ANY, text, base, found)


def _tostring(translation, value, format):
    if format is MISSING:
        return lifted(translation, lambda x: _titled(x) if x.type == BOOLEAN else text_of(x), value)

    def formatted(x):
        if not is_number(x.type):
            return None
        sign = f"CASE WHEN {x.sql} <= -1 THEN '-' ELSE '' END"
        whole = f"abs(TRY_CAST(trunc({x.sql}) AS BIGINT)::HUGEINT)"
        hours, others = f"({whole} // 3600)::VARCHAR", (f"{whole} // 60 % 60", f"{whole} % 60")
        padded = [f"lpad({hours}, greatest(2, length({hours}))::INTEGER, '0')"]
        padded += [f"lpad(({other})::VARCHAR, 2, '0')" for other in others]
        hexed = f"{sign} || '0x' || to_hex({whole})" if x.type == LONG else "NULL::VARCHAR"
        commas = f"format('{{:,}}', {x.sql})" if x.type == LONG else _with_commas(x.sql)
        lasts = " || ':' || ".join([f"{sign} || {padded[0]}", *padded[1:]])
        cases = f"WHEN 'hex' THEN {hexed} WHEN 'commas' THEN {commas} WHEN 'duration' THEN {lasts}"
        return Value(f"(CASE {format.sql} {cases} END)", STRING)

    format = translation.narrowed(format, STRING)
    found = lift(formatted, value)
    return translation.put(found.sql, found.type, value, format)


def _with_commas(x):
    """Return the SQL of a double with two decimals; DuckDB's own format() makes up digits beyond those of a long."""
    digits = f"abs({x})::BIGNUM::VARCHAR"
    padded = f"lpad({digits}, ((length({digits}) + 2) // 3 * 3)::INTEGER, ' ')"
    whole = f"ltrim(array_to_string(regexp_extract_all({padded}, '...'), ','))"
    large = f"CASE WHEN {x} < 0 THEN '-' ELSE '' END || {whole} || '.00'"
    return f"CASE WHEN abs({x}) < 9223372036854775808 THEN format('{{:,.2f}}', {x}) ELSE {large} END"


def _titled(x):
    return Value(f"CASE {x.sql} WHEN true THEN 'True' WHEN false THEN 'False' END", STRING)


HUGE = Type("huge")

add("parse_long(value: numeral) -> long", long_in("{value}"))
add("parse_double(value: numeral) -> double", double_in("{value}"))
add("tonumber(str: numeral, base: base = 10) -> any", _tonumber)
add("tostring(value: any, format: format = omitted) -> string", _tostring)
add("to_string(value: any) -> string", single(text_of))
add("to_bytes(value: string) -> string", "{value}")

# -- mathematics


def _unsigned(x):
    if x.type == LONG:
        return Value(long(f"abs({x.sql}::HUGEINT)"), LONG)
    return Value(f"abs({x.sql})", DOUBLE) if x.type == DOUBLE else None


def _round(translation, value, precision):
    """Round by the decimal digits of a double, all of them: DuckDB's own round multiplies first, which is inexact."""
    step = partial(strict, translation)
    value, precision = double(translation, value), translation.narrowed(precision, LONG)
    digits = step("format('{:.40f}', abs({value}))", STRING, value=value)
    whole, part = (step(f"split_part({{digits}}, '.', {side})", STRING, digits=digits) for side in (1, 2))
    places = {"whole": whole, "part": part, "precision": precision}
    up = "CASE WHEN substr({part}, {precision} + 1, 1) >= '5' THEN 1 ELSE 0 END"
    fits = "{precision} BETWEEN 0 AND 15 AND length({whole}) < 17"
    rounded = f"(({{whole}} || left({{part}}, {{precision}}))::HUGEINT + {up})::VARCHAR"
    rounded = step(f"CASE WHEN {fits} THEN lpad({rounded}, 40, '0') END", STRING, **places)
    spelled = "left({rounded}, (40 - {precision})::BIGINT) || '.' || right({rounded}, {precision})"
    found = step(f"({spelled})::DOUBLE * sign({{value}})", DOUBLE, rounded=rounded, precision=precision, value=value)
    # From 17 digits on, a double has no fraction.
    large = f"CASE WHEN length({whole.sql}) < 17 THEN {found.sql} + 0 ELSE {value.sql} END"
    sql = f"CASE WHEN {precision.sql} BETWEEN 0 AND 15 THEN {large} END"
    return translation.put(sql, DOUBLE, precision, whole, found, value)


def _extreme(sign):
    def pick(translation, *values):
        found, *others = values
        if any(is_list(value.type) or is_map(value.type) for value in values):
            return literal(None)
        found = lifted(translation, lambda x: None if x.type == BOOLEAN else x, found)
        for other in others:
            found = lifted(translation, lambda x, y: _further(sign, x, y), found, other)
        return found

    return pick


def _further(sign, x, y):
    """Return the second of two values if it lies further to one side than the first, else the first."""
    if BOOLEAN in (x.type, y.type) or NULL in (x.type, y.type):
        return None
    both = f"{x.sql} IS NOT NULL AND {y.sql} IS NOT NULL"
    if STRING in (x.type, y.type) and x.type != y.type:
        found = y if (y.type == STRING) == (sign > 0) else x
        return Value(f"(CASE WHEN {both} THEN {found.sql} END)", found.type)
    type = join([x.type, y.type])
    chosen = f"CASE WHEN {order(y, x)} = {sign} THEN {coerce(y, type)} ELSE {coerce(x, type)} END"
    return Value(f"(CASE WHEN {both} THEN {chosen} END)", type)


add("abs(value: number) -> number", single(_unsigned))
# Adding zero makes the zero of -0.4 one without a sign.
add("ceil(value: number) -> double", "(ceil({value}) + 0)")
add("ceiling(value: number) -> double", "(ceil({value}) + 0)")
add("floor(value: number) -> double", "(floor({value}) + 0)")
add("round(value: number, precision: precision = 0) -> double", _round)
add("sqrt(value: number) -> double", "CASE WHEN {value} >= 0 THEN sqrt({value}) END")
add("pow(value: number, exponent: number) -> double", finite("pow({value}, {exponent})"))
add("exp(value: number) -> double", finite("exp({value})"))
add("ln(value: number) -> double", "CASE WHEN {value} > 0 THEN ln({value}) END")
add(
    "log(value: number, base: number = 10) -> double",
    "CASE WHEN {value} > 0 AND {base} > 0 AND {base} <> 1 THEN CASE {base} WHEN 10 THEN log10({value}) "
    "WHEN 2 THEN log2({value}) ELSE ln({value}) / ln({base}) END END",
)
add("max(values: T...) -> T", _extreme(1))
add("min(values: T...) -> T", _extreme(-1))

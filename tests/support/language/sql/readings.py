"""Values as text, and numbers as a text spells them."""

from .values import ANY, DOUBLE, LONG, SCALARS, STRING, Value, coerce, finite

BLANKS = "' ' || chr(9) || chr(10) || chr(13)"
_WHOLE = "[+-]?[0-9]+"
_DECIMAL = "[+-]?([0-9]+([.][0-9]*)?|[.][0-9]+)([eE][+-]?[0-9]+)?"


def text_of(value):
    """Return the SQL of a scalar as text, or None for another type."""
    if value.type == STRING:
        return Value(value.sql, STRING)
    return Value(f"{value.sql}::VARCHAR", STRING) if value.type in SCALARS else None


def long_in(text):
    """Return the SQL of the long that a text spells."""
    bare = f"trim({text}, {BLANKS})"
    return f"(CASE WHEN regexp_full_match({bare}, '{_WHOLE}') THEN TRY_CAST({bare} AS BIGINT) END)"


def double_in(text):
    """Return the SQL of the double that a text spells."""
    bare = f"trim({text}, {BLANKS})"
    return f"(CASE WHEN regexp_full_match({bare}, '{_DECIMAL}') THEN {finite(f'TRY_CAST({bare} AS DOUBLE)')} END)"


def number_in(text):
    """Return the long, or else the double, that a text spells."""
    whole, other = Value(long_in(text), LONG), Value(double_in(text), DOUBLE)
    return Value(f"(CASE WHEN {whole.sql} IS NOT NULL THEN {coerce(whole, ANY)} ELSE {coerce(other, ANY)} END)", ANY)

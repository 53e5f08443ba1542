"""Base64, URLs and JSON."""

from .calls import add, strict
from .values import ANY, BOOLEAN, DOUBLE, LONG, STRING, Type, Value, coerce, finite, listed, mapped

# -- bytes, as the hexadecimal digits of them

_CONTINUED = "[89AB][0-9A-F]"
_CHARACTERS = (
    "[0-7][0-9A-F]",
    f"(?:C[2-9A-F]|D[0-9A-F]){_CONTINUED}",
    f"E0[AB][0-9A-F]{_CONTINUED}",
    f"E[1-9ABCEF]{_CONTINUED}{_CONTINUED}",
    f"ED[89][0-9A-F]{_CONTINUED}",
    f"F0[9AB][0-9A-F]{_CONTINUED}{_CONTINUED}",
    f"F[1-3]{_CONTINUED}{_CONTINUED}{_CONTINUED}",
    f"F48[0-9A-F]{_CONTINUED}{_CONTINUED}",
)
"""The well-formed sequences of UTF-8, by table 3-7 of the Unicode standard."""

_BROKEN = (
    "E0[AB][0-9A-F]",
    f"E[1-9ABCEF]{_CONTINUED}",
    "ED[89][0-9A-F]",
    f"F0[9AB][0-9A-F](?:{_CONTINUED})?",
    f"F[1-3]{_CONTINUED}(?:{_CONTINUED})?",
    f"F48[0-9A-F](?:{_CONTINUED})?",
    "..",
)
"""What one U+FFFD stands for: the longest beginning of such a sequence, or else one byte."""


def _text(digits):
    """Return the SQL of the text whose bytes in UTF-8 are given as digits."""
    pieces = f"regexp_extract_all({digits}, '{'|'.join(_CHARACTERS + _BROKEN)}')"
    return f"array_to_string(list_transform({pieces}, lambda p: coalesce(try(decode(unhex(p))), chr(65533))), '')"


_ALPHABET = "regexp_full_match({value}, '[A-Za-z0-9+/]*={0,2}')"
_BARE = "rtrim({value}, '=')"
_PADDED = f"{_BARE} || repeat('=', (4 - length({_BARE}) % 4) % 4)"
_WELL_PADDED = f"length({_BARE}) % 4 <> 1 AND {{value}} IN ({_BARE}, {_PADDED})"
_PIECES = "regexp_extract_all({url}, '(?s)%[0-9A-Fa-f][0-9A-Fa-f]|.')"
_DIGITS = "CASE WHEN length(p) = 3 THEN upper(substr(p, 2)) ELSE hex(encode(p)) END"

add("base64_encode(value: string) -> string", "to_base64(encode({value}))")
add(
    "base64_decode(value: base64) -> string",
    f"CASE WHEN {_ALPHABET} AND {_WELL_PADDED} THEN {_text(f'hex(from_base64({_PADDED}))')} END",
)
add(
    "urldecode(url: url) -> string",
    _text(f"array_to_string(list_transform({_PIECES}, lambda p: {_DIGITS}), '')"),
)

# -- JSON


def _from_json(translation, text):
    """Read an object of scalars: what nests deeper has no static type, and the tables of the language show it."""
    text = translation.narrowed(text, STRING)
    valid = "CASE WHEN json_valid({text}) THEN json_type({text}) = 'OBJECT' ELSE false END"
    json = strict(translation, f"CASE WHEN {valid} THEN {{text}}::JSON END", Type("json"), text=text)
    place = "'/' || replace(replace(k, '~', '~0'), '/', '~1')"
    value = f"json_extract({{json}}, {place})"
    kinds = {
        "VARCHAR": (STRING, f"json_extract_string({{json}}, {place})"),
        "BOOLEAN": (BOOLEAN, f"{value}::BOOLEAN"),
        "UBIGINT": (LONG, f"TRY_CAST({value} AS BIGINT)"),
        "BIGINT": (LONG, f"TRY_CAST({value} AS BIGINT)"),
        "DOUBLE": (DOUBLE, finite(f"{value}::DOUBLE")),
    }
    whens = " ".join(
        f"WHEN '{kind}' THEN {coerce(Value(f'({sql})', type), ANY)}" for kind, (type, sql) in kinds.items()
    )
    made = f"CASE json_type({{json}}, {place}) {whens} END"
    keys = strict(translation, "json_keys({json})", listed(STRING), json=json)
    entries = f"map({{keys}}, list_transform({{keys}}, lambda k: {made}))"
    return strict(translation, entries, mapped(ANY), json=json, keys=keys)


add("deserialize_json_object(value: json) -> map any", _from_json)
add("from_json_object(value: json) -> map any", _from_json)

"""Patterns and strings."""

import re

from .calls import MISSING, add, strict
from .containers import as_list, map_of
from .values import ANY, BOOLEAN, LONG, STRING, listed, literal, mapped, null, string

# -- patterns


def _found(text, pattern):
    return f"regexp_matches({text}, {pattern})"


def _pattern(value):
    """Return a regex of Java as one of RE2: the generator's patterns differ in how a group is named, nothing else."""
    if not isinstance(value.constant, str):
        return null(STRING)
    return literal(value.constant.replace("(?<", "(?P<"))


def groups(pattern):
    """Return the names of a regex's groups, None for one without a name. The generator's have no \\( and no [(]."""
    return [name or None for name in re.findall(r"\((?:(?!\?)|\?<(\w+)>)", pattern)]


def _match(translation, text, pattern):
    return strict(
        translation,
        _found("{text}", "{pattern}"),
        BOOLEAN,
        text=translation.narrowed(text, STRING),
        pattern=_pattern(pattern),
    )


def _mvfind(translation, value, pattern):
    value, pattern = as_list(translation, value), _pattern(pattern)
    if value.type.parts[0] not in (STRING, ANY):
        return strict(translation, "NULL::BIGINT", LONG, value=value)
    text = "x" if value.type.parts[0] == STRING else "x.s"
    tests = f"list_transform({{value}}, lambda x: coalesce({text} IS NOT NULL AND {_found(text, '{pattern}')}, false))"
    return strict(translation, f"list_position({tests}, true) - 1", LONG, value=value, pattern=pattern)


def _like(translation, text, pattern):
    text, pattern = translation.narrowed(text, STRING), translation.narrowed(pattern, STRING)
    # A backslash at the end escapes nothing, so it is one: DuckDB refuses it.
    open_end = r"regexp_full_match({pattern}, '(?s)(.*[^\\])?\\(\\\\)*')"
    whole = strict(
        translation, f"{{pattern}} || CASE WHEN {open_end} THEN chr(92) ELSE '' END", STRING, pattern=pattern
    )
    return strict(translation, "{text} LIKE {whole} ESCAPE '\\'", BOOLEAN, text=text, whole=whole)


def _extract(text, pattern, names):
    """Return the SQL of the groups of the first match, as a struct g1, g2, …"""
    listed_names = ", ".join(f"'g{index + 1}'" for index in range(len(names)))
    return f"regexp_extract({text}, {pattern}, [{listed_names}])"


def _extract_regex(translation, text, pattern):
    if not isinstance(pattern.constant, str):
        return null(mapped(STRING))
    names = groups(pattern.constant)
    text, pattern = translation.narrowed(text, STRING), _pattern(pattern)
    keys = ", ".join(string(name or str(index + 1)) for index, name in enumerate(names))
    held = ", ".join(f"{_extract('{text}', '{pattern}', names)}.g{index + 1}" for index in range(len(names)))
    made = f"map([{keys}]::VARCHAR[], [{held}]::VARCHAR[])"
    return strict(
        translation,
        f"CASE WHEN {_found('{text}', '{pattern}')} THEN {made} ELSE map {{}} END",
        mapped(STRING),
        text=text,
        pattern=pattern,
    )


def _replace(translation, text, pattern, replacement):
    text, replacement = translation.narrowed(text, STRING), replacement.constant
    if not isinstance(pattern.constant, str) or not isinstance(replacement, str):
        return null(STRING)
    names = groups(pattern.constant)
    numbers = {name: index + 1 for index, name in enumerate(names)}
    pieces = re.split(r"(\$\d|\$\{\w+\}|\\.)", replacement)
    made = []
    for piece in pieces:
        plain = piece[1:].strip("{}")
        if piece[:1] not in ("$", "\\"):
            made.append(piece.replace("\\", "\\\\"))
        elif plain.isdigit() and int(plain) <= len(names):
            made.append(f"\\{plain}")
        elif plain in numbers:
            made.append(f"\\{numbers[plain]}")
        elif piece[0] == "\\" and not plain.isdigit():
            made.append(plain.replace("\\", "\\\\"))
        else:
            return null(STRING)
    given = literal("".join(made))
    return strict(
        translation,
        "regexp_replace({text}, {pattern}, {given}, 'g')",
        STRING,
        text=text,
        pattern=_pattern(pattern),
        given=given,
    )


def rex(translation, text, pattern, most):
    """Return {column: (SQL, type, SQL of whether the group was found)} for a rex over a text."""
    names = groups(pattern)
    made = _pattern(literal(pattern)).sql
    used = f"coalesce({_found(text.sql, made)}, false)"
    found = {}
    for index, name in enumerate(names):
        if name and most == 1:
            found[name] = (f"{_extract(text.sql, made, names)}.g{index + 1}", STRING, used)
        elif name:
            everything = f"regexp_extract_all({text.sql}, {made}, {index + 1})"
            found[name] = (f"{everything}[1:{most}]" if most else everything, listed(STRING), used)
    return found


add("like(str: string, pattern: like) -> boolean", _like)
add("match_regex(input: string, pattern: pattern) -> boolean", _match)
add("match(str: string, regex: pattern) -> boolean", _match)
add("mvfind(mv: list T, regex: pattern) -> long", _mvfind)
add("extract_regex(input: string, pattern: pattern) -> map string", _extract_regex)
add("replace(str: string, regex: nonempty, replacement: replacement) -> string", _replace)

# -- strings


def _concat(translation, *values):
    values = {f"x{index}": translation.narrowed(value, STRING) for index, value in enumerate(values)}
    return strict(translation, " || ".join(f"{{{name}}}" for name in values), STRING, **values)


def _substr(translation, text, start, length):
    text, start = translation.narrowed(text, STRING), translation.narrowed(start, LONG)
    given = {"text": text, "start": start}
    # From where to where, counted from 1; what lies outside of the text is not there.
    first = "(CASE WHEN {start} > 0 THEN {start}::HUGEINT ELSE length({text}) + 1 + {start}::HUGEINT END)"
    last = "length({text})::HUGEINT"
    if length is not MISSING:
        given["length"] = translation.narrowed(length, LONG)
        last = f"least(length({{text}}), {first} + {{length}} - 1)"
    begin = f"greatest(1, {first})"
    negative = "false" if length is MISSING else "{length} < 0"
    part = f"substr({{text}}, ({begin})::BIGINT, ({last} - {begin} + 1)::BIGINT)"
    return strict(
        translation,
        f"CASE WHEN {{start}} = 0 OR {negative} THEN NULL WHEN {begin} > {last} THEN '' ELSE {part} END",
        STRING,
        **given,
    )


add("concat(values: string...) -> string", _concat)
add("len(str: string) -> long", "length({str})")
add("lower(str: string) -> string", "lower({str})")
add("upper(str: string) -> string", "upper({str})")
for name in ("trim", "ltrim", "rtrim"):
    add(f"{name}(str: string, trim_chars: characters = blanks) -> string", f"{name}({{str}}, {{trim_chars}})")
add("substr(str: string, start: position, length: count = omitted) -> string", _substr)


def _split(translation, text, delim):
    text, delim = translation.narrowed(text, STRING), translation.narrowed(delim, STRING)
    # DuckDB makes one empty character of an empty text.
    parts = "CASE WHEN {text} = '' AND {delim} = '' THEN [] ELSE string_split({text}, {delim}) END"
    return strict(translation, parts, listed(STRING), text=text, delim=delim)


def _extract_key_value(translation, text, key_delimiter, pair_delimiter):
    text, key, pair = (translation.narrowed(x, STRING) for x in (text, key_delimiter, pair_delimiter))
    parts = f"list_filter(string_split({text.sql}, {pair.sql}), lambda p: contains(p, {key.sql}))"
    place = f"strpos(p, {key.sql})"
    cut = f"{{'k': substr(p, 1, {place} - 1), 'v': substr(p, {place} + length({key.sql}))}}"
    given = f"{text.sql} IS NOT NULL AND {key.sql} <> '' AND {pair.sql} <> ''"
    pairs = f"CASE WHEN {given} THEN list_transform({parts}, lambda p: {cut}) END"
    return map_of(translation, pairs, STRING, text, key, pair)


add("split(str: string, delim: delimiter) -> list string", _split)
add(
    "extract_key_value(input: string, key_value_delimiter: delimiter, pair_delimiter: delimiter) -> map string",
    _extract_key_value,
)

"""Lists and maps."""

from .calls import add, strict
from .readings import text_of
from .values import (
    ANY,
    BOOLEAN,
    LONG,
    NULL,
    SCALARS,
    STRING,
    Type,
    Value,
    coerce,
    is_list,
    is_map,
    item_type,
    join,
    lift,
    listed,
    literal,
    long,
    mapped,
    members,
    null,
    same,
    sql_type,
)

# -- lists


def as_list(translation, value):
    """Return a value as a list of one type of items; anything but a list as null."""
    if not is_list(value.type):
        return null(listed(NULL))
    made = listed(item_type(value.type))
    return translation.put(coerce(value, made), made, value)


def _mvappend(translation, *values):
    item = join(item_type(value.type) if is_list(value.type) else value.type for value in values)
    made = listed(item)
    parts = [
        f"coalesce({coerce(value, made)}, [])" if is_list(value.type) else f"[{coerce(value, item)}]"
        for value in values
    ]
    whole = translation.put(" || ".join(f"({part})::{sql_type(made)}" for part in parts), made, *values)
    return translation.put(f"list_filter({whole.sql}, lambda x: x IS NOT NULL)", made, whole)


def _length(translation, value):
    if value.type.kind in ("tuple", "record"):
        return strict(translation, str(len(value.type.parts)), LONG, value=value)
    if value.type.kind in ("list", "map"):
        return strict(translation, f"{'len' if is_list(value.type) else 'cardinality'}({{value}})", LONG, value=value)
    return strict(translation, "length({value})", LONG, value=translation.narrowed(value, STRING))


def _mvcount(translation, value):
    if not is_list(value.type):
        return strict(translation, "1", LONG, value=value)
    value = as_list(translation, value)
    return strict(translation, "nullif(len(list_filter({value}, lambda x: x IS NOT NULL)), 0)", LONG, value=value)


def _mvindex(translation, value, index):
    value, index = as_list(translation, value), translation.narrowed(index, LONG)
    place = "CASE WHEN {index} < 0 THEN len({value}) + {index} + 1 ELSE {index}::HUGEINT + 1 END"
    place = strict(translation, long(place), LONG, value=value, index=index)
    inside = "CASE WHEN {place} BETWEEN 1 AND len({value}) THEN {value}[{place}] END"
    return strict(translation, inside, value.type.parts[0], value=value, place=place)


def _mvdedup(translation, value):
    value = as_list(translation, value)
    x, y = (Value(name, value.type.parts[0]) for name in ("x", "y"))
    before = f"list_transform({value.sql}[1:i - 1], lambda y: {same(x, y)})"
    return translation.put(
        f"list_filter({value.sql}, lambda x, i: NOT coalesce(list_bool_or({before}), false))", value.type, value
    )


def _texts(value):
    """Return the SQL of the texts of a list's items, with nulls in their places."""
    found = lift(text_of, Value("x", value.type.parts[0]))
    return f"list_transform({value.sql}, lambda x: {found.sql}::VARCHAR)"


def _holds_scalars(value):
    return value.type.parts[0] in (*SCALARS, ANY, NULL)


def _mvjoin(translation, value, delim):
    value, delim = as_list(translation, value), translation.narrowed(delim, STRING)
    if _holds_scalars(value):
        texts = translation.put(f"list_filter({_texts(value)}, lambda x: x IS NOT NULL)", listed(STRING), value)
        joined = "CASE WHEN len({value}) = 0 THEN '' ELSE list_reduce({value}, lambda a, b: a || {delim} || b) END"
        value = texts
    else:
        joined = "CASE WHEN len(list_filter({value}, lambda x: x IS NOT NULL)) = 0 THEN '' END"
    return strict(translation, joined, STRING, value=value, delim=delim)


def _mvsort(translation, value):
    value = as_list(translation, value)
    if not _holds_scalars(value):
        return strict(translation, "CASE WHEN len({value}) = 0 THEN {value} END", value.type, value=value)
    texts = translation.put(_texts(value), listed(STRING), value)
    places = "list_transform({texts}, lambda x, i: struct_pack(x := x, i := i))"
    order = f"list_transform(list_sort({places}), lambda p: p.i)"
    whole = "len(list_filter({texts}, lambda x: x IS NULL)) = 0"
    order = strict(translation, f"CASE WHEN {whole} THEN {order} END", listed(LONG), texts=texts)
    return strict(translation, "list_transform({order}, lambda i: {value}[i])", value.type, value=value, order=order)


add("mvappend(values: item...) -> list T", _mvappend)
add("length(input: sized) -> long", _length)
add("mvcount(mv: counted) -> long", _mvcount)
add("mvindex(input: list T, index: index) -> T", _mvindex)
add("mvdedup(mv: list T) -> list T", _mvdedup)
add("mvjoin(mv: list T, delim: delimiter) -> string", _mvjoin)
add("mvsort(mv: list T) -> list T", _mvsort)

# -- maps


def as_map(translation, value):
    """Return a value as a map of one type of values; anything but a map as null."""
    if not is_map(value.type):
        return null(mapped(NULL))
    made = mapped(item_type(value.type))
    return translation.put(coerce(value, made), made, value)


def entries(value, type):
    """Return the SQL of a map's entries, as structs of k and v, its values as a wider type."""
    held = coerce(Value("e.value", value.type.parts[0]), type)
    return f"list_transform(map_entries({value.sql}), lambda e: {{'k': e.key, 'v': {held}}})"


def map_of(translation, listed_entries, item, *operands):
    """Return a map of entries: of equal keys the last one counts, at the place of the first."""
    pair = f"STRUCT(k VARCHAR, v {sql_type(item)})[]"
    found = translation.put(f"({listed_entries})::{pair}", Type("entries", (item,)), *operands)
    before = f"list_transform({found.sql}[1:i - 1], lambda f: f.k)"
    first = f"list_filter({found.sql}, lambda e, i: NOT list_contains({before}, e.k))"
    last = f"list_filter({found.sql}, lambda f: f.k = e.k)[-1].v"
    made = f"map_from_entries(list_transform({first}, lambda e: {{'k': e.k, 'v': {last}}}))"
    return translation.put(f"CASE WHEN {found.sql} IS NOT NULL THEN {made} END", mapped(item), found)


def _create_map(translation, value):
    keys = translation.constants.get(value.sql, [])[::2]
    if value.type.kind == "tuple" and all(isinstance(key, str) for key in keys):
        return _record_of(translation, value, keys)
    if value.type.kind == "tuple":
        return _map_of_tuple(translation, value)
    value = as_list(translation, value)
    if value.type.parts[0] not in (STRING, ANY):
        return strict(
            translation, "CASE WHEN len({value}) = 0 THEN map {} END", mapped(value.type.parts[0]), value=value
        )
    key = "" if value.type.parts[0] == STRING else ".s"
    places = f"range(1, len({value.sql}) + 1, 2)"
    keys = f"list_transform({places}, lambda i: {value.sql}[i]{key})"
    pairs = f"list_transform({places}, lambda i: {{'k': {value.sql}[i]{key}, 'v': {value.sql}[i + 1]}})"
    whole = (
        f"len({value.sql}) % 2 = 0 AND coalesce(list_bool_and(list_transform({keys}, lambda k: k IS NOT NULL)), true)"
    )
    return map_of(translation, f"CASE WHEN {whole} THEN {pairs} END", value.type.parts[0], value)


def _record_of(translation, value, keys):
    items = [translation.put(item.sql, item.type, value) for _, item in members(value)]
    if len(items) % 2:
        return null(mapped(NULL))
    made = translation.record(list(zip(keys, items[1::2], strict=True)))
    return translation.put(f"CASE WHEN {value.sql} IS NOT NULL THEN {made.sql} END", made.type, made, value)


def _map_of_tuple(translation, value):
    items = [item for _, item in members(value)]
    keys = [translation.narrowed(translation.put(key.sql, key.type, value), STRING) for key in items[::2]]
    item = join(item.type for item in items[1::2])
    if len(items) % 2:
        return null(mapped(item))
    pairs = ", ".join(
        f"{{'k': {key.sql}, 'v': {coerce(held, item)}}}" for key, held in zip(keys, items[1::2], strict=True)
    )
    whole = " AND ".join(f"{known.sql} IS NOT NULL" for known in [value, *keys])
    return map_of(translation, f"CASE WHEN {whole} THEN [{pairs}] END", item, value, *keys)


def _map_get(translation, value, key):
    return translation.access(value, translation.narrowed(key, STRING)) if is_map(value.type) else literal(None)


def _map_set(translation, value, key, item):
    value, key = as_map(translation, value), translation.narrowed(key, STRING)
    type = join([value.type.parts[0], item.type])
    pairs = f"{entries(value, type)} || [{{'k': {key.sql}, 'v': {coerce(item, type)}}}]"
    given = f"{value.sql} IS NOT NULL AND {key.sql} IS NOT NULL"
    return map_of(translation, f"CASE WHEN {given} THEN {pairs} END", type, value, key, item)


def _map_delete(translation, value, keys):
    value = as_map(translation, value)
    if is_list(keys.type):
        keys = as_list(translation, keys)
        item = keys.type.parts[0]
        if item not in (STRING, ANY):
            return strict(translation, "{value}", value.type, value=value, keys=keys)
        gone = f"list_contains(list_transform({{keys}}, lambda k: k{'.s' if item == ANY else ''}), e.key)"
    else:
        keys = translation.narrowed(keys, STRING)
        gone = "e.key = {keys}"
    kept = f"list_filter(map_entries({{value}}), lambda e: NOT coalesce({gone}, false))"
    return strict(translation, f"map_from_entries({kept})", value.type, value=value, keys=keys)


def _map_merge(translation, *values):
    values = [as_map(translation, value) for value in values]
    type = join(value.type.parts[0] for value in values)
    given = " AND ".join(f"{value.sql} IS NOT NULL" for value in values)
    pairs = " || ".join(f"({entries(value, type)})::STRUCT(k VARCHAR, v {sql_type(type)})[]" for value in values)
    return map_of(translation, f"CASE WHEN {given} THEN {pairs} END", type, *values)


def _map_keys(translation, value):
    return strict(translation, "map_keys({value})", listed(STRING), value=as_map(translation, value))


def _map_values(translation, value):
    value = as_map(translation, value)
    return strict(translation, "map_values({value})", listed(value.type.parts[0]), value=value)


def _contains_key(translation, value, key):
    value, key = as_map(translation, value), translation.narrowed(key, STRING)
    return strict(translation, "map_contains({value}, {key})", BOOLEAN, value=value, key=key)


add("map_get(map: map T, key: key) -> T", _map_get)
add("create_map(keys_and_values: pairs T) -> map T", _create_map)
add("contains_key(input: map T, key: key) -> boolean", _contains_key)
add("map_keys(map: map T) -> list string", _map_keys)
add("map_values(map: map T) -> list T", _map_values)
add("map_set(map: map T, key: key, value: T) -> map T", _map_set)
add("map_delete(map: map T, keys: keys) -> map T", _map_delete)
add("map_merge(maps: map T...) -> map T", _map_merge)

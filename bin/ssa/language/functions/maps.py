"""Maps. A map that a function is given is never changed: others may hold it too."""

from __future__ import annotations

from ..values import Value, bounded
from .meanings import MemberOfMap, NewMap
from .registry import DSP, Parameter, entry

MAP = DSP + ", Map"
OURS = f"ours, by the example of map_get and map_set in {MAP}"


@entry(
    Parameter("map", "map"),
    Parameter("key", "string"),
    returns="any",
    help="The value of a key; null when the map has no such key.",
    source=f"{MAP}; parameter names: ours",
    meaning=MemberOfMap(),
)
def map_get(mapping: dict[str, Value], key: str) -> Value:
    """Look a key up."""
    return mapping.get(key)


@entry(
    Parameter("keys_and_values", "list"),
    returns="map",
    help="A map from one flat list of keys and values; null when one is left over or a key is no string.",
    source=f"{MAP}; the nulls: ours",
    nulls="Null for a null; a value in the list may be null.",
    meaning=NewMap(),
)
def create_map(flat: list[Value]) -> dict[str, Value] | None:
    """Build a map."""
    keys = flat[::2]
    if len(flat) % 2 or not all(isinstance(key, str) for key in keys):
        return None
    return dict(zip(keys, flat[1::2]))


@entry(
    Parameter("input", "map"),
    Parameter("key", "string"),
    returns="boolean",
    help="Whether the map has the key, be its value null or not.",
    source=MAP,
)
def contains_key(mapping: dict[str, Value], key: str) -> bool:
    """Test for a key."""
    return key in mapping


@entry(
    Parameter("map", "map"),
    returns="list",
    help="The keys of the map, in the order in which they came into it.",
    source=OURS,
)
def map_keys(mapping: dict[str, Value]) -> list[Value]:
    """List keys."""
    return [*mapping]


@entry(
    Parameter("map", "map"),
    returns="list",
    help="The values of the map, in the order of map_keys.",
    source=OURS,
)
def map_values(mapping: dict[str, Value]) -> list[Value]:
    """List values."""
    return [*mapping.values()]


@entry(
    Parameter("map", "map"),
    Parameter("key", "string"),
    Parameter("value", "any"),
    returns="map",
    help="The map with one key set to a value, in place of the value that it may have had.",
    source=f"{MAP}; parameter names: ours",
    sees_nulls=True,
    nulls="Null when the map or the key is null or of another type; the value may be null.",
)
def map_set(mapping: dict[str, Value] | None, key: str | None, value: Value) -> dict[str, Value] | None:
    """Set a key."""
    return None if mapping is None or key is None else bounded({**mapping, key: value})


@entry(
    Parameter("map", "map"),
    Parameter("keys", "any"),
    returns="map",
    help="The map without a key, or without each key of a list; null when keys is neither a string nor a list.",
    source=OURS,
)
def map_delete(mapping: dict[str, Value], keys: Value) -> dict[str, Value] | None:
    """Drop keys."""
    if not isinstance(keys, (str, list)):
        return None
    dropped = {key for key in (keys if isinstance(keys, list) else [keys]) if isinstance(key, str)}
    return {key: value for key, value in mapping.items() if key not in dropped}


@entry(
    Parameter("maps", "map"),
    returns="map",
    help="One map of all entries; where two maps have a key, the later one counts.",
    source=OURS,
    variadic=True,
)
def map_merge(*maps: dict[str, Value]) -> dict[str, Value]:
    """Merge maps."""
    return bounded({key: value for mapping in maps for key, value in mapping.items()})

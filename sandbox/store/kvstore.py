"""The app key value store: collections of JSON records, each under its `_key`.

Source: "KV store endpoint descriptions" (REST API Reference), "Use configuration files to create a KV Store collection"
(Splunk Dev), collections.conf.spec (Admin Manual). Choices of the sandbox: records come in the order of their first
writing and belong to the user nobody; numbers compare with numbers, texts with texts, and nothing else with anything.
"""

import json
import math
import operator
import re
import secrets
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb

from sandbox import confs
from sandbox.errors import SandboxError

Record = dict[str, Any]
Query = Mapping[str, Any]


class NotFoundError(SandboxError):
    """There is no such collection, or no record of that key."""


class ConflictError(SandboxError):
    """A record of that key is already there."""


class DownError(SandboxError):
    """The store does not run."""


STATES = {
    "ready": "",
    "starting": "KV Store initialization has not completed yet. Please try again later.",
    "failed": "KV Store initialization has failed. Please contact your system administrator.",
}
"""The states of the store (server/info: kvStoreStatus), with what a search says of it (source: alertmanager/
alert_manager issue 111; guilhemmarchand/nmon-for-splunk issue 65)."""


class KvStore:
    """The collections of all apps below the folder `apps`, in one table of a database; threads may share it.

    `status` is one of STATES, and may be set: unless it is ready, nobody reaches a collection.
    """

    def __init__(self, database: duckdb.DuckDBPyConnection, apps: Path) -> None:
        self._database, self._apps, self._lock = database, apps, threading.Lock()
        self.status = "ready"
        with self.connection() as connection:
            connection.execute(
                "CREATE TABLE IF NOT EXISTS kvstore "
                "(collection VARCHAR, key VARCHAR, record VARCHAR, PRIMARY KEY (collection, key))"
            )

    @contextmanager
    def connection(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """Hold the store's lock and a connection of its own, in a transaction."""
        with self._lock, self._database.cursor() as connection:
            connection.begin()
            yield connection
            connection.commit()

    def collection(self, app: str, name: str) -> "Collection":
        """Return a collection of an app. Raises NotFoundError unless its collections.conf declares it.

        Raises DownError unless the store is ready, and SandboxError for a setting that would change what a collection
        does and is not supported.
        """
        if self.status != "ready":
            raise DownError(STATES[self.status])
        settings = confs.load(self._apps / app, "collections").get(name)
        if settings is None:
            raise NotFoundError(f"The collection '{name}' of the app '{app}' does not exist: collections.conf.")
        types = {key.removeprefix("field."): kind for key, kind in settings.items() if key.startswith("field.")}
        for key in settings:
            if not re.match("field\\.|accelerated_fields\\.", key) and key not in ("enforceTypes", "replicate"):
                raise SandboxError(f"collections.conf has the unsupported setting '{key}' for '{name}'.")
        for kind in types.values():
            if kind not in _TYPES:
                raise SandboxError(f"collections.conf has the unsupported type '{kind}' for '{name}'.")
        return Collection(self, f"{app}/{name}", types, confs.is_true(settings.get("enforceTypes", "false")))


class Collection:
    """The records of a collection. Each method is one transaction; keys and records are checked before any is stored.

    A record is what JSON can hold, by field name; those that are returned carry `_key` and `_user`. A value that cannot
    be of the type that collections.conf gives its field is left out, or with `enforceTypes` an error (SandboxError).
    """

    def __init__(self, store: KvStore, name: str, types: Mapping[str, str], strict: bool) -> None:
        self._store, self._name, self._types, self._strict = store, name, types, strict
        self.name = name.partition("/")[2]

    def insert(self, record: Query) -> str:
        """Add a record and return its key, which is made up unless it has one. Raises ConflictError for a taken key."""
        key, text = self._row(record)
        with self._store.connection() as connection:
            if self._keys(connection, [key]):
                raise ConflictError("A document with the same key and user already exists.")
            self._put(connection, [(key, text)])
        return key

    def save(self, records: Iterable[Query], *, replace: bool = False) -> list[str]:
        """Add records, each in place of one with its key (batch_save), and return their keys.

        With `replace` these become all that the collection has.
        """
        rows = [self._row(record) for record in records]
        with self._store.connection() as connection:
            if replace:
                connection.execute("DELETE FROM kvstore WHERE collection = ?", [self._name])
            self._put(connection, rows)
        return [key for key, _ in rows]

    def update(self, key: str, record: Query) -> None:
        """Put a record in place of the one with this key. Raises NotFoundError if there is none."""
        row = self._row({**record, "_key": key})
        with self._store.connection() as connection:
            if not self._keys(connection, [key]):
                raise NotFoundError(f"Could not find object id={key}.")
            self._put(connection, [row])

    def get(self, key: str) -> Record:
        """Return a record. Raises NotFoundError if there is none of this key."""
        with self._store.connection() as connection:
            found = self._read(connection, " AND key = ?", key)
        if not found:
            raise NotFoundError(f"Could not find object id={key}.")
        return found[0]

    def find(
        self,
        query: Query | None = None,
        *,
        sort: Iterable[tuple[str, int]] = (),
        fields: Iterable[str] = (),
        skip: int = 0,
        limit: int = 0,
    ) -> list[Record]:
        """Return the records that a query matches, or all.

        `sort` has field names with 1 (ascending) or -1, `fields` those to return, with `_key` (none: all); a `limit`
        of 0 is none. Raises SandboxError for a query that uses anything but equality, $gt, $gte, $lt, $lte, $ne, $and
        and $or.
        """
        test, keys = _compile(query or {}), _named(query or {})
        with self._store.connection() as connection:
            read = self._read(connection, " AND list_contains(?, key)", keys) if keys else self._read(connection)
        found = [record for record in read if test(record)]
        for field, direction in reversed([*sort]):
            found.sort(key=lambda record, field=field: _order(record.get(field)), reverse=direction < 0)  # type: ignore[misc]
        wanted = {*fields}
        found = found[skip : skip + limit if limit else None]
        return [{k: v for k, v in record.items() if not wanted or k in {*wanted, "_key"}} for record in found]

    def delete(self, query: Query | None = None) -> int:
        """Remove the records that a query matches (see `find`), or all, and return their number."""
        test = _compile(query or {})
        with self._store.connection() as connection:
            keys = [record["_key"] for record in self._read(connection) if test(record)]
            self._remove(connection, keys)
        return len(keys)

    def delete_key(self, key: str) -> None:
        """Remove a record. Raises NotFoundError if there is none of this key."""
        with self._store.connection() as connection:
            if not self._keys(connection, [key]):
                raise NotFoundError(f"Could not find object id={key}.")
            self._remove(connection, [key])

    def _remove(self, connection: duckdb.DuckDBPyConnection, keys: list[str]) -> None:
        connection.execute("DELETE FROM kvstore WHERE collection = ? AND list_contains(?, key)", [self._name, keys])

    def _read(self, connection: duckdb.DuckDBPyConnection, where: str = "", *values: str | list[str]) -> list[Record]:
        code = f"FROM kvstore SELECT key, record WHERE collection = ?{where} ORDER BY rowid"
        rows = connection.execute(code, [self._name, *values]).fetchall()
        return [{**json.loads(text), "_user": "nobody", "_key": key} for key, text in rows]

    def _keys(self, connection: duckdb.DuckDBPyConnection, keys: list[str]) -> list[str]:
        code = "FROM kvstore SELECT key WHERE collection = ? AND list_contains(?, key)"
        return [key for (key,) in connection.execute(code, [self._name, keys]).fetchall()]

    def _put(self, connection: duckdb.DuckDBPyConnection, rows: list[tuple[str, str]]) -> None:
        latest = dict(rows)
        changed = [(latest.pop(key), self._name, key) for key in self._keys(connection, [*latest])]
        if changed:  # one by one, as each keeps its place so
            connection.executemany("UPDATE kvstore SET record = ? WHERE collection = ? AND key = ?", changed)
        code = "INSERT INTO kvstore SELECT ?, unnest(CAST(? AS VARCHAR[])), unnest(CAST(? AS VARCHAR[]))"
        connection.execute(code, [self._name, [*latest], [*latest.values()]])

    def _row(self, record: Query) -> tuple[str, str]:
        """Return a record's key, new ones 24 hexadecimal digits, and its text as it is stored."""
        key = record.get("_key")
        if key is None or key == "":
            key = secrets.token_hex(12)
        if not isinstance(key, str):
            raise SandboxError(f"The _key of a record must be a text, not {key!r}.")
        kept = {}
        for name, value in record.items():
            kind = self._types.get(name)
            try:
                kept[name] = value if kind is None or value is None else _TYPES[kind](value)
            except (TypeError, ValueError):
                if self._strict:
                    raise SandboxError(f"The field '{name}' of a record is no {kind}: {value!r}.") from None
        return key, json.dumps({name: value for name, value in kept.items() if name not in ("_key", "_user")})


def _number(value: object) -> int | float:
    if not isinstance(value, int | float | str) or isinstance(value, bool):
        raise TypeError
    number = float(value)
    if not math.isfinite(number):
        raise ValueError
    return int(number) if number.is_integer() else number


def _text(value: object) -> str:
    if isinstance(value, list | dict):
        raise TypeError
    return value if isinstance(value, str) else json.dumps(value)


def _bool(value: object) -> bool:
    words = {"1": True, "t": True, "true": True, "0": False, "f": False, "false": False}
    try:
        return words[_text(value).lower()]
    except KeyError:
        raise ValueError from None


_TYPES: dict[str, Callable[[Any], Any]] = {
    "array": lambda value: value if isinstance(value, list) else [value],
    "bool": _bool,
    "number": _number,
    "string": _text,
    "time": _number,
}

_OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "$gt": operator.gt,
    "$gte": operator.ge,
    "$lt": operator.lt,
    "$lte": operator.le,
}


def _compile(query: Query) -> Callable[[Record], bool]:
    """Make a test for records of a query in the subset of MongoDB's language that `Collection.find` names."""
    tests: list[Callable[[Record], bool]] = []
    if not isinstance(query, Mapping):
        raise SandboxError(f"A query must be a JSON object, not {query!r}.")
    for name, wanted in query.items():
        if name in ("$and", "$or"):
            if not isinstance(wanted, list) or not wanted:
                raise SandboxError(f"'{name}' of a query wants a list of queries.")
            join = all if name == "$and" else any
            parts = [_compile(part) for part in wanted]
            tests.append(lambda record, join=join, parts=parts: join(part(record) for part in parts))  # type: ignore[misc]
        elif name.startswith("$"):
            raise SandboxError(f"The operator '{name}' of a query is not supported.")
        elif isinstance(wanted, Mapping):
            tests += [_test(name, sign, value) for sign, value in wanted.items()]
        else:
            tests.append(_test(name, "$eq", wanted))
    return lambda record: all(test(record) for test in tests)


def _named(query: Query) -> list[str]:
    """Return the keys that a query names, if it has no other condition: the other records need not be read."""
    choices = query["$or"] if [*query] == ["$or"] else [query]
    keys = [choice["_key"] for choice in choices if isinstance(choice, Mapping) and [*choice] == ["_key"]]
    return keys if len(keys) == len(choices) and all(isinstance(key, str) for key in keys) else []


def _test(field: str, sign: str, wanted: object) -> Callable[[Record], bool]:
    if sign in ("$eq", "$ne"):
        return lambda record: _equals(record.get(field), wanted) == (sign == "$eq")
    if sign not in _OPERATORS:
        raise SandboxError(f"The operator '{sign}' of a query is not supported.")
    return lambda record: any(
        _kind(value) == _kind(wanted) in ("number", "str") and _OPERATORS[sign](value, wanted)
        for value in _values(record.get(field))
    )


def _values(value: Any) -> list[Any]:
    """Return the values on which a condition is tested: a list, or each of its values."""
    return [value, *value] if isinstance(value, list) else [value]


def _equals(value: Any, wanted: Any) -> bool:
    return any(_kind(one) == _kind(wanted) and one == wanted for one in _values(value))


def _kind(value: Any) -> str:
    return "number" if isinstance(value, int | float) and not isinstance(value, bool) else type(value).__name__


def _order(value: Any) -> tuple[int, Any]:
    """Sort as MongoDB does: no value, numbers, texts, and what else there is."""
    kinds = {"NoneType": 0, "number": 1, "str": 2}
    place = kinds.get(_kind(value), 3)
    return place, "" if place == 0 else json.dumps(value, sort_keys=True) if place == 3 else value

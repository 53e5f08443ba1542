"""The table entry of a search command, the context in which it runs, and how its arguments are read."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from sandbox.errors import SandboxError
from sandbox.search import spl
from sandbox.search.access import Access
from sandbox.store.kvstore import KvStore
from sandbox.store.sql import Beside, Relation

Row = Mapping[str, object]  # for each field a text, a number, a list of texts or None


@dataclass(frozen=True)
class Context:
    """Where a command runs, and its access to all that is not in its rows.

    While a search is checked, before anything runs, the callables return nothing: no rows, no tuples.
    """

    server: str
    app: Path  # the app's folder, for its confs and lookups
    now: float  # when the search started, epoch s
    earliest: float | None  # the search's time range, epoch s: inclusive
    latest: float | None  # exclusive
    subsearch: Callable[[str, int], Relation]  # runs one, given its text and offset
    events: Callable[[], Relation]  # the events of all indexers and indexes in the time range
    fetch: Callable[[str], list[tuple[Any, ...]]]  # runs a query whose result shapes the command's own
    keep: Callable[[Iterable[Row]], Relation]  # takes rows that were made here
    pipe: Callable[[str, int, Relation], Relation]  # runs a pipeline, given its text and offset, over rows
    get: Callable[[str], Any]  # returns splunkd's answer to a GET of a path, from JSON
    index: Callable[[Iterable[Row]], int]  # writes events
    alert: Callable[[str, Mapping[str, str], list[str], list[dict[str, Any]]], None]  # runs an action, with its results
    kvstore: KvStore  # of the search head
    access: Access | None = None  # what the user may do; None: everything


Build = Callable[[Context, spl.Command, Relation], str | Beside]
Effect = Callable[[Context, spl.Command, Relation], None]


class Spec(NamedTuple):
    """A command: its translation to a query, or to the columns that it gives its rows, and its properties.

    `distributable`: indexers may run it. `generating`: it makes rows and so comes first. `effect`: a function of its
    result that writes somewhere, such as to a lookup.
    """

    build: Build
    distributable: bool = False
    generating: bool = False
    effect: Effect | None = None


def permit(context: Context, command: spl.Command, custom: bool) -> None:
    """Check that the user may run a command, which is `custom` if an app has it. Raises SearchError."""
    try:
        if context.access:
            context.access.may_run(command.name, custom)
    except SandboxError as error:
        raise spl.fail(str(error), command.position) from None


def names(reader: spl.Reader, *stops: str) -> list[str]:
    """Read a list of names, separated by commas or blanks, to the end or to one of these words."""
    found: list[str] = []
    while not found or (reader.more() and not reader.at(*stops)):
        found.append(reader.word().text)
        reader.take(",")
    return found


def whole(word: spl.Node) -> int:
    """Read a whole number."""
    if not re.fullmatch("[0-9]{1,9}", word.text):
        raise spl.fail(f"Expected a whole number, found '{word.text}'", word.position)
    return int(word.text)


def pattern(name: str) -> re.Pattern[str]:
    """Read a name with wildcards as a regex with a group for each."""
    return re.compile(re.escape(name).replace(r"\*", "(.*)"), re.S)


def pick(name: str, fields: Sequence[str]) -> list[str]:
    """Return the fields that match a name with wildcards; internal ones only if it begins with `_` itself."""
    return [field for field in fields if pattern(name).fullmatch(field) and (name[0] == "_" or field[0] != "_")]

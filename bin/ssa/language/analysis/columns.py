"""What each column holds at each command of a program, for any meaning of "holds": a number, an origin, a type."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import chain

from ssa.checking import TYPE_CHECKING
from ssa.language.text.syntax import (
    Eval,
    Expression,
    Fields,
    RecordCommand,
    Regex,
    Rename,
    Rex,
    Select,
    Where,
    forgotten,
)
from ssa.regex import compile_pattern

from .pipelines import Segment

if TYPE_CHECKING:
    from typing import TypeVar

    T = TypeVar("T")
    Columns = Mapping[str, T]
else:
    Columns = Mapping
"""Column -> what it holds. A column that is not there is null."""

INPUT_EVENT = "input_event"
OUTPUTS = ("body", "start_time", "end_time", "entities")
DATAMODELS = "_datamodels"
FIRST_COLUMNS = (INPUT_EVENT, DATAMODELS, *OUTPUTS)
"""What every record has, in the slots 0 to 5: what it is given, and what it hands over."""


def walk(
    segments: Sequence[Segment],
    given: Columns[T],
    value: Callable[[Expression, Columns[T]], T],
    extracted: Callable[[Rex, str, Columns[T]], T],
    union: Callable[[str, list[T | None]], T],
) -> Iterator[tuple[int, RecordCommand, Columns[T]]]:
    """Yield each command of a program, sources first: the number of its segment, itself, and the columns before it.

    `given` is what the columns of an event hold, and `value` returns what an expression holds over columns.
    `extracted` returns what the column of a group of rex holds: the group, or where the regex does not match what it
    held before. `union` returns what a column holds in the records of several segments, given what it holds in each;
    None where one has no such column.
    """
    ends: list[Columns[T]] = []
    for place, segment in enumerate(segments):
        columns = _united([ends[source] for source in segment.sources], union) if segment.sources else given
        for command in segment.commands:
            yield place, command, columns
            columns = _after(command, columns, value, extracted)
        ends.append(columns)


def _united(ends: Sequence[Columns[T]], union: Callable[[str, list[T | None]], T]) -> Columns[T]:
    names = dict.fromkeys(chain.from_iterable(ends))
    return {name: union(name, [columns.get(name) for columns in ends]) for name in names}


def _after(
    command: RecordCommand,
    columns: Columns[T],
    value: Callable[[Expression, Columns[T]], T],
    extracted: Callable[[Rex, str, Columns[T]], T],
) -> Columns[T]:
    if isinstance(command, Where):
        return columns
    if isinstance(command, Select):
        return {name: value(expression, columns) for name, expression in command.items}
    if isinstance(command, Fields):
        return {name: held for name, held in columns.items() if (name in command.names) != command.remove}
    after = dict(columns)
    if isinstance(command, Eval):
        for name, expression in command.assignments:
            after[name] = value(expression, after)
    elif isinstance(command, Rename):
        for old, _ in command.pairs:
            after.pop(old, None)
        for old, new in command.pairs:
            after.pop(new, None)
            if old in columns:
                after[new] = columns[old]
    elif isinstance(command, Rex):
        for name in groups(command):
            after[name] = extracted(command, name, columns)
    else:
        forgotten(command)
    return after


def groups(command: Rex) -> tuple[str, ...]:
    """Return the columns that a rex writes; raises ValueError for a wrong regex."""
    return tuple(compile_pattern(pattern_of(command)).names)


def pattern_of(command: Rex) -> str:
    """Return the regex of a rex."""
    return command.pattern.pattern if isinstance(command.pattern, Regex) else str(command.pattern.value)

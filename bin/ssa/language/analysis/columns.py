"""What each column holds after a command, for any meaning of "holds": a number, an origin, a fact."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Callable, TypeVar

from ssa.language.text.syntax import Command, Eval, Expression, Fields, Regex, Rename, Rex, Select
from ssa.regex import compile_pattern

T = TypeVar("T")
Columns = Mapping[str, T]
"""Column -> what it holds. A column that is not there is null."""

INPUT_EVENT = "input_event"
OUTPUTS = ("body", "start_time", "end_time", "entities")
DATAMODELS = "_datamodels"
FIRST_COLUMNS = (INPUT_EVENT, DATAMODELS, *OUTPUTS)
"""What every record has, in the slots 0 to 5: what it is given, and what it hands over."""


def after(
    command: Command,
    columns: Columns[T],
    value: Callable[[Expression, Columns[T]], T],
    extracted: Callable[[Rex, str, Columns[T]], T],
) -> dict[str, T]:
    """Return the columns after a command.

    `value` says what an expression holds over the columns before it, `extracted` what the column of a group of rex
    holds: the group, or where the regex is not found what it held before.
    """
    found = columns if isinstance(columns, dict) and not isinstance(command, (Eval, Rename, Rex)) else dict(columns)
    if isinstance(command, Eval):
        for name, expression in command.assignments:
            found[name] = value(expression, found)
    elif isinstance(command, Select):
        found = {name: value(expression, columns) for name, expression in command.items}
    elif isinstance(command, Rename):
        for old, _ in command.pairs:
            found.pop(old, None)
        for old, new in command.pairs:
            found.pop(new, None)
            if old in columns:
                found[new] = columns[old]
    elif isinstance(command, Fields):
        found = {name: held for name, held in columns.items() if (name in command.names) != command.remove}
    elif isinstance(command, Rex):
        for name in groups(command):
            found[name] = extracted(command, name, columns)
    return found


def joined(held: Sequence[Columns[T]], join: Callable[[str, list[T | None]], T]) -> dict[str, T]:
    """Return the columns of records that come from several pipelines; `join` gets None where one has no such column."""
    names = dict.fromkeys(chain.from_iterable(held))
    return {name: join(name, [columns.get(name) for columns in held]) for name in names}


def groups(command: Rex) -> tuple[str, ...]:
    """Return the columns that a rex writes; raises ValueError for a wrong regex."""
    return tuple(compile_pattern(pattern_of(command)).names)


def pattern_of(command: Rex) -> str:
    """Return the regex of a rex."""
    return command.pattern.pattern if isinstance(command.pattern, Regex) else str(command.pattern.value)

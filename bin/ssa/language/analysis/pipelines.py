"""How the pipelines of a program hang together: segments, each of which continues the records of others."""

from __future__ import annotations

from ssa.immutable import Immutable
from ssa.language.text.errors import SsaError, near_miss
from ssa.language.text.syntax import Eval, From, Into, Program, RecordCommand, Statement, UnionWith

MAX_RECORDS = 2_000
"""How many records the pipelines may make of one event, all together."""

MAX_COLUMNS = 200_000
"""How many columns may be assigned, times the pipelines that may hold them: what compiling keeps in memory."""


class Segment(Immutable):
    """A part of a statement: from its start or a union up to the next union, or to its end.

    `sources` are the segments whose records it takes, in this order; none means the events themselves.
    """

    statement: Statement
    sources: tuple[int, ...]
    commands: tuple[RecordCommand, ...]
    ends: bool
    last: bool


def segments(program: Program) -> list[Segment]:
    """Return the segments of a program, sources first; raises SsaError where the pipelines do not fit together."""
    bindings: dict[str, int] = {}
    parts: list[Segment] = []
    for statement in program.statements:
        parts.extend(_of(statement, bindings, len(parts), program.text))
        if statement.binding is not None:
            bindings[statement.binding] = len(parts) - 1
    records: list[int] = []
    for segment in parts:
        records.append(sum(records[source] for source in segment.sources) or 1)
        if sum(records) > MAX_RECORDS:
            problem = f"these pipelines make more than {MAX_RECORDS:,} records of one event"
            raise SsaError(problem, program.text, segment.statement.at)
    commands = [command for segment in parts for command in segment.commands]
    names = {name for command in commands if isinstance(command, Eval) for name, _ in command.assignments}
    if len(names) * len(parts) > MAX_COLUMNS:
        raise SsaError(f"{len(names):,} columns in {len(parts):,} pipelines are too many", program.text, 0)
    return parts


def _of(statement: Statement, bindings: dict[str, int], place: int, text: str) -> list[Segment]:
    first, *rest = statement.commands
    if not isinstance(first, From):
        raise SsaError("a pipeline starts with | from read_ssa_enriched_events()", text, first.at)
    sources: tuple[int, ...] = () if first.binding is None else (_bound(first.binding, bindings, text, first.at),)
    parts: list[Segment] = []
    commands: list[RecordCommand] = []
    for command in rest:
        if isinstance(command, From):
            raise SsaError("'from' stands only at the start of a pipeline", text, command.at)
        if isinstance(command, Into) and command is not rest[-1]:
            raise SsaError("'into' stands only at the end of a pipeline", text, command.at)
        if isinstance(command, UnionWith):
            other = _bound(command.binding, bindings, text, command.at)
            parts.append(Segment(statement, sources, tuple(commands), ends=False, last=False))
            sources, commands = (place + len(parts) - 1, other), []
        elif not isinstance(command, Into):
            commands.append(command)
    ends = isinstance(statement.commands[-1], Into)
    return [*parts, Segment(statement, sources, tuple(commands), ends, last=True)]


def _bound(name: str, bindings: dict[str, int], text: str, at: int) -> int:
    if name not in bindings:
        raise SsaError(f"${name} is not bound above{near_miss(name, bindings)}", text, at)
    return bindings[name]


def check_ends(program: Program, parts: list[Segment]) -> None:
    """Check that every pipeline goes somewhere; raises SsaError."""
    for segment in parts:
        if segment.last and not segment.ends and segment.statement.binding is None:
            problem = "this pipeline goes nowhere: end it with | into write_ssa_detected_events()"
            raise SsaError(problem, program.text, segment.statement.at)
    if not any(segment.ends for segment in parts):
        raise SsaError("no pipeline ends with | into write_ssa_detected_events()", program.text, 0)

"""Syntax tree -> plan: pipelines of steps over a record."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import islice

from ssa.checking import TYPE_CHECKING
from ssa.immutable import Immutable
from ssa.language.analysis.columns import DATAMODELS, INPUT_EVENT, groups, pattern_of
from ssa.language.analysis.pipelines import check_ends, segments
from ssa.language.analysis.value_numbering import Numbering
from ssa.language.required_text import Clause, Clauses
from ssa.language.text import syntax
from ssa.language.text.errors import SsaError
from ssa.language.text.parser import parse
from ssa.language.values import MAX_VALUES, Value, bounded
from ssa.regex import compile_pattern

from .closures import Evaluate, Record
from .expressions import KEPT, Expressions

if TYPE_CHECKING:
    from typing import NoReturn

    from ssa.regex import Pattern

Step = Callable[[Record], bool]
"""Changes the record in place; False drops it."""


class Detected(Immutable):
    """What `into write_ssa_detected_events()` receives: times in epoch milliseconds, or None where they are null."""

    start_time: int | None
    end_time: int | None
    entities: tuple[Value, ...]
    body: dict[str, Value]


class Pipeline(Immutable):
    """Steps, and the pipelines whose records go through them; with no sources these are the events themselves."""

    sources: tuple[int, ...]
    steps: tuple[Step, ...]
    ends: bool


class Plan(Immutable):
    """A detection text, ready to run.

    `input_fields` are the keys that it reads of input_event; None means any.
    """

    program: syntax.Program
    input_fields: frozenset[str] | None
    pipelines: tuple[Pipeline, ...]
    nothing: tuple[Value, ...]
    """A record before its first value."""
    nothing_kept: tuple[Value, ...]
    """What is kept for a row, before its first value."""

    @cached_property
    def decisive_fields(self) -> frozenset[str]:
        """The fields on which its conditions depend: an event without a value in one of them can hardly be judged."""
        from ssa.language.analysis.origins import decisive_fields  # the index has nearly all

        return decisive_fields(self.program)

    @cached_property
    def _requirements(self) -> tuple[Clauses, Clause]:
        from ssa.language.analysis.requirements import requirements  # the index has nearly all

        return requirements(self.program)

    @property
    def required(self) -> Clauses:
        """What an event must hold for the detection to match, see `requirements`: computed at first use."""
        return self._requirements[0]

    @property
    def excluded(self) -> Clause:
        """Texts none of which an event holds that the detection matches."""
        return self._requirements[1]

    @cached_property
    def reads_datamodels(self) -> bool:
        """Whether the program may read the names of the data models (its text names their column)."""
        return DATAMODELS in self.program.text

    def run(self, input_event: Mapping[str, str | None], datamodels: Sequence[str] = ()) -> list[Detected]:
        """Return what the detection makes of one input event: nothing, or one Detected for each `into`.

        Raises TooLargeError where its text makes a value larger than any may be.
        """
        first: Record = [input_event, [*datamodels], {}, *self.nothing[3:]]
        first[KEPT] = [*self.nothing_kept]
        if len(self.pipelines) == 1:
            # Nearly all detections: one record, which no other pipeline has.
            for step in self.pipelines[0].steps:
                if not step(first):
                    return []
            return [_detected(first)] if self.pipelines[0].ends else []
        hits: list[Detected] = []
        passed: list[list[Record]] = []
        for pipeline in self.pipelines:
            sources = [record for source in pipeline.sources for record in passed[source]]
            records = [[*record] for record in (sources if pipeline.sources else (first,))]
            if len(pipeline.sources) > 1:
                # From here on a column may have another value in each of them, and so what is kept of it.
                for record in records:
                    record[KEPT] = [*record[KEPT]]
            passed.append([*_passing(pipeline.steps, records)])
            if pipeline.ends:
                hits += map(_detected, passed[-1])
        return hits


def _passing(steps: tuple[Step, ...], records: list[Record]) -> Iterator[Record]:
    for record in records:
        for step in steps:
            if not step(record):
                break
        else:
            yield record


def _detected(record: Record) -> Detected:
    _, _, body, start, end, entities, *_ = record
    listed = entities if isinstance(entities, list) else [] if entities is None else [entities]
    detected = Detected.__new__(Detected)
    detected.__dict__.update(  # as Immutable does it, in half the time: this is for each hit
        start_time=start if type(start) is int else None,
        end_time=end if type(end) is int else None,
        entities=tuple([entity for entity in listed if entity is not None]),
        body=body if isinstance(body, dict) else {},
    )
    return detected


def compile_text(text: str) -> Plan:
    """Compile the text of a detection; raises SsaError with the place of the first problem."""
    return _Compiler(parse(text)).plan()


class _Compiler:
    def __init__(self, program: syntax.Program) -> None:
        self.program = program
        self.segments = segments(program)
        commands = [command for segment in self.segments for command in segment.commands]
        for command in commands:
            if isinstance(command, syntax.Rex):
                self.check_regex(command)
        event_stays = not any(map(_changes_event, commands))
        self.expressions = Expressions(program.text, Numbering(self.segments), event_stays)

    def fail(self, problem: str, at: int) -> NoReturn:
        raise SsaError(problem, self.program.text, at)

    def plan(self) -> Plan:
        steps = [[self.step(command) for command in segment.commands] for segment in self.segments]
        check_ends(self.program, self.segments)
        expressions = self.expressions
        return Plan(
            program=self.program,
            input_fields=None if expressions.input_fields is None else frozenset(expressions.input_fields),
            pipelines=tuple(
                Pipeline(segment.sources, tuple(own), segment.ends) for segment, own in zip(self.segments, steps)
            ),
            nothing=(None,) * (len(expressions.slots) + 1),
            nothing_kept=expressions.nothing_kept(),
        )

    def check_regex(self, command: syntax.Rex) -> None:
        try:
            named = groups(command)
        except ValueError as error:
            self.fail(f"rex: {error}", command.pattern.at)
        if not named:
            self.fail("rex needs a named group, (?<name>…), in its regex", command.pattern.at)

    def step(self, command: syntax.RecordCommand) -> Step:
        expression = self.expressions.expression
        if isinstance(command, syntax.Eval):
            return _assign([(self.target(name), expression(value)) for name, value in command.assignments])
        if isinstance(command, syntax.Where):
            return _keeps(expression(command.condition))
        if isinstance(command, syntax.Select):
            return _only([(expression(value), self.target(name)) for name, value in command.items])
        if isinstance(command, syntax.Fields):
            if command.remove:
                return _move([], [self.expressions.slot(name) for name in command.names])
            return _only([(expression(syntax.Name(name, command.at)), self.target(name)) for name in command.names])
        if isinstance(command, syntax.Rename):
            moved = [(expression(syntax.Name(old, command.at)), self.target(new)) for old, new in command.pairs]
            return _move(moved, [self.target(old) for old, _ in command.pairs])
        if isinstance(command, syntax.Rex):
            field = expression(syntax.Name(command.field, command.at))
            slots = [(name, self.target(name)) for name in groups(command)]
            return _extract(field, compile_pattern(pattern_of(command)), slots, command.max_match)
        return syntax.forgotten(command)

    def target(self, name: str) -> int:
        if name == INPUT_EVENT:
            self.expressions.input_fields = None
        return self.expressions.slot(name)


def _changes_event(command: syntax.RecordCommand) -> bool:
    """Return whether a command may change the column input_event."""
    if isinstance(command, syntax.Eval):
        return INPUT_EVENT in dict(command.assignments)
    return not isinstance(command, syntax.Where)


def _assign(assignments: Sequence[tuple[int, Evaluate]]) -> Step:
    def assign(record: Record) -> bool:
        for slot, evaluate in assignments:
            record[slot] = evaluate(record)
        return True

    return assign


def _keeps(condition: Evaluate) -> Step:
    return lambda record: condition(record) is True


def _move(moved: Sequence[tuple[Evaluate, int]], emptied: Sequence[int]) -> Step:
    def move(record: Record) -> bool:
        values = [evaluate(record) for evaluate, _ in moved]
        for slot in emptied:
            record[slot] = None
        for value, (_, slot) in zip(values, moved):
            record[slot] = value
        return True

    return move


def _only(items: Sequence[tuple[Evaluate, int]]) -> Step:
    def only(record: Record) -> bool:
        values = [evaluate(record) for evaluate, _ in items]
        record[:] = [record[KEPT] if slot == KEPT else None for slot in range(len(record))]
        for value, (_, slot) in zip(values, items):
            record[slot] = value
        return True

    return only


def _extract(field: Evaluate, pattern: Pattern, slots: Sequence[tuple[str, int]], max_match: int) -> Step:
    most = min(max_match or MAX_VALUES + 1, MAX_VALUES + 1)

    def extract(record: Record) -> bool:
        text = field(record)
        matches = list(islice(pattern.finditer(text), most)) if isinstance(text, str) else []
        for name, slot in slots:
            values = [value for match in matches if (value := match.group(name)) is not None]
            if values:
                record[slot] = values[0] if max_match == 1 else bounded(values)
        return True

    return extract

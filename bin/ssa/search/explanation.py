"""Detection -> what it reads and requires, does step by step, and what looks wrong in it: text for its author."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

from ssa.content import message_fields
from ssa.content.detection import Detection, format_score
from ssa.language.analysis.lint import lint
from ssa.language.analysis.requirements import RequiredText
from ssa.language.text.errors import line_and_column
from ssa.language.text.printer import print_command
from ssa.rows.event import required

COLUMNS = ("detection", "part", "name", "text", "line", "column", "near")
"""What a row of an explanation has."""

Line = dict[str, str]


def explain(detection: Detection) -> Iterator[Line]:
    """Yield the explanation of a detection, a row for each thing to know.

    `part` is summary, field, requirement, step or warning. Where a row speaks of a place in the search text it has line
    and column, from 1, and the text that is near.
    """
    parts = (_summary, _fields, _requirements, _steps, _warnings, _required, _named)
    for found in chain.from_iterable(part(detection) for part in parts):
        yield {**dict.fromkeys(COLUMNS, ""), "detection": detection.name, **found}


def _summary(detection: Detection) -> Iterator[Line]:
    score = f"{format_score(detection.risk_score)} ({detection.severity})"
    runs = "no, it is disabled" if detection.disabled else "yes"
    for name, text in (("id", detection.id), ("version", detection.version), ("risk score", score), ("enabled", runs)):
        yield {"part": "summary", "name": name, "text": text}


def _fields(detection: Detection) -> Iterator[Line]:
    plan = detection.plan
    if plan.input_fields is None:
        yield {"part": "field", "name": "input_event", "text": "the whole event is read: pass on all columns"}
    for name in sorted(plan.input_fields or ()):
        columns = " or ".join(detection.sources(name))
        decides = "; the conditions depend on it" if name in plan.decisive_fields else ""
        yield {"part": "field", "name": name, "text": f"from the column {columns}{decides}"}


def _requirements(detection: Detection) -> Iterator[Line]:
    clauses = [" or ".join(map(_phrase, clause)) for clause in required(detection)]
    for text in clauses or ["nothing that could be searched for: every row is read"]:
        yield {"part": "requirement", "name": "event", "text": text}


def _phrase(wanted: RequiredText) -> str:
    how = {"equals": "is", "contains": "contains", "starts": "starts with", "ends": "ends with"}[wanted.how]
    return f'{wanted.field} {how} "{wanted.text}"' + ", in any case" * wanted.fold


def _steps(detection: Detection) -> Iterator[Line]:
    program = detection.plan.program
    for number, statement in enumerate(program.statements, 1):
        name = f"pipeline {number}" if statement.binding is None else f"${statement.binding}"
        for command in statement.commands:
            line, column = line_and_column(program.text, command.at)
            found = {"part": "step", "name": name, "text": print_command(command)}
            yield {**found, "line": str(line), "column": str(column)}


def _warnings(detection: Detection) -> Iterator[Line]:
    for warning in lint(detection.plan.program):
        found = {"part": "warning", "name": "search", "text": warning.problem, "near": warning.near}
        yield {**found, "line": str(warning.line), "column": str(warning.column)}


def _required(detection: Detection) -> Iterator[Line]:
    read = detection.plan.input_fields
    problems = []
    if read is not None:
        listed = dict.fromkeys(detection.required_fields)
        problems = [f"{name} is required, and the search never reads it" for name in listed if name not in read]
        unlisted = sorted(read - {*listed, "event_id"})
        problems += [f"the search reads {name}, which is not among the required fields" for name in unlisted]
    for problem in problems:
        yield {"part": "warning", "name": "required_fields", "text": problem}


def _named(detection: Detection) -> Iterator[Line]:
    for problem in message_fields.unsupplied(detection):
        yield {"part": "warning", "name": "message", "text": problem}

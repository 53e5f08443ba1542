"""Detection -> what it reads and requires, does step by step, and what looks wrong in it: text for its author."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from itertools import chain

from ssa.content import message_fields
from ssa.content.detection import Detection, format_score
from ssa.language.required_text import GATES, MATCHES, PRESENT, SAME, RequiredText
from ssa.rows.cells import Row
from ssa.rows.event import required

COLUMNS = ("detection", "part", "name", "text", "line", "column", "near")
"""What a row of an explanation has."""

Line = dict[str, str]


def explain(detection: Detection, only: Collection[str] = ()) -> Iterator[Line]:
    """Yield the explanation of a detection, a row for each thing to know; with `only`, the rows of these parts.

    `part` is one of PARTS; see also explain_set. Where a row speaks of a place in the search text it has line and
    column, from 1, and the text that is near. Summary and techniques are known before the search is compiled.
    """
    for part, explanations in PARTS.items():
        if not only or part in only:
            for found in chain.from_iterable(each(detection) for each in explanations):
                yield {**dict.fromkeys(COLUMNS, ""), "detection": detection.name, "part": part, **found}


def _summary(detection: Detection) -> Iterator[Line]:
    score = f"{format_score(detection.risk_score)} ({detection.severity})"
    runs = "no, it is disabled" if detection.disabled else "yes"
    known = {"id": detection.id, "version": detection.version, "risk score": score, "enabled": runs}
    imported = {
        "set": detection.set,
        "level": detection.level,
        "status": detection.status,
        "author": detection.author if detection.set else "",
        "license": detection.license,
        "source": detection.source,
        "settings": ", ".join(detection.changed_by),
    }
    for name, text in {**known, **imported}.items():
        if text:
            yield {"name": name, "text": text}


def _techniques(detection: Detection) -> Iterator[Line]:
    """Yield the ATT&CK techniques that an enabled detection covers."""
    for technique in dict.fromkeys(() if detection.disabled else detection.mitre_attack_id):
        yield {"name": technique, "text": "of ATT&CK"}


def _fields(detection: Detection) -> Iterator[Line]:
    plan = detection.plan
    if plan.input_fields is None:
        yield {"name": "input_event", "text": "the whole event is read: pass on all columns"}
    for name in sorted(plan.input_fields or ()):
        columns = " or ".join(detection.sources(name))
        decides = "; the conditions depend on it" if name in plan.decisive_fields else ""
        yield {"name": name, "text": f"from the column {columns}{decides}"}


def _requirements(detection: Detection) -> Iterator[Line]:
    clauses = [" or ".join(map(phrase, clause)) for clause in required(detection)]
    for text in clauses or ["nothing that could be looked for: the detection is run for every row"]:
        yield {"name": "event", "text": text}
    for wanted in detection.plan.excluded:
        yield {"name": "event", "text": f"not: {phrase(wanted)}"}


def _costs(detection: Detection) -> Iterator[Line]:
    for text in filter(None, [gate_of(detection)]):
        yield {"name": "cost", "text": f"{text}: {ADVICE}"}


ADVICE = (
    "to have fewer rows judged, add a condition on a text that its events hold, such as the name of a program, or "
    "write the text out in each alternative of a regex"
)


def gate_of(detection: Detection) -> str:
    """Return for which rows a detection is run that requires no text; empty where each of its events holds one."""
    clauses = required(detection)
    if any(all(wanted.how not in GATES for wanted in clause) for clause in clauses):
        return ""
    if not clauses:
        return "it requires no text, so it is run for every row"
    return f"it requires no text, so it is run for every row in which {' or '.join(map(phrase, clauses[0]))}"


MOST = 10
"""How many of the costliest detections are listed."""


def explain_set(detections: Sequence[Detection], rows: Sequence[Row], what: str) -> Iterator[Line]:
    """Yield what there is to know of detections that run together: which require no text, and which cost most.

    That is measured over `rows`; `what` names them.
    """
    from .costs import advice, measure  # not at the start, as every view of techniques waits for it

    gated = [f"'{detection.name}'" for detection in detections if gate_of(detection)]
    found = []
    if gated:
        found.append(("", f"{len(gated):,} of {len(detections):,} require no text: {', '.join(gated)}"))
    costs = measure(detections, rows)
    if costs:
        own = f"{sum(cost.share for cost in costs):.0%} of the time is that of {len(costs):,} detections"
        first = f", of which the first {MOST}" if len(costs) > MOST else ""
        found.append(("", f"over {len(rows):,} {what}, {own}{first}:"))
    for cost in costs[:MOST]:
        gate = gate_of(cost.detection)
        cheaper = f"{gate}: {ADVICE}" if gate else advice(cost, len(rows))
        judged = f"{cost.seconds * 1e6 / cost.offered:.0f} µs for each of {cost.offered:,} rows, {cost.hits:,} hits"
        found.append((cost.detection.name, f"{cost.share:.1%} of the time, {judged}{'; ' * bool(cheaper)}{cheaper}"))
    for detection, text in found:
        yield {**dict.fromkeys(COLUMNS, ""), "detection": detection, "part": "set", "name": "cost", "text": text}


_PHRASES = {
    "equals": '{} is "{}"',
    "contains": '{} contains "{}"',
    "starts": '{} starts with "{}"',
    "ends": '{} ends with "{}"',
    PRESENT: "{} has a value",
    SAME: "{} is the same as {}",
    MATCHES: "{} has characters of the sets {}",
}


def phrase(wanted: RequiredText) -> str:
    """Write what an event must hold."""
    return _PHRASES[wanted.how].format(wanted.field, wanted.text) + ", in any case" * wanted.fold


def _steps(detection: Detection) -> Iterator[Line]:
    from ssa.language.text.errors import line_and_column  # loaded with the plan, and not before
    from ssa.language.text.printer import print_command

    program = detection.plan.program
    for number, statement in enumerate(program.statements, 1):
        name = f"pipeline {number}" if statement.binding is None else f"${statement.binding}"
        for command in statement.commands:
            line, column = line_and_column(program.text, command.at)
            found = {"name": name, "text": print_command(command)}
            yield {**found, "line": str(line), "column": str(column)}


def _warnings(detection: Detection) -> Iterator[Line]:
    from ssa.language.analysis.lint import lint  # as in _steps

    for warning in lint(detection.plan.program):
        found = {"name": "search", "text": warning.problem, "near": warning.near}
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
        yield {"name": "required_fields", "text": problem}


def _named(detection: Detection) -> Iterator[Line]:
    for problem in message_fields.unsupplied(detection):
        yield {"name": "message", "text": problem}


PARTS: Mapping[str, Sequence[Callable[[Detection], Iterator[Line]]]] = {
    "summary": (_summary,),
    "technique": (_techniques,),
    "field": (_fields,),
    "requirement": (_requirements,),
    "step": (_steps,),
    "warning": (_warnings, _costs, _required, _named),
}
"""What the explanation of a detection consists of, in order."""

MORE_PARTS = ("set", "error")
"""Further parts: what there is to know of detections that run together, and of one that is wrong."""

"""What an event must hold: never more than it must, as every event shows that a program makes something of."""

import re
import tomllib
from random import Random

import pytest

from ssa.language import SsaError, compile_text
from ssa.language.analysis.clauses import MAX_CLAUSES, MAX_TEXTS
from tests.support.examples import given_detection
from tests.support.language.cases import END, START, TABLES, text_of
from tests.support.language.literals import near, requiring_program
from tests.support.language.printing import print_program
from tests.support.soak import SEED, count, report

CASES = tomllib.loads((TABLES / "required.toml").read_text())["case"]

HOLDS = {
    "equals": str.__eq__,
    "contains": str.__contains__,
    "starts": str.startswith,
    "ends": str.endswith,
}
WRITTEN = {"equals": "{}", "contains": "*{}*", "starts": "{}*", "ends": "*{}", "matches": "/{}/"}
GATES = {"present": "{} has a value", "same": "{} = {}"}


def written(literal):
    gate = GATES.get(literal.how)
    text = gate.format(literal.field, literal.text) if gate else WRITTEN[literal.how].format(literal.text)
    return (text if gate else f"{literal.field}: {text}") + ", any case" * literal.fold


def holds(event, literal):
    """Tell whether an event holds a literal: by the case of Python, and as a search of the value as it is finds it."""
    value, other = event.get(literal.field), event.get(literal.text)
    if value is None or literal.how == "present":
        return value is not None
    value = value.lower() if literal.fold else value
    if literal.how == "same":
        return other is not None and value == (other.lower() if literal.fold else other)
    if literal.how == "matches":
        return re.search(literal.text, value) is not None
    held = bool(HOLDS[literal.how](value, literal.text))
    if not literal.text.isascii():
        return held
    return held and re.search(spelled(literal), event[literal.field], re.DOTALL) is not None


def spelled(literal):
    """Write a literal as a regex of all that gives it in lower case, as its docstring says."""
    text = re.escape(literal.text)
    if literal.fold:
        last = "[iI\u0130]" if literal.how in ("contains", "starts") else "[iI]"
        text = re.sub("[a-z]", lambda letter: f"[{letter[0]}{letter[0].upper()}]", literal.text.translate(_ESCAPES))
        text = text.replace("[kK]", "[kK\u212a]")
        text = re.sub(r"\[iI\]\Z", lambda _: last, text)
    return {"equals": rf"\A{text}\Z", "starts": rf"\A{text}", "ends": rf"{text}\Z"}.get(literal.how, text)


_ESCAPES = {ord(char): f"\\{char}" for char in map(chr, range(32, 127)) if not char.isalnum()}


def missed(plan, event):
    """Return the clauses of which an event has no literal."""
    return [clause for clause in plan.required if not any(holds(event, literal) for literal in clause)]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["about"])
def test_a_program_requires_what_its_table_expects(case):
    required = compile_text(text_of(case)).required
    assert [" | ".join(map(written, clause)) for clause in required] == case["requires"]


def test_the_shipped_detection_requires_its_process_and_one_of_two_switches():
    names, switches = given_detection().plan.required
    assert [written(literal) for literal in names] == ["process_name: msiexec.exe, any case"]
    assert [written(literal) for literal in switches] == ["process: */y *, any case", "process: *-y *, any case"]


def test_no_event_that_a_program_hits_is_without_what_it_requires():
    random, number = Random(SEED), count(400, 30_000, 400)
    requiring = excluding = hits = hits_requiring = 0
    for _ in range(number):
        tree = requiring_program(random)
        text = print_program(tree)
        try:
            plan = compile_text(text)
        except SsaError:
            continue
        requiring += bool(plan.required)
        excluding += bool(plan.excluded)
        for event, models in (near(random, tree, plan.required) for _ in range(25)):
            if any(plan.run(event, models)):
                hits += 1
                hits_requiring += bool(plan.required)
                assert not missed(plan, event), (text, event, missed(plan, event))
                assert not [each for each in plan.excluded if holds(event, each)], (text, event)
    assert hits_requiring > number
    assert excluding > number // 50
    report(f"{number} programs, {requiring} that require something; {hits_requiring} of {hits} hits were of those")


@pytest.mark.parametrize("function", ["lower", "upper"])
def test_what_any_character_becomes_in_another_case_is_what_the_literal_allows_for(function):
    """One event for each character of Unicode that gives ASCII: as a whole, and within a text."""
    tried = 0
    for char in map(chr, range(0x110000)):
        made = getattr(char, function)()
        if char.isascii() or not any(map(str.isascii, made)):
            continue
        for text in (char, f"ab{char}", f"{char}cd", f"ab{char}cd"):
            value = getattr(text, function)()
            pieces = {value[:cut] for cut in range(2, len(value) + 1)} | {value}
            for piece in pieces:
                plan = compile_text(f'{START}| where like({function}(input_event.p), "{piece}%"){END}')
                assert list(plan.run({"p": text}))
                assert not missed(plan, {"p": text}), (text, piece)
                tried += 1
    assert tried > 4


def test_what_is_required_stays_small_whatever_the_program():
    many = " OR ".join(f'(a="{n}" AND b="b{n}" AND like(c, "%c{n}%d%e%"))' for n in range(MAX_TEXTS))
    more = f'{many} OR a="x" AND b="y"'
    for condition, clauses in ((many, MAX_CLAUSES), (more, 0)):
        plan = compile_text(f"{START}| eval a=input_event.a, b=input_event.b, c=input_event.c | where {condition}{END}")
        assert len(plan.required) == clauses
        assert all(len(clause) <= MAX_TEXTS for clause in plan.required)

"""Two opinions on random programs over random events: ours, and DuckDB's over a translation made independently."""

from collections import Counter
from random import Random

import pytest
from hypothesis import given, settings

from ssa.language import compile_text
from ssa.language.functions import REGISTRY
from tests.support.imports import imports
from tests.support.language.printing import print_program
from tests.support.language.programs import events, program, programs
from tests.support.language.second_opinion import SecondOpinion
from tests.support.language.sql import FUNCTIONS
from tests.support.soak import SEED, SOAK, count, report
from tools import ROOT

SUPPORT = ROOT / "tests/support/language"
EVENTS = count(50, 50, 25)
OPERATORS = [
    "+",
    "-",
    "*",
    "/",
    "%",
    "negative",
    "=",
    "!=",
    "<",
    "<=",
    ">",
    ">=",
    "in",
    "isnull",
    "and",
    "or",
    "not",
    "access",
]

WITHOUT_AN_OPINION = {"msiexec_options": "its rules are those of one program; test_msiexec.py has them"}
"""Functions that DuckDB has no opinion on, each with the reason."""


@pytest.fixture(scope="module")
def opinion():
    return SecondOpinion(events(Random(SEED), EVENTS))


def exact(value):
    """Return a value so that only what is the same in type, too, is equal; 0.0 is not -0.0."""
    if isinstance(value, dict):
        return {key: exact(held) for key, held in value.items()}
    return [*map(exact, value)] if isinstance(value, (list, tuple)) else (type(value).__name__, repr(value))


def compare(tree, opinion):
    """Assert that both opinions on a program are the same; return DuckDB's."""
    text = print_program(tree)
    plan, answer = compile_text(text), opinion.answer(tree)
    for (event, models), theirs in zip(opinion.events, answer.detected, strict=True):
        ours = [(hit.start_time, hit.end_time, hit.entities, hit.body) for hit in plan.run(event, models)]
        if exact(ours) != exact(theirs):
            pytest.fail("\n".join([*differences(ours, theirs), "", text, "", f"{event} {models}"]), pytrace=False)
    return answer


def differences(ours, theirs):
    """Yield where two opinions on an event differ, in words."""
    if len(ours) != len(theirs):
        yield f"detected {len(ours)} times, by DuckDB {len(theirs)} times"
    for place, (mine, other) in enumerate(zip(ours, theirs, strict=False)):
        both = [
            dict(zip(("start_time", "end_time", "entities"), hit, strict=False))
            | {f"body.{key}": held for key, held in hit[3].items()}
            for hit in (mine, other)
        ]
        for name in dict.fromkeys((*both[0], *both[1])):
            values = [repr(held[name]) if name in held else "nothing" for held in both]
            if values[0] != values[1]:
                yield f"detection {place}, {name}: {values[0]}, by DuckDB {values[1]}"


@settings(max_examples=count(40, 500))
@given(tree=programs())
def test_a_program_gives_the_result_of_duckdb(tree, opinion):
    compare(tree, opinion)


def test_many_programs_give_the_results_of_duckdb_and_leave_nothing_out():
    random = Random(SEED)
    conditions, evaluated, valued, pairs = Counter(), Counter(), Counter(), 0
    for number in range(count(200, 6_000, 200)):
        if number % 40 == 0:
            opinion = SecondOpinion(events(random, EVENTS))
        answer = compare(program(random.randint), opinion)
        pairs += EVENTS
        conditions.update(answer.conditions)
        evaluated.update(answer.evaluated)
        valued.update(answer.valued)
    known = [*(f"{name}()" for name in FUNCTIONS), *OPERATORS, "where", "rex"]
    rarest = sorted(known, key=evaluated.__getitem__)
    least, valued_least = count((1, 0), (500, 250), (1, 0))
    assert [name for name in known if evaluated[name] < least or valued[name] < valued_least] == []
    shares = {held: number / conditions.total() for held, number in conditions.items()}
    assert shares[True] > 0.1
    assert shares[False] > 0.1
    if SOAK:
        assert pairs >= 100_000
    report(f"{pairs} programs times events alike, {conditions.total()} conditions: {shares}")
    report("least evaluated: " + ", ".join(f"{name} {evaluated[name]}" for name in rarest[:8]))


def test_every_function_has_a_second_opinion_or_a_reason_why_not():
    assert REGISTRY.keys() - FUNCTIONS.keys() - WITHOUT_AN_OPINION.keys() == set()
    assert WITHOUT_AN_OPINION.keys() <= REGISTRY.keys() - FUNCTIONS.keys()
    assert FUNCTIONS.keys() - REGISTRY.keys() == set()
    assert all(WITHOUT_AN_OPINION.values())
    for name, function in FUNCTIONS.items():
        parameters = [parameter.name for parameter in function.parameters]
        assert parameters == [parameter.name for parameter in REGISTRY[name].parameters], name


def test_the_second_opinion_knows_nothing_of_the_first():
    for path in [SUPPORT / "second_opinion.py", *(SUPPORT / "sql").glob("*.py")]:
        ours = {name for name in imports(path) if name.startswith(("ssa", "tests"))}
        assert ours <= {"ssa.language.text.syntax"}, path

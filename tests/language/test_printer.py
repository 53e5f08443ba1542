"""The printer: what it prints reads back as the same tree, and says no more than it must."""

import re
import tomllib
from random import Random

import pytest
from hypothesis import given

from ssa.language import SsaError, parse
from ssa.language.text.printer import print_expression
from ssa.language.text.syntax import Literal
from tests.support.language.cases import END, START, TABLES
from tests.support.language.printing import print_program
from tests.support.language.programs import programs
from tests.support.language.texts import TEXTS, texts, tokens_changed
from tests.support.language.trees import bare
from tests.support.soak import SEED, count

PRINTED = tomllib.loads((TABLES / "printed.toml").read_text())["case"]


def read(text):
    """Return the tree of a text, None where it is none."""
    try:
        return bare(parse(text))
    except SsaError:
        return None


@pytest.mark.parametrize("case", PRINTED, ids=lambda case: case["about"])
def test_a_text_prints_as_in_its_table(case):
    if "where" in case:
        program = parse(f"{START}| where {case['where']}")
        assert print_expression(program.statements[0].commands[1].condition) == case["prints"]
    else:
        assert print_program(parse(case["text"])) == case["prints"].strip("\n")


def test_each_text_of_the_tables_that_can_be_read_prints_as_one_that_reads_the_same():
    readable = [text for text in TEXTS if read(text)]
    assert len(readable) > 300
    assert [text for text in readable if read(print_program(parse(text))) != read(text)] == []


@given(programs())
def test_a_program_prints_as_a_text_that_reads_the_same(program):
    assert bare(parse(print_program(program))) == bare(program)


def test_a_mutant_that_can_be_read_prints_as_one_that_reads_the_same():
    random = Random(SEED)
    wrong, readable = [], 0
    for text in texts(random, count(500, 20_000)):
        mutant = tokens_changed(random, text)
        tree = read(mutant)
        if tree is not None:
            readable += 1
            wrong += [] if read(print_program(parse(mutant))) == tree else [mutant]
    assert wrong == []
    assert readable > count(50, 2_000)


@given(programs())
def test_no_parentheses_can_be_left_out(program):
    text = print_program(program)
    hidden = re.sub(r'"(?:[^"\\]|\\.)*"|/(?! )(?:[^/\\]|\\.)+/', lambda literal: "." * len(literal[0]), text)
    for opening in re.finditer(r"(?<![\w$])(?<!IN )\(", hidden):
        assert read(_without(text, hidden, opening.start())) != bare(program)


def _without(text, hidden, opening):
    """Return a text without a parenthesis and the one that closes it; `hidden` has neither strings nor regexes."""
    depth = 0
    for place in range(opening, len(text)):
        depth += {"(": 1, ")": -1}.get(hidden[place], 0)
        if not depth:
            return text[:opening] + " " + text[opening + 1 : place] + " " + text[place + 1 :]
    raise AssertionError("a parenthesis is never closed")


@pytest.mark.parametrize("value", [0, 2**63 - 1, -(2**63), 5e-324, 0.1, 1e16, 1e22, 1.7976931348623157e308, True, None])
def test_a_constant_reads_back_as_the_same_value(value):
    text = print_expression(Literal(value, 0))
    assert repr(parse(f"{START}| where {text}{END}").statements[0].commands[1].condition.value) == repr(value)


def test_any_text_is_a_string_that_reads_back():
    random = Random(SEED)
    for _ in range(count(300, 20_000)):
        value = "".join(chr(random.choice((random.randrange(128), random.randrange(0x110000)))) for _ in range(8))
        value += random.choice(("\\", "\\d", '"', "'", "\n", "\ud800", "\\\\n"))
        text = print_expression(Literal(value, 0))
        assert parse(f"{START}| where {text}").statements[0].commands[1].condition.value == value

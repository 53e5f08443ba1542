"""Warnings, by their table: lint.toml, which anyone can extend."""

import ast
import re
import tomllib

import pytest

from ssa.language import compile_text
from ssa.language.analysis.lint import lint
from tests.support.examples import GIVEN, ROOT
from tests.support.language.cases import TABLES, template, text_of
from tools.docs.pages import shipped

CASES = tomllib.loads((TABLES / "lint.toml").read_text())["case"]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["about"])
def test_a_program_has_the_warnings_of_its_table(case):
    warnings = lint(compile_text(text_of(case)).program)
    problems = [warning.problem for warning in warnings]
    assert len(problems) == len(case["says"]), problems
    assert [(says, actual) for says, actual in zip(case["says"], problems, strict=True) if says not in actual] == []
    places = [warning.text[warning.at :] for warning in warnings]
    assert [(at, actual) for at, actual in zip(case["at"], places, strict=True) if not actual.startswith(at)] == []


def messages():
    """A regex for every warning: what stands behind the place in `yield place, warning`."""
    for node in ast.walk(ast.parse((ROOT / "bin/ssa/language/analysis/lint.py").read_text())):
        if isinstance(node, ast.Yield) and isinstance(node.value, ast.Tuple):
            yield pytest.param(template(node.value.elts[1]), id=f"line {node.lineno}")


@pytest.mark.parametrize("pattern", list(messages()))
def test_every_warning_has_a_case(pattern):
    warnings = [warning.problem for case in CASES for warning in lint(compile_text(text_of(case)).program)]
    assert [problem for problem in warnings if re.fullmatch(pattern, problem, re.DOTALL)], pattern


def test_the_shipped_detection_has_no_warning():
    assert lint(shipped().find(GIVEN).plan.program) == []

"""Warnings, by their table: lint.toml, which anyone can extend."""

import tomllib

import pytest

from ssa.detection import Catalogue
from ssa.language import compile_text
from ssa.language.lint import lint
from tests.ssa.examples import FLAGSHIP, ROOT
from tests.ssa.language.test_language import HERE
from tests.ssa.language.test_programs import text_of

CASES = tomllib.loads((HERE / "lint.toml").read_text())["case"]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["about"])
def test_a_program_has_the_warnings_of_its_table(case):
    warnings = lint(compile_text(text_of(case)).program)
    problems = [warning.problem for warning in warnings]
    assert len(problems) == len(case["says"]), problems
    assert [(says, found) for says, found in zip(case["says"], problems, strict=True) if says not in found] == []
    places = [warning.text[warning.at :] for warning in warnings]
    assert [(at, found) for at, found in zip(case["at"], places, strict=True) if not found.startswith(at)] == []


def test_the_shipped_detection_has_no_warning():
    assert lint(Catalogue.of_app(str(ROOT)).find(FLAGSHIP).plan.program) == []

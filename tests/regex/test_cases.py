"""The regexes, by their tables: cases.toml and errors.toml, which anyone can extend."""

import json
import os
import subprocess
import tomllib
from pathlib import Path

import pytest

from ssa.regex import compile_pattern
from ssa.regex.program import MAX_STEPS
from tests.support.examples import ROOT
from tests.support.regex import answers

HERE = Path(__file__).parent
CASES = tomllib.loads((HERE / "cases.toml").read_text(encoding="utf-8"))["case"]
ERRORS = tomllib.loads((HERE / "errors.toml").read_text(encoding="utf-8"))["case"]


def expected(case):
    results = {"at": [], "groups": [], "whole": False, "found": bool(case["finds"])}
    return {**results, **{name: case[name] for name in ("finds", "at", "groups", "whole") if name in case}}


def refused(case):
    return case["says"] + (f" (character {case['at']} of the regex)" if "at" in case else "")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["about"])
def test_a_regex_finds_what_its_table_expects(case):
    assert answers.answer(case) == expected(case)


@pytest.mark.parametrize("case", ERRORS, ids=lambda case: case["pattern"])
def test_what_is_no_regex_is_refused_with_its_place(case):
    assert answers.refusal(case) == refused(case)


def test_the_tables_hold_on_each_python(python):
    ran = subprocess.run(
        [python, answers.__file__],
        input=json.dumps({"cases": CASES, "errors": ERRORS}),
        env={**os.environ, "PYTHONPATH": str(ROOT / "bin")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    results = json.loads(ran.stdout)
    assert results["cases"] == [expected(case) for case in CASES]
    assert results["errors"] == [refused(case) for case in ERRORS]


def test_groups_have_names_and_numbers():
    pattern = compile_pattern("(?<user>[^@]+)@(?P<host_name>(a|b)+)(?:c)")
    assert (pattern.names, pattern.groups) == ({"user": 1, "host_name": 2}, 3)
    match = pattern.find("to me@abc")
    assert [match.group(name) for name in (0, "user", 2, 3)] == ["to me@abc", "to me", "ab", "b"]
    assert (match.start(), match.end(), match.start(2), match.end(2)) == (0, 9, 6, 8)
    with pytest.raises(KeyError):
        match.group("domain")


def test_find_starts_at_the_given_offset():
    pattern = compile_pattern("(?<=a)a|^a|b*$")
    starts = [match and match.start() for match in (pattern.find("aab", start) for start in range(5))]
    assert starts == [0, 1, 2, 3, None]


def test_the_longest_regex_is_run_too():
    longest = f"(?:a{{999}}b){{1,{MAX_STEPS // 1000}}}"
    with pytest.raises(ValueError, match="too long"):
        compile_pattern(longest)
    pattern = compile_pattern("a{999}b{999}c")
    assert pattern.found_in("a" * 999 + "b" * 999 + "c")
    assert not pattern.found_in("a" * 999 + "b" * 998 + "c")

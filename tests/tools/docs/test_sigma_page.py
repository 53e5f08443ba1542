"""docs/sigma.md: its commands are ones that there are, and its price is computed from what was measured."""

import argparse
import re
import shlex

import pytest

from sandbox.__main__ import parser as sandbox
from tools.content import sigma
from tools.docs import sigma_page

PAGE = sigma_page.page()
COMMANDS = re.findall(r"^    (?:\.venv/bin/python -m )(.*)$", PAGE, re.MULTILINE)


@pytest.mark.parametrize("command", COMMANDS)
def test_its_commands_have_the_options_that_there_are(command):
    where, name, *words = shlex.split(command)
    if where == "sandbox":
        assert sandbox().parse_args([name, *words]).local
        return
    assert (where, name) == ("tools", "sigma")
    parser = argparse.ArgumentParser()
    sigma.arguments(parser)
    options = parser.parse_args(words)
    assert bool(options.paths) != bool(options.remove)


def test_it_has_commands_and_nothing_left_to_compute():
    assert len(COMMANDS) == 6
    assert "<<" not in PAGE


def test_every_modifier_but_those_of_times_is_converted():
    refused = {name for name, what in sigma_page.modifiers() if what != "yes"}
    assert refused == {"`day`", "`expand`", "`hour`", "`minute`", "`month`", "`week`", "`year`"}


def test_the_price_is_what_benchmark_md_measured():
    measured = "| 1 | 0.03 | 12 | 0.9 | 14.0 |\n| 1,415 | 0.25 | 52 | 90.0 | 1 |\n"
    text = f"## Many rules\n\n| rules | x |\n{measured}Python 3.13\n| 1 | 0.1 | 1 | 5 |\n"
    assert sigma_page.costs(text) == {1: 0.9, 1_415: 90.0}
    assert sigma_page.costs("nothing") == {}
    assert re.search(r"\| 40,000,000 \|( [\d.]+ cores \|)+\n", PAGE)

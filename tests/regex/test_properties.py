"""The regexes against Python's `re`, on small texts and what both languages mean alike, and against themselves.

Left out, because Java and Python mean different things by them: matches directly behind an empty match (searched one
by one here), groups in loops whose rounds may be empty, and counts of such rounds.
"""

import re
from unittest import mock

from hypothesis import given, settings
from hypothesis import strategies as st

from ssa.regex import automaton
from ssa.regex.pattern import compile_pattern
from tests.support.regex.answers import matches_whole
from tests.support.regex.generated import TEXTS, regexes
from tests.support.soak import count


def spans_of_re(pattern, text):
    """The spans of the matches of `re` and of their groups, searched one by one as Java does."""
    compiled, at = re.compile(pattern, re.ASCII), 0
    while at <= len(text):
        match = compiled.search(text, at)
        if not match:
            return
        yield [match.span(number) for number in range(compiled.groups + 1)]
        at = max(match.end(), match.start() + 1)


def spans(pattern, text):
    return [[(m.start(n), m.end(n)) for n in range(pattern.groups + 1)] for m in pattern.finditer(text)]


@settings(max_examples=count(1_000, 1_000))
@given(regexes(), TEXTS)
def test_matches_and_groups_are_those_of_re(regex, text):
    pattern = compile_pattern(regex.text)
    assert spans(pattern, text) == list(spans_of_re(regex.text, text))
    assert matches_whole(regex.text, text) == bool(re.fullmatch(regex.text, text, re.ASCII))


@settings(max_examples=count(1_000, 1_000))
@given(regexes(atomic=True), TEXTS)
def test_atomic_groups_and_possessive_repeats_are_those_of_re(regex, text):
    pattern = compile_pattern(regex.bare)
    assert spans(pattern, text) == list(spans_of_re(regex.bare, text))
    assert matches_whole(regex.bare, text) == bool(re.fullmatch(regex.bare, text, re.ASCII))


@given(regexes(atomic=True), TEXTS)
def test_yes_and_no_agree_with_the_matches(regex, text):
    pattern = compile_pattern(regex.text)
    matches = list(pattern.finditer(text))
    assert pattern.found_in(text) == bool(matches)
    if matches and (matches[0].start(), matches[0].end()) == (0, len(text)):
        assert matches_whole(regex.text, text)
    first = pattern.find(text)
    assert (
        (first and (first.start(), first.end())) == (matches[0].start(), matches[0].end()) if matches else first is None
    )


@given(regexes(), st.lists(TEXTS, min_size=2, max_size=4))
def test_what_the_automata_forget_they_build_again(regex, texts):
    def answers():
        pattern = compile_pattern.__wrapped__(regex.text)
        return [(pattern.found_in(text), matches_whole(regex.text, text), spans(pattern, text)) for text in texts]

    remembering = answers()
    with mock.patch.object(automaton, "MAX_TRANSITIONS", 2), mock.patch.object(automaton, "MAX_FOLLOWED", 1):
        assert answers() == remembering

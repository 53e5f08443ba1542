"""The regexes that Python's `re` runs: which they are, that they find the same, and how much there is to try."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ssa.regex.bounded import MOST_STEPS, _least, _OutOfReach, _ways, search_of
from ssa.regex.nodes import Assertion, Chars, Choice, Group, Repeat, Sequence
from ssa.regex.parser import parse
from ssa.regex.pattern import Pattern
from tests.support.regex.generated import TEXTS, regexes
from tests.support.soak import count

WRITTEN = [
    ("abc", r"\x61\x62\x63"),
    ("(?i)a[b-d]", r"[\x41\x61][\x42-\x44\x62-\x64]"),
    (".*ab+", r"\x61(?:\x62){1,1}"),
    ("a{2,4}b", r"(?:\x61){2,2}\x62"),
    ("b(?:a|c?d)e", r"\x62(?:\x61|(?:\x63){0,1}\x64)\x65"),
    (r"^[^a]", r"\A[^\x61]"),
    ("(?>(a)*b|(a))*c|d", r"(?:\x63|\x64)"),
    ("a.*b", None),
    ("(a+)+$", None),
    ("a(?=b)", None),
    ("a(?>b|bc)d", None),
    (r"\bab", None),
    (r"x[\p{Lu}]", None),
    ("x(?:a?){3}b", None),
    ("x[ab]{0,400}y[ab]{0,400}z", None),
]
"""A regex, and how it is written for `re`, without what a search does not need; None: it is not."""


@pytest.mark.parametrize(("regex", "written"), WRITTEN)
def test_what_no_text_can_stretch_is_written_for_re(regex, written):
    search = search_of(parse(regex))
    assert (search and search.__self__.pattern) == written


def test_a_line_ends_as_in_java():
    search = search_of(parse("a$"))
    assert search("a\r\n") and not search("a\r\n\n")


@settings(max_examples=count(10_000, 1_000))
@given(regexes(), TEXTS)
def test_it_finds_what_the_automata_find(regex, text):
    parsed = parse(regex.text)
    search = search_of(parsed)
    if search is not None:
        assert bool(search(text)) == (Pattern(parsed).find(text) is not None)


class Tries:
    """A backtracking engine that counts what it tries, and never has enough."""

    def __init__(self, text):
        self.text, self.tried = text, 0

    def ends(self, node, at):
        self.tried += 1
        if isinstance(node, Chars):
            if at < len(self.text) and self.text[at] in node.accepted:
                yield at + 1
        elif isinstance(node, Assertion):
            yield at
        elif isinstance(node, Choice):
            for option in node.options:
                yield from self.ends(option, at)
        elif isinstance(node, Sequence):
            yield from self.after(node.items, at)
        elif isinstance(node, Repeat):
            yield from self.rounds(node, at, 0)
        elif isinstance(node, Group):
            self.tried -= 1
            yield from self.ends(node.item, at)

    def after(self, items, at):
        if not items:
            yield at
        else:
            for end in self.ends(items[0], at):
                yield from self.after(items[1:], end)

    def rounds(self, node, at, done):
        if done < node.most:
            for end in self.ends(node.item, at):
                yield from self.rounds(node, end, done + 1)
        if done >= node.least:
            yield at


@given(regexes(), st.text("ab", max_size=12))
def test_no_text_makes_it_try_more_than_is_reckoned(regex, text):
    node = _least(_least(parse(regex.text).node, 0), -1)
    try:
        ways, steps = _ways(node)
    except _OutOfReach:
        return
    engine = Tries(text)
    assert len([*engine.ends(node, 0)]) <= ways
    assert engine.tried <= steps <= MOST_STEPS

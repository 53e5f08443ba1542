"""No text takes long: the work is counted in lines of Python run, so that no clock has a say."""

import gc
import random
import sys
from pathlib import Path
from unittest import mock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ssa import regex
from ssa.regex import automaton, program
from ssa.regex.pattern import Pattern, compile_pattern
from tests.support.regex.generated import TEXTS, regexes

PACKAGE = str(Path(regex.__file__).parent)
LENGTH = 600
MOST = 30
"""Lines of Python run for a character of the text and a step of the program, at most: many matches cost the most."""

HOSTILE = [
    ("(a+)+$", "a", "!"),
    ("(a|a)*b|(a|aa)+$", "a", "!"),
    (r"(?i).*\\appdata\\.*\\.*\.exe", r"\AppData" + "\\", ".ex"),
    ("(x+x+)+y", "x", ""),
    ("^(([a-z])+.)+[A-Z]([a-z])+$", "aB", "!"),
    ("(.*)(.*)(.*)(.*)=", "a", ""),
    ("(.*)(.*)(.*)(.*)=", "a", "="),
    ("(?=.*a)(?=.*b).*c", "ab", ""),
    ("(?=.*a)(?!.*(?=b+$)x)(?<!a+b).*c", "ab", "c"),
    (r"(\w+\s?)+\\", "a ", ""),
    (".{0,50}foo.{0,50}bar", "foo ba", ""),
    ("[ab]*a[ab]{20}c", "aabbab", ""),
    ("(?:a?){30}a{30}b", "a", "a"),
    ("a*b|a", "a", ""),
    ("(?:a*)*(?:|b?)*c", "ab", "d"),
    ("(?>a+)b|c", "a", "c"),
    ("(?>(?:a|b)*c|.)*+d|e", "ab", "e"),
    ("(?>(a)*b|(a))*c|d", "a", "d"),
    (".{0,30}+foo", "foo", ""),
    ("(?>a*)a", "a", ""),
    ("(?:a|(b))*+b", "ab", ""),
    ("(?>(?>a|ba)+b?)+a", "ab", "a"),
    (r"(?m)^.*\b$|\Bx", "a\r\n", ""),
]


def lines_run(work):
    """The lines of the package that a call runs."""
    count = 0

    def trace(frame, event, _):
        nonlocal count
        count += event == "line"
        return trace if frame.f_code.co_filename.startswith(PACKAGE) else None

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        work()
    finally:
        sys.settrace(before)
    return count


def size(pattern):
    looks = pattern._looks.values()
    return len(pattern._program.steps) + sum(len(look.steps) for look in looks)


OPERATIONS = {
    "found_in": Pattern.found_in,
    "find": Pattern.find,
    "finditer": lambda pattern, text: list(pattern.finditer(text)),
}


def work(written, text, operation):
    """The lines run for an operation, by a regex that has seen no text before; and the length times the size."""
    pattern = compile_pattern.__wrapped__(written)
    return lines_run(lambda: OPERATIONS[operation](pattern, text)), (len(text) + 1) * size(pattern)


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize(("written", "again", "last"), HOSTILE)
def test_the_work_grows_with_the_text_and_no_faster(written, again, last, operation):
    rounds = LENGTH // len(again)
    once, bound = work(written, again * rounds + last, operation)
    twice, _ = work(written, again * rounds * 2 + last, operation)
    assert once <= MOST * bound
    assert twice <= 2.2 * once + 1000


@given(regexes(atomic=True), TEXTS, TEXTS, st.sampled_from(sorted(OPERATIONS)))
def test_no_regex_at_random_exceeds_the_bound(regex, again, last, operation):
    lines, bound = work(regex.text, (again * 60)[:60] + last, operation)
    assert lines <= MOST * bound + 2000


def test_what_is_remembered_is_bounded():
    pattern = compile_pattern.__wrapped__(r"(?:[^x]*[ab\u00ff-\uffff][^x]{40}){2}x")
    # Nearly each character of this text needs a transition that no character before it needed.
    text = "".join([*random.Random(1).choices("abc", k=4000), *map(chr, range(0x4000, 0x4400))])
    with (
        mock.patch.object(automaton, "MAX_TRANSITIONS", 50),
        mock.patch.object(automaton, "MAX_FOLLOWED", 50),
        mock.patch.object(program, "MAX_CHARACTERS", 50),
    ):
        assert not pattern.found_in(text)
    built = pattern._forward
    states = [item for item in gc.get_objects() if isinstance(item, automaton.State) and item.automaton is built]
    assert 0 < sum(map(len, states)) <= 50
    assert 0 < len(built.followed) <= 50
    assert 0 < len(built.alphabet) <= 50

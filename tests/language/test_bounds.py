"""What a program makes of one event is bounded: a larger value fails that event, with a message, and nothing else."""

import json

import pytest

from ssa.language import SsaError, TooLargeError, compile_text
from ssa.language.text.parser import MAX_NESTING
from ssa.language.values import MAX_LEVELS, MAX_VALUES
from tests.support.language.cases import END, START, run

TEXT, VALUES, LEVELS = "of more than 1,048,576 characters", "of more than 32,768 values", "more than 64 deep"
LONG = f'"{"x" * 128}"'
KEY = "x" * 128
JSON = "from_json_object('" + '{"a": ' * 50 + "1" + "}" * 50 + "')"

GROWING = [
    ('"x"', "[a, a]", 14, VALUES),
    ('"x"', "{l: a, r: a}", 14, VALUES),
    ('"x"', 'create_map(["l", a, "r", a])', 14, VALUES),
    ('"x"', 'create_map(mvappend("l", [[a]], "r", [[a]]))', 13, VALUES),
    ('{x: "x"}', '{l: map_set(a, "r", a)}', 13, VALUES),
    ('{x: "x"}', "{x: map_merge(a, {y: a})}", 13, VALUES),
    ('"x"', "mvappend(a, a)", 14, VALUES),
    ('[{x: ["x"]}]', "mvappend(a, a)", 13, VALUES),
    (LONG, "mvappend(a, a)", 12, TEXT),
    (LONG, "[a, a]", 12, TEXT),
    ('"x"', f"{{{KEY}: a, r: a}}", 12, TEXT),
    ('"x"', "concat(a, a)", 20, TEXT),
    ('"x"', "a + a", 20, TEXT),
    ('"x"', 'mvjoin([a, a], "")', 20, TEXT),
    ('"x"', 'mvjoin(["", "", ""], a + "x")', 18, TEXT),
    ('"x"', 'replace(a, "x", "xx")', 20, TEXT),
    ('"x"', 'replace(a, "^x", "x$0" + a)', 19, TEXT),
    ('"xxx"', "base64_encode(a)", 41, TEXT),
    ('"x"', "[a]", 63, LEVELS),
    ('"x"', "{a: a}", 63, LEVELS),
    ('"x"', "create_map(['a', a])", 63, LEVELS),
    ('"x"', "map_set({}, 'a', a)", 63, LEVELS),
    ('"x"', "mvappend([[a]])", 31, LEVELS),
    (JSON, "[a]", 13, LEVELS),
]
"""What `a` is first, what it becomes again and again, how often it may as the one value of a body, and what then is."""


@pytest.mark.parametrize(("first", "step", "times", "says"), GROWING, ids=lambda value: str(value)[:40])
def test_a_value_grows_up_to_a_bound_and_fails_the_event_beyond(first, step, times, says):
    def grown(often):
        return run(f"{START}| eval a={first}{f', a={step}' * often}, body={{x: a}}{END}")[0].body

    whole = grown(times)
    assert json.loads(json.dumps(whole)) == whole
    for often in (times + 1, 3_000):
        with pytest.raises(TooLargeError, match=says):
            grown(often)


OF_THE_EVENT = [
    ("eval a=split(input_event.p, '')", "x", 32_768, VALUES),
    ("eval a=split(input_event.p, ',')", ",", 32_767, VALUES),
    ("eval a=mvappend(split(input_event.p, ','), 1, 2)", ",", 32_765, VALUES),
    ("eval p=input_event.p | rex field=p max_match=0 /(?<a>.)/", "x", 32_768, VALUES),
    ("eval p=input_event.p | rex field=p max_match=40000 /(?<a>.)/", "x", 32_768, VALUES),
    ("eval a=from_json_object('{\"a\": [' + input_event.p + '0]}')", "0,", 32_766, VALUES),
    ("eval a=extract_regex(input_event.p, '((((x+))))')", "x", 262_144, TEXT),
    ("eval a=replace(input_event.p, 'x', input_event.p)", "x", 1_024, TEXT),
    ("eval a=replace(input_event.p, '^x', 'x')", "x", 1_048_576, TEXT),
    ("eval a=[input_event.p]", "x", 1_048_576, TEXT),
    ("eval a=replace(input_event.p, '$', '')", "x", 1_048_576, TEXT),
]
"""Commands, what fills the field p, how often it may stand there, and what once more makes too large."""


@pytest.mark.parametrize(("commands", "piece", "times", "says"), OF_THE_EVENT, ids=lambda value: str(value)[:60])
def test_what_an_event_can_make_of_a_text_is_bounded_as_well(commands, piece, times, says):
    plan = compile_text(f"{START}| {commands}{END}")
    assert len(plan.run({"p": piece * times})) == 1
    with pytest.raises(TooLargeError, match=says):
        plan.run({"p": piece * (times + 1)})


@pytest.mark.parametrize("expression", ["lower(input_event.p)", "split(input_event.p, ',')", "input_event.p"])
def test_a_longer_field_of_the_event_fails_nothing_while_nothing_larger_is_made_of_it(expression):
    assert len(run(f"{START}| where {expression} IS NOT NULL{END}", {"p": "x" * 2_000_000})) == 1


def test_what_a_hostile_event_could_make_of_many_parts_is_bounded():
    text = f"{START}| eval a=replace(input_event.p, '', input_event.q){END}"
    with pytest.raises(TooLargeError, match="of more than 1,000,000 replaced parts"):
        run(text, {"p": "x" * 40_000, "q": "$0" * 30})


def test_no_text_is_refused_for_a_value_that_only_an_event_makes_too_large():
    grown = ", a=[a, a]" * 40
    assert run(f"{START}| where input_event.p IS NULL | eval a=input_event.p{grown}{END}", {"p": "x"}) == []
    with pytest.raises(SsaError, match=r"the search makes a list or a map of more than 32,768 values.*column 44"):
        compile_text(f"{START}| eval a=[{'1, ' * (MAX_VALUES + 1)}]{END}")


def test_no_other_event_fails():
    plan = compile_text(f"{START}| eval a=split(input_event.p, ''), body={{n: length(a)}}{END}")
    with pytest.raises(TooLargeError):
        plan.run({"p": "x" * 40_000})
    assert plan.run({"p": "xyz"})[0].body == {"n": 3}


def test_a_text_nests_less_than_a_value_may():
    assert MAX_NESTING < MAX_LEVELS

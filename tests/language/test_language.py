"""The language, by its tables: expressions.toml and errors.toml, which anyone can extend."""

import ast
import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ssa.language import Detected, SsaError, compile_text, parse
from ssa.language.functions import REGISTRY, like_matcher
from ssa.language.text.parser import MAX_DEPTH, MAX_NESTING
from tests.support.examples import ROOT
from tests.support.language.cases import END, ERRORS, EXPRESSIONS, START, run, same, template, value


@pytest.mark.parametrize("case", EXPRESSIONS, ids=lambda case: case["about"])
def test_an_expression_gives_what_its_table_expects(case):
    assert same(value(case["expression"], case.get("event")), json.loads(case["gives"]))


def test_every_function_documents_itself():
    for function in REGISTRY.values():
        assert function.help.endswith(".")
        assert function.source
        assert function.signature.startswith(function.name + "(")


@pytest.mark.parametrize("case", ERRORS, ids=lambda case: case["says"])
def test_a_wrong_text_is_refused_with_its_place(case):
    with pytest.raises(SsaError) as caught:
        compile_text(case["text"])
    assert case["says"] in caught.value.problem
    wanted, _, last = case["at"].partition("@end")
    found = case["text"].rfind(wanted) if last or case["at"].endswith("@end") else case["text"].find(wanted)
    assert caught.value.at == (found if wanted else len(case["text"]))


def test_a_message_shows_line_column_and_a_caret():
    with pytest.raises(SsaError) as caught:
        compile_text("| from read_ssa_enriched_events()\n| eval x=lowr(y)")
    assert str(caught.value).splitlines() == [
        "unknown function lowr(): did you mean lower? (line 2, column 10)",
        "  | eval x=lowr(y)",
        "           ^",
    ]


def test_a_long_line_is_cut_around_the_place():
    with pytest.raises(SsaError) as caught:
        compile_text(START + "| where " + "x=1 AND " * 200 + "? " + "AND x=1 " * 200)
    _, shown, caret = str(caught.value).splitlines()
    assert len(shown) <= 102
    assert shown[caret.index("^")] == "?"


@pytest.mark.parametrize(
    "text",
    [
        "from read_ssa_enriched_events() | into write_ssa_detected_events()",
        "| FROM read_ssa_enriched_events() | EVAL x=1 | WHERE x=1 | INTO write_ssa_detected_events();",
        "| from read_ssa_enriched_events() | eval x=1, , y=2, | where x=1 AND y=2 | into write_ssa_detected_events();;",
        "$a = | from read_ssa_enriched_events() | eval x=1; $b = from $a | where x=1; "
        "| from $b | into write_ssa_detected_events();",
        '| from read_ssa_enriched_events() | where like ("a", "a") /* yes */ | into write_ssa_detected_events ( )',
    ],
)
def test_what_published_texts_do_is_accepted(text):
    assert len(run(text)) == 1


def test_each_into_gives_a_detected_event_of_its_own():
    text = (
        "$a = | from read_ssa_enriched_events() | eval start_time=1; "
        "| from $a | eval end_time=2 | into write_ssa_detected_events(); "
        "| from $a | where false | into write_ssa_detected_events(); "
        "| from $a | eval end_time=3 | into write_ssa_detected_events();"
    )
    assert run(text) == [Detected(1, 2, (), {}), Detected(1, 3, (), {})]


@pytest.mark.parametrize(("condition", "kept"), [("true", 1), ("false", 0), ("null", 0), ("1", 0), ('"true"', 0)])
def test_where_keeps_a_record_only_when_its_condition_is_true(condition, kept):
    assert len(run(f"{START}| where {condition}{END}")) == kept


def test_later_assignments_see_earlier_ones():
    assert run(f"{START}| eval x=1, x=x+1, body={{x: x}}{END}")[0].body == {"x": 2}


def test_a_detected_event_never_carries_a_wrong_type():
    (hit,) = run(f'{START}| eval start_time="soon", end_time=1.5, entities=[null, "one", null], body="none"{END}')
    assert hit == Detected(None, None, ("one",), {})


@pytest.mark.parametrize(
    ("text", "fields"),
    [
        ('map_get(input_event, "a")', {"a"}),
        ("input_event.a + input_event['b']", {"a", "b"}),
        ('map_get(input_event, lower("A"))', None),
        ("input_event", None),
        ("1", set()),
    ],
)
def test_a_plan_knows_which_fields_it_reads(text, fields):
    assert compile_text(f"{START}| eval x={text}{END}").input_fields == (None if fields is None else frozenset(fields))


@pytest.mark.parametrize(
    ("text", "fields"),
    [
        ("| where input_event.a = 1", {"a"}),
        ("| eval x=lower(input_event.a), y=input_event.b | where x = 1", {"a"}),
        (
            "| eval x=map_get(input_event, 'a'), y=x+'b' | where y IN (input_event.c, 'd') | eval z=input_event.e",
            {"a", "c"},
        ),
        ("| eval x=input_event.a, x=1 | where x = 1", set()),
        ("| where not {k: [input_event.a]}.k[0] is null", {"a"}),
        ("| eval x=input_event.a", set()),
        # The text says itself what counts where there is no value.
        ("| eval x=ucast(input_event.a, 'string', '') | where x = 'b'", set()),
        ("| eval x=ucast(input_event.a, 'string', null) | where x = 'b'", {"a"}),
        ("| eval x=ucast(input_event.a, 'string', input_event.b) | where x = 'b'", {"a", "b"}),
    ],
)
def test_a_plan_knows_on_which_fields_its_conditions_depend(text, fields):
    assert compile_text(START + text + END).decisive_fields == fields


def test_conditions_on_a_binding_depend_on_what_it_was_made_of():
    text = "$a = | from read_ssa_enriched_events() | eval x=input_event.a; | from $a | where x = 1"
    assert compile_text(text + END).decisive_fields == {"a"}


@pytest.mark.parametrize(("opening", "closing"), ["()", "[]", ("lower(", ")"), ("x[", "]"), ("{a: ", "}")])
def test_deep_nesting_ends_in_a_message_not_in_pythons_stack(opening, closing):
    fine, too_deep = MAX_NESTING - 1, MAX_NESTING + 1
    compile_text(f"{START}| eval x=" + opening * fine + "y" + closing * fine + END)
    with pytest.raises(SsaError, match="nests deeper than"):
        parse(f"{START}| where " + opening * too_deep + "y" + closing * too_deep)


@pytest.mark.parametrize(
    "expression",
    [
        "NOT " * 5000 + "true",
        "- " * 5000 + "1",
        "x" + ".a" * 5000,
        "x" + "[0]" * 5000,
        ("NOT " * 40 + "(") * 20 + "true" + ")" * 20,
        ("- " * 45 + "(") * 40 + "1" + ")" * 40,
        "(" * 30 + "x" + (".a" * 40 + ")") * 30,
    ],
)
def test_chains_deepen_an_expression_too_and_end_in_a_message(expression):
    with pytest.raises(SsaError, match="nests deeper than"):
        compile_text(f"{START}| where {expression}")


def test_an_expression_at_the_limit_compiles_and_runs():
    deepest = "NOT " * (MAX_DEPTH - 2) + "(false OR x)"
    assert run(f"{START}| eval x=true | where {deepest}{END}")
    with pytest.raises(SsaError, match="nests deeper than"):
        compile_text(f"{START}| where NOT {deepest}{END}")


def test_a_number_of_thousands_of_digits_is_refused_with_our_own_error():
    with pytest.raises(SsaError, match="larger than a long can hold"):
        compile_text(f"{START}| where x=" + "1" * 5000)
    assert value("0" * 5000 + "7") == 7


def test_wide_texts_are_no_deep_texts():
    wide = " AND ".join(["x=1"] * 5000) + " OR " + " + ".join(["1"] * 5000) + " = 5000"
    assert len(run(f"{START}| where {wide}{END}")) == 1


@given(st.text(max_size=200))
def test_any_text_is_compiled_or_refused_with_our_own_error(text):
    try:
        compile_text(text)
    except SsaError as error:
        assert error.problem in str(error)


PIECES = """
    | from read_ssa_enriched_events() eval where into
    write_ssa_detected_events() x = == 1 2.5 "s" 'q' ( ) [ ] { } , : ; .
    $ a AND OR NOT IN LIKE IS NULL null true lower ucast /r/ /* */ + - * / %
"""


@given(st.lists(st.sampled_from(PIECES.split()), max_size=40).map(" ".join))
def test_any_sequence_of_words_is_compiled_or_refused_with_our_own_error(text):
    try:
        compile_text(START + "| where " + text)
    except SsaError as error:
        assert error.problem in str(error)


LIKE_ALPHABET = st.text("ab%_\\\n", max_size=8)


@given(LIKE_ALPHABET, LIKE_ALPHABET)
def test_like_agrees_with_the_regex_that_its_definition_reads_as(text, pattern):
    wild = {"%": ".*", "_": "."}
    pieces = re.findall(r"\\.|.", pattern, re.DOTALL)
    regex = "".join(wild.get(p, re.escape(p[-1])) for p in pieces)
    assert like_matcher(pattern)(text) == (re.fullmatch(regex, text, re.DOTALL) is not None)


def test_like_takes_a_hostile_text_in_linear_time():
    """A regex with `.*` for each % would need longer than the universe has; this needs no clock to be seen."""
    text = "a" * 32_000
    assert not like_matcher("%a%a%a%a%a%a%a%a%b%")(text)
    assert not like_matcher("%a_%a_%a_%a_%a_%a_%b_%")(text)


def refusing_calls(node):
    """The message of `….fail(message, …)`, and of `raise ValueError(message)` for an argument of a function."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "fail":
        return node.args[0]
    raised = node.exc if isinstance(node, ast.Raise) else None
    return raised.args[0] if isinstance(raised, ast.Call) and raised.func.id in ("ValueError", "SsaError") else None


def messages():
    """A regex for every message with which the language refuses a text."""
    language = ROOT / "bin/ssa/language"
    for path in sorted(language.rglob("*.py")):
        for message in filter(None, map(refusing_calls, ast.walk(ast.parse(path.read_text())))):
            pattern = template(message)
            if path.name != "jsons.py" and pattern != ".*":  # jsons.py answers its JSON reader, no author
                before = ".*: " if path.parent.name == "functions" else ""
                yield pytest.param(before + pattern, id=f"{path.name}:{message.lineno}")


@pytest.fixture(scope="module")
def refusals():
    messages = []
    for case in ERRORS:
        with pytest.raises(SsaError) as caught:
            compile_text(case["text"])
        messages.append(caught.value.problem)
    with pytest.raises(SsaError) as caught:
        compile_text(wide_and_long(columns=2_001, pipelines=100))
    return [*messages, caught.value.problem]


def wide_and_long(columns, pipelines):
    assigned = ", ".join(f"c{number}=1" for number in range(columns))
    chain = "$a = from $a | where c1=1; " * pipelines
    return f"$a = from read_ssa_enriched_events() | eval {assigned}; {chain} from $a | into write_ssa_detected_events()"


def test_what_compiling_keeps_in_memory_is_bounded():
    assert len(run(wide_and_long(columns=100, pipelines=100))) == 1
    with pytest.raises(SsaError, match="2,001 columns in 102 pipelines are too many"):
        compile_text(wide_and_long(columns=2_001, pipelines=100))


@pytest.mark.parametrize("pattern", list(messages()))
def test_every_message_has_a_case(pattern, refusals):
    assert [problem for problem in refusals if re.fullmatch(pattern, problem, re.DOTALL)], pattern

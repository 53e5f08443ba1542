"""The functions, by their table: functions.toml, which anyone can extend, and by what the registry promises of them."""

import json
import math
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ssa.language import SsaError, TooLargeError, compile_text, functions
from ssa.language.functions import REGISTRY, REQUIRED
from ssa.language.functions.jsons import MAX_DEPTH
from ssa.language.functions.meanings import (
    LIKE_PATTERN,
    RECASED,
    ChangeOfCase,
    FirstOf,
    Meaning,
    MemberOfMap,
    NewMap,
    OneOf,
    PartOfText,
    PatternTest,
    TypeAssertion,
    TypeConversion,
)
from ssa.language.values import LONG_MAX, LONG_MIN, TYPES
from tests.support.language.cases import END, FUNCTIONS, START, same, value

PACKAGE = Path(functions.__file__).parent
KINDS = ("typical", "null", "wrong type", "edge")
TYPED = [f"{name} {p.name}" for name, function in REGISTRY.items() for p in function.parameters if p.type != "any"]


def title(case):
    return f"{case['function']}: {case['kind']}{', ' + case['about'] if 'about' in case else ''}"


@pytest.mark.parametrize("case", FUNCTIONS, ids=title)
def test_a_function_gives_what_its_table_expects(case):
    assert same(value(case["expression"], case.get("event")), json.loads(case["gives"]))


@pytest.mark.parametrize("name", REGISTRY)
def test_a_function_has_a_case_of_each_kind(name):
    takes_all = all(parameter.type == "any" for parameter in REGISTRY[name].parameters)
    kinds = [kind for kind in KINDS if not (takes_all and kind == "wrong type")]
    texts = {case["kind"]: case["expression"] for case in FUNCTIONS if case["function"] == name}
    assert [kind for kind in kinds if f"{name}(" not in texts.get(kind, "")] == []


@pytest.mark.parametrize("case", FUNCTIONS, ids=title)
def test_a_case_names_a_function_and_a_kind_and_depends_on_the_event(case):
    assert case["function"] in REGISTRY
    assert case["kind"] in KINDS
    assert "input_event" in case["expression"]


@pytest.mark.parametrize("function", REGISTRY.values(), ids=lambda function: function.name)
def test_an_entry_documents_itself(function):
    assert function.help.endswith(".")
    assert function.nulls.endswith(".")
    assert function.source
    assert function.returns in TYPES
    assert {parameter.type for parameter in function.parameters} <= TYPES.keys()
    names = [parameter.name for parameter in function.parameters]
    assert len(names) == len(set(names))
    assert function.signature.startswith(f"{function.name}({names[0]}")
    assert (PACKAGE / f"{function.group}.py").exists()


# -- arguments

ARGUMENTS = {"any": "10", "string": "10", "long": 1, "number": 10, "list": ["10"], "map": {"10": 1}, "boolean": True}
FITTING = {
    "target_type": "string",
    "cidr_range": "10.0.0.0/8",
    "ip": "10.1.2.3",
    "base": 16,
    "precision": 2,
    "regex": "1(0)",
    "pattern": "1(0)",
    "replacement": "<$1>",
    "value2": "11",
    "keys_and_values": ["a", 1],
    ("like", "pattern"): "1_",
    ("log", "base"): 10,
    ("tostring", "format"): "hex",
    ("tostring", "value"): 10,
    ("mvindex", "index"): 0,
    ("base64_decode", "value"): "aGVsbG8=",
    ("deserialize_json_object", "value"): '{"a": 1}',
    ("from_json_object", "value"): '{"a": 1}',
}
"""Arguments that a function can work with, by (function and) parameter; else by the type."""


def fitting(function):
    return [FITTING.get((function.name, p.name), FITTING.get(p.name, ARGUMENTS[p.type])) for p in function.parameters]


@cache
def plan(call):
    return compile_text(f"{START}| eval body={{x: {call}}}{END}")


def called(name, arguments):
    """Call a function with values that an event holds."""
    fields = {f"a{at}": argument for at, argument in enumerate(arguments)}
    (hit,) = plan(f"{name}({', '.join(f'input_event.{field}' for field in fields)})").run(fields)
    return hit.body["x"]


@pytest.mark.parametrize("name", [name for name, function in REGISTRY.items() if not function.variadic])
def test_arguments_can_be_named_in_any_order(name):
    function = REGISTRY[name]
    arguments = fitting(function)
    positional = called(name, arguments)
    fields = {f"a{at}": argument for at, argument in enumerate(arguments)}
    named = [f"{parameter.name}: input_event.a{at}" for at, parameter in enumerate(function.parameters)]
    (hit,) = plan(f"{name}({', '.join(reversed(named))})").run(fields)
    assert positional is not None
    assert same(hit.body["x"], positional)


@pytest.mark.parametrize("name", [name for name, f in REGISTRY.items() if f.parameters[-1].default is not REQUIRED])
def test_arguments_with_a_default_may_be_left_out(name):
    function = REGISTRY[name]
    required = [p for p in function.parameters if p.default is REQUIRED]
    assert function.parameters[: len(required)] == tuple(required)
    assert called(name, fitting(function)[: len(required)]) is not None


@pytest.mark.parametrize("name", [name for name, function in REGISTRY.items() if not function.sees_nulls])
def test_a_null_gives_null_unless_the_entry_states_another_rule(name):
    arguments = fitting(REGISTRY[name])
    for at in range(len(arguments)):
        assert called(name, [*arguments[:at], None, *arguments[at + 1 :]]) is None


@pytest.mark.parametrize("typed", TYPED)
def test_an_argument_of_another_type_is_as_good_as_null(typed):
    name, _, parameter = typed.partition(" ")
    function = REGISTRY[name]
    at = [p.name for p in function.parameters].index(parameter)
    arguments = fitting(function)
    is_type = TYPES[function.parameters[at].type]
    with_null = called(name, [*arguments[:at], None, *arguments[at + 1 :]])
    others = [other for other in ("10", 1, 1.5, True, ["10"], {"10": 1}) if not is_type(other)]
    assert others
    for other in others:
        assert same(called(name, [*arguments[:at], other, *arguments[at + 1 :]]), with_null)


@pytest.mark.parametrize(
    ("call", "says"),
    [
        ('ucast(x, "strng")', "unknown type 'strng': expected one of string, long"),
        ('cast(x, "string<any>")', "unknown type 'string<any>'"),
        ('cast(x, "map<string, any")', "unknown type"),
        ("tonumber(x, 37)", "base must be from 2 to 36, found 37"),
        ('tostring(x, "roman")', "unknown format 'roman': expected one of hex, commas, duration"),
        ("case(x, 1, 2)", "case(conditions, …) takes its arguments in pairs, found 3"),
        ("round(x, 16)", "precision must be from 0 to 15, found 16"),
        ('cidrmatch("10.0.0.0/33", x)', "no CIDR range such as 10.0.0.0/8"),
        (f'cidrmatch("{"1" * 65}", x)', "a CIDR range is not that long"),
        ('replace(x, /a/, "cost: $")', "a $ here names no group: write \\$ for the sign itself"),
        ('replace(x, /a/, "${1}")', "a $ here names no group"),
        ('replace(x, /a/, "\\\\")', "a \\ here ends the replacement"),
        ('match_regex(x, "(")', "match_regex(input, pattern): "),
    ],
)
def test_a_constant_that_no_event_can_mend_is_refused_when_compiling(call, says):
    with pytest.raises(SsaError) as caught:
        plan(call)
    assert says in caught.value.problem


# -- whatever the values

LETTERS = st.text("aB1 .,=;/\\%_$(){}[]\"'+-:éß😀\n\0", max_size=12)
WORDS = st.sampled_from(
    ["string", "long", "map<string, any>", "hex", "10.0.0.0/8", "::1", "-9", "1e309", "$1", "(a)|b"]
)
STRINGS = LETTERS | WORDS | st.text(max_size=8)
LONGS = st.integers(-3, 70) | st.integers(LONG_MIN, LONG_MAX)
DOUBLES = st.floats(allow_nan=False, allow_infinity=False)
PLAIN = st.none() | st.booleans() | LONGS | DOUBLES | STRINGS
ANY = st.recursive(
    PLAIN, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(STRINGS, inner, max_size=3), max_leaves=6
)
OF_TYPE = {
    "any": ANY,
    "string": STRINGS,
    "long": LONGS,
    "number": LONGS | DOUBLES,
    "boolean": st.booleans(),
    "list": st.lists(ANY, max_size=5),
    "map": st.dictionaries(STRINGS, ANY, max_size=3),
}


@st.composite
def arguments_of(draw, function):
    """Arguments of any types, more often of the right ones."""
    required = sum(parameter.default is REQUIRED for parameter in function.parameters)
    count = draw(st.integers(required, 6 if function.variadic else len(function.parameters)))
    count += count % 2 if function.pairs else 0
    typed = [OF_TYPE[function.parameter(at).type] for at in range(count)]
    return [draw(ANY if draw(st.integers(0, 4)) == 0 else of_type) for of_type in typed]


def assert_a_value_of_the_language(value):
    if isinstance(value, list):
        for item in value:
            assert_a_value_of_the_language(item)
    elif isinstance(value, dict):
        for key, item in value.items():
            assert type(key) is str
            assert_a_value_of_the_language(item)
    else:
        assert type(value) in (type(None), bool, int, float, str)
        assert type(value) is not int or LONG_MIN <= value <= LONG_MAX
        assert type(value) is not float or math.isfinite(value)
        assert type(value) is not str or value.encode("utf-8") is not None


@pytest.mark.parametrize("function", REGISTRY.values(), ids=lambda function: function.name)
@settings(max_examples=60)
@given(data=st.data())
def test_whatever_the_values_the_result_is_null_or_of_the_promised_type(function, data):
    arguments = data.draw(arguments_of(function))
    result = called(function.name, arguments)
    assert result is None or TYPES[function.returns](result)
    assert_a_value_of_the_language(result)
    if result is not None and function.meaning is not None:
        HOLDS[type(function.meaning)](function.meaning, result, *arguments)


def leaves(values):
    """Yield what is no list and no map in values, with its type: 1, 1.0 and true are different."""
    for each in values:
        if isinstance(each, (list, dict)):
            yield from leaves(each.values() if isinstance(each, dict) else each)
        elif each is not None:
            yield type(each), each


def holds_for_a_choice(meaning, result, *arguments):
    assert {*leaves([result])} <= {*leaves(arguments[meaning.arguments])}


def holds_for_an_assertion(meaning, result, value, target, default=None):
    assert same(result, value) or same(result, default)
    assert meaning.arguments == slice(0, None, 2)


def holds_for_a_conversion(meaning, result, value, target):
    assert not isinstance(value, str) or not isinstance(result, str) or result == value


def holds_for_a_part(meaning, result, text, *others):
    assert all(part in text for part in (result if isinstance(result, list) else [result]))


def holds_for_a_change_of_case(meaning, result, text):
    assert result == RECASED[meaning.case](text)


def holds_for_the_first(meaning, result, *arguments):
    assert same(result, next(value for value in arguments[meaning.arguments] if value is not None))


def holds_for_a_match(meaning, result, text, pattern):
    assert not pattern.isalnum() or result is (pattern == text if meaning.kind == LIKE_PATTERN else pattern in text)


def holds_for_a_member(meaning, result, mapping, key):
    assert same(result, mapping[key])


def holds_for_a_new_map(meaning, result, flat):
    assert same(result, dict(zip(flat[::2], flat[1::2], strict=True)))


HOLDS = {
    OneOf: holds_for_a_choice,
    FirstOf: holds_for_the_first,
    TypeAssertion: holds_for_an_assertion,
    TypeConversion: holds_for_a_conversion,
    PartOfText: holds_for_a_part,
    ChangeOfCase: holds_for_a_change_of_case,
    PatternTest: holds_for_a_match,
    MemberOfMap: holds_for_a_member,
    NewMap: holds_for_a_new_map,
}
"""What holds for a result that is not null, by the meaning of the function, as its docstring says."""


def test_every_meaning_is_tried():
    assert HOLDS.keys() == {type(function.meaning) for function in REGISTRY.values()} - {type(None)}
    assert all(issubclass(meaning, Meaning) for meaning in HOLDS)


@given(st.lists(st.sampled_from(["a", "b", "ab", "", "$1", "\\2", "x"]), max_size=6).map("".join), STRINGS)
def test_replacing_what_is_not_there_changes_nothing(text, replacement):
    result = called("replace", [text, "y", replacement])
    assert result in (text, None)


@given(DOUBLES, st.integers(0, 15))
def test_rounding_goes_no_further_than_half_a_place(number, precision):
    result = called("round", [number, precision])
    step = 10.0**-precision
    assert abs(result - number) <= step / 2 + abs(number) * 1e-15


@given(st.text())
def test_what_base64_encodes_it_decodes(text):
    assert called("base64_decode", [called("base64_encode", [text])]) == text


@given(ANY)
def test_a_list_without_repetitions_has_each_value_once(item):
    assert same(called("mvdedup", [[item, item, [item], [item]]]), [item, [item]])


def test_a_hostile_text_takes_linear_time():
    """What tried each place again from each place would need longer than a test run lasts; no clock is needed."""
    long = "a" * 300_000
    assert called("trim", [long, long]) == ""
    assert called("parse_long", [" " * 300_000 + "x"]) is None
    assert called("parse_double", ["1" * 300_000]) is None
    assert called("tonumber", ["f" * 300_000, 16]) is None
    assert called("base64_decode", ["=" * 300_000]) is None
    assert called("urldecode", ["%4" * 300_000]) == "%4" * 300_000
    assert called("from_json_object", ['{"' + '\\"' * 300_000]) is None
    assert called("from_json_object", ["[" * 300_000]) is None
    assert called("from_json_object", ['{"a": ' + "1" * 300_000 + "}"]) == {"a": None}
    assert called("cidrmatch", ["10.0.0.0/8", "1." * 300_000]) is False
    with pytest.raises(TooLargeError):
        called("split", [long, ""])


def test_json_nests_as_deep_as_a_detection_text_may_and_no_deeper():
    def nested(depth):
        return '{"a": ' * depth + "1" + "}" * depth

    assert called("from_json_object", [nested(MAX_DEPTH)]) is not None
    assert called("from_json_object", [nested(MAX_DEPTH + 1)]) is None

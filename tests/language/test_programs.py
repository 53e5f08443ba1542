"""Whole programs, by their table: programs.toml, which anyone can extend; and what is computed how often."""

import json
import tomllib

import pytest

from ssa.language import compile_text
from ssa.language.functions import REGISTRY
from ssa.language.text.parser import COMMANDS
from tests.support.language.cases import END, START, TABLES, same, text_of

PROGRAMS = tomllib.loads((TABLES / "programs.toml").read_text())["case"]


def hits(text, event=None):
    detected = compile_text(text).run(event or {}, ["Endpoint_Processes"])
    return [[hit.start_time, hit.end_time, list(hit.entities), hit.body] for hit in detected]


@pytest.mark.parametrize("case", PROGRAMS, ids=lambda case: case["about"])
def test_a_program_gives_what_its_table_expects(case):
    assert same(hits(text_of(case), case.get("event")), json.loads(case["gives"]))


def test_every_command_has_a_case():
    texts = " ".join(map(text_of, PROGRAMS))
    assert [name for name in COMMANDS if f" {name} " not in texts] == []


@pytest.fixture
def calls(monkeypatch):
    """Count the calls of lower() in programs that are compiled from now on."""
    counted = []
    function = REGISTRY["lower"]

    def body(text):
        counted.append(text)
        return function.body(text)

    monkeypatch.setitem(REGISTRY, "lower", type(function)(**{**vars(function), "body": body}))
    return counted


@pytest.mark.parametrize(
    ("text", "times"),
    [
        ('| eval a=lower(input_event.p), b=lower(input_event.p) | where lower(input_event.p)="x" OR a=b', 1),
        ('| eval a=input_event.p | where lower(a)="x" OR lower(a)="y" OR lower(input_event.p)="z"', 1),
        ("| eval a=input_event.p, b=lower(a), a=input_event.q, c=lower(a)", 2),
        ('| where lower(lower(input_event.p))="x" OR lower(lower(input_event.p))="y"', 2),
        ('| where lower("X")="x" AND lower("X") IN ("x")', 0),
    ],
)
def test_a_value_is_computed_once_a_row(calls, text, times):
    plan = compile_text(START + text + END)
    calls.clear()
    for _ in range(3):
        list(plan.run({"p": "P", "q": "Q"}))
    assert len(calls) == 3 * times


def test_what_branches_share_is_computed_once_a_row(calls):
    branch = 'where lower(input_event.p)="p" | into write_ssa_detected_events();'
    plan = compile_text(f"$a = from read_ssa_enriched_events() | eval x=1; from $a | {branch} from $a | {branch}")
    assert len(list(plan.run({"p": "P"}))) == 2
    assert calls == ["P"]


def test_constants_are_computed_when_the_program_is_compiled(calls):
    plan = compile_text(f'{START}| where lower("ABC") + "d" = "abcd" AND NOT (1 + 1 = 3){END}')
    assert calls == ["ABC"]
    assert len(list(plan.run({}))) == 1
    assert calls == ["ABC"]


def test_rows_do_not_share_what_they_kept():
    plan = compile_text(f"{START}| eval body={{a: lower(input_event.p), b: lower(input_event.p)}}{END}")
    values = [plan.run({"p": text})[0].body["b"] for text in ("A", "B", "C")]
    assert values == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("text", "fields"),
    [
        ("| select input_event AS e | eval x=e.a", None),
        ("| rename input_event AS e", None),
        ("| eval input_event={a: 1}", None),
        ("| select input_event.a AS a", {"a"}),
        ("| fields - input_event | eval x=input_event.a", {"a"}),
    ],
)
def test_a_plan_knows_when_any_field_may_be_read(text, fields):
    assert compile_text(START + text + END).input_fields == (None if fields is None else frozenset(fields))


@pytest.mark.parametrize(
    ("text", "fields"),
    [
        ("| select input_event.a AS x, input_event.b AS y | where x=1", {"a"}),
        ("| eval x=input_event.a | rename x AS y | where y=1", {"a"}),
        ("| eval x=input_event.a, y=input_event.b | rename x AS y | where y=1", {"a"}),
        ("| eval x=input_event.a | fields - x | where x=1", set()),
        ("| eval e=input_event | where e.a=1 OR map_get(e, 'b')=1", {"a", "b"}),
        ("| rename input_event AS e | where e.a=1", {"a"}),
        ("| eval d=input_event.b, input_event={a: d} | where input_event.a=1", {"b"}),
        ("| eval e=input_event | where e.a.x=1", {"a"}),
        ("| eval x=input_event.a | fields y | where x=1", set()),
        ("| eval x=input_event.a, g=input_event.b | rex field=x /(?<g>.)/ | where g=1", {"a", "b"}),
    ],
)
def test_a_plan_knows_on_which_fields_conditions_depend_through_commands(text, fields):
    assert compile_text(START + text + END).decisive_fields == fields

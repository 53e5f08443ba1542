"""One line of the risk index, which no event content can break."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ssa import stash
from ssa.risk import RiskEvent

PAIR = re.compile(r'(?:^|, )([A-Za-z_][\w.]*)="((?:[^"\\]|\\.)*)"', re.DOTALL)


def read(line):
    """Splunk's stash extraction: key="value" pairs, backslash escapes, a repeated key is multivalue."""
    time, _, rest = line.partition(", ")
    found = [(key, re.sub(r"\\(.)", r"\1", value)) for key, value in PAIR.findall(rest)]
    assert ", ".join(match.group().removeprefix(", ") for match in PAIR.finditer(rest)) == rest
    return time, found


def test_an_event_is_its_time_and_its_fields():
    event = RiskEvent(1772442000.25, (("risk_object", "jdoe"), ("threat_object", ("a", "b"))))
    assert stash.line(event) == '1772442000.250, risk_object="jdoe", threat_object="a", threat_object="b"'


@pytest.mark.parametrize(
    ("value", "read_back"),
    [
        ('say "hi"', 'say "hi"'),
        ("C:\\x\\y", "C:\\x\\y"),
        ("C:\\dir\\", "C:\\dir\\ "),
        ('", risk_score="999', '", risk_score="999'),
        ('\\", risk_score="999', '\\", risk_score="999'),
        ("a\nb\r\nc\td", "a␊b␍␊c␉d"),
        ("\x00\x1b\x7f\x85\u2028", "␀␛␡␤␤"),
        ("***SPLUNK*** index=x", "**_SPLUNK_** index=x"),
        ("***splunk*** x", "**_splunk_** x"),
        ("\ud800", "�"),
        ("$token$ | delete ]]>", "$token$ | delete ]]>"),
    ],
)
def test_a_value_is_read_back_as_it_was_or_visibly_made_safe(value, read_back):
    assert read(stash.line(RiskEvent(1, (("a", value), ("b", "after"))))) == (
        "1.000",
        [("a", read_back), ("b", "after")],
    )


@given(st.lists(st.text(alphabet=st.one_of(st.characters(), st.sampled_from('\\"\n=,*$ ')), max_size=60), max_size=8))
def test_no_content_makes_another_field_appear(values):
    fields = tuple((f"f{number}", value) for number, value in enumerate(values))
    line = stash.line(RiskEvent(1, fields))
    assert [name for name, _ in read(line)[1]] == [name for name, _ in fields]
    assert len(line.splitlines()) == 1
    assert "***SPLUNK***" not in line.upper()
    line.encode("utf-8")


def test_a_line_stays_below_it_also_when_most_fields_are_left_out():
    fields = tuple((f"a_field_with_a_long_name_{number}", "x" * 2000) for number in range(40))
    assert len(stash.line(RiskEvent(1, fields))) < 10_000


def test_a_line_stays_below_the_length_at_which_splunk_stops_reading():
    fields = tuple((f"f{number}", '"' * 5000) for number in range(20))
    line = stash.line(RiskEvent(1, (("risk_object", "jdoe"), *fields, ("short", "1"))))
    found = dict(read(line)[1])
    assert len(line) < 10_000
    assert (found["risk_object"], found["short"]) == ("jdoe", "1")
    assert "more characters" in found["f0"]
    assert found["truncated"].split()[-1] == "f19"


@pytest.mark.parametrize("name", ["annotations", "contributing_events_search"])
def test_json_and_spl_are_written_whole_or_left_out(name):
    for length in (1_000, 5_000, 20_000):
        found = dict(read(stash.line(RiskEvent(1, (("a", "1"), (name, "x" * length)))))[1])
        assert found.get(name, "") in ("x" * length, "")
        assert (name in found) == (found.get("truncated") != name) == (length < 20_000)

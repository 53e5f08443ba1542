"""One line of the risk index, which no event content can break."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.inputs.indexing import stash_fields
from ssa.action import risk, stash
from ssa.action.risk import RiskEvent
from tests.support.hostile import HOSTILE, fields, strict

TEXTS = st.one_of(
    st.text(alphabet=st.one_of(st.characters(), st.sampled_from('\\"\n=,*$ ')), max_size=60),
    st.sampled_from(HOSTILE),
    st.tuples(st.sampled_from(HOSTILE), st.text(max_size=3), st.sampled_from(HOSTILE)).map("".join),
)


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
        ("***SPLUNK*** index=x", "**_SPLUNK*** index=x"),
        ("***splunk****SPLUNK***", "**_splunk***_SPLUNK***"),
        ("***SPL\u200bUNK***", "***SPL⟨U+200B⟩UNK***"),
        ("\ud800", "⟨U+D800⟩"),
        ("exe.\u202etxt", "exe.⟨U+202E⟩txt"),
        ("jdoe\U000e0041", "jdoe⟨U+E0041⟩"),
        ("é 漢 💥", "é 漢 💥"),
        ("$token$ | delete ]]>", "$token$ | delete ]]>"),
    ],
)
def test_a_value_is_read_back_as_it_was_or_visibly_made_safe(value, read_back):
    line = stash.line(RiskEvent(1, (("a", value), ("b", "after"))))
    assert fields(line) == [("a", read_back), ("b", "after")]
    assert line.startswith("1.000, ")


@given(st.lists(TEXTS, max_size=8))
def test_no_content_makes_another_field_appear_or_a_value_another(values):
    names = [f"f{number}" for number in range(len(values))]
    line = stash.line(RiskEvent(1, tuple(zip(names, values, strict=True))))
    read = fields(line)
    left_out = dict(read).pop("truncated", "").split()
    assert [name for name, _ in read if name != "truncated"] == [name for name in names if name not in left_out]
    for name, value in read:
        if name != "truncated":
            meant = stash.visible(values[int(name[1:])])
            kept, mark, _ = value.partition("… (")
            assert value.removesuffix(" ") == meant.removesuffix(" ") or (mark and meant.startswith(kept[:1_400]))
    assert stash_fields(line) == dict(read), "the sandbox reads it the same way"


@given(st.lists(TEXTS.filter(bool), min_size=1, max_size=6))
def test_values_of_one_field_stay_apart_and_in_their_order(values):
    line = stash.line(RiskEvent(1, (("a", tuple(value[:300] for value in values)), ("b", "after"))))
    read = [value for name, value in fields(line) if name == "a"]
    assert [value.removesuffix(" ") for value in read] == [
        stash.visible(risk.shorten(value[:300], stash.LONGEST_VALUE)).removesuffix(" ") for value in values
    ]


def test_a_pair_of_parallel_fields_is_written_whole_or_not_at_all():
    short, long = ("a", "b"), tuple(str(number) * 1_400 for number in range(8))
    for values, written in ((short, True), (long, False)):
        event = RiskEvent(
            1, (("x", "1"), ("threat_object", values), ("threat_object_type", ("t",) * len(values)), ("y", "2"))
        )
        names = [name for name, _ in fields(stash.line(event))]
        assert names.count("threat_object") == names.count("threat_object_type") == (len(values) if written else 0)
        assert ("truncated" in names) != written
        assert "y" in names


def test_a_line_stays_below_it_also_when_most_fields_are_left_out():
    fields_ = tuple((f"a_field_with_a_long_name_{number}", "x" * 2000) for number in range(40))
    assert len(stash.line(RiskEvent(1, fields_))) < 10_000


def test_a_line_stays_below_the_length_at_which_splunk_stops_reading():
    many = tuple((f"f{number}", '"' * 5000) for number in range(20))
    line = stash.line(RiskEvent(1, (("risk_object", "jdoe"), *many, ("short", "1"))))
    read = dict(fields(line))
    assert (read["risk_object"], read["short"]) == ("jdoe", "1")
    assert read["f0"].endswith("… (5,000 characters in all)")
    assert read["truncated"].split()[-1] == "f19"


def test_a_million_characters_are_cut_with_a_mark_whatever_they_are():
    for character in ("x", '"', "\\", "\u200b", "\n", "💥"):
        read = dict(strict(stash.line(RiskEvent(1, (("a", character * 1_000_000), ("b", "after")))))[1])
        assert re.search(r"… \(1,000,000 characters in all\)$", read["a"])
        assert read["b"] == "after"


@pytest.mark.parametrize("name", ["annotations", "contributing_events_search"])
def test_json_and_spl_are_written_whole_or_left_out(name):
    for length in (1_000, 5_000, 20_000):
        read = dict(fields(stash.line(RiskEvent(1, (("a", "1"), (name, "x" * length))))))
        assert read.get(name, "") in ("x" * length, "")
        assert (name in read) == (read.get("truncated") != name) == (length < 20_000)

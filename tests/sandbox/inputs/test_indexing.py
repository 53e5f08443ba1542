"""Index time and search time of the risk index, as far as our props.conf uses them."""

import pytest

from sandbox.errors import SandboxError
from sandbox.inputs.indexing import break_events, stash_fields

PROPS = {
    "HEADER_MODE": "none",
    "SHOULD_LINEMERGE": "false",
    "LINE_BREAKER": r"([\r\n]+)",
    "TIME_PREFIX": "^",
    "TIME_FORMAT": "%s.%Q",
    "MAX_TIMESTAMP_LOOKAHEAD": "20",
    "MAX_DAYS_AGO": "10000",
    "TRUNCATE": "0",
    "TRANSFORMS-st": "set_sourcetype_to_stash",
}


def test_a_body_is_broken_into_events_with_their_times():
    events = break_events('1700000000.250, a="1"\n\r\n1700000001.000, a="2"\n', PROPS, "ssa_risk_stash")
    assert events == [
        (1700000000.25, '1700000000.250, a="1"', "stash"),
        (1700000001.0, '1700000001.000, a="2"', "stash"),
    ]


@pytest.mark.parametrize(
    ("text", "props", "expected"),
    [
        ("1700000000.250, x", {}, 1700000000.25),
        ("1700000000.250, x", {"MAX_TIMESTAMP_LOOKAHEAD": "5"}, None),
        ("1700000000.250, x", {"MAX_DAYS_AGO": "1"}, None),
        ("9999999999.000, x", {}, None),
        ("no time", {}, None),
        ("t=1700000000.250, x", {"TIME_PREFIX": "^t="}, 1700000000.25),
    ],
)
def test_a_time_counts_only_where_and_when_the_settings_allow(text, props, expected):
    ((events, _, _),) = break_events(text, PROPS | props, "x")
    assert events == expected


@pytest.mark.parametrize("setting", [{"SHOULD_LINEMERGE": "true"}, {"TRUNCATE": "10000"}, {"SEDCMD-x": "s/a/b/"}])
def test_a_setting_that_is_not_modelled_is_an_error(setting):
    with pytest.raises(SandboxError, match="is not supported by the sandbox"):
        break_events("1.0, x", PROPS | setting, "x")


def test_fields_are_pairs_and_a_repeated_one_is_multivalue():
    assert stash_fields('1.000, a="x", b="1", b="2", b="3", c="q\\"\\\\"') == {
        "a": "x",
        "b": ["1", "2", "3"],
        "c": 'q"\\',
    }


def test_fields_behind_the_first_10240_characters_are_not_extracted():
    assert stash_fields('1.000, a="1", long="' + "x" * 10_300 + '", z="1"') == {"a": "1"}

"""What the action takes from stdin and from alert_actions.conf."""

import io
import json
import re

import pytest

from ssa.action.payload import Limits, PayloadError, limits, read_action

PAYLOAD = {
    "app": "ssa_detections",
    "owner": "admin",
    "results_file": "/opt/splunk/var/run/splunk/dispatch/1/results.csv.gz",
    "server_host": "search_head",
    "server_uri": "https://127.0.0.1:8089",
    "session_key": "key^of_4711",
    "sid": "scheduler__admin__1",
    "search_name": "SSA - Test - Rule",
    "configuration": {"index": " risk ", "dry_run": "true", "detection": " name "},
}


def read(**changes):
    return read_action(io.BytesIO(json.dumps({**PAYLOAD, **changes}).encode()))


def test_a_payload_of_splunkd_is_read():
    action = read(result_id=0)
    assert (action.search_name, action.result_id, action.session_key) == ("SSA - Test - Rule", "0", "key^of_4711")
    assert (action.index, action.dry_run, action.detection) == ("risk", True, "name")


def test_what_a_backfill_finds_is_of_no_search_in_particular():
    action = read(configuration={"historic": "1"})
    assert (action.historic, action.search_name) == (True, "SSA - Backfill")
    assert (read().historic, read().search_name) == (False, "SSA - Test - Rule")


def test_what_is_not_given_has_a_default():
    action = read(search_name="", owner=None, app="", configuration=None)
    assert (action.search_name, action.owner, action.app) == ("ad hoc", "nobody", "ssa_detections")
    assert (action.index, action.dry_run, action.detection, action.result_id) == ("risk", False, "", "")


@pytest.mark.parametrize("key", [key for key in PAYLOAD if key != "configuration"])
@pytest.mark.parametrize("wrong", [[1], {"a": 1}, "a\0b"], ids=repr)
def test_what_is_no_text_is_refused_by_name(key, wrong):
    with pytest.raises(PayloadError, match=rf"^{key} in the payload (is no text but|holds a NUL|is none)") as refused:
        read(**{key: wrong})
    assert "a\0b" not in str(refused.value)


@pytest.mark.parametrize("key", ["index", "detection", "dry_run", "historic"])
def test_a_parameter_that_is_no_text_is_refused_by_name(key):
    with pytest.raises(PayloadError, match=f"^{key} in the payload is no text but list"):
        read(configuration={key: ["x"]})


@pytest.mark.parametrize("key", ["app", "owner", "sid", "search_name", "server_host", "results_file", "server_uri"])
def test_numbers_and_what_cannot_be_encoded_are_taken_as_text(key):
    assert getattr(read(**{key: 5}), key) == "5"
    assert getattr(read(**{key: "a\ud800"}), key) == "a?"


@pytest.mark.parametrize(
    ("stdin", "says"),
    [
        (b"", "no JSON: "),
        (b"\xff", "no JSON: "),
        (b"[" * 100_000, "no JSON: "),
        (b"[]", "no JSON object"),
        (b"null", "no JSON object"),
        (b"{}", "has no results_file: is payload_format"),
    ],
    ids=lambda raw: repr(raw)[:60],
)
def test_what_is_no_payload_is_refused(stdin, says):
    with pytest.raises(PayloadError, match=re.escape(says)):
        read_action(io.BytesIO(stdin))


@pytest.mark.parametrize("key", ["two words", "line\nbreak", "schlüssel", "tab\t", "\x7f"])
def test_a_session_key_that_could_end_its_header_is_refused_and_not_quoted(key):
    with pytest.raises(PayloadError, match="session_key in the payload is none") as refused:
        read(session_key=key)
    assert key not in str(refused.value)


SPLUNKS = Limits(seconds=300, results=10_000, indexes=("risk",), spool=True)
"""Where alert_actions.conf says nothing."""


@pytest.mark.parametrize(
    ("settings", "expected", "warns"),
    [
        ("", SPLUNKS, ""),
        ("maxtime = 10", SPLUNKS._replace(seconds=10), ""),
        ("maxtime = 90s\nmaxresults = 7", SPLUNKS._replace(seconds=90, results=7), ""),
        ("maxtime = 2 minutes", SPLUNKS._replace(seconds=120), ""),
        ("maxtime = 1H", SPLUNKS._replace(seconds=3_600), ""),
        ("maxtime = 99999999d", SPLUNKS._replace(seconds=86_400), ""),
        ("maxtime = 0", SPLUNKS, "alert_actions.conf, line 2: maxtime: expected a duration like 5m"),
        ("maxtime = soon", SPLUNKS, "alert_actions.conf, line 2: maxtime: expected a duration like 5m"),
        ("maxresults = -1", SPLUNKS, "alert_actions.conf, line 2: maxresults: expected a number"),
        ("allowed_indexes = risk, es_risk,", SPLUNKS._replace(indexes=("risk", "es_risk")), ""),
        ("allowed_indexes =", SPLUNKS._replace(indexes=()), ""),
        ("delivery = receivers", SPLUNKS._replace(spool=False), ""),
        ("delivery = spool", SPLUNKS, ""),
        ("delivery = Receiver", SPLUNKS, "alert_actions.conf, line 2: delivery: expected spool or receivers"),
        ("param.allowed_indexes = main\nparam.delivery = receivers", SPLUNKS, ""),
        ("nonsense", SPLUNKS, "alert_actions.conf, line 2: expected a"),
    ],
)
def test_the_limits_are_those_of_alert_actions_conf_and_nonsense_in_it_is_a_warning(
    tmp_path, settings, expected, warns
):
    (tmp_path / "default").mkdir()
    (tmp_path / "default/alert_actions.conf").write_text(f"[ssa_risk]\n{settings}\n")
    log = []
    assert limits(lambda *line: log.append(line), str(tmp_path)) == expected
    assert [level for level, _ in log] == ["WARN"] * bool(warns)
    assert warns in "".join(text for _, text in log)


def test_local_goes_over_default(tmp_path):
    for layer, value in (("default", "5m"), ("local", "10s")):
        (tmp_path / layer).mkdir()
        (tmp_path / layer / "alert_actions.conf").write_text(f"[ssa_risk]\nmaxtime = {value}\n")
    assert limits(print, str(tmp_path)).seconds == 10

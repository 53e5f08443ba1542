"""From a Splunk row to an SSA input event, and from a hit back to a row."""

import base64
import hashlib
import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ssa.content.fields import COLUMNS
from ssa.rows import event
from ssa.rows.cells import canonical, milliseconds, whole_second
from ssa.rows.hits import detect
from tests.support.examples import GIVEN, GIVEN_ID, HIT, catalogue, given_detection


def field(row, name):
    """Return an SSA field of a row as one string, several values joined by newlines; None when it has none."""
    cell = event.cell_of(row, name)
    return "\n".join(cell) if isinstance(cell, list) else cell


def hits(**changes):
    return detect(given_detection(), {**HIT, **changes})


@pytest.mark.parametrize(
    ("row", "name", "expected"),
    [
        ({"user": "u"}, "dest_user_id", "u"),
        ({"user": "u", "dest_user_id": "own"}, "dest_user_id", "u"),
        ({"user": "", "dest_user_id": "own"}, "dest_user_id", "own"),
        ({"user": "-", "dest_user_id": "own"}, "dest_user_id", "own"),
        ({"user": "-", "dest_user_id": "N/A"}, "dest_user_id", None),
        ({"user": ["-", "u", " NULL "]}, "dest_user_id", "u"),
        ({"user": ["-", "none"], "dest_user_id": ["own", "-", "two"]}, "dest_user_id", "own\ntwo"),
        ({"user": "CORP\\-"}, "dest_user_id", None),
        ({"dest": "CORP\\-"}, "dest_device_id", "CORP\\-"),
        ({"dest": "d", "host": "h"}, "dest_device_id", "d"),
        ({"dest": "d", "host": "h", "dest_device_id": "own"}, "dest_device_id", "d"),
        ({"dest": "", "host": "h", "dest_device_id": "own"}, "dest_device_id", "h"),
        ({"dest": "", "host": "-", "dest_device_id": "own"}, "dest_device_id", "own"),
        ({"dest": "", "host": "h"}, "dest_device_id", "h"),
        ({"dest": "-", "host": "h"}, "dest_device_id", "h"),
        ({"host": "h"}, "dest_device_id", "h"),
        ({}, "dest_device_id", None),
        ({"process": ""}, "process", None),
        ({"process": ["a", "a"]}, "process", "a"),
        ({"process": ["a", "b"]}, "process", "a\nb"),
        ({"process": []}, "process", None),
        ({"process": ["A", "", "a", "b", "B"]}, "process", "A\nb"),
        ({"user": "unknown"}, "dest_user_id", None),
        ({"dest": "unknown", "host": "h"}, "dest_device_id", "h"),
        ({"process": "-"}, "process", "-"),
        ({"event_id": "own"}, "event_id", event.event_id({})),
    ],
)
def test_a_field_is_its_cim_counterpart_else_the_rows_own(row, name, expected):
    assert field(row, name) == expected


@pytest.mark.parametrize("spelling", ["{}", " {}", "{}\t", "\u00a0{}\u3000 "])
@pytest.mark.parametrize(
    "text", ["", "-", "unknown", "UNKNOWN", "null", "(null)", "None", "n/a", "N/A", "NOT_TRANSLATED", "not_translated"]
)
def test_a_placeholder_is_no_value_however_it_is_written(text, spelling):
    written = spelling.format(text)
    assert field({"user": written, "dest": written, "host": "h"}, "dest_user_id") is None
    assert field({"user": written, "dest": written, "host": "h"}, "dest_device_id") == "h"
    for name in ("user", "process_id", "process_path", "process"):
        assert event.event_id({**HIT, name: written}) == event.event_id({**HIT, name: None})
    assert event.event_id({**HIT, "dest": written}) == event.event_id({**HIT, "dest": HIT["host"]})


@pytest.mark.parametrize(
    "name", ["--", "unknown1", "nullable", "n.a", "\u200b", "0", "(none)", "-" * 50, " " * 50 + "x"]
)
def test_what_only_looks_like_a_placeholder_is_a_value(name):
    assert field({"user": name}, "dest_user_id") == name


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ({"user": "u", "src_user": "s"}, "s"),
        ({"user": "u", "src_user": ["s", "t"]}, "s\nt"),
        ({"user": "u", "dest_user_id": "own", "src_user": "-"}, None),
        ({"user": "u", "dest_user_id": "own"}, None),
    ],
)
def test_a_field_with_a_column_of_its_own_is_read_from_nothing_else(row, expected):
    columns = {"dest_user_id": "src_user"}
    fields = frozenset({"dest_user_id", "user"})
    assert event.input_event(row, fields, columns).get("dest_user_id") == expected
    assert event.input_event(row, None, columns).get("dest_user_id") == expected
    assert event.input_event(row, fields, columns)["user"] == "u"
    assert event.event_id(row) == event.event_id({"user": "u"})


@pytest.mark.parametrize(
    ("time", "expected"),
    [
        ("1700000000", "1700000000000"),
        ("1700000000.137", "1700000000137"),
        ("1700000000.1239999", "1700000000123"),
        ("0", "0"),
        ("", None),
        (None, None),
        ("yesterday", None),
        ("nan", None),
        ("1e999999999", None),
    ],
)
def test_time_is_epoch_milliseconds_as_a_string(time, expected):
    assert milliseconds(time) == expected


def test_the_whole_row_is_the_input_event_when_any_field_may_be_read():
    read = event.input_event({"_time": "1", "x": "1", "__mv_x": "", "user": "u"}, None)
    assert {"_time": "1000", "x": "1", "dest_user_id": "u", "user": "u"}.items() <= read.items()
    assert "__mv_x" not in read


def test_the_identity_is_the_same_from_raw_and_from_tstats():
    tstats = {**HIT, "_time": "1772442000"}
    assert event.event_id(tstats) == event.event_id(HIT)
    homeless = {**HIT, "dest": ""}
    assert event.event_id(homeless) == event.event_id({**tstats, "dest": "unknown"})
    assert event.event_id(homeless) != event.event_id({**homeless, "host": "other"})
    nameless = {**HIT, "user": ""}
    assert event.event_id(nameless) == event.event_id({**nameless, "user": "unknown"})


@pytest.mark.parametrize("name", ["event_id", "dest_user_id", "dest_device_id", "_cd", "detection"])
def test_a_row_does_not_say_itself_which_event_it_is(name):
    assert event.event_id({**HIT, name: "4688"}) == event.event_id(HIT)


@pytest.mark.parametrize("name", ["dest", "user", "process_id", "process_path", "process", "_time"])
def test_the_identity_differs_with_each_part(name):
    changed = "1772442001" if name == "_time" else "other"
    assert event.event_id({**HIT, name: changed}) != event.event_id(HIT)


def test_a_hit_has_every_column_of_the_contract():
    (hit,) = hits()
    assert set(hit) >= set(COLUMNS)
    assert (hit["detection"], hit["detection_id"], hit["detection_version"]) == (GIVEN, GIVEN_ID, "1")
    assert (hit["start_time"], hit["end_time"]) == ("1772442000250", "1772442000250")
    assert hit["entities"] == ["jdoe", "ws-01.example"]
    assert (hit["risk_score"], hit["risk_severity"]) == ("35", "low")
    assert json.loads(hit["body"]) == {
        "event_id": event.event_id(HIT),
        "cmd_line": HIT["process"].lower(),
        "process_name": "msiexec.exe",
        "parent_process_name": "cmd.exe",
        "process_path": HIT["process_path"],
    }


def test_the_finding_id_is_the_hash_of_its_canonical_json():
    (hit,) = hits()
    finding = {
        "body": json.loads(hit["body"]),
        "detection_id": GIVEN_ID,
        "end_time": 1772442000250,
        "entities": ["jdoe", "ws-01.example"],
        "start_time": 1772442000250,
    }
    text = json.dumps(finding, sort_keys=True, separators=(",", ":"))
    assert hit["finding_id"] == "sha256:" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def test_what_the_event_is_read_from_stays_and_other_columns_are_those_of_the_hit():
    own = {
        "dest_user_id": "own",
        "dest_device_id": ["own", "two"],
        "event_id": "4688",
        "detection": "own",
        "body": "{}",
    }
    (hit,) = hits(**own)
    assert (hit["dest_user_id"], hit["dest_device_id"]) == ("jdoe", "ws-01.example")
    assert (hit["event_id"], hit["detection"]) == (event.event_id(HIT), GIVEN)
    assert json.loads(hit["body"])["process_name"] == "msiexec.exe"
    assert not {*hit} & {*HIT}


def test_a_column_of_a_name_of_the_body_is_the_bodys_but_where_the_event_is_read_from_it(tmp_path):
    local = f"[{GIVEN}]\nmessage = $cmd_line$ $process_name$ $_time$ $event_id$ $risk_score$ $process_id$ $user$\n"
    (hit,) = detect(
        catalogue(tmp_path, local).find(GIVEN), {**HIT, "cmd_line": "own", "event_id": "x", "risk_score": "99"}
    )
    assert hit["cmd_line"] == HIT["process"].lower()
    assert (hit["event_id"], hit["risk_score"]) == (event.event_id(HIT), "35")
    assert not {*hit} & {*HIT}


COLUMNS_OF_ITS_OWN = f"[{GIVEN}]\ncolumns = dest_user_id:src_user, process:line, parent_process_name : Parent.Name\n"


def test_a_detection_with_columns_of_its_own_reads_them_alone(tmp_path):
    detection = catalogue(tmp_path, COLUMNS_OF_ITS_OWN).find(GIVEN)
    row = {**HIT, "src_user": "eve", "line": "msiexec /y other.dll", "Parent.Name": "p.exe", "dest_user_id": "own"}
    (hit,) = detect(detection, row)
    assert hit["entities"] == ["eve", "ws-01.example"]
    assert hit["dest_user_id"] == "eve"
    assert (json.loads(hit["body"])["cmd_line"], hit["event_id"]) == ("msiexec /y other.dll", event.event_id(HIT))
    assert json.loads(hit["body"])["parent_process_name"] == "p.exe"
    assert not {*hit} & {*HIT}
    assert detect(detection, HIT) == []
    (hit,) = detect(detection, {**row, "src_user": "-"})
    assert (hit["entities"], hit["dest_user_id"]) == ("ws-01.example", None)
    assert event.columns_read([detection]) >= {"src_user", "line", "Parent.Name"}


@pytest.mark.parametrize(
    ("changes", "count"),
    [
        ({}, 1),
        ({"process": "msiexec -Y x.dll "}, 1),
        ({"process": "msiexec /y\tx.dll"}, 0),
        ({"process": "msiexec /i x.msi"}, 0),
        ({"process": ""}, 0),
        ({"process_name": ""}, 0),
        ({"process_name": "cmd.exe"}, 0),
        ({"process_name": ["MSIEXEC.EXE", "msiexec.exe"]}, 1),
        ({"_time": ""}, 1),
        ({"user": "", "dest": "", "host": ""}, 1),
    ],
)
def test_what_the_flagship_finds(changes, count):
    assert len(hits(**changes)) == count


def test_a_field_that_only_the_body_has_becomes_a_column(tmp_path):
    detection = catalogue(tmp_path, f"[{GIVEN}]\nmessage = ran $cmd_line$ and $nothing$\n").find(GIVEN)
    (hit,) = detect(detection, HIT)
    assert (hit["cmd_line"], hit["nothing"]) == (HIT["process"].lower(), None)


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ({}, ["Endpoint_Processes"]),
        ({"tag": ["process", "report"]}, ["Endpoint_Processes"]),
        ({"tag": ["network", "communicate", "error"]}, ["Network_Traffic"]),
        ({"tag": ["endpoint", "registry", "process", "report"]}, ["Endpoint_Processes", "Endpoint_Registry"]),
        ({"tag": "nothing_known"}, ["Endpoint_Processes"]),
        ({"tag": ["web"], "_datamodels": ["Own"]}, ["Own"]),
    ],
)
def test_the_data_models_of_a_row_are_its_own_else_those_of_its_tags_else_the_detections(row, expected):
    assert event.datamodels(given_detection(), row) == expected


cells = st.one_of(st.none(), st.text(), st.lists(st.text()))


@given(st.dictionaries(st.sampled_from([*HIT, "event_id", "_datamodels", "tag"]), cells))
def test_no_row_stops_the_command(row):
    for hit in detect(given_detection(), {**HIT, **row}):
        json.loads(hit["body"])


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(json_values)
def test_canonical_json_is_what_the_standard_library_writes(value):
    assert canonical(value) == json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


@given(st.integers(-(10**14), 10**14), st.text(st.sampled_from("0123456789"), max_size=15))
def test_a_time_loses_no_millisecond_and_rounds_none_up(whole, fraction):
    time = f"{whole}.{fraction}" if fraction else str(whole)
    exact = int(Decimal(time) * 1000)  # towards zero, as digits are cut off
    assert milliseconds(time) == milliseconds([time]) == field({"_time": time}, "_time") == str(exact)
    assert whole_second(time) == exact // 1000


@given(st.dictionaries(st.sampled_from([*HIT, "dest_user_id", "dest_device_id", "event_id"]), cells))
def test_the_input_event_has_each_field_that_has_a_value(row):
    fields = frozenset([*HIT, "dest_user_id", "dest_device_id", "event_id"])
    for columns in ({}, {"dest_user_id": "process", "process": "user"}):
        expected = {name: "\n".join(event.field_values(row, name, columns)) for name in fields}
        read = event.input_event(row, fields, columns)
        assert read == {name: value for name, value in expected.items() if value}
        assert read["event_id"] == event.event_id(row)

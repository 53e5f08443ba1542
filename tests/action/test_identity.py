"""What is the same: the hashes of a hit that readers count by."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.inputs.windows import parse
from ssa.action import risk
from ssa.action.identity import process_id
from tests.support.examples import GIVEN, HIT, catalogue, given_detection
from tests.support.windows.events import MSIEXEC, security_xml, sysmon_xml

CONTEXT = risk.Context("SSA - Test - Rule", "sid_1", 1_800_000_000.0)
KEYS = ("risk_event_id", "process_key", "repeat_key")


def keys(detection=None, **changes):
    """The keys of the first risk event of a hit."""
    first = risk.risk_events(detection or given_detection(), {**HIT, **changes}, CONTEXT).events[0]
    return {name: first[name] for name in KEYS}


def same(*, before=None, detection=None, **changes):
    """The keys that a change leaves as they were."""
    one, other = keys(detection, **(before or {})), keys(detection, **{**(before or {}), **changes})
    return [name for name in KEYS if one[name] == other[name]]


WITH_PATH = r'"C:\Windows\System32\msiexec.exe" /y C:\Users\Public\evil.dll'


@pytest.mark.parametrize(
    ("changes", "kept"),
    [
        ({}, "risk_event_id process_key repeat_key"),
        ({"_time": "1772442000.999"}, "risk_event_id process_key repeat_key"),
        ({"_time": "1772442001"}, "process_key repeat_key"),
        ({"user": "eve"}, "process_key repeat_key"),
        ({"dest": "other"}, ""),
        ({"dest": " WS-01.example."}, "risk_event_id process_key repeat_key"),
        ({"dest": ["ws-01.example", "WS-01.example."]}, "risk_event_id process_key repeat_key"),
        ({"dest": "", "host": "ws-01.example"}, "risk_event_id process_key repeat_key"),
        ({"dest": "", "host": "other"}, ""),
        ({"process_id": "6699"}, "risk_event_id process_key repeat_key"),
        ({"process_id": "0X0001A2B"}, "risk_event_id process_key repeat_key"),
        ({"process_id": ["0x1a2b", "6699"]}, "risk_event_id process_key repeat_key"),
        ({"process_id": "6700"}, "risk_event_id repeat_key"),
        ({"process_id": ""}, "risk_event_id repeat_key"),
        ({"process_name": r"c:\windows\system32\MSIEXEC.EXE"}, "risk_event_id process_key repeat_key"),
        ({"process_name": "other.exe"}, "risk_event_id"),
        ({"process": WITH_PATH.upper() + " "}, "risk_event_id process_key repeat_key"),
        ({"process": WITH_PATH.replace(" /y ", "  /y\t")}, "process_key repeat_key"),
        ({"process": r"msiexec /y C:\Users\Public\evil.dll"}, "process_key repeat_key"),
        ({"process": r"msiexec /y C:\Users\Public\other.dll"}, ""),
        ({"event_id": "4688", "dest_user_id": "own", "dest_device_id": "own"}, "risk_event_id process_key repeat_key"),
        ({"parent_process_name": "other.exe"}, "risk_event_id process_key repeat_key"),
    ],
)
def test_a_change_keeps_the_keys_of_what_is_the_same(changes, kept):
    assert same(**changes) == kept.split()


@pytest.mark.parametrize("process_id", ["", "-", "unknown", "0", "0x0", "x", "1.5", ["1", "2"], None])
def test_where_no_number_identifies_the_process_its_second_does(process_id):
    assert same(before={"process_id": process_id}, _time="1772442000.999") == [*KEYS]
    assert same(before={"process_id": process_id}, _time="1772442001") == ["repeat_key"]


@pytest.mark.parametrize(
    ("value", "number"),
    [
        *(("420", 420), ("0x1a4", 420), (" 0x1A4 ", 420), ("00420", 420), ("0" * 10_000 + "7", 7), (["420", "-"], 420)),
        *((nonsense, None) for nonsense in ("0", "1a4", "٤٢٠", "-5", "9" * 21, "0x" + "f" * 17)),
    ],
)
def test_a_process_id_is_read_in_either_base(value, number):
    assert process_id({"process_id": value}) == number


@pytest.mark.parametrize(
    ("line", "other"),
    [
        ("msiexec /y a.dll", r'"C:\Program Files\x\msiexec.exe" /y a.dll'),
        ('"msiexec" /y a.dll', r"C:\Windows\msiexec.exe   /y a.dll "),
        ('"msiexec /y a.dll', r"C:\Windows\msiexec.exe /y a.dll"),
        ("msiexec", r"C:\Windows\msiexec.exe"),
        ("msiexec\t/Y A.dll", "msiexec /y a.dll"),
    ],
)
def test_the_arguments_of_a_process_are_the_same_however_its_program_is_written(line, other):
    assert same(before={"process": line}, process=other)[0] == "process_key"


@pytest.mark.parametrize(
    ("line", "other"),
    [
        (r"C:\Program Files\x y\a.exe", r'"C:\Program Files\x y\a.exe"'),
        (r"C:\Program Files\x y\a.exe", "a"),
        (r"c:\program files\X y\a.exe  -b", r'"C:\Program Files\x y\a.exe" -B'),
        (r"C:\Program Files\x y\a.exe/b", '"a.exe"/b'),
    ],
)
def test_a_path_that_stands_for_the_command_line_is_the_program_whole(line, other):
    before = {"process_path": r"C:\Program Files\x y\a.exe", "process": line}
    assert same(before=before, process=other)[0] == "process_key"


@pytest.mark.parametrize(
    ("line", "other", "alike"),
    [
        ("x 10.0.0.1 a77", "x 10.0.0.254 a1", True),
        ("x {11111111-2222-3333-4444-555555555abc}", "x {aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee}", True),
        ("x 11111111-2222-3333-4444-555555555abc y", "x {AAAAAAAA-bbbb-cccc-dddd-eeeeeeeeeeee} Y", True),
        ("x 1", "x 12345", True),
        ("x 1", "x", False),
        ("x 1 2", "x 12", False),
        ("x abc1", "x abd1", False),
        ("x deadbeef", "x cafebabe", False),
        ("x 11111111-2222-3333-4444-555555555abc", "x 11111111-2222-3333-4444-555555555ab", False),
    ],
)
def test_repeats_differ_in_digits_and_guids_alone(line, other, alike):
    assert ("repeat_key" in same(before={"process": line}, process=other)) == alike


def test_a_hit_that_weighs_more_is_no_mere_repeat(tmp_path):
    heavier = catalogue(tmp_path, f"[{GIVEN}]\nimpact = 90\n").find(GIVEN)
    one, other = keys(), keys(heavier)
    assert [name for name in KEYS if one[name] == other[name]] == ["risk_event_id", "process_key"]


def test_another_detection_finds_the_same_process(tmp_path):
    other = keys(catalogue(tmp_path, f"[{GIVEN}]\nid = other\n").find(GIVEN))
    assert [name for name in KEYS if keys()[name] == other[name]] == ["process_key"]


def test_the_device_of_a_risk_is_the_detections_and_that_of_a_process_the_events(tmp_path):
    local = f"[{GIVEN}]\ncolumns = dest_device_id:src_host\n"
    other = catalogue(tmp_path, local).find(GIVEN)
    before = {"src_host": "ws-9"}
    assert same(before=before, detection=other, dest="ws-2") == ["risk_event_id", "repeat_key"]
    assert same(before=before, detection=other, src_host="ws-8") == ["process_key"]
    assert keys(other, **before)["process_key"] == keys()["process_key"]


def test_an_event_that_is_no_process_is_known_by_the_parts_of_its_risk(tmp_path):
    network = catalogue(tmp_path, f"[{GIVEN}]\ndatamodel = Network_Traffic\n").find(GIVEN)
    found = keys(network, body='{"port": 1}')
    assert found["process_key"] == found["repeat_key"]
    before = {"body": '{"port": 1}'}
    assert same(before=before, detection=network, body='{"port": 2}') == []
    assert same(before=before, detection=network, _time="1772442001") == []
    assert same(before=before, detection=network, body='{"event_id": "x", "port": 1}') == [*KEYS]
    assert same(before=before, detection=network, user="eve") == ["process_key", "repeat_key"]
    assert same(before=before, detection=network, process_id="1") == [*KEYS]


def test_nor_is_one_without_name_and_command_line_a_process():
    nothing = {"process": "", "process_name": None}
    assert same(before=nothing, process_id="1") == [*KEYS]
    assert same(before=nothing, _time="1772442001") == []


@pytest.mark.parametrize(
    "line", ["msiexec.exe /Y C:\\x.dll", '"msiexec" /y  x', r"C:\Windows\System32\msiexec.exe /y x", ""]
)
@pytest.mark.parametrize("second", ["00", "01"])
def test_a_process_has_one_key_in_security_and_sysmon_events(line, second):
    security = parse(security_xml(line, NewProcessId="0x1a4", SubjectUserName="jdoe"))
    sysmon = parse(sysmon_xml(line, MSIEXEC, second=second, ProcessId="420", User="CORP\\JDoe"))
    found = [keys(**{**dict.fromkeys(HIT), **e.fields, "_time": str(e.time)}) for e in (security, sysmon)]
    assert found[0]["process_key"] == found[1]["process_key"]
    if second == "01":
        assert found[0]["risk_event_id"] != found[1]["risk_event_id"]


AROUND = st.text(st.sampled_from(" \t\u00a0\u3000"), max_size=3)


@given(st.text(max_size=20), AROUND, AROUND, st.integers(0, 3))
def test_spellings_of_a_device_never_change_a_key(name, before, behind, dots):
    device = "w" + name.strip()
    one = f"{before}{device}{'.' * dots}{behind}"
    assert same(before={"dest": device}, dest=one) == [*KEYS]
    if device.isascii():
        assert same(before={"dest": device}, dest=one.upper()) == [*KEYS]


@given(st.text())
def test_no_command_line_costs_an_event_its_keys(line):
    assert all(len(key) == 64 for key in keys(process=line).values())


HARD = [
    *('"' * 1_000_001, '"' + " " * 1_000_000, "0-" * 500_000, "a" * 1_000_000, "{" * 1_000_000),
    *("12345678-1234-1234-1234-" * 40_000, "x 1" * 300_000),
]


@pytest.mark.parametrize("line", HARD)
def test_no_command_line_takes_long(line):
    start = time.process_time()
    keys(process=line)
    assert time.process_time() - start < 3

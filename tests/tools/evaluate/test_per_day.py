"""What the detections find in real events, and how a day of many hosts is worked out from it."""

import gzip
import json
import subprocess
import sys
from datetime import datetime
from types import SimpleNamespace

import pytest

from tests.support.windows.events import security_xml
from tests.support.windows.real_events import real_events
from tools import ROOT
from tools.docs.pages import GIVEN, shipped
from tools.evaluate import per_day, rules
from tools.evaluate.per_day import measured, most, report
from tools.evaluate.real_events import FOLDER, load

EVIL, VENDORS = r"msiexec.exe /y C:\Users\Public\a.dll", r'msiexec.exe /y "C:\Program Files\Vendor\a.dll"'
OWN, OTHER = "datasets/T1218.007/a.log", "datasets/T1003.001/a.log"


def event(command_line, source_file=OWN, **changes):
    """One event as the folder has it: with fields that another parser found."""
    path = r"C:\Windows\System32\msiexec.exe"
    return {
        "raw": security_xml(command_line or "", path),
        "format": "xml",
        "event_id": "4688",
        "event_uid": "1",
        "time": "2026-03-02T07:00:00.123456700Z",
        "host": "ws-01.example",
        "user": "jdoe",
        "process_path": path,
        "process_name": "msiexec.exe",
        "command_line": command_line,
        "process_id": "0x1f4",
        "parent_path": r"C:\Windows\System32\cmd.exe",
        "parent_command_line": None,
        "parent_process_id": "0x2bc",
        "original_file_name": None,
        "source_repo": "owner/repository",
        "source_file": source_file,
    } | changes


def loaded(tmp_path, *events):
    """Write events into a folder, and read them from there."""
    with gzip.open(tmp_path / "process_creation.jsonl.gz", "wt") as file:
        file.writelines(f"{json.dumps(one)}\n" for one in events)
    return load(tmp_path)


def found(tmp_path, *events, name=rules.HARDENED):
    (one,) = measured(loaded(tmp_path, *events), [shipped().find(name)])
    return one


def cells(text, name):
    """The row of a detection, without its name."""
    (line,) = [line for line in text.splitlines() if line.startswith(f"| {name} |")]
    return [cell.strip() for cell in line.split("|")[2:-1]]


@pytest.mark.parametrize(
    ("events", "hits", "alarms", "blind"),
    [
        ([event(EVIL)], {("high", True): 1}, 0, 0),
        ([event(EVIL, OTHER)], {("high", False): 1}, 1, 0),
        ([event(VENDORS, OTHER)], {("low", False): 1}, 0, 0),
        ([event(EVIL), event(EVIL, OTHER), event(EVIL, OTHER)], {("high", True): 1, ("high", False): 2}, 2, 0),
        ([event("msiexec.exe /i a.msi")], {}, 0, 0),
        ([event(None, OTHER)], {}, 0, 1),
        ([event(None)], {}, 0, 1),
    ],
    ids=["its own technique", "another", "a low score", "three recordings", "no registration", "blind", "blind within"],
)
def test_hits_are_counted_by_severity_and_by_the_technique_of_the_recording(tmp_path, events, hits, alarms, blind):
    one = found(tmp_path, *events)
    assert (dict(one.hits), one.alarms, one.blind) == (hits, alarms, blind)


def test_a_detection_without_scores_of_its_own_has_the_score_of_its_conf(tmp_path):
    assert dict(found(tmp_path, event(EVIL, OTHER), name=GIVEN).hits) == {("low", False): 1}


@pytest.mark.parametrize(
    ("file", "technique"),
    [
        ("datasets/attack_techniques/T1003.003/atomic_red_team/windows-sec-events.out", "T1003.003"),
        ("TA0005-Defense Evasion/T1564-Hide artifacts/ID4688-Linux Subsystem (WSL).evtx", "T1564"),
        ("datasets/attack_techniques/T1547.001/atomic_red_team/t1547001-runonce.log", "T1547.001"),
        ("EVTX_full_APT_attack_steps/ID4688-WMIexec.evtx", ""),
        ("datasets/malware/gootloader/i_am_goot.log", ""),
    ],
)
def test_a_recording_is_filed_under_the_technique_of_its_folder(tmp_path, file, technique):
    (one,) = loaded(tmp_path, event(EVIL, file))
    assert per_day.technique(one) == technique


@pytest.mark.parametrize(
    ("time", "hour"),
    [
        ("2026-03-02T07:59:00.123456700Z", datetime(2026, 3, 2, 7)),
        ("2026-03-02T07:59:00.123456Z", datetime(2026, 3, 2, 7)),
        ("2026-03-02 07:59:00", datetime(2026, 3, 2, 7)),
        ("09/15/2020 11:21:13 PM", datetime(2020, 9, 15, 23)),
    ],
)
def test_every_form_of_a_time_has_its_hour(tmp_path, time, hour):
    (one,) = loaded(tmp_path, event(EVIL, time=time))
    assert per_day.hour(one) == hour


@pytest.mark.parametrize(("hits", "mean"), [(0, 2.996), (1, 4.744), (5, 10.513), (1000, 1053.6)])
def test_the_most_that_a_few_hits_leave_possible(hits, mean):
    """The first three are in any table of the Poisson distribution's confidence limits."""
    assert most(hits) == pytest.approx(mean, rel=1e-3)


def test_the_report_says_of_how_much_it_is_worked_out(tmp_path):
    events = [
        event(EVIL),
        event(EVIL, OTHER, host="WS-01", time="2026-03-02T07:30:00Z"),
        event(None, OTHER, host="ws-02", source_repo="another/one", process_path=r"C:\a.exe"),
        event(None, OTHER, time="2026-03-02T08:00:00Z", process_path=r"C:\a.exe", parent_path=r"C:\X\MsiExec.exe"),
    ]
    text = report(loaded(tmp_path, *events), [])
    assert "4 process events, 2 of them with a command line and 3 with msiexec as process or parent" in text
    assert "of 2 hosts in 3 hours" in text
    assert "from 3 recordings of attacks (another/one, owner/repository)" in text
    assert "10,000 hosts" in text
    assert "our assumption" in text


def test_a_day_is_the_share_of_false_hits_above_low_times_the_starts_of_all_hosts(tmp_path):
    events = loaded(
        tmp_path, event(EVIL), *[event(EVIL, OTHER)] * 3, event(VENDORS, OTHER), *[event("msiexec.exe /i a.msi")] * 995
    )
    text = report(events, measured(events, [shipped().find(rules.HARDENED)]))
    hits, severities, blind, alarms, million, day, busy = cells(text, rules.HARDENED)
    assert (hits, severities) == ("5", "low 0 / 1, high 1 / 3")
    assert (blind, alarms, million) == ("0", "3", "3,000")
    assert day == "6,240 to 16,128"  # 3 / 1000 x 208 x 10,000; with 95 %, at most 7.754 / 1000
    assert busy == "60,000 to 155,073"


def test_events_that_no_command_line_is_seen_of_give_no_rate(tmp_path):
    events = loaded(tmp_path, event(None, OTHER))
    text = report(events, measured(events, [shipped().find(rules.HARDENED)]))
    assert cells(text, rules.HARDENED)[-4:] == ["0", "–", "–", "–"]


def test_without_a_folder_one_line_says_how_to_have_it(monkeypatch):
    monkeypatch.delenv(FOLDER, raising=False)
    text = per_day.text()
    assert text.count("\n") == 1
    assert FOLDER in text


def test_a_detection_of_other_events_is_named_and_not_tried(monkeypatch, tmp_path):
    loaded(tmp_path, event(EVIL))
    monkeypatch.setenv(FOLDER, str(tmp_path))
    flows = SimpleNamespace(name="Of flows", datamodel="Network_Traffic")
    monkeypatch.setattr(per_day, "detections", lambda: [shipped().find(GIVEN), flows])
    text = per_day.text()
    assert "No event here is one that *Of flows* reads: it was not tried." in text
    assert "| Of flows |" not in text
    assert cells(text, GIVEN)[0] == "1"


def test_a_folder_without_events_is_an_error(monkeypatch, tmp_path):
    monkeypatch.setenv(FOLDER, str(tmp_path))
    with pytest.raises(FileNotFoundError):
        per_day.text()


def test_make_evaluate_prints_the_page_and_then_the_real_events():
    command = [sys.executable, "-m", "tools.evaluate"]
    env = {"PYTHONPATH": "bin", "PYTHONDONTWRITEBYTECODE": "1", "PATH": ""}
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=True)
    assert done.stdout.startswith("# Evaluation: ")
    assert done.stdout.splitlines()[-1].startswith("Real events: ")


def test_in_all_real_events_the_given_detection_finds_nothing_and_ours_is_blind_to_those_without_a_line():
    given, hardened = measured(real_events(), [shipped().find(GIVEN), shipped().find(rules.HARDENED)])
    assert (dict(given.hits), dict(hardened.hits), hardened.blind) == ({}, {}, 4)

"""From hits to alerts: the packaged searches, the real action, and the risk rules, on simulated time."""

import re
import time
from collections import Counter

import pytest

from sandbox import confs
from sandbox.alerts.scheduler import Scheduler
from sandbox.inputs.windows import parse
from tests.support.app.estate import ACCELERATED, APP, BREADTH, RULE, SCORE, SEVERE, Estate, process, running
from tests.support.app.risk_page import PAGE
from tests.support.app.schedule import DAY, HOUR, conf
from tests.support.examples import GIVEN
from tests.support.windows.events import security_xml, sysmon_xml
from tools import ROOT

REVIEW = "SSA - Lookup entries to review"
LATER = "2099-01-01"
"""A day on which entries end. The action asks the real clock, searches the simulated one: both are before it."""


@pytest.fixture
def estate(archive, tmp_path):
    with running(archive, tmp_path) as splunkd:
        yield Estate(splunkd.instance)


def raised(runs):
    """When (hours from the day's start) the only scheduled rule raised alerts, and how many."""
    return [((run.time - DAY) / HOUR, len(run.result.rows) - run.silenced) for run in runs if run.triggered]


# -- the score of 24 hours


def test_three_hits_on_a_device_within_a_day_raise_one_alert_and_two_do_not(estate):
    thrice = [(DAY + hour * HOUR, f"user{hour}", "ws-1") for hour in (1, 8, 15)]
    estate.hits(*thrice, (DAY + 2 * HOUR, "amy", "ws-2"), (DAY + 14 * HOUR, "bob", "ws-2"))
    estate.schedule(SCORE)
    scheduler = Scheduler(estate.instance)
    runs = scheduler.run(DAY + 14 * HOUR, DAY + 18 * HOUR)
    (first, *later) = [run for run in runs if run.result.rows]
    assert [run.error for run in runs if run.error] == []
    assert (first.time, [row["risk_object"] for row in first.result.rows]) == (DAY + 15 * HOUR + 20 * 60, ["ws-1"])
    assert [(run.outcome, run.silenced) for run in later] == [("suppressed", 1)] * 2
    (alert,) = scheduler.alerts
    assert (alert.search, alert.severity, alert.results, alert.digest) == (SCORE, 5, 1, False)
    assert scheduler.triggered(alert.time + 7 * 24 * HOUR - 1) == [alert]
    (row,) = first.result.rows
    assert (row["risk_score"], row["risk_object_type"], row["severity"], row["factor"]) == (
        "105",
        "system",
        "high",
        "1",
    )
    assert row["message"] == (
        f"system ws-1 has gathered a risk score of 105 in 24 hours, from 3 risk events of: {GIVEN}"
    )


def test_an_alert_comes_again_after_a_day_if_the_score_is_still_above_and_for_others_at_any_time(estate):
    estate.hits(*[(DAY + minute * 60, "amy", "ws-1") for minute in (1, 2, 3)])
    estate.hits(*[(DAY + 5 * HOUR + minute * 60, "bob", "ws-1") for minute in (1, 2, 3)])
    estate.hits(*[(DAY + 24 * HOUR + minute * 60, "amy", "ws-1") for minute in (1, 2, 3)])
    estate.schedule(SCORE)
    scheduler, at = Scheduler(estate.instance), 20 / 60
    hours = [(0, 2), (5, 7), (23, 26)]
    runs = [run for start, end in hours for run in scheduler.run(DAY + start * HOUR, DAY + end * HOUR)]
    assert raised(runs) == [(at, 2), (5 + at, 1), (24 + at, 2)]


def test_the_same_hits_found_by_both_searches_again_and_again_count_once(estate):
    estate.instance.add_events([process(DAY + minute * 60, "amy", "ws-1") for minute in (50, 55)])
    estate.schedule(RULE, ACCELERATED, SCORE)
    scheduler = Scheduler(estate.instance)
    runs = scheduler.run(DAY + HOUR, DAY + 4 * HOUR)
    assert sum(len(run.result.rows) for run in runs if run.search in (RULE, ACCELERATED)) == 8  # both catch up
    for name in (RULE, ACCELERATED):
        assert len(estate.detect(name)) == 2
    assert [run.error for run in runs if run.error] == []
    assert (len(estate.risk()), scheduler.alerts) == (4, [])
    assert estate.scores() == {"amy": 70, "ws-1": 70}


def test_risk_that_was_written_twice_still_counts_once(estate):
    """As after a crash between the event and the ledger."""
    two = [(DAY + minute * 60, "amy", "ws-1") for minute in (1, 2)]
    estate.hits(*two)
    for _ in range(2):
        estate.instance.kvstore.collection(APP, "ssa_risk_ledger").delete()
        estate.detect()
    assert len(estate.risk()) == 12
    assert estate.scores() == {"amy": 70, "ws-1": 70}
    assert estate.found(estate.saved(SCORE)) == []
    estate.hits((DAY + HOUR, "bob", "ws-1"))
    (row,) = estate.found(estate.saved(SCORE))
    assert (row["risk_object"], row["risk_score"], row["risk_events"]) == ("ws-1", "105", "3")


def test_one_hit_adds_its_score_to_user_and_device_however_many_threat_objects_it_names(estate):
    threats = ("parent_process_name", "process_path", "process")
    shipped = confs.load(estate.instance.apps / APP, "ssa_detections")[GIVEN]
    listed = ", ".join(f'{{"name": "{name}", "type": "Process", "role": "Parent Process"}}' for name in threats)
    conf(
        estate.local / "ssa_detections.conf",
        {GIVEN: {"observables": shipped["observables"].rstrip("] ") + f", {listed}]"}},
    )
    parents = {
        "parent_process_name": "cmd.exe",
        "parent_process": "cmd.exe /c x.bat",
        "process_path": r"C:\msiexec.exe",
    }
    estate.instance.add_events([process(DAY, "amy", "ws-1", **parents)])
    estate.detect()
    assert {len(event["threat_object"]) for event in estate.risk()} == {4}
    assert estate.scores() == {"amy": 35, "ws-1": 35}


def test_a_noisy_detection_adds_no_more_than_its_cap_and_each_detection_has_its_own(estate):
    estate.detections(other="T1059.001")
    lines = [rf"msiexec.exe /y C:\{number}.dll" for number in range(50)]
    estate.instance.add_events([process(DAY + n, "amy", "ws-1", line) for n, line in enumerate(lines)])
    estate.detect()
    assert len(estate.risk()) == 100
    assert estate.scores() == {"amy": 105, "ws-1": 105}
    estate.instance.add_events([process(DAY + n, "amy", "ws-1", f"x other {n}") for n in range(4)])
    estate.detect(search="`ssa_process_events` | ssadetect")
    assert estate.scores() == {"amy": 210, "ws-1": 210}
    assert {row["severity"] for row in estate.found(estate.saved(SCORE))} == {"critical"}


# -- one event, several detections


def test_an_event_that_three_detections_of_a_story_report_scores_once_its_highest(estate):
    """The given detection, the hardened one and that of unusual parents; the drill-down shows all three."""
    line = r"msiexec.exe /y C:\Users\Public\x.dll"
    parents = [{"parent_process_name": "winword.exe"}, {"parent_process_name": "explorer.exe"}, {}]
    estate.instance.add_events([process(DAY + n, "amy", "ws-1", line, **more) for n, more in enumerate(parents)])
    found = estate.detect(search="`ssa_process_events` | ssadetect")
    assert sorted(float(row["risk_score"]) for row in found) == [30, 35, 35, 35, 56, 56, 80]
    assert len(estate.risk()) == 14
    assert estate.scores() == {"amy": 105, "ws-1": 105}  # 80 + 56 + 56, which is above the cap of one detection
    conf(estate.local / "macros.conf", {"ssa_risk_cap": {"definition": "1000"}})
    assert estate.scores() == {"amy": 192, "ws-1": 192}
    (row, _) = estate.found(estate.saved(SCORE))
    assert (row["risk_events"], row["detections"]) == ("3", "Windows MSIExec DLL Registration")
    assert len(estate.found(row["drilldown_search"])) == 7


def seen_by_both(at, user, dest, arguments, pid=420, late=0.0, **fields):
    """One process as the add-ons give it from Security 4688 and, so much later, from Sysmon 1."""
    path = r"C:\Windows\System32\msiexec.exe"
    security = {"line": f'"{path}" {arguments}', "process_id": hex(pid), "event_id": "4688"}
    sysmon = {"line": f"msiexec.exe {arguments}", "process_id": str(pid), "event_id": "1"}
    return [
        process(at, user, dest.upper(), **security, **fields),
        process(at + late, rf"CORP\{user.title()}", f"{dest}.", **sysmon, **fields),
    ]


@pytest.mark.parametrize("late", [0, 0.4, 1.2])
def test_a_process_that_two_sources_report_scores_once_its_highest(estate, late):
    twice = seen_by_both(
        DAY + 60.9, "amy", "ws-1", r"/y \\host@SSL\x.dll", late=late, parent_process_name="winword.exe"
    )
    estate.instance.add_events(twice)
    found = estate.detect(search="`ssa_process_events` | ssadetect")
    assert sorted(float(row["risk_score"]) for row in found) == [30, 30, 35, 35, 80, 80]
    assert estate.scores() == {"amy": 80, "ws-1": 80}


def test_hits_whose_events_carry_an_event_code_as_event_id_are_told_apart(estate):
    estate.instance.add_events([process(DAY + 60 * n, "amy", "ws-1", event_id="4688") for n in range(3)])
    estate.detect()
    assert estate.scores() == {"amy": 105, "ws-1": 105}


def test_a_user_who_is_none_raises_nothing_on_any_number_of_machines(estate):
    estate.instance.add_events([process(DAY + n, "null", f"ws-{n}") for n in range(100)])
    estate.detect()
    assert estate.scores() == {f"ws-{n}": 35 for n in range(100)}


def test_a_process_that_is_seen_ten_thousand_times_counts_once_and_takes_no_more_time_than_others(estate):
    """One process id and one command line, second by second, as who forges events may send them."""
    risk = {"index": "risk", "sourcetype": "stash", "risk_object": "amy", "risk_object_type": "user"}
    known = risk | {"risk_score": "80", "detection": "d", "detection_type": "TTP", "process_key": "p", "process": "x"}
    many = [{**known, "_time": DAY + 8 * n, "risk_event_id": f"r{n}", "repeat_key": f"k{n}"} for n in range(10_000)]
    estate.instance.add_events([{**row, "_indextime": row["_time"], "_raw": "x"} for row in many])
    began = time.monotonic()
    assert estate.scores() == {"amy": 80}
    assert time.monotonic() - began < 20


def test_routine_installs_by_one_account_do_not_alert_and_another_anomaly_beside_them_does(estate):
    lines = [
        rf"msiexec.exe /i \\files\sw\{name}-{n}.msi /qn" for n, name in enumerate(["chat", "mail", "vpn", "pdf"] * 13)
    ]
    times = [DAY + 600 * n for n in range(50)]
    estate.instance.add_events(
        [process(at, "svc_deploy", "mgmt-1", line) for at, line in zip(times, lines, strict=False)]
    )
    assert len(estate.detect(search="`ssa_process_events` | ssadetect")) == 50
    assert estate.scores() == {"svc_deploy": 60, "mgmt-1": 60}
    assert estate.found(estate.saved(SCORE)) == estate.found(estate.saved(SEVERE)) == []
    child = {"name": "whoami.exe", "parent_process_name": "msiexec.exe"}
    estate.instance.add_events([process(DAY + HOUR, "svc_deploy", "mgmt-1", "whoami.exe /all", **child)])
    estate.detect(search="`ssa_process_events` | ssadetect")
    assert estate.scores() == {"svc_deploy": 102, "mgmt-1": 102}


# -- late hits, severe hits


def test_a_hit_that_is_indexed_days_late_alerts_on_the_day_whose_score_it_raises_and_once(estate):
    days = 2 * 24 * HOUR
    two = [(DAY + minute * 60, "amy", f"ws-{minute}") for minute in (1, 2)]
    estate.hits(*two)
    estate.schedule(SCORE)
    scheduler = Scheduler(estate.instance)
    runs = scheduler.run(DAY, DAY + days + HOUR)
    estate.hits((DAY + 20 * HOUR, "amy", "ws-3"), written=DAY + days + HOUR)
    estate.hits((DAY + days, "bob", "ws-4"))
    runs += scheduler.run(DAY + days + HOUR, DAY + days + 30 * HOUR)
    assert [run.error for run in runs if run.error] == []
    (first, *later) = [run for run in runs if run.result.rows]
    assert first.time == DAY + days + HOUR + 20 * 60
    (row,) = first.result.rows
    assert (row["risk_object"], row["risk_score"], row["window"]) == ("amy", "105", "2026-03-02")
    assert row["message"] == (
        "user amy has gathered a risk score of 105 in 24 hours (to 2026-03-02 20:00, found late), "
        f"from 3 risk events of: {GIVEN}"
    )
    assert len(estate.found(row["drilldown_search"])) == 3
    assert {run.outcome for run in later} == {"suppressed"}
    assert len(scheduler.alerts) == 1


def test_three_hits_that_are_almost_a_day_apart_alert_though_no_run_has_all_in_the_last_24_hours(estate):
    begins = DAY + 25 * 60
    estate.schedule(SCORE)
    scheduler, runs = Scheduler(estate.instance), []
    for at in (begins, begins + 12 * HOUR, begins + 24 * HOUR):
        runs += scheduler.run(at - 5 * 60, at + 80 * 60)
        estate.hits((at, f"user of {at:.0f}", "ws-1"), written=at + 80 * 60)
    runs += scheduler.run(at + 80 * 60, at + 6 * HOUR)
    assert raised(runs) == [(26 + 20 / 60, 1)]


def test_a_severe_hit_of_a_ttp_alerts_in_the_next_run_once_for_its_process(estate):
    severe = seen_by_both(DAY, "amy", "ws-1", r"/y \\host@SSL\x.dll", late=1, parent_process_name="winword.exe")
    estate.schedule(SEVERE)
    scheduler = Scheduler(estate.instance)
    runs = scheduler.run(DAY + HOUR, DAY + 62 * 60)
    estate.instance.add_events(severe)
    estate.detect(search="`ssa_process_events` | ssadetect", written=DAY + 62 * 60)
    runs += scheduler.run(DAY + 62 * 60, DAY + 3 * HOUR) + scheduler.run(DAY + 24 * HOUR, DAY + 26 * HOUR)
    assert [run.error for run in runs if run.error] == []
    (first, *later) = [run for run in runs if run.result.rows]
    assert first.time == DAY + 65 * 60
    (row,) = first.result.rows
    assert (row["user"], row["device"], row["risk_score"], row["severity"]) == ("amy", "ws-1", "80", "high")
    assert r"\\host@SSL\x.dll" in row["message"].lower().replace("@ssl", "@SSL")
    assert {event["risk_object"] for event in estate.found(row["drilldown_search"])} == {"amy", "ws-1"}
    assert {run.outcome for run in later} == {"suppressed"}
    assert later[-1].time < DAY + 26 * HOUR  # what was written a day ago is not looked at again
    assert len(scheduler.alerts) == 1


def test_a_severe_hit_that_is_dated_a_day_ahead_alerts_when_it_is_written(estate):
    ahead, written = DAY + 30 * HOUR, DAY - 60
    line = r"msiexec.exe /y \\host@SSL\x.dll"
    estate.instance.add_events([process(ahead, "amy", "ws-1", line, parent_process_name="winword.exe")])
    estate.detect(start=DAY, end=DAY + 31 * HOUR, search="`ssa_process_events` | ssadetect", written=written)
    estate.schedule(SEVERE)
    scheduler = Scheduler(estate.instance)
    runs = scheduler.run(DAY, DAY + HOUR) + scheduler.run(ahead - HOUR, ahead + HOUR)
    assert [run.error for run in runs if run.error] == []
    assert [alert.time for alert in scheduler.alerts] == [DAY]


def test_hits_that_are_dated_ahead_alert_when_their_time_comes(estate):
    """Between two runs, the score is above the threshold for a second: one hit of the three is a day old then."""
    ahead = DAY + 30 * HOUR
    times = [ahead - 24 * HOUR + 1, ahead - 60, ahead]
    estate.hits(*[(at, f"user of {at:.0f}", "ws-1") for at in times], written=DAY)
    estate.schedule(SCORE)
    scheduler = Scheduler(estate.instance)
    runs = scheduler.run(ahead - HOUR, ahead + 2 * HOUR)
    assert [run.error for run in runs if run.error] == []
    assert len(scheduler.alerts) == 1


def test_neither_an_anomaly_nor_a_low_hit_is_severe(estate):
    estate.detections(
        odd={"type": "Anomaly", "impact": "100", "confidence": "100"}, usual={"impact": "60", "confidence": "100"}
    )
    estate.instance.add_events([process(DAY, "amy", "ws-1", "x odd x"), process(DAY, "bob", "ws-2", "x usual x")])
    assert len(estate.detect(search="`ssa_process_events` | ssadetect")) == 2
    assert estate.found(estate.saved(SEVERE)) == []


# -- what users leave out


def test_an_ignored_user_raises_nothing_and_his_device_does(estate):
    estate.entries("ssa_ignored_entities", {"entity": "SVC_*", "type": "user", "expires": LATER})
    estate.hits(*[(DAY + minute * 60, "svc_deploy", "build-1") for minute in (1, 2, 3)])
    assert [row["risk_object"] for row in estate.found(estate.saved(SCORE))] == ["build-1"]


def allowed(**entry):
    known = {"detection": GIVEN, "field": "process", "pattern": r"*C:\Vendor\*", "expires": "2026-03-03"}
    return known | entry


@pytest.fixture
def filtered(estate):
    """An estate with a hit that an entry of ssa_allow_list may be about."""
    estate.instance.add_events([process(DAY + 23.4 * HOUR, "amy", "ws-1", r'msiexec.exe /y "c:\vendor\tool.dll"')])
    return estate


def test_an_allowed_dll_raises_nothing_until_the_day_on_which_its_entry_expires(filtered):
    filtered.entries("ssa_allow_list", allowed())
    filtered.schedule(RULE)
    last = DAY + 24 * HOUR - 1
    assert filtered.found(filtered.saved(RULE), now=last) == []
    (run,) = Scheduler(filtered.instance).run(DAY + 24 * HOUR, DAY + 24 * HOUR + 1)
    assert [action.code for action in run.actions] == [0]
    assert len(filtered.risk()) == 2


@pytest.mark.parametrize(
    "entries",
    [
        [],
        *([allowed(expires=text)] for text in (None, "", "never", "2026-02-30", "12/31/2099")),
        [allowed(detection="Another Detection")],
        [allowed(detection=None)],
        [allowed(field="process_name", pattern="other.exe")],
        [allowed(field='process="*" OR user')],
        [allowed(field=None)],
        [allowed(pattern=None)],
        [allowed(field="no_such_field", pattern="*")],
        [allowed(pattern='x" OR process="*')],
        [allowed(pattern='x") OR (detection="*')],
        [allowed(pattern="`ssa_process_events`"), allowed(pattern="$process$"), allowed(pattern="] | delete")],
        [allowed(pattern="\\"), allowed(pattern='\\"'), allowed(pattern="\\\\"), allowed(pattern="[")],
        [allowed(detection='x" OR "')],
    ],
)
def test_an_entry_that_is_not_about_the_hit_or_not_valid_leaves_nothing_out(filtered, entries):
    filtered.entries("ssa_allow_list", *entries)
    assert len(filtered.found(filtered.saved(RULE))) == 1


@pytest.mark.parametrize(
    "entry",
    [
        {},
        {"pattern": r'*"c:\vendor\tool.dll"'},
        {"detection": "*"},
        {"field": "dest_user_id", "pattern": "A*"},
        {"pattern": r"*\tool.dll?".replace("?", '"')},
    ],
)
def test_an_entry_leaves_out_what_it_is_about_and_no_other(filtered, entry):
    others = [r"msiexec.exe /y c:\vendor.dll", "msiexec.exe /y c:vendortool.dll"]
    filtered.instance.add_events([process(DAY + 1, "bob", "ws-2", line) for line in others])
    filtered.entries("ssa_allow_list", {"detection": None}, allowed(**entry), allowed(pattern="nothing", expires="x"))
    assert [row["user"] for row in filtered.found(filtered.saved(RULE), now=DAY)] == ["bob", "bob"]


# -- factors


@pytest.fixture(scope="module")
def scored(archive, tmp_path_factory):
    """An estate with one hit; tests change only its factors."""
    with running(archive, tmp_path_factory.mktemp("scored")) as splunkd:
        estate = Estate(splunkd.instance)
        estate.hits((DAY, "amy", "ws-1"))
        yield estate


def factor(entity, factor, expires=LATER):
    return {"entity": entity, "factor": factor, "expires": expires}


@pytest.mark.parametrize(
    ("entries", "expected"),
    [
        ([], 35),
        ([factor("amy", 0.5)], 17.5),
        ([factor("a*y", 2)], 70),
        ([factor("amy", 0.5), factor("am*", 2)], 70),
        ([factor("am*", 2), factor("amy", 10)], 350),
        ([factor("amy", 0.5), factor("*", 0.5)], 17.5),
        ([factor("amy", 0)], 0),
        ([factor("bob", 2), factor("amy-admin", 2), factor("?my", 2)], 35),
        ([factor("amy", 3, "2026-03-03"), factor("amy", 0.5)], 17.5),
        ([factor("amy", 3, "2026-03-04"), factor("amy", 0.5)], 105),
        ([factor("amy", 3, None), factor("amy", 0.5)], 17.5),
        ([factor("amy", 3, "soon"), factor("amy", 0.5)], 17.5),
        ([factor("amy", None), factor("amy", 0.5)], 17.5),
        ([factor("amy", None)], 35),
        ([factor("amy", -1)], 35),
        ([factor("amy", -1), factor("amy", 0.5)], 17.5),
        ([factor(None, 2)], 35),
    ],
)
def test_the_highest_factor_that_matches_and_has_not_expired_applies(scored, entries, expected):
    scored.entries("ssa_risk_modifiers", *entries)
    scores = scored.scores()
    assert scores["amy"] == expected
    assert scores["ws-1"] == (17.5 if factor("*", 0.5) in entries else 35)


# -- the breadth of 7 days


def test_four_detections_of_three_tactics_within_a_week_raise_one_alert_and_fewer_do_not(estate):
    evasion, execution, credentials = "T1218.007", "T1059.001", "T1003.001"
    estate.detections(
        one=evasion, two=execution, three=credentials, four=evasion, five=execution, six="", seven="T0000.000"
    )
    day = 24 * HOUR

    def lines(dest, **marks):
        return [process(DAY + at * day, f"user of {dest}", dest, f"x {mark} x") for mark, at in marks.items()]

    estate.instance.add_events(
        lines("ws-wide", one=0, two=2, three=4, four=6)
        + lines("ws-three-detections", one=0, two=2, three=4)
        + lines("ws-two-tactics", one=0, two=2, four=4, five=5, six=6, seven=6)
        + lines("ws-slow", one=-2, two=2, three=4, four=6)
        + lines("ws-no-technique", one=0, two=2, three=4, six=6)
    )
    estate.detect(start=DAY - 9 * day, end=DAY + 9 * day, search="`ssa_process_events` | ssadetect")
    estate.schedule(BREADTH)
    scheduler = Scheduler(estate.instance)
    runs = scheduler.run(DAY + 6 * day, DAY + 6.2 * day)
    assert [run.error for run in runs if run.error] == []
    (first, *later) = [run for run in runs if run.result.rows]
    wide = ["user of ws-no-technique", "user of ws-wide", "ws-no-technique", "ws-wide"]
    assert sorted(row["risk_object"] for row in first.result.rows) == wide
    assert later
    assert {run.outcome for run in later} == {"suppressed"}
    assert [(alert.severity, alert.results) for alert in scheduler.alerts] == [(4, 4)]
    row = next(row for row in first.result.rows if row["risk_object"] == "ws-wide")
    assert row["message"] == (
        "system ws-wide has shown 3 ATT&CK tactics in 7 days (Credential Access, Defense Evasion, Execution), "
        "in 4 detections: four, one, three, two"
    )
    assert len(estate.found(row["drilldown_search"])) == 4


# -- hostile names

HOSTILE = [
    'x" OR risk_object="*',
    'x") | delete ("',
    '"',
    "a\\b",
    "\\",
    'a\\"b',
    "`ssa_process_events`",
    "`",
    "$risk_object$",
    "$x$",
    "a|b",
    "a | delete",
    "*",
    "a*",
    "[search x]",
    "]",
    "%41%",
    "a\nb",
    "a\tb",
    "x\\1y",
    "ünï",
    "a=b, risk_score=999",
    "' OR 1=1 --",
]


def test_the_drill_down_of_an_alert_finds_the_events_of_its_user_or_device_whatever_they_are_called(estate):
    times = (1, 2, 3)
    estate.instance.add_events(
        process(DAY + 10 * n + at, f"u{name}", f"d{name}", f"msiexec.exe /y {name}")
        for n, name in enumerate(HOSTILE, 1)
        for at in times
    )
    estate.detect()
    by_object = {}
    for event in estate.risk():
        assert event["risk_score"] == "35"
        by_object.setdefault((event["risk_object"], event["risk_object_type"]), set()).add(event["risk_event_id"])
    rows = estate.found(estate.saved(SCORE))
    assert {(row["risk_object"], row["risk_object_type"]) for row in rows} == set(by_object)
    assert len(rows) > 2 * len(HOSTILE) - 5
    for row in rows:
        wanted = by_object[row["risk_object"], row["risk_object_type"]]
        search, _, shown = row["drilldown_search"].rpartition(" | dedup risk_event_id | table ")
        assert shown.startswith("_time, detection, ")
        found = {event["risk_event_id"] for event in estate.found(search)}
        assert found >= wanted
        assert not re.search(r"[`$|[\]]", search.removeprefix("`ssa_risk_events`"))
        if not re.search(r"[*`$|[\]]", row["risk_object"]):
            assert found == wanted


# -- nothing to say


@pytest.mark.parametrize("name", [SCORE, SEVERE, BREADTH, REVIEW])
def test_without_any_risk_and_any_entry_a_rule_runs_without_a_message(estate, name):
    result = estate.instance.search(estate.saved(name))
    assert (result.rows, [message for message in result.messages if message[0] != "INFO"]) == ([], [])


# -- entries


def test_entries_that_do_not_apply_or_soon_will_not_are_listed_for_review(estate):
    owned = {"owner": "amy", "reason": "tested"}
    good = allowed(**owned, expires="2026-12-31")
    estate.entries(
        "ssa_allow_list",
        good,
        good | {"field": "a b"},
        good | {"field": None},
        good | {"pattern": None},
        good | {"expires": "2026-03-10"},
        good | {"expires": "2026-03-02"},
    )
    estate.entries(
        "ssa_ignored_entities",
        {"entity": "svc_*", "expires": "2026-12-31", **owned},
        {"entity": "svc_b", "expires": "2026-12-31", "owner": "amy"},
        {"expires": "2026-12-31", **owned},
    )
    modifiers = [factor("a", 2) | owned, factor("b", -1) | owned, factor("c", 2, "soon") | owned, factor("d", 2)]
    estate.entries("ssa_risk_modifiers", *modifiers)
    rows = estate.found(estate.saved(REVIEW), now=DAY)
    path = rf"{GIVEN}: process=*C:\Vendor\*"
    assert sorted((row["lookup"], row["entry"], row["state"]) for row in rows) == [
        ("ssa_allow_list", path.replace("process", "?"), "no name of a field: it does not apply"),
        ("ssa_allow_list", path.replace("process", "a b"), "no name of a field: it does not apply"),
        ("ssa_allow_list", path, "expired: it does not apply"),
        ("ssa_allow_list", path, "expires soon"),
        ("ssa_allow_list", f"{GIVEN}: process=?", "no detection or pattern: it does not apply"),
        ("ssa_ignored_entities", "?", "no entity: it does not apply"),
        ("ssa_ignored_entities", "svc_b", "no reason"),
        ("ssa_risk_modifiers", "b x -1", "no entity, or no factor from 0 up: it does not apply"),
        ("ssa_risk_modifiers", "c x 2", "no valid expiry (YYYY-MM-DD): it does not apply"),
        ("ssa_risk_modifiers", "d x 2", "no owner"),
    ]


def test_the_entries_that_docs_tuning_shows_are_taken_and_apply(estate):
    page = (ROOT / "docs/tuning.md").read_text()
    searches = re.findall(r"^ +(\| makeresults .*outputlookup .*)$", page, re.MULTILINE)
    into = re.compile(r"outputlookup append=true (\w+)")
    written = [estate.instance.search(search, now=DAY).rows and into.search(search)[1] for search in searches]
    assert written == ["ssa_allow_list", "ssa_ignored_entities", "ssa_risk_modifiers"]
    for lookup in written:
        (entry,) = estate.instance.kvstore.collection(APP, lookup).find()
        listed = confs.load(estate.instance.apps / APP, "transforms")[lookup]["fields_list"].split(", ")
        assert set(listed) <= set(entry)
    assert estate.found(estate.saved(REVIEW), now=DAY) == []
    (change,) = re.findall(r"^ +(\| inputlookup .*outputlookup .*)$", page, re.MULTILINE)
    estate.instance.search(change, now=DAY)
    (after,) = estate.instance.kvstore.collection(APP, "ssa_risk_modifiers").find()
    assert after == entry | {"expires": "2026-06-30"}


# -- what is the same, from raw events to the index


def passing(search, *columns):
    """A generated search that passes more columns on."""
    assert " | fields - _raw" in search
    return search.replace(" | fields - _raw", f", {', '.join(columns)} | fields - _raw", 1)


def test_a_column_event_id_of_windows_data_makes_no_two_events_one(estate):
    lines = [rf"msiexec.exe /y C:\{number}.dll" for number in range(3)]
    estate.instance.add_events(
        [
            process(DAY, "jdoe", "ws-1", line, event_id="4688", dest_user_id="eve", dest_device_id="ws-9")
            for line in lines
        ]
    )
    search = passing(estate.saved(RULE), "event_id", "dest_user_id", "dest_device_id")
    hits = estate.detect(search=search)
    assert len({hit["event_id"] for hit in hits} - {"4688"}) == 3
    assert {(hit["dest_user_id"], hit["dest_device_id"]) for hit in hits} == {("jdoe", "ws-1")}
    risk = estate.risk()
    assert {event["risk_object"] for event in risk} == {"jdoe", "ws-1"}
    assert [len({event[name] for event in risk}) for name in ("risk_event_id", "event_id", "process_key")] == [6, 3, 3]
    assert estate.scores() == {"jdoe": 105.0, "ws-1": 105.0}


@pytest.mark.parametrize("dest", [None, "-", "unknown", "ws-7"])
def test_the_search_of_the_data_model_finds_the_same_event_and_risk_whatever_names_the_device(estate, dest):
    estate.instance.add_events([process(DAY + 0.25, "jdoe", dest, host="ws-7", process_id="0x1a4")])
    (raw,) = estate.detect(RULE)
    before = {event["risk_event_id"] for event in estate.risk()}
    (accelerated,) = estate.detect(ACCELERATED)
    assert raw["event_id"] == accelerated["event_id"]
    assert raw["dest_device_id"] == accelerated["dest_device_id"] == "ws-7"
    assert {(event["risk_object"], event["risk_event_id"]) for event in estate.risk()} == {
        (event["risk_object"], event["risk_event_id"]) for event in estate.risk() if event["risk_event_id"] in before
    }
    assert len(before) == 2


@pytest.mark.parametrize("user", ["null", "-", "NOT_TRANSLATED", "CORP\\-", " N/A"])
def test_a_placeholder_on_a_hundred_machines_is_no_user_with_the_risk_of_all(estate, user):
    estate.hits(*((DAY + number, user, f"ws-{number}") for number in range(100)))
    assert Counter(event["risk_object_type"] for event in estate.risk()) == {"system": 100}


@pytest.mark.parametrize("second", ["00", "01"])
def test_security_and_sysmon_report_one_process(estate, second):
    line = "msiexec.exe /Y  C:\\x.dll"
    events = [
        parse(security_xml(line, NewProcessId="0x1a4", SubjectUserName="jdoe", SubjectUserSid="S-1-5-21-1-2-3-1104")),
        parse(sysmon_xml(line, second=second, ProcessId="420", User="CORP\\JDoe")),
    ]
    rows = [
        {**e.fields, "_time": e.time, "_raw": e.raw, "host": e.host, "tag": list(e.tags), "index": "win"}
        for e in events
    ]
    assert rows[0]["process"] != rows[1]["process"]
    estate.instance.add_events(rows)
    estate.detect(start=rows[0]["_time"] - HOUR, end=rows[0]["_time"] + HOUR)
    risk = estate.risk()
    assert {event["risk_object"] for event in risk} == {"jdoe", "ws-01.example"}
    assert len({event["process_key"] for event in risk}) == 1
    assert len({event["risk_event_id"] for event in risk}) == 4


@pytest.mark.parametrize(
    ("sid", "objects"), [("S-1-5-18", {"ws-01.example"}), ("S-1-5-21-9", {"ws-01.example", "rendszer"})]
)
def test_a_service_account_of_a_raw_security_event_is_known_by_its_sid(estate, sid, objects):
    event = parse(security_xml("msiexec.exe /y x.dll", SubjectUserName="Rendszer", SubjectUserSid=sid))
    row = {**event.fields, "_time": DAY, "_raw": event.raw, "host": event.host, "tag": list(event.tags), "index": "win"}
    estate.instance.add_events([row])
    estate.detect()
    assert {event["risk_object"] for event in estate.risk()} == objects


# -- the example of the page


def test_the_example_of_the_page_is_true(estate):
    """docs/risk-events.md: the risk events of a morning, what each detection adds, and the alert."""
    nine = DAY + 9 * HOUR
    web = {"parent_process_name": "powershell.exe"}
    lines = [rf"msiexec.exe /i https://cdn.example/tool-{number}.msi" for number in (1, 2, 3)]
    estate.instance.add_events(
        [
            *seen_by_both(nine, "amy", "ws-1", r"/y C:\Users\Public\a.dll", late=1, parent_process_name="cmd.exe"),
            *(process(nine + HOUR + 300 * n, "amy", "ws-1", line, **web) for n, line in enumerate(lines)),
            process(nine + 2 * HOUR, "amy", "ws-1", "whoami.exe /all", "whoami.exe", parent_process_name="msiexec.exe"),
        ]
    )
    estate.detect(search="`ssa_process_events` | ssadetect")
    table = "| sort 0 _time, detection | table _time, detection, detection_type, risk_score"
    events = estate.found(f"`ssa_risk_events` risk_object=amy {table}")
    told = re.findall(r"^\| (\d\d:\d\d:\d\d) \| (.*?) \| (\w+) \| (\d+) \| (\d+)?", PAGE, re.MULTILINE)
    clock = [time.strftime("%H:%M:%S", time.gmtime(float(row["_time"]))) for row in events]
    facts = [(row["detection"], row["detection_type"], row["risk_score"]) for row in events]
    assert [(at, *fact) for at, fact in zip(clock, facts, strict=True)] == [line[:4] for line in told]
    counts = {detection: number for _, detection, _, _, number in told if number}
    parts = estate.found("risk_object=amy `ssa_risk_parts`")
    assert {row["detection"]: row["part"] for row in parts} == counts
    alerts = {row["risk_object"]: row for row in estate.found(estate.saved(SCORE))}
    assert sorted(alerts) == ["amy", "ws-1"]
    assert f"{' + '.join(counts.values())} = {alerts['amy']['risk_score']}" in PAGE
    assert alerts["amy"]["message"] in PAGE
    (severe,) = estate.found(estate.saved(SEVERE))
    assert (severe["user"], severe["device"], severe["risk_score"]) == ("amy", "ws-1", "64")

"""A set of detections: its one saved search, what it folds and cuts, and the risk that it writes, once."""

import re
import time

import pytest

from sandbox.alerts import alert_actions
from sandbox.alerts.scheduler import Scheduler
from ssa.content.detection import Catalogue
from tests.support.app.estate import APP, APPLY, Estate, process, running
from tests.support.app.schedule import DAY, HOUR, conf
from tests.support.sets import rule
from tools import ROOT
from tools.content import sets

NAME = "mine"
SEARCH = sets.title(NAME)
BY_NAME = (
    '| from read_ssa_enriched_events() | eval timestamp=parse_long(ucast(map_get(input_event, "_time"), "string", '
    'null)) | where lower(ucast(map_get(input_event, "process_name"), "string", null))="alpha.exe" | eval '
    "start_time=timestamp, end_time=timestamp, entities=mvappend(ucast(map_get(input_event, "
    '"dest_device_id"), "string", null)), body=create_map([]) | into write_ssa_detected_events();'
)
"""A rule that requires a word."""

TEN = DAY + 10 * HOUR


@pytest.fixture
def estate(archive, tmp_path):
    with running(archive, tmp_path) as splunkd:
        yield Estate(splunkd.instance)


def imported(estate, *rules, scheduled=False, **macros):
    """Let these be the rules of the set, as an import leaves them, with these definitions of macros."""
    estate.local.mkdir(exist_ok=True)
    (estate.local / "ssa_detections.conf").write_text("".join(rules))
    catalogue = Catalogue.of_app(str(estate.instance.apps / APP))
    of_set = [catalogue.find(name) for name in catalogue.names if catalogue.set_of(name) == NAME]
    ours = {"disabled": "0", "enableSched": "1"} if scheduled else {}
    saved = {SEARCH: sets.saved_search(NAME, of_set) | ours, APPLY: {"enableSched": "0"}}
    conf(estate.local / "savedsearches.conf", saved)
    own = {name: {"definition": text} for name, text in macros.items()}
    conf(estate.local / "macros.conf", sets.macros(NAME) | own)


def event(at, line, device="ws-1", user="amy", **fields):
    return process(at, user, device, line, **{"name": "x.exe", "process_path": r"C:\x.exe", **fields})


def run(estate, start=TEN, end=TEN + HOUR):
    """Run the set's search over a time range, and the action on what it finds; return the results and the log."""
    began = time.time()
    result = estate.instance.search(estate.saved(SEARCH), earliest=start, latest=end, now=end)
    done = alert_actions.run(estate.instance, "ssa_risk", SEARCH, result, {})
    assert done.code == 0
    estate.instance.backdate("risk", began, end)
    return result.rows, [text for level, text in done.log if level != "INFO"]


def counted(rows):
    """How many rows each detection has."""
    names = [row.get("detection") or "" for row in rows]
    return {name: names.count(name) for name in sorted(set(names))}


def written(estate):
    """What identifies each risk event."""
    return sorted(event["risk_event_id"] for event in estate.risk())


def test_one_rule_with_fifty_thousand_hits_in_an_hour_costs_no_other_a_hit(estate):
    """Of the loud one a hundred are left, the first of each device among them; of the others every hit."""
    quiet = [f"Quiet{number}" for number in range(5)]
    imported(estate, rule("Loud"), *map(rule, quiet))
    estate.instance.add_events(event(TEN + at / 20, f"x.exe loud {at}") for at in range(50_000))
    last = TEN + HOUR - 1
    estate.instance.add_events([event(last, "x.exe loud one", "dc-1"), event(last, "x.exe loud two", "dc-1")])
    for name in quiet:
        estate.instance.add_events(event(last - at, f"x.exe {name} {at}", f"ws-{at}") for at in range(20))
    rows, log = run(estate)
    assert counted(rows) == {"": 1, "Loud": 100, **dict.fromkeys(quiet, 20)}
    assert rows[-1]["ssa_cut"] == "Loud: 100 of 50002"
    assert sum(row["dest_device_id"] == "dc-1" for row in rows[:-1] if row["detection"] == "Loud") == 2
    assert [
        line for line in log if f'"{SEARCH}" kept hits of Loud: 100 of 50002: the others got no risk' in line
    ] == log
    assert len(log) == 1
    devices = {event["risk_object"] for event in estate.risk() if event["detection"] in quiet}
    assert devices == {"amy", *(f"ws-{at}" for at in range(20))}
    assert len(written(estate)) == 2 * (100 + 5 * 20)


@pytest.mark.parametrize(
    ("most", "results", "kept"),
    [
        (100, 9000, {"A": 8, "B": 5, "C": 1}),
        (4, 9000, {"": 1, "A": 4, "B": 4, "C": 1}),
        (100, 12, {"": 1, "A": 6, "B": 5, "C": 1}),
        (100, 7, {"": 1, "A": 3, "B": 3, "C": 1}),
        (100, 3, {"": 1, "A": 1, "B": 1, "C": 1}),
        (1, 2, {"": 1, "A": 1, "B": 1}),
    ],
)
def test_results_are_dealt_out_and_each_cut_is_named(estate, most, results, kept):
    """A has eight hits, B five, C one: C scores least, and still has its first before any other its second."""
    imported(estate, rule("A"), rule("B"), rule("C", impact=15), ssa_set_most=str(most), ssa_set_results=str(results))
    hits = {"A": 8, "B": 5, "C": 1}
    for name, count in hits.items():
        estate.instance.add_events(event(TEN + at, f"x.exe {name.lower()} {at}") for at in range(count))
    # the name of a program, x.exe, has none of these letters
    rows, log = run(estate)
    assert counted(rows) == kept
    cut = {name: f"{name}: {kept.get(name, 0)} of {count}" for name, count in hits.items() if kept.get(name) != count}
    assert re.findall(r"kept hits of (\w+: \d+ of \d+)", " ".join(log)) == list(cut.values())
    assert [row["risk_score"] for row in rows if row["detection"] == "C"] == ["15"] * kept.get("C", 0)


def test_the_limit_is_of_each_hour(estate):
    imported(estate, rule("A"), ssa_set_most="3")
    estate.instance.add_events(event(TEN + hour * HOUR + at, f"x.exe a {at}") for hour in range(3) for at in range(4))
    rows, _ = run(estate, TEN, TEN + 3 * HOUR)
    assert counted(rows) == {"": 1, "A": 9}
    assert rows[-1]["ssa_cut"] == "A: 9 of 12"


SAME = {"at": 0, "line": "x.exe alpha", "device": "ws-1", "user": "amy"}


@pytest.mark.parametrize(
    ("other", "folded"),
    [
        ({"at": 600}, True),
        ({"at": 600, "process_id": "7"}, True),
        ({"at": 600, "line": "X.EXE Alpha"}, True),
        ({"at": 600, "device": "WS-1", "user": "AMY"}, True),
        ({"at": HOUR - 0.001}, True),
        ({"at": HOUR}, False),
        ({"at": 600, "line": "x.exe alpha 2"}, False),
        ({"at": 600, "device": "ws-2"}, False),
        ({"at": 600, "user": "bob"}, False),
        ({"at": 600, "user": ["amy", "bob"]}, False),
        ({"at": 600, "process_path": r"C:\y.exe"}, False),
        ({"at": 600, "user": "amy bob"}, False),
        ({"at": 600, "ssa_what": "x", "ssa_hits": "99", "ssa_cut": "A: 1 of 2"}, True),
    ],
)
def test_repeats_of_an_hour_are_one_row_with_first_last_and_count(estate, other, folded):
    imported(estate, rule("Alpha"))
    later = SAME | other
    for hit in (later, SAME):  # whichever came in first
        rest = {name: value for name, value in hit.items() if name not in SAME}
        estate.instance.add_events([event(TEN + hit["at"], hit["line"], hit["device"], hit["user"], **rest)])
    rows, log = run(estate, TEN, TEN + 2 * HOUR)
    assert log == []
    found = sorted((float(row["_time"]) - TEN, row["ssa_hits"], float(row["ssa_last"]) - TEN) for row in rows)
    at = pytest.approx(other["at"])
    assert found == ([(0, "2", at)] if folded else [(0, "1", 0), (at, "1", at)])
    events = [event for event in estate.risk() if event["risk_object"] == "ws-1"]
    first = min(events, key=lambda event: float(event["_time"]))
    assert (first["hits"], float(first["last_time"]) - TEN) == (found[0][1], found[0][2])


def test_what_one_process_does_within_a_second_counts_one_by_one(estate):
    """The events of a network have the event_id of their process: of one second, two may have the same."""
    search = (
        '| from read_ssa_enriched_events() | eval timestamp=parse_long(ucast(map_get(input_event, "_time"), "string", '
        'null)), to=ucast(map_get(input_event, "dest_ip"), "string", null) | where to IS NOT NULL | eval '
        'start_time=timestamp, end_time=timestamp, body=create_map(["to", to]) | into write_ssa_detected_events();'
    )
    imported(estate, rule("Alpha", search=search, datamodel="Network_Traffic"))
    connection = {"tag": ["network", "communicate"], "process_id": "7"}
    for address in ("192.0.2.1", "192.0.2.2", "192.0.2.2"):
        estate.instance.add_events([event(TEN, "x.exe", dest_ip=address, **connection)])
    rows, _ = run(estate)
    assert sorted((row["body"], row["ssa_hits"]) for row in rows) == [
        ('{"to":"192.0.2.1"}', "1"),
        ('{"to":"192.0.2.2"}', "2"),
    ]
    assert len(written(estate)) == 4


def test_a_run_writes_once_and_a_second_an_update_and_an_overlapping_one_add_nothing(estate):
    """Twelve repeats in an hour, and hits of another rule: whatever range begins between them finds the same risk."""
    imported(estate, rule("Alpha"), rule("Beta"))
    estate.instance.add_events(event(TEN + at * 300, "x.exe alpha") for at in range(12))
    estate.instance.add_events(event(TEN + at * 300, f"x.exe beta {at}", "ws-2", "bob") for at in range(3))
    run(estate)
    once = written(estate)
    assert len(once) == len(set(once)) == 2 * (1 + 3)
    run(estate)
    imported(estate, rule("Alpha", version=2, impact=85, message="Anew $process$"), rule("Beta"), rule("Gamma"))
    run(estate)
    for start, end in ((TEN + 301, TEN + HOUR), (TEN - HOUR, TEN + 1600), (TEN + 1000, TEN + 2 * HOUR)):
        run(estate, start, end)
    assert written(estate) == once


@pytest.mark.parametrize("where", [f"{rule('Alpha')}", rule("Alpha", search=BY_NAME)], ids=["by event", "by words"])
def test_scheduled_runs_and_the_daily_catch_up_write_each_hit_once(estate, where):
    imported(estate, where, scheduled=True)
    times = [DAY + 1800, DAY + HOUR - 1, DAY + HOUR, DAY + HOUR + 1800, DAY + 2 * HOUR]
    estate.instance.add_events(event(at, "alpha.exe 1", process_name="alpha.exe") for at in times)
    seen = {}
    for hour in (1, 2, 3, 4, 26, 27, 28):
        began = time.time()
        (one,) = Scheduler(estate.instance).run(DAY + hour * HOUR, DAY + hour * HOUR + 1)
        assert (one.error, [run.code for run in one.actions]) == ("", [0] * one.triggered)
        estate.instance.backdate("risk", began, DAY + hour * HOUR + 60)
        seen[hour] = sum(int(row["ssa_hits"]) for row in one.result.rows)
    assert seen == {1: 1, 2: 3, 3: 5, 4: 0, 26: 0, 27: 5, 28: 0}
    events = [event for event in estate.risk() if event["risk_object"] == "ws-1"]
    assert [int(float(event["_time"]) - DAY) for event in events] == [2 * HOUR, HOUR, 1800]


@pytest.mark.parametrize(
    ("row", "parameters", "risk"),
    [
        ('detection="Alpha"', {}, 1),
        ('detection="Alpha", ssa_cut="Alpha: 1 of 2"', {}, 1),
        ('ssa_cut="Alpha: 1 of 2"', {"detection": "Alpha"}, 1),
        ('ssa_cut="Alpha: 1 of 2"', {}, 0),
        ('ssa_cut=mvappend("Alpha: 1 of 2", "Beta: \n" . "ERROR {x} %s")', {}, 0),
    ],
)
def test_no_hit_passes_for_the_row_of_what_was_cut(estate, row, parameters, risk):
    """What an event holds takes no risk away, and is one line of the log."""
    imported(estate, rule("Alpha"))
    search = f'| makeresults | eval dest_device_id="ws-1", process="x.exe", process_name="x.exe", {row}'
    result = estate.instance.search(search, earliest=TEN, latest=TEN + HOUR, now=TEN)
    done = alert_actions.run(estate.instance, "ssa_risk", SEARCH, result, parameters)
    assert (done.code, len(estate.risk())) == (0, risk)
    said = [text for level, text in done.log if level != "INFO"]
    assert [f'"{SEARCH}" kept hits of ' in text for text in said] == [True] * (0 if risk else row.count(": "))


def test_the_next_hour_writes_again(estate):
    imported(estate, rule("Alpha"))
    estate.instance.add_events(event(TEN + at, "x.exe alpha") for at in (0, HOUR))
    run(estate, TEN, TEN + HOUR)
    run(estate, TEN, TEN + 2 * HOUR)
    assert len(written(estate)) == 4


def test_a_process_counts_once_for_a_set_with_its_highest_score(estate):
    """Also where rules of a set name stories of their own."""
    own = {"analytic_story": "Another", "impact": 30, "type": "Anomaly"}
    imported(estate, rule("Alpha"), rule("Beta", **own), rule("Gamma", "other"))
    estate.instance.add_events([event(TEN, "x.exe alpha beta gamma")])
    run(estate)
    assert estate.scores(end=TEN + HOUR) == {"amy": 55, "ws-1": 55}
    estate.instance.add_events([event(TEN + 1, "x.exe beta")])
    run(estate)
    assert estate.scores(end=TEN + HOUR) == {"amy": 85, "ws-1": 85}


def test_a_risk_event_names_the_rule_its_author_its_level_and_its_set(estate):
    imported(estate, rule("Alpha", level="critical", impact=85, author="Ann Lee, Bob"))
    estate.instance.add_events([event(TEN, "x.exe alpha")])
    run(estate)
    (risk,) = (one for one in estate.risk() if one["risk_object"] == "ws-1")
    assert {
        name: risk[name] for name in risk if name.startswith("detection") or name in ("severity", "risk_message")
    } == {
        "detection": "Alpha",
        "detection_id": "id-Alpha",
        "detection_version": "1",
        "detection_type": "TTP",
        "detection_set": "mine",
        "detection_level": "critical",
        "detection_author": "Ann Lee, Bob",
        "severity": "critical",
        "risk_message": "Alpha (Sigma rule by Ann Lee) on ws-1 by amy: x.exe alpha",
    }


def test_what_users_allow_is_left_out_for_a_rule_or_for_all(estate):
    imported(estate, rule("Alpha"), rule("Beta"), rule("Gamma"), ssa_set_mine_filter="search NOT user=carol")
    entry = {"expires": "2099-01-01", "owner": "o", "ticket": "", "reason": "r"}
    estate.entries(
        "ssa_allow_list",
        {**entry, "detection": "alpha", "field": "process", "pattern": "*usual*"},
        {**entry, "detection": "*", "field": "dest", "pattern": "build-*"},
    )
    for name in ("alpha", "beta", "gamma"):
        estate.instance.add_events([event(TEN, f"x.exe {name} usual"), event(TEN, f"x.exe {name}", "build-7")])
    estate.instance.add_events([event(TEN, "x.exe gamma", "ws-3", "carol")])
    assert counted(run(estate)[0]) == {"Beta": 1, "Gamma": 1}


def test_without_a_hit_there_is_no_row(estate):
    imported(estate, rule("Alpha"))
    estate.instance.add_events([event(TEN, "x.exe nothing")])
    assert estate.instance.search(estate.saved(SEARCH), earliest=TEN, latest=TEN + HOUR, now=TEN + HOUR).rows == []


def test_settings_by_level_hold_in_search_and_action(estate):
    imported(estate, rule("Alpha"), rule("Beta", level="low"))
    conf(estate.local / "ssa_detection_settings.conf", {f"level:{NAME}:high": {"score": 12}, "level:x": {"score": 1}})
    estate.instance.add_events([event(TEN, "x.exe alpha"), event(TEN, "x.exe beta")])
    result = estate.instance.search(estate.saved(SEARCH), earliest=TEN, latest=TEN + HOUR, now=TEN + HOUR)
    assert sorted((row["detection"], row["risk_score"]) for row in result.rows) == [("Alpha", "12"), ("Beta", "55")]
    done = alert_actions.run(estate.instance, "ssa_risk", SEARCH, result, {})
    assert [text for level, text in done.log if level == "WARN"] != []
    assert "[level:x]: expected [id:<id>]" in next(text for level, text in done.log if level == "WARN")
    scores = {(event["detection"], event["risk_score"]) for event in estate.risk()}
    assert scores == {("Alpha", "12"), ("Beta", "55")}


def test_sixty_thousand_rows_are_folded_and_dealt_out_as_the_page_for_a_first_install_says(estate):
    page = (ROOT / "docs/first-install.md").read_text()
    text = re.search(r"`` (\\\| makeresults count=60000 .+?) `` \| (\d+); (.+?) \|$", page, re.MULTILINE)
    (row,) = estate.instance.search(text[1].replace("\\|", "|")).rows
    assert (row["count"], row["cut"]) == (text[2], text[3].split(", "))

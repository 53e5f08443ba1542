"""Overview as an estate may be set up: whether it is healthy, and ATT&CK where detections cover much of it."""

import re

import pytest

from sandbox.splunkd.state import ROLES, Session
from tests.support.app.estate import APP, RULE, SCORE, Estate, running
from tests.support.app.schedule import DAY, HOUR, conf
from tools.ui import views

pytestmark = [pytest.mark.xdist_group("overview"), pytest.mark.needs_no_browser]

VIEW = views.shipped()["overview"]
NOW = DAY + 10 * HOUR
CHECK = "SSA - Data check"
EVERY = "SSA - Every Detection - Rule"
ADMIN = Session("admin", "admin", ROLES["admin"])


@pytest.fixture(scope="module")
def estate(archive, tmp_path_factory):
    with running(archive, tmp_path_factory.mktemp("overview")) as splunkd:
        made = Estate(splunkd.instance)
        made.splunkd = splunkd
        yield made


@pytest.fixture(autouse=True)
def emptied(estate):
    """Begin with no event, and no detection but those that ship."""
    estate.instance.database.execute("DELETE FROM events")
    conf(estate.local / "ssa_detections.conf", {})


def shown(estate, source):
    text = views.fill(VIEW.query(source), VIEW.defaults)
    found = estate.splunkd.acting(ADMIN).search(text, earliest=NOW - 24 * HOUR, latest=NOW, now=NOW)
    assert [text for level, text, _ in found.messages if level != "INFO"] == []
    return found.rows


def checked(ago=600, events=1000, **shares):
    """What the data check keeps of one group: of its events, how many have what."""
    names = ("language", "name", "command_line", "parent", "user", "in_time", "clock")
    counts = {"events": events, **dict.fromkeys(names, events), **shares}
    group = {"index": "win", "sourcetype": "x", "device_class": "all", "day": "2026-03-02", **counts}
    seen = {"delay": 1, "delay_95": 2, "missed": 0, "longest": 0, "last": NOW - ago, "checked": NOW - ago}
    return [{"part": "now", **group, **seen}, {"part": "day", **group}]


def ran(name, ago):
    event = {"_time": NOW - ago, "_raw": "x", "index": "_internal", "sourcetype": "scheduler", "app": APP}
    return event | {"savedsearch_name": name, "status": "success"}


STATES = [
    # scheduled, minutes since the run, what the data check keeps; and the rows: state, what they say
    (
        (),
        None,
        [],
        ["TO DO", "LOOK"],
        "No detection runs by itself. The data check is not scheduled. Nothing alerts on risk.",
    ),
    ((RULE, SCORE, CHECK), 12, checked(), ["OK"], "1 of N detections scheduled, last run 12 min ago, data check OK"),
    ((EVERY, SCORE, CHECK), 12, checked(), ["OK"], "All detections scheduled in one search, last run 12 min ago"),
    ((RULE, SCORE, CHECK), 200, checked(), ["LOOK"], "1 of N detections scheduled, last run 3 h ago, data check OK"),
    ((RULE, SCORE, CHECK), None, checked(), ["LOOK"], "1 of N detections scheduled, no run in 7 days"),
    ((RULE, CHECK), 12, checked(), ["TO DO", "OK"], "Start here: Nothing alerts on risk."),
    ((RULE, SCORE), 12, checked(), ["TO DO", "LOOK"], "Start here: The data check is not scheduled."),
    ((RULE, SCORE, CHECK), 12, [], ["LOOK"], "data check has not run yet."),
    ((RULE, SCORE, CHECK), 12, checked(4 * HOUR), ["TO DO", "LOOK"], "data check has not run since 2026-03-02 06:00"),
    ((RULE, SCORE, CHECK), 12, checked(command_line=0), ["TO DO", "LOOK"], "data check: 1 wrong"),
    ((RULE, SCORE, CHECK), 12, checked(events=3), ["LOOK"], "data check: too few events to judge"),
]


@pytest.mark.parametrize(("scheduled", "minutes", "kept", "states", "says"), STATES)
def test_it_is_healthy_only_where_detections_run_and_the_data_is_whole(estate, scheduled, minutes, kept, states, says):
    estate.schedule(*scheduled)
    if minutes is not None:
        estate.instance.add_events([ran(name, 60 * minutes) for name in (RULE, EVERY)])
    estate.entries("ssa_data_check", *kept)
    rows = shown(estate, "ds_health")
    assert [row["State"] for row in rows] == states
    text = " ".join(row["Found"] for row in rows)
    assert says in re.sub(r"of \d+ detections", "of N detections", text)


def test_another_action_of_a_search_is_no_run_of_a_detection(estate):
    """What ran is a search that adds risk: neither a risk rule nor the data check."""
    estate.schedule(RULE, SCORE, CHECK)
    estate.instance.add_events([ran(SCORE, 60), ran(CHECK, 60)])
    estate.entries("ssa_data_check", *checked())
    assert "no run in 7 days" in shown(estate, "ds_health")[0]["Found"]


def test_a_matrix_of_all_that_sigma_covers_stays_readable(estate):
    """Every technique is covered, and many are hit: five cells for each tactic."""
    lookup = estate.instance.search("| inputlookup ssa_attack_techniques").rows
    names = [row["technique_id"] for row in lookup]
    estate.detections(**{f"m{n}": ", ".join(names[n::40]) for n in range(40)})
    marks = [f"m{n}" for n in range(0, 40, 4)]
    risk = {"index": "risk", "sourcetype": "stash", "_raw": "x", "risk_object": "amy", "risk_object_type": "user"}
    estate.instance.add_events(
        risk
        | {"_time": NOW - HOUR - n, "risk_event_id": mark, "event_id": mark, "process_key": mark, "repeat_key": mark}
        | {"detection": mark, "detection_id": mark, "detection_type": "TTP", "risk_score": "49", "severity": "medium"}
        | {"annotations.mitre_attack": names[int(mark[1:]) :: 40], "process": "x"}
        for n, mark in enumerate(marks)
    )
    rows = shown(estate, "ds_matrix")
    assert len(rows) == 5
    for column in [name for name in rows[0] if not name.startswith("_")]:
        cells = [row[column] for row in rows if row[column]]
        assert re.fullmatch(r"T[0-9.]+ .+: \d+", cells[0])
        assert re.fullmatch(r"\d+ covered, no hit", cells[-1])
    hit = {name for mark in marks for name in names[int(mark[1:]) :: 40]}
    evasion = {row["technique_id"] for row in lookup if "Defense Evasion" in row["tactics"]}
    assert rows[3]["Evasion"] == f"{len(evasion & hit) - 3} more hit"


def test_what_no_detection_covers_is_grey_and_what_is_disabled_covers_nothing(estate):
    before = shown(estate, "ds_matrix")
    estate.detections(one="T1592", two={"mitre_attack_id": "T1595", "disabled": "1"})
    after = shown(estate, "ds_matrix")
    assert (before[0]["Recon"], before[0]["_Recon"]) == ("10 not covered", "1")
    assert (after[0]["Recon"], after[0]["_Recon"]) == ("T1592 Gather Victim Host Information", "0")
    assert (after[1]["Recon"], after[1]["_Recon"]) == ("9 not covered", "1")

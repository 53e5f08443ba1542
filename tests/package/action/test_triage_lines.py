"""From the risk rules to rows of ssa_alerts, and the lines by which an analyst takes and closes one."""

import json

import pytest

from sandbox.alerts.scheduler import Scheduler
from tests.support.app.estate import APP, SCORE, SEVERE, Estate, running
from tests.support.app.schedule import DAY, HOUR
from tests.support.examples import GIVEN
from tools.ui import views

AMY = 'a"my\\ `x` $y$ | delete'
"""An analyst, whose name means to be more."""


@pytest.fixture
def estate(archive, tmp_path):
    with running(archive, tmp_path) as splunkd:
        yield Estate(splunkd.instance)


def kept(estate):
    return [
        {name: value for name, value in one.items() if name not in ("_user", "subject")}
        for one in estate.instance.kvstore.collection(APP, "ssa_alerts").find()
    ]


def raised(estate, *rules, start=DAY, end=DAY + 4 * HOUR):
    """Let the rules run, and return the runs; a run or an action that failed would be an error."""
    estate.schedule(*rules)
    runs = Scheduler(estate.instance).run(start, end)
    assert [run.error for run in runs if run.error] == []
    ran = [done for run in runs for done in run.actions]
    assert [done.log for done in ran if done.code] == []
    assert {done.action for done in ran} == {"ssa_alert"}
    return [run for run in runs if run.raised]


def test_what_is_left_after_throttling_is_kept_and_nothing_else(estate):
    estate.hits(*[(DAY + minute * 60, "amy", "ws-1") for minute in (1, 2, 3)])
    runs = raised(estate, SCORE)
    assert len(runs) == 1
    found = kept(estate)
    assert [one["entities"] for one in found] == [["user:amy"], ["system:ws-1"]]
    for one in found:
        assert (one["rule"], one["risk_score"], one["severity"], one["times"]) == (SCORE, 105, "high", 1)
        assert (one["raised"], one["detections"], one["state"]) == (runs[0].time, [GIVEN], "new")
        assert "has gathered a risk score of 105 in 24 hours" in one["message"]
        assert len(estate.found(one["drilldown_search"])) == 3


def test_a_severe_hit_has_its_user_and_its_device(estate):
    estate.instance.add_events(
        {
            **{"index": "risk", "sourcetype": "stash", "_raw": "x", "_time": DAY + 60, "risk_event_id": f"r{kind}"},
            **{"risk_object": name, "risk_object_type": kind, "risk_score": "80", "detection_type": "TTP"},
            **{"severity": "high", "process_key": "p1", "detection": "D", "risk_message": "m"},
        }
        for kind, name in (("user", "amy"), ("system", "ws-1"))
    )
    raised(estate, SEVERE, end=DAY + HOUR)
    (found,) = kept(estate)
    assert (found["entities"], found["severity"], found["message"]) == (["system:ws-1", "user:amy"], "high", "m")
    assert "process_key=p1" in found["drilldown_search"]


def lines(estate, me=AMY):
    return estate.found(f"| inputlookup ssa_alerts | eval me={json.dumps(me)} | `ssa_alert_lines`")


def row(key, **changes):
    return {
        "_key": key,
        "subject": "s",
        "rule": SCORE,
        "entities": ["user:amy", "system:ws-1"],
        "severity": "high",
        "risk_score": 105.5,
        "message": "m",
        "detections": ["One", "Two"],
        "raised": 1_000,
        "last_raised": 2_000,
        "times": 3,
        "drilldown_search": 'a "b" \\ | c',
        "state": "new",
        "changed": 1_000,
        **changes,
    }


@pytest.mark.parametrize(
    ("line", "changed"),
    [
        ("take", {"state": "in progress"}),
        ("close_true", {"state": "closed", "verdict": "true positive"}),
        ("close_false", {"state": "closed", "verdict": "false positive"}),
    ],
)
def test_a_line_changes_what_it_says_of_one_alert_and_loses_nothing(estate, line, changed):
    table = estate.instance.kvstore.collection(APP, "ssa_alerts")
    key = "b\"2' OR x"
    before = [row("a1"), row(key), row("c3", detections=["Only"], entities=["user:bob"])]
    table.save(before)
    one = next(found for found in lines(estate) if found["_key"] == key)
    estate.found(one[line])
    a1, b2, c3 = ({n: v for n, v in found.items() if n != "_user"} for found in table.find())
    assert [a1, c3] == [before[0], before[2]]
    assert b2["changed"] > 1_000
    owner = AMY.translate(dict.fromkeys(map(ord, "`$|"), "*"))
    expected = {**before[1], **changed, "owner": owner, "changed": b2["changed"]}
    assert {name: value for name, value in b2.items() if name != "comment"} == expected
    assert b2.get("comment", "") == ""


def test_a_closing_line_keeps_the_comment_and_one_value_stays_one_value(estate):
    table = estate.instance.kvstore.collection(APP, "ssa_alerts")
    table.save([row("a1", entities=["user:amy"], comment="looking")])
    (found,) = lines(estate)
    estate.found(found["close_false"].replace('. ""', '. "the installer"'))
    (after,) = estate.found("| inputlookup ssa_alerts")
    assert (after["comment"], after["entities"]) == ("looking the installer", "user:amy")


def test_open_alerts_have_their_age_and_alerted_entities_count_all(estate):
    table = estate.instance.kvstore.collection(APP, "ssa_alerts")
    table.save(
        [
            row("a1", raised=DAY, last_raised=DAY + HOUR),
            row("b2", entities="user:amy", last_raised=DAY + 2 * HOUR, state="closed"),
            row("c3", entities="user:a:b", state="in progress", last_raised=DAY),
        ]
    )
    now = DAY + 24 * HOUR
    found = estate.found("| `ssa_open_alerts`", now=now)
    assert [(one["_key"], float(one["age"])) for one in found] == [("a1", 24 * HOUR), ("c3", now - 1_000)]
    assert [
        (one["risk_object_type"], one["risk_object"], float(one["alerted_at"]), one["alerts"], one["open"])
        for one in estate.found("| `ssa_alerted_entities`")
    ] == [
        ("system", "ws-1", DAY + HOUR, "1", "1"),
        ("user", "a:b", DAY, "1", "1"),
        ("user", "amy", DAY + 2 * HOUR, "2", "1"),
    ]


def test_a_user_and_a_device_of_one_name_are_shown_both_and_told_apart(estate):
    estate.hits((DAY + 60, "kiosk", "kiosk"), (DAY + 120, "kiosk", "kiosk"), (DAY + 180, "amy", "kiosk"))
    view = views.shipped()["entity"]

    def panel(source):
        return estate.found(views.fill(view.query(source), view.defaults | {"entity": "kiosk"}))

    assert [(row["Name"], row["Kind"], row["Score"]) for row in panel("ds_known")] == [
        ("kiosk", "device", "105 of 100"),
        ("kiosk", "user", "70 of 100"),
    ]
    totals = [(row["Of"], row["Adds"]) for row in panel("ds_contributions") if row["Detection"].startswith("Score, ")]
    assert totals == [("device kiosk", "105"), ("user kiosk", "70")]
    assert {row["Of"] for row in panel("ds_in_order")} == {"device kiosk", "user kiosk"}
    assert {*panel("ds_over_time")[0]} >= {"device kiosk", "user kiosk", "threshold"}
    assert [(row["Name"], row["Kind"]) for row in panel("ds_related")] == [("amy", "user")]

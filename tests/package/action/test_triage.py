"""What the risk rules raise is kept for an analyst: the packaged action as a process, over the real KV store's API."""

import json
import time

import pytest

from ssa.action.process import EXIT_INPUT, EXIT_OK, EXIT_SPLUNKD, EXIT_USAGE
from tests.support.app.alerting import assert_hidden, on_each_python
from tests.support.servers.faults import Faults, fault

RULE = "SSA - Risk Over 24 Hours - Rule"
DAY = 86_400
DUE = 1_772_442_000
"""When the search of these tests was due: its sid has it."""


@pytest.fixture
def action(action):
    action.entry = "ssa_alert.py"
    yield action
    del action.entry


def row(name="jdoe", kind="user", **changes):
    """A result of a risk rule."""
    found = {
        "risk_object": name,
        "risk_object_type": kind,
        "risk_score": "140.5",
        "severity": "high",
        "message": f"{kind} {name} has gathered a risk score of 140.5",
        "detections": ["One", "Two"],
        "drilldown_search": "`ssa_risk_events` | table _time",
    }
    return {key: value for key, value in {**found, **changes}.items() if value is not None}


def run(action, *rows, at=DUE, rule=RULE, **parameters):
    sid = f"scheduler__admin__ssa_detections__RMD5abc_at_{at}_17"
    return action.run(*rows, payload={"search_name": rule, "sid": sid}, **parameters)


def kept(action):
    return action.collection("ssa_alerts").find()


@on_each_python
def test_an_alert_becomes_a_row_that_is_new_and_has_no_owner(action):
    code, log = run(action, row())
    assert (code, log.count("\n")) == (EXIT_OK, 1), log
    assert "results=1 new=1 raised_again=0 not_kept=0 problems=0 exit_code=0" in log
    (found,) = kept(action)
    assert (len(found.pop("_key")), len(found.pop("subject"))) == (24, 64)
    assert found == {
        "_user": "nobody",
        "rule": RULE,
        "entities": ["user:jdoe"],
        "severity": "high",
        "risk_score": 140.5,
        "message": "user jdoe has gathered a risk score of 140.5",
        "detections": ["One", "Two"],
        "raised": DUE,
        "last_raised": DUE,
        "times": 1,
        "drilldown_search": "`ssa_risk_events` | table _time",
        "state": "new",
        "changed": DUE,
    }


@on_each_python
def test_what_is_raised_again_while_it_is_open_is_the_same_row_with_the_highest_score(action):
    run(action, row())
    run(action, row(risk_score="90", severity="critical", detections=["Three"], message="again"), at=DUE + DAY)
    run(action, row(risk_score="120", severity="low", detections=["One"], message="and again"), at=DUE + 2 * DAY)
    (found,) = kept(action)
    assert (found["raised"], found["last_raised"], found["times"]) == (DUE, DUE + 2 * DAY, 3)
    assert (found["risk_score"], found["severity"], found["message"]) == (140.5, "critical", "and again")
    assert sorted(found["detections"]) == ["One", "Three", "Two"]
    assert found["changed"] == DUE


def test_what_an_analyst_has_written_stays_when_it_is_raised_again(action):
    run(action, row())
    (before,) = kept(action)
    written = {"state": "in progress", "owner": "amy", "comment": "looking", "changed": DUE + 60}
    # As outputlookup writes it: a list of one value becomes a text.
    action.collection("ssa_alerts").save([{**before, **written, "detections": "One", "entities": "user:jdoe"}])
    run(action, row(detections="Two"), at=DUE + DAY)
    (after,) = kept(action)
    assert {name: after[name] for name in written} == written
    assert (after["_key"], after["times"], after["detections"]) == (before["_key"], 2, ["Two", "One"])


def test_after_it_was_closed_it_is_a_new_alert_and_the_old_one_stays_closed(action):
    for day in range(3):
        run(action, row(), at=DUE + day * DAY)
        *_, last = kept(action)
        action.collection("ssa_alerts").save([{**last, "state": "closed", "verdict": "benign"}])
    run(action, row(), at=DUE + 3 * DAY)
    found = kept(action)
    assert [one["state"] for one in found] == ["closed"] * 3 + ["new"]
    assert [one["raised"] for one in found] == [DUE + day * DAY for day in range(4)]
    assert len({one["_key"] for one in found}) == 4


def test_two_processes_that_raise_the_same_at_once_write_one_row(action):
    run(action, row())
    (first,) = kept(action)
    action.collection("ssa_alerts").delete()
    run(action, row())
    assert [one["_key"] for one in kept(action)] == [first["_key"]]


def test_other_rules_and_other_entities_are_other_alerts(action):
    run(action, row(), row("ws-1", "system"), row("jdoe", "system"))
    run(action, row(), rule="SSA - ATT&CK Breadth Over 7 Days - Rule")
    assert [one["entities"] for one in kept(action)] == [
        ["user:jdoe"],
        ["system:ws-1"],
        ["system:jdoe"],
        ["user:jdoe"],
    ]


def test_the_same_twice_in_one_results_file_is_raised_once(action):
    code, _ = run(action, row(window="now"), row(window="2026-03-01", risk_score="200"))
    (found,) = kept(action)
    assert (code, found["times"], found["risk_score"]) == (EXIT_OK, 1, 200)


@pytest.mark.parametrize(
    ("columns", "entities"),
    [
        ({"risk_object": "CORP\\JDoe"}, ["user:jdoe"]),
        ({"risk_object": ["a", "b"]}, ["user:a", "user:b"]),
        ({"risk_object": "203.0.113.9", "risk_object_type": "other"}, ["other:203.0.113.9"]),
        ({"risk_object_type": "sysadmin"}, ["other:jdoe"]),
        ({"risk_object_type": ["user", "system"]}, ["other:jdoe"]),
        ({"risk_object_type": None, "user": "amy", "device": "ws-1.", "risk_object": ["amy", "ws-1"]},
         ["system:ws-1", "user:amy"]),
        ({"risk_object_type": None, "risk_object": None, "user": "amy"}, ["user:amy"]),
        ({"risk_object_type": None, "risk_object": None, "device": ["ws-2", "WS-1"]}, ["system:ws-1", "system:ws-2"]),
        ({"risk_object_type": None, "user": "amy", "risk_object": ["amy", "a share"]}, ["other:a share", "user:amy"]),
        ({"user": "mallory", "device": "ws-9"}, ["user:jdoe"]),
        ({"risk_object": "a\nuser:root"}, ["user:a␊user:root"]),
    ],
)  # fmt: skip
def test_entities_are_those_of_the_risk_or_else_user_and_device(action, columns, entities):
    run(action, row(**columns))
    assert [one["entities"] for one in kept(action)] == [entities]


@pytest.mark.parametrize(
    "columns",
    [{"risk_object": None}, {"risk_object": "-"}, {"risk_object": "SYSTEM"}, {"risk_object": None, "host": "ws-1"}],
)
def test_a_result_that_names_no_user_and_no_device_is_an_error_that_says_what_to_do(action, columns):
    code, log = run(action, row(**columns), row("amy"))
    assert code == EXIT_INPUT
    assert f'ERROR result 1 of "{RULE}" names no user or device, so it is not kept: let the search end with' in log
    assert [one["entities"] for one in kept(action)] == [["user:amy"]]


def test_an_alert_of_a_users_own_has_the_severity_of_the_action_and_its_name_as_message(action):
    code, log = run(action, {"user": "amy", "detection": "Mine"}, rule="Mine - Alert", severity="low")
    (found,) = kept(action)
    assert (found["severity"], found["message"], found["detections"]) == ("low", "Mine - Alert", ["Mine"])
    assert "risk_score" not in found
    code, log = run(action, {"user": "amy"}, severity="urgent")
    assert code == EXIT_USAGE
    assert "ERROR parameter severity: expected one of informational, low, medium, high, critical" in log


def test_values_are_cut_with_a_mark_and_a_search_that_is_too_long_is_left_out(action):
    many = [f"D{number:03}" for number in range(200)]
    long = {"message": "m" * 9_000, "drilldown_search": "s" * 9_000, "risk_score": "9e99", "severity": "\u202ehgih"}
    assert run(action, row("n" * 9_000, detections=[*many, "d" * 9_000], **long))[0] == EXIT_OK
    (found,) = kept(action)
    assert "drilldown_search" not in found
    assert "risk_score" not in found
    assert (found["severity"], len(found["detections"])) == ("medium", 50)
    assert found["message"].endswith("m… (9,000 characters in all)")
    assert len(json.dumps(found)) < 8_000


def test_an_ad_hoc_run_is_raised_now(action):
    assert action.run(row(), payload={"sid": "1772442000.1", "search_name": "x"})[0] == EXIT_OK
    (found,) = kept(action)
    assert abs(found["raised"] - time.time()) < 60


def test_a_closed_alert_goes_90_days_after_its_last_change_an_open_one_stays(action):
    action.collection("ssa_alerts").save(
        {"_key": key, "state": state, "changed": DUE - days * DAY, "last_raised": DUE - days * DAY}
        for key, state, days in [("old", "closed", 91), ("young", "closed", 89), ("open", "new", 400)]
    )
    run(action, row())
    assert {"young", "open"} == {one["_key"] for one in kept(action)} & {"old", "young", "open"}


def test_no_results_are_no_request(action):
    code, _ = run(action)
    assert (code, action.splunkd.requests) == (EXIT_OK, [])


# -- when something fails


@on_each_python
def test_while_the_kv_store_is_down_it_tries_again_and_the_log_has_what_was_not_kept(action):
    action.local("alert_actions", "[ssa_alert]\nmaxtime = 2s\n")
    with Faults(action.splunkd.uri, lambda _: fault("503")) as proxy:
        code, log = action.run(row(), row("amy"), payload={"server_uri": proxy.uri, "search_name": RULE})
        assert len(proxy.done) > 1
    assert (code, kept(action)) == (EXIT_SPLUNKD, []), log
    assert "ERROR 2 alerts were not kept: splunkd at " in log
    assert "docs/triage.md has how to keep them" in log
    records = [json.loads(line.partition("record=")[2]) for line in log.splitlines() if "record=" in line]
    assert [one["entities"] for one in records] == [["user:jdoe"], ["user:amy"]]
    assert_hidden(log)
    action.collection("ssa_alerts").save(records)
    assert [one["message"] for one in kept(action)] == [one["message"] for one in records]


ONCE = ("503", "close", "half", "close_after", "reset_after")


@pytest.mark.parametrize(
    ("kind", "writing"),
    [*((kind, True) for kind in ONCE), *((kind, False) for kind in (*ONCE, "[[1]]", '{"a": 1}', '[["x"]]'))],
)
def test_what_fails_for_once_is_tried_again_and_raised_once(action, kind, writing):
    run(action, row())
    failing = [fault(kind), None] if writing else [fault(kind)]
    with Faults(action.splunkd.uri, lambda _: failing.pop() if failing else None) as proxy:
        code, log = action.run(row(), payload={"server_uri": proxy.uri, "search_name": RULE})
    (found,) = kept(action)
    assert (code, found["times"]) == (EXIT_OK, 2), log


@pytest.mark.parametrize(("status", "says"), [("403", "may not use the app's KV store"), ("404", "is it up")])
def test_what_will_not_change_is_said_at_once_with_what_to_do(action, status, says):
    with Faults(action.splunkd.uri, lambda _: fault(status)) as proxy:
        code, log = action.run(row(), payload={"server_uri": proxy.uri})
    assert (code, len(proxy.done)) == (EXIT_SPLUNKD, 1)
    assert says in log


def test_a_results_file_that_cannot_be_read_is_named(action):
    code, log = action.run(row(), payload={"results_file": "/etc/hostname"})
    assert code == EXIT_INPUT
    assert "is not in splunkd's dispatch folder" in log


def test_it_is_started_by_splunkd_alone(action):
    code, log = action.start("{}", "--help")
    assert (code, log[:40]) == (EXIT_USAGE, "ERROR ssa_alert is an alert action: splu")

"""Hits become risk, and risk raises an alert: points of docs/first-install.md."""

import json
from collections import Counter

import pytest

from tests.integration import demo
from tests.integration.conftest import RULE
from tests.integration.server import changed, entries, search, until

pytestmark = pytest.mark.xdist_group("integration")

SCORE = "SSA - Risk Over 24 Hours - Rule"


@pytest.mark.point(3, 9)
def test_each_hit_becomes_a_risk_event_for_its_user_and_one_for_its_device(risk, events):
    late = {f"h.late.{events.id}": 1, f"ws-late.{events.id}.example": 1}
    expected = Counter(late)
    for names, number in events.hits.items():
        expected.update(dict.fromkeys(names, number))
    assert Counter(event["risk_object"] for event in risk) == expected
    assert {(event["sourcetype"], event["source"], event["search_name"]) for event in risk} == {("stash", RULE, RULE)}
    assert [event["_raw"] for event in risk if "\n" in event["_raw"].strip()] == [], "one line each"
    assert [event["_raw"] for event in risk if "***SPLUNK***" in event["_raw"] or "==##~~##~~" in event["_raw"]] == []


def test_the_spool_took_the_risk_events_and_nothing_is_left_to_other_ways(sinks):
    """An admin may have set `delivery = receivers` on a server of his own."""
    assert sinks <= {"spool", "receivers"}
    assert "spool" in sinks


@pytest.mark.point(12)
def test_the_time_of_a_risk_event_is_that_of_the_hit(service, risk, events):
    rows = search(service, f'index=risk risk_object="*{events.id}*" | eval off=_time-orig_time | table off')
    assert {float(row["off"]) for row in rows} == {0}


@pytest.mark.point(13)
def test_risk_events_read_back_as_the_hits_were(risk, hits):
    of = {hit["event_id"]: hit for hit in hits}
    read = [event for event in risk if event["event_id"] in of]
    assert len(read) == 2 * len(hits)
    assert {event["event_id"]: event["process"] for event in read} == {id: hit["process"] for id, hit in of.items()}
    assert any('"' in event["process"] and "\\" in event["process"] for event in read)
    for event in read:
        assert json.loads(event["annotations"])["mitre_attack"] == ["T1218.007"]
        hit = of[event["event_id"]]
        assert f"on endpoint {hit['dest_device_id']} by user {hit['dest_user_id']}" in event["risk_message"]


@pytest.mark.point(4)
def test_the_action_wrote_nothing_twice_and_remembers_what_it_wrote(service, risk):
    """It ran twice over the demo's day; the second time it had a late hit to write, which is there."""
    ids = [event["risk_event_id"] for event in risk]
    assert Counter(ids).most_common(1)[0][1] == 1
    ledger = service.kvstore["ssa_risk_ledger"].data
    for id in ids:
        assert float(ledger.query_by_id(id)["written"]) > 1_700_000_000


def test_entries_weigh_the_risk_of_whom_they_match_until_they_end(service, risk, events):
    name = f"b.heron.{events.id}"
    patterns = (name.replace("heron", "h*"), f"*{events.id}")
    records = [{"entity": p, "factor": f, "expires": "2099-01-01"} for p, f in zip(patterns, (2, 0.5), strict=True)]

    def weighed():
        rows = search(service, "`ssa_risk_scores`", *demo.ALL)
        (row,) = [row for row in rows if row["risk_object"] == name]
        return float(row["factor"]), float(row["risk_score"])

    with entries(service, "ssa_risk_modifiers", *records) as change:
        assert weighed() == (2, 210)
        change(expires="2020-01-01")
        assert weighed() == (1, 105)


def test_the_risk_rule_lists_whoever_has_three_hits(dispatch, risk, events):
    scores = {row["risk_object"]: float(row["risk_score"]) for row in dispatch(SCORE, demo.ALL)}
    assert scores == {
        f"b.heron.{events.id}": 105,
        f"ws-fin-02.{events.id}.example": 105,
    }


def alerts(service, name):
    return sum(group.count for group in service.fired_alerts if group.name == name)


@pytest.mark.point(5, 35)
def test_the_rule_raises_an_alert_on_each_user_and_device_and_its_drilldown_finds_the_risk(
    service, dispatch, risk, events
):
    before = alerts(service, SCORE)
    with changed(service, "macros", "ssa_risk_threshold", definition="30"):
        rows = dispatch(SCORE, demo.ALL, trigger_actions=1)
        until(lambda: alerts(service, SCORE), lambda count: count > before, "no triggered alert is listed")
    assert sorted(row["risk_object"] for row in rows) == sorted({event["risk_object"] for event in risk})
    (drilldown,) = (row["drilldown_search"] for row in rows if row["risk_object"].startswith("ws-fin-02"))
    assert [float(row["risk_score"]) for row in search(service, drilldown)] == [35, 35, 35]

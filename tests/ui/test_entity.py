"""Entity, as an analyst uses it: who is it, what adds up to its score, what else is involved, what becomes of alerts.

Figures are held to tests/support/app/scores.py, which is plain Python and knows no SPL.
"""

import urllib.parse
from collections import Counter
from contextlib import contextmanager

import pytest

from sandbox.demo import replay
from tests.support.app import scores
from tests.support.app.scores import Hit
from tools.ui.browser import WIDTHS

CHOOSER, HEAD, UNKNOWN = "Users and devices by highest", "Who it is", "Nobody has this name"
SCORE, HITS, PARTS = "Its score, hour by hour", "Its hits, by detection", "What adds up to the score"
TECHNIQUES, RELATED, EVENTS = "ATT&CK techniques", "Who shares its hits", "Its events, the newest"
ALERTS, LINES, TUNE = "Alerts of it", "Lines for the alert", "A false positive?"
OF_A_CHOICE = (HEAD, SCORE, HITS, PARTS, TECHNIQUES, RELATED, ALERTS, LINES, TUNE, EVENTS)
KINDS = {"user": "user", "system": "device"}
CAPS = {"TTP": 105, "Anomaly": 60, "Hunting": 60}
WEEK = 7 * 86_400


def whole(screen):
    """Check that nothing went wrong since the last look."""
    assert (screen.failed_searches(), screen.unanswered(), screen.errors) == ([], [], [])


def shown(screen):
    """The titles of the panels that are to be seen."""
    return screen.page.locator("[data-test=viz-title]").all_inner_texts()


def risk(served):
    """The risk events of a stand-in, as rows."""
    return served.splunkd.instance.search("index=risk").rows


def hits(rows, name, kind):
    """The hits of a user or device, for the computation of its score."""
    return [
        Hit(
            row["risk_event_id"],
            time=float(row["_time"]),
            indexed=float(row["_time"]),
            detection=row["detection"],
            score=float(row["risk_score"]),
            story=row.get("detection_set") or listed(row["analyticstories"])[0],
            process=row["process_key"],
            repeat=row["repeat_key"] if row["detection_type"] != "TTP" else None,
            cap=CAPS[row["detection_type"]],
        )
        for row in rows
        if (row["risk_object"], row["risk_object_type"]) == (name, kind)
    ]


def listed(cell):
    return cell if isinstance(cell, list) else [cell]


def best(served, name, kind):
    """The highest score of a user or device over 7 days that end now."""
    end = served.splunkd.clock()
    return scores.highest(hits(risk(served), name, kind), end - WEEK, end)


def clock(served, moment):
    (row,) = served.splunkd.instance.search(f'| makeresults | eval at=strftime({moment}, "%Y-%m-%d %H:%M")').rows
    return row["at"]


# -- who it is


def test_without_a_choice_only_the_chooser_is_shown_and_a_click_shows_whom_it_chose(days):
    days.open("entity")
    assert [title for title in shown(days) if not title.startswith(CHOOSER)] == []
    days.click(CHOOSER, "j.doe")
    days.settle()
    assert days.token("entity") == "j.doe"
    titles = shown(days)
    assert [title for title in OF_A_CHOICE if not [one for one in titles if one.startswith(title)]] == []
    assert [title for title in titles if title.startswith((CHOOSER, UNKNOWN))] == []
    whole(days)


def test_the_chooser_has_everyone_with_the_highest_score_of_24_hours(days, four_days):
    days.open("entity")
    rows = days.table(CHOOSER)
    names = {(row["risk_object"], row["risk_object_type"]) for row in risk(four_days)}
    expected = {(name, KINDS[kind]): best(four_days, name, kind) for name, kind in names}
    assert {(row["Name"], row["Kind"]): float(row["Score"]) for row in rows} == {
        who: one.score for who, one in expected.items()
    }
    for row in rows:
        assert row["Until"] == clock(four_days, expected[row["Name"], row["Kind"]].at)
    assert [float(row["Score"]) for row in rows] == sorted((one.score for one in expected.values()), reverse=True)


@pytest.mark.parametrize(("name", "kind"), [("j.doe", "user"), ("ws-12.example", "system"), ("svc.deploy", "user")])
def test_the_head_has_the_score_and_its_parts_sum_to_it(days, four_days, name, kind):
    days.open("entity", **{"form.entity": name})
    one = best(four_days, name, kind)
    (head,) = days.table(HEAD)
    assert (head["Name"], head["Kind"], head["Score"]) == (name, KINDS[kind], f"{one.score:g} of 100")
    assert head["Until"] == clock(four_days, one.at)
    first = min(hit.time for hit in hits(risk(four_days), name, kind))
    assert (head["First_seen"], head["Weight"]) == (clock(four_days, first), "x 1")
    total, *parts = days.table(PARTS)
    assert total["Detection"] == f"Score, 24 hours up to {head['Until']}"
    assert (float(total["Adds"]), int(total["Hits"])) == (one.score, one.hits)
    assert sum(float(row["Adds"]) for row in parts) == one.score
    assert {row["Detection"]: float(row["Adds"]) for row in parts} == {d: part for (d, _), part in one.parts.items()}
    whole(days)


def test_an_unknown_name_is_said_to_be_unknown(screen):
    screen.open("entity", **{"form.entity": 'o"neil | delete'})
    assert [title for title in shown(screen) if not title.startswith(UNKNOWN)] == []
    (row,) = screen.table(UNKNOWN)
    assert row["Not_found"].startswith('No risk event and no alert is of o"neil | delete, at any time.')
    whole(screen)


def test_without_risk_the_chooser_says_what_to_do(bare):
    bare.open("entity")
    (row,) = bare.table(CHOOSER)
    assert row["Name"].startswith("Nobody has risk in this time range. Widen it, or open Start here")


def test_overview_and_entity_show_a_score_of_the_same_24_hours(days):
    days.open("overview")
    days.page.locator("tbody tr", has_text="j.doe").first.locator("td").first.click()
    days.page.wait_for_url("**/entity?**")
    days.settle()
    (head,) = days.table(HEAD)
    last = head["Last"]
    days.open("overview")
    assert last in " ".join(days.page.locator("tbody tr", has_text="j.doe").all_inner_texts())


def test_an_ignored_user_and_one_of_double_weight_are_marked(days, four_days):
    later = {"expires": "2099-01-01"}
    with entries(four_days, "ssa_ignored_entities", {"entity": "corp\\z.*", "type": "user", **later}):
        with entries(four_days, "ssa_risk_modifiers", {"entity": "z.o*", "factor": 2, **later}):
            days.open("entity", **{"form.entity": "z.orr"})
            (head,) = days.table(HEAD)
            assert head["Weight"] == "ignored: no new risk"
        days.open("entity", **{"form.entity": "j.doe"})
        assert days.table(HEAD)[0]["Weight"] == "x 1"
    with entries(four_days, "ssa_risk_modifiers", {"entity": "z.o*", "factor": 2, **later}):
        days.open("entity", **{"form.entity": "z.orr"})
        (head,) = days.table(HEAD)
        assert (head["Weight"], head["Score"]) == ("x 2", f"{2 * best(four_days, 'z.orr', 'user').score:g} of 100")


@contextmanager
def entries(served, lookup, *records):
    collection = served.splunkd.instance.kvstore.collection("ssa_detections", lookup)
    before = collection.find()
    collection.save(records, replace=True)
    try:
        yield
    finally:
        collection.save(before, replace=True)


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_with_a_choice_the_view_is_readable_in_every_width(days, theme):
    days.open("entity", theme=theme, **{"form.entity": "j.doe"})
    assert [one for one in days.violations() if 'data-test="prev"' not in one] == []  # the pager is Splunk's own
    for width in WIDTHS if theme == "dark" else ():  # a theme has colours of its own, and nothing wider
        days.resize(width)
        assert (width, days.cut(), days.sideways(), days.failing(), days.speechless()) == (width, [], [], [], [])
    whole(days)


# -- what happened


def test_the_score_is_drawn_with_its_threshold_and_the_hits_below_it(days):
    days.open("entity", **{"form.entity": "m.rao"})
    drawn = days.panel(SCORE).inner_text()
    assert "user m.rao" in drawn
    assert "threshold" in drawn
    assert "Windows MSIExec Security Product Removal" in days.panel(HITS).inner_text()
    (flags,) = (one for one in days.searches() if one.source == "ds_alerts")
    assert 'search name="m.rao"' in flags.text


def test_the_device_of_a_user_is_one_click_away_and_leads_back(days):
    days.open("entity", **{"form.entity": "j.doe"})
    (device,) = days.table(RELATED)
    assert (device["Name"], device["Kind"]) == ("ws-10.example", "device")
    days.click(RELATED, "ws-10.example")
    days.settle()
    (head,) = days.table(HEAD)
    assert (head["Name"], head["Score"]) == ("ws-10.example", f"{device['Score']} of 100")
    days.click(RELATED, "j.doe")
    days.settle()
    assert days.table(HEAD)[0]["Name"] == "j.doe"
    whole(days)


def test_a_service_account_has_all_its_devices(days, four_days):
    days.open("entity", **{"form.entity": "svc.deploy"})
    mine = {row["process_key"] for row in risk(four_days) if row["risk_object"] == "svc.deploy"}
    shared = {row["risk_object"] for row in risk(four_days) if row["process_key"] in mine} - {"svc.deploy"}
    assert {row["Name"] for row in days.table(RELATED)} == shared
    assert len(shared) > 2


def test_its_techniques_are_counted_by_hit(days, four_days):
    days.open("entity", **{"form.entity": "m.rao"})
    own = [row for row in risk(four_days) if row["risk_object"] == "m.rao"]
    expected = Counter(id for row in own for id in listed(row["annotations.mitre_attack"]))
    found = {row["Technique"].partition(" ")[0]: int(row["Hits"]) for row in days.table(TECHNIQUES)}
    assert found == expected


def test_its_events_come_newest_first_with_parent_and_command_line_and_lead_to_the_process(days, four_days):
    days.open("entity", **{"form.entity": "j.doe"})
    rows = days.table(EVENTS)
    own = [row for row in risk(four_days) if row["risk_object"] == "j.doe"]
    own.sort(key=lambda row: (-float(row["_time"]), row["detection"]))
    assert [row["Detection"] for row in rows] == [row["detection"] for row in own]
    assert [row["Command"] for row in rows] == [row["process"] for row in own]
    assert {row["Parent"] for row in rows} == {"cmd.exe", "winword.exe"}
    days.click(EVENTS, rows[0]["Time"])
    days.page.wait_for_url("**/search?**")
    days.settle()
    (event,) = days.results()
    assert (event["process"], event["user"]) == (rows[0]["Command"], "j.doe")
    whole(days)


def test_a_detection_that_adds_to_the_score_leads_to_tuning_over_the_same_time(days):
    days.open("entity", **{"form.entity": "j.doe"})
    days.click(PARTS, "Security Product Removal")
    days.page.wait_for_url("**/tuning?**")
    days.settle()
    assert days.token("detection") == "Windows MSIExec Security Product Removal"
    assert (days.token("time.earliest"), days.token("time.latest")) == ("-7d@h", "now")


# -- what becomes of an alert


@contextmanager
def kept(served):
    """Let a test change alerts, and have them as they were afterwards."""
    collection = served.splunkd.instance.kvstore.collection("ssa_detections", "ssa_alerts")
    before = collection.find()
    try:
        yield collection
    finally:
        collection.save(before, replace=True)


def run(served, line):
    """Run a line as it was pasted into Search."""
    replay.connect(served.splunkd).jobs.oneshot(line, output_mode="json")


@pytest.mark.parametrize(
    ("what", "state", "verdict", "alerted"),
    [
        ("Take it", "in progress", "-", "2 open"),
        ("Close as true positive", "closed", "true positive", "1 open"),
        ("Close as false positive", "closed", "false positive", "1 open"),
    ],
)
def test_an_alert_is_taken_and_closed_by_the_line_that_the_view_gives(days, four_days, what, state, verdict, alerted):
    with kept(four_days) as alerts:
        before = {row["_key"]: row for row in alerts.find()}
        days.open("entity", **{"form.entity": "j.doe"})
        assert {(row["Rule"], row["State"]) for row in days.table(ALERTS)} == {
            ("Risk Over 24 Hours", "new"),
            ("Severe Hit", "new"),
        }
        assert days.table(HEAD)[0]["Alerted"].endswith(", 2 open")
        days.click(ALERTS, "Severe Hit")
        days.settle()
        lines = {row["What"]: row for row in days.table(LINES)}
        assert lines[what]["About"].startswith("Severe Hit, raised ")
        run(four_days, lines[what]["Line"])
        days.open("entity", **{"form.entity": "j.doe"})
        changed = next(row for row in days.table(ALERTS) if row["Rule"] == "Severe Hit")
        assert (changed["State"], changed["Owner"], changed["Verdict"]) == (state, "admin", verdict)
        assert days.table(HEAD)[0]["Alerted"].endswith(alerted)
        (after,) = (row for row in alerts.find() if row != before[row["_key"]])
        assert {k: v for k, v in after.items() if k in ("entities", "detections", "message", "raised")} == {
            k: before[after["_key"]][k] for k in ("entities", "detections", "message", "raised")
        }
        whole(days)


def test_a_false_positive_leads_to_tuning_with_its_detection_and_its_time(days, four_days):
    days.open("entity", **{"form.entity": "adm.t"})
    (alert,) = days.table(ALERTS)
    assert alert["Rule"] == "Severe Hit"
    (row,) = days.table(TUNE)
    days.click(TUNE, row["Detection"])
    days.page.wait_for_url("**/tuning?**")
    days.settle()
    (kept_row,) = (
        one for one in four_days.splunkd.instance.search("| inputlookup ssa_alerts").rows if "user:adm.t" in str(one)
    )
    earliest, latest = (int(days.token(f"time.{end}")) for end in ("earliest", "latest"))
    own = [one for one in risk(four_days) if (one["risk_object"], one["detection"]) == ("adm.t", row["Detection"])]
    assert days.token("detection") == row["Detection"] == kept_row["detections"]
    assert [one for one in own if earliest <= float(one["_time"]) < latest]
    whole(days)


@pytest.mark.parametrize("name", ["a`b", "a$b$", 'x" OR "', "back\\slash", "a|u", "[search x]"])
def test_a_name_that_means_to_be_more_is_a_name(screen, name):
    screen.open("entity", **{"form.entity": name})
    assert {urllib.parse.unquote(screen.token("entity"))} <= {name, urllib.parse.unquote(name)}
    assert len(screen.table(UNKNOWN)) == 1
    whole(screen)

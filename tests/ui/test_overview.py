"""What Overview answers, over four days of a small estate: every figure is computed again here, from the risk events.

Nothing of it is read from the app's searches: scores are those of tests/support/app/scores.py, which knows no SPL.
"""

import re
from collections import Counter, defaultdict
from typing import NamedTuple

import pytest

from sandbox import confs
from tests.support.app import scores
from tools import ROOT

HOUR, DAY = 3600, scores.DAY
THRESHOLD = 100
WHO, OPEN, HEALTH = "Who first", "Open alerts", "Is it healthy?"
MATRIX, NOISE, MESSAGES = "ATT&CK", "Detections by hits", "Latest messages"
CAPS = {"TTP": 105, "Anomaly": 60, "Hunting": 60}
TECHNIQUES = {name: one["mitre_attack_id"].split(", ") for name, one in confs.load(ROOT, "ssa_detections").items()}


class Risk(NamedTuple):
    """The risk events of an index within a time range: as hits by user or device, and as the rows that they are."""

    objects: dict
    rows: list

    @classmethod
    def of(cls, splunkd, start, end):
        events = splunkd.instance.search("index=risk sourcetype=stash").rows
        rows = [row for row in events if start <= float(row["_time"]) < end]
        objects = defaultdict(list)
        for row in events:
            objects[row["risk_object"], row["risk_object_type"]].append(hit_of(row))
        return cls(objects, rows)

    @property
    def hits(self):
        return {(row["detection_id"], row["event_id"]) for row in self.rows}

    @property
    def detections(self):
        return {row["detection"] for row in self.rows}


def hit_of(row):
    anomaly = row["detection_type"] != "TTP"
    stories = [row.get("detection_set"), *several(row.get("analyticstories")), row["detection"]]
    return scores.Hit(
        id=row["risk_event_id"],
        time=float(row["_time"]),
        indexed=float(row["_time"]),
        detection=row["detection"],
        score=float(row["risk_score"]),
        story=next(filter(None, stories)),
        process=row["process_key"],
        repeat=row["repeat_key"] if anomaly else None,
        cap=CAPS[row["detection_type"]],
    )


def several(value):
    return value if isinstance(value, list) else [value] if value else []


def highest(objects, start, end):
    found = {name: scores.highest(hits, start, end) for name, hits in objects.items()}
    return {name: one for name, one in found.items() if one and one.hits}


def default_range(stand_in):
    """The time range at first paint, epoch s: 24 hours and what has passed of this one."""
    now = stand_in.splunkd.clock()
    return (now - DAY) // HOUR * HOUR, now


def figures(screen):
    return {
        title: (screen.value(title), screen.change(title))
        for title in ("Hits", "Entities with risk", "Above threshold", "Detections fired")
    }


def expected_figures(stand_in, start, end):
    wanted = {}
    before = start - (end - start)
    for name, (first, last) in {"now": (start, end), "before": (before, start)}.items():
        risk = Risk.of(stand_in.splunkd, first, last)
        found = highest(risk.objects, first, last)
        above = sum(one.score > THRESHOLD for one in found.values())
        wanted[name] = (len(risk.hits), len(found), above, len(risk.detections))
    return [(now, now - old) for now, old in zip(wanted["now"], wanted["before"], strict=True)]


def check_figures(screen, stand_in, start, end):
    shown = [(int(value), int(change)) for value, change in figures(screen).values()]
    assert shown == [(now, abs(change)) for now, change in expected_figures(stand_in, start, end)]


def check_who(screen, stand_in, start, end):
    """Compare the rows that are shown, in order, with the scores."""
    found = highest(Risk.of(stand_in.splunkd, start, end).objects, start, end)
    rows = screen.table(WHO)
    assert len(rows) == min(20, len(found))
    assert [float(row["Score"]) for row in rows] == sorted((one.score for one in found.values()), reverse=True)[:20]
    for row in rows:
        name = row["Entity"], "system" if row["Kind"] == "device" else "user"
        one = found[name]
        assert (float(row["Score"]), int(row["Detections"])) == (one.score, len({key[0] for key in one.parts}))
        assert row["Threshold"].count("█") == min(10, round(one.score * 10 / THRESHOLD + 1e-9))
        earlier = [hit for hit in Risk.of(stand_in.splunkd, 0, 0).objects[name] if start - DAY <= hit.time < start]
        assert ("new" in row["Status"]) == (not earlier)


def check_noise(screen, stand_in, start, end):
    risk = Risk.of(stand_in.splunkd, start, end)
    hits, entities, parts = Counter(), defaultdict(set), defaultdict(float)
    for detection, _ in {(row["detection"], (row["detection_id"], row["event_id"])) for row in risk.rows}:
        hits[detection] += 1
    for row in risk.rows:
        entities[row["detection"]].add((row["risk_object"], row["risk_object_type"]))
    for one in highest(risk.objects, start, end).values():
        for (detection, _), part in one.parts.items():
            parts[detection] += part
    every = sum(parts.values())
    shown = {
        row["Detection"]: (int(row["Hits"]), int(row["Entities"]), float(row["Risk"]), row["Share"])
        for row in screen.table(NOISE)
    }
    assert shown == {
        name: (hits[name], len(entities[name]), round(parts[name], 2), f"{round(100 * parts[name] / every)} %")
        for name in hits
    }
    assert [row["Hits"] for row in screen.table(NOISE)] == [str(count) for _, count in hits.most_common()]


def check_matrix(screen, stand_in, start, end):
    """Compare the risk of each technique: what the detections that name it add to all scores."""
    wanted = defaultdict(float)
    for one in highest(Risk.of(stand_in.splunkd, start, end).objects, start, end).values():
        for (detection, _), part in one.parts.items():
            for technique in TECHNIQUES[detection]:
                wanted[technique] += part
    cells = {cell for row in screen.table(MATRIX) for cell in row.values() if ":" in cell}
    assert {cell.partition(" ")[0]: int(cell.rpartition(": ")[2]) for cell in cells} == {
        technique: round(risk) for technique, risk in wanted.items()
    }


def health(screen):
    """Read the rows of a table without a header."""
    return [" ".join(text.split()) for text in screen.panel(HEALTH).locator("tbody tr").all_inner_texts()]


def whole(screen):
    assert (screen.failed_searches(), screen.unanswered(), screen.errors) == ([], [], [])


RANGES = {"24 hours": {}, "four days": {"form.time.earliest": "1772409600", "form.time.latest": "1772755200"}}
CHECKS = [check_figures, check_who, check_noise, check_matrix]


@pytest.mark.parametrize("length", RANGES)
def test_each_figure_is_that_of_the_risk_events(days, four_days, length):
    days.open("overview", **RANGES[length])
    given = RANGES[length]
    times = [float(one) for one in given.values()] if given else default_range(four_days)
    for check in CHECKS:
        check(days, four_days, *times)
    whole(days)


def test_a_single_hit_is_one_of_everything(lone, single):
    lone.open("overview")
    for check in CHECKS:
        check(lone, single, *default_range(single))
    assert figures(lone)["Hits"] == ("1", "1")
    assert {row["Entity"] for row in lone.table(WHO)} == {"j.doe", "ws-10.example"}
    whole(lone)


def test_where_nothing_runs_no_figure_looks_well_and_each_panel_says_what_to_do(bare):
    bare.open("overview")
    assert set(figures(bare).values()) == {("0", "0")}
    assert [re.sub(r"of \d+", "of all", text) for text in health(bare)] == [
        "TO DO Start here: No detection runs by itself. The data check is not scheduled. Nothing alerts on risk.",
        "LOOK 0 of all detections scheduled, no run in 7 days, data check not scheduled.",
    ]
    last = bare.panel(HEALTH).locator("tbody tr").last.bounding_box()
    box = bare.panel(HEALTH).locator("[data-test=viz-size-wrapper]").first.bounding_box()
    assert last["y"] + last["height"] <= box["y"] + box["height"]
    says = {WHO: "Start here checks", OPEN: "No risk rule is scheduled", NOISE: "Widen", MESSAGES: "No risk events"}
    for panel, text in says.items():
        assert text in str(bare.table(panel)), panel
    whole(bare)


# The questions, each answered by a click.


def alerts_at(now):
    """Yield what the risk rules have raised, as triage has it: two that are open, and one of the day before."""
    raised = {"raised": now - 2 * HOUR, "last_raised": now - 2 * HOUR, "times": 1, "changed": now}
    one = {"rule": "SSA - Severe Hit - Rule", "entities": ["user:j.doe", "system:ws-10.example"], **raised}
    more = {"severity": "high", "risk_score": 64, "message": "high severity on `j.doe`", "state": "new"}
    yield one | more
    yield (
        one
        | more
        | {"entities": ["system:ws-10.example"], "severity": "critical", "message": "a score of 193"}
        | {
            "state": "in progress",
            "owner": "amy",
            "raised": now - 10 * 60,
            "last_raised": now - 5 * 60,
        }
    )
    yield one | more | {"entities": ["user:m.rao"], "state": "closed", "raised": now - 30 * HOUR}


@pytest.fixture
def alerted(four_days):
    """The four days, with two open alerts of today and one of yesterday that is closed."""
    collection = four_days.splunkd.instance.kvstore.collection("ssa_detections", "ssa_alerts")
    kept = collection.find({})
    collection.delete()
    collection.save(alerts_at(four_days.splunkd.clock()))
    yield four_days
    collection.delete()
    collection.save(kept)


def test_who_first_the_highest_score_leads_to_what_is_known_of_it(days, alerted):
    days.open("overview")
    first, second = days.table(WHO)[:2]
    assert (first["Entity"], first["Kind"], second["Entity"]) == ("ws-10.example", "device", "j.doe")
    assert re.fullmatch(r"alerted \d\d-\d\d \d\d:\d\d", first["Status"].replace("\n", " "))
    assert days.panel(WHO).locator("tbody tr").first.locator("svg polyline, svg path").count() > 0
    days.click(WHO, "j.doe")
    days.page.wait_for_url("**/entity?**")
    days.settle()
    assert (days.token("entity"), days.token("time.earliest")) == ("j.doe", "-24h@h")
    whole(days)


def test_the_last_hit_of_a_score_is_the_same_in_overview_and_entity(days):
    days.open("overview", **RANGES["four days"])
    when = {row["Entity"]: (row["Score"], row["Last"].replace("\n", " ")) for row in days.table(WHO)}
    days.open("entity", **RANGES["four days"])
    text = days.text
    for score, at in [*when.values()][:3]:
        assert score in text and at in text


def test_what_is_open_an_alert_leads_to_its_first_entity_at_its_time(days, alerted):
    days.open("overview")
    rows = [{name: " ".join(text.split()) for name, text in row.items()} for row in days.table(OPEN)]
    assert [(r["Age"], r["Severity"], r["State"], r["Message"]) for r in rows] == [
        ("10 min", "critical", "in progress, amy", "a score of 193"),
        ("2 h", "high", "new", "high severity on *j.doe*"),
    ]
    assert (days.value("Alerts raised"), days.change("Alerts raised")) == ("2", "1")
    days.click(OPEN, "high severity")
    days.page.wait_for_url("**/entity?**")
    days.settle()
    assert days.token("entity") == "j.doe"
    earliest, latest = (float(days.token(f"time.{end}")) for end in ("earliest", "latest"))
    assert latest - earliest == pytest.approx(DAY, abs=2)
    whole(days)


def test_which_technique_its_cell_leads_to_its_hits(days):
    days.open("overview")
    cell = days.panel(MATRIX).locator("td", has_text="T1562.001").first
    assert "Disable or Modify Tools: 120" in " ".join(cell.inner_text().split())
    cell.click()
    days.page.wait_for_url("**/search?**")
    days.settle()
    found = days.results()
    assert {row["detection"] for row in found} == {"Windows MSIExec Security Product Removal"}
    assert len(found) == 2
    whole(days)


def test_which_detection_is_noisy_its_row_leads_to_tuning(days):
    days.open("overview", **RANGES["four days"])
    first = days.table(NOISE)[0]
    assert " ".join(first["Detection"].split()) == "Windows MSIExec Silent Package From User Folder"
    days.click(NOISE, "Silent Package")
    days.page.wait_for_url("**/tuning?**")
    days.settle()
    assert days.token("detection") == "Windows MSIExec Silent Package From User Folder"
    assert days.token("time.earliest") == RANGES["four days"]["form.time.earliest"]
    whole(days)


def test_is_it_healthy_the_line_leads_to_start_here(bare):
    bare.open("overview")
    bare.click(HEALTH, "Start here")
    bare.page.wait_for_url("**/start_here**")
    bare.settle()
    whole(bare)


def test_what_changed_each_bar_is_of_its_severity_in_the_order_of_severity(days):
    days.open("overview")
    order = ["inform", "low", "medium", "high", "critical"]  # the first may be cut in the legend
    legend = re.findall("|".join(order), days.panel("Hits over time").text_content())
    assert [*dict.fromkeys(legend)] == order


def test_a_process_that_several_detections_report_is_one_message_and_leads_to_its_event(days):
    days.open("overview")
    row = next(row for row in days.table(MESSAGES) if "update.dll" in row["Message"])
    assert (row["Severity"], row["Score"], row["Detections"]) == ("high", "64", "2")
    assert {name.strip() for name in re.sub(r"-\s+", "-", row["Entities"]).split(",")} == {"j.doe", "ws-10.example"}
    days.click(MESSAGES, "update.dll")
    days.page.wait_for_url("**/search?**")
    days.settle()
    (event,) = days.results()
    assert (event["dest"], event["process_name"]) == ("ws-10.example", "msiexec.exe")
    whole(days)


@pytest.mark.parametrize(
    ("earliest", "latest"),
    [("0", ""), ("0", "now"), ("+1h", "+7d"), ("-1m", "now"), ("-1s", "now"), ("-7d@d", "@d")],
)
def test_an_odd_time_range_shows_no_error(days, earliest, latest):
    days.open("overview", **{"form.time.earliest": earliest, "form.time.latest": latest})
    assert (days.failed_searches(), days.errors, days.failing(), days.speechless()) == ([], [], [], [])


def test_a_time_range_that_ends_before_it_begins_leaves_health_as_it_is(days):
    """Splunk refuses every search over it, and says why."""
    days.open("overview", **{"form.time.earliest": "now", "form.time.latest": "-24h"})
    refused = {text.partition(":")[0] for text in days.failed_searches()}
    assert refused == {"ds_hits", "ds_risk", "ds_alerts", "ds_messages"}
    assert all("latest_time must be after earliest_time" in text for text in days.failed_searches())
    assert health(days)


def test_another_time_range_runs_again_what_depends_on_it(days):
    days.open("overview")
    before = {search.source for search in days.searches()}
    days.forget()
    days.page.locator("[data-test=time-range-dropdown]").click()
    days.page.get_by_text("Last 7 days").click()
    days.settle()
    assert {search.source for search in days.searches()} == before - {"ds_health"}
    assert {(search.earliest, search.latest) for search in days.searches()} == {("-7d@h", "now")}
    assert days.token("time.earliest") == "-7d@h"
    whole(days)


def test_another_user_or_device_runs_again_what_is_about_it(days):
    days.open("overview")
    days.forget()
    name = days.page.get_by_role("textbox").first
    name.fill('o"neil | delete')
    name.press("Enter")
    days.settle()
    assert {search.source for search in days.searches()} == {"ds_hits", "ds_risk", "ds_alerts", "ds_messages"}
    assert all('risk_object="o\\"neil | delete"' in search.text for search in days.searches())
    whole(days)


def test_what_matters_is_within_the_first_thousand_pixels(days):
    days.open("overview")
    days.resize(1920)
    assert days.below(1020) == [
        "Latest messages, one for each process (click for its event)",
        "Detections by hits, and the risk they add to scores",
    ]

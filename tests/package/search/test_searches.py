"""Every search that the app ships, over the demo events: saved searches, drill-downs, search help, views.

What each finds is in test_searches.toml, by the place where it stands. A search without an entry there fails.
"""

import functools
import json
import re
import tomllib
from collections import Counter
from pathlib import Path

import pytest
from rich.console import Console

from sandbox import confs
from sandbox.demo import replay
from sandbox.search.instance import Instance
from sandbox.splunkd import Splunkd
from sandbox.splunkd.state import ROLES, Session
from tests.support.app.demo import CATALOGUE
from tests.support.app.views import strings
from tools import ROOT
from tools.ui import views

pytestmark = pytest.mark.xdist_group("searches")

DEMO = sorted((ROOT / "sandbox/demo").glob("*.log"))
EXPECTED = {entry["place"]: entry for entry in tomllib.loads(Path(__file__).with_suffix(".toml").read_text())["search"]}
HITS = Counter(entry["dest"] for entry in CATALOGUE if entry["expected"])
RULE = "SSA - Windows System Binary Proxy Execution MSIExec DLLRegisterServer - Rule"
ACCELERATED = RULE.replace("- Rule", "- Accelerated - Rule")
VIEWS = views.shipped()
ADMIN = Session("admin", "admin", ROLES["admin"])
EVENING = 1_772_496_000
"""The midnight after the demo's events, epoch s: when somebody looks at the views."""


def shipped(default):
    """Yield each search that is shipped, with the place where it stands."""
    for name, settings in confs.load(default.parent, "savedsearches").items():
        yield f"savedsearches [{name}]", settings["search"]
        for key, value in settings.items():
            if key.endswith("drilldown_searches"):
                yield from ((f"savedsearches [{name}] {drill['name']}", drill["search"]) for drill in json.loads(value))
    for stanza, settings in confs.load(default.parent, "searchbnf").items():
        yield from ((f"searchbnf [{stanza}] {key}", settings[key]) for key in settings if key.startswith("example"))
    for lookup in confs.load(default.parent, "transforms"):
        yield f"transforms [{lookup}]", f"| inputlookup {lookup}"
    for view in VIEWS.values():
        yield from ((f"views [{view.name}] {source}", view.query(source)) for source in view.sources)


SHIPPED = dict(shipped(ROOT / "default"))


@pytest.fixture(scope="module")
def demo(archive, tmp_path_factory):
    """The app on two indexers, with the demo events and the risk that the saved search made of them."""
    instance = Instance(tmp_path_factory.mktemp("demo"), indexers=2)
    instance.install(archive)
    with Splunkd(instance) as splunkd:
        replay.run(splunkd, DEMO, False, Console(quiet=True))
        yield splunkd.acting(ADMIN)


@pytest.fixture(scope="module")
def quiet(archive, tmp_path_factory):
    """The app as it is after installing: no event, no risk, no entry in a lookup."""
    instance = Instance(tmp_path_factory.mktemp("quiet"))
    instance.install(archive)
    with Splunkd(instance) as splunkd:
        yield splunkd.acting(ADMIN)


@pytest.fixture(scope="module")
def painted(demo, quiet):
    """The results of the searches of each view: (view, source) -> with data, and with none.

    In *Entity* somebody has chosen a user; its chooser shows nothing then, and is as it was before.
    """
    found = {}
    for instance in (demo, quiet):
        search = functools.partial(instance.search, now=EVENING)
        for view in VIEWS.values():
            chosen = {"entity": "b.heron"} if view.name == "entity" else {}
            shown = dict(views.paint(view, view.defaults | chosen, search))
            if chosen:
                shown["ds_chooser"] = search(views.fill(view.query("ds_chooser"), view.defaults))
            for id, result in shown.items():
                found.setdefault((view.name, id), []).append(result)
    return found


@pytest.fixture(scope="module")
def hit(demo):
    """What a drill-down takes its tokens from."""
    return demo.search(SHIPPED[f"savedsearches [{RULE}]"]).rows[0]


@pytest.mark.parametrize("place", SHIPPED)
def test_a_shipped_search_finds_what_it_says(demo, hit, painted, place):
    assert place in EXPECTED, "test_searches.toml: say what this search finds over the demo events"
    expected = EXPECTED[place]
    if view := re.fullmatch(r"views \[(.*)] (.*)", place):
        result, _ = painted[view[1], view[2]]
    else:
        result = demo.search(re.sub(r"\$(\w+)\$", lambda token: hit[token[1]], SHIPPED[place]), now=EVENING)
    assert len(result.rows) >= expected.get("least", expected.get("count"))
    assert len(result.rows) <= expected.get("count", len(result.rows))
    assert set(expected.get("columns", [])) <= set(result.columns)
    for wanted in expected.get("has", []):
        assert [row for row in result.rows if wanted.items() <= row.items()], wanted
    assert [text for level, text, _ in result.messages if level != "INFO"] == expected.get("messages", [])


def test_no_search_is_expected_that_is_not_shipped():
    assert set(EXPECTED) <= set(SHIPPED)


APART = (
    *("$", "Self test", "views", "SSA - Data check", "ssa_data_check", "ssa_lookup_history"),
    *("Apply allow list", "ssa_allow_list_copy", "ssasetup"),
)
"""The check says so where there is nothing; the history and the copy of the allow list say when they were made."""
REPORTS = [place for place in SHIPPED if not any(text in place for text in APART)]


@pytest.mark.parametrize("place", REPORTS)
def test_without_events_risk_and_entries_a_search_runs_and_finds_nothing_of_them(quiet, place):
    result = quiet.search(SHIPPED[place])
    # These read what is shipped, or nothing.
    facts = ("ssaexplain", "ssa_attack_techniques", "inputlookup ssa_usual", "makeresults")
    assert bool(result.rows) == any(name in SHIPPED[place] for name in facts if "Breadth" not in place)
    assert [text for level, text, _ in result.messages if level != "INFO"] == []


def test_the_drill_down_of_an_alert_finds_its_risk_events(demo):
    alerts = demo.search(SHIPPED["savedsearches [SSA - Risk Over 24 Hours - Rule]"], now=EVENING).rows
    assert len(alerts) == 2
    for alert in alerts:
        events = demo.search(alert["drilldown_search"]).rows
        assert len(events) == int(alert["risk_events"]) == 3
        assert all(alert["risk_object"].partition(".synthetic")[0] in event["risk_message"] for event in events)


def test_the_raw_and_the_accelerated_search_find_the_same_hits(demo):
    """The same event, told apart by event_id; its time is a whole second in a data model."""
    raw, accelerated = (demo.search(SHIPPED[f"savedsearches [{name}]"]).rows for name in (RULE, ACCELERATED))
    assert Counter(row["dest_device_id"] for row in raw) == HITS
    same = ("event_id", "detection_id", "entities", "dest_user_id", "dest_device_id", "risk_score")
    assert sorted([row[name] for name in same] for row in raw) == sorted(
        [row[name] for name in same] for row in accelerated
    )
    assert sorted(row["body"] for row in raw) == sorted(row["body"] for row in accelerated)
    assert {float(row["_time"]) % 1 for row in accelerated} == {0.0}


def test_the_search_that_a_risk_event_names_finds_its_cause(demo):
    for event in demo.search("index=risk").rows:
        (cause,) = demo.search(event["contributing_events_search"]).rows
        assert event["risk_object"] in (cause["user"].lower().rpartition("\\")[2], cause["dest"])


def named(panel):
    """Name the fields that a panel reads from its rows, and those that a click reads from one."""
    read = set()
    for texts in strings(panel.get("options", {})), strings(panel.get("context", {})):
        text = [one for one in texts if not one.startswith("> annotation")]  # of another source
        for call in re.findall(r"(?:seriesByName|frameBySeriesNames)\(([^)]*)\)", " ".join(text)):
            read |= set(re.findall(r"'([^']*)'", call))
    columns = set(panel.get("options", {}).get("columnFormat", {}))
    clicks = set(re.findall(r"row\.([\w.]+?)\.value", " ".join(strings(panel.get("eventHandlers", [])))))
    return read, columns | clicks


PANELS = [
    pytest.param(view.name, id, panel, id=f"{view.name}-{id}")
    for view in VIEWS.values()
    for id, panel in {**view.definition["visualizations"], **view.definition["inputs"]}.items()
    if "dataSources" in panel
]


@pytest.mark.parametrize(("view", "id", "panel"), PANELS)
def test_a_panel_finds_the_fields_that_it_names_with_data_and_with_none(painted, view, id, panel):
    read, clicked = named(panel)
    results = painted[view, panel["dataSources"]["primary"]]
    for result in results:
        assert [text for level, text, _ in result.messages if level != "INFO"] == []
        assert read <= set(result.columns)
        assert result.rows or not read or panel.get("hideWhenNoData")
        assert clicked <= set(result.columns) or not result.rows
        assert len(result.columns) > 0
    with_data, with_none = results
    if with_data.rows and with_none.rows and panel["type"] == "splunk.table":
        assert with_data.columns == with_none.columns


def test_a_view_without_data_says_what_to_do(painted):
    """Tables of rows that may not be there have one that explains; the others are counts."""
    for place, says in {
        ("overview", "ds_who"): "Start here checks",
        ("overview", "ds_noise"): "No detection has fired",
        ("overview", "ds_open"): "No risk rule is scheduled",
        ("overview", "ds_messages"): "No risk events in this time range",
        ("entity", "ds_chooser"): "open Start here",
        ("entity", "ds_unknown"): "No risk event and no alert is of b.heron, at any time.",
        ("tuning", "ds_noise"): "No risk in this time range",
        ("tuning", "ds_state"): "nothing to tune",
        ("tuning", "ds_values"): "nothing to leave out",
        ("start_here", "ds_errors"): "No error or warning",
    }.items():
        (row,) = painted[place][1].rows
        assert says in " ".join(value for value in row.values() if value), place
        assert not [row for row in painted[place][0].rows if says in str(row)] or place[1] in ("ds_errors",)
    events, *_ = painted["start_here", "ds_open"][1].rows
    assert (events["Point"], events["State"]) == ("Process events", "TO DO")
    assert "finds no event in this time range" in events["Found"] and "Widen the time range" in events["Do"]


def test_a_message_leads_to_the_event_that_caused_it(painted, demo):
    for row in painted["overview", "ds_messages"][0].rows:
        events = demo.search(f"search {row['_search']}").rows
        assert [event for event in events if event["dest"] in row["Message"]]

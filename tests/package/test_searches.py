"""Every search that the app ships, run over the demo events: saved searches, drill-downs, examples of the search help.

What each finds is in searches.toml, by the place where it stands. A search without an entry there fails.
"""

import json
import re
import tomllib
from collections import Counter
from pathlib import Path

import pytest
from rich.console import Console

from sandbox import confs, replay
from sandbox.rest import Splunkd
from sandbox.search import Instance
from tools import ROOT

DEMO = sorted((ROOT / "sandbox/demo").glob("*.log"))
EXPECTED = {entry["place"]: entry for entry in tomllib.loads(Path(__file__).with_suffix(".toml").read_text())["search"]}
CATALOGUE = json.loads((ROOT / "sandbox/demo/catalogue.json").read_text())["events"]
HITS = Counter(entry["dest"] for entry in CATALOGUE if entry["expected"])
RULE = "SSA - Windows System Binary Proxy Execution MSIExec DLLRegisterServer - Rule"
ACCELERATED = RULE.replace("- Rule", "- Accelerated - Rule")


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
    assert not list((default / "data/ui").glob("views/*")), "list the searches of the views here"


SHIPPED = dict(shipped(ROOT / "default"))


@pytest.fixture(scope="module")
def demo(archive, tmp_path_factory):
    """The app on two indexers, with the demo events and the risk that the saved search made of them."""
    instance = Instance(tmp_path_factory.mktemp("demo"), indexers=2, session_key=replay.SESSION_KEY)
    instance.install(archive)
    with Splunkd(instance) as splunkd:
        splunkd.sessions[replay.SESSION_KEY] = frozenset({"edit_tcp"})
        instance.splunkd_uri = splunkd.uri
        replay.run(instance, splunkd, DEMO, False, Console(quiet=True))
    return instance


@pytest.fixture(scope="module")
def quiet(archive, tmp_path_factory):
    """The app as it is after installing: no event, no risk, no entry in a lookup."""
    instance = Instance(tmp_path_factory.mktemp("quiet"))
    instance.install(archive)
    return instance


@pytest.fixture(scope="module")
def hit(demo):
    """What a drill-down takes its tokens from."""
    return demo.search(SHIPPED[f"savedsearches [{RULE}]"]).rows[0]


@pytest.mark.parametrize("place", SHIPPED)
def test_a_shipped_search_finds_what_it_says(demo, hit, place):
    assert place in EXPECTED, "searches.toml: say what this search finds over the demo events"
    expected = EXPECTED[place]
    result = demo.search(re.sub(r"\$(\w+)\$", lambda token: hit[token[1]], SHIPPED[place]))
    assert len(result.rows) == expected["count"]
    assert set(expected.get("columns", [])) <= set(result.columns)
    for wanted in expected["has"]:
        assert [row for row in result.rows if wanted.items() <= row.items()], wanted
    assert [text for level, text, _ in result.messages if level != "INFO"] == expected.get("messages", [])


def test_no_search_is_expected_that_is_not_shipped():
    assert set(EXPECTED) <= set(SHIPPED)


@pytest.mark.parametrize("place", [place for place in SHIPPED if "$" not in place and "Self test" not in place])
def test_without_events_risk_and_entries_a_search_runs_and_finds_nothing_of_them(quiet, place):
    result = quiet.search(SHIPPED[place])
    facts = ("ssaexplain", "ssa_attack_techniques")  # these read what is shipped
    assert bool(result.rows) == any(name in SHIPPED[place] for name in facts if "Breadth" not in place)
    assert [text for level, text, _ in result.messages if level != "INFO"] == []


def test_the_drill_down_of_an_alert_finds_its_risk_events(demo):
    alerts = demo.search(SHIPPED["savedsearches [SSA - Risk Over 24 Hours - Rule]"]).rows
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

"""Real rules: each converts, fires on its own sample, and finds in real events what another matcher finds.

All in one pass find what each finds alone.
"""

import json

import pytest

from sandbox.__main__ import main as sandbox
from sandbox.inputs import windows
from ssa.content.profile import Profile
from ssa.rows.event import input_event
from ssa.rows.hits import detect
from ssa.search.dispatch.dispatch import Dispatch
from tests.support.sigma import events, rules
from tests.support.sigma.matcher import matcher
from tools.__main__ import main
from tools.content.sigma.conversion import detection

pytestmark = pytest.mark.xdist_group("sigma")  # one worker compiles the rules


@pytest.fixture(scope="session")
def selection(tmp_path_factory):
    """The folder of the rules, unpacked."""
    rules.folder()
    return rules.unpacked("rules.tar.gz", tmp_path_factory.mktemp("rules"))


@pytest.fixture(scope="session")
def detections(selection):
    """A detection of each rule by the rule's file, with the profile that the index would give."""
    found = {one.file: detection(one.name, one.settings) for one in rules.converted(selection)}
    for one in found.values():
        one.__dict__["profile"] = Profile.read(Profile.of(one.plan).written)
    return found


def test_every_rule_becomes_a_detection(selection):
    found = rules.converted(selection)
    assert [one for one in found if one.reason] == []
    assert len(found) == len(rules.documents(selection)) > 800
    assert len({one.name for one in found}) == len({one.id for one in found}) == len(found)
    assert all("Sysmon 1" in one.fires_on for one in found)


def test_each_rule_fires_on_its_own_sample(selection, tmp_path):
    by_id = {one.id: one for one in rules.converted(selection)}
    samples = rules.samples(rules.unpacked("regression.tar.gz", tmp_path))
    assert len(samples) == 81
    missed = []
    for rule_id, path, expected in samples:
        found = detection(by_id[rule_id].name, by_id[rule_id].settings)
        rows = [events.row(event) for event in windows.read_events(path) if event.tags]
        fired = sum(bool(detect(found, row)) for row in rows)
        if not fired or fired != (expected or fired):
            missed.append((by_id[rule_id].file, fired, expected))
    assert missed == []


def test_each_rule_fires_on_its_own_sample_in_a_replay(selection, app, tmp_path, capsys):
    """The whole way: imported as a set, the event logs as they are, the packaged searches and action."""
    samples = rules.samples(rules.unpacked("regression.tar.gz", tmp_path / "samples"))
    everything = ["--level", "all", "--status", "all"]
    assert main(["sigma", str(selection), *everything, "--app", str(app)]) == 0
    files = [str(path) for _, path, _ in samples]
    code = sandbox(["replay", "--json", "--all", "--local", str(app / "local"), *files])
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert (code, [line["errors"] for line in lines if line["kind"] == "summary"]) == (0, [[]])
    fired = {line["detection_id"] for line in lines if line["kind"] == "detection"}
    assert {rule_id for rule_id, _, _ in samples} - fired == set()
    risk = {line["search_name"] for line in lines if line["kind"] == "risk_event"}
    assert "SSA - Sigma process_creation - Rule" in risk


def test_each_rule_finds_in_real_events_what_another_matcher_finds_alone_and_in_one_pass(selection, detections):
    documents = rules.documents(selection)
    matchers = {file: matcher(documents[file]["detection"]) for file in detections}
    files = {one.name: file for file, one in detections.items()}
    fields = frozenset().union(*(one.plan.input_fields for one in detections.values()))
    dispatch, offered, fired = Dispatch([*detections.values()]), 0, 0
    rows = events.differing(fields)
    for row, event in rows:
        seen = input_event(row, fields)
        likely = {files[one.name] for one in dispatch(seen)}
        firing = {file for file, one in detections.items() if one.plan.run(seen)}
        assert firing == {file for file, is_match in matchers.items() if is_match(event)}, row["process"]
        assert firing <= likely, row["process"]
        offered, fired = offered + len(likely), fired + len(firing)
    assert 20 < fired <= offered < 4 * len(rows)


def test_few_rules_are_run_for_most_rows(detections):
    """None is without a text, a set of characters, or fields that are equal."""
    profiles = [one.profile for one in detections.values()]
    free = [one for one in profiles if not one.required or one.required[0][0][1] == "present"]
    assert len(free) <= len(profiles) / 200

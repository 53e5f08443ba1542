"""On a search head with indexers: what Splunk replicates is enough, and what is missing on a peer is reported."""

import shutil

import pytest

from sandbox.errors import SearchError
from sandbox.search.instance import Instance
from tests.support.examples import GIVEN, HIT

RULE = f"SSA - {GIVEN} - Rule"
SELF_TEST = "SSA - Self test"
EVENT = {**HIT, "_raw": f"<Event>{HIT['process_path']}</Event>", "index": "main", "tag": ["process", "report"]}


@pytest.fixture
def instance(archive, tmp_path):
    made = Instance(tmp_path, indexers=3)
    made.install(archive)
    made.add_events([{**EVENT, "dest": f"ws-{number}"} for number in range(9)])
    return made


def run(instance, name):
    return instance.search(instance.saved_search(name)["search"])


def test_the_rule_runs_on_every_indexer(instance):
    result = run(instance, RULE)
    assert {row["dest_device_id"] for row in result.rows} == {f"ws-{number}" for number in range(9)}
    assert result.messages == []


def test_the_self_test_reports_ok_for_the_search_head_and_for_every_peer(instance, python):
    instance.python = python
    rows = run(instance, SELF_TEST).rows
    assert [row["splunk_server"] for row in rows] == ["indexer1", "indexer2", "indexer3", "search_head"]
    assert {(row["result"], row["fired"], row["risk_score"]) for row in rows} == {("OK", "hit", "35")}
    assert ["searchpeers" in row["ran_from"] for row in rows] == [True, True, True, False]


def test_the_self_test_fails_where_the_command_does_not_run_on_the_peers(instance):
    command = instance.apps / "ssa_detections/bin/ssa/search/command.py"
    command.write_text(command.read_text().replace('type="streaming"', 'type="stateful"'))
    results = {row["splunk_server"]: row["result"] for row in run(instance, SELF_TEST).rows}
    assert results.pop("search_head") == "OK"
    assert set(results.values()) == {"FAILED: the command did not run on this peer"}


def test_the_self_test_fails_where_the_detection_finds_nothing(instance):
    local = instance.apps / "ssa_detections/local"
    local.mkdir()
    search = "| from read_ssa_enriched_events() | where false | into write_ssa_detected_events();"
    (local / "ssa_detections.conf").write_text(f"[{GIVEN}]\nsearch = {search}\n")
    assert all(row["result"].startswith("FAILED") for row in run(instance, SELF_TEST).rows)


@pytest.mark.parametrize("name", [RULE, SELF_TEST])
def test_without_replication_of_the_conf_the_search_fails_and_names_what_the_peer_lacks(instance, name):
    path = instance.apps / "ssa_detections/default/distsearch.conf"
    path.write_text(path.read_text().replace("replicate.ssa_detections = true", ""))
    with pytest.raises(SearchError, match=r"\[indexer1\].*ssa_detections\.conf is missing.*knowledge bundle"):
        run(instance, name)


def fall_back(instance):
    local = instance.apps / "ssa_detections/local"
    local.mkdir()
    (local / "commands.conf").write_text("[ssadetect]\nfilename = ssadetect_sdk.py\n")


def test_local_commands_conf_falls_back_to_the_command_on_splunk_sdk_with_the_same_rows(instance):
    expected = run(instance, RULE).rows
    fall_back(instance)
    found = run(instance, RULE).rows
    assert sorted(row["finding_id"] for row in found) == sorted(row["finding_id"] for row in expected)
    assert len(found) == 9


@pytest.mark.parametrize("name", [RULE, SELF_TEST])
def test_with_the_sdk_in_a_top_level_lib_the_fallback_fails_with_a_message(instance, name):
    app = instance.apps / "ssa_detections"
    shutil.move(app / "bin/lib", app / "lib")
    run(instance, name)
    fall_back(instance)
    with pytest.raises(SearchError, match=r"splunk-sdk is missing here: .*bin/lib/splunklib"):
        run(instance, name)


def test_a_local_override_reaches_the_peers(instance):
    local = instance.apps / "ssa_detections/local"
    local.mkdir()
    (local / "ssa_detections.conf").write_text(f"[{GIVEN}]\nconfidence = 51\n")
    assert {row["risk_score"] for row in run(instance, SELF_TEST).rows} == {"35.7"}


def test_the_filter_macro_tunes_a_known_case_away(instance):
    local = instance.apps / "ssa_detections/local"
    local.mkdir()
    stem = "windows_system_binary_proxy_execution_msiexec_dllregisterserver"
    (local / "macros.conf").write_text(f'[{stem}_filter]\ndefinition = search NOT (user="jdoe" dest="ws-1*")\n')
    assert {row["dest_device_id"] for row in run(instance, RULE).rows} == {f"ws-{n}" for n in range(9) if n != 1}


def test_a_search_that_names_an_unknown_detection_fails_before_it_is_dispatched(instance):
    with pytest.raises(SearchError, match="unknown detection 'nothing'") as caught:
        instance.search("`ssa_process_events` | ssadetect detection=nothing")
    assert "[indexer" not in str(caught.value)

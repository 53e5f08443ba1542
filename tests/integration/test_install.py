"""What an admin looks at after installing the app: points of docs/first-install.md."""

import pytest

from tests.integration.conftest import RULE
from tests.integration.server import APP, changed, complaint, finished, search
from tests.support.examples import GIVEN

pytestmark = pytest.mark.xdist_group("integration")


def self_test(service):
    return finished(service.saved_searches["SSA - Self test"].dispatch())


@pytest.mark.point(1)
def test_the_self_test_reports_ok_for_every_server(service):
    rows = self_test(service)
    assert {row["result"] for row in rows} == {"OK"}, rows
    assert len({row["splunk_server"] for row in rows}) == len(rows) >= 1
    assert sum("searchpeers" not in row["ran_from"] for row in rows) == 1, "the search head's own row"


def test_a_setting_in_local_reaches_every_server(service):
    with changed(service, "ssa_detections", GIVEN, confidence="51"):
        assert {float(row["risk_score"]) for row in self_test(service)} == {35.7}
    assert {float(row["risk_score"]) for row in self_test(service)} == {35}


@pytest.mark.point(30)
def test_a_detection_that_is_not_there_ends_the_search_with_its_name(service):
    assert "unknown detection 'nothing'" in complaint(service, "| makeresults | ssadetect detection=nothing")


def test_the_saved_searches_belong_to_admin(service):
    ours = {one.name: one.access["owner"] for one in service.saved_searches if one.access["app"] == APP}
    assert RULE in ours
    assert set(ours.values()) == {"admin"}


@pytest.mark.point(32)
def test_a_detection_is_explained_as_a_table(service):
    rows = search(service, "| ssaexplain")
    assert {"summary", "field", "step", "warning"} <= {row["part"] for row in rows}
    assert GIVEN in {row.get("detection") for row in rows}


@pytest.mark.point(50)
def test_who_changed_a_lookup_is_kept_and_a_second_look_finds_no_change(service):
    dispatch = {"dispatch.earliest_time": "-24h", "dispatch.latest_time": "now"}
    run = service.saved_searches["SSA - Lookup changes"].dispatch
    finished(run(**dispatch))
    entry = 'entity="ssa-integration-nobody", type="user", expires="2000-01-01", owner="test", reason="test"'
    search(service, f"| makeresults | eval {entry} | fields - _time | outputlookup append=true ssa_ignored_entities")
    (added,) = finished(run(**dispatch))
    assert (added["change"], added["entry"]) == ("added", "ssa-integration-nobody (user)")
    assert added["who"] != "not seen"
    left = '| inputlookup ssa_ignored_entities | where entity!="ssa-integration-nobody"'
    search(service, f"{left} | outputlookup ssa_ignored_entities")
    assert [row["change"] for row in finished(run(**dispatch))] == ["removed"]
    assert finished(run(**dispatch)) == []
    (kept,) = search(service, '| inputlookup ssa_lookup_history | where change="checked" | stats count')
    assert kept["count"] == "1"


@pytest.mark.point(34)
def test_data_becomes_a_quoted_text_that_finds_it_again(service):
    written = r'"a\\b \"c\" $d$"'
    (row,) = search(service, f"| makeresults | eval x={written}, y=`ssa_quoted(x)` | table x y")
    assert row == {"x": r'a\b "c" $d$', "y": r'"a\\b \"c\" *d*"'}
    (found,) = search(service, rf'| makeresults | eval x="a\\b \"c\" d" | search x={row["y"]} | table x')
    assert found["x"] == r'a\b "c" d'

"""Process events come in, and the detection finds its hits among them: points of docs/first-install.md."""

from collections import Counter

import pytest

from tests.integration import demo
from tests.integration.conftest import RULE
from tests.integration.server import changed, entries, search
from tests.support.examples import GIVEN

pytestmark = pytest.mark.xdist_group("integration")

PREFIX = "windows_system_binary_proxy_execution_msiexec_dllregisterserver"
ACCELERATED = RULE.replace(" - Rule", " - Accelerated - Rule")


def who(rows):
    return Counter(demo.pair(row["dest_user_id"], row["dest_device_id"]) for row in rows)


def count(service, spl):
    (row,) = search(service, f"{spl} | stats count", *demo.FIRST)
    return int(row["count"])


@pytest.mark.point(2)
def test_process_events_have_their_fields_and_command_lines(service, own):
    """Else the add-ons for Windows and Sysmon are missing on the search head, or older than CIM's tags."""
    fields = ("process", "process_name", "user", "dest")
    counts = ", ".join(f"count({field}) as {field}" for field in fields)
    rows = search(service, f"`ssa_process_events` {own} | stats count, {counts} by source", *demo.FIRST)
    assert {row["source"]: int(row["count"]) for row in rows} == {
        "XmlWinEventLog:Security": 220,
        "XmlWinEventLog:Microsoft-Windows-Sysmon/Operational": 146,
        "WinEventLog:Security": 106,
    }
    assert [row for row in rows for field in fields if row[field] != row["count"]] == []


def test_the_rule_finds_what_the_catalogue_expects_and_nothing_else(hits, events):
    assert who(hits) == events.hits
    assert {(row["detection"], float(row["risk_score"])) for row in hits} == {(GIVEN, 35.0)}


@pytest.mark.point(6)
def test_the_bare_word_finds_every_msiexec_event(service, own):
    search = f"`ssa_process_events` {own} process_name=msiexec.exe"
    assert count(service, f"{search} msiexec") == count(service, search) == 41


@pytest.mark.point(7)
def test_the_prefilter_loses_nothing(service, own, events):
    search = f'`ssa_process_events` {own} %s | ssadetect detection="{GIVEN}"'
    assert count(service, search % "msiexec") == count(service, search % f"`{PREFIX}_prefilter`") == events.hits.total()


@pytest.mark.point(31)
def test_the_filter_macro_as_it_is_shipped_keeps_every_row(service, hits, events):
    rule, macro = service.saved_searches[RULE]["search"], f"| `{PREFIX}_filter` "
    assert macro in rule
    rows = search(service, rule.replace(macro, ""), *demo.FIRST)
    assert who(row for row in rows if events.id in row["dest_device_id"]) == who(hits)


def test_a_filter_macro_leaves_out_what_it_names(service, dispatch, hits, events):
    macro = f'search NOT (dest_device_id="ws-fin-02.{events.id}.example" process="*MSIRunner*")'
    with changed(service, "macros", f"{PREFIX}_filter", definition=macro):
        kept = dispatch(RULE, demo.FIRST)
    left = who(hits) - who(kept)
    assert left == {(f"b.heron.{events.id}", f"ws-fin-02.{events.id}.example"): 2}


APPLY = "| `ssa_apply_allow_list`"


@pytest.mark.point(33)
def test_an_entry_of_the_allow_list_leaves_out_its_hit_until_it_expires(service, dispatch, own, events):
    entry = {"detection": GIVEN, "field": "process", "owner": "integration", "expires": "2099-01-01"}
    device = f"ws-eng-01.{events.id}.example"

    def found():
        rows = dispatch(RULE, demo.FIRST)
        return [row["process"] for row in rows if row["dest_device_id"].lower() == device]

    before = found()
    with entries(service, "ssa_allow_list", {**entry, "pattern": r"*c:\programdata\updater\update.dll*"}) as change:
        search(service, APPLY)
        listed = found()
        change(expires="2020-01-01")
        search(service, APPLY)
        expired = found()
    search(service, APPLY)
    assert (len(before), listed, expired) == (1, [], before)


@pytest.mark.point(8)
def test_a_command_line_is_not_cut_before_its_end(service, own, events):
    rows = search(service, f'`ssa_process_events` {own} | ssadetect detection="{GIVEN}"', *demo.LONG)
    assert [row["process"][-14:] for row in rows] == [r"/y C:\long.dll"]


@pytest.mark.point(22)
def test_the_accelerated_rule_finds_the_same_hits(dispatch, hits):
    """It needs Splunk_SA_CIM, with ssa_integration* in its macro cim_Endpoint_indexes."""
    rows = dispatch(ACCELERATED, demo.FIRST)
    assert {row["event_id"] for row in rows} == {row["event_id"] for row in hits}
    assert who(rows) == who(hits)

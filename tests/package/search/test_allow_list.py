"""The allow list, from an entry to the searches that leave its rows out: its copy, and how it is without a KV store."""

import re

import pytest

from sandbox import confs
from sandbox.alerts.scheduler import Scheduler
from sandbox.errors import SandboxError
from sandbox.splunkd.state import ROLES, Session
from tests.support.app.estate import ACCELERATED, APP, APPLY, RULE, Estate, process, running
from tests.support.app.schedule import DAY, HOUR, conf
from tests.support.examples import GIVEN
from tools import ROOT

LISTED = ("detection", "field", "pattern", "expires", "owner", "ticket", "reason")
COPY = "| inputlookup ssa_allow_list_copy"
ENTRY = {"detection": GIVEN, "field": "process", "pattern": r"*c:\vendor\*", "expires": "2099-01-01", "owner": "amy"}
STEM = re.sub(r"\W+", "_", GIVEN.lower())
ALLOW = "| `ssa_setup_store`"
DOWN = "External command based lookup 'ssa_allow_list' is not available because KV Store initialization has failed"


@pytest.fixture
def estate(archive, tmp_path):
    with running(archive, tmp_path) as splunkd:
        estate = Estate(splunkd.instance)
        estate.splunkd = splunkd
        estate.instance.add_events(
            [
                process(DAY + 23.4 * HOUR, "amy", "ws-1", r'msiexec.exe /y "c:\vendor\tool.dll"'),
                process(DAY + 23.5 * HOUR, "bob", "ws-2", r"msiexec.exe /y c:\users\bob\odd.dll"),
            ]
        )
        yield estate


def listed(estate, *records):
    """Make these the list, without more: by REST, or a lookup editor."""
    estate.instance.kvstore.collection(APP, "ssa_allow_list").save(records, replace=True)


def apply(estate, now=DAY):
    return estate.instance.search(estate.saved(APPLY), now=now)


def copy(estate):
    """The entries of the copy, and since when it is as it is."""
    rows = estate.instance.search(COPY).rows
    marks = [row["copied"] for row in rows if row["copied"]]
    entries = [{k: v for k, v in row.items() if v} for row in rows if not row["copied"]]
    return sorted(filter(None, entries), key=str), [float(mark) for mark in marks]


def users(estate, name=RULE):
    return sorted(row["user"] for row in estate.found(estate.saved(name)))


def shown(estate, now=DAY):
    admin = estate.splunkd.acting(Session("admin", "admin", ROLES["admin"]))
    return {row["Check"]: row for row in admin.search(ALLOW, now=now).rows}


# -- every search calls it


@pytest.mark.parametrize(
    "name", [name for name, one in confs.load(ROOT, "savedsearches").items() if "ssadetect" in one["search"]]
)
def test_every_search_that_writes_risk_calls_it_after_what_is_usual_and_before_the_users_filter(name):
    settings = confs.load(ROOT, "savedsearches")[name]
    if "action.ssa_risk" in settings:
        assert len(re.findall(r"\| `ssa_usual` \| `ssa_allow_list` \| `\w+_filter` \|", settings["search"])) == 1


@pytest.mark.parametrize("name", [RULE, ACCELERATED])
def test_with_an_empty_filter_an_entry_leaves_its_rows_out(estate, name):
    assert users(estate, name) == ["amy", "bob"]
    estate.entries("ssa_allow_list", ENTRY)
    assert users(estate, name) == ["bob"]
    estate.entries("ssa_allow_list")
    assert users(estate, name) == ["amy", "bob"]


@pytest.mark.parametrize("filter", ["`ssa_allow_list`", "search NOT user=carol | `ssa_allow_list`"])
def test_a_filter_that_calls_it_too_from_before_changes_nothing(estate, filter):
    conf(estate.local / "macros.conf", {f"{STEM}_filter": {"definition": filter}})
    assert users(estate) == ["amy", "bob"]
    estate.entries("ssa_allow_list", ENTRY)
    assert users(estate) == ["bob"]


# -- the copy

OTHER = {"detection": "*", "field": "dest", "pattern": "build-*", "expires": "2026-12-31"}


@pytest.mark.parametrize(
    "lists",
    {
        "nothing was ever entered": [[]],
        "one entry": [[ENTRY]],
        "one more": [[ENTRY], [ENTRY, OTHER]],
        "one less": [[ENTRY, OTHER], [OTHER]],
        "none any more": [[ENTRY, OTHER], []],
        "another owner": [[ENTRY], [{**ENTRY, "owner": "bob"}]],
        "empty texts": [[{**ENTRY, "owner": "", "ticket": "", "reason": ""}]],
        "texts that a file could spoil": [
            [{**ENTRY, "pattern": '*"a,b"*', "reason": "one\ntwo, 'three' = \\ \"four\""}]
        ],
        "twice the same": [[ENTRY, ENTRY]],
        "wrong entries": [[{}, {"detection": "*"}, {**ENTRY, "field": "a b", "expires": "soon"}]],
        "2,000 entries": [[{**ENTRY, "pattern": f"*tool{n}.dll"} for n in range(2000)]],
    }.items(),
    ids=lambda given: given[0],
)
def test_the_copy_becomes_what_the_list_is_and_is_written_only_for_a_change(estate, lists):
    for at, records in enumerate(lists[1]):
        listed(estate, *records)
        apply(estate, DAY + at)
        wanted = {tuple(sorted((k, v) for k, v in record.items() if v)) for record in records}
        entries, marks = copy(estate)
        assert ({tuple(sorted(entry.items())) for entry in entries}, marks) == (wanted - {()}, [DAY + at])
    file = estate.instance.apps / APP / "lookups/ssa_allow_list_copy.csv"
    before = file.read_bytes(), file.stat().st_mtime_ns
    assert apply(estate, DAY + 1000).rows == []
    assert (file.read_bytes(), file.stat().st_mtime_ns) == before


NO_FIELDS = ("OR", "NOT", "And", "xor", "IN", "earliest", "_index_latest", "index_earliest", "starttimeu", "enddaysago")


def test_an_entry_that_could_end_every_search_or_hide_everything_does_not_apply_and_is_to_be_reviewed(estate):
    wrong = [
        {**ENTRY, "field": name, "pattern": "x"}
        for name in (*NO_FIELDS, "searchtimespandays", "savedsearch", "process\n")
    ]
    wrong += [{**ENTRY, "pattern": text} for text in ("$", "|", "\n", "[*]", "``", "*\t*")]
    estate.entries("ssa_allow_list", ENTRY, *wrong)
    assert users(estate) == ["bob"]
    rows = estate.instance.search("| `ssa_entries_to_review`", now=DAY).rows
    assert sum(row["lookup"] == "ssa_allow_list" and "does not apply" in row["state"] for row in rows) == len(wrong)


@pytest.mark.parametrize(
    "columns", ["copied=5", 'copied=5, part="mark"', 'part="list"', 'part="now"', 'part="copy list"', 'foreign="y"']
)
def test_what_somebody_writes_into_the_copy_is_gone_after_the_next_run(estate, columns):
    estate.entries("ssa_allow_list", OTHER)
    made = f'| makeresults | eval detection="*", field="user", pattern="bob", expires="2099-01-01", {columns}'
    estate.instance.search(f"{made} | fields - _time | outputlookup append=true ssa_allow_list_copy")
    assert users(estate) == ["amy"]
    apply(estate, DAY + 1)
    assert (copy(estate)[0], users(estate)) == ([OTHER], ["amy", "bob"])


def test_hundreds_of_entries_apply(estate):
    estate.entries("ssa_allow_list", *[{**ENTRY, "pattern": f"*tool{n}.dll"} for n in range(200)], ENTRY)
    assert users(estate) == ["bob"]


def test_within_five_minutes_an_entry_by_other_means_applies(estate):
    conf(estate.local / "savedsearches.conf", {RULE: {"enableSched": "1"}})
    listed(estate, ENTRY)
    runs = Scheduler(estate.instance).run(DAY + 23 * HOUR + 55 * 60, DAY + 24 * HOUR + 1)
    assert [(run.search, run.error) for run in runs] == [(APPLY, "")] * 2 + [(RULE, "")]
    assert [row["user"] for row in runs[-1].result.rows] == ["bob"]


def test_a_new_version_over_the_old_one_has_the_entries_again_after_the_next_run(estate, archive):
    estate.entries("ssa_allow_list", ENTRY)
    estate.instance.install(archive)
    assert (copy(estate), users(estate)) == (([], []), ["amy", "bob"])
    apply(estate)
    assert (copy(estate), users(estate)) == (([ENTRY], [DAY]), ["bob"])


# -- without the KV store


def test_without_the_kv_store_hits_come_risk_is_written_and_the_copy_applies(estate):
    conf(estate.local / "alert_actions.conf", {"ssa_risk": {"maxtime": "10s"}})  # for how long the ledger is asked for
    estate.schedule(RULE)
    estate.entries("ssa_allow_list", ENTRY)
    estate.instance.kvstore.status = "failed"
    (run,) = Scheduler(estate.instance).run(DAY + 24 * HOUR, DAY + 24 * HOUR + 1)
    (done,) = run.actions
    assert (run.error, [row["user"] for row in run.result.rows], done.code) == ("", ["bob"], 0)
    assert [event["risk_object"] for event in estate.risk()] == ["ws-2", "bob"] or len(estate.risk()) == 2
    warned = [text for level, text in done.log if level == "WARN"]
    assert any("going on without the ledger" in text and "503" in text for text in warned)


def test_without_the_kv_store_and_without_a_copy_hits_come_all_the_same(estate):
    listed(estate, ENTRY)
    estate.instance.kvstore.status = "starting"
    assert users(estate) == ["amy", "bob"]


@pytest.mark.parametrize("status", ["failed", "starting"])
def test_what_would_refresh_the_copy_fails_and_leaves_it_alone(estate, status):
    estate.entries("ssa_allow_list", ENTRY)
    before = copy(estate)
    estate.instance.kvstore.status = status
    line = '| makeresults | eval detection="*", field="user", pattern="bob", expires="2099-01-01" | fields - _time '
    for search in (
        f"| {'`ssa_apply_allow_list`'}",
        line + "| outputlookup append=true ssa_allow_list | `ssa_apply_allow_list`",
    ):
        with pytest.raises(SandboxError, match="External command based lookup 'ssa_allow_list' is not available"):
            estate.instance.search(search)
    assert copy(estate) == before
    estate.instance.kvstore.status = "ready"
    apply(estate)
    assert copy(estate) == before


def test_start_here_says_which_list_is_applied(estate):
    minutes = 60
    assert shown(estate)["KV store"]["State"] == "OK"
    assert shown(estate)["Allow list"]["Found"].startswith("The list is not applied: the lookup ssa_allow_list was not")
    listed(estate, ENTRY, OTHER | {"expires": "2026-03-01"})
    Scheduler(estate.instance).run(DAY, DAY + 1)
    row = shown(estate, DAY + 4 * minutes)["Allow list"]
    assert (row["State"], row["Found"]) == (
        "OK",
        "The list as of 2026-03-02 00:00 is applied, with 2 entries (1 not expired).",
    )
    Scheduler(estate.instance).run(DAY + 5 * minutes, DAY + 11 * minutes)
    row = shown(estate, DAY + 14 * minutes)["Allow list"]
    assert (row["State"], row["Found"][:34]) == ("OK", "The list as of 2026-03-02 00:10 is")
    row = shown(estate, DAY + 40 * minutes)["Allow list"]
    assert (row["State"], "The log has no later run" in row["Found"]) == ("LOOK", True)
    conf(estate.local / "savedsearches.conf", {APPLY: {"enableSched": "0"}})
    row = shown(estate, DAY + 14 * minutes)["Allow list"]
    assert (row["State"], row["Found"].partition(":")[0]) == ("TO DO", "SSA - Apply allow list is not scheduled")


@pytest.mark.parametrize("status", ["failed", "starting"])
def test_start_here_says_that_without_the_kv_store_the_list_is_not_applied_or_its_copy_is(estate, status):
    estate.instance.kvstore.status = status
    rows = shown(estate)
    assert {row["State"] for row in rows.values()} == {"TO DO"}
    assert rows["KV store"]["Found"].startswith(
        f"The KV store is not there: its state is {status}. Detections run, and"
    )
    assert rows["Allow list"]["Found"].startswith("The list is not applied: the lookup ssa_allow_list cannot be read")
    estate.instance.kvstore.status = "ready"
    estate.entries("ssa_allow_list", ENTRY)
    apply(estate)
    estate.instance.kvstore.status = status
    row = shown(estate)["Allow list"]
    assert (row["State"], row["Found"].startswith("The list itself is not applied")) == ("TO DO", True)
    assert re.search(r"Its copy of \d{4}-\d\d-\d\d \d\d:\d\d is used, with 1 entry \(1 not expired\)\.$", row["Found"])

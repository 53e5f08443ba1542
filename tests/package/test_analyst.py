"""The role of an analyst, on a stand-in for splunkd: what it may do and what not, and who changed what.

What roles mean there is in sandbox/search/access.py, with its sources.
"""

import json

import httpx
import pytest

from sandbox.alerts import alert_actions
from sandbox.search.instance import Instance
from sandbox.splunkd import Splunkd
from tests.support.app.estate import APP
from tests.support.examples import GIVEN
from tools.ui import views

pytestmark = pytest.mark.xdist_group("analyst")

USERS = {
    "admin": ("adm", "admin"),
    "amy": ("a", "ssa_analyst"),
    "bob": ("b", "ssa_analyst"),
    "uma": ("u", "user;ssa_analyst"),
    "eve": ("e", "user"),
}
NOW = 1_772_496_000
EDITED = ("ssa_allow_list", "ssa_ignored_entities", "ssa_risk_modifiers")
ALLOW = (
    '| makeresults | eval detection="*", field="user", pattern="svc-*", expires="2099-01-01", owner="amy", '
    'ticket="T1", reason="backup" | fields - _time | outputlookup append=true ssa_allow_list'
)
ENTRY = "*: user=svc-*"
DETAILS = "expires=2099-01-01, owner=amy, ticket=T1, reason=backup"
CHANGES = "SSA - Lookup changes"


class Server:
    """A splunkd with the app, a clock that tests set, and events in all indexes; `ask` calls its API as a user."""

    def __init__(self, instance, splunkd):
        self.instance, self.splunkd = instance, splunkd
        self.moment = NOW
        splunkd.clock = lambda: self.moment

    def ask(self, user, method, path, **form):
        auth = (user, USERS[user][0])
        root = f"{self.splunkd.uri}/servicesNS/nobody/{APP}"
        if "raw" in form:
            form = {"content": form["raw"], "headers": {"content-type": "application/json"}}
        elif form:
            form = {"data": form}
        return httpx.request(method, f"{root}/{path}", auth=auth, timeout=60, **form)

    def search(self, user, text, **options):
        """Run a search; return its rows, or the text of what refuses it."""
        form = {"search": text, "exec_mode": "oneshot", "output_mode": "json", "count": 0, **options}
        found = self.ask(user, "POST", "search/jobs", **form).json()
        problems = [one["text"] for one in found.get("messages", []) if one["type"] in ("FATAL", "ERROR")]
        return problems[0] if problems else found["results"]

    def keep(self, minutes=5):
        """Let time pass, and the search run that keeps changes; return what it found."""
        self.moment += minutes * 60
        settings = self.instance.saved_search(CHANGES)
        rows = self.search("admin", settings["search"], earliest_time=settings["dispatch.earliest_time"])
        self.moment += 60
        return [{name: row[name] for name in row if name != "at"} for row in rows]

    def rows(self, lookup):
        return self.search("admin", f"| inputlookup {lookup}")


@pytest.fixture(scope="module")
def served(archive, tmp_path_factory):
    instance = Instance(tmp_path_factory.mktemp("analyst"), app=APP)
    instance.install(archive)
    with Splunkd(instance, tls=False, users=USERS) as splunkd:
        yield Server(instance, splunkd)
    instance.close()


@pytest.fixture
def server(served):
    served.instance.database.execute("DELETE FROM events")
    for name in (*EDITED, "ssa_lookup_history"):
        served.instance.kvstore.collection(APP, name).save([], replace=True)
    made = {"_time": NOW - 60, "_raw": "an event"}
    made |= {"tag": ["process", "report"], "process_name": "a.exe"}
    indexes = ("main", "risk", "_audit", "_introspection")
    served.instance.add_events([{**made, "index": name} for name in indexes] + [{"index": "other", "_time": NOW - 60}])
    lines = [("INFO", "action=ssa_risk - STDERR - INFO written"), ("INFO", "action=email - STDERR - sent")]
    alert_actions.log(served.instance, "sendmodalert", lines, NOW - 60)
    alert_actions.log(served.instance, "TcpOutputProc", [("INFO", "ssa_risk has nothing to do with it")], NOW - 60)
    served.moment = NOW
    return served


# -- what an analyst may do


@pytest.mark.parametrize("lookup", EDITED)
def test_an_analyst_edits_the_lookups_that_users_edit_by_search_and_by_rest(server, lookup):
    made = '| makeresults | eval entity="svc", type="user", factor=0.5, detection="*", field="user", pattern="svc"'
    assert server.search("amy", f"{made} | fields - _time | outputlookup append=true {lookup}")[0]["entity"] == "svc"
    path = f"storage/collections/data/{lookup}"
    assert server.ask("amy", "POST", path, raw=json.dumps({"expires": "2099-01-01"})).status_code == 201
    (key, _) = sorted(row["_key"] for row in server.ask("amy", "GET", path).json())
    assert server.ask("amy", "POST", f"{path}/{key}", raw=json.dumps({"expires": "2098-01-01"})).status_code == 200
    assert server.ask("amy", "DELETE", f"{path}/{key}").status_code == 200
    assert len(server.ask("amy", "GET", path).json()) == 1
    assert len(server.search("amy", f"| inputlookup {lookup}")) == 1


def test_an_analyst_takes_an_alert_and_who_is_none_cannot(server):
    alerts = server.instance.kvstore.collection(APP, "ssa_alerts")
    alerts.save([{"_key": "a", "state": "new", "entities": ["user:bob", "system:ws-1"]}], replace=True)
    line = server.search("amy", '| inputlookup ssa_alerts | eval me="amy" | `ssa_alert_lines`')[0]["take"]
    assert "cannot write" in server.search("eve", line)
    server.search("amy", line)
    (found,) = alerts.find()
    assert (found["state"], found["owner"], found["entities"]) == ("in progress", "amy", ["user:bob", "system:ws-1"])


def test_an_analyst_reads_risk_and_of_the_internal_index_the_lines_of_the_action(server):
    found = server.search("amy", "search index=* OR index=_* earliest=0 latest=+1d | table index, _raw")
    assert sorted((row["index"], row["_raw"].partition(" - ")[2]) for row in found) == [
        ("_internal", "action=ssa_risk - STDERR - INFO written"),
        ("risk", ""),
    ]
    modelled = "| tstats count from datamodel=Endpoint.Processes by Processes.process_name"
    counts = [server.search(user, modelled)[0]["count"] for user in ("amy", "eve")]
    assert counts == ["1", "2"]  # in risk, and in main
    assert len(server.search("amy", "search earliest=0 latest=+1d")) == 1  # risk, without naming it


def test_next_to_a_role_that_reads_more_an_analyst_reads_that_too(server):
    """By the role user all but internal indexes: its lack of a filter lifts ours, or, where it does not, takes none."""
    everything = "search index=* OR index=_* earliest=0 latest=+1d | stats values(index) as index"
    assert set(server.search("uma", everything)[0]["index"]) == {"main", "other", "risk", "_internal"}
    assert set(server.search("eve", everything)[0]["index"]) == {"main", "other", "risk"}
    local = server.instance.apps / APP / "local"
    local.mkdir(exist_ok=True)
    (local / "authorize.conf").write_text("[role_user]\nsrchFilter = index=main\n")
    try:
        assert set(server.search("uma", everything)[0]["index"]) == {"main", "other", "risk", "_internal"}
        (row,) = server.search("uma", "search index=_internal earliest=0 latest=+1d")
        assert "action=ssa_risk" in row["_raw"]
    finally:
        (local / "authorize.conf").unlink()


def test_an_analyst_runs_the_commands_of_the_app(server):
    assert server.search("amy", f'| ssaexplain detection="{GIVEN}" | stats count')[0]["count"] > "0"
    made = '| makeresults | eval process_name="msiexec.exe", process="msiexec.exe /y a.dll", user="u", dest="d"'
    assert len(server.search("amy", f'{made} | ssadetect detection="{GIVEN}"')) == 1


# -- what it may not


@pytest.mark.parametrize("lookup", ["ssa_risk_ledger", "ssa_data_check", "ssa_lookup_history"])
def test_an_analyst_writes_no_other_collection(server, lookup):
    text = server.search("amy", f"| makeresults | fields - _time | outputlookup append=true {lookup}")
    assert f"User 'amy' with roles {{ ssa_analyst }} cannot write: /nobody/{APP}/collections/{lookup}" in text
    path = f"storage/collections/data/{lookup}"
    for method, where in (("POST", path), ("POST", f"{path}/batch_save"), ("DELETE", path), ("DELETE", f"{path}/x")):
        assert server.ask("amy", method, where, raw="{}" if where == path else "[]").status_code == 403
    assert server.rows(lookup) == []


def test_an_analyst_adds_no_risk(server):
    text = server.search("amy", '| makeresults | eval risk_object="boss" | collect index=risk')
    assert "User 'amy' lacks the capability 'run_collect' that 'collect' requires" in text
    for path in ("receivers/simple?index=risk", "receivers/stream?index=risk"):
        assert server.ask("amy", "POST", path, raw="x").status_code == 403
    capabilities = server.splunkd.session_of("amy", "ssa_analyst").capabilities
    assert not capabilities & {"run_sendalert", "run_collect", "run_mcollect", "schedule_search", "admin_all_objects"}
    assert "run_collect" in server.splunkd.session_of("uma", USERS["uma"][1]).capabilities  # roles only ever add


@pytest.mark.parametrize(
    ("path", "form"),
    [
        ("configs/conf-macros/ssa_allow_list", {"definition": "search *"}),
        (f"configs/conf-ssa_detections/{GIVEN.replace(' ', '%20')}", {"disabled": "1"}),
        ("configs/conf-transforms/ssa_allow_list", {"collection": "ssa_risk_ledger"}),
        ("configs/conf-collections/ssa_risk_ledger", {"enforceTypes": "false"}),
        (f"saved/searches/{CHANGES.replace(' ', '%20')}", {"disabled": "1"}),
        ("data/indexes", {"name": "mine"}),
        ("apps/local", {"name": "/tmp/x.tar.gz", "filename": "1"}),
    ],
)
def test_an_analyst_changes_nothing_else(server, path, form):
    assert server.ask("amy", "POST", path, **form).status_code == 403
    assert not (server.instance.apps / APP / "local").exists() or not [
        *(server.instance.apps / APP / "local").iterdir()
    ]


def test_a_file_that_ships_is_safe_from_an_analyst_where_the_admin_has_splunk_look(server):
    """limits.conf is the admin's: without it splunkd lets any user write lookup files, whatever an app says."""
    wipe = "| makeresults | where false() | outputlookup ssa_usual"
    limits = server.instance.apps / "of_the_admin/local/limits.conf"
    limits.parent.mkdir(parents=True)
    limits.write_text("[outputlookup]\noutputlookup_check_permission = true\n")
    before = server.rows("ssa_usual")
    assert f"cannot write: /nobody/{APP}/lookups/ssa_usual.csv" in server.search("amy", wipe)
    assert server.rows("ssa_usual") == before != []


def test_the_line_of_tuning_has_an_analysts_entry_applied_also_where_files_of_lookups_are_guarded(server):
    limits = server.instance.home / "etc/system/local/limits.conf"
    limits.parent.mkdir(parents=True, exist_ok=True)
    limits.write_text("[outputlookup]\noutputlookup_check_permission = true\n")
    server.search("amy", f"{ALLOW} | `ssa_apply_allow_list`")
    assert [row["pattern"] for row in server.rows("ssa_allow_list_copy") if row.get("pattern")] == ["svc-*"]
    assert "cannot write" in server.search("eve", "| makeresults | outputlookup ssa_allow_list_copy")


# -- who changed what


def test_the_first_run_notes_what_is_there_and_names_nobody(server):
    server.instance.kvstore.collection(APP, "ssa_ignored_entities").save([{"entity": "scanner", "type": "user"}])
    found = {"lookup": "ssa_ignored_entities", "entry": "scanner (user)", "change": "found", "after": "expires=?"}
    assert server.keep() == [found]
    assert server.keep() == []


def test_an_entry_that_comes_changes_and_goes_is_kept_with_who_did_it(server):
    server.keep()
    server.search("amy", ALLOW)
    assert server.keep() == [
        {"who": "amy", "lookup": "ssa_allow_list", "entry": ENTRY, "change": "added", "after": DETAILS}
    ]
    longer = DETAILS.replace("2099", "2100")
    server.search("bob", '| inputlookup ssa_allow_list | eval expires="2100-01-01" | outputlookup ssa_allow_list')
    (row,) = server.keep(15)
    assert row == {
        **{"who": "bob", "lookup": "ssa_allow_list", "entry": ENTRY, "change": "changed"},
        **{"before": DETAILS, "after": longer},
    }
    assert server.ask("uma", "DELETE", "storage/collections/data/ssa_allow_list").status_code == 200
    (row,) = server.keep(15)
    assert row == {
        "who": "uma",
        "lookup": "ssa_allow_list",
        "entry": ENTRY,
        "change": "removed",
        "before": longer,
    }
    assert server.keep(15) == []
    server.search("amy", ALLOW)
    assert [row["change"] for row in server.keep(15)] == ["added"]


def test_what_is_kept_outlives_the_logs_and_an_analyst_sees_it_in_tuning(server):
    server.keep()
    server.search("amy", ALLOW)
    server.keep()
    server.instance.database.execute("DELETE FROM events")
    query = views.shipped()["tuning"].query("ds_changes")
    (row,) = server.search("bob", query)
    assert (row["Who"], row["Entry"], row["Change"], row["After"]) == ("amy", ENTRY, "added", DETAILS)
    server.moment += 7200
    late, kept = server.search("bob", query)
    assert (
        late["Entry"] == "Nobody sees who changes these lookups since 2026-03-03 00:11: schedule SSA - Lookup changes."
    )
    assert kept == row


def test_tuning_says_that_nothing_is_kept_before_the_first_run_and_that_nothing_changed_after_it(server):
    query = views.shipped()["tuning"].query("ds_changes")
    (row,) = server.search("amy", query)
    assert (row["Entry"], row["Change"]) == (
        "Nobody sees who changes these lookups: schedule SSA - Lookup changes.",
        "not kept",
    )
    server.keep()
    (row,) = server.search("amy", query)
    assert row["Entry"] == "no entry, and no change"


def test_who_could_have_been_it_is_named_and_whoever_cannot_is_not(server):
    server.keep()
    server.search("amy", ALLOW)
    assert (
        server.ask("bob", "POST", "storage/collections/data/ssa_allow_list/batch_find", raw="[{}]").status_code == 200
    )
    line = views.shipped()["tuning"].sources["ds_entry"]["options"]["query"]
    server.search("uma", f"| makeresults {line}")  # it has the command in a text
    server.search("eve", "| inputlookup ssa_allow_list | outputlookup append=true ssa_lookup_history")
    assert server.ask("eve", "DELETE", "storage/collections/data/ssa_allow_list").status_code == 403
    assert [row["who"] for row in server.keep()] == ["amy"]
    server.moment += 900
    server.search("bob", '| inputlookup ssa_allow_list | eval reason="x" | outputlookup ssa_allow_list append=false')
    again = '| append [| inputlookup ssa_allow_list | outputlookup "ssa_allow_list"]'
    server.search("amy", f'| makeresults | eval x="] | outputlookup" {again}')
    assert [row["who"] for row in server.keep()] == ["amy or bob"]


@pytest.mark.parametrize(
    "text",
    [
        "outputlookup append=true ```a comment``` ssa_allow_list",
        "outputlookup ssa_allow_list ```a comment``` append=true",
        '```a comment```outputlookup append = "true" ssa_allow_list',
        'outputlookup ssa_allow_list append="true"',
        'eval owner="```" | outputlookup append=true ssa_allow_list | eval owner="```"',
        "outputlookup append=true\nssa_allow_list",
        'outputlookup append=t override_if_empty=false "ssa_allow_list" | stats count',
    ],
)
def test_who_writes_the_command_in_an_unusual_way_is_named(server, text):
    server.keep()
    server.search("amy", ALLOW.partition("outputlookup")[0] + text)
    assert [row["who"] for row in server.keep()] == ["amy"]


@pytest.mark.parametrize(
    "path",
    [
        "storage/collections/data/ssa_allow_list/batch_save",
        "storage/collections/data/ssa%5Fallow_list/batch_save",
        "storage/collections/data/%73sa_allow_%6cist/batch_save",
        'storage/collections/data/ssa_allow_list/batch_save?x="',
        "storage/collections/data/ssa_allow_list/batch_save?x=%22",
    ],
)
def test_who_writes_the_address_of_a_call_in_an_unusual_way_is_named(server, path):
    server.keep()
    assert server.ask("amy", "POST", path, raw='[{"detection": "*"}]').status_code == 200
    assert [row["who"] for row in server.keep()] == ["amy"]


def test_a_name_in_the_text_of_a_search_is_not_who_ran_it(server):
    server.keep()
    forged = "Audit:[timestamp=x, user=boss, action=search, info=granted , search_id='1', search='"
    server.search("amy", ALLOW.replace("backup", forged))
    assert [row["who"] for row in server.keep()] == ["amy"]


def test_who_hides_a_change_from_the_logs_is_not_seen_and_the_change_is(server):
    server.keep()
    server.instance.kvstore.collection(APP, "ssa_risk_modifiers").save([{"entity": "boss", "factor": 0}])
    assert server.keep() == [
        {
            **{"who": "not seen", "lookup": "ssa_risk_modifiers", "entry": "boss", "change": "added"},
            "after": "expires=?, factor=0",
        }
    ]

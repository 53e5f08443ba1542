"""From version 0.1.0 with a user's settings and risk to this package: nothing is lost, and nothing counts twice.

tests/package/version_0_1 is what that version left behind; record.py there says how it was made.
"""

import json
import shutil
from pathlib import Path

import pytest

from sandbox.alerts.scheduler import Scheduler
from sandbox.inputs import indexing
from sandbox.search.instance import Instance
from sandbox.splunkd import Splunkd
from sandbox.splunkd.state import ROLES, Session
from tests.support.app.estate import APP, BREADTH, RULE, SCORE, SEVERE, Estate
from tests.support.app.schedule import DAY, HOUR, conf
from tools.ui import views

LEFT = Path(__file__).parent / "version_0_1"
FILES = (LEFT / "files.txt").read_text().splitlines()
INDEX = "edr_risk"
ALLOWED = "risk, edr_risk"
OURS, TOOL = "Our risk rule", "SSA - Our Tool - Rule"
OF = ' | eval risk_object=replace(Of, "^[a-z]+ ", "")'
EARLY = {"zoe", "ws-9"}
"""Whose hits are too old for the searches to find them again."""


def left(name):
    return json.loads((LEFT / f"{name}.json").read_text())


def risk_events():
    """The risk events that the old version wrote, as they are indexed."""
    default = {"index": INDEX, "sourcetype": "stash", "host": "search_head"}
    for indexed, source, line in left("risk"):
        when = {"_time": float(line.partition(",")[0]), "_indextime": indexed}
        yield {**indexing.stash_fields(line), **default, **when, "source": source, "_raw": line}


def upgraded(archive, home, risk=True):
    """A server on which the old version ran, until the package was unpacked over it.

    What is left of the old version's files cannot be run, nor read as a conf.
    """
    instance = Instance(home, session_key="key")
    app = instance.apps / APP
    for name in FILES:
        (app / name).parent.mkdir(parents=True, exist_ok=True)
        (app / name).write_text("a file of the old version\n")
    shutil.copytree(LEFT / "local", app / "local")
    instance.install(archive)
    for name, records in left("kvstore").items():
        if risk or name != "ssa_risk_ledger":
            instance.kvstore.collection(APP, name).save(records, replace=True)
    events = [{**event, "_indextime": int(event["_time"])} for event in left("events")]
    instance.add_events([*events, *(risk_events() if risk else ())])
    splunkd = Splunkd(instance)
    splunkd.sessions["key"] = frozenset()
    splunkd.indexes.add(INDEX)
    instance.splunkd_uri = splunkd.uri
    return splunkd


@pytest.fixture
def estate(archive, tmp_path):
    with upgraded(archive, tmp_path) as splunkd:
        yield Estate(splunkd.instance)


def allow(estate):
    """What an admin does who reads the log, or docs/upgrade.md."""
    conf(estate.local / "alert_actions.conf", {"ssa_risk": {"allowed_indexes": ALLOWED}})


def run(estate, hour=12):
    """Let the scheduled searches run in an hour: they look over what the old version had found."""
    allow(estate)
    runs = Scheduler(estate.instance).run(DAY + hour * HOUR, DAY + (hour + 1) * HOUR)
    assert [(one.search, one.error) for one in runs if one.error] == []
    logs = [line for one in runs for action in one.actions for line in action.log]
    assert [line for line in logs if line[0] != "INFO"] == []
    return {one.search: one for one in runs}


def found(estate, search):
    return estate.found(search, end=DAY + 13 * HOUR)


def scores(estate):
    return estate.scores(end=DAY + 13 * HOUR)


def view(name, source):
    """Return a search of a view, for all users and devices."""
    shown = views.shipped()[name]
    return views.fill(shown.query(source), shown.defaults | {"entity": "**"})  # `*` would be no choice in *Entity*


def set_more(estate, name, text):
    """Add to a conf of the user."""
    with (estate.local / f"{name}.conf").open("a") as file:
        file.write(f"\n{text}\n")


def test_files_of_the_old_version_that_stay_hide_none_of_the_package(installed):
    stay = {name for name in FILES if not (installed / name).exists()}
    search = ("byte_search", "dispatch", "scan", "table")  # Python takes the room of a name before the file
    assert stay == {
        *(f"bin/ssa/action/{name}.py" for name in ("splunkd", "tls")),
        *(f"bin/ssa/search/{name}.py" for name in search),
    }
    modules = {path.relative_to(installed).as_posix() for path in installed.rglob("*.py")}
    packages = {Path(name).parent.as_posix() for name in FILES if name.endswith("/__init__.py")}
    assert [name for name in packages if f"{name}.py" in modules] == []


def test_before_anything_runs_old_risk_counts_as_it_did(estate):
    assert scores(estate) == {
        **{"amy": 55, "ws-1": 55, "bob": 110, "ws-2": 55, "carol": 30, "srv-1": 60, "dan": 52, "ws-3": 55},
        **{"svc_deploy": 52, "ws-4": 52, "zoe": 55, "ws-9": 55},
    }


def test_an_index_that_is_not_allowed_yet_is_named_with_the_line_to_add(estate):
    runs = Scheduler(estate.instance).run(DAY + 12 * HOUR, DAY + 13 * HOUR)
    actions = [action for one in runs for action in one.actions if action.action == "ssa_risk"]
    assert len(actions) == 4
    for action in actions:
        ((level, text),) = action.log
        assert (action.code, level) == (1, "ERROR")
        assert f"the parameter index is '{INDEX}'" in text
        assert f"allowed_indexes = {ALLOWED} under [ssa_risk] in local/alert_actions.conf" in text
    before = len([*risk_events()])
    assert len(estate.found(f"index={INDEX}")) == before
    run(estate, 13)
    assert len(estate.found(f"index={INDEX}")) > before  # the searches overlap, so nothing is lost


def test_start_here_names_an_index_that_is_not_allowed_yet_with_the_line_to_add(archive, tmp_path):
    with upgraded(archive, tmp_path) as splunkd:
        admin = splunkd.acting(Session("admin", "admin", ROLES["admin"]))
        rows = {row["Check"]: row for row in admin.search("| `ssa_setup_risk`").rows}
    assert rows["Risk index"]["State"] == "TO DO"
    assert f"may not write to the index {INDEX}" in rows["Risk index"]["Found"]
    assert f"under [ssa_risk], set allowed_indexes = {ALLOWED}." in rows["Risk index"]["Fix"]
    assert rows["Written is there"]["State"] == "OK"  # whatever the old ledger holds


def test_what_is_found_again_counts_once(archive, estate, tmp_path):
    """As if the old version had never run, but for what only that has found."""
    with upgraded(archive, tmp_path / "new", risk=False) as splunkd:
        new = Estate(splunkd.instance)
        for one in (new, estate):
            for macro in ("ssa_risk_tactics", "ssa_risk_detections"):
                set_more(one, "macros", f"[{macro}]\ndefinition = 1")
            run(one)
        wanted, shown = scores(new), scores(estate)
        assert shown == {**wanted, "zoe": 55, "ws-9": 55}
        columns = "| fields risk_object, detection, part, risk_events"
        searches = {
            "score": f"`ssa_risk_parts` {columns}",
            "breadth": f"{new.saved(BREADTH)} | fields risk_object, risk_events, tactics, detections",
            "entity": view("entity", "ds_in_order") + OF + " | fields risk_object, Detection, Command",
            "overview": view("overview", "ds_messages")
            + ' | eval risk_object=split(Entities, ", ") | mvexpand risk_object | fields risk_object, Severity, Score',
        }
        for name, search in searches.items():
            rows = [[row for row in found(one, search) if row.get("risk_object") not in EARLY] for one in (new, estate)]
            assert sorted(map(str, rows[0])) == sorted(map(str, rows[1])), name
            assert len(rows[0]) > 5, name
    for _ in range(2):
        run(estate, 13)
        assert scores(estate) == shown


def test_settings_hold(estate):
    runs = run(estate)
    assert scores(estate) == {
        **{"amy": 55, "ws-1": 55},  # two of 64: the cap
        **{"bob": 97, "ws-2": 97},  # 68, capped, and an anomaly of 42, which repeats
        **{"carol": 30, "srv-1": 60},  # the own detection; the factor of srv-*
        **{"dan": 52, "ws-3": 55},  # the given detection leaves out both of ws-3: allow list and filter
        **{"svc_deploy": 52, "ws-4": 52, "zoe": 55, "ws-9": 55},  # svc_scanner is ignored
    }
    above = {name for name, score in scores(estate).items() if score > 50}  # the threshold
    assert {row["risk_object"] for row in runs[SCORE].result.rows} == above
    assert {event["index"] for event in estate.found("index=*risk")} == {INDEX}
    given = estate.found(f"index={INDEX} detection=*DLLRegisterServer process_key=*")
    assert {row["risk_score"] for row in given} == {"40"}  # its own impact
    assert len(runs[TOOL].result.rows) == 1


def test_a_user_s_copy_of_the_old_rule_still_runs_and_has_the_scores_of_today(estate):
    runs = run(estate)
    rows = {row["risk_object"]: row for row in runs[OURS].result.rows}
    shipped = {row["risk_object"]: row["risk_score"] for row in runs[SCORE].result.rows}
    assert {name: row["risk_score"] for name, row in rows.items()} == shipped
    assert "user bob has a risk score of 97 in 24 hours" in rows["bob"]["message"]
    assert {row["detection"] for row in estate.found(rows["srv-1"]["drilldown_search"])} == {"Our Tool"}


def test_a_finding_that_scores_in_enterprise_security_8_is_named_with_what_to_do(estate):
    """Version 0.1.0 let action.notable be on: its findings had no entity with a score."""
    set_more(estate, "savedsearches", f"[{RULE}]\naction.notable = 1")
    allow(estate)
    (one,) = [one for one in Scheduler(estate.instance).run(DAY + 12 * HOUR, DAY + 12 * HOUR + 1) if one.search == RULE]
    ((level, text),) = one.actions[0].log[:1]
    assert (one.actions[0].code, level) == (1, "ERROR")
    assert "(action.notable = 1, with a score in action.notable.param._entities)" in text
    set_more(estate, "savedsearches", f"[{RULE}]\naction.notable.param._entities = []")
    run(estate)


def test_the_rules_do_not_alert_again_on_what_the_old_version_wrote(estate):
    """But for the score, which is a new alert for each user or device and day."""
    allow(estate)
    assert estate.found(estate.saved(SEVERE)) == []
    assert estate.instance.saved_search(BREADTH)["alert.suppress.fields"] == "risk_object,risk_object_type"

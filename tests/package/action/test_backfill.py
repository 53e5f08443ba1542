"""A backfill from the command line to the index, the views and the rules: marked, once, and without an alert."""

import re
import time

import pytest

from sandbox.alerts.scheduler import Scheduler
from sandbox.search.instance import Instance
from sandbox.splunkd import Splunkd
from sandbox.splunkd.state import ROLES, Session
from tests.support.app.estate import APPLY, BREADTH, RULE, SCORE, SEVERE, Estate, process
from tests.support.app.schedule import conf
from tests.support.examples import GIVEN
from tools import ROOT
from tools import __main__ as tools
from tools.backfill.windows import DAY, HOUR, SETTLE, windows
from tools.ui import views

FOUND = "SSA - Example: what a backfill found"
USERS = {"admin": ("pw", "admin"), "paul": ("pw", "power")}
MARK = "Historic (in no score): "


@pytest.fixture
def estate(archive, tmp_path, monkeypatch):
    instance = Instance(tmp_path / "home")
    instance.install(archive)
    for name in ("SPLUNK_TOKEN", "SPLUNK_USERNAME", "SPLUNK_PASSWORD"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("SPLUNK_USERNAME", "admin")
    monkeypatch.setenv("SPLUNK_PASSWORD", "pw")
    with Splunkd(instance, users=USERS) as splunkd:
        estate = Estate(splunkd.acting(Session("admin", "admin", ROLES["admin"])))
        estate.splunkd = splunkd
        yield estate


@pytest.fixture
def backfill(estate, capsys):
    """Run the tool; give its exit code, the figures of each window and in all, and what it says."""

    def run(*arguments):
        ca = str(estate.splunkd.ca_file)
        code = tools.main(["backfill", *arguments, "--url", estate.splunkd.uri, "--ca", ca])
        out, err = capsys.readouterr()
        rows = [line.split(" | ") for line in out.splitlines() if line.count(" | ") == 5][1:]
        return code, [[int(cell) for cell in row[2:]] for row in rows], out + err

    return run


def three_days(hours=24):
    return windows(3, hours, time.time())


def hits(estate, *times, user="amy", device="ws-1"):
    """Let process events come in that the given detection finds, indexed when they happened."""
    estate.instance.add_events([process(at, user, device) for at in times])


def risk(estate):
    return estate.instance.search("index=risk | sort 0 _time risk_object").rows


def shown(estate, name, source, **tokens):
    """The rows of a view over all time, for all users and devices."""
    view = views.shipped()[name]
    return estate.instance.search(views.fill(view.query(source), view.defaults | tokens)).rows


def alerts(estate):
    """How many results the risk rules alert on now."""
    now = time.time()
    ranges = {SCORE: (now - 9 * DAY, now), SEVERE: (now - 9 * DAY, now + 2 * DAY), BREADTH: (now - 7 * DAY, now)}
    return {name: len(estate.found(estate.saved(name), *range, now=now)) for name, range in ranges.items()}


NONE = {SCORE: 0, SEVERE: 0, BREADTH: 0}


def test_each_event_of_the_days_is_written_once_marked_and_at_its_own_time(estate, backfill):
    due = three_days()
    edges = [at for one in due for at in (one.start, one.end - 0.001)]
    inside = [one.start + 5 * HOUR + 0.25 for one in due]
    outside = [due[0].start - 0.001, due[-1].end]
    hits(estate, *edges, *inside, *outside)
    code, rows, said = backfill(GIVEN, "--days", "3")
    assert (code, rows) == (0, [[3, 6, 6, 0]] * 3 + [[9, 18, 18, 0]]), said
    written = risk(estate)
    assert sorted({round(float(row["_time"]), 3) for row in written}) == sorted(edges + inside)
    assert {(row["historic"], row["source"], row["search_name"]) for row in written} == {
        ("1",) + ("SSA - Backfill",) * 2
    }
    assert len({row["risk_event_id"] for row in written}) == 18
    assert f"SSA - {GIVEN} - Rule, 3 windows" in said


@pytest.mark.parametrize("hours", [1, 7, 24])
def test_the_windows_leave_out_nothing_whatever_their_length(hours):
    due = windows(3, hours, 1_772_496_000.7)
    assert (due[0].start, due[-1].end) == (1_772_496_000 - 600 - 3 * DAY, 1_772_496_000 - 600)
    assert [one.end for one in due[:-1]] == [one.start for one in due[1:]]
    assert all(0 < one.end - one.start <= hours * HOUR for one in due)


def test_again_or_over_days_that_a_window_shares_it_adds_nothing(estate, backfill):
    due = three_days()
    hits(estate, *(one.start + HOUR for one in due))
    assert backfill(GIVEN, "--days", "3")[1][-1] == [3, 6, 6, 0]
    assert backfill(GIVEN, "--days", "3")[1][-1] == [3, 6, 0, 6]
    assert backfill(GIVEN, "--days", "5", "--hours", "5")[1][-1] == [3, 6, 0, 6]
    assert len(risk(estate)) == 6


def test_no_rule_alerts_no_score_counts_and_the_views_show_it_with_its_mark(estate, backfill):
    due = three_days()
    estate.detections(odd={"impact": "90", "confidence": "90", "mitre_attack_id": "T1059"})
    estate.instance.add_events(process(due[-1].start + n, "amy", "ws-1", "x odd x") for n in range(0, 9000, 900))
    search = {"search": "`ssa_process_events` | ssadetect detection=odd | addinfo", "action.ssa_risk": "1"}
    conf(estate.local / "savedsearches.conf", {"SSA - odd - Rule": search})
    assert backfill("odd", "--days", "3")[1][-1] == [10, 20, 20, 0]
    assert (alerts(estate), estate.instance.search("`ssa_risk_scores`").rows) == (NONE, [])
    assert shown(estate, "entity", "ds_parts", entity="amy") == []
    for name, source in (("overview", "ds_messages"), ("entity", "ds_in_order")):
        rows = shown(estate, name, source, entity="amy")
        assert rows and all(row["Message"].startswith(MARK) for row in rows)
    assert [(row["Detection"], row["Hits"]) for row in shown(estate, "tuning", "ds_noise", detection="odd")] == [
        ("odd", "10")
    ]
    found = estate.instance.search(estate.saved(FOUND)).rows
    assert [(row["risk_object"], row["risk_events"], row["highest"]) for row in found] == [
        ("amy", "10", "81"),
        ("ws-1", "10", "81"),
    ]


def test_the_same_risk_without_the_mark_does_alert(estate):
    """So that the test above is not true of nothing."""
    due = three_days()
    estate.detections(odd={"impact": "90", "confidence": "90", "mitre_attack_id": "T1059"})
    estate.instance.add_events(process(due[-1].start + n, "amy", "ws-1", "x odd x") for n in range(0, 9000, 900))
    estate.detect(
        search="`ssa_process_events` | ssadetect detection=odd | addinfo", start=due[0].start, end=due[-1].end
    )
    assert {name: count > 0 for name, count in alerts(estate).items()} == {SCORE: True, SEVERE: True, BREADTH: False}
    rows = shown(estate, "overview", "ds_messages")
    assert rows and not [row for row in rows if row["Message"].startswith(MARK)]


def test_what_a_scheduled_run_wrote_stays_as_it_is_and_counts(estate, backfill):
    due = three_days()
    hits(estate, *(due[-1].start + n for n in (1, 2, 3)))
    estate.detect(start=due[-1].start, end=due[-1].end, written=time.time())
    assert backfill(GIVEN, "--days", "3")[1][-1] == [3, 6, 0, 6]
    assert [row for row in risk(estate) if row.get("historic")] == []
    assert alerts(estate)[SCORE] == 2


def test_the_runs_that_follow_alert_on_what_is_new_and_not_on_what_was_filled_in(estate, backfill):
    now = time.time()
    due = three_days()
    hits(estate, *(due[-1].end - n for n in (1, 2, 3)))
    assert backfill(GIVEN, "--days", "3")[1][-1] == [3, 6, 6, 0]
    hits(estate, due[-1].end, due[-1].end + 1, device="ws-2")
    conf(estate.local / "savedsearches.conf", {RULE: {"enableSched": "1"}, APPLY: {"enableSched": "0"}})
    catch_up = {"ssa_catch_up_at": {"definition": str(int(now) % DAY // HOUR * HOUR)}}
    conf(estate.local / "macros.conf", catch_up)
    hour = int(now // HOUR + 1) * HOUR
    runs = Scheduler(estate.instance).run(hour, hour + HOUR)
    assert [(run.search, run.error, len(run.result.rows)) for run in runs] == [(RULE, "", 5)]
    news = [row for row in risk(estate) if not row.get("historic")]
    assert sorted({row["risk_object"] for row in news}) == ["amy", "ws-2"]
    assert len(news) == 4


@pytest.mark.parametrize("hours", ["24", "7"])
def test_a_late_event_of_the_last_day_is_news_for_the_next_run_and_alerts(estate, backfill, hours):
    end = three_days()[-1].end
    late = [process(end - DAY + n * HOUR, "amy", "ws-1", _indextime=end + 60) for n in (0, 9, 23)]
    older = process(end - DAY - HOUR, "bob", "ws-2", _indextime=end + 60)
    estate.instance.add_events([*late, older])
    assert backfill(GIVEN, "--days", "3", "--hours", hours)[1][-1] == [1, 2, 2, 0]
    estate.schedule(RULE)
    Scheduler(estate.instance).run(end + SETTLE + HOUR, end + SETTLE + HOUR + 1)
    assert {(row["risk_object"], row.get("historic") or "") for row in risk(estate)} == {
        *(("amy", ""), ("ws-1", ""), ("bob", "1"), ("ws-2", "1"))
    }
    assert len(risk(estate)) == 8


def test_the_search_that_the_page_gives_for_splunk_web_does_the_same(estate, backfill):
    page = (ROOT / "docs/backfill.md").read_text()
    (text,) = re.findall(r"^ +(\| savedsearch .*sendalert .*)$", page, re.MULTILINE)
    due = three_days()
    hits(estate, *(one.start + HOUR for one in due))
    assert f'"{RULE}"' in text
    estate.instance.search(text, earliest=due[0].start, latest=due[-1].end)
    assert {row["historic"] for row in risk(estate)} == {"1"}
    assert len(risk(estate)) == 6
    assert backfill(GIVEN, "--days", "3")[1][-1] == [3, 6, 0, 6]


def test_a_dry_run_counts_and_writes_nothing(estate, backfill):
    hits(estate, three_days()[-1].start)
    code, rows, said = backfill(GIVEN, "--days", "3", "--dry-run")
    assert (code, rows[-1], risk(estate)) == (0, [1, 2, 0, 0], [])
    assert "a dry run: nothing is written" in said


def test_risk_goes_to_the_index_of_the_search(estate, backfill):
    estate.splunkd.indexes.add("risk_historic")
    conf(estate.local / "savedsearches.conf", {RULE: {"action.ssa_risk.param.index": "risk_historic"}})
    hits(estate, three_days()[-1].start)
    code, _, said = backfill(GIVEN)
    assert code == 1
    assert "the parameter index is 'risk_historic'" in said
    conf(estate.local / "alert_actions.conf", {"ssa_risk": {"allowed_indexes": "risk, risk_historic"}})
    assert backfill(GIVEN)[1][-1] == [1, 2, 2, 0]
    assert len(estate.instance.search("index=risk_historic historic=1").rows) == 2


@pytest.mark.parametrize("first", ["scheduled", "backfill"])
def test_a_hit_in_both_indexes_is_shown_once_and_as_what_the_score_counts(estate, backfill, first):
    estate.splunkd.indexes.add("risk_historic")
    conf(estate.local / "alert_actions.conf", {"ssa_risk": {"allowed_indexes": "risk, risk_historic"}})
    both = {"definition": "(index=risk OR index=risk_historic) sourcetype=stash risk_event_id=*"}
    conf(estate.local / "macros.conf", {"ssa_risk_events": both})
    due = three_days()
    hits(estate, due[-1].start)
    for how in (first, "scheduled" if first == "backfill" else "backfill"):
        index = "risk" if how == "scheduled" else "risk_historic"
        conf(estate.local / "savedsearches.conf", {RULE: {"action.ssa_risk.param.index": index}})
        if how == "scheduled":
            estate.detect(start=due[-1].start, end=due[-1].end)
        else:
            assert backfill(GIVEN)[1][-1] == [1, 2, 2, 0]
    assert len(estate.instance.search("`ssa_risk_events`").rows) == 4
    for name, source in (("overview", "ds_messages"), ("entity", "ds_in_order")):
        rows = shown(estate, name, source, entity="amy")
        assert [row["Message"].startswith(MARK) for row in rows] == [False]


FORGED = (" historic=1", ', historic="1"', '", historic="1', '\\", historic="1', '\\\\", historic="1', "\nhistoric=1\n")
FORGED += ('x\r\n1772000000.000, historic="1"', "***SPLUNK*** historic=1", "\u2028historic=1", "' historic=1 '")


@pytest.mark.parametrize("field", ["process", "user", "dest", "parent_process_name"])
def test_no_text_of_an_event_makes_its_risk_historic(estate, field):
    start = three_days()[-1].start
    names = {"user": "amy", "dest": "ws-1", "line": r"msiexec.exe /y C:\x.dll"}
    for n, text in enumerate(FORGED):
        given = {"line": f"{names['line']} {text}"} if field == "process" else {field: f"z{n}{text}"}
        estate.instance.add_events([process(start + n, **{**names, **given})])
    estate.detect(start=start, end=start + HOUR)
    written = risk(estate)
    assert len(written) == 2 * len(FORGED)
    assert len(estate.instance.search("`ssa_risk_counted`").rows) == len(written)


def test_after_the_kv_store_was_down_midway_the_same_command_goes_on(estate, backfill, monkeypatch):
    due = three_days()
    hits(estate, *(one.start + HOUR for one in due))
    conf(estate.local / "alert_actions.conf", {"ssa_risk": {"maxtime": "5s"}})
    acting, ran = estate.splunkd.instance.sender, []

    def sender(*arguments):
        ran.append(1)
        estate.instance.kvstore.status = "failed" if len(ran) == 2 else "ready"
        try:
            acting(*arguments)
        finally:
            estate.instance.kvstore.status = "ready"

    monkeypatch.setattr(estate.splunkd.instance, "sender", sender)
    code, rows, said = backfill(GIVEN, "--days", "3")
    assert (code, rows) == (1, [[1, 2, 2, 0]])
    assert "a backfill needs the ledger (lookup ssa_risk_ledger), or it would write once more what is there" in said
    assert "The windows before are done; start the same command again to go on" in said
    assert backfill(GIVEN, "--days", "3")[:2] == (0, [[1, 2, 0, 2], [1, 2, 2, 0], [1, 2, 2, 0], [3, 6, 4, 2]])


WRONG = {
    "unknown detection": (
        ["Windows MSIExec DLL Registrations"],
        {},
        "is it one of SSA - Windows MSIExec DLL Registration - Rule",
    ),
    "unknown set": (["--set", "nope"], {}, "has no search 'SSA - Set nope - Rule' that you may see"),
    "too many days": ([GIVEN, "--days", "30"], {}, "--days is 30, not 1 to 29: the ledger remembers 30 days"),
    "too many hours": ([GIVEN, "--hours", "25"], {}, "--hours is 25, not 1 to 24"),
    "no action": (["SSA - Example: rare parents"], {}, "does not have the action ssa_risk: it writes no risk"),
    "no user": ([GIVEN], {"SPLUNK_USERNAME": ""}, "--url needs SPLUNK_USERNAME and SPLUNK_PASSWORD"),
    "wrong password": ([GIVEN], {"SPLUNK_PASSWORD": "x"}, "splunkd does not know this user and password"),
    "no right": ([GIVEN], {"SPLUNK_USERNAME": "paul"}, "may not use the app's KV store. Make admin the owner"),
    "no KV store": ([GIVEN], {"kvstore": "failed"}, "a backfill needs the ledger (lookup ssa_risk_ledger)"),
    "broken search": ([GIVEN], {"search": "search x | nonsense"}, "nonsense"),
}


@pytest.mark.parametrize(("arguments", "change", "says"), WRONG.values(), ids=WRONG)
def test_what_is_wrong_is_said_and_nothing_is_written(estate, backfill, monkeypatch, arguments, change, says):
    hits(estate, three_days()[-1].start)
    conf(estate.local / "alert_actions.conf", {"ssa_risk": {"maxtime": "5s"}})
    for name in [name for name in change if name.isupper()]:
        monkeypatch.setenv(name, change[name])
    if "search" in change:
        conf(estate.local / "savedsearches.conf", {RULE: {"search": change["search"]}})
    estate.instance.kvstore.status = change.get("kvstore", "ready")
    code, _, said = backfill(*arguments)
    assert (code, says in said) == (1, True), said
    assert risk(estate) == []


@pytest.mark.parametrize(("arguments", "says"), [(["--days", "0"], "expected a number from 1"), ([], "required")])
def test_arguments_that_are_none_are_refused(backfill, capsys, arguments, says):
    with pytest.raises(SystemExit):
        backfill(*([GIVEN] if arguments else []), *arguments)
    assert says in capsys.readouterr().err

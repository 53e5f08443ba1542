"""Scheduled searches on simulated time, and what their alerts do."""

import csv
import gzip
import io
import json
import time

import pytest

from sandbox.alerts.scheduler import Scheduler
from sandbox.errors import SandboxError
from sandbox.search.instance import Instance
from sandbox.splunkd import Splunkd
from tests.support.app.schedule import DAY, HOUR, conf
from tests.support.examples import GIVEN

HOURLY = {"search": "index=main", "enableSched": "1", "cron_schedule": "0 * * * *"}
KEEP = """
import json, os, sys, time
payload = json.load(sys.stdin)
with open(os.path.join(os.environ["SPLUNK_HOME"], "kept.jsonl"), "a") as out:
    out.write(json.dumps(payload) + "\\n")
sys.stderr.write("INFO kept\\n")
sys.stderr.flush()
time.sleep(float(payload["configuration"].get("sleep", "0")))
"""
ACTION = {"payload_format": "json", "param.who": "$result.user$"}


@pytest.fixture
def instance(tmp_path):
    """An instance with the app `tiny`, whose alert action `keep` writes down what it is given."""
    made = Instance(tmp_path / "home", splunkd_uri="http://127.0.0.1:9", session_key="key")
    (made.apps / "tiny/bin").mkdir(parents=True)
    (made.apps / "tiny/bin/keep.py").write_text(KEEP)
    conf(made.apps / "tiny/default/alert_actions.conf", {"keep": ACTION})
    return made


@pytest.fixture
def schedule(instance):
    """Write the saved searches of `tiny` and return a scheduler of it."""

    def make(**searches):
        conf(instance.apps / "tiny/default/savedsearches.conf", {name: HOURLY | s for name, s in searches.items()})
        return Scheduler(instance, ["tiny"])

    return make


@pytest.fixture
def kept(instance):
    def payloads():
        path = instance.home / "kept.jsonl"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    return payloads


def event(at, **fields):
    return {"_time": at, "_raw": "x", "index": "main", **fields}


def rows_of(path):
    return list(csv.DictReader(io.StringIO(gzip.open(path, "rt").read())))


# -- when searches run, and over what


def test_each_search_runs_at_its_cron_times_from_start_inclusive_to_end_exclusive_by_time_then_name(schedule):
    scheduler = schedule(
        b={},
        a={"cron_schedule": "*/30 1,2 * * *"},
        never={"enableSched": "0"},
        off={"disabled": "1"},
    )
    runs = scheduler.run(DAY + HOUR, DAY + 2 * HOUR)
    assert [(run.search, run.time - DAY) for run in runs] == [("a", HOUR), ("b", HOUR), ("a", 1.5 * HOUR)]
    assert [run.time - DAY for run in scheduler.run(DAY + HOUR + 1, DAY + 2 * HOUR + 1)] == [5400, 7200, 7200]
    assert scheduler.run(DAY, DAY) == []


def test_a_search_sees_its_scheduled_time_as_now_and_its_own_range(schedule):
    scheduler = schedule(
        s={
            "search": "| makeresults | addinfo | eval now=now() | table now, info_*",
            "dispatch.earliest_time": "-70m@m",
            "dispatch.latest_time": "-10m@m",
        }
    )
    (run,) = scheduler.run(DAY, DAY + HOUR)
    (row,) = run.result.rows
    assert (run.earliest, run.latest) == (DAY - 70 * 60, DAY - 10 * 60)
    assert (row["now"], row["info_search_time"]) == (f"{DAY:.0f}", f"{DAY:.3f}")
    assert (row["info_min_time"], row["info_max_time"]) == (f"{run.earliest:.3f}", f"{run.latest:.3f}")
    assert row["info_sid"] == run.sid
    assert run.sid.startswith("scheduler__admin__tiny__RMD5")
    assert f"_at_{DAY:.0f}_" in run.sid


def test_an_event_exactly_at_the_earliest_time_is_in_and_one_at_the_latest_is_out(instance, schedule):
    bounds = {"dispatch.earliest_time": "-70m@m", "dispatch.latest_time": "-10m@m"}
    scheduler = schedule(s={"search": "index=main | sort n | table n", "cron_schedule": "5 6 * * *", **bounds})
    due = DAY + 6 * HOUR + 5 * 60
    times = (due - 4200.001, due - 4200, due - 600.001, due - 600)
    instance.add_events(event(at, n=str(n)) for n, at in enumerate(times))
    (run,) = scheduler.run(DAY, DAY + 24 * HOUR)
    assert [row["n"] for row in run.result.rows] == ["1", "2"]


def test_windows_that_overlap_find_an_event_twice_and_windows_that_touch_find_it_once(instance, schedule):
    touching = {"dispatch.earliest_time": "-1h@h", "dispatch.latest_time": "@h"}
    scheduler = schedule(overlap={"dispatch.earliest_time": "-70m@m", "dispatch.latest_time": "now"}, touching=touching)
    instance.add_events([event(DAY + 55 * 60), event(DAY + 2 * HOUR)])
    runs = scheduler.run(DAY, DAY + 4 * HOUR)
    found = {name: [len(r.result.rows) for r in runs if r.search == name] for name in ("overlap", "touching")}
    assert found == {"overlap": [0, 1, 1, 1], "touching": [0, 1, 0, 1]}


def test_an_event_that_comes_late_is_found_by_the_next_run_that_reaches_back_to_it(instance, schedule):
    scheduler = schedule(s={"dispatch.earliest_time": "-70m@m", "dispatch.latest_time": "-10m@m"})
    first = scheduler.run(DAY, DAY + 2 * HOUR)
    instance.add_events([event(DAY + 45 * 60), event(DAY + 55 * 60)])
    second = scheduler.run(DAY + 2 * HOUR, DAY + 3 * HOUR)
    assert [len(run.result.rows) for run in first + second] == [0, 0, 1]


def test_each_run_is_in_the_schedulers_log_at_its_time(instance, schedule):
    instance.add_events([event(DAY + 1)])
    schedule(one={"dispatch.latest_time": "now"}, wrong={"search": "| nonsense"}).run(DAY, DAY + HOUR + 1)
    search = "index=_internal sourcetype=scheduler | sort _time | table _time, savedsearch_name, status, result_count"
    runs = [tuple(row.values()) for row in instance.search(search, app="tiny").rows]
    assert sorted(runs, key=str) == [
        (f"{DAY:.0f}", "one", "success", "0"),
        (f"{DAY:.0f}", "wrong", None, None),
        (f"{DAY + HOUR:.0f}", "one", "success", "1"),
        (f"{DAY + HOUR:.0f}", "wrong", None, None),
    ]


def test_a_search_that_fails_is_reported_and_does_not_stop_the_others(schedule):
    runs = schedule(a={"search": "index=main | nonsense"}, b={}).run(DAY, DAY + HOUR)
    assert [(run.search, run.error, run.triggered) for run in runs] == [
        ("a", "Unknown search command 'nonsense' at position 14.", False),
        ("b", "", True),
    ]


@pytest.mark.parametrize(
    ("key", "value", "problem"),
    [
        ("cron_schedule", "0 * * *", "cron_schedule: '0 * * *' is not five fields of numbers"),
        ("cron_schedule", "0 0 * * MON", "cron_schedule: '0 0 * * MON' is not five fields of numbers"),
        ("cron_schedule", "61 * * * *", "cron_schedule: Bad minute in '61 * * * *'"),
        ("cron_schedule", "", "cron_schedule: missing"),
        ("search", "", "search: missing"),
        ("dispatch.earliest_time", "rt-5m", "dispatch.earliest_time: Unsupported time modifier 'rt-5m'"),
        ("dispatch.latest_time", "soon", "dispatch.latest_time: Unsupported time modifier 'soon'"),
        ("dispatch.indexedRealtime", "1", "dispatch.indexedRealtime: not supported"),
        ("counttype", "custom", "unsupported trigger condition: counttype = custom"),
        ("alert_condition", "search x=1", "unsupported trigger condition: alert_condition = search x=1"),
        ("alert.severity", "7", "alert.severity: expected a number from 1 to 6, found '7'"),
        ("alert.expires", "soon", "alert.expires: expected a duration such as 24h, found 'soon'"),
        ("alert.suppress", "1", "alert.suppress.period: expected a duration such as 24h, found ''"),
        ("alert.suppress.group_name", "g", "alert.suppress.group_name: not supported"),
        ("action.nope", "1", "action.nope: alert_actions.conf has no stanza [nope]"),
    ],
)
def test_a_setting_that_is_wrong_or_not_supported_is_named_before_anything_runs(schedule, kept, key, value, problem):
    scheduler = schedule(a={"action.keep": "1"}, b={key: value})
    with pytest.raises(SandboxError) as caught:
        scheduler.run(DAY, DAY + HOUR)
    assert str(caught.value) == f"savedsearches.conf [b] {problem}"
    assert kept() == []


@pytest.mark.parametrize(("relation", "problem"), [("rises by", "relation = rises by"), ("equal to", "quantity = 10%")])
def test_a_condition_that_compares_with_the_run_before_is_not_supported(schedule, relation, problem):
    scheduler = schedule(s={"counttype": "number of events", "relation": relation, "quantity": "10%"})
    with pytest.raises(SandboxError, match=f"unsupported trigger condition: {problem}"):
        scheduler.run(DAY, DAY + HOUR)


# -- what triggers, and what the actions get


@pytest.mark.parametrize(
    ("counttype", "quantity", "expected"),
    [
        ("number of events", 4, True),
        ("number of hosts", 2, True),
        ("number of sources", 3, True),
        ("number of hosts", 4, False),
        ("always", 9, True),
    ],
)
def test_events_hosts_or_sources_are_counted(instance, schedule, counttype, quantity, expected):
    hosts = [{"host": "a", "source": "x"}, {"host": "a", "source": "y"}, {"host": "b", "source": "z"}, {"source": "z"}]
    instance.add_events(event(DAY - 1, **one) for one in hosts)
    condition = {"counttype": counttype, "relation": "equal to", "quantity": str(quantity)}
    (run,) = schedule(s=condition).run(DAY, DAY + HOUR)
    assert run.triggered is expected
    assert run.outcome == ("" if expected else "the trigger condition is not met")


def test_in_digest_mode_an_action_runs_once_with_all_results(instance, schedule, kept):
    instance.add_events(event(DAY - n, user=f"u{n}") for n in (1, 2, 3))
    (run,) = schedule(s={"search": "index=main | table user", "action.keep": "1"}).run(DAY, DAY + HOUR)
    (payload,) = kept()
    assert [(a.action, a.code, a.log) for a in run.actions] == [("keep", 0, [("INFO", "kept")])]
    assert [row["user"] for row in rows_of(payload["results_file"])] == ["u1", "u2", "u3"]
    assert payload["results_file"] == str(run.result.dispatch_dir / "results.csv.gz")
    assert payload["result"] == {"user": "u1"}
    assert "result_id" not in payload
    assert payload["configuration"] == {"who": "u1"}
    assert (payload["app"], payload["owner"], payload["sid"], payload["search_name"]) == ("tiny", "admin", run.sid, "s")


def test_in_per_result_mode_an_action_runs_for_each_result_with_a_file_of_its_own(instance, schedule, kept):
    instance.add_events(event(DAY - n, user=f"u{n}") for n in (1, 2))
    settings = {"search": "index=main | table user", "action.keep": "1", "alert.digest_mode": "0"}
    (run,) = schedule(s=settings).run(DAY, DAY + HOUR)
    folder = run.result.dispatch_dir / "per_result_alert"
    assert [(p["results_file"], p["result_id"], p["result"], p["configuration"]) for p in kept()] == [
        (str(folder / "tmp_0.csv.gz"), 0, {"user": "u1"}, {"who": "u1"}),
        (str(folder / "tmp_1.csv.gz"), 1, {"user": "u2"}, {"who": "u2"}),
    ]
    assert [[row["user"] for row in rows_of(p["results_file"])] for p in kept()] == [["u1"], ["u2"]]
    assert len(run.actions) == 2


def test_a_search_without_results_has_nothing_to_alert_on_one_by_one(schedule, kept):
    (run,) = schedule(s={"action.keep": "1", "alert.digest_mode": "0"}).run(DAY, DAY + HOUR)
    assert (run.triggered, run.outcome, kept()) == (False, "there is no result to alert on", [])


def test_actions_that_the_sandbox_does_not_have_are_noted_and_not_run(schedule, kept):
    on = {"action.keep": "1", "action.email": "1", "action.risk": "0", "action.notable": "1"}
    (run,) = schedule(s={**on, "action.correlationsearch.enabled": "1", "action.email.to": "x"}).run(DAY, DAY + HOUR)
    assert [action.action for action in run.actions] == ["keep"]
    assert run.not_here == ["email", "notable", "correlationsearch"]


def test_an_action_that_takes_longer_than_its_maxtime_is_killed(instance, schedule, kept):
    conf(instance.apps / "tiny/local/alert_actions.conf", {"keep": {"maxtime": "1s", "param.sleep": "60"}})
    started = time.monotonic()
    first, second = schedule(a={"action.keep": "1"}, b={"action.keep": "1", "action.keep.param.sleep": "0"}).run(
        DAY, DAY + HOUR
    )
    assert time.monotonic() - started < 30
    assert [(a.code, a.log) for a in first.actions] == [(-1, [("INFO", "kept"), ("ERROR", "killed after 1 s")])]
    assert [a.code for a in second.actions] == [0]


def test_an_action_without_a_script_is_recorded_and_does_not_stop_the_other_searches(instance, schedule, kept):
    conf(instance.apps / "tiny/local/alert_actions.conf", {"lost": ACTION})
    first, second = schedule(a={"action.lost": "1"}, b={"action.keep": "1"}).run(DAY, DAY + HOUR)
    assert "the alert action lost has no script" in first.error
    assert (second.error, len(kept())) == ("", 1)


# -- suppression and tracking


def test_in_digest_mode_suppression_silences_the_whole_search_until_its_period_is_over(instance, schedule, kept):
    suppress = {"alert.suppress": "1", "alert.suppress.period": "2h", "alert.suppress.fields": "user"}
    search = {"search": "index=main | table user", "dispatch.earliest_time": "-1h", "dispatch.latest_time": "now"}
    scheduler = schedule(s={**search, "action.keep": "1", **suppress}, other={**search, "action.keep": "1"})
    instance.add_events(event(DAY + n * HOUR - 1, user=f"u{n}") for n in range(5))
    runs = scheduler.run(DAY, DAY + 2 * HOUR) + scheduler.run(DAY + 2 * HOUR, DAY + 5 * HOUR)
    seen = {n: [p["result"]["user"] for p in kept() if p["search_name"] == n] for n in ("s", "other")}
    assert seen == {"s": ["u0", "u2", "u4"], "other": ["u0", "u1", "u2", "u3", "u4"]}
    assert [run.outcome for run in runs if run.search == "s"] == ["", "suppressed", "", "suppressed", ""]


def test_in_per_result_mode_suppression_silences_equal_values_only(instance, schedule, kept):
    suppress = {"alert.suppress": "1", "alert.suppress.period": "90m", "alert.suppress.fields": "user, host"}
    search = {"search": "index=main | table user, host", "dispatch.earliest_time": "-1h", "dispatch.latest_time": "now"}
    scheduler = schedule(s={**search, "action.keep": "1", "alert.digest_mode": "0", **suppress})
    seen = [(0, "a", "h"), (0, "a", "h"), (0, "a", "i"), (0, "b", None), (1, "a", "h"), (1, "c", "h"), (2, "a", "h")]
    instance.add_events(event(DAY + n * HOUR - 1 - at, user=u, host=h) for at, (n, u, h) in enumerate(seen))
    runs = scheduler.run(DAY, DAY + HOUR) + scheduler.run(DAY + HOUR, DAY + 3 * HOUR)
    assert [(len(run.actions), run.silenced) for run in runs] == [(3, 1), (1, 1), (1, 0)]
    seen = [(p["result"]["user"], p["result"].get("host")) for p in kept()]
    assert seen == [("a", "h"), ("a", "i"), ("b", None), ("c", "h"), ("a", "h")]


def test_per_result_suppression_wants_its_fields(schedule):
    suppress = {"alert.digest_mode": "0", "alert.suppress": "1", "alert.suppress.period": "1h"}
    with pytest.raises(SandboxError, match=r"\[s\] alert.suppress.fields: must be set"):
        schedule(s=suppress).run(DAY, DAY + HOUR)


def test_a_tracked_alert_is_listed_until_it_expires(instance, schedule):
    tracked = {"alert.track": "1", "alert.severity": "5", "alert.expires": "90m"}
    scheduler = schedule(s=tracked, usual={"alert.track": "true"}, untracked={"alert.track": "0"})
    instance.add_events([event(DAY - 1), event(DAY - 2)])
    runs = {run.search: run for run in scheduler.run(DAY, DAY + HOUR)}
    assert [alert.search for alert in scheduler.triggered(DAY + 90 * 60 - 1)] == ["s", "usual"]
    assert [alert.search for alert in scheduler.triggered(DAY + 90 * 60)] == ["usual"]
    assert scheduler.triggered(DAY + 24 * HOUR) == []
    alert = scheduler.alerts[0]
    assert (alert.search, alert.sid, alert.time, alert.expires) == ("s", runs["s"].sid, DAY, DAY + 5400)
    assert (alert.severity, alert.results, alert.digest) == (5, 2, True)


def test_a_suppressed_alert_is_not_listed(instance, schedule):
    suppress = {"alert.suppress": "1", "alert.suppress.period": "1d", "alert.suppress.fields": "user"}
    scheduler = schedule(s={"alert.track": "1", "alert.digest_mode": "0", **suppress})
    instance.add_events([event(DAY - 1, user="a"), event(DAY - 2, user="a"), event(DAY - 3, user="b")])
    scheduler.run(DAY, DAY + 2 * HOUR)
    assert [(alert.time, alert.results, alert.digest) for alert in scheduler.alerts] == [(DAY, 2, False)]


@pytest.mark.parametrize(
    ("track_alert", "counttype", "expected"),
    [("1", "number of events", 1), ("0", "number of events", 0), ("1", "always", 0)],
)
def test_without_alert_track_its_actions_decide_unless_the_search_always_triggers(
    instance, schedule, track_alert, counttype, expected
):
    conf(instance.apps / "tiny/local/alert_actions.conf", {"keep": {"track_alert": track_alert}})
    condition = {"counttype": counttype, "relation": "equal to", "quantity": "0"}
    scheduler = schedule(s={"action.keep": "1", **condition})
    scheduler.run(DAY, DAY + HOUR)
    assert len(scheduler.alerts) == expected


# -- the packaged app


@pytest.fixture
def splunk(archive, tmp_path):
    """An instance with the package and a REST server that takes its risk events."""
    instance = Instance(tmp_path / "home", session_key="key")
    instance.install(archive)
    with Splunkd(instance) as splunkd:
        splunkd.sessions["key"] = frozenset({"edit_tcp"})
        instance.splunkd_uri = splunkd.uri
        yield instance


def process(at, user):
    names = {"process_name": "msiexec.exe", "process": "msiexec.exe /y x.dll", "user": user, "dest": "ws-1"}
    return {**names, "_time": at, "_raw": "msiexec.exe", "index": "win", "tag": ["process", "report"]}


def risk(instance):
    return sorted((row["risk_object"], row["info_search_time"]) for row in instance.search("index=risk").rows)


def test_the_packaged_search_scores_what_came_in_before_its_window_closed_and_that_once(splunk):
    name = f"SSA - {GIVEN} - Rule"
    settings = {name: {"enableSched": "1", "alert.track": "1"}, "SSA - Apply allow list": {"enableSched": "0"}}
    conf(splunk.apps / "ssa_detections/local/savedsearches.conf", settings)
    scheduler = Scheduler(splunk)
    came = [("amy", 30, 30), ("bob", 50, 50), ("late", 40, 70)]  # when each happened and came in, in minutes
    splunk.add_events([{**process(DAY + at * 60, who), "_indextime": int(DAY) + then * 60} for who, at, then in came])
    runs = scheduler.run(DAY, DAY + 4 * HOUR)
    assert [(run.search, run.time - DAY, run.error) for run in runs] == [(name, hour * HOUR, "") for hour in range(4)]
    assert [len(run.result.rows) for run in runs] == [0, 1, 2, 3]  # the last one catches up, and adds nothing
    assert [[(a.action, a.code) for a in run.actions] for run in runs] == [[], *[[("ssa_risk", 0)]] * 3]
    assert [run.not_here for run in runs] == [[], *[["correlationsearch"]] * 3]
    at_one, at_two = (f"{DAY + hour * HOUR:.3f}" for hour in (1, 2))
    assert risk(splunk) == sorted(
        [("amy", at_one), ("ws-1", at_one), ("bob", at_two), ("ws-1", at_two), ("late", at_two), ("ws-1", at_two)]
    )
    found = zip([run.sid for run in runs[1:]], [1, 2, 3], strict=True)
    assert [(alert.sid, alert.results) for alert in scheduler.alerts] == [*found]

"""The packaged alert action as a process: real payload, real results file, real HTTP to a stand-in for splunkd."""

import json
import os
import re
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from sandbox.search.chunked import environment
from ssa.action import entities
from ssa.action.alert import EXIT_DETECTION, EXIT_INPUT, EXIT_OK, EXIT_SPLUNKD, EXIT_USAGE
from tests.support.app.alerting import KEY, assert_hidden, counts, on_each_python, result, users
from tests.support.examples import GIVEN
from tests.support.servers.faults import Faults, fault


@on_each_python
def test_a_hit_becomes_one_risk_event_for_the_user_and_one_for_the_device(action):
    code, log = action.run(result())
    assert code == EXIT_OK
    assert [(e["risk_object"], e["risk_object_type"], e["risk_score"]) for e in action.events] == [
        ("jdoe", "user", "35"),
        ("ws-01.example", "system", "35"),
    ]
    for event in action.events:
        assert (event["index"], event["sourcetype"], event["source"]) == ("risk", "stash", "SSA - Test - Rule")
        assert event["host"] == "search_head"
        assert event["_time"] == 1772442000.25
        assert event["search_name"] == "SSA - Test - Rule"
        assert event["detection"] == GIVEN
        assert event["risk_message"].startswith("An instance of spawning msiexec.exe was identified on endpoint ws-01")
    assert "results=1 risk_events=2 written=2 written_before=0 not_written=0 ignored=0 index=risk dry_run=0" in log
    assert log.count("\n") == 1


@on_each_python
def test_hostile_text_forges_no_field_and_no_second_event(action):
    user = 'x", risk_score="999\n1772442000.000, risk_score="999", ***SPLUNK*** index=main é 💥'
    code, _ = action.run(result(user=user))
    assert code == EXIT_OK
    first, second = action.events
    assert [first["risk_score"], second["risk_score"]] == ["35", "35"]
    assert {first["index"], second["index"]} == {"risk"}
    assert first["risk_object_type"] == "user"
    assert re.match(r"[0-9.]+, ", second["_raw"])


def test_many_results_are_written_in_batches(action):
    code, log = action.run(*users(600))
    assert code == EXIT_OK
    assert (len(action.events), action.files) == (601, 3)  # 600 users, one device
    assert len(action.ledger) == 601
    assert "results so far" not in log


def test_another_index_can_be_named(action):
    action.splunkd.indexes.add("risk_test")
    action.local("alert_actions", "[ssa_risk]\nallowed_indexes = risk, risk_test\n")
    action.run(result(), index="risk_test")
    assert {found["index"] for found in action.events} == {"risk_test"}


def test_no_results_are_no_error_and_no_request(action):
    code, log = action.run()
    assert (code, action.splunkd.requests) == (EXIT_OK, [])
    assert "results=0 risk_events=0" in log


def test_the_parameter_names_the_detection_where_the_results_do_not(action):
    row = {name: value for name, value in result().items() if name != "detection"}
    code, log = action.run(row)
    assert code == EXIT_DETECTION
    assert "the results have no column 'detection'" in log
    assert action.run(row, detection=GIVEN)[0] == EXIT_OK
    assert len(action.events) == 2


def test_an_alert_for_each_result_keeps_the_number_of_the_result(action):
    for number, row in enumerate([result(), result(user="other", dest="ws-02.example")]):
        assert action.run(row, payload={"result_id": number})[0] == EXIT_OK
    assert [found["orig_rid"] for found in action.events] == ["0", "0", "1", "1"]


def test_a_result_keeps_its_number_in_the_risk_event(action):
    action.run(result(), result(user="other", dest="ws-02.example"))
    assert [found["orig_rid"] for found in action.events] == ["0", "0", "1", "1"]


# -- each hit counts once


@on_each_python
def test_the_same_results_twice_add_nothing(action):
    action.run(*users(3))
    code, log = action.run(*users(3))
    assert code == EXIT_OK
    assert "risk_events=4 written=0 written_before=4" in log
    assert (len(action.events), action.files) == (4, 1)


def test_the_same_hit_found_by_another_search_adds_nothing(action):
    action.run(result())
    tstats = {name: value for name, value in result(_time="1772442000").items() if name != "host"}
    code, log = action.run(tstats, payload={"search_name": "SSA - Other - Rule"})
    assert (code, len(action.events)) == (EXIT_OK, 2)
    assert "written=0 written_before=2" in log


def test_a_new_hit_among_known_ones_is_written(action):
    action.run(*users(3))
    _, log = action.run(*users(3, start=1))
    assert "risk_events=4 written=1 written_before=3" in log
    assert [found["risk_object"] for found in action.events][-1] == "user3"


def test_what_was_written_to_another_index_is_still_written_to_this_one(action):
    action.splunkd.indexes.add("trial")
    action.local("alert_actions", "[ssa_risk]\nallowed_indexes = trial, risk\n")
    action.run(result(), index="trial")
    action.run(result())
    assert [found["index"] for found in action.events] == ["trial", "trial", "risk", "risk"]


def test_the_ledger_forgets_after_30_days(action):
    ledger, day = action.collection("ssa_risk_ledger"), 86_400
    ledger.save(
        [{"_key": "old", "written": time.time() - 31 * day}, {"_key": "new", "written": time.time() - 29 * day}]
    )
    action.run(result())
    keys = {record["_key"] for record in action.ledger}
    assert (len(keys), keys & {"old", "new"}) == (3, {"new"})
    for record in action.ledger:
        assert record["_key"] == "new" or abs(record["written"] - time.time()) < 60


@on_each_python
def test_ignored_entities_are_read_from_the_kv_store(action):
    ignored = [
        {"entity": "svc-*", "type": "user", "expires": "2099-01-01"},
        {"entity": "ws-01.example", "type": "user", "expires": "2099-01-01"},
        {"entity": "jdoe", "type": "user", "expires": "2020-01-01"},
        {"entity": "ws-*", "expires": "soon"},
    ]
    action.collection("ssa_ignored_entities").save(ignored)
    code, log = action.run(result(), result(user="SVC-Backup"))
    assert code == EXIT_OK
    assert [found["risk_object"] for found in action.events] == ["jdoe", "ws-01.example"]
    assert counts(log)["ignored"] == 1


@on_each_python
@pytest.mark.parametrize("dest", [{}, {"dest": "srv-01.example"}], ids=["the device known", "the device new"])
def test_a_dry_run_logs_the_lines_that_would_be_written_and_writes_nothing(action, dest):
    action.run(result())
    written, rows = len(action.events), [result(), *(result(user=f"us\ner{each}", **dest) for each in range(3))]
    code, log = action.run(*rows, dry_run="1")
    assert (code, len(action.events), len(action.ledger)) == (EXIT_OK, written, written)
    would = re.findall("^INFO dry_run, not written: (.*)$", log, re.MULTILINE)
    assert len(would) == 3 + len(dest)
    assert "written=0 written_before=2" in log
    action.run(*rows)
    assert would == [found["_raw"] for found in action.events[written:]]


# -- a question without an answer costs no risk


@pytest.mark.parametrize("value", ["1", "true"])
def test_a_search_that_also_writes_enterprise_securitys_risk_is_refused(action, value):
    action.local("savedsearches", f"[SSA - a/b & é% + c - Rule]\nsearch = x\naction.risk = {value}\n")
    code, log = action.run(result(), payload={"search_name": "SSA - a/b & é% + c - Rule", "owner": "us er é"})
    assert (code, action.events) == (EXIT_USAGE, [])
    assert "adds risk in Enterprise Security as well (action.risk = 1): every hit would score twice" in log
    assert "written=0" in log


def test_a_search_whose_risk_action_is_off_is_written(action):
    action.local("savedsearches", "[SSA - Test - Rule]\nsearch = x\naction.risk = 0\naction.risk.param.verbose = 1\n")
    code, log = action.run(result())
    assert (code, len(action.events)) == (EXIT_OK, 2)
    assert "WARN" not in log


GUARD, IGNORED, LEDGER = (
    "the double-score guard: going on without: ",
    "the lookup of ignored entities: going on without: ",
    "going on without the ledger, so a hit that is found again is written again: ",
)


@pytest.mark.parametrize(
    ("path", "answer", "says"),
    [
        *(
            ("/SSA%20-%20Test%20-%20Rule", answer, GUARD)
            for answer in ("403", "500", "307", "{", '{"entry": 5}', "close")
        ),
        *(("/ssa_ignored_entities", answer, IGNORED) for answer in ("401", "404", "{", '{"a": 1}', "half")),
        *(("/batch_find", answer, LEDGER) for answer in ("403", "404", "500", "{", "[5, null]", "[[5]]", "reset")),
        *(("/batch_save", answer, LEDGER) for answer in ("404", "500", "close_after")),
        *(("/ssa_risk_ledger", answer, LEDGER) for answer in ("404", "close")),
    ],
)
def test_a_query_without_an_answer_is_a_warning_and_the_risk_is_written(action, path, answer, says):
    action.shorten("6s")
    with Faults(action.splunkd.uri, lambda request: fault(answer) if request.path.endswith(path) else None) as proxy:
        code, log = action.run(*users(3), payload={"server_uri": proxy.uri})
    assert code == EXIT_OK
    assert f"WARN {says}" in log
    assert "ERROR" not in log
    assert {found["risk_object"] for found in action.events} == {"user0", "user1", "user2", "ws-01.example"}


def test_an_ad_hoc_search_has_no_settings_to_guard_against(action):
    code, log = action.run(result())
    assert any("/saved/searches/SSA" in url for url in action.splunkd.requests)
    assert (code, "WARN" in log) == (EXIT_OK, False)


def test_a_ledger_that_is_not_there_is_named_with_what_to_do(action):
    (action.app / "default/collections.conf").unlink()
    code, log = action.run(result())
    assert (code, len(action.events)) == (EXIT_OK, 2)
    assert "The KV store does not have the app's collections: is it up (splunk show kvstore-status)" in log


@pytest.mark.parametrize("failures", [5, 15], ids=["the first batch's note", "each batch's note"])
def test_what_the_ledger_does_not_take_is_noted_again(action, failures):
    notes = []

    def fail_first(request):
        notes.extend([1] * request.path.endswith("/batch_save"))
        return fault("500") if request.path.endswith("/batch_save") and len(notes) <= failures else None

    action.shorten("15s")
    with Faults(action.splunkd.uri, fail_first) as proxy:
        code, log = action.run(*users(600), payload={"server_uri": proxy.uri})
    assert code == EXIT_OK
    assert log.count("going on without the ledger") == failures / 5
    assert len(action.ledger) == len(action.events) == 601


# -- what the admin reads in the log when something is wrong


def test_an_unknown_detection_is_reported_once_and_the_other_results_are_written(action):
    strange = {**result(), "detection": "Unknown {x}"}
    code, log = action.run(strange, result(), strange)
    assert code == EXIT_DETECTION
    assert log.count("unknown detection 'Unknown {x}'") == 1
    assert len(action.events) == 2


def test_a_result_without_a_victim_is_reported(action):
    no_victim = {**result(), "user": "", "dest": "", "host": "", "dest_user_id": "", "dest_device_id": ""}
    code, log = action.run(no_victim)
    assert code == EXIT_INPUT
    assert "names no victim: no value in any of dest_user_id, dest_device_id" in log


def test_what_many_results_have_in_common_does_not_flood_the_log(action):
    no_victim = {**result(), "user": "", "dest": "", "host": "", "dest_user_id": "", "dest_device_id": ""}
    code, log = action.run(*[no_victim] * 500)
    assert code == EXIT_INPUT
    assert log.count("names no victim") == 20
    assert counts(log)["problems"] == 500


@on_each_python
def test_a_log_without_a_reader_costs_no_risk(action):
    read, write = os.pipe()
    os.close(read)
    sent = json.dumps(action.payload(result(), {**result(), "detection": "unknown"}))
    subprocess.run(
        action.command("--execute"),
        input=sent.encode(),
        stderr=write,
        check=False,
        timeout=60,
        env=environment(action.instance.home),
    )
    os.close(write)
    assert len(action.events) == 2


def test_a_full_log_does_not_hold_the_action_beyond_its_time(action):
    action.shorten("2s")
    sent = json.dumps(action.payload(*users(300), dry_run="1"))
    started = time.monotonic()
    with subprocess.Popen(
        action.command("--execute"),
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(action.instance.home),
    ) as ran:
        ran.stdin.write(sent.encode())
        ran.stdin.close()
        assert ran.wait(timeout=10) == EXIT_SPLUNKD
    assert time.monotonic() - started < 4


def test_a_missing_results_file_is_named(action):
    missing = str(action.dispatch / "none.csv.gz")
    code, log = action.run(payload={"results_file": missing})
    assert code == EXIT_INPUT
    assert f"the results file {missing} is missing or no file" in log


def test_a_results_file_elsewhere_is_not_read(action, tmp_path):
    elsewhere = shutil.copy(action.payload(result())["results_file"], tmp_path)
    code, log = action.run(payload={"results_file": elsewhere})
    assert (code, action.events) == (EXIT_INPUT, [])
    assert "is not in splunkd's dispatch folder" in log


def test_a_results_file_that_ends_early_is_an_error_and_what_was_read_is_written(action):
    sent = action.payload(*users(2_000))
    whole = Path(sent["results_file"]).read_bytes()
    Path(sent["results_file"]).write_bytes(whole[: len(whole) * 9 // 10])
    code, log = action.start(json.dumps(sent))
    assert code == EXIT_INPUT
    assert "cannot be read after row" in log
    assert len(action.events) == counts(log)["risk_events"] > 1_000


def test_a_missing_conf_is_named(action):
    (action.app / "default/ssa_detections.conf").unlink()
    code, log = action.run(result())
    assert code == EXIT_USAGE
    assert "ssa_detections.conf is missing" in log


def test_a_wrong_parameter_is_named(action):
    code, log = action.run(result(), dry_run="maybe")
    assert code == EXIT_USAGE
    assert "parameter dry_run: expected a boolean (true or false), found 'maybe'" in log


@pytest.mark.parametrize(
    ("setting", "says"),
    [
        ("maxtime = soon", "maxtime: expected a duration like 5m, going on with 5m"),
        ("maxtime = 0", "maxtime: expected a duration like 5m, going on with 5m"),
        ("maxtime = 99999999d", ""),
        ("maxresults = many", "maxresults: expected a number, going on with 10000"),
        ("nonsense", "going on with maxtime = 5m, allowed_indexes = risk: "),
    ],
)
def test_limits_that_cannot_be_read_are_a_warning(action, setting, says):
    action.local("alert_actions", f"[ssa_risk]\n{setting}\n")
    code, log = action.run(result())
    assert (code, len(action.events)) == (EXIT_OK, 2)
    assert says in log
    assert ("WARN" in log) == (says != "")


@on_each_python
def test_one_result_that_fails_does_not_take_the_others_with_it(action):
    strange = {**result(), "body": "[" * 100_000}
    code, _ = action.run(strange, result(user="other"))
    assert code == EXIT_OK
    assert {found["risk_object"] for found in action.events} == {"jdoe", "other", "ws-01.example"}


def test_the_most_results_that_an_alert_gets_are_an_error_after_all_of_them(action):
    action.local("alert_actions", "[ssa_risk]\nmaxresults = 3\n")
    code, log = action.run(*(result(user=f"u{number}") for number in range(3)))
    assert code == EXIT_INPUT
    *_, problem, summary = log.splitlines()
    assert problem == (
        "ERROR the search gave 3 results, the most that an alert gets: it may have found more, which get no risk. Set "
        "maxresults above 3 for ssa_risk in local/alert_actions.conf, or narrow the search's time range or its filter"
    )
    assert "results=3 risk_events=4 written=4 " in summary
    assert {found["risk_object"] for found in action.events} == {"u0", "u1", "u2", "ws-01.example"}


@pytest.mark.parametrize(("given", "expected"), [(2, EXIT_OK), (3, EXIT_INPUT)])
def test_exactly_as_many_results_as_an_alert_gets_may_have_been_more(action, given, expected):
    action.local("alert_actions", "[ssa_risk]\nmaxresults = 3\n")
    assert action.run(*[result()] * given)[0] == expected


def test_a_result_that_is_left_out_is_one_of_the_most_that_an_alert_gets(action):
    action.local("alert_actions", "[ssa_risk]\nmaxresults = 2\n")
    code, log = action.run(result(), {**result(), "process": "x" * 9_000_000})
    assert (code, "the search gave 2 results" in log) == (EXIT_INPUT, True)


def test_an_action_that_runs_for_each_result_gets_them_all(action):
    action.local("alert_actions", "[ssa_risk]\nmaxresults = 1\n")
    assert action.run(result(), payload={"result_id": 0})[0] == EXIT_OK
    assert action.run(result())[0] == EXIT_INPUT


def test_a_detection_without_a_victim_is_reported(action):
    action.local("ssa_detections", f"[{GIVEN}]\nobservables = []\n")
    code, log = action.run(result(), detection=f" {GIVEN} ")
    assert code == EXIT_INPUT
    assert "the detection has no observable with the role Victim" in log


def test_a_configuration_that_is_no_object_is_refused(action):
    code, log = action.run(result(), payload={"configuration": ["index"]})
    assert code == EXIT_USAGE
    assert "configuration in the payload is no JSON object" in log


def test_an_ad_hoc_search_has_no_name(action):
    code, log = action.run(result(), payload={"search_name": "", "result_id": None, "owner": None, "app": ""})
    assert (code, {found["source"] for found in action.events}) == (EXIT_OK, {"ad hoc"})
    assert "WARN" not in log


@pytest.mark.parametrize(("stdin", "says"), [("", "no JSON"), ("[]", "no JSON object"), ("{}", "has no results_file")])
def test_a_payload_that_splunkd_would_not_send_is_refused(action, stdin, says):
    code, log = action.start(stdin)
    assert code == EXIT_USAGE
    assert says in log


def test_started_by_hand_it_explains_itself(action):
    code, log = action.start("", "--help")
    assert code == EXIT_USAGE
    assert "splunkd starts it with --execute" in log


# -- the session key


@pytest.mark.parametrize("key", ["two words", "line\nbreak: x", "schlüssel"])
def test_a_session_key_that_is_none_is_refused_without_being_quoted(action, key):
    code, log = action.run(result(), payload={"session_key": key})
    assert code == EXIT_USAGE
    assert "session_key in the payload is none" in log
    assert not re.search("words|break|schl", log)


def test_the_session_key_is_in_no_event_argument_environment_log_or_file(action):
    """Everything that a neighbour on the same server can look into."""
    seen = []

    def look(request):
        for process in map(int, filter(str.isdigit, (path.name for path in Path("/proc").iterdir()))):
            for name in ("cmdline", "environ"):
                try:
                    found = Path(f"/proc/{process}/{name}").read_bytes()
                except OSError:
                    continue
                seen.append((b"ssa_risk.py" in found, KEY.encode() in found))

    before = {path for path in action.instance.home.rglob("*") if path.is_file()}
    sent = action.payload(*users(2), payload={"detection": KEY}, dry_run="0")
    with Faults(action.splunkd.uri, look) as proxy:
        code, log = action.start(json.dumps({**sent, "server_uri": proxy.uri}))
    assert code == EXIT_OK
    assert (True, False) in seen  # it did see the action run
    assert not any(leaked for _, leaked in seen)
    assert_hidden(log)
    assert_hidden(json.dumps(action.events) + json.dumps(action.ledger) + "".join(action.splunkd.requests))
    for path in {path for path in action.instance.home.rglob("*") if path.is_file()} - before:
        assert KEY.encode() not in path.read_bytes(), path


def test_the_rule_of_risk_objects_is_the_librarys(action):
    """The index holds normal forms, whatever the event holds."""
    action.run(result(user=" CORP\\JDoe ", dest="WS-01.Example."))
    assert [found["risk_object"] for found in action.events] == [
        entities.normal("CORP\\JDoe", "user"),
        entities.normal("WS-01.example.", "system"),
    ]

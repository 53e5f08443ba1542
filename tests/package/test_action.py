"""The packaged alert action as a process: real payload, real results file, real HTTP to a stand-in for splunkd."""

import gzip
import json
import socket
import subprocess
import threading

import pytest

from sandbox import confs
from sandbox.chunked import encode_rows
from sandbox.rest import Splunkd
from ssa import event
from ssa.alert import EXIT_DETECTION, EXIT_INPUT, EXIT_OK, EXIT_SPLUNKD, EXIT_USAGE
from tests.ssa.examples import FLAGSHIP, HIT, flagship

KEY = "secret-session-key"


def result(**changes):
    row = {**HIT, **changes}
    (hit,) = event.detect(flagship(), row)
    return {**row, **hit}


class Action:
    """An installed app and a splunkd; `run` starts the action as splunkd does."""

    def __init__(self, app, python, folder, splunkd, events):
        self.app, self.python, self.folder, self.splunkd, self.events = app, python, folder, splunkd, events

    def run(self, *rows, payload=None, **parameters):
        columns = list(dict.fromkeys(name for row in rows for name in row))
        results = self.folder / "results.csv.gz"
        results.write_bytes(gzip.compress(encode_rows(columns, [[row.get(c) for c in columns] for row in rows])))
        sent = {
            "app": "ssa_detections",
            "owner": "admin",
            "results_file": str(results),
            "server_host": "search_head",
            "server_uri": self.splunkd.uri,
            "session_key": KEY,
            "sid": "scheduler__admin__1",
            "search_name": "SSA - Test - Rule",
            "configuration": parameters,
            "result": {},
            **(payload or {}),
        }
        command = [self.python, str(self.app / "bin/ssa_risk.py"), "--execute"]
        return self.start(command, json.dumps(sent))

    def start(self, command, stdin):
        ran = subprocess.run(command, input=stdin, capture_output=True, text=True, check=False, timeout=60)
        assert ran.stdout == ""
        assert KEY not in ran.stderr
        assert all(line.split(" ")[0] in ("INFO", "WARN", "ERROR") for line in ran.stderr.splitlines()), ran.stderr
        return ran.returncode, ran.stderr


@pytest.fixture
def action(app, python, tmp_path):
    events = []
    with Splunkd(lambda found: events.extend(found) or len(events), confs.load(app, "props")) as splunkd:
        splunkd.sessions[KEY] = frozenset({"edit_tcp"})
        yield Action(app, python, tmp_path, splunkd, events)


def test_a_hit_becomes_one_risk_event_for_the_user_and_one_for_the_device(action):
    code, log = action.run(result())
    assert code == EXIT_OK
    assert [(e["risk_object"], e["risk_object_type"], e["risk_score"]) for e in action.events] == [
        ("jdoe", "user", "35"),
        ("ws-01.example", "system", "35"),
    ]
    for found in action.events:
        assert (found["index"], found["sourcetype"], found["source"]) == ("risk", "stash", "SSA - Test - Rule")
        assert found["host"] == "search_head"
        assert found["_time"] == 1772442000.25
        assert found["search_name"] == "SSA - Test - Rule"
        assert found["detection"] == FLAGSHIP
        assert found["risk_message"].startswith("An instance of spawning msiexec.exe was identified on endpoint ws-01")
    assert "results=1 risk_events=2 written=2 index=risk dry_run=0 exit_code=0" in log


def test_hostile_text_forges_no_field_and_no_second_event(action):
    user = 'x", risk_score="999\n1772442000.000, risk_score="999", ***SPLUNK*** index=main é 💥\\'
    code, _ = action.run(result(user=user))
    assert code == EXIT_OK
    assert [found["risk_score"] for found in action.events] == ["35", "35"]
    assert action.events[0]["risk_object"] == user.replace("\n", "␊").replace("***SPLUNK***", "**_SPLUNK_**") + " "


def test_many_results_are_written_in_batches(action):
    code, _ = action.run(*[result(user=f"user{number}") for number in range(600)])
    assert code == EXIT_OK
    assert (len(action.events), len(action.splunkd.requests)) == (1200, 3)


def test_another_index_can_be_named(action):
    action.splunkd.indexes.add("risk_test")
    action.run(result(), index="risk_test")
    assert {found["index"] for found in action.events} == {"risk_test"}


def test_a_dry_run_writes_nothing_and_logs_the_exact_events(action):
    code, log = action.run(result(), dry_run="1")
    assert (code, action.splunkd.requests) == (EXIT_OK, [])
    assert log.count("dry_run, not written: 1772442000.250, search_name=") == 2


def test_no_results_are_no_error_and_no_request(action):
    code, log = action.run()
    assert (code, action.splunkd.requests) == (EXIT_OK, [])
    assert "results=0 risk_events=0" in log


def test_the_parameter_names_the_detection_where_the_results_do_not(action):
    row = {name: value for name, value in result().items() if name != "detection"}
    code, log = action.run(row)
    assert code == EXIT_DETECTION
    assert "the results have no column 'detection'" in log
    assert action.run(row, detection=FLAGSHIP)[0] == EXIT_OK
    assert len(action.events) == 2


# -- what the admin reads in the log when something is wrong


def test_an_unknown_detection_is_reported_once_and_the_other_results_are_written(action):
    strange = {**result(), "detection": "Unknown {x}"}
    code, log = action.run(strange, result(), strange)
    assert code == EXIT_DETECTION
    assert log.count("unknown detection 'Unknown {x}'") == 1
    assert len(action.events) == 2


def test_a_result_without_a_victim_is_reported(action):
    code, log = action.run({**result(), "user": "", "dest": "", "host": "", "dest_user_id": "", "dest_device_id": ""})
    assert code == EXIT_INPUT
    assert "names no victim: no value in any of dest_user_id, dest_device_id" in log


@pytest.mark.parametrize(
    ("status", "says"),
    [
        (401, "answered 401: it does not accept the session key"),
        (403, "lacks the capability edit_tcp"),
        (500, "answered 500"),
        (400, "Create the index 'nowhere'"),
    ],
)
def test_what_splunkd_refuses_is_said_with_cause_and_remedy(action, status, says):
    if status == 401:
        action.splunkd.sessions.clear()
    if status == 403:
        action.splunkd.sessions[KEY] = frozenset()
    if status == 500:
        action.splunkd.failures.append(500)
    code, log = action.run(result(), index="nowhere" if status == 400 else "risk")
    assert (code, action.events) == (EXIT_SPLUNKD, [])
    assert f"ERROR risk events 1 to 2 were not written: splunkd at {action.splunkd.uri} " in log
    assert says in log
    assert "written=0" in log


def test_a_batch_that_fails_does_not_take_the_others_with_it(action):
    action.splunkd.failures.append(503)
    code, log = action.run(*[result(user=f"user{number}") for number in range(600)])
    assert code == EXIT_SPLUNKD
    assert "risk events 1 to 500 were not written" in log
    assert len(action.events) == 700


def test_a_splunkd_that_is_not_there_is_named(action):
    code, log = action.run(result(), payload={"server_uri": "http://127.0.0.1:9"})
    assert code == EXIT_SPLUNKD
    assert "splunkd at http://127.0.0.1:9 cannot be reached" in log


def test_a_splunkd_that_answers_nonsense_is_named(action):
    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=answer_nonsense, args=[server], daemon=True).start()
        uri = f"http://127.0.0.1:{server.getsockname()[1]}"
        code, log = action.run(result(), payload={"server_uri": uri})
    assert code == EXIT_SPLUNKD
    assert "gave no answer: BadStatusLine" in log


def answer_nonsense(server):
    connection, _ = server.accept()
    with connection:
        connection.recv(65536)
        connection.sendall(b"hello\r\n")


@pytest.mark.parametrize(
    "uri", ["nonsense", "ftp://x:1", "https://", "https://127.0.0.1:99999", "https://127.0.0.1:abc", "https://[::1"]
)
def test_an_address_that_is_none_is_named(action, uri):
    code, log = action.run(result(), payload={"server_uri": uri})
    assert code == EXIT_SPLUNKD
    assert "server_uri in the alert payload is no address of splunkd" in log


def test_a_missing_results_file_is_named(action):
    code, log = action.run(payload={"results_file": "/nowhere/results.csv.gz"})
    assert code == EXIT_INPUT
    assert "/nowhere/results.csv.gz cannot be read after row 0" in log


def test_a_missing_conf_is_named(action):
    (action.app / "default/ssa_detections.conf").unlink()
    code, log = action.run(result())
    assert code == EXIT_USAGE
    assert "ssa_detections.conf is missing" in log


def test_a_wrong_parameter_is_named(action):
    code, log = action.run(result(), dry_run="maybe")
    assert code == EXIT_USAGE
    assert "parameter dry_run: expected a boolean (true or false), found 'maybe'" in log


def test_one_result_that_fails_does_not_take_the_others_with_it(action):
    strange = {**result(), "body": "[" * 100_000}
    code, _ = action.run(strange, result())
    assert code == EXIT_OK
    assert len(action.events) == 4


def test_the_most_results_that_an_alert_gets_are_a_warning(action):
    (action.app / "bin/ssa/alert.py").write_text(
        (action.app / "bin/ssa/alert.py").read_text().replace("MAX_RESULTS = 10_000", "MAX_RESULTS = 3")
    )
    assert "WARN the search gave 3 results" in action.run(result(), result(), result())[1]
    assert "WARN" not in action.run(result(), result())[1]


def test_a_detection_without_a_victim_is_said_to_score_nobody(action):
    (action.app / "local").mkdir()
    (action.app / "local/ssa_detections.conf").write_text(f"[{FLAGSHIP}]\nobservables = []\n")
    code, log = action.run(result(), detection=f" {FLAGSHIP} ")
    assert code == EXIT_INPUT
    assert "the detection has no observable with the role Victim" in log


def test_a_result_keeps_its_number_in_the_risk_event(action):
    action.run(result(), result(user="other"))
    assert [found["orig_rid"] for found in action.events] == ["0", "0", "1", "1"]


def test_a_configuration_that_is_no_object_is_refused(action):
    code, log = action.run(result(), payload={"configuration": ["index"]})
    assert code == EXIT_USAGE
    assert "configuration in the payload is no JSON object" in log


@pytest.mark.parametrize(("stdin", "says"), [("", "no JSON"), ("[]", "no JSON object"), ("{}", "has no results_file")])
def test_a_payload_that_splunkd_would_not_send_is_refused(action, stdin, says):
    code, log = action.start([action.python, str(action.app / "bin/ssa_risk.py"), "--execute"], stdin)
    assert code == EXIT_USAGE
    assert says in log


def test_started_by_hand_it_explains_itself(action):
    code, log = action.start([action.python, str(action.app / "bin/ssa_risk.py")], "")
    assert code == EXIT_USAGE
    assert "splunkd starts it with --execute" in log

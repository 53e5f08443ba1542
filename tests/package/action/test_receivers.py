"""The packaged alert action where an admin has set `delivery = receivers`: real HTTP, and whatever goes wrong in it."""

import json
import re
import socket
import threading
import time

import pytest

from ssa.action.alert import EXIT_OK, EXIT_SPLUNKD
from tests.support.app.alerting import KEY, assert_hidden, counts, on_each_python, result, users
from tests.support.servers.faults import Faults, fault


@pytest.fixture
def action(action):
    action.local("alert_actions", "[ssa_risk]\ndelivery = receivers\nallowed_indexes = risk, nowhere\n")
    return action


@pytest.mark.parametrize(
    ("status", "says"),
    [
        (401, "answered 401 to writing risk events: it does not accept the session key"),
        (
            403,
            "The search's owner lacks the capability edit_tcp or edit_log_alert_event (power and admin have",
        ),
        (500, "answered 500"),
        (
            400,
            "supplied index 'nowhere' missing to writing risk events. Create the index 'nowhere' (Settings > Indexes)",
        ),
    ],
)
def test_what_splunkd_refuses_is_logged_with_cause_and_remedy(action, status, says):
    if status == 401:
        action.splunkd.sessions.clear()
    if status == 403:
        action.splunkd.sessions[KEY] = frozenset()
    if status == 500:
        action.splunkd.failures.extend([500] * 100)
        action.shorten()
    code, log = action.run(result(), index="nowhere" if status == 400 else "risk")
    assert (code, action.events) == (EXIT_SPLUNKD, [])
    assert f"ERROR risk events 1 to 2 were not written: receivers: splunkd at {action.splunkd.uri} " in log
    assert says in log
    assert "written=0 written_before=0 not_written=2" in log
    assert action.ledger == []


def test_a_batch_that_fails_does_not_take_the_others_with_it(action):
    def refuse_the_second(request):
        return fault("500") if b'risk_object="user300"' in request.body else None

    action.shorten("12s")
    with Faults(action.splunkd.uri, refuse_the_second) as proxy:
        code, log = action.run(*users(600), payload={"server_uri": proxy.uri})
    assert code == EXIT_SPLUNKD
    assert "ERROR risk events 251 to 500 were not written: " in log
    assert log.count("WARN risk events 251 to 500: try") == 4
    assert counts(log)["not_written"] == 250
    written = {event["risk_event_id"] for event in action.events}  # on a busy machine a slow answer is a second try
    assert len(written) == len(action.ledger) == 351


def test_a_splunkd_that_is_not_there_is_named(action):
    action.shorten()
    code, log = action.run(result(), payload={"server_uri": "http://127.0.0.1:9"})
    assert code == EXIT_SPLUNKD
    assert "splunkd at http://127.0.0.1:9 cannot be reached" in log


@on_each_python
def test_a_splunkd_that_answers_nonsense_is_named(action):
    action.shorten()
    with Faults(action.splunkd.uri, lambda request: fault("hello")) as proxy:
        code, log = action.run(result(), payload={"server_uri": proxy.uri})
    assert code == EXIT_SPLUNKD
    assert "gave no answer to writing risk events: BadStatusLine" in log


def test_a_redirection_is_no_success(action):
    with Faults(action.splunkd.uri, lambda request: fault("302") if "receivers" in request.path else None) as proxy:
        code, log = action.run(result(), payload={"server_uri": proxy.uri})
    assert (code, action.events, action.ledger) == (EXIT_SPLUNKD, [], [])
    assert "answered 302 Told to writing risk events: does server_uri lead elsewhere?" in log


def test_a_splunkd_that_requests_a_pause_gets_it(action):
    waited = []

    def busy(request):
        if "receivers" in request.path:
            waited.append(time.monotonic())
            return fault("429", {"Retry-After": "1"}) if len(waited) == 1 else None
        return None

    with Faults(action.splunkd.uri, busy) as proxy:
        code, log = action.run(result(), payload={"server_uri": proxy.uri})
    assert (code, len(action.events)) == (EXIT_OK, 2)
    assert 1 <= waited[1] - waited[0] < 4
    assert "WARN risk events 1 to 2: try 1 failed, again in 1.00 s: splunkd" in log


def test_a_splunkd_that_never_answers_ends_the_run_in_time_and_the_loss_is_counted(action):
    action.shorten("15s")
    sent = action.payload(*users(1_000))
    started = time.monotonic()
    with Faults(action.splunkd.uri, lambda request: fault("silent")) as proxy:
        code, log = action.start(json.dumps({**sent, "server_uri": proxy.uri}))
    assert time.monotonic() - started < 15
    assert (code, action.events) == (EXIT_SPLUNKD, [])
    assert counts(log)["not_written"] == counts(log)["risk_events"] == 1_001
    assert "not written: receivers: not tried: the time that maxtime in alert_actions.conf leaves is used up" in log


def test_an_answer_that_drips_ends_with_the_watchs_message_before_splunkd_kills_the_action(action):
    action.shorten("5s")
    started = time.monotonic()
    with Faults(action.splunkd.uri, lambda request: fault("drip") if "receivers" in request.path else None) as proxy:
        code, log = action.run(*users(2), payload={"server_uri": proxy.uri})
    assert time.monotonic() - started < 5
    assert code == EXIT_SPLUNKD
    assert re.search(
        "^ERROR out of time after 4.. s, what was not written yet is lost: .* risk_events=3 written=0", log
    )


@pytest.mark.parametrize(
    "uri", ["nonsense", "ftp://x:1", "https://", "https://127.0.0.1:99999", "https://127.0.0.1:abc", "https://[::1"]
)
def test_an_address_that_is_none_is_named(action, uri):
    code, log = action.run(result(), payload={"server_uri": uri})
    assert code == EXIT_SPLUNKD
    assert "nothing was written: server_uri in the alert payload is no address of splunkd" in log


@pytest.mark.parametrize("status", ["400", "401", "403", "404", "500", "302", "hello"])
def test_the_session_key_is_masked_where_splunkd_quotes_the_request(action, status):
    def echo(request):
        quoted = request.head.decode("latin-1") + " " + KEY.replace("^", "%5E") + " " + "x" * 200 + KEY
        return fault(
            status, {}, f"<response><messages><msg>{quoted}</msg></messages></response>", quoted.splitlines()[-1]
        )

    action.shorten()
    with Faults(action.splunkd.uri, echo) as proxy:
        code, log = action.run(result(), payload={"server_uri": proxy.uri})
    assert code == EXIT_SPLUNKD
    assert_hidden(log)


@on_each_python
def test_a_server_that_closes_at_once_is_no_traceback(action):
    action.shorten()
    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=close_all, args=[server], daemon=True).start()
        code, log = action.run(result(), payload={"server_uri": f"http://127.0.0.1:{server.getsockname()[1]}"})
    assert code == EXIT_SPLUNKD
    assert "please report" not in log


def close_all(server):
    while True:
        try:
            server.accept()[0].close()
        except OSError:
            return

"""The requests of the packaged action to splunkd, and the rights they need: as a process, over TLS, for each user."""

import ast
import re
import sys
import time

import pytest

from ssa.action.alert import EXIT_OK, EXIT_SPLUNKD
from tests.support import pythons
from tests.support.app.alerting import result, running
from tools import ROOT


@pytest.fixture(params=list(pythons.found()))
def python(request):
    return pythons.found()[request.param]


@pytest.fixture(scope="module")
def splunk(tmp_path_factory):
    with running(tmp_path_factory.mktemp("splunk"), sys.executable, tls=True) as action:
        action.splunkd.users.update(paul=("pow", "power"), uma=("use", "user"))
        conf = action.instance.home / "etc/system/local/server.conf"
        conf.parent.mkdir(parents=True)
        trust = f"sslVerifyServerCert = true\nsslVerifyServerName = true\nsslRootCAPath = {action.splunkd.ca_file}\n"
        conf.write_text(f"[sslConfig]\n{trust}")
        yield action


@pytest.fixture
def by_receivers(action):
    action.local("alert_actions", "[ssa_risk]\ndelivery = receivers\nallowed_indexes = risk, nowhere\n")
    return action


def run(action, key, **parameters):
    code, log = action.run(result(), payload={"session_key": key}, **parameters)
    assert key not in log
    return code, log


def assert_refused(action, outcome, *parts):
    code, log = outcome
    assert (code, action.events, action.ledger) == (EXIT_SPLUNKD, [], []), log
    assert f"ERROR risk events 1 to 2 were not written: receivers: splunkd at {action.splunkd.uri} answered " in log
    assert all(text in log for text in parts), log


@pytest.mark.parametrize("user", ["admin", "paul"])
def test_by_receivers_an_owner_with_one_of_the_capabilities_writes(by_receivers, user):
    code, log = run(by_receivers, by_receivers.splunkd.login(user))
    assert (code, len(by_receivers.events), len(by_receivers.writes)) == (EXIT_OK, 2, 1), log
    assert len(by_receivers.ledger) == 2 * (user == "admin")


def test_by_receivers_an_owner_without_them_gets_a_message_that_names_them(by_receivers):
    assert_refused(
        by_receivers,
        run(by_receivers, by_receivers.splunkd.login("uma")),
        "answered 403 Forbidden -- insufficient permission to access this resource to writing risk events. "
        "The search's owner lacks the capability edit_tcp or edit_log_alert_event (power and admin have the second): "
        "give one to the owner's role, or make admin the owner",
    )


def test_by_receivers_an_owner_whose_session_has_expired_gets_a_message_to_run_the_search_again(by_receivers):
    key = by_receivers.splunkd.login("admin")
    by_receivers.splunkd.sessions[key].expires = time.time() - 1
    assert_refused(
        by_receivers,
        run(by_receivers, key),
        "answered 401 to writing risk events: it does not accept the session key (it may have expired). "
        "Run the search again",
    )


def test_by_receivers_an_index_that_is_not_there_is_named_with_what_to_do(by_receivers):
    assert_refused(
        by_receivers,
        run(by_receivers, by_receivers.splunkd.login("admin"), index="nowhere"),
        "answered 400 Bad Request -- supplied index 'nowhere' missing to writing risk events. "
        "Create the index 'nowhere' (Settings > Indexes) on the indexers",
    )


def test_it_sends_the_requests_that_its_source_names_with_the_page_of_the_reference_and_no_other(by_receivers):
    action = by_receivers
    action.splunkd.used.clear()
    assert run(action, action.splunkd.login("admin"))[0] == EXIT_OK
    source = "".join(path.read_text() for path in (ROOT / "bin/ssa/action/rest").glob("*.py"))
    documented = re.findall(r"REST API Reference, [A-Z][\w ]+ descriptions: (GET|POST|DELETE) ([\w/{}]+)\.\n", source)
    assert sorted(documented) == sorted(action.splunkd.used)


def test_nothing_else_in_the_app_opens_a_connection():
    clients = {"client", "urlopen", "HTTPConnection", "HTTPSConnection", "create_connection", "connect"}
    for path in [*(ROOT / "bin").glob("*.py"), *(ROOT / "bin/ssa").rglob("*.py")]:
        names = {getattr(node, "attr", getattr(node, "id", "")) for node in ast.walk(ast.parse(path.read_text()))}
        # alert's own method connect() chooses the sinks
        assert path.parent.name == "rest" or path.name == "alert.py" or not names & clients, path

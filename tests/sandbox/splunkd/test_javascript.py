"""Splunk's JavaScript SDK, as it comes from npm, against the sandbox: run by Node.js in a process of its own."""

import json
import os
import shutil
import subprocess
import urllib.parse
from pathlib import Path

import pytest

from sandbox.search.instance import Instance
from sandbox.search.server import SPLUNK_VERSION
from sandbox.splunkd import Splunkd
from tests.support.servers.tiny import EVENTS, USERS, write

CLIENT = Path(__file__).parent / "javascript"
MISSING = not shutil.which("node") or not (CLIENT / "node_modules").is_dir()

pytestmark = pytest.mark.skipif(
    MISSING and os.environ.get("SSA_UI") != "1", reason="Node.js or splunk-sdk is missing (make javascript)"
)


@pytest.fixture(scope="module", params=[True, False], ids=["https", "http"])
def splunkd(request, tmp_path_factory):
    instance = Instance(tmp_path_factory.mktemp("javascript"), app="tiny")
    write(instance.apps / "tiny")
    instance.add_events(EVENTS)
    with Splunkd(instance, tls=request.param, users=USERS) as served:
        yield served
    instance.close()


def run(splunkd, user="admin", password="adm"):
    url = urllib.parse.urlsplit(splunkd.uri)
    command = ["node", "client.mjs", url.scheme, str(url.port), user, password, "tiny"]
    done = subprocess.run(command, check=False, cwd=CLIENT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_the_sdk_logs_in_searches_reads_results_and_lists_saved_searches(splunkd):
    found = run(splunkd)
    assert (found["loggedIn"], found["version"], found["user"]) == (True, SPLUNK_VERSION, "admin")
    assert found["oneshot"]["fields"] == ["n", "tag"]
    assert found["oneshot"]["rows"][:2] == [["0", "a"], ["1", ["a", "b"]]]
    assert (found["done"], found["count"], found["results"]["rows"]) == (True, 5, [["3"], ["2"]])
    assert found["sid"] in found["jobs"]
    assert found["saved"] == ["All - Rule", "Broken"]
    assert (found["search"], found["owner"]) == ("index=main | sort n", "admin")
    assert found["dispatched"] == 5
    assert found["refused"]["status"] == 400
    assert found["refused"]["text"].startswith("Unknown search command 'nosuch'")


def test_a_user_sees_what_the_python_sdk_shows_too(splunkd):
    assert run(splunkd, "amy", "ann")["saved"] == ["All - Rule", "Broken"]


def test_the_sdk_is_told_of_a_wrong_password(splunkd):
    assert run(splunkd, password="wrong") == {"status": 401, "messages": [{"type": "WARN", "text": "Login failed"}]}

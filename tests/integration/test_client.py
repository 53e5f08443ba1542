"""The plain client, as a user would run it: a process, which knows the server from the environment alone."""

import os
import re
import subprocess
import sys

import pytest

from tools import ROOT

pytestmark = pytest.mark.xdist_group("integration")


def run(environ):
    command = [sys.executable, "-m", "tests.integration.client"]
    return subprocess.run(command, cwd=ROOT, env={**os.environ, **environ}, capture_output=True, text=True, check=False)


def test_a_client_of_the_sdk_works_unchanged(service, environ):
    ran = run(environ)
    assert ran.returncode == 0, ran.stderr
    steps = re.findall("^[^:]+", ran.stdout, re.M)
    assert steps == ["login", "oneshot", "login", "job", "receivers", "receivers", "KV store", "confs"]


def test_the_certificate_is_checked_unless_the_user_turns_that_off(service, environ):
    unknown = {**environ, "SPLUNK_CA": ""}
    if not environ.get("SPLUNK_CA"):
        pytest.skip("SPLUNK_CA names no CA: there is nothing to take away")
    assert "CERTIFICATE_VERIFY_FAILED" in run(unknown).stderr
    assert run({**unknown, "SPLUNK_INSECURE": "1"}).returncode == 0

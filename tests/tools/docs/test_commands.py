"""README and docs: each command of a shell runs as it stands, or commands.toml has why not, and what runs instead.

The commands of WALKED need edits between them: test_walks.py types those.
"""

import shutil
import tomllib
from pathlib import Path

import pytest

from tests.support.docs.pages import PAGES, commands
from tests.support.servers.server import PASSWORD, TOKEN, USER, Server

pytestmark = pytest.mark.xdist_group("pages")

WALKED = ("docs/first-detection.md", "docs/sigma.md")
TABLE = tomllib.loads(Path(__file__).with_name("commands.toml").read_text("utf-8"))
SAYS = {entry["command"]: entry for entry in TABLE["says"]}
ELSEWHERE = {entry["command"]: entry for entry in TABLE["elsewhere"]}
COMMANDS = commands(*(page for page in PAGES if page not in WALKED))
TYPED = [command for command in COMMANDS if command not in ELSEWHERE]


@pytest.fixture(scope="module")
def server(archive, tmp_path_factory):
    with Server(tmp_path_factory.mktemp("splunk"), archive) as server:
        yield server


def check(out, entry):
    assert [text for text in entry.get("has", []) if text not in out] == [], out
    assert [text for text in entry.get("has_not", []) if text in out] == [], out


@pytest.mark.parametrize("command", TYPED)
def test_a_command_runs_as_it_stands_on_its_page(after_demo, command):
    if command == "make demo":
        out = after_demo.demo
    else:
        line = command
        for word, put in TABLE["puts"].items():
            line = line.replace(word, put)
        after_demo.types(line)
        out = after_demo.out
    check(out, SAYS.get(command, {}))


@pytest.mark.parametrize("command", [name for name, entry in ELSEWHERE.items() if {"nearest", "with"} & set(entry)])
def test_what_cannot_run_here_does_its_nearest(after_demo, server, command):
    entry = ELSEWHERE[command]
    if shutil.which(command.split()[0]) is None and "with" in entry and "=" not in command.split()[0]:
        pytest.skip(f"this machine has no {command.split()[0]}")
    line = entry.get("nearest", command)
    known = {"token": TOKEN, "hec": server.hec_uri, "splunkd": server.uri, "ca": server.ca, "password": PASSWORD}
    for word, put in entry.get("with", {}).items():
        assert word in line
        line = line.replace(word, put.format(**known, demo=after_demo.home, user=USER))
    after_demo.types(line, code=entry.get("code", 0))
    check(after_demo.out, entry)


def test_the_table_has_no_command_that_no_page_has():
    assert [command for command in [*SAYS, *ELSEWHERE] if command not in COMMANDS] == []
    text = " ".join(COMMANDS)
    assert [word for word in TABLE["puts"] if word not in text] == []


def test_each_command_of_the_table_states_why_it_cannot_run_here():
    assert [command for command, entry in ELSEWHERE.items() if not entry["why"]] == []

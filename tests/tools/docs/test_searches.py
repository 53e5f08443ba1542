"""README and docs: each search runs over what the demo left behind, at the midnight after it.

What it must find, or fail with, is in searches.toml; one without an entry there must run, without a warning.
"""

import re
import shutil
import tomllib
from contextlib import closing
from pathlib import Path

import pytest

from sandbox.demo.replay import APP
from sandbox.errors import SandboxError
from sandbox.search.instance import Instance
from sandbox.splunkd import Splunkd
from sandbox.splunkd.state import ROLES, Session
from tests.support.docs.pages import PAGES, searches

pytestmark = pytest.mark.xdist_group("pages")

EVENING = 1_772_496_000
"""The midnight after the demo's events, epoch s."""
TABLE = tomllib.loads(Path(__file__).with_name("searches.toml").read_text("utf-8"))
FINDS = {entry["search"]: entry for entry in TABLE.get("finds", [])}
NOT_RUN = {entry["search"]: entry["why"] for entry in TABLE["not_run"]}
SEARCHES = searches(*PAGES)
BEGINS = r"\| *(makeresults|inputlookup|rest|savedsearch|ssaexplain|ssasetup|tstats)\b"
"""A pipeline that needs no rows before it."""


def whole(search):
    """Put what stands behind others, such as what a filter macro holds, behind a search."""
    if re.match(r"\| *ssadetect", search):
        return f"`ssa_process_events` {search}"
    if re.match(r"\||search |where ", search) and not re.match(BEGINS, search):
        return f"`ssa_process_events` | ssadetect | {search.removeprefix('|')}"
    return search


@pytest.fixture(scope="module")
def admin(after_demo, tmp_path_factory):
    home = shutil.copytree(after_demo.home, tmp_path_factory.mktemp("searches") / "home")
    with closing(Instance(home, on_disk=True, app=APP)) as instance, Splunkd(instance) as splunkd:
        yield splunkd.acting(Session("admin", "admin", ROLES["admin"]))


@pytest.mark.parametrize("search", [search for search in SEARCHES if search not in NOT_RUN])
def test_a_search_runs_as_it_stands_on_its_page(admin, search):
    expected = FINDS.get(search, {})
    spl = search
    for word, put in TABLE["puts"].items():
        spl = spl.replace(word, put)
    now = expected.get("at", EVENING)
    if "error" in expected:
        with pytest.raises(SandboxError, match=re.escape(expected["error"])):
            admin.search(whole(spl), now=now)
        return
    found = admin.search(whole(spl), now=now)
    assert [text for level, text, _ in found.messages if level != "INFO"] == expected.get("messages", [])
    assert expected.get("rows", len(found.rows)) == len(found.rows)
    for wanted in expected.get("has", []):
        assert [row for row in found.rows if wanted.items() <= row.items()], found.rows[:3]


def test_the_table_has_no_search_that_no_page_has():
    assert [search for search in [*FINDS, *NOT_RUN] if search not in SEARCHES] == []
    text = " ".join(SEARCHES)
    assert [word for word in TABLE["puts"] if word not in text] == []

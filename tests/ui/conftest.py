"""The stand-in for Splunk Web with the packaged app, over the demo events and over none, before a real browser."""

import importlib.util
import io
import os
import shutil
import subprocess
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest
from rich.console import Console

from sandbox.splunkd import Splunkd
from tests.support.app import days
from tools import ROOT
from tools.ui.stage import EVENTS, stage
from tools.ui.web import DIST, Web, serving

UI = ROOT / "ui"

SPLUNKS_OWN = {"label-content-name-mismatch": 'data-test="prev"', "button-name": 'data-test="clickable"'}
"""What axe may find, and where: the pager of Splunk's tables shows "Prev" and is named "Go to previous page", and the
warning sign next to the title of a chart without data has no name. No view can help either."""


def missing():
    """Say what is missing to draw a view; nothing where all is there."""
    if not shutil.which("node"):
        return "Node.js is not installed (on Debian: apt-get install nodejs npm)"
    if not (UI / "node_modules").is_dir():
        return "Splunk's npm packages are not installed (make ui/dist/view.js)"
    if not importlib.util.find_spec("playwright"):
        return "playwright is not installed (requirements/dev.txt)"
    if not (os.environ.get("CHROMIUM") or shutil.which("chromium")):
        return "there is no Chromium (on Debian: apt-get install chromium; elsewhere name it in CHROMIUM)"
    return ""


@pytest.hookimpl(tryfirst=True)  # before xdist reads the groups
def pytest_collection_modifyitems(items):
    """Let one worker draw all views, as two browsers are slower than one; skip where it cannot, unless SSA_UI=1."""
    why = missing()
    for item in items:
        if item.path.parent == Path(__file__).parent and "needs_no_browser" not in item.keywords:
            item.add_marker(pytest.mark.xdist_group("ui"))
            if why and os.environ.get("SSA_UI") != "1":
                item.add_marker(pytest.mark.skip(reason=why))


class Served(NamedTuple):
    """A stand-in that serves: its splunkd, the requests to it, and its address."""

    splunkd: Splunkd
    recorder: object
    address: str


@contextmanager
def served(home, archive, events, *, every=False):
    from tools.ui.browser import Recorder  # playwright may be missing

    with stage(home, archive, Console(file=io.StringIO()), events, every=every) as splunkd:
        recorder = Recorder(Web(splunkd).application)
        with serving(recorder) as address:
            yield Served(splunkd, recorder, address)


@pytest.fixture(scope="package")
def bundle():
    """What draws a view, built from its sources."""
    sources = [UI / "build.mjs", UI / "package-lock.json", *(UI / "src").iterdir()]
    built = DIST / "view.js"
    if not built.is_file() or built.stat().st_mtime < max(path.stat().st_mtime for path in sources):
        subprocess.run(["node", "build.mjs"], cwd=UI, check=True)


@pytest.fixture(scope="package")
def demo(archive, bundle, tmp_path_factory):
    """The stand-in over the demo events and the risk that came of them."""
    with served(tmp_path_factory.mktemp("demo"), archive, EVENTS) as stand_in:
        yield stand_in


@pytest.fixture(scope="package")
def empty(archive, bundle, tmp_path_factory):
    """The stand-in over no event at all."""
    with served(tmp_path_factory.mktemp("empty"), archive, []) as stand_in:
        yield stand_in


@pytest.fixture(scope="package")
def four_days(archive, bundle, tmp_path_factory):
    """The stand-in over four days of several users and devices, every detection on: tests/support/app/days.py."""
    home = tmp_path_factory.mktemp("days")
    events = days.write(home / "days.log", [*days.NOISE, *days.ATTACKS, *days.EVERYDAY])
    with served(home / "splunk", archive, [events], every=True) as stand_in:
        yield stand_in


@pytest.fixture(scope="package")
def single(archive, bundle, tmp_path_factory):
    """The stand-in over a single hit."""
    home = tmp_path_factory.mktemp("single")
    with served(home / "splunk", archive, [days.write(home / "one.log", days.ONE)]) as stand_in:
        yield stand_in


@pytest.fixture(scope="package")
def chromium():
    from tools.ui.browser import browser

    with browser() as started:
        yield started


@pytest.fixture(scope="package")
def window(chromium):
    """A window, which has the renderer in its cache after the first page."""
    from tools.ui.browser import window

    with window(chromium) as opened:
        yield opened


@pytest.fixture
def screen(window, demo):
    """A page before the demo events."""
    with opened(window, demo) as view:
        yield view


@pytest.fixture
def bare(window, empty):
    """A page before no events."""
    with opened(window, empty) as view:
        yield view


@pytest.fixture(name="days")
def page_over_four_days(window, four_days):
    """A page before four days."""
    with opened(window, four_days) as view:
        yield view


@pytest.fixture
def lone(window, single):
    """A page before a single hit."""
    with opened(window, single) as view:
        yield view


def splunks_own(violation):
    rule, _, where = violation.partition(" ")
    return rule in SPLUNKS_OWN and SPLUNKS_OWN[rule] in where


def misfits(screen):
    """Name what cannot be read in a panel of the window's width."""
    named = {"cut": screen.cut(), "sideways": screen.sideways(), "failing": screen.failing()}
    return {f"{fault}: {title}" for fault, titles in named.items() for title in titles}


@contextmanager
def opened(window, served):
    from tests.support.app.screen import View
    from tools.ui.browser import blank

    with blank(window) as page:
        yield View(page, served.recorder, served.address)

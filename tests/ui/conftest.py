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
from tools import ROOT
from tools.ui.stage import EVENTS, stage
from tools.ui.web import DIST, Web, serving

UI = ROOT / "ui"


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
    """Let one worker draw views over events, one over none; skip where they cannot, unless SSA_UI=1 says they must."""
    why = missing()
    for item in items:
        if item.path.parent == Path(__file__).parent and "needs_no_browser" not in item.keywords:
            item.add_marker(pytest.mark.xdist_group("ui over no events" if "bare" in item.fixturenames else "ui"))
            if why and os.environ.get("SSA_UI") != "1":
                item.add_marker(pytest.mark.skip(reason=why))


class Served(NamedTuple):
    """A stand-in that serves: its splunkd, the requests to it, and its address."""

    splunkd: Splunkd
    recorder: object
    address: str


@contextmanager
def served(home, archive, events):
    from tools.ui.browser import Recorder  # playwright may be missing

    with stage(home, archive, Console(file=io.StringIO()), events) as splunkd:
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


@contextmanager
def opened(window, served):
    from tests.support.app.screen import View
    from tools.ui.browser import blank

    with blank(window) as page:
        yield View(page, served.recorder, served.address)

"""A pytest plugin that writes which routes of the sandbox's splunkd were called, to the file that ROUTES names."""

import json
import os
from pathlib import Path

import pytest


def pytest_sessionstart(session):
    from sandbox.splunkd import Splunkd  # not before pytest has loaded its plugins

    patch = session.config.stash[KEY] = pytest.MonkeyPatch()
    served, begin = [], Splunkd.__enter__

    def enter(self):
        served.append(self)
        return begin(self)

    patch.setattr(Splunkd, "__enter__", enter)
    session.config.stash[SERVED] = served


def pytest_sessionfinish(session):
    session.config.stash[KEY].undo()
    used = {route for splunkd in session.config.stash[SERVED] for route in splunkd.used}
    Path(os.environ["ROUTES"]).write_text(json.dumps(sorted(used)))


KEY, SERVED = pytest.StashKey(), pytest.StashKey()

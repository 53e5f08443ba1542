"""What tests share: the package, as `make package` builds it, and the Pythons that run it."""

import os
import shutil

import pytest
from hypothesis import settings

from sandbox.store import bytecode
from sandbox.store.archive import unpack
from tests.support import pythons
from tests.support.soak import count
from tools.build import package

LONGEST_ID = 150
"""Characters of what stands for a parameter in the id of a test."""

# The same examples on each run, and no clock: a busy machine must not fail a property.
settings.register_profile("seeded", derandomize=True, deadline=None, max_examples=count(100, 100))
settings.load_profile("seeded")


def pytest_xdist_auto_num_workers():
    """Run two tests for each core: many wait, for a process, a time limit or a browser."""
    return 2 * (os.cpu_count() or 1)


def pytest_make_parametrize_id(val, argname):
    """Name a long text or what is binary by its length: ids stand in every report."""
    return f"{argname} of {len(val):,}" if isinstance(val, (str, bytes)) and len(val) > LONGEST_ID else None


def pytest_terminal_summary(terminalreporter):
    versions = ", ".join(f"Python {version}" for version in pythons.found())
    terminalreporter.write_line(f"the packaged command and action ran on {versions}")


@pytest.fixture(scope="session")
def archive(tmp_path_factory):
    """The package, built from this tree."""
    return package.build(tmp_path_factory.mktemp("dist"))


@pytest.fixture(scope="session")
def installed(archive, tmp_path_factory):
    """The package, unpacked, with the bytecode of each Python: read only, for all tests."""
    apps = tmp_path_factory.mktemp("apps")
    unpack(archive, apps)
    for python in pythons.found().values():
        bytecode.supply(apps, python)
    return apps / "ssa_detections"


@pytest.fixture
def app(installed, tmp_path):
    """The package, unpacked, for one test to change."""
    return shutil.copytree(installed, tmp_path / "apps" / "ssa_detections")


@pytest.fixture(params=list(pythons.found()), ids=lambda version: f"python{version}")
def python(request):
    """Each Python that the packaged code must run on."""
    return pythons.found()[request.param]

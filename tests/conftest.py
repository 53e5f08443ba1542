"""What tests share: the package, as `make package` builds it, and the Pythons that run it."""

import shutil

import pytest
from hypothesis import settings

from sandbox.store.archive import unpack
from tests.support import pythons
from tools.build import package

# The same examples on each run, and no clock: a busy machine must not fail a property.
settings.register_profile("seeded", derandomize=True, deadline=None)
settings.load_profile("seeded")


def pytest_terminal_summary(terminalreporter):
    versions = ", ".join(f"Python {version}" for version in pythons.found())
    terminalreporter.write_line(f"the packaged command and action ran on {versions}")


@pytest.fixture(scope="session")
def archive(tmp_path_factory):
    """The package, built from this tree."""
    return package.build(tmp_path_factory.mktemp("dist"))


@pytest.fixture(scope="session")
def installed(archive, tmp_path_factory):
    """The package, unpacked: read only, for all tests."""
    apps = tmp_path_factory.mktemp("apps")
    unpack(archive, apps)
    return apps / "ssa_detections"


@pytest.fixture
def app(installed, tmp_path):
    """The package, unpacked, for one test to change."""
    return shutil.copytree(installed, tmp_path / "apps" / "ssa_detections")


@pytest.fixture(params=list(pythons.found()), ids=lambda version: f"python{version}")
def python(request):
    """Each Python that the packaged code must run on."""
    return pythons.found()[request.param]

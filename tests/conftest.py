"""What tests share: the package, as `make package` builds it, and the Pythons that run it."""

import shutil
import tarfile

import pytest

from tests import pythons
from tools import package


def pytest_report_header():
    return "packaged code runs on: " + ", ".join(f"Python {version}" for version in pythons.found())


@pytest.fixture(scope="session")
def archive(tmp_path_factory):
    """The package, built from this tree."""
    return package.build(tmp_path_factory.mktemp("dist"))


@pytest.fixture(scope="session")
def installed(archive, tmp_path_factory):
    """The package, unpacked: read only, for all tests."""
    apps = tmp_path_factory.mktemp("apps")
    with tarfile.open(archive) as packed:
        packed.extractall(apps, filter="data")
    return apps / "ssa_detections"


@pytest.fixture
def app(installed, tmp_path):
    """The package, unpacked, for one test to change."""
    return shutil.copytree(installed, tmp_path / "apps" / "ssa_detections")


@pytest.fixture(params=list(pythons.found()), ids=lambda version: f"python{version}")
def python(request):
    """Each Python that the packaged code must run on."""
    return pythons.found()[request.param]

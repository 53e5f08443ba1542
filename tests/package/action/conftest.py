"""What the tests of the packaged alert action share."""

import sys
from zlib import crc32

import pytest

from tests.support import pythons
from tests.support.app.alerting import running
from tests.support.soak import SOAK


def pytest_generate_tests(metafunc):
    """Let a test take one Python, another for each name, and in `make soak` all, unless it asks for each."""
    marks = [mark.args[0] for mark in metafunc.definition.iter_markers("parametrize")]
    if SOAK and "python" in metafunc.fixturenames and "python" not in marks:
        metafunc.parametrize("python", list(pythons.found()), indirect=True)


@pytest.fixture
def python(request):
    found = list(pythons.found())
    name = getattr(request, "param", found[crc32(request.node.name.encode()) % len(found)])
    return pythons.found()[name]


@pytest.fixture(scope="module")
def splunk(tmp_path_factory):
    with running(tmp_path_factory.mktemp("splunk"), sys.executable) as action:
        yield action

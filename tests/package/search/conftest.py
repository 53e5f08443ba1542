"""What the tests of the data check share."""

import pytest

from sandbox.search.instance import Instance
from tests.support.app.data_check import Check


@pytest.fixture(scope="module")
def checked(archive, tmp_path_factory):
    instance = Instance(tmp_path_factory.mktemp("check"), indexers=2)
    instance.install(archive)
    return Check(instance)


@pytest.fixture
def check(checked):
    """The data check, with nothing left of other tests."""
    checked.reset()
    return checked

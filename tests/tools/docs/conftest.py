"""What the tests of pages share: a reader, and one who has typed the README's first command."""

import shutil

import pytest

from tests.support.docs.reader import Reader


def newcomer(folder, installed):
    shutil.copytree(installed, folder / "splunk/etc/apps/ssa_detections")
    return Reader(folder)


@pytest.fixture
def me(tmp_path, installed):
    """Somebody with a fresh clone, and a server's folder with the app."""
    return newcomer(tmp_path, installed)


@pytest.fixture(scope="session")
def after_demo(tmp_path_factory, installed):
    """The same after `make demo`; `demo` is what it wrote, and `home` a copy of what it left in .sandbox."""
    reader = newcomer(tmp_path_factory.mktemp("newcomer"), installed)
    reader.types("make demo")
    reader.demo, reader.home = reader.out, reader.splunk.with_name("demo")
    shutil.copytree(reader.folder / ".sandbox", reader.home)
    return reader

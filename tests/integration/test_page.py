"""docs/first-install.md, docker-compose.yml and this suite agree."""

import importlib
import re
from pathlib import Path

import pytest
import yaml

from tools import ROOT
from tools.build import package

pytestmark = pytest.mark.xdist_group("integration")

POINT = re.compile(r"^\| (\d+)( ✓)? \|", re.M)


def checked():
    modules = [
        importlib.import_module(f"tests.integration.{path.stem}") for path in Path(__file__).parent.glob("test_*.py")
    ]
    marks = [mark for one in modules for test in vars(one).values() for mark in getattr(test, "pytestmark", [])]
    return {number for mark in marks if mark.name == "point" for number in mark.args}


def test_the_page_marks_the_points_that_a_test_checks_and_no_others():
    points = POINT.findall((ROOT / "docs/first-install.md").read_text("utf-8"))
    assert [int(number) for number, _ in points] == list(range(1, len(points) + 1))
    assert {int(number) for number, mark in points if mark} == checked()


def test_docker_starts_splunk_with_the_package_that_is_built_here():
    splunk = yaml.safe_load((ROOT / "docker-compose.yml").read_text("utf-8"))["services"]["splunk"]
    (dist,) = splunk["volumes"]
    name = f"{package.APP}-{package.version()}.tar.gz"
    assert splunk["environment"]["SPLUNK_APPS_URL"].startswith(f"{dist['target']}/{name}$")
    assert (ROOT / dist["source"]).resolve() == ROOT / "dist"

"""The house is as docs/architecture.md draws it: every room named, no circle, no file too long."""

import graphlib
import re
from collections import Counter
from functools import cache

import pytest

from tests.support.imports import imports
from tools import ROOT

PAGE = (ROOT / "docs/architecture.md").read_text("utf-8")
TOPS = {"ssa": ROOT / "bin/ssa", "sandbox": ROOT / "sandbox", "tools": ROOT / "tools", "tests": ROOT / "tests"}
LONGEST = 400
MOST_FILES = 12
"""Python files side by side, without __init__.py, but for the functions of the language."""


def room(folder):
    return folder.relative_to(ROOT).as_posix()


ROOMS = [
    *sorted({room(path.parent) for top in ("ssa", "sandbox") for path in TOPS[top].glob("**/*.py")} - {"bin/ssa"}),
    *sorted(room(path.parent) for path in TOPS["tools"].glob("*/__init__.py")),
]


@pytest.mark.parametrize("name", [name for name in ROOMS if name != "sandbox"])
def test_the_page_names_every_room(name):
    assert f"| `{name}` |" in PAGE


def test_the_files_that_the_page_names_are_there():
    paths = {path for path in re.findall(r"`([\w./-]+)`", PAGE) if "/" in path}
    assert len(paths) > 60
    assert [path for path in sorted(paths) if not (ROOT / path).exists()] == []


def test_what_the_page_finds_in_a_file_is_in_it():
    named = re.findall(r"`([\w.]+)` in `([\w./-]+\.py)`", PAGE)
    assert len(named) > 10
    for name, path in named:
        text = (ROOT / path).read_text("utf-8")
        assert all(re.search(rf"^ *(def|class) {part}\b|^{part} =", text, re.M) for part in name.split(".")), name


@cache
def modules():
    """Module -> its file."""
    found = {}
    for top, folder in TOPS.items():
        for path in folder.rglob("*.py"):
            parts = (top, *path.relative_to(folder).with_suffix("").parts)
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def imported(name, path):
    """The modules of ours that a module imports, wherever in its text."""
    for found in imports(path, name if path.name == "__init__.py" else name.rpartition(".")[0]):
        yield from (each for each in (found, found.rpartition(".")[0]) if each in modules())


def test_no_module_is_part_of_a_circle():
    graph = {name: {each for each in imported(name, path) if each != name} for name, path in modules().items()}
    graphlib.TopologicalSorter(
        {name: {each for each in below if not name.startswith(f"{each}.")} for name, below in graph.items()}
    ).prepare()


def test_no_test_module_imports_another_one():
    tests = {name: path for name, path in modules().items() if name.startswith("tests.")}
    found = {
        (name, each)
        for name, path in tests.items()
        for each in imported(name, path)
        if each.rpartition(".")[2].startswith("test_")
    }
    assert found == set()


def test_no_file_is_too_long_and_no_room_too_full():
    files = [path for name, path in modules().items() if not name.startswith(("tests", "tools"))]
    assert {room(path): n for path in files if (n := len(path.read_text("utf-8").splitlines())) > LONGEST} == {}
    rooms = Counter(room(path.parent) for path in modules().values() if path.name != "__init__.py")
    assert {name: n for name, n in rooms.items() if n > MOST_FILES}.keys() <= {"bin/ssa/language/functions"}


@pytest.mark.xdist_group("group")
def test_the_tests_of_a_group_run_in_one_process(request):
    """pytest-xdist knows a group by the end of an id, which not every pytest lets it write."""
    assert request.node.nodeid.endswith("@group") == request.config.getoption("loadgroup", False)

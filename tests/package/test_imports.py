"""Who may import whom in the packaged library."""

import sys

import pytest

from tests.support.imports import imports as imported
from tools import ROOT

LIBRARY = ROOT / "bin/ssa"
BASE = ("checking", "immutable")
ROOMS = {
    "checking": (),
    "immutable": ("checking",),
    "refusal": (),
    "regex": BASE,
    "language": (*BASE, "regex"),
    "content": (*BASE, "regex", "language"),
    "rows": (*BASE, "regex", "language", "content"),
    "search": (*BASE, "regex", "language", "content", "rows"),
    "action": (*BASE, "regex", "language", "content", "rows"),
}
"""Each room, and the rooms that it may import: search and action do not know each other."""

LANGUAGE = ("values", "required_text", "text", "functions", "analysis", "run")
"""The rooms of the language: each imports those before it."""

SPLUNKLIB = ("search/sdk_command.py", "search/setup_command.py", "action/rest")
"""The edges, two modules and a room: only they know splunk-sdk."""


REST = ("guard", "lookups", "receivers", "session")
"""The modules of action/rest that the action ssa_risk uses."""


def imports(path):
    """The modules that a file imports, in full."""
    return imported(path, ".".join(("ssa", *path.relative_to(LIBRARY).parent.parts)))


def inner(module):
    """The place of a module's room within the language; None for the module of the language itself."""
    room = module.split(".")[2:3]
    return LANGUAGE.index(room[0]) if module.startswith("ssa.language.") and room[0] in LANGUAGE else None


@pytest.mark.parametrize("path", sorted((LIBRARY / "language").rglob("*.py")), ids=lambda path: str(path.name))
def test_within_the_language_a_room_imports_only_those_before_it(path):
    own = inner(".".join(("ssa", *path.relative_to(LIBRARY).with_suffix("").parts)))
    above = [module for module in imports(path) if own is not None and (inner(module) or 0) > own]
    assert above == []


@pytest.mark.parametrize("path", sorted(LIBRARY.rglob("*.py")), ids=lambda path: str(path.relative_to(LIBRARY)))
def test_a_module_imports_only_what_stands_below_its_room(path):
    inside = path.relative_to(LIBRARY)
    own = inside.parts[0].removesuffix(".py")
    for module in imports(path):
        top, *rest = module.split(".")
        if top == "ssa":
            assert rest[0] in (own, *ROOMS.get(own, ())), module
        elif top == "splunklib":
            assert str(inside).startswith(SPLUNKLIB), module
        else:
            assert top in sys.stdlib_module_names, module


def test_the_edges_are_imported_by_the_entries_alone():
    edges = [
        f"ssa.{edge.removesuffix('.py').replace('/', '.')}"
        for edge in (*SPLUNKLIB, "action/alert.py", "action/triage/run.py")
    ]
    found = {
        (str(path.relative_to(LIBRARY)), module)
        for path in LIBRARY.rglob("*.py")
        for module in imports(path)
        if module.startswith(tuple(edges)) and path.parent.name != "rest"
    }
    assert found == {
        *(("action/alert.py", f"ssa.action.rest.{name}") for name in REST),
        *(("action/triage/run.py", f"ssa.action.rest.{name}") for name in ("alerts", "session")),
    }


def test_the_sandbox_never_imports_the_library():
    for path in (ROOT / "sandbox").rglob("*.py"):
        assert not [module for module in imported(path, "sandbox") if module.split(".")[0] == "ssa"]


def test_the_entries_are_a_few_lines():
    for path in (ROOT / "bin").glob("*.py"):
        assert len(path.read_text().splitlines()) < 25

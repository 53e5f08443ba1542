"""Who may import whom."""

import ast
import sys

import pytest

from tools import ROOT

EDGES = {"command", "explain_command", "alert", "splunkd"}
ALLOWED = {
    "language": set(),
    "conf": set(),
    "refusal": set(),
    "detection": {"language", "conf"},
    "event": {"language", "detection"},
    "legible": set(),
    "entities": set(),
    "risk": {"detection", "entities", "event", "language", "legible"},
    "stash": {"legible", "risk"},
    "results": {"event"},
    "sink": set(),
    "journal": {"legible"},
    "payload": {"conf"},
    "tls": {"conf"},
    "splunkd": {"conf", "entities", "journal", "sink", "tls"},
    "messages": set(),
    "chunks": set(),
    "dispatch": {"detection", "event", "language"},
    "needles": {"language"},
    "table": {"event"},
    "scan": {"chunks", "needles", "table"},
    "lazily": set(),
    "explanation": {"language", "detection", "event", "risk"},
    "command": {
        *("chunks", "conf", "detection", "dispatch", "event", "messages"),
        *("needles", "scan", "table"),
    },
    "explain_command": {"conf", "detection", "explanation", "messages"},
    "alert": {
        *("conf", "detection", "entities", "event", "journal", "payload"),
        *("results", "risk", "sink", "splunkd", "stash"),
    },
}
SPLUNKLIB = {"command", "explain_command", "splunkd"}


def imports(path):
    """(top-level module, what of our package) for every import in a file."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from ((alias.name.split(".")[0], "") for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            if node.level:
                for alias in node.names:
                    yield "." * node.level, (node.module or alias.name).split(".")[0]
            else:
                yield (node.module or "").split(".")[0], (node.module or "").partition(".")[2]


def modules():
    for path in sorted((ROOT / "bin/ssa").rglob("*.py")):
        inside = path.relative_to(ROOT / "bin/ssa")
        yield pytest.param(inside.parts[0].removesuffix(".py"), path, id=str(inside))


@pytest.mark.parametrize(("module", "path"), list(modules()))
def test_a_module_imports_only_what_stands_below_it(module, path):
    for top, ours in imports(path):
        if top == "." and path.parent.name == "ssa":
            assert ours in ALLOWED[module], ours
        elif top.startswith("."):
            inside = len(path.relative_to(ROOT / "bin/ssa/language").parts)
            assert module == "language" and len(top) <= inside, "the language knows nothing of its surroundings"
        elif top == "splunklib":
            assert module in SPLUNKLIB
        else:
            assert top in sys.stdlib_module_names, top


def test_the_edges_are_imported_by_the_entries_alone():
    for path in (ROOT / "bin/ssa").rglob("*.py"):
        for top, ours in imports(path):
            assert not (top == "." and ours in EDGES) or (path.stem, ours) == ("alert", "splunkd")


def test_the_sandbox_never_imports_the_library():
    for path in (ROOT / "sandbox").rglob("*.py"):
        assert not [top for top, _ in imports(path) if top == "ssa"]


def test_the_entries_are_a_few_lines():
    for name in ("ssadetect.py", "ssaexplain.py", "ssa_risk.py"):
        assert len((ROOT / "bin" / name).read_text().splitlines()) < 25

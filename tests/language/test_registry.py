"""What is known of a function stands in its entry of the registry, and in no other file."""

import ast

import pytest

from ssa.language.functions import REGISTRY
from ssa.language.text import syntax
from tests.support.imports import imports
from tools import ROOT

LIBRARY = ROOT / "bin/ssa"
FUNCTIONS_ROOM = LIBRARY / "language/functions"


def named(text):
    """The functions that a Python text names: the strings in it that are a name of one, with their lines.

    What `encode` and `decode` are called with is no name of one: "replace" says there what to do with an error.
    """
    nodes = [*ast.walk(ast.parse(text))]
    calls = (node for node in nodes if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute))
    handlers = [argument for call in calls if call.func.attr in ("encode", "decode") for argument in call.args]
    strings = (node for node in nodes if isinstance(node, ast.Constant) and node not in handlers)
    return [(node.lineno, node.value) for node in strings if isinstance(node.value, str) and node.value in REGISTRY]


def knows_the_language(path):
    """Whether a file is part of the language, or imports something of it."""
    inside = path.relative_to(LIBRARY)
    package = ".".join(("ssa", *inside.parent.parts))
    return inside.parts[0] == "language" or any(name.startswith("ssa.language") for name in imports(path, package))


def test_no_other_file_of_the_library_knows_a_function_by_its_name():
    """In no file of the library that could read a call. LIKE alone has a name: the grammar has it as an operator."""
    files = [path for path in LIBRARY.rglob("*.py") if path.parent != FUNCTIONS_ROOM and knows_the_language(path)]
    found = {path.relative_to(LIBRARY).as_posix(): named(path.read_text("utf-8")) for path in files}
    assert [name for _, name in found.pop("language/text/syntax.py")] == [syntax.LIKE]
    assert {path: names for path, names in found.items() if names} == {}
    assert {"content/message_fields.py", "language/analysis/lint.py", "search/dispatch/dispatch.py"} <= found.keys()


@pytest.mark.parametrize(
    "text",
    [
        'if node.function == "ucast": pass',
        'if node.function in ("substr", "x"): pass',
        '_CASES = {"lower": 1}',
        'REGISTRY["map_get"]',
        'match node.function:\n    case "coalesce": pass',
        'Call("like", ())',
    ],
)
def test_each_way_to_name_a_function_is_seen(text):
    assert len(named(text)) == 1


def test_what_to_do_with_a_text_that_cannot_be_encoded_names_no_function():
    assert named('text.encode("utf-8", "replace")') == []

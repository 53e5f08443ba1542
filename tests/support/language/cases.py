"""The tables of the language, and how a case of one is run."""

import ast
import json
import re
import tomllib

from ssa.language import compile_text
from tests.support.examples import ROOT

TABLES = ROOT / "tests/language"
EXPRESSIONS = tomllib.loads((TABLES / "expressions.toml").read_text())["case"]
ERRORS = tomllib.loads((TABLES / "errors.toml").read_text())["case"]
FUNCTIONS = tomllib.loads((TABLES / "functions.toml").read_text())["case"]
START, END = "| from read_ssa_enriched_events() ", " | into write_ssa_detected_events();"


def run(text, event=None, datamodels=("Endpoint_Processes",)):
    return list(compile_text(text).run(event or {}, datamodels))


def value(expression, event=None):
    (hit,) = run(f"{START}| eval body={{x: {expression}}}{END}", event)
    return hit.body["x"]


def same(left, right):
    """Equal, and of the same types: 1 is not 1.0 and not true."""
    return json.dumps(left) == json.dumps(right)


def template(message):
    """A regex for the texts that an expression of a message gives."""
    parts = message.values if isinstance(message, ast.JoinedStr) else [message]
    return "".join(re.escape(part.value) if isinstance(part, ast.Constant) else ".*" for part in parts)


def text_of(case):
    return case["text"] if case.get("whole") else START + case["text"] + END

"""The library gives the same answers on each Python that Splunk runs, for all tables of the language."""

import json
import subprocess

from tests.support.examples import GIVEN, HIT, ROOT
from tests.support.language.cases import END, ERRORS, EXPRESSIONS, FUNCTIONS, START, same

CASES = EXPRESSIONS + FUNCTIONS

CHILD = """
import json, sys
sys.path.insert(0, sys.argv[1] + "/bin")
from ssa.action import risk, stash
from ssa.content import conf
from ssa.rows.hits import detect
from ssa.content.detection import Catalogue
from ssa.language import SsaError, compile_text

asked = json.load(sys.stdin)
given = []
for expression, fields in asked["expressions"]:
    (hit,) = compile_text(expression).run(fields, ["Endpoint_Processes"])
    given.append(hit.body["x"])
refused = []
for text in asked["errors"]:
    try:
        compile_text(text)
        refused.append(None)
    except SsaError as error:
        refused.append([error.problem, error.at])
detection = Catalogue(conf.merge([sys.argv[1] + "/default/ssa_detections.conf"])).find(asked["detection"])
(columns,) = detect(detection, asked["row"])
context = risk.Context("search", "sid", 0.0)
lines = [stash.line(e) for e in risk.risk_events(detection, {**asked["row"], **columns}, context).events]
print(json.dumps({"given": given, "refused": refused, "columns": columns, "lines": lines}))
"""


def test_the_tables_hold_on_each_python(python):
    asked = {
        "expressions": [
            [f"{START}| eval body={{x: {case['expression']}}}{END}", case.get("event", {})] for case in CASES
        ],
        "errors": [case["text"] for case in ERRORS],
        "detection": GIVEN,
        "row": HIT,
    }
    ran = subprocess.run(
        [python, "-c", CHILD, str(ROOT)], input=json.dumps(asked), capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr
    answer = json.loads(ran.stdout)
    for case, given in zip(CASES, answer["given"], strict=True):
        assert same(given, json.loads(case["gives"])), case["expression"]
    for case, refused in zip(ERRORS, answer["refused"], strict=True):
        assert refused and case["says"] in refused[0], case["text"]
    assert answer["columns"]["risk_score"] == "35"
    assert [line.count('risk_score="35"') for line in answer["lines"]] == [1, 1]

"""What SPL means in the sandbox: the cases of *.toml here, each with the documentation that it comes from.

A case has `covers` (names of tools.docs.sandbox_page.sections), `source` (a page of Splunk's documentation), `search`,
and `rows` (what comes out, field by field; a field without a value is left out) or `error`. It may have `events`
(stored first), `files` (of the app, by path), `before` (searches to run first), `earliest`, `latest` and `now` (epoch
s), `columns` (the fields in their order), and `kvstore` (the state of the store). Those of rest and sendalert run on a
server.
"""

from contextlib import nullcontext

import pytest

from sandbox.errors import SearchError
from sandbox.search.instance import Instance
from sandbox.splunkd import Splunkd
from sandbox.splunkd.state import ROLES, Session
from tools.docs.sandbox_page import cases, sections, titles

CASES = [
    pytest.param(case, id=f"{table}-{number}-{case['covers'][0]}")
    for table, listed in cases().items()
    for number, case in enumerate(listed, 1)
]
FEATURES = [name for names in sections().values() for name in names]


@pytest.mark.parametrize("case", CASES)
def test_case(case, tmp_path):
    app = tmp_path / "etc/apps/ssa_detections"
    app.mkdir(parents=True)
    for name, text in case.get("files", {}).items():
        (app / name).parent.mkdir(parents=True, exist_ok=True)
        (app / name).write_text(text, "utf-8")
    instance = Instance(tmp_path, indexers=2, app="ssa_detections")
    instance.add_events({"index": "main", **event} for event in case.get("events", []))
    instance.kvstore.status = case.get("kvstore", "ready")
    with Splunkd(instance) if {"rest", "sendalert"}.intersection(case["covers"]) else nullcontext() as splunkd:
        if splunkd:
            instance = splunkd.acting(Session("admin", "admin", ROLES["admin"]))
        check(instance, case)


def check(instance, case):
    ranges = {key: case[key] for key in ("earliest", "latest", "now") if key in case}
    for search in case.get("before", []):
        instance.search(search, **ranges)
    if "error" in case:
        with pytest.raises(SearchError) as caught:
            instance.search(case["search"], **ranges)
        assert case["error"] in str(caught.value)
        return
    result = instance.search(case["search"], **ranges)
    assert [{k: v for k, v in row.items() if v is not None} for row in result.rows] == case["rows"]
    assert result.columns == case.get("columns", result.columns)


def test_every_case_names_its_documentation():
    assert [case.id for case in CASES if not titles(case.values[0]["source"])] == []


@pytest.mark.parametrize("feature", FEATURES)
def test_everything_supported_has_a_case(feature):
    covered = [case.id for case in CASES if feature in case.values[0]["covers"]]
    assert covered, f"tests/sandbox/commands/*.toml: no case covers {feature}"


def test_cases_name_only_what_is_supported():
    assert {name for case in CASES for name in case.values[0]["covers"]} - set(FEATURES) == set()

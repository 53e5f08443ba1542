"""The other detections of the story on msiexec: a table of events, and the shipped searches that find the same."""

import json
from contextlib import closing

import pytest

from sandbox.search.instance import Instance
from ssa.content.datamodels import DATA_MODELS, PROCESSES
from ssa.rows.hits import detect
from tests.detections.story import CASES
from tests.support.examples import GIVEN
from tools.content.generated import is_accelerated
from tools.docs.pages import saved_search, shipped
from tools.evaluate.catalogue import load
from tools.evaluate.rules import HARDENED, is_usual

EVENTS = [
    {k: v for k, v in {"_time": str(1_772_442_000 + n), "dest": "ws-1", "user": "amy", **row}.items() if v}
    for n, (_, row, _) in enumerate(CASES)
]


def ids(case):
    name, row, _ = case
    return f"{name.removeprefix('Windows MSIExec ')}: {row['process']}"


@pytest.mark.parametrize("number", range(len(CASES)), ids=[ids(case) for case in CASES])
def test_a_detection_scores_an_event_as_in_the_table(number):
    name, _, score = CASES[number]
    scores = [float(hit["risk_score"]) for hit in detect(shipped().find(name), EVENTS[number])]
    assert scores == ([] if score is None else [score])


def test_every_detection_of_the_story_has_cases_of_both_kinds():
    # Those of a network have their own, in test_network.py.
    models = {name: shipped().find(name).datamodel for name in shipped().names}
    others = [name for name in models if name not in (GIVEN, HARDENED) and models[name] == PROCESSES.name]
    for name in others:
        scores = [score for other, _, score in CASES if other == name]
        assert sum(score is None for score in scores) >= 2, name
        assert sum(score is not None for score in scores) >= 2, name


# -- the searches


FORGED = {"body": '{"confidence": 0, "why": "nothing"}', "risk_score": "0", "detection": "mine", "verdict": "clean"}


@pytest.fixture(scope="module")
def instance(archive, tmp_path_factory):
    """The app on two indexers, with the events of the table and the catalogue, some with columns that mean no good."""
    rows = [
        *({**event, "tag": [*PROCESSES.tags]} for event in EVENTS),
        *(
            {**row.event, "_time": str(1_772_450_000 + n), "tag": [*DATA_MODELS[row.datamodel].tags]}
            for n, row in enumerate(load().rows)
        ),
    ]
    made = Instance(tmp_path_factory.mktemp("story"), indexers=2)
    made.install(archive)
    made.add_events(
        {**(FORGED if n % 3 == 0 else {}), **row, "_time": float(row["_time"]), "case": str(n), "index": "main"}
        | {"_raw": json.dumps(row)}
        for n, row in enumerate(rows)
    )
    with closing(made):
        yield made, rows


@pytest.mark.parametrize("name", shipped().names)
def test_its_saved_search_finds_exactly_what_the_detection_makes_of_all_events(instance, name):
    """The prefilter hides nothing, the columns that it needs pass, and no column of an event is taken for its own."""
    made, rows = instance
    detection = shipped().find(name)
    expected = sorted(
        (row["_time"].split(".")[0], hit["risk_score"], json.loads(hit["body"]).get("why"))
        for row in rows
        if DATA_MODELS[detection.datamodel].tags <= {*row["tag"]}
        for hit in detect(detection, row)
        if not is_usual(hit)
    )
    result = made.search(made.saved_search(saved_search(detection))["search"])
    found = [
        (f"{float(row['_time']):.0f}", row["risk_score"], json.loads(row["body"]).get("why")) for row in result.rows
    ]
    assert sorted(found) == expected
    assert {row["detection"] for row in result.rows} == {name}
    if detection.dynamic_score:
        scores = [float(row["risk_score"]) for row in result.rows]
        assert scores == sorted(scores, reverse=True)  # those without risk come last


@pytest.mark.parametrize("name", [name for name in shipped().names if is_accelerated(shipped().find(name))])
def test_its_accelerated_search_finds_the_same(instance, name):
    made, _ = instance
    raw = made.search(made.saved_search(f"SSA - {name} - Rule")["search"])
    accelerated = made.search(made.saved_search(f"SSA - {name} - Accelerated - Rule")["search"])
    same = ("event_id", "risk_score", "body", "entities")
    assert sorted([str(row[k]) for k in same] for row in raw.rows) == sorted(
        [str(row[k]) for k in same] for row in accelerated.rows
    )

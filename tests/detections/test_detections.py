"""Detections of our own go the whole way: imported as published files, run by the packaged app, hit by hit."""

import json
import shutil
from decimal import Decimal
from functools import cache
from pathlib import Path

import pytest
import yaml

from sandbox.search.chunked import CommandProcess
from sandbox.search.instance import Instance
from tests.support.app.search_command import searchinfo
from tools.__main__ import main

FILES = sorted(Path(__file__).parent.glob("*.yml"))
DETECTIONS = {path.stem: yaml.safe_load(path.read_text()) for path in FILES}
by_file = pytest.mark.parametrize("stem", DETECTIONS)


def row(stem, number, event):
    """An event as a row: without empty cells, and with a column that says which case it is."""
    return {**{name: value for name, value in event.items() if value}, "case": f"{stem} {number}"}


ROWS = [row(stem, n, case["event"]) for stem, one in DETECTIONS.items() for n, case in enumerate(one["tests"])]


def stated(case):
    """The hits of a case as its file states them; JSON, so that 1, 1.0 and true differ."""
    own = str(int(Decimal(case["event"]["_time"]) * 1000))
    return [text({"start_time": own, "end_time": own, **hit}) for hit in case["hits"]]


def reported(hit, id):
    """The same of a row that came out; the files name the computed id of an event by the one that the event has."""
    entities = hit["entities"] or []
    listed = entities if isinstance(entities, list) else [entities]
    times = {name: hit[name] for name in ("start_time", "end_time")}
    assert len(hit["event_id"]) == 64
    return text({**times, "entities": listed, "body": json.loads(hit["body"])}).replace(hit["event_id"], id)


def text(hit):
    return json.dumps(hit, sort_keys=True, ensure_ascii=False, indent=2)


def compare(stem, rows):
    """Fail with every case of a detection whose hits are not the stated ones, and with hits on cases of others."""
    one, wrong = DETECTIONS[stem], []
    rows = [row for row in rows if row["detection"] == one["name"]]
    assert {row["case"] for row in rows} <= {f"{stem} {number}" for number in range(len(one["tests"]))}
    for number, case in enumerate(one["tests"]):
        own = [row for row in rows if row["case"] == f"{stem} {number}"]
        if (found := [reported(row, case["event"]["event_id"]) for row in own]) != (expected := stated(case)):
            wrong.append(f"{stem}.yml: {case['name']}\nexpected: {', '.join(expected)}\nfound: {', '.join(found)}")
    if wrong:
        pytest.fail("\n\n".join(wrong), pytrace=False)


@pytest.fixture(scope="module")
def imported(installed, tmp_path_factory):
    """The packaged app with all detections of this folder in its local/."""
    app = shutil.copytree(installed, tmp_path_factory.mktemp("imported") / "ssa_detections")
    assert main(["import", *map(str, FILES), "--app", str(app)]) == 0
    return app


@pytest.fixture(scope="module")
def one_pass(imported, tmp_path_factory):
    """Every event through every detection at once, by a Python; each Python runs once."""

    @cache
    def run(python):
        home = tmp_path_factory.mktemp("home")
        columns = list(dict.fromkeys(name for row in ROWS for name in row))
        command = CommandProcess("ssadetect", imported / "bin/ssadetect.py", python=python, home=home)
        with command:
            command.getinfo(searchinfo(home))
            reply = command.execute(columns, [[row.get(name) for name in columns] for row in ROWS], finished=True)
            command.close()
        return [dict(zip(reply.columns, cells, strict=True)) for cells in reply.rows], command.messages

    return run


@pytest.fixture(scope="module")
def instance(imported, archive, tmp_path_factory):
    """A search head with two indexers, the app with its imports, and every event."""
    instance = Instance(tmp_path_factory.mktemp("instance"), indexers=2)
    instance.install(archive)
    shutil.copytree(imported / "local", instance.apps / "ssa_detections/local")
    more = [{"_time": float(row["_time"]), "_raw": json.dumps(row), "index": "main"} for row in ROWS]
    instance.add_events({**row, **own} for row, own in zip(ROWS, more, strict=True))
    return instance


def test_there_are_twelve_and_each_has_cases_enough():
    assert len(DETECTIONS) >= 12
    for stem, one in DETECTIONS.items():
        titles = [case["name"] for case in one["tests"]]
        assert len(set(titles)) == len(titles), stem
        assert sum(bool(case["hits"]) for case in one["tests"]) >= 3, stem
        assert sum(not case["hits"] for case in one["tests"]) >= 4, stem


@by_file
def test_a_detection_makes_of_each_event_exactly_the_hits_that_its_file_states(stem, one_pass, python):
    rows, _ = one_pass(python)
    compare(stem, rows)


def test_one_pass_over_all_of_them_leaves_no_detection_out(one_pass, python):
    rows, messages = one_pass(python)
    assert {row["detection"] for row in rows} >= {one["name"] for one in DETECTIONS.values()}
    assert [text for _, text in messages if "fields that decide are missing" not in text] == []


@by_file
def test_its_saved_search_finds_the_same_among_the_events_of_all(stem, instance):
    name = f"SSA - {DETECTIONS[stem]['name']} - Rule"
    # What tells the cases apart has to pass as well.
    result = instance.search(
        instance.saved_search(name)["search"].replace(" | fields - _raw", ", case | fields - _raw")
    )
    compare(stem, result.rows)

"""The demo dataset is what tools/content/demo_data.py makes, and matches its catalogue."""

import json
import re
from collections import Counter
from datetime import UTC, datetime
from typing import Any

import pytest

from sandbox.inputs.windows import Event, read_events
from tools import ROOT
from tools.content.demo_data import FORMATS, build

FOLDER = ROOT / "sandbox/demo"
EVENTS = {file: list(read_events(FOLDER / file)) for file in FORMATS}
ALL = [event for events in EVENTS.values() for event in events]
CATALOGUE: list[dict[str, Any]] = json.loads((FOLDER / "catalogue.json").read_text("utf-8"))["events"]


def claimed(event: Event) -> bool:
    command_line = event.fields["process"].lower()
    return is_msiexec(event) and ("/y " in command_line or "-y " in command_line)


def is_msiexec(event: Event) -> bool:
    return event.fields["process_name"].lower() == "msiexec.exe"


def identity(event: Event) -> str:
    record = re.search(r"<EventRecordID>(\d+)<|^RecordNumber=(\d+)$", event.raw, re.MULTILINE)
    assert record
    return f"{event.host.partition('.')[0]}/{record[1] or record[2]}"


def test_the_files_are_what_the_tool_makes() -> None:
    made = build()
    assert made == build()
    for name, content in made.items():
        assert (FOLDER / name).read_bytes() == content.encode(), f"{name}: run python -m tools.content.demo_data"
    data = {path.name for path in FOLDER.iterdir() if path.is_file() and path.suffix != ".py"}
    assert data == {*made, "README.md"}


def test_every_event_is_a_readable_synthetic_process_start_of_that_day() -> None:
    day = [datetime(2026, 3, 2, hour, tzinfo=UTC).timestamp() for hour in (7, 19)]
    for event in ALL:
        assert (event.problem, event.tags) == ("", ("process", "report"))
        assert event.host.endswith(".synthetic.example")
        assert day[0] <= event.time < day[1]
        assert {"process_path", "process_id", "parent_process_path", "parent_process_id", "user"} <= event.fields.keys()
    assert len({identity(event) for event in ALL}) == len(ALL)


def test_the_size_is_fit_for_a_demo() -> None:
    assert 400 <= len(ALL) <= 600
    assert sum((FOLDER / file).stat().st_size for file in FORMATS) < 900_000
    assert len({event.host for event in ALL}) == 12
    assert len({event.fields["user"] for event in ALL}) > 12
    readme = (FOLDER / "README.md").read_text("utf-8")
    for file, count in {"catalogue.json": len(CATALOGUE), **{file: len(EVENTS[file]) for file in FORMATS}}.items():
        assert f"| `{file}` | {count} |" in readme


@pytest.mark.parametrize("file", FORMATS)
def test_the_catalogue_has_every_msiexec_event(file: str) -> None:
    events = {identity(event): event for event in EVENTS[file] if is_msiexec(event)}
    entries = {entry["id"]: entry for entry in CATALOGUE if entry["file"] == file}
    assert events.keys() == entries.keys()
    for key, event in events.items():
        entry = entries[key]
        assert entry["process_path"] == event.fields["process_path"]
        assert (entry["user"], entry["dest"]) == (event.fields["user"], event.fields["dest"])
        assert entry["format"] == FORMATS[file][0]
        assert entry["what"]
        # A bare program name is completed in a 4688; the arguments are as they were.
        arguments = re.sub(r'^("[^"]*"|\S+)', "", entry["command_line"])
        assert event.fields["process"] in (entry["command_line"], entry["process_path"] + arguments)


def test_the_expected_flag_is_the_verdict_of_the_given_rule() -> None:
    flags = {entry["id"]: entry["expected"] for entry in CATALOGUE}
    for event in ALL:
        assert claimed(event) == flags.get(identity(event), False), event.raw


def test_there_are_enough_of_each_sort() -> None:
    hits = [entry for entry in CATALOGUE if entry["expected"]]
    assert len({entry["command_line"].lower() for entry in hits}) >= 8
    assert {entry["file"] for entry in hits} == set(FORMATS)
    missed = [entry for entry in CATALOGUE if entry["what"].startswith("attack, not claimed")]
    assert len(missed) >= 6
    assert not any(entry["expected"] for entry in missed)
    assert sum(entry["what"].startswith("everyday") for entry in CATALOGUE) >= 20
    for file, events in EVENTS.items():
        assert sum(not is_msiexec(event) for event in events) >= 80
        lookalikes = [event for event in events if not is_msiexec(event) and "/y " in event.fields["process"].lower()]
        assert len(lookalikes) >= 3, file
        unaudited = [event for event in events if event.fields["process"] == event.fields["process_path"]]
        assert unaudited or "sysmon" in file


def test_one_victim_is_hit_three_times_and_no_other_so_often() -> None:
    hits = Counter((event.host, event.fields["user"]) for event in ALL if claimed(event))
    assert hits.pop(("ws-fin-02.synthetic.example", "b.heron")) == 3
    assert max(hits.values()) == 2

"""What is made of files as people have them: the table reading.toml."""

import re
from pathlib import Path

import pytest

from sandbox.inputs.windows import read_events
from sandbox.inputs.windows.census import Census
from tests.support.windows.files import CASES, content, users


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["what"])
def test_a_file_gives_its_events_and_what_cannot_be_seen_of_them_is_told(case, tmp_path):
    path = tmp_path / case.get("name", "events.log")
    path.write_bytes(content(case))
    census = Census(path)
    events = []
    if "refused" in case:
        with pytest.raises(OSError, match=case["refused"]) as refused:
            events.extend(census.count(read_events(path)))
        assert path.name in str(refused.value)
        assert not any(event.fields for event in events)
        return
    events.extend(census.count(read_events(path)))
    assert len(events) == case.get("events", len(case["forms"]))
    found = [event for event in events if re.search("/y .*dll", event.fields.get("process", ""), re.DOTALL)]
    found = [event for event in found if event.fields.get("process_name") == "msiexec.exe"]
    assert [event.fields["user"].rpartition("\\")[2] for event in found] == users(case)
    assert [event.time for event in found] == pytest.approx(case.get("times", [event.time for event in found]))
    problems, told = census.problems(), case.get("told", [])
    for text in told:
        assert [one for one in problems if re.search(text, one.problem)], (text, problems)
    for problem in problems:
        assert [text for text in told if re.search(text, problem.problem)], problem
        assert problem.file == str(path)
    assert case.get("lines", lines := [problem.line for problem in problems]) == lines
    assert all(type(line) is int or "events" in problem.problem for line, problem in zip(lines, problems, strict=True))


def test_a_folder_is_refused(tmp_path):
    with pytest.raises(OSError, match=r"is a folder: name the files in it"):
        list(read_events(tmp_path))


def test_a_file_that_is_not_there_is_named():
    with pytest.raises(OSError, match=r"nothing\.log"):
        list(read_events(Path("nothing.log")))


def test_the_table_is_long_and_no_case_comes_twice():
    assert len({case["what"] for case in CASES}) == len(CASES) > 60
    assert len({content(case) for case in CASES}) > len(CASES) - 2

"""What cannot be seen of the events of a file: a sentence each."""

from pathlib import Path

import pytest

from sandbox.inputs.windows import Event, read_text
from sandbox.inputs.windows.census import MAX_NAMED, Census
from tests.support.windows.forms import FORMS

REMARKS = {
    "no command line": "no command line, so no detection that reads one can see them: switch on command line auditing "
    "(Administrative Templates > System > Audit Process Creation > Include command line in process creation events)",
    "no name": "no name of their process, so no detection that reads it can see them: was the event cut or rewritten?",
    "no parent": "no name of a parent, so no detection that reads it can see them: Windows before 10 and Server 2016 "
    "does not write it, Sysmon does",
    "unknown language": "classic text in a language whose labels are not known: read by the places of its rows here, "
    "and not by the add-on in a Splunk. Send them as XML (renderXml = true), which has no language",
    "language: German": "classic text in German: read here, and not by the add-on in a Splunk, which knows English "
    "labels. Send them as XML (renderXml = true), which has no language",
    "Sysmon as text": "Sysmon as classic text: read here, and not by the add-on in a Splunk, which wants XML "
    "(renderXml = true)",
    "unknown zone": "a time zone whose name is not known, and were taken as UTC: write it as +01:00",
}


def event(*remarks, problem="", row=0, tags=("process", "report")):
    return Event(
        "x",
        0.0,
        "ws-1",
        "XmlWinEventLog:Security",
        "XmlWinEventLog",
        {},
        () if problem else tags,
        problem,
        remarks,
        row,
    )


def problems(*events):
    census = Census(Path("a.log"))
    assert list(census.count(events)) == [*events]
    return [(problem.line, problem.problem) for problem in census.problems()]


@pytest.mark.parametrize("remark", REMARKS)
def test_a_remark_is_told_once_for_all_events_that_have_it(remark):
    found = problems(event(), event(remark, row=7), *[event(remark, row=9)] * 1_200)
    assert found == [(7, f"1,201 of 1,202 events, the first is event 2: {REMARKS[remark]}")]


@pytest.mark.parametrize("remark", REMARKS)
def test_of_an_only_event_no_number_is_told(remark):
    assert problems(event(remark, row=1)) == [(1, f"its only event: {REMARKS[remark]}")]


def test_remarks_are_told_in_the_order_in_which_they_come():
    found = problems(event("no parent", "no name", row=1), event("unknown zone", "no name", row=5))
    assert [text.partition(":")[0] for _, text in found] == [
        "1 of 2 events, the first is event 1",
        "2 of 2 events, the first is event 1",
        "1 of 2 events, the first is event 2",
    ]


def test_a_date_that_may_be_the_other_way_round_is_told_where_another_one_has_its_day_first():
    unsure, other = event("day or month", row=3), event("day first", row=8)
    assert problems(unsure, unsure) == problems(other) == []
    ((line, told),) = problems(unsure, unsure, other)
    assert (line, told.startswith("2 of 3 events, the first is event 1: a date in which day and month")) == (3, True)


def test_damaged_events_are_named_one_by_one_up_to_a_limit():
    assert problems(event(), event(problem="damaged XML: x", row=4)) == [(4, "event 2: damaged XML: x")]
    found = problems(event(), *(event(problem="x", row=number) for number in range(1, MAX_NAMED + 2_001)))
    assert found[0] == (1, "event 2: x")
    assert found[MAX_NAMED:] == [(None, "2,000 more damaged events")]
    assert len(found) == MAX_NAMED + 1
    assert problems(*[event(problem="x")] * (MAX_NAMED + 1))[-1] == (None, "1 more damaged event")


def test_an_event_without_a_row_names_none():
    assert problems(event(problem="damaged EVTX: x"), event()) == [(None, "event 1: damaged EVTX: x")]


def test_a_file_without_a_new_process_is_told_and_one_of_damage_alone_is_not():
    text = (
        "tells of a new process (Security 4688 or Sysmon 1): nothing in it can be detected. Is the auditing of process "
        "creation on?"
    )
    assert problems(*[event(tags=())] * 1_500) == [(None, f"none of its 1,500 events {text}")]
    assert problems(event(tags=())) == [(None, f"its only event does not {text.replace('tells', 'tell', 1)}")]
    assert problems(event(problem="x")) == [(None, "event 1: x")]
    assert problems(event(tags=()), event()) == []


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_what_a_form_lacks_is_told_in_a_sentence(form):
    told = problems(*read_text(["\n".join([form(), form()])]))
    wanted = [REMARKS["no command line"]] if "command_line" in form.lacks else []
    wanted += [REMARKS["no parent"]] if "parent" in form.lacks else []
    if form.remark:
        language = form.remark.removeprefix("language: ")
        wanted.append(REMARKS.get(form.remark) or REMARKS["language: German"].replace("German", language))
    assert sorted(text for _, text in told) == sorted(f"2 of 2 events, the first is event 1: {text}" for text in wanted)

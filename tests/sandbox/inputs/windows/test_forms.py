"""Every form of an event gives every value that it has a place for."""

import pytest

from sandbox.inputs.windows import parse, read_events
from tests.support.windows.forms import FORMS, SYSMON, VALUES, event_log, expected, seconds

OTHERS = {
    "time": "1772439599.000",
    "host": "DC-1",
    "user": "anna maria",
    "domain": "Österreich",
    "target": "svc_backup$",
    "target_domain": "-.",
    "path": r"D:\Program Files\Ä & <b>'s\x;y.exe",
    "command_line": r'"D:\a b\x.exe" -k "é & <x> \"y\"" 100%: --a=b [c] ' + "\u202ecod &amp; &#10; %%1936",
    "id": "4",
    "parent": r"\\srv\share$\Ünï.exe",
    "parent_command_line": r'\\srv\share$\Ünï.exe "a: b" = c',
    "parent_id": "4294967295",
    "original_file_name": "PSEXESVC.exe.mui",
    "description": "Company: none, User: x",
}
"""For each value another one, of characters that a form may escape, or that mean something to it."""


def assert_reads(event, form, **values):
    """Every value is read, and the census reports what the form lacks, and nothing more."""
    assert event.problem == ""
    wanted = expected(form, **values)
    more = {"signature_id", "vendor_product", "SubjectUserName", "SubjectUserSid", "TargetUserName", "TargetUserSid"}
    assert {name: value for name, value in event.fields.items() if name not in more} == wanted
    assert event.time == pytest.approx(seconds(form, **values), abs=1e-6)
    assert event.source == f"{'WinEventLog' if form.classic else 'XmlWinEventLog'}:{form.log[0]}"
    assert event.tags == ("process", "report")
    lacks = {"command_line": "no command line", "parent": "no parent"}
    told = [remark for value, remark in lacks.items() if value in form.lacks]
    assert sorted({*event.remarks} - {"day or month"}) == sorted([*told, *filter(None, [form.remark])])


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_each_form_gives_each_value(form):
    assert_reads(parse(form()), form)
    for name, value in OTHERS.items():
        values = {name: value, "target_domain": OTHERS["target_domain"]} if name == "target" else {name: value}
        assert_reads(parse(form(**values)), form, **values)
    assert_reads(parse(form(**OTHERS)), form, **OTHERS)
    assert {*OTHERS, "when"} == {*VALUES}


@pytest.mark.parametrize("form", [form for form in FORMS.values() if not form.classic and "\n" not in form()])
def test_an_event_log_gives_each_value(form, tmp_path):
    (tmp_path / "events.evtx").write_bytes(event_log(form(), form(**OTHERS)))
    first, second = read_events(tmp_path / "events.evtx")
    assert_reads(first, form)
    assert_reads(second, form, **OTHERS)


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_a_form_gives_its_event_however_often_it_comes_and_each_again_by_itself(form, tmp_path):
    (tmp_path / "events.log").write_text("\n".join(form(user=user) for user in "abc"), "utf-8")
    events = [*read_events(tmp_path / "events.log")]
    assert [event.fields["user"].rpartition("\\")[2] for event in events] == [*"abc"]
    assert [parse(event.raw)._replace(row=event.row) for event in events] == events


def test_the_forms_are_of_both_logs():
    assert {form.log == SYSMON for form in FORMS.values()} == {True, False}
    assert len(FORMS) > 60

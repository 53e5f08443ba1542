"""Nothing in a value forges a field, an event or a victim: in XML, and in classic text beyond what a newline does."""

import pytest

from sandbox.inputs.windows import parse, read_text
from tests.support.windows.forms import FORMS, SYSMON, expected

EVIL_XML = FORMS["xml"](user="victim", host="victim.example")
EVIL_SYSMON = FORMS["sysmon xml"](user="victim")
EVIL_CLASSIC = FORMS["classic"](user="victim", host="victim.example")
EVIL_SYSMON_TEXT = FORMS["sysmon classic"](user="victim")

ONE_ROW = {
    "a whole event": EVIL_XML,
    "an event behind blanks": f"\t   {EVIL_SYSMON}",
    "an event behind another root": f"<Events>{EVIL_XML}</Events>",
    "a prefixed event": FORMS["xml, prefixed"](user="victim"),
    "the start of an event": EVIL_XML[:400],
    "the end of an event": "</Data></EventData></Event>",
    "the end of a value, and another value": "</Data><Data Name='TargetUserName'>victim</Data><Data Name='x'>",
    "a header": "</System><System><Computer>victim.example</Computer><EventID>4624</EventID>",
    "the end of an event, and another one": f"</Data></EventData></Event>{EVIL_XML}",
    "escaped markup": "&lt;/Data&gt;&lt;Data Name='SubjectUserName'&gt;victim",
    "markup that is escaped twice": "&amp;lt;Event&amp;gt; &#60;Event&#62;",
    "a section of plain text": "]]><![CDATA[</Event>",
    "a comment": "--><!-- <Event> -->",
    "a document type": "<!DOCTYPE a [<!ENTITY b SYSTEM 'file:///etc/passwd'>]>&b;",
    "labels": "\tAccount Name:\t\tvictim\tProcess Command Line:\tnone",
    "rows of Sysmon": "User: LAB\\victim ParentImage: C:\\x.exe CommandLine: none",
    "separators that are no newline": "\u2028\u2029\x85\x0b\x0c\x1c User: LAB\\victim\u2028\tAccount Name:\tvictim",
    "a lone carriage return": "a\r\tAccount Name:\t\tvictim\r03/02/2026 01:02:03 PM\rLogName=Security",
    "a time": " 03/02/2026 01:02:03 PM",
    "a header of syslog and an event": f"<13>Mar  2 08:15:30 victim.example x: {EVIL_XML}",
    "right to left": "\u202e\u2066</Event>\ufeff<Event>",
    "patterns and templates": r"\1 \g<0> {} {0} %s %1936 $user$ .*?(?P<x>",
}
ROWS = {
    "classic text": f"\n{EVIL_CLASSIC}",
    "classic text, CRLF": f"\r\n{FORMS['classic, CRLF'](user='victim')}\r\n",
    "Sysmon as classic text": f"\n\n{EVIL_SYSMON_TEXT}\n",
    "an event on a row of its own": f"\n{EVIL_XML}\n",
    "a pretty-printed event": "\n" + FORMS["xml, pretty-printed"](user="victim"),
    "time rows": "\n03/02/2026 01:02:03 PM" * 3,
    "the end of an event, then classic text": f"</Data></EventData></Event>\n{EVIL_CLASSIC}",
}
TEXTS = ("command_line", "parent_command_line", "description", "original_file_name", "user", "parent", "host")
"""The values that somebody else may choose; a newline can be in command lines, and in what a program says of itself."""
XML_FORMS = {name: form for name, form in FORMS.items() if not form.classic}
CLASSIC_FORMS = {name: form for name, form in FORMS.items() if form.classic}


def normal(text):
    """Return a text as XML has it: controls become what stands for them, row ends a newline."""
    text = "".join("\ufffd" if ch < " " and ch not in "\t\r\n" else ch for ch in text)
    return text.replace("\r\n", "\n").replace("\r", "\n")


def essence(event):
    more = {"signature_id", "vendor_product", "SubjectUserName", "SubjectUserSid", "TargetUserName", "TargetUserSid"}
    return {name: value.strip() for name, value in event.fields.items() if name not in more}


def neighbours(text):
    """Return what stands between two honest events when it is read with them."""
    honest = FORMS["xml"](user="first"), FORMS["classic"](user="last")
    first, *between, last = read_text(["\n".join((honest[0], text, honest[1]))])
    assert (first.fields["user"], last.fields["user"]) == ("first", "last")
    return between


def everywhere(form, text, *but):
    """Return values of a form that all hold a text."""
    without = (*form.lacks, *but, *(["user"] if form.log == SYSMON else []))
    return {name: f"C:\\a {text}" for name in TEXTS if name not in without}


def assert_honest(form, values, wanted):
    (event,) = neighbours(form(**values))
    assert event.problem == ""
    assert essence(event) == {name: value.strip() for name, value in expected(form, **wanted).items()}


@pytest.mark.parametrize("text", [*ONE_ROW.values(), *ROWS.values()], ids=[*ONE_ROW, *ROWS])
def test_no_value_of_xml_forges_anything(text):
    for form in XML_FORMS.values():
        values = everywhere(form, text)
        assert_honest(form, values, {name: normal(value) for name, value in values.items()})


@pytest.mark.parametrize("text", ONE_ROW.values(), ids=ONE_ROW)
def test_no_value_on_one_row_of_classic_text_forges_anything(text):
    for name, form in CLASSIC_FORMS.items():
        values = everywhere(
            form, text.expandtabs(8) if "no tabs" in name else text, *(["host"] if "\r" in text else [])
        )
        assert_honest(form, values, values)


@pytest.mark.parametrize("value", ["description", "command_line", "parent_command_line"])
@pytest.mark.parametrize(
    "rows",
    [
        "\nUser: LAB\\victim",
        "\nProduct: x\nCompany: x\nOriginalFileName: x\nCommandLine: none\nUser: LAB\\victim\nParentImage: C:\\x.exe",
        "\nCommandLine: none",
        "\r\nImage: C:\\x.exe",
        "\nCurrentDirectory: C:\\\nUser: LAB\\victim\nLogonGuid: x\nParentImage: C:\\x.exe\nParentCommandLine: none",
        "\nParentUser: LAB\\victim",
    ],
)
def test_rows_like_those_of_the_message_in_a_value_of_sysmons_text_are_told(value, rows):
    for form in (FORMS["sysmon classic"], FORMS["sysmon classic, CRLF"]):
        event = parse(form(**{value: "x" + rows}))
        assert "which is which cannot be told" in event.problem
        assert event.fields == {}


def test_rows_in_a_value_of_sysmons_text_that_are_none_of_the_message_belong_to_it():
    form = FORMS["sysmon classic"]
    text = "C:\\msiexec.exe /y a.dll\nUsers: victim\n Account Name: victim\n\n:"
    assert essence(parse(form(command_line=text))) == expected(form, command_line=text)


@pytest.mark.parametrize(
    "tail", ["", "\nNew Process Name:\tC:\\x.exe", "\n\nProcess Information:\n\tNew Process ID:\t0x0"]
)
def test_what_follows_a_newline_in_a_command_line_changes_no_other_value(tail):
    for form in CLASSIC_FORMS.values():
        if form.log != SYSMON and "command_line" not in form.lacks:
            event = parse(form(command_line="C:\\msiexec.exe /y a.dll" + tail))
            assert essence(event) == expected(form, command_line="C:\\msiexec.exe /y a.dll")


@pytest.mark.parametrize(
    "end", ["</Event>", "</EventData></Event>", "</System></Event>", "</Data></EventData></Event>"]
)
@pytest.mark.parametrize(
    "cut", ["<Correlation/>", "</System>", "<EventData>", "<Data Name='TargetUserSid'>", "</Event>"]
)
def test_the_end_of_an_event_in_classic_text_completes_no_cut_one_before_it(cut, end):
    """Where the cut stands between elements: within a value, the row of a time may be of that value."""
    before = FORMS["xml"](user="cut").partition(cut)[0]
    after = FORMS["classic"](user="tom", command_line=f"C:\\msiexec.exe /y a.dll {end}")
    first, second, third = read_text([f"{before}\n{after}\n{FORMS['xml'](user='ann')}"])
    assert first.problem.startswith("damaged XML")
    assert (second.fields["user"], third.fields["user"]) == ("tom", "ann")
    assert second.fields["process"] == f"C:\\msiexec.exe /y a.dll {end}"

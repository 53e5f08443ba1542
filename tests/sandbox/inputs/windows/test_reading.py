"""What the sandbox makes of raw Windows events."""

import gzip
import html
import os
import re
import threading
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sandbox.inputs.windows import MAX_EVENT_CHARS, Event, parse, read_events, read_text
from tests.support.windows.events import MSIEXEC, REGISTER, security_xml
from tests.support.windows.real_events import RealEvent, as_splunk, plant, real_events


def classic(command_line: str = REGISTER, when: str = "03/02/2026 01:02:03 PM", target: str = "-") -> str:
    return (
        f"{when}\nLogName=Security\nEventCode=4688\nComputerName=ws-01.example\nMessage=A new process has been created."
        "\n\nCreator Subject:\n\tSecurity ID:\t\tCORP\\dana\n\tAccount Name:\t\tdana\n\tAccount Domain:\t\tCORP\n"
        f"\nTarget Subject:\n\tSecurity ID:\t\tNULL SID\n\tAccount Name:\t\t{target}\n\tAccount Domain:\t\t{target}\n"
        f"\nProcess Information:\n\tNew Process ID:\t\t0x1f4\n\tNew Process Name:\t{MSIEXEC}\n"
        "\tCreator Process ID:\t0x2bc\n\tCreator Process Name:\tC:\\Windows\\explorer.exe\n"
        f"\tProcess Command Line:\t{command_line}\n\nToken Elevation Type indicates the type of token of the process."
    )


def events_in(text: str) -> list[Event]:
    """The events of a text, which comes in chunks of any size."""
    whole = list(read_text([text]))
    size = 1 + len(text) // 7
    assert list(read_text(text[at : at + size] for at in range(0, len(text), size))) == whole
    return whole


# Real events


def test_every_real_event_agrees_with_another_parser() -> None:
    events = real_events()
    assert len(events) == 5624
    for real in events:
        event = parse(as_splunk(real))
        fields = event.fields
        assert event.problem == "", real.uid
        assert event.tags == ("process", "report")
        assert event.host == fields["dest"] == real.host
        assert event.time == pytest.approx(seconds(real.time), abs=1e-6)
        assert fields["process_path"] == real.process_path
        assert fields["process_name"].lower() == real.process_name.lower()
        assert real.process_id in (None, fields["process_id"])
        assert fields["parent_process_id"] == real.parent_process_id
        assert fields.get("parent_process_path") == real.parent_path
        assert fields.get("original_file_name") == real.original_file_name
        assert fields["signature_id"] == str(real.event_id)
        assert account(fields, real) == real_account(real), real.uid
        assert_process(fields, real)


def seconds(text: str) -> float:
    if "/" in text:
        return datetime.strptime(text, "%m/%d/%Y %I:%M:%S %p").replace(tzinfo=UTC).timestamp()
    whole, _, fraction = text.rstrip("Z").replace("T", " ").partition(".")
    moment = datetime.strptime(whole, "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC)
    return moment.timestamp() + float(f"0.{fraction or 0}")


def account(fields: Mapping[str, str], real: RealEvent) -> str:
    if real.event_id == 1 or fields["user_domain"] == "-":
        return fields["user"]
    return f"{fields['user_domain']}\\{fields['user']}"


def real_account(real: RealEvent) -> str:
    """The other parser names the creator in classic text; the add-on names the target if there is one."""
    target = re.search(r"^Target Subject:\n.*\n\tAccount Name:\t\t(.+)\n\tAccount Domain:\t\t(.+)\n", real.raw, re.M)
    return f"{target[2]}\\{target[1]}" if target and target[1] != "-" else real.user


def assert_process(fields: Mapping[str, str], real: RealEvent) -> None:
    # NXLog escapes the fields that the other parser read, but not the message that became our XML.
    plain = html.unescape if real.format == "json" else str
    if real.event_id == 1:
        assert fields["process"] == plain(real.command_line or "")
        assert fields["parent_process"] == plain(real.parent_command_line or "")
    elif not real.command_line:
        assert fields["process"] == real.process_path
    else:
        first = re.match(r'"[^"]*"|\S+', real.command_line)
        assert first
        path = f'"{real.process_path}"' if " " in real.process_path else real.process_path
        expected = real.command_line if "\\" in first[0] else path + real.command_line[first.end() :]
        assert fields["process"].rstrip() == expected.rstrip()  # the other parser strips classic text


@pytest.mark.parametrize(
    ("path", "command_line", "user"),
    [
        (MSIEXEC, r'C:\Windows\System32\msiexec.exe /y "C:\a & b\<x>.dll"', r"CORP\dana"),
        (r"C:\Windows\SysWOW64\msiexec.exe", r'"C:\Windows\SysWOW64\msiexec.exe" -Y C:\x.dll ', r"CORP\dana"),
        (r"\\srv\share\MSIEXEC.EXE", r"\\srv\share\MSIEXEC.EXE /y \1 \g<0> &amp; ]]> 'x' %1 é—\u202e", r"CORP\Дана"),
    ],
)
def test_what_is_planted_in_real_events_reads_back(path: str, command_line: str, user: str) -> None:
    planted = 0
    for real in real_events():
        raw = plant(real, path, command_line, user)
        event = parse(raw)
        assert event.problem == ""
        assert (event.fields["process_path"], event.fields["process"]) == (path, command_line)
        assert event.fields["user"] == (user if real.event_id == 1 else user.partition("\\")[2])
        assert event.fields["user_domain"] == "CORP"
        planted += 1
    assert planted == 5624


def test_a_newline_in_a_planted_command_line_stays_in_an_xml_event_and_is_refused_by_classic_text() -> None:
    command_line = "C:\\Windows\\System32\\msiexec.exe\n/y C:\\x.dll\n03/02/2026 01:02:03 PM\n<Event xmlns='x'>"
    raws = []
    for real in real_events():
        if real.format == "classic":
            with pytest.raises(ValueError, match="one row"):
                plant(real, MSIEXEC, command_line)
        else:
            raws.append(plant(real, MSIEXEC, command_line))
    events = events_in("\n".join(raws))
    assert [event.raw for event in events] == raws
    assert {event.fields["process"] for event in events} == {command_line}


def test_a_file_of_all_real_events_reads_back_event_by_event() -> None:
    raws = [as_splunk(real).strip("\n") for real in real_events()]
    assert [event.raw for event in events_in("\n".join(raws) + "\n")] == raws
    assert [event.raw for event in events_in("\r\n".join(raws))] == raws


# The fields of one event


def test_a_security_event_in_xml_has_the_fields_of_the_add_on() -> None:
    event = parse(security_xml(r'"C:\Windows\System32\msiexec.exe" /y C:\x.dll'))
    assert (event.host, event.source, event.sourcetype) == (
        "ws-01.example",
        "XmlWinEventLog:Security",
        "XmlWinEventLog",
    )
    assert event.time == 1772434800.123456
    assert event.tags == ("process", "report")
    assert event.fields == {
        "dest": "ws-01.example",
        "process_path": MSIEXEC,
        "process_name": "msiexec.exe",
        "process": r'"C:\Windows\System32\msiexec.exe" /y C:\x.dll',
        "process_id": "0x1f4",
        "parent_process_id": "0x2bc",
        "parent_process_path": r"C:\Windows\System32\cmd.exe",
        "parent_process_name": "cmd.exe",
        "parent_process": r"C:\Windows\System32\cmd.exe",
        "user": "WS-01$",
        "user_domain": "CORP",
        "signature_id": "4688",
        "vendor_product": "Microsoft Windows",
        "SubjectUserName": "WS-01$",
        "TargetUserName": "-",
    }


def test_a_classic_event_has_the_fields_of_the_same_event_in_xml() -> None:
    xml = parse(security_xml(ParentProcessName=r"C:\Windows\explorer.exe", SubjectUserName="dana"))
    text = parse(classic())
    assert text.fields == {name: value for name, value in xml.fields.items() if name[:7] not in ("Subject", "TargetU")}
    assert (text.source, text.sourcetype, text.tags) == ("WinEventLog:Security", "WinEventLog", xml.tags)


@pytest.mark.parametrize(
    ("when", "expected"),
    [
        ("01/01/1970 12:00:00 AM", 0.0),
        ("01/01/1970 12:00:01 PM", 43201.0),
        ("01/01/1970 01:00:00 AM", 3600.0),
        ("03/02/2026 01:02:03 PM", 1772456523.0),
    ],
)
def test_the_time_of_a_classic_event_is_its_first_row_in_utc(when: str, expected: float) -> None:
    assert parse(classic(when=when)).time == expected


@pytest.mark.parametrize(
    ("target", "user"),
    [("dana", "dana"), ("-", "WS-01$"), ("", "WS-01$")],
)
def test_the_user_of_a_4688_is_the_target_if_there_is_one(target: str, user: str) -> None:
    assert parse(security_xml(TargetUserName=target)).fields["user"] == user


def test_an_event_without_an_optional_field_leaves_it_out() -> None:
    event = parse(security_xml(ParentProcessName="", SubjectDomainName=""))
    assert event.fields.keys().isdisjoint(
        {"parent_process", "parent_process_path", "parent_process_name", "user_domain"}
    )


@pytest.mark.parametrize(
    ("path", "command_line", "process"),
    [
        (MSIEXEC, r"C:\Windows\System32\msiexec.exe /y x", r"C:\Windows\System32\msiexec.exe /y x"),
        (MSIEXEC, r'"c:\windows\SYSTEM32\msiexec" /y x', r'"c:\windows\SYSTEM32\msiexec" /y x'),
        (MSIEXEC, r"..\System32\msiexec /y x", r"..\System32\msiexec /y x"),
        (MSIEXEC, "msiexec /y x", rf"{MSIEXEC} /y x"),
        (MSIEXEC, "msiexec  /y  x ", rf"{MSIEXEC}  /y  x "),
        (MSIEXEC, r"msiexec /y C:\x.dll", rf"{MSIEXEC} /y C:\x.dll"),
        (MSIEXEC, '"msiexec.exe" /y x', rf"{MSIEXEC} /y x"),
        (MSIEXEC, '"msiexec.exe"/y x', rf"{MSIEXEC}/y x"),
        (MSIEXEC, "\tmsiexec\n/y x", f"{MSIEXEC}\n/y x"),
        (MSIEXEC, '"msiexec /y x', rf"{MSIEXEC} /y x"),
        (MSIEXEC, '"" /y x', rf"{MSIEXEC} /y x"),
        (MSIEXEC, "msiexec", MSIEXEC),
        (MSIEXEC, "", MSIEXEC),
        (MSIEXEC, "  ", MSIEXEC),
        (r"C:\Program Files\m s.exe", "m /y x", r'"C:\Program Files\m s.exe" /y x'),
        (r"C:\Program Files\m s.exe", "", r"C:\Program Files\m s.exe"),
        ("", "msiexec /y x", "msiexec /y x"),
    ],
)
def test_process_is_the_command_line_with_the_path_of_its_program(path: str, command_line: str, process: str) -> None:
    assert parse(security_xml(command_line, path)).fields["process"] == process


@pytest.mark.parametrize("path", [r"C:\a\x.exe", "C:/a/x.exe", r"C:/a\x.exe", "x.exe"])
def test_process_name_is_what_follows_the_last_separator(path: str) -> None:
    assert parse(security_xml(path=path)).fields["process_name"] == "x.exe"


def test_other_events_have_no_more_than_a_host() -> None:
    for raw in (
        security_xml(event_id=4624),
        security_xml(event_id=1),
        security_xml().replace("<Channel>Security<", "<Channel>System<"),
        classic().replace("=4688", "=4689"),
    ):
        event = parse(raw)
        assert (event.fields, event.tags, event.problem) == ({"dest": "ws-01.example"}, (), "")


def test_control_characters_that_xml_forbids_cost_no_field() -> None:
    event = parse(security_xml("C:\\msiexec.exe /y \x00\x01\x0b\x1f\ufffe\ud800 x.dll"))
    assert event.problem == ""
    assert event.fields["process"] == "C:\\msiexec.exe /y " + "\N{REPLACEMENT CHARACTER}" * 6 + " x.dll"


# Forgery


@pytest.mark.parametrize(
    "tail",
    [
        "\n\tAccount Name:\t\tadmin",
        "\nTarget Subject:\n\tAccount Name:\t\tadmin\n\tAccount Domain:\t\tEVIL",
        "\n\nProcess Information:\n\tNew Process Name:\tC:\\evil.exe\n\tProcess Command Line:\tnothing",
        "\nMessage=A\n\nProcess Information:\n\tNew Process Name:\tC:\\evil.exe",
        "\nComputerName=elsewhere\nEventCode=4624",
        "\r\n\tNew Process ID:\t\t0x0",
        " \u2028\tAccount Name:\t\tadmin",
    ],
)
def test_a_command_line_cannot_change_another_field_of_classic_text(tail: str) -> None:
    honest, forged = parse(classic("C:\\x.exe a")), parse(classic("C:\\x.exe a" + tail))
    assert forged.problem == ""
    assert dict(forged.fields, process="") == dict(honest.fields, process="")
    assert forged.fields["process"] == ("C:\\x.exe a" + tail).partition("\n")[0].rstrip("\r")


@pytest.mark.parametrize(
    "tail",
    [
        "</Data><Data Name='NewProcessName'>C:\\evil.exe",
        "<Computer>elsewhere</Computer><EventID>4624</EventID><TimeCreated SystemTime='1999-01-01T00:00:00Z'/>",
        "\n<Event xmlns='x'>",
        "\n03/02/2026 01:02:03 PM\nLogName=Security",
        "]]> &amp; &lt;",
        "<!DOCTYPE x [<!ENTITY a 'b'>]>&a;",
    ],
)
def test_a_command_line_cannot_change_another_field_of_xml(tail: str) -> None:
    honest, forged = parse(security_xml("C:\\x.exe a")), parse(security_xml("C:\\x.exe a" + tail))
    assert (forged.problem, forged.time, forged.host) == ("", honest.time, honest.host)
    assert forged.fields == dict(honest.fields, process="C:\\x.exe a" + tail)
    assert [event._replace(row=0) for event in events_in(forged.raw + "\n" + honest.raw)] == [forged, honest]


# Damage


@pytest.mark.parametrize(
    ("raw", "problem"),
    [
        (security_xml()[:-60], "damaged XML: (no element found|unclosed token): line 1, column"),
        (security_xml()[:40], "damaged XML"),
        (security_xml().replace("</Data>", "", 1), r"damaged XML: mismatched tag: line 1, column \d+"),
        (security_xml("a").replace(">a<", ">a <b <"), r"damaged XML: not well-formed \(invalid token\): line 1"),
        (security_xml() + security_xml(), "2 events or parts of them, where one was expected"),
        ("<Event>" + "<a>" * 100_000, "damaged XML"),
        (security_xml().replace("2026-03", "2026-13"), "no readable time"),
        (re.sub("<TimeCreated.*?/>", "", security_xml()), "no readable time"),
        (re.sub("<EventID.*?/EventID>", "", security_xml()), "no event code"),
        ("<Event></Event>", "no readable time.*; no event code"),
        (classic(when="02/30/2026 01:02:03 PM"), "no readable time"),
        (classic(when="02/03/2026 13:02:03 PM"), "no readable time"),
        ("03/02/2026 01:02:03 PM", "no event code"),
        ("", r"not a Windows event: expected <Event .*MM/DD/YYYY.*found ''"),
        ("hello", "not a Windows event: .*found 'hello'"),
        ("<Events>", "not a Windows event"),
        ('<!DOCTYPE x [<!ENTITY a "b">]><Event>&a;</Event>', "2 events or parts of them"),
        (security_xml().replace("<System>", "<!DOCTYPE x><System>"), "damaged XML: a document type declaration"),
        (
            security_xml().replace("<System>", "<!DOCTYPE x [<!ENTITY a 'b'>]><System>").replace(">-<", ">&a;<"),
            "damaged XML: a document type declaration",
        ),
        ("٠٣/02/2026 01:02:03 PM", "not a Windows event"),
    ],
)
def test_a_damaged_event_keeps_its_text_and_names_what_is_wrong(raw: str, problem: str) -> None:
    event = parse(raw)
    assert re.match(problem, event.problem)
    assert (event.raw, event.fields, event.tags) == (raw, {}, ())


def test_a_cut_event_keeps_its_time_and_host() -> None:
    whole, cut = parse(security_xml()), parse(security_xml()[:-30])
    assert cut.problem
    assert (cut.time, cut.host, cut.source) == (whole.time, whole.host, whole.source)


# Files


def test_formats_may_be_mixed_and_nothing_is_dropped() -> None:
    raws = [
        "some text",
        security_xml(),
        classic(),
        security_xml("a\nb"),
        security_xml()[:-9],
        classic("x"),
        classic("y"),
    ]
    events = events_in("\n".join(raws))
    assert [event.raw for event in events] == raws
    assert [bool(event.problem) for event in events] == [True, False, False, False, True, False, False]
    assert [event.row for event in events] == [1 + "\n".join([*raws[:at], ""]).count("\n") for at in range(len(raws))]


@pytest.mark.parametrize(
    "text", ["&lol9;", "&nbsp;", "&#1;", "&#xFFFE;", "&#9999999;", "a & b", "&", "&#;", "&amp", "&AMP;"]
)
def test_what_is_no_reference_of_xml_stays_as_it_stands_as_in_an_extraction(text: str) -> None:
    event = parse(
        security_xml("C:\\a @ &lt;&#233;&#xe9;").replace("@", text).replace("&amp;#", "&#").replace("&amp;lt", "&lt")
    )
    assert (event.problem, event.fields["process"]) == ("", f"C:\\a {text} <éé")


def test_a_byte_order_mark_and_undecodable_bytes_do_no_harm(tmp_path: Path) -> None:
    path = tmp_path / "events.log"
    path.write_bytes(b"\xef\xbb\xbf" + security_xml("C:\\x.exe @").encode().replace(b"@", b"\xff\xfe") + b"\r\n")
    (event,) = read_events(path)
    assert event.fields["process"] == "C:\\x.exe " + 2 * "\N{REPLACEMENT CHARACTER}"


def test_a_gzip_file_reads_as_its_content_and_a_damaged_one_is_reported(tmp_path: Path) -> None:
    path = tmp_path / "events.log.gz"
    path.write_bytes(gzip.compress(f"{security_xml()}\n{classic()}".encode()))
    assert [event.raw for event in read_events(path)] == [security_xml(), classic()]
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(OSError, match=r"events\.log\.gz"):
        list(read_events(path))


def test_text_without_end_comes_in_pieces_of_bounded_size() -> None:
    text = security_xml() + "\n" + "x" * (3 * MAX_EVENT_CHARS) + "\n" + security_xml()
    events = events_in(text)
    assert max(len(event.raw) for event in events) <= MAX_EVENT_CHARS
    assert "".join(event.raw for event in events) == text.replace("\n", "")
    assert events[-1].fields == parse(security_xml()).fields


# Any text at all: made of the parts that mean something to the reader, and of anything else

PARTS = [
    "<Event ",
    "<Event>",
    "</Event>",
    "\n",
    "\r\n",
    "\r",
    "03/02/2026 01:02:03 PM",
    "\nMessage=",
    "\tAccount Name:",
]
PARTS += [
    "Creator Subject:",
    "EventCode=4688\n",
    "<System>",
    "</System>",
    "<EventID>4688</EventID>",
    "\x00",
    "&",
    "\ufeff",
]
TEXT = st.lists(st.sampled_from([*PARTS, security_xml(), classic()]) | st.text(max_size=20), max_size=12).map("".join)


@given(TEXT | st.text(st.characters()))
@example("<Event>\ud800")
@example("<Event ><System><TimeCreated SystemTime='0001-01-01T00:00:00+23:59'/></System></Event>")
def test_parse_never_raises_and_keeps_the_text(text: str) -> None:
    event = parse(text)
    assert event.raw == text
    assert not (event.problem and event.fields)


@given(TEXT)
def test_reading_a_file_keeps_every_character_but_the_row_ends_between_events(text: str) -> None:
    at = 0
    for event in events_in(text):
        begin = text.index(event.raw, at)
        assert is_around(text[at:begin])
        at = begin + len(event.raw)
    assert is_around(text[at:])


def is_around(text: str) -> bool:
    """Whether a text between events is none of any: blanks, tags of other elements, or the start of an event's row."""
    rest = re.sub(r"<[?/]?(?!Event\b)[A-Za-z][^<>]*>", "", text.rpartition("\n")[0])
    return not rest.strip("\ufeff\0 \t\r\n\v\f\x1c\x1d\x1e\x1f\x85\xa0-") and not re.search(
        "<[A-Za-z]", text.rpartition("\n")[2]
    )


WHOLE = (
    "<Event><System><EventID>1</EventID><TimeCreated SystemTime='2026-03-02T09:00:00Z'/>"
    "<Channel>Microsoft-Windows-Sysmon/Operational</Channel><Computer>ws-1</Computer></System>"
    "<EventData><Data Name='Image'>C:\\a.exe</Data><Data Name='CommandLine'>a.exe</Data></EventData></Event>"
)


@pytest.mark.parametrize(
    ("text", "whole", "other"),
    [
        (f"{WHOLE}\nhello\n{WHOLE}\n", 2, 1),
        (f"<Events>\n{WHOLE}\n{WHOLE}\n</Events>\n", 2, 0),
        (f"{WHOLE}{WHOLE}{WHOLE}\n", 3, 0),
        (f"{WHOLE} junk {WHOLE}\n", 2, 0),
        (f"{WHOLE[:-20]}\n{WHOLE}\n", 1, 1),
        (f"{WHOLE[:-20]}{WHOLE}\n", 1, 1),
    ],
)
def test_what_stands_around_an_event_does_not_damage_it(text: str, whole: int, other: int) -> None:
    events = events_in(text)
    assert len([event for event in events if event.fields.get("process") == "a.exe"]) == whole
    assert len([event for event in events if event.problem]) == other


@pytest.mark.parametrize("process", ["é.exe", "新しいプロセス.exe" * 400], ids=["Latin", "mostly Japanese"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_the_encodings_in_which_windows_exports_are_read(tmp_path: Path, encoding: str, process: str) -> None:
    path = tmp_path / "events.xml"
    path.write_text(WHOLE.replace("a.exe", process), encoding)
    (event,) = read_events(path)
    assert (event.problem, event.fields["process"]) == ("", process)


def test_a_pipe_is_opened_once_and_read_from_its_first_byte(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    # A pipe is written once it is read; a second opening would find no writer, and wait.
    writer = threading.Thread(target=path.write_text, args=(WHOLE + "\n",), daemon=True)
    writer.start()
    (event,) = read_events(path)
    writer.join(timeout=10)
    assert (event.problem, event.raw) == ("", WHOLE)


def test_a_gz_that_was_unpacked_keeps_its_name_and_is_read(tmp_path: Path) -> None:
    path = tmp_path / "events.log.gz"
    path.write_text(WHOLE)
    (event,) = read_events(path)
    assert event.problem == ""


def test_a_gz_that_is_none_is_named(tmp_path: Path) -> None:
    path = tmp_path / "events.log.gz"
    path.write_text("no gzip")
    with pytest.raises(OSError, match=r"events\.log\.gz"):
        list(read_events(path))

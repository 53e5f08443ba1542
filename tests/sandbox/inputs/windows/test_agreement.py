"""Where an event is read in two ways, a fast one and a thorough one, both find the same; times have a table."""

import re
import tomllib
from datetime import UTC, datetime
from pathlib import Path

import pytest

from sandbox.inputs.windows import classic, parse, read_events, times, xml
from tests.support.windows.forms import FORMS, NAMESPACE, pretty
from tests.support.windows.real_events import as_splunk, real_events

TABLE = tomllib.loads(Path(__file__).with_name("times.toml").read_text("utf-8"))

# Times


@pytest.mark.parametrize("row", TABLE["rows"], ids=lambda row: row[0])
def test_the_time_of_a_row(row):
    text, wanted, *remarks = row
    seconds, told = times.row(text)
    if wanted:
        whole, _, fraction = wanted.partition(".")
        moment = datetime.fromisoformat(whole).replace(tzinfo=UTC).timestamp()
        assert seconds == pytest.approx(moment + float(f"0.{fraction or 0}"), abs=1e-6)
    else:
        assert seconds is None
    assert list(told) == remarks
    # In a file, the row begins an event: with and without the row end of Windows, and blanks around it.
    for around in ("{}", "  {}", "\ufeff{}", "{}\r", "{} "):
        events = parse(around.format(text) + "\nLogName=x\nEventCode=1\nMessage=x")
        assert (events.source, events.time) == ("WinEventLog:x", seconds or 0.0)


@pytest.mark.parametrize("text", TABLE["none"])
def test_a_row_with_anything_else_begins_no_event(text):
    assert times.row(text).seconds is None
    assert parse(f"{text}\nLogName=x\nEventCode=1\nMessage=x").source == ""


def test_the_time_as_splunk_writes_it_is_read_as_any_other():
    for text, *_ in TABLE["rows"]:
        if re.fullmatch(times.SPLUNK, text):
            assert re.fullmatch(times.ROW, text)
            assert times.row(f"{text} UTC") == times.row(text)  # with a zone, ROW reads it


# XML and classic text

_BOTH = ["xml", "xml, version 0", "xml, version 1", "xml, double quotes", "sysmon xml", "sysmon xml, schema 3"]
_CLASSIC = [name for name in FORMS if name.startswith("classic") and "Sysmon" not in name]
_VALUES = [
    "C:\\a & <b> \"c\" 'd' é\u4e2d",
    "",
    "-",
    "a\tb",
    "\u00a0\u2028\u202e\x7f",
    "]]>",
    "a  ",
    "&amp;&#65;",
    "x" * 9_000,
]


def variants(raw):
    """The same event with what a value may hold when it is written by others."""
    yield raw
    for text in ("&#x41;&#65;&quot;&apos;&gt;", "&nbsp;", "&#1;", "&", "&#xD;&#10;", "\x01", ">", "\r\n", "\ud800"):
        yield raw.replace("/y", f"/y {text} ")
    yield raw.replace("</EventData>", "<Data Name='CommandLine'>again</Data></EventData>")
    yield raw.replace("<EventData>", "<EventData><Data Name='CommandLine'>a &amp; b</Data>")
    yield raw.replace("<EventData>", "<EventData><Data>no name</Data><Binary>00</Binary>")
    yield raw.replace("<EventID>", "<EventID Qualifiers='0'>")


def assert_both_read_alike(raw):
    fast = xml.canonical(raw)
    if fast is not None:
        assert fast == xml._parsed(raw), raw
    return fast is not None


def test_xml_is_read_alike_by_expressions_and_by_the_parser():
    fast = thorough = 0
    for name in _BOTH:
        for value in _VALUES:
            for raw in variants(FORMS[name](command_line=f"{value} /y", user=value)):
                both = assert_both_read_alike(raw)
                fast, thorough = fast + both, thorough + (not both)
    assert fast > 200
    assert thorough > 200


def assert_classic_text_is_read_alike(raw):
    message = raw.replace("\r\n", "\n").partition("\nMessage=")[2]
    found = classic._CANONICAL.match(message)
    if found:
        data = {name: value for name, value in found.groupdict().items() if value is not None}
        assert data == classic._by_words(message.split("\n")), raw
    return bool(found)


def test_classic_text_is_read_alike_by_one_expression_and_by_its_rows():
    fast = 0
    for name in _CLASSIC:
        for value in _VALUES:
            fast += assert_classic_text_is_read_alike(FORMS[name](command_line=value, user=value, parent=value))
    assert fast >= 4 * len(_VALUES)


def test_real_events_are_read_alike_in_both_ways():
    fast = {"xml": 0, "classic": 0}
    for real in real_events():
        raw = as_splunk(real)
        if raw.startswith("<"):
            fast["xml"] += assert_both_read_alike(raw)
        else:
            fast["classic"] += assert_classic_text_is_read_alike(raw)
    assert fast["xml"] > 3_000
    assert fast["classic"] > 500


def test_real_events_are_the_same_in_every_format_that_they_can_be_written_in(tmp_path):
    events = [parse(as_splunk(real).strip("\n")) for real in real_events()]
    rows = "\n".join(event.raw for event in events)
    # Values of several rows stay as they are; a prefix stands before what is a tag.
    wrapped = f"<?xml version='1.0'?>\n<Events xmlns:x='y'>\n{rows}\n</Events>"
    printed = "\n".join(_printed(event.raw) for event in events)
    contents = {
        "utf-8": rows.encode("utf-8", "surrogatepass"),
        "utf-16": rows.encode("utf-16", "surrogatepass"),
        "utf-16-le": rows.encode("utf-16-le", "surrogatepass"),
        "wrapped": wrapped.encode(),
        "printed": f"<Events>\n{printed}\n</Events>".encode("utf-16"),
        "CRLF": rows.replace("\n", "\r\n").encode(),
    }
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
        count = 0
        for event, read in zip(events, read_events(tmp_path / name), strict=True):
            assert (read.fields, read.time, read.source, read.remarks, read.problem) == (
                (event.fields, event.time, event.source, event.remarks, event.problem)
            ), (name, event.raw)
            count += 1
        assert count == 5624


def _printed(raw):
    return pretty(raw) if raw.startswith("<Event ") else raw


def test_the_forms_are_of_windows_name_space():
    assert all(NAMESPACE in form() for form in FORMS.values() if not form.classic)

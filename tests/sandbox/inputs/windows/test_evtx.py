"""What the sandbox makes of event logs of Windows (.evtx)."""

import gzip
import json
import struct
import tempfile
from collections import Counter
from pathlib import Path
from xml.etree.ElementTree import fromstring

import pytest
from evtx import PyEvtxParser
from hypothesis import given
from hypothesis import strategies as st

from sandbox import __main__ as command_line
from sandbox.inputs.windows import Event, parse, read_events
from tests.support.windows.events import security_xml
from tests.support.windows.evtx_files import CHUNK, CHUNK_HEADER, HEADER, evtx
from tools import ROOT

DEMO = ROOT / "sandbox/demo"
RAWS = [event.raw for name in ("security-4688.xml.log", "sysmon.xml.log") for event in read_events(DEMO / name)]
LOG = evtx(map(fromstring, RAWS))
IN_CHUNKS = [struct.unpack_from("<QQ", LOG, at + 8) for at in range(HEADER, len(LOG), CHUNK)]  # first and last record


def read(content: bytes, folder: Path, name: str = "events.evtx") -> list[Event]:
    path = folder / name
    path.write_bytes(content)
    return list(read_events(path))


def parts(event: Event) -> tuple[object, ...]:
    """What the app sees of an event; its XML is written in another way."""
    return event.time, event.host, event.source, event.sourcetype, event.fields, event.tags, event.problem


def test_the_logs_that_the_tests_write_are_event_logs(tmp_path: Path) -> None:
    (tmp_path / "events.evtx").write_bytes(LOG)
    records = list(PyEvtxParser(str(tmp_path / "events.evtx"), validate_checksums=True).records_json())
    assert [record["event_record_id"] for record in records] == list(range(1, len(RAWS) + 1))
    assert len(IN_CHUNKS) > 10
    system = json.loads(records[0]["data"])["Event"]["System"]
    assert (system["EventID"], system["Execution"]["#attributes"]["ThreadID"]) == (4688, 16)  # typed, not text


@pytest.mark.parametrize("name", ["events.evtx", "no-such-name.log"])
def test_an_event_log_gives_the_events_that_its_xml_gives(name: str, tmp_path: Path) -> None:
    events = read(LOG, tmp_path, name)
    assert [parts(event) for event in events] == [parts(parse(raw)) for raw in RAWS]
    assert all(event.raw.startswith("<Event ") and "\n" not in event.raw for event in events)
    assert read(gzip.compress(LOG, mtime=0), tmp_path, f"{name}.gz") == events


def test_a_replay_finds_the_same_in_an_event_log(
    archive: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "xml.log").write_text("\n".join(RAWS))
    (tmp_path / "events.evtx").write_bytes(LOG)
    found = []
    for name in ("xml.log", "events.evtx"):
        assert command_line.main(["replay", "--json", "--package", str(archive), str(tmp_path / name)]) == 0
        rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
        keys = ("detection", "_time", "dest", "user", "process", "process_id", "parent_process", "risk_score")
        found.append(Counter(tuple(row[key] for key in keys) for row in rows if row["kind"] == "detection"))
    assert found[0] == found[1]
    assert found[0].total() > 5


@given(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])))
def test_a_command_line_of_any_text_reads_as_it_does_in_xml(text: str) -> None:
    event = fromstring(security_xml())
    for item in event.iterfind("{*}EventData/{*}Data[@Name='CommandLine']"):
        item.text = text
    with tempfile.TemporaryDirectory() as folder:
        (read_back,) = read(evtx([event]), Path(folder))
    assert parts(read_back) == parts(parse(security_xml(text)))


# Damage


def without_chunk(number: int) -> list[str]:
    first, last = IN_CHUNKS[number]
    return RAWS[: first - 1] + RAWS[last:]


@pytest.mark.parametrize(
    ("place", "junk", "left", "problem"),
    [
        (HEADER + 2 * CHUNK, b"junk", without_chunk(2), "damaged EVTX: Failed to parse chunk number 2"),
        # The first record of the fourth chunk: its size, so that the next one cannot be found; and its content.
        (HEADER + 3 * CHUNK + CHUNK_HEADER + 4, b"\xff" * 4, without_chunk(3), "damaged EVTX: "),
        (
            HEADER + 3 * CHUNK + CHUNK_HEADER + 100,
            b"\xff" * 100,
            RAWS[: IN_CHUNKS[3][0] - 1] + RAWS[IN_CHUNKS[3][0] :],
            f"damaged EVTX: Failed to parse record number {IN_CHUNKS[3][0]}",
        ),
    ],
)
def test_damage_is_named_and_costs_no_more_than_its_chunk(
    place: int, junk: bytes, left: list[str], problem: str, tmp_path: Path
) -> None:
    events = read(LOG[:place] + junk + LOG[place + len(junk) :], tmp_path)
    assert [parts(event) for event in events if not event.problem] == [parts(parse(raw)) for raw in left]
    (damaged,) = [event for event in events if event.problem]
    assert damaged.problem.startswith(problem)
    assert "\n" not in damaged.problem
    assert (damaged.raw, damaged.fields, damaged.tags) == ("", {}, ())


def test_a_log_that_is_cut_off_keeps_its_whole_chunks_and_is_reported(tmp_path: Path) -> None:
    events = read(LOG[: HEADER + 3 * CHUNK + 1000], tmp_path)
    assert [parts(event) for event in events[:-1]] == [parts(parse(raw)) for raw in RAWS[: IN_CHUNKS[2][1]]]
    assert events[-1].problem == "damaged EVTX: the last 1000 bytes are no whole chunk, and were not read"


def test_chunks_that_windows_has_not_used_yet_are_no_damage(tmp_path: Path) -> None:
    assert [parts(event) for event in read(LOG + bytes(3 * CHUNK), tmp_path)] == [parts(parse(raw)) for raw in RAWS]


def test_a_log_without_an_event_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(OSError, match=r"events[.]evtx: no event can be read in it"):
        read(evtx([]), tmp_path)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("cut.evtx", LOG[:2000]),
        ("junk.evtx", LOG[:8] + b"junk" * 2000),
        ("cut.evtx.gz", gzip.compress(LOG, mtime=0)[:-1000]),
        ("junk.evtx.gz", gzip.compress(LOG, mtime=0)[:9000] + b"junk" * 9000),
    ],
)
def test_a_log_that_cannot_be_opened_is_named(name: str, content: bytes, tmp_path: Path) -> None:
    with pytest.raises(OSError, match=name.replace(".", "[.]")):
        read(content, tmp_path, name)


@given(st.lists(st.tuples(st.integers(128, len(LOG) - 1), st.binary(min_size=1, max_size=8)), max_size=20))
def test_no_damage_behind_the_header_stops_the_reading(changes: list[tuple[int, bytes]]) -> None:
    content = bytearray(LOG)
    for place, junk in changes:
        content[place : place + len(junk)] = junk
    with tempfile.TemporaryDirectory() as folder:
        events = read(bytes(content), Path(folder))
    assert all(event.raw or event.problem for event in events)
    assert len([event for event in events if event.raw]) >= len(RAWS) - len(changes) * 40

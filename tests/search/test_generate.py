"""Rows of a command's own: as many answers as splunkd asks for, the last ones finished."""

import csv
import io
import json

import pytest

from ssa.search import protocol
from ssa.search.protocol import HEADER, Conversation, MalformedChunkError


def chunk(**metadata):
    text = json.dumps(metadata).encode()
    return b"chunked 1.0,%d,0\n%b" % (len(text), text)


def answers(sent):
    """(metadata, rows) of each answer."""
    found, stream = [], io.BytesIO(sent)
    while header := HEADER.fullmatch(stream.readline()):
        metadata, body = (stream.read(int(length)) for length in header.groups())
        found.append((json.loads(metadata), list(csv.DictReader(io.StringIO(body.decode())))))
    return found


GETINFO = chunk(action="getinfo", searchinfo={"args": []})


@pytest.mark.parametrize(
    ("rows", "wanted"),
    [
        (0, [([], True), ([], True)]),
        (1, [(["0"], True), ([], True)]),
        (2, [(["0", "1"], False), ([], True)]),
        (3, [(["0", "1"], False), (["2"], True)]),
    ],
)
def test_rows_come_in_answers_that_splunkd_takes_and_the_last_says_so(monkeypatch, rows, wanted):
    monkeypatch.setattr(protocol, "MOST_ROWS", 2)
    sink = io.BytesIO()
    conversation = Conversation(io.BytesIO(GETINFO + 2 * chunk(action="execute", finished=False)), sink)
    made = conversation.open(lambda _: [{"n": str(n)} for n in range(rows)], type="reporting", generating=True)
    conversation.generate(["n"], made)
    described, *others = answers(sink.getvalue())
    assert described == ({"type": "reporting", "generating": True}, [])
    assert [([row["n"] for row in found], metadata["finished"]) for metadata, found in others] == wanted


def test_any_text_is_one_cell():
    text, sink = 'a, "b"\r\n$c ü', io.BytesIO()
    conversation = Conversation(io.BytesIO(GETINFO + chunk(action="execute")), sink)
    conversation.generate(["n"], conversation.open(lambda _: [{"n": text}], type="reporting"))
    assert answers(sink.getvalue())[1][1] == [{"n": text}]


def test_what_is_no_chunk_ends_it():
    conversation = Conversation(io.BytesIO(GETINFO + b"nonsense\n"), io.BytesIO())
    with pytest.raises(MalformedChunkError, match="which is no header"):
        conversation.generate(["n"], conversation.open(lambda _: [], type="reporting"))

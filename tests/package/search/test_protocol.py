"""One reply for each chunk whatever happens, and no short result: streams that break off, are garbled, or are long.

The packaged command is a process, on each Python that Splunk runs.
"""

import csv
import io
import resource
import subprocess
from random import Random

import pytest

from tests.support.app.conversations import ask, chunk, errors, execute, getinfo, messages, replies
from tests.support.app.search_command import local, stanza
from tests.support.examples import GIVEN, HIT, only
from tests.support.soak import SEED, count


def rows(*rows):
    text = io.StringIO()
    written = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    written.writeheader()
    written.writerows(rows)
    return text.getvalue().encode()


class Conversation:
    """The command of an app, given a whole stream at once."""

    def __init__(self, app, python, home):
        self.app, self.python, self.home, self.getinfo = app, python, home, getinfo(home)

    def __call__(self, stream):
        """Return the exit code and the replies: metadata and body each."""
        return ask(self.app, self.python, self.home, stream)


@pytest.fixture
def conversation(app, python, tmp_path):
    path = app / "default/ssa_detections.conf"
    path.write_text(only(path.read_text(), GIVEN))
    return Conversation(app, python, tmp_path)


def hits(body):
    return max(len(list(csv.reader(io.StringIO(body.decode())))) - 1, 0)


def test_a_stream_that_breaks_off_anywhere_ends_with_an_error_or_has_lost_nothing(conversation):
    first, second = execute(rows(HIT)), execute(rows(HIT, HIT), finished=True)
    stream = conversation.getinfo + first + second
    start = len(conversation.getinfo)
    whole = (start, start + len(first), len(stream))
    places = Random(SEED).sample(range(len(stream)), count(25, 400))
    for cut in sorted({*places, *whole, start - 1, start + 1, whole[1] - 1, whole[1] + 1, whole[2] - 1}):
        code, found = conversation(stream[:cut])
        if cut in whole:
            assert (code, errors(found)) == (0, [])
            assert [hits(body) for _, body in found] == [0, 1, 2][: whole.index(cut) + 1]
        else:
            assert code == 1
            assert len(errors(found)) == 1
            sent = 1 + sum(cut > place for place in (0, *whole[:2])) if cut else 1
            assert len(found) <= sent


@pytest.mark.parametrize(
    ("garbled", "said"),
    [
        (b"chunked 2.0,1,1\n{}", "which is no header"),
        (b"{}" * 100 + b"\n", "which is no header"),
        (b"chunked 1.0,999999999999,0\n{}", "which is no header"),
        (b"\xff\x00\n", "which is no header"),
        (b'chunked 1.0,9,0\n{"action"}', "metadata that is not JSON"),
        (chunk({"action": "{getinfo}"}), "Expected execute action, not {getinfo}"),
    ],
)
def test_what_is_no_chunk_is_an_error_in_one_reply(conversation, garbled, said):
    code, found = conversation(conversation.getinfo + execute(rows(HIT)) + garbled + execute(rows(HIT), True))
    assert code == 1
    assert [hits(body) for _, body in found] == [0, 1, 0]
    (text,) = errors(found)
    assert said in text


def test_an_error_in_the_middle_costs_no_other_chunk_its_reply(conversation):
    bad = rows(HIT)[:-1] + b"\rx\n" + rows(HIT)
    code, found = conversation(conversation.getinfo + execute(bad) + execute(rows(HIT, HIT)) + execute(b"", True))
    assert code == 1
    assert [hits(body) for _, body in found] == [0, 1, 2, 0]
    assert [metadata.get("finished") for metadata, _ in found[1:]] == [False, False, True]
    ((text,),) = [errors([reply]) for reply in found if errors([reply])]
    assert "1 row cannot be read and is not judged, all others are: bytes 86 to 257 of chunk 1: " in text
    assert errors(found[-1:]) == [text]


def test_what_was_lost_is_an_error_too_where_splunkd_breaks_off(conversation):
    bad = execute(rows(HIT)[:-1] + b"\rx\n")
    code, found = conversation(conversation.getinfo + bad)
    assert (code, errors(found)) == (1, [])
    code, found = conversation(conversation.getinfo + bad + execute(b"x")[:-1])
    assert code == 1
    assert ["1 row cannot be read" in text for text in errors(found)] == [True, False]


LONG = rows(*[{**HIT, "user": f"{number} " + "x" * 1_000} for number in range(9_000)])
"""A body whose answer is longer than what is held in memory, so that it goes through a file."""


def test_a_long_answer_is_complete(conversation):
    code, found = conversation(conversation.getinfo + execute(LONG, True))
    assert code == 0
    answer = csv.DictReader(io.StringIO(found[1][1].decode()))
    assert [row["user"].split()[0] for row in answer] == [str(number) for number in range(9_000)]


@pytest.mark.parametrize("body", [b"", b"\n", b"\r\n", b"_chunked_idx", b"_chunked_idx\n"])
def test_a_body_without_a_row_is_answered_by_none(conversation, body):
    code, found = conversation(conversation.getinfo + execute(body) + execute(rows(HIT)) + execute(body, True))
    assert (code, messages(found)) == (0, [])
    assert [hits(body) for _, body in found] == [0, 0, 1, 0]


@pytest.mark.parametrize("lacking", [1, 1_000_000])
def test_a_long_answer_that_finds_no_room_is_an_error_and_costs_no_other_chunk_its_reply(conversation, lacking):
    """Also where the last byte alone finds none. What found room goes out; the answer waits until all is read."""
    _, (_, (_, body)) = conversation(conversation.getinfo + execute(LONG, True))
    entry = [conversation.python, str(conversation.app / "bin/ssadetect.py")]
    with subprocess.Popen(entry, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        room = len(body) - lacking
        resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (room, room))
        stream = conversation.getinfo + execute(LONG) + execute(rows(HIT), True)
        sent, written = process.communicate(stream)
    found = list(replies(sent))
    assert (process.returncode, written) == (1, b"")
    assert [hits(body) for _, body in found] == [0, pytest.approx(9_000, abs=70 + lacking // 1_000), 1]
    assert hits(found[1][1]) < 9_000
    assert body.startswith(found[1][1])
    (text,) = errors(found)
    assert "chunk 1 is not searched to its end, as its hits find no room: /" in text
    assert text.endswith(": [Errno 27] File too large")


def test_quotes_and_braces_in_what_fails_reach_the_user(app, conversation):
    local(app, stanza('Odd {0} "quoted"', impact='{"x"}'))
    _, found = conversation(conversation.getinfo + execute(rows(HIT), True))
    problem = '[Odd {0} "quoted"] impact: expected a number from 0 to 100, found \'{"x"}\''
    assert any(problem in text for _, text in messages(found))
    assert hits(found[1][1]) == 1


SLOW = {"argparse", "csv", "dataclasses", "hashlib", "inspect", "logging", "socket", "splunklib", "tempfile", "typing"}
"""Modules that a search must not wait for. csv is not slow, but shows that modules are seen."""


def test_the_answer_to_getinfo_waits_for_no_slow_module(conversation):
    ran = subprocess.run(
        [conversation.python, "-X", "importtime", str(conversation.app / "bin/ssadetect.py")],
        input=conversation.getinfo,
        capture_output=True,
        check=False,
    )
    loaded = {line.rpartition(b"|")[2].strip().decode() for line in ran.stderr.splitlines()}
    assert SLOW & loaded == {"csv"}, ran.stdout


def test_a_search_that_splunkd_ends_leaves_no_traceback(conversation):
    process = subprocess.Popen(
        [conversation.python, str(conversation.app / "bin/ssadetect.py")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    with process:
        process.stdin.write(conversation.getinfo)
        process.stdin.flush()
        assert process.stdout.readline().startswith(b"chunked 1.0,")
        process.stdout.close()
        process.stdin.write(execute(rows(HIT), finished=True))
        process.stdin.close()
        written = process.stderr.read().decode()
    assert process.returncode == 1
    assert written.startswith("ssadetect: splunkd has ended the search: ")
    assert "Traceback" not in written

"""The chunked protocol from splunkd's side, against real child processes: good ones, and every way to be a bad one."""

import sys
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.errors import SearchError
from sandbox.search.chunked import CommandProcess, decode_mv, decode_rows, encode_mv, encode_rows

# A command on the standard library: `read` and `send` speak the protocol, each test adds what it does with them.
SPEAKER = r"""
import json, os, sys, time
def read():
    header = sys.stdin.buffer.readline()
    if not header:
        return None, None
    meta, body = map(int, header[len(b"chunked 1.0,"):].split(b","))
    return json.loads(sys.stdin.buffer.read(meta)), sys.stdin.buffer.read(body)
def send(meta, body=b"", extra=0):
    data = json.dumps(meta).encode()
    sys.stdout.buffer.write(b"chunked 1.0,%d,%d\n" % (len(data), len(body) + extra) + data + body)
    sys.stdout.buffer.flush()
def report(level, text):
    return {"inspector": {"messages": [[level, text]]}}
"""
GREET = "read(); send({'type': 'streaming'})\n"
ECHO = GREET + "while (chunk := read())[0]: send({'finished': chunk[0]['finished']}, chunk[1])\n"


@pytest.fixture
def start(tmp_path):
    def make(code, timeout=20.0):
        script = tmp_path / "app/bin/try.py"
        script.parent.mkdir(parents=True, exist_ok=True)
        script.write_text(SPEAKER + code)
        return CommandProcess("try", script, python=sys.executable, home=tmp_path, timeout=timeout)

    return make


def converse(command, *chunks):
    with command:
        command.getinfo({"sid": "1.1"})
        replies = [command.execute(["a"], rows, rows is chunks[-1]) for rows in chunks]
        command.close()
    return replies


# -- cells


@given(st.lists(st.text(st.sampled_from('a$;\n,"'), max_size=6), max_size=4))
def test_multivalue_text_survives_the_way_there_and_back(values):
    assert decode_mv(encode_mv(values)) == values


@pytest.mark.parametrize(
    ("values", "text"), [(["a", "b"], "$a$;$b$"), (["$", ";"], "$$$$;$;$"), ([""], "$$"), ([], "")]
)
def test_multivalue_text_is_splunks(values, text):
    assert encode_mv(values) == text


@pytest.mark.parametrize("text", ["a", "$a", "$a$;", "$a$b$", "$a$ ;$b$"])
def test_malformed_multivalue_text_is_refused(text):
    with pytest.raises(SearchError, match="malformed multivalue"):
        decode_mv(text)


CELL = st.one_of(st.none(), st.text(min_size=1, max_size=5), st.lists(st.text(max_size=3), min_size=2, max_size=3))


@given(st.lists(st.tuples(CELL, CELL), min_size=1, max_size=4))
def test_rows_survive_the_way_there_and_back(rows):
    assert decode_rows(encode_rows(["a", "b"], rows)) == (["a", "b"], [list(row) for row in rows])


@pytest.mark.parametrize(
    ("columns", "rows", "body"),
    [
        (["a", "b"], [["x", ["p", "q"]], [None, "r"]], 'a,b,"__mv_a","__mv_b"\nx,"p\nq",,"$p$;$q$"\n,r,,\n'),
        (["a"], [[["only"]], [[]], [["$", ""]]], 'a,"__mv_a"\nonly,\n,\n"$\n","$$$$;$$"\n'),
        (
            ["_time", "a b", "é"],
            [["1.5", "7", "MAYBE"]],
            '"_time","a b","é","__mv__time","__mv_a b","__mv_é"\n"1.5",7,MAYBE,,,\n',
        ),
        (
            ["a"],
            [["x y"], ['"'], ["é"], ["²"], ["-"], ["\r"], ["a,b"]],
            'a,"__mv_a"\n"x y",\n"""",\n"é",\n"²",\n"-",\n"\r",\n"a,b",\n',
        ),
        (["a"], [[""], [None]], 'a,"__mv_a"\n,\n,\n'),
        (["_chunked_idx"], [], '"_chunked_idx","__mv__chunked_idx"\n'),
        ([], [], ""),
    ],
)
def test_a_body_has_the_recorded_form(columns, rows, body):
    assert encode_rows(columns, rows).decode() == body


@pytest.mark.parametrize(
    ("body", "complaint"),
    [
        (b"a,b\n1\n", "row 1 of its CSV body has 1 cells, the header has 2"),
        (b"a\n1\n1,2\n", "row 2"),
        (b"a\n\n", "row 1 of its CSV body has 0 cells"),
        (b"a,a\n1,2\n", "repeated"),
        (b"a,\n1,2\n", "empty"),
        (b"a,__mv_b\n1,\n", "unpaired"),
        (b"a,__mv_a\n1,1\n", "malformed multivalue"),
        (b'a\n"x', "not CSV"),
        (b"a\n\xff\n", "not CSV in UTF-8"),
    ],
)
def test_a_sloppy_body_is_refused(body, complaint):
    with pytest.raises(SearchError, match=complaint):
        decode_rows(body)


# -- processes that behave


def test_every_chunk_gets_its_reply(start):
    replies = converse(start(ECHO), [["1"], [["x", "y$"]]], [], [["é\r\n\0"]])
    assert [reply.rows for reply in replies] == [[["1"], [["x", "y$"]]], [], [["é\r\n\0"]]]


def test_getinfo_carries_the_searchinfo_and_returns_what_the_command_is(start):
    code = "meta, _ = read(); send({'type': 'stateful', 'seen': meta})\nread()\n"
    with start(code) as command:
        info = command.getinfo({"args": ["a=b c"], "sid": "1.1"})
        command.close()
    assert info["type"] == "stateful"
    assert info["seen"] == {
        "action": "getinfo",
        "preview": False,
        "streaming_command_will_restart": False,
        "searchinfo": {"args": ["a=b c"], "sid": "1.1"},
    }


def test_the_process_starts_in_its_bin_folder_with_a_bare_environment(start, tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", "/elsewhere")
    monkeypatch.setenv("SECRET", "x")
    code = "read(); send({'cwd': os.getcwd(), 'argv': sys.argv[1:], 'env': dict(os.environ)})\nread()\n"
    with start(code) as command:
        info = command.getinfo({})
    assert (info["cwd"], info["argv"]) == (str(tmp_path / "app/bin"), [])
    assert set(info["env"]) <= {"PATH", "LANG", "LC_CTYPE", "SPLUNK_HOME", "PYTHONDONTWRITEBYTECODE"}
    assert info["env"]["SPLUNK_HOME"] == str(tmp_path)


def test_a_chunk_is_sent_as_recorded(start, tmp_path):
    code = (
        "def copy():\n"
        "    header = sys.stdin.buffer.readline()\n"
        "    sent = header + sys.stdin.buffer.read(sum(map(int, header[len(b'chunked 1.0,'):].split(b','))))\n"
        "    open('chunks', 'ab').write(sent)\n"
        "copy(); send({})\ncopy(); send({'finished': False})\ncopy(); send({'finished': True}); read()"
    )
    converse(start(code), [["1"]], [])
    assert (tmp_path / "app/bin/chunks").read_bytes() == (
        b'chunked 1.0,102,0\n{"action":"getinfo","preview":false,"streaming_command_will_restart":false,'
        b'"searchinfo":{"sid":"1.1"}}'
        b'chunked 1.0,37,14\n{"action":"execute","finished":false}a,"__mv_a"\n1,\n'
        b'chunked 1.0,36,11\n{"action":"execute","finished":true}a,"__mv_a"\n'
    )


def test_messages_of_every_reply_are_kept(start):
    code = "read(); send(report('WARN', 'one'))\nread(); send({'finished': True, **report('INFO', 'two')})\nread()\n"
    command = start(code)
    converse(command, [["1"]])
    assert command.messages == [("WARN", "one"), ("INFO", "two")]


def test_pipes_full_in_both_directions_do_not_lock(start):
    noisy = (
        GREET + "meta, body = read(); sys.stderr.write('x' * 3_000_000)\n"
        "send({'finished': True}, b'a\\n' + b'y' * 5_000_000 + b'\\n'); read()\n"
    )
    (reply,) = converse(start(noisy), [["x" * 5_000_000]])
    assert len(reply.rows[0][0]) == 5_000_000


# -- processes that do not


@pytest.mark.parametrize(
    ("code", "complaint"),
    [
        ("sys.exit(3)", "returned error code 3."),
        ("os.kill(os.getpid(), 9)", "returned error code -9."),
        ("print('hello'); sys.exit()", r"malformed chunk header: b'hello\\n'"),
        ("sys.stdout.write('chunked 1.0,2\\n'); sys.exit()", "malformed chunk header"),
        ("sys.stdout.write('chunked 1.0,9,0\\n{}'); sys.exit()", "announced 9 bytes and has 2"),
        ("sys.stdout.write('chunked 1.0,2,0\\n{x'); sys.exit()", "metadata is not JSON"),
        ("sys.stdout.write('chunked 1.0,2,0\\n[]'); sys.exit()", "not a JSON object"),
        ("read(); send({'inspector': {'messages': ['x']}})", "messages are not"),
        ("read(); send({}, b'a\\n1\\n')", "answered getinfo with a body"),
        (GREET + "sys.exit(4)", "returned error code 4."),
        (GREET + "read(); send({'finished': True}, b'a\\n1\\n', extra=1)", "announced 23 bytes and has 22"),
        (GREET + "read(); send({'finished': True}, b'a,b\\n1\\n')", "row 1 of its CSV body has 1 cells"),
        (GREET + "read(); send({'finished': False})", "has finished: False, the chunk had True"),
        (GREET + "read(); send({})", "has finished: None"),
        (GREET + "read(); send({'finished': True}); send({'finished': True})", "bytes after its last reply: b'chunked"),
        (GREET + "read(); send({'finished': True}); print('bye')", r"bytes after its last reply: b'bye\\n'"),
        (GREET + "read(); send({'finished': True}); sys.exit(5)", "returned error code 5."),
        (GREET + "os.close(0); send({'finished': True}); time.sleep(9)", "replied without reading its input"),
    ],
)
def test_a_breach_of_the_protocol_fails_the_search(start, code, complaint):
    with pytest.raises(SearchError, match=complaint) as caught:
        converse(start(code), [["x" * 200_000]])
    assert "External search command 'try' " in str(caught.value)


def test_a_second_reply_is_noticed_at_the_end_even_if_it_could_pass_for_the_next_one(start):
    twice = GREET + "while read()[0]: send({'finished': False}); send({'finished': True})\n"
    with pytest.raises(SearchError, match="bytes after its last reply"):
        converse(start(twice), [["1"]], [["2"]])


def test_its_own_errors_come_first_then_the_exit_code_then_the_end_of_stderr(start):
    code = (
        "read(); send(report('ERROR', 'no such detection'))\n"
        "print('trace\\nValueError: x', file=sys.stderr); sys.exit(1)"
    )
    with pytest.raises(SearchError) as caught:
        converse(start(code), [])
    expected = "no such detection External search command 'try' returned error code 1. ValueError: x"
    assert str(caught.value) == expected


def test_an_error_message_in_getinfo_ends_the_search_even_with_exit_code_0(start):
    with pytest.raises(SearchError, match=r"^wrong option$"):
        converse(start("read(); send(report('ERROR', 'wrong option')); read()"), [])


def test_death_in_the_middle_reports_its_earlier_messages(start):
    code = GREET + "read(); send({'finished': False, **report('ERROR', 'disk full')}); read(); sys.exit(2)"
    with pytest.raises(SearchError, match=r"^disk full External search command 'try' returned error code 2\.$"):
        converse(start(code), [["1"]], [["2"]])


@pytest.mark.parametrize(
    "code",
    [
        "time.sleep(60)",
        GREET + "time.sleep(60)",
        GREET + "read(); send({'finished': True}, b'a\\n1\\n', extra=1); time.sleep(60)",
        GREET + "read(); send({'finished': True}); time.sleep(60)",
        GREET + "send({'finished': True}); time.sleep(60)",
    ],
)
def test_a_process_that_hangs_is_ended_at_the_limit(start, code):
    began = time.monotonic()
    with pytest.raises(SearchError, match=r"did not reply in full within 0.5 seconds and was ended\."):
        converse(start(code, timeout=0.5), [["x" * 200_000]])
    assert time.monotonic() - began < 10


def test_a_python_that_is_not_there_is_named(tmp_path):
    with pytest.raises(SearchError, match=r"'try' could not be started: .*no-python"):
        CommandProcess("try", tmp_path / "try.py", python=str(tmp_path / "no-python"), home=tmp_path)

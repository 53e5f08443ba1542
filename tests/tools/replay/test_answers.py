"""Whatever answers a replay, HEC, splunkd or neither: an error in plain words, never a traceback or an escape code."""

import gzip
import json
import socket
import ssl
import subprocess
import sys
import threading
import unicodedata
from contextlib import closing

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.terminal import plain
from tests.support.windows.events import security_xml
from tools import ROOT
from tools.replay.errors import AwayError, LostError, ReplayError
from tools.replay.hec import Hec
from tools.replay.lookup import Lookup

HOSTILE = "\x1b]0;owned\x07\x1b[2J\u202eevil\u2028\x9b31m\ud800\n"


class Server:
    """A server that gives each request on a connection the same answer, in bytes, and hangs up."""

    def __init__(self):
        self.answer = self.info = b""
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.uri = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            with connection, connection.makefile("rb") as asked:
                try:
                    about = b"server/info" in asked.readline()
                    length = 0
                    while (line := asked.readline()) not in (b"\r\n", b""):
                        name, _, value = line.partition(b":")
                        length = int(value) if name.lower() == b"content-length" else length
                    asked.read(length)
                    connection.sendall((about and self.info) or self.answer)
                except OSError:
                    pass

    def close(self):
        self.listener.close()


@pytest.fixture(scope="module")
def server():
    with closing(Server()) as server:
        yield server


def http(body, status=b"200 OK", *headers):
    usual = b"Content-Length: %d" % len(body), b"Connection: close"
    return b"\r\n".join([b"HTTP/1.1 " + status, *(headers or usual), b"", body])


def outcome(ask, *args):
    """What a client returns; or the name of its error, whose message is bounded and says where it comes from."""
    try:
        return ask(*args)
    except (ReplayError, AwayError, LostError) as error:
        text = str(error)
        assert text.startswith("http://127.0.0.1:")
        assert len(text) < 1_000
        return f"{type(error).__name__}{' taken' * getattr(error, 'taken', False)}"


@pytest.fixture
def hec(server):
    hec = Hec(server.uri, "token", "channel", ssl.create_default_context())
    with closing(hec.http):
        yield hec


BOMB = gzip.compress(b"[" * (100 << 20))
DEEP = b"[" * 10_000 + b"]" * 10_000
CASES = [
    (http(b'{"text":"Success","code":0}'), None),
    (http(b'{"text":"Success","code":0,"ackId":7}'), 7),
    (http(b'{"text":"Success","code":0,"ackId":null}'), None),
    (http(b'{"code":0,"ackId":"x"}'), "ReplayError taken"),
    (http(b'{"code":0,"ackId":true}'), "ReplayError taken"),
    (http(b'{"code":0,"ackId":-1}'), "ReplayError taken"),
    (http(b'{"code":0,"ackId":[1]}'), "ReplayError taken"),
    (http(b'{"code":0,"ackId":%b}' % (b"9" * 5_000)), "ReplayError taken"),
    (http(b'{"acks":{"0":true}}'), "ReplayError taken"),
    (http(b'{"code":"0"}'), "ReplayError taken"),
    (http(b'{"code":false}'), "ReplayError taken"),
    (http(b'{"code":[]}', b"400 Bad Request"), "ReplayError"),
    (http(b'{"code":6,"text":"Invalid data","invalid-event-number":3}', b"400 Bad Request"), "ReplayError taken"),
    (http(b'{"code":6,"text":["x"],"invalid-event-number":[]}', b"400 Bad Request"), "ReplayError taken"),
    (http(b'{"code":6,"invalid-event-number":1}', b"400 Bad Request"), "ReplayError"),
    (http(json.dumps({"code": 4, "text": HOSTILE * 1_000}).encode(), b"403 Forbidden"), "ReplayError"),
    (http(b'{"code":9}', b"503 Busy"), "AwayError"),
    (http(b'{"code":"9"}', b"503 Busy"), "LostError"),
    (http(b'{"code":{}}', b"429 Slow"), "AwayError"),
    (http(DEEP), "ReplayError taken"),
    (http(b'{"code":0,"x":' + DEEP + b"}"), "ReplayError taken"),
    (http(b'{"code":0,"x":"%b"}' % (b"x" * (1 << 20))), "ReplayError taken"),
    (http(b"\xff\xfe\x00"), "ReplayError taken"),
    (http(b"", b"204 No Content"), "ReplayError taken"),
    (http(b'{"code":0}', b"204 No Content"), "ReplayError taken"),
    (http(b"", b"302 Found", b"Location: http://[", b"Content-Length: 0"), "ReplayError"),
    (http(b"", b"101 Switching Protocols", b"Upgrade: x", b"Connection: upgrade"), "LostError"),
    (http(b"", b"100 Continue", b"X: y"), "LostError"),
    (http(BOMB, b"200 OK", b"Content-Encoding: gzip", b"Content-Length: %d" % len(BOMB)), "ReplayError taken"),
    (http(b"xx", b"200 OK", b"Content-Encoding: gzip", b"Content-Length: 2"), "ReplayError taken"),
    (http(b'{"code":0}', b"200 OK", b"Content-Length: 100"), "LostError"),
    (http(b'{"code":0}', b"200 OK", b"Content-Length: 3"), "ReplayError taken"),
    (http(b'{"code":0}', b"200 OK", b"Content-Length: x"), "LostError"),
    (http(b"zz\r\n", b"200 OK", b"Transfer-Encoding: chunked"), "LostError"),
    (http(b'{"code":0}', b"200 OK", b"Content-Type: application/json; charset=\xff", b"Content-Length: 10"), None),
    (http(b'{"code":0}', b"200 OK", b"Set-Cookie: \xff=;;;expires=x", b"Content-Length: 10"), None),
    (http(b"", b"200 OK", b"\x1b[2J bad header"), "LostError"),
    (b"HTTP/9.9 9999 x\r\n\r\n", "LostError"),
    (b"\x1b[2J" * 100_000, "LostError"),
    (b"", "LostError"),
]


@pytest.mark.parametrize(("answer", "expected"), CASES)
def test_an_answer_to_a_batch_is_read_as_far_as_it_can_be(server, hec, answer, expected):
    server.answer = answer
    assert outcome(hec.send, b"{}") == expected


@pytest.mark.parametrize(
    ("acks", "expected"),
    [
        (b'{"acks":{"7":true}}', True),
        (b'{"acks":{"7":false}}', False),
        (b'{"acks":{"8":true}}', False),
        (b'{"acks":{"7":"false"}}', False),
        (b'{"acks":[7]}', False),
        (b'{"acks":"7"}', False),
        (b'{"acks":null}', False),
        (b'{"code":0}', "ReplayError taken"),
    ],
)
def test_only_true_acknowledges(server, hec, acks, expected):
    server.answer = http(acks)
    assert outcome(hec.acknowledged, 7) == expected


ANY = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=9)
    | st.sampled_from([HOSTILE, "0", 10**400]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)
NAMES = ("text", "code", "ackId", "acks", "invalid-event-number", "messages", "results")
CONTENT = ANY | st.dictionaries(st.sampled_from(NAMES), ANY | st.integers(0, 25))
BODIES = CONTENT.map(lambda content: json.dumps(content).encode()) | st.binary(max_size=50)
STATUS = st.sampled_from([200, 200, 200, 201, 204, 206, 301, 400, 401, 403, 404, 408, 429, 500, 503]) | st.integers(
    0, 1_200
)
HEADERS = st.lists(
    st.sampled_from(
        [
            *(b"Content-Encoding: gzip", b"Content-Encoding: br, x", b"Transfer-Encoding: chunked", b"Connection: x"),
            *(
                b"Content-Length: 5",
                b"Content-Length: -5",
                b"Content-Type: application/json; charset=x",
                b"Location: //[",
            ),
            *(b"Set-Cookie: a=b; domain=x", b"", b"no colon", b"X: \xff\x1b[2J"),
        ]
    ),
    max_size=3,
)
ANSWERS = st.binary(max_size=99) | st.builds(
    lambda body, status, headers: http(body, b"%d x" % status, *(headers or ())), BODIES, STATUS, HEADERS
)


@given(answer=ANSWERS)
def test_no_answer_is_a_traceback(server, answer):
    server.answer = answer
    hec = Hec(server.uri, "token", "channel", ssl.create_default_context())
    with closing(hec.http):
        assert type(outcome(hec.send, b"{}")) in (type(None), int, str)
        assert type(outcome(hec.acknowledged, 7)) in (bool, str)


INFO = b"""<feed xmlns="http://www.w3.org/2005/Atom"><entry><content type="text/xml">
<s:dict xmlns:s="http://dev.splunk.com/ns/rest"><s:key name="version">9.4.0</s:key></s:dict>
</content></entry></feed>"""


@pytest.fixture
def lookup(server, monkeypatch):
    monkeypatch.setattr(server, "info", http(INFO))
    monkeypatch.setenv("SPLUNK_TOKEN", "token")
    return Lookup(server.uri, "main", ssl.create_default_context())


def results(**content):
    return http(json.dumps(content).encode())


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (results(results=[{"count": "12"}]), 12),
        (results(results=[{"count": "12"}], messages=[{"type": "INFO", "text": "x"}]), 12),
        (results(results=[{"count": "12"}], messages=[{"type": "WARN", "text": HOSTILE * 99}]), "AwayError"),
        (results(results=[{"count": "12"}], messages=[{"type": "WARN", "text": ["x"]}]), "AwayError"),
        (results(results=[{"count": "12"}], messages=[{"type": "WARN"}]), "AwayError"),
        (results(results=[{"count": "12"}], messages="x"), "AwayError"),
        (results(results=[{"count": "x"}]), "AwayError"),
        (results(results=[{"count": float("inf")}]), "AwayError"),
        (results(results=[{}]), "AwayError"),
        (results(results={"0": 1}), "AwayError"),
        (results(results=[]), "AwayError"),
        (http(b"[]"), "AwayError"),
        (http(DEEP), "AwayError"),
        (http(b"<not><json>"), "AwayError"),
        (http(HOSTILE.encode("utf-8", "replace"), b"400 Bad Request"), "ReplayError"),
        (http(b"<response><messages><msg>" + b"x" * 9_999, b"400 Bad Request"), "ReplayError"),
        (http(b"", b"503 Busy"), "AwayError"),
        (http(b"{}", b"200 OK", b"Content-Length: 100"), "AwayError"),
        (b"\x1b[2J", "AwayError"),
        (b"", "AwayError"),
    ],
)
def test_an_answer_of_splunkd_is_a_count_or_none(server, lookup, answer, expected):
    server.answer = answer
    assert outcome(lookup.count, "mark") == expected


@given(answer=ANSWERS)
def test_no_answer_of_splunkd_is_a_traceback(server, answer):
    server.answer = answer
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SPLUNK_TOKEN", "token")
        assert type(outcome(Lookup(server.uri, "main", ssl.create_default_context()).count, "mark")) in (int, str)


def test_what_a_server_says_does_not_reach_the_terminal_as_it_is(server, tmp_path):
    file = tmp_path / "events.log"
    file.write_text(security_xml() + "\n")
    run = [sys.executable, "-m", "tools", "replay", str(file), "--url", server.uri, "--patience", "0.1"]
    for status, code in ((b"503 Busy", 1), (b"403 Forbidden", 1)):
        server.answer = http(json.dumps({"code": 9, "text": HOSTILE}).encode(), status)
        env = {"SSA_HEC_TOKEN": "token", "PATH": ""}
        ran = subprocess.run(run, cwd=ROOT, env=env, capture_output=True, check=False)
        text = ran.stderr.decode()
        assert (ran.returncode, "Traceback" in text, "owned" in text) == (code, False, True)
        assert {unicodedata.category(one) for one in text.replace("\n", "")} & {"Cc", "Zl", "Cs"} == set()
        assert "\u202e" not in text


@pytest.mark.parametrize(
    ("text", "shown"), [("a\x1b[0m\n\x7f", "a␛[0m␊␡"), ("\x9b\u202e\u2028\ud800é👩\u200d💻", "����é👩\u200d💻")]
)
def test_what_steers_a_terminal_is_shown(text, shown):
    assert plain(text) == shown

"""`make replay-dataset`, with the demo's events in the place of the published ones."""

import http.server
import ssl
import subprocess
import sys
import threading
from contextlib import contextmanager
from functools import partial

import pytest
import trustme

from tools import ROOT
from tools.evaluate.rules import HARDENED
from tools.replay import dataset


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


class Elsewhere(Quiet):
    to = ""

    def do_GET(self):
        self.send_response(302)
        self.send_header("Location", self.to + self.path)
        self.end_headers()


@contextmanager
def serving(certificate=None, handler=Quiet):
    """Serve the demo's folder; give its address."""
    handler = partial(handler, directory=ROOT / "sandbox/demo")
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            certificate.configure_cert(context)
            server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http{'s' if certificate else ''}://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def run(*arguments):
    command = [sys.executable, "-m", "tools.replay.dataset", *arguments]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    return ran.returncode, ran.stderr.splitlines()[-1]


@pytest.mark.parametrize(
    ("file", "code", "message"),
    [
        ("security-4688.xml.log", 0, " hits"),
        ("README.md", 1, ": README.md: the replay failed"),
        ("none.log", 1, ": HTTP 404"),
    ],
)
def test_it_passes_when_the_detection_finds_something(file, code, message):
    with serving() as address:
        returned, last = run(f"{address}/{file}")
    assert (returned, message in last) == (code, True), last


def test_a_detection_whose_search_ships_disabled_is_tested_too():
    with serving() as address:
        returned, last = run(f"{address}/security-4688.xml.log", HARDENED)
    assert (returned, last.startswith(f"{HARDENED}: ")) == (0, True), last


def test_a_server_that_cannot_prove_who_it_is_is_not_believed():
    with serving(trustme.CA().issue_cert("127.0.0.1")) as address:
        code, last = run(f"{address}/security-4688.xml.log")
    assert (code, "certificate verify failed" in last) == (1, True), last


def test_a_way_without_tls_is_not_taken(monkeypatch, tmp_path, capsys):
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    with serving() as Elsewhere.to, serving(authority.issue_cert("127.0.0.1"), Elsewhere) as address:
        assert dataset.main([f"{address}/security-4688.xml.log"]) == 1
    assert "by a way that anybody can change" in capsys.readouterr().err


def test_a_download_has_a_limit(monkeypatch, capsys):
    monkeypatch.setattr(dataset, "MAX_BYTES", 100_000)
    with serving() as address:
        assert dataset.main([f"{address}/security-4688.xml.log"]) == 1
    assert "has more than 100,000 bytes" in capsys.readouterr().err

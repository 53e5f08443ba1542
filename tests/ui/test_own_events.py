"""`make ui EVENTS=…`: events of one's own, in the views."""

import io
import socket

import pytest
from rich.console import Console

from sandbox.errors import SandboxError
from tests.support.windows.sysmon import sysmon
from tests.ui.conftest import opened, served
from tools.ui.stage import stage
from tools.ui.web import serving

MSIEXEC = r"C:\Windows\System32\msiexec.exe"


@pytest.fixture
def export(tmp_path):
    """A log as Event Viewer saves it: one hit of the given detection, and a harmless event."""
    events = sysmon(MSIEXEC, r"msiexec.exe /y C:\Users\Public\own.dll") + sysmon(r"C:\Windows\notepad.exe", "notepad")
    path = tmp_path / "exported.xml"
    path.write_text(f'<?xml version="1.0" encoding="utf-8" standalone="yes"?>\n<Events>{events}</Events>\n')
    return path


def test_an_exported_log_ends_in_a_view_that_shows_its_hits(archive, bundle, window, export, tmp_path):
    with served(tmp_path / "home", archive, [export]) as stand_in, opened(window, stand_in) as screen:
        screen.open("overview")
        text = screen.page.inner_text("body")
        assert screen.errors == []
    assert "Windows System Binary Proxy Execution MSIExec DLLRegisterServer" in text
    assert "jdoe" in text and "ws-1" in text


@pytest.mark.needs_no_browser
def test_a_file_that_cannot_be_read_costs_no_other(archive, export, tmp_path):
    (tmp_path / "broken.evtx").write_bytes(b"")
    told = io.StringIO()
    with stage(
        tmp_path / "home", archive, Console(file=told), [tmp_path / "broken.evtx", export], every=True
    ) as splunkd:
        risk = splunkd.instance.search("index=risk | stats count by detection").rows
    assert {row["detection"] for row in risk} >= {"Windows MSIExec DLL Registration"}
    assert "broken.evtxisempty" in "".join(told.getvalue().split())  # however long lines are cut


@pytest.mark.needs_no_browser
def test_files_without_an_event_are_an_error(archive, tmp_path):
    (tmp_path / "broken.evtx").write_bytes(b"")
    with (
        pytest.raises(SandboxError, match=r"broken\.evtx is empty"),
        stage(tmp_path / "home", archive, Console(file=io.StringIO()), [tmp_path / "broken.evtx"]),
    ):
        pass


@pytest.mark.needs_no_browser
def test_a_port_that_is_taken_is_chosen_around():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with serving(lambda scope, receive, send: None, port) as address:
            assert address.startswith("http://127.0.0.1:") and not address.endswith(f":{port}")

"""Where nothing of the app can run, an admin still reads why."""

import io
import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from ssa import refusal


@pytest.mark.parametrize(("version", "refused"), [((2, 7), True), ((3, 7), True), ((3, 8), True), ((3, 9), False)])
def test_an_old_python_is_refused_with_its_version(monkeypatch, version, refused):
    monkeypatch.setattr(sys, "version_info", (*version, 1, "final", 0))
    problem = refusal.old_python()
    assert bool(problem) is refused
    if refused:
        assert f"this Splunk runs it on {version[0]}.{version[1]}" in problem


def test_a_missing_sdk_is_refused_with_its_place(tmp_path):
    assert str(tmp_path / "lib" / "splunklib") in refusal.missing_sdk(str(tmp_path))
    (tmp_path / "lib/splunklib").mkdir(parents=True)
    assert refusal.missing_sdk(str(tmp_path)) == ""


def test_a_search_is_answered_by_the_protocol(monkeypatch):
    sent = io.BytesIO()
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(b"chunked 1.0,2,3\n{}abc")))
    monkeypatch.setattr(sys, "stdout", SimpleNamespace(buffer=sent))
    with pytest.raises(SystemExit) as ended:
        refusal.answer_search("wrong é {x}")
    header, _, metadata = sent.getvalue().partition(b"\n")
    assert (ended.value.code, header) == (1, b"chunked 1.0,%d,0" % len(metadata))
    assert json.loads(metadata)["inspector"]["messages"] == [["ERROR", "wrong é {x}"]]


def test_every_older_python_that_is_here_reads_the_entries_and_refuses(installed):
    """Python 3.7 and 3.8, where pyenv has them: the entries must parse there to say anything at all."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    for python in sorted([*pyenv.glob("3.7.*/bin/python"), *pyenv.glob("3.8.*/bin/python")]):
        ran = subprocess.run(
            [str(python), str(installed / "bin/ssa_risk.py"), "--execute"],
            input="{}",
            capture_output=True,
            text=True,
            check=False,
        )
        assert (ran.returncode, ran.stdout) == (1, "")
        assert ran.stderr.startswith("ERROR SSA Detections needs Python 3.9 or newer"), ran.stderr

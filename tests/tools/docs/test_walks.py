"""docs/sigma.md and docs/first-detection.md, as a reader follows them: each command runs as it stands there."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.support.sigma.own import rule
from tools import ROOT
from tools.build import package
from tools.docs import sigma_page

GIT = "git -C ../sigma pull"
RULE_PATH = Path("rules/windows/process_creation")
HIGH = {"level": "high", "status": "test"}


def commands(text):
    """The lines of blocks that are commands."""
    return re.findall(r"^ {4,}((?:\.venv/bin/python|make|git) .*)$", text, re.MULTILINE)


def block(text, start):
    """The indented block that begins with these words, without its indent."""
    found = re.search(rf"^( +){re.escape(start)}.*\n(?:\1.*\n)*", text, re.MULTILINE)
    return re.sub(f"^{found[1]}", "", found[0], flags=re.MULTILINE)


class Reader:
    """Who types a page's commands into a shell, in a checkout; `out` is what the last has written."""

    def __init__(self, folder):
        self.folder, self.splunk, self.out = folder / "app", folder / "splunk", ""

    def types(self, *lines, code=0):
        environment = {**os.environ, "SPLUNK_HOME": str(self.splunk), "COLUMNS": "300"}
        for line in lines:
            command = ("sh", "-c", line)
            ran = subprocess.run(command, cwd=self.folder, env=environment, capture_output=True, text=True, check=False)
            self.out = ran.stdout + ran.stderr
            assert ran.returncode == code, f"{line}\n{self.out}"


@pytest.fixture
def me(tmp_path, installed):
    """A checkout without a local/, with the tests' Python as its .venv, and a server's folder with the app."""
    for name in ("bin", "default", "sandbox", "tools", "requirements", "build/vendor", *package.SHIPPED):
        if (ROOT / name).is_dir():
            ignored = shutil.ignore_patterns("__pycache__", "local")
            shutil.copytree(ROOT / name, tmp_path / "app" / name, ignore=ignored, dirs_exist_ok=True)
        elif (ROOT / name).is_file():
            (tmp_path / "app" / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, tmp_path / "app" / name)
    (tmp_path / "app/.venv").symlink_to(sys.prefix)
    shutil.copytree(installed, tmp_path / "splunk/etc/apps/ssa_detections")
    return Reader(tmp_path)


def test_sigma_rules_from_a_folder_to_risk_tuned_updated_and_removed(me, tmp_path):
    page = sigma_page.page()
    clone, setup, tries, imports, replays, searches, on_server, pull, again, remove = commands(page)
    assert (clone.partition(" --")[0], setup, pull) == ("git clone", "make sigma", GIT)
    assert again == on_server

    folder = tmp_path / "sigma" / RULE_PATH
    folder.mkdir(parents=True)
    settings = block(page, "[id:")
    (loud,) = re.findall(r"^\[id:(.*)\]", settings)
    found = {
        "loud": rule(1, **HIGH, id=loud, detection={"a": {"CommandLine|contains": " /y "}, "condition": "a"}),
        "other": rule(2, **HIGH, detection={"a": {"CommandLine|contains": " /z "}, "condition": "a"}),
    }
    for name, document in found.items():
        (folder / f"{name}.yml").write_text(yaml.safe_dump(document))

    me.types(tries)
    assert "Rule 1 0a98a10c (high)" in me.out
    assert not (me.folder / "local").exists()
    me.types(imports)
    assert "added: 2: Rule 1 0a98a10c, Rule 2 0f6da907" in me.out
    (me.folder / "local/ssa_detection_settings.conf").write_text(settings)
    me.types(replays)
    assert "unless ssa_detection_settings.conf disables it" in me.out
    me.types(searches)
    assert {*re.findall(r"2026-03-02T[\d:.+]+ .*  (\d+) .*(Rule \d) \(Sigma", me.out)} == {("20", "Rule 2")}

    me.types(on_server, again)
    assert "unchanged: 2" in me.out
    me.types(remove)
    assert "removed: the set sigma_process_creation, 2 detections" in me.out


def test_a_first_detection_from_its_name_to_risk(me):
    page = (ROOT / "docs/first-detection.md").read_text("utf-8")
    new, imports, explain, test, replay, search, ui = commands(page)
    assert re.fullmatch(r'make ui EVENTS="sandbox/demo/\S+" LOCAL=local', ui)

    me.types(new)
    conf, cases = me.folder / "local/ssa_detections.conf", me.folder / "local/tests/msiexec_by_a_shell.yml"
    text, changed = re.subn(r"^\| where .*\n", lambda _: block(page, "| where"), conf.read_text(), flags=re.MULTILINE)
    assert changed == 1
    conf.write_text(text)
    cases.write_text(cases.read_text().partition("true:")[0] + block(page, "true:"))
    me.types(imports, explain)
    assert ('process contains "/c msiexec"' in me.out, "warnings" in me.out) == (True, False)
    me.types(test)
    assert "1 hits and 1 misses, as they must be" in me.out
    me.types(replay)
    assert "Msiexec By A Shell: run by SSA - Msiexec By A Shell - Rule" in me.out
    me.types(search)
    assert {"web-01.synthetic.example", "svc.portal"} <= {*me.out.split()}

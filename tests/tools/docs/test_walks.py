"""docs/sigma.md and docs/first-detection.md, as a reader follows them: each command runs as it stands there."""

import re
from pathlib import Path

import yaml

from tests.support.docs.pages import commands
from tests.support.sigma.own import rule
from tools import ROOT
from tools.build.package import git

RULE_PATH = Path("rules/windows/process_creation")
PUBLIC = "https://github.com/SigmaHQ/sigma"
HIGH = {"level": "high", "status": "test"}


def block(text, start):
    """The indented block that begins with these words, without its indent."""
    found = re.search(rf"^( +){re.escape(start)}.*\n(?:\1.*\n)*", text, re.MULTILINE)
    return re.sub(f"^{found[1]}", "", found[0], flags=re.MULTILINE)


def commit(folder, what):
    git("-C", str(folder), "add", "-A")
    git("-C", str(folder), "-c", "user.name=a", "-c", "user.email=a@b.example", "commit", "-qm", what)


def test_sigma_rules_from_a_folder_to_risk_tuned_updated_and_removed(me, tmp_path):
    page = (ROOT / "docs/sigma.md").read_text("utf-8")
    cloning, setup, tries, imports, replays, searches, on_server, pull, remove = commands("docs/sigma.md")
    public = tmp_path / "public"
    folder = public / RULE_PATH
    folder.mkdir(parents=True)
    git("init", "-q", str(public))
    settings = block(page, "[id:")
    (loud,) = re.findall(r"^\[id:(.*)\]", settings)
    detection = {"a": {"CommandLine|contains": " /y "}, "condition": "a"}
    (folder / "loud.yml").write_text(yaml.safe_dump(rule(1, **HIGH, id=loud, detection=detection)))
    commit(public, "one")
    me.clones_from(PUBLIC, public)

    me.types(cloning, setup, tries)
    assert "Rule 1 0a98a10c (high)" in me.out
    assert not (me.folder / "local").exists()
    other = {"a": {"CommandLine|contains": " /z "}, "condition": "a"}
    (folder / "other.yml").write_text(yaml.safe_dump(rule(2, **HIGH, detection=other)))
    commit(public, "two")
    me.types(pull, imports)
    assert "added: 2: Rule 1 0a98a10c, Rule 2 0f6da907" in me.out
    (me.folder / "local/ssa_detection_settings.conf").write_text(settings)
    me.types(replays)
    assert "unless ssa_detection_settings.conf disables it" in me.out
    me.types(searches)
    assert {*re.findall(r"2026-03-02T[\d:.+]+ .*  (\d+) .*(Rule \d) \(Sigma", me.out)} == {("20", "Rule 2")}
    (of_set,) = re.findall(r"`(\| ssadetect set=[^`]*)`", page)
    me.types(f".venv/bin/python -m sandbox search '`ssa_process_events` {of_set} | stats count by detection'")
    assert "Rule 2" in me.out

    me.types(on_server, on_server)
    assert "unchanged: 2" in me.out
    me.types(remove)
    assert "removed: the set sigma_process_creation, 2 detections" in me.out


def test_a_first_detection_from_its_name_to_risk(me):
    page = (ROOT / "docs/first-detection.md").read_text("utf-8")
    demo, new, imports, explain, test, replay, search, ui = commands("docs/first-detection.md")
    assert demo == "make demo"  # test_commands.py types it, and `me` has what it sets up
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

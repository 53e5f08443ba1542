"""`python -m tools sigma`: which rules it takes, what it writes and prints, and what it leaves as it is."""

import json
import shutil

import pytest
import yaml

from ssa.content.detection import Catalogue
from tools import ROOT
from tools.__main__ import main

LEVELS = {"low": "test", "high": "stable", "critical": "test", "medium": "experimental"}


def rule(number, **changed):
    return {
        "title": f"Rule {number}",
        "id": f"0f6da907-5854-4be6-859a-e9958747b0a{number}",
        "logsource": {"product": "windows", "category": "process_creation"},
        "detection": {"a": {"CommandLine|contains": f"odd{number}"}, "condition": "a"},
        **changed,
    }


@pytest.fixture
def app(tmp_path):
    """What an import reads of an app."""
    app = tmp_path / "ssa_detections"
    shutil.copytree(ROOT / "default", app / "default")
    shutil.copytree(ROOT / "bin/ssa", app / "bin/ssa", ignore=shutil.ignore_patterns("__pycache__"))
    return app


@pytest.fixture
def rules(tmp_path):
    """A folder of rules of several levels, and one that is wrong."""
    folder = tmp_path / "rules"
    (folder / "deep").mkdir(parents=True)
    for number, (level, status) in enumerate(LEVELS.items()):
        path = folder / "deep" / f"{number}.yml"
        path.write_text(yaml.safe_dump(rule(number, level=level, status=status)))
    (folder / "wrong.yml").write_text(
        yaml.safe_dump(rule(9, level="high", status="test", detection={"condition": "a"}))
    )
    return folder


@pytest.fixture
def run(app, rules, capsys):
    def run(*options, path=rules):
        code = main(["sigma", str(path), "--app", str(app), *options])
        output = capsys.readouterr()
        return code, output.out, output.err

    return run


def names(app):
    return {name for name in Catalogue.of_app(str(app)).names if name.startswith("Rule")}


def test_high_and_critical_rules_that_are_tested_become_detections_by_default(app, run):
    code, out, err = run()
    assert (code, out) == (1, "")
    assert names(app) == {"Rule 1 0f6da907", "Rule 2 0f6da907"}
    assert err.splitlines() == [
        "refused: wrong.yml: No detections defined in Sigma rule",
        "2 rules are detections, 1 refused, 2 left out by --level or --status",
        "2 of them can fire on Sysmon 1",
        "2 of them can fire on Security 4688",
    ]
    assert Catalogue.of_app(str(app)).find("Rule 1 0f6da907").risk_score == 55


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--level", "all", "--status", "all"], {0, 1, 2, 3}),
        (["--level", "low,medium", "--status", "all"], {0, 3}),
        (["--level", "all", "--status", "experimental"], {3}),
        (["--level", "informational"], set()),
    ],
)
def test_levels_and_statuses_can_be_chosen(app, run, options, expected):
    run(*options)
    assert names(app) == {f"Rule {number} 0f6da907" for number in expected}


def test_a_dry_run_prints_the_stanzas_and_writes_nothing(app, run):
    code, out, err = run("--dry-run")
    assert code == 1
    assert [line for line in out.splitlines() if line.startswith("[")] == ["[Rule 1 0f6da907]", "[Rule 2 0f6da907]"]
    assert "2 rules would be detections" in err
    assert not (app / "local").exists()


def test_json_has_an_object_for_each_rule(run):
    _, out, _ = run("--json", "--dry-run")
    found = {one["rule"]: one for one in map(json.loads, out.splitlines())}
    assert found == {
        "deep/0.yml": {**refused("0"), "reason": "left out by --level or --status"},
        "deep/1.yml": {**refused("1"), "detection": "Rule 1 0f6da907"},
        "deep/2.yml": {**refused("2"), "detection": "Rule 2 0f6da907"},
        "deep/3.yml": {**refused("3"), "reason": "left out by --level or --status"},
        "wrong.yml": {**refused("9"), "rule": "wrong.yml", "reason": "No detections defined in Sigma rule"},
    }


def refused(number):
    id = f"0f6da907-5854-4be6-859a-e9958747b0a{number}"
    return {"rule": f"deep/{number}.yml", "id": id, "detection": None, "reason": None}


def test_a_second_run_updates_by_id_and_leaves_what_users_have_set(app, rules, run):
    run()
    conf = app / "local/ssa_detections.conf"
    conf.write_text("# ours\n" + conf.read_text().replace("[Rule 1 0f6da907]\n", "[Rule 1 0f6da907]\ndisabled = 1\n"))
    before = conf.read_text()
    run()
    assert conf.read_text() == before
    changed = rule(1, level="critical", status="stable", title="Renamed")
    (rules / "deep/1.yml").write_text(yaml.safe_dump(changed))
    run()
    found = Catalogue.of_app(str(app)).find("0f6da907-5854-4be6-859a-e9958747b0a1")
    assert (found.name, found.disabled, found.risk_score) == ("Rule 1 0f6da907", True, 85)
    assert names(app) == {"Rule 1 0f6da907", "Rule 2 0f6da907"}


@pytest.mark.parametrize(
    ("path", "options", "problem"),
    [
        ("", ["--mapping", "none.toml"], "none.toml: cannot be read"),
        ("", ["--app", "elsewhere"], "elsewhere is not the app's folder"),
        ("no-such-path", [], "no-such-path: not found"),
    ],
)
def test_what_is_not_there_is_named_and_nothing_is_written(app, rules, run, path, options, problem):
    code, _, err = run(*options, path=path or rules)
    assert code == 2
    assert problem in err
    assert err.endswith("Nothing was written.\n")
    assert not (app / "local").exists()


def test_a_level_that_there_is_not_is_an_error(run, capsys):
    with pytest.raises(SystemExit):
        run("--level", "huge")
    assert "expected all, or some of informational,low,medium,high,critical, found huge" in capsys.readouterr().err

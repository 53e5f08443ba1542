"""`python -m tools sigma`: which rules it takes, what it writes and prints, and what it leaves as it is."""

import json

import pytest

from ssa.content.detection import Catalogue

LEFT_OUT = "left out by --id, --tag, --level or --status"


def names(app):
    return {name for name in Catalogue.of_app(str(app)).names if name.startswith("Rule")}


def test_high_and_critical_rules_that_are_tested_become_detections_by_default(app, run):
    code, out, err = run()
    assert (code, out) == (1, "")
    assert names(app) == {"Rule 1 0f6da907", "Rule 2 0f6da907"}
    assert err.splitlines() == [
        "refused: wrong.yml: No detections defined in Sigma rule",
        f"rules converted: 2, refused: 1, {LEFT_OUT}: 2",
        "2 of them can fire on Sysmon 1",
        "2 of them can fire on Security 4688",
        "added: 2: Rule 1 0f6da907, Rule 2 0f6da907",
        "unchanged: 0",
        "",
        f"{app / 'local'} has them now. Splunk reads them when it starts: restart it, then enable and schedule: "
        "SSA - Sigma process_creation - Rule",
        f"Without Splunk: .venv/bin/python -m sandbox replay --all --local {app / 'local'} EVENTS…",
    ]
    assert Catalogue.of_app(str(app)).find("Rule 1 0f6da907").risk_score == 55


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--level", "all", "--status", "all"], {0, 1, 2, 3}),
        (["--level", "low,medium", "--status", "all"], {0, 3}),
        (["--level", "all", "--status", "experimental"], {3}),
        (["--level", "informational"], set()),
        (["--tag", "attack.t1003"], {1, 2}),
        (["--tag", "attack.t1003.002,attack.execution", "--level", "all", "--status", "all"], {0, 2}),
        (["--tag", "attack.t1004"], set()),
        (["--id", "0F6DA907-5854-4be6-859a-e9958747b0a0,x"], {0}),
        (["--id", "0f6da907-5854-4be6-859a-e9958747b0a0", "--level", "high"], set()),
    ],
)
def test_rules_can_be_chosen(app, run, options, expected):
    run(*options)
    assert names(app) == {f"Rule {number} 0f6da907" for number in expected}


def test_an_id_that_no_rule_has_is_named(run):
    given = "0f6da907-5854-4be6-859a-e9958747b0a0"
    assert run("--id", f"x\x1b,{given}")[2].splitlines()[0] == "note: no rule of those given has the id x␛"
    assert "note: " not in run("--id", given.upper())[2]


def test_a_dry_run_prints_the_stanzas_and_writes_nothing(app, run):
    code, out, err = run("--dry-run")
    assert code == 1
    assert [line for line in out.splitlines() if line.startswith("[")] == [
        "[ssa_set_sigma_process_creation_filter]",
        "[Rule 1 0f6da907]",
        "[Rule 2 0f6da907]",
        "[SSA - Sigma process_creation - Rule]",
    ]
    assert "rules converted: 2," in err
    assert "Restart" not in err
    assert not (app / "local").exists()


def test_json_has_an_object_for_each_rule(run):
    _, out, _ = run("--json", "--dry-run")
    found = {one["rule"]: one for one in map(json.loads, out.splitlines())}
    assert found == {
        "deep/0.yml": {**refused("0"), "reason": LEFT_OUT},
        "deep/1.yml": {**refused("1"), "detection": "Rule 1 0f6da907"},
        "deep/2.yml": {**refused("2"), "detection": "Rule 2 0f6da907"},
        "deep/3.yml": {**refused("3"), "reason": LEFT_OUT},
        "wrong.yml": {**refused("9"), "rule": "wrong.yml", "reason": "No detections defined in Sigma rule"},
    }


def refused(number):
    id = f"0f6da907-5854-4be6-859a-e9958747b0a{number}"
    return {"rule": f"deep/{number}.yml", "id": id, "detection": None, "reason": None}


@pytest.mark.parametrize(
    ("path", "options", "problem"),
    [
        ("", ["--mapping", "none.toml"], "none.toml: cannot be read"),
        ("", ["--app", "elsewhere"], "elsewhere is not the app's folder"),
        ("no-such-path", [], "no-such-path: not found"),
        ("bin", [], "bin: no rule is there, no file that ends with .yml"),
        ("", ["--try", "none.log"], "none.log: no such file\n"),
        ("", ["--try", "tests"], "tests: this is a folder: name the files in it\n"),
        ("", ["--set", "../x"], "the name of a set: expected 1 to 48 of a-z, 0-9 and _"),
        ("", ["--set", "x_correlation"], "not _correlation at the end"),
        ("", ["--remove", "sigma_process_creation"], "--remove takes no rules, and no files"),
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

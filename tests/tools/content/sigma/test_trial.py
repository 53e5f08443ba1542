"""`tools sigma --try`: rules over event files by the packaged command, in a table, and nothing written."""

import re

import pytest
import yaml

from tests.support.sigma import rules as published
from tests.support.sigma.own import correlation, rule
from tools.__main__ import main
from tools.bench.rules.trial import event

TABLE = """\
hits  devices  users  of events         rule
  12        2      3      3.00%  noisy  Rule 1 0f6da907 (high), by Ann
   1        1      1      0.25%         Rule 2 0f6da907 (critical), by unknown
400 events, 400 of them new processes; 13 hits of 2 of 3 rules, of which 1 would be noisy, in N s
1 correlation rules were not tried: they need a search. The rules that they name were.
"""


def events(tmp_path, lines):
    """A file of events with these command lines, by user and device."""
    path = tmp_path / "events.log"
    path.write_text("".join(event(n, user, device, line) + "\n" for n, (user, device, line) in enumerate(lines)))
    return path


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    high = {"level": "high", "status": "test"}
    found = [rule(1, **high, author="Ann"), rule(2, level="critical", status="test"), rule(3, **high)]
    found.append(correlation(4, "event_count", [found[0]["id"]], condition={"gte": 2}))
    (folder / "rules.yml").write_text(yaml.safe_dump_all(found))
    return folder


def test_a_trial_says_which_rules_fire_and_which_would_be_noisy(tmp_path, folder, capsys, monkeypatch):
    lines = [("amy", "ws-1", f"x.exe {n}") for n in range(387)]
    lines += [(("amy", "bob", "eve")[n % 3], f"ws-{n % 2}", "x.exe odd1") for n in range(12)]
    lines += [("amy", "ws-9", "x.exe odd2 <&>'\"")]
    path = events(tmp_path, lines)
    before = set(tmp_path.rglob("*"))
    assert main(["sigma", str(folder), "--try", str(path)]) == 0
    output = capsys.readouterr()
    assert re.sub(r"[\d.]+ s\n", "N s\n", output.out) == TABLE
    assert "rules converted: 4, refused: 0," in output.err
    assert set(tmp_path.rglob("*")) == before


@pytest.mark.parametrize(
    ("content", "problem"),
    [(None, "events.log: no such file\n"), ("", "is empty"), ("no events\n", "no event can be read")],
)
def test_a_file_without_events_is_named(tmp_path, folder, capsys, content, problem):
    path = tmp_path / "events.log"
    if content is not None:
        path.write_text(content)
    assert main(["sigma", str(folder), "--try", str(path)]) == 2
    assert problem in capsys.readouterr().err


def test_a_trial_without_rules_or_events_that_fire(tmp_path, folder, capsys):
    path = events(tmp_path, [("amy", "ws-1", "x.exe")])
    assert main(["sigma", str(folder), "--level", "low", "--try", str(path)]) == 2
    assert "there is no rule to try" in capsys.readouterr().err
    assert main(["sigma", str(folder), "--try", str(path)]) == 0
    assert capsys.readouterr().out.startswith("1 events, 1 of them new processes; 0 hits of 0 of 3 rules")


def test_each_published_rule_fires_on_its_sample_as_the_command_runs_it(tmp_path, capsys):
    selection = published.unpacked("rules.tar.gz", tmp_path / "rules")
    samples = published.samples(published.unpacked("regression.tar.gz", tmp_path / "samples"))
    paths = [str(path) for _, path, _ in samples]
    everything = ["--level", "all", "--status", "all"]
    assert main(["sigma", str(selection), *everything, "--try", *paths]) == 0
    fired = set(re.findall(r"([0-9a-f]{8}) \([a-z]+\), by ", capsys.readouterr().out))
    assert {rule_id[:8] for rule_id, _, _ in samples} <= fired

"""The benchmark of many rules: rules and rows in the statistics that it states, and equal hits or none at all."""

import statistics
from collections import Counter
from random import Random

import pytest

from tools.bench.rules import __main__ as command
from tools.bench.rules import documents, page, rows, trial
from tools.bench.rules.measuring import DATABASES, Cost, RuleBench

RULES, ROWS = 150, 400


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    return RuleBench(tmp_path_factory.mktemp("bench"), RULES, ROWS, real=False)


def test_made_rules_are_like_published_ones():
    made = documents.documents(500, rows.bases(False), are_real=False)
    assert made == documents.documents(500, rows.bases(False), are_real=False)
    parts = [rule["detection"] for rule in made]
    programs = sum(isinstance(part.get("selection_img"), list) for part in parts)
    wanted = sum(weight for shape, weight in documents.SHAPES if "original" in shape)
    assert programs / 500 == pytest.approx(wanted / sum(weight for _, weight in documents.SHAPES), abs=0.06)
    assert sum("filter_main" in part for part in parts) / 500 == pytest.approx(documents.NEGATED, abs=0.06)
    contained = [
        value
        for part in parts
        for key, values in part.get("selection_cli", {}).items()
        if "|contains" in key
        for value in values
    ]
    assert 3 < statistics.median(map(len, contained)) < 12
    assert min(map(len, contained)) < 3


def test_exchanged_rules_have_the_shape_of_theirs_and_values_of_others():
    rule = {
        "title": "One",
        "id": "8eaafff1-0000-4000-8000-000000000001",
        "detection": {
            "a": [{"CommandLine|contains": ["abc", "x"]}, {"Image|endswith": "\\one.exe"}],
            "b": {"User": None, "CommandLine|fieldref": "Image"},
            "condition": "a and not b",
        },
    }
    pools = {
        ("CommandLine|contains", 2): ["def"],
        ("CommandLine|contains", 1): ["y"],
        ("Image|endswith", 4): ["\\two.exe"],
        ("User", -1): [None],
    }
    copy = documents.exchanged(rule, 7, pools, Random(1))
    assert copy["detection"] == {
        "a": [{"CommandLine|contains": ["def", "y"]}, {"Image|endswith": ["\\two.exe"]}],
        "b": {"User": [None], "CommandLine|fieldref": "Image"},
        "condition": "a and not b",
    }
    assert rule["detection"]["a"][0] == {"CommandLine|contains": ["abc", "x"]}
    assert [documents.is_real(one) for one in (rule, copy)] == [True, False]


def test_rows_are_like_events_each_with_a_command_line_of_its_own(bench):
    assert len(bench.rows) == len({row["process"] for row in bench.rows}) == ROWS
    assert set().union(*bench.rows) == set(rows.COLUMNS)
    assert 40 < statistics.median(len(row["process"]) for row in bench.rows) < 110
    found = sum(any(bench.rules.found(row)) for row in bench.rows)
    assert 0 < found < ROWS * page.RATE * 4
    (header, *lines) = bench.chunks[0].decode().splitlines()
    assert (header.count(","), len(lines)) == (2 * len(rows.COLUMNS) - 1, ROWS)


def test_all_find_the_same_and_each_figure_is_the_least(bench):
    bench.take(RULES)
    costs = page.measured(bench, runs=1, without=frozenset())
    own = [(what, version) for what in ("ours", "rules") for version in page.pythons()]
    assert [*costs] == [*own, *((database, "") for database in DATABASES)]
    assert len({frozenset(cost.hits.items()) for cost in costs.values()}) == 1
    assert all(costs[one].hits.total() > 0 for one in own)
    assert all(cost.work > 0 for cost in costs.values())


def test_a_difference_ends_the_run(bench, monkeypatch):
    monkeypatch.setattr(bench, "command", lambda _python, _what: Cost(0.1, 1.0, 10.0, Counter(a=2, b=1)))
    monkeypatch.setattr(bench, "database", lambda _kind: Cost(0.0, 1.0, 0.0, Counter(a=2)))
    with pytest.raises(SystemExit, match="DuckDB, ILIKE and ssadetect do not find the same: b: 0 and 1"):
        page.measured(bench, 1, frozenset())


def test_the_page_says_how_cost_grows_and_which_goals_are_met():
    def costs(ours, other):
        hits = Counter(a=1)
        return {"ours": Cost(0.3, ours, 90, hits), "sqlite": Cost(0, other, 0, hits)}

    found = {1: costs(1.0, 2.0), 100: costs(2.0, 20.0), 1_415: costs(5.0, 44.0)}
    assert [*page.verdicts(found, 20_000, "3.9")] == [
        "- 1,415 rules cost 5.00 times 1.",
        "- 1,415 rules cost 2.50 times 100 (≤ 2: missed).",
        "- 1,415 rules: 8.80 times as fast as SQLite (≥ 9: missed).",
        "- 1,415 rules: 0.30 s to getinfo (≤ 0.35: met), 250 µs a row (≤ 200: missed), 90 MB (≤ 100: met).",
    ]
    assert page.line(100, found[100], 20_000) == "| 100 | 0.30 | 90 | 100.0 | – | – | – | 1,000.0 | 1 |"


def test_a_written_page_keeps_what_stands_around(tmp_path, monkeypatch, capsys):
    (tmp_path / "page.md").write_text("# Top\n\n## Many rules\n\nold\n\n## What is measured\n\nend\n")
    monkeypatch.setattr(page, "PATH", tmp_path / "page.md")
    monkeypatch.setattr(page, "report", lambda *_: iter(["## Many rules", "", "new"]))
    assert command.main(["--write"]) == 0
    assert (tmp_path / "page.md").read_text() == "# Top\n\n## Many rules\n\nnew\n\n## What is measured\n\nend\n"
    assert capsys.readouterr().out == "## Many rules\n\nnew\n"


def test_a_trial_finds_what_was_planted(capsys, monkeypatch):
    monkeypatch.delenv(documents.FOLDER, raising=False)
    assert trial.main(["--events", "1500", "--rules", "60"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("60 rules over 1,500 events: ")
    assert "0 hits" not in out.partition(",")[0]

"""The benchmark measures what it says, and notices when a search finds too little or too much."""

import re
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from sandbox.demo import replay
from sandbox.inputs import windows
from sandbox.search.instance import Instance
from tools.bench import data as bench_data
from tools.bench import searches as bench

COUNT = 20_000


@pytest.fixture(scope="module")
def parsed() -> list[windows.Event]:
    return [windows.parse(row.rstrip("\n")) for row in bench_data.events(COUNT)]


def is_hit(event: windows.Event) -> bool:
    """The detection's rule, written once more."""
    line = event.fields["process"].lower()
    return event.fields["process_name"] == "msiexec.exe" and ("/y " in line or "-y " in line)


def test_the_events_are_one_busy_day_with_the_planted_hits(parsed: list[windows.Event]) -> None:
    assert {(event.problem, event.tags) for event in parsed} == {("", windows.PROCESS_TAGS)}
    times = [event.time for event in parsed]
    assert times == sorted(set(times))
    day = bench_data.DAY.timestamp()
    assert day <= times[0] < day + 60
    assert day + 86_340 < times[-1] < day + 86_400
    assert len({event.host for event in parsed}) == 60
    assert len({event.fields["user"] for event in parsed}) == 200
    assert sum(len(event.fields["process"]) for event in parsed) / COUNT == pytest.approx(1000, rel=0.1)
    assert sum(map(is_hit, parsed)) == bench_data.planted(COUNT) == 2
    msiexec = Counter(is_hit(event) for event in parsed if event.fields["process_name"] == "msiexec.exe")
    assert msiexec[False] > 100 * msiexec[True]


def test_the_same_number_gives_the_same_events() -> None:
    assert list(bench_data.events(300)) == list(bench_data.events(300))


def test_a_small_run_shows_plausible_figures(capsys: pytest.CaptureFixture[str]) -> None:
    assert bench.main(["--events", "2000", "--runs", "2", "--rules", "30"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("2,000 events")
    # For each search what it found, its least and median times, and its memory alone and with the commands.
    values = r"hits of .*?\b1\b.*?least +([\d.]+) s.*?median +([\d.]+) s +under 10 s: met"
    values += r".*?least +([\d.]+) s.*?median +([\d.]+) s.*?sandbox +([\d.]+) MB.*?commands +([\d.]+) MB +under 1,024"
    found = [tuple(map(float, match.groups())) for match in re.finditer(values, out, re.S)]
    assert len(found) == 2
    for wall, median, cpu, cpu_median, own, all_together in found:
        assert 0 < wall <= median < 10
        assert 0 < cpu <= cpu_median < 20
        assert 30 < own < own + 10 < all_together < 1024  # a command is a Python of its own
    rules = re.search(
        r"hits of 30 rules and the given one +\d+.*?processor time +([\d.]+) s.*?commands +([\d.]+) MB", out, re.S
    )
    assert rules
    assert 0 < float(rules[1]) < 60
    assert 30 < float(rules[2]) < 1024
    action = re.search(
        r"risk events of 2,000 results +4,000.*?processor time +([\d.]+) s.*?memory +([\d.]+) MB", out, re.S
    )
    assert action
    assert 0 < float(action[1]) < 60
    assert 10 < float(action[2]) < 100
    raw = re.search(r"raw events +([\d.]+) MB", out)
    assert raw
    assert float(raw[1]) == pytest.approx(4.5, rel=0.1)


def test_a_search_that_does_not_find_what_was_planted_ends_the_run(tmp_path: Path) -> None:
    data = bench.Data(tmp_path, 500, 1)
    bench.ingest(data)
    instance = Instance(tmp_path, on_disk=True)
    names = replay.risk_searches(instance)
    instance.database.close()
    assert names
    with pytest.raises(SystemExit, match="1 hits, not the 100 that were planted"):
        bench.search(replace(data, events=1_000_000), names[0])

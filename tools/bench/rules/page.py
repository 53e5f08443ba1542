"""The part of docs/benchmark.md on many rules: what is measured, and whether the goals are met."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tools import ROOT
from tools.bench.rules import documents, rows
from tools.bench.rules.measuring import DATABASES, RATE, Cost, RuleBench
from tools.bench.scan.runs import WANTED, machine, pythons

PATH = ROOT / "docs/benchmark.md"
HEADING = "## Many rules"
COUNTS = (1, 100, 500, 1_415)
ROWS, RUNS = 20_000, 3
GOALS = {"ilike": 10, "sqlite": 9, "lower": 4}
"""How many times as fast as a database, at 1,415 rules on Python 3.9."""
GOAL_START, GOAL_ROW, GOAL_GROWTH, GOAL_MB = 0.35, 200, 2, 100
"""CPU s to the answer to getinfo, µs a row, times the cost of 100 rules, MB: the most, at 1,415 rules."""

LABELS = {"ours": "ssadetect", "rules": "plain SDK command", **DATABASES}


def report(
    counts: tuple[int, ...] = COUNTS, row_count: int = ROWS, runs: int = RUNS, without: frozenset[str] = frozenset()
) -> Iterator[str]:
    """Measure everything; yield a part of the page. Raises SystemExit where hits differ."""
    yield HEADING
    yield ""
    yield f"{machine()}; {row_count:,} rows of {len(rows.COLUMNS)} columns, {RATE:.0%} of them with a hit,"
    yield f"no command line twice; least CPU time of {runs} rounds, in which all take turns. All find the same hits."
    yield from workload(counts, row_count, runs, without, real=False)
    if os.environ.get(documents.FOLDER) and os.environ.get(rows.FOLDER):
        yield from workload(counts, row_count, runs, without, real=True)


def workload(counts: tuple[int, ...], row_count: int, runs: int, without: frozenset[str], real: bool) -> Iterator[str]:
    """Measure rules and rows that are made, or real ones."""
    with tempfile.TemporaryDirectory(prefix="bench-") as home:
        bench = RuleBench(Path(home), max(counts), row_count, real)
        kind = "Published rules, real events" if real else "Rules and rows in the statistics of real ones"
        for version, python in pythons().items():
            yield f"\n### {kind}, Python {version}\n"
            yield (
                "| rules | CPU s to getinfo | MB | "
                + " | ".join(f"{one}: µs a row" for one in LABELS.values())
                + " | hits |"
            )
            yield "|---" * (len(LABELS) + 4) + "|"
            found: dict[int, dict[str, Cost]] = {}
            for count in counts:
                bench.take(count)
                found[count] = measured(bench, python, runs, without)
                yield line(count, found[count], row_count)
            yield ""
            yield from verdicts(found, row_count, version)


def measured(bench: RuleBench, python: str, runs: int, without: frozenset[str]) -> dict[str, Cost]:
    """Run all of them in turn, so often; return the least of each."""
    least: dict[str, Cost] = {}
    for _ in range(runs):
        for what, label in LABELS.items():
            if what in without:
                continue
            cost = bench.database(what) if what in DATABASES else bench.command(python, what)
            before = least.get(what, cost)
            start, work = min(cost.start, before.start), min(cost.work, before.work)
            least[what] = Cost(start, work, max(cost.memory, before.memory), cost.hits)
            if cost.hits != least["ours"].hits:
                differing = {n: (cost.hits[n], least["ours"].hits[n]) for n in {*cost.hits, *least["ours"].hits}}
                named = [f"{n}: {a} and {b}" for n, (a, b) in differing.items() if a != b]
                raise SystemExit(f"{label} and ssadetect do not find the same: {'; '.join(named[:5])}")
    return least


def line(count: int, costs: dict[str, Cost], row_count: int) -> str:
    """Write a row of the table."""
    ours = costs["ours"]
    per_row = (f"{costs[what].work / row_count * 1e6:,.1f}" if what in costs else "–" for what in LABELS)
    return f"| {count:,} | {ours.start:.2f} | {ours.memory:.0f} | {' | '.join(per_row)} | {sum(ours.hits.values()):,} |"


def verdicts(found: dict[int, dict[str, Cost]], row_count: int, version: str) -> Iterator[str]:
    """Yield how cost grows, and whether the goals are met."""
    most = max(found)
    ours = found[most]["ours"]

    def verdict(met: bool) -> str:
        return f": {'met' if met else 'missed'}" if most == COUNTS[-1] and version == WANTED[0] else ""

    for few in (count for count in found if count < most):
        growth = ours.work / found[few]["ours"].work
        goal = f" (≤ {GOAL_GROWTH}{verdict(growth <= GOAL_GROWTH)})" if few == 100 else ""
        yield f"- {most:,} rules cost {growth:.2f} times {few:,}{goal}."
    for what, cost in found[most].items():
        times, goal_times = cost.work / ours.work, GOALS.get(what)
        goal = f" (≥ {goal_times}{verdict(times >= goal_times)})" if goal_times else ""
        if what != "ours":
            yield f"- {most:,} rules: {times:.2f} times as fast as {LABELS[what]}{goal}."
    micros = ours.work / row_count * 1e6
    yield (
        f"- {most:,} rules: {ours.start:.2f} s to getinfo (≤ {GOAL_START}{verdict(ours.start <= GOAL_START)}), "
        f"{micros:.0f} µs a row (≤ {GOAL_ROW}{verdict(micros <= GOAL_ROW)}), "
        f"{ours.memory:.0f} MB (≤ {GOAL_MB}{verdict(ours.memory <= GOAL_MB)})."
    )

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
ROWS, RUNS = 100_000, 1
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
    yield f"no command line twice; least CPU time of {runs} round{'s' * (runs > 1)}, in which all take turns, both"
    yield "Pythons too. All find the same hits."
    yield from workload(counts, row_count, runs, without, real=False)
    if os.environ.get(documents.FOLDER) and os.environ.get(rows.FOLDER):
        yield from workload(counts, row_count, runs, without, real=True)


def workload(counts: tuple[int, ...], row_count: int, runs: int, without: frozenset[str], real: bool) -> Iterator[str]:
    """Measure rules and rows that are made, or real ones."""
    with tempfile.TemporaryDirectory(prefix="bench-") as home:
        bench = RuleBench(Path(home), max(counts), row_count, real)
        kind = "Published rules, real events" if real else "Rules and rows in the statistics of real ones"
        found: dict[int, dict[tuple[str, str], Cost]] = {}
        for count in counts:
            bench.take(count)
            found[count] = measured(bench, runs, without)
        for version in pythons():
            yield f"\n### {kind}, Python {version}\n"
            yield (
                "| rules | CPU s to getinfo | MB | "
                + " | ".join(f"{one}: µs a row" for one in LABELS.values())
                + " | hits |"
            )
            yield "|---" * (len(LABELS) + 4) + "|"
            own = {
                count: {what: cost for (what, which), cost in costs.items() if which in (version, "")}
                for count, costs in found.items()
            }
            for count, costs in own.items():
                yield line(count, costs, row_count)
            yield ""
            yield from verdicts(own, row_count, version)


def measured(bench: RuleBench, runs: int, without: frozenset[str]) -> dict[tuple[str, str], Cost]:
    """Run all of them in turn, so often; return the least of each, with its Python (empty for a database)."""
    several = [(what, "") if what in DATABASES else (what, version) for what in LABELS for version in pythons()]
    least: dict[tuple[str, str], Cost] = {}
    for _ in range(runs):
        for what, version in dict.fromkeys(several):
            if what in without:
                continue
            cost = bench.command(pythons()[version], what) if version else bench.database(what)
            before = least.setdefault((what, version), cost)
            start, work = min(cost.start, before.start), min(cost.work, before.work)
            least[what, version] = Cost(start, work, max(cost.memory, before.memory), cost.hits)
            ours = next(iter(least.values())).hits
            if cost.hits != ours:
                named = [f"{n}: {cost.hits[n]} and {ours[n]}" for n in {*cost.hits, *ours} if cost.hits[n] != ours[n]]
                raise SystemExit(f"{LABELS[what]} and ssadetect do not find the same: {'; '.join(named[:5])}")
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

"""Measure ssadetect: `python -m tools.bench.scan [--runs N] [--rows N] [--write]`; some minutes.

Every figure is the CPU time of the child process, in user and kernel mode, between its answer to getinfo and its last
reply. Everything that is compared runs in turn, in one go, over the same chunks; shown are the median and the spread.
Exit code 1 when an answer has another number of rows than were planted.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from tools import ROOT
from tools.bench import searches, section
from tools.bench.rules.page import report as many_rules
from tools.bench.scan.data import NARROW, WIDE, Chunk, chunk, detections
from tools.bench.scan.runs import WANTED, Bench, Run, Series, machine, pythons, series
from tools.docs.pages import GIVEN

HERE = Path(__file__).parent
PAGE = ROOT / "docs" / "benchmark.md"
RATES = (0.0001, 0.01, 1.0)
COUNTS = (1, 6, 20, 60, 200, 500)

GOALS = {
    ("wide", "plain"): (9.0, 8.0, 3.0),
    ("narrow", "plain"): (6.0, 4.0, 2.0),
    ("wide", "find"): (0.9, 0.5, None),
}
"""At least how many times as fast as what, at each rate, on Python 3.9; three quarters of it on another."""

MEMORY = (30, 35, 60)
"""At most how many MB at each rate, for chunks of 50,000 wide rows."""


def interleaved(
    bench: Bench, python: str, whats: tuple[str, ...], chunks: list[Chunk], runs: int
) -> dict[str, list[Run]]:
    """Run all of them in turn, so often; each answer must have the planted rows."""
    found: dict[str, list[Run]] = {what: [] for what in whats}
    bodies, planted = [one.body for one in chunks], sum(one.matches for one in chunks)
    for _ in range(runs):
        for what in whats:
            ran = bench.run(python, what, bodies, GIVEN if what == "ours" else None)
            if what in ("ours", "all") and ran.rows != planted:
                raise SystemExit(f"{what}: {ran.rows} detected rows, not the {planted} that were planted")
            found[what].append(ran)
    return found


def ratio(found: dict[str, list[Run]], to: str) -> Series:
    """Return how many times as fast ours was as another, run by run."""
    return series([other.work / ours.work for ours, other in zip(found["ours"], found[to], strict=True)])


def verdict(got: float, goal: float | None, version: str, least: bool = True) -> str:
    """Say whether a goal is met, and by how much it is missed."""
    if goal is None:
        return "–"
    goal = goal if version == WANTED[0] or not least else goal * 0.75
    met = got >= goal if least else got <= goal
    return f"{'≥' if least else '≤'} {goal:g}: " + ("met" if met else f"missed by {abs(got / goal - 1):.0%}")


def speeds(bench: Bench, python: str, version: str, runs: int, rows: int) -> Iterator[str]:
    """Measure speed beside the others, and memory."""
    yield "| columns | match rate | compared with | times as fast: median (least – most) | goal |"
    yield "|---|---|---|---|---|"
    memory = []
    for kind, columns in (("wide", WIDE), ("narrow", NARROW)):
        for place, rate in enumerate(RATES):
            chunks = [chunk(columns, rows, rate)]
            whats = ("ours", "plain", "all", "csv", "find", "fold", "read")
            found = interleaved(bench, python, whats, chunks, runs)
            for what, label in LABELS.items():
                got = ratio(found, what)
                goal = GOALS.get((kind, what), (None, None, None))[place]
                yield f"| {kind} | {rate:.2%} | {label} | {got} | {verdict(got.median, goal, version)} |"
            per_row = {what: statistics.median(run.work for run in ran) / rows * 1e6 for what, ran in found.items()}
            yield (
                f"| {kind} | {rate:.2%} | CPU µs a row | "
                + ", ".join(f"{what} {value:.2f}" for what, value in per_row.items())
                + " | – |"
            )
            if kind == "wide":
                most = [max(run.memory for run in found[what]) for what in ("ours", "plain")]
                memory.append(
                    f"| {rate:.2%} | {most[0]:.0f} | {most[1]:.0f} | "
                    f"{verdict(most[0], MEMORY[place], version, least=False)} |"
                )
    yield ""
    yield f"Peak memory, chunks of {rows:,} wide rows, MB:"
    yield ""
    yield "| match rate | ours | plain | goal |"
    yield "|---|---|---|---|"
    yield from memory


LABELS = {
    "plain": "plain SDK command, same rule, four columns added",
    "all": "plain SDK command, same rule, all columns that ours adds",
    "csv": "`csv.reader` alone",
    "find": "search for the literal alone, in one case",
    "fold": "search for the literal alone, in any case",
    "read": "reading alone",
}


def many(bench: Bench, python: str, runs: int, rows: int) -> Iterator[str]:
    """Measure the curve over the number of detections."""
    local = bench.app / "local" / "ssa_detections.conf"
    local.parent.mkdir(exist_ok=True)
    chunks = [chunk(NARROW, rows, RATES[0], 60).body] * 4
    found: dict[int, list[Run]] = {count: [] for count in COUNTS}
    for _ in range(runs):
        for count in COUNTS:
            local.write_text(detections(count))
            found[count].append(bench.run(python, "ours", chunks))
    local.unlink()
    yield "| detections | CPU µs a row: median (least – most) | times one detection | CPU ms to getinfo |"
    yield "|---|---|---|---|"
    one = statistics.median(run.work for run in found[1])
    for count, ran in found.items():
        per_row = series([run.work / rows / len(chunks) * 1e6 for run in ran])
        start = statistics.median(run.start for run in ran) * 1000
        times = statistics.median(run.work for run in ran) / one
        yield f"| {count} | {per_row} | {times:.2f} | {start:.0f} |"
    flat = statistics.median(run.work for run in found[500]) / statistics.median(run.work for run in found[60])
    sixty = statistics.median(run.work for run in found[60]) / one
    yield ""
    yield f"Sixty cost {sixty:.2f} × one ({verdict(sixty, 4, '', least=False)}); "
    yield f"500 cost {flat:.2f} × sixty ({verdict(flat, 1.5, '', least=False)})."


def starts(bench: Bench, python: str, runs: int) -> str:
    """Measure the CPU time to the answer to getinfo: of many short runs, the least says most."""
    found: dict[str, list[float]] = {"ours": [], "sdk": [], "plain": []}
    for number in range(3 * runs + 1):
        for what, times in found.items():
            ran = bench.run(python, what, [], None if what == "plain" else GIVEN)
            if number:  # the first one writes the .pyc files
                times.append(ran.start * 1000)
    ours, sdk, plain = map(series, found.values())
    share = ours.least / plain.least
    return (
        f"CPU ms to the answer to getinfo: ours {ours}, ours on splunk-sdk (`ssadetect_sdk.py`) {sdk}, plain {plain}: "
        f"{share:.2f} × plain, the least of each ({verdict(share, 0.5, '', least=False)})."
    )


def report(runs: int, rows: int) -> Iterator[str]:
    """Measure everything; yield the page."""
    yield "# Benchmark: how fast is `ssadetect`?"
    yield ""
    yield "Generated by `make bench-scan`; what each figure is, and why a goal is missed, stands at the end."
    yield ""
    yield f"{machine()}; {runs} interleaved runs over chunks of {rows:,} rows; {time.strftime('%Y-%m-%d')}."
    with tempfile.TemporaryDirectory(prefix="bench-") as home:
        bench = Bench(Path(home))
        for version, python in pythons().items():
            yield f"\n## Python {version}\n"
            yield starts(bench, python, runs)
            yield ""
            yield from speeds(bench, python, version, runs, rows)
            yield "\nMany detections, narrow rows, 0.01 % of them a match:\n"
            yield from many(bench, python, runs, rows)
    yield ""
    kept = section.read(searches.HEADING, PAGE.read_text("utf-8")) if PAGE.exists() else ""
    yield from kept.splitlines()  # `python -m tools.bench.searches --write` writes it
    yield from [""] * bool(kept)
    yield from many_rules()
    yield ""
    yield (HERE / "notes.md").read_text().rstrip()


def main(arguments: list[str] | None = None) -> int:
    """Run the benchmark, print the page, and write it when asked."""
    parser = argparse.ArgumentParser(prog="python -m tools.bench.scan", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--runs", type=int, default=7, metavar="N")
    parser.add_argument("--rows", type=int, default=50_000, metavar="N", help="rows of a chunk")
    parser.add_argument("--write", action="store_true", help="write docs/benchmark.md")
    asked = parser.parse_args(arguments)
    lines = []
    for line in report(asked.runs, asked.rows):
        print(line, flush=True)
        lines.append(line)
    if asked.write:
        PAGE.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""Measure ssadetect: `python -m tools.bench.scan [--runs N] [--rows N] [--write]`; some minutes.

Every figure is the CPU time of the child process, in user and kernel mode, between its answer to getinfo and its last
reply. Everything that is compared runs in turn, in one go, over the same chunks; shown are the median and the spread.
Exit code 1 when an answer has another number of rows than were planted.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO, NamedTuple, cast

from sandbox.store.archive import unpack
from tools import ROOT
from tools.bench.scan.data import NARROW, WIDE, Chunk, chunk, detections
from tools.build import package
from tools.docs.pages import GIVEN

HERE = Path(__file__).parent
PAGE = ROOT / "docs" / "benchmark.md"
RATES = (0.0001, 0.01, 1.0)
COUNTS = (1, 6, 20, 60, 200, 500)
WANTED = ("3.9", "3.13")

GOALS = {
    ("wide", "plain"): (9.0, 8.0, 3.0),
    ("narrow", "plain"): (6.0, 4.0, 2.0),
    ("wide", "find"): (0.9, 0.5, None),
}
"""At least how many times as fast as what, at each rate, on Python 3.9; three quarters of it on another."""

MEMORY = (30, 35, 60)
"""At most how many MB at each rate, for chunks of 50,000 wide rows."""


class Run(NamedTuple):
    """One run: seconds of CPU to the answer to getinfo, and from there to the end; rows that came out; peak MB."""

    start: float
    work: float
    rows: int
    memory: float


class Series(NamedTuple):
    """A figure of several runs: its median, and the least and the most."""

    median: float
    least: float
    most: float

    def __str__(self) -> str:
        """Write it for a table."""
        return f"{self.median:.2f} ({self.least:.2f} – {self.most:.2f})"


def series(values: list[float]) -> Series:
    """Sum up the runs."""
    return Series(statistics.median(values), min(values), max(values))


class Bench:
    """The packaged app in a folder of its own, and what it is compared with."""

    def __init__(self, home: Path) -> None:
        unpack(package.build(home / "dist"), home / "apps")
        self.app, self.home = home / "apps" / "ssa_detections", home

    def command(self, python: str, what: str) -> list[str]:
        """Return how to start one of: ours, sdk, plain, all (plain with all our columns), read, find, fold, csv."""
        if what == "ours":
            return [python, str(self.app / "bin/ssadetect.py")]
        if what == "sdk":
            return [python, str(self.app / "bin/ssadetect_sdk.py")]
        if what in ("plain", "all"):
            return [python, str(HERE / "plain.py")]
        return [python, str(HERE / "bound.py"), what]

    def run(self, python: str, what: str, chunks: list[bytes], detection: str | None = None) -> Run:
        """Run one over chunks."""
        with subprocess.Popen(
            self.command(python, what),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=self.app / "bin",
            env={"PATH": os.defpath, "PYTHONPATH": str(self.app / "bin/lib"), "SSA_BENCH": what},
        ) as child:
            stdin, stdout = cast("IO[bytes]", child.stdin), cast("IO[bytes]", child.stdout)
            send(stdin, getinfo(self.home, detection))
            receive(stdout)
            start, rows = cpu_seconds(child.pid), 0
            for number, body in enumerate(chunks):
                send(stdin, {"action": "execute", "finished": number == len(chunks) - 1}, body)
                rows += receive(stdout)
            work, memory = cpu_seconds(child.pid) - start, peak(child.pid)
            stdin.close()
            child.wait()
        return Run(start, work, rows, memory)


def getinfo(home: Path, detection: str | None) -> dict[str, object]:
    """Write the first chunk's metadata."""
    args = [] if detection is None else [f"detection={detection}"]
    searchinfo = {
        **dict.fromkeys(("app", "owner", "username", "session_key", "search", "command"), "x"),
        **{"args": args, "raw_args": args, "dispatch_dir": str(home), "sid": "1.1", "maxresultrows": 50_000},
        **{"splunkd_uri": "https://127.0.0.1:8089", "splunk_version": "9.4.0"},
        **{"earliest_time": "0", "latest_time": "0"},
    }
    return {"action": "getinfo", "preview": False, "searchinfo": searchinfo}


def send(stdin: IO[bytes], metadata: dict[str, object], body: bytes = b"") -> None:
    """Send a chunk."""
    told = json.dumps(metadata).encode()
    stdin.write(b"chunked 1.0,%d,%d\n%b" % (len(told), len(body), told))
    stdin.write(body)
    stdin.flush()


def receive(stdout: IO[bytes]) -> int:
    """Read a reply; return how many detected rows are in it."""
    metadata, body = map(int, stdout.readline()[12:].split(b","))
    told = json.loads(stdout.read(metadata))
    if told.get("inspector"):
        print(told["inspector"], file=sys.stderr)
    # No cell of ours spans lines but the command line of one of the planted matches, which has its newline quoted.
    return stdout.read(body).count(b"sha256:") if body else 0


def cpu_seconds(pid: int) -> float:
    """Return the CPU time of a process: precise, where its kernel counts it so."""
    return int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1e9


def peak(pid: int) -> float:
    """Return the peak resident memory of a process, MB."""
    rows = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(row.split()[1]) / 1024 for row in rows if row.startswith("VmHWM:"))


def pythons() -> dict[str, str]:
    """Find the Pythons of Splunk: on PATH, else in pyenv's folder; else the one that runs this."""
    roots = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    found = {}
    for version in WANTED:
        there = sorted(roots.glob(f"{version}.*/bin/python"))
        if there:
            found[version] = str(there[-1])
    return found or {".".join(map(str, sys.version_info[:2])): sys.executable}


def machine() -> str:
    """Describe what this runs on, with its load: what else runs makes even CPU times longer."""
    rows = Path("/proc/cpuinfo").read_text().splitlines()
    models = [row.partition(":")[2].strip() for row in rows if row.startswith("model name")]
    memory = int(Path("/proc/meminfo").read_text().split()[1]) // 1_000_000
    load = os.getloadavg()[0]
    return (
        f"{len(models)} cores of {models[0] if models else 'unknown'}, {memory} GB, Linux, load {load:.1f} at the start"
    )


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
    yield "# How fast `ssadetect` is"
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

"""Measure the app on many events: `python -m tools.bench.searches [--events N] [--runs N] [--rules N] [--only WHAT]`.

Makes process-creation events of one day (the same ones each time), brings them into the sandbox as a replay does, and
runs the packaged searches over them, and one search with many rules; then the risk action, on as many results as an
alert gets. Each measurement has a process of its own, so that no other's memory counts. `--write` puts the search with
many rules into docs/benchmark.md. Exit code 1 when something is not found or written that was
planted; goals that are missed are only shown.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import resource
import statistics
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from itertools import islice
from multiprocessing import get_context
from pathlib import Path
from typing import NamedTuple, TypeVar

import duckdb
from rich import box
from rich.console import Console
from rich.table import Table

from sandbox.alerts import alert_actions
from sandbox.demo import replay
from sandbox.inputs import windows
from sandbox.search.instance import Instance
from sandbox.search.server import DATABASE
from sandbox.splunkd import Splunkd
from ssa.content.datamodels import PROCESSES
from tools.bench import section, views
from tools.bench.data import DAY, DAY_SECONDS, events, planted
from tools.build import package
from tools.content import index
from tools.content.stanzas import FIELDS
from tools.docs.pages import GIVEN

GOAL_SECONDS, GOAL_MB = 10, 1024
GOAL_ALERT_SECONDS, GOAL_ALERT_MB = 20, 60
GOAL_PANEL_SECONDS = 3
MILLION, GOAL_RULES_SECONDS = 1_000_000, 480
RISK_EVENTS_PER_EVENT = 0.1
ALERT_RESULTS = 10_000
"""The most results that an alert action gets: maxresults in alert_actions.conf."""

FOLDER = "SSA_SIGMA_RULES"
"""Names the folder of published rules, if any: see tools/bench/rules/documents.py."""

KEY = "bench"
HOURS = 24
SAMPLE_SECONDS = 0.02


T = TypeVar("T")


class Figure(NamedTuple):
    """One measured value; `goal` is what it should stay below, if anything."""

    what: str
    value: float
    unit: str
    goal: float | None = None


@dataclass(frozen=True)
class Data:
    """What a benchmark works on: a sandbox's home with the app and the events in it, and how often to measure."""

    home: Path
    events: int
    runs: int
    rules: int = 0


def ingestion(data: Data) -> list[Figure]:
    """Bring the events into a new sandbox, as a replay does."""
    return alone(ingest, data)


def ingest(data: Data) -> list[Figure]:
    """Make the sandbox and the events, and measure how they get in."""
    path = data.home / "events.log"
    with path.open("w", encoding="utf-8") as file:
        file.writelines(events(data.events))
    megabytes = path.stat().st_size / 1e6
    instance = Instance(data.home, on_disk=True, app=replay.APP)
    instance.install(package.build(data.home / "dist"))
    start, used = time.perf_counter(), cpu_seconds()
    stored = instance.add_events(map(replay.row, windows.read_events(path)))
    seconds, used = time.perf_counter() - start, cpu_seconds() - used
    instance.database.close()
    path.unlink()
    if stored != data.events:
        raise SystemExit(f"ingest: {stored} events stored, not {data.events}")
    return [
        Figure("raw events", megabytes, "MB"),
        Figure("ingest", seconds, "s"),
        Figure("ingest, processor time", used, "s"),
        Figure("ingest", stored / seconds, "events/s"),
        Figure("database", (data.home / DATABASE).stat().st_size / 1e6, "MB"),
    ]


def searches(data: Data) -> list[Figure]:
    """Run each saved search that makes risk over the whole day."""
    instance = Instance(data.home, on_disk=True, app=replay.APP)
    names = tuple(replay.risk_searches(instance) + replay.risk_searches(instance, tstats=True))
    instance.database.close()
    return [figure for name in names for figure in alone(search, data, name)]


def search(data: Data, name: str) -> list[Figure]:
    """Run one saved search several times."""
    instance = Instance(data.home, on_disk=True, app=replay.APP)
    text, day = instance.saved_search(name)["search"], DAY.timestamp()
    wanted, walls, cpus = planted(data.events), [], []
    with Memory() as memory:
        for _ in range(data.runs):
            wall, cpu = time.perf_counter(), cpu_seconds()
            found = len(instance.search(text, earliest=day, latest=day + DAY_SECONDS).rows)
            walls.append(time.perf_counter() - wall)
            cpus.append(cpu_seconds() - cpu)
            if found != wanted:
                raise SystemExit(f"{name}: {found} hits, not the {wanted} that were planted")
    return [
        Figure(f"hits of {name}", found, ""),
        Figure("  wall time, least", min(walls), "s"),
        Figure("  wall time, median", statistics.median(walls), "s", GOAL_SECONDS),
        Figure("  processor time, least", min(cpus), "s"),
        Figure("  processor time, median", statistics.median(cpus), "s"),
        Figure("  peak memory, sandbox", memory.own, "MB"),
        Figure("  peak memory, with commands", memory.own + memory.children, "MB", GOAL_MB),
    ]


def rules(data: Data) -> list[Figure]:
    """Run one search with many rules over the whole day."""
    return alone(search_rules, data, alone(install_rules, data)) if data.rules else []


def install_rules(data: Data) -> str:
    """Write the rules into the app's local folder, with the given detection; return a search with all of them."""
    from tools.bench.rules.measuring import stanzas_and_columns  # needs pySigma

    parsed = (windows.parse(row.rstrip("\n")).fields for row in islice(events(data.events), 1_000))
    sample = [{name: value for name, value in fields.items() if isinstance(value, str)} for fields in parsed]
    text, columns = stanzas_and_columns(data.rules, data.home, sample)
    with closing(Instance(data.home, on_disk=True, app=replay.APP)) as instance:
        local = local_conf(instance)
    local.parent.mkdir(exist_ok=True)
    local.write_text(f"[default]\ndisabled = 1\n[{GIVEN}]\ndisabled = 0\n{text}", "utf-8")
    index.write(local.parent.parent)
    return f"`{PROCESSES.macro}` | fields {', '.join(sorted({*FIELDS, *columns}))} | ssadetect"


def local_conf(instance: Instance) -> Path:
    """Return where the app of a sandbox has the detections of its users."""
    return instance.apps / replay.APP / "local/ssa_detections.conf"


def search_rules(data: Data, text: str) -> list[Figure]:
    """Run the search once for each hour, as a schedule does: among all hits must be the given detection's planted ones.

    Over the whole day at once, the sandbox would have to sort more than fits into its memory.
    """
    instance, found = Instance(data.home, on_disk=True, app=replay.APP), Counter[str]()
    wall, cpu = time.perf_counter(), cpu_seconds()
    with Memory() as memory:
        for hour in range(HOURS):
            earliest = DAY.timestamp() + hour * DAY_SECONDS / HOURS
            latest = earliest + DAY_SECONDS / HOURS
            found.update(str(row["detection"]) for row in instance.search(text, earliest=earliest, latest=latest).rows)
    wall, cpu = time.perf_counter() - wall, cpu_seconds() - cpu
    local_conf(instance).unlink()
    if found[GIVEN] != planted(data.events):
        raise SystemExit(f"{data.rules} rules: {found[GIVEN]} hits, not the {planted(data.events)} planted")
    return [
        Figure(f"hits of {data.rules:,} rules and the given one", found.total(), ""),
        Figure("  wall time", wall, "s"),
        Figure("  processor time", cpu, "s", GOAL_RULES_SECONDS if data.events >= MILLION else None),
        Figure("  peak memory, sandbox", memory.own, "MB"),
        Figure("  peak memory, with commands", memory.own + memory.children, "MB", GOAL_MB),
    ]


def panels(data: Data) -> list[Figure]:
    """Run the searches of the views over the events, and a tenth as many risk events."""
    return alone(paint, data)


def paint(data: Data) -> list[Figure]:
    """Add the risk events, then measure each search of each view, a chain with what it extends."""
    with closing(Instance(data.home, on_disk=True, app=replay.APP)) as instance:
        risk = instance.add_events(views.risk_events(round(data.events * RISK_EVENTS_PER_EVENT)))
        took = views.seconds(instance, data.runs)
    slowest = [Figure(f"  {what}", seconds, "s", GOAL_PANEL_SECONDS) for what, seconds in took.items()]
    return [Figure("searches of the views, with risk events", risk, ""), *slowest]


def alerting(data: Data) -> list[Figure]:
    """Run the risk action on as many results as an alert gets, by the saved search that finds them."""
    return alone(alert, min(data.events, ALERT_RESULTS))


def alert(results: int) -> list[Figure]:
    """Run the risk action once on so many results, each of its own user and device, with a ledger that is empty."""
    with (
        tempfile.TemporaryDirectory(prefix="bench-") as home,
        closing(Instance(Path(home), session_key=KEY, app=replay.APP)) as instance,
    ):
        instance.install(package.build(Path(home) / "dist"))
        local = instance.apps / replay.APP / "local/alert_actions.conf"
        local.parent.mkdir()
        # As many results as an alert gets would be an error: the search may have found more.
        local.write_text(f"[ssa_risk]\nmaxresults = {results + 1}\n")
        with Splunkd(instance) as splunkd:
            splunkd.sessions[KEY] = frozenset({"edit_tcp"})
            instance.splunkd_uri = splunkd.uri
            instance.add_events(map(hit, range(results)))
            name = replay.risk_searches(instance)[0]
            found = instance.search(instance.saved_search(name)["search"])
            started, used = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
            with Memory() as memory:
                ran = alert_actions.run(instance, replay.ACTION, name, found, {})
            seconds, after = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
        written = len(instance.search("index=risk | dedup risk_event_id").rows)
    if ran.code or (len(found.rows), written) != (results, 2 * results):
        raise SystemExit(f"{name}: {len(found.rows)} of {results} results, {written} risk events: {ran.log[-1]}")
    return [
        Figure(f"risk events of {results:,} results", written, ""),
        Figure("  wall time, with the sandbox's", seconds, "s", GOAL_ALERT_SECONDS),
        Figure("  processor time", after.ru_utime + after.ru_stime - used.ru_utime - used.ru_stime, "s"),
        Figure("  peak memory", memory.children, "MB", GOAL_ALERT_MB),
    ]


def hit(number: int) -> dict[str, object]:
    """Make a process event that the detection finds, as its index has it."""
    line = f'msiexec.exe /y "C:\\ProgramData\\{number}\\{"long folder " * 20}\\library.dll" /qn'
    return {
        "_time": DAY.timestamp() + number,
        "_raw": line,
        "index": replay.INDEX,
        "tag": list(windows.PROCESS_TAGS),
        "user": f"CORP\\user{number}",
        "dest": f"ws-{number}.synthetic.example",
        "process": line,
        "process_name": "msiexec.exe",
        "process_path": "C:\\Windows\\System32\\msiexec.exe",
        "process_id": str(number),
        "parent_process_name": "cmd.exe",
    }


HEADING = "## One search with many rules, over many events"


def described(data: Data, figures: list[Figure]) -> Iterator[str]:
    """Yield what docs/benchmark.md has of the search with many rules."""
    kind = "published ones, and more by exchanging their values" if os.environ.get(FOLDER) else "made ones"
    yield f"{machine()}; {time.strftime('%Y-%m-%d')}."
    yield f"{data.events:,} process events of a day, in the sandbox; {data.rules:,} rules ({kind}) and the given one,"
    yield f"in {HOURS} runs, one for each hour."
    yield ""
    yield "| what | value | goal |"
    yield "|---|---|---|"
    yield from (f"| {what.strip()} | {value} | {goal or '–'} |" for what, value, goal in map(shown, figures))


def shown(figure: Figure) -> tuple[str, str, str]:
    """Return a figure as the cells of a table."""
    what, value, unit, goal = figure
    verdict = "" if goal is None else f"under {goal:,} {unit}: {'met' if value < goal else 'missed'}"
    return what, f"{value:,.{1 if value < 1000 and unit else 0}f} {unit}".rstrip(), verdict


BENCHMARKS: tuple[Callable[[Data], list[Figure]], ...] = (ingestion, searches, rules, panels, alerting)
"""What is measured, in this order: the first one makes what the others work on."""

NAMES = {benchmark.__name__: benchmark for benchmark in BENCHMARKS}


def cpu_seconds() -> float:
    """Return the processor time of this process and of its children that have ended."""
    used = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in used)


class Memory:
    """The peak resident memory (MB) of this process, and of the children that it has at a time, all together.

    From /proc, sampled: ru_maxrss of a child begins with what its parent had when it was forked (see exec_mmap in
    Linux's fs/exec.c), which for a small command beside a large database is all that it would tell.
    """

    own = children = 0.0

    def __enter__(self) -> Memory:
        """Begin to watch."""
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop watching."""
        self._done.set()
        self._thread.join()
        self.own = peak("self")

    def _watch(self) -> None:
        ours = program("self")
        while not self._done.wait(SAMPLE_SECONDS):
            with contextlib.suppress(OSError):  # a thread or a process has ended: the next sample has the rest
                pids = {pid for file in Path("/proc/self/task").glob("*/children") for pid in file.read_text().split()}
                # One that has not begun its own program yet still has our memory.
                begun = [pid for pid in pids if program(pid) != ours]
                self.children = max(self.children, sum(map(peak, begun)))


def program(pid: str) -> bytes:
    """Return the command line of a process; raises OSError when it is gone."""
    return Path(f"/proc/{pid}/cmdline").read_bytes()


def peak(pid: str) -> float:
    """Return the peak resident memory of a process, MB; 0 when it is gone."""
    try:
        rows = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0.0
    return sum(int(row.split()[1]) / 1024 for row in rows if row.startswith("VmHWM:"))


def alone(benchmark: Callable[..., T], *arguments: object) -> T:
    """Measure in a fresh process."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(benchmark, *arguments).result()


def machine() -> str:
    """Describe what this runs on, with its load before: what else runs makes wall times longer."""
    rows = Path("/proc/cpuinfo").read_text().splitlines()
    models = [row.partition(":")[2].strip() for row in rows if row.startswith("model name")]
    python = ".".join(map(str, sys.version_info[:3]))
    cores = f"{len(models)} cores of {models[0] if models else 'unknown'}, load {os.getloadavg()[0]:.1f}"
    return f"Python {python}, DuckDB {duckdb.__version__}, {cores}"


def main(arguments: list[str] | None = None) -> int:
    """Run the benchmarks and show a table; return the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m tools.bench.searches", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument("--events", type=int, default=MILLION, metavar="N")
    parser.add_argument("--runs", type=int, default=5, metavar="N", help="how often each search is run")
    parser.add_argument("--rules", type=int, default=1_415, metavar="N", help="of the search with many; 0: without")
    parser.add_argument("--only", default="", metavar="WHAT,…", help=f"some of {', '.join(NAMES)}")
    parser.add_argument("--write", action="store_true", help="put the search with many rules into docs/benchmark.md")
    asked = parser.parse_args(arguments)
    only = frozenset(filter(None, asked.only.split(",")))
    if only - {*NAMES}:
        parser.error(f"--only takes some of {', '.join(NAMES)}")
    console = Console(width=None if sys.stdout.isatty() else 120)
    table = Table(title=f"{asked.events:,} events\n{machine()}", title_justify="left", box=box.SIMPLE_HEAD)
    table.add_column("what")
    table.add_column("value", justify="right")
    table.add_column("goal")
    found: dict[str, list[Figure]] = {}
    with tempfile.TemporaryDirectory(prefix="bench-") as home, console.status("measuring …"):
        data = Data(Path(home), asked.events, asked.runs, asked.rules)
        for name, benchmark in NAMES.items():
            if not only or name in only or benchmark is ingestion:
                found[name] = benchmark(data)
                for figure in found[name]:
                    table.add_row(*shown(figure))
    console.print(table)
    if asked.write and found.get("rules"):
        page = section.PATH.read_text("utf-8")
        section.PATH.write_text(section.put(HEADING, described(data, found["rules"]), "## Many rules", page), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())

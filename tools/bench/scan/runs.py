"""Runs of a search command as splunkd runs it, over chunks, and what they cost."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import IO, NamedTuple, cast

from sandbox.store.archive import unpack
from tools.build import package

HERE = Path(__file__).parent
WANTED = ("3.9", "3.13")
"""The Pythons of Splunk."""


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


def hits(body: bytes) -> int:
    """Count the detected rows in a reply of ssadetect, by the ids of their findings."""
    return body.count(b"sha256:")


class Bench:
    """The packaged app in a folder of its own, and what it is compared with."""

    def __init__(self, home: Path) -> None:
        unpack(package.build(home / "dist"), home / "apps")
        self.app, self.home = home / "apps" / "ssa_detections", home

    def command(self, python: str, what: str) -> list[str]:
        """Return how to start one of: ours, sdk, plain, all (plain with all our columns), read, find, fold, csv.

        And `rules`: the plain command for many rules, which are in rules.py of the home.
        """
        if what == "ours":
            return [python, str(self.app / "bin/ssadetect.py")]
        if what == "sdk":
            return [python, str(self.app / "bin/ssadetect_sdk.py")]
        if what in ("plain", "all"):
            return [python, str(HERE / "plain.py")]
        if what == "rules":
            return [python, str(HERE.parent / "rules" / "plain.py"), str(self.home / "rules.py")]
        return [python, str(HERE / "bound.py"), what]

    def run(
        self,
        python: str,
        what: str,
        chunks: list[bytes],
        detection: str | None = None,
        rows_of: Callable[[bytes], int] = hits,
    ) -> Run:
        """Run one over chunks; `rows_of` counts the detected rows in the body of a reply."""
        with subprocess.Popen(
            self.command(python, what),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=self.app / "bin",
            env={"PATH": os.defpath, "PYTHONPATH": str(self.app / "bin/lib"), "SSA_BENCH": what},
        ) as child:
            stdin, stdout = cast("IO[bytes]", child.stdin), cast("IO[bytes]", child.stdout)
            send(stdin, getinfo(self.home, detection))
            rows_of(receive(stdout))
            start, rows = cpu_seconds(child.pid), 0
            for number, body in enumerate(chunks):
                send(stdin, {"action": "execute", "finished": number == len(chunks) - 1}, body)
                rows += rows_of(receive(stdout))
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


def receive(stdout: IO[bytes]) -> bytes:
    """Read a reply; return its body."""
    metadata, body = map(int, stdout.readline()[12:].split(b","))
    told = json.loads(stdout.read(metadata))
    messages = told.get("inspector", {}).get("messages", [])
    if any(level != "WARN" for level, _ in messages):
        print(messages, file=sys.stderr)
    return stdout.read(body)


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

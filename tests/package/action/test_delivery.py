"""No risk lost, none doubled in effect, whatever goes wrong between the action and splunkd.

A run is a small history of scheduled searches: each finds some of the same hits (raw events or data model rows, in
overlapping windows), and its action is started against a splunkd behind a proxy that goes wrong request by request or
stands still, and a disk that is full, lacks the spool, or puts a folder on another file system; or it is killed at any
moment; and it is started again until it ends well. Meanwhile splunkd reads its spool. Then the faults end, and
everything is found again, as the next schedule would. Chance is seeded; how processes and threads meet is not.
"""

import json
import os
import random
import re
import subprocess
import tempfile
import time
from collections import Counter, defaultdict
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from sandbox.search.chunked import environment
from ssa.action import risk
from ssa.action.alert import EXIT_OK
from tests.support import pythons
from tests.support.app.alerting import KEY, counts, result, running
from tests.support.examples import given_detection
from tests.support.servers.faults import AFTER, Faults, fault
from tests.support.soak import SEED, SOAK, count, report

MAXTIME = 10
"""Seconds: short, so that the action gives up as soon as these tests can wait for."""

BUSY = 0.6
"""Seconds that a request without a fault may take; on a machine that is slower, the action's own limit is a fault."""

FAULTS = ("429", "500", "503", "401", "403", "slow", "half", "close", "close_after", "reset", "reset_after", "silent")
DISKS = ("", "", "", "full", "half full", "no spool", "other file system")
LEDGER = ("/batch_find", "/batch_save", "/ssa_risk_ledger")
DETECTION, FOUND = given_detection(), result()
NOBODY = "http://127.0.0.1:9"
"""Where no splunkd answers."""

STARTS = 4
"""How often a search's action is started while faults last."""


class Weather:
    """What the proxy does to the next request, by chance: `badness` is the share of requests that go wrong."""

    def __init__(self, chance, totals):
        self.chance, self.totals, self.badness = chance, totals, chance.choice((0.1, 0.3, 0.6, 0.9))
        self.kinds = chance.sample(FAULTS, chance.randint(1, len(FAULTS)))
        self.only = chance.choice(("", "/receivers/simple", "/receivers/simple", chance.choice(LEDGER)))

    def __call__(self, request):
        if self.chance.random() >= self.badness or not request.path.endswith(self.only):
            return None
        kind = self.chance.choice(self.kinds)
        self.totals[kind] += 1
        after = {"Retry-After": self.chance.choice(("0", "1", "60", "soon"))} if kind in ("429", "503") else {}
        return fault(kind, after, seconds=self.chance.choice((0.05, 0.3, 1.2)))


class History:
    """One run: its hits, its searches, and what it left behind. Each number has hits and an index of its own."""

    def __init__(self, number, action, totals):
        self.totals = totals
        self.chance = random.Random(f"{SEED} {number}")
        self.action, self.index = action, f"risk_{number}"
        action.splunkd.indexes.add(self.index)
        self.delivery = self.chance.choice(("spool", "spool", "spool", "receivers"))
        settings = f"[ssa_risk]\nmaxtime = {MAXTIME}s\nallowed_indexes = {self.index}\ndelivery = {self.delivery}\n"
        (action.app / "local/alert_actions.conf").write_text(settings)
        [hits] = self.chance.choices((1, 2, 5, 20, 300), (4, 4, 4, 4, 1))
        raw = [hit(number, each) for each in range(hits)]
        self.rows = {"raw": raw, "tstats": [as_tstats(row) for row in raw]}
        self.found = [risk.risk_events(DETECTION, row, risk.Context("any", "any", 0)).events for row in raw]
        self.kills = self.without = 0
        self.weather = Weather(self.chance, totals)

    def searches(self):
        """Yield searches: a name, the kind of rows, and a window over the hits; windows overlap."""
        for each in range(self.chance.randint(1, 3)):
            first, last = sorted(self.chance.choices(range(len(self.rows["raw"]) + 1), k=2))
            for kind in self.chance.choice((["raw"], ["tstats"], ["raw", "tstats"])):
                yield f"SSA - {kind} {each} - Rule", kind, slice(first, last)

    def start(self, uri, name, rows, kill_after=None, disk=""):
        """Start the action on some disk, maybe kill it; return exit code, log and seconds."""
        with on(disk, self.action.instance.home / "var") as shell:
            return self.started(uri, name, rows, kill_after, shell)

    def started(self, uri, name, rows, kill_after, shell):
        sent = self.action.payload(*rows, payload={"server_uri": uri, "search_name": name}, index=self.index)
        started = time.monotonic()
        with subprocess.Popen(
            ["bash", "-c", f'{shell} exec "$@"', "bash", *self.action.command("--execute")],
            stdin=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment(self.action.instance.home),
        ) as ran:
            try:
                _, log = ran.communicate(json.dumps(sent).encode(), timeout=kill_after)
            except subprocess.TimeoutExpired:
                ran.kill()
                _, log = ran.communicate()
        return ran.returncode, log.decode(), time.monotonic() - started

    def run(self):
        """Live through it; raises AssertionError with what was lost, doubled or left unsaid."""
        with Faults(self.action.splunkd.uri, self.weather) as proxy:
            for name, kind, window in self.searches():
                for _ in range(STARTS):
                    kill_after = self.chance.uniform(0.05, 1.5) if self.chance.random() < 0.25 else None
                    disk, stopped = self.chance.choice(DISKS), self.chance.random() < 0.1
                    uri = NOBODY if stopped else proxy.uri
                    code, log, seconds = self.start(uri, name, self.rows[kind][window], kill_after, disk)
                    self.totals.update({"processes": 1, disk or "good disk": 1, "splunkd stopped": stopped})
                    self.without += stopped
                    if code < 0:
                        self.kills += 1
                        self.totals["killed"] += 1
                        continue
                    self.check_ended(code, log, seconds)
                    if code == EXIT_OK:
                        # What the action says it did is there: nothing is lost behind an exit code of 0.
                        missing = self.ids(window) - set(self.indexed())
                        assert not missing, f"exit code 0, and {len(missing)} risk events are missing\n{log}"
                        break
            proxy.wait()
            self.check_twice(proxy.done)
            self.weather.badness = 0
            self.check_calm(proxy)

    def ids(self, window=slice(None)):
        """Return the risk_event_ids of some of the hits, whichever search finds them."""
        return {found["risk_event_id"] for events in self.found[window] for found in events}

    def check_ended(self, code, log, seconds):
        """A run that failed says so, and one that did not says what it did; neither takes longer than it may."""
        busy = os.getloadavg()[0] > 2 * (os.cpu_count() or 1)
        assert seconds < MAXTIME or busy, f"{seconds:.1f} s\n{log}"
        self.totals["too late, too busy to judge"] += seconds >= MAXTIME
        assert "Traceback" not in log, log
        assert "please report" not in log, log
        assert KEY not in log
        assert all(re.match("(INFO|WARN|ERROR) .", line) for line in log.splitlines()), log
        assert (code != EXIT_OK) == ("ERROR" in {line.split(" ")[0] for line in log.splitlines()}), log
        if code == EXIT_OK:
            done = counts(log)
            assert done["risk_events"] == done["written"] + done["written_before"], log
        self.totals["failed" if code else "ended well"] += 1
        self.totals["longest, ms"] = max(self.totals["longest, ms"], int(seconds * 1_000))

    def check_twice(self, asked):
        """Only a lost answer, a ledger that did not answer, or a kill explains an event that is there twice."""
        excused = (
            self.kills
            or self.without
            or any(
                (kind in (*AFTER, "slow")) or (kind and path.endswith(LEDGER)) or seconds > BUSY
                for path, kind, seconds in asked
            )
        )
        twice = {id: times for id, times in self.indexed().items() if times > 1}
        self.totals["written twice"] += len(twice)
        assert excused or not twice, twice

    def check_calm(self, proxy):
        """Without faults all is found again: what was lost is written, and nothing that the ledger knows."""
        before = self.indexed()
        noted = {record["_key"] for record in self.noted()}
        assert noted <= set(before), "the ledger knows what was never written"
        kind = self.chance.choice(("raw", "tstats"))
        code, log, seconds = self.start(proxy.uri, f"SSA - {kind} - Rule", self.rows[kind])
        self.check_ended(code, log, seconds)
        proxy.wait()
        if any(kind == "" and seconds > BUSY for _, kind, seconds in proxy.done):
            self.totals["too busy to judge"] += 1
            return
        assert (code, "WARN" in log) == (EXIT_OK, False), log
        assert self.left_over() == [], "a file of an earlier run is still there"
        after, expected = self.indexed(), self.ids()
        assert set(after) == expected
        for id, times in after.items():
            assert times - before[id] == (id not in noted), "written twice by runs without faults"
        assert {record["_key"] for record in self.noted()} == expected
        scores = defaultdict(float)
        for found in {found["risk_event_id"]: found for found in self.events()}.values():
            scores[found["risk_object"]] += float(found["risk_score"])
        # Each hit is of a user and a device of its own.
        assert scores == {found["risk_object"]: 35 for events in self.found for found in events}
        assert len(scores) == 2 * len(self.found)
        self.totals.update(runs=1, hits=len(self.found))

    def left_over(self):
        """The files that are being written, or were when a run ended."""
        var = self.action.instance.home / "var"
        return [path for stage in ("run/splunk", "spool") for path in (var / stage).glob("ssa_risk_*")]

    def events(self):
        self.action.splunkd.spool.read()
        with self.action.instance.database.cursor() as database:
            if not database.execute("FROM (DESCRIBE events) SELECT 1 WHERE column_name = 'risk_event_id'").fetchall():
                return []
            half = "FROM events SELECT _raw WHERE risk_event_id IS NULL AND index <> '_internal'"
            assert database.execute(half).fetchall() == []
            names = ("risk_event_id", "risk_object", "risk_score")
            found = database.execute(f"FROM events SELECT {', '.join(names)} WHERE index = ?", [self.index]).fetchall()
        return [dict(zip(names, row, strict=True)) for row in found]

    def indexed(self):
        """risk_event_id -> how often it is in the index."""
        return Counter(found["risk_event_id"] for found in self.events())

    def noted(self):
        return [record for record in self.action.ledger if record["index"] == self.index]


@contextmanager
def on(disk, var):
    """Put the action on a disk of a kind; gives what a shell does before."""
    run, spool = var / "run/splunk", var / "spool/splunk"
    if disk == "no spool":
        spool.rename(var / "aside")
        try:
            yield ""
        finally:
            (var / "aside").rename(spool)
    elif disk == "other file system":
        with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
            run.mkdir(parents=True, exist_ok=True)
            run.rename(var / "aside")
            run.symlink_to(folder)
            try:
                yield ""
            finally:
                run.unlink()
                (var / "aside").rename(run)
    else:
        yield {"": "", "full": "ulimit -f 0;", "half full": "ulimit -f 4;"}[disk]


def hit(number, each):
    """Return a hit of its own time, user and device, by renaming those of one that the detection found."""

    def renamed(cell):
        if isinstance(cell, list):
            return [renamed(item) for item in cell]
        return cell.replace("jdoe", f"user{number}_{each}").replace("ws-01", f"ws-{number}-{each}")

    return {**{name: renamed(cell) for name, cell in FOUND.items()}, "_time": f"{1_772_442_000 + number}.250"}


def as_tstats(row):
    """The same hit as a search of the data model finds it: no raw event, no host, whole seconds."""
    kept = {name: row[name] for name in row if name not in ("host", "_raw", "event_id")}
    return {**kept, "_time": row["_time"].partition(".")[0]}


def live(place, installed, numbers):
    """Run histories one after the other, on one Python after the other; return what failed, and totals."""
    failed, totals, versions = [], Counter(), list(pythons.found().values())
    for start in range(0, len(numbers), 25):  # a new instance now and then, as a ledger that grows costs time
        with running(place / str(start), "") as action:
            action.reset(installed)
            (action.app / "local").mkdir()
            for number in numbers[start : start + 25]:
                action.python = versions[number % len(versions)]
                try:
                    History(number, action, totals).run()
                except AssertionError as error:
                    failed.append(f"run {number}, SSA_SEED={SEED}: {error}")
    return failed, totals


def test_whatever_goes_wrong_each_hit_is_in_the_index_and_counts_once(installed, tmp_path):
    numbers, workers = range(count(16, 2_000, 8)), 2
    started, failed, totals = time.monotonic(), [], Counter()
    with ThreadPoolExecutor(workers) as pool:
        lives = [pool.submit(live, tmp_path / str(each), installed, numbers[each::workers]) for each in range(workers)]
        for each in lives:
            problems, figures = each.result()
            failed += problems
            longest = max(totals["longest, ms"], figures["longest, ms"])
            totals += figures
            totals["longest, ms"] = longest
    said = ", ".join(f"{name} {number:,}" for name, number in sorted(totals.items()))
    report(f"delivery: {said}; {time.monotonic() - started:.0f} s")
    assert not failed, f"{len(failed)} of {len(numbers)} runs: " + "\n".join(failed[:3])
    assert totals["runs"] + totals["too busy to judge"] == len(numbers)
    always = ("killed", "failed", "ended well", *filter(None, DISKS))
    assert all(totals[kind] for kind in (*always, *(FAULTS if SOAK else ())))

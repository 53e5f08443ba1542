"""The packaged alert action, as a process, on results files that mean no good.

The rows on each Python, what else is wrong on one: a sample in `make test`; in `make soak` 50,000 rows, and the bomb
that takes its time.
"""

import csv
import gzip
import io
import json
import re
import time
from random import Random
from zlib import crc32

import pytest

from ssa.action.alert import EXIT_DEFECT, EXIT_DETECTION, EXIT_INPUT, EXIT_OK
from tests.support import pythons
from tests.support.app.alerting import Action, counts, result, running
from tests.support.app.risk_page import NAMES
from tests.support.examples import GIVEN, HIT
from tests.support.hostile import HOSTILE, SPOILT, fields, spoil
from tests.support.soak import SEED, SOAK, count, report

MOST_MEMORY = 100_000
"""KB. Python and splunk-sdk take about 30 MB of it."""

BASE = result()
ROWS = 2_500
"""Hostile rows in one results file."""

MEASURE = """
import atexit, re, runpy, sys

def peak():
    # Not ru_maxrss: at first that is the peak of the process which started this one.
    with open("/proc/self/status") as status, open(__file__ + ".peak", "w") as told:
        told.write(re.search(r"VmHWM:\\s+(\\d+) kB", status.read())[1])

atexit.register(peak)
sys.argv[:] = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""

TARGETS = (
    *HIT,
    *("dest_user_id", "dest_device_id", "body", "detection", "rid", "finding_id", "event_id", "start_time", "severity"),
    *("risk_score", "risk_object", "search_name", "truncated", "__mv_", "__mv_user", "__mv_risk_score"),
)
"""Columns that are not what they should be: those that the action reads, and those that would be fields of its own."""

OTHERS = {
    "body": (
        *("[" * 100_000, '{"a": ' * 500, "[1]", "null", "{", '{"\\ud800": "\\ud800"}', '{"dest_user_id": 1e999}'),
        '{"dest_user_id": ["a", null, {"b": []}], "risk_score": 100, "search_name": "x"}',
    ),
    "_time": ("-1", "0", "nan", "inf", "1e400", "999999999999999", "1772442000.0000001", "٣", "1772442000\n0"),
    "__mv_user": ("$victim$", "$a", "$$", "$a$;$b$", "$" * 9_999),
}


class Measured(Action):
    """The action, with the most memory (KB) and the time (s) that it took."""

    def command(self, *arguments):
        measure = self.instance.home / "measure.py"
        measure.write_text(MEASURE)
        return [self.python, str(measure), str(self.app / "bin/ssa_risk.py"), *arguments]

    def run_file(self, path):
        """Exit code and log of the action on a results file."""
        start = time.monotonic()
        code, log = self.start(json.dumps({**self.payload(result()), "results_file": str(path)}))
        self.took = time.monotonic() - start
        self.peak = int((self.instance.home / "measure.py.peak").read_text())
        assert self.peak < MOST_MEMORY
        assert code != EXIT_DEFECT, log[-3000:]
        return code, log

    def run_table(self, rows):
        """Exit code and log of the action on these rows."""
        self.dispatch.mkdir(parents=True, exist_ok=True)
        path = self.dispatch / "hostile.csv.gz"
        path.write_bytes(table(rows))
        return self.run_file(path)


@pytest.fixture
def python(request):
    versions = list(pythons.found())
    chosen = getattr(request, "param", versions[crc32(request.node.name.encode()) % len(versions)])
    return pythons.found()[chosen]


@pytest.fixture
def action(installed, tmp_path, python):
    with running(tmp_path / "splunk", python) as started:
        measured = Measured(started.instance, started.splunkd, python)
        measured.reset(installed)
        yield measured


def table(rows):
    """A results file: cells as splunkd writes them, whatever is in them."""
    columns = list(dict.fromkeys(name for row in rows for name in row))
    columns += [f"__mv_{name}" for name in columns if any(isinstance(row.get(name), list) for row in rows)]
    text = io.StringIO()
    written = csv.writer(text, quoting=csv.QUOTE_ALL)
    written.writerow(columns)
    for row in rows:
        cells = {name: "\n".join(cell) if isinstance(cell, list) else cell for name, cell in row.items()}
        for name, cell in row.items():
            if isinstance(cell, list):
                cells[f"__mv_{name}"] = ";".join(f"${value.replace('$', '$$')}$" for value in cell)
        written.writerow([cells.get(name, "") for name in columns])
    return gzip.compress(text.getvalue().encode("utf-8", "surrogatepass"), 1)


def hostile_row(random, number):
    """A hit some of whose cells are not what they should be; every other one still names its detection and device."""
    row = {**BASE, "dest": f"ws-{number}", "dest_device_id": f"ws-{number}", "process": f"msiexec /y {number}.dll"}
    kept = ("dest", "dest_device_id", "detection", "body", "_time") if number % 2 else ()
    for name in random.sample(TARGETS, random.randint(1, 6)):
        if name not in kept:
            row[name] = random.choice((*HOSTILE, *OTHERS.get(name, ())))
            if random.random() < 0.2 and name not in OTHERS:
                row[name] = random.sample(HOSTILE, random.randint(1, 4))
    return row


def check(events):
    """What holds of every risk event."""
    for event in events:
        read = fields(event["_raw"])
        names, pairs = [name for name, _ in read], dict(read)
        assert set(names) <= NAMES, set(names) - NAMES
        for name in ("search_name", "risk_object", "risk_object_type", "risk_score", "risk_event_id", "risk_message"):
            assert names.count(name) == 1, name
        assert (pairs["risk_score"], pairs["search_name"]) == ("35", "SSA - Test - Rule")
        assert pairs["risk_object_type"] in ("user", "system")
        assert pairs["detection"] == GIVEN
        assert names.count("threat_object") == names.count("threat_object_type")
        assert not re.search(r"\$.*\$", pairs["risk_message"])
        assert (event["index"], event["sourcetype"], event["host"]) == ("risk", "stash", "search_head")


@pytest.mark.parametrize("python", list(pythons.found()), indirect=True)
def test_no_row_forges_an_event_or_costs_another_its_risk(action):
    total, written = count(200, -(-50_000 // len(pythons.found()))), 0
    for start in range(0, total, ROWS):
        random = Random(f"{SEED} {start} {[*pythons.found().values()].index(action.python)}")
        rows = [hostile_row(random, number) for number in range(start, min(start + ROWS, total))]
        code, log = action.run_table(rows)
        assert code in (EXIT_OK, EXIT_INPUT, EXIT_DETECTION), log[-2000:]
        assert counts(log)["results"] == len(rows)
        written += counts(log)["written"]
    events = action.events
    assert len(events) == written
    check(events)
    named = {event["risk_object"] for event in events}
    assert not {f"ws-{number}" for number in range(1, total, 2)} - named
    report(f"hostile results: {total:,} rows, {len(events):,} risk events, {action.peak / 1000:.0f} MB at the most")


@pytest.mark.parametrize("character", ["x", '"', "\u200b"])
def test_fields_of_a_million_characters_still_give_their_event(action, character):
    long = character * 1_000_000
    row = {**result(), **dict.fromkeys(["user", "dest_user_id", "process"], long)}
    code, _ = action.run_table([row, result(user="eve", dest="ws-2")])
    assert code == EXIT_OK
    check(action.events)
    assert [len(event["risk_object"]) < 350 for event in action.events] == [True] * 4
    assert "(1,000,000 characters in all)" in action.events[0]["risk_message"]


def test_what_is_too_long_for_a_result_is_reported_and_the_others_have_their_risk(action):
    code, log = action.run_table(
        [result(user="one"), {**BASE, "process": "💥" * 5_000_000}, result(user="two", dest="ws-2")]
    )
    assert code == EXIT_INPUT
    assert re.search(r"ERROR result 2 of .* is left out: it takes [0-9,]+ bytes, more than 8,388,608", log)
    assert {event["risk_object"] for event in action.events} == {"one", "two", "ws-01.example", "ws-2"}


def test_thousands_of_users_and_long_names_of_detections_take_no_more_memory(action):
    users = [f"user {number}" for number in range(9_000)]
    strange = [{**BASE, "detection": "x" * 100_000 + str(number)} for number in range(30)]
    code, log = action.run_table([{**result(), "user": users, "dest_user_id": users}, *strange])
    assert code == EXIT_DETECTION
    assert "ERROR result 1 names 8001 victims too many" in log
    assert len(action.events) == 1_000


@pytest.mark.parametrize("how", SPOILT)
def test_what_is_no_results_file_ends_with_a_message_and_the_exit_code_for_results(action, how):
    folder = action.dispatch.with_name("scheduler__admin__2")
    folder.mkdir(parents=True)
    code, log = action.run_file(spoil(folder / "results.csv.gz", how))
    assert (code, action.events) == (EXIT_INPUT, [])
    assert re.search(f"^ERROR the results file .* {SPOILT[how]}", log, re.MULTILINE)


def test_a_file_that_is_cut_off_gives_the_risk_of_what_can_be_read(action):
    path = action.dispatch / "cut.csv.gz"
    path.parent.mkdir(parents=True)
    whole = table([{**BASE, "user": f"u{number}", "dest_user_id": f"u{number}"} for number in range(2_000)])
    path.write_bytes(whole[: len(whole) // 2])
    code, log = action.run_file(path)
    assert code == EXIT_INPUT
    assert "cannot be read after row" in log
    assert len(action.events) == counts(log)["results"] + 1 > 100
    check(action.events)


def test_a_bomb_costs_bounded_memory_and_time(action):
    path = action.dispatch / "bomb.csv.gz"
    path.parent.mkdir(parents=True)
    # Members of a gzip file are unpacked as one: 64 MB each, of one row without an end.
    bomb = gzip.compress(b"x" * 64_000_000, 1)
    path.write_bytes(table([result()]) + bomb * count(2, 40, 2))
    code, log = action.run_file(path)
    assert code == EXIT_INPUT
    assert len(action.events) == 2
    problem = "it has more than 2,147,483,648 characters" if SOAK else "is left out: it takes 128,000,000 bytes"
    assert problem in log
    report(f"a bomb of {count(2, 40, 2) * 64:,} MB: {action.took:.0f} s, {action.peak / 1000:.0f} MB")

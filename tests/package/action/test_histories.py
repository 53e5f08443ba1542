"""From process events to scores: random histories of users and devices, as the sources and spellings of a real estate.

What the packaged searches, action and macros make of them is held to tests/support/app/scores.py, which is given what
happened: which process, on which device, by whom, and which detections it is made for.
"""

import random
from collections import defaultdict

import pytest

from sandbox.demo import replay
from tests.support.app import scores
from tests.support.app.estate import Estate, running
from tests.support.app.schedule import DAY, HOUR
from tests.support.app.scores import Hit
from tests.support.soak import SEED, count, report

pytestmark = pytest.mark.xdist_group("histories")  # one worker makes the estates, once

HISTORIES, AT_ONCE = count(150, 2_000, 50), 50
DAYS = 4
END = DAY + DAYS * 24 * HOUR

DETECTIONS = {
    "alpha": {"type": "TTP", "impact": "70", "confidence": "50", "analytic_story": "Story"},
    "beta": {"type": "Anomaly", "impact": "49", "confidence": "50", "analytic_story": "Story"},
    "gamma": {"type": "Hunting", "impact": "30", "confidence": "75", "analytic_story": "Other"},
    "delta": {"type": "TTP", "impact": "80", "confidence": "80", "analytic_story": "Other"},
}
CAPS = {"TTP": 105, "Anomaly": 60, "Hunting": 60}


def spelled(chance, name):
    return chance.choice([name, name.upper(), f" {name}"])


def seen(chance, source, at, user, device, pid, line):
    """Return a process event as the add-on of a source gives it."""
    sysmon = source == "sysmon"
    name, _, arguments = line.partition(" ")
    row = {
        "_time": at,
        "_raw": line,
        "index": "win",
        "sourcetype": "XmlWinEventLog",
        "tag": ["process", "report"],
        "user": (r"CORP\%s" if sysmon else "%s") % spelled(chance, user).strip(),
        "process_name": name,
        "process": f"{name} {arguments}" if sysmon else rf'"C:\Program Files\{name}" {arguments}',
        "event_id": "1" if sysmon else "4688",
    }
    if pid:
        row["process_id"] = str(pid) if sysmon else hex(pid)
    where = spelled(chance, device) + chance.choice(["", "."])
    return row | ({"host": where, "dest": "-"} if chance.random() < 0.2 else {"host": "collector", "dest": where})


def history(chance, number):
    """Make the events of one user, and the hits that they are, by user and device."""
    user, devices = f"user{number}", [f"ws-{number}.example", f"srv-{number}"]
    events, hits = [], defaultdict(list)
    for _ in range(chance.choice([1, 2, 4, 8])):
        at = (
            DAY + chance.randrange(DAYS) * 24 * HOUR + chance.choice([0, 60, 3 * HOUR, 23 * HOUR]) + chance.randrange(5)
        )
        device, pid = chance.choice(devices), chance.choice([None, chance.randrange(4, 60_000, 4)])
        marks = chance.sample([*DETECTIONS], chance.choice([1, 1, 2, 3]))
        line = f"tool.exe {' '.join(marks)} {chance.choice(['x', 'y'])} {chance.randrange(100)}"
        for source in chance.choice([["sysmon"], ["4688"], ["4688", "sysmon"]]):
            time = at + chance.choice([0, 0.25, 0.999])
            if source == "sysmon" and pid:
                time += chance.choice([0, 1])  # on the other side of a second
            events.append(seen(chance, source, time, user, device, pid, line))
            process = f"{device} {pid or int(time)} {line}"
            for mark in marks:
                kind = DETECTIONS[mark]["type"]
                alike = line.rstrip("0123456789") if kind != "TTP" else None
                points = float(DETECTIONS[mark]["impact"]) * float(DETECTIONS[mark]["confidence"]) / 100
                hit = Hit(
                    id=f"{source} {int(time)} {device} {line} {mark}",
                    time=time,
                    indexed=time,
                    detection=mark,
                    score=points,
                    story=DETECTIONS[mark]["analytic_story"],
                    process=process,
                    repeat=f"{device} {alike}" if alike else None,
                    cap=CAPS[kind],
                )
                hits[user].append(hit)
                hits[device].append(hit)
    return events, hits


@pytest.fixture(scope="module", params=range(0, HISTORIES, AT_ONCE))
def told(request, archive, tmp_path_factory):
    """An estate whose detections ran over many histories, more than once; and the hits of each user or device."""
    chance = random.Random(SEED * 1_000_003 + request.param)
    with running(archive, tmp_path_factory.mktemp("told")) as splunkd:
        estate, hits, events = Estate(splunkd.instance), {}, []
        estate.detections(**DETECTIONS)
        for number in range(min(AT_ONCE, HISTORIES - request.param)):
            made, by_object = history(chance, request.param + number)
            events += made
            hits |= by_object
        estate.instance.add_events(events)
        for search, start, end in [
            ("`ssa_process_events` | ssadetect", DAY, END),
            ("`ssa_process_events` | ssadetect detection=alpha,delta", DAY + HOUR, DAY + 2 * 24 * HOUR),
            ("| `ssa_tstats` `ssa_tstats_by` | `ssa_tstats_rows` | ssadetect", DAY, END),
        ]:
            estate.detect(start=start, end=end, now=END, search=search)
        yield estate, splunkd, hits


@pytest.mark.parametrize(("start", "end"), [(END - 24 * HOUR, END), (DAY, END), (DAY + 30 * HOUR, DAY + 40 * HOUR)])
def test_scores_are_those_of_what_happened(told, start, end):
    estate, _, hits = told
    wanted = {name: scores.highest(ones, start, end) for name, ones in hits.items()}
    rows = estate.found("`ssa_risk_scores`", start, end, END)
    got = {row["risk_object"]: (float(row["risk_score"]), int(row["risk_events"])) for row in rows}
    assert got == {name: (one.score, one.hits) for name, one in wanted.items() if one and one.hits}


def test_replay_shows_the_same_scores(told):
    _, splunkd, hits = told
    shown = replay.scores(replay.connect(splunkd))
    got = {row["risk_object"]: float(row["risk_score"]) for row in shown}
    assert got == {name: scores.highest(ones, 0, END).score for name, ones in hits.items() if ones}


def test_how_many_histories_were_told():
    report(f"histories of process events: {HISTORIES:,}")

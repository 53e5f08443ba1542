"""One score, wherever it is shown: random histories of risk events, and what docs/risk-events.md says of them.

Macros, rule and views of the package are held to tests/support/app/scores.py, which is plain Python and knows no SPL.
"""

import random
from collections import defaultdict

import pytest

from tests.support.app import scores
from tests.support.app.estate import SCORE, Estate, running
from tests.support.app.schedule import DAY, HOUR
from tests.support.app.scores import Hit
from tests.support.soak import SEED, count, report
from tools.ui import views

pytestmark = pytest.mark.xdist_group("scores")  # one worker makes the estates, once

HISTORIES, AT_ONCE = count(200, 2_000, 50), 100
NOW = DAY + 9 * 24 * HOUR
VIEWS = views.shipped()
FACTORS = {"*9": 2, "*5": 0.5, "*05": 0.25, "*0": 0}
"""Patterns of names, and their factors."""

KINDS = {"TTP": 105, "Anomaly": 60, "hunting": 60}
"""The types of detections and their caps. A risk event of an older version of the app has none, and the first cap."""

WRITTEN = [[False], [False], [False], [True], [True, False]]
"""Of which versions the risk events of a hit are: whether of an older one."""

NO_SCORES = ["high", "1,000", ""]
"""What an event with it counts: nothing. The action writes none of these."""

RANGES = [
    (NOW - 24 * HOUR, NOW),
    (NOW - HOUR, NOW),
    (DAY, NOW),
    (DAY + 2.4 * 24 * HOUR, DAY + 5.1 * 24 * HOUR),
    (0, None),
]


def history(chance):
    """Make the hits of one user: a few bursts, of processes that several detections see, often more than once."""
    detections = [
        (f"D{number}", chance.choice([*KINDS]), chance.choice([5, 12.25, 35, 49, 80]), chance.choice(["s", "t", None]))
        for number in range(chance.randrange(1, 5))
    ]
    days = [chance.choice([0, 1, 2, 3, 6, 7, 8, 8.5, 8.9]) for _ in range(chance.randrange(1, 5))]
    hits = []
    for _ in range(chance.choice([1, 3, 6, 10, 20])):
        begins = DAY + chance.choice(days) * 24 * HOUR + chance.choice([0, chance.randrange(3 * HOUR)])
        process = f"p{chance.randrange(8)}"
        for detection, kind, usual, story in chance.sample(detections, chance.randrange(1, len(detections) + 1)):
            time = begins + chance.choice([0, 0, 0.004, 1, 24 * HOUR, 23.9 * HOUR])
            if time >= NOW:
                continue
            points = chance.choice([usual, usual, 20])
            alike = f"{detection}-{points}-{chance.randrange(3)}" if kind in ("Anomaly", "hunting") else None
            indexed = chance.choice([time + 60, time + 60, NOW - HOUR, time - 30 * HOUR])
            fields = {"time": time, "indexed": min(indexed, NOW), "detection": detection, "score": points}
            keys = {"story": story or detection, "process": process}
            for old in chance.choice(WRITTEN):
                more = {"old": True} if old else {"repeat": alike, "cap": KINDS[kind]}
                hits.append((Hit(f"{len(hits)}", **fields, **keys, **more), None if old else kind, story))
    return hits


def risk_event(name, hit, kind, story):
    """Write a hit as the action does, or without a kind as that of an older version did."""
    row = {
        "index": "risk",
        "sourcetype": "stash",
        "_raw": "x",
        "_time": hit.time,
        "_indextime": hit.indexed,
        "risk_event_id": f"{name}-{hit.id}",  # sorts as the hit
        "risk_object": name,
        "risk_object_type": "user" if name[1] != "d" else "system",
        "risk_score": f"{hit.score:g}",
        "detection": hit.detection,
        "event_id": f"of {hit.process}",
        "process": "x",
    }
    if story == "t" and kind:
        row |= {"detection_set": story, "analyticstories": [f"of {hit.detection}"]}
    elif story:
        row["analyticstories"] = [story, "another"]
    if kind:
        row |= {"detection_type": kind, "process_key": hit.process, "repeat_key": hit.repeat or f"r{hit.process}"}
    else:
        row["event_id"] = hit.process
    return row


def factor(name):
    return max((value for pattern, value in FACTORS.items() if name.endswith(pattern.strip("*"))), default=1)


@pytest.fixture(scope="module", params=range(0, HISTORIES, AT_ONCE))
def told(request, archive, tmp_path_factory):
    """An estate with many histories, and the hits of each user or device."""
    chance = random.Random(SEED * 1_000_003 + request.param)
    with running(archive, tmp_path_factory.mktemp("told")) as splunkd:
        estate, hits = Estate(splunkd.instance), {}
        rows = []
        for number in range(min(AT_ONCE, HISTORIES - request.param)):
            name = f"{chance.choice(['u', 'd'])}{'d' if chance.random() < 0.4 else 'x'}{request.param + number}"
            made = history(chance)
            hits[name] = [hit for hit, _, _ in made]
            rows += [risk_event(name, *one) for one in made]
        rows += chance.sample(rows, len(rows) // 8)  # written twice
        unscored = [{**row, "risk_score": chance.choice(NO_SCORES)} for row in chance.sample(rows, len(rows) // 8)]
        rows += [{**row, "risk_event_id": f"unscored{n}"} for n, row in enumerate(unscored)]
        chance.shuffle(rows)
        estate.instance.add_events(rows)
        later = {"expires": "2099-01-01"}
        estate.entries("ssa_risk_modifiers", *({"entity": e, "factor": f, **later} for e, f in FACTORS.items()))
        yield estate, hits


def expected(hits, start, end):
    found = {name: scores.highest(ones, start, end or NOW, factor(name)) for name, ones in hits.items()}
    return {name: one for name, one in found.items() if one and one.hits}


def kind_of(name):
    return "system" if name[1] == "d" else "user"


@pytest.mark.parametrize(("start", "end"), RANGES)
def test_scores_and_parts_are_those_of_the_page(told, start, end):
    estate, hits = told
    wanted = expected(hits, start, end)
    search = {"earliest": start, "latest": end, "now": NOW}
    rows = estate.instance.search("`ssa_risk_scores`", **search).rows
    assert {row["risk_object"]: float(row["risk_score"]) for row in rows} == {n: one.score for n, one in wanted.items()}
    got = {row["risk_object"]: int(row["risk_events"]) for row in rows if float(row["factor"])}
    assert got == {name: wanted[name].hits for name in got}
    at = {row["risk_object"]: float(row["at"]) for row in rows if float(row["factor"])}
    assert at == pytest.approx({name: wanted[name].at for name in at}, abs=1e-4)
    parts = defaultdict(dict)
    for row in estate.instance.search("`ssa_risk_parts`", **search).rows:
        parts[row["risk_object"]][row["detection"], float(row["cap"])] = float(row["part"])
    assert {name: one for name, one in parts.items() if factor(name)} == {
        name: one.parts for name, one in wanted.items() if factor(name)
    }
    for name, one in parts.items():
        assert round(sum(one.values()), 2) == wanted[name].score
    hours = defaultdict(dict)
    for row in estate.instance.search("`ssa_risk_by_hour`", **search).rows:
        hours[row["risk_object"]][int(float(row["_time"])) // HOUR] = float(row["score"])
    by_hour = {name: scores.by_hour(ones, start, end or NOW, factor(name)) for name, ones in hits.items()}
    assert hours == {name: one for name, one in by_hour.items() if one}


def test_the_rule_reports_the_highest_of_now_and_the_highest_of_what_came_late(told):
    estate, hits = told
    since = NOW - 3 * HOUR
    wanted = {
        (name, one.score, one.at > NOW - 24 * HOUR, one.hits)
        for name, ones in hits.items()
        for one in scores.alerts(ones, NOW, since, 100, factor(name))
    }
    rows = estate.found(estate.saved(SCORE), NOW - 9 * 24 * HOUR, NOW)
    got = [(r["risk_object"], float(r["risk_score"]), r["window"] == "now", int(r["risk_events"])) for r in rows]
    assert len(got) == len(set(got))
    assert set(got) == wanted
    assert [row["risk_score"] for row in rows] == sorted((r["risk_score"] for r in rows), key=float, reverse=True)


def panel(estate, view, source, entity="*", start=DAY, end=NOW):
    known = VIEWS[view].defaults | {"entity": entity}
    return estate.found(views.fill(VIEWS[view].query(source), known), start, end)


@pytest.mark.parametrize(("start", "end"), [(NOW - 24 * HOUR, NOW), (DAY, NOW)])
def test_the_views_show_the_scores_of_their_range(told, start, end):
    estate, hits = told
    wanted = expected(hits, start, end)
    shown = panel(estate, "overview", "ds_who", start=start, end=end)
    assert [float(row["Score"]) for row in shown] == sorted((one.score for one in wanted.values()), reverse=True)
    assert {(row["Entity"], row["Kind"], row["_above"]) for row in shown} == {
        (name, "device" if kind_of(name) == "system" else "user", str(int(one.score > 100)))
        for name, one in wanted.items()
    }
    before = expected(hits, start - (end - start), start)
    figures = panel(estate, "overview", "ds_risk_figures", start=start, end=end)
    for row, ones in zip(figures, (before, wanted), strict=True):
        above = sum(one.score > 100 for one in ones.values())
        assert (int(row["entities"]), int(row["above"])) == (len(ones), above)
    rows = panel(estate, "entity", "ds_chooser", start=start, end=end)
    assert {row["Name"]: float(row["Score"]) for row in rows} == {
        n: one.score for n, one in wanted.items() if one.score
    }
    for name in sorted(wanted, key=lambda name: -wanted[name].score)[:3]:
        one = wanted[name]
        (head,) = panel(estate, "entity", "ds_known", name, start, end)
        assert float(head["Score"].partition(" of ")[0]) == one.score
        total, *rows = panel(estate, "entity", "ds_contributions", name, start, end)
        assert (float(total["Adds"]), int(total["Hits"])) == (one.score, one.hits)
        assert sorted(float(row["Adds"]) for row in rows) == sorted(one.parts.values())
        who = f"{'user' if kind_of(name) == 'user' else 'device'} {name}"
        chart = [float(row[who]) for row in panel(estate, "entity", "ds_over_time", name, start, end) if row[who]]
        assert max(chart) == one.score


def test_how_many_histories_were_told():
    report(f"risk histories: {HISTORIES:,}")

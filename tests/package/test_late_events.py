"""Events that come in late, or dated ahead: in which run each is found, that it scores once, and that it alerts."""

import itertools
import time

import pytest

from sandbox import confs
from sandbox.alerts.scheduler import Scheduler
from tests.support.app.estate import ACCELERATED, APP, RULE, SCORE, SEVERE, Estate, process, running
from tests.support.app.schedule import DAY, HOUR, conf
from tools import ROOT

REGISTRATION = "SSA - Windows MSIExec DLL Registration - Rule"
REMOVAL = "SSA - Windows MSIExec Security Product Removal - Rule"
SOPHOS = "{7CD26A0C-9B59-4E84-B5EE-B386B2F7AA16}"
DAYS = 24 * HOUR
CAME = DAY + HOUR // 2
"""When the events come in: half an hour after midnight, so that the run of one o'clock is the first to see them."""

LATE = {
    **{"on-time": 60, "late-2h": 2 * HOUR, "late-23h": 23 * HOUR, "late-24h": DAYS},
    **{"late-3d": 3 * DAYS, "late-6d": 6.5 * DAYS, "late-7d": 7 * DAYS, "late-8d": 8 * DAYS + 3 * HOUR},
    **{"ahead-1h": -HOUR, "ahead-1d": -DAYS},
}
"""Device -> how many seconds before it came in its event is dated."""

CATCH_UP = 3
"""The hour of the run that catches up."""

NEVER = None


@pytest.fixture
def estate(archive, tmp_path):
    with running(archive, tmp_path) as splunkd:
        yield Estate(splunkd.instance)


def comes(estate, device, late, at=CAME, **fields):
    line = rf"msiexec.exe /y C:\Users\Public\{device}.dll /x {SOPHOS}"
    estate.instance.add_events([process(at - late, f"{device}.user", device, line, **fields) | {"_indextime": int(at)}])


def hourly(estate, scheduler, *hours):
    """Run what is scheduled at these hours of the day, and give hour -> the devices that it finds."""
    found = {}
    for hour in hours:
        began = time.time()
        runs = scheduler.run(DAY + hour * HOUR, DAY + hour * HOUR + 1)
        assert [run.error for run in runs if run.error] == []
        estate.instance.backdate("risk", began, DAY + hour * HOUR + 60)
        found[hour] = sorted(row["dest_device_id"] for run in runs for row in run.result.rows)
    return found


@pytest.mark.parametrize(
    ("search", "hours"),
    [
        (RULE, {"ahead-1d": 1, "ahead-1h": 1, "late-23h": 1, "late-24h": 1, "late-2h": 1}),
        (REMOVAL, {"ahead-1d": CATCH_UP, "ahead-1h": 2}),
        (ACCELERATED, {"ahead-1d": 25, "ahead-1h": 2}),
    ],
    ids=["by index time", "by event time", "accelerated"],
)
def test_a_late_event_is_found_within_the_hour_or_by_the_daily_catch_up_and_scores_once(estate, search, hours):
    first = dict.fromkeys(LATE, CATCH_UP) | {"on-time": 1} | hours | {"late-8d": NEVER}
    for device, late in LATE.items():
        comes(estate, device, late)
    comes(estate, "left-out", 0)
    name = search.removeprefix("SSA - ").removesuffix(" - Rule").removesuffix(" - Accelerated")
    stem = name.lower().replace(" ", "_")
    conf(estate.local / "macros.conf", {f"{stem}_filter": {"definition": "search NOT dest=left-out"}})
    estate.schedule(search)
    seen = {}
    for hour, devices in hourly(estate, Scheduler(estate.instance), 1, 2, CATCH_UP, 4, 25).items():
        for device in devices:
            seen.setdefault(device, hour)
    assert seen == {device: hour for device, hour in first.items() if hour}
    risk = sorted(event["risk_object"] for event in estate.risk())
    assert risk == sorted([*seen, *(f"{device}.user" for device in seen)])


@pytest.mark.parametrize("late", [30 * HOUR, 6.5 * DAYS, 7 * DAYS])
def test_what_came_in_just_after_a_catch_up_is_found_by_the_next_and_alerts(estate, late):
    at = DAY + CATCH_UP * HOUR + 60
    for number in range(3):
        comes(estate, "ws-1", late + number, at, process_id=str(number), parent_process_name="wscript.exe")
    estate.schedule(REGISTRATION)
    scheduler = Scheduler(estate.instance)
    found = hourly(estate, scheduler, CATCH_UP + 1, CATCH_UP + 24)
    assert found == {CATCH_UP + 1: [], CATCH_UP + 24: ["ws-1"] * 3}
    estate.schedule(SEVERE, SCORE)
    later = DAY + (CATCH_UP + 24) * HOUR
    runs = [run for minute in (5, 20) for run in scheduler.run(later + minute * 60, later + minute * 60 + 1)]
    assert [run.error for run in runs if run.error] == []
    severe, score = runs[0], next(run for run in runs if run.search == SCORE)
    assert [row["device"] for row in severe.result.rows] == ["ws-1"] * 3
    assert [row["risk_object"] for row in score.result.rows] == ["ws-1", "ws-1.user"]
    assert (severe.triggered, score.triggered) == (True, True)


@pytest.mark.parametrize("search", [RULE, REGISTRATION, ACCELERATED])
def test_runs_that_were_missed_are_made_good_by_the_catch_up_also_where_one_of_these_was_missed(estate, search):
    comes(estate, "ws-1", 60)
    estate.schedule(search)
    assert hourly(estate, Scheduler(estate.instance), 5, CATCH_UP + 24) == {5: [], CATCH_UP + 24: ["ws-1"]}


# -- the macro


RUNS = itertools.count(1)


def due(estate, by, end, seconds=HOUR, sid=""):
    """What `ssa_due(by)` adds to a search, of a scheduled run (or of a sid) over the seconds up to a time."""
    sid = sid or f"scheduler__admin__{APP}__RMD5abc_at_1772413200_{next(RUNS)}"
    text = confs.load(ROOT, "macros")["ssa_due(1)"]["definition"].replace("$by$", by).strip("[]|")
    start = None if seconds is None else end - seconds
    search = f"| {text} | table search"
    (row,) = estate.instance.search(search, earliest=start, latest=end if seconds else None, sid=sid).rows
    return row["search"]


def test_a_scheduled_run_searches_what_was_indexed_in_its_range_and_once_a_day_more(estate):
    hour, two = DAY + 50 * 60, DAY + 2 * HOUR + 50 * 60
    start, late = round(hour - HOUR), round(two - HOUR)
    indexed = f" _index_earliest={start} _index_latest={start + HOUR}"
    more = f" _index_earliest={late - 2 * DAYS}"
    ahead, behind = start + HOUR + 2 * DAYS, late - 8 * DAYS
    assert [due(estate, "index", hour), due(estate, "event", hour), due(estate, "summary", hour)] == [
        f"earliest={start - DAYS} latest={ahead}{indexed}",
        *[f"earliest={start} latest={start + HOUR}"] * 2,
    ]
    ahead = late + HOUR + 2 * DAYS
    assert [due(estate, "index", two), due(estate, "event", two), due(estate, "summary", two)] == [
        *[f"earliest={behind} latest={ahead}{more}"] * 2,
        f"earliest={behind} latest={late + HOUR}",
    ]


@pytest.mark.parametrize("sid", ["1772413200.7", f"admin__admin__{APP}__RMD5abc_at_1772413200_7", "scheduler__search1"])
@pytest.mark.parametrize(("by", "every"), [("index", "*"), ("event", "*"), ("summary", "(index=* OR index=_*)")])
def test_a_search_that_is_not_scheduled_keeps_its_time_range(estate, sid, by, every):
    assert due(estate, by, DAY, sid=sid) == every


@pytest.mark.parametrize(("by", "every"), [("index", "*"), ("summary", "(index=* OR index=_*)")])
def test_a_scheduled_search_over_all_time_stays_one(estate, by, every):
    assert due(estate, by, DAY, None) == every


@pytest.mark.parametrize(("minutes", "range_minutes"), [(60, 60), (15, 15), (7, 7), (60, 24 * 60), (20, 60)])
def test_whatever_the_schedule_no_more_than_an_hour_of_runs_catches_up_each_day(estate, minutes, range_minutes):
    ends = [DAY + minute * 60 for minute in range(0, 24 * 60, minutes)]
    texts = [due(estate, "index", end, range_minutes * 60) for end in ends]
    assert sum("_index_latest" not in text for text in texts) == max(1, min(range_minutes, 60) // minutes)


def test_the_catch_up_can_be_moved_and_left_out(estate):
    at = DAY + 50 * 60
    for second, wide in (("0", True), ("7200", False), ("-1", False)):
        conf(estate.local / "macros.conf", {"ssa_catch_up_at": {"definition": second}})
        assert ("_index_latest" not in due(estate, "index", at)) == wide

"""SSA - Data check: what it keeps, its groups and thresholds, when it alerts; an attacker can forge none of it."""

from collections import Counter

import pytest

from sandbox.alerts.scheduler import Scheduler
from ssa.content.fields import PLACEHOLDERS
from tests.support.app.data_check import DAYS, LOOKUP, NAME, NO_LINE, OTHER, RUN, events, history
from tests.support.app.estate import APP, APPLY
from tests.support.app.schedule import DAY, HOUR, conf

pytestmark = pytest.mark.xdist_group("data_check")


def test_what_it_keeps_is_a_row_for_each_day_and_one_for_the_last_run(check):
    for hour in (0, 6, 11, 12, 18):
        check.instance.add_events(events(30, at=RUN + hour * HOUR))
        check.run(RUN + hour * HOUR)
    assert [(row["part"], row["day"], row["events"], row["missed"]) for row in check.kept()] == [
        ("now", "2026-03-03", "30", "0"),
        ("day", "2026-03-03", "60", None),
        ("day", "2026-03-02", "90", None),
    ]


def test_what_is_older_than_30_days_goes(check):
    check.entries(LOOKUP, *history(["2026-03-01", "2026-01-31", "2026-01-30", "2025-12-01"]))
    check.run()
    assert [row["day"] for row in check.kept("where part=day")] == ["2026-03-01", "2026-01-31"]


def test_it_counts_the_runs_that_a_group_misses_and_forgets_none(check):
    seen = [1, 0, 0, 1, 0, 1, 0, 0, 0]
    counted = []
    for hour, comes in enumerate(seen):
        at = RUN + hour * HOUR
        check.instance.add_events(events(30 * comes, at=at))
        check.run(at)
        (row,) = check.kept("where part=now")
        counted.append((row["missed"], row["longest"]))
        assert row["events"] == str(30 * comes)
    assert counted == [*zip("012010123", "000222222", strict=True)]
    assert row["last"] == f"{RUN + 5 * HOUR - 3600 - 20:.0f}"


def test_hours_in_which_the_check_did_not_run_are_no_silence(check):
    check.entries(LOOKUP, *history())
    check.instance.add_events(events(at=RUN + 60 * HOUR))
    assert check.run(RUN + 60 * HOUR) == []
    (row,) = check.kept("where part=now")
    assert (row["missed"], row["longest"]) == ("0", "0")


def test_a_group_that_came_back_is_well(check):
    check.entries(LOOKUP, *history(missed=20))
    check.instance.add_events(events())
    assert check.run() == []


def test_the_lookup_holds_no_more_than_its_bounds(check):
    check.instance.add_events(
        event for n in range(210) for event in events(1 + (n > 9), index=f"i{n}", sourcetype="one")
    )
    check.entries(LOOKUP, *({**history()[0], "day": DAYS[n % 7], "sourcetype": f"old {n}"} for n in range(9_990)))
    check.run()
    kept = Counter((row["part"], row["day"]) for row in check.kept())
    assert kept.total() == 10_000
    assert kept["now", "2026-03-02"] == kept["day", "2026-03-02"] == 200  # of 210: the smallest go
    assert kept["day", DAYS[-2]] - kept["day", DAYS[-1]] == 390  # and the oldest


def test_many_large_new_groups_push_no_known_one_out(check):
    check.entries(LOOKUP, *history())
    for hour in range(2):
        at = RUN + hour * HOUR
        check.instance.add_events(events(at=at))
        check.instance.add_events(
            event for n in range(201) for event in events(102, at=at, sourcetype=f"invented {hour}.{n}")
        )
        assert check.run(at) == []
        assert check.kept("where part=now AND sourcetype=XmlWinEventLog | table missed") == [{"missed": "0"}]
        groups = Counter(row["sourcetype"].partition(".")[0] for row in check.kept("where part=now"))
        assert groups == {"XmlWinEventLog": 1, "invented 0": 199}


CLASSES = {
    "dc01.example": "domain controller",
    "HQ-DC2": "domain controller",
    "srv-web-1.example": "server",
    "NYCSQL3": "server",
    "ws-01.example": "other",
    "ws-01.dc.example": "other",
    "desktop-1": "other",
}


def test_the_device_class_goes_by_the_name(check):
    for dest in CLASSES:
        check.instance.add_events(events(1, dest=dest, sourcetype=dest))
    check.run()
    assert {row["sourcetype"]: row["device_class"] for row in check.kept("where part=now")} == CLASSES


@pytest.mark.parametrize(
    ("definition", "fields", "expected"),
    [
        ("dest_category", {"dest_category": "pci"}, "pci"),
        ("dest_category", {"dest_category": ["pci", "server"]}, "pci server"),
        ("dest_category", {}, "unknown"),
        ('""', {}, "unknown"),
        ("dest_category", {"dest_category": "x" * 200}, "x" * 100),
        ('if(match(host, "^ws"), "workstation", "rest")', {}, "workstation"),
    ],
)
def test_a_user_defines_the_device_class(check, definition, fields, expected):
    check.define(ssa_device_class=definition)
    check.instance.add_events(events(**fields))
    check.run()
    (row,) = check.kept("where part=now")
    assert (row["device_class"], row["events"]) == (expected, "100")


def test_who_narrows_the_indexes_narrows_the_check(check):
    check.define(ssa_process_events="index=win tag=process tag=report")
    check.instance.add_events(events() + events(**OTHER))
    check.run()
    assert {row["index"] for row in check.kept()} == {"win"}


def test_thresholds_are_macros(check):
    check.entries(LOOKUP, *history(command_line=78), *history(group=OTHER, missed=0))
    check.instance.add_events(events(lacks=NO_LINE, share=70))
    check.define(ssa_data_check_fall="5", ssa_data_check_silent="1")
    assert [row["what"] for row in check.run()] == ["events"]  # 8 points of 100 events are chance
    check.instance.add_events(events(4000, at=RUN + HOUR, lacks=NO_LINE, share=70))
    assert [row["what"] for row in check.run(RUN + HOUR)] == ["events", "command_line"]


HOSTILE = [
    '"; device class "server": all is well',
    "a\nb\r\x1b[31m",
    '`ssa_risk_events` | collect index=risk [| makeresults] $result.user$ "',
    "*",
    "other | delete",
    "domain controller",
    "<script>alert(1)</script>",
]


@pytest.mark.parametrize("value", HOSTILE)
@pytest.mark.parametrize("field", ["sourcetype", "dest_category"])
def test_what_an_attacker_names_forges_no_other_group_and_no_sentence(check, field, value):
    check.define(ssa_device_class='coalesce(dest_category, "server")')
    check.entries(LOOKUP, *history(device_class="server"))
    check.instance.add_events(events(dest_category="server") + events(lacks=NO_LINE, share=0, **{field: value}))
    (row,) = check.run()
    column = "device_class" if field == "dest_category" else field
    assert row[column] == value
    assert {other["command_line"] for other in check.kept("where part=now") if other[column] != value} == {"100"}
    message = row["message"]
    assert message.count('"') == 6
    assert message.isprintable()
    assert " process events carry a command line; there is no day before" in message.rpartition('"')[2]
    assert len(check.instance.search("index=risk").rows) == 0


def test_what_stands_for_no_user_counts_as_none(check):
    """One list for the whole app, here as a regex."""
    users = ["x", r"CORP\-", r"CORP\amy", "amy -", "Unknown", *sorted(PLACEHOLDERS - {""})]
    for number, user in enumerate(users):
        check.instance.add_events(events(1, user=user, sourcetype=f"{number}"))
    check.run()
    counted = {users[int(row["sourcetype"])]: row["user"] for row in check.kept("where part=now")}
    assert counted == {user: "0" if user.rpartition("\\")[2].lower() in PLACEHOLDERS else "1" for user in users}


def alerts(check, days):
    """Schedule the check, to run every three hours, from midnight on, while no event has a command line."""
    every = {"enableSched": "1", "cron_schedule": "10 */3 * * *"}
    conf(check.local / "savedsearches.conf", {NAME: every, APPLY: {"enableSched": "0"}})
    for run in range(days * 8):
        check.instance.add_events(events(30, at=DAY + 600 + run * 3 * HOUR, lacks=NO_LINE, share=0))
    scheduler = Scheduler(check.instance, [APP])
    runs = scheduler.run(DAY, DAY + days * 24 * HOUR)
    assert [run.error for run in runs] == [""] * days * 8
    return [((alert.time - DAY - 600) / HOUR, alert.severity) for alert in scheduler.alerts]


def test_scheduled_it_alerts_low_and_once_a_day_for_each_thing(check):
    check.entries(LOOKUP, *history())
    assert alerts(check, 2) == [(0, 2), (24, 2)]


def test_a_share_that_was_always_low_wakes_nobody_after_the_first_day(check):
    assert alerts(check, 2) == [(0, 2)]
    judged = check.instance.search(f"| inputlookup {LOOKUP} | `ssa_data_check_judge`").rows
    assert [(row["what"], row["new"]) for row in judged] == [("command_line", "0")]

"""SSA - Data check over invented days: what it calls wrong, in which words, and what Start here shows of it."""

import pytest

from sandbox.demo import replay
from sandbox.inputs import windows
from sandbox.splunkd import Splunkd
from sandbox.splunkd.state import ROLES, Session
from tests.support.app.data_check import (
    CLASSIC,
    GERMAN,
    LOOKUP,
    NAME,
    NO_LINE,
    OTHER,
    RUN,
    SERVERS,
    XML,
    events,
    history,
)
from tests.support.app.schedule import HOUR

pytestmark = pytest.mark.xdist_group("data_check")

SITUATIONS = {
    # what comes in, what the lookup has, and the rows: what, share now, and on the days before
    "all is well": (events(), history(), {}),
    "all is well on the first day": (events(), [], {}),
    "no command lines": (events(lacks=NO_LINE, share=0), history(command_line=78), {"command_line": ("0", "78")}),
    "fewer command lines": (events(lacks=NO_LINE, share=50), history(command_line=78), {"command_line": ("50", "78")}),
    "a little fewer": (events(lacks=NO_LINE, share=60), history(command_line=78), {}),
    "no more than chance, of so few": (events(20, lacks=NO_LINE, share=50), history(command_line=78), {}),
    "more than chance, of as few": (
        events(20, lacks=NO_LINE, share=25),
        history(command_line=78),
        {"command_line": ("25", "78")},
    ),
    "more command lines": (events(), history(command_line=10), {}),
    "no command lines in one index": (
        events() + events(lacks=NO_LINE, share=0, **OTHER),
        history() + history(group=OTHER),
        {("edr", "command_line"): ("0", "100")},
    ),
    "no command lines on one class of devices": (
        events() + events(lacks=NO_LINE, share=0, **SERVERS),
        history() + history(device_class="server"),
        {("server", "command_line"): ("0", "100")},
    ),
    "no parents": (events(parent_process_name=None), history(), {"parent": ("0", "100")}),
    "no users": (events(user="-"), history(), {"user": ("0", "100")}),
    "no names, so none of the rest": (
        events(process_name=None, user=None, process=None),
        history(),
        {"name": ("0", "100")},
    ),
    "German, so none of the rest": (events(**GERMAN), history(group=CLASSIC), {"language": ("0", "100")}),
    "German by half": (events(lacks=GERMAN, share=50, **CLASSIC), history(group=CLASSIC), {"language": ("50", "100")}),
    "German by half on the first day": (events(lacks=GERMAN, share=50, **CLASSIC), [], {"language": ("50", None)}),
    "XML without a name is in no language": (events(**GERMAN | XML), history(), {"name": ("0", "100")}),
    "late": (events(late=1800), history(), {"in_time": ("0", "100")}),
    "late by half": (events(lacks={"late": 1800}, share=50), history(), {"in_time": ("50", "100")}),
    "late for ever": (events(late=1800), history(in_time=0), {}),
    "late on the first day": (events(late=1800), [], {"in_time": ("0", None)}),
    "as late as allowed": (events(late=600), history(), {}),
    "clocks ahead": (events(late=-300), history(), {"clock": ("0", "100")}),
    "one clock in ten ahead": (events(lacks={"late": -300}, share=90), history(), {"clock": ("90", "100")}),
    "clocks ahead by a little": (events(late=-50), history(), {}),
    "never a command line, first day": (events(lacks=NO_LINE, share=0), [], {"command_line": ("0", None)}),
    "few command lines, first day": (events(lacks=NO_LINE, share=20), [], {}),
    "never a command line": (events(lacks=NO_LINE, share=0), history(command_line=0), {}),
    "never a parent": (events(parent_process_name=None), history(parent=0), {}),
    "a bad day among good ones": (
        events(lacks=NO_LINE, share=0),
        history() + history(["2026-02-20"], command_line=0)[:1],
        {"command_line": ("0", "100")},
    ),
    "three events at night": (events(3, lacks=NO_LINE, share=0), history(), {}),
    "three events on the first day": (events(3, lacks=NO_LINE, share=0), [], {}),
    "days of three events are no days to compare with": (events(lacks=NO_LINE, share=20), history(number=3), {}),
    "as few events in a run, but more on the day": (
        events(3, lacks=NO_LINE, share=0),
        history() + history(["2026-03-02"], 30, command_line=0)[:1],
        {"command_line": ("0", "100")},
    ),
    "none in this run, too few of a kind before on the day": (
        [],
        history() + history(["2026-03-02"], 30, command_line=0)[:1],
        {},
    ),
    "silent": ([], history(missed=3), {"events": (None, "100")}),
    "not yet silent": ([], history(missed=2), {}),
    "no more silent than ever": ([], history(missed=3, longest=3), {}),
    "longer silent than ever": ([], history(missed=13, longest=9), {"events": (None, "100")}),
    "silent, and always small": ([], history(number=10, missed=9), {}),
    "one of two silent": (events(), history() + history(group=OTHER, missed=5), {("edr", "events"): (None, "100")}),
    "nothing, ever": ([], [], {("*", "events"): (None, None)}),
    "nothing for more than 30 days": ([], history(["2026-01-20"], missed=700), {("*", "events"): (None, None)}),
}


@pytest.mark.parametrize(("came", "kept", "expected"), SITUATIONS.values(), ids=SITUATIONS)
def test_a_situation_has_these_rows(check, came, kept, expected):
    check.instance.add_events(came)
    check.entries(LOOKUP, *kept)
    found = {}
    for row in check.run():
        group = row["index"] if row["index"] != "win" else row["device_class"]
        assert found.setdefault(row["what"] if group == "other" else (group, row["what"]), row) is row
    assert {key: (row["share"], row["usual"]) for key, row in found.items()} == expected


@pytest.mark.parametrize(
    ("came", "kept", "message", "fix"),
    [
        (
            events(lacks=NO_LINE, share=0),
            history(command_line=78),
            'Index "win", sourcetype "XmlWinEventLog", device class "other": 0 % of 100 process events carry a command '
            "line; on the days before, 78 %.",
            "Include command line in process creation events",
        ),
        (
            events(lacks=GERMAN, share=50, **CLASSIC),
            [],
            'Index "win", sourcetype "WinEventLog", device class "other": 50 % of 100 process events are in a language '
            "that the add-on reads; there is no day before to compare with.",
            "renderXml = true",
        ),
        (
            events(late=1800),
            history(),
            'Index "win", sourcetype "XmlWinEventLog", device class "other": 0 % of 100 process events came within 10 '
            "minutes; on the days before, 100 %. Half of them took more than 30 minutes, one in twenty more than 30.",
            "forwarders",
        ),
        (
            [],
            history(missed=13, longest=9),
            'Index "win", sourcetype "XmlWinEventLog", device class "other": no process event in the last 14 checks, '
            "since 2026-03-02 11:10; it never missed more than 9 in a row.",
            "Check forwarder and input",
        ),
        ([], [], "The macro ssa_process_events finds no process event.", "tags process and report"),
    ],
)
def test_a_row_says_what_fell_where_and_what_to_do(check, came, kept, message, fix):
    check.instance.add_events(came)
    check.entries(LOOKUP, *kept)
    (row,) = check.run()
    assert row["message"] == message
    assert fix in row["fix"]


ON, OFF = True, False
NOT_SCHEDULED = "SSA - Data check is not scheduled: nothing is checked"
VERDICTS = {
    # whether it is scheduled; what the lookup had, and what came, if it ran; hours later; the rows
    "not scheduled, never run": (OFF, None, 0, [("Data check", "TO DO", NOT_SCHEDULED + ".")]),
    "not scheduled, run by hand": (
        OFF,
        (history(), events()),
        2,
        [("Data check", "TO DO", NOT_SCHEDULED + " since 2026-03-02 12:10.")],
    ),
    "scheduled, not run": (
        ON,
        None,
        0,
        [("Data check", "LOOK", "SSA - Data check is scheduled, and has not run yet.")],
    ),
    "all is well": (
        ON,
        (history(), events()),
        1,
        [
            (
                "Data check",
                "OK",
                "At 2026-03-02 12:10 nothing was wrong in process events: of 1 groups of index, sourcetype "
                "and device class, 1 had enough of them.",
            )
        ],
    ),
    "no longer run": (
        ON,
        (history(), events()),
        4,
        [("Data check", "TO DO", "SSA - Data check is scheduled, and has not run since 2026-03-02 12:10.")],
    ),
    "too few": (
        ON,
        ([], events(3)),
        1,
        [("Data check", "LOOK", "At 2026-03-02 12:10 there were too few process events of the day to judge any.")],
    ),
    "it fell": (
        ON,
        (history(), events(lacks=NO_LINE, share=0)),
        1,
        [
            ("Data check", "TO DO", "At 2026-03-02 12:10 something was wrong in process events: see the next points."),
            (
                "Command lines",
                "TO DO",
                'Index "win", sourcetype "XmlWinEventLog", device class "other": 0 % of 100 process '
                "events carry a command line; on the days before, 100 %.",
            ),
        ],
    ),
    "a share fell, and the check is not scheduled any more": (
        OFF,
        (history(), events(user=None)),
        1,
        [
            ("Data check", "TO DO", NOT_SCHEDULED + " since 2026-03-02 12:10."),
            (
                "Users",
                "TO DO",
                'Index "win", sourcetype "XmlWinEventLog", device class "other": 0 % of 100 process events '
                "name a user; on the days before, 100 %.",
            ),
        ],
    ),
    "it was so before": (
        ON,
        (history(command_line=2), events(lacks=NO_LINE, share=0)),
        1,
        [
            ("Data check", "LOOK", "At 2026-03-02 12:10 something was wrong in process events: see the next points."),
            (
                "Command lines",
                "LOOK",
                'Index "win", sourcetype "XmlWinEventLog", device class "other": 0 % of 100 process '
                "events carry a command line; on the days before, 2 %.",
            ),
        ],
    ),
    "nothing, ever": (
        ON,
        ([], []),
        1,
        [
            ("Data check", "TO DO", "At 2026-03-02 12:10 something was wrong in process events: see the next points."),
            ("Silent", "TO DO", "The macro ssa_process_events finds no process event."),
        ],
    ),
}


@pytest.mark.parametrize(("scheduled", "ran", "later", "expected"), VERDICTS.values(), ids=VERDICTS)
def test_start_here_opens_with_the_verdict(check, scheduled, ran, later, expected):
    if scheduled:
        check.schedule(NAME)
    if ran:
        kept, came = ran
        check.entries(LOOKUP, *kept)
        check.instance.add_events(came)
        check.run()
    with Splunkd(check.instance) as splunkd:
        reader = splunkd.acting(Session("amy", "user", ROLES["user"]))  # everybody may see it
        result = reader.search("| `ssa_setup_check`", now=RUN + later * HOUR)
    assert [text for level, text, _ in result.messages if level != "INFO"] == []
    assert [(row["Check"], row["State"], row["Found"]) for row in result.rows] == expected
    assert [bool(row["Fix"]) for row in result.rows] == [
        state != "OK" and "see the next points" not in found for _, state, found in expected
    ]


WORDS = {  # of a classic 4688 in German
    "Neue Prozess-ID": "0x1f4",
    "Neuer Prozessname": r"C:\Windows\System32\msiexec.exe",
    "Erstellerprozess-ID": "0x2bc",
    "Prozessbefehlszeile": r"msiexec.exe /y C:\x.dll",
}


def test_what_the_add_on_reads_of_german_text_is_no_known_language(check):
    lines = "".join(f"\t{name}:\t{value}\n" for name, value in WORDS.items())
    head = "03/02/2026 11:05:00 AM\nLogName=Security\nEventCode=4688\nComputerName=pc-1\nMessage=Ein neuer Prozess"
    event = windows.parse(f"{head} wurde erstellt.\n\nProzessinformationen:\n{lines}")
    assert event.problem == ""
    read = {
        name: cell for name, cell in replay.row(event).items() if name not in event.fields
    }  # the sandbox reads more
    check.instance.add_events([{**read, "_indextime": event.time}] * 30)
    (row,) = check.run()
    assert (row["what"], row["share"], row["events"]) == ("language", "0", "30")

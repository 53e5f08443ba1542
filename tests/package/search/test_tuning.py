"""Tuning, over hostile values: an entry removes exactly what was promised, of hits, entities, scores and alerts."""

import pytest

from sandbox.splunkd.state import ROLES, Session
from tests.support.app.estate import RULE, SCORE, SEVERE, Estate, process, running
from tests.support.app.schedule import DAY, HOUR
from tests.support.examples import GIVEN
from tools.ui import views

TUNING = views.shipped()["tuning"]
NOW = DAY + 24 * HOUR
LINES = {
    "quotes": 'msiexec.exe /y "c:\\a dir\\x.dll"',
    "macro and token": "msiexec.exe /y c:\\`ssa_usual`$time.earliest$.dll",
    "pipe and subsearch": "msiexec.exe /y c:\\a|b]c[d.dll",
    "a pipe after a quote": 'msiexec.exe /y c:\\q" | delete | eval x=".dll',
    "a wildcard": "msiexec.exe /y c:\\star*.dll",
    "regex": "msiexec.exe /y c:\\(1)+^{2}?\\E.d$ c:\\(1)+^{2}?\\E.dll",
    "backslash at the end": "msiexec.exe /y c:\\tail\\",
    "line end": "msiexec.exe /y c:\\line\nfeed.dll",
    "direction": "msiexec.exe /y c:\\right\u202eto\u200bleft.dll",
    "other letters": "msiexec.exe /y c:\\ünïcode.dll",
    "stash header": "msiexec.exe /y c:\\***SPLUNK***.dll",
    "percent": "msiexec.exe /y c:\\100%_off.dll",
}
START = {"quotes": "*c:\\a dir", "a pipe after a quote": "delete", "line end": "feed.dll"}
"""What the value has that is made of one of these lines."""
USERS = ("amy", "CORP\\bob", 'o"neil', "star*", "$", "a|b", "eve]")


class Tuning:
    """The searches of the view over an estate, as an analyst sees them."""

    def __init__(self, splunkd):
        self.estate = Estate(splunkd.instance)
        self.acting = splunkd.acting(Session("admin", "admin", ROLES["admin"]))

    def see(self, source, candidate="nothing", detection=GIVEN):
        known = TUNING.defaults | {"candidate": candidate, "detection": detection}
        if "Chosen:result" in TUNING.query(source):
            known |= TUNING.results("ds_chosen", self.see("ds_chosen", detection=detection))
        text = views.fill(TUNING.query(source), known)
        return self.acting.search(text, earliest=DAY - 6 * 24 * HOUR, latest=NOW, now=NOW).rows

    def entry(self, candidate, **more):
        return {row["What"]: row["Entry"] for row in self.see("ds_entry", candidate, **more)}


@pytest.fixture(scope="module")
def hostile(archive, tmp_path_factory):
    """Hits of many lines and users, in the risk index."""
    with running(archive, tmp_path_factory.mktemp("hostile")) as splunkd:
        tuning = Tuning(splunkd)
        moments = (DAY + HOUR + 60 * n for n in range(1000))
        lines = [process(next(moments), "amy", f"ws-{n}", line) for n, line in enumerate(LINES.values())]
        users = [process(next(moments), user, "ws-u") for user in USERS]
        tuning.estate.instance.add_events([*lines, *users])
        assert len(tuning.estate.detect()) == len(lines) + len(users)
        yield tuning


@pytest.fixture
def tuned(archive, tmp_path):
    with running(archive, tmp_path) as splunkd:
        yield Tuning(splunkd)


def found(tuning):
    return {row["finding_id"]: row for row in tuning.estate.found(tuning.estate.saved(RULE))}


def test_each_value_is_plain_to_read_and_its_line_removes_what_was_promised(hostile):
    """The rows of the rule, kept, through what it calls then: it is `ssa_allow_list` that leaves rows out."""
    instance, before = hostile.estate.instance, found(hostile)
    instance.add_events([row | {"index": "kept", "_raw": ""} for row in before.values()])
    values = hostile.see("ds_values")
    assert len(values) > len(LINES) + len(USERS)
    for value in (one for one in values if one["Field"] != "dest"):
        candidate = f"{value['Field']}={value['Value']}"
        assert value["_candidate"] == candidate
        said = hostile.entry(candidate)
        promised = hostile.see("ds_preview", candidate)
        assert len(promised) >= int(value["Hits"])
        assert said["leaves out"].startswith(f"{candidate}: {len(promised)} of {len(before)} hits.")
        instance.search(said["run this"])
        left = {row["finding_id"] for row in instance.search("index=kept | `ssa_allow_list`", now=NOW).rows}
        hostile.estate.entries("ssa_allow_list")
        gone = [row for key, row in before.items() if key not in left]
        assert sorted(row["user"] for row in gone) == sorted(row["User"] for row in promised), candidate


@pytest.mark.parametrize("line", ["quotes", "a pipe after a quote", "line end"])
def test_the_rule_runs_again_and_leaves_the_value_out(hostile, line):
    value = next(row for row in hostile.see("ds_values") if row["Field"] == "process" and START[line] in row["Value"])
    try:
        hostile.estate.instance.search(hostile.entry(value["_candidate"])["run this"])
        left = {row["process"] for row in found(hostile).values()}
    finally:
        hostile.estate.entries("ssa_allow_list")
    assert {row["process"] for row in found(hostile).values()} - left == {LINES[line]}


def test_of_a_line_that_the_risk_event_cuts_off_the_beginning_is_the_value(tuned):
    line = f"msiexec.exe /y c:\\{'l' * 1600}.dll"
    tuned.estate.instance.add_events([process(DAY + HOUR, "amy", "ws-1", line), process(DAY + 2 * HOUR, "bob", "ws-2")])
    tuned.estate.detect()
    (value,) = (row["Value"] for row in tuned.see("ds_values") if row["Value"].endswith("lll*"))
    assert tuned.see("ds_removed", f"process={value}")[0]["hits"] == "1 of 2"
    tuned.estate.instance.search(tuned.entry(f"process={value}")["run this"])
    assert [row["user"] for row in found(tuned).values()] == ["bob"]


def test_no_value_of_signs_alone_is_offered(hostile):
    assert not [row for row in hostile.see("ds_values") if not row["Value"].strip("* ")]


@pytest.mark.parametrize(
    "candidate",
    ['user="x" | delete', "user=x] | delete", 'a b="x', "OR=x", "earliest=1", "nothing", "", "=", "user="],
)
def test_a_candidate_from_an_address_that_somebody_made_up_is_a_text(hostile, candidate):
    """Whatever form.candidate is in a link: no search reads it as a part, and no line has more than an entry."""
    for source in ("ds_removed", "ds_effect", "ds_scores", "ds_alerts", "ds_counts", "ds_days"):
        hostile.see(source, candidate)
    said = hostile.entry(candidate)
    assert hostile.see("ds_preview", candidate) == []
    if "run this" in said:
        hostile.estate.instance.search(said["run this"])
        (entry,) = hostile.estate.instance.search("| inputlookup ssa_allow_list").rows
        hostile.estate.entries("ssa_allow_list")
        assert (entry["detection"], entry["field"]) == (GIVEN, "user")


def test_the_filter_that_is_shown_removes_the_same(hostile):
    candidate = next(row["_candidate"] for row in hostile.see("ds_values") if "delete" in row["Value"])
    told = hostile.entry(candidate)["or filter"].removeprefix("In Settings, add to the end of the macro ")
    macro, _, added = told.partition(": ")
    assert f"`{macro}`" in hostile.estate.saved(RULE)
    left = hostile.estate.found(hostile.estate.saved(RULE).replace(f"`{macro}`", f"search * {added}"))
    assert len(found(hostile)) - len(left) == 1


def test_a_line_is_for_one_detection_or_for_all(hostile):
    said = hostile.entry("user=amy")
    assert f'detection="{GIVEN}"' in said["run this"]
    assert said["for all"] == said["run this"].replace(GIVEN, "*")


def test_a_line_that_leaves_nothing_says_so(hostile):
    assert "Nothing is left" in hostile.entry("process=*msiexec*")["leaves out"]
    assert "Nothing is left" not in hostile.entry("user=amy")["leaves out"]


def test_what_is_left_out_now_is_found_in_the_events(hostile):
    (row,) = hostile.see("ds_left_out")
    assert hostile.estate.found(f"search {row['_search']}") == []
    try:
        hostile.estate.instance.search(hostile.entry("dest=ws-3")["run this"])
        (event,) = hostile.estate.found(f"search {row['_search']}")
    finally:
        hostile.estate.entries("ssa_allow_list")
    assert (event["dest"], event["process"]) == ("ws-3", LINES["a pipe after a quote"])


@pytest.mark.parametrize(
    ("detection", "says"),
    [
        (GIVEN, f"{GIVEN}: click a value"),
        ("Windows MSIExec DLL Registration", "has no hit in this time range"),
        ("No Such Detection", 'No detection outside of sets is called "No Such Detection"'),
        ('" | delete', "No detection outside of sets is called"),
    ],
)
def test_the_view_says_what_is_wrong_with_a_detection(hostile, detection, says):
    (row,) = hostile.see("ds_state", detection=detection)
    assert says in row["state"]
    assert {row["detection"] for row in hostile.see("ds_names", detection=detection)} == {GIVEN, detection}


@pytest.mark.parametrize(
    ("entries", "says"),
    [
        ([], "The allow list is on; no entry of it holds for this detection."),
        ([{"detection": GIVEN}], "The allow list is on: 1 entry holds for this detection."),
        ([{"detection": GIVEN}, {"detection": "*"}, {"detection": "x"}], "2 entries hold"),
        ([{"detection": GIVEN, "expires": "2020-01-01"}], "no entry of it holds"),
    ],
)
def test_the_view_says_that_the_allow_list_is_on(hostile, entries, says):
    entry = {"field": "user", "pattern": "nobody", "expires": "2099-01-01"}
    try:
        hostile.estate.entries("ssa_allow_list", *[entry | one for one in entries])
        (row,) = hostile.see("ds_state")
    finally:
        hostile.estate.entries("ssa_allow_list")
    assert says in row["state"]


def test_what_the_conditions_of_a_detection_fix_is_no_value(hostile):
    known = {"Chosen:result.fixed": "parent_process_name process"}
    query = views.fill(TUNING.query("ds_values"), TUNING.defaults | known)
    fields = {row["Field"] for row in hostile.acting.search(query, earliest=DAY, latest=NOW, now=NOW).rows}
    assert fields == {"user", "dest", "process"}


# -- scores and alerts


EVENTS = [
    process(DAY + 10 * HOUR, "amy", "ws-1", r"msiexec.exe /y c:\one.dll"),
    process(DAY + 11 * HOUR, "amy", "ws-1", r"msiexec.exe /y c:\two.dll"),
    process(DAY + 12 * HOUR, "amy", "ws-2", r"msiexec.exe /y c:\three.dll"),
    process(DAY + 13 * HOUR, "bob", "ws-1", r"msiexec.exe /y c:\one.dll"),
    process(DAY + 14 * HOUR, "bob", "ws-3", r"msiexec.exe /y c:\four.dll"),
]


@pytest.mark.parametrize("candidate", ["user=amy", "dest=ws-1", r"process=*c:\one.dll*", "dest=ws-3"])
def test_scores_without_the_hits_are_those_that_come_of_the_entry(tuned, archive, tmp_path, candidate):
    tuned.estate.instance.add_events(EVENTS)
    tuned.estate.detect()
    before, said = tuned.estate.scores(), tuned.entry(candidate)
    shown = {row["Entity"]: row for row in tuned.see("ds_scores", candidate)}
    (counts,) = tuned.see("ds_counts", candidate)
    (removed,) = tuned.see("ds_removed", candidate)
    with running(archive, tmp_path / "again") as splunkd:
        again = Estate(splunkd.instance)
        again.instance.add_events(EVENTS)
        again.instance.search(said["run this"])
        again.detect()
        after = again.scores()
    assert {name: float(row["Score"]) for name, row in shown.items()} == {name: before[name] for name in shown}
    assert {name: float(row["Without"]) for name, row in shown.items()} == {name: after.get(name, 0) for name in shown}
    assert {name for name in before if before[name] != after.get(name, 0)} <= set(shown)
    assert int(counts["below"]) == len([name for name in before if before[name] > 100 >= after.get(name, 0)])
    assert removed["entities"] == f"{len(before) - len(after)} of {len(before)}"


def alert(rule, drilldown="x", **more):
    times = {"raised": DAY + 15 * HOUR, "last_raised": DAY + 15 * HOUR}
    return {"rule": rule, "detections": [GIVEN], "state": "closed", "drilldown_search": drilldown, **times, **more}


def test_alerts_that_would_not_have_been_raised(tuned):
    loud = {"impact": "100", "confidence": "90"}
    tuned.estate.detections(loud=loud, other=loud)
    tuned.estate.instance.add_events(
        [
            *EVENTS,
            process(DAY + 9 * HOUR, "amy", "ws-9", "x loud y"),
            process(DAY + 9 * HOUR, "eve", "ws-9", "x loud other y"),
        ]
    )
    tuned.estate.detect()
    search = "`ssa_process_events` | ssadetect detection=loud,other | addinfo | table *"
    tuned.estate.detect(search=search)
    keys = {row["user"]: row["process_key"] for row in tuned.estate.risk() if row["detection"] == "loud"}
    severe = [
        alert(SEVERE, f"`ssa_risk_events` process_key={key} | dedup risk_event_id", entities=[f"user:{user}"])
        for user, key in keys.items()
    ]
    tuned.estate.entries(
        "ssa_alerts",
        alert(SCORE, entities=["user:amy"], verdict="true positive"),
        alert(SCORE, entities=["user:bob"]),
        alert(SCORE, entities=["user:amy"], raised=1, last_raised=1),
        *severe,
    )
    assert [(row["Whose"], row["Verdict"]) for row in tuned.see("ds_alerts", r"process=*c:\one.dll*")] == []
    shown = tuned.see("ds_alerts", "user=amy", detection="loud")
    assert sorted((row["Rule"], row["Whose"], row["Verdict"]) for row in shown) == [
        ("Severe Hit", "amy", "none"),
    ]
    (counts,) = tuned.see("ds_counts", "user=amy", detection="loud")
    assert counts["alerts"] == "1"
    assert tuned.see("ds_alerts", "user=eve", detection="loud") == []  # another detection has found the process, too


def test_an_alert_of_a_score_goes_with_the_score(tuned):
    tuned.estate.instance.add_events(EVENTS)
    tuned.estate.detect()
    tuned.estate.entries(
        "ssa_alerts",
        alert(SCORE, entities=["user:amy"], verdict="true positive"),
        alert(SCORE, entities=["system:ws-1"]),
        alert(SCORE, entities=["user:amy"], raised=1, last_raised=1),
        alert("SSA - ATT&CK Breadth Over 7 Days - Rule", entities=["user:amy"]),
    )
    shown = tuned.see("ds_alerts", r"process=*c:\two.dll*")
    assert sorted((row["Rule"], row["Whose"], row["Verdict"]) for row in shown) == [
        ("Risk Over 24 Hours", "amy", "true positive"),
        ("Risk Over 24 Hours", "ws-1", "none"),
    ]
    assert {row["Raised"] for row in shown} == {"2026-03-02 15:00"}

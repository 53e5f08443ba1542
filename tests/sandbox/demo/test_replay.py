"""The whole way of an event, as a newcomer sees it: raw files in, detections and risk out."""

import json
import re
import tarfile
from collections import Counter

import pytest

from sandbox import __main__ as command_line
from sandbox import confs
from sandbox.alerts import alert_actions
from sandbox.demo.replay import risk_searches
from sandbox.demo.replay import row as indexed
from sandbox.errors import SandboxError
from sandbox.inputs import windows
from sandbox.search.instance import Instance
from sandbox.splunkd import Splunkd
from tests.support.app.demo import CATALOGUE
from tests.support.examples import GIVEN
from tools import ROOT
from tools.docs.pages import shipped
from tools.evaluate.rules import HARDENED

pytestmark = pytest.mark.xdist_group("demo")

DEMO = sorted((ROOT / "sandbox/demo").glob("*.log"))
MESSAGE = (
    "An instance of spawning msiexec.exe was identified on endpoint {device} "
    "by user {user} attempting to register a file."
)


@pytest.fixture(scope="module")
def ran():
    """The output of replays of the demo, by their arguments."""
    return {}


@pytest.fixture
def replay(archive, capsys, ran):
    """Replay files; the demo with the same options once for all tests, unless an option names a folder."""

    def run(*arguments, files=DEMO):
        known = (*arguments, *files)
        if known not in ran:
            code = command_line.main(["replay", *map(str, files), "--package", str(archive), *arguments])
            captured = capsys.readouterr()
            if files is not DEMO or {"--home", "--local"} & {*arguments}:
                return code, captured.out, captured.err
            ran[known] = code, captured.out, captured.err
        return ran[known]

    return run


def lines(out):
    by_kind = {"problem": [], "detection": [], "risk_event": [], "risk_alert": [], "summary": []}
    for line in out.splitlines():
        fields = json.loads(line)
        by_kind[fields.pop("kind")].append(fields)
    (by_kind["summary"],) = by_kind["summary"]
    return by_kind


def name(entity):
    """The one name of a user or device: in lower case, without a domain."""
    return entity.lower().rpartition("\\")[2]


def essence(by_kind):
    """What must not depend on where or by which Python it was found: everything but the run's own id and times."""
    run = ("orig_sid", "_raw", "splunk_server", "info_sid", "info_search_time")
    return [
        sorted(json.dumps({k: v for k, v in row.items() if k not in run}, sort_keys=True) for row in by_kind[kind])
        for kind in ("detection", "risk_event")
    ]


def test_the_demo_finds_every_expected_event_and_no_other(replay, python):
    code, out, _ = replay("--json", "--python", python)
    found = lines(out)
    expected = Counter(entry["dest"] for entry in CATALOGUE if entry["expected"])
    assert code == 0
    assert Counter(row["dest_device_id"] for row in found["detection"]) == expected
    assert sum(expected.values()) >= 6


def test_each_hit_has_one_risk_event_for_the_user_and_one_for_the_device(replay):
    found = lines(replay("--json")[1])
    by_finding = {}
    for event in found["risk_event"]:
        by_finding.setdefault(event["finding_id"], []).append(event)
    assert set(by_finding) == {row["finding_id"] for row in found["detection"]}
    for row in found["detection"]:
        device, user = row["dest_device_id"], row["dest_user_id"]
        events = by_finding[row["finding_id"]]
        objects = {(e["risk_object"], e["risk_object_type"], e["risk_score"]) for e in events}
        assert objects == {(name(user), "user", "35"), (name(device), "system", "35")}
        assert len(events) == 2
        for event in events:
            assert event["risk_message"] == MESSAGE.format(device=device, user=user)
            assert (event["threat_object"], event["index"], event["sourcetype"]) == ("msiexec.exe", "risk", "stash")
            assert (event["info_min_time"], event["info_max_time"]) == ("0.000", "+Infinity")
            assert float(event["_time"]) == pytest.approx(float(row["_time"]), abs=0.001)


def key_of(line, device):
    """Return what identifies an event of the demo: an add-on may have changed the program in the line."""
    return (*line.split()[-2:], device)


def test_the_searches_that_ship_disabled_find_the_demos_other_attacks_and_nothing_of_its_everyday(replay):
    """Local packages are installed as any other, and a command line that is not audited is reported as missing."""
    code, out, _ = replay("--json", "--all")
    found = lines(out)
    scores = {}
    for hit in found["detection"]:
        scores.setdefault(key_of(hit["process"], hit["dest_device_id"]), {})[hit["detection"]] = float(
            hit["risk_score"]
        )
    assert (code, found["summary"]["errors"], found["summary"]["messages"]) == (0, [], [])
    for entry in CATALOGUE:
        given = scores.get(key_of(entry["command_line"] or entry["process_path"], entry["dest"]), {})
        if entry["expected"]:
            assert given[GIVEN] == 35
            assert given[HARDENED] > 40
        elif "everyday" in entry["what"] or "local package" in entry["what"]:
            assert max(given.values(), default=0) <= 20, entry  # informational
        else:
            assert max(given.values()) > 40, entry
    assert "0" in {hit["risk_score"] for hit in found["detection"]}
    assert "0" not in {event["risk_score"] for event in found["risk_event"]}


def test_no_alert_comes_before_its_hit(replay):
    for alert in lines(replay("--json", "--all")[1])["risk_alert"]:
        assert float(alert["last_time"]) <= float(alert["_time"]) < float(alert["first_time"]) + 86_400


def test_searches_that_are_disabled_are_left_out_and_counted(replay):
    assert f"{len(shipped().names) - 1} more searches are disabled: --all runs them too." in replay()[1]
    assert "disabled" not in replay("--all")[1]


def test_the_search_that_a_risk_event_names_finds_the_event_that_caused_it(replay, archive, tmp_path):
    risk_events = lines(replay("--json")[1])["risk_event"]
    instance = Instance(tmp_path)
    instance.install(archive)
    for path in DEMO:
        instance.add_events(map(indexed, windows.read_events(path)))
    for event in risk_events:
        (cause,) = instance.search(event["contributing_events_search"]).rows
        assert cause["process_name"].lower() == "msiexec.exe"
        assert event["risk_object"] in (name(cause["user"]), name(cause["dest"]))


def test_the_summary_counts_what_was_read_what_passed_and_what_fired(replay):
    found = lines(replay("--json")[1])
    summary = found["summary"]
    events = sum(path.read_text().count("<EventID>") or path.read_text().count("\nEventCode=") for path in DEMO)
    assert summary["events"] == sum(summary["events_by_source"].values()) == events
    assert summary["events"] > summary["passed_prefilter"] > summary["detections"] == len(found["detection"])
    assert summary["risk_events"] == 2 * summary["detections"]
    assert (summary["ok"], summary["errors"]) == (True, [])
    assert [re.findall(r"demo/(\S+), (\d+) of .*: (no command line)", text)[0] for text in summary["problems"]] == [
        ("security-4688.classic.log", "8", "no command line"),
        ("security-4688.xml.log", "5", "no command line"),
    ]


def test_the_demo_ends_with_an_alert_for_the_user_and_the_device_of_three_hits(replay):
    found = lines(replay("--json")[1])
    (day,) = {float(event["_time"]) // 86_400 * 86_400 for event in found["risk_event"]}
    names = ("search_name", "risk_object", "risk_object_type", "risk_score", "severity", "_time")
    rule, five = "SSA - Risk Over 24 Hours - Rule", f"{day + 17 * 3600:.0f}"  # the third hit comes at 16:31
    assert sorted([alert[name] for name in names] for alert in found["risk_alert"]) == [
        [rule, "b.heron", "user", "105", "high", five],
        [rule, "ws-fin-02.synthetic.example", "system", "105", "high", five],
    ]
    assert found["summary"]["risk_alerts"] == 2
    for alert in found["risk_alert"]:
        assert alert["message"].startswith(f"{alert['risk_object_type']} {alert['risk_object']} has gathered")
    page = " ".join(replay()[1].split())
    assert "4. Alerts raised by 3 risk rules, run as they are scheduled: 2 " in page
    assert "user b.heron has gathered a risk score of 105 in 24 hours" in page
    assert "22 risk events written, 2 alerts raised, in " in page


def test_a_threshold_of_ones_own_decides_about_alerts_and_a_rule_that_fails_is_an_error(replay, tmp_path):
    (tmp_path / "macros.conf").write_text("[ssa_risk_threshold]\ndefinition = 60\n")
    found = lines(replay("--json", "--local", str(tmp_path))[1])
    assert {"b.heron", "e.plover"} == {a["risk_object"] for a in found["risk_alert"] if a["risk_object_type"] == "user"}
    (tmp_path / "macros.conf").write_text("[ssa_risk_threshold]\ndefinition = (\n")
    code, out, _ = replay("--json", "--local", str(tmp_path))
    assert (code, lines(out)["risk_alert"]) == (1, [])
    (error,) = lines(out)["summary"]["errors"]
    assert error.startswith("SSA - Risk Over 24 Hours - Rule: ")


def test_the_searches_over_the_data_model_find_the_same(replay):
    raw, accelerated = (lines(replay("--json", *options)[1]) for options in ((), ("--tstats",)))
    assert {row["search_name"] for row in accelerated["risk_event"]} != {
        row["search_name"] for row in raw["risk_event"]
    }
    assert accelerated["summary"]["passed_prefilter"] >= accelerated["summary"]["detections"] > 0
    for kind, identity in (("detection", "event_id"), ("risk_event", "risk_event_id")):
        assert Counter(row[identity] for row in raw[kind]) == Counter(row[identity] for row in accelerated[kind])


def test_kept_events_can_be_searched(replay, capsys, tmp_path):
    home = tmp_path / "kept"
    found = lines(replay("--json", "--home", str(home), "--indexers", "2")[1])
    for again in range(2):  # a second replay takes the place of the first
        arguments = ["search", "--home", str(home), "--json", "index=risk | stats count by risk_object_type"]
        assert command_line.main(arguments) == 0
        rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
        assert sum(int(row["count"]) for row in rows) == len(found["risk_event"])
        replay("--home", str(home)) if not again else None


def test_a_folder_of_someone_else_is_not_emptied(replay, tmp_path):
    (tmp_path / "thesis.txt").write_text("mine")
    code, _, err = replay("--home", str(tmp_path))
    assert (code, (tmp_path / "thesis.txt").read_text()) == (1, "mine")
    assert "holds no events of a sandbox" in err.replace("\n", " ")


def test_a_search_without_events_reports_what_to_do(capsys, tmp_path):
    assert command_line.main(["search", "--home", str(tmp_path / "none"), "index=risk"]) == 1
    assert "make demo" in capsys.readouterr().err.replace("\n", " ")


def test_a_database_that_cannot_be_opened_is_an_error_not_a_crash(capsys, tmp_path):
    (tmp_path / "var").mkdir()
    (tmp_path / "var/events.duckdb").write_text("no database, or locked by another process")
    assert command_line.main(["search", "--home", str(tmp_path), "index=risk"]) == 1
    assert capsys.readouterr().err.startswith("sandbox: ")


def test_a_search_shows_a_table_with_its_messages_and_takes_a_time_range(replay, capsys, tmp_path):
    replay("--home", str(tmp_path / "kept"))
    arguments = ["search", "--home", str(tmp_path / "kept"), "--latest", "-20y@y", "index=risk | table risk_object"]
    assert command_line.main(arguments) == 0
    assert "0 rows" in capsys.readouterr().out
    assert command_line.main([*arguments[:3], "index=risk | table risk_object"]) == 0
    out = capsys.readouterr().out
    assert "b.heron" in out
    assert "22 rows" in out


def test_settings_of_ones_own_are_applied(replay, tmp_path):
    (tmp_path / "ssa_detections.conf").write_text(f"[{GIVEN}]\nimpact = 100\nconfidence = 90\n")
    code, out, _ = replay("--json", "--local", str(tmp_path))
    assert (code, {row["risk_score"] for row in lines(out)["detection"]}) == (0, {"90"})


def test_any_number_of_indexers_gives_the_same_answer(replay):
    one, three = (lines(replay("--json", "--indexers", number)[1]) for number in ("1", "3"))
    assert essence(one) == essence(three)
    assert (one["summary"]["indexers"], three["summary"]["indexers"]) == (1, 3)


def test_the_page_tells_the_story(replay):
    code, out, _ = replay()
    assert code == 0
    for expected in (
        "SSA Detections ",
        "1. Events read: 472,",
        "2. Searched: 20 events passed the prefilter, the detection fired on 11",
        "Detection: Windows System Binary Proxy Execution MSIExec DLLRegisterServer",
        "3. Risk written by the alert action: 22 events",
        "b.heron",
    ):
        assert expected in out
    assert out.count("\n") < 80
    assert "472 events read, 20 passed the prefilter, 11 fired, 22 risk events written" in out


def test_the_demo_of_all_detections_ends_with_one_screen(replay):
    page = replay("--all")[1]
    screen = page[page.index("\nIn short") :].splitlines()[1:]
    assert len(screen) <= 30
    text = " ".join(" ".join(screen).split())
    assert text.startswith("In short 472 events → 38 hits on 11 devices → 70 risk events → 12 alerts high 6 ")
    for expected in (
        "medium 9 ",
        "low 12 ",
        "informational 11 ",
        "12 × Windows MSIExec DLL Registration, up to 80",
        "Severe at once (80 points, 11:00): c.wren, ws-hr-01.synthetic.example",
        "Over the threshold (168 points, 10:00): b.heron",
    ):
        assert expected in text


def test_a_second_replay_adds_to_a_home_or_says_what_it_replaces(replay, tmp_path):
    event, home = tmp_path / "own.xml", ("--home", str(tmp_path / "kept"))
    event.write_text(xml("msiexec.exe /y x.dll"))
    assert "replaced" not in replay(*home, files=[event])[1]
    event.write_text(xml("msiexec.exe /y other.dll", computer="ws-2"))
    page = replay(*home, "--add", files=[event])[1]
    assert "2 are there now, with those of before: all of them are searched" in page
    assert "the detection fired on 2" in page
    assert "3. Risk written by the alert action: 4 events" in page  # that of before is written once
    page = replay(*home, files=[event])[1]
    assert f"{tmp_path / 'kept'}: its events and risk are replaced (--add keeps them)" in page.replace("\n", "")
    assert "the detection fired on 1" in page


@pytest.mark.parametrize("add", [(), ("--add",)])
def test_an_entry_of_the_allow_list_applies_to_the_next_replay(replay, tmp_path, add):
    event, home = tmp_path / "own.xml", ("--home", str(tmp_path / "kept"))
    event.write_text(xml("msiexec.exe /y vendor.dll"))
    assert "the detection fired on 1" in replay(*home, files=[event])[1]
    entry = (
        '| makeresults | eval detection="*", field="process", pattern="*vendor.dll", expires="2099-01-01" '
        "| outputlookup append=true ssa_allow_list"
    )
    assert command_line.main(["search", entry, *home]) == 0
    page = replay(*home, *add, files=[event])[1]
    assert f"{tmp_path / 'kept'}: the entries of its lookups are kept: ssa_allow_list 1" in page.replace("\n", "")
    assert "the detection fired on 0" in page


def test_a_dry_run_shows_the_exact_events_and_writes_none(replay):
    _, written, _ = replay("--json")
    raw = {event["_raw"] for event in lines(written)["risk_event"]}
    code, out, _ = replay("--json", "--dry-run")
    found = lines(out)
    assert (code, found["risk_event"], found["risk_alert"]) == (0, [], [])
    shown = {text.partition("not written: ")[2] for _, text in found["summary"]["log"] if "not written: " in text}

    def without_run(line):
        return [field for field in line.split(", ") if not field.startswith(("orig_sid=", "info_search_time="))]

    assert sorted(map(without_run, shown)) == sorted(map(without_run, raw))


# -- bad input


def xml(command_line, image=r"C:\Windows\System32\msiexec.exe", computer="ws-1"):
    return (
        "<Event xmlns='http://schemas.microsoft.com/win/2004/08/events/event'><System><EventID>1</EventID>"
        "<TimeCreated SystemTime='2026-03-02T09:00:00.000000Z'/>"
        f"<Channel>Microsoft-Windows-Sysmon/Operational</Channel><Computer>{computer}</Computer></System>"
        f"<EventData><Data Name='Image'>{image}</Data><Data Name='CommandLine'>{command_line}</Data>"
        "<Data Name='User'>CORP\\jdoe</Data><Data Name='ParentImage'>C:\\Windows\\explorer.exe</Data>"
        "</EventData></Event>\n"
    )


HIT = xml("msiexec.exe /y x.dll")


@pytest.mark.parametrize(
    ("bad", "problem"),
    [
        (xml("msiexec.exe /y x.dll")[:-30] + "\n", "damaged XML"),
        ("<Event><nope></Event>\n", "damaged XML"),
        ("hello\n", "not a Windows event"),
    ],
)
def test_a_damaged_event_is_named_and_the_others_are_found(replay, tmp_path, bad, problem):
    path = tmp_path / "events.log"
    path.write_text(bad + HIT)
    code, out, _ = replay("--json", files=[path])
    found = lines(out)
    assert (code, len(found["detection"])) == (0, 1)
    (told,) = found["problem"]
    assert (told["file"], told["line"]) == (str(path), 1)
    assert told["problem"].startswith(f"event 1: {problem}")
    assert found["summary"]["problems"] == [f"{path}, {told['problem']}"]


@pytest.mark.parametrize(
    ("event", "lacks"),
    [
        (xml(""), ["no command line"]),
        (xml("msiexec.exe /y x.dll", image=""), ["no name of their process"]),
        (xml("", image=""), ["no command line", "no name of their process"]),
    ],
)
def test_an_event_without_command_line_or_process_name_is_no_hit_and_no_error_and_told(replay, tmp_path, event, lacks):
    path = tmp_path / "events.log"
    path.write_text(HIT + event)
    code, out, _ = replay("--json", files=[path])
    found = lines(out)
    assert (code, len(found["detection"])) == (0, 1)
    assert [(each["file"], each["line"], each["problem"].partition(", so no")[0]) for each in found["problem"]] == [
        (str(path), 2, f"1 of 2 events, the first is event 2: {what}") for what in lacks
    ]


def test_a_file_that_cannot_be_read_costs_no_other_and_fails_the_replay(replay, tmp_path):
    (tmp_path / "a.csv").write_text("_time,process\n1,msiexec /y x.dll\n")
    (tmp_path / "b.xml").write_text(HIT)
    (tmp_path / "c.evtx").write_bytes(b"")
    code, out, _ = replay("--json", files=[tmp_path / name for name in ("a.csv", "b.xml", "c.evtx")])
    found = lines(out)
    assert (code, len(found["detection"]), found["summary"]["ok"]) == (1, 1, False)
    assert [text.partition(":")[0] for text in found["summary"]["errors"]] == [
        f"{tmp_path / 'a.csv'} is CSV",
        f"{tmp_path / 'c.evtx'} is empty",
    ]


def test_rows_that_the_command_could_not_judge_show_in_the_search_messages(archive, tmp_path):
    instance = Instance(tmp_path, indexers=2)
    instance.install(archive)
    instance.add_events({**row, "_raw": "x", "_time": 1} for row in [{"process_name": "cmd.exe"}, {"process": "x"}])
    messages = instance.search("* | ssadetect").messages
    assert [(level, server) for level, _, server in messages] == [("WARN", "indexer1"), ("WARN", "indexer2")]
    assert "fields that decide are missing for 12 of 13 detections, most of all for 'Windows " in messages[0][1]
    assert " in 1 chunk (no column)" in messages[0][1]


def test_an_event_without_a_device_still_scores_its_user(replay, tmp_path):
    path = tmp_path / "events.log"
    path.write_text(xml("msiexec.exe /y x.dll", computer=""))
    found = lines(replay("--json", files=[path])[1])
    assert [event["risk_object"] for event in found["risk_event"]] == ["jdoe"]
    assert found["risk_event"][0]["defaulted_tokens"] == "dest_device_id"


@pytest.mark.parametrize(
    ("relation", "quantity", "results", "expected"),
    [
        ("greater than", "0", 1, True),
        ("greater than", "0", 0, False),
        ("greater than", "3", 3, False),
        ("less than", "1", 0, True),
        ("equal to", "2", 2, True),
        ("not equal to", "2", 2, False),
    ],
)
def test_the_trigger_condition_of_a_search_decides_whether_its_action_runs(relation, quantity, results, expected):
    search = {"counttype": "number of events", "relation": relation, "quantity": quantity}
    assert alert_actions.triggers(search, [{}] * results) is expected


def test_an_action_gets_at_most_as_many_results_as_its_conf_allows(archive, tmp_path):
    instance = Instance(tmp_path, session_key="key")
    instance.install(archive)
    (name,) = risk_searches(instance)
    conf = instance.apps / "ssa_detections/default/alert_actions.conf"
    conf.write_text(conf.read_text().replace("maxresults = 10000", "maxresults = 3"))
    for path in DEMO:
        instance.add_events(map(indexed, windows.read_events(path)))
    result = instance.search(instance.saved_search(name)["search"])
    with Splunkd(instance) as splunkd:
        splunkd.sessions["key"] = frozenset()
        instance.splunkd_uri = splunkd.uri
        done = alert_actions.run(instance, "ssa_risk", name, result, {"dry_run": "1"})
    assert len(result.rows) > 3
    assert "results=3 risk_events=6" in done.log[-1][1]


def test_an_unknown_trigger_condition_is_an_error():
    with pytest.raises(SandboxError, match="unsupported trigger condition: counttype = custom"):
        alert_actions.triggers({"counttype": "custom"}, [{}])


def test_a_missing_file_is_named(replay, tmp_path):
    code, _, err = replay(files=[tmp_path / "nothing.log"])
    assert code == 1
    assert "nothing.log: no such file" in err.replace("\n", "")


def test_a_folder_is_no_file(replay, tmp_path):
    code, _, err = replay(files=[tmp_path])
    assert code == 1
    assert "is a folder: name the files in it" in err.replace("\n", " ")


@pytest.mark.parametrize("number", ["0", "-1", "1000", "x"])
def test_a_number_of_indexers_that_makes_no_sense_is_refused(replay, number, capsys):
    with pytest.raises(SystemExit):
        replay(f"--indexers={number}")
    assert f"expected a number from 1 to 32, found '{number}'" in capsys.readouterr().err


def test_a_package_without_the_app_is_refused(tmp_path, capsys):
    archive = tmp_path / "other.tar.gz"
    with tarfile.open(archive, "w:gz") as packed:
        packed.add(DEMO[0], "other_app/readme.txt")
    assert command_line.main(["replay", str(DEMO[0]), "--package", str(archive)]) == 1
    assert "other.tar.gz is not the app ssa_detections" in capsys.readouterr().err.replace("\n", " ")


def test_a_package_that_is_cut_off_is_named(archive, tmp_path, capsys):
    cut = tmp_path / "cut.tar.gz"
    cut.write_bytes(archive.read_bytes()[:50_000])
    assert command_line.main(["replay", str(DEMO[0]), "--package", str(cut)]) == 1
    assert "cut.tar.gz' cannot be read" in capsys.readouterr().err.replace("\n", " ")


def test_an_event_or_the_name_of_its_file_does_not_steer_the_readers_terminal(replay, tmp_path):
    path = tmp_path / "[bold]\x1b]0;owned\x07.log"
    path.write_text(xml("msiexec.exe /y \x1b]0;owned\x07 [red]x[/red].dll"))
    _, out, _ = replay(files=[path])
    assert "\x1b]0;owned" not in out
    assert "[red]x[/red].dll" in out.replace("\n", "")
    assert "reading [bold]␛]0;owned␇.log" in out


def test_a_file_that_is_no_package_is_named(capsys, tmp_path):
    (tmp_path / "app.tar.gz").write_text("no archive")
    assert command_line.main(["replay", str(DEMO[0]), "--package", str(tmp_path / "app.tar.gz")]) == 1
    assert "app.tar.gz' cannot be read" in capsys.readouterr().err.replace("\n", " ")


# -- detections of one's own

EVERY, MINE = "SSA - Every Detection - Rule", "Mine"
COPY = {**confs.load(ROOT, "ssa_detections")[GIVEN], "id": "7b0f2b0e-6c0a-4a8e-9d55-0c9f6f3c8a11"}.items()
STANZA = f"[{MINE}]\n" + "\n".join(f"{key} = {value}".replace("\n", "\\\n") for key, value in COPY) + "\n"
SEARCH = f"""[SSA - {MINE} - Rule]
search = `ssa_process_events` | ssadetect detection="{MINE}"
action.ssa_risk = 1
"""
ON = f"[{EVERY}]\ndisabled = 0\n"
NONE = f"no saved search runs it: `python -m tools import` writes one, or enable {EVERY} (a replay: --all)"


@pytest.mark.parametrize(
    ("stanza", "saved", "options", "fate", "hits"),
    [
        (STANZA, "", [], NONE, 0),
        (STANZA, "", ["--all"], f"run by {EVERY}", 1),
        (STANZA, ON, [], f"run by {EVERY}", 1),
        (STANZA, SEARCH, [], f"run by SSA - {MINE} - Rule", 1),
        (STANZA, SEARCH, ["--all"], f"run by SSA - {MINE} - Rule", 1),
        (STANZA, SEARCH + ON, [], f"run by SSA - {MINE} - Rule, {EVERY}", 1),
        (
            STANZA,
            SEARCH + "disabled = 1\n",
            [],
            f"not run, as SSA - {MINE} - Rule is disabled: enable it (a replay runs it with --all)",
            0,
        ),
        (STANZA + "disabled = 1\n", ON, [], "disabled, so nothing runs it: set disabled = 0 in its stanza", 0),
    ],
)
def test_a_detection_of_ones_own_is_run_by_a_search_or_the_replay_says_why_not(
    replay, tmp_path, stanza, saved, options, fate, hits
):
    (tmp_path / "ssa_detections.conf").write_text(stanza)
    (tmp_path / "savedsearches.conf").write_text(saved)
    (tmp_path / "hit.log").write_text(HIT)
    code, out, err = replay("--json", "--local", str(tmp_path), *options, files=[tmp_path / "hit.log"])
    found = lines(out)
    assert (code, found["summary"]["own"], found["summary"]["errors"]) == (0, {MINE: fate}, []), err
    assert [row["detection"] for row in found["detection"]].count(MINE) == hits


def test_what_two_searches_find_counts_once(replay, tmp_path):
    """The search of a detection and that of all find the same hits: the second writes nothing anew."""
    found = {}
    for name, saved in {"one": ON + f"[SSA - {GIVEN} - Rule]\ndisabled = 1\n", "both": ON}.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "savedsearches.conf").write_text(saved)
        found[name] = lines(replay("--json", "--local", str(tmp_path / name))[1])
    ids = {name: Counter(event["risk_event_id"] for event in each["risk_event"]) for name, each in found.items()}
    assert ids["both"] == ids["one"]
    assert {*ids["both"].values()} == {1}
    assert found["both"]["summary"]["scores"] == found["one"]["summary"]["scores"]
    alerts = [[(a["search_name"], a["message"]) for a in each["risk_alert"]] for each in found.values()]
    assert alerts[0] == alerts[1]
    hits = [Counter((h["detection"], h["event_id"]) for h in each["detection"]) for each in found.values()]
    assert hits[0] == hits[1]
    searches = {event["search_name"] for event in found["both"]["risk_event"] if event["detection"] == GIVEN}
    assert searches == {f"SSA - {GIVEN} - Rule"}

"""The rules that are measured by the catalogue; what the page says of the story, of the hardened and the given one."""

import base64
import hashlib
import json
import re
from collections import Counter

import pytest

from sandbox.demo.replay import row as splunk_row
from sandbox.inputs import windows
from ssa.content.datamodels import PROCESSES
from ssa.rows import cells, event
from ssa.rows.hits import detect
from tests.support.examples import GIVEN, GIVEN_ID, ROOT, given_detection
from tests.support.windows.real_events import as_splunk, plant, real_events
from tools.docs.pages import shipped
from tools.evaluate import figures, page, rules
from tools.evaluate.catalogue import MSIEXEC, load
from tools.evaluate.tables import INFORMATIONAL, LOW

CATALOGUE = load()
COMPARED = rules.compared()
ATTACK = CATALOGUE.part("attack").rows
REGISTRATIONS = [row for name in page.COMPARED for row in CATALOGUE.part(name).rows]
"""The rows on which the rules for /y are compared."""


def of_rows(rows):
    return pytest.mark.parametrize("row", rows, ids=[f"{row.part} {row.number}" for row in rows])


by_row = of_rows([row for row in CATALOGUE.rows if row.datamodel == PROCESSES.name])
STORY = [shipped().find(name) for name in shipped().names]


# -- the hardened detection


@by_row
def test_the_hardened_detection_gives_each_row_the_expected_verdict(row):
    verdict = COMPARED["hardened"](row.event)
    if row.expect != "any":
        assert page.answer(verdict) == row.expect
    assert (verdict.score == 0) == verdict.blind


def judged(**changes):
    (hit,) = detect(shipped().find(rules.HARDENED), {**ATTACK[0].event, **changes})
    return float(hit["risk_score"]), json.loads(hit["body"])


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"process": r"msiexec /y C:\Users\Public\a.dll"}, "a folder that users write to; cmd.exe started it"),
        ({"process": r"msiexec /y C:\Users\a\AppData\Local\Temp\a.dll"}, "a temporary folder"),
        ({"process": r"msiexec /y \\h\s\a.dll"}, "on a share"),
        ({"process": r"msiexec /y \\h@SSL\s\a.dll"}, "on the web"),
        ({"process": r'msiexec /y "C:\Program Files\..\a.dll"'}, "written to mislead"),
        ({"process": r"msiexec /y C:\Windows\a.png"}, "not that of a library"),
        ({"process": r"msiexec /qn /y C:\Windows\a.dll"}, "nothing is shown to the user"),
        ({"process": r'msiexec "/y" C:\Windows\a.dll'}, "the switch is disguised: quoted switch"),
        ({"process": r'msiexec "/y" C:\Windows\a.dll'}, "msiexec may read it otherwise: quoted switch"),
        ({"parent_process_name": "WINWORD.EXE"}, "winword.exe started it"),
        ({"process_name": "a.exe", "process_path": r"C:\a.exe"}, "msiexec.exe is renamed"),
        ({"process_path": r"C:\a\msiexec.exe"}, "msiexec.exe is not in its folder"),
    ],
)
def test_its_message_gives_the_reasons(changes, says):
    score, body = judged(**changes)
    assert says in body["why"]
    assert score == 80 * body["confidence"] / 100


BASE = r"msiexec /y C:\Windows\a.dll"
RAISES = [
    {"process": r"msiexec /y C:\Users\a\a.dll"},
    {"process": r"msiexec /y C:\a\a.dll"},
    {"process": r"msiexec /y C:\Windows\a.txt"},
    {"process": r"msiexec /q /y C:\Windows\a.dll"},
    {"parent_process_name": "wscript.exe"},
    {"process_path": r"C:\a\msiexec.exe"},
]


@pytest.mark.parametrize("changes", RAISES)
def test_what_is_known_of_a_hit_raises_its_score(changes):
    assert judged(**{"process": BASE, **changes})[0] > judged(process=BASE)[0]


@pytest.mark.parametrize(
    "path",
    [
        r"C:\Program Files\..\Users\a.dll",
        r"C:\Program Files x\a.dll",
        r"C:\Program Files\a.txt:a.dll",
        r"C:\Program Files.\a.dll",
        r"C:\Program Files \a.dll",
        r"\\?\C:\Program Files\a.dll",
        r"\\h\C$\Program Files\a.dll",
        r"E:\Program Files\a.dll",
        r"\Program Files\a.dll",
        r"Program Files\a.dll",
        r"C:Program Files\a.dll",
        "C:\\Prоgram Files\\a.dll",  # a letter that only looks like one
        r"C:\Windows\Temp\a.dll",
        r"C:\Windows/temp\a.dll",
        r"C:\Windows\\Temp\a.dll",
        r"C:\\Windows\\\Tasks\a.dll",
        r"C:\Windows\...\Temp\a.dll",
        r"C:\Windows\TRACIN~1\a.dll",
        r"C:\Windows\Sysnative\spool\drivers\color\a.dll",
        r"C:\Windows\ServiceProfiles\LocalService\a.dll",
        r"C:\Windows\`\a.dll",
        r"C:\Windows\System32\spool\drivers\color\a.dll",
    ],
)
def test_no_path_that_an_attacker_can_make_is_taken_for_a_guarded_one(path):
    assert judged(process=f'msiexec /y "{path}"')[0] > 40
    assert judged(process=r'msiexec /y "C:\Program Files\a.dll"')[0] <= 40


SAME = {
    "capitals": (r"([/-])y(?=\s)", r"\1Y"),
    "a hyphen": (r"/y(?=\s)", "-y"),
    "blanks": (r"\s([/-]y)\s", r"   \1    "),
    "tabs": (r"\s([/-]y)\s", r"\t\1\t"),
    "silence": (r"\s([/-]y)(?=\s)", r" /qn \1"),
    "a log": (r"\s([/-]y)(?=\s)", r" /l*v x.log \1"),
    "quotes": (r'([/-]y\s+)([^"\s]+)$', r'\1"\2"'),
    "blanks behind": (r"$", "   "),
    "separators": (r"(?<=\w)\\(?=\w)", r"\\\\"),
}
"""What changes nothing for msiexec: regex and replacement."""


@pytest.mark.parametrize("change", SAME)
def test_what_changes_nothing_for_msiexec_hides_no_attack_and_makes_no_alarm(change):
    judge = COMPARED["hardened"]
    for row in REGISTRATIONS:
        switch = re.search(r"(?i)\s[/-]y\s", row.line) and row.part in ("attack", "benign")
        line = re.sub(*SAME[change], row.line, flags=re.IGNORECASE)
        if switch and row.expect != "none" and not row.no_trace:
            changed = judge({**row.event, "process": line})
            assert page.answer(changed) == row.expect, (row.what, line)


@pytest.mark.parametrize("more", ["A=1 A=1", "/qnx", "stray", "/wrong", '"P=1"'])
def test_no_doubt_that_an_attacker_adds_lowers_a_score(more):
    plain, doubtful = (judged(process=rf"msiexec /y C:\a\a.dll {text}") for text in ("", more))
    assert doubtful[0] >= plain[0]
    assert "msiexec may read it otherwise" in doubtful[1]["why"]


@pytest.mark.parametrize(
    "line", [r'"C:\Windows"\..\a.dll', r"C:\Windows\a.dll C:\b.dll", r'"C:\Windows\a.dll\" "C:\b.dll"']
)
def test_a_path_that_msiexec_may_read_otherwise_is_not_taken_for_a_guarded_one(line):
    assert judged(process=f"msiexec /y {line}")[0] > 40


def test_of_several_registrations_none_is_taken_for_a_guarded_one():
    guarded, other = r'/y "C:\Program Files\a.dll"', r"/y C:\Users\Public\a.dll"
    assert judged(process=f"msiexec {guarded}")[0] <= 40
    assert judged(process=f"msiexec {guarded} {other}")[0] > 40
    assert judged(process=f"msiexec {other} {guarded}")[0] > 40


def test_the_dll_is_a_threat_object():
    observable = next(o for o in shipped().find(rules.HARDENED).observables if o.name == "dll")
    assert observable.role != "Victim"
    assert judged(process=BASE)[1]["dll"] == r"C:\Windows\a.dll"


# -- the given detection is what it was


def published(row):
    """Return the hits of the given detection, worked out a second time from its published text."""
    line, name = row.get("process"), row.get("process_name")
    if not line or not name or name.lower() != "msiexec.exe" or not re.search("[/-]y ", line.lower()):
        return []
    device, time = row.get("dest") or row.get("host"), cells.milliseconds(row.get("_time"))
    entities = [name for name in (row.get("user"), device) if name]
    body = {
        "event_id": event.event_id(row),
        "cmd_line": line.lower(),
        "process_name": "msiexec.exe",
        "parent_process_name": row.get("parent_process_name") or None,
        "process_path": row.get("process_path") or None,
    }
    at = {"start_time": int(time), "end_time": int(time)}
    whole = {"detection_id": GIVEN_ID, **at, "entities": entities, "body": body}
    canonical = json.dumps(whole, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return [
        {
            "finding_id": "sha256:" + base64.b64encode(hashlib.sha256(canonical.encode()).digest()).decode(),
            "detection": GIVEN,
            "detection_id": GIVEN_ID,
            "detection_version": "1",
            "risk_score": "35",
            "risk_severity": "low",
            "start_time": time,
            "end_time": time,
            "entities": entities,
            "body": body,
        }
    ]


def found(row):
    """The same of what the shipped one finds."""
    hits = detect(given_detection(), row)
    for hit in hits:
        entities = hit["entities"] or []
        hit.update(entities=[entities] if isinstance(entities, str) else entities, body=json.loads(hit["body"]))
    return [{name: hit[name] for name in (published(row) or [{}])[0]} for hit in hits]


@by_row
def test_the_given_detection_finds_what_it_always_found_in_the_catalogue(row):
    assert found(row.event) == published(row.event)


def of_splunk(raw):
    cells = {name: value for name, value in splunk_row(windows.parse(raw)).items() if value not in (None, "")}
    return {**cells, "_time": f"{cells['_time']:.3f}"}


def test_on_all_real_events_the_given_one_finds_what_it_did_and_no_other_raises_an_alarm():
    alarms, informational, blind = [], Counter(), Counter()
    for real in real_events():
        row = of_splunk(as_splunk(real))
        assert found(row) == published(row) == []
        for detection in STORY[1:]:
            for hit in detect(detection, row):
                score = float(hit["risk_score"])
                alarms += [(detection.name, row["process"])] * (score > INFORMATIONAL)
                informational[detection.name] += 0 < score <= INFORMATIONAL
                blind[json.loads(hit["body"])["why"]] += hit["risk_score"] == "0"
    assert alarms == []
    assert +informational == {"Windows MSIExec Unusual Child": 7}  # cmd.exe, and no more is known of it
    # What the folder has of msiexec without its command line: seen, and reported as unseen.
    assert +blind == {"its arguments are missing": 4}


def carriers():
    """One real event of each kind that has a place for a command line."""
    kinds = {}
    for real in real_events():
        if real.format != "json" and (real.command_line or real.format == "classic"):
            kinds.setdefault((real.format, real.event_id), real)
    return kinds


def test_planted_in_real_events_of_each_kind_a_row_has_the_same_answer():
    """Another parent has another score, and another program's original name tells nothing of a renamed one."""
    judge, kinds = COMPARED["hardened"], carriers()
    assert len(kinds) >= 4
    for kind, carrier in kinds.items():
        for row in REGISTRATIONS:
            if row.event["process_path"].lower().endswith("\\msiexec.exe") and row.line:
                planted = of_splunk(plant(carrier, row.event["process_path"], row.line))
                assert found(planted) == published(planted), (kind, row.what)
                one, other = judge(planted), judge(row.event)
                if row.part == "unknown" and not one.fires:
                    continue  # what is glued to a program without a path, the add-on for 4688 takes away with it
                assert (one.fires, one.blind) == (other.fires, other.blind), (kind, row.what)


# -- the page, the other rules


def test_the_readme_has_the_figures_of_the_page():
    known, harmless = figures.attacks("known"), figures.harmless()
    found, loud = len(known) - len(figures.missed("known")), len(figures.above(harmless, LOW))
    text = " ".join((ROOT / "README.md").read_text().split())
    for sentence in (
        f"a [catalogue of {len(CATALOGUE.rows)} events](docs/evaluation.md)",
        f"they find {found} of {len(known)} that are known to work and leave a trace",
        f"give {loud} of {len(harmless)} harmless ones more than a low score",
    ):
        assert sentence in text


def test_the_page_has_every_miss_and_every_false_alarm_by_name():
    text = (ROOT / page.PATH).read_text()
    assert text == page.page()
    story, _, four = text.partition("## Four rules")
    for row in ATTACK:
        missed = not row.no_trace and not all(rule(row.event).fires for rule in COMPARED.values())
        assert row.what in four or not missed
    for each in rules.judged():
        attack = each.row.works in ("known", "inferred")
        named = (attack and not each.hits) or (not attack and each.score > LOW and each.row.works == "harmless")
        assert each.row.what in story or not named


@pytest.mark.parametrize(
    ("rule", "event", "fires"),
    [
        (rules.escu, {"process_name": "MSIEXEC.exe", "process": "a/Yb"}, True),
        (rules.escu, {"process_name": "a.exe", "original_file_name": "msiexec.exe", "process": "a -y"}, True),
        (rules.escu, {"process_name": "a.exe", "process": "msiexec /y a"}, False),
        (rules.escu, {"process_name": "msiexec.exe", "process": "msiexec /i a"}, False),
        (rules.sigma, {"process_path": MSIEXEC.upper(), "process": "MSIEXEC /Ya"}, True),
        (rules.sigma, {"process_path": MSIEXEC, "process": "msiexec —y a"}, True),
        (rules.sigma, {"process_path": MSIEXEC, "process": "msiexec\t/y a"}, False),
        (rules.sigma, {"process_path": r"C:\amsiexec.exe", "process": "x /y a"}, False),
        (rules.sigma, {"process_path": MSIEXEC, "process": r'"c:\msiexec.exe" -y "c:\program files\..\a'}, False),
        (rules.sigma, {"process_path": MSIEXEC, "process": r'"c:\msiexec.exe" /y c:\program files\a'}, True),
    ],
)
def test_a_rule_follows_its_published_logic(rule, event, fires):
    assert rule(event).fires == fires

"""Every form and every file of the table through the packaged command and alert action: one replay for all."""

import subprocess
import sys
from collections import Counter

import pytest
from rich.console import Console

from sandbox.demo import replay
from sandbox.search.instance import Instance
from sandbox.splunkd import Splunkd
from tests.support.examples import GIVEN
from tests.support.windows.files import CASES, content, users
from tests.support.windows.forms import FORMS, SYSMON, event_log, seconds
from tools import ROOT

pytestmark = pytest.mark.xdist_group("reading")

FILES = [case for case in CASES if "refused" not in case]
IN_LOGS = [form for form in FORMS.values() if not form.classic and "\n" not in form()]


def host(what, number):
    return f"{what}-{number}.lab.example"


@pytest.fixture(scope="module")
def replayed(archive, tmp_path_factory):
    """What a replay of all files found."""
    folder = tmp_path_factory.mktemp("files")
    files = {}
    for number, case in enumerate(FILES):
        files[folder / f"{number}-{case.get('name', 'events.log')}"] = content(case, host("case", number))
    for number, form in enumerate(FORMS.values()):
        text = form(user=f"user{number}", host=host("form", number))
        files[folder / f"form-{number}.log"] = text.encode()
    logs = (form(user=f"log{number}", host=host("log", number)) for number, form in enumerate(IN_LOGS))
    files[folder / "forms.evtx"] = event_log(*logs)
    for path, text in files.items():
        path.write_bytes(text)
    instance = Instance(tmp_path_factory.mktemp("reading"))
    instance.install(archive)
    with Splunkd(instance) as splunkd:
        done = replay.run(splunkd, [*files], False, Console(quiet=True))
    assert done.errors == []
    assert {row["detection"] for row in done.detections} == {GIVEN}
    return done


def name(entity):
    return entity.rpartition("\\")[2]


def assert_found(replayed, what, forms, user):
    """Each form that has a place for a command line is a hit of its user and device, and becomes their risk."""
    hits = {row["dest_device_id"]: row for row in replayed.detections}
    risk = Counter(
        (event["risk_object"], event["risk_object_type"], event["risk_score"]) for event in replayed.risk_events
    )
    for number, form in enumerate(forms):
        device = host(what, number)
        if "command_line" in form.lacks:
            assert device not in hits
            continue
        domain = "LAB\\" if form.log == SYSMON else ""
        assert (hits[device]["dest_user_id"], hits[device]["process_name"]) == (
            f"{domain}{user}{number}",
            "msiexec.exe",
        )
        assert float(hits[device]["_time"]) == pytest.approx(seconds(form), abs=0.001)
        assert (risk[f"{user}{number}", "user", "35"], risk[device, "system", "35"]) == (1, 1)


def test_each_form_is_found_and_becomes_the_risk_of_its_user_and_device(replayed):
    assert_found(replayed, "form", FORMS.values(), "user")
    assert_found(replayed, "log", IN_LOGS, "log")


@pytest.mark.parametrize("number", range(len(FILES)), ids=lambda number: FILES[number]["what"])
def test_the_hits_of_a_file_are_those_of_the_table(replayed, number):
    rows = [row for row in replayed.detections if row["dest_device_id"] == host("case", number)]
    assert Counter(name(row["dest_user_id"]) for row in rows) == Counter(users(FILES[number]))
    for time in FILES[number].get("times", []):
        assert [row for row in rows if float(row["_time"]) == pytest.approx(time, abs=0.001)]


def test_each_event_of_the_files_is_counted(replayed):
    counted = sum(case.get("events", len(case["forms"])) for case in FILES)
    assert sum(replayed.events.values()) == counted + len(FORMS) + len(IN_LOGS)


@pytest.mark.parametrize(
    ("refused", "read", "code", "told"),
    [
        (["JSON, a list", "An empty file", "CSV that Splunk exports"], [], 1, ["is JSON", "is empty", "is CSV"]),
        (["CSV of Event Viewer, in UTF-16"], ["Command line auditing is off"], 1, ["is CSV", "no command line"]),
        ([], ["An XML event that is cut within a value, then classic text"], 0, ["event 1: damaged XML"]),
    ],
)
def test_the_exit_code_is_1_where_a_file_could_not_be_read(archive, tmp_path, refused, read, code, told):
    cases = {case["what"]: case for case in CASES}
    for number, what in enumerate([*refused, *read]):
        (tmp_path / f"{number}.log").write_bytes(content(cases[what]))
    command = [sys.executable, "-m", "sandbox", "replay", "--package", str(archive), "--json"]
    ran = subprocess.run(
        [*command, *sorted(map(str, tmp_path.glob("*.log")))], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert ran.returncode == code, ran.stderr
    for text in told:
        assert text in ran.stdout + " ".join(ran.stderr.split())

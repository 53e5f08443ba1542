"""The packaged `ssasetup`, as a process, on a stand-in for splunkd: it schedules what is recommended, where one may."""

import shutil

import pytest

from sandbox.errors import SandboxError
from sandbox.search.instance import Instance
from sandbox.splunkd import Splunkd
from sandbox.splunkd.state import ROLES, Session
from tests.support.app.estate import ACCELERATED, APP, RULE

pytestmark = pytest.mark.xdist_group("setup")

SUITE, EVERY = "SplunkEnterpriseSecuritySuite", "SSA - Every Detection - Rule"
RISK = ("SSA - ATT&CK Breadth Over 7 Days - Rule", "SSA - Risk Over 24 Hours - Rule", "SSA - Severe Hit - Rule")
CHECK, CHANGES, APPLY = "SSA - Data check", "SSA - Lookup changes", "SSA - Apply allow list"
SAME = "left as it is: the search of the same detection on events does it"
ALL = {RULE, *RISK, CHECK, CHANGES, APPLY}
SAVED = "| rest /servicesNS/nobody/ssa_detections/saved/searches splunk_server=local count=0 | search is_scheduled=1"
DONE, WOULD, NOTHING = "scheduled now", "would be scheduled: | ssasetup apply=true", "nothing to do"


class Server:
    """A server with the app as it was installed, and what `ssasetup` does on it."""

    def __init__(self, splunkd):
        self.splunkd, self.instance = splunkd, splunkd.instance
        self.local = self.instance.apps / APP / "local"

    def acting(self, user="admin", role="admin"):
        return self.splunkd.acting(Session(user, role, ROLES[role]))

    def setup(self, text="| ssasetup", **reader):
        result = self.acting(**reader).search(text)
        assert [line for level, line, _ in result.messages if level != "INFO"] == []
        return {row["search"]: row["result"] for row in result.rows}

    def scheduled(self):
        return {row["title"] for row in self.acting().search(SAVED).rows}

    def settings(self, text):
        self.local.mkdir(exist_ok=True)
        (self.local / "savedsearches.conf").write_text(text)


@pytest.fixture(scope="module")
def splunkd(archive, tmp_path_factory):
    instance = Instance(tmp_path_factory.mktemp("setup"), app=APP)
    instance.install(archive)
    with Splunkd(instance) as running:
        running.users = {"admin": ("", "admin"), "amy": ("", "user")}
        yield running


@pytest.fixture
def server(splunkd):
    found = Server(splunkd)
    yield found
    for path in (found.local, found.instance.apps / SUITE):
        shutil.rmtree(path, ignore_errors=True)


def test_it_shows_what_it_would_change_and_changes_nothing(server):
    assert server.setup() == dict.fromkeys(ALL, WOULD) | {APPLY: NOTHING, ACCELERATED: SAME}
    assert server.scheduled() == {APPLY}
    assert not (server.local / "savedsearches.conf").exists()


def test_it_schedules_what_is_recommended_once(server):
    assert server.setup("| ssasetup apply=true") == dict.fromkeys(ALL, DONE) | {APPLY: NOTHING, ACCELERATED: SAME}
    assert server.scheduled() == ALL
    before = (server.local / "savedsearches.conf").read_bytes()
    assert server.setup("| ssasetup apply=true") == dict.fromkeys(ALL, NOTHING) | {ACCELERATED: SAME}
    assert (server.local / "savedsearches.conf").read_bytes() == before


def test_it_enables_nothing_and_changes_no_schedule(server):
    off = "".join(f"[{name}]\ndisabled = 1\n" for name in (RULE, ACCELERATED, CHANGES))
    server.settings(f"{off}[{CHECK}]\nenableSched = 1\ncron_schedule = 3 * * * *\n")
    found = server.setup("| ssasetup apply=true")
    assert RULE not in found
    assert (found[CHECK], found[CHANGES]) == (NOTHING, "left as it is: it is disabled")
    assert server.scheduled() == ALL - {RULE, CHANGES}
    (kept,) = server.acting().search(f'{SAVED} title="{CHECK}"').rows
    assert kept["cron_schedule"] == "3 * * * *"


@pytest.mark.parametrize(
    ("settings", "runs", "left"),
    [
        (f"[{EVERY}]\ndisabled = 0\n", {EVERY}, {RULE: f"left as it is: {EVERY} is enabled, and runs all"}),
        (
            f"[{ACCELERATED}]\nenableSched = 1\n",
            {ACCELERATED},
            {RULE: "left as it is: its accelerated search is scheduled", ACCELERATED: NOTHING},
        ),
        (f"[{RULE}]\ndisabled = 1\n", {ACCELERATED}, {ACCELERATED: DONE}),
        (f"[{ACCELERATED}]\ndisabled = 1\n", {RULE}, {RULE: DONE}),
    ],
)
def test_what_finds_the_same_is_scheduled_once(server, settings, runs, left):
    server.settings(settings)
    assert server.setup("| ssasetup apply=true").items() >= left.items()
    assert server.scheduled() == ALL - {RULE} | runs


def test_with_enterprise_security_the_risk_rules_are_left_to_it(server):
    suite = server.instance.apps / SUITE / "default"
    suite.mkdir(parents=True, exist_ok=True)
    (suite / "app.conf").write_text("[install]\nstate = enabled\n")
    found = server.setup("| ssasetup apply=true")
    assert {found[name] for name in RISK} == {"left as it is: Enterprise Security has risk rules"}
    assert server.scheduled() == ALL - {*RISK}


def test_who_may_not_change_searches_changes_none_and_is_told_so(server):
    found = server.setup("| ssasetup apply=true", user="amy", role="user")
    assert {found[name] for name in ALL - {APPLY}} == {"refused: you may not change it"}
    assert server.scheduled() == {APPLY}


def test_a_search_of_the_same_name_in_another_place_is_left_alone(server):
    for folder in ("etc/apps/other/local", "etc/users/admin/ssa_detections/local"):
        place = server.instance.apps.parent.parent / folder
        place.mkdir(parents=True)
        (place / "savedsearches.conf").write_text("[Mine]\nsearch = index=x\naction.ssa_risk = 1\n")
    assert "Mine" not in server.setup("| ssasetup apply=true")


@pytest.mark.parametrize("text", ["apply=maybe", "yes", "aply=true"])
def test_what_it_does_not_understand_ends_the_search(server, text):
    with pytest.raises(SandboxError):
        server.acting().search(f"| ssasetup {text}")
    assert server.scheduled() == {APPLY}

"""The view Start here, on a stand-in for splunkd that an admin has set up well, or not: each row in each state."""

import time

import pytest

from sandbox import confs
from sandbox.alerts import alert_actions
from sandbox.search.instance import Instance
from sandbox.splunkd import Splunkd
from sandbox.splunkd.state import ROLES, Session
from tests.support.app.estate import ACCELERATED, APP, RULE, SCORE
from tests.support.examples import GIVEN
from tools import ROOT
from tools.ui import views

pytestmark = pytest.mark.xdist_group("start_here")

VIEW = views.shipped()["start_here"]
HOUR = 3600
USERS = {"admin": ("", "admin"), "paul": ("", "power"), "amy": ("", "user")}
INDEXES = {"_internal", "main", "risk"}
ROLES_OF_SERVER = ["search_head", "kv_store"]


class Server:
    """A server with the app; `shown` gives the rows of a panel by their first column."""

    def __init__(self, instance, splunkd):
        self.instance, self.splunkd = instance, splunkd
        self.local = instance.apps / APP / "local"
        self.meta = instance.apps / APP / "metadata/local.meta"
        self.reset()

    def reset(self):
        for path in (*self.local.glob("*"), self.meta):
            path.unlink(missing_ok=True)
        self.instance.database.execute("DELETE FROM events")
        self.instance.kvstore.collection(APP, "ssa_risk_ledger").save([], replace=True)
        self.set_up()

    def set_up(self, users=None, indexes=INDEXES, roles=(), group="", owner="", apps="", **conf):
        """Write local confs, and change what the server is."""
        self.splunkd.users = {**USERS} if users is None else {name: USERS[name] for name in users}
        self.splunkd.indexes = {*indexes}
        self.splunkd.server_roles = [*ROLES_OF_SERVER, *roles]
        self.splunkd.default_group = group
        if owner:
            self.meta.write_text(f"[savedsearches]\nowner = {owner}\n")
        for name, text in conf.items():
            self.local.mkdir(exist_ok=True)
            (self.local / f"{name}.conf").write_text(text)

    def write(self, noted=(), came=()):
        """Note risk events in the ledger, and let them come in: (id, index, seconds ago)."""
        now = time.time()
        ledger = [{"_key": id, "index": index, "written": now - ago} for id, index, ago in noted]
        self.instance.kvstore.collection(APP, "ssa_risk_ledger").save(ledger, replace=True)
        risk = {"sourcetype": "stash", "_raw": "x", "_time": now - 400 * 24 * HOUR}  # of old hits
        self.instance.add_events(
            {**risk, "risk_event_id": id, "index": index, "_indextime": int(now - ago)} for id, index, ago in came
        )

    def acting(self, reader):
        role = USERS[reader][1]
        return self.splunkd.acting(Session(reader, role, ROLES[role]))

    def shown(self, source="ssa_setup_risk", reader="admin"):
        result = self.acting(reader).search(VIEW.query(source) if source in VIEW.sources else f"| `{source}`")
        assert [text for level, text, _ in result.messages if level != "INFO"] == []
        return {row.get("Check") or row.get("Detection") or row["Search"]: row for row in result.rows}


@pytest.fixture(scope="module")
def installed(archive, tmp_path_factory):
    instance = Instance(tmp_path_factory.mktemp("server"))
    instance.install(archive)
    with Splunkd(instance) as splunkd:
        yield Server(instance, splunkd)


@pytest.fixture
def server(installed):
    yield installed
    installed.reset()


EVENTS, ACTION = "[ssa_risk_events]\ndefinition = ", "action.ssa_risk.param.index = "
OK, LOOK, TO_DO = "OK", "LOOK", "TO DO"
RECEIVERS = "[ssa_risk]\ndelivery = receivers\n"
BOTH = f"[{RULE}]\n{ACTION}main\n"
ALLOWED = "[ssa_risk]\nallowed_indexes = risk, main\n"
DEFINED = "The index risk is defined here."
FINDING = f"[{RULE}]\naction.notable = 1\naction.notable.param._entities = "
MEMBER, CAPTAIN = {"roles": ["shc_member"]}, {"roles": ["shc_captain"]}
REASSIGN = "Settings > All configurations > Reassign Knowledge Objects."
ON = "[SSA - Every Detection - Rule]\ndisabled = 0\n"
RUNS = ON + "enableSched = 1\n"
ADMIN_SEES = "Let an admin open this view."

SETUP = [
    # Risk index
    ("Risk index", {}, OK, DEFINED, ""),
    ("Risk index", {"macros": EVENTS + "index=risk sourcetype=stash"}, OK, DEFINED, ""),
    ("Risk index", {"macros": EVENTS + '(index="risk" OR index=old) sourcetype=stash'}, OK, DEFINED, ""),
    ("Risk index", {"macros": EVENTS + "sourcetype=stash"}, OK, DEFINED, ""),
    ("Risk index", {"alert_actions": ALLOWED}, OK, DEFINED, ""),
    ("Risk index", {"macros": EVENTS + "index = my_risk"}, TO_DO, "This server knows no index my_risk.", "Create it"),
    (
        "Risk index",
        {"macros": EVENTS + "index=main"},
        TO_DO,
        "The searches write to risk, the macro ssa_risk_events reads main.",
        "Name one index in both",
    ),
    (
        "Risk index",
        {"savedsearches": f"[{RULE}]\n{ACTION}gone"},
        TO_DO,
        "This server knows no index gone.",
        "Create it",
    ),
    (
        "Risk index",
        {"savedsearches": BOTH},
        TO_DO,
        "The risk action may not write to the index main, which searches name: it writes nothing for them.",
        "In local/alert_actions.conf of this app, under [ssa_risk], set allowed_indexes = risk, main.",
    ),
    (
        "Risk index",
        {"savedsearches": BOTH, "alert_actions": ALLOWED},
        TO_DO,
        "The searches write to main, risk, the macro ssa_risk_events reads risk.",
        "Name one index in both",
    ),
    (
        "Risk index",
        {"alert_actions": "[ssa_risk]\nallowed_indexes =\n"},
        TO_DO,
        "The risk action may not write to the index risk,",
        "set allowed_indexes = risk.",
    ),
    (
        "Risk index",
        {"indexes": ["main"], "group": "indexers"},
        LOOK,
        "This server knows no index risk, and forwards its events: the indexers must have it.",
        "See Written is there",
    ),
    (
        "Risk index",
        {"indexes": ["main"], "group": "indexers", "alert_actions": RECEIVERS},
        TO_DO,
        "This server knows no index risk.",
        "Create it",
    ),
    ("Risk index", {"indexes": []}, LOOK, "Which indexes this server has, or the risk action may", ADMIN_SEES),
    # Owner of searches
    ("Owner of searches", {}, OK, "The searches belong to admin, who may note in the lookup", ""),
    ("Owner of searches", {"alert_actions": RECEIVERS}, OK, "The searches belong to admin, who may note", ""),
    (
        "Owner of searches",
        {"users": ["paul"]},
        TO_DO,
        "The searches belong to admin, and no such user exists: they never run.",
        f"Give them to a user with the role admin (on Splunk Cloud sc_admin): {REASSIGN}",
    ),
    (
        "Owner of searches",
        {"owner": "amy"},
        LOOK,
        "The searches belong to amy, who may not write the lookup ssa_risk_ledger: a hit that is found again",
        REASSIGN,
    ),
    (
        "Owner of searches",
        {"owner": "amy", "alert_actions": RECEIVERS},
        TO_DO,
        "The searches belong to amy. With delivery = receivers the risk action needs the capability edit_tcp or "
        "edit_log_alert_event, and amy has neither",
        REASSIGN,
    ),
    (
        "Owner of searches",
        {"owner": "paul", "alert_actions": RECEIVERS},  # power has edit_log_alert_event
        LOOK,
        "The searches belong to paul, who may not write the lookup",
        REASSIGN,
    ),
    ("Owner of searches", {"owner": "nobody"}, LOOK, "The searches belong to nobody. Which rights", "Let an admin"),
    # Schedule
    ("Schedule", {}, TO_DO, "No detection search is scheduled", "Enable schedule"),
    ("Schedule", {"savedsearches": f"[{RULE}]\nenableSched = 1"}, OK, "1 of 15 detections run by themselves.", ""),
    ("Schedule", {"savedsearches": ON}, TO_DO, "No detection search is scheduled", "Enable schedule"),
    (
        "Schedule",
        {"savedsearches": RUNS},
        OK,
        "SSA - Every Detection - Rule runs all enabled detections by itself.",
        "",
    ),
    (
        "Schedule",
        {"savedsearches": f"{RUNS}[{RULE}]\nenableSched = 1"},
        OK,
        "SSA - Every Detection - Rule runs all enabled detections by itself, and searches of their own 1 of 15.",
        "",
    ),
    # Alerts on risk
    ("Alerts on risk", {}, TO_DO, "Nothing alerts on risk", "Switch on what is recommended"),
    ("Alerts on risk", {"savedsearches": f"[{SCORE}]\nenableSched = 1"}, OK, "1 risk rules of this app", ""),
    # Alerts for triage
    (
        "Alerts for triage",
        {"savedsearches": f"[{SCORE}]\nenableSched = 1\naction.ssa_alert = 1"},
        OK,
        "What the 1 scheduled risk rules raise is kept for triage.",
        "",
    ),
    (
        "Alerts for triage",
        {"savedsearches": f"[{SCORE}]\nenableSched = 1\naction.ssa_alert = 0"},
        TO_DO,
        "1 of 1 scheduled risk rules keep nothing for triage",
        "Add the action",
    ),
    # Changes of lookups
    ("Changes of lookups", {}, LOOK, "SSA - Lookup changes is not scheduled", "_audit"),
    (
        "Changes of lookups",
        {"savedsearches": "[SSA - Lookup changes]\nenableSched = 1"},
        OK,
        "SSA - Lookup changes notes who changes",
        "",
    ),
    # Each hit scores once
    ("Each hit scores once", {}, OK, "No search has both risk actions on.", ""),
    *(
        (
            "Each hit scores once",
            {"savedsearches": text},
            TO_DO,
            f"1 searches add risk in Enterprise Security as well: {RULE}.",
            "Switch off one",
        )
        for text in (
            f"[{RULE}]\naction.risk = 1",
            f"[{RULE}]\naction.notable = 1",  # whose entity has a score as it ships
            *(
                f'{FINDING}[{{"risk_object_field":"user","risk_score":{score}}}]'
                for score in ("35", " 7", "0.5", '"35"', '"$score$"')
            ),
            f'{FINDING}[{{"risk_score":0}}, {{"risk_score": 1}}]',
        )
    ),
    *(
        ("Each hit scores once", {"savedsearches": text}, OK, "No search has both risk actions on.", "")
        for text in (
            *(f'{FINDING}[{{"risk_object_field":"user9","risk_score":{score}}}]' for score in ("0", "0.0", '""', "-1")),
            f'{FINDING}[{{"risk_object_field":"user"}}]',
            FINDING.replace("= 1", "= 0") + '[{"risk_score":35}]',
            FINDING + '[{"risk_score":35}]\naction.ssa_risk = 0',
        )
    ),
    # Search head cluster
    ("Search head cluster", {}, OK, "This search head is no member of a search head cluster.", ""),
    ("Search head cluster", {"roles": ["shc_deployer"]}, OK, "This search head is no member", ""),
    ("Search head cluster", MEMBER | {"group": "indexers"}, OK, "This search head is a member of a cluster, and", ""),
    *(
        (
            "Search head cluster",
            roles,
            TO_DO,
            "This search head is a member of a cluster, and forwards no events",
            "Let all members forward to the indexers",
        )
        for roles in (MEMBER, CAPTAIN)
    ),
]


def matches(row, state, found, fix):
    assert (row["State"], row["Found"][: len(found)]) == (state, found)
    assert fix in row["Fix"]
    assert bool(row["Fix"]) == (state != OK)


NOTHING_RUNS, NO_CHECK = "No detection runs by itself.", "The data check is not scheduled."
QUIET = "Nothing alerts on risk."
CHECKED = "[SSA - Data check]\nenableSched = 1\n"


@pytest.mark.parametrize(
    ("changes", "todo"),
    [
        ({}, [NOTHING_RUNS, NO_CHECK, QUIET]),
        ({"savedsearches": CHECKED}, [NOTHING_RUNS, QUIET]),
        ({"savedsearches": f"{CHECKED}[{SCORE}]\nenableSched = 1\n"}, [NOTHING_RUNS]),
        ({"savedsearches": f"{CHECKED}{RUNS}"}, [QUIET]),
        ({"savedsearches": f"{CHECKED}{RUNS}[{SCORE}]\nenableSched = 1\n"}, []),
    ],
)
def test_overview_can_see_cheaply_what_is_open(server, changes, todo):
    server.set_up(**changes)
    (row,) = server.acting("admin").search("| `ssa_setup_open`").rows
    assert (int(row["open"]), row["todo"] or "") == (len(todo), " ".join(todo))


@pytest.mark.parametrize(("check", "changes", "state", "found", "fix"), SETUP)
def test_a_row_of_the_setup_follows_the_server(server, check, changes, state, found, fix):
    server.set_up(**changes)
    matches(server.shown()[check], state, found, fix)


DAYS = 24 * HOUR
MISSING = (
    "risk events that the action wrote in the last 24 hours are missing: the macro ssa_risk_events does not find them"
)


@pytest.mark.parametrize(
    ("changes", "noted", "came", "state", "found", "fix"),
    [
        pytest.param({}, [], [], OK, "There is nothing to compare", "", id="nothing written"),
        pytest.param({}, [("a", "risk", 5)], [], OK, "There is nothing to compare", "", id="too young"),
        pytest.param({}, [("a", "risk", 25 * HOUR)], [], OK, "There is nothing to compare", "", id="too old"),
        pytest.param(
            {},
            [("a", "risk", HOUR), ("b", "risk", 23 * HOUR)],
            [("a", "risk", HOUR), ("b", "risk", 23 * HOUR)],
            OK,
            "All 2 risk events that the action wrote in the last 24 hours are in the index.",
            "",
            id="all there",
        ),
        pytest.param(
            {},
            [("a", "risk", 24 * HOUR - 60)],
            [("a", "risk", 24 * HOUR + 60)],
            OK,
            "All 1 risk events",
            "",
            id="came before it was noted",
        ),
        pytest.param(
            {},
            [("a", "risk", HOUR), ("b", "risk", HOUR)],
            [("a", "risk", HOUR), ("a", "risk", HOUR), ("c", "risk", HOUR)],
            TO_DO,
            f"1 of 2 {MISSING}. They were written to the index risk.",
            "Do files stay in var/spool/splunk of this server?",
            id="one missing, another there twice",
        ),
        pytest.param(
            {"group": "indexers"},
            [("a", "risk", HOUR)],
            [],
            TO_DO,
            f"1 of 1 {MISSING}",
            "Is the index on the indexers, and does this search head forward to those that you search?",
            id="forwarded elsewhere",
        ),
        pytest.param(
            {},
            [("a", "risk", HOUR), ("b", "gone", HOUR)],
            [("a", "risk", HOUR)],
            TO_DO,
            f"1 of 2 {MISSING}. They were written to the index gone.",
            "Create the index gone: Settings > Indexes. What was dropped shows in "
            'index=_internal "unconfigured/disabled/deleted index"',
            id="no such index",
        ),
        pytest.param(
            {},
            [],
            [("a", "risk", HOUR), ("b", "risk", 23 * HOUR)],
            LOOK,
            "The index has 2 risk events of the last 24 hours, the lookup ssa_risk_ledger none",
            "See Owner of searches",
            id="not noted",
        ),
    ],
)
def test_what_was_written_is_compared_with_what_is_there(server, changes, noted, came, state, found, fix):
    server.set_up(**changes)
    server.write(noted, came)
    matches(server.shown()["Written is there"], state, found, fix)


def test_who_may_see_little_is_told_so_and_nothing_wrong(server):
    server.set_up(**MEMBER, indexes=["main"], owner="paul")
    server.write(noted=[("a", "risk", HOUR)])
    states = {
        "Risk index": "This server knows no index risk: the indexers must have it, if this server forwards its events.",
        "Owner of searches": "The searches belong to paul. Which rights paul has, you may not see.",
        "Alerts on risk": "No risk rule of this app is scheduled. Whether Enterprise Security is here",
        "Each hit scores once": "Of the searches that you may see, none has both risk actions on.",
        "Written is there": "You find none of the 1 risk events that the action wrote in the last 24 hours",
        "Search head cluster": "This search head is a member of a cluster. Whether it forwards its events, you may",
    }
    rows = server.shown(reader="amy")
    for check, found in states.items():
        matches(rows[check], LOOK, found, "")
    assert rows["Schedule"]["State"] == TO_DO  # an app's shared searches are everybody's to see


def test_who_owns_the_searches_sees_what_that_means(server):
    server.set_up(owner="amy")
    matches(server.shown(reader="amy")["Owner of searches"], LOOK, "The searches belong to amy, who may not", REASSIGN)


COPY = {**confs.load(ROOT, "ssa_detections")[GIVEN], "id": "mine"}.items()
MINE = "[Mine]\n" + "\n".join(f"{key} = {value}".replace("\n", "\\\n") for key, value in COPY)


@pytest.mark.parametrize(
    ("confs", "name", "state", "fix"),
    [
        ({}, GIVEN, "not scheduled", "Enable schedule"),
        ({"savedsearches": f"[{RULE}]\nenableSched = 1"}, GIVEN, "scheduled", ""),
        (
            {"savedsearches": f"[{RULE}]\nenableSched = 1\n[{ACCELERATED}]\nenableSched = 1"},
            GIVEN,
            "twice",
            "one of them",
        ),
        ({"savedsearches": f"[{RULE}]\ndisabled = 1"}, GIVEN, "not scheduled", "Enable schedule"),
        (
            {"savedsearches": f"[{RULE}]\ndisabled = 1\n[{ACCELERATED}]\ndisabled = 1"},
            GIVEN,
            "disabled",
            "Edit > Enable, then",
        ),
        ({"ssa_detections": f"[{GIVEN}]\ndisabled = 1"}, GIVEN, "disabled", "local/ssa_detections.conf"),
        ({"ssa_detections": f"[{GIVEN}]\nsearch = | from nothing("}, GIVEN, "broken", "See below"),
        ({"ssa_detections": MINE}, "Mine", "no search", "python -m tools import"),
        ({"ssa_detections": MINE, "savedsearches": ON}, "Mine", "no search", "SSA - Every Detection - Rule"),
        ({"ssa_detections": MINE, "savedsearches": RUNS}, "Mine", "scheduled", ""),
        ({"savedsearches": RUNS}, GIVEN, "scheduled", ""),
        ({"savedsearches": f"{RUNS}[{RULE}]\nenableSched = 1"}, GIVEN, "twice", "one of them"),
    ],
)
def test_start_here_says_whether_each_detection_runs_and_what_to_do(server, confs, name, state, fix):
    server.set_up(**confs)
    row = server.shown("ds_detections")[name]
    assert row["State"] == state
    assert fix in (row["Fix"] or "")
    assert bool(row["Fix"]) == bool(fix)


@pytest.mark.parametrize(
    ("said", "ran", "failed"),
    [
        ({"status": "success"}, True, "0"),
        ({"status": "completed"}, True, "0"),
        ({"status": "delegated_remote_completion", "success": "1"}, True, "0"),
        ({"status": "delegated_remote_completion", "success": "0"}, False, "1"),
        ({"status": "delegated_remote_completion"}, False, "0"),
        ({"status": "delegated_remote"}, False, "0"),
        ({"status": "skipped"}, False, "1"),
        ({"status": "delegated_remote_error", "success": "0"}, False, "1"),
    ],
)
def test_a_run_counts_where_the_scheduler_says_that_it_worked(server, said, ran, failed):
    line = {"index": "_internal", "sourcetype": "scheduler", "app": APP, "savedsearch_name": RULE, "_raw": "x"}
    server.instance.add_events([{**line, **said, "_time": time.time() - HOUR}])
    row = server.shown("ds_searches")[RULE]
    assert (row["Run"] != "not in the log", row["Failed"], row["Result"]) == (ran, failed, said["status"])
    assert (server.shown("ds_detections")[GIVEN]["Run"] != "not in the log") == ran


SET, ADVICE = "SSA - Set mine - Rule", "the others got no risk, so that no other detection lost any. Leave out"
FEW = "[ssa_ledger_most]\ndefinition = 100\n"


def logged(results=None, **cuts):
    """The action's log: how many results a run had, and of which detections hits were kept."""
    lines = [f'"{SET}" kept hits of {name}: {kept} of {of}: {ADVICE}' for name, (kept, of) in cuts.items()]
    if results is not None:
        lines.append(f'search="{SET}" sid=x results={results} risk_events=2 written=2 written_before=0')
    return lines


@pytest.mark.parametrize(
    ("check", "changes", "lines", "noted", "state", "found", "fix"),
    [
        (
            "Results of a run",
            {},
            [],
            0,
            OK,
            "The log of 7 days has no run of the risk action. The action gets up to 1",
            "",
        ),
        (
            "Results of a run",
            {},
            logged(7999),
            0,
            OK,
            "At most 7999 in the last 7 days. The action gets up to 10000.",
            "",
        ),
        (
            "Results of a run",
            {},
            logged(8000) + logged(3),
            0,
            LOOK,
            "A search gave 8000 results in the last 7 days. The risk action gets 10000 at most.",
            "Leave out what is usual",
        ),
        (
            "Results of a run",
            {},
            logged(10000),
            0,
            TO_DO,
            "A search gave 10000 results in the last 7 days, and the risk action gets 10000 at most",
            "In local/alert_actions.conf of this app, under [ssa_risk], set maxresults above that",
        ),
        (
            "Results of a run",
            {"alert_actions": "[ssa_risk]\nmaxresults = 20000\n"},
            logged(10000),
            0,
            OK,
            "At most 1",
            "",
        ),
        (
            "Results of a run",
            {"macros": "[ssa_set_results]\ndefinition = 20000\n"},
            [],
            0,
            TO_DO,
            "The search of a set keeps up to 20000 results, and the risk action gets 10000 at most",
            "Define the macro ssa_set_results below 10000",
        ),
        ("Hits that sets cut", {}, logged(5), 0, OK, "No search of a set cut hits in the log of 7 days.", ""),
        (
            "Hits that sets cut",
            {},
            logged(5, **{"Loud": (100, 50002), "A: 1 of 2; b": (100, 101)}) + logged(**{"Loud": (100, 200)}),
            0,
            LOOK,
            "the searches of sets cut hits of 2 detections, most of all of Loud (50002), A: 1 of 2, b (1): ",
            "Leave out what is usual (lookup ssa_allow_list), disable or score such detections",
        ),
        (
            "Hits that sets cut",
            {},
            logged(**{f"R{at}": (1, 9 - at) for at in range(7)}),
            0,
            LOOK,
            "of 7 detections, most of all of R0 (8), R1 (7), R2 (6), R3 (5), R4 (4): no risk",
            "",
        ),
        (
            "Ledger",
            {"macros": FEW},
            [],
            0,
            OK,
            "has 0 rows, and at the pace of the last 24 hours will have 0. Up to 100",
            "",
        ),
        (
            "Ledger",
            {"macros": FEW},
            [],
            3,
            OK,
            "has 3 rows, and at the pace of the last 24 hours will have 90. Up to 100",
            "",
        ),
        (
            "Ledger",
            {"macros": FEW},
            [],
            4,
            LOOK,
            "has 4 rows, and at the pace of the last 24 hours will have 120, more",
            "Each",
        ),
        (
            "Ledger",
            {"macros": FEW},
            [],
            100,
            TO_DO,
            "has 100 rows, more than 100 (macro ssa_ledger_most): the KV",
            "Each",
        ),
    ],
)
def test_start_here_warns_before_a_run_or_the_ledger_is_full(server, check, changes, lines, noted, state, found, fix):
    server.set_up(**changes)
    server.write(noted=[(f"id{at}", "risk", HOUR) for at in range(noted)])
    alert_actions.log(
        server.instance,
        "sendmodalert",
        [("WARN", f"action=ssa_risk STDERR -  {line}") for line in lines],
        action="ssa_risk",
    )
    row = server.shown("ssa_setup_limits")[check]
    assert (row["State"], found in row["Found"], (fix or "") in (row["Fix"] or "")) == (state, True, True), row
    assert bool(row["Fix"]) == (state != OK)

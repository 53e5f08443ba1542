"""The packaged app on a stand-in for splunkd, as a user has set it up: what comes in, and what its searches find."""

import time

from sandbox import confs
from sandbox.alerts import alert_actions
from sandbox.search.instance import Instance
from sandbox.splunkd import Splunkd
from tests.support.app.schedule import DAY, HOUR, conf
from tests.support.examples import GIVEN

APP = "ssa_detections"
RULE = f"SSA - {GIVEN} - Rule"
ACCELERATED = f"SSA - {GIVEN} - Accelerated - Rule"
APPLY = "SSA - Apply allow list"
SCORE = "SSA - Risk Over 24 Hours - Rule"
SEVERE = "SSA - Severe Hit - Rule"
BREADTH = "SSA - ATT&CK Breadth Over 7 Days - Rule"

SSA = (
    '| from read_ssa_enriched_events() | eval at=parse_long(ucast(map_get(input_event, "_time"), "string", null)), '
    'process=ucast(map_get(input_event, "process"), "string", null) | where like(process, "% {mark} %") | eval '
    "start_time=at, end_time=at, "
    'entities=mvappend(map_get(input_event, "dest_user_id"), map_get(input_event, "dest_device_id")), '
    'body=create_map(["process", process]) | into write_ssa_detected_events();'
)


class Estate:
    """The packaged app on a stand-in for splunkd, as a user has set it up in local/."""

    def __init__(self, instance):
        self.instance = instance
        self.local = instance.apps / APP / "local"

    def saved(self, name):
        return self.instance.saved_search(name)["search"]

    def schedule(self, *names):
        """Let these searches, and no others, run by their schedules."""
        on = {name: {"enableSched": "1", "disabled": "0"} for name in names}
        conf(self.local / "savedsearches.conf", {APPLY: {"enableSched": "0"}, **on})

    def detections(self, **settings):
        """Add detections, each of a mark in a command line: with these settings, or of an ATT&CK technique."""
        shipped = confs.load(self.instance.apps / APP, "ssa_detections")[GIVEN]
        own = {}
        for mark, more in settings.items():
            search = {"id": f"0000-{mark}", "search": SSA.format(mark=mark)}
            own[mark] = shipped | search | (more if isinstance(more, dict) else {"mitre_attack_id": more})
        conf(self.local / "ssa_detections.conf", own)

    def entries(self, lookup, *records):
        """Make these all entries of a lookup, and the allow list's copied, as its search does every five minutes."""
        collection = self.instance.kvstore.collection(APP, lookup)
        collection.save([{k: v for k, v in record.items() if v is not None} for record in records], replace=True)
        if lookup == "ssa_allow_list":
            self.instance.search(self.saved(APPLY))

    def found(self, search, start=DAY, end=DAY + 24 * HOUR, now=None):
        return self.instance.search(search, earliest=start, latest=end, now=end if now is None else now).rows

    def detect(self, name=RULE, start=DAY, end=DAY + 24 * HOUR, now=None, search=None, written=None):
        """Run a detection's search (or another, in its name) over a time range, and the action on what it finds.

        Its risk events come in at once, or are `written` then.
        """
        text, began = search or self.saved(name), time.time()
        result = self.instance.search(text, earliest=start, latest=end, now=end if now is None else now)
        if result.rows:
            done = alert_actions.run(self.instance, "ssa_risk", name, result, {})
            assert (done.code, [line for line in done.log if line[0] != "INFO"]) == (0, [])
            self.instance.backdate("risk", began, written)
        return result.rows

    def hits(self, *hits, **how):
        """Let process events (time, user, device) come in, and be detected."""
        self.instance.add_events([process(at, user, dest) for at, user, dest in hits])
        self.detect(start=min(hits)[0], end=max(hits)[0] + 1, **how)

    def risk(self):
        return self.instance.search("index=risk").rows

    def scores(self, **times):
        """The scores of users and devices."""
        rows = self.found("`ssa_risk_scores`", **times)
        by_object = {(row["risk_object"], row["risk_object_type"]): row for row in rows}
        assert len(by_object) == len(rows)
        return {name: float(row["risk_score"]) for (name, _), row in by_object.items()}


def process(at, user, dest, line=r"msiexec.exe /y C:\x.dll", name="msiexec.exe", **fields):
    names = {"process_name": name, "process": line, "user": user, "dest": dest, "process_id": f"{at:.3f}"}
    stored = {"_time": at, "_indextime": int(at), "_raw": line, "index": "win"}
    return {**names, **stored, "tag": ["process", "report"], **fields}


def running(archive, folder):
    """A stand-in for splunkd with the package, and a REST server that takes its risk events."""
    instance = Instance(folder / "home", session_key="key")
    instance.install(archive)
    splunkd = Splunkd(instance)
    splunkd.sessions["key"] = frozenset({"edit_tcp"})
    instance.splunkd_uri = splunkd.uri
    return splunkd

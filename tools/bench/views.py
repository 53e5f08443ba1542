"""How long the searches of the views take, over many process events and many risk events of one day."""

import functools
import math
import random
import time
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from sandbox import times
from sandbox.search.command import Row
from sandbox.search.instance import Instance
from sandbox.search.server import Result
from sandbox.splunkd import Splunkd
from sandbox.splunkd.state import ROLES, Session
from tools.bench.data import DAY, DAY_SECONDS, HOSTS, SEED, USERS
from tools.ui import views

DETECTIONS = 20
TECHNIQUES = ("T1218.007", "T1059.001", "T1003.001", "T1547.001", "T1021.002", "T1105", "T1490", "T1053.005")
PARENTS = ("cmd.exe", "explorer.exe", "powershell.exe", "services.exe", "winword.exe")
SCORES = ((15, "informational"), (35, "low"), (48, "medium"), (64, "high"), (90, "critical"))


def risk_events(count: int) -> Iterator[Row]:
    """Yield so many rows of the risk index, of one day: for each hit its user and its device."""
    chance = random.Random(SEED)
    for number in range(count):
        hit, device = divmod(number, 2)
        if not device:
            at, who, where = chance.randrange(DAY_SECONDS), chance.randrange(USERS), chance.randrange(HOSTS)
            kind, parent, file = chance.randrange(DETECTIONS), chance.choice(PARENTS), chance.randrange(400)
        user, host = f"user.{1000 + who}", f"ws-{where:02}.synthetic.example"
        score, severity = SCORES[kind % len(SCORES)]
        line = f'"C:\\Windows\\System32\\msiexec.exe" /y "C:\\Users\\Public\\part-{file}.dll"'
        found = {
            "search_name": f"SSA - Synthetic {kind} - Rule",
            "risk_object": host if device else user,
            "risk_object_type": "system" if device else "user",
            "risk_score": str(score),
            "risk_event_id": f"{number:064x}",
            "threat_object": "msiexec.exe",
            "threat_object_type": "process_name",
            "severity": severity,
            "detection": f"Synthetic {kind}",
            "detection_id": f"synthetic-{kind}",
            "event_id": f"{hit:064x}",
            "finding_id": f"sha256:{hit:043x}=",
            "info_search_time": f"{DAY.timestamp() + at + 600:.3f}",
            "annotations.mitre_attack": [TECHNIQUES[kind % len(TECHNIQUES)]],
            "risk_message": f"msiexec.exe registered a DLL on {host} for {user}, from {parent}: {'long text ' * 20}",
            "contributing_events_search": f'`ssa_process_events` dest="{host}" process_id="{hit}"',
            "dest": host,
            "user": user,
            "parent_process_name": parent,
            "process_name": "msiexec.exe",
            "process_path": r"C:\Windows\System32\msiexec.exe",
            "process": line,
        }
        raw = ", ".join(f'{name}="{value}"' for name, value in found.items())
        kept = {"index": "risk", "sourcetype": "stash", "source": found["search_name"], "host": "search_head"}
        yield {"_time": DAY.timestamp() + at, "_raw": raw, **kept, **found}


class Painted(NamedTuple):
    """What a data source has found, and after how many seconds: with those of the search that a chain extends."""

    result: Result
    seconds: float

    @property
    def rows(self) -> Sequence[Row]:
        """The rows of the result."""
        return self.result.rows


def seconds(instance: Instance, runs: int) -> dict[str, float]:
    """Run each search of each view as at first paint, at the end of the day; return how long each took, slowest first.

    Of so many runs the shortest counts. A chain runs over the results of the search that it extends, and has taken as
    long as both. Raises SearchError for a search that fails.
    """
    took, now = dict[str, float](), DAY.timestamp() + DAY_SECONDS
    with Splunkd(instance) as splunkd:
        acting = splunkd.acting(Session("admin", "admin", ROLES["admin"]))
        for view in views.shipped().values():
            earliest, latest = (times.resolve(view.defaults[f"time.{key}"], now) for key in ("earliest", "latest"))
            run = functools.partial(acting.search, earliest=earliest, latest=latest, now=now)
            for id, found in views.paint(view, view.defaults, functools.partial(timed, run, runs)):
                took[f"{view.name} {view.sources[id]['name']}"] = found.seconds
    return dict(sorted(took.items(), key=lambda one: -one[1]))


def timed(run: Callable[..., Result], runs: int, text: str, over: Painted | None) -> Painted:
    """Run a search so many times, over the results of another one or none; see `seconds`."""
    least = math.inf
    for _ in range(runs):
        started = time.perf_counter()
        result = run(text, over=over and over.result)
        least = min(least, time.perf_counter() - started)
    return Painted(result, least + (over.seconds if over else 0))

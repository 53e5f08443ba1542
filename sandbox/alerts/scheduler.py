"""Scheduled searches on simulated time: a day of hourly searches takes as long as the searches take.

Settings are those of savedsearches.conf.spec (Admin Manual). A search starts at its cron time, in UTC, and sees that
time as now; its actions are real processes and read the real clock. What only moves the start of a search or lets
others go first (`schedule_window`, `allow_skew`, `realtime_schedule`, `schedule_priority`, `max_concurrent`) changes
nothing here, as nothing is ever late.
"""

import base64
import hashlib
import itertools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from cronsim import CronSim, CronSimError

from sandbox import confs, times
from sandbox.alerts import alert_actions
from sandbox.errors import SandboxError
from sandbox.inputs import logs
from sandbox.search.instance import Instance
from sandbox.search.server import Result

_SETTINGS = re.compile(
    r"search|description|disabled|enableSched|cron_schedule|dispatch\.(earliest_time|latest_time|ttl|buckets)"
    r"|counttype|relation|quantity|alert_condition|schedule_window|schedule_priority|allow_skew|realtime_schedule"
    r"|max_concurrent|is_visible|(action|display|request)\..*"
    r"|alert\.(digest_mode|expires|managedBy|severity|suppress(\.(fields|period|group_name))?|track)"
)
_CRON = re.compile(r"[0-9*/,-]+(\s+[0-9*/,-]+){4}")  # splunkd takes no names of months and days
_NUMBERS = itertools.count(1)  # at the end of a sid, which no two searches of an instance may share


@dataclass
class Run:
    """One run of a scheduled search: times in epoch s, None for no bound.

    `outcome` is the reason why no action was due, or empty; `error` the failure. `raised` are its alerts, `silenced`
    counts suppressed ones, `not_here` names the enabled actions that the sandbox does not have.
    """

    app: str
    search: str
    sid: str
    time: float
    earliest: float | None
    latest: float | None
    result: Result | None = None
    raised: list[alert_actions.Alert] = field(default_factory=list)
    silenced: int = 0
    outcome: str = ""
    error: str = ""
    actions: list[alert_actions.ActionRun] = field(default_factory=list)
    not_here: list[str] = field(default_factory=list)

    @property
    def triggered(self) -> bool:
        """Whether actions were due."""
        return self.result is not None and not self.outcome


class TriggeredAlert(NamedTuple):
    """An entry of the page Triggered Alerts: times in epoch s, `severity` from 1 (debug) to 6 (fatal)."""

    search: str
    sid: str
    time: float
    expires: float
    severity: int
    results: int
    digest: bool


class _Scheduled(NamedTuple):
    at: float
    name: str
    app: str
    settings: dict[str, str]
    alerting: alert_actions.Alerting


class Scheduler:
    """Runs the scheduled searches of some apps, or of all that are installed.

    Suppression and triggered alerts last from one `run` to the next.
    """

    def __init__(self, instance: Instance, apps: Sequence[str] = (), owner: str = "admin") -> None:
        self.instance, self.apps, self.owner = instance, apps, owner
        self.alerts: list[TriggeredAlert] = []
        self._silent: dict[tuple[str, ...], float] = {}  # until when, by app, search and the alert's key

    def triggered(self, at: float) -> list[TriggeredAlert]:
        """Return the triggered alerts that are listed at a time, epoch s."""
        return [alert for alert in self.alerts if alert.time <= at < alert.expires]

    def run(self, start: float, end: float) -> list[Run]:
        """Run what is due from `start` (inclusive) to `end` (exclusive), both epoch s, by time, then name.

        A search that fails, or whose action cannot be started, has the error in its Run. Raises SandboxError, which
        names stanza and key, before anything runs, for a setting of a scheduled search that is wrong or not supported.
        """
        due: list[_Scheduled] = []
        for app in self.apps or confs.installed(self.instance.apps):
            for name, settings in confs.load(self.instance.apps / app, "savedsearches").items():
                if confs.is_true(settings.get("enableSched", "0")) and not confs.is_true(settings.get("disabled", "0")):
                    try:
                        alerting = self._read(app, settings)
                        fires = _fires(settings["cron_schedule"], start, end)
                        due += [_Scheduled(at, name, app, settings, alerting) for at in fires]
                    except SandboxError as error:
                        raise SandboxError(f"savedsearches.conf [{name}] {error}") from error
        return [self._run(one) for one in sorted(due, key=lambda one: one[:3])]

    def _read(self, app: str, settings: dict[str, str]) -> alert_actions.Alerting:
        for key in settings:
            if not _SETTINGS.fullmatch(key):
                raise SandboxError(f"{key}: not supported")
        for key in ("search", "cron_schedule"):
            if not settings.get(key):
                raise SandboxError(f"{key}: missing")
        _range(settings, 0)
        return alert_actions.read(self.instance.apps / app, settings)

    def _run(self, one: _Scheduled) -> Run:
        code = hashlib.md5(one.name.encode(), usedforsecurity=False).hexdigest()[:16]
        sid = f"scheduler_{_word(self.owner)}_{_word(one.app)}__RMD5{code}_at_{one.at:.0f}_{next(_NUMBERS)}"
        earliest, latest = _range(one.settings, one.at)
        done = Run(one.app, one.name, sid, one.at, earliest, latest)
        logs.search(self.instance, logs.Search(self.owner, sid, one.settings["search"], one.app, one.name), one.at)
        try:
            done.result = self.instance.search(
                one.settings["search"],
                earliest=earliest,
                latest=latest,
                app=one.app,
                owner=self.owner,
                now=one.at,
                sid=sid,
            )
            self.alert(done, one.settings, one.alerting, self.instance, self.owner)
        except SandboxError as error:
            done.error = str(error)
        self._log(done)
        return done

    def _log(self, done: Run) -> None:
        """Write a run into scheduler.log: what became of it, or why nothing did.

        Source: published lines of Splunk's scheduler.log; which fields it has for what fails is not known.
        """
        fields = {"savedsearch_name": done.search, "app": done.app, "user": self.owner}
        if not done.error and done.result:
            fields |= {"status": "success", "sid": done.sid, "scheduled_time": f"{done.time:.0f}"}
            fields |= {
                "result_count": str(len(done.result.rows)),
                "alert_actions": ",".join(a.action for a in done.actions),
            }
        text = ", ".join(
            [f'savedsearch_id="{self.owner};{done.app};{done.search}"', *(f'{k}="{v}"' for k, v in fields.items())]
        )
        line = ("ERROR", f'{text}, message="{done.error}"') if done.error else ("INFO", text)
        alert_actions.log(self.instance, "SavedSplunker", [line], done.time, sourcetype="scheduler", **fields)

    def alert(
        self, done: Run, settings: dict[str, str], how: alert_actions.Alerting, instance: Instance, owner: str
    ) -> None:
        """Alert on the results of a run, if they trigger: list the alert, and run the actions as `instance`'s owner.

        Raises SandboxError for a condition or an action that is not supported.
        """
        if not done.result or not alert_actions.triggers(settings, done.result.rows):
            done.outcome = "the trigger condition is not met"
            return
        done.not_here = how.not_here
        for alert in alert_actions.divide(how, done.result.rows):
            key = (done.app, done.search, *alert.key)
            if how.suppress and self._silent.get(key, done.time) > done.time:
                done.silenced += 1
                continue
            if how.suppress:
                self._silent[key] = done.time + how.suppress
            done.raised.append(alert)
        if not done.raised:
            done.outcome = "suppressed" if done.silenced else "there is no result to alert on"
        elif how.track:
            count, expires = sum(len(alert.rows) for alert in done.raised), done.time + how.expires
            entry = TriggeredAlert(done.search, done.sid, done.time, expires, how.severity, count, how.digest)
            self.alerts.append(entry)
        for alert, action in itertools.product(done.raised, how.actions):
            given = replace(done.result, rows=alert.rows)
            done.actions.append(
                alert_actions.run(instance, action, done.search, given, {}, done.app, owner, alert.number)
            )


def _fires(cron: str, start: float, end: float) -> Iterator[float]:
    """Yield the times of a cron schedule from `start` (inclusive) to `end` (exclusive), epoch s."""
    if not _CRON.fullmatch(cron):
        raise SandboxError(f"cron_schedule: '{cron}' is not five fields of numbers")
    try:
        schedule = CronSim(cron, datetime.fromtimestamp(start, UTC) - timedelta(microseconds=1))
    except CronSimError as error:
        raise SandboxError(f"cron_schedule: {error} in '{cron}'") from error
    yield from itertools.takewhile(lambda at: at < end, (at.timestamp() for at in schedule))


def _range(settings: dict[str, str], now: float) -> tuple[float | None, float | None]:
    bounds = []
    for key in ("dispatch.earliest_time", "dispatch.latest_time"):
        try:
            bounds.append(times.resolve(settings.get(key, ""), now))
        except SandboxError as error:
            raise SandboxError(f"{key}: {error}") from error
    return bounds[0], bounds[1]


def _word(text: str) -> str:
    """Write a name as it stands in a sid: in base64 unless it is a plain word."""
    return f"_{text}" if text.isalnum() else base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")

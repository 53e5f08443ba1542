"""Saved searches, their dispatch with alert actions, and triggered alerts.

Source: REST API Reference, "Search endpoint descriptions" (saved/searches, alerts/fired_alerts);
savedsearches.conf.spec. A dispatched search does not suppress alerts: that is the scheduler's business (a choice of
the sandbox).
"""

import re
from collections import Counter

from starlette.responses import Response

from sandbox import confs
from sandbox.alerts import alert_actions
from sandbox.alerts.scheduler import Run, TriggeredAlert
from sandbox.errors import SandboxError
from sandbox.splunkd.atom import Entity, entities, texts
from sandbox.splunkd.calls import Call, CallError, stanzas
from sandbox.splunkd.endpoints import jobs
from sandbox.splunkd.endpoints.confs import entity, write
from sandbox.splunkd.job import Job
from sandbox.store.kvstore import NotFoundError

SAVED, FIRED = "saved/searches", "alerts/fired_alerts"
_SETTINGS = re.compile(
    r"search|description|disabled|is_(scheduled|visible)|cron_schedule|schedule_(window|priority)|allow_skew"
    r"|realtime_schedule|max_concurrent|alert_(type|comparator|threshold|condition)|counttype|relation|quantity"
    r"|(action|alert|args|dispatch|display|request)\..+|actions"
)


def _saved(call: Call) -> list[Entity]:
    """Return the saved searches; with `add_orphan_field` each tells whether its owner is no user."""
    orphans = confs.is_true(call.args.get("add_orphan_field", "0"))
    known = {*call.splunkd.users, "nobody"}
    counts = Counter(alert.search for alert in _fired(call))
    return [
        entity(
            call,
            one,
            SAVED,
            is_scheduled=confs.is_true(one.settings.get("enableSched", "0")),
            is_visible=confs.is_true(one.settings.get("is_visible", "1")),
            triggered_alert_count=counts[one.name],
            **({"orphan": one.owner not in known} if orphans else {}),
        )
        for one in stanzas(call, "savedsearches")
    ]


def _one(call: Call) -> Entity:
    """Return the search of a name: the app's own, of all that a list may have under it (a choice of the sandbox)."""
    shared = [one for one in _saved(call) if one.app in call.apps and one.sharing != "user"]
    found = [one for one in shared if one.name == call.part("name")]
    if not found:
        raise NotFoundError(f"Could not find object id={call.part('name')}")
    return found[0]


def searches(call: Call) -> Response:
    """List the saved searches."""
    return entities(call, _saved(call))


def search(call: Call) -> Response:
    """Give a saved search's settings."""
    return entities(call, [_one(call)])


def update(call: Call) -> Response:
    """Change settings of a saved search: they go to local/savedsearches.conf."""
    one, settings = _one(call), {key: value for key, value in call.args.items() if key != "output_mode"}
    for key in settings:
        if not _SETTINGS.fullmatch(key):
            raise CallError(400, f'Argument "{key}" is not supported by this handler.')
    call.may_write("savedsearches", one.name)
    if "is_scheduled" in settings:
        settings["enableSched"] = settings.pop("is_scheduled")
    write(call.instance.apps / one.app, "savedsearches", one.name, settings)
    return entities(call, [_one(call)])


def dispatch(call: Call) -> Response:
    """Run a saved search as its owner, `dispatch.*` over its own; with `trigger_actions=1` its actions follow."""
    one = _one(call)
    settings = confs.load(call.instance.apps / one.app, "savedsearches")[one.name]
    if confs.is_true(settings.get("disabled", "0")):
        raise CallError(400, f"Saved search '{one.name}' is disabled.")
    options = {key.removeprefix("dispatch."): value for key, value in {**settings, **call.args}.items()}
    trigger, owner = confs.is_true(call.args.get("trigger_actions", "0")), call.session
    if one.owner not in (owner.user, "nobody"):  # dispatchAs = owner
        role = call.splunkd.users.get(one.owner, ("", "admin"))[1]
        owner = call.splunkd.session_of(one.owner, role)

    def act(job: Job) -> None:
        run = Run(job.app, job.name, job.sid, job.now, *job.bounds, result=job.result)
        try:
            how = alert_actions.read(call.instance.apps / job.app, settings)._replace(suppress=0)
            call.splunkd.scheduler.alert(run, settings, how, job.acting, job.owner)
        except SandboxError as error:
            alert_actions.log(call.instance, "SavedSplunker", [("ERROR", f'savedsearch_id="{job.name}" {error}')])

    begin = act if trigger else (lambda job: None)
    job = jobs.start(call.splunkd, owner, settings.get("search", ""), one.app, options, one.name, begin)
    return texts(call, 201, sid=job.sid)


def _fired(call: Call) -> list[TriggeredAlert]:
    return call.splunkd.scheduler.triggered(call.splunkd.clock())


def fired(call: Call) -> Response:
    """Count the triggered alerts of each search, and, as `-`, of all."""
    counts = Counter(alert.search for alert in _fired(call))
    every = {"-": counts.total(), **counts}
    found = [Entity(name, FIRED, {"triggered_alert_count": count}, call.app) for name, count in every.items()]
    return entities(call, found)

"""What a splunkd knows while it runs: sessions and roles, tokens, indexes, jobs, the scheduler, the clock."""

from __future__ import annotations

import itertools
import math
import secrets
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from copy import copy
from dataclasses import dataclass, field, replace

from sandbox.alerts import alert_actions
from sandbox.alerts.scheduler import Scheduler
from sandbox.inputs.spool import Spool
from sandbox.search.access import BUILT_IN, Access, known_roles, of_roles
from sandbox.search.instance import Instance
from sandbox.splunkd.job import Job

SESSION_SECONDS = 3600
"""How long a session lasts without a request (server.conf: sessionTimeout)."""

USERS = {"admin": ("changeme", "admin")}
"""The users of a server that is given none: password and role by name."""

ROLES = {name: of_roles(BUILT_IN, [name]).capabilities for name in ("user", "power", "admin")}
"""The capabilities of Splunk's own roles."""


@dataclass
class Session:
    """A user who is logged in, until `expires` (epoch s; never by default); `role` has several with `;` between."""

    user: str
    role: str
    capabilities: frozenset[str]
    expires: float = math.inf


@dataclass
class Channel:
    """A sender that uses a token: the next numbers of its requests, and those indexed but not yet acknowledged."""

    numbers: Iterator[int] = field(default_factory=itertools.count)
    indexed: set[int] = field(default_factory=set)


@dataclass
class Token:
    """A token of the HTTP Event Collector; without `allowed` it may write to every index."""

    index: str = "main"
    allowed: frozenset[str] = frozenset()
    sourcetype: str = "httpevent"
    ack: bool = False
    disabled: bool = False
    channels: dict[str, Channel] = field(default_factory=dict)


class State:
    """The state of a splunkd of an instance.

    `users` maps a name to password and role (of Splunk or of an app's authorize.conf; several with `;` between); `uri`
    is the address of the REST API.

    Tests may read and change: `sessions` maps a session key to its Session, or to capabilities alone (of an
    admin); `tokens` are those of the collector; `indexes` are those that exist; `scheduler` runs the scheduled searches
    of all apps when its `run` is called, and has the triggered alerts, of dispatched searches too; `clock` gives the
    time of searches and triggered alerts, epoch s; `spool` is read every now and then, before each search, and where
    its `read` is called; `server_roles` are those of server/info, and outputs.conf forwards to `default_group`, if any.
    `requests` are the URLs that were called, `used` the routes that served.
    `failures` holds HTTP statuses to answer next instead of serving, `drops` "before" or "after" for each request next
    to get no answer, before or after it is served ("" serves it).
    """

    def __init__(self, instance: Instance, users: Mapping[str, tuple[str, str]], uri: str) -> None:
        self.instance, self.users, self.uri = instance, {**users}, uri
        self.sessions: dict[str, Session | frozenset[str]] = {}
        self.tokens: dict[str, Token] = {}
        self.indexes = {"_audit", "_internal", "main", "risk"}
        self.server_roles = ["search_head", "indexer", "kv_store"]
        self.default_group = ""
        self.jobs: dict[str, Job] = {}
        self.threads: list[threading.Thread] = []
        self.clock: Callable[[], float] = time.time
        self.failures: deque[int] = deque()
        self.drops: deque[str] = deque()
        self.requests: list[str] = []
        self.used: set[tuple[str, str]] = set()
        self.spool = Spool(instance, lambda: self.indexes)
        instance.intake, instance.sender = self.spool.read, alert_actions.send
        self.scheduler = Scheduler(self.acting(Session("admin", "admin", ROLES["admin"])))

    def wait(self) -> None:
        """Wait for the end of searches and their alert actions."""
        for thread in self.threads:
            thread.join()

    def acting(self, session: Session) -> Instance:
        """Return the instance for the user of a session: with the server's address, and a key like this session's."""
        seen = copy(self.instance)  # shares all but these three
        seen.splunkd_uri, seen.session_key = self.uri, self.open(session, math.inf)
        seen.access = self.access(session)
        return seen

    def access(self, session: Session) -> Access:
        """Return what the user of a session may do."""
        known, names = known_roles(self.instance.apps), session.role.split(";")
        return replace(of_roles(known, names, session.user, self.instance.apps), capabilities=session.capabilities)

    def session_of(self, user: str, role: str) -> Session:
        """Return a session of a user with this role, or with several."""
        known = known_roles(self.instance.apps)
        return Session(user, role, of_roles(known, role.split(";")).capabilities)

    def login(self, user: str) -> str:
        """Open a session of a user, and return its key."""
        return self.open(self.session_of(user, self.users[user][1]), time.time() + SESSION_SECONDS)

    def open(self, session: Session, expires: float) -> str:
        """Open a session like another, until a time (epoch s), and return its key."""
        key = secrets.token_urlsafe(32)
        self.sessions[key] = Session(session.user, session.role, session.capabilities, expires)
        return key

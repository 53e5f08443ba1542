"""A search head and its indexers over one database, and the result of a search on them."""

from __future__ import annotations

import itertools
import ssl
import sys
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
import httpx

from sandbox import confs
from sandbox.errors import SandboxError
from sandbox.search.access import Access
from sandbox.search.chunked import Value
from sandbox.search.command import Row
from sandbox.store import bytecode, sql, tables
from sandbox.store.archive import unpack
from sandbox.store.bundle import Bundles
from sandbox.store.kvstore import KvStore

SPLUNK_VERSION = "9.4.0"  # in the searchinfo of commands
SEARCH_HEAD = "search_head"  # its name as a server
DATABASE, DISPATCH = "var/events.duckdb", "var/run/splunk/dispatch"  # in an instance's home
PEERS = "peers"  # the homes of the indexers, in an instance's home
AUTHORITY = "etc/auth/cacert.pem"  # in an instance's home: the certificate authority of its server
ANSWER_SECONDS = 30
DISK_MEMORY = "440MB"  # for DuckDB with a database on disk, of which it would keep what it can, to no gain


@dataclass
class Stage:
    """The numbers of rows into and out of one command of a search, over all places where it ran."""

    command: str
    text: str
    rows_in: int = 0
    rows_out: int = 0


@dataclass
class Result:
    """The result of a search: rows by field name, messages as (level, text, server), counts of rows by stage."""

    sid: str
    dispatch_dir: Path
    columns: list[str] = field(default_factory=list)
    rows: list[dict[str, Value]] = field(default_factory=list)
    messages: list[tuple[str, str, str]] = field(default_factory=list)
    stages: list[Stage] = field(default_factory=list)


@dataclass(frozen=True)
class Place:
    """Where commands run: a server's name, home and apps, the search's id there, and the number of an indexer."""

    server: str
    home: Path
    apps: Path
    sid: str
    indexer: int = 0

    @property
    def dispatch(self) -> Path:
        """The folder of the search there."""
        return self.home / DISPATCH / self.sid


class Server:
    """One search head and its indexers over one database, with apps installed.

    `home` holds everything and is the search head's SPLUNK_HOME; `python` runs the apps' commands, which on the search
    head get `splunkd_uri` and `session_key`. With `on_disk` the events stay in home/DATABASE, with the indexers
    that have them. `app` is the app of searches and calls that name none; without it, the only one that is installed.
    `intake`, where there is one, indexes what waits for it; `sender` runs an alert action for the command sendalert.
    `access` is what the user may do for whom it acts; without it, everything. `played` names indexes whose
    events a search sees only once they have come in: for times that are played.
    """

    access: Access | None = None

    def __init__(
        self,
        home: Path,
        indexers: int = 1,
        python: str = sys.executable,
        splunkd_uri: str = "",
        session_key: str = "",
        *,
        on_disk: bool = False,
        app: str = "",
    ) -> None:
        self.home, self.python = home.resolve(), python
        self.splunkd_uri, self.session_key, self._app = splunkd_uri, session_key, app
        self.intake: Callable[[], None] | None = None
        self.played = set[str]()
        self.sender: Callable[[Any, str, Result, Mapping[str, str], str, str], None] | None = None
        self.apps, self.scratch = self.home / "etc/apps", self.home / "var/tmp"
        for folder in (self.apps, self.scratch):
            folder.mkdir(parents=True, exist_ok=True)
        self.database = duckdb.connect(self.home / DATABASE if on_disk else ":memory:")
        if on_disk:
            self.database.execute(f"SET memory_limit = {sql.quote(DISK_MEMORY)}")
        self.database.execute(f"{sql.SETUP} SET temp_directory = {sql.quote(str(self.scratch))}")
        self.database.execute("CREATE TABLE IF NOT EXISTS events (_time DOUBLE, _raw VARCHAR, _indexer INTEGER)")
        (most,) = self.database.execute("FROM events SELECT max(_indexer)").fetchall()[0]
        self.indexers = max(indexers, most or 1)
        self._lock, self._numbers = threading.Lock(), itertools.count(1)
        self.kvstore = KvStore(self.database, self.apps)
        homes = [self.home / PEERS / f"indexer{number}" for number in range(1, self.indexers + 1)]
        self.bundles = Bundles(self.apps, homes)

    def close(self) -> None:
        """Close the database, and remove the indexers' bundles."""
        self.database.close()
        self.bundles.close()

    @property
    def app(self) -> str:
        """The app of a call that names none: as given, else the only one that is installed, else Splunk's `search`."""
        apps = [self._app] if self._app else confs.installed(self.apps)
        return apps[0] if len(apps) == 1 else "search"

    def install(self, archive: Path) -> None:
        """Unpack an app's .tar.gz over what is installed. Raises SandboxError if it is none, or writes elsewhere."""
        unpack(archive, self.apps)
        bytecode.supply(self.apps, self.python)

    def get(self, path: str) -> Any:
        """Return the JSON of a GET with the session's key. Raises SandboxError for any other status than 200."""
        if not self.splunkd_uri:
            raise SandboxError("no answer: this instance has no server")
        authority = self.home / AUTHORITY
        verify = ssl.create_default_context(cafile=authority) if authority.exists() else True
        key = {"Authorization": f"Splunk {self.session_key}"}
        answer = httpx.get(self.splunkd_uri + path, headers=key, verify=verify, timeout=ANSWER_SECONDS)
        if answer.status_code != httpx.codes.OK:
            raise SandboxError(f"{answer.status_code} {answer.reason_phrase}")
        return answer.json()

    def alert(
        self,
        place: Place,
        app: str,
        owner: str,
        action: str,
        parameters: Mapping[str, str],
        columns: list[str],
        rows: list[dict[str, Value]],
    ) -> None:
        """Run an alert action on rows of a search, with these parameters. Raises SandboxError where it fails."""
        if not self.sender:
            raise SandboxError("no answer: this instance has no server")
        self.sender(self, action, Result(place.sid, place.dispatch, columns, rows), parameters, app, owner)

    def add_events(self, events: Iterable[Row]) -> int:
        """Store all these events or none, dealt out to the indexers in turn; return how many.

        `_time` and `_indextime`, by default now, are epoch s.
        """
        with self._lock:
            before, now = tables.size(self.database, "events"), {"_indextime": int(time.time())}
            dealt = (
                {**now, **event, "_indexer": number % self.indexers + 1} for number, event in enumerate(events, before)
            )
            with tables.transaction(self.database):
                return tables.store(self.database, "events", dealt)

    def not_yet(self, now: float) -> str:
        """Return the condition, in SQL, that leaves out what has not come in at a time (epoch s)."""
        return "".join(f" AND NOT (index = {sql.quote(name)} AND _indextime > {now!r})" for name in self.played)

    def backdate(self, index: str, since: float, at: float | None = None) -> None:
        """Let the events of an index that came in since then have come in at another time: each at once, or all then.

        For times that are played: nothing of an app can do this. Times are epoch s.
        """
        if self.intake:
            self.intake()
        with self._lock:
            self.database.execute(
                "UPDATE events SET _indextime = coalesce(?, floor(_time)) WHERE index = ? AND _indextime >= ?",
                [at, index, int(since)],
            )

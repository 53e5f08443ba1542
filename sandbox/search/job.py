"""Runs searches over stored events as a search head with indexers would, and the app's commands as child processes.

The leading run of distributable commands works on each indexer's own events, a custom command there from that
indexer's copy of the knowledge bundle; the rest works on the search head. DuckDB evaluates, see `sandbox.sql`.
"""

import functools
import itertools
import re
import shutil
import ssl
import sys
import threading
import time
import urllib.parse
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

import duckdb
import httpx

from sandbox import confs
from sandbox.commands import COMMANDS
from sandbox.commands.rows import kept
from sandbox.errors import SandboxError, SearchError
from sandbox.search import chunked, matching, spl
from sandbox.search.chunked import Value
from sandbox.search.command import Context, Row, appends, options
from sandbox.store import bundle, sql
from sandbox.store import tables as storage
from sandbox.store.archive import unpack
from sandbox.store.kvstore import KvStore

SPLUNK_VERSION = "9.4.0"  # what commands are told
SEARCH_HEAD = "search_head"  # its name as a server
DATABASE, DISPATCH = "var/events.duckdb", "var/run/splunk/dispatch"  # in an instance's home
AUTHORITY = "etc/auth/cacert.pem"  # in an instance's home: who vouches for its server
ANSWER_SECONDS = 30
DISK_MEMORY = "512MB"  # for DuckDB beside a database on disk, of which it else keeps what it can, to no gain
NOTHING = sql.Relation("range(0)", {})
STORED = '"^ stored"'  # an event's place in its table; no column of a field has a blank there
NEWEST_FIRST = f"ORDER BY {sql.ident('_time')} DESC, {STORED}"  # how an indexer gives events

_QUOTED = re.compile(r'"((?:\\.|[^"\\])*)"')
_ARGUMENT = re.compile(r'(?:"(?:\\.|[^"\\])*"|[^\s"])+')


@dataclass
class Stage:
    """How many rows went into one command of a search and came out, over all places where it ran."""

    command: str
    text: str
    rows_in: int = 0
    rows_out: int = 0


@dataclass
class Result:
    """What a search gave: rows by field name, messages as (level, text, server), counts of rows by stage."""

    sid: str
    dispatch_dir: Path
    columns: list[str] = field(default_factory=list)
    rows: list[dict[str, Value]] = field(default_factory=list)
    messages: list[tuple[str, str, str]] = field(default_factory=list)
    stages: list[Stage] = field(default_factory=list)


class Instance:
    """One search head and its indexers over one database, with apps installed.

    `home` holds everything and is the search head's SPLUNK_HOME; `python` runs the apps' commands, which on the search
    head are told `splunkd_uri` and `session_key`. With `on_disk` the events stay in home/DATABASE, with
    the indexers that have them.
    """

    def __init__(
        self,
        home: Path,
        indexers: int = 1,
        python: str = sys.executable,
        splunkd_uri: str = "",
        session_key: str = "",
        *,
        on_disk: bool = False,
    ) -> None:
        self.home, self.python = home.resolve(), python
        self.splunkd_uri, self.session_key = splunkd_uri, session_key
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

    def close(self) -> None:
        """Let go of the database."""
        self.database.close()

    def install(self, archive: Path) -> None:
        """Unpack an app's .tar.gz over what is installed. Raises SandboxError if it is none, or writes elsewhere."""
        unpack(archive, self.apps)

    def add_events(self, events: Iterable[Row]) -> int:
        """Store all these events or none, dealt out to the indexers in turn; return how many. `_time` is epoch s."""
        with self._lock:
            before = storage.size(self.database, "events")
            dealt = ({**event, "_indexer": number % self.indexers + 1} for number, event in enumerate(events, before))
            with storage.transaction(self.database):
                return storage.store(self.database, "events", dealt)

    def saved_search(self, name: str, app: str = "ssa_detections") -> dict[str, str]:
        """Return a stanza of savedsearches.conf. Raises SearchError if there is none of that name."""
        try:
            return confs.load(self.apps / app, "savedsearches")[name]
        except KeyError:
            raise SearchError(f"Unable to find saved search named '{name}'.") from None

    def search(
        self,
        spl: str,
        *,
        earliest: float | None = None,
        latest: float | None = None,
        app: str = "ssa_detections",
        owner: str = "admin",
        now: float | None = None,
        sid: str | None = None,
        accepted: Callable[[Callable[[], None]], None] = lambda stop: None,
        over: Result | None = None,
    ) -> Result:
        """Run a search and return all its results.

        `earliest` (inclusive) and `latest` (exclusive) are epoch seconds and limit the events, unless the search itself
        has time modifiers; `app` provides macros and commands; `now` is the time that the search believes it is, epoch
        s; `sid` its id, if not to be made up; `accepted` is called once the search is checked, before it runs, with a
        function that stops it; `over` are results that the commands work on, and that stay: so splunkd post-processes.
        Raises SearchError for anything wrong; a failure on an indexer begins with its name: `[indexer2]`.
        """
        if not (self.apps / app).is_dir():
            raise SearchError(f"The app '{app}' is not installed.")
        if confs.load(self.apps / app, "app").get("install", {}).get("state") == "disabled":
            raise SearchError(f"The app '{app}' is disabled: app.conf [install] state.")
        made = (f"{time.time():.0f}.{number}" for number in self._numbers)  # kept events may have been searched before
        sid = sid or next(each for each in made if not (self.home / DISPATCH / each).exists())
        job = _Job(self, sid, spl, app, owner, earliest, latest, time.time() if now is None else now, over)
        try:
            return job.run(accepted)
        finally:
            job.close()


@dataclass(frozen=True)
class _Place:
    """Where commands run: a server's name, home and apps, the search's id there, and the number of an indexer."""

    server: str
    home: Path
    apps: Path
    sid: str
    indexer: int = 0

    @property
    def dispatch(self) -> Path:
        return self.home / DISPATCH / self.sid


class _Kind(NamedTuple):
    """What a command is: whether the indexers run it, and whether it makes the first rows."""

    distributable: bool
    generating: bool


@dataclass
class _Job:
    """One running search."""

    instance: Instance
    sid: str
    text: str
    app: str
    owner: str
    earliest: float | None
    latest: float | None
    now: float
    over: Result | None = None

    def __post_init__(self) -> None:
        self.head = _Place(SEARCH_HEAD, self.instance.home, self.instance.apps, self.sid)
        self.result = Result(self.head.sid, self.head.dispatch)
        self.tables = itertools.count(1)
        self.checked: dict[int, tuple[list[spl.Command], list[bool]]] = {}  # subsearches, by where they stand
        self.found: dict[int, sql.Relation] = {}  # and what they gave
        self.database = self.instance.database.cursor()  # a connection of its own: temporary tables end with it
        self.database.execute(sql.SETUP)
        self.database.execute(f"SET VARIABLE spl_now = CAST({self.now!r} AS DOUBLE)")
        self.dispatched = self.earliest, self.latest

    @contextmanager
    def ranged(self, first: spl.Command) -> Iterator[None]:
        """Let a pipeline see the time range that its own first search sets, else the one that was dispatched."""
        outer = self.earliest, self.latest
        own = matching.time_range(spl.SearchReader(first).expression(), self.now) if first.name == "search" else None
        try:
            self.set_range(*own or self.dispatched)
            yield
        finally:
            self.set_range(*outer)

    def set_range(self, earliest: float | None, latest: float | None) -> None:
        self.earliest, self.latest = earliest, latest
        # What addinfo gives: all time is from 0 to +Infinity.
        info = {
            "min_time": f"{earliest or 0:.3f}",
            "max_time": "+Infinity" if latest is None else f"{latest:.3f}",
            "sid": self.head.sid,
            "search_time": f"{self.now:.3f}",
        }
        for name, text in info.items():
            self.database.execute(f"SET VARIABLE spl_{name} = {sql.quote(text)}")

    @functools.cached_property
    def peers(self) -> list[_Place]:
        """The indexers, each with a fresh bundle."""
        peers = []
        for number in range(1, self.instance.indexers + 1):
            name, home = f"indexer{number}", self.instance.home / f"peers/indexer{number}"
            apps = bundle.replicate(self.instance.apps, home)
            peers.append(_Place(name, home, apps, f"remote_{name}_{self.head.sid}", number))
        return peers

    def close(self) -> None:
        self.database.close()
        for peer in self.__dict__.get("peers", []):
            shutil.rmtree(peer.apps.parent, ignore_errors=True)

    def run(self, accepted: Callable[[Callable[[], None]], None]) -> Result:
        self.head.dispatch.mkdir(parents=True)
        self.text = spl.expand(self.text, confs.load(self.instance.apps / self.app, "macros"))
        commands = spl.pipeline(self.text)
        self.result.stages = [Stage(command.name, command.text) for command in commands]
        with self.ranged(commands[0]):
            distributable = self.check(commands, begins=self.over is None)
            accepted(self.database.interrupt)
            if self.over is None:
                rows = self.execute(commands, distributable, self.result.stages)
            else:
                rows = self.keep(self.over.rows)
                for command, stage in zip(commands, self.result.stages, strict=True):
                    rows = self.step(self.head, command, rows, stage)
        self.result.columns = list(rows.columns)
        for row in self.database.execute(sql.export(rows)).fetchall():
            self.result.rows.append({name: _single(cell) for name, cell in zip(rows.columns, row, strict=False)})
        return self.result

    def check(self, commands: Sequence[spl.Command], begins: bool = True) -> list[bool]:
        """Find mistakes before anything runs, as splunkd parses on the search head; say which are distributable.

        `begins` says whether the first command makes the first rows.
        """
        flags = []
        self.checking = checking = Context(
            self.head.server,
            self.instance.apps / self.app,
            self.now,
            self.earliest,
            self.latest,
            subsearch=self.check_subsearch,
            events=lambda: NOTHING,
            fetch=lambda code: [],
            keep=lambda rows: NOTHING,
            pipe=self.check_pipe,
            get=lambda path: {},
            index=lambda rows: 0,
            kvstore=self.instance.kvstore,
        )
        for first, command in zip([begins, *[False] * len(commands)], commands, strict=False):
            spec = COMMANDS.get(command.name)
            kind = _Kind(spec.distributable, spec.generating) if spec else self.probe(command)
            if kind.generating != first and command.name != "search" and not (kind.generating and appends(command)):
                where = "cannot be the first command" if first else "must be the first command"
                raise spl.fail(f"'{command.name}' {where}; it stands", command.position)
            if spec:
                spec.build(checking, command, NOTHING)
            flags.append(kind.distributable)
        return flags

    def check_subsearch(self, text: str, offset: int) -> sql.Relation:
        commands = spl.pipeline(text, offset)
        with self.ranged(commands[0]):
            self.checked[offset] = commands, self.check(commands)
        return NOTHING

    def probe(self, command: spl.Command) -> _Kind:
        """Ask a custom command what it is; an error of its own ends the search here."""
        with self.start(self.head, command) as process:
            info = process.getinfo(self.searchinfo(self.head, command))
            process.close()
        self.result.messages += [(level, text, self.head.server) for level, text in process.messages]
        kind, fields = info.get("type", "streaming"), info.get("required_fields", ["*"])
        generating = bool(info.get("generating"))
        if kind not in (("stateful", "reporting") if generating else ("streaming", "stateful")) or fields != ["*"]:
            what = "Only streaming commands that take all fields, and generating ones of the search head, are supported"
            raise spl.fail(f"{what}, not '{command.name}'", command.position)
        return _Kind(kind == "streaming", generating)

    def execute(self, commands: Sequence[spl.Command], distributable: list[bool], stages: list[Stage]) -> sql.Relation:
        """Run a pipeline that is checked; the result is a table."""
        steps = list(zip(commands, stages, strict=True))
        leading = 1 + len(list(itertools.takewhile(bool, distributable[1:])))
        for command in commands[:leading]:
            if command.name == "search":  # its subsearches run before it, and on the search head
                COMMANDS["search"].build(self.context(self.head), command, NOTHING)
        places, parts = self.places(commands[0]), []
        for place in places:
            try:
                rows = self.first(place, *steps[0], commands[1:])
                for command, stage in steps[1:leading]:
                    rows = self.step(place, command, rows, stage)
            except SearchError as error:
                if not place.indexer:
                    raise
                raise SearchError(f"[{place.server}] {error}") from error
            parts.append(rows)
        rows = parts[0] if places == [self.head] else self.table(sql.union(parts, newest_first=True), *parts)
        for command, stage in steps[leading:]:
            rows = self.step(self.head, command, rows, stage)
        return rows

    def subsearch(self, text: str, offset: int) -> sql.Relation:
        if offset not in self.found:  # each indexer evaluates the expression that it stands in
            commands, distributable = self.checked[offset]
            stages = [Stage(command.name, command.text) for command in commands]
            with self.ranged(commands[0]):
                self.found[offset] = self.execute(commands, distributable, stages)
        return self.found[offset]

    def check_pipe(self, text: str, offset: int, _: sql.Relation) -> sql.Relation:
        for command in spl.pipeline(f"|{text}", offset - 1):
            spec = COMMANDS.get(command.name)
            if not spec or spec.effect or (spec.generating and command.name != "search"):
                raise spl.fail(f"'{command.name}' is not supported within a pipeline in brackets", command.position)
            spec.build(self.checking, command, NOTHING)
        return NOTHING

    def pipe(self, text: str, offset: int, rows: sql.Relation) -> sql.Relation:
        """Run commands over rows, which stay."""
        rows = self.table(sql.query(rows.source, sql.same(rows)))
        for command in spl.pipeline(f"|{text}", offset - 1):
            rows = self.step(self.head, command, rows, Stage(command.name, command.text))
        return rows

    def get(self, path: str) -> Any:
        """Ask splunkd, as the search's owner. Raises SandboxError for any other status than 200."""
        if not self.instance.splunkd_uri:
            raise SandboxError("no answer: this instance has no server")
        authority = self.instance.home / AUTHORITY
        verify = ssl.create_default_context(cafile=authority) if authority.exists() else True
        key = {"Authorization": f"Splunk {self.instance.session_key}"}
        answer = httpx.get(self.instance.splunkd_uri + path, headers=key, verify=verify, timeout=ANSWER_SECONDS)
        if answer.status_code != httpx.codes.OK:
            raise SandboxError(f"{answer.status_code} {answer.reason_phrase}")
        return answer.json()

    def places(self, first: spl.Command) -> list[_Place]:
        """Say where a pipeline begins: on the indexers, or where makeresults says."""
        if first.name == "search":
            return self.peers
        if first.name != "makeresults":
            return [self.head]
        option = options(spl.Reader(first), first).get("splunk_server")
        if not option or option.text == "local":
            return [self.head]
        places = [place for place in (self.head, *self.peers) if option.text in ("*", place.server)]
        if not places:
            raise spl.fail(f"There is no server '{option.text}'", option.position)
        return places

    def all_events(self) -> sql.Relation:
        """Give the events of all indexers and indexes within the time range, as tstats reads them."""
        parts = [self.events(place) for place in self.peers]
        columns = parts[0].columns
        return sql.Relation(f"({' UNION ALL '.join(f'FROM {part.source}' for part in parts)})", columns)

    def events(self, place: _Place, first: spl.Command | None = None) -> sql.Relation:
        """Give the events of an indexer within the time range, for a search that begins with this command.

        A search that names no index means the role's default one, main.
        """
        kinds = {sql.field_name(name): kind for name, kind in storage.describe(self.database, "events").items()}
        kinds |= {"splunk_server": "VARCHAR"}
        columns = {name: sql.ident(name) for name in kinds} | {"splunk_server": sql.quote(place.server)}
        del kinds["_indexer"], columns["_indexer"]
        where = f"WHERE _indexer = {place.indexer}"
        if first and "index" in kinds:
            named = matching.names_index(spl.SearchReader(first).expression(), self.context(place))
            where += "" if named else " AND index = 'main'"
        where += f" AND _time >= {self.earliest!r}" if self.earliest is not None else ""
        where += f" AND _time < {self.latest!r}" if self.latest is not None else ""
        return sql.Relation(f"({sql.query('events', columns, where, f', rowid AS {STORED}')})", kinds)

    def first(self, place: _Place, command: spl.Command, stage: Stage, then: Sequence[spl.Command]) -> sql.Relation:
        """Run a pipeline's first command; one that reads events sees them as they are now, whatever is written.

        Of events only those fields are read that the commands `fields` right behind it keep.
        """
        if command.name not in ("search", "tstats"):
            return self.step(place, command, NOTHING, stage)
        with storage.transaction(self.database):
            if command.name == "tstats":
                return self.step(place, command, NOTHING, stage)
            found = self.events(place, command)
            wanted = [*found.columns]
            for each in itertools.takewhile(lambda one: one.name == "fields", then):
                wanted = kept(each, wanted)
            found = replace(found, wanted=frozenset(wanted))
            return self.present(self.step(place, command, found, stage, NEWEST_FIRST))

    def step(
        self, place: _Place, command: spl.Command, rows: sql.Relation, stage: Stage, tail: str = ""
    ) -> sql.Relation:
        """Run one command in one place and count its rows; `tail` follows its query."""
        try:
            stage.rows_in += storage.size(self.database, rows.source)
            if spec := COMMANDS.get(command.name):
                context = self.context(place)
                done = self.table(f"{spec.build(context, command, rows)} {tail}", rows)
                if spec.effect:
                    spec.effect(context, command, done)
            else:
                done = self.external(place, command, rows)
            stage.rows_out += storage.size(self.database, done.source)
        except duckdb.Error as error:
            raise spl.fail(f"{str(error).splitlines()[0]}: '{command.name}'", command.position) from error
        return done

    def context(self, place: _Place) -> Context:
        return Context(
            place.server,
            place.apps / self.app,
            self.now,
            self.earliest,
            self.latest,
            subsearch=self.subsearch,
            events=self.all_events,
            fetch=lambda code: self.database.execute(code).fetchall(),
            keep=self.keep,
            pipe=self.pipe,
            get=self.get,
            index=self.instance.add_events,
            kvstore=self.instance.kvstore,
        )

    def keep(self, rows: Iterable[Row]) -> sql.Relation:
        """Put rows that were made in Python into a temporary table."""
        name = f"step{next(self.tables)}"
        self.database.execute(f'CREATE TEMP TABLE {name} ("{sql.NO_COLUMN}" INTEGER)')
        storage.store(self.database, name, rows)
        return self.relation(name)

    def present(self, rows: sql.Relation) -> sql.Relation:
        """Leave out the fields that none of the rows has: an index knows no others."""
        code = sql.query(rows.source, {name: f"count({sql.ident(name)})" for name in rows.columns})
        counts = dict(zip(rows.columns, self.database.execute(code).fetchall()[0], strict=False))
        return sql.Relation(rows.source, {name: kind for name, kind in rows.columns.items() if counts[name]})

    def table(self, code: str, *spent: sql.Relation) -> sql.Relation:
        """Keep the rows of a query in a temporary table; the tables they came from are not needed any more."""
        name = f"step{next(self.tables)}"
        self.database.execute(f"CREATE TEMP TABLE {name} AS {code}")
        for rows in spent:
            if rows.source.isalnum():
                self.database.execute(f"DROP TABLE {rows.source}")
        return self.relation(name)

    def relation(self, table: str) -> sql.Relation:
        kinds = storage.describe(self.database, table)
        kinds.pop(sql.NO_COLUMN, None)
        return sql.Relation(table, {sql.field_name(name): kind for name, kind in kinds.items()})

    def external(self, place: _Place, command: spl.Command, rows: sql.Relation) -> sql.Relation:
        """Run a custom command over a table's rows, chunk by chunk."""
        with self.start(place, command) as process:
            process.getinfo(self.searchinfo(place, command))
            done = self.keep(self.replies(process, rows))
            process.close()
        self.result.messages += [(level, text, place.server) for level, text in process.messages]
        return done

    def replies(self, process: chunked.Command, rows: sql.Relation) -> Iterator[Row]:
        size = storage.size(self.database, rows.source)
        for start in range(0, max(size, 1), chunked.MAX_ROWS):
            end = start + chunked.MAX_ROWS
            code = sql.export(rows, f"WHERE rowid >= {start} AND rowid < {end} ORDER BY rowid")
            sent = self.database.execute(code).fetchall() if size else []
            reply = process.execute([*rows.columns], sent, finished=end >= size)
            yield from (dict(zip(reply.columns, row, strict=True)) for row in reply.rows)

    def start(self, place: _Place, command: spl.Command) -> chunked.Command:
        """Start the process of a custom command, from the apps that the place has."""
        folder = place.apps / self.app
        settings = confs.load(folder, "commands").get(command.name)
        if settings is None:
            raise spl.fail(f"Unknown search command '{command.name}'", command.position)
        for key in settings.keys() - {"chunked", "filename", "python.version", "python.required"}:
            raise spl.fail(f"commands.conf has the unsupported setting '{key}' for '{command.name}'", command.position)
        script = folder / "bin" / settings.get("filename", f"{command.name}.py")
        if not confs.is_true(settings.get("chunked", "")) or not script.is_file():
            raise spl.fail(f"'{command.name}' is not chunked, or has no script '{script.name}'", command.position)
        place.dispatch.mkdir(parents=True, exist_ok=True)
        return chunked.Command(command.name, script, python=self.instance.python, home=place.home)

    def searchinfo(self, place: _Place, command: spl.Command) -> dict[str, object]:
        raw = _ARGUMENT.findall(command.text)
        args = [_QUOTED.sub(lambda match: re.sub(r"\\(.)", r"\1", match[1]), word) for word in raw]
        here = self.instance if place is self.head else None  # a peer's command has no business with the REST API
        info: dict[str, object] = {"args": args, "raw_args": raw, "command": command.name, "app": self.app}
        info |= {"sid": place.sid, "dispatch_dir": str(place.dispatch), "owner": self.owner, "username": self.owner}
        info |= {"session_key": here.session_key if here else "", "splunkd_uri": here.splunkd_uri if here else ""}
        info |= {"earliest_time": str(self.earliest or 0), "latest_time": str(self.latest or 0)}
        info |= {"splunk_version": SPLUNK_VERSION, "maxresultrows": chunked.MAX_ROWS}
        return info | {"search": urllib.parse.quote(self.text, safe="")}


def _single(cell: str | list[str] | None) -> Value:
    return cell if not isinstance(cell, list) or len(cell) > 1 else cell[0] if cell else None

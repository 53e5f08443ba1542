"""Runs a search over stored events as a search head with indexers would, and custom commands as child processes.

The leading run of distributable commands works on each indexer's own events, a custom command there from that
indexer's copy of the knowledge bundle; the rest works on the search head. DuckDB evaluates, see `sandbox.store.sql`.
"""

import functools
import itertools
import urllib.parse
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import NamedTuple

import duckdb

from sandbox import confs
from sandbox.commands import COMMANDS
from sandbox.commands.elsewhere import unknown
from sandbox.commands.options import appends, options
from sandbox.commands.rows import kept_fields, limit
from sandbox.commands.summaries import condition
from sandbox.errors import SearchError
from sandbox.search import chunked, matching, spl, windows_fields
from sandbox.search.command import Context, Row, permit
from sandbox.search.server import SEARCH_HEAD, SPLUNK_VERSION, Place, Result, Server, Stage
from sandbox.store import failures, sql, tables
from sandbox.store.steps import Steps

NOTHING = sql.Relation("range(0)", {})
STORED = '"^ stored"'  # an event's place in its table; no column of a field has a blank there
NEWEST_FIRST = f"ORDER BY {sql.ident('_time')} DESC, {STORED}"  # how an indexer gives events


class _Kind(NamedTuple):
    """Whether the indexers run a command, and whether it makes the first rows."""

    distributable: bool
    generating: bool


@dataclass
class RunningSearch:
    """One running search."""

    instance: Server
    sid: str
    text: str
    app: str
    owner: str
    earliest: float | None
    latest: float | None
    now: float
    over: Result | None = None

    def __post_init__(self) -> None:
        self.head = Place(SEARCH_HEAD, self.instance.home, self.instance.apps, self.sid)
        self.result = Result(self.head.sid, self.head.dispatch)
        self.checked: dict[int, tuple[list[spl.Command], list[bool]]] = {}  # subsearches, by where they stand
        self.found: dict[int, sql.Relation] = {}  # and their results
        self.database = self.instance.database.cursor()  # a connection of its own: temporary tables end with it
        self.database.execute(sql.SETUP)
        self.steps = Steps(self.database)
        self.database.execute(f"SET VARIABLE spl_now = CAST({self.now!r} AS DOUBLE)")
        self.dispatched = self.earliest, self.latest
        self.report_range()

    @contextmanager
    def ranged(self, first: spl.Command, context: Context) -> Iterator[None]:
        """Set, within the block, the time range of a pipeline: that of its search or tstats, else the dispatched one.

        Its subsearches run before, over the dispatched range or their own. What range addinfo reports after a
        subsearch has set one is not documented: here that one.
        """
        outer = self.earliest, self.latest
        own = matching.time_range(node, context) if (node := condition(first)) else None
        try:
            self.set_range(*own or self.dispatched)
            yield
        finally:
            self.set_range(*outer)

    def set_range(self, earliest: float | None, latest: float | None) -> None:
        """Limit the events to a time range, epoch s, which addinfo reports."""
        if (earliest, latest) != (self.earliest, self.latest):
            self.earliest, self.latest = earliest, latest
            self.report_range()

    def report_range(self) -> None:
        """Tell addinfo the time range; all time is from 0 to +Infinity."""
        info = {
            "min_time": f"{self.earliest or 0:.3f}",
            "max_time": "+Infinity" if self.latest is None else f"{self.latest:.3f}",
            "sid": self.head.sid,
            "search_time": f"{self.now:.3f}",
        }
        self.database.execute("; ".join(f"SET VARIABLE spl_{name} = {sql.quote(text)}" for name, text in info.items()))

    @functools.cached_property
    def peers(self) -> list[Place]:
        """The indexers, each with its bundle."""
        peers, bundles = list[Place](), self.instance.bundles
        for number, (home, apps) in enumerate(
            zip(bundles.homes, bundles.current(self.instance.python), strict=True), 1
        ):
            name = f"indexer{number}"
            peers.append(Place(name, home, apps, f"remote_{name}_{self.head.sid}", number))
        return peers

    def run(self, accepted: Callable[[Callable[[], None]], None]) -> Result:
        """Run the search to its end: see Instance.search."""
        try:
            return self._run(accepted)
        finally:
            self.database.close()

    def _run(self, accepted: Callable[[Callable[[], None]], None]) -> Result:
        self.head.dispatch.mkdir(parents=True)
        self.text = spl.expand(self.text, confs.load(self.instance.apps / self.app, "macros"))
        commands = spl.pipeline(self.text)
        self.result.stages = [Stage(command.name, command.text) for command in commands]
        distributable = self.check(commands, begins=self.over is None)
        accepted(self.database.interrupt)
        if self.over is None:
            rows = self.execute(commands, distributable, self.result.stages)
        else:
            rows = self.steps.keep(self.over.rows)
            with self.ranged(commands[0], self.context(self.head)):
                for command, stage in zip(commands, self.result.stages, strict=True):
                    rows = self.step(self.head, command, rows, stage)
        self.result.columns = list(rows.columns)
        for row in tables.each(self.database, sql.export(rows)):
            self.result.rows.append({name: tables.single(cell) for name, cell in zip(rows.columns, row, strict=False)})
        return self.result

    def check(self, commands: Sequence[spl.Command], begins: bool = True) -> list[bool]:
        """Find mistakes before anything runs, as splunkd parses on the search head; return which are distributable.

        With `begins` the first command makes the first rows.
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
            alert=lambda *_: None,
            kvstore=self.instance.kvstore,
            access=self.instance.access,
        )
        with self.ranged(commands[0], checking):
            for first, command in zip([begins, *[False] * len(commands)], commands, strict=False):
                spec = COMMANDS.get(command.name)
                permit(checking, command, custom=not spec)
                kind = _Kind(spec.distributable, spec.generating) if spec else self.probe(command)
                if kind.generating != first and command.name != "search" and not (kind.generating and appends(command)):
                    where = "cannot be the first command" if first else "must be the first command"
                    raise spl.fail(f"'{command.name}' {where}; it stands", command.position)
                if spec:
                    spec.build(checking, command, NOTHING)
                flags.append(kind.distributable)
        return flags

    def check_subsearch(self, text: str, offset: int) -> sql.Relation:
        """Check a subsearch."""
        if offset not in self.checked:
            commands = spl.pipeline(text, offset)
            self.checked[offset] = commands, self.check(commands)
        return NOTHING

    def probe(self, command: spl.Command) -> _Kind:
        """Run a custom command's getinfo on the search head; an error of its own ends the search here."""
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
        with self.ranged(commands[0], self.context(self.head)):
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
            rows = self.steps.table(sql.union(parts, newest_first=True), *parts) if len(parts) > 1 else parts[0]
            for command, stage in steps[leading:]:
                rows = self.step(self.head, command, rows, stage)
        return rows

    def subsearch(self, text: str, offset: int) -> sql.Relation:
        """Run a subsearch, once."""
        if offset not in self.found:  # each indexer evaluates the expression that it stands in
            commands, distributable = self.checked[offset]
            stages = [Stage(command.name, command.text) for command in commands]
            self.found[offset] = self.execute(commands, distributable, stages)
        return self.found[offset]

    def check_pipe(self, text: str, offset: int, _: sql.Relation) -> sql.Relation:
        """Check the pipeline of a command that has one."""
        for command in spl.pipeline(f"|{text}", offset - 1):
            spec = COMMANDS.get(command.name)
            if not spec or spec.effect or (spec.generating and command.name != "search"):
                raise spl.fail(f"'{command.name}' is not supported within a pipeline in brackets", command.position)
            spec.build(self.checking, command, NOTHING)
        return NOTHING

    def pipe(self, text: str, offset: int, rows: sql.Relation) -> sql.Relation:
        """Run commands over rows, which stay."""
        with self.steps.lending(rows):
            for command in spl.pipeline(f"|{text}", offset - 1):
                rows = self.step(self.head, command, rows, Stage(command.name, command.text))
        return rows

    def places(self, first: spl.Command) -> list[Place]:
        """Return where a pipeline begins: on the indexers, or on the servers that makeresults names."""
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
        return sql.Relation(f"({' UNION ALL '.join(f'FROM {part.source}' for part in parts)})", parts[0].columns)

    def events(self, place: Place, first: spl.Command | None = None) -> sql.Relation:
        """Give the events of an indexer within the time range, for a search that begins with this command.

        A search that names no index means the default ones of the user's roles, else main.
        """
        kinds = {sql.field_name(name): kind for name, kind in tables.describe(self.database, "events").items()}
        kinds |= {"splunk_server": "VARCHAR"}
        columns = {name: sql.ident(name) for name in kinds} | {"splunk_server": sql.quote(place.server)}
        known, kinds["_indextime"] = columns.get("_indextime", "NULL"), "DOUBLE"
        columns["_indextime"] = f"coalesce({known}, floor(_time))"  # of events from before there was one
        del kinds["_indexer"], columns["_indexer"]
        where = f"WHERE _indexer = {place.indexer}{self.instance.not_yet(self.now)}"
        if first:
            columns |= (raw := windows_fields.columns(self.text, kinds))
            kinds |= dict.fromkeys(raw, "VARCHAR[]")
        where += f" AND _time >= {self.earliest!r}" if self.earliest is not None else ""
        where += f" AND _time < {self.latest!r}" if self.latest is not None else ""
        found = sql.Relation(f"({sql.query('events', columns, where, f', rowid AS {STORED}')})", kinds)
        return matching.permitted(found, first, self.context(place))

    def first(self, place: Place, command: spl.Command, stage: Stage, then: Sequence[spl.Command]) -> sql.Relation:
        """Run a pipeline's first command; one that reads events sees them as they are now, whatever is written.

        Of events only those fields are read that the commands `fields` right behind it keep, and no more than a `head`
        behind these does. They come with _indextime only in a search that names it (a choice of the sandbox).
        """
        if command.name not in ("search", "tstats"):
            return self.step(place, command, NOTHING, stage)
        with tables.transaction(self.database):
            if command.name == "tstats":
                return self.step(place, command, NOTHING, stage)
            found = self.events(place, command)
            wanted = [name for name in found.columns if name != "_indextime" or name in self.text]
            fields = list(itertools.takewhile(lambda one: one.name == "fields", then))
            for each in fields:
                wanted = kept_fields(each, wanted)
            behind = next(iter(then[len(fields) :]), None)
            most = f" LIMIT {limit(behind)}" if behind and behind.name == "head" else ""
            found = replace(found, wanted=frozenset(wanted))
            return self.present(self.step(place, command, found, stage, f"{NEWEST_FIRST}{most}"))

    def step(
        self, place: Place, command: spl.Command, rows: sql.Relation, stage: Stage, tail: str = ""
    ) -> sql.Relation:
        """Run one command in one place and count its rows; `tail` follows its query."""
        try:
            stage.rows_in += self.steps.size(rows)
            if spec := COMMANDS.get(command.name):
                context = self.context(place)
                built = spec.build(context, command, rows)
                if isinstance(built, sql.Beside):
                    done = self.steps.beside(rows, built)
                else:
                    done = self.steps.table(f"{built} {tail}", rows)
                if spec.effect:
                    spec.effect(context, command, done)
            else:
                done = self.external(place, command, rows)
            stage.rows_out += self.steps.size(done)
        except duckdb.Error as error:
            raise spl.fail(f"{failures.words(error)}: '{command.name}'", command.position) from error
        return done

    def context(self, place: Place) -> Context:
        """Return the context of a command that runs in a place."""
        return Context(
            place.server,
            place.apps / self.app,
            self.now,
            self.earliest,
            self.latest,
            subsearch=self.subsearch,
            events=self.all_events,
            fetch=lambda code: self.database.execute(code).fetchall(),
            keep=self.steps.keep,
            pipe=self.pipe,
            get=self.instance.get,
            index=self.instance.add_events,
            alert=functools.partial(self.instance.alert, self.head, self.app, self.owner),
            kvstore=self.instance.kvstore,
            access=self.instance.access,
        )

    def present(self, rows: sql.Relation) -> sql.Relation:
        """Leave out the fields that none of the rows has: an index knows no others."""
        code = sql.query(rows.source, {name: f"count({sql.ident(name)})" for name in rows.columns})
        counts = dict(zip(rows.columns, self.database.execute(code).fetchall()[0], strict=False))
        return replace(rows, columns={name: kind for name, kind in rows.columns.items() if counts[name]})

    def external(self, place: Place, command: spl.Command, rows: sql.Relation) -> sql.Relation:
        """Run a custom command over a table's rows, chunk by chunk."""
        rows = self.steps.whole(rows)
        with self.start(place, command) as process:
            process.getinfo(self.searchinfo(place, command))
            done = self.steps.keep(self.replies(process, rows))
            process.close()
        self.steps.drop(rows)
        self.result.messages += [(level, text, place.server) for level, text in process.messages]
        return done

    def replies(self, process: chunked.CommandProcess, rows: sql.Relation) -> Iterator[Row]:
        """Send the rows of a table, and yield those of the replies."""
        size = self.steps.size(rows)
        for start in range(0, max(size, 1), chunked.MAX_ROWS):
            end = start + chunked.MAX_ROWS
            code = sql.export(rows, f"WHERE rowid >= {start} AND rowid < {end} ORDER BY rowid")
            sent = tables.each(self.database, code) if size else []
            reply = process.execute([*rows.columns], sent, finished=end >= size)
            yield from (dict(zip(reply.columns, row, strict=True)) for row in reply.rows)

    def start(self, place: Place, command: spl.Command) -> chunked.CommandProcess:
        """Start the process of a custom command, from the apps that the place has."""
        folder = place.apps / self.app
        own = confs.load(folder, "commands")
        settings = own.get(command.name)
        if settings is None:
            raise spl.fail(unknown(command.name, [*COMMANDS, *own]), command.position)
        for key in settings.keys() - {"chunked", "filename", "python.version", "python.required", "is_risky"}:
            raise spl.fail(f"commands.conf has the unsupported setting '{key}' for '{command.name}'", command.position)
        script = folder / "bin" / settings.get("filename", f"{command.name}.py")
        if not confs.is_true(settings.get("chunked", "")) or not script.is_file():
            raise spl.fail(f"'{command.name}' is not chunked, or has no script '{script.name}'", command.position)
        place.dispatch.mkdir(parents=True, exist_ok=True)
        return chunked.CommandProcess(command.name, script, python=self.instance.python, home=place.home)

    def searchinfo(self, place: Place, command: spl.Command) -> dict[str, object]:
        """Return the searchinfo of getinfo, which describes the search to a custom command."""
        raw, args = chunked.arguments(command.text)
        here = self.instance if place is self.head else None  # a peer's command has no business with the REST API
        info: dict[str, object] = {"args": args, "raw_args": raw, "command": command.name, "app": self.app}
        info |= {"sid": place.sid, "dispatch_dir": str(place.dispatch), "owner": self.owner, "username": self.owner}
        info |= {"session_key": here.session_key if here else "", "splunkd_uri": here.splunkd_uri if here else ""}
        info |= {"earliest_time": str(self.earliest or 0), "latest_time": str(self.latest or 0)}
        info |= {"splunk_version": SPLUNK_VERSION, "search": urllib.parse.quote(self.text, safe="")}
        return info | {"maxresultrows": chunked.MAX_ROWS}

"""Rules over event files, before they are imported: what fires, by rule, and which would be noisy.

The packaged command runs as splunkd runs it, as a process that gets chunks of rows; nothing is written.
"""

from __future__ import annotations

import itertools
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from sandbox.errors import SandboxError
from sandbox.inputs import windows
from sandbox.inputs.intake import windows_row
from sandbox.inputs.windows.census import SHOWN, Census
from sandbox.search.chunked import CommandProcess, Reply, Value
from sandbox.store.archive import unpack
from sandbox.terminal import plain
from ssa.content import conf
from ssa.content import index as indexes
from ssa.content.datamodels import DATA_MODELS
from ssa.content.detection import CONF, Catalogue
from ssa.rows.event import columns_read
from tools.build import package
from tools.content.conf_text import ConfText
from tools.content.sigma.conversion import Converted

CHUNK = 5_000
"""Rows that the command gets at once."""

NOISY_HITS, NOISY_SHARE = 10, 1 / 1_000
"""A rule with more hits than these, and a greater share of all events, would be noisy."""

SEARCHINFO = {
    **dict.fromkeys(("app", "owner", "username", "session_key", "search", "splunkd_uri"), ""),
    **{"command": "ssadetect", "args": [], "raw_args": [], "dispatch_dir": "", "sid": "1.1", "maxresultrows": 50_000},
    **{"splunk_version": "9.4.0", "earliest_time": "0", "latest_time": "0"},
}


class TrialError(Exception):
    """Files or a command with which no trial can be made."""


@dataclass
class Fired:
    """What a rule found: how many hits, on which devices, of which users."""

    hits: int = 0
    devices: set[str] = field(default_factory=set)
    users: set[str] = field(default_factory=set)


@dataclass
class Trial:
    """What rules found, by detection, in so many events of files, of which `searched` are of their data model."""

    fired: dict[str, Fired] = field(default_factory=dict)
    events: int = 0
    searched: int = 0
    seconds: float = 0.0


def run(rules: Sequence[Converted], files: Sequence[Path]) -> str:
    """Run rules over event files, as `python -m tools replay` reads them; return the table. Raises TrialError."""
    plain_rules = [one for one in rules if not one.correlation]
    if not plain_rules:
        raise TrialError("there is no rule to try")
    started = time.monotonic()
    done = tried(plain_rules, files)
    done.seconds = time.monotonic() - started
    return table(done, plain_rules) + correlated(len(rules) - len(plain_rules))


def check(files: Sequence[Path]) -> None:
    """Raise TrialError for a path that is no file, before thousands of rules are read."""
    for path in files:
        if path.is_dir() or not path.exists():
            problem = "this is a folder: name the files in it" if path.is_dir() else "no such file"
            raise TrialError(plain(f"{path}: {problem}"))


def tried(rules: Sequence[Converted], files: Sequence[Path]) -> Trial:
    """Run rules over event files; raises TrialError."""
    try:
        with tempfile.TemporaryDirectory(prefix="sigma-") as folder:
            return over(install(rules, Path(folder)), rules, files)
    except (SandboxError, OSError) as error:
        raise TrialError(plain(str(error))) from error


def install(rules: Sequence[Converted], folder: Path) -> Path:
    """Put the packaged app into a folder, with these rules and no others; return where it is."""
    unpack(package.build(folder / "dist"), folder / "etc/apps")
    app = folder / "etc/apps/ssa_detections"
    text, entries = ConfText("[default]\ndisabled = 1\n"), ConfText("")
    for one in rules:
        text.put(one.name, {**one.settings, "disabled": "0"})
        if one.profile:
            entries.put(*indexes.entry(one.name, one.settings["search"], one.profile))
    (app / "local").mkdir()
    (app / f"local/{CONF}.conf").write_text(text.text, "utf-8")
    (app / f"local/{indexes.CONF}.conf").write_text(entries.text, "utf-8")
    return app


def over(app: Path, rules: Sequence[Converted], files: Sequence[Path]) -> Trial:
    """Run the app's command over files; raises SandboxError, OSError."""
    done = Trial()
    catalogue = Catalogue(conf.load(str(app), CONF).stanzas, indexes.Index(str(app)))
    detections = [catalogue.find(one.name) for one in rules]
    models = [DATA_MODELS[model].tags for model in {one.datamodel for one in detections}]
    read = columns_read(detections)
    rows = _rows(files, models, done)
    script = app / "bin/ssadetect.py"
    home = app.parents[2]
    with (
        CommandProcess("ssadetect", script, python=sys.executable, home=home, timeout=600) as command,
        ThreadPoolExecutor(1) as beside,
    ):
        command.getinfo(SEARCHINFO)
        waiting = None
        while chunk := [*itertools.islice(rows, CHUNK)]:  # the next is read while the command has the last
            columns = [*dict.fromkeys(name for row in chunk for name in row if read is None or name in read)]
            if waiting:
                _count(waiting.result(), done)
            table = [[row.get(name) for name in columns] for row in chunk]
            waiting = beside.submit(command.execute, columns, table, False)
        if waiting:
            _count(waiting.result(), done)
        _count(command.execute([], [], True), done)
        command.close()
        for level, text in command.messages:
            sys.stderr.write(plain(f"{level}: {text}") + "\n")
    return done


def _rows(files: Sequence[Path], models: Sequence[frozenset[str]], done: Trial) -> Iterator[Mapping[str, Value]]:
    """Yield the rows of the data models; count all events, and say what cannot be seen in a file."""
    for path in files:
        census = Census(path)
        for event in census.count(windows.read_events(path)):
            done.events += 1
            tags = {*event.tags}
            if any(model <= tags for model in models):
                done.searched += 1
                given = {name: value for name, value in windows_row(event).items() if not isinstance(value, float)}
                yield {**given, "_time": f"{event.time:.3f}"}
        for problem in census.problems(SHOWN):
            sys.stderr.write(plain(str(problem)) + "\n")


def _count(reply: Reply, done: Trial) -> None:
    at = {name: place for place, name in enumerate(reply.columns)}
    for row in reply.rows:
        fired = done.fired.setdefault(str(row[at["detection"]]), Fired())
        fired.hits += 1
        for name, seen in (("dest_device_id", fired.devices), ("dest_user_id", fired.users)):
            value = row[at[name]] if name in at else None
            seen.update(one.lower() for one in (value if isinstance(value, list) else [value]) if one)


def table(done: Trial, rules: Sequence[Converted]) -> str:
    """Write what fired, the loudest rule first, with its author as the rules' licence asks for."""
    by_name = {one.name: one for one in rules}
    lines = [("hits", "devices", "users", "of events", "", "rule")] if done.fired else []
    for name, fired in sorted(done.fired.items(), key=lambda item: (-item[1].hits, item[0])):
        share = fired.hits / done.searched
        noisy = "noisy" if fired.hits > NOISY_HITS and share > NOISY_SHARE else ""
        hits, devices, users = (f"{count:,}" for count in (fired.hits, len(fired.devices), len(fired.users)))
        one = by_name[name]
        what = f"{name} ({one.level}), by {one.settings['author']}"
        lines.append((hits, devices, users, f"{share:.2%}", noisy, what))
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    written = [
        "  ".join(cell.rjust(width) for cell, width in zip(line[:5], widths, strict=False)) + f"  {line[5]}"
        for line in lines
    ]
    total = sum(fired.hits for fired in done.fired.values())
    noisy_rules = sum(line[4] == "noisy" for line in lines)
    written.append(
        f"{done.events:,} events, {done.searched:,} of them new processes; {total:,} hits of {len(done.fired):,} of "
        f"{len(rules):,} rules, of which {noisy_rules:,} would be noisy, in {done.seconds:.1f} s"
    )
    return "".join(f"{line}\n" for line in written)


def correlated(count: int) -> str:
    """Write that correlation rules were not run."""
    return (
        f"{count:,} correlation rules were not tried: they need a search. The rules that they name were.\n"
        if count
        else ""
    )

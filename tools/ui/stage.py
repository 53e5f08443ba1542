"""A splunkd with the packaged app, over the demo events or over none, as `make demo` fills it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from rich.console import Console

from sandbox.demo import replay, report
from sandbox.errors import SandboxError
from sandbox.search.instance import Instance
from sandbox.splunkd import Splunkd
from tools import ROOT

EVENTS = sorted((ROOT / "sandbox/demo").glob("*.log"))
LATER = 60
"""Seconds from the last demo event to the moment at which the views are opened."""

EVERY = 300
"""Seconds before that moment in which the scheduler runs, too: what ships scheduled is due once in them."""


@contextmanager
def stage(
    home: Path,
    archive: Path,
    console: Console,
    events: list[Path] = EVENTS,
    *,
    every: bool = False,
    local: Path | None = None,
) -> Iterator[Splunkd]:
    """Run a splunkd in an empty folder, with the app of an archive and what follows from the events of files.

    Its clock goes on from a minute after the last event: "the last 24 hours" are those of the demo's day. `every` and
    `local` are as in replay.run. Raises SandboxError where nothing could be read, or anything failed on the way but
    for a file among others, which is reported.
    """
    with closing(Instance(home, app=replay.APP)) as instance, Splunkd(instance) as splunkd:
        replay.install(splunkd, archive, local)
        if events:
            done = replay.run(splunkd, events, False, console, every=every, local=local)
            if not done.events or (events == EVENTS and done.errors):
                raise SandboxError("; ".join(done.errors) or "no event is in these files")
            if events != EVENTS:
                report.write_page(done, console, dry_run=False)
            now = max(_last(instance, "wineventlog"), _last(instance, "risk")) + LATER
            if not done.errors:
                splunkd.scheduler.run(now - EVERY, now)
            splunkd.clock = _from(now)
        yield splunkd


def _last(instance: Instance, index: str) -> float:
    (row,) = instance.search(f"search index={index} | stats max(_time) as last").rows
    return float(str(row["last"] or 0))


def _from(now: float) -> Callable[[], float]:
    shift = now - time.time()
    return lambda: time.time() + shift

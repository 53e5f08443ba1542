"""A search job: a search in a thread of its own."""

from __future__ import annotations

import hashlib
import itertools
import threading
import time
from collections.abc import Callable
from pathlib import Path

import duckdb

from sandbox.errors import SandboxError
from sandbox.search.instance import Instance
from sandbox.search.server import Result
from sandbox.store import failures

Bounds = tuple[float | None, float | None]

_NUMBERS = itertools.count(1)


class Job:
    """A search of a user; `name` is the saved search's, if it is one.

    `acting` is the instance as its owner sees it, `now` and `bounds` are epoch s; `close` is called at its end.
    `settled` is set once it is checked, with `stop`, which ends it, or found wrong; `done` at its end.
    """

    def __init__(
        self,
        acting: Instance,
        owner: str,
        text: str,
        app: str,
        name: str,
        now: float,
        bounds: Bounds,
        close: Callable[[], object],
    ) -> None:
        self.acting, self.owner, self.text, self.app, self.name = acting, owner, text, app, name
        self.now, self.bounds, self.close = now, bounds, close
        code = hashlib.md5(name.encode(), usedforsecurity=False).hexdigest()[:16]
        what = f"RMD5{code}_at" if name else "search"
        self.sid = f"{owner}__{owner}__{app}__{what}_{time.time():.0f}_{next(_NUMBERS)}"
        self.result, self.error, self.seconds = Result(self.sid, Path()), "", 0.0
        self.stop: Callable[[], None] | None = None
        self.settled, self.done = threading.Event(), threading.Event()

    def run(self, then: Callable[[Job], None]) -> None:
        """Run the search, and what follows it."""
        started, (earliest, latest) = time.time(), self.bounds
        try:
            self.result = self.acting.search(
                self.text,
                earliest=earliest,
                latest=latest,
                app=self.app,
                owner=self.owner,
                now=self.now,
                sid=self.sid,
                accepted=self.accept,
            )
        except Exception as error:  # whatever it is: callers wait for the end
            self.error = failures.words(error) if isinstance(error, (SandboxError, duckdb.Error)) else repr(error)
        self.seconds = time.time() - started
        self.done.set()
        self.settled.set()
        if not self.error:
            then(self)
        self.close()

    def accept(self, stop: Callable[[], None]) -> None:
        """Note that the search is checked: an error before this is raised to the creator of the job."""
        self.stop = stop
        self.settled.set()

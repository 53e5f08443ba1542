"""A Splunk instance that runs searches: the entry to sandbox/search."""

import time
from collections.abc import Callable

from sandbox import confs
from sandbox.errors import SearchError
from sandbox.search.running import RunningSearch
from sandbox.search.server import DISPATCH, Result, Server


class Instance(Server):
    """A server on which searches run."""

    def saved_search(self, name: str, app: str = "") -> dict[str, str]:
        """Return a stanza of savedsearches.conf. Raises SearchError if there is none of that name."""
        try:
            return confs.load(self.apps / (app or self.app), "savedsearches")[name]
        except KeyError:
            raise SearchError(f"Unable to find saved search named '{name}'.") from None

    def search(
        self,
        spl: str,
        *,
        earliest: float | None = None,
        latest: float | None = None,
        app: str = "",
        owner: str = "admin",
        now: float | None = None,
        sid: str | None = None,
        accepted: Callable[[Callable[[], None]], None] = lambda stop: None,
        over: Result | None = None,
    ) -> Result:
        """Run a search and return all its results.

        `earliest` (inclusive) and `latest` (exclusive) are epoch seconds and limit the events, unless the search itself
        has time modifiers; `app` (the one that is installed) provides macros and commands; `now` is the time that the
        search believes it is, epoch s; `sid` its id, if not to be made up; `accepted` is called once the search is
        checked, before it runs, with a function that stops it; `over` are results that the commands work on, and that
        stay: so splunkd post-processes.
        Raises SearchError for anything wrong; a failure on an indexer begins with its name: `[indexer2]`.
        """
        if self.intake:
            self.intake()
        app = app or self.app
        if not (self.apps / app).is_dir():
            raise SearchError(f"The app '{app}' is not installed.")
        if confs.load(self.apps / app, "app").get("install", {}).get("state") == "disabled":
            raise SearchError(f"The app '{app}' is disabled: app.conf [install] state.")
        made = (f"{time.time():.0f}.{number}" for number in self._numbers)  # kept events may have been searched before
        sid = sid or next(each for each in made if not (self.home / DISPATCH / each).exists())
        now = time.time() if now is None else now
        return RunningSearch(self, sid, spl, app, owner, earliest, latest, now, over).run(accepted)

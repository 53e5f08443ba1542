"""The knowledge bundle: the part of an app that a search head sends to its indexers.

What does not travel is missing where the search command runs, so the sandbox leaves out what splunkd leaves out.
The rules are those of Splunk's own default distsearch.conf (read in 8.2.12: `[replicationSettings:refineConf]`,
`[replicationWhitelist]`, `[replicationBlacklist]`) and of "Modify the knowledge bundle" (Distributed Search manual).
Not copied from splunkd: it also strips *.meta of the stanzas of confs that do not travel.
"""

import itertools
import os
import shutil
import threading
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path

from sandbox import confs
from sandbox.store import bytecode
from sandbox.store.files import link

FOLDER = "var/run/searchpeers"  # in an indexer's home
Travelling = dict[Path, tuple[int, int, int]]  # path below the apps -> inode, size, time of change (ns)

# Note what is absent: savedsearches, macros (expanded before a search leaves the search head) and every custom conf.
DEFAULT_CONFS = (
    *("app", "authorize", "collections", "commands", "eventtypes", "fields", "segmenters", "literals"),
    *("lookups", "multikv", "props", "tags", "transforms", "transactiontypes"),
)


class Bundles:
    """The bundles of an instance's indexers, whose homes are `homes`. All copies of an instance share one of these."""

    def __init__(self, apps: Path, homes: Sequence[Path]) -> None:
        self.apps, self.homes = apps, homes
        self._lock = threading.Lock()
        self._replicated: Travelling = {}
        self._bundles: list[Path] = []
        self.close()  # what an earlier process left

    def current(self, python: str) -> list[Path]:
        """Return the apps folder of each bundle, for `python` to run; what has changed is replicated first."""
        with self._lock:
            found = travelling(self.apps)
            if found != self._replicated or not self._bundles:
                self._bundles = [replicate(self.apps, home, found) for home in self.homes]
                for apps in self._bundles:
                    bytecode.supply(apps, python)
                self._replicated = found
            return self._bundles

    def close(self) -> None:
        """Remove all bundles. Replaced ones stay until then: a search may run from them."""
        for home in self.homes:
            shutil.rmtree(home / FOLDER, ignore_errors=True)


def travelling(apps: Path) -> Travelling:
    """Return the replicated files of every app in `apps`. Raises SandboxError for a malformed distsearch.conf."""
    kinds = dict.fromkeys(DEFAULT_CONFS, True)
    names = confs.installed(apps)
    for app in names:  # splunkd merges the confs of all apps, so one app's setting holds for all
        for key, value in confs.load(apps / app, "distsearch").get("replicationSettings:refineConf", {}).items():
            kinds[key.removeprefix("replicate.")] = confs.is_true(value)
    kinds["server"] = False  # on the denylist, whatever an app sets
    conf_names = {f"{kind}.conf" for kind, travels in kinds.items() if travels}
    found: Travelling = {}
    for top, folders, files in itertools.chain.from_iterable(os.walk(apps / app) for app in names):
        folders[:] = [name for name in folders if name != "__pycache__"]
        for path in (Path(top, name) for name in files):
            place = path.relative_to(apps)
            if _travels(place.parts[1:], conf_names) and path.is_file():
                with suppress(FileNotFoundError):  # a lookup that is being replaced
                    known = path.stat()
                    found[place] = known.st_ino, known.st_size, known.st_mtime_ns
    return found


def replicate(apps: Path, target: Path, places: Iterable[Path] | None = None) -> Path:
    """Copy the replicated files of every app in `apps` into a new bundle below `target`, the home of one indexer.

    `places` are the paths of those files, where they are known. Code is linked, confs and lookups are copied, as they
    change in place. Returns the bundle's own apps folder, `<target>/var/run/searchpeers/searchhead-<epoch>/apps`.
    Raises SandboxError for a malformed distsearch.conf.
    """
    bundle = _new_folder(target / FOLDER)
    for place in travelling(apps) if places is None else places:
        (bundle / place).parent.mkdir(parents=True, exist_ok=True)
        with suppress(FileNotFoundError):  # it has gone since: the next search replicates again
            (link if place.parts[1] == "bin" else shutil.copy2)(apps / place, bundle / place)
    for app in confs.installed(apps):
        (bundle / app).mkdir(exist_ok=True)
    return bundle


def _travels(parts: tuple[str, ...], conf_names: set[str]) -> bool:
    """Whether a file of an app, given by the parts of its path inside the app, is replicated."""
    if not parts:
        return False
    if parts[0] in ("bin", "lookups"):
        return len(parts) > 1
    folder, name = parts if len(parts) == 2 else ("", "")  # the allowlist does not reach into default/data
    if folder == "metadata":
        return name.endswith(".meta")
    return folder in ("default", "local") and name in conf_names


def _new_folder(parent: Path) -> Path:
    epoch = int(time.time())
    while True:
        try:
            (parent / f"searchhead-{epoch}" / "apps").mkdir(parents=True)
        except FileExistsError:  # a search in the same second has that name already
            epoch += 1
        else:
            return parent / f"searchhead-{epoch}" / "apps"

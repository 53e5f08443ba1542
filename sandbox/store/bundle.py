"""The knowledge bundle: the part of an app that a search head sends to its indexers.

What does not travel is missing where the search command runs, so the sandbox leaves out what splunkd leaves out.
The rules are those of Splunk's own default distsearch.conf (read in 8.2.12: `[replicationSettings:refineConf]`,
`[replicationWhitelist]`, `[replicationBlacklist]`) and of "Modify the knowledge bundle" (Distributed Search manual).
Not copied from splunkd: it also strips *.meta of the stanzas of confs that do not travel.
"""

import shutil
import time
from pathlib import Path

from sandbox import confs

# Note what is absent: savedsearches, macros (expanded before a search leaves the search head) and every custom conf.
DEFAULT_CONFS = (
    *("app", "authorize", "collections", "commands", "eventtypes", "fields", "segmenters", "literals"),
    *("lookups", "multikv", "props", "tags", "transforms", "transactiontypes"),
)


def replicate(apps: Path, target: Path) -> Path:
    """Copy what travels of every app in `apps` into a new bundle below `target`, the home of one indexer.

    Returns the bundle's own apps folder, `<target>/var/run/searchpeers/searchhead-<epoch>/apps`.
    Raises SandboxError for a malformed distsearch.conf.
    """
    kinds = dict.fromkeys(DEFAULT_CONFS, True)
    folders = [app for app in sorted(apps.iterdir()) if app.is_dir()]
    for app in folders:  # splunkd merges the confs of all apps, so one app's setting holds for all
        for key, value in confs.load(app, "distsearch").get("replicationSettings:refineConf", {}).items():
            kinds[key.removeprefix("replicate.")] = confs.is_true(value)
    kinds["server"] = False  # on the denylist, whatever an app says
    names = {f"{kind}.conf" for kind, travels in kinds.items() if travels}
    bundle = _new_folder(target / "var/run/searchpeers")
    for app in folders:
        for file in app.rglob("*"):
            place = file.relative_to(apps)
            if file.is_file() and _travels(place.parts[1:], names):
                (bundle / place).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(file, bundle / place)
        (bundle / app.name).mkdir(exist_ok=True)
    return bundle


def _travels(parts: tuple[str, ...], conf_names: set[str]) -> bool:
    """Whether a file of an app, given by the parts of its path inside the app, is replicated."""
    if parts[0] in ("bin", "lookups"):
        return len(parts) > 1 and "__pycache__" not in parts
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

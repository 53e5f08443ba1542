"""The spool of splunkd: files in var/spool/splunk that batch inputs index and delete.

Source: inputs.conf.spec ("BATCH"), and the stanzas of Splunk's own default inputs.conf.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Collection
from pathlib import Path

from sandbox import confs
from sandbox.alerts import alert_actions
from sandbox.errors import SandboxError
from sandbox.inputs.intake import break_body
from sandbox.search.instance import Instance

FOLDER = "var/spool/splunk"
"""In an instance's home."""

SPLUNKS = {
    f"batch://$SPLUNK_HOME/{FOLDER}": {"move_policy": "sinkhole", "crcSalt": "<SOURCE>"},
    f"batch://$SPLUNK_HOME/{FOLDER}/...stash_new": {
        "move_policy": "sinkhole",
        "crcSalt": "<SOURCE>",
        "queue": "stashparsing",
        "sourcetype": "stash_new",
    },
}
"""Splunk's own batch inputs: the first takes every file."""

KNOWN = {
    "move_policy": ("sinkhole",),
    "crcSalt": ("<SOURCE>",),
    "queue": ("stashparsing", "parsingQueue"),
    "sourcetype": None,
}
"""The settings of a batch input that are modelled, and the values of each (None: any)."""

READ_OF_A_FILE = 256
"""Bytes at the beginning by which splunkd knows a file again (inputs.conf: initCrcLength)."""


class Spool:
    """The spool of an instance. `indexes` gives the names of the indexes that there are."""

    def __init__(self, instance: Instance, indexes: Callable[[], Collection[str]]) -> None:
        self.instance, self.indexes = instance, indexes
        self.folder = instance.home / FOLDER
        self.folder.mkdir(parents=True, exist_ok=True)
        self.lock, self.seen = threading.Lock(), set[tuple[Path, bytes]]()

    def read(self) -> None:
        """Index every file as it is at this moment, and delete it. Raises SandboxError for what is not modelled.

        splunkd waits until a file has not grown for 3 s (time_before_close). The sandbox does not, on purpose: who
        writes into the folder itself loses what is not there yet. A file whose path and beginning have been read
        before is thrown away, as crcSalt = <SOURCE> has it.
        """
        with self.lock:
            for path in self.files():
                settings = self.input(path)
                try:
                    content = path.read_bytes()
                    path.unlink()
                except FileNotFoundError:  # its folder was moved away meanwhile
                    continue
                known = (path, content[:READ_OF_A_FILE])
                if known not in self.seen:
                    self.seen.add(known)
                    self.index(path, content.decode("utf-8", "replace"), settings.get("sourcetype", ""))

    def files(self) -> list[Path]:
        """Return the files in the folder, in order; none where it is not there, or goes while it is looked through."""
        try:
            return sorted(path for path in self.folder.rglob("*") if path.is_file())
        except (FileNotFoundError, NotADirectoryError):
            return []

    def input(self, path: Path) -> dict[str, str]:
        """Return the settings of the batch input that takes a file: the one with the longest pattern."""
        inputs = dict(SPLUNKS)
        for app in confs.installed(self.instance.apps):
            inputs |= confs.load(self.instance.apps / app, "inputs")
        found = {name: settings for name, settings in inputs.items() if self.takes(name, path)}
        stanza = max(found, key=len)
        for key, value in found[stanza].items():
            if key not in KNOWN or value not in (KNOWN[key] or [value]):
                raise SandboxError(f"inputs.conf [{stanza}]: {key} = {value} is not supported by the sandbox")
        return found[stanza]

    def takes(self, stanza: str, path: Path) -> bool:
        """Whether an input reads a file: `...` is any characters, `*` those of one name. No path here has `\\`."""
        kind, _, pattern = stanza.partition("://")
        pattern = pattern.replace("$SPLUNK_HOME", str(self.instance.home))
        parts = {"...": ".*", "*": "[^/]*"}
        regex = "".join(parts.get(part, re.escape(part)) for part in re.split(r"(\.\.\.|\*)", pattern))
        return kind == "batch" and re.fullmatch(rf"{regex}(/.*)?", str(path), re.DOTALL) is not None

    def index(self, path: Path, body: str, sourcetype: str) -> None:
        """Index the events of a file; those of an index that is not there are dropped, with a warning."""
        meta = {"host": "search_head", "source": str(path), "sourcetype": sourcetype}
        events, there = break_body(self.instance, body, "main", meta), self.indexes()
        self.instance.add_events(event for event in events if event["index"] in there)
        for event in [event for event in events if event["index"] not in there][:1]:
            told = " ".join(f'{name}="{name}::{event[name]}"' for name in ("source", "host", "sourcetype"))
            text = f"Received event for unconfigured/disabled/deleted index={event['index']} with {told}."
            alert_actions.log(self.instance, "IndexerService", [("WARN", text)])

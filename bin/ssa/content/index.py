"""ssa_detection_index.conf: profiles of searches, so that a search command need not compile what no row may match.

A stanza is called by the key of a search: a hash of its text and of the engine that profiled it (ENGINE). So an edited
search, one of another version of the app, and one of another detection have other keys, and find no entry: their
profile is computed, as if there were no index. Whatever else a stanza of ssa_detections.conf sets is read from there.

What is trusted: an entry with the right key and a check that agrees with its profile. The check is a hash without a
secret: it finds what was cut off, mixed up or half written. It does not stop anybody who may write confs of this app,
who may switch detections off as well.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from functools import cached_property

from . import conf
from .engine import ENGINE
from .profile import Profile, ProfileError

Show = Callable[[str], None]
"""Shows the user a text, or writes it to a log."""

CONF = "ssa_detection_index"

FEW = 20
"""How many detections without an entry are worth a line in the log, and no message: those that users write by hand."""

COMMAND = "python -m tools index"
"""Writes the index of an app's local folder, in a checkout of this version."""


def key_of(search: str, engine: str = ENGINE) -> str:
    """Return the key of a search's text, and with it the name of its stanza."""
    return _hash(engine, search)


def entry(name: str, search: str, profile: Profile, engine: str = ENGINE) -> tuple[str, dict[str, str]]:
    """Return the stanza of the search of a detection with this name, and its settings."""
    key, written = key_of(search, engine), profile.written
    return key, {"detection": name, "profile": written, "check": _hash(key, written)}


class Index:
    """Entries of an index. What of them is missing, or damaged, is counted, for one message."""

    def __init__(self, app: str, layers: Iterable[str] = ()) -> None:
        """Stand for the index of an app folder, by default all its layers: read when the first entry is looked for."""
        self._app, self._layers = app, layers
        self._missing = 0
        self._damaged: list[str] = []

    @cached_property
    def _entries(self) -> dict[str, conf.Stanza]:
        entries: dict[str, conf.Stanza] = {}
        for layer in self._layers or conf.LAYERS:
            path = os.path.join(self._app, layer, CONF + ".conf")
            if os.path.isfile(path):
                try:
                    entries.update(conf.merge([path]))
                except conf.ConfError as error:
                    self._damaged.append(str(error))
        return entries

    def find(self, search: str) -> Profile | None:
        """Return the profile of a search; None where no entry of it can be trusted."""
        key = key_of(search)
        stanza = self._entries.get(key)
        if stanza is None:
            self._missing += 1
            return None
        try:
            profile, check = stanza["profile"].value, stanza["check"].value
            if check == _hash(key, profile):
                return Profile.read(profile)
            problem = "its check does not agree with its profile"
        except KeyError as error:
            problem = f"it has no {error}"
        except ProfileError as error:
            problem = str(error)
        self._damaged.append(f"{stanza.place}: {problem}")
        return None

    def report(self, warn: Show, inform: Show, log: Show) -> None:
        """Report what could not be used: damaged entries in a warning, missing ones in a remark, few in the log."""
        if self._damaged:
            count = len(self._damaged)
            have = "entry is" if count == 1 else "entries are"
            warn(
                f"{count:,} {have} passed over in {CONF}.conf, which costs time and no hit: {self._damaged[0]}. "
                f"`{COMMAND}` writes {'it' if count == 1 else 'them'} anew"
            )
        if self._missing:
            detections = "1 detection has" if self._missing == 1 else f"{self._missing:,} detections have"
            (inform if self._missing > FEW else log)(
                f"{detections} no entry of this version in {CONF}.conf and had to be analysed, "
                f"about 10 ms each, as at every search on every indexer: `{COMMAND}` writes the index"
            )


def _hash(*texts: str) -> str:
    from _blake2 import blake2b  # hashlib loads OpenSSL, which takes a tenth of the time until the search starts

    return blake2b("\0".join(texts).encode("utf-8", "surrogatepass"), digest_size=20).hexdigest()

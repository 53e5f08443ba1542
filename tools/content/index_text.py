"""The index of an app's own detections, as a text: see ssa/content/index.py."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from ssa.content import conf
from ssa.content.detection import Catalogue, DetectionError
from ssa.content.index import Index, entry
from ssa.content.profile import Profile
from tools.content.conf_text import ConfText

HEADER = """\
# What is known of each search before any event, so that a search need not compile what no row may match. Written by
# `python -m tools index`, and by the tools that write detections: an entry counts for the text that it was made of.
"""

NOTHING: Mapping[str, Profile] = MappingProxyType({})


class KnownIndex(Index):
    """The index of an app folder, and `known`: profiles of other searches, by their texts."""

    def __init__(self, app: Path, known: Mapping[str, Profile]) -> None:
        super().__init__(str(app))
        self._known = known

    def find(self, search: str) -> Profile | None:
        """Return the profile of a search; None where none is known."""
        return self._known.get(search) or super().find(search)


def index_text(app: Path, stanzas: Mapping[str, conf.Stanza], known: Mapping[str, Profile] = NOTHING) -> str:
    """Return local/ssa_detection_index.conf of an app, whose detections are these: empty where default/ has them all.

    A stanza that is no detection has no entry. `known` has profiles by the texts of searches.
    """
    index, shipped = KnownIndex(app, known), Index(str(app), ("default",))
    catalogue = Catalogue(stanzas, index)
    text = ConfText(HEADER)
    some = False
    for name in catalogue.names:
        try:
            detection = catalogue.find(name)
        except DetectionError:
            continue
        if shipped.find(detection.search) is None:
            text.put(*entry(detection.name, detection.search, detection.profile))
            some = True
    return text.text if some else ""

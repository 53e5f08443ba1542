"""The index of an app's own detections, as a text: see ssa/content/index.py."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from ssa.content import conf
from ssa.content.detection import Catalogue, DetectionError
from ssa.content.index import Index, entry
from tools.content.conf_text import ConfText

HEADER = """\
# What is known of each search before any event, so that a search need not compile what no row may match. Written by
# `python -m tools index`, and by the tools that write detections: an entry counts for the text that it was made of.
"""


def index_text(app: Path, stanzas: Mapping[str, conf.Stanza]) -> str:
    """Return local/ssa_detection_index.conf of an app, whose detections are these: empty where default/ has them all.

    A stanza that is no detection has no entry.
    """
    index, shipped = Index(str(app)), Index(str(app), ("default",))
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

"""The confs that are generated from ssa_detections.conf: saved searches, macros and stories.

The given detection has its own by hand, but for the macros; a test holds those to the same facts.
"""

from __future__ import annotations

import json

from ssa.content.detection import Catalogue, Detection
from ssa.rows.event import columns_read
from tools.content import pushdown
from tools.content.importer.editing import ConfText
from tools.content.importer.published import Published, json_text
from tools.content.importer.stanzas import Settings, macro, search_settings, story_search_settings
from tools.docs import pages

DATA_SOURCES = ("Windows Event Log Security 4688", "Sysmon EventID 1")
ROW_ALONE = {"tag", "_datamodels", "event_id", "dest_device_id", "dest_user_id", "_time"}
"""Columns that a row of the data model may lack: they are found otherwise."""

ONLY_RAW = ("action.correlationsearch", "action.risk", "action.notable")
"""What the search over events alone has: Enterprise Security lists a detection once."""

ACCELERATED = (
    'The same detection as the search without "Accelerated", read from the accelerated Endpoint data model: far faster '
    "over many events. It finds the same events, with the same event_id. It needs Splunk_SA_CIM, with its data model "
    "Endpoint accelerated. Schedule one of the two searches, not both."
)


def ours(catalogue: Catalogue) -> list[Detection]:
    """Return the detections that we wrote: all but the given one, which stands first."""
    return [catalogue.find(name) for name in catalogue.names[1:]]


def is_accelerated(detection: Detection) -> bool:
    """Tell whether the data model, as ssa_tstats_by reads it, has every column that a detection and its risk need."""
    read = columns_read([detection])
    computed = detection.needs - (detection.plan.input_fields or frozenset())
    return read is not None and read - ROW_ALONE - computed <= set(pushdown.DATA_MODEL)


def macros(text: str) -> str:
    """Return the text of macros.conf with the macros of every detection, and what keeps events away from it."""
    edited, catalogue = ConfText(text), pages.shipped()
    for detection in map(catalogue.find, catalogue.names):
        stem = pages.slug(detection.name)
        edited.put(f"{stem}_prefilter", macro(pushdown.prefilter(detection)))
        if is_accelerated(detection):
            edited.put(f"{stem}_tstats_where", macro(pushdown.tstats_where(detection)))
        if not edited.stanza(f"{stem}_filter"):
            edited.put(f"{stem}_filter", macro("search *"))
    return edited.text


def saved_searches(text: str) -> str:
    """Return the text of savedsearches.conf with the searches of our detections."""
    edited = ConfText(text)
    for detection in ours(pages.shipped()):
        raw = {**search_settings(detection, _published(detection)), "disabled": "1"}
        if detection.dynamic_score:
            # The action gets a limited number of results: those without risk come last.
            raw["search"] = raw["search"].replace("| addinfo |", "| sort 0 - risk_score | addinfo |")
        edited.put(pages.saved_search(detection), raw)
        if is_accelerated(detection):
            edited.put(f"SSA - {detection.name} - Accelerated - Rule", _accelerated(detection, raw))
    return edited.text


def _accelerated(detection: Detection, raw: Settings) -> Settings:
    own = {key: value for key, value in raw.items() if not key.startswith(ONLY_RAW)}
    stem, command = pages.slug(detection.name), raw["search"][raw["search"].index("| ssadetect") :]
    rows = f"| `ssa_tstats` where `{stem}_tstats_where` `ssa_tstats_by` | `ssa_tstats_rows`"
    return {**own, "description": ACCELERATED, "search": f"{rows} {command}"}


def stories(text: str) -> str:
    """Return the text of analyticstories.conf with our detections, and the stories that they belong to."""
    edited, catalogue = ConfText(text), pages.shipped()
    for detection in ours(catalogue):
        name = f"savedsearch://{pages.saved_search(detection)}"
        edited.put(name, story_search_settings(detection, _published(detection)))
    every = [catalogue.find(name) for name in catalogue.names]
    for story in dict.fromkeys(story for detection in every for story in detection.analytic_story):
        members = [detection for detection in every if story in detection.analytic_story]
        references = dict.fromkeys(address for detection in members for address in detection.references)
        edited.put(
            f"analytic_story://{story}",
            {
                "last_updated": max(detection.date for detection in members),
                "references": json_text([*references]),
                "searches": json.dumps([pages.saved_search(detection) for detection in members]),
            },
        )
    return edited.text


def _published(detection: Detection) -> Published:
    return Published(
        file="",
        name=detection.name,
        settings={},
        datamodels=(detection.datamodel,),
        data_source=DATA_SOURCES,
        asset_type="Endpoint",
        deprecated=False,
        notes=(),
    )

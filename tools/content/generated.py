"""The stanzas that are generated for the shipped detections and data models: saved searches, macros and stories.

A generated stanza stands directly below a comment with the mark, a stanza without it is written by hand. Generated ones
follow those written by hand, in the order of ssa_detections.conf; one that is no longer generated goes away.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from ssa.content import index
from ssa.content.datamodels import DATA_MODELS, NO_MODEL, PROCESSES, DataModel
from ssa.content.detection import Detection
from ssa.rows.event import columns_read
from tools.content import engine, pushdown, stanzas
from tools.content.conf_text import ConfText
from tools.content.stanzas import Metadata, Settings, json_text, macro
from tools.docs import pages
from tools.marks import MARK, mark

DETECTIONS, TABLE = pages.SOURCE, "bin/ssa/content/datamodels.py"
"""What stanzas are generated from."""

ENABLED = frozenset({pages.GIVEN})
"""Detections whose searches ship enabled. Those of the others ship disabled; none is scheduled."""

DATA_SOURCES = {
    PROCESSES.name: ("Windows Event Log Security 4688", "Sysmon EventID 1"),
    "Network_Traffic": ("Sysmon EventID 3",),
    "Network_Resolution": ("Sysmon EventID 22",),
}
"""Data model -> the data sources that the app was tested with, in the words of Enterprise Security."""

STORIES = {
    "Windows System Binary Proxy Execution MSIExec": {
        "description": "Detections of adversaries who run code through msiexec.exe, the signed installer of Windows.",
        "narrative": "msiexec.exe installs, modifies and removes Windows Installer packages. It is signed by Microsoft "
        "and found on every Windows system, so adversaries use it to run a package or a DLL of their own: with /y it "
        "loads a DLL and calls its DllRegisterServer export. Such a process looks like an installation, passes many "
        "application control policies, and may fetch its payload over the network.",
    },
}
"""Analytic story -> its own texts; a story that is not here has those of an imported one."""

ROW_ALONE = frozenset({"tag", "_datamodels", "event_id", "dest_device_id", "dest_user_id", "_time"})
"""Columns that a row of the data model may lack: they are found otherwise."""

ONLY_RAW = ("action.correlationsearch", "action.risk", "action.notable")
"""What the search over events alone has: Enterprise Security lists a detection once."""

ACCELERATED = (
    'The same detection as the search without "Accelerated", read from the accelerated Endpoint data model: far faster '
    "over many events. It finds the same events, with the same event_id. It needs Splunk_SA_CIM, with its data model "
    "Endpoint accelerated. Schedule one of the two searches, not both."
)


BASE_COMMENT = (
    "Which events are searched as {model.name}: CIM takes the same tags. Narrow the indexes here, in\n"
    "local/macros.conf, and every search of this app follows."
)
WHERE_COMMENT = "The same for the accelerated search, in the names of the data model."
"""Comments above the base macro of a data model, and above what a detection requires of its dataset."""


class Stanza(NamedTuple):
    """A generated stanza; `source` is what it is generated from, `comment` what stands below its mark."""

    name: str
    settings: Settings
    source: str = DETECTIONS
    comment: str = ""


class OverwriteError(Exception):
    """A stanza that is written by hand and would be generated too; the message names it, and what to do."""


def rewritten(text: str, path: str, generated: Iterable[Stanza]) -> str:
    """Return a conf's text with these generated stanzas and no others; raises OverwriteError. `path` is for messages.

    What is written by hand stays as it is.
    """
    edited = ConfText(text)
    edited.remove_marked(MARK)
    for stanza in generated:
        if edited.stanza(stanza.name):
            raise OverwriteError(
                f"{path}: [{stanza.name}] is to be generated from {stanza.source}, but no comment directly above it "
                f'has the mark "{mark(stanza.source)}", so it is written by hand: remove it, or rename it to keep it'
            )
        edited.put(stanza.name, stanza.settings, "\n".join(filter(None, (mark(stanza.source), stanza.comment))))
    return edited.text


def is_accelerated(detection: Detection) -> bool:
    """Return whether the dataset of its data model has every column that a detection and its risk need."""
    model, read = _model(detection), columns_read([detection])
    computed = detection.needs - (detection.plan.input_fields or frozenset())
    return bool(model.tstats) and read is not None and read - ROW_ALONE - computed <= {*pushdown.dataset_columns(model)}


def _model(detection: Detection) -> DataModel:
    return DATA_MODELS.get(detection.datamodel, NO_MODEL)


def macros() -> Iterator[Stanza]:
    """Yield the macros of the data models, and of every detection."""
    for model in DATA_MODELS.values():
        if model.ships:
            yield Stanza(model.macro, macro(model.terms), TABLE, BASE_COMMENT.format(model=model))
        if model.tstats:
            yield from _tstats_macros(model)
    for detection in pages.detections():
        stem = pages.slug(detection.name)
        yield Stanza(f"{stem}_prefilter", macro(pushdown.prefilter(detection)), comment=stanzas.PREFILTER_COMMENT)
        if is_accelerated(detection):
            definition = pushdown.tstats_where(detection, _model(detection))
            yield Stanza(f"{stem}_tstats_where", macro(definition), comment=WHERE_COMMENT)
        yield Stanza(f"{stem}_filter", macro("search *"), comment=f"{stanzas.FILTER_COMMENT} `search *` keeps all.")


def _tstats_macros(model: DataModel) -> Iterator[Stanza]:
    """Yield the macros by which accelerated searches read a data model, in the order of their use."""
    yield Stanza(
        model.tstats,
        macro(
            'tstats summariesonly=false allow_old_summaries=true fillnull_value="unknown" '
            f"count from datamodel={model.dataset}"
        ),
        TABLE,
        "How the accelerated searches read this data model of CIM. summariesonly=true is faster still, and misses\n"
        "what is not summarized yet. Without fillnull_value an event that lacks one of the fields would not be seen.",
    )
    yield Stanza(
        f"{model.tstats}_by",
        macro(f"by {' '.join(pushdown.dataset_columns(model).values())} _time span=1s"),
        TABLE,
        "What the accelerated searches group by: the columns that identify an event for ssadetect, and those that its\n"
        "readers want to see.",
    )
    known = ", ".join(f'{name}=nullif({name}, "unknown")' for name in model.columns)
    yield Stanza(
        f"{model.tstats}_rows",
        macro(f"rename {model.prefix}* as * | eval {known} | fields - count"),
        TABLE,
        'The rows of the data model as those of events: what is missing is "unknown" there, and a detection must not\n'
        "take that for a value.",
    )


def saved_searches() -> Iterator[Stanza]:
    """Yield the searches of every detection: over events, and where it can be over the accelerated data model."""
    for detection in pages.detections():
        disabled = str(int(detection.name not in ENABLED))
        raw = {**stanzas.search_settings(detection, _metadata(detection)), "disabled": disabled}
        yield Stanza(pages.saved_search(detection), raw)
        if is_accelerated(detection):
            yield Stanza(f"SSA - {detection.name} - Accelerated - Rule", _accelerated(detection, raw))


def _accelerated(detection: Detection, raw: Settings) -> Settings:
    own = {key: value for key, value in raw.items() if not key.startswith(ONLY_RAW)}
    stem, tstats = pages.slug(detection.name), _model(detection).tstats
    rows = f"| `{tstats}` where `{stem}_tstats_where` `ssa_due(summary)` `{tstats}_by` | `{tstats}_rows`"
    return {**own, "description": ACCELERATED, "search": f"{rows} {stanzas.detect_commands(detection)}"}


def stories() -> Iterator[Stanza]:
    """Yield what analyticstories.conf has of every detection, and the stories that they belong to."""
    every = pages.detections()
    for detection in every:
        name = f"savedsearch://{pages.saved_search(detection)}"
        yield Stanza(name, stanzas.story_search_settings(detection, _metadata(detection)))
    for story in dict.fromkeys(story for detection in every for story in detection.analytic_story):
        members = [detection for detection in every if story in detection.analytic_story]
        references = dict.fromkeys(address for detection in members for address in detection.references)
        settings = {
            **stanzas.story_settings(story, max(members, key=lambda detection: detection.date)),
            **STORIES.get(story, {}),
            "references": json_text([*references]),
            "searches": json_text([pages.saved_search(detection) for detection in members]),
        }
        yield Stanza(f"analytic_story://{story}", settings)


def index_entries() -> Iterator[Stanza]:
    """Yield the entries of the index, by the engine as it is now: see ssa/content/index.py."""
    version = engine.version()
    for detection in pages.detections():
        yield Stanza(*index.entry(detection.name, detection.search, detection.profile, version))


def _metadata(detection: Detection) -> Metadata:
    return Metadata((detection.datamodel,), DATA_SOURCES.get(detection.datamodel, ()))

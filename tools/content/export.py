"""Write detections as a content pack for contentctl: YAML of detections, their stories, macros and data sources.

The searches are those that the app ships, so they need the app where they run: its command, and its conf of detections.
A story, macro or data source that the folder has already stays as it is. `contentctl init` makes such a folder, and
contentctl 5 builds it; contentctl-ng, which builds ESCU 6, has its settings in build.yml and other names for risk.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple
from uuid import NAMESPACE_URL, uuid5

import yaml

from ssa.action import risk
from ssa.content import conf
from ssa.content.datamodels import PROCESSES, security_domain
from ssa.content.detection import Catalogue, Detection, DetectionError
from tools import ROOT
from tools.content import contentctl_ng
from tools.content.generated import DATA_SOURCES
from tools.docs import pages

Yaml = dict[str, Any]

PRODUCTS = ["Splunk Enterprise", "Splunk Enterprise Security", "Splunk Cloud"]
"""Those that contentctl knows and that the app runs on."""

OURS = "https://github.com/splunk/contentctl#ssa_detections/"
"""What the ids of stories and data sources are made of, with their names: they have none in the confs."""

NEEDS_APP = "It needs the app SSA Detections on the search head: its command ssadetect, and its ssa_detections.conf. "

OF_THE_APP = re.compile(r" `ssa_due\(\w+\)`|`ssa_(?:usual|allow_list)` \| ")
"""What stays behind. By the one a search finds late events, and finds some again: a pack's schedule is its own, and
Enterprise Security's actions have no ledger. The other reads a lookup of the app: a pack has its own filter macros."""

UNTESTED = "No public dataset is known: the events of the app's own tests stand in for one."


LABELS = {"contentctl": ("contentctl.yml", "app", "label"), "contentctl-ng": ("build.yml", "content_prefix")}
"""Format -> the file of a pack's settings, and where in it stands the label that begins the names of its searches."""

LABEL = "ESCU"
"""The label that is assumed where a folder has no such file."""

LONGEST = 81
"""Characters of a search's name, label included, that both build: Enterprise Security adds up to 18 to that of a clone,
and takes 99 (contentctl 5.6.2, objects/constants.py; contentctl-ng 1.1.1, objects/searches/search.py)."""

DATE, AUTHOR = "2026-11-22", "SSA Detections maintainers"
"""Of data sources and macros."""


class Source(NamedTuple):
    """A data source as contentctl describes one: where its events stand in Splunk, and what distinguishes them."""

    what: str
    source: str
    separator: str
    add_on: str
    url: str
    version: str
    fields: tuple[str, ...]


_SYSMON = ("XmlWinEventLog:Microsoft-Windows-Sysmon/Operational", "EventID", "Splunk Add-on for Sysmon")
_SYSMON_URL = "https://splunkbase.splunk.com/app/5709/"
SOURCES = {
    "Sysmon EventID 1": Source(
        "Process creation",
        *_SYSMON,
        _SYSMON_URL,
        "4.0.0",
        ("CommandLine", "Image", "OriginalFileName", "ParentCommandLine", "ParentImage", "ProcessId", "User"),
    ),
    "Sysmon EventID 3": Source(
        "Network connection",
        *_SYSMON,
        _SYSMON_URL,
        "5.0.1",
        ("DestinationHostname", "DestinationIp", "DestinationPort", "Image", "Initiated", "ProcessId", "User"),
    ),
    "Sysmon EventID 22": Source(
        "Name query", *_SYSMON, _SYSMON_URL, "5.0.1", ("Image", "ProcessId", "QueryName", "QueryResults", "QueryStatus")
    ),
    "Windows Event Log Security 4688": Source(
        "Process creation",
        "XmlWinEventLog:Security",
        "EventCode",
        "Splunk Add-on for Microsoft Windows",
        "https://splunkbase.splunk.com/app/742/",
        "8.8.0",
        ("CommandLine", "NewProcessId", "NewProcessName", "ParentProcessName", "SubjectUserName", "TargetUserName"),
    ),
}


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("folder", type=Path, help="the root of a content pack; made if it is missing")
    parser.add_argument("names", nargs="*", metavar="NAME", help="names or ids of detections (default: all)")
    parser.add_argument("--format", choices=LABELS, help="default: contentctl-ng where the folder has a build.yml")
    parser.add_argument("--app", type=Path, default=ROOT, help="the app's folder (default: this repository)")


def run(options: argparse.Namespace) -> int:
    """Write the files; return the exit code."""
    form = options.format or (
        "contentctl-ng" if (options.folder / LABELS["contentctl-ng"][0]).is_file() else "contentctl"
    )
    try:
        catalogue = Catalogue.of_app(str(options.app))
        chosen = [catalogue.find(name) for name in options.names or catalogue.names]
        files = dict(pack(chosen, Confs(options.app), form))
    except (conf.ConfError, DetectionError, KeyError) as error:
        sys.stderr.write(f"cannot export: {error}\n")
        return 1
    for path, content in files.items():
        target = options.folder / path
        if target.exists() and not path.startswith("detections/"):
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=120), encoding="utf-8")
        sys.stdout.write(f"{target}\n")
    start = label(options.folder, form)
    for detection in chosen:
        name = f"{start} - {detection.name} - Rule"
        if len(name) > LONGEST:
            sys.stderr.write(
                f'"{name}" has {len(name)} characters, and {form} builds at most {LONGEST}: shorten the label '
                f"{start!r} ({' > '.join(LABELS[form])}) by {len(name) - LONGEST}, or leave this detection out\n"
            )
    return 0


def label(folder: Path, form: str) -> str:
    """Return with what the names of a pack's searches begin."""
    file, *keys = LABELS[form]
    try:
        found = yaml.safe_load((folder / file).read_text("utf-8"))
        for key in keys:
            found = found[key]
    except (OSError, ValueError, TypeError, LookupError, yaml.YAMLError):
        return LABEL
    return str(found)


class Confs:
    """The confs that the detections need: their searches, macros and stories."""

    def __init__(self, app: Path) -> None:
        self.searches, self.macros, self.stories = (
            conf.load(str(app), name).stanzas for name in ("savedsearches", "macros", "analyticstories")
        )


def pack(detections: list[Detection], confs: Confs, form: str) -> Iterator[tuple[str, Yaml]]:
    """Yield path -> content of each file; raises KeyError for a detection without its saved search, macros or story."""
    used: dict[str, None] = {}
    others: dict[str, Yaml] = {}
    for detection in detections:
        stem = pages.slug(detection.name)
        saved = confs.searches[pages.saved_search(detection)]
        document = exported(detection, saved)
        used.update((name, None) for name in document["search"].split("`")[1::2] if name != f"{stem}_filter")
        if form == "contentctl-ng":
            document = contentctl_ng.detection(document, detection, {key: one.value for key, one in saved.items()})
        yield f"detections/endpoint/{stem}.yml", document
    for name in used:
        settings = {"definition": confs.macros[name]["definition"].value, "description": "Of the app SSA Detections."}
        others[f"macros/{name}.yml"] = {"name": name, **settings}
    for name in dict.fromkeys(story for detection in detections for story in detection.analytic_story):
        others[f"stories/{pages.slug(name)}.yml"] = story(name, confs.stories[f"analytic_story://{name}"])
    for name in dict.fromkeys(name for detection in detections for name in data_sources(detection)):
        others[f"data_sources/{pages.slug(name)}.yml"] = data_source(name)
    for path, document in others.items():
        own = {} if "id" in document else contentctl_ng.identity(OURS, document["name"], DATE, AUTHOR)
        yield path, contentctl_ng.content(document, own) if form == "contentctl-ng" else document


def exported(detection: Detection, saved: conf.Stanza) -> Yaml:
    """Return a detection as contentctl reads it. With dynamic_score its score here is the most that a hit can have."""
    victims = [o.name for o in detection.observables if o.role == "Victim"]
    tags: Yaml = {
        "analytic_story": [*detection.analytic_story],
        "asset_type": "Endpoint",
        "mitre_attack_id": [*detection.mitre_attack_id],
        "product": PRODUCTS,
        "security_domain": security_domain(detection.datamodel),
    }
    content: Yaml = {
        "name": detection.name,
        "id": detection.id,
        "version": int(detection.version),
        "date": detection.date,
        "author": detection.author,
        "status": "production" if detection.dataset else "experimental",
        "type": detection.type,
        "description": detection.description,
        "data_source": data_sources(detection),
        "search": OF_THE_APP.sub("", saved["search"].value),
        "how_to_implement": NEEDS_APP + detection.how_to_implement,
        "known_false_positives": detection.known_false_positives,
        "references": [*detection.references],
        "drilldown_searches": _drilldowns(victims),
        "rba": _rba(detection),
        "tags": tags if detection.dataset else {**tags, "manual_test": UNTESTED},
    }
    if detection.dataset:
        source = SOURCES["Windows Event Log Security 4688" if "4688" in detection.dataset else "Sysmon EventID 1"]
        data = {"data": detection.dataset, "source": source.source, "sourcetype": "XmlWinEventLog"}
        content["tests"] = [{"name": "True Positive Test", "attack_data": [data]}]
    return content


def _rba(detection: Detection) -> Yaml:
    score = max(1, round(detection.risk_score))
    victims = [o for o in detection.observables if o.role == "Victim"]
    others = [o for o in detection.observables if o.role != "Victim"]
    return {
        "message": detection.message,
        "risk_objects": [
            {"field": o.name, "type": risk.OBJECT_TYPES.get(o.type, "other"), "score": score} for o in victims
        ],
        "threat_objects": [{"field": o.name, "type": risk.threat_object_type(o)} for o in others],
    }


def _drilldowns(victims: list[str]) -> list[Yaml]:
    named, times = " and ".join(f"${name}$" for name in victims), ("$info_min_time$", "$info_max_time$")
    conditions = " ".join(f'{name} = "${name}$"' for name in victims)
    objects = ", ".join(f'"${name}$"' for name in victims)
    searches = {
        f"View the detection results for {named}": f"%original_detection_search% | search {conditions}",
        f"View risk events for {named}": f"index=risk risk_object IN ({objects}) | table _time, risk_object, "
        "search_name, risk_score, risk_message",
    }
    return [
        {"name": name, "search": search, "earliest_offset": times[0], "latest_offset": times[1]}
        for name, search in searches.items()
    ]


def story(name: str, stanza: Mapping[str, conf.Setting]) -> Yaml:
    """Return an analytic story as contentctl reads it."""
    settings = {key: setting.value for key, setting in stanza.items()}
    return {
        "name": name,
        "id": str(uuid5(NAMESPACE_URL, OURS + name)),
        "version": int(settings["version"]),
        "date": settings["last_updated"],
        "author": json.loads(settings["maintainers"])[0]["name"],
        "status": "production",
        "description": settings["description"],
        "narrative": settings["narrative"],
        "references": json.loads(settings["references"]),
        "tags": {"category": [settings["category"]], "product": PRODUCTS, "usecase": "Advanced Threat Detection"},
    }


def data_sources(detection: Detection) -> list[str]:
    """Name the data sources of a detection; of a data model that the app was not tested with, those of processes."""
    return sorted(DATA_SOURCES.get(detection.datamodel, DATA_SOURCES[PROCESSES.name]))


def data_source(name: str) -> Yaml:
    """Return a data source as contentctl reads it."""
    source = SOURCES[name]
    return {
        "name": name,
        "id": str(uuid5(NAMESPACE_URL, OURS + name)),
        "version": 1,
        "date": DATE,
        "author": AUTHOR,
        "description": f"{source.what}: {name}.",
        "source": source.source,
        "sourcetype": "XmlWinEventLog",
        "separator": source.separator,
        "supported_TA": [{"name": source.add_on, "url": source.url, "version": source.version}],
        "fields": ["_time", *source.fields],
    }

"""Turn detections (published YAML, or stanzas of a conf) into what Splunk reads, in the app's local/: no code to write.

All or nothing: every file is read, checked, compiled and loaded as the search command will, before a conf is written.
What a file states replaces what local/ says, and each setting that changes is reported; how a search runs stays.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Sequence
from pathlib import Path

from ssa.content import conf
from ssa.content.datamodels import DATA_MODELS
from ssa.content.detection import CONF, Catalogue, Detection, DetectionError
from tools import ROOT
from tools.content import engine, stanzas
from tools.content.importer.conf_file import read_conf
from tools.content.importer.doubts import doubts
from tools.content.importer.local import LocalConfs
from tools.content.importer.published import ImporterError, Published, read
from tools.content.pushdown import prefilter, tstats_where
from tools.docs.pages import saved_search, slug

CONFS = ("macros", CONF, "analyticstories", "savedsearches")
"""What is written, in this order: a saved search comes after what it calls."""

NEXT = f"""
The next search reads {CONF}.conf; search peers get it with the next bundle replication.
Splunk reads saved searches and macros when it starts: restart it, then run the new searches and schedule them.
Without Splunk: .venv/bin/python -m sandbox replay --local {{local}} EVENTS…
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help="a published detection, or a .conf")
    app_argument(parser)
    parser.add_argument("--dry-run", action="store_true", help="print what would be written, and write nothing")


def app_argument(parser: argparse.ArgumentParser) -> None:
    """Declare the argument that names an app's folder."""
    parser.add_argument(
        "--app",
        type=Path,
        default=ROOT,
        metavar="FOLDER",
        help="the app's folder, on a server etc/apps/ssa_detections (default: this checkout)",
    )


def run(options: argparse.Namespace) -> int:
    """Import files; return the exit code: 0, or 1 when anything was wrong, and then nothing is written."""
    try:
        app = app_folder(options.app)
        confs = LocalConfs(app, CONFS)
        detections = read_all(options.files, confs.stanzas[CONF], app)
        replaced = [one.name for one in detections if one.name in confs.stanzas[CONF] and not one.present]
        notes = [[*one.notes, *put_one(one, confs)] for one in detections]
        confs.check()
        if options.dry_run:
            sys.stdout.write(confs.shown())
        else:
            if any(one.present for one in detections):
                confs.put_index()  # its stanza may have been edited by hand
            confs.write()
    except (ImporterError, conf.ConfError) as error:
        sys.stderr.write(f"{error}\nNothing was written.\n")
        return 1
    for one, noted in zip(detections, notes, strict=True):
        done = "replaced" if one.name in replaced else "brought up to date" if one.present else "added"
        outcome = "would be " * options.dry_run + done
        sys.stdout.write(f"{outcome}: {one.name}, from {one.file}\n")
        sys.stdout.write("".join(f"  note: {note}\n" for note in noted))
    if not options.dry_run:
        sys.stdout.write(f"\n{app / 'local'} has them now:\n")
        sys.stdout.write("".join(f"  {name}.conf  [{stanza}]\n" for name, stanza in confs.put_stanzas))
        sys.stdout.write(NEXT.format(local=app / "local"))
    return 0


def app_folder(given: Path) -> Path:
    """Return the folder of an app whose language is this checkout's: what compiles here runs there."""
    app = given.resolve()
    if not (app / f"default/{CONF}.conf").is_file():
        raise ImporterError(f"{given} is not the app's folder: it has no default/{CONF}.conf. Give it with --app")
    if language(app) != language(ROOT):
        raise ImporterError(
            f"{given}: its bin/ssa/language or bin/ssa/regex is not this checkout's, so what compiles here may "
            "not run there: install this version there first"
        )
    return app


def language(app: Path) -> dict[Path, bytes]:
    """Read the source files of an app that decide what a text means, and what the index says of it."""
    library = app / "bin/ssa"
    files = [library / "immutable.py", library / "content/engine.py", *engine.files(app)]
    try:
        return {path.relative_to(app): path.read_bytes() for path in files}
    except OSError as error:
        raise ImporterError(f"{error.filename}: cannot be read: {error.strerror}") from error


def read_all(files: Sequence[Path], known: dict[str, conf.Stanza], app: Path) -> list[Published]:
    """Read files that can be added to the known detections; raises ImporterError that names every wrong one."""
    taken = {name: (stanza["id"].value, stanza.place) for name, stanza in known.items() if "id" in stanza}
    good: list[Published] = []
    problems: list[str] = []
    for file in files:
        try:
            for one in read_conf(file, app) if file.suffix.lower() == ".conf" else [read(file)]:
                check_names(one, taken, {other.name: (other.settings["id"], other.file) for other in good})
                good.append(one)
        except (ImporterError, conf.ConfError) as error:
            problems.append(str(error))
    if problems:
        raise ImporterError("\n".join(problems))
    return good


def check_names(one: Published, known: dict[str, tuple[str, str]], others: dict[str, tuple[str, str]]) -> None:
    """Refuse what another detection has already: (id, place) by name, of those known and those of the same call."""
    identity = one.settings["id"]
    if one.name in others:
        raise ImporterError(f"{one.file}: name: {one.name!r} is also in {others[one.name][1]}: import one of them")
    for name, (other, place) in {**known, **others}.items():
        same_id = other.casefold() == identity.casefold()
        if name == one.name and not same_id:
            raise ImporterError(
                f"{one.file}: name: {name!r} exists ({place}), with the id {other}: give this one another name, "
                "or that id if it is to replace it"
            )
        if name != one.name and same_id:
            raise ImporterError(
                f"{one.file}: id: {identity} is the id of {name!r} ({place}): give this one an id of its own, "
                "or take the other away if only the name has changed"
            )
        if name != one.name and slug(name) == slug(one.name):
            raise ImporterError(
                f"{one.file}: name: {one.name!r} would share the macros {slug(name)}_… with {name!r} ({place}): "
                "choose a name that differs in its letters or digits"
            )


def put_one(one: Published, confs: LocalConfs) -> list[str]:
    """Put the stanzas of a detection into the confs; return the notes on it. Raises ImporterError."""
    before = confs.settings(CONF, one.name)
    settings = {key: value for key, value in one.settings.items() if not one.present or before.get(key) != value}
    changes = {CONF: confs.put(CONF, one.name, settings)}
    try:
        detection = Catalogue(confs.stanzas[CONF]).find(one.name)
    except DetectionError as error:
        raise ImporterError(f"{one.file}: {error}") from error
    notes = doubts(detection)
    present = before.get("version", "")
    if re.fullmatch("[0-9]{1,9}", present) and int(present) > int(detection.version):
        notes.append(f"version {present} was there, and the file's is lower")
    for model in map(DATA_MODELS.__getitem__, one.metadata.datamodels):
        put_new_macro(confs, model.macro, model.terms, f"Events of {model.name}: narrow them here.")
    notes += put_prefilters(confs, detection, "" if one.present else before.get("search"))
    filter_macro = f"{slug(detection.name)}_filter"
    put_new_macro(confs, filter_macro, "search *", stanzas.FILTER_COMMENT)
    name, metadata = saved_search(detection), one.metadata
    changes["savedsearches"] = confs.put(
        "savedsearches", name, stanzas.search_settings(detection, metadata), stanzas.THEIRS
    )
    story_settings = stanzas.story_search_settings(detection, metadata)
    changes["analyticstories"] = confs.put("analyticstories", f"savedsearch://{name}", story_settings)
    for story in detection.analytic_story:
        put_story(confs, story, detection)
    for story in conf.comma_list(before.get("analytic_story", "")):
        if story not in detection.analytic_story:
            notes.append(f"the story {story} is no longer stated, and its stanza still lists the search: see to it")
    return notes + [f"{name}.conf: {', '.join(changed)}" for name, changed in changes.items() if changed]


def put_prefilters(confs: LocalConfs, detection: Detection, searched: str | None) -> list[str]:
    """Put the macros that keep events away from the command: that for tstats only where one is there.

    What is there stays while the search, which was `searched` (empty where that is not known), does.
    """
    stem, notes = slug(detection.name), []
    macros = {f"{stem}_prefilter": prefilter(detection)}
    if "definition" in confs.settings("macros", f"{stem}_tstats_where"):
        macros[f"{stem}_tstats_where"] = tstats_where(detection, DATA_MODELS[detection.datamodel])
    for name, definition in macros.items():
        there = confs.settings("macros", name).get("definition", definition)
        if there == definition or searched == detection.search:
            put_new_macro(confs, name, definition, stanzas.PREFILTER_COMMENT)
        elif searched is None:
            notes.append(f"the macro {name} was there before the detection and stays: {there}")
        else:
            confs.put("macros", name, stanzas.macro(definition), comment=stanzas.PREFILTER_COMMENT)
            why = "the search has changed, and with it" if searched else "for what the search requires now, anew:"
            notes.append(f"{why} the macro {name}; it was: {there}")
    return notes


def put_new_macro(confs: LocalConfs, name: str, definition: str, comment: str) -> None:
    """Put a macro that is for users to edit: never over one that is there."""
    if "definition" not in confs.settings("macros", name):
        confs.put("macros", name, stanzas.macro(definition), comment=comment)


def put_story(confs: LocalConfs, story: str, detection: Detection) -> None:
    """Enter the saved search and its references into an analytic story, new or known."""
    stanza = f"analytic_story://{story}"
    there = confs.settings("analyticstories", stanza)
    settings = {} if there else stanzas.story_settings(story, detection)
    for key, more in (("references", detection.references), ("searches", (saved_search(detection),))):
        try:
            listed = json.loads(there.get(key) or "[]")
        except (ValueError, RecursionError):
            listed = None
        if not isinstance(listed, list) or not all(isinstance(item, str) for item in listed):
            place = confs.stanzas["analyticstories"][stanza][key]
            problem = f"[{stanza}] {key}: expected a JSON list of texts: correct it"
            raise ImporterError(f"{place.file}, line {place.line}: {problem}")
        settings[key] = stanzas.json_text(list(dict.fromkeys([*listed, *more])))
    confs.put("analyticstories", stanza, settings)

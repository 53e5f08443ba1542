"""Turn published SSA detections (YAML) into what Splunk reads, in the app's local/ folder: no code to write.

All or nothing: every file is read, checked, compiled and loaded back from a copy before the first conf is written.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from ssa import conf
from ssa.detection import CONF, Catalogue, Detection, DetectionError
from tools import ROOT
from tools.importer import stanzas
from tools.importer.local import LocalConfs
from tools.importer.published import ImporterError, Published, json_text, read
from tools.pages import saved_search, slug

CONFS = ("macros", CONF, "analyticstories", "savedsearches")
"""What is written, in this order: a saved search comes after what it calls."""

NEXT = f"""
The next search reads {CONF}.conf; search peers get it with the next bundle replication.
Splunk reads saved searches and macros when it starts: restart it, then run the new searches and schedule them.
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE.yml", help="a published detection")
    parser.add_argument(
        "--app",
        type=Path,
        default=ROOT,
        metavar="FOLDER",
        help="the app's folder, on a server etc/apps/ssa_detections (default: this checkout)",
    )
    parser.add_argument("--dry-run", action="store_true", help="print what would be written, and write nothing")


def run(asked: argparse.Namespace) -> int:
    """Import files; return the exit code: 0, or 1 when anything was wrong, and then nothing is written."""
    try:
        app = asked.app.resolve()
        if not (app / f"default/{CONF}.conf").is_file():
            raise ImporterError(
                f"{asked.app} is not the app's folder: it has no default/{CONF}.conf. Give it with --app"
            )
        confs = LocalConfs(app, CONFS)
        found = read_all(asked.files, confs.layered[CONF])
        replaced = [one.name for one in found if one.name in confs.layered[CONF]]
        put_all(found, confs)
        if asked.dry_run:
            sys.stdout.write(confs.shown())
        else:
            confs.write()
    except (ImporterError, conf.ConfError) as error:
        sys.stderr.write(f"{error}\nNothing was written.\n")
        return 1
    for one in found:
        said = "would be " * asked.dry_run + ("replaced" if one.name in replaced else "added")
        sys.stdout.write(f"{said}: {one.name}, from {one.file}\n")
        sys.stdout.write("".join(f"  note: {note}\n" for note in one.notes))
    if not asked.dry_run:
        sys.stdout.write(f"\n{app / 'local'} has them now:\n")
        sys.stdout.write("".join(f"  {name}.conf  [{stanza}]\n" for name, stanza in confs.put_stanzas))
        sys.stdout.write(NEXT)
    return 0


def read_all(files: Sequence[Path], known: dict[str, conf.Stanza]) -> list[Published]:
    """Read files that may go beside the known detections; raises ImporterError that tells of every wrong one."""
    taken = {name: (stanza["id"].value, stanza.place) for name, stanza in known.items() if "id" in stanza}
    good: list[Published] = []
    problems: list[str] = []
    for file in files:
        try:
            one = read(file)
            check_names(one, taken, {other.name: (other.settings["id"], other.file) for other in good})
            good.append(one)
        except ImporterError as error:
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


def put_all(found: Sequence[Published], confs: LocalConfs) -> None:
    """Put the stanzas of the detections into the confs; raises ImporterError when one does not read back as it is."""
    for one in found:
        confs.put(CONF, one.name, one.settings)
    for one, detection in zip(found, loaded_back(found, confs), strict=True):
        put_beside(detection, one, confs)
    for (name, stanza), settings in confs.put_stanzas.items():
        now = confs.settings(name, stanza)
        for key, value in settings.items():
            if now.get(key) != value and key not in stanzas.THEIRS:
                raise ImporterError(f"{name}.conf [{stanza}] {key}: a conf would not give this text back as it is")


def loaded_back(found: Sequence[Published], confs: LocalConfs) -> list[Detection]:
    """Load the detections as the search command will, from a copy of the conf."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / f"{CONF}.conf"
        copy.write_bytes(confs.text(CONF).encode())
        catalogue = Catalogue(conf.merge([str(confs.app / f"default/{CONF}.conf"), str(copy)]))
        loaded = []
        for one in found:
            try:
                loaded.append(catalogue.find(one.name))
            except DetectionError as error:
                raise ImporterError(f"{one.file}: {error}") from error
        return loaded


def put_beside(detection: Detection, published: Published, confs: LocalConfs) -> None:
    """Put what goes with a detection: its macros, its saved search, its place in analytic stories."""
    name, stem = saved_search(detection), slug(detection.name)
    for model in published.datamodels:
        put_new_macro(
            confs, stanzas.base_macro(model), stanzas.base_terms(model), f"Events of {model}: narrow the indexes here."
        )
    confs.put("macros", f"{stem}_prefilter", stanzas.macro("*"), comment="Keeps every event: the command decides.")
    put_new_macro(confs, f"{stem}_filter", "search *", "Yours: what to leave out of this detection's results.")
    confs.put("savedsearches", name, stanzas.search_settings(detection, published), stanzas.THEIRS)
    confs.put("analyticstories", f"savedsearch://{name}", stanzas.story_search_settings(detection, published))
    for story in detection.analytic_story:
        put_story(confs, story, detection)


def put_new_macro(confs: LocalConfs, name: str, definition: str, comment: str) -> None:
    """Put a macro that is for users to edit: never over one that is there."""
    if not confs.settings("macros", name):
        confs.put("macros", name, stanzas.macro(definition), comment=comment)


def put_story(confs: LocalConfs, story: str, detection: Detection) -> None:
    """Enter the saved search and its references into an analytic story, new or known."""
    stanza = f"analytic_story://{story}"
    there = confs.settings("analyticstories", stanza)
    settings = {} if there else stanzas.story_settings(story, detection)
    for key, more in (("references", detection.references), ("searches", (saved_search(detection),))):
        try:
            listed = json.loads(there.get(key) or "[]")
            settings[key] = json_text(list(dict.fromkeys([*listed, *more])))
        except (ValueError, TypeError, RecursionError) as error:
            raise ImporterError(f"analyticstories.conf [{stanza}] {key}: expected a JSON list: correct it") from error
    confs.put("analyticstories", stanza, settings)

"""Convert Sigma rules into detections, in the app's local/ folder: needs requirements/sigma.txt.

A rule that cannot be converted is named with the reason, and the others go on. What a stanza has in local/ beyond what
a rule gives stays: disabled, for example.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Callable, Collection
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from ssa.content import conf
from ssa.content.detection import CONF
from tools.content.importer import app_argument, app_folder
from tools.content.importer.local import LocalConfs
from tools.content.importer.published import ImporterError

if TYPE_CHECKING:
    from tools.content.sigma.conversion import Converted

LEVELS = ("informational", "low", "medium", "high", "critical")
STATUSES = ("unsupported", "deprecated", "experimental", "test", "stable")


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("paths", nargs="+", type=Path, metavar="PATH", help="a rule, or a folder of rules")
    app_argument(parser)
    parser.add_argument("--level", type=_words(LEVELS), default="high,critical", help="levels, or all (high,critical)")
    parser.add_argument("--status", type=_words(STATUSES), default="stable,test", help="or all (stable,test)")
    parser.add_argument("--mapping", type=Path, metavar="FILE.toml", help="your copy of the mapping file")
    parser.add_argument("--dry-run", action="store_true", help="print the stanzas, and write nothing")
    parser.add_argument("--json", action="store_true", help="print what became of each rule, a JSON object a line")


def _words(known: Collection[str]) -> Callable[[str], frozenset[str]]:
    def words(given: str) -> frozenset[str]:
        found = frozenset(given.lower().split(",")) if given != "all" else frozenset({*known, ""})
        if not found <= {*known, ""}:
            raise argparse.ArgumentTypeError(f"expected all, or some of {','.join(known)}, found {given}")
        return found

    return words


def run(options: argparse.Namespace) -> int:
    """Convert rules; return the exit code: 0, 1 when a rule was refused, 2 when nothing could be done."""
    try:
        from tools.content.sigma import conversion, mapping  # only this command needs pySigma
    except ModuleNotFoundError as error:
        sys.stderr.write(f"{error}: pip install -r requirements/sigma.txt\n")
        return 2
    try:
        app = app_folder(options.app)
        confs = LocalConfs(app, [CONF])
        missing = [str(path) for path in options.paths if not path.exists()]
        if missing:
            raise ImporterError(f"{', '.join(missing)}: not found")
        rules = mapping.RuleMapping(options.mapping or mapping.SHIPPED)
        converted = [selected(one, options) for one in conversion.convert(options.paths, rules)]
        known = {stanza["id"].value: name for name, stanza in confs.stanzas[CONF].items() if "id" in stanza}
        converted = [named_as_known(one, known) for one in converted]
        for one in converted:
            if one.name:
                confs.put(CONF, one.name, one.settings)
        confs.check()
        if not options.dry_run:
            confs.write()
    except (ImporterError, mapping.MappingError, conf.ConfError) as error:
        sys.stderr.write(f"{error}\nNothing was written.\n")
        return 2
    if options.json:
        sys.stdout.write("".join(json.dumps(report(one), ensure_ascii=False) + "\n" for one in converted))
    elif options.dry_run:
        sys.stdout.write(confs.shown())
    sys.stderr.write(summary(converted, options.dry_run))
    return int(any(one.reason and one.reason != LEFT_OUT for one in converted))


LEFT_OUT = "left out by --level or --status"


def selected(one: Converted, options: argparse.Namespace) -> Converted:
    """Return a rule as it is, or as left out where the options do not ask for its level or status."""
    asked = one.level in options.level and one.status in options.status
    return one if asked or not one.name else replace(one, name="", reason=LEFT_OUT)


def named_as_known(one: Converted, known: dict[str, str]) -> Converted:
    """Return a rule under the name that local/ or default/ have for its id: a title may change, its detection stays."""
    return replace(one, name=known.get(one.id, one.name)) if one.name else one


def report(one: Converted) -> dict[str, str | None]:
    """Return what `--json` prints of a rule."""
    return {"rule": one.file, "id": one.id or None, "detection": one.name or None, "reason": one.reason or None}


def summary(converted: Collection[Converted], dry_run: bool) -> str:
    """Return what is to be read of all rules: how many of them became detections, where they can fire, what did not."""
    done = [one for one in converted if one.name]
    fires = Counter(kind for one in done for kind in one.fires_on)
    refused = [one for one in converted if one.reason and one.reason != LEFT_OUT]
    lines = [
        *(f"refused: {one.file}: {one.reason}" for one in refused),
        *(f"note: {one.file}: no event is known to have {', '.join(one.unknown)}" for one in done if one.unknown),
        f"{len(done):,} rules {'would be' if dry_run else 'are'} detections, {len(refused):,} refused, "
        f"{len(converted) - len(done) - len(refused):,} {LEFT_OUT}",
        *(f"{count:,} of them can fire on {kind}" for kind, count in fires.items()),
    ]
    return "".join(f"{line}\n" for line in lines)

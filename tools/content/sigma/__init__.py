"""Import Sigma rules as a set of detections, in the app's local/ folder: needs requirements/sigma.txt.

A rule that cannot be converted is named with the reason, and the others go on. Importing again updates: rules are known
by their ids; your own settings in a stanza stay (disabled, impact, confidence, and any that a rule does not give), and
so do rules that are no longer among those given, unless you say --replace. --try writes nothing: it runs the rules over
event files, and shows what fired. --remove takes a set out again, and leaves nothing of it.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from sandbox.terminal import plain
from ssa.content import conf
from tools.content.importer import app_argument, app_folder
from tools.content.importer.local import LocalConfs
from tools.content.importer.published import ImporterError

if TYPE_CHECKING:
    from tools.content.sigma.conversion import Converted
    from tools.content.sigma.imported import Changes
    from tools.content.sigma.mapping import RuleMapping

LEVELS = ("informational", "low", "medium", "high", "critical")
STATUSES = ("unsupported", "deprecated", "experimental", "test", "stable")
DEFAULT_LEVELS, DEFAULT_STATUSES = "high,critical", "stable,test"

SHOWN = 10
"""Names of detections in a line of the report."""

NEXT = """
{local} has them now. Splunk reads them when it starts: restart it, then enable and schedule: {searches}
Without Splunk: .venv/bin/python -m sandbox replay --all --local {local} EVENTS…
"""

EVERY = 2.0
"""Seconds between two words on how far an import is."""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    add = parser.add_argument
    add("paths", nargs="*", type=Path, metavar="PATH", help="a rule, a Sigma filter, or a folder of them")
    app_argument(parser)
    add("--level", type=_words(LEVELS), help=f"such as low,medium, or all (default: {DEFAULT_LEVELS}; with --id: all)")
    add(
        "--status",
        type=_words(STATUSES),
        help=f"such as stable, or all (default: {DEFAULT_STATUSES}; with --id: all)",
    )
    add("--id", type=_listed, metavar="ID,…", help="only the rules with these ids")
    add("--tag", type=_listed, metavar="TAG,…", help="only rules with one of these tags: attack.t1059 has .001, too")
    add("--set", metavar="NAME", help="the set that they form (default: sigma_ and their category)")
    add("--replace", action="store_true", help="remove what the set has beyond the rules that are given now")
    add("--mapping", type=Path, metavar="FILE.toml", help="your copy of the mapping file")
    add("--dry-run", action="store_true", help="print the stanzas, and write nothing")
    add("--json", action="store_true", help="print what became of each rule, a JSON object a line")
    add(
        "--try",
        dest="trial",
        nargs="+",
        type=Path,
        metavar="FILE",
        help="run the rules over event files, write nothing",
    )
    add("--remove", metavar="SET", help="remove a set")


def _listed(given: str) -> frozenset[str]:
    return frozenset(word.strip().lower() for word in given.split(",") if word.strip())


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
        from tools.content.sigma import imported, mapping, trial  # only this command needs pySigma
    except ModuleNotFoundError as error:
        sys.stderr.write(f"{error}: pip install -r requirements/sigma.txt\n")
        return 2
    try:
        if options.remove is not None:
            return _remove(options)
        rules = mapping.RuleMapping(options.mapping or mapping.SHIPPED)
        if options.trial:
            trial.check(options.trial)
            converted = _converted(options, rules)
            sys.stderr.write(summary(converted))
            sys.stdout.write(trial.run([one for one in converted if one.name], options.trial))
        else:
            confs = LocalConfs(app_folder(options.app), imported.CONFS)
            converted, changes = imported.put(confs, _converted(options, rules), _set(options.set), options.replace)
            confs.check()
            if not options.dry_run:
                confs.write()
            if options.json:
                lines = (json.dumps(report(one), ensure_ascii=False) + "\n" for one in converted)
                sys.stdout.write("".join(lines))
            elif options.dry_run:
                sys.stdout.write(confs.shown())
            sys.stderr.write(summary(converted) + told(changes, options.dry_run))
            if changes.is_any and not options.dry_run:
                sys.stderr.write(NEXT.format(local=confs.app / "local", searches=", ".join(changes.searches)))
    except (ImporterError, mapping.MappingError, conf.ConfError, trial.TrialError) as error:
        sys.stderr.write(f"{error}\nNothing was written.\n")
        return 2
    return int(any(one.reason and not one.left_out for one in converted))


def _remove(options: argparse.Namespace) -> int:
    from tools.content.sigma import imported

    if options.paths or options.trial:
        raise ImporterError("--remove takes no rules, and no files")
    confs = LocalConfs(app_folder(options.app), imported.CONFS)
    removed = imported.remove(confs, _set(options.remove))
    if not options.dry_run:
        confs.write()
    would = "would be " * options.dry_run
    sys.stderr.write(f"{would}removed: the set {options.remove}, {len(removed):,} detections, and its searches\n")
    return 0


def _set(given: str | None) -> str:
    from tools.content.sigma import imported

    try:
        return imported.set_name(given) if given is not None else ""
    except ValueError as error:
        raise ImporterError(f"the name of a set: {error}") from None


def _converted(options: argparse.Namespace, rules: RuleMapping) -> list[Converted]:
    """Convert the rules that are asked for; raises ImporterError for paths that are not there."""
    from tools.content.sigma import conversion

    missing = [str(path) for path in options.paths if not path.exists()]
    if missing or not options.paths:
        raise ImporterError(
            f"{', '.join(missing)}: not found" if missing else "no rules are given: name files or folders"
        )
    given = [*conversion.convert(options.paths, rules, _Progress())]
    if not given:
        raise ImporterError(f"{', '.join(map(str, options.paths))}: no rule is there, no file that ends with .yml")
    for id in sorted((options.id or frozenset()).difference(one.id.lower() for one in given)):
        sys.stderr.write(plain(f"note: no rule of those given has the id {id}") + "\n")
    return selected(given, options)


class _Progress:
    """Writes how far a long import is."""

    def __init__(self) -> None:
        self.last = time.monotonic()

    def __call__(self, done: int, of: int) -> None:
        if time.monotonic() - self.last > EVERY:
            self.last = time.monotonic()
            sys.stderr.write(f"{done:,} of {of:,} rules\n")
            sys.stderr.flush()


LEFT_OUT = "left out by --id, --tag, --level or --status"


def selected(converted: Iterable[Converted], options: argparse.Namespace) -> list[Converted]:
    """Return rules as they are, or as left out where neither the options nor a wanted correlation ask for them."""
    rules = list(converted)
    levels = options.level or _words(LEVELS)("all" if options.id else DEFAULT_LEVELS)
    statuses = options.status or _words(STATUSES)("all" if options.id else DEFAULT_STATUSES)

    def is_asked(one: Converted) -> bool:
        tags = {part for tag in one.tags for part in (tag, tag.rpartition(".")[0] if tag.count(".") > 1 else tag)}
        return (
            one.level in levels
            and one.status in statuses
            and (options.id is None or one.id.lower() in options.id)
            and (options.tag is None or not options.tag.isdisjoint(tags))
        )

    asked = {one.id for one in rules if one.name and is_asked(one)}
    named = {id for one in rules if one.id in asked and one.correlation for id in one.correlation.rules}
    return [
        one if not one.name or one.id in asked
        else replace(one, is_base=True) if one.id in named
        else replace(one, name="", reason=LEFT_OUT, left_out=True)
        for one in rules
    ]  # fmt: skip


def report(one: Converted) -> dict[str, str | None]:
    """Return what `--json` prints of a rule."""
    return {"rule": one.file, "id": one.id or None, "detection": one.name or None, "reason": one.reason or None}


def summary(converted: Collection[Converted]) -> str:
    """Return what is to be read of all rules: how many of them are converted, where they can fire, what is not."""
    done = [one for one in converted if one.name]
    fires = Counter(kind for one in done for kind in one.fires_on)
    refused = [one for one in converted if one.reason and not one.left_out]
    lines = [
        *(f"refused: {plain(one.file)}: {one.reason}" for one in refused),
        *(
            f"note: {plain(one.file)}: no event is known to have {', '.join(one.unknown)}"
            for one in done
            if one.unknown
        ),
        f"rules converted: {len(done):,}, refused: {len(refused):,}, "
        f"{LEFT_OUT}: {len(converted) - len(done) - len(refused):,}",
        *(f"{count:,} of them can fire on {kind}" for kind, count in fires.items()),
    ]
    return "".join(f"{line}\n" for line in lines)


def told(changes: Changes, dry_run: bool) -> str:
    """Return what an import changes, detection by detection where they are few."""
    would = "would be " * dry_run
    stay = "not given, they stay (--replace removes them)"
    kinds = {"added": changes.added, "changed": changes.changed, "removed": changes.removed}
    lines = [f"{would}{word}: {_few(names)}" for word, names in kinds.items() if names]
    lines += [f"{stay}: {_few(changes.stay)}"] if changes.stay else []
    return "".join(f"{line}\n" for line in [*lines, f"unchanged: {len(changes.unchanged):,}"])


def _few(names: list[str]) -> str:
    more = f", and {len(names) - SHOWN:,} more" if len(names) > SHOWN else ""
    return f"{len(names):,}: {', '.join(names[:SHOWN])}{more}"

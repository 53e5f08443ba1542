"""Test detections with events: what each must find, and what not, by the packaged search command.

A test file is YAML. Events below `true` must be hits, those below `false` not: each has columns and their values, as
Splunk shows them. `detection` names a stanza of the app; without it the file is a published detection, with its events.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from sandbox.demo import replay
from sandbox.errors import SandboxError
from sandbox.search.instance import Instance
from ssa.content import conf
from ssa.content.datamodels import DATA_MODELS, NO_MODEL
from ssa.content.detection import CONF, Catalogue, Detection, DetectionError
from ssa.rows.event import required
from ssa.search.explanation import phrase
from tools.build import package
from tools.content.authoring.case_file import Case, TestFile, read
from tools.content.importer import CONFS, app_argument, app_folder, put_one
from tools.content.importer.local import LocalConfs
from tools.content.importer.published import ImporterError
from tools.content.importer.published import read as read_published
from tools.docs.pages import slug

if TYPE_CHECKING:
    from ssa.language.required_text import RequiredText

TIME = 1_767_225_600
"""The time of an event that states none, epoch s."""

CASE = "test_case"
"""The column that tells events apart."""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("paths", nargs="+", type=Path, metavar="PATH", help="a test file (.yml), or a folder of them")
    app_argument(parser)


def run(options: argparse.Namespace) -> int:
    """Run the tests; return the exit code: 0, or 1 when one failed or a file is wrong."""
    problems: list[str] = []
    try:
        app = app_folder(options.app)
        files = [*_files(options.paths, problems)]
        with tempfile.TemporaryDirectory(prefix="tests-") as home, closing(Instance(Path(home))) as instance:
            problems += _run(files, app, instance)
    except (ImporterError, conf.ConfError, SandboxError) as error:
        problems.append(str(error))
    sys.stderr.write("".join(f"{problem}\n" for problem in problems))
    return int(bool(problems))


def _files(paths: list[Path], problems: list[str]) -> Iterator[TestFile]:
    """Read the test files; a wrong one is a problem, and so is a folder without any."""
    for path in paths:
        found = sorted([*path.rglob("*.yml"), *path.rglob("*.yaml")]) if path.is_dir() else [path]
        if not found:
            problems.append(f"{path}: no test file is in it (.yml): `python -m tools new NAME` writes one")
        for file in found:
            try:
                yield read(file)
            except ImporterError as error:
                problems.append(str(error))


def _run(files: list[TestFile], app: Path, instance: Instance) -> list[str]:
    """Install the package with the app's own settings, and run each test; return what failed."""
    instance.install(package.build())
    installed, problems = instance.apps / replay.APP, list[str]()
    if (app / "local").is_dir():
        replay.overlay(instance, app / "local")
    catalogue = Catalogue.of_app(str(installed))
    for number, test in enumerate(files):
        try:
            if not test.detection:
                catalogue = _imported(test.file, installed)
            detection = catalogue.find(test.detection or read_published(test.file).name)
        except (ImporterError, DetectionError) as error:
            place = f"{test.file}, line {test.line}: " if test.detection else ""
            problems.append(f"{place}{error}".replace(str(installed), str(app)))  # as the user knows it
            continue
        failed = [*_failures(test, detection, instance, number)]
        problems += failed
        hits = sum(case.is_hit for case in test.cases)
        outcome = f"{len(failed)} of {len(test.cases)} failed" if failed else "as they must be"
        sys.stdout.write(f"{detection.name}: {hits} hits and {len(test.cases) - hits} misses, {outcome}\n")
    return problems


def _imported(file: Path, app: Path) -> Catalogue:
    """Import a published detection into an installed app."""
    confs = LocalConfs(app, CONFS)
    put_one(read_published(file), confs)
    confs.check()
    confs.write()
    return Catalogue.of_app(str(app))


def _failures(test: TestFile, detection: Detection, instance: Instance, number: int) -> Iterator[str]:
    """Run a detection over the events of a file: with its prefilter, as its search does, and without."""
    if detection.disabled:
        yield f"{test.file}, line {test.line}: {detection.name} is disabled: set disabled = 0 in its stanza"
        return
    model, source = DATA_MODELS.get(detection.datamodel, NO_MODEL), f"test {number}"
    rows = [_row(case, str(place), source, sorted(model.tags)) for place, case in enumerate(test.cases)]
    instance.add_events(rows)
    macro = f"{slug(detection.name)}_prefilter"
    kept = f"`{macro}`" if macro in conf.load(str(instance.apps / replay.APP), "macros").stanzas else ""
    name = detection.name.replace("\\", "\\\\").replace('"', '\\"')
    found, passed = (
        _found(instance, f'source="{source}" {terms} | ssadetect detection="{name}"') for terms in ("", kept)
    )
    for case, row in zip(test.cases, rows, strict=True):
        is_hit, place = row[CASE] in found, f"{test.file}, line {case.line}: {detection.name}"
        if is_hit and not case.is_hit:
            yield f"{place}: this event is a hit, and stands below false: narrow the search, or move the event"
        elif case.is_hit and not is_hit:
            yield f"{place}: this event is no hit, and stands below true{_why(detection, case)}"
        elif case.is_hit and row[CASE] not in passed:
            yield (
                f"{place}: the macro {macro} keeps this event away from its search, which the search text does not: "
                f"`python -m tools import` of its {CONF}.conf writes the macro anew"
            )


def _row(case: Case, place: str, source: str, tags: list[str]) -> dict[str, str | list[str] | float | None]:
    texts = " ".join(f'{name}="{value}"' for name, value in case.event.items())
    own = {name: value for name, value in case.event.items() if name != "_time"}
    time = float(str(case.event.get("_time", TIME)))
    return {"index": "main", "_raw": texts, "tag": tags, **own, "_time": time, "source": source, CASE: place}


def _found(instance: Instance, search: str) -> set[object]:
    result = instance.search(f"search index=main {search} | table {CASE}")
    if errors := [text for level, text, _ in result.messages if level in ("ERROR", "FATAL")]:
        raise SandboxError("; ".join(errors))
    return {row[CASE] for row in result.rows}


def _why(detection: Detection, case: Case) -> str:
    """Return which requirement of a detection an event does not meet, as far as that can be seen."""
    for clause in required(detection):
        if not any(_holds(wanted, detection, case) for wanted in clause):
            return f": it requires that {' or '.join(map(phrase, clause))}"
    return f": `python -m tools explain` shows what {detection.name} requires, step by step"


def _holds(wanted: RequiredText, detection: Detection, case: Case) -> bool:
    values = [case.event[column] for column in detection.sources(wanted.field) if case.event.get(column)]
    texts = [text for value in values[:1] for text in (value if isinstance(value, list) else [value])]
    tests = {"equals": str.__eq__, "contains": str.__contains__, "starts": str.startswith, "ends": str.endswith}
    test = tests.get(wanted.how)
    if test is None:
        return bool(texts)
    return any(test(text.lower() if wanted.fold else text, wanted.text) for text in texts)

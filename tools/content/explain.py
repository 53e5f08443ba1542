"""Show what detections read, what they do step by step, what looks wrong in them, and which of several cost most.

Takes confs (ssa_detections.conf), published YAML files and app folders. Exit code 1 when a detection is wrong, or can
find nothing.
"""

from __future__ import annotations

import argparse
import itertools
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from sandbox.demo.runs import Runs
from sandbox.errors import SandboxError
from sandbox.inputs import windows
from sandbox.inputs.intake import windows_row
from ssa.content import conf
from ssa.content.detection import CONF, Catalogue, Detection, DetectionError
from ssa.content.settings import DetectionSettings
from ssa.language.analysis.lint import NOTHING_PASSES
from ssa.rows.cells import Row
from ssa.search.explanation import COLUMNS, Line, explain, explain_set
from tools import ROOT
from tools.content.authoring.checks import detection_checks, stanza_checks
from tools.content.importer.published import ImporterError, read

DEMO = [*sorted(ROOT.glob("sandbox/demo/*.log"))]
"""Event files that ship with the source."""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help="a .conf, a .yml, or an app's folder")
    parser.add_argument(
        "--events",
        nargs="+",
        type=Path,
        metavar="FILE",
        default=DEMO,
        help="files of Windows events, over which the cost of several detections is measured (default: the demo's)",
    )


@dataclass(frozen=True)
class Source:
    """The detections of a file or folder, which stanzas of it are meant, and the app folder that it belongs to."""

    stanzas: Mapping[str, conf.Stanza]
    names: list[str]
    app: Path | None = None
    macros: Mapping[str, conf.Stanza] = field(default_factory=dict)


def run(options: argparse.Namespace) -> int:
    """Explain every detection of the files; return the exit code."""
    wrong = 0
    for path in options.files:
        try:
            source = detections(path)
            runs = Runs(source.app) if source.app else None
        except (conf.ConfError, ImporterError, SandboxError) as error:
            sys.stderr.write(f"{error}\n")
            wrong += 1
            continue
        catalogue = Catalogue(source.stanzas)
        if source.app:
            catalogue.settings = DetectionSettings.of_app(str(source.app))
            catalogue.settings.apply(source.stanzas)
        for problem in catalogue.settings.problems:
            sys.stderr.write(f"{problem}\n")
            wrong += 1
        running: list[Detection] = []
        for name in source.names:
            own = [_warning(name, source.stanzas[name], *problem) for problem in stanza_checks(name, source.stanzas)]
            try:
                detection = catalogue.find(name)
            except DetectionError as error:
                sys.stderr.write(f"{error}\n" + "".join(f"{row['name']}: {row['text']}\n" for row in own))
                wrong += 1
                continue
            rows = [*explain(detection), *own]
            rows += [_warning(name, source.stanzas[name], *one) for one in detection_checks(detection, source.macros)]
            rows[4:4] = [_row(name, "summary", "runs", fate(runs, detection))]
            wrong += any(row["text"] == NOTHING_PASSES for row in rows)
            sys.stdout.write("".join(dict.fromkeys(shown(iter(rows)))) + "\n")
            running += [detection] * (not detection.disabled)
        if len(running) > 1:
            try:
                events = rows_of(options.events)
            except OSError as error:
                sys.stderr.write(f"{error}\n")
                return 1
            what = "events of the demo" if options.events is DEMO else "events"
            for row in explain_set(running, events, what):
                sys.stdout.write(f"  '{row['detection']}': {row['text']}\n" if row["detection"] else f"{row['text']}\n")
    return int(wrong > 0)


def rows_of(files: list[Path]) -> list[Row]:
    """Return the rows of event files, as searches get them; raises OSError."""
    events = itertools.chain.from_iterable(map(windows.read_events, files))
    return [
        {name: value if isinstance(value, list) else str(value) for name, value in windows_row(event).items() if value}
        for event in events
        if not event.problem
    ]


def fate(runs: Runs | None, detection: Detection) -> str:
    """Return which saved search runs a detection; or why none does, and what to do."""
    if runs is None:
        return "by no saved search: it is in no app. `python -m tools import` adds it to one"
    return runs.fate(detection.name, [name for name in runs.searches if not runs.is_disabled(name)])


def _row(name: str, part: str, key: str, text: str) -> Line:
    return {**dict.fromkeys(COLUMNS, ""), "detection": name, "part": part, "name": key, "text": text}


def _warning(name: str, stanza: conf.Stanza, key: str, problem: str) -> Line:
    place = f"{stanza[key].file}, line {stanza[key].line}: " if key in stanza else ""
    return _row(name, "warning", key, f"{place}{problem}")


def _macros(app: Path) -> Mapping[str, conf.Stanza]:
    files = [str(app / layer / "macros.conf") for layer in conf.LAYERS]
    return conf.merge([file for file in files if Path(file).is_file()])


def detections(path: Path) -> Source:
    """Return the detections of a file; raises ConfError or ImporterError.

    A conf in an app's local/ or default/ is read as Splunk reads it: over and under the other layer.
    """
    if not path.exists():
        raise ImporterError(f"{path}: no such file or folder: name a .conf, a .yml, or an app's folder")
    if path.is_dir():
        if (path / f"{CONF}.conf").is_file():  # a local/
            return detections(path / f"{CONF}.conf")
        if not any((path / layer / f"{CONF}.conf").is_file() for layer in conf.LAYERS):
            tried = " nor ".join(f"{layer}/{CONF}.conf" for layer in conf.LAYERS)
            raise ImporterError(f"{path}: not an app's folder, as it has neither {tried}: name one, or a .conf or .yml")
        stanzas = conf.load(str(path), CONF).stanzas
        return Source(stanzas, list(stanzas), path, _macros(path))
    if path.suffix.lower() in (".yml", ".yaml"):
        published = read(path)
        stanza = conf.Stanza({key: conf.Setting(value, published.file, 1) for key, value in published.settings.items()})
        stanza.place = published.file
        return Source({published.name: stanza}, [published.name])
    own = conf.merge([str(path)])
    if path.resolve().parent.name in conf.LAYERS and path.name == f"{CONF}.conf":
        app = path.resolve().parent.parent
        return Source(conf.load(str(app), CONF).stanzas, list(own), app, _macros(app))
    return Source({**conf.merge([str(ROOT / f"default/{CONF}.conf")]), **own}, list(own))


def shown(rows: Iterator[Line]) -> Iterator[str]:
    """Lay an explanation out for a terminal."""
    for part, lines in itertools.groupby(rows, key=lambda row: (row["detection"], row["part"])):
        detection, kind = part
        yield f"{detection}\n" if kind == "summary" else f"  {kind}s\n"
        for name, steps in itertools.groupby(lines, key=lambda row: row["name"]):
            for row in steps:
                place = f" (line {row['line']}, column {row['column']}: {row['near']})" if row["near"] else ""
                yield f"    {name}: {row['text']}{place}\n"

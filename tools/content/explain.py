"""Show what detections read, what they do step by step, what looks wrong in them, and which of several cost most.

Takes confs (ssa_detections.conf), published YAML files and app folders. Exit code 1 when a detection is wrong.
"""

from __future__ import annotations

import argparse
import itertools
import sys
from collections.abc import Iterator
from pathlib import Path

from sandbox.inputs import windows
from sandbox.inputs.intake import windows_row
from ssa.content import conf
from ssa.content.detection import CONF, Catalogue, Detection, DetectionError
from ssa.rows.cells import Row
from ssa.search.explanation import Line, explain, explain_set
from tools import ROOT
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


def run(options: argparse.Namespace) -> int:
    """Explain every detection of the files; return the exit code."""
    wrong = 0
    for path in options.files:
        try:
            catalogue = detections(path)
        except (conf.ConfError, ImporterError) as error:
            sys.stderr.write(f"{error}\n")
            wrong += 1
            continue
        running: list[Detection] = []
        for name in catalogue.names:
            try:
                detection = catalogue.find(name)
                sys.stdout.write("".join(shown(explain(detection))) + "\n")
                running += [detection] * (not detection.disabled)
            except DetectionError as error:
                sys.stderr.write(f"{error}\n")
                wrong += 1
        if len(running) > 1:
            try:
                rows = rows_of(options.events)
            except OSError as error:
                sys.stderr.write(f"{error}\n")
                return 1
            what = "events of the demo" if options.events is DEMO else "events"
            for row in explain_set(running, rows, what):
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


def detections(path: Path) -> Catalogue:
    """Return the detections of a file; raises ConfError or ImporterError.

    A conf in an app's local/ or default/ is read as Splunk reads it: over and under the other layer.
    """
    if path.is_dir():
        return Catalogue.of_app(str(path))
    if path.suffix.lower() in (".yml", ".yaml"):
        published = read(path)
        settings = {key: conf.Setting(value, published.file, 1) for key, value in published.settings.items()}
        return Catalogue({published.name: conf.Stanza(settings)})
    own = conf.merge([str(path)])
    layered = path.resolve().parent.name in conf.LAYERS and path.name == f"{CONF}.conf"
    whole = conf.load(str(path.resolve().parent.parent), CONF).stanzas if layered else own
    return Catalogue({name: whole[name] for name in own})


def shown(rows: Iterator[Line]) -> Iterator[str]:
    """Lay an explanation out for a terminal."""
    for part, lines in itertools.groupby(rows, key=lambda row: (row["detection"], row["part"])):
        detection, kind = part
        yield f"{detection}\n" if kind == "summary" else f"  {kind}s\n"
        for name, steps in itertools.groupby(lines, key=lambda row: row["name"]):
            for row in steps:
                place = f" (line {row['line']}, column {row['column']}: {row['near']})" if row["near"] else ""
                yield f"    {name}: {row['text']}{place}\n"

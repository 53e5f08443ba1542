"""The search command `ssadetect`: rows in, detected rows out. The edge to splunklib.searchcommands."""

from __future__ import annotations

import csv
import os
import socket
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any, NoReturn

from splunklib.searchcommands import Configuration, Option, StreamingCommand, dispatch

from . import event
from .conf import ConfError
from .detection import Catalogue, Detection, DetectionError

APP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
"""The app folder: on a search peer that of the knowledge bundle, so never from SPLUNK_HOME."""


@Configuration(distributed=True)
class SsaDetectCommand(StreamingCommand):
    """Runs SSA detections on process events. A row that k detections match comes out k times."""

    detection = Option(
        doc="""
        **Syntax:** detection=<name or id>[,<name or id>...]

        **Description:** The detections to run, by stanza name or id of ssa_detections.conf. Without it, every enabled
        detection runs, in one pass.
        """
    )

    def prepare(self) -> None:
        """Load and compile the detections, during getinfo: whatever is wrong with them ends the search here."""
        self.failed = False
        self.rows = self.blind_rows = 0
        self.blind: Counter[str] = Counter()
        try:
            catalogue = Catalogue(APP)
            self.detections = self.chosen(catalogue)
        except (ConfError, DetectionError) as error:
            self.refuse(str(error))
        self.decisive = sorted(set().union(*(d.plan.decisive_fields for d in self.detections)))
        # Every output row has the same columns, because the SDK drops those that its first row lacks.
        self.columns = dict.fromkeys([*event.COLUMNS, *sorted(set().union(*(d.needs for d in self.detections)))])

    def chosen(self, catalogue: Catalogue) -> list[Detection]:
        """Return the detections of the option, or all enabled ones."""
        if self.detection is not None:
            return catalogue.resolve(self.detection)
        found: list[Detection] = []
        for name in catalogue.names:
            try:
                if catalogue.is_enabled(name):
                    found.append(catalogue.find(name))
            except DetectionError as error:
                # A warning, because an error may end the search: one broken stanza must not blind the others.
                self.write_warning("{}", f"{here()}a detection is left out: {error}")
        if not found:
            self.refuse("no detection is enabled in ssa_detections.conf")
        return found

    def refuse(self, problem: str) -> NoReturn:
        """End the search with a message for the user."""
        self.write_error(here() + problem)
        sys.exit(1)

    def write_error(self, message: str, *args: object) -> None:
        """Write an error; braces in the message are text (the SDK would take them for a format and crash)."""
        super().write_error("{}", message.format(*args) if args else message)

    def stream(self, records: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
        """Yield the detected rows of a chunk."""
        number = 0
        try:
            for row in records:
                number += 1
                hits = [hit for detection in self.detections for hit in event.detect(detection, row)]
                for hit in hits:
                    yield {**dict.fromkeys(self.columns), **row, **hit}
                if not hits:
                    self.note_blindness(row)
        except csv.Error as error:
            # What was found so far goes out with this reply; _execute ends the search once all input is read.
            self.failed = True
            self.write_error(f"{here()}row {number + 1} of a chunk cannot be read, the rest of it is lost: {error}")
        self.rows += number
        if self._finished:
            self.report_blindness()

    def note_blindness(self, row: dict[str, Any]) -> None:
        """Count a row that was not detected and lacks a field on which a detection's conditions depend."""
        missing = [name for name in self.decisive if event.field(row, name) is None]
        self.blind.update(missing)
        self.blind_rows += bool(missing)

    def report_blindness(self) -> None:
        """Warn, once, of rows that could not be judged: no hit in them does not mean that nothing happened."""
        if self.blind_rows:
            fields = ", ".join(f"{name} in {count:,}" for name, count in sorted(self.blind.items()))
            self.write_warning(
                "{}",
                f"{here()}{self.blind_rows:,} of {self.rows:,} rows could not be judged for want of a value: {fields}. "
                "Check that the add-on gives these fields, that 4688 events carry the command line, and that the "
                "search passes them (| fields) to ssadetect",
            )

    def _execute(self, ifile: Any, process: Any) -> None:
        super()._execute(ifile, process)
        if self.failed:
            sys.exit(1)


def here() -> str:
    """Name the machine in a message: a distributed search runs on many."""
    return f"[{socket.gethostname()}] "


def main() -> None:
    """Serve one search."""
    dispatch(SsaDetectCommand, sys.argv, sys.stdin, sys.stdout, "__main__")

"""The search command `ssadetect`: rows in, detected rows out. The edge to splunklib.searchcommands."""

from __future__ import annotations

import csv
import socket
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

from splunklib.searchcommands import Configuration, Option, StreamingCommand, dispatch, validators

from . import event
from .conf import APP, ConfError
from .detection import Catalogue, Detection, DetectionError
from .messages import Messages, here


@Configuration(distributed=True)
class SsaDetectCommand(Messages, StreamingCommand):
    """Runs SSA detections on process events. A row that k detections match comes out k times."""

    detection = Option(
        doc="""
        **Syntax:** detection=<name or id>[,<name or id>...]

        **Description:** The detections to run, by stanza name or id of ssa_detections.conf. Without it, every enabled
        detection runs, in one pass.
        """
    )

    trace = Option(
        default=False,
        validate=validators.Boolean(),
        doc="""
        **Syntax:** trace=<bool>

        **Description:** Adds the columns ssa_host and ssa_folder: the machine and the app folder where the command ran.
        """,
    )

    def prepare(self) -> None:
        """Load and compile the detections, during getinfo: whatever is wrong with them ends the search here."""
        try:
            self.load()
        except (ConfError, DetectionError) as error:
            self.refuse(str(error))
        except Exception as error:
            # The SDK would end the search without a word.
            self.refuse(f"ssadetect cannot start, please report this: {type(error).__name__}: {error}")

    def load(self) -> None:
        """Load what the search needs; raises ConfError or DetectionError."""
        self.failed = False
        self.rows = self.blind_rows = 0
        self.blind: Counter[str] = Counter()
        if self.fieldnames:
            raise DetectionError(f"unexpected argument '{self.fieldnames[0]}': write detection=\"<name or id>\"")
        self.detections = self.chosen(Catalogue.of_app(APP))
        self.traces = {"ssa_host": socket.gethostname(), "ssa_folder": APP} if self.trace else {}
        self.decisive = sorted(set().union(*(d.plan.decisive_fields for d in self.detections)))
        read = [d.plan.input_fields for d in self.detections]
        self.fields = None if None in read else set().union(*filter(None, read))
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

    def stream(self, records: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
        """Yield the detected rows of a chunk. A row that cannot be read or judged fails the search, not the others."""
        number = 0
        try:
            for row in records:
                number += 1
                for hit in self.detect(row):
                    yield {**dict.fromkeys(self.columns), **row, **hit, **self.traces}
        except csv.Error as error:
            self.fail(f"row {number + 1} of a chunk cannot be read, the rest of it is lost: {error}")
        self.rows += number
        if self._finished:
            self.report_blindness()

    def detect(self, row: dict[str, Any]) -> list[dict[str, Any]]:
        """Return the hits of a row; one without any is looked at for blindness."""
        try:
            seen = event.input_event(row, self.fields)
            hits = [hit for detection in self.detections for hit in event.detect(detection, row, seen)]
            if not hits:
                self.note_blindness(seen)
            return hits
        except Exception as error:
            # A defect of ours, found by one row, must not cost the others their detection.
            self.fail(f"a row cannot be judged, please report this: {type(error).__name__}: {error}")
            return []

    def fail(self, problem: str) -> None:
        """Report what fails the search; _execute ends it once all input is read and what was found has gone out."""
        if not self.failed:
            self.write_error(here() + problem)
        self.failed = True

    def note_blindness(self, seen: event.InputEvent) -> None:
        """Count an event that was not detected and lacks a field on which a detection's conditions depend."""
        missing = [name for name in self.decisive if seen.get(name) is None]
        self.blind.update(missing)
        self.blind_rows += bool(missing)

    def report_blindness(self) -> None:
        """Warn, once, of rows that a detection could not see in full."""
        if self.blind_rows:
            fields = ", ".join(f"{name} in {count:,}" for name, count in sorted(self.blind.items()))
            self.write_warning(
                "{}",
                f"{here()}{self.blind_rows:,} of {self.rows:,} rows lack a value that the conditions read: {fields}. "
                "No hit in them does not mean that nothing happened. Check that the add-on gives these fields, that "
                "4688 events carry the command line, and that the search passes the fields on to ssadetect",
            )

    def _read_csv_records(self, ifile: Any) -> Any:
        # Python 3.9's csv stops at a NUL, which an event may well hold.
        return super()._read_csv_records(line.replace("\0", "␀") for line in ifile)

    def _execute(self, ifile: Any, process: Any) -> None:
        super()._execute(ifile, process)
        if self.failed:
            sys.exit(1)


def main() -> None:
    """Serve one search."""
    dispatch(SsaDetectCommand, sys.argv, sys.stdin, sys.stdout, "__main__")

"""ssadetect as a plain StreamingCommand of splunk-sdk: the reference for command.py, and the fallback for it.

It reads and judges row by row, with the same detector. An edge to splunklib. Of the SDK's own ways one is changed: it
takes any column `__mv_x` for the values of x, also one that an event brought in (see `_read_csv_records`).

With a damaged body, which splunkd does not write, it cannot do the same: where csv refuses a row, or has another number
of cells in it than there are columns, the search fails, and the rest of its chunk is lost.
"""

from __future__ import annotations

import csv
import io
import sys
from collections.abc import Iterable, Iterator
from typing import Any

from splunklib.searchcommands import Configuration, Option, StreamingCommand, validators

from ssa.rows.cells import MV, listed

from .command import detector
from .messages import SdkMessages
from .protocol import RefusedError


@Configuration(distributed=True)
class SsaDetectCommand(SdkMessages, StreamingCommand):
    """Runs SSA detections on process events. A row that k detections match comes out k times."""

    detection = Option(
        doc="""
        **Syntax:** detection=<name or id>[,<name or id>...]

        **Description:** The detections to run, by stanza name or id of ssa_detections.conf. Without it, every enabled
        detection outside of sets runs, in one pass.
        """
    )

    set = Option(
        doc="""
        **Syntax:** set=<name>[,<name>...]|*

        **Description:** The sets whose enabled detections run, in one pass; * runs all, in sets and outside.
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
            self.detector = detector(self.detection, self.trace, self.fieldnames, self, self.set)
        except RefusedError as refused:
            self.fail(*refused.args)
            sys.exit(1)

    def _read_csv_records(self, ifile: Any) -> Iterator[dict[str, Any]]:
        """Yield the SDK's records, with a list only where it agrees with its plain column, which the SDK drops."""
        body = ifile.read()
        rows = csv.reader(io.StringIO(body), strict=True)
        names = next(rows, [])
        if body.count('"') & 1:
            raise csv.Error("a quote is missing in its chunk, or one too many")
        for record, cells in zip(super()._read_csv_records(io.StringIO(body)), rows):
            if not cells and len(names) > 1:
                continue
            if len(cells or names[:1]) != len(names):
                raise csv.Error(f"{len(cells):,} cells, and {len(names):,} columns")
            if list in map(type, record.values()):
                row = dict(zip(names, cells))
                for name in record:
                    record[name] = listed(row.get(MV + name, ""), row.get(name)) or row.get(name, "")
            yield record

    def stream(self, records: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
        """Yield the detected rows of a chunk, with the same columns each: the SDK drops what its first row lacks."""
        running = self.detector
        try:
            for number, row in enumerate(records):
                if not number:
                    running.note_columns(row)
                for hit in running.detect(row, dispatches=False):
                    yield {**dict.fromkeys(running.columns_written), **row, **hit}
        except csv.Error as error:
            running.fail(f"a row cannot be read, it and the rest of its chunk are lost: {error}")
        if self.metadata.finished:
            running.report()


def main() -> int:
    """Serve one search; return the exit code."""
    command = SsaDetectCommand()
    command.process(sys.argv, sys.stdin, sys.stdout)
    return int(command.failed)

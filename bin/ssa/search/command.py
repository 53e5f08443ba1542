"""The search command `ssadetect`: rows in, detected rows out. The edge to splunklib.searchcommands.

`stream` is what the command does, row by row. What it is that splunkd sends is scanned instead (see scan.py), on three
hooks of the SDK: `_read_chunk`, `_execute_chunk_v2` and the record writer. An SDK that has none calls `stream`.
"""

from __future__ import annotations

import csv
import gc
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from splunklib.searchcommands import Configuration, Option, StreamingCommand, dispatch, validators
from splunklib.searchcommands.internals import CsvDialect, MetadataDecoder, RecordWriterV2

from ssa.content.conf import APP, ConfError
from ssa.content.detection import Catalogue, Detection, DetectionError
from ssa.content.fields import COLUMNS, COUNTERPARTS, MADE
from ssa.rows import cells, event
from ssa.rows.hits import detect

from .byte_search import needles
from .chunks import Body, MalformedChunkError, Spool
from .dispatch import Dispatch
from .messages import Messages, here, host
from .scan import Scan, without_nul
from .table import MV, OddHeaderError

Offer = Callable[[event.InputEvent], Sequence[Detection]]
"""Says which detections are to be run on an event."""


class Reply(RecordWriterV2):
    """Writes replies as the SDK does, without holding a long body in memory."""

    def __init__(self, ofile: Any, maxresultrows: int) -> None:
        super().__init__(ofile, maxresultrows)
        self.body = self._buffer = Spool()
        self._writerow = csv.writer(self.body, dialect=CsvDialect).writerow

    def write_chunk(self, finished: Any = None) -> None:
        """Write the reply to one chunk."""
        described = {"inspector": self._inspector or None, "finished": finished}
        metadata = "".join(self._iterencode_json({k: v for k, v in described.items() if v is not None}, 0)).encode()
        self.write(f"chunked 1.0,{len(metadata)},{len(self.body)}\n")
        self.write(metadata)
        self.body.send(self.ofile)
        self.ofile.flush()
        self.is_flushed = True
        self._clear()

    def _clear(self) -> None:
        self.body.clear()
        self._inspector.clear()
        self._pending_record_count = 0
        self._fieldnames = None


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
        gc.freeze()  # what is there now stays
        gc.enable()

    def load(self) -> None:
        """Load what the search needs; raises ConfError or DetectionError."""
        self.failed = False
        self.judged = self.blind_rows = self.blind_chunks = 0
        self.blind: Counter[str] = Counter()
        self.absent: set[str] = set()
        if self.fieldnames:
            raise DetectionError(f"unexpected argument '{self.fieldnames[0]}': write detection=\"<name or id>\"")
        self.detections = self.chosen(Catalogue.of_app(APP))
        self.traces = {"ssa_host": host(), "ssa_folder": APP} if self.trace else {}
        self.decisive = sorted(set().union(*(d.plan.decisive_fields for d in self.detections)))
        read = [d.plan.input_fields for d in self.detections]
        self.fields = None if None in read else frozenset().union(*filter(None, read)) - {"event_id"}
        # The identity of an event takes a hash: made for those alone that a detection may match.
        self.reads_id = any(fields is not None and "event_id" in fields for fields in read)
        # Every output row has the same columns, because the SDK drops those that its first row lacks.
        self.columns = dict.fromkeys([*COLUMNS, *sorted(set().union(*(d.needs for d in self.detections)))])
        self.scan = Scan(
            needles(map(event.required, self.detections)),
            self.scanned,
            event.columns_read(self.detections),
            [*self.columns, *self.traces],
            self._decode_list,
        )
        self.dispatch = Dispatch(self.detections)

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
        try:
            for row in records:
                for hit in self.detect(row, lambda seen: self.detections):
                    yield {**dict.fromkeys(self.columns), **row, **hit}
        except csv.Error as error:
            self.fail_to_read(error)

    def scanned(self, row: cells.Row) -> list[dict[str, Any]]:
        """Return the hits of a row that the scan has found, of the detections that it can match."""
        return self.detect(row, self.dispatch)

    def detect(self, row: cells.Row, offer: Offer) -> list[dict[str, Any]]:
        """Return the hits of a row; one without any is looked at for blindness."""
        self.judged += 1
        try:
            seen = event.input_event(row, self.fields)
            offered = offer(seen)
            if self.reads_id and offered:
                seen["event_id"] = event.event_id(row)
            hits = [hit for one in offered for hit in detect(one, row, seen)]
            if self.traces:
                for hit in hits:
                    hit.update(self.traces)
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

    def fail_to_read(self, error: csv.Error) -> None:
        """Report a row that is no CSV."""
        self.fail(f"a row cannot be read, it and the rest of its chunk are lost: {error}")

    def note_blindness(self, seen: event.InputEvent) -> None:
        """Count an event that was not detected and lacks a field on which a detection's conditions depend."""
        missing = [name for name in self.decisive if seen.get(name) is None and name != "event_id"]
        self.blind.update(missing)
        self.blind_rows += bool(missing)

    def note_columns(self, columns: frozenset[str]) -> None:
        """Remember the fields on which a detection's conditions depend and for which a chunk has no column."""
        absent = [
            name
            for name in self.decisive
            if name not in MADE and columns.isdisjoint((name, *COUNTERPARTS.get(name, ())))
        ]
        self.absent.update(absent)
        self.blind_chunks += bool(absent)

    def report_blindness(self) -> None:
        """Warn, once, of what a detection could not see in full: columns, and values of the rows that were judged.

        A row that no detection can match, whatever it lacks, is not judged.
        """
        said = []
        if self.blind_chunks:
            chunks = "1 chunk" if self.blind_chunks == 1 else f"{self.blind_chunks:,} chunks"
            said.append(f"{chunks} of rows came without a column for {', '.join(sorted(self.absent))}")
        if self.blind_rows:
            fields = ", ".join(f"{name} in {count:,}" for name, count in sorted(self.blind.items()))
            judged = f"{self.blind_rows:,} of {self.judged:,} rows that may match"
            said.append(f"{judged} lack a value that the conditions read: {fields}")
        if said:
            self.write_warning(
                "{}",
                f"{here()}{', and '.join(said)}. "
                "No hit in them does not mean that nothing happened. Check that the add-on gives these fields, that "
                "4688 events carry the command line, and that the search passes the fields on to ssadetect",
            )

    # -- hooks of the SDK

    @staticmethod
    def _read_chunk(istream: Any) -> tuple[Any, Body] | None:
        """Read the head of a chunk, and leave its body in the stream."""
        header = istream.readline()
        if not header:
            return None
        match = SsaDetectCommand._header.match(header.decode("ascii", "replace"))
        if match is None:
            raise MalformedChunkError(f"a chunk begins with {header[:80]!r}, which is no header")
        lengths = int(match[1]), int(match[2])
        metadata = istream.read(lengths[0])
        if len(metadata) < lengths[0]:
            raise MalformedChunkError("a chunk ends within its metadata")
        try:
            return MetadataDecoder().decode(metadata.decode()), Body(istream, lengths[1])
        except ValueError as error:
            raise MalformedChunkError(f"a chunk has metadata that is not JSON: {error}") from error

    def _read_csv_records(self, ifile: Iterable[str]) -> Iterator[dict[str, Any]]:
        """Read rows as the SDK does, but each with all columns, as it writes no others than those of the first row."""
        rows = csv.reader(without_nul(ifile), CsvDialect)
        names = next(rows, [])
        lists = [name.startswith(MV) for name in names]
        empty = dict.fromkeys(name[len(MV) :] if is_list else name for name, is_list in zip(names, lists))
        for values in rows:
            row: dict[str, Any] = {**empty}
            row.update((name, value) for name, value, is_list in zip(names, values, lists) if not is_list)
            for name, value, is_list in zip(names, values, lists):
                if is_list and value:
                    row[name[len(MV) :]] = self._decode_list(value)
            yield row

    def _execute_chunk_v2(self, process: Any, chunk: tuple[Any, Body]) -> None:
        """Answer one chunk. Whatever is wrong with it, all of it is read, and what was found goes out."""
        body = chunk[1]
        writer: Any = self._record_writer
        try:
            table = self.scan.table(body)
            if table is not None:
                self.note_columns(table.names)
                writer._pending_record_count += self.scan.run(table, body, writer.body)
        except OddHeaderError:
            writer.write_records(process(self._read_csv_records(body.lines())))
        except csv.Error as error:
            self.fail_to_read(error)
        except (MalformedChunkError, OSError):
            raise
        except Exception as error:
            self.fail(f"a chunk cannot be searched, please report this: {type(error).__name__}: {error}")
        body.drain()
        if self._finished:
            self.report_blindness()

    def _execute(self, ifile: Any, process: Any) -> None:
        """Answer all chunks; one that is no chunk ends the search, with the error in its reply."""
        self._record_writer: Any = Reply(self._record_writer.ofile, self._record_writer._maxresultrows)
        try:
            super()._execute(ifile, process)
        except (MalformedChunkError, RuntimeError) as error:
            self.fail(f"splunkd's input cannot be read: {error}")
            self._record_writer.write_chunk(finished=True)
        if self.failed:
            sys.exit(1)


def main() -> None:
    """Serve one search."""
    dispatch(SsaDetectCommand, sys.argv, sys.stdin, sys.stdout, "__main__")

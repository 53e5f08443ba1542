"""Chunks of events -> detected rows, without parsing the rows that cannot match. Pure: bytes come in, text goes out.

The body is read in windows. What the detections require is searched in the bytes; only the records around it are
parsed, and what comes out is the text that came in with the new columns behind it. Wherever a body is not as plain as
RFC 4180 has it, its rows are read one by one (see records.py): one that cannot be is reported, and costs no other.
"""

from __future__ import annotations

import csv
import re

from ..detector import Detector
from ..protocol import Body, Chunk, MalformedChunkError, NoRoomError, Spool
from .records import (
    LONGEST_ROW,
    WINDOW,
    CarefulReader,
    Damage,
    DamagedError,
    OddWindowError,
    every_record,
    last_end,
    quotes_before,
    record_end,
    records,
)
from .table import Table, cells

NUL = "␀"
"""What stands for a NUL in what goes out."""

_LINE_END = re.compile(r"\r?\n\Z")
_LONE_CR = re.compile(rb"\r(?!\n)")


class Scan:
    """The scan of a search's chunks, one after another, for a detector."""

    def __init__(self, detector: Detector) -> None:
        self._detector = detector
        self._search = detector.search
        self._tables: dict[str, Table] = {}
        self._is_dense = False
        """Nearly each row of the last window was a hit: to read all of the next one takes less time than a search."""
        self._chunks = 0

    def answer(self, chunk: Chunk) -> None:
        """Write the detected rows of a chunk. Whatever is wrong with it, what was found goes out.

        Raises MalformedChunkError where the chunk is cut off, OSError where it cannot be read.
        """
        self._chunks += 1
        try:
            table = self._table(chunk.body)
            if table is not None and not chunk.body.at_end:
                self._detector.note_columns(table.names)
                self._run(table, chunk.body, chunk.out)
        except csv.Error as error:
            self._detector.fail(f"chunk {self._chunks:,} is lost, as its columns cannot be read: {error}")
        except NoRoomError as error:
            self._detector.fail(f"chunk {self._chunks:,} is not searched to its end, as its hits find no room: {error}")
        except (MalformedChunkError, OSError):
            raise
        except Exception as error:
            self._detector.fail(f"a chunk cannot be searched, please report this: {type(error).__name__}: {error}")
        if chunk.finished:
            chunk.body.drain()
            self._detector.report()

    def end(self) -> None:
        """Report what was lost, also where splunkd has sent no last chunk."""
        self._detector.report_lost()

    def _table(self, body: Body) -> Table | None:
        """Take the header off a body and return its columns; None where the body is empty, or an empty line.

        Raises csv.Error where the header is no CSV, MalformedChunkError where the body is cut off.
        """
        taken = b""
        while True:
            piece = body.take(max(WINDOW, len(taken)))
            taken += piece
            end = record_end(taken, 0)
            if end >= 0 or not piece:
                break
            if len(taken) > LONGEST_ROW:
                raise csv.Error(f"it has more than {LONGEST_ROW:,} bytes")
        line = taken[: end + 1] if end >= 0 else taken
        body.give_back(taken[len(line) :])
        header = _LINE_END.sub("", line.decode("utf-8", "replace").replace("\0", NUL))
        if not header and body.at_end:
            return None
        if "\n" in header:
            raise csv.Error("a quote is missing, or one too many")
        if header not in self._tables:
            self._tables = {header: Table(header, self._detector.columns_read, self._detector.columns_written)}
        return self._tables[header]

    def _run(self, table: Table, body: Body, out: Spool) -> None:
        """Write the detected rows of a body, with their header.

        Raises MalformedChunkError where the body is cut off; what was found before is written then.
        """
        self._has_header = False
        rest = b""
        while rest or not body.at_end:
            # As much again as is there: a record of any length is then searched a few times at the most.
            buffer = rest + body.take(max(WINDOW, len(rest)))
            places = self._search.places(buffer) if self._search and not self._is_dense else None
            quotes = quotes_before(buffer, places or ())
            try:
                end = last_end(buffer, quotes[-1])
                if body.at_end:
                    end = len(buffer)
                    if quotes[-1] & 1:
                        raise OddWindowError
                if len(buffer) > LONGEST_ROW:
                    raise OddWindowError
                self._judge_window(table, buffer, end, places, quotes, body.at_end, out)
            except OddWindowError:
                body.give_back(buffer)
                self._judge_carefully(table, body, out)
                break
            rest = buffer[end:]

    def _judge_window(
        self,
        table: Table,
        buffer: bytes,
        end: int,
        places: list[int] | None,
        quotes: list[int],
        whole: bool,
        out: Spool,
    ) -> None:
        """Judge the records before `end` that these places of the buffer are in (None: all), so many quotes behind.

        Raises OddWindowError, with nothing written, where they are not plain CSV.
        """
        if places is None or (b"\r" in buffer and _LONE_CR.search(buffer, 0, end)):
            texts = every_record(buffer[:end])
            if table.width > 1:
                texts = [*filter(None, texts)]  # an empty line is no row
        else:
            while places and places[-1] >= end:
                places.pop()
            texts = records(buffer, places, quotes, whole)
        texts = [text.replace("\0", NUL) if "\0" in text else text for text in texts]
        parsed = [*map(cells, texts)]
        if any(values is None or len(values) != table.width for values in parsed):
            raise OddWindowError
        lines = [
            table.line(values, text, hit)
            for values, text in zip(parsed, texts)
            if values is not None
            for hit in self._detector.detect(table.row(values))
        ]
        self._is_dense = 8 * len(lines) > 7 * buffer.count(b"\n", 0, end)
        self._write(lines, table, out)

    def _judge_carefully(self, table: Table, body: Body, out: Spool) -> None:
        """Judge what is left of a body row by row."""

        def parse(record: bytes) -> list[str] | None:
            text = record.decode("utf-8", "replace").replace("\0", NUL).rstrip("\r")
            values = cells(text)
            if values is None:
                raise DamagedError("a carriage return stands in it, and not in quotes")
            if len(values) == table.width:
                return values
            # An empty line is no row, and one that cannot match whatever its cells mean is not worth a word.
            if not text or (self._search and self._search.places(record) == []):
                return None
            raise DamagedError(f"{len(values):,} cells, and {table.width:,} columns")

        for read in CarefulReader(body, table.width, parse):
            if isinstance(read, Damage):
                where = f"bytes {read.start:,} to {read.end:,} of chunk {self._chunks:,}"
                self._detector.lose(f"{where}: {read.reason}")
            else:
                lines = [table.line(read, None, hit) for hit in self._detector.detect(table.row(read))]
                self._write(lines, table, out)

    def _write(self, lines: list[str], table: Table, out: Spool) -> None:
        if lines:
            if not self._has_header:
                out.write(table.header)
                self._has_header = True
            out.write("".join(lines))

"""Chunks of events -> detected rows, without parsing the rows that cannot match. Pure: bytes come in, text goes out.

The body is read in windows. What the detections require is searched in the bytes; only the records around it are
parsed, and what comes out is the text that came in with the new columns behind it. RFC 4180 says where a record ends:
at a newline with an even number of quotes before it. Wherever a body is not as plain as that, its rows are read one by
one as splunk-sdk reads them, and the answer is the same.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator

from .detector import Detector
from .protocol import Body, Chunk, MalformedChunkError, Spool
from .table import Table, cells

WINDOW = 1 << 16
"""How many bytes are searched at a time: few enough to stay in a processor's cache while they are."""

SAMPLE = 1 << 10
"""How many bytes tell whether quotes are few."""

LONGEST_CELL = 10 << 20
"""The longest cell that is read, in characters, as in splunk-sdk: a longer one fails the search."""
csv.field_size_limit(LONGEST_CELL)

NUL = "␀"
"""What stands for a NUL in what goes out."""

_LINE_END = re.compile(r"\r?\n\Z")
_LONE_CR = re.compile(rb"\r(?!\n)")


class OddWindowError(Exception):
    """A window in which it is not plain where records end."""


# -- where records are


def record_end(buffer: bytes, start: int) -> int:
    """Return where the record that begins at `start` ends, at its newline; -1 where that is not in the buffer."""
    quotes, at = 0, start
    while True:
        end = buffer.find(b"\n", at)
        if end < 0:
            return -1
        quotes += buffer.count(b'"', at, end)
        if not quotes & 1:
            return end
        at = end + 1


def quotes_before(buffer: bytes, places: Iterable[int]) -> list[int]:
    """Return how many quotes stand before each of these places, which are in order, and last how many there are."""
    found, quotes, start = [], 0, 0
    for place in (*places, len(buffer)):
        quotes += _quotes(buffer, start, place)
        found.append(quotes)
        start = place
    return found


def _quotes(buffer: bytes, start: int, end: int) -> int:
    """Count the quotes of a part.

    bytes.count looks at each byte; replace goes from one quote to the next, five times as fast where there are few.
    """
    if end - start <= SAMPLE or buffer.count(b'"', start, start + SAMPLE) > SAMPLE // 32:
        return buffer.count(b'"', start, end)
    return end - start - len(buffer[start:end].replace(b'"', b""))


def last_end(buffer: bytes, quotes: int) -> int:
    """Return where the last whole record of a buffer with so many quotes ends, behind its newline; 0 where none does.

    Raises OddWindowError where the quotes before that place say otherwise than their number.
    """
    before = len(buffer)
    while True:
        at = buffer.rfind(b"\n", 0, before)
        if at < 0:
            return 0
        quotes -= buffer.count(b'"', at, before)
        if not quotes & 1:
            break
        before = at
    if _is_inside(buffer, at):
        raise OddWindowError
    return at + 1


def _is_inside(buffer: bytes, at: int) -> bool:
    """Tell whether the last quotes before a place, for themselves, put it into a quoted cell.

    A cell's first quote follows a comma or a newline, its last one stands before one, all others are doubled. So most
    quotes tell by their neighbours which they are, and a quote that should not be there is found out.
    """
    end = buffer.rfind(b'"', 0, at) + 1
    if not end:
        return False
    start = end
    while start and buffer[start - 1] == 0x22:
        start -= 1
    opens = start == 0 or buffer[start - 1] in b",\n"
    closes = buffer[end] in b",\r\n"
    return not closes if (end - start) & 1 else not (opens and closes)


def records(window: bytes, places: Iterable[int], quotes_before: Iterable[int]) -> list[str]:
    """Return the text of the records that stand at these places of a window, each once, without their line ends."""
    found: list[str] = []
    base, last = 0, len(window)
    for place, quotes in zip(places, quotes_before):
        if place < base:
            continue
        before = place
        while True:
            start = window.rfind(b"\n", base, before)
            if start < 0:
                start = base
                break
            quotes -= window.count(b'"', start, before)
            if not quotes & 1:
                start += 1
                break
            before = start
        end = record_end(window, start)
        end = last if end < 0 else end
        text = window[start:end].decode("utf-8", "replace")
        found.append(text[:-1] if text.endswith("\r") else text)
        base = end + 1
    return found


class Scan:
    """The scan of a search's chunks, one after another, for a detector."""

    def __init__(self, detector: Detector) -> None:
        self._detector = detector
        self._search = detector.search
        self._tables: dict[str, Table] = {}

    def answer(self, chunk: Chunk) -> None:
        """Write the detected rows of a chunk. Whatever is wrong with it, what was found goes out.

        Raises MalformedChunkError where the chunk is cut off.
        """
        try:
            table = self._table(chunk.body)
            if table is not None and not chunk.body.at_end:
                self._detector.note_columns(table.names)
                self._run(table, chunk.body, chunk.out)
        except csv.Error as error:
            self._detector.fail_to_read(error)
        except MalformedChunkError:
            raise
        except OSError as error:
            chunk.out.clear()
            self._detector.fail(f"the hits of a chunk are lost, because they cannot be written to a file: {error}")
        except Exception as error:
            self._detector.fail(f"a chunk cannot be searched, please report this: {type(error).__name__}: {error}")
        if chunk.finished:
            chunk.body.drain()
            self._detector.report()

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
        line = taken[: end + 1] if end >= 0 else taken
        body.give_back(taken[len(line) :])
        header = _LINE_END.sub("", line.decode("utf-8", "replace").replace("\0", NUL))
        if not header and body.at_end:
            return None
        if header not in self._tables:
            self._tables = {header: Table(header, self._detector.columns_read, self._detector.columns_written)}
        return self._tables[header]

    def _run(self, table: Table, body: Body, out: Spool) -> None:
        """Write the detected rows of a body, with their header.

        Raises MalformedChunkError where the body is cut off, csv.Error where a row cannot be read; what was found
        before is written then.
        """
        self._has_header = False
        if self._search is None:
            self._judge_rows(table, csv.reader(without_nul(body.lines())), out)
            return
        limit = csv.field_size_limit()
        rest = b""
        while rest or not body.at_end:
            # As much again as is there: a record of any length is then searched a few times at the most.
            buffer = rest + body.take(max(WINDOW, len(rest)))
            places = self._search.places(buffer)
            quotes = quotes_before(buffer, places or ())
            try:
                end = last_end(buffer, quotes[-1])
                if body.at_end:
                    end = len(buffer)
                    if quotes[-1] & 1:
                        raise OddWindowError
                if len(buffer) > limit:
                    raise OddWindowError
                self._judge_window(table, buffer, end, places, quotes, out)
            except OddWindowError:
                body.give_back(buffer)
                self._judge_rows(table, csv.reader(without_nul(body.lines())), out)
                break
            rest = buffer[end:]

    def _judge_window(
        self, table: Table, buffer: bytes, end: int, places: list[int] | None, quotes: list[int], out: Spool
    ) -> None:
        """Judge the records before `end` that these places of the buffer are in (None: all), so many quotes behind.

        Raises OddWindowError, with nothing written, where they are not plain CSV.
        """
        if places is None or (b"\r" in buffer and _LONE_CR.search(buffer, 0, end)):
            source = io.StringIO(buffer[:end].decode("utf-8", "replace"))
            self._judge_rows(table, csv.reader(without_nul(source)), out)
            return
        while places and places[-1] >= end:
            places.pop()
        texts = [text.replace("\0", NUL) if "\0" in text else text for text in records(buffer, places, quotes)]
        parsed = [*map(cells, texts)]
        if any(values is None or len(values) != table.width for values in parsed):
            raise OddWindowError
        lines = [
            table.line(values, text, hit)
            for values, text in zip(parsed, texts)
            if values is not None
            for hit in self._detector.detect(table.row(values))
        ]
        self._write(lines, table, out)

    def _judge_rows(self, table: Table, rows: Iterable[list[str]], out: Spool) -> None:
        """Judge rows as they are read, each for itself."""
        for values in rows:
            values = (values + [""] * (table.width - len(values)))[: table.width]
            hits = self._detector.detect(table.row(values))
            if hits:
                self._write([table.line(values, None, hit) for hit in hits], table, out)

    def _write(self, lines: list[str], table: Table, out: Spool) -> None:
        if lines:
            if not self._has_header:
                out.write(table.header)
                self._has_header = True
            out.write("".join(lines))


def without_nul(lines: Iterable[str]) -> Iterator[str]:
    """Yield lines as Python 3.9's csv can read them: it stops at a NUL, which an event may well hold."""
    return (line.replace("\0", NUL) for line in lines)

"""Where the records of a body are: RFC 4180 in bytes, and how to go on behind what is damaged.

A record ends at a newline with an even number of quotes before it. A quote too many or too few turns that around for
all that follows: cells become records, and what stands in a cell is an attacker's. So no record counts whose end the
quotes behind it do not confirm (`judge`), and behind damage the next one begins where they leave no other way
to read what follows. That may cost a row next to the damaged one; it never invents one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from ssa.checking import TYPE_CHECKING
from ssa.immutable import Immutable

from ..protocol import Body
from .table import cells

if TYPE_CHECKING:
    from typing import Callable

WINDOW = 1 << 16
"""How many bytes are searched at a time: few enough to stay in a processor's cache while they are."""

SAMPLE = 1 << 10
"""How many bytes tell whether quotes are few."""

LONGEST_ROW = 10 << 20
"""The longest row that is read, in bytes; splunk-sdk reads no longer cell."""

_QUOTES = re.compile(rb'""*')  # "+ is searched byte by byte
_MARKS = re.compile(rb'"+|\n')


class OddWindowError(Exception):
    """A window in which it is not plain where records end."""


class DamagedError(Exception):
    """A record that cannot be read; the message says why."""


class Damage(Immutable):
    """What could not be read of a body: from which byte up to which, and why.

    Not from which row: to count them all would take a tenth of the time in which they are searched.
    """

    start: int
    end: int
    reason: str


def record_end(buffer: bytes, start: int, quotes: int = 0) -> int:
    """Return where the record that goes on at `start`, behind so many quotes, ends, at its newline.

    -1 where that is not in the buffer.
    """
    at = start
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
        quotes += count(buffer, b'"', start, place)
        found.append(quotes)
        start = place
    return found


def count(buffer: bytes, byte: bytes, start: int, end: int) -> int:
    """Count how often a part has a byte.

    bytes.count looks at each one; replace goes from one find to the next, five times as fast where there are few.
    """
    if end - start <= SAMPLE or buffer.count(byte, start, start + SAMPLE) > SAMPLE // 32:
        return buffer.count(byte, start, end)
    return end - start - len(buffer[start:end].replace(byte, b""))


# -- which quotes begin a cell, and which end one

OUTSIDE, INSIDE, DAMAGED, UNKNOWN = "outside", "inside", "damaged", "unknown"


def fits(buffer: bytes, start: int, end: int, inside: bool) -> bool:
    """Tell whether the quotes from `start` to `end` may stand there, within a quoted cell or outside of one.

    A cell's first quote follows a comma or a newline, its last one stands before one, all others are doubled.
    """
    opens = start == 0 or buffer[start - 1] in b",\n"
    closes = end == len(buffer) or buffer[end] in b",\r\n"
    if (end - start) & 1:
        return closes if inside else opens
    return inside or (opens and closes)


def judge(buffer: bytes, at: int, whole: bool) -> tuple[str, int]:
    """Tell by the quotes behind a newline whether that stands in a quoted cell; return too where they tell it.

    `whole` says that the body ends with the buffer. Both ways to read what follows are tried, until a quote fits one
    alone. As what an event brings into a cell has no single quote, it cannot make the false one last.
    """
    inside = False
    for quotes in _QUOTES.finditer(buffer, at):
        start, end = quotes.span()
        if end == len(buffer) and not whole:
            break
        outside = fits(buffer, start, end, inside)
        if outside is not fits(buffer, start, end, not inside):
            return (OUTSIDE if outside else INSIDE), start
        if not outside:
            return DAMAGED, start
        inside ^= bool((end - start) & 1)
    return (INSIDE if inside else OUTSIDE) if whole else UNKNOWN, len(buffer)


def last_end(buffer: bytes, quotes: int) -> int:
    """Return where the last record of a buffer with so many quotes ends for certain, behind its newline; 0 for none.

    Raises OddWindowError where the quotes behind it say otherwise than their number.
    """
    before = len(buffer)
    has_none = not quotes
    while (at := buffer.rfind(b"\n", 0, before)) >= 0:
        quotes -= buffer.count(b'"', at, before)
        before = at
        if not quotes & 1:
            told, _ = judge(buffer, at + 1, whole=False)
            if told == OUTSIDE or has_none:
                return at + 1
            if told != UNKNOWN:
                raise OddWindowError
    return 0


def records(window: bytes, places: Iterable[int], quotes_before: Iterable[int], whole: bool) -> list[str]:
    """Return the text of the records that stand at these places of a window, each once, without their line ends.

    Raises OddWindowError where one does not end where the number of quotes has it; `whole` as in judge.
    """
    found: list[str] = []
    base, last, certain = 0, len(window), 0
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
        if end >= certain:
            told, certain = judge(window, end + 1, whole)
            if told not in (OUTSIDE, UNKNOWN):
                raise OddWindowError
        text = window[start:end].decode("utf-8", "replace")
        found.append(text[:-1] if text.endswith("\r") else text)
        base = end + 1
    return found


def columns(text: bytes) -> int:
    """Return how many columns a record has that begins with a text; 0 where its quotes are no CSV."""
    return len(cells(text.decode("utf-8", "replace")) or ())


def every_record(window: bytes) -> list[str]:
    """Return the text of each record of a window that ends with one, without their line ends."""
    lines = window.decode("utf-8", "replace").split("\n")
    if not lines[-1]:
        lines.pop()
    found: list[str] = []
    held: list[str] = []
    for line in lines:
        if held or line.count('"') & 1:
            held.append(line)
            if len(held) == 1 or not line.count('"') & 1:
                continue
            line, held = "\n".join(held), []
        found.append(line.rstrip("\r"))
    return found + held


# -- record by record, where a body is odd


class CarefulReader:
    """The records of what is left of a body, one by one, in little memory, whatever stands there.

    `width` is how many columns there are. `parse` makes cells of a record, None where it is none, or raises
    DamagedError.
    """

    def __init__(self, body: Body, width: int, parse: Callable[[bytes], list[str] | None]) -> None:
        self._body, self._width, self._parse = body, width, parse
        self._buffer = b""
        self._start = self._certain = self._damage = 0
        self._resumes = False

    def __iter__(self) -> Iterator[list[str] | Damage]:
        """Yield the cells of each row, or what could not be read. Raises MalformedChunkError for a body cut off."""
        damage: Damage | None = None
        while self._start < len(self._buffer) or not self._body.at_end:
            start = self._place
            try:
                self._damage = end = self._end()
                row = self._parse(self._buffer[self._start : end])
                self._pass(self._confirmed(end) + 1)
            except DamagedError as error:
                is_certain = self._resume()
                start, reason = (damage.start, damage.reason) if damage else (start, str(error))
                damage = Damage(start, self._place, reason)
                if not is_certain:
                    continue
                row = None
            if damage:
                yield damage
                damage = None
            if row is not None:
                yield row
        if damage:
            yield damage

    @property
    def _place(self) -> int:
        return self._body.place - len(self._buffer) + self._start

    def _more(self) -> int:
        """Read on, and let go of what is done; return by how much the places in the buffer are less now."""
        moved = self._start
        piece = self._body.take(max(WINDOW, min(len(self._buffer) - moved, LONGEST_ROW >> 3)))
        self._buffer = self._buffer[moved:] + piece
        self._start, self._certain, self._damage = 0, self._certain - moved, self._damage - moved
        return moved

    def _pass(self, place: int) -> None:
        self._start = min(place, len(self._buffer))

    def _end(self) -> int:
        """Return where the record ends; raises DamagedError where it is too long, or a quote should not be there."""
        at, inside, passed, opened = self._start, False, 0, 0
        while True:
            whole = self._body.at_end
            for mark in _MARKS.finditer(self._buffer, at):
                at, end = mark.span()
                if self._buffer[at] == 0x0A:
                    if not inside:
                        return self._within_limit(at, passed)
                elif end == len(self._buffer) and not whole and (inside or fits(self._buffer, at, at + 1, inside)):
                    # There may be more doubled ones than can be held.
                    if inside:
                        at += (end - at - 1) & ~1
                    else:
                        inside, opened, at = True, at, at + 1
                    break
                elif fits(self._buffer, at, end, inside):
                    if (end - at) & 1:
                        inside, opened = not inside, at
                else:
                    self._damage = at
                    if inside and not passed:
                        self._find_row_between(opened, at)
                    raise DamagedError("a quote stands where none can be")
            else:
                at = len(self._buffer)
            if whole:
                if inside:
                    self._damage = at
                    raise DamagedError("a quote is missing")
                return self._within_limit(at, passed)
            if at - self._start > LONGEST_ROW:
                passed += at - 1 - self._start  # what stands before a quote is looked at
                self._pass(at - 1)
            moved = self._more()
            at, opened = at - moved, opened - moved

    def _find_row_between(self, opened: int, at: int) -> None:
        """Resume at the last newline between the quote that opens a cell and one that cannot close it, if that is safe.

        It is if the other quote is of a column before the cell's: were both of one row, that would have too many
        columns, whatever is missing. The row that begins there must have as many as all others, as any that counts.
        """
        newline = self._buffer.rfind(b"\n", opened, at)
        if newline >= 0 and self._buffer.count(b",", newline, at) + 1 < columns(self._buffer[self._start : opened]):
            self._damage, self._resumes = newline, True

    def _within_limit(self, end: int, passed: int) -> int:
        size = passed + end - self._start
        if size > LONGEST_ROW:
            self._damage = end
            raise DamagedError(f"it has {size:,} bytes, and {LONGEST_ROW:,} are read")
        return end

    def _confirmed(self, end: int) -> int:
        """Return where a record ends, as far as what follows confirms it; raises DamagedError where it does not."""
        while end >= self._certain:
            told, place = judge(self._buffer, end + 1, self._body.at_end)
            if told == INSIDE:
                following = record_end(self._buffer, place + 1)
                if following < 0 and not self._body.at_end and len(self._buffer) - end < LONGEST_ROW:
                    end -= self._more()
                    continue
                if self._next_lacks_a_quote(end, place, following if following >= 0 else len(self._buffer)):
                    return end
                self._damage = place  # it may be in the row that follows
                raise DamagedError("a quote is missing, or one too many")
            # What fits neither way is damage of its own. Where no quote stands in so long a part, there is no cell.
            if told != UNKNOWN or len(self._buffer) - end > LONGEST_ROW:
                self._certain = place
                break
            end -= self._more()
        return end

    def _next_lacks_a_quote(self, end: int, place: int, following: int) -> bool:
        """Tell whether a quote contradicts the end of a row only because the next row lacks the one before it.

        So it is if it is of a column before the row's last quoted one, and the next row has as many columns as all
        others: were both one row, that would have too many, whatever is missing.
        """
        buffer = self._buffer
        last = first = buffer.rfind(b'"', self._start, end)
        if last < 0 or buffer.find(b'"', end) != place:
            return False
        while first > self._start and buffer[first - 1] == 0x22:
            first -= 1
        if not fits(buffer, first, last + 1, inside=True) or fits(buffer, first, last + 1, inside=False):
            return False
        column = buffer.count(b",", end, place) + 1
        more = columns(b'""' + buffer[place + 1 : following]) - 1
        return column < columns(buffer[self._start : last + 1]) and column + more == self._width

    def _resume(self) -> bool:
        """Go to where a record begins, behind the damage; return whether it does for certain."""
        at = self._damage
        if self._resumes:
            self._pass(at + 1)
            self._resumes, self._certain = False, 0
            return False
        while True:
            newline = self._buffer.find(b"\n", at)
            if newline < 0:
                self._pass(len(self._buffer))
                if self._body.at_end:
                    return True
                self._more()
                at = 0
                continue
            told, place = judge(self._buffer, newline + 1, self._body.at_end)
            if told == INSIDE:
                end = record_end(self._buffer, newline + 1, 1)
                if 0 <= end < place:
                    told, newline = OUTSIDE, end
            if told == OUTSIDE:
                self._pass(newline + 1)
                self._certain = place
                return True
            if told != UNKNOWN:
                at = place
            elif len(self._buffer) - newline > LONGEST_ROW:
                at = len(self._buffer)
            else:
                self._pass(newline)
                at = newline - self._more()

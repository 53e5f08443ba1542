"""A text that comes in chunks -> its events, in bounded memory.

An event begins where its own form says so, whatever stands around it. In XML that is <Event, anywhere: Windows escapes
"<" in values, so none can hold one. Classic text begins with a row that is a time and nothing else, and escapes
nothing: a command line with a newline and a time in it looks like the next event, here as in Splunk.
"""

import re
import sys
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from sandbox.inputs.windows import times, xml
from sandbox.inputs.windows.event import Reading

# Bounds the memory that one event can take. Windows events end at 64 KB: what is longer is none, and comes in pieces.
MAX_EVENT_CHARS = 1_000_000

XML, CUT, CLASSIC, OTHER = "XML", "cut XML", "classic", "other"
"""The kinds of pieces: CUT is an event without its end, OTHER a text in which no event begins."""

_TAG = r"<(?:[A-Za-z_][\w.-]*:)?"
# Its name alone may be the end of a cut <EventData: an attribute follows, or nothing.
_EVENT = rf"{_TAG}Event(?=\s{{0,200}}>|\s{{1,200}}[A-Za-z_][\w.:-]{{0,100}}\s?=)"
_LONGEST_ROW = 200  # of those that are looked for: each is known by its first characters
_ROW_START = r"\n[\ufeff \t]*(?=[0-9<JFMASOND-])"  # by the first character most rows are passed over
_TIME_ROW = rf"(?:{times.SPLUNK}|{re.sub('P<[a-z]+>', ':', times.ROW)})\r?(?=\n|\Z)"
_SYSLOG = r"(?:<[0-9]{1,3}>[^<>\n]{0,300}|[A-Z][a-z]{2}[ ]{1,2}[0-9]{1,2} [0-9:]{8} [^<>\n]{0,300}|-[ ]?)"
_TAGS = r"(?:<[^<>\n]{1,300}>[ \t-]*){0,9}"  # of elements around an event in its row, and comments

_PLAIN_START, _PLAIN_END = "<Event ", "</Event>"
_XML_START = re.compile(_EVENT)
_BETWEEN = re.compile(rf"</|<[^<>]*/>|{_TAG}(?:Event|System|EventData)\b")  # a tag behind which there is no value
_XML_END = re.compile(r"</(?:[A-Za-z_][\w.-]*:)?Event>")
_NOWHERE = sys.maxsize
_CLASSIC_START = re.compile(_ROW_START + _TIME_ROW)
_START = re.compile(rf"{_EVENT}|{_ROW_START}{_TIME_ROW}")
_CLASSIC_END = re.compile(rf"{_ROW_START}(?:{_TIME_ROW}|{_SYSLOG}?{_TAGS}(?:<\?xml\s|{_TAG}Events?[\s>]))")
# What may stand between events and is none: declarations, comments, tags of an element around them, blanks.
_AROUND = re.compile(
    r"(?:[\s\ufeff\0-]++|<\?[^>]*+>|<!--(?:(?!-->).)*+-->|</?(?!(?:[\w.-]+:)?Event\b)[A-Za-z_][^<>]*+>)*+", re.DOTALL
)
_MARKUP = re.compile(r"<[A-Za-z/!?]")


class Piece(NamedTuple):
    """A part of a text, of a kind, without row ends around it; `row` is where it begins, from 1.

    `reading` is there where the event had to be read to know its end.
    """

    kind: str
    text: str
    row: int
    reading: Reading | None = None


def pieces(chunks: Iterable[str]) -> Iterator[Piece]:
    """Split a text into events, and what is none.

    A damaged event ends where the next one begins. Of an XML event without an end that may be within a value, for all
    that can be known. In one with an end, what looks like classic text belongs to a value if the event is whole.
    """
    splitter = _Splitter()
    for chunk in chunks:
        yield from splitter.feed(chunk)
    yield from splitter.feed(None)


class _Splitter:
    """`held` begins with the character before what is still to be split: rows are known by the newline before them.

    What is looked for far ahead is looked for once, for all events before it: so no text takes more than linear time.
    """

    def __init__(self) -> None:
        self.held = "\n"
        self.row = 1
        self.final = False
        self.safe = 0  # from here on a row may not be there as a whole
        self.found: dict[int, tuple[int, int]] = {}  # by identity: a pattern's hash takes as long as a search
        self.reading: Reading | None = None

    def feed(self, chunk: str | None) -> Iterator[Piece]:
        """Split what is there with another chunk, None at the end."""
        self.final = chunk is None
        self.held += chunk or ""
        self.found = {}
        self.safe = len(self.held) if self.final else max(self.held.rfind("\n"), len(self.held) - _LONGEST_ROW)
        at = 1
        while (found := self._next(at)) is not None:
            kind, start, end = found
            if end == at and self.final:
                break
            self.row += self.held.count("\n", at, start)
            if (text := self.held[start:end].strip("\r\n")) and not (kind == OTHER and _AROUND.fullmatch(text)):
                yield Piece(kind, text.lstrip("\ufeff \t") if kind == CLASSIC else text, self.row, self.reading)
            self.reading = None
            self.row += self.held.count("\n", start, end)
            at = end
        self.held = self.held[at - 1 :]

    def _next(self, at: int) -> tuple[str, int, int] | None:
        """Return the next piece: its kind, where it starts and ends; None where more of the text is needed."""
        held = self.held
        if _XML_START.match(held, at):
            return self._xml(at)
        start, _ = self._ahead(_START, at - 1)
        if start == _NOWHERE or (start >= self.safe and not self.final):
            if self.final or self.safe - at > MAX_EVENT_CHARS:
                return OTHER, at, min(at + MAX_EVENT_CHARS, self.safe)
            return None
        classic = held[start] == "\n"
        begin = start + classic
        if begin > at and (before := self._before(at, begin, classic)):
            return OTHER, at, before
        return self._classic(begin) if classic else self._xml(begin)

    def _before(self, at: int, begin: int, classic: bool) -> int:
        """Return where the text before an event ends; 0 where it is a prefix in the row of an XML event."""
        if begin - at > MAX_EVENT_CHARS:
            return at + MAX_EVENT_CHARS
        row = max(at, self.held.rfind("\n", at, begin) + 1)
        if not classic and not _MARKUP.search(self.held, row, begin):
            return row if row > at else 0
        return begin

    def _xml(self, start: int) -> tuple[str, int, int] | None:
        held = self.held
        limit = start + MAX_EVENT_CHARS
        _, end = self._ahead(_PLAIN_END, start)
        if end <= limit and self._ahead(_PLAIN_START, start + 1)[0] >= end:
            self.reading = xml.canonical(held[start:end])
            if self.reading:
                return XML, start, end
        _, end = self._ahead(_XML_END, start)
        whole = end if end <= limit else -1
        following, _ = self._ahead(_XML_START, start + 1)
        bound = min(following, end, limit, len(held))
        if following <= bound:
            whole = -1
        elif whole < 0 and not self.final and len(held) < limit:
            return None
        if held.find("\n", start, bound) >= 0:
            rows = [row.start() for row in _CLASSIC_START.finditer(held, start, bound)]
            if rows and whole >= 0 and not xml.read(held[start:whole]).problem:
                rows = [row for row in rows if _BETWEEN.match(held, held.rfind("<", start, row))]
            if rows:
                return CUT, start, rows[0] + 1
        return (XML, start, whole) if whole >= 0 else (CUT, start, bound)

    def _ahead(self, what: str | re.Pattern[str], at: int) -> tuple[int, int]:
        """Return where a text or a pattern is found next, and its end; places beyond all limits where it is not."""
        found = self.found.get(id(what))
        if found is None or found[0] < at:
            if isinstance(what, str):
                begin = self.held.find(what, at)
                found = (begin, begin + len(what)) if begin >= 0 else (_NOWHERE, _NOWHERE)
            else:
                match = what.search(self.held, at)
                found = match.span() if match else (_NOWHERE, _NOWHERE)
            self.found[id(what)] = found
        return found

    def _classic(self, start: int) -> tuple[str, int, int] | None:
        held = self.held
        limit = start + MAX_EVENT_CHARS
        found, _ = self._ahead(_CLASSIC_END, start)
        end = min(found + 1, len(held))
        if end > limit:
            return CLASSIC, start, limit
        if found >= self.safe and not self.final:
            return None
        return CLASSIC, start, end

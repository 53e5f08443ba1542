"""What ssadetect does with rows, whoever reads them from splunkd: its hits, its failures, and what it could not see."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from ssa.checking import TYPE_CHECKING
from ssa.content.conf import APP
from ssa.content.datamodels import DATA_MODELS, PROCESSES
from ssa.content.detection import CONF, Detection
from ssa.content.fields import COLUMNS, COMPUTED, COUNTERPARTS, sources
from ssa.language.values import TooLargeError
from ssa.rows import cells, event
from ssa.rows.hits import detect

from .dispatch.dispatch import Dispatch
from .messages import here, host
from .scan.byte_search import byte_search

if TYPE_CHECKING:
    from .messages import Messages

MOST_FORMS = 1_000
"""How many sets of fields that a row may have are counted apart."""

MOST_EXAMPLES = 5
"""How many rows, fields or detections a message names."""


class Readers:
    """Detections that read one input event: those without columns of their own, or those with the same ones."""

    def __init__(self, columns: Mapping[str, str], detections: Sequence[Detection]) -> None:
        self.columns = columns
        self.detections = detections
        self.dispatch = Dispatch(detections)
        decisive = frozenset[str]().union(*(d.profile.decisive_fields for d in detections))
        self.decisive = decisive - {"event_id"}
        self._having: Counter[tuple[str, ...]] = Counter()
        """Fields that a row has -> rows that may match, have just these, and are without a hit."""
        self._lacking: Counter[str] = Counter()
        self.blind_chunks: Counter[str] = Counter()
        read = [d.profile.input_fields for d in detections]
        every = frozenset[str]().union(*(fields for fields in read if fields is not None))
        late = every & {*COMPUTED, *COUNTERPARTS, *columns} - self.dispatch.fields - self.decisive
        self.early = event.Reading(None if None in read else every - late, columns)
        self.late = event.Reading(frozenset() if None in read else late, columns)
        """What is not as it stands in the row, and decides nothing but in the case of event_id, takes time: made for
        those rows alone that a detection finds, which is run once more then, or is likely to, as the row before."""
        self.whole = event.Reading(None if None in read else every, columns)
        self.makes_late = "event_id" in decisive or None in read or not late
        self.hit_before = False

    def offers(self, row: cells.Row, dispatches: bool = True) -> tuple[event.InputEvent, Sequence[Detection]]:
        """Return the input event of a row, and the detections that it can match; all where it `dispatches` not."""
        if self.hit_before and len(self.detections) == 1:
            # One that finds row after row is run at once: to ask whether it may find this one takes a while.
            return self.whole(row), self.detections
        seen = self.early(row)
        offered = self.dispatch(seen) if dispatches else self.detections
        if offered and (self.makes_late or self.hit_before):
            seen.update(self.late(row))
        return seen, offered

    def note(self, has: tuple[str, ...]) -> None:
        """Count a row without a hit that may match and has just these fields."""
        self._having[has] += 1
        if len(self._having) > MOST_FORMS:
            self.blind_rows()

    def blind_rows(self) -> Counter[str]:
        """Return the fields that decide and are missing, with how many rows lack each."""
        for has, count in self._having.items():
            self._lacking.update(dict.fromkeys(self.decisive.difference(has), count))
        self._having.clear()
        return self._lacking


def readers_of(detections: Sequence[Detection]) -> list[Readers]:
    """Return detections by the columns that they read."""
    alike: dict[tuple[tuple[str, str], ...], list[Detection]] = {}
    for detection in detections:
        alike.setdefault(tuple(sorted(detection.columns.items())), []).append(detection)
    return [Readers(dict(columns), some) for columns, some in alike.items()]


class Detector:
    """The detections of one search; `named` says that the user named them, one by one, `of_set` that they are a set.

    With `trace`, a hit has the columns ssa_host and ssa_folder.
    """

    def __init__(
        self,
        detections: Sequence[Detection],
        trace: bool,
        messages: Messages,
        named: bool = False,
        of_set: bool = False,
    ) -> None:
        self._messages, self._named, self._of_set = messages, named, of_set
        self._failed = False
        self._lost = self._passed_over_rows = 0
        self._examples: list[str] = []
        self._passed_over: Counter[str] = Counter()
        self._traces: dict[str, cells.Cell] = {"ssa_host": host(), "ssa_folder": APP} if trace else {}
        self._readers = readers_of(detections)
        needed = sorted(set().union(*(d.needs for d in detections)))
        self.columns_read = event.columns_read(detections)
        self.columns_written = [*dict.fromkeys([*COLUMNS, *needed, *self._traces])]
        self.search = byte_search(detection.profile for detection in detections)

    def detect(self, row: cells.Row, dispatches: bool = True) -> list[dict[str, cells.Cell]]:
        """Return the hits of a row, each to be laid over the row; every detection is run where it `dispatches` not.

        A row without a hit that may match is blind where it lacks a field that decides. One that cannot be judged fails
        the search, and not the other rows, nor what other detections find in it.
        """
        hits: list[dict[str, cells.Cell]] = []
        missing: list[tuple[Readers, tuple[str, ...]]] = []
        passed_over: set[str] = set()
        try:
            for readers in self._readers:
                seen, offered = readers.offers(row, dispatches)
                found = self._find(readers, offered, row, seen) if offered else ()
                if found:
                    hits += found
                    if any(map(row.get, COUNTERPARTS)):
                        passed_over.update(event.passed_over(row, readers.columns))
                elif not hits and not seen.keys() >= readers.decisive:
                    missing.append((readers, (*seen,)))
            for hit in hits if self._traces else ():
                hit.update(self._traces)
            if missing and not hits and self._may_match(row):
                for readers, has in missing:
                    readers.note(has)
        except Exception as error:
            self._report_defect("a row cannot be judged", error)
        if passed_over:
            self._passed_over.update(passed_over)
            self._passed_over_rows += 1
        return hits

    def _find(
        self, readers: Readers, offered: Sequence[Detection], row: cells.Row, seen: event.InputEvent
    ) -> list[dict[str, cells.Cell]]:
        """Return the hits of the detections that are offered a row."""
        found: list[dict[str, cells.Cell]] = []
        is_whole = readers.makes_late or readers.hit_before
        for detection in offered:
            try:
                hits = detect(detection, row, seen)
                if hits and not is_whole:
                    is_whole = True
                    seen.update(readers.late(row))
                    hits = detect(detection, row, seen)
                found += hits
            except Exception as error:
                self._report_unjudged(detection, error)
        readers.hit_before = bool(found)
        return found

    def _report_unjudged(self, detection: Detection, error: Exception) -> None:
        """Fail the search for a row that a detection cannot judge."""
        if isinstance(error, TooLargeError):
            self.fail(
                f"'{detection.name}' cannot judge a row, in which its search makes {error}: correct the search, or set "
                f"disabled = 1 for it in local/{CONF}.conf. Other rows and other detections are not affected"
            )
        else:
            self._report_defect(f"a row cannot be judged by '{detection.name}'", error)

    def _report_defect(self, what: str, error: Exception) -> None:
        """Fail the search for a defect of ours, which must cost no other row or detection its hits."""
        self.fail(f"{what}, please report this: {type(error).__name__}: {error}")

    def fail(self, problem: str) -> None:
        """Report what fails the search: the first problem alone, as the others follow from it or are like it."""
        if not self._failed:
            self._messages.fail(here() + problem)
        self._failed = True

    def lose(self, what: str) -> None:
        """Count what of a chunk cannot be read, to be reported at the end: a row, as a rule."""
        self._lost += 1
        if self._lost <= MOST_EXAMPLES:
            self._examples.append(what)

    def _may_match(self, row: cells.Row) -> bool:
        """Tell whether any of the texts that the detections require stands in a column that they read."""
        if self.search is None:
            return True
        read = row.values() if self.columns_read is None else map(row.get, self.columns_read)
        return self.search.stand_in("\n".join(cell) if isinstance(cell, list) else cell or "" for cell in read)

    def note_columns(self, columns: Iterable[str]) -> None:
        """Remember the fields that decide and for which a chunk of rows, one at least, has no column."""
        columns = frozenset(columns)
        for readers in self._readers:
            readers.blind_chunks.update(
                name
                for name in readers.decisive
                if name not in COMPUTED and columns.isdisjoint(sources(name, readers.columns))
            )

    def report(self) -> None:
        """Report, at the end, what was lost, what was not seen in full, and users and devices that did not count."""
        self.report_lost()
        self._report_blindness()
        self._report_columns()

    def report_lost(self) -> None:
        """Fail the search for what could not be read, in one message."""
        if self._lost:
            one = self._lost == 1
            self._messages.fail(
                f"{here()}{_rows(self._lost)} cannot be read and {'is' if one else 'are'} not judged, all others are: "
                f"{_first(self._examples, '; ', self._lost)}"
            )
            self._lost, self._examples = 0, []

    def _report_blindness(self) -> None:
        """Warn, in one message, of what detections could not see: columns, and values of rows that may match.

        A row that cannot match, whatever it lacks, is not counted. Each detection that the user has named is reported;
        of all others, which may be thousands, the worst: outside of a set those of processes alone, as whoever runs all
        over processes does not expect the fields of a connection.
        """
        blind, total = [], 0
        for readers in self._readers:
            chunks, rows = readers.blind_chunks, readers.blind_rows()
            decisive = sorted(readers.decisive)
            told = [
                detection
                for detection in readers.detections
                if self._named or self._of_set or DATA_MODELS.get(detection.datamodel, PROCESSES) is PROCESSES
            ]
            total += len(told)
            for detection in told if chunks or rows else ():
                lacks = [name for name in decisive if name in detection.profile.decisive_fields]
                lacks = [name for name in lacks if chunks[name] or rows[name]]
                if lacks:
                    lacks.sort(key=lambda name: (-chunks[name], -rows[name]))
                    size = chunks[lacks[0]], max(rows[name] for name in lacks)
                    named = _first([_missing(name, chunks[name], rows[name]) for name in lacks], ", ")
                    blind.append((size, f"'{detection.name}' ({named})"))
        if not blind:
            return
        blind.sort(key=lambda found: found[0], reverse=True)
        if self._named or total == 1:
            whom = _first([text for _, text in blind], ", ")
        else:
            whom = f"{len(blind):,} of {total:,} detections, most of all for {blind[0][1]}"
        self._messages.warn(
            f"{here()}fields that decide are missing for {whom}. Counted are rows that may match: no hit in them does "
            "not mean that nothing happened. Check that the add-on gives these fields, that 4688 events carry the "
            "command line, and that the search passes the fields on to ssadetect"
        )

    def _report_columns(self) -> None:
        """Warn of rows with a hit that name a user or device in a column that does not count."""
        if self._passed_over_rows:
            have = "has" if self._passed_over_rows == 1 else "have"
            self._messages.warn(
                f"{here()}{_rows(self._passed_over_rows)} with a hit {have} another user or device in a column that "
                f"does not count: {_counts(self._passed_over)}. What counts is user, and dest or else host. Where a "
                "detection means another column, set `columns` in its stanza of ssa_detections.conf"
            )


def _rows(number: int) -> str:
    return "1 row" if number == 1 else f"{number:,} rows"


def _chunks(number: int) -> str:
    return "1 chunk" if number == 1 else f"{number:,} chunks"


def _missing(name: str, chunks: int, rows: int) -> str:
    found = [f"{_chunks(chunks)} (no column)"] * bool(chunks) + [_rows(rows)] * bool(rows)
    return f"{name} in {' and '.join(found)}"


def _first(texts: Sequence[str], between: str, total: int = 0) -> str:
    """List the first texts of so many, by default as many as there are."""
    more = max(total, len(texts)) - MOST_EXAMPLES
    return between.join(texts[:MOST_EXAMPLES]) + (f"{between}and {more:,} more" if more > 0 else "")


def _counts(counted: Counter[str]) -> str:
    return ", ".join(f"{name} in {count:,}" for name, count in sorted(counted.items()))

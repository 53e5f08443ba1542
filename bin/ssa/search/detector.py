"""What ssadetect does with rows, whoever reads them from splunkd: its hits, its failures, and what it could not see."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence

from ssa.checking import TYPE_CHECKING
from ssa.content.conf import APP
from ssa.content.detection import CONF, Detection
from ssa.content.fields import COLUMNS, COMPUTED, COUNTERPARTS
from ssa.language import TooLargeError
from ssa.rows import cells, event
from ssa.rows.hits import detect

from .byte_search import byte_search
from .dispatch import Dispatch
from .messages import here, host

if TYPE_CHECKING:
    from .messages import Messages

Offer = Callable[[event.InputEvent], Sequence[Detection]]
"""Says which detections are to be run on an event."""


class Detector:
    """The detections of one search. With `trace`, a hit has the columns ssa_host and ssa_folder."""

    def __init__(self, detections: Sequence[Detection], trace: bool, messages: Messages) -> None:
        self._messages = messages
        self._failed = False
        self._blind_rows = self._blind_chunks = 0
        self._blind: Counter[str] = Counter()
        self._absent: set[str] = set()
        self.detections = detections
        self.dispatch = Dispatch(detections)
        self._traces: dict[str, cells.Cell] = {"ssa_host": host(), "ssa_folder": APP} if trace else {}
        self._decisive = sorted(set().union(*(d.plan.decisive_fields for d in self.detections)))
        read = [d.plan.input_fields for d in self.detections]
        self._fields = None if None in read else frozenset().union(*filter(None, read)) - {"event_id"}
        # The identity of an event takes a hash: made for those alone that a detection may match.
        self._reads_id = any(fields is not None and "event_id" in fields for fields in read)
        needed = sorted(set().union(*(d.needs for d in self.detections)))
        self.columns_read = event.columns_read(self.detections)
        self.columns_written = [*dict.fromkeys([*COLUMNS, *needed, *self._traces])]
        self.search = byte_search(map(event.required, self.detections))

    def detect(self, row: cells.Row, offer: Offer | None = None) -> list[dict[str, cells.Cell]]:
        """Return the hits of a row, each to be laid over the row; `offer` is `dispatch` where it is not given.

        A row without a hit that may match is blind where it lacks a field that decides. One that cannot be judged fails
        the search, and not the other rows, nor what other detections find in it.
        """
        try:
            seen = event.input_event(row, self._fields)
            offered = (offer or self.dispatch)(seen)
            if self._reads_id and offered:
                seen["event_id"] = event.event_id(row)
            hits = [hit for one in offered for hit in self._run(one, row, seen)]
            if self._traces:
                for hit in hits:
                    hit.update(self._traces)
            if not hits:
                self._count_blindness(row, seen)
            return hits
        except Exception as error:
            self._report_defect("a row cannot be judged", error)
            return []

    def _run(self, detection: Detection, row: cells.Row, seen: event.InputEvent) -> list[dict[str, cells.Cell]]:
        try:
            return detect(detection, row, seen)
        except TooLargeError as error:
            self.fail(
                f"'{detection.name}' cannot judge a row, in which its search makes {error}: correct the search, or set "
                f"disabled = 1 for it in local/{CONF}.conf. Other rows and other detections are not affected"
            )
            return []
        except Exception as error:
            self._report_defect(f"a row cannot be judged by '{detection.name}'", error)
            return []

    def _report_defect(self, what: str, error: Exception) -> None:
        """Fail the search for a defect of ours, which must cost no other row or detection its hits."""
        self.fail(f"{what}, please report this: {type(error).__name__}: {error}")

    def fail(self, problem: str) -> None:
        """Report what fails the search: the first problem alone, as the others follow from it or are like it."""
        if not self._failed:
            self._messages.fail(here() + problem)
        self._failed = True

    def fail_to_read(self, error: Exception) -> None:
        """Report a row that is no CSV."""
        self.fail(f"a row cannot be read, it and the rest of its chunk are lost: {error}")

    def _may_match(self, row: cells.Row) -> bool:
        """Tell whether any of the texts that the detections require stands in a column that they read."""
        if self.search is None:
            return True
        read = row.values() if self.columns_read is None else map(row.get, self.columns_read)
        return self.search.stand_in("\n".join(cell) if isinstance(cell, list) else cell or "" for cell in read)

    def _count_blindness(self, row: cells.Row, seen: event.InputEvent) -> None:
        missing = [name for name in self._decisive if seen.get(name) is None and name != "event_id"]
        if missing and self._may_match(row):
            self._blind.update(missing)
            self._blind_rows += 1

    def note_columns(self, columns: Iterable[str]) -> None:
        """Remember the fields that decide and for which a chunk of rows, one at least, has no column."""
        columns = frozenset(columns)
        absent = [
            name
            for name in self._decisive
            if name not in COMPUTED and columns.isdisjoint((name, *COUNTERPARTS.get(name, ())))
        ]
        self._absent.update(absent)
        self._blind_chunks += bool(absent)

    def report_blindness(self) -> None:
        """Warn, at the end, of what a detection could not see in full: columns, and values of rows that may match.

        A row that cannot match, whatever it lacks, is not counted.
        """
        found = []
        if self._blind_chunks:
            chunks = "1 chunk" if self._blind_chunks == 1 else f"{self._blind_chunks:,} chunks"
            found.append(f"{chunks} of rows came without a column for {', '.join(sorted(self._absent))}")
        if self._blind_rows:
            fields = ", ".join(f"{name} in {count:,}" for name, count in sorted(self._blind.items()))
            rows = "1 row" if self._blind_rows == 1 else f"{self._blind_rows:,} rows"
            lack = "lacks" if self._blind_rows == 1 else "lack"
            found.append(f"{rows} that may match {lack} a value that the conditions read: {fields}")
        if found:
            self._messages.warn(
                f"{here()}{', and '.join(found)}. "
                "No hit in them does not mean that nothing happened. Check that the add-on gives these fields, that "
                "4688 events carry the command line, and that the search passes the fields on to ssadetect",
            )

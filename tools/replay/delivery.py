"""Brings each batch into the index, once."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from tools.replay.batches import FIELD, Batch, marker
from tools.replay.errors import AwayError, LostError, ReplayError
from tools.replay.hec import Hec
from tools.replay.journal import Journal
from tools.replay.lookup import Lookup

FIRST_PAUSE, LONGEST_PAUSE = 0.25, 30.0
"""Seconds between tries: each pause is twice the one before."""


@dataclass
class Delivery:
    """Sends batches, in their order.

    HEC knows no batch again that it already has. So one whose answer was lost is looked up, by its marker, before it is
    sent again: for `settle` seconds, as an event is found only some time after it was taken. Without `lookup`
    (None) the replay stops there, or sends the batch again where `resend` is set. `patience` is how many seconds a
    batch waits for a server that is away, and how long for its acknowledgment. `report` gets a line about each trouble.
    """

    hec: Hec
    lookup: Lookup | None
    journal: Journal
    settle: float
    patience: float
    resend: bool
    report: Callable[[str], None]

    def deliver(self, batch: Batch) -> None:
        """Return when the batch is in the index, and noted as done; raises ReplayError, OSError."""
        before = batch.number - 1
        pauses = Pauses(self.patience, self.report)
        lost = self.journal.sent == batch.number
        try:
            while not (lost and self.is_indexed(batch, pauses)):
                lost = False
                self.journal.note(done=before, sent=batch.number)
                try:
                    ack = self.hec.send(batch.body)
                    lost = True
                    self.confirmed(batch, ack)
                    break
                except AwayError as error:
                    pauses.pause(error)
                except LostError as error:
                    lost = True
                    pauses.pause(error)
        except ReplayError as error:
            if not (lost or error.taken):
                self.journal.note(done=before, sent=before)
            raise
        self.journal.note(done=batch.number, sent=batch.number)

    def check(self) -> None:
        """Look up a batch that cannot be there, so that a missing right to search shows at once; raises ReplayError."""
        self.count(0, Pauses(self.patience, self.report))

    def confirmed(self, batch: Batch, ack: int | None) -> None:
        """Wait until HEC acknowledges that a batch is indexed; without acknowledgments, its answer stands for that.

        Raises LostError: HEC acknowledges once, and a restarted HEC knows nothing of what came before.
        """
        until = time.monotonic() + self.patience
        pause, missed = FIRST_PAUSE, False
        while ack is not None:
            try:
                if self.hec.acknowledged(ack):
                    return
            except (AwayError, LostError):
                missed = True
            if missed and self.seen(batch):
                return
            if time.monotonic() > until:
                raise LostError(f"no acknowledgment within {self.patience:g} s")
            time.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE / 6)

    def seen(self, batch: Batch) -> bool:
        """Return whether a batch is known to be in the index now; raises ReplayError."""
        with suppress(AwayError):
            mark = marker(self.journal.run, batch.number)
            return self.lookup is not None and self.lookup.count(mark) == batch.events
        return False

    def is_indexed(self, batch: Batch, pauses: Pauses) -> bool:
        """Return whether a batch that may be in the index is there; raises ReplayError when that cannot be known."""
        name = f"batch {batch.number} ({batch.events} events, {FIELD}::{marker(self.journal.run, batch.number)})"
        if self.resend:
            self.report(f"{name} is sent again: it may be in the index twice")
            return False
        if self.lookup is None:
            raise ReplayError(
                f"{name} was sent, and whether the server took it is unknown. Give --splunkd, to look it up in the "
                "index, or --resend, to send it again and perhaps have it twice"
            )
        count = self.count(batch.number, pauses)
        until = time.monotonic() + self.settle
        while count < batch.events and (left := until - time.monotonic()) > 0:
            time.sleep(min(left, 2))
            count = self.count(batch.number, pauses)
        if count not in (0, batch.events):
            raise ReplayError(
                f"{name}: {count} events are in the index, though HEC takes a batch whole: look whether an indexer is "
                "away or an event was deleted, and start the same command again"
            )
        before = batch.number - 1
        if not count and before and not self.count(before, pauses):
            raise ReplayError(
                f"the search finds nothing of batch {before} either, which HEC has taken: may the user search this "
                "index, and on the server of this HEC? Or has that lost it, which indexer acknowledgment prevents?"
            )
        return count > 0

    def count(self, number: int, pauses: Pauses) -> int:
        """Return how many events of a batch are in the index; raises ReplayError."""
        while self.lookup:
            try:
                return self.lookup.count(marker(self.journal.run, number))
            except AwayError as error:
                pauses.pause(error)
        return 0


class Pauses:
    """The growing pauses between tries, `patience` seconds in all."""

    def __init__(self, patience: float, report: Callable[[str], None]) -> None:
        self.patience = self.left = patience
        self.report = report
        self.next = FIRST_PAUSE

    def pause(self, error: Exception) -> None:
        """Sleep before another try; raises ReplayError when there was enough of it."""
        if self.left <= 0:
            raise ReplayError(
                f"{error}: gave up after {self.patience:g} s; start the same command again to go on"
            ) from None
        self.report(f"{error}: again in {min(self.next, self.left):g} s")
        time.sleep(min(self.next, self.left))
        self.left -= self.next
        self.next = min(2 * self.next, LONGEST_PAUSE)

"""The score of a user or device as docs/risk-events.md has it, in plain Python: no SPL, nothing of the app.

It looks at every moment one by one, as slowly as it likes.
"""

import math
from collections import defaultdict
from dataclasses import dataclass
from typing import NamedTuple

DAY = 86_400


@dataclass(frozen=True)
class Hit:
    """What one detection adds to one user or device: times in epoch s; without `repeat` it always counts.

    An `old` one was written by an older version of the app, which did not name its process.
    """

    id: str
    time: float
    indexed: float
    detection: str
    score: float
    story: str
    process: str
    repeat: str | None = None
    cap: float = 105
    old: bool = False

    @property
    def rank(self):
        """Sorts the hit that counts to the front: the highest, then by the detection's name, then the earliest."""
        return -self.score, self.detection, self.time, self.id, self.indexed


class Score(NamedTuple):
    """A score, the moment at which its 24 hours end, what each detection adds, and how many hits count."""

    score: float
    at: float
    parts: dict[str, float]
    hits: int


def cents(number):
    """Round to two places, halves up."""
    return math.floor(number * 100 + 0.5) / 100


def once(hits, key):
    """Keep the first hit of each key, in their rank."""
    found = {}
    for hit in sorted(hits, key=lambda hit: hit.rank):
        found.setdefault(key(hit), hit)
    return [*found.values()]


def counted(hits, at):
    """Return the hits that count in the 24 hours that end at a moment: each process once for a story."""
    within = [hit for hit in hits if at - DAY <= hit.time <= at]
    return once(within, lambda hit: (hit.process, hit.story))


def sums(hits, at):
    """Return what each detection adds at a moment, by detection and cap."""
    kept = once(counted(hits, at), lambda hit: (hit.repeat, hit.detection) if hit.repeat else hit.id)
    found = defaultdict(float)
    for hit in kept:
        found[hit.detection, hit.cap] += hit.score
    return {key: min(total, key[1]) for key, total in found.items()}, len(kept)


def score(hits, at, factor=1.0):
    """Return the score at a moment, of hits that are all of one user or device."""
    by_detection, number = sums(hits, at)
    parts, through = {}, 0.0
    for (detection, cap), total in sorted(by_detection.items(), key=lambda item: (-item[1], item[0])):
        before, through = through, through + total * factor
        parts[detection, cap] = cents(cents(through) - cents(before))
    return Score(cents(through), at, parts, number)


def moments(hits, first, last):
    """Return when a score may change, from the first moment to the last."""
    changes = {change for hit in hits for change in (hit.time, hit.time + DAY + 0.001) if change <= last}
    return sorted({max(first, change) for change in changes})


def within(hits, start, end):
    """Return the hits of a time range, or of the 24 hours that end with it where it is shorter, each once.

    An old one gives way to a new one of its detection and second: the same hit, found again.
    """
    found = once([hit for hit in hits if min(start, end - DAY) <= hit.time < end], lambda hit: hit.id)
    again = {(hit.detection, int(hit.time)) for hit in found if not hit.old}
    return [hit for hit in found if not (hit.old and (hit.detection, int(hit.time)) in again)]


def highest(hits, start, end, factor=1.0):
    """Return the highest score of a time range, the earliest of them, None without a hit.

    Its 24 hours lie in the range; of a range that is shorter, they end with it.
    """
    hits = within(hits, start, end)
    found = [score(hits, at, factor) for at in moments(hits, min(end, start + DAY), end)]
    return max(found, key=lambda one: (one.score, -one.at), default=None)


def alerts(hits, now, since, threshold, factor=1.0):
    """Return the scores that the rule reports: the highest that is now, and the highest before.

    It looks at the last moment at which other hits began to count, and at those of 8 days that count a hit which was
    indexed since then, or whose time, which may have been ahead, has come since then.
    """
    hits = within(hits, now - 9 * DAY, now)
    changes, before = [], []
    for at in moments(hits, now - 8 * DAY, now):
        if (counts := counted(hits, at)) != before:
            changes.append(at)
        before = counts
    *earlier, last = changes or [now]
    tried = [at for at in earlier if any(max(hit.indexed, hit.time) >= since for hit in counted(hits, at))] + [last]
    found = [score(hits, at, factor) for at in tried]
    for ones in ([one for one in found if one.at > now - DAY], [one for one in found if one.at <= now - DAY]):
        best = max(ones, key=lambda one: (one.score, -one.at), default=None)
        if best and best.score > threshold:
            yield best


def by_hour(hits, start, end, factor=1.0):
    """Return the highest score within each hour of a time range (epoch h) that has one above 0."""
    hits = within(hits, start, end)
    first = min(end, start + DAY)
    changes = moments(hits, first, end)
    ends = end - 0.001  # the end itself is of the hour before
    found = defaultdict(float)
    begins = min([*changes, ends])
    for hour in range(int(begins // 3600), int(ends // 3600) + 1):
        stop = (hour + 1) * 3600
        tried = {max(first, hour * 3600), *(at for at in changes if hour * 3600 <= min(at, ends) < stop)}
        found[hour] = max(score(hits, at, factor).score for at in tried)
    return {hour: number for hour, number in found.items() if number}

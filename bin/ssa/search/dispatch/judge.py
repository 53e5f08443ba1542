"""The rest of what a detection requires, tried on an event where one of its texts was found."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial

from ssa.content.profile import Group, Profile
from ssa.language.required_text import MATCHES, PRESENT, SAME

Seen = Mapping[str, "str | None"]
Lowered = dict[str, str]
"""Field -> its value in lower case, for one event."""

Test = tuple[str, bool, Callable[[str], bool]]
"""A field, whether it is its value in lower case that is tested, and the test."""

Pair = tuple[str, str, bool]
"""Two fields that must be equal, and whether in lower case."""


class Judge:
    """What is left to try of a profile when one of its first clause was found in lower case.

    `first` tells whether an event can match by what depends on these fields alone, `last` whether it can by all else.
    """

    def __init__(self, profile: Profile, fields: frozenset[str]) -> None:
        found, *clauses = profile.required or [()]
        if not all(fold or how in (PRESENT, SAME) for _, how, fold, _ in found):
            clauses.insert(0, found)
        firsts = [clause for clause in clauses if all(how != SAME and field in fields for field, how, _, _ in clause)]
        self.first = _all([*firsts], [group for group in profile.excluded if group[0] in fields])
        self.last = _all(
            [clause for clause in clauses if clause not in firsts],
            [group for group in profile.excluded if group[0] not in fields],
        )


def _all(clauses: Sequence[Sequence[Group]], excluded: Iterable[Group]) -> Callable[[Seen, Lowered], bool]:
    """Return the test whether an event has one of each clause, and none of what is excluded."""
    needed = [([_test(group) for group in clause if group[1] != SAME], [*pairs(clause)]) for clause in clauses]
    unwanted = [*map(_test, excluded)]
    if not needed and not unwanted:
        return lambda seen, lowered: True
    if len(needed) == 1 and not needed[0][1] and not unwanted:
        return partial(_holds, needed[0][0])  # most are so, and each event asks several

    def holds(seen: Seen, lowered: Lowered) -> bool:
        for tests, same in needed:
            if not _holds(tests, seen, lowered) and not (same and any(are_same(*pair, seen) for pair in same)):
                return False
        return not (unwanted and _holds(unwanted, seen, lowered))

    return holds


def pairs(clause: Iterable[Group]) -> Iterator[Pair]:
    """Yield the pairs of fields of which a clause wants one to be equal."""
    for field, how, fold, others in clause:
        if how == SAME:
            yield from ((field, other, fold) for other in others)


def are_same(field: str, other: str, fold: bool, seen: Seen) -> bool:
    """Tell whether two fields of an event are equal."""
    one, two = seen.get(field), seen.get(other)
    return one is not None and two is not None and (one == two or (fold and one.lower() == two.lower()))


def _holds(tests: Iterable[Test], seen: Seen, lowered: Lowered) -> bool:
    """Tell whether one of several tests holds for an event."""
    for field, fold, holds in tests:
        value = seen.get(field)
        if value is not None:
            if fold:
                small = lowered.get(field)
                value = small if small is not None else lowered.setdefault(field, value.lower())
            if holds(value):
                return True
    return False


def _test(group: Group) -> Test:
    """Return the test whether a field holds one of the texts of a group."""
    field, how, fold, texts = group
    return field, fold, _of_value(how, tuple(texts))


def _of_value(how: str, texts: tuple[str, ...]) -> Callable[[str], bool]:
    """Return the test whether a value holds one of several texts."""
    if how == PRESENT:
        return lambda value: True
    if how == "equals":
        return frozenset(texts).__contains__
    if how == "starts":
        return lambda value: value.startswith(texts)
    if how == "ends":
        return lambda value: value.endswith(texts)
    if how == MATCHES:
        patterns = [*map(re.compile, texts)]
        return lambda value: any(pattern.search(value) for pattern in patterns)
    if len(texts) == 1:
        (text,) = texts
        return lambda value: text in value

    def contains(value: str) -> bool:
        for text in texts:  # noqa: SIM110 - a generator takes longer
            if text in value:
                return True
        return False

    return contains

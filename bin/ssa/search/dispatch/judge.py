"""The rest of what a detection requires, tried on an event where one of its texts was found."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from ssa.content.profile import Group, Profile
from ssa.language.required_text import MATCHES, PRESENT, SAME

Seen = Mapping[str, "str | None"]
Lowered = dict[str, str]
"""Field -> its value in lower case, for one event."""

Test = Callable[[Seen, Lowered], bool]


class Judge:
    """What is left to try of a profile when one of its first clause was found in lower case."""

    def __init__(self, profile: Profile) -> None:
        first, *others = profile.required or [()]
        is_found = all(fold or how in (PRESENT, SAME) for _, how, fold, _ in first)
        self._needed = [[*map(_test, clause)] for clause in ([] if is_found else [first]) + others]
        self._excluded = [*map(_test, profile.excluded)]

    def __call__(self, seen: Seen, lowered: Lowered) -> bool:
        """Tell whether an event can match."""
        for clause in self._needed:
            for holds in clause:
                if holds(seen, lowered):
                    break
            else:
                return False
        for holds in self._excluded:  # noqa: SIM110 - a generator takes longer
            if holds(seen, lowered):
                return False
        return True


def same(field: str, other: str, fold: bool) -> Test:
    """Return the test whether two fields are equal."""

    def holds(seen: Seen, lowered: Lowered) -> bool:
        one, two = seen.get(field), seen.get(other)
        if one is None or two is None:
            return False
        return one == two or (fold and one.lower() == two.lower())

    return holds


def _test(group: Group) -> Test:
    """Return the test whether a field holds one of the texts of a group."""
    field, how, fold, several = group
    if how == SAME:
        tests = [same(field, other, fold) for other in several]
        return lambda seen, lowered: any(holds(seen, lowered) for holds in tests)
    if how == PRESENT:
        return lambda seen, lowered: seen.get(field) is not None
    holds = _holds(how, tuple(several))

    def test(seen: Seen, lowered: Lowered) -> bool:
        value = seen.get(field)
        if value is None:
            return False
        if fold:
            small = lowered.get(field)
            value = small if small is not None else lowered.setdefault(field, value.lower())
        return holds(value)

    return test


def _holds(how: str, texts: tuple[str, ...]) -> Callable[[str], bool]:
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

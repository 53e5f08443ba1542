"""The regexes of the dialect: java.util.regex's, in a time that no text can stretch."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cached_property, lru_cache
from typing import Callable

from .automaton import Automaton, Flags
from .bounded import search_of
from .matcher import Matcher
from .nodes import Look, Parsed, reverse
from .parser import parse
from .program import MAX_STEPS, write


class Match:
    """A match: its place in the text, and those of its groups."""

    def __init__(self, text: str, places: list[int], names: dict[str, int]) -> None:
        self._text = text
        self._places = places
        self._names = names

    def start(self, group: int = 0) -> int:
        """Return where a group starts, -1 if it took no part."""
        return self._places[2 * group]

    def end(self, group: int = 0) -> int:
        """Return where a group ends, -1 if it took no part."""
        return self._places[2 * group + 1]

    def group(self, group: int | str = 0) -> str | None:
        """Return the text of a group by number or name, None if it took no part; KeyError for an unknown name."""
        number = self._names[group] if isinstance(group, str) else group
        return None if self.start(number) < 0 else self._text[self.start(number) : self.end(number)]


class Pattern:
    """A regex, ready to run; raises ValueError if it has more than MAX_STEPS steps, those of its lookarounds included.

    `names` are the named groups with their numbers, `groups` is the number of all groups, `unread` are
    those inside positive lookarounds: what they hold is not known. Each method takes a time proportional to the length
    of the text times the size of the program, at most.
    """

    def __init__(self, parsed: Parsed) -> None:
        self.names = parsed.names
        self.groups = parsed.groups
        self.unread = parsed.unread
        self._parsed = parsed
        self._program = write(parsed.node, MAX_STEPS)
        self._backward_program = write(reverse(parsed.node), MAX_STEPS)
        self._looks: dict[int, Automaton] = {}
        left = MAX_STEPS - len(self._program.steps)
        for number, look in enumerate(parsed.assertions):
            if isinstance(look, Look):
                program = write(look.item if look.behind else reverse(look.item), left)
                left -= len(program.steps)
                self._looks[number] = Automaton(program)

    def found_in(self, text: str) -> bool:
        """Return whether the regex matches anywhere in the text."""
        if self._search is not None:
            return self._search(text) is not None
        if self._program.atomic:
            return self.find(text) is not None
        return self._forward.search(text, self._flags(text))

    def find(self, text: str, start: int = 0) -> Match | None:
        """Return the first match that starts at an offset or behind it: the one a backtracking engine finds."""
        return next(self._matches(text, start), None)

    def finditer(self, text: str) -> Iterator[Match]:
        """Return the matches from left to right; behind an empty one, the next starts a character later."""
        return self._matches(text, 0)

    def _matches(self, text: str, start: int) -> Iterator[Match]:
        flags = self._flags(text)
        matcher = Matcher(self._program, text, flags)
        # No match starts elsewhere: each of these is one, unless atomic groups leave nothing for what follows them.
        for at in _starts(self._backward, text, flags):
            places = matcher.match(at, 2 * self.groups + 2) if at >= start else None
            if places:
                yield Match(text, places, self.names)
                start = places[1]

    def _flags(self, text: str) -> Flags:
        if not self._parsed.assertions:
            return None
        flags = [0] * (len(text) + 1)
        for number, assertion in enumerate(self._parsed.assertions):
            held = self._look(number, assertion, text, flags) if isinstance(assertion, Look) else assertion(text)
            for at in held:
                flags[at] |= 1 << number
        return flags

    def _look(self, number: int, look: Look, text: str, flags: list[int]) -> Iterable[int]:
        automaton = self._looks[number]
        places = automaton.ends(text, flags) if look.behind else _starts(automaton, text, flags)
        return set(range(len(text) + 1)).difference(places) if look.negative else places

    @cached_property
    def _search(self) -> Callable[[str], object] | None:
        return search_of(self._parsed)

    @cached_property
    def _forward(self) -> Automaton:
        return Automaton(self._program)

    @cached_property
    def _backward(self) -> Automaton:
        return Automaton(self._backward_program)


def _starts(backward: Automaton, text: str, flags: Flags) -> list[int]:
    """Return where matches start, from left to right, by the automaton of the reversed regex."""
    ends = backward.ends(text[::-1], flags and flags[::-1])
    return [len(text) - end for end in reversed(ends)]


@lru_cache(maxsize=512)
def compile_pattern(pattern: str) -> Pattern:
    """Return the regex, ready to run.

    Raises ValueError with the problem, for the author of a detection, and the number of the character in the regex,
    for what is no regex and for what has no bound in time.
    """
    return Pattern(parse(pattern))

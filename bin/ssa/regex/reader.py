"""The text of a regex, character by character: quoting, blanks and comments taken care of."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple, NoReturn

MAX_NESTING = 50


class Unit(NamedTuple):
    """A character of the regex: `raw`, after a backslash (`escape`), from \\Q…\\E (`literal`), or the `end`."""

    kind: str
    char: str
    at: int


class Reader:
    """A place in a regex, with the flags that hold there. `fail` raises ValueError."""

    def __init__(self, pattern: str) -> None:
        self.pattern = pattern
        self.units = list(self.read_units())
        self.at = 0
        self.flags = frozenset[str]()
        self.depth = 0

    def read_units(self) -> Iterator[Unit]:
        """Return the units of the whole regex."""
        pattern, at = self.pattern, 0
        while at < len(pattern):
            if pattern[at] != "\\":
                yield Unit("raw", pattern[at], at)
                at += 1
            elif at + 1 == len(pattern):
                self.fail("the backslash escapes nothing", at)
            elif pattern[at + 1] == "Q":
                end = pattern.find("\\E", at)
                end = len(pattern) if end < 0 else end
                yield from (Unit("literal", pattern[i], i) for i in range(at + 2, end))
                at = end + 2
            else:
                yield Unit("escape", pattern[at + 1], at)
                at += 2
        yield Unit("end", "", len(pattern))

    def fail(self, problem: str, at: int) -> NoReturn:
        """Refuse the regex for a problem at an offset."""
        raise ValueError(f"{problem} (character {at + 1} of the regex)")

    def peek(self) -> Unit:
        """Return the next unit that counts: under (?x), blanks and comments do not."""
        while "x" in self.flags and self.units[self.at].kind == "raw" and self.units[self.at].char in " \t\n\v\f\r#":
            comment = self.units[self.at].char == "#"
            self.at += 1
            while comment and self.units[self.at].char not in "\n\r":
                self.at += 1
        return self.units[self.at]

    def next(self) -> Unit:
        """Pass over the next unit and return it."""
        unit = self.peek()
        self.at += unit.kind != "end"
        return unit

    def sees(self, char: str) -> bool:
        """Return whether the character comes next, with the meaning it may have."""
        unit = self.peek()
        return unit.kind == "raw" and unit.char == char

    def take(self, char: str) -> bool:
        """Pass over the character if it comes next, and return whether it did."""
        seen = self.sees(char)
        self.at += seen
        return seen

    def skip_to(self, at: int) -> None:
        """Go on at an offset."""
        while self.units[self.at].at < at:
            self.at += 1

    def enter(self, unit: Unit) -> None:
        """Go one level down, at a group or set that the unit opens."""
        self.depth += 1
        if self.depth > MAX_NESTING:
            self.fail(f"nested more than {MAX_NESTING} deep", unit.at)

"""The text of a regex -> nodes, by the rules of java.util.regex.Pattern."""

from __future__ import annotations

import re

from . import characters, edges
from .nodes import Assertion, Atomic, Chars, Choice, Group, Look, Node, Parsed, Repeat, Sequence
from .reader import Unit
from .sets import SetReader

MAX_COUNT = 1000

_COUNT = re.compile(r"\{([0-9]+)(,?)([0-9]*)\}")
_HEADER = re.compile(
    r"\((?:(?!\?)|\?(?:P?<(?P<name>[A-Za-z]\w*)>|(?P<kind>[:>=!]|<[=!])"
    r"|(?P<on>[A-Za-z]*)(?P<off>-[A-Za-z]*)?(?P<end>[:)])))",
    re.ASCII,
)
_FLAGS = "imsudx"


class _Parser(SetReader):
    def __init__(self, pattern: str) -> None:
        super().__init__(pattern)
        self.looks: list[str] = []
        self.assertions: list[edges.Edge | Look] = []
        self.names: dict[str, int] = {}
        self.unread: frozenset[int] = frozenset()
        self.groups = 0

    def parse(self) -> Parsed:
        node = self.choice()
        if self.peek().kind != "end":
            self.fail("this ) closes nothing: \\) is the character", self.peek().at)
        return Parsed(node, tuple(self.assertions), self.names, self.groups, self.unread)

    def choice(self) -> Node:
        options = [self.sequence()]
        while self.take("|"):
            options.append(self.sequence())
        return options[0] if len(options) == 1 else Choice(tuple(options))

    def sequence(self) -> Node:
        items: list[Node] = []
        while self.peek().kind != "end" and not self.sees("|") and not self.sees(")"):
            atom = self.atom(self.next())
            if atom is not None:
                items.append(self.repeated(atom))
        return items[0] if len(items) == 1 else Sequence(tuple(items))

    def atom(self, unit: Unit) -> Node | None:
        """Return what starts at the unit; None for flags, which are no node."""
        if unit.kind == "escape":
            return self.escape(unit)
        if unit.kind == "raw":
            if unit.char == "(":
                return self.group(unit)
            if unit.char == "[":
                return Chars(self.char_class(unit))
            if unit.char == ".":
                return Chars(self.dot())
            if unit.char == "^":
                lines = edges.unix_line_start if "d" in self.flags else edges.line_start
                return self.assertion(lines if "m" in self.flags else edges.start)
            if unit.char == "$":
                lines = edges.unix_line_end if "d" in self.flags else edges.line_end
                return self.assertion(lines if "m" in self.flags else self.last())
            if unit.char in "*+?{":
                self.fail(f"nothing to repeat before {unit.char}: \\{unit.char} is the character", unit.at)
        return Chars(self.cased(frozenset(unit.char)))

    def repeated(self, atom: Node) -> Node:
        unit = self.peek()
        if unit.kind != "raw" or unit.char not in "*+?{":
            return atom
        least, most = self.bounds(unit)
        if self.take("?"):
            return Repeat(atom, least, most, False)
        if self.sees("+"):
            self.refuse_in_look("a possessive quantifier", self.next())
            # Each round keeps its first match too; where one round is enough, the last is the only one that can fail.
            return Atomic(Repeat(Atomic(atom) if least > 1 else atom, least, most, True))
        return Repeat(atom, least, most, True)

    def bounds(self, unit: Unit) -> tuple[int, int | None]:
        if unit.char != "{":
            self.next()
            return int(unit.char == "+"), 1 if unit.char == "?" else None
        count = _COUNT.match(self.pattern, unit.at)
        if not count:
            self.fail("no count such as {2}, {2,} or {2,5}: \\{ is the character", unit.at)
        self.skip_to(count.end())
        least = int(count[1])
        most = least if not count[2] else int(count[3]) if count[3] else None
        if most is not None and most < least:
            self.fail("the count ends below its start", unit.at)
        if max(least, most or 0) > MAX_COUNT:
            self.fail(f"the count is over {MAX_COUNT}", unit.at)
        return least, most

    def group(self, unit: Unit) -> Node | None:
        header = _HEADER.match(self.pattern, unit.at)
        if not header:
            self.fail("unknown kind of group after (?", unit.at)
        kind, flags = header["kind"], header["end"]
        self.skip_to(header.end())
        if flags == ")":
            self.switch(header)
            return None
        self.enter(unit)
        outer = self.flags
        if flags:
            self.switch(header)
        number = 0 if kind or flags else self.capture(header["name"], unit)
        if kind == ">":
            self.refuse_in_look("an atomic group", unit)
        look = kind in ("=", "!", "<=", "<!")
        self.looks += [kind] * look
        node = self.choice()
        del self.looks[len(self.looks) - look :]
        if not self.take(")"):
            self.fail("this ( is not closed", unit.at)
        self.flags = outer
        self.depth -= 1
        if look:
            self.assertions.append(Look(node, kind[0] == "<", kind[-1] == "!"))
            return Assertion(len(self.assertions) - 1)
        return Atomic(node) if kind == ">" else Group(node, number) if number else node

    def switch(self, header: re.Match[str]) -> None:
        for part, letters in (("on", header["on"]), ("off", header["off"] or "")):
            for at, letter in enumerate(letters, header.start(part)):
                if letter not in _FLAGS + "-":
                    self.fail(f"unknown flag {letter}: the flags are {' '.join(_FLAGS)}", at)
        self.flags = self.flags.union(header["on"]).difference(header["off"] or "")

    def capture(self, name: str | None, unit: Unit) -> int:
        self.groups += 1
        # Where a negative lookaround holds, nothing in it has matched: its groups take no part.
        if self.looks and not any("!" in kind for kind in self.looks):
            if name:
                self.refuse_in_look("a group with a name", unit)
            self.unread = self.unread | {self.groups}
        if name in self.names:
            self.fail(f"a second group named {name}", unit.at)
        if name:
            self.names[name] = self.groups
        return self.groups

    def refuse_in_look(self, what: str, unit: Unit) -> None:
        if self.looks:
            self.fail(f"{what} inside a lookaround is not supported", unit.at)

    def assertion(self, edge: edges.Edge) -> Node:
        if edge not in self.assertions:
            self.assertions.append(edge)
        return Assertion(self.assertions.index(edge))

    def last(self) -> edges.Edge:
        return edges.unix_last if "d" in self.flags else edges.last

    def escape(self, unit: Unit) -> Node:
        placed = {"A": edges.start, "z": edges.end, "Z": self.last(), "b": edges.word_edge, "B": edges.no_word_edge}
        if unit.char in placed:
            return self.assertion(placed[unit.char])
        if unit.char == "R":
            pair = Sequence((Chars(frozenset("\r")), Chars(frozenset("\n"))))
            return Choice((pair, Chars(characters.DOWN)))
        if unit.char in "123456789k":
            self.fail("a backreference is not supported: no bound holds for the time it takes", unit.at)
        return Chars(self.escaped_set(unit) or self.cased(frozenset(self.character(unit))))


def parse(pattern: str) -> Parsed:
    """Return the parts of a regex.

    Raises ValueError with the problem and its place for what is no regex, and for what has no bound in time:
    backreferences; named groups, atomic groups and possessive quantifiers inside lookarounds.
    """
    return _Parser(pattern).parse()

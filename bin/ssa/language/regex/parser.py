"""The text of a regex -> nodes, by the rules of java.util.regex.Pattern (Java 17)."""

from __future__ import annotations

import re
from collections.abc import Container, Iterator
from typing import NamedTuple, NoReturn

from . import characters, edges
from .nodes import Assertion, Atomic, Chars, Choice, Group, Look, Node, Parsed, Repeat, Sequence

MAX_NESTING = 50
MAX_COUNT = 1000

_COUNT = re.compile(r"\{([0-9]+)(,?)([0-9]*)\}")
_HEADER = re.compile(
    r"\((?:(?!\?)|\?(?:P?<(?P<name>[A-Za-z]\w*)>|(?P<kind>[:>=!]|<[=!])|(?P<on>[A-Za-z]*)(?P<off>-[A-Za-z]*)?(?P<end>[:)])))",
    re.ASCII,
)
_CODE = re.compile(
    r"\\(?:0(?P<octal>[0-3]?[0-7]{1,2})|x(?P<two>[0-9a-fA-F]{2})|x\{(?P<any>[0-9a-fA-F]{1,6})\}"
    r"|u(?P<high>[dD][89abAB][0-9a-fA-F]{2})\\u(?P<low>[dD][c-fC-F][0-9a-fA-F]{2})"
    r"|u(?P<four>[0-9a-fA-F]{4})|c(?P<control>[^\\]))"
)
_PROPERTY = re.compile(r"\\[pP](?:\{([^}]*)\}|(\w))")
_CONTROLS = {"t": "\t", "n": "\n", "r": "\r", "f": "\f", "a": "\a", "e": "\x1b"}
_FLAGS = "imsudx"


class _Unit(NamedTuple):
    """A character of the regex: `raw`, after a backslash (`escape`), from \\Q…\\E (`literal`), or the `end`."""

    kind: str
    char: str
    at: int


class _Parser:
    def __init__(self, pattern: str) -> None:
        self.pattern = pattern
        self.units = list(self.read_units())
        self.at = 0
        self.flags = frozenset[str]()
        self.depth = 0
        self.looks = 0
        self.assertions: list[edges.Edge | Look] = []
        self.names: dict[str, int] = {}
        self.groups = 0

    def read_units(self) -> Iterator[_Unit]:
        pattern, at = self.pattern, 0
        while at < len(pattern):
            if pattern[at] != "\\":
                yield _Unit("raw", pattern[at], at)
                at += 1
            elif at + 1 == len(pattern):
                self.fail("the backslash escapes nothing", at)
            elif pattern[at + 1] == "Q":
                end = pattern.find("\\E", at)
                end = len(pattern) if end < 0 else end
                yield from (_Unit("literal", pattern[i], i) for i in range(at + 2, end))
                at = end + 2
            else:
                yield _Unit("escape", pattern[at + 1], at)
                at += 2
        yield _Unit("end", "", len(pattern))

    def fail(self, problem: str, at: int) -> NoReturn:
        raise ValueError(f"{problem} (character {at + 1} of the regex)")

    def peek(self) -> _Unit:
        """Return the next unit that counts: under (?x), blanks and comments do not."""
        while "x" in self.flags and self.units[self.at].kind == "raw" and self.units[self.at].char in " \t\n\v\f\r#":
            comment = self.units[self.at].char == "#"
            self.at += 1
            while comment and self.units[self.at].char not in "\n\r":
                self.at += 1
        return self.units[self.at]

    def next(self) -> _Unit:
        unit = self.peek()
        self.at += unit.kind != "end"
        return unit

    def sees(self, char: str) -> bool:
        unit = self.peek()
        return unit.kind == "raw" and unit.char == char

    def take(self, char: str) -> bool:
        seen = self.sees(char)
        self.at += seen
        return seen

    def skip_to(self, at: int) -> None:
        while self.units[self.at].at < at:
            self.at += 1

    def enter(self, unit: _Unit) -> None:
        self.depth += 1
        if self.depth > MAX_NESTING:
            self.fail(f"nested more than {MAX_NESTING} deep", unit.at)

    # What a regex is made of

    def parse(self) -> Parsed:
        node = self.choice()
        if self.peek().kind != "end":
            self.fail("this ) closes nothing: \\) is the character", self.peek().at)
        return Parsed(node, tuple(self.assertions), self.names, self.groups)

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

    def atom(self, unit: _Unit) -> Node | None:
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

    def bounds(self, unit: _Unit) -> tuple[int, int | None]:
        if unit.char != "{":
            self.next()
            return int(unit.char == "+"), 1 if unit.char == "?" else None
        found = _COUNT.match(self.pattern, unit.at)
        if not found:
            self.fail("no count such as {2}, {2,} or {2,5}: \\{ is the character", unit.at)
        self.skip_to(found.end())
        least = int(found[1])
        most = least if not found[2] else int(found[3]) if found[3] else None
        if most is not None and most < least:
            self.fail("the count ends below its start", unit.at)
        if max(least, most or 0) > MAX_COUNT:
            self.fail(f"the count is over {MAX_COUNT}", unit.at)
        return least, most

    def group(self, unit: _Unit) -> Node | None:
        found = _HEADER.match(self.pattern, unit.at)
        if not found:
            self.fail("unknown kind of group after (?", unit.at)
        kind, flags = found["kind"], found["end"]
        self.skip_to(found.end())
        if flags == ")":
            self.switch(found)
            return None
        self.enter(unit)
        outer = self.flags
        if flags:
            self.switch(found)
        number = 0 if kind or flags else self.capture(found["name"], unit)
        if kind == ">":
            self.refuse_in_look("an atomic group", unit)
        look = kind in ("=", "!", "<=", "<!")
        self.looks += look
        node = self.choice()
        self.looks -= look
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

    def capture(self, name: str | None, unit: _Unit) -> int:
        self.refuse_in_look("a capturing group", unit)
        self.groups += 1
        if name in self.names:
            self.fail(f"a second group named {name}", unit.at)
        if name:
            self.names[name] = self.groups
        return self.groups

    def refuse_in_look(self, what: str, unit: _Unit) -> None:
        if self.looks:
            self.fail(f"{what} inside a lookaround is not supported", unit.at)

    def assertion(self, edge: edges.Edge) -> Node:
        if edge not in self.assertions:
            self.assertions.append(edge)
        return Assertion(self.assertions.index(edge))

    def last(self) -> edges.Edge:
        return edges.unix_last if "d" in self.flags else edges.last

    # Characters

    def dot(self) -> Container[str]:
        if "s" in self.flags:
            return characters.ANY
        return characters.IN_A_UNIX_LINE if "d" in self.flags else characters.IN_A_LINE

    def cased(self, some: Container[str]) -> Container[str]:
        return characters.without_case(some, "u" in self.flags) if "i" in self.flags else some

    def escape(self, unit: _Unit) -> Node:
        placed = {"A": edges.start, "z": edges.end, "Z": self.last(), "b": edges.word_edge, "B": edges.no_word_edge}
        if unit.char in placed:
            return self.assertion(placed[unit.char])
        if unit.char == "R":
            pair = Sequence((Chars(frozenset("\r")), Chars(frozenset("\n"))))
            return Choice((pair, Chars(characters.DOWN)))
        if unit.char in "123456789k":
            self.fail("a backreference is not supported: no bound holds for the time it takes", unit.at)
        return Chars(self.escaped_set(unit) or self.cased(frozenset(self.character(unit))))

    def escaped_set(self, unit: _Unit) -> Container[str] | None:
        """Return the set that an escape such as \\d or \\p{Lu} stands for; None where it is one character."""
        if unit.kind != "escape" or unit.char not in "pP":
            return characters.ESCAPES.get(unit.char) if unit.kind == "escape" else None
        found = _PROPERTY.match(self.pattern, unit.at)
        if not found:
            self.fail(f"\\{unit.char} needs a property, as in \\{unit.char}{{Alpha}}", unit.at)
        self.skip_to(found.end())
        name = found[2] or found[1]
        some = characters.named(name, "i" in self.flags)
        if some is None:
            self.fail(f"unknown property {name}", unit.at)
        return characters.others(some) if unit.char == "P" else some

    def character(self, unit: _Unit) -> str:
        """Return the one character that a unit stands for."""
        if unit.kind != "escape":
            return unit.char
        if unit.char in _CONTROLS:
            return _CONTROLS[unit.char]
        if not (unit.char.isascii() and unit.char.isalnum()):
            return unit.char
        found = _CODE.match(self.pattern, unit.at)
        if not found:
            self.fail(f"unknown or incomplete escape \\{unit.char}", unit.at)
        self.skip_to(found.end())
        if found["control"]:
            return chr(ord(found["control"]) ^ 64)
        if found["high"]:
            return bytes.fromhex(found["high"] + found["low"]).decode("utf-16-be")
        code = int(found["octal"], 8) if found["octal"] else int(found["two"] or found["any"] or found["four"], 16)
        if code > 0x10FFFF:
            self.fail("no character has this number", unit.at)
        return chr(code)

    def char_class(self, unit: _Unit) -> Container[str]:
        self.enter(unit)
        negated = self.take("^")
        operands: list[Container[str]] = []
        sets: list[Container[str]] = []
        while True:
            item = self.next()
            if item.kind == "end":
                self.fail("this [ is not closed", unit.at)
            if item[:2] == ("raw", "]") and (sets or operands):
                break
            if item[:2] == ("raw", "&") and self.sees("&"):
                self.next()
                operands.append(self.operand(sets, item))
                sets = []
            else:
                sets.append(self.char_class(item) if item[:2] == ("raw", "[") else self.class_item(item))
        operands.append(self.operand(sets, item))
        self.depth -= 1
        return characters.others(characters.common(operands)) if negated else characters.common(operands)

    def operand(self, sets: list[Container[str]], unit: _Unit) -> Container[str]:
        if not sets:
            self.fail("&& needs characters on both sides", unit.at)
        return characters.union(sets)

    def class_item(self, unit: _Unit) -> Container[str]:
        some = self.escaped_set(unit)
        if some is not None:
            return some
        first = self.character(unit)
        after = self.units[self.at + 1] if self.sees("-") else None
        if after is None or after.kind == "end" or after[:2] in (("raw", "["), ("raw", "]")):
            return self.cased(frozenset(first))
        self.next()
        unit = self.next()
        last = "" if self.escaped_set(unit) else self.character(unit)
        if last < first:
            self.fail("the range does not end at a character after its start", unit.at)
        return self.cased(characters.between(first, last))


def parse(pattern: str) -> Parsed:
    """Return the parts of a regex.

    Raises ValueError with the problem and its place for what is no regex, and for what has no bound in time:
    backreferences; groups, atomic groups and possessive quantifiers inside lookarounds.
    """
    return _Parser(pattern).parse()

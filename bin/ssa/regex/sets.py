"""What stands for one character in a regex: escapes, properties and sets in brackets."""

from __future__ import annotations

import re
from collections.abc import Container

from . import characters
from .reader import Reader, Unit

_CODE = re.compile(
    r"\\(?:0(?P<octal>[0-3]?[0-7]{1,2})|x(?P<two>[0-9a-fA-F]{2})|x\{(?P<any>[0-9a-fA-F]{1,6})\}"
    r"|u(?P<high>[dD][89abAB][0-9a-fA-F]{2})\\u(?P<low>[dD][c-fC-F][0-9a-fA-F]{2})"
    r"|u(?P<four>[0-9a-fA-F]{4})|c(?P<control>[^\\]))"
)
_PROPERTY = re.compile(r"\\[pP](?:\{([^}]*)\}|(\w))")
_CONTROLS = {"t": "\t", "n": "\n", "r": "\r", "f": "\f", "a": "\a", "e": "\x1b"}


class SetReader(Reader):
    """Reads the set of characters that a unit opens."""

    def dot(self) -> Container[str]:
        """Return what a dot stands for."""
        if "s" in self.flags:
            return characters.ANY
        return characters.IN_A_UNIX_LINE if "d" in self.flags else characters.IN_A_LINE

    def cased(self, some: Container[str]) -> Container[str]:
        """Return the set, in both cases where the flags say so."""
        return characters.without_case(some, "u" in self.flags) if "i" in self.flags else some

    def escaped_set(self, unit: Unit) -> Container[str] | None:
        """Return the set that an escape such as \\d or \\p{Lu} stands for; None where it is one character."""
        if unit.kind != "escape" or unit.char not in "pP":
            return characters.ESCAPES.get(unit.char) if unit.kind == "escape" else None
        match = _PROPERTY.match(self.pattern, unit.at)
        if not match:
            self.fail(f"\\{unit.char} needs a property, as in \\{unit.char}{{Alpha}}", unit.at)
        self.skip_to(match.end())
        name = match[2] or match[1]
        some = characters.named(name, "i" in self.flags)
        if some is None:
            self.fail(f"unknown property {name}", unit.at)
        return characters.others(some) if unit.char == "P" else some

    def character(self, unit: Unit) -> str:
        """Return the one character that a unit stands for."""
        if unit.kind != "escape":
            return unit.char
        if unit.char in _CONTROLS:
            return _CONTROLS[unit.char]
        if not (unit.char.isascii() and unit.char.isalnum()):
            return unit.char
        match = _CODE.match(self.pattern, unit.at)
        if not match:
            self.fail(f"unknown or incomplete escape \\{unit.char}", unit.at)
        self.skip_to(match.end())
        if match["control"]:
            return chr(ord(match["control"]) ^ 64)
        if match["high"]:
            return bytes.fromhex(match["high"] + match["low"]).decode("utf-16-be")
        code = int(match["octal"], 8) if match["octal"] else int(match["two"] or match["any"] or match["four"], 16)
        if code > 0x10FFFF:
            self.fail("no character has this number", unit.at)
        return chr(code)

    def char_class(self, unit: Unit) -> Container[str]:
        """Return the set that the bracket opens."""
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

    def operand(self, sets: list[Container[str]], unit: Unit) -> Container[str]:
        """Return the set on one side of an &&, or the whole without any."""
        if not sets:
            self.fail("&& needs characters on both sides", unit.at)
        return characters.union(sets)

    def class_item(self, unit: Unit) -> Container[str]:
        """Return a character, range or escape of a set in brackets."""
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

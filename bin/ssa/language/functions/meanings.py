"""What a function means to whoever reads a program before any event: how its result comes from its arguments.

An entry of the registry states one of these. No other file of the library knows a function by its name.
"""

from __future__ import annotations

from ssa.immutable import Immutable

LOWER, UPPER = "lower", "upper"
RECASED = {LOWER: str.lower, UPPER: str.upper}
"""Case of letters -> how a text is put into it."""

LIKE, REGEX = "LIKE pattern", "regex"
"""Kinds of patterns, as a message names them."""


class Meaning(Immutable):
    """The base of all. A function without a meaning is known by the types of its arguments and its result alone."""


class Choice(Meaning):
    """One of these arguments, a list of some of them (or of what they list), or null."""

    arguments: slice


class Assertion(Choice):
    """The first argument where it is of the type that the second names, else the third, which is null by default."""


class Conversion(Meaning):
    """The first argument as a value of the type that the second names; a text stays as it is where that is string."""


class Part(Meaning):
    """A part of the text that the first argument is, or a list of parts."""


class ChangeOfCase(Meaning):
    """The text that the first argument is, in a case: LOWER or UPPER."""

    case: str


class Match(Meaning):
    """Whether the text that the first argument is matches the second, a pattern of this kind: LIKE or REGEX."""

    kind: str


class Member(Meaning):
    """What the map that the first argument is has under the key that the second is."""


class NewMap(Meaning):
    """A map of the list that the first argument is: keys and values in turn."""

"""What a function means to whoever reads a program before any event: how its result comes from its arguments.

An entry of the registry states one of these. No other file of the library knows a function by its name.
"""

from __future__ import annotations

from ssa.immutable import Immutable

LOWER, UPPER = "lower", "upper"
RECASED = {LOWER: str.lower, UPPER: str.upper}
"""Case of letters -> how a text is put into it."""

LIKE_PATTERN, REGEX = "LIKE pattern", "regex"
"""Kinds of patterns, as a message names them."""


class Meaning(Immutable):
    """The base of all. A function without a meaning is known by the types of its arguments and its result alone."""


class OneOf(Meaning):
    """One of these arguments, a list of some of them (or of what they list), or null."""

    arguments: slice


class FirstOf(OneOf):
    """The first of these arguments that is not null."""


class TypeAssertion(OneOf):
    """The first argument where it is of the type that the second names, else the third, which is null by default."""


class TypeConversion(Meaning):
    """The first argument as a value of the type that the second names; a text stays as it is where that is string."""


class PartOfText(Meaning):
    """A part of the first argument, which is a text, or a list of parts."""


class ChangeOfCase(Meaning):
    """The first argument, which is a text, in a case: LOWER or UPPER."""

    case: str


class PatternTest(Meaning):
    """Whether the first argument, a text, matches the second, a pattern of this kind: LIKE_PATTERN or REGEX."""

    kind: str


class MemberOfMap(Meaning):
    """What the first argument, a map, has under the second, its key."""


class NewMap(Meaning):
    """A map of the first argument, which is a list of keys and values in turn."""

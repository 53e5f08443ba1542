"""Sets of characters, as Java's regexes name them (java.util.regex.Pattern): tested with `in`."""

from __future__ import annotations

import re
import string
import unicodedata
from collections.abc import Container, Iterable
from functools import lru_cache
from typing import Callable

MOST_LISTED = 128
"""A range of so many characters is kept as their list."""


class CharacterSet(Container[str]):
    """The characters that pass a test."""

    def __init__(self, test: Callable[[str], bool]) -> None:
        self.test = test

    def __contains__(self, ch: object) -> bool:
        return isinstance(ch, str) and self.test(ch)


class Others(CharacterSet):
    """The characters that a set does not have."""

    def __init__(self, left_out: Container[str]) -> None:
        super().__init__(lambda ch: ch not in left_out)
        self.left_out = left_out


def between(first: str, last: str) -> Container[str]:
    """Return the characters from the first to the last."""
    if ord(last) - ord(first) < MOST_LISTED:
        return frozenset(map(chr, range(ord(first), ord(last) + 1)))
    return CharacterSet(lambda ch: first <= ch <= last)


def union(sets: Iterable[Container[str]]) -> Container[str]:
    """Return the characters of any of the sets."""
    every = tuple(sets)
    listed = [each for each in every if isinstance(each, frozenset)]
    if len(listed) == len(every):
        return frozenset[str]().union(*listed)
    return every[0] if len(every) == 1 else CharacterSet(lambda ch: any(ch in each for each in every))


def common(sets: Iterable[Container[str]]) -> Container[str]:
    """Return the characters that all of the sets have."""
    every = tuple(sets)
    return every[0] if len(every) == 1 else CharacterSet(lambda ch: all(ch in each for each in every))


def others(some: Container[str]) -> Container[str]:
    """Return the characters that the set does not have."""
    return Others(some)


def without_case(some: Container[str], unicode: bool) -> Container[str]:
    """Return the set and the other case of its characters: of ASCII letters only, unless `unicode`."""
    if not unicode:
        if isinstance(some, frozenset):
            return frozenset(case for ch in some for case in (ch, _other_case(ch)))
        return CharacterSet(lambda ch: ch in some or _other_case(ch) in some)
    if isinstance(some, frozenset):
        # Only what has a capital: ẞ matches ß, but ß does not match ẞ.
        folded = frozenset(_folded(ch) for ch in some if _upper(ch) != _folded(ch))
        return CharacterSet(lambda ch: ch in some or _folded(ch) in folded)
    return CharacterSet(lambda ch: ch in some or _upper(ch) in some or _folded(ch) in some)


def _other_case(ch: str) -> str:
    return ch.swapcase() if ch.isascii() else ch


def _upper(ch: str) -> str:
    # Character for character, as Java does it: the capital of ᾀ is ᾈ, and that of ß is ß, not SS.
    return next((upper for upper in (ch.upper(), ch.title()) if len(upper) == 1), ch)


def _folded(ch: str) -> str:
    return _upper(ch).lower()[0]


def as_class(some: Container[str]) -> str | None:
    """Write a set as `re` does; None where it is neither a list of characters nor all but one."""
    if isinstance(some, frozenset):
        return f"[{ranges(map(ord, some))}]" if len(some) > 1 else ranges(map(ord, some)) or None
    if some is ANY:
        return r"[\s\S]"
    left_out = some.left_out if isinstance(some, Others) else None
    return f"[^{ranges(map(ord, left_out))}]" if isinstance(left_out, frozenset) and left_out else None


def ranges(codes: Iterable[int]) -> str:
    """Write characters by their codes as they stand in a class of `re`, those in a row as a range."""
    found: list[tuple[int, int]] = []
    for code in sorted(codes):
        start = found.pop()[0] if found and found[-1][1] == code - 1 else code
        found.append((start, code))
    return "".join(_escaped(start) + f"-{_escaped(end)}" * (end > start) for start, end in found)


def _escaped(code: int) -> str:
    return f"\\x{code:02x}" if code < 128 else f"\\U{code:08x}"


DIGITS = frozenset(string.digits)
WORD = frozenset(string.ascii_letters + string.digits + "_")
SPACES = frozenset(" \t\n\v\f\r")
ACROSS = frozenset(" \t\xa0\u1680\u180e\u202f\u205f\u3000").union(map(chr, range(0x2000, 0x200B)))
DOWN = frozenset("\n\v\f\r\x85\u2028\u2029")
LINE_ENDS = frozenset("\n\r\x85\u2028\u2029")
ANY = CharacterSet(lambda ch: True)
IN_A_LINE = others(LINE_ENDS)
IN_A_UNIX_LINE = others(frozenset("\n"))

ESCAPES: dict[str, Container[str]] = {"d": DIGITS, "w": WORD, "s": SPACES, "h": ACROSS, "v": DOWN}
ESCAPES.update({name.upper(): others(some) for name, some in list(ESCAPES.items())})
"""Letter after a backslash -> its set."""

_GRAPHIC = frozenset(string.ascii_letters + string.digits + string.punctuation)
_PROPERTIES: dict[str, Container[str]] = {
    "Lower": frozenset(string.ascii_lowercase),
    "Upper": frozenset(string.ascii_uppercase),
    "ASCII": between("\0", "\x7f"),
    "Alpha": frozenset(string.ascii_letters),
    "Digit": DIGITS,
    "Alnum": frozenset(string.ascii_letters + string.digits),
    "Punct": frozenset(string.punctuation),
    "Graph": _GRAPHIC,
    "Print": _GRAPHIC | {" "},
    "Blank": frozenset(" \t"),
    "Cntrl": union([between("\0", "\x1f"), frozenset("\x7f")]),
    "XDigit": frozenset(string.hexdigits),
    "Space": SPACES,
    # Java counts some marks as alphabetic too, which Python's tables do not.
    "IsAlphabetic": CharacterSet(
        lambda ch: ch.isalpha() or ch.isupper() or ch.islower() or unicodedata.category(ch) == "Nl"
    ),
    "IsLetter": CharacterSet(str.isalpha),
    "IsDigit": CharacterSet(str.isdecimal),
    "IsUppercase": CharacterSet(str.isupper),
    "IsLowercase": CharacterSet(str.islower),
}
_CASES = (("Lower", "Upper"), ("Lu", "Ll", "Lt", "IsLu", "IsLl", "IsLt"), ("IsLowercase", "IsUppercase", "Lt"))
_CATEGORY = re.compile("(?:Is)?(L[ulmto]?|M[nce]?|N[dlo]?|P[cdseifo]?|S[mcko]?|Z[slp]?|C[cfson]?)")


@lru_cache(maxsize=64)
def named(name: str, any_case: bool) -> Container[str] | None:
    r"""Return the set that \p{name} stands for, None where the name is not known.

    In any case, a name for one of upper and lower case stands for both.
    """
    for names in _CASES if any_case else ():
        if name in names:
            return union(filter(None, (named(each, False) for each in names)))
    category = _CATEGORY.fullmatch(name)
    if category:
        return CharacterSet(lambda ch: unicodedata.category(ch).startswith(category[1]))
    return _PROPERTIES.get(name)

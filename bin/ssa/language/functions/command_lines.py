"""A command line of Windows in arguments, cut as msiexec cuts it, and the switches in them, however they are written.

msiexec cuts its command line itself. The rules, by *Command-Line Options* (Windows Installer) and by the reading of
msiexec's arguments that Microsoft publishes in winget-cli (MsiExecArguments.cpp): spaces and tabs separate arguments,
and line feeds as they do; one that begins with a quote ends at the next quote, or where the line ends; any other goes
on to a blank outside quotes; two quotes in quotes are one. *CommandLineToArgvW* and *Parsing C command-line arguments*
differ in two places: a backslash before a quote, and text right behind a closing one. Both are left to the reader to
doubt.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from typing import NamedTuple

QUOTED, DASH, LETTER = "quoted switch", "look-alike dash", "look-alike letter"
FOREIGN_BLANK, BLANKS, CASE = "foreign blank", "unusual blanks", "mixed case"

_ODD_SPACES = (0x7F, 0x85, 0xA0, 0xAD, 0x1680, *range(0x2000, 0x2010), 0x2028, 0x2029, 0x202F, 0x205F, 0x2060, 0x3000)
FOREIGN = "".join(map(chr, (*range(0x21), *_ODD_SPACES, 0xFEFF)))
"""What looks like a blank, or like nothing. Only space, tab and line feed separate arguments."""

_DASHES = (0x58A, 0x5BE, 0x1806, *range(0x2010, 0x2016), 0x2053, 0x207B, 0x208B, 0x2212, 0x2E3A, 0x2E3B, 0x30A0)
_WIDE_DASHES = (0xFE31, 0xFE32, 0xFE58, 0xFE63, 0xFF0D)
_SLASHES = (0x2044, 0x2215, 0x29F8, 0xFF0F)
_LOOK_ALIKES = frozenset(map(chr, (*_DASHES, *_WIDE_DASHES, *_SLASHES)))

_ARGUMENT = re.compile(r'([ \t\r\n]*)("[^"]*"?|[^ \t\r\n"](?:[^ \t\r\n"]+|"[^"]*"?)*)')
_SEPARATORS = " \t\r\n"
_IN_QUOTES = re.compile(r'"((?:[^"]+|"")*)"?')
_LONGEST = 16
"""More letters than any switch has."""


class Argument(NamedTuple):
    """An argument: its text without quotes, as it was written, and the blanks before it."""

    text: str
    raw: str
    gap: str


class Switch(NamedTuple):
    """A switch: its name in small letters, the text that follows in the same argument, and how it is disguised."""

    name: str
    rest: str
    marks: tuple[str, ...]


def arguments(line: str) -> Iterator[Argument]:
    """Yield the arguments of a line, the program first. Takes time in proportion to the line; never raises."""
    # Neither pattern can fail once it has begun, so it never goes back: behind blanks there is an argument.
    for match in _ARGUMENT.finditer(line.rstrip(_SEPARATORS)):
        gap, raw = match.groups()
        yield Argument(without_quotes(raw), raw, gap)


def without_quotes(raw: str) -> str:
    """Return a text without its quotes; two of them in quotes are one."""
    return _IN_QUOTES.sub(lambda run: run[1].replace('""', '"'), raw) if '"' in raw else raw


def ends_in_quotes(line: str) -> bool:
    """Return whether a quote stays open at the end of a line."""
    return line.count('"') % 2 == 1


def switch_in(argument: Argument, names: Collection[str]) -> Switch | None:
    """Return the switch that an argument is: one of the long `names`, else its first character; null for none.

    This is the widest reading. What msiexec is known to accept is / or - as the very first character, and for long
    names letters in any case, modifier letters too (ArgFuscator's model of msiexec, Windows 11); a published scan of
    `/y` with all characters up to U+FFFE found no other dash, no other letter and no quotes that work (wietze,
    windows-command-line-obfuscation, msiexec.log). Other versions may differ: `marks` names what was needed to read it.
    """
    start = argument.text.lstrip(FOREIGN)
    if start[:1] not in ("/", "-") and start[:1] not in _LOOK_ALIKES:
        return None
    name, end = _name(start, names)
    written, before = start[1:end], len(argument.text) - len(start)
    marks = (
        (QUOTED, '"' in argument.raw[: before + end]),
        (DASH, start[0] in _LOOK_ALIKES),
        (LETTER, not written.isascii()),
        (FOREIGN_BLANK, before > 0),
        (CASE, name in names and written not in (written.lower(), written.upper(), written.capitalize())),
        (BLANKS, argument.gap not in (" ", "")),
    )
    return Switch(name, start[end:], tuple(mark for mark, there in marks if there))


def _name(start: str, names: Collection[str]) -> tuple[str, int]:
    """Return the name of a switch and where it ends."""
    letters, ends = "", []
    for at in range(1, len(start)):
        looks = _looks(start[at])
        if looks and (not looks.isascii() or not looks.isalpha() or len(letters) > _LONGEST):
            break
        letters += looks
        ends += [at + 1] * len(looks)
    if letters in names:
        return letters, ends[-1]
    return (letters[0], ends[0]) if letters else (start[1:2], 2)


def _looks(character: str) -> str:
    """Return what a character looks like, in small letters; nothing for one that is not seen."""
    if character.isascii():
        return character.lower()
    import unicodedata  # hardly any command line needs it

    if unicodedata.category(character) in ("Cf", "Mn", "Me"):
        return ""
    return unicodedata.normalize("NFKC", character).lower()

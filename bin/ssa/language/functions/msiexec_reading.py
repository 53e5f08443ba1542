"""What a command line makes msiexec do, by the published rules, and what is not certain of it.

The switches, what follows them and what goes together are those of *Command-Line Options* and *Standard Installer
Command-Line Options* (Windows Installer), and *msiexec* (Windows Server commands). Of switches that Windows itself
uses: `/V` starts the service (its ImagePath), `-Embedding` serves custom actions, `/I{…}` and `/X{…}` stand in
UninstallString. Within an argument a further / or - begins the next switch, and a value may follow without a blank:
`/Q/I"http://…"` is how Raspberry Robin was seen to write it, and Elastic's rules look for `-q/i`. That an option takes
the very next argument, whatever that is, and long names are whole words that stand for short ones: winget-cli,
MsiExecArguments.cpp. `/regserver`, `/unregserver`, `/@`: as Wine's msiexec has them.

Reading is wide: what may be a switch counts as one, so that a disguise does not hide it, and `unsure` holds why msiexec
may read it otherwise. Where by its documentation an error shows the help instead, the line is still read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from ..values import Value
from . import command_lines as lines
from .places import NONE, REMOTE, place, server

INSTALL, PATCH, UNINSTALL, REGISTER, UNREGISTER = "install", "patch", "uninstall", "register", "unregister"
ADMINISTRATIVE, EMBEDDING, UNKNOWN, NOTHING = "administrative install", "embedding", "unknown", "none"

ON_OPERAND = {
    "i": INSTALL,
    "a": ADMINISTRATIVE,
    "j": "advertise",
    "f": "repair",
    "x": UNINSTALL,
    "p": PATCH,
    "y": REGISTER,
    "z": UNREGISTER,
    "embedding": EMBEDDING,
}
ALONE = {
    "v": "service",
    "h": "help",
    "?": "help",
    "regserver": "register service",
    "unregserver": "unregister service",
    "unregister": "unregister service",
    "unreg": "unregister service",
}
LATER = ("l", "t", "g", "n", "m", "@")
"""Switches whose value is not what is installed or loaded: of those of one argument, they take the last values."""

LONG = {"package": "i", "uninstall": "x", "update": "p", "quiet": "q", "log": "l", "help": "h"}
PLAIN = ("norestart", "promptrestart", "forcerestart", "passive")
NAMES = frozenset((*LONG, *PLAIN, "embedding", "regserver", "unregserver", "unregister", "unreg"))

MODES = {"f": "pocdeamusv", "j": "um", "l": "iwearucmopvx+!*"}
LEVELS = {"n": "none", "b": "basic", "r": "reduced", "f": "full"}
TOGETHER = ({PATCH, ADMINISTRATIVE}, {UNINSTALL, INSTALL})
"""Documented pairs: a patch on or off a package."""

MISSING, LIKE_SWITCH, GLUED = "missing operand", "operand like a switch", "glued operand"
COMBINED = "several switches in one argument"
UNKNOWN_SWITCH, STRAY, SEVERAL = "unknown switch", "stray argument", "several actions"
NO_SWITCH, REPEATED, PROGRAM = "no switch", "repeated property", "where the program ends"
IN_REGISTRY, BACKSLASH, BEHIND_QUOTE = (
    "arguments in the registry",
    "backslash before a quote",
    "text after a quote",
)

_PROPERTY = re.compile(r"[A-Za-z0-9_.%]+(?==)")
_LONG = "|".join(sorted(NAMES, key=len, reverse=True))
_ONE = (
    rf"[/-]({_LONG}|q[nbrf]?[-+!]*?|[fjl][{MODES['f'] + MODES['l']}]*?|[a-z?@])"
    r'(?=[/-][a-z?@]|["{]|\Z)'
)
_END = r'"[^"]*(?:""[^"]*)*"|\{[^{}"]*\}'
_FURTHER = re.compile('"?[/-][^/-]+[/-]')
_SWITCH_LETTER = re.compile("[a-z?@]", re.IGNORECASE | re.ASCII)
_SWITCH, _VALUE = re.compile(_ONE, re.IGNORECASE | re.ASCII), re.compile(_END)
_SWITCHES = re.compile(rf'(?:{_ONE}(?:{_END})?)+("[^"]*)?', re.IGNORECASE | re.ASCII)
_GLUED_TO_PROGRAM = re.compile(
    rf'(?:\.exe|msiexec)((?:/[a-z?*][a-z?*!+]{{0,15}}){{1,16}}(?:{_END}|"[^"]*|(?:https?|ftp|[a-z]):\S*|\\\\\S*)?)\Z',
    re.IGNORECASE | re.ASCII,
)
_FOLDER = re.compile(r"[\\/]")
_LEVEL = re.compile(r"([nbrf]?)[-+!]*")


class Request(NamedTuple):
    """An action, and what it is to be done on: None where nothing is given, or nothing is needed."""

    action: str
    operand: str | None
    needs: bool


class Reading:
    """What is read from the arguments of one line, one after the other."""

    def __init__(self, arguments: list[lines.Argument]):
        self.arguments = iter(arguments)
        self.requests: list[Request] = []
        self.bare: list[str] = []
        self.properties: dict[str, Value] = {}
        self.transforms: list[str] = []
        self.log: str | None = None
        self.level: str | None = None
        self.silent = False
        self.disguised: dict[str, None] = {}
        self.unsure: dict[str, None] = {}
        for argument in self.arguments:
            self.read(argument)

    def read(self, argument: lines.Argument) -> None:
        """Read an argument, and those after it that it takes."""
        switches = pieces(argument)
        for piece in switches:
            before = len(self.requests)
            self.read_one(piece)
            if len(switches) > 1:
                self.disguised[COMBINED] = None
                if any(request.action != INSTALL for request in self.requests[before:]):
                    self.doubt(COMBINED)  # seen with /i alone

    def read_one(self, argument: lines.Argument) -> None:
        """Read an argument that is no more than one switch."""
        switch = lines.switch_in(argument, NAMES)
        if switch:
            self.switch(switch)
            return
        text = argument.text
        name = _PROPERTY.match(text)
        if name:
            if argument.raw[0] == '"':
                self.doubt(lines.QUOTED)  # an error, as rustup's issues 33 and 89 found
            self.set_property(name[0].upper(), text[name.end() + 1 :])
        elif text.strip(lines.FOREIGN):
            self.bare.append(text)
        else:
            self.doubt(lines.FOREIGN_BLANK if text else STRAY)

    def switch(self, switch: lines.Switch) -> None:
        """Read a switch."""
        name, rest = LONG.get(switch.name, switch.name), switch.rest.lstrip(lines.FOREIGN)
        marks = (*switch.marks, lines.FOREIGN_BLANK) if len(rest) < len(switch.rest) else switch.marks
        self.disguised.update(dict.fromkeys(marks))
        for mark in marks:
            # Modifier letters are known to work in long names alone; case and blanks always do.
            if mark not in (lines.CASE, lines.BLANKS) and not (mark == lines.LETTER and switch.name in NAMES):
                self.doubt(mark)
        if name in ON_OPERAND:
            operand = self.operand(name, rest)
            self.requests.append(Request(ON_OPERAND[name], operand or None, True))
            if not operand:
                self.doubt(MISSING)
        elif name in ALONE and (not rest or name in ("h", "?")):
            self.requests.append(Request(ALONE[name], None, False))
        elif name == "q" and self.ui(rest.lower()):
            pass
        elif name == "passive" and not rest:
            self.level, self.silent = "basic", True
        elif name == "l" and not rest.lower().strip(MODES["l"]):
            self.log = self.value() or self.log
        elif name in ("t", "g", "n", "m"):
            value = rest or self.value()
            if name == "t":
                self.transforms += _parts(value)
        elif name == "@":
            self.doubt(IN_REGISTRY)
            self.value()
        elif not (name in PLAIN or name == "c") or rest:
            self.doubt(UNKNOWN_SWITCH)

    def operand(self, name: str, rest: str) -> str:
        """Return what a switch acts on: the rest of its argument, else the next argument; empty where there is none."""
        given = rest
        if name in MODES:
            code = rest.find("{")
            modes, rest = (rest[:code], rest[code:]) if code >= 0 else (rest, "")
            if modes.lower().strip(MODES[name]):
                modes, rest = "", modes + rest
        else:
            rest = rest.lstrip(":=")
        if (name not in MODES and given != rest) or (rest and name not in ("i", "x")):
            self.disguised[GLUED] = None
            self.doubt(GLUED)
        return rest or self.value()

    def value(self) -> str:
        """Return the next argument, whatever it looks like; empty where there is none."""
        for argument in self.arguments:
            if argument.text.strip(lines.FOREIGN):
                if argument.gap not in (" ", ""):
                    self.disguised[lines.BLANKS] = None
                if argument.raw[0] in "/-":
                    self.doubt(LIKE_SWITCH)
                return argument.text
            self.doubt(lines.FOREIGN_BLANK if argument.text else MISSING)
        return ""

    def ui(self, level: str) -> bool:
        """Read a level of the user interface; return whether it is one."""
        match = _LEVEL.fullmatch(level)
        if match:
            self.level = LEVELS[match[1] or "n"]
            # Basic UI without modal dialogs (-) waits for no user either: /passive is /qb!-.
            self.silent = self.level == "none" or (self.level == "basic" and "-" in level)
        return bool(match)

    def set_property(self, name: str, value: str) -> None:
        """Keep a property; of several values the last one, which no documentation promises."""
        if name in self.properties:
            self.doubt(REPEATED)
        self.properties[name] = value
        if name == "TRANSFORMS":
            self.transforms += _parts(value)

    def doubt(self, reason: str) -> None:
        """Note why msiexec may read the line otherwise."""
        self.unsure[reason] = None

    def settle(self) -> Request:
        """Return the action that counts, now that all is read.

        By the documentation most do not go together; what happens then it leaves open. What runs a DLL counts
        first, so that no other switch hides it; after it, what has its operand, in their order, and -Embedding last.
        """
        if not self.requests and self.bare:
            self.requests.append(Request(INSTALL, self.bare.pop(0), True))
            self.doubt(NO_SWITCH)
        actions = {request.action for request in self.requests}
        if self.bare and EMBEDDING not in actions:
            self.doubt(STRAY)
        if not self.requests:
            blind = UNKNOWN_SWITCH in self.unsure or IN_REGISTRY in self.unsure
            return Request(UNKNOWN if blind else NOTHING, None, False)
        if len(self.requests) > 1 and not (len(self.requests) == 2 and actions in TOGETHER):
            self.doubt(SEVERAL)
        return min(self.requests, key=_rank)


def pieces(argument: lines.Argument) -> list[lines.Argument]:
    """Cut an argument of several switches into one for each: `/q/y`, `-q-i"x.msi"/l*v`; any other is its only piece.

    A switch that takes a value is followed by another only where all the rest is switches: `/yC:/q/x.dll` is a path.
    """
    raw, gap = argument.raw, argument.gap
    if not _FURTHER.match(raw):
        return [argument]
    cut = _cut(raw)
    if len(cut) == 1 and '"' in raw:
        cut = [f'"{piece}"' for piece in _cut(argument.text)]
    if len(cut) == 1:
        return [argument]
    cut.sort(key=lambda piece: piece.strip('"')[1].lower() in LATER)
    return [lines.Argument(lines.without_quotes(piece), piece, gap) for piece in cut]


def _cut(written: str) -> list[str]:
    cut, at, switches_only = [], 0, False
    while head := _SWITCH.match(written, at):
        value = _VALUE.match(written, head.end())
        end = value.end() if value else head.end()
        if written[end : end + 1] not in ("/", "-") or not _SWITCH_LETTER.match(written, end + 1):
            break
        if not value and _takes_value(head[1].lower()) and not switches_only:
            switches_only = bool(_SWITCHES.fullmatch(written, end))
            if not switches_only:
                break
        cut.append(written[at:end])
        at = end
    return [*cut, written[at:]]


def _takes_value(name: str) -> bool:
    name = LONG.get(name, name)
    return name not in PLAIN and (name in ON_OPERAND or name[0] in ("f", "j", *LATER))


def _rank(request: Request) -> tuple[bool, bool, bool, bool]:
    first, second = request.action in (REGISTER, UNREGISTER), request.action in (PATCH, UNINSTALL)
    return request.needs and request.operand is None, request.action == EMBEDDING, not first, not second


def _parts(files: str) -> list[str]:
    """Return the files of a list: semicolons separate them (TRANSFORMS, PATCH, /p, /update)."""
    return [part for part in files.split(";") if part]


def _files(request: Request) -> list[str]:
    if request.operand is None:
        return []
    return _parts(request.operand) if request.action in (PATCH, UNINSTALL) else [request.operand]


def _program(arguments: Iterator[lines.Argument]) -> tuple[str | None, list[lines.Argument], bool]:
    """Return the program of a line, the arguments after it, and whether it is certain where it ends.

    *CreateProcessW*: a path with blanks and no quotes is tried up to each blank, with .exe. A line that begins with
    blanks has no program (*CommandLineToArgvW*), and one may hold only arguments: nothing forces a caller to name it.
    """
    first = next(arguments, None)
    if first is None:
        return None, [], True
    rest = list(arguments)
    if lines.switch_in(first, NAMES):
        return None, [first, *rest], False
    program, certain = first.text, not first.gap and not (rest and not rest[0].gap)
    glued = _GLUED_TO_PROGRAM.search(first.raw)
    if glued:
        switch = lines.Argument(lines.without_quotes(glued[1]), glued[1], "")
        return lines.without_quotes(first.raw[: glued.start(1)]), [switch, *rest], False
    if first.raw[0] == '"' or not _FOLDER.search(program) or program.lower().endswith((".exe", "msiexec")):
        return program, rest, certain
    for at, argument in enumerate(rest):
        if lines.switch_in(argument, NAMES) or argument.raw[0] == '"':
            break
        if argument.text.lower().endswith(".exe"):
            words = [program, *(part for other in rest[: at + 1] for part in (other.gap, other.text))]
            return "".join(words), rest[at + 1 :], False
    return program, rest, certain


def _doubtful_quotes(arguments: list[lines.Argument]) -> dict[str, None]:
    marks: dict[str, None] = {}
    for before, argument in zip(arguments, arguments[1:]):
        if not argument.gap and before.raw[0] == '"':
            marks[BEHIND_QUOTE] = None
    if any('\\"' in argument.raw for argument in arguments):
        marks[BACKSLASH] = None
    return marks


def options_in(cmd_line: str) -> dict[str, Value]:
    """Return the map that msiexec_options promises, in time proportional to the line; no text raises."""
    program, arguments, certain = _program(lines.arguments(cmd_line))
    if arguments and arguments[0].gap:
        arguments[0] = arguments[0]._replace(gap=" ")  # Windows itself puts two blanks behind a program
    reading = Reading(arguments)
    chosen = reading.settle()
    reading.unsure.update(_doubtful_quotes(arguments))
    if not certain:
        reading.doubt(PROGRAM)
    operands = [file for request in reading.requests if request.action == chosen.action for file in _files(request)]
    others = (file for request in reading.requests for file in _files(request))
    sources = [*others, *reading.transforms, *_parts(reading.properties.get("PATCH", ""))]
    sources = [source.strip(lines.FOREIGN) for source in sources]
    remote = [*dict.fromkeys(source for source in sources if place(source.lstrip("@|")) in REMOTE)]
    return {
        "program": program,
        "action": chosen.action,
        "actions": [request.action for request in reading.requests],
        "operand": operands[0] if operands else None,
        "operands": operands,
        "location": place(operands[0]) if operands and chosen.action != EMBEDDING else NONE,
        "remote": remote,
        "servers": [*dict.fromkeys(server(source.lstrip("@|")) for source in remote)],
        "transforms": reading.transforms,
        "properties": reading.properties,
        "log": reading.log,
        "ui": reading.level,
        "silent": reading.silent,
        "cut": lines.ends_in_quotes(cmd_line),
        "disguised": [*reading.disguised],
        "unsure": [*reading.unsure],
    }

"""Splunk's conf syntax and layers: default, then local, setting by setting.

The standard library's ConfigParser cannot read these files: `%` is no interpolation here, keys are case-sensitive,
and a trailing backslash continues a value.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Callable, Iterable

from ssa.immutable import Immutable

APP = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", "..", ".."))
"""The app folder that this file is in: on a search peer that of the knowledge bundle, so never from SPLUNK_HOME."""

HOME = os.environ.get("SPLUNK_HOME") or os.path.dirname(os.path.dirname(os.path.dirname(APP)))
"""$SPLUNK_HOME; this app lies in its etc/apps."""

LAYERS = ("default", "local")
"""Lowest first. A deployer may have merged local into default: both are always read."""


class ConfError(Exception):
    """A conf file that is missing or cannot be read; the message names the file, the line and what to do."""


class Setting:
    """A value, and where it stands. There are thousands: no Immutable, which takes thrice the time to make."""

    __slots__ = ("file", "line", "value")

    def __init__(self, value: str, file: str, line: int) -> None:
        self.value, self.file, self.line = value, file, line


class Stanza(dict[str, Setting]):
    """The settings of a stanza by key; `place` is the file and line of its last header."""

    place = ""


class Conf(Immutable):
    """The layered settings of one conf: its name, the files that were read, and its stanzas in the order of the files.

    The settings of `[default]`, and those before the first stanza, hold in every stanza that does not set them.
    """

    name: str
    files: tuple[str, ...]
    stanzas: dict[str, Stanza]


def load(app: str, name: str) -> Conf:
    """Read `default/<name>.conf` and `local/<name>.conf` of the app folder `app`.

    Raises ConfError when neither exists, or when a line is neither a stanza, a setting nor a comment.
    """
    paths = [os.path.join(app, layer, name + ".conf") for layer in LAYERS]
    files = [path for path in paths if os.path.isfile(path)]
    if not files:
        raise ConfError(
            f"{name}.conf is missing: neither {paths[0]} nor {paths[1]} exists. On a search peer this means that the "
            f"knowledge bundle does not carry it: check on the search head that distsearch.conf of this app has "
            f"[replicationSettings:refineConf] replicate.{name} = true, and restart Splunk there."
        )
    return Conf(name, tuple(files), merge(files))


def merge(files: Iterable[str], pass_over: Callable[[str], None] | None = None) -> dict[str, Stanza]:
    """Read conf files, later ones over earlier ones, and hand [default] down; raises ConfError.

    See `parse` for `pass_over`.
    """
    merged: dict[str, Stanza] = defaultdict(Stanza)
    for path in files:
        try:
            with open(path, encoding="utf-8-sig", newline=None) as handle:
                text = handle.read()
        except (OSError, UnicodeDecodeError) as error:
            raise ConfError(f"{path} cannot be read: {error}") from error
        for stanza, settings in parse(text, path, pass_over).items():
            merged[stanza].update(settings)
            merged[stanza].place = settings.place
    inherited = merged.pop("default", Stanza())
    for settings in merged.values():
        for key, setting in inherited.items():
            settings.setdefault(key, setting)
    return dict(merged)


def parse(text: str, file: str, pass_over: Callable[[str], None] | None = None) -> dict[str, Stanza]:
    """Parse one conf file's text; raises ConfError with file and line.

    With `pass_over`, which gets the problem, a wrong line costs itself alone: that of a stanza what stands below it.
    """

    def fail(problem: str) -> None:
        if pass_over is None:
            raise ConfError(f"{file}, line {number}: {problem}")
        pass_over(f"{file}, line {number}: {problem}")

    stanzas: dict[str, Stanza] = defaultdict(Stanza)
    current = stanzas["default"]
    lines = text.split("\n")
    number = 0
    while number < len(lines):
        line = lines[number]
        number += 1
        key, equals, rest = line.partition("=")
        if not equals or not key[:1].isalnum():  # as few are
            stripped = line.strip()
            if not stripped or stripped.startswith("#"):
                continue
            if stripped.startswith("["):
                if stripped.endswith("]"):
                    current = stanzas[stripped[1:-1]]
                    current.place = f"{file}, line {number}"
                else:
                    fail(f"the stanza {stripped!r} is not closed with ]")
                    current = Stanza()  # takes what stands below the wrong header, and is dropped
                continue
            if not equals:
                fail(f"expected a [stanza], key = value or # comment, found {stripped!r}")
                continue
        start, value = number, rest.strip()
        if value.endswith("\\"):
            parts = [value]
            while parts[-1].endswith("\\") and number < len(lines):
                parts[-1] = parts[-1][:-1]
                parts.append(lines[number].rstrip())
                number += 1
            value = "\n".join(parts).strip()
        current[key.strip()] = Setting(value, file, start)
    if not stanzas["default"]:
        del stanzas["default"]
    return dict(stanzas)


def is_true(value: str) -> bool:
    """Read a boolean by the words of Splunk's splunk.util.normalizeBoolean; an empty value is false.

    Raises ValueError for anything else.
    """
    word = value.strip().lower()
    if word in ("1", "true", "t", "yes", "y", "on"):
        return True
    if word in ("0", "false", "f", "no", "n", "off", ""):
        return False
    raise ValueError(f"expected a boolean (true or false), found {value!r}")


def comma_list(value: str) -> list[str]:
    """Split `a, b` into its parts, without empty ones."""
    return [part.strip() for part in value.split(",") if part.strip()]

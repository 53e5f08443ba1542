"""ssa_detection_settings.conf: what users set of many detections at once, by id, tag, author or level.

An import writes stanzas of detections, and never this conf: so what users set outlives every update.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence

from . import conf

CONF = "ssa_detection_settings"

LEVELS = ("informational", "low", "medium", "high", "critical")
"""The levels of Sigma rules."""

SET = re.compile(r"[a-z0-9_]{1,60}")
"""The name of a set."""

NUMBER = re.compile(r"[0-9]{1,9}(\.[0-9]{1,9})?")
"""A number from 0 up, as impact, confidence and score are written."""

SETTINGS = ("disabled", "impact", "confidence", "score")

_HEADER = re.compile(rf"id:.+|(level|author|tag):{SET.pattern}:.+")
_IN_BRACKETS = re.compile(r"\s*\([^()]*\)")

Key = tuple[str, str, str]
"""The kind of a stanza, its set (of an id none), and its value in lower case."""


class DetectionSettings:
    """The stanzas of an app's conf that can be used, from the least to the most specific, and what is wrong in it."""

    def __init__(self, stanzas: Mapping[str, conf.Stanza], problems: Sequence[str] = ()) -> None:
        self.problems = [*problems]
        """What is passed over, with file, line and stanza."""
        self._overrides: dict[Key, dict[str, conf.Setting]] = {}
        self._headers: dict[Key, str] = {}
        for header, stanza in stanzas.items():
            problem = _problem(header, stanza)
            if problem:
                self.problems.append(f"{problem}. The stanza does not apply")
            else:
                key = _key(header)
                self._headers[key] = f"[{header}]"
                self._overrides.setdefault(key, {}).update(_overrides(stanza))
        self.unused = dict.fromkeys(self._headers.values())
        """Stanzas that hold for no detection to which these settings were applied."""

    @classmethod
    def of_app(cls, app: str) -> DetectionSettings:
        """Read the conf of an app folder, if there is one; what cannot be read is among the problems."""
        paths = [os.path.join(app, layer, CONF + ".conf") for layer in conf.LAYERS]
        problems: list[str] = []
        try:
            return cls(conf.merge(filter(os.path.isfile, paths), problems.append), problems)
        except conf.ConfError as error:
            return cls({}, [str(error)])

    def apply(self, stanzas: Mapping[str, conf.Stanza]) -> None:
        """Lay what holds for them over stanzas of ssa_detections.conf; their key `changed_by` then names it."""
        for stanza in stanzas.values() if self._overrides else ():
            found = sorted((key for key in _keys(stanza) if key in self._overrides), key=_specificity)
            for key in found:
                stanza.update(self._overrides[key])
                self.unused.pop(self._headers[key], None)
            if found:
                headers = ", ".join(self._headers[key] for key in found)
                stanza["changed_by"] = conf.Setting(headers, CONF + ".conf", 0)


def _key(header: str) -> Key:
    """Return the key of a stanza whose header is right."""
    kind, _, rest = header.partition(":")
    of, _, value = ("", "", rest) if kind == "id" else rest.partition(":")
    return kind, of, value if kind == "id" else value.strip().lower()


def _keys(stanza: conf.Stanza) -> list[Key]:
    """Return the keys of all stanzas that would hold for one of ssa_detections.conf."""
    text = {name: stanza[name].value for name in ("id", "set", "level", "author", "tags") if name in stanza}
    keys: list[Key] = [("id", "", text.get("id", ""))]
    of = text.get("set", "")
    if of:
        keys.append(("level", of, text.get("level", "").lower()))
        authors = [text.get("author", ""), *conf.comma_list(text.get("author", ""))]
        keys += [("author", of, name.lower()) for one in authors for name in (one, _IN_BRACKETS.sub("", one))]
        for tag in conf.comma_list(text.get("tags", "").lower()):
            parts = tag.split(".")
            keys += [("tag", of, ".".join(parts[: end + 1])) for end in range(len(parts))]
    return [*dict.fromkeys(keys)]


def _specificity(key: Key) -> tuple[int, int]:
    """Order keys from the least to the most specific: a level, an author, a tag, a longer tag, an id."""
    kind, _, value = key
    return ("level", "author", "tag", "id").index(kind), value.count(".") if kind == "tag" else 0


def _problem(header: str, stanza: conf.Stanza) -> str:
    """Return what is wrong in a stanza, with its place; empty where nothing is."""
    place = f"{stanza.place}: [{header}]"
    if not _HEADER.fullmatch(header):
        return f"{place}: expected [id:<id>], [level:<set>:<level>], [author:<set>:<name>] or [tag:<set>:<tag>]"
    if header.startswith("level:") and _key(header)[2] not in LEVELS:
        return f"{place}: expected a level of {', '.join(LEVELS)}"
    for key, setting in stanza.items():
        expected = _expected(key, setting.value)
        if expected:
            return f"{setting.file}, line {setting.line}: [{header}] {key}: {expected}"
    if "score" in stanza and not stanza.keys().isdisjoint({"impact", "confidence"}):
        return f"{place}: score stands for impact and confidence: set it, or these"
    return ""


def _expected(key: str, value: str) -> str:
    """Return what a setting should be and is not."""
    if key not in SETTINGS:
        return f"expected one of {', '.join(SETTINGS)}"
    if key == "disabled":
        try:
            conf.is_true(value)
        except ValueError as error:
            return str(error)
    elif not NUMBER.fullmatch(value) or float(value) > 100:
        return f"expected a number from 0 to 100, found '{value}'"
    return ""


def _overrides(stanza: conf.Stanza) -> dict[str, conf.Setting]:
    """Return the settings of ssa_detections.conf that a stanza sets: a score is an impact, for sure."""
    found = dict(stanza)
    score = found.pop("score", None)
    if score:
        found.update(impact=score, confidence=conf.Setting("100", score.file, score.line))
    return found

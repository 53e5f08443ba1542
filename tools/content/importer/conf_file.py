"""Stanzas of a conf -> what an import writes of them: checked as those of a published file are."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NoReturn

from ssa.content import conf
from tools.content.authoring.settings import unknown
from tools.content.importer.published import ImporterError, Published, _Reader

AT_TOP = ("id", "version", "date", "author", "type", "description", "search", "how_to_implement")
AT_TOP_LISTS, IN_TAGS = ("datamodel", "references"), ("impact", "confidence", "message")
IN_TAGS_LISTS = (
    *("product", "mitre_attack_id", "kill_chain_phases", "nist", "cis20", "cve", "analytic_story"),
    *("required_fields", "dataset"),
)
"""Where a published file has what a conf has as settings."""

DEFAULTS = {"type": "TTP", "version": "1"}
"""What stands for settings that a stanza may lack; its date is then that of the import, its description its name."""


def read_conf(path: Path, app: Path) -> list[Published]:
    """Read the detections of a conf; raises ImporterError for all that are wrong, or ConfError.

    A stanza that only changes settings of a detection which the app ships is none; one of a set has the set's search.
    """
    if not path.is_file():
        raise ImporterError(f"{path}: no such file")
    shipped = conf.merge([str(app / "default/ssa_detections.conf")])
    own = path.resolve() == (app / "local/ssa_detections.conf").resolve()
    good, problems = [], []
    for name, stanza in conf.merge([str(path)]).items():
        if "set" in stanza or (name in shipped and "search" not in stanza):
            continue
        try:
            good.append(_StanzaReader(str(path), name, stanza, own).published())
        except ImporterError as error:
            problems.append(str(error))
    if problems:
        raise ImporterError("\n".join(problems))
    if not good:
        raise ImporterError(f"{path}: no stanza of a detection is in it: `python -m tools new NAME` writes one")
    return good


class _StanzaReader(_Reader):
    """Reads a stanza as if it stood in a published file; an error names it and its setting."""

    def __init__(self, file: str, name: str, stanza: conf.Stanza, own: bool) -> None:
        self._name, self._stanza, self._own = name, stanza, own
        values = {key: setting.value for key, setting in stanza.items() if setting.value}
        defaults = {**DEFAULTS, "date": datetime.now(UTC).date().isoformat(), "description": name}
        self._added = {key: value for key, value in defaults.items() if key not in values}
        values |= self._added
        tree: dict[Any, Any] = {key: values[key] for key in AT_TOP if key in values}
        tags: dict[Any, Any] = {key: values[key] for key in IN_TAGS if key in values}
        for keys, where in ((AT_TOP_LISTS, tree), (IN_TAGS_LISTS, tags)):
            where.update({key: conf.comma_list(values[key]) for key in keys if key in values})
        super().__init__(file, {**tree, "name": name, "tags": tags}, {})
        if "observables" in values:
            try:
                tags["observable"] = json.loads(values["observables"])
            except (ValueError, RecursionError) as error:
                self.fail("observables", f'expected a JSON list of {{"name": …, "type": …, "role": …}}: {error}')

    def fail(self, key: str, problem: str) -> NoReturn:
        key = {"tags.observable": "observables"}.get(key, key.removeprefix("tags."))
        setting = self._stanza.get(key)
        place = f"{setting.file}, line {setting.line}" if setting and setting.line else self._stanza.place
        as_setting = re.sub(r"`(\w+): ([^`]*)`( below `tags:`)?", r"`\1 = \2`", problem)
        raise ImporterError(f"{place}: [{self._name}] {key}: {as_setting}")

    def published(self) -> Published:
        """Return the detection, with all the settings of its stanza as they stand there."""
        for key in self._stanza:
            if problem := unknown(key):
                self.fail(key, f"{problem} Remove it, or correct it" if problem.endswith("?") else problem)
        read = super().published()
        stated = {key: setting.value for key, setting in self._stanza.items()}
        notes = [f"no {key} is stated, so it is {value}" for key, value in self._added.items()]
        return Published(
            file=self._stanza.place,
            name=read.name,
            settings={
                **self._added,
                **stated,
                "datamodel": read.settings["datamodel"],
                "search": read.settings["search"],
            },
            metadata=read.metadata,
            notes=(*notes, *read.notes),
            present=self._own,
        )


def checked(file: str, name: str, settings: dict[str, str]) -> Published:
    """Read the settings of a new stanza, as those of a conf; raises ImporterError that names `file`."""
    stanza = conf.Stanza({key: conf.Setting(value, file, 0) for key, value in settings.items()})
    stanza.place = file
    return _StanzaReader(file, name, stanza, own=True).published()

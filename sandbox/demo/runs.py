"""Which saved search runs which detection, by the confs of the installed app."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from sandbox import confs
from sandbox.errors import SandboxError
from sandbox.search import spl
from sandbox.search.chunked import arguments

APP, ACTION = "ssa_detections", "ssa_risk"
SETTINGS = "ssa_detection_settings"
EVERY = "SSA - Every Detection - Rule"
"""Runs all enabled detections: of use where one has no search of its own."""


class Runs:
    """The saved searches of an app folder whose results become risk, and the detections that each runs."""

    def __init__(self, app: Path) -> None:
        self._macros = confs.load(app, "macros")
        saved = confs.load(app, "savedsearches").items()
        self.searches = {
            name: settings for name, settings in saved if confs.is_true(settings.get(f"action.{ACTION}", "0"))
        }
        stanzas = confs.load(app, "ssa_detections")
        self._names = {settings.get("id", name): name for name, settings in stanzas.items()}
        self.detections = {
            name: settings
            for name, settings in stanzas.items()
            if "search" in settings and not confs.is_true(settings.get("disabled", "0"))
        }
        """Those that are enabled in their stanzas."""
        many = confs.load(app, SETTINGS).values()
        self._unless = f", unless {SETTINGS}.conf disables it" * any(
            confs.is_true(settings.get("disabled", "0")) for settings in many
        )

    def pipeline(self, name: str) -> list[spl.Command]:
        """Return the commands of a saved search. Raises SandboxError for a text that is no search."""
        return spl.pipeline(spl.expand(self.searches[name]["search"], self._macros))

    def is_disabled(self, name: str) -> bool:
        """Return whether a saved search is disabled."""
        return confs.is_true(self.searches[name].get("disabled", "0"))

    def run_by(self, name: str) -> set[str]:
        """Return the detections that a saved search runs; none where its text is no search."""
        try:
            calls = [arguments(command.text)[1] for command in self.pipeline(name) if command.name == "ssadetect"]
        except SandboxError:
            return set()
        return {detection for call in calls for detection in self._of(call)}

    def _of(self, call: Iterable[str]) -> Iterable[str]:
        options = dict(word.split("=", 1) for word in call if "=" in word)
        if "detection" in options:
            whole = options["detection"].strip()
            return [self._names.get(one.strip(), one.strip()) for one in {whole, *whole.split(",")}]
        sets = {one.strip() for one in options.get("set", "").split(",")}
        return [name for name, of in self.detections.items() if sets & {of.get("set", ""), "*"}]

    def alone(self, searches: Iterable[str]) -> set[str]:
        """Return the enabled detections that EVERY would run, and none of these searches does."""
        return {*self._of(())}.difference(*(self.run_by(name) for name in searches if name != EVERY))

    def fate(self, detection: str, searches: Iterable[str]) -> str:
        """Return by which of these searches a detection is run; or why by none, and what to do."""
        of_it = [name for name in self.searches if detection in self.run_by(name)]
        by = ", ".join(name for name in searches if name in of_it)
        if by:
            return f"run by {by}{self._unless}"
        if detection not in self.detections:
            return "disabled, so nothing runs it: set disabled = 0 in its stanza"
        if own := ", ".join(name for name in of_it if name != EVERY):
            return f"not run, as {own} is disabled: enable it (a replay runs it with --all)"
        return f"no saved search runs it: `python -m tools import` writes one, or enable {EVERY} (a replay: --all)"

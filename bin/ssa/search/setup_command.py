"""The search command `ssasetup`: schedules the searches of this app that are recommended. An edge to splunklib.

It calls splunkd with the session of whoever runs it, who can so schedule only what Settings lets them schedule. Without
apply=true it changes nothing. Source: REST API Reference, "Search endpoint descriptions" (saved/searches).
"""

from __future__ import annotations

import json
import sys
import urllib.parse
from collections.abc import Iterator
from typing import Any

from splunklib import binding
from splunklib.searchcommands import Configuration, GeneratingCommand, Option, dispatch, validators

from .messages import SdkMessages

SAVED = "/servicesNS/nobody/ssa_detections/saved/searches"
APP = "ssa_detections"
SECURITY = "SplunkEnterpriseSecuritySuite"
EVERY = "SSA - Every Detection - Rule"
RULES = ("SSA - Severe Hit - Rule", "SSA - Risk Over 24 Hours - Rule", "SSA - ATT&CK Breadth Over 7 Days - Rule")
KEEPERS = ("SSA - Apply allow list", "SSA - Data check", "SSA - Lookup changes")
COLUMNS = ("search", "schedule", "now", "then", "result")


@Configuration(type="reporting")
class SsaSetupCommand(SdkMessages, GeneratingCommand):
    """Lists the searches that should run by themselves, and with apply=true schedules those that do not."""

    apply = Option(
        doc="""
        **Syntax:** apply=<bool>

        **Description:** true schedules what is listed; by default, false, nothing is changed.
        """,
        default=False,
        validate=validators.Boolean(),
    )

    def prepare(self) -> None:
        """Look, during getinfo: whatever is wrong ends the search here."""
        try:
            if self.fieldnames:
                self.refuse(f"unexpected argument '{self.fieldnames[0]}': ssasetup takes apply=true alone")
            self.found = list(self.recommended())
        except binding.AuthenticationError:
            self.refuse("splunkd does not accept the session of this search: log in again")
        except Exception as error:
            # The SDK would end the search without a word.
            self.refuse(f"ssasetup failed: {type(error).__name__}: {error}")

    def generate(self) -> Iterator[dict[str, str]]:
        """Schedule where that is asked for, and yield the rows."""
        yield from (self.row(name, settings, left) for name, settings, left in self.found)

    def recommended(self) -> Iterator[tuple[str, dict[str, Any], str]]:
        """Yield the searches that should run: name, settings, and why one is left as it is, if it is."""
        own = {
            one["name"]: one["content"]
            for one in self.entries(SAVED)
            if one["acl"]["app"] == APP and one["acl"]["sharing"] in ("app", "global")
        }
        guarded = any(
            one["name"] == SECURITY and not _true(one["content"].get("disabled"))
            for one in self.entries("/services/apps/local")
        )
        running = [name for name, one in own.items() if _true(one.get("action.ssa_risk")) and _enabled(one)]
        for name in sorted(running):
            yield name, own[name], _twice(name, {other: _true(own[other].get("is_scheduled")) for other in running})
        for name in (*KEEPERS, *RULES):
            if name in own:
                disabled = "" if _enabled(own[name]) else "it is disabled"
                yield name, own[name], "Enterprise Security has risk rules" if name in RULES and guarded else disabled

    def entries(self, path: str) -> list[dict[str, Any]]:
        """Return the entries of a list of splunkd; raises HTTPError."""
        answer = self.service.get(path, count=0, output_mode="json")
        found: list[dict[str, Any]] = json.loads(answer.body.read())["entry"]
        return found

    def row(self, name: str, settings: dict[str, Any], left: str) -> dict[str, str]:
        """Schedule a search, if that is asked for and to be done; return what came of it, by COLUMNS."""
        scheduled = _true(settings.get("is_scheduled"))
        now = "scheduled" if scheduled else "not scheduled"
        if scheduled or left:
            then, result = now, "nothing to do" if scheduled else f"left as it is: {left}"
        elif not self.apply:
            then, result = "scheduled", "would be scheduled: | ssasetup apply=true"
        else:
            then, result = self.schedule(name)
        return dict(zip(COLUMNS, (name, str(settings.get("cron_schedule") or ""), now, then, result)))

    def schedule(self, name: str) -> tuple[str, str]:
        """Schedule a search; return its state and what happened."""
        path = binding.UrlEncoded(f"{SAVED}/{urllib.parse.quote(name, safe='')}", skip_encode=True)
        try:
            self.service.post(path, is_scheduled=1, output_mode="json")
        except binding.HTTPError as error:
            why = "you may not change it" if error.status == 403 else f"splunkd answered {error.status}"
            return "not scheduled", f"refused: {why}"
        except OSError as error:
            return "not scheduled", f"splunkd gave no answer: {error}"
        return "scheduled", "scheduled now"


def _twice(name: str, running: dict[str, bool]) -> str:
    """Say why a detection's search is left as it is: another one finds the same. `running` says which are scheduled."""
    if name != EVERY and EVERY in running:
        return f"{EVERY} is enabled, and runs all"
    if running.get(name.replace(" - Rule", " - Accelerated - Rule")):
        return "its accelerated search is scheduled"
    plain = name.replace(" - Accelerated - Rule", " - Rule")
    return "the search of the same detection on events does it" if plain != name and plain in running else ""


def _enabled(settings: dict[str, Any]) -> bool:
    return not _true(settings.get("disabled"))


def _true(value: Any) -> bool:
    return str(value).lower() in ("1", "true")


def main() -> None:
    """Serve one search."""
    dispatch(SsaSetupCommand, sys.argv, sys.stdin, sys.stdout, "__main__")

"""What a user may do: the capabilities, indexes and search filters of roles, and who may write an object of an app.

Sources: authorize.conf.spec, and Splunk's own authorize.conf of 9.4, of which the capabilities stand here that matter
here; default.meta.conf.spec. Choices of the sandbox, where these are silent: what Splunk's [default] enables a role may
disable, as published trials with 9.4 found; a role without a filter restricts nothing, so that with it the filters of a
user's other roles are void; permissions of an object hold for the roles that are imported, too.
"""

from __future__ import annotations

import re
import urllib.parse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from sandbox import confs
from sandbox.errors import SandboxError

WRITERS = "admin, power"
"""The roles that may write the objects of an app whose default.meta does not name any."""

FLOOR = {"run_collect", "run_mcollect", "edit_own_objects", "list_all_objects", "schedule_rtsearch"}
"""What [default] of Splunk's authorize.conf gives to every role that does not disable it."""

_USER = "search get_metadata rest_apps_view rest_properties_get rest_properties_set input_file output_file"
_USER += " run_collect run_mcollect run_custom_command run_sendalert rest_access_server_endpoints"
_ADMIN = "admin_all_objects edit_tcp indexes_edit install_apps list_settings list_all_users list_forwarders"
_ORDINARY = {"srchIndexesAllowed": "*", "srchIndexesDefault": "main"}
BUILT_IN: confs.Stanzas = {
    "role_user": dict.fromkeys(_USER.split(), "enabled") | _ORDINARY,
    "role_power": dict.fromkeys(["schedule_search", "rtsearch", "edit_log_alert_event"], "enabled")
    | {"importRoles": "user", **_ORDINARY},
    "role_admin": dict.fromkeys(_ADMIN.split(), "enabled")
    | {"importRoles": "power;user", "srchIndexesAllowed": "*;_*", "srchIndexesDefault": "main", "srchFilter": "*"},
}

COMMANDS = {"collect": "run_collect", "inputlookup": "input_file", "outputlookup": "output_file"}
CUSTOM = "run_custom_command"
"""The capability that a command needs, and the one for those of apps."""


@dataclass(frozen=True)
class Access:
    """What a user may do by all roles together; `filters` has an empty text for a role without one.

    `indexes` may be searched, `default` are those of a search that names none: names with wildcards, of which `*` means
    no internal index.
    """

    apps: Path
    user: str
    roles: tuple[str, ...]
    capabilities: frozenset[str]
    indexes: tuple[str, ...]
    default: tuple[str, ...]
    filters: tuple[str, ...]

    @property
    def everything(self) -> bool:
        """Whether all events may be searched."""
        return {"*", "_*"} <= {*self.indexes} and self.filter is None

    @property
    def filter(self) -> str | None:
        """The expression that events must match; None if any may be found."""
        void = any(one in ("", "*") for one in self.filters)
        return None if void else " OR ".join(f"({one})" for one in dict.fromkeys(self.filters))

    def may_run(self, command: str, custom: bool) -> None:
        """Check that the user may run a command of Splunk, or a `custom` one of an app. Raises SandboxError."""
        needed = CUSTOM if custom else COMMANDS.get(command)
        if needed and needed not in self.capabilities:
            raise SandboxError(f"User '{self.user}' lacks the capability '{needed}' that '{command}' requires")

    def may_write(self, app: str, kind: str, name: str) -> None:
        """Check that the user may change an object of an app, by its metadata. Raises SandboxError."""
        acl = metadata(self.apps / app, kind, name).get("access", "")
        found = re.search(r"write\s*:\s*\[([^]]*)]", acl)
        writers = re.findall(r"[^\s,]+", found[1] if found else WRITERS)
        if "admin_all_objects" not in self.capabilities and not {"*", *self.roles} & {*writers}:
            who = f"User '{self.user}' with roles {{ {', '.join(self.roles)} }}"
            raise SandboxError(f"{who} cannot write: /nobody/{app}/{kind}/{name} {{ {acl} }}")

    def may_write_file(self, app: str, name: str) -> None:
        """Check that the user may change the file of a lookup that has check_permission. Raises SandboxError.

        splunkd looks only where limits.conf has outputlookup_check_permission as well.
        """
        limits = [confs.load(self.apps / one, "limits").get("outputlookup", {}) for one in confs.installed(self.apps)]
        if any(confs.is_true(one.get("outputlookup_check_permission", "0")) for one in limits):
            self.may_write(app, "lookups", name)


def known_roles(apps: Path) -> confs.Stanzas:
    """Return the roles of authorize.conf: Splunk's own, and over them what apps have."""
    merged = {name: {**settings} for name, settings in BUILT_IN.items()}
    for app in confs.installed(apps):
        for name, settings in confs.load(apps / app, "authorize").items():
            merged.setdefault(name, {}).update(settings)
    return merged


def of_roles(known: confs.Stanzas, names: Sequence[str], user: str = "", apps: Path = Path()) -> Access:
    """Return what a user may do who has some of the known roles. Raises SandboxError for a role that is none."""
    roles = {name: known[f"role_{name}"] for name in dict.fromkeys(_imported(known, names))}
    capabilities = set[str]()
    for settings in roles.values():
        off = {name for name, value in settings.items() if value == "disabled"}
        capabilities |= {name for name, value in settings.items() if value == "enabled"} | (FLOOR - off)

    def listed(key: str) -> tuple[str, ...]:
        return tuple(each for one in roles.values() for each in re.findall(r"[^\s;]+", one.get(key, "")))

    filters = tuple(one.get("srchFilter", "").strip() for one in roles.values())
    indexes, default = listed("srchIndexesAllowed"), listed("srchIndexesDefault")
    return Access(apps, user, tuple(roles), frozenset(capabilities), indexes, default, filters)


def _imported(known: confs.Stanzas, names: Sequence[str]) -> Iterator[str]:
    for name in names:
        if f"role_{name}" not in known:
            raise SandboxError(f"There is no role '{name}': authorize.conf.")
        yield name
        yield from _imported(known, re.findall(r"[^\s;]+", known[f"role_{name}"].get("importRoles", "")))


def metadata(app: Path, kind: str, name: str) -> dict[str, str]:
    """Return owner and permissions of an object of an app: default.meta, then local.meta."""
    found, merged = confs.metadata(app), dict[str, str]()
    for stanza in ("", kind, f"{kind}/{urllib.parse.quote(name, safe='')}"):
        merged |= found.get(stanza, {})
    return merged

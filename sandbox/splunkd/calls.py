"""One call of the REST API: its user, namespace and arguments; and the form of a route.

Source: REST API User Manual, "Basic concepts" (namespaces, authentication).
"""

from __future__ import annotations

import functools
import re
import urllib.parse
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from starlette.requests import Request
from starlette.responses import Response

from sandbox import confs
from sandbox.errors import SandboxError
from sandbox.search.access import metadata
from sandbox.search.instance import Instance
from sandbox.splunkd.state import Session, State

FORM = "application/x-www-form-urlencoded"


class CallError(SandboxError):
    """What a call is answered that fails: an HTTP status, and a message for the user."""

    def __init__(self, status: int, text: str, level: str = "ERROR") -> None:
        super().__init__(text)
        self.status, self.level = status, level


@dataclass(frozen=True)
class Call:
    """One call; `body` is what it carried."""

    splunkd: State
    request: Request
    session: Session
    body: bytes

    @property
    def instance(self) -> Instance:
        """The instance that is called."""
        return self.splunkd.instance

    @property
    def query(self) -> dict[str, str]:
        """The arguments in the URL."""
        return dict(self.request.query_params)

    @functools.cached_property
    def pairs(self) -> list[tuple[str, str]]:
        """All arguments, of the URL and of a form: they may be repeated."""
        kind = self.request.headers.get("content-type", FORM)  # which the SDK does not always name
        text = self.body.decode("utf-8", "replace") if kind.startswith(FORM) else ""
        return [*self.request.query_params.multi_items(), *urllib.parse.parse_qsl(text, keep_blank_values=True)]

    @property
    def args(self) -> dict[str, str]:
        """The arguments; of a repeated one the last."""
        return dict(self.pairs)

    @property
    def json(self) -> bool:
        """Whether the answer is to be JSON."""
        return self.args.get("output_mode", "").startswith("json")

    def part(self, name: str) -> str:
        """Return a part of the path, in which the SDK writes a blank as +."""
        return urllib.parse.unquote_plus(self.request.path_params[name])

    def number(self, name: str, default: int) -> int:
        """Return an argument that is a number. Raises CallError for another."""
        text = self.args.get(name, str(default))
        if not re.fullmatch("-?[0-9]{1,9}", text):
            raise CallError(400, f"Invalid value for argument '{name}': '{text}' is no integer.")
        return int(text)

    @property
    def app(self) -> str:
        """The app of the namespace; without one that in which the user works. Raises CallError when it is not there."""
        app = self.part("app") if "app" in self.request.path_params else "-"
        app = self.instance.app if app in ("-", "search") else app
        if app != "system" and app not in confs.installed(self.instance.apps):
            raise CallError(404, f"Application does not exist: {app}")
        return app

    @property
    def apps(self) -> list[str]:
        """The apps of the namespace: all with the wildcard."""
        every = self.request.path_params.get("app") == "-"
        return confs.installed(self.instance.apps) if every else [self.app]

    def may_write(self, kind: str, name: str) -> None:
        """Check that the user may change an object of the app, by its metadata. Raises CallError."""
        try:
            self.splunkd.access(self.session).may_write(self.app, kind, name)
        except SandboxError as error:
            raise CallError(403, str(error)) from None


Handler = Callable[[Call], Response]


class Served(NamedTuple):
    """A route of the server: below /services and /servicesNS, or by the HTTP Event Collector (`hec`).

    A session must have one of the capabilities that it `needs`, if any; what is `public` needs no session.
    """

    method: str
    path: str
    handler: Handler
    needs: tuple[str, ...] = ()
    public: bool = False
    hec: bool = False


class Stanza(NamedTuple):
    """A stanza of a conf file, where it belongs, and who may see it: app, global, or user for its owner alone."""

    name: str
    settings: Mapping[str, str]
    app: str
    owner: str
    sharing: str


def stanzas(call: Call, file: str) -> list[Stanza]:
    """Return what a namespace has of a conf file: of its apps, what other apps export, and what users keep private.

    Private is what lies in etc/users/<user>/<app>/local; an admin sees that of all users. Whether the owner `nobody` in
    a path leaves it out is documented nowhere: here it does not, so a caller must look at sharing (a choice of the
    sandbox). Searches do not use it.
    """
    instance, found = call.instance, list[Stanza]()
    for app in dict.fromkeys([*call.apps, *confs.installed(instance.apps)]):
        for name, settings in confs.load(instance.apps / app, file).items():
            meta = metadata(instance.apps / app, file, name)
            sharing = "global" if meta.get("export") == "system" else "app"
            if app in call.apps or sharing == "global":
                found.append(Stanza(name, settings, app, meta.get("owner", "nobody"), sharing))
    for folder in sorted((instance.home / "etc/users").glob("*/*")):
        user, app = folder.parts[-2:]
        if app in call.apps and (user == call.session.user or "admin_all_objects" in call.session.capabilities):
            found += [Stanza(*one, app, user, "user") for one in confs.load(folder, file).items()]
    return found

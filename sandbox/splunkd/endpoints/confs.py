"""Configuration over REST: configs/conf-*, properties, apps/local, and what Splunk Web shows of an app.

Source: REST API Reference, "Configuration", "Application" and "Knowledge endpoint descriptions". A choice of the
sandbox: users have no settings of their own, so what is written becomes the app's.
"""

import re
import tarfile
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from starlette.responses import Response

from sandbox import confs
from sandbox.splunkd import calls
from sandbox.splunkd.atom import Entity, entities
from sandbox.splunkd.calls import Call, CallError
from sandbox.store.kvstore import ConflictError, NotFoundError

PRESETS = {
    "Last_15_minutes": ("Last 15 minutes", "-15m", "now"),
    "Last_24_hours": ("Last 24 hours", "-24h@h", "now"),
    "Last_7_days": ("Last 7 days", "-7d@h", "now"),
    "All_time": ("All time", "0", ""),
}
_LOCK = threading.Lock()


def write(app: Path, file: str, stanza: str, settings: Mapping[str, str]) -> None:
    """Change settings in local/<file>.conf of an app. Raises CallError for what a conf cannot hold.

    They are added at its end, where they win: what a person wrote there stays as it is.
    """
    lines = [f"[{stanza}]"]
    for key, value in settings.items():
        if not key.strip() or key[0] in "[#" or "=" in key or "\n" in key + stanza:
            raise CallError(400, f"Invalid key in stanza [{stanza}]: {key!r}")
        lines.append(f"{key} = " + value.replace("\r", "").replace("\n", "\\\n"))
    path = app / "local" / f"{file}.conf"
    with _LOCK:
        path.parent.mkdir(exist_ok=True)
        with path.open("a", encoding="utf-8") as out:
            out.write("\n".join(["", *lines, ""]))


def content(settings: Mapping[str, str], app: str, user: str) -> dict[str, Any]:
    """Return a stanza as the REST API shows it."""
    disabled = confs.is_true(settings.get("disabled", "0"))
    return {**settings, "disabled": disabled, "eai:appName": app, "eai:userName": user}


def entity(call: Call, one: calls.Stanza, collection: str, **more: Any) -> Entity:
    """Return a stanza as an entity, with more settings."""
    shown = content(one.settings, one.app, call.session.user) | more
    return Entity(one.name, collection, shown, one.app, one.owner, sharing=one.sharing)


def _file(call: Call) -> str:
    if not re.fullmatch(r"\w[\w-]*", file := call.part("file")):
        raise NotFoundError(f"{file} does not exist")
    return file


def properties(call: Call) -> Response:
    """Answer whether there is a conf file of this name, for the SDK's `service.confs[name]`."""
    file = _file(call)
    layers = [
        call.instance.apps / app / layer
        for app in confs.installed(call.instance.apps)
        for layer in ("default", "local")
    ]
    if not any((layer / f"{file}.conf").is_file() for layer in layers):
        raise NotFoundError(f"{file} does not exist")
    return entities(call, [])


def stanzas(call: Call) -> Response:
    """List the stanzas of a conf file; there are none where no app has it."""
    file = _file(call)
    return entities(call, [entity(call, one, f"configs/conf-{file}") for one in calls.stanzas(call, file)])


def stanza(call: Call) -> Response:
    """Give a stanza."""
    file, name = _file(call), call.part("stanza")
    found = [
        Entity(name, f"configs/conf-{file}", content(stanzas[name], app, call.session.user), app)
        for app in call.apps
        if name in (stanzas := confs.load(call.instance.apps / app, file))
    ]
    if not found:
        raise NotFoundError(f"Could not find object id={name}")
    return entities(call, found)


def change(call: Call) -> Response:
    """Change settings of a stanza."""
    file, name = _file(call), call.part("stanza")
    stanza(call)
    call.may_write(file, name)
    write(call.instance.apps / call.app, file, name, {k: v for k, v in call.args.items() if k != "output_mode"})
    return stanza(call)


def _app(call: Call, name: str) -> Entity:
    settings = confs.load(call.instance.apps / name, "app")
    ui, launcher, install = (settings.get(stanza, {}) for stanza in ("ui", "launcher", "install"))
    found = {
        "label": ui.get("label", name),
        "version": launcher.get("version", ""),
        "author": launcher.get("author", ""),
        "description": launcher.get("description", ""),
        "visible": confs.is_true(ui.get("is_visible", "1")),
        "disabled": install.get("state") == "disabled",
        "configured": confs.is_true(install.get("is_configured", "0")),
    }
    return Entity(name, "apps/local", found)


def apps(call: Call) -> Response:
    """List the apps."""
    return entities(call, [_app(call, name) for name in confs.installed(call.instance.apps)])


def app(call: Call) -> Response:
    """Give an app."""
    name = call.part("name")
    if name not in confs.installed(call.instance.apps):
        raise NotFoundError(f"Could not find object id={name}")
    return entities(call, [_app(call, name)])


def install(call: Call) -> Response:
    """Install an archive: `name` is its path on the server, `filename` true; `update` true where the app is there."""
    archive = Path(call.args.get("name", ""))
    if not confs.is_true(call.args.get("filename", "0")):
        raise CallError(400, "Making an app from a template is not supported by the sandbox: filename=true.")
    if not archive.is_file():
        raise CallError(404, f"Could not find the app package '{archive}'.")
    try:
        with tarfile.open(archive, "r:gz") as tar:
            name = tar.getnames()[0].split("/")[0]
    except (OSError, EOFError, tarfile.TarError, IndexError) as error:
        raise CallError(400, f"The app package '{archive}' cannot be read: {error}") from error
    if name in confs.installed(call.instance.apps) and not confs.is_true(call.args.get("update", "0")):
        raise ConflictError(f"App '{name}' already exists; use the \"update\" argument to install anyway")
    call.instance.install(archive)
    return entities(call, [_app(call, name)], 201)


def times(call: Call) -> Response:
    """List time ranges to choose from."""
    found = [
        Entity(name, "data/ui/times", {"label": label, "earliest_time": earliest, "latest_time": latest})
        for name, (label, earliest, latest) in PRESETS.items()
    ]
    return entities(call, found)


def view(call: Call) -> Response:
    """Give a view or dashboard of the app."""
    name = call.part("name")
    for layer in ("local", "default"):
        path = call.instance.apps / call.app / layer / "data/ui/views" / f"{name}.xml"
        if path.is_file() and path.name == f"{name}.xml":
            return entities(call, [Entity(name, "data/ui/views", {"eai:data": path.read_text("utf-8")}, call.app)])
    raise NotFoundError(f"Could not find object id={name}")

"""Who may call, and what is called: auth/login, authentication, server/info, data/outputs/tcp/default.

Source: REST API Reference, "Access", "Introspection" and "Output endpoint descriptions".
"""

import secrets

from starlette.responses import Response

from sandbox.search.server import SPLUNK_VERSION
from sandbox.splunkd.atom import Entity, entities, texts
from sandbox.splunkd.calls import Call, CallError
from sandbox.store.kvstore import NotFoundError

GUID = "5A4DB0C5-0000-4000-8000-000000000001"


def login(call: Call) -> Response:
    """Give a session key for `username` and `password`."""
    user = call.args.get("username", "")
    expected, role = call.splunkd.users.get(user, ("", ""))
    if not role or not secrets.compare_digest(expected.encode(), call.args.get("password", "").encode()):
        raise CallError(401, "Login failed", "WARN")
    return texts(call, sessionKey=call.splunkd.login(user))


def current_context(call: Call) -> Response:
    """Describe the user who calls."""
    who = call.session
    shown = {
        "username": who.user,
        "roles": who.role.split(";"),
        "capabilities": sorted(who.capabilities),
        "defaultApp": call.instance.app,
    }
    return entities(call, [Entity("context", "authentication/current-context", shown)])


def users(call: Call) -> Response:
    """List the users; without the capability list_all_users only the one who calls (a choice of the sandbox)."""
    return entities(call, [_user(call, name, role) for name, role in _visible(call).items()])


def user(call: Call) -> Response:
    """Give a user, of those that a list has."""
    name, visible = call.part("name"), _visible(call)
    if name not in visible:
        raise NotFoundError(f"Could not find object id={name}")
    return entities(call, [_user(call, name, visible[name])])


def _visible(call: Call) -> dict[str, str]:
    every = "list_all_users" in call.session.capabilities
    known = sorted(call.splunkd.users.items())
    return {name: role for name, (_, role) in known if every or name == call.session.user}


def _user(call: Call, name: str, role: str) -> Entity:
    capabilities = sorted(call.splunkd.session_of(name, role).capabilities)
    shown = {"roles": role.split(";"), "capabilities": capabilities, "type": "Splunk"}
    return Entity(name, "authentication/users", shown)


def info(call: Call) -> Response:
    """Describe this server."""
    shown = {
        "version": SPLUNK_VERSION,
        "build": "sandbox",
        "guid": GUID,
        "serverName": "search_head",
        "host": "search_head",
        "product_type": "enterprise",
        "isFree": False,
        "isTrial": False,
        "kvStoreStatus": call.instance.kvstore.status,
        "licenseState": "OK",
        "mode": "normal",
        "os_name": "Linux",
        "server_roles": call.splunkd.server_roles,
    }
    return entities(call, [Entity("server-info", "server/info", shown)])


def outputs(call: Call) -> Response:
    """Describe [tcpout] of outputs.conf: a server that forwards nothing has no defaultGroup."""
    shown: dict[str, object] = {"disabled": False, "indexAndForward": False, "sendCookedData": True, "useACK": False}
    if call.splunkd.default_group:
        shown["defaultGroup"] = call.splunkd.default_group
    return entities(call, [Entity("tcpout", "data/outputs/tcp/default", shown)])

"""Lists of what configures a server, as the search command rest asks for them: indexes, apps, stanzas of a conf.

Source: REST API Reference, "Introspection", "Application" and "Configuration endpoint descriptions".
"""

from starlette.responses import Response

from sandbox import confs
from sandbox.splunkd.atom import Entity, entities
from sandbox.splunkd.calls import Call, installed, serves
from sandbox.splunkd.endpoints.confs import _app, _file, content
from sandbox.splunkd.endpoints.indexes import _index


@serves("GET", "data/indexes")
def indexes(call: Call) -> Response:
    """List the indexes."""
    return entities(call, [_index(call, name) for name in sorted(call.splunkd.indexes)])


@serves("GET", "apps/local")
def apps(call: Call) -> Response:
    """List the apps."""
    return entities(call, [_app(call, name) for name in installed(call.instance)])


@serves("GET", "configs/conf-{file}")
def stanzas(call: Call) -> Response:
    """List the stanzas of a conf file; there are none where no app has it."""
    file, apps = _file(call), call.instance.apps
    return entities(
        call,
        [
            Entity(name, f"configs/conf-{file}", content(settings, app, call.session.user), app)
            for app in call.apps
            for name, settings in confs.load(apps / app, file).items()
        ],
    )

"""Indexes, and the receivers that write to them: data/indexes, receivers/simple, receivers/stream.

Source: REST API Reference, "Index endpoint descriptions" and "Input endpoint descriptions".
"""

import re

from starlette.responses import Response

from sandbox.inputs.intake import break_body
from sandbox.splunkd.atom import Entity, entities
from sandbox.splunkd.calls import Call, CallError
from sandbox.store import tables
from sandbox.store.kvstore import ConflictError, NotFoundError

INDEXES = "data/indexes"


def _events(call: Call, what: str, index: str) -> int:
    """Count, or DELETE FROM, the events of an index; return their number."""
    database = call.instance.database.cursor()
    if "index" not in tables.describe(database, "events"):  # nothing is indexed yet
        return 0
    return int(database.execute(f"{what} events WHERE index = ?", [index]).fetchall()[0][0])


def _index(call: Call, name: str) -> Entity:
    count = _events(call, "SELECT count(*) FROM", name)
    shown = {"disabled": False, "datatype": "event", "isInternal": name[0] == "_", "defaultDatabase": "main"}
    return Entity(name, INDEXES, {**shown, "totalEventCount": str(count)})


def indexes(call: Call) -> Response:
    """List the indexes."""
    return entities(call, [_index(call, name) for name in sorted(call.splunkd.indexes)])


def index(call: Call) -> Response:
    """Give an index."""
    if call.part("name") not in call.splunkd.indexes:
        raise NotFoundError(f"Could not find object id={call.part('name')}")
    return entities(call, [_index(call, call.part("name"))])


def create_index(call: Call) -> Response:
    """Create an index."""
    name = call.args.get("name", "")
    if not re.fullmatch("[a-z0-9][a-z0-9_-]*", name) or "kvstore" in name:
        raise CallError(400, f"Invalid index name '{name}'.")
    if name in call.splunkd.indexes:
        raise ConflictError(f"Index name={name} already exists")
    call.splunkd.indexes.add(name)
    return entities(call, [_index(call, name)], 201)


def delete_index(call: Call) -> Response:
    """Remove an index and its events."""
    answer = index(call)
    call.splunkd.indexes.remove(call.part("name"))
    _events(call, "DELETE FROM", call.part("name"))
    return answer


def receive(call: Call) -> Response:
    """Index raw data: `index`, `host`, `source`, `sourcetype` in the URL."""
    name = call.query.get("index", "main")
    if name not in call.splunkd.indexes:
        raise CallError(400, f"supplied index '{name}' missing", "WARN")
    meta = {key: call.query[key] for key in ("host", "source", "sourcetype") if call.query.get(key)}
    call.instance.add_events(break_body(call.instance, call.body.decode("utf-8", "replace"), name, meta))
    return Response("<response><results/></response>", media_type="text/xml")

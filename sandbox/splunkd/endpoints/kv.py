"""The KV store over REST: storage/collections/config and storage/collections/data.

Source: REST API Reference, "KV store endpoint descriptions".
"""

import json
import re
from typing import Any

from starlette.responses import JSONResponse, Response

from sandbox import confs
from sandbox.splunkd.atom import Entity, entities
from sandbox.splunkd.calls import Call, CallError
from sandbox.store.kvstore import Collection, NotFoundError

MOST_DOCUMENTS = 1_000
"""limits.conf [kvstore] max_documents_per_batch_save."""


def collection(call: Call) -> Response:
    """Give the declaration of a collection."""
    name = call.part("name")
    if not (settings := confs.load(call.instance.apps / call.app, "collections").get(name)):
        raise NotFoundError(f"Could not find object id={name}")
    return entities(call, [Entity(name, "storage/collections/config", {**settings, "disabled": False}, call.app)])


def find(call: Call) -> Response:
    """Give the records that a query matches, or all: `query`, `sort`, `fields`, `skip`, `limit`."""
    return JSONResponse(_find(_collection(call), call.query))


def delete(call: Call) -> Response:
    """Remove the records that a query matches, or all."""
    _collection(call, write=True).delete(_query(call.query.get("query")))
    return Response()


def insert(call: Call) -> Response:
    """Add a record."""
    return JSONResponse({"_key": _collection(call, write=True).insert(_json(call, dict))}, 201)


def batch_find(call: Call) -> Response:
    """Give the records that each of several queries matches."""
    collection = _collection(call)
    return JSONResponse([_find(collection, options) for options in _json(call, list)])


def batch_save(call: Call) -> Response:
    """Write records, over those of the same keys."""
    records = _json(call, list)
    if len(records) > MOST_DOCUMENTS:
        limit = f"Too many documents for a single batch save, max_documents_per_batch_save={MOST_DOCUMENTS}"
        raise CallError(400, f"Request exceeds API limits - see limits.conf for details. ({limit})")
    return JSONResponse(_collection(call, write=True).save(records))


def get(call: Call) -> Response:
    """Give a record."""
    return JSONResponse(_collection(call).get(call.part("key")))


def update(call: Call) -> Response:
    """Put a record in place of another."""
    key = call.part("key")
    _collection(call, write=True).update(key, _json(call, dict))
    return JSONResponse({"_key": key})


def delete_key(call: Call) -> Response:
    """Remove a record."""
    _collection(call, write=True).delete_key(call.part("key"))
    return Response()


def _collection(call: Call, write: bool = False) -> Collection:
    name = call.part("collection")
    found = call.instance.kvstore.collection(call.app, name)
    if write:
        call.may_write("collections", name)
    return found


def _json(call: Call, kind: type[Any]) -> Any:
    if not call.request.headers.get("content-type", "").startswith("application/json"):
        raise CallError(415, "Unsupported media type: the body must be application/json.")
    found = json.loads(call.body)
    if not isinstance(found, kind) or not all(isinstance(one, dict) for one in found if kind is list):
        raise CallError(400, f"JSON in the request is invalid: no {'array of objects' if kind is list else 'object'}.")
    return found


def _query(text: Any) -> dict[str, Any]:
    found = json.loads(text) if isinstance(text, str) and text else text or {}
    if not isinstance(found, dict):
        raise CallError(400, "A query must be a JSON object.")
    return found


def _find(collection: Collection, options: dict[str, Any]) -> list[dict[str, Any]]:
    fields = _list(options.get("fields"))
    if any(field.endswith(":0") for field in fields):
        raise CallError(400, "Leaving out fields is not supported by the sandbox.")
    sort = [(name, int(order or "1")) for name, _, order in (one.partition(":") for one in _list(options.get("sort")))]
    skip, limit = (int(options.get(key) or 0) for key in ("skip", "limit"))
    names = [field.partition(":")[0] for field in fields]
    return collection.find(_query(options.get("query")), sort=sort, fields=names, skip=skip, limit=limit)


def _list(text: str | None) -> list[str]:
    return re.findall(r"[^\s,]+", text or "")

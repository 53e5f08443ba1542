"""splunkd's answers: lists of entities as an Atom feed or as JSON (output_mode=json), and messages.

Source: REST API User Manual, "Access Splunk Enterprise REST API responses"; what splunk-sdk reads.
"""

from __future__ import annotations

import urllib.parse
import xml.etree.ElementTree as ET
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from typing import Any

from starlette.responses import JSONResponse, Response

from sandbox.search import spl
from sandbox.search.server import SPLUNK_VERSION
from sandbox.splunkd.calls import Call, CallError

_ATOM, _REST, _SEARCH = (
    "http://www.w3.org/2005/Atom",
    "http://dev.splunk.com/ns/rest",
    "http://a9.com/-/spec/opensearch/1.1/",
)
for _prefix, _uri in (("", _ATOM), ("s", _REST), ("opensearch", _SEARCH)):
    ET.register_namespace(_prefix, _uri)

GENERATOR = {"build": "sandbox", "version": SPLUNK_VERSION}
UPDATED = "1970-01-01T00:00:00+00:00"
"""When an entity was last changed, which splunkd does not know of most and the sandbox of none."""

PAGE = 30
"""Entities in an answer where the call names no count."""


@dataclass(frozen=True)
class Entity:
    """An entity of the REST API: its name, the path of its collection, and its settings (text, bool, list or dict).

    `key` stands for it in its path where its name does not. `sharing` is app, global, or user for a private one.
    """

    name: str
    collection: str
    content: Mapping[str, Any] = field(default_factory=dict)
    app: str = "system"
    owner: str = "nobody"
    key: str = ""
    sharing: str = "app"

    @property
    def path(self) -> str:
        """Where it is found."""
        return f"/servicesNS/{self.owner}/{self.app}/{self.collection}/{urllib.parse.quote(self.key or self.name, '')}"

    @property
    def acl(self) -> dict[str, Any]:
        """Owner and permissions, as the API writes them."""
        sharing = "system" if self.app == "system" else self.sharing
        return {"app": self.app, "owner": self.owner, "sharing": sharing, "can_write": True}


def entities(call: Call, found: Sequence[Entity], status: int = 200, single: bool = False) -> Response:
    """Answer with a list of entities; `count` and `offset` of the call choose a page of it (count 0 or less: all).

    A GET may filter and sort it, but for a `single` entity.
    """
    found = _filtered(call, found) if call.request.method == "GET" and not single else found
    offset, count = call.number("offset", 0), call.number("count", PAGE)
    page = found[offset : offset + count if count > 0 else None]
    if call.json:
        paging = {"total": len(found), "perPage": count, "offset": offset}
        head = {"links": {}, "origin": _origin(call), "updated": _now(call), "generator": GENERATOR}
        return JSONResponse(
            {**head, "entry": [_object(call, one) for one in page], "paging": paging, "messages": []}, status
        )
    feed = ET.Element(f"{{{_ATOM}}}feed")
    _text(feed, f"{{{_ATOM}}}title", call.request.url.path.rpartition("/")[2])
    _text(feed, f"{{{_ATOM}}}id", _origin(call))
    _text(feed, f"{{{_ATOM}}}updated", _now(call))
    _text(feed, f"{{{_ATOM}}}generator", "", **GENERATOR)
    _author(feed, "Splunk")
    for name, number in (("totalResults", len(found)), ("itemsPerPage", count), ("startIndex", offset)):
        _text(feed, f"{{{_SEARCH}}}{name}", str(number))
    feed.extend([_entry(call, one) for one in page])
    return xml(feed, status)


def _filtered(call: Call, found: Sequence[Entity]) -> list[Entity]:
    """Apply what a call for a list wants: `search`, `sort_key` and `sort_dir`, and `f`, the settings to show.

    `search` is words that some value contains, and name=value with wildcards; all must hold. Raises SandboxError for
    any other expression, and for a sort that is not supported.
    """
    reader, chosen = spl.Reader(spl.Command("search", call.args.get("search", ""), 0, 0)), [*found]
    while reader.more():
        if reader.at("OR", "AND", "NOT"):
            raise CallError(400, f"Argument 'search': '{reader.next.text}' is not supported by the sandbox.")
        key, word = reader.take_key(), reader.word().text.lower()
        wanted = word if key else f"*{word}*"
        chosen = [
            one for one in chosen if any(fnmatchcase(text, wanted) for text in _texts(one, key.text if key else None))
        ]
    order, mode = call.args.get("sort_dir", "asc"), call.args.get("sort_mode", "auto")
    if order not in ("asc", "desc") or mode not in ("auto", "alpha"):
        raise CallError(400, f"The sandbox sorts asc or desc, by alpha, not '{order}' by '{mode}'.")
    if key_name := call.args.get("sort_key", "name" if "sort_dir" in call.args else ""):
        chosen.sort(key=lambda one: _texts(one, key_name), reverse=order == "desc")
    if shown := {value for name, value in call.pairs if name == "f"}:
        chosen = [replace(one, content={k: v for k, v in one.content.items() if k in shown}) for one in chosen]
    return chosen


def _texts(one: Entity, name: str | None) -> list[str]:
    """Return the values of an entity, in small letters, or those of one name."""
    values = {"name": one.name, "title": one.name, **one.content, **{f"eai:acl.{k}": v for k, v in one.acl.items()}}
    chosen = values.values() if name is None else [values.get(name)]
    every = [each for value in chosen for each in (value if isinstance(value, list | tuple) else [value])]
    return [str(int(each) if isinstance(each, bool) else each).lower() for each in every if each is not None]


def _origin(call: Call) -> str:
    return call.splunkd.uri + call.request.url.path


def _now(call: Call) -> str:
    return datetime.fromtimestamp(call.splunkd.clock(), UTC).isoformat(timespec="seconds")


def _author(parent: ET.Element, name: str) -> None:
    _text(ET.SubElement(parent, f"{{{_ATOM}}}author"), f"{{{_ATOM}}}name", name)


def entry(call: Call, one: Entity) -> Response:
    """Answer with one entity, in no feed: as a search job comes."""
    return entities(call, [one], single=True) if call.json else xml(_entry(call, one))


def message(json: bool, status: int, text: str, level: str = "ERROR") -> Response:
    """Answer with a message for the user."""
    if json:
        return JSONResponse({"messages": [{"type": level, "text": text}]}, status)
    response = ET.Element("response")
    _text(ET.SubElement(response, "messages"), "msg", text, type=level)
    return xml(response, status)


def texts(call: Call, status: int = 200, **named: str) -> Response:
    """Answer with named texts: `<response><sid>…</sid></response>`."""
    if call.json:
        return JSONResponse(named, status)
    response = ET.Element("response")
    for name, text in named.items():
        _text(response, name, text)
    return xml(response, status)


def valid(text: str) -> str:
    """Leave out what XML cannot hold."""
    return "".join(
        c for c in text if c in "\t\n\r" or (c >= " " and not "\ud800" <= c <= "\udfff" and c not in "\ufffe\uffff")
    )


def xml(root: ET.Element, status: int = 200) -> Response:
    """Answer with XML."""
    return Response(ET.tostring(root, "utf-8", xml_declaration=True), status, media_type="text/xml")


def _id(call: Call, one: Entity) -> str:
    return call.splunkd.uri + one.path


def _object(call: Call, one: Entity) -> dict[str, Any]:
    links = dict.fromkeys(("alternate", "list", "edit"), one.path)
    content = {**one.content, "eai:acl": None}
    return {
        "name": one.name,
        "id": _id(call, one),
        "updated": UPDATED,
        "links": links,
        "author": one.owner,
        "acl": one.acl,
        "content": content,
    }


def _entry(call: Call, one: Entity) -> ET.Element:
    made = ET.Element(f"{{{_ATOM}}}entry")
    _text(made, f"{{{_ATOM}}}title", one.name)
    _text(made, f"{{{_ATOM}}}id", _id(call, one))
    _text(made, f"{{{_ATOM}}}updated", UPDATED)
    _author(made, one.owner)
    for rel in ("alternate", "list", "edit"):
        ET.SubElement(made, f"{{{_ATOM}}}link", {"rel": rel, "href": one.path})
    content = ET.SubElement(made, f"{{{_ATOM}}}content", {"type": "text/xml"})
    _value(content, {**one.content, "eai:acl": one.acl})
    return made


def _value(parent: ET.Element, value: Any) -> None:
    if isinstance(value, Mapping):
        inner = ET.SubElement(parent, f"{{{_REST}}}dict")
        for key, item in value.items():
            _value(ET.SubElement(inner, f"{{{_REST}}}key", {"name": key}), item)
    elif isinstance(value, list | tuple):
        inner = ET.SubElement(parent, f"{{{_REST}}}list")
        for item in value:
            _value(ET.SubElement(inner, f"{{{_REST}}}item"), item)
    elif value is not None:
        parent.text = valid(str(int(value) if isinstance(value, bool) else value))


def _text(parent: ET.Element, tag: str, text: str, **attributes: str) -> None:
    ET.SubElement(parent, tag, attributes).text = valid(text)

"""splunkd's answers: lists of entities as an Atom feed or as JSON (output_mode=json), and messages.

Source: REST API User Manual, "Access Splunk Enterprise REST API responses"; what splunk-sdk reads.
"""

from __future__ import annotations

import urllib.parse
import xml.etree.ElementTree as ET
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from starlette.responses import JSONResponse, Response

from sandbox.splunkd.calls import Call

_ATOM, _REST, _SEARCH = (
    "http://www.w3.org/2005/Atom",
    "http://dev.splunk.com/ns/rest",
    "http://a9.com/-/spec/opensearch/1.1/",
)
for _prefix, _uri in (("", _ATOM), ("s", _REST), ("opensearch", _SEARCH)):
    ET.register_namespace(_prefix, _uri)

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


def entities(call: Call, found: Sequence[Entity], status: int = 200) -> Response:
    """Answer with a list of entities; `count` and `offset` of the call choose a page of it (count 0 or less: all)."""
    offset, count = call.number("offset", 0), call.number("count", PAGE)
    page = found[offset : offset + count if count > 0 else None]
    if call.json:
        paging = {"total": len(found), "perPage": count, "offset": offset}
        return JSONResponse({"entry": [_object(call, one) for one in page], "paging": paging, "messages": []}, status)
    feed = ET.Element(f"{{{_ATOM}}}feed")
    _text(feed, f"{{{_ATOM}}}title", call.request.url.path.rpartition("/")[2])
    for name, number in (("totalResults", len(found)), ("itemsPerPage", count), ("startIndex", offset)):
        _text(feed, f"{{{_SEARCH}}}{name}", str(number))
    feed.extend([_entry(call, one) for one in page])
    return xml(feed, status)


def entry(call: Call, one: Entity) -> Response:
    """Answer with one entity, in no feed: as a search job comes."""
    return entities(call, [one]) if call.json else xml(_entry(call, one))


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
        "links": links,
        "author": one.owner,
        "acl": one.acl,
        "content": content,
    }


def _entry(call: Call, one: Entity) -> ET.Element:
    made = ET.Element(f"{{{_ATOM}}}entry")
    _text(made, f"{{{_ATOM}}}title", one.name)
    _text(made, f"{{{_ATOM}}}id", _id(call, one))
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

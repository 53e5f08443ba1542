"""The pages of the stand-in for Splunk Web: navigation around a view, a form or the rows of a search.

All that comes from events, settings or addresses is escaped: html.escape in HTML, no `<` in JSON.
"""

from __future__ import annotations

import json
import urllib.parse
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any, NamedTuple

APP = "ssa_detections"
HOME = f"/en-US/app/{APP}/"
PORT = 8000
"""Splunk Web's own (web.conf: httpport): where `make ui` serves, and part of the names of cookies."""

CONFIG = {
    "MRSPARKLE_ROOT_PATH": "",
    "MRSPARKLE_PORT_NUMBER": str(PORT),
    "SPLUNKD_PATH": "/en-US/splunkd/__raw",
    "LOCALE": "en-US",
    "USERNAME": "admin",
    "VERSION_LABEL": "9.4.0",
    "BUILD_NUMBER": "sandbox",
    "BUILD_PUSH_NUMBER": 0,
    "SERVER_ZONEINFO": "",
}
"""The settings that Splunk Web gives its pages as $C; @splunk/splunk-utils reads them."""

THEMES = ("dark", "light")

AGREED = "agreed"
"""The argument by which the user lets a search with risky commands run. The name is this page's own."""

STYLE = (Path(__file__).parent / "page.css").read_text("utf-8")


class View(NamedTuple):
    """A Dashboard Studio view: what the navigation calls it, its theme and its definition."""

    label: str
    theme: str
    definition: dict[str, Any]


def read_view(text: str) -> View:
    """Read a view's XML. Raises ValueError (as do broken XML and JSON) for one that is not of Dashboard Studio."""
    root = ET.fromstring(text)  # noqa: S314 (from our own app)
    definition = root.findtext("definition")
    if root.tag != "dashboard" or root.get("version") != "2" or definition is None:
        raise ValueError('not a view of Dashboard Studio: <dashboard version="2"> with a <definition>')
    return View(root.findtext("label", ""), root.get("theme", "light"), json.loads(definition))


def navigation(text: str) -> Iterator[str]:
    """Yield the names of the views in a navigation's XML, in its order."""
    for view in ET.fromstring(text).iter("view"):  # noqa: S314 (from our own app)
        yield view.get("name", "")


def address(name: str, **query: str) -> str:
    """Return where a view is, with arguments."""
    return HOME + urllib.parse.quote(name, "") + (f"?{urllib.parse.urlencode(query)}" if query else "")


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False).replace("<", "\\u003c")


def page(title: str, here: str, theme: str, views: Mapping[str, str], body: str) -> str:
    """Return a page: `views` maps names to labels for the navigation, `here` is the one that is shown."""
    themed = {"theme": theme}
    other = THEMES[theme == THEMES[0]]
    links = " ".join(
        f'<a href="{escape(address(name, **themed))}"{" aria-current=page" if name == here else ""}>{escape(label)}</a>'
        for name, label in views.items()
    )
    return (
        f'<!doctype html><html lang="en" class="{theme}"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f"<style>{STYLE}</style><script>window.$C = {_json(CONFIG)}</script></head><body>"
        f'<header><nav aria-label="App">{links}</nav><small>a stand-in for Splunk Web, over made-up events · '
        f'<a href="?theme={other}">{other}</a></small></header>{body}</body></html>'
    )


def drawn(script: str, data: Mapping[str, Any], template: str = "") -> str:
    """Return a place in which a bundled script draws from data; a template's HTML is there, inert."""
    return (
        f'<div id="root"></div><script type="application/json" id="view">{_json(data)}</script>'
        f'<template id="form">{template}</template><script type="module" src="/ui/{script}.js"></script>'
    )


def results(
    query: Mapping[str, str], content: Mapping[str, Any] | None, complaint: str, risky: Sequence[str] = ()
) -> str:
    """Return the search page's own part.

    `query` has q, earliest and latest; `content` is the answer of the REST API (output_mode=json), if the search ran;
    `complaint` is the reason why it did not, `risky` are the commands that must be agreed to before it does.
    """
    fields = [_field("Search", f'<textarea name="q" rows="5">{escape(query["q"])}</textarea>')]
    fields += [_field(name, f'<input name="{name}" value="{escape(query[name])}">') for name in ("earliest", "latest")]
    messages = [(one["type"], one["text"]) for one in (content or {}).get("messages", ())]
    messages = [("", complaint)] if complaint else messages
    button = "<button>Search</button>"
    if risky:
        messages = [("", f"This search has risky commands: {', '.join(risky)}. They may change this server.")]
        button = f'<button name="{AGREED}" value="1">Run Query Anyway</button>'
    alerts = "".join(f'<p role="alert">{escape(" ".join(one).strip())}</p>' for one in messages)
    table = _table(content) if content else ""
    return f"<main><form>{''.join(fields)}{button}</form>{alerts}{table}</main>"


def saved_searches(found: Sequence[Mapping[str, Any]], endpoint: str) -> str:
    """Return Settings > Searches, reports, and alerts: for each search a form that schedules it at a REST endpoint.

    `found` are entries of saved/searches; `endpoint` is where they are below Splunk Web. The answer goes into a frame.
    """
    rows = "".join(
        f"<tr><td>{escape(one['name'])}</td><td>{escape(one['content'].get('cron_schedule', ''))}</td>"
        f"<td>{_schedule(one, endpoint)}</td></tr>"
        for one in found
    )
    return (
        "<main><h1>Searches, reports, and alerts</h1><table><thead><tr><th>Name</th><th>Schedule</th><th>Edit</th></tr>"
        f'</thead><tbody>{rows}</tbody></table><iframe name="answer" title="What splunkd answered"></iframe></main>'
    )


def _schedule(one: Mapping[str, Any], endpoint: str) -> str:
    name, on = one["name"], bool(one["content"]["is_scheduled"])
    return (
        f'<form method="post" target="answer" action="{escape(endpoint + "/" + urllib.parse.quote(name, ""))}">'
        f'<input type="hidden" name="is_scheduled" value="{int(not on)}"><button aria-label="{escape(name)}">'
        f"{'Disable' if on else 'Enable'} schedule</button></form>"
    )


def _field(label: str, control: str) -> str:
    return f"<label>{label} {control}</label>"


def _table(content: Mapping[str, Any]) -> str:
    """Show rows with their time and event first, and without internal fields."""
    names, rows = [field["name"] for field in content["fields"]], content["results"]
    first = [name for name in ("_time", "_raw") if name in names]
    shown = [*first, *(name for name in names if not name.startswith("_"))]
    lines = ["".join(f"<th>{escape(name)}</th>" for name in shown)]
    lines += ["".join(f"<td>{escape(_text(row.get(name)))}</td>" for name in shown) for row in rows]
    head, *body = (f"<tr>{line}</tr>" for line in lines)
    table = f"<table><thead>{head}</thead><tbody>{''.join(body)}</tbody></table>"
    return f"<p>{len(rows):,} results</p>{table}"


def _text(cell: str | list[str] | None) -> str:
    return "\n".join(cell) if isinstance(cell, list) else cell or ""

"""What arrives, by a receiver or the event collector -> events of an index.

Windows events get their CIM fields here, as there are no add-ons that would extract them in a search.
"""

import json
import time
from collections.abc import Iterator, Mapping
from typing import Any

from sandbox import confs
from sandbox.inputs import indexing, windows
from sandbox.inputs.indexing import IndexedEvent
from sandbox.search.instance import Instance

WINDOWS = ("XmlWinEventLog", "WinEventLog")
"""Sourcetypes of the Windows add-on."""


def windows_row(event: windows.Event) -> IndexedEvent:
    """Return a Windows event as a search sees it: with its default fields, tags and CIM fields; in no index yet."""
    default: IndexedEvent = {"_raw": event.raw, "_time": event.time, "host": event.host, "source": event.source}
    return {**event.own, **event.fields, **default, "sourcetype": event.sourcetype, "tag": list(event.tags)}


def break_body(instance: Instance, body: str, index: str, meta: Mapping[str, str]) -> list[IndexedEvent]:
    """Break raw data into events of an index; `meta` has their host, source and sourcetype, as far as they are given.

    Raises SandboxError for a setting of props.conf that is not modelled.
    """
    sourcetype = meta.get("sourcetype", "")
    if sourcetype in WINDOWS:
        return [{**windows_row(one), **meta, "index": index} for one in windows.read_text([body])]
    settings = props(instance, sourcetype)
    set_by_header, body = indexing.header(body, settings)
    meta = {**meta, **set_by_header}
    index = set_by_header.get("index", index)
    broken = indexing.break_events(body, settings, sourcetype)
    return [
        _row(text, time.time() if at is None else at, index, {**meta, "sourcetype": final})
        for at, text, final in broken
    ]


def one_event(instance: Instance, event: Any, at: float | None, index: str, meta: Mapping[str, str]) -> IndexedEvent:
    """Make an event of a text or a JSON value; `at` is its time, epoch s.

    The fields of an object are extracted as a search does (props.conf: AUTO_KV_JSON).
    """
    text, sourcetype = event if isinstance(event, str) else json.dumps(event), meta.get("sourcetype", "")
    if sourcetype in WINDOWS:
        found = windows_row(windows.parse(text))
        return {**found, **meta, "index": index, "_time": at if at is not None else found["_time"]}
    final = "stash" if "TRANSFORMS-st" in props(instance, sourcetype) else sourcetype
    row = _row(text, time.time() if at is None else at, index, {**meta, "sourcetype": final})
    return {**dict(_flat(event)), **row} if isinstance(event, dict) else row


def props(instance: Instance, sourcetype: str) -> dict[str, str]:
    """Return the settings of a sourcetype in the apps' props.conf."""
    found: dict[str, str] = {}
    for app in confs.installed(instance.apps):
        found |= confs.load(instance.apps / app, "props").get(sourcetype, {})
    return found


def _row(text: str, at: float, index: str, meta: Mapping[str, str]) -> IndexedEvent:
    fields = indexing.stash_fields(text) if meta["sourcetype"] == "stash" else {}
    return {**fields, **meta, "_raw": text, "_time": at, "index": index}


def _flat(value: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _flat(item, f"{name}.{key}" if name else key)
    elif isinstance(value, list):
        yield f"{name}{{}}", [item if isinstance(item, str) else json.dumps(item) for item in value]
    elif value is not None:
        yield name, value if isinstance(value, str) else json.dumps(value)

"""Index-time and search-time processing of events by splunkd, as far as our props.conf uses it."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping

from sandbox.errors import SandboxError

Conf = Mapping[str, Mapping[str, str]]
IndexedEvent = dict[str, str | float | list[str] | None]

KNOWN = {
    "HEADER_MODE": ("none", "firstline"),
    "LEARN_MODEL": ("false",),
    "SHOULD_LINEMERGE": ("false",),
    "LINE_BREAKER": None,
    "TIME_PREFIX": None,
    "TIME_FORMAT": ("%s.%Q",),
    "MAX_TIMESTAMP_LOOKAHEAD": None,
    "MAX_DAYS_AGO": None,
    "MAX_DIFF_SECS_AGO": None,
    "MAX_DIFF_SECS_HENCE": None,
    "TRUNCATE": ("0",),
    "TRANSFORMS-st": ("set_sourcetype_to_stash",),
}
"""The index-time settings that are modelled, and the values of each that are (None: any)."""

DEFAULT_LOOKAHEAD, DEFAULT_DAYS_AGO, MAX_DAYS_HENCE = 128, 2_000, 2
"""The defaults of props.conf.spec."""

MAX_EXTRACTED = 10_240
"""Characters of an event in which fields are extracted by themselves (limits.conf [kv] maxchars)."""

_HEADER = re.compile(r"\*\*\*SPLUNK\*\*\*[^\r\n]*")
_NAMED = re.compile(r'(index|host|source|sourcetype)=(?:"([^"]*)"|(\S+))')
_PAIR = re.compile(r'([A-Za-z_][A-Za-z0-9_.]*)="((?:[^"\\]|\\.)*)"(?:, |$)', re.DOTALL)


def break_events(body: str, props: Mapping[str, str], sourcetype: str) -> list[tuple[float | None, str, str]]:
    """Break a request's body into (time in epoch s or None, event text, final sourcetype) by a props.conf stanza.

    Raises SandboxError for a setting that is not modelled.
    """
    for key, value in props.items():
        if key not in KNOWN or value not in (KNOWN[key] or [value]):
            raise SandboxError(f"props.conf [{sourcetype}]: {key} = {value} is not supported by the sandbox")
    texts, start = [], 0
    for gap in re.finditer(props.get("LINE_BREAKER", r"([\r\n]+)"), body):
        texts.append(body[start : gap.start(1)])
        start = gap.end(1)
    texts.append(body[start:])
    final = "stash" if "TRANSFORMS-st" in props else sourcetype
    return [(_timestamp(text, props), text, final) for text in texts if text.strip()]


def header(body: str, props: Mapping[str, str]) -> tuple[dict[str, str], str]:
    """Return what the first line sets where `HEADER_MODE = firstline` (index, host, source, sourcetype), and the rest.

    A quotation mark ends a value, a later pair of a name wins: who quotes badly has his text read as settings. Whether
    lines are broken before or after that is documented nowhere: what stands between header and first breaker is lost
    here (a choice of the sandbox), for all known writers begin with a breaker.
    """
    found = _HEADER.match(body) if props.get("HEADER_MODE") == "firstline" else None
    if not found:
        return {}, body
    settings = {name: quoted or bare for name, quoted, bare in _NAMED.findall(found.group())}
    _, *events = re.split(props.get("LINE_BREAKER", r"([\r\n]+)"), body, maxsplit=1)
    return settings, events[-1] if events else ""


def _timestamp(text: str, props: Mapping[str, str]) -> float | None:
    """Read the time (epoch s) of an event as props.conf sets it; None where Splunk would take the time of indexing."""
    prefix = re.search(props.get("TIME_PREFIX", "^"), text)
    start = prefix.end() if prefix else 0
    lookahead = int(props.get("MAX_TIMESTAMP_LOOKAHEAD", DEFAULT_LOOKAHEAD))
    found = re.match(r"\d+\.\d+(?!\d)", text[start : start + lookahead])
    if not found:
        return None
    age = (time.time() - float(found.group())) / 86_400
    return float(found.group()) if -MAX_DAYS_HENCE <= age <= int(props.get("MAX_DAYS_AGO", DEFAULT_DAYS_AGO)) else None


def stash_fields(text: str) -> IndexedEvent:
    """Extract the fields of a stash event at search time: `key="value"` pairs, a repeated key is multivalue."""
    found: IndexedEvent = {}
    for name, quoted in _PAIR.findall(text[:MAX_EXTRACTED].partition(", ")[2]):
        value = re.sub(r"\\(.)", r"\1", quoted, flags=re.DOTALL)
        before = found.get(name)
        if before is None:
            found[name] = value
        else:
            found[name] = [*before, value] if isinstance(before, list) else [str(before), value]
    return found

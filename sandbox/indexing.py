"""What splunkd does to data on its way into an index and out again, as far as our props.conf asks for it."""

from __future__ import annotations

import re
from collections.abc import Mapping

from sandbox.errors import SandboxError

Conf = Mapping[str, Mapping[str, str]]
Event = dict[str, str | float | list[str] | None]

KNOWN = {
    "HEADER_MODE": "none",
    "SHOULD_LINEMERGE": "false",
    "LINE_BREAKER": None,
    "TIME_PREFIX": None,
    "TIME_FORMAT": "%s.%Q",
    "MAX_TIMESTAMP_LOOKAHEAD": None,
    "MAX_DAYS_AGO": None,
    "TRUNCATE": "0",
    "TRANSFORMS-st": "set_sourcetype_to_stash",
}
"""The index-time settings that are modelled, and the only value of each that is (None: any)."""

_PAIR = re.compile(r'([A-Za-z_][A-Za-z0-9_.]*)="((?:[^"\\]|\\.)*)"(?:, |$)', re.DOTALL)


def break_events(body: str, props: Mapping[str, str], sourcetype: str) -> list[tuple[float | None, str, str]]:
    """Break a request's body into (time in epoch s or None, event text, final sourcetype) by a props.conf stanza.

    Raises SandboxError for a setting that is not modelled.
    """
    for key, value in props.items():
        if key not in KNOWN or KNOWN[key] not in (None, value):
            raise SandboxError(f"props.conf [{sourcetype}]: {key} = {value} is not supported by the sandbox")
    texts, start = [], 0
    for gap in re.finditer(props.get("LINE_BREAKER", r"([\r\n]+)"), body):
        texts.append(body[start : gap.start(1)])
        start = gap.end(1)
    texts.append(body[start:])
    final = "stash" if "TRANSFORMS-st" in props else sourcetype
    time = re.compile(props.get("TIME_PREFIX", "^") + r"(\d+\.\d+)")
    return [
        (float(found.group(1)) if (found := time.match(text)) else None, text, final) for text in texts if text.strip()
    ]


def stash_fields(text: str) -> Event:
    """Extract the fields of a stash event at search time: `key="value"` pairs, a repeated key is multivalue."""
    found: Event = {}
    for name, quoted in _PAIR.findall(text.partition(", ")[2]):
        value = re.sub(r"\\(.)", r"\1", quoted, flags=re.DOTALL)
        before = found.get(name)
        if before is None:
            found[name] = value
        else:
            found[name] = [*before, value] if isinstance(before, list) else [str(before), value]
    return found

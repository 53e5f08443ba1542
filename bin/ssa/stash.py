"""Risk event -> one line of the risk index, as Splunk's stash extraction reads it back. Pure.

Nothing from an event may end the line, end a value, or look like a header of the stash format.
"""

from __future__ import annotations

import re

from .risk import RiskEvent, shorten

LONGEST_LINE = 9_400
"""Characters of the fields. Splunk may stop extracting after 10,240, and the names of what is left out come on top."""

LONGEST_NAMES = 500
"""Characters of the names of fields that were left out."""

LONGEST_VALUE = 1_500
"""Characters of one value, before escaping."""

WHOLE = ("annotations", "contributing_events_search")
"""Fields that mean nothing when cut: JSON and SPL. One that does not fit is left out."""

_HEADER = re.compile(r"\*\*\*(SPLUNK)\*\*\*", re.IGNORECASE)
_INVISIBLE = {
    **{code: chr(0x2400 + code) for code in range(0x20)},
    0x7F: "␡",
    0x85: "␤",
    0x2028: "␤",
    0x2029: "␤",
    **dict.fromkeys((*range(0x80, 0x85), *range(0x86, 0xA0), *range(0xD800, 0xE000)), "�"),
}
"""Control characters as visible ones; what cannot be encoded as the replacement character."""


def visible(text: str) -> str:
    """Return a text in one line: control characters shown as symbols, the stash header mark broken."""
    return _HEADER.sub(r"**_\1_**", text.translate(_INVISIBLE))


def quote(text: str) -> str:
    """Quote a value: backslash and quotation mark escaped. It never ends in a backslash, which readers disagree on."""
    text = visible(text)
    if text.endswith("\\"):
        text += " "
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def line(event: RiskEvent) -> str:
    """Write a risk event: `<epoch>, key="value", …`; a multivalue field repeats its key.

    Fields that do not fit into LONGEST_LINE are left out from the end, where the long texts stand, and the field
    `truncated` names them.
    """
    parts = [format(event.time, ".3f")]
    size, left_out = len(parts[0]), []
    for name, value in event.fields:
        values = value if isinstance(value, tuple) else (value,)
        longest = LONGEST_LINE if name in WHOLE else LONGEST_VALUE
        text = ", ".join(f"{name}={quote(shorten(item, longest))}" for item in values)
        if size + len(text) + 2 > LONGEST_LINE:
            left_out.append(name)
            continue
        parts.append(text)
        size += len(text) + 2
    if left_out:
        parts.append(f"truncated={quote(shorten(' '.join(left_out), LONGEST_NAMES))}")
    return ", ".join(parts)

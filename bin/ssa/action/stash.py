"""Risk event -> one line of the risk index, as Splunk's stash extraction reads it back. Pure.

Nothing from an event may end the line, end a value, or look like a header of the stash format.
"""

from __future__ import annotations

import re

from . import display
from .risk import RiskEvent, Value

LONGEST_LINE = 9_400
"""Characters of the fields. Splunk may stop extracting after 10,240, and the names of what is left out come on top."""

LONGEST_NAMES = 250
"""Characters of the names of fields that were left out."""

LONGEST_VALUE = 1_500
"""Characters of one value, before escaping."""

WHOLE = ("annotations", "contributing_events_search")
"""Fields that mean nothing when cut: JSON and SPL. One that does not fit is left out."""

TOGETHER = {"threat_object_type": "threat_object"}
"""Fields whose values belong to another's by their places: both are written, or neither."""

_HEADER = re.compile(r"\*\*\*(?=SPLUNK)", re.IGNORECASE)


def visible(text: str) -> str:
    """Return a text in one line: invisible characters shown, the mark of a stash header broken."""
    text = display.visible(text)
    return _HEADER.sub("**_", text) if "***" in text else text


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
    units: dict[str, dict[str, Value]] = {}
    for name, value in event.fields:
        units.setdefault(TOGETHER.get(name, name), {})[name] = value
    text, left_out = format(event.time, ".3f"), list[str]()
    for name, unit in units.items():
        longest = LONGEST_LINE if name in WHOLE else LONGEST_VALUE
        written = ""
        pairs = ((key, value if isinstance(value, tuple) else (value,)) for key, value in unit.items())
        for key, item in ((key, item) for key, values in pairs for item in values):
            written += f", {key}={quote(display.shorten(item, longest))}"
            if len(text) + len(written) > LONGEST_LINE:
                left_out.append(name)
                break
        else:
            text += written
    return text + (f", truncated={quote(display.shorten(' '.join(left_out), LONGEST_NAMES))}" if left_out else "")

"""Fields of Windows events that a search names and that are not stored: it finds them in _raw, as the add-ons would.

XML: the data by their names, and what <System> has, where EventCode is the add-on's name for EventID. Classic text: the
header's `Name=` rows, and the message's rows, whose labels have `_` for each blank: `Account Name:` is Account_Name,
with a value for each such row. A name begins with a capital; no field of the CIM does.
"""

import re
from collections.abc import Container

from sandbox.store.sql import quote

_QUOTED = re.compile(r'"(?:\\.|[^"\\])*"', re.S)
_NAME = re.compile(r"(?<![\w:/.*-])[A-Z][A-Za-z]*[a-z][A-Za-z]*(?:_[A-Za-z]+)*(?![\w:/.*-])")
_OTHER_NAMES = {"EventCode": "EventID", "RecordNumber": "EventRecordID", "ComputerName": "Computer"}
_ENTITIES = {"&lt;": "<", "&gt;": ">", "&quot;": '"', "&apos;": "'", "&amp;": "&"}


def columns(text: str, stored: Container[str]) -> dict[str, str]:
    """Return the code, a VARCHAR[], of each such field that a search names; `stored` are the columns of its events."""
    if "sourcetype" not in stored or "_raw" not in stored:
        return {}
    found = dict.fromkeys(_NAME.findall(_QUOTED.sub(" ", text)))
    return {name: _code(name) for name in found if name not in stored}


def _code(name: str) -> str:
    element = f"(?:{name}|{_OTHER_NAMES.get(name, name)})"
    xml = _all("_raw", rf"""<(?:Data Name=['"]{name}['"]|{element}(?: [^>]*)?)>([^<]*)<""")
    value = "v"
    for entity, char in _ENTITIES.items():
        value = f"replace({value}, {quote(entity)}, {quote(char)})"
    header = _all("split_part(_raw, 'Message=', 1)", rf"(?m)^{name}=(.*?)\s*$")
    label = name.replace("_", " ")
    message = _all("substr(_raw, strpos(_raw, 'Message='))", rf"(?m)^[ \t]*{label}:[ \t]*([^\r\n]*?)\s*$")
    return (
        f"CASE sourcetype WHEN 'XmlWinEventLog' THEN spl_some(list_transform({xml}, lambda v: {value}))"
        f" WHEN 'WinEventLog' THEN spl_some({header} || {message}) END"
    )


def _all(text: str, regex: str) -> str:
    return f"list_filter(regexp_extract_all({text}, {quote(regex)}, 1), lambda v: v <> '')"

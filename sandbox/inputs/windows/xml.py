"""XmlWinEventLog events -> what they hold.

As the add-on reads them: by the names of their data. Windows' own way of writing them is read by regexes, any other by
an XML parser; where both can read an event, both find the same.
"""

import re
from xml.parsers import expat

from sandbox.inputs.windows import times
from sandbox.inputs.windows.event import Reading

SOURCETYPE = "XmlWinEventLog"

_HEADER = ("EventID", "Channel", "Computer")
_CANONICAL_HEADER = re.compile(
    r"<EventID(?: Qualifiers=['\"][0-9]*['\"])?>([0-9]+)</EventID>[^&]*?<TimeCreated SystemTime=['\"]([^'\"&]+)['\"]/>"
    r"[^&]*?<Channel>([^<>&]+)</Channel><Computer>([^<>&]+)</Computer>"
)
_CONTROLS = bytes(range(0x20)) + b"\x7f"
_CANONICAL_DATA = re.compile(r"<Data Name=['\"](\w+)['\"]>([^<]*)</Data>")
_REFERENCE = re.compile("&(?:(amp|lt|gt|quot|apos)|#(?:([0-9]{1,7})|[xX]([0-9A-Fa-f]{1,6})));")
_NAMED = {"amp": "&", "lt": "<", "gt": ">", "quot": '"', "apos": "'"}
# What XML 1.0 has no place for, though a command line may hold it and Splunk's extraction would not mind it.
_NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


def read(raw: str) -> Reading:
    """Read an event; what is wrong with a damaged one stands in its `problem`, and its header is read all the same."""
    return canonical(raw) or _parsed(raw)


def canonical(raw: str) -> Reading | None:
    """Read an event that is exactly as Windows writes it, on one row; None for any other."""
    head, _, rest = raw.partition("</System>")
    if not rest.startswith("<EventData>") or not rest.endswith("</EventData></Event>") or not _is_plain(raw):
        return None
    header = _CANONICAL_HEADER.search(head)
    found = _CANONICAL_DATA.findall(rest)
    if header is None or rest.count("<") != 2 * len(found) + 3 or not _is_one(head):
        return None
    data = dict(found)
    if "&" in rest:
        for name, value in dict(found).items():
            if "&" in value:
                if value.count("&") != len(_REFERENCE.findall(value)):
                    return None
                data[name] = _REFERENCE.sub(_character, value)
    code, moment, log, host = header.groups()
    return Reading(SOURCETYPE, log.strip(), host.strip(), code, times.iso(moment), data)


def _is_one(head: str) -> bool:
    """Tell whether one event alone begins in what stands before the end of its <System>."""
    return head.startswith("<Event ") and head.count("Event ") == 1 and "Event>" not in head and "<!" not in head


def _is_plain(text: str) -> bool:
    """Tell whether a text is of one row, and has no character that XML has no place for."""
    if text.isascii():
        return len(text.encode().translate(None, _CONTROLS)) == len(text)
    return text.isprintable()


def _character(reference: re.Match[str]) -> str:
    """Return what a reference stands for; what XML has no character for stays as it stands, as in an extraction."""
    name, decimal, hexadecimal = reference.groups()
    if name:
        return _NAMED[name]
    number = int(decimal) if decimal else int(hexadecimal, 16)
    if number > 0x10FFFF or _NOT_XML.match(chr(number)):
        return reference[0]
    return chr(number)


def _parsed(raw: str) -> Reading:
    """Read an event by a parser: strictly, then with what is no XML taken for text."""
    strictly = _parse(raw)
    if strictly.problem:
        repaired = re.sub("&", _ampersand, _NOT_XML.sub("\N{REPLACEMENT CHARACTER}", raw))
        if repaired != raw and not (leniently := _parse(repaired)).problem:
            return leniently
    return strictly


def _ampersand(found: re.Match[str]) -> str:
    """Write an ampersand that begins no reference of XML as text."""
    reference = _REFERENCE.match(found.string, found.start())
    return "&" if reference and _character(reference) != reference[0] else "&amp;"


def _parse(raw: str) -> Reading:
    """Parse an event.

    Without a document type declaration there are no entities to expand and nothing outside to fetch, so that the fast
    parser is as safe as one that looks for them (a text, not bytes: no encoding can hide one).
    """
    parts = _Parts()
    problem = ""
    try:
        if "<!DOCTYPE" in raw:
            raise ValueError("a document type declaration, which no Windows event has")
        parser = expat.ParserCreate()
        parser.buffer_text = True
        parser.StartElementHandler, parser.EndElementHandler = parts.start, parts.end
        parser.CharacterDataHandler = parts.text
        parser.Parse(raw, True)
    except (expat.ExpatError, ValueError) as error:  # the latter for a lone surrogate, too
        problem = f"damaged XML: {error}"
    header = parts.header
    code, log, host = (header.get(name, "").strip() for name in _HEADER)
    return Reading(SOURCETYPE, log, host, code, times.iso(header.get("SystemTime", "").strip()), parts.data, problem)


class _Parts:
    """Collects Event/System/… and Event/EventData/Data, by their names; a prefix of a name space does not count."""

    def __init__(self) -> None:
        self.header: dict[str, str] = {}
        self.data: dict[str, str] = {}
        self.depth, self.section = 0, ""
        self.into: tuple[dict[str, str], str] | None = None

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        self.depth += 1
        if self.depth == 2:
            self.section = tag.rpartition(":")[2]
        elif self.depth == 3:
            tag = tag.rpartition(":")[2]
            if self.section == "EventData" and tag == "Data":
                self._begin(self.data, attributes.get("Name", ""))
            elif self.section == "System" and tag in _HEADER and tag not in self.header:
                self._begin(self.header, tag)
            elif self.section == "System" and tag == "TimeCreated":
                self.header.setdefault("SystemTime", attributes.get("SystemTime", ""))

    def _begin(self, part: dict[str, str], name: str) -> None:
        part[name] = ""
        self.into = part, name

    def end(self, _tag: str) -> None:
        self.depth -= 1
        self.into = None

    def text(self, text: str) -> None:
        if self.into:
            part, name = self.into
            part[name] += text

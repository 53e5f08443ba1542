"""Writes Windows event log files (.evtx) for tests: there is no such file that this project could keep.

The layout is that of [MS-EVEN6] 2.2.12 (BinXml) and of libevtx's "Windows XML Event Log (EVTX) format" (file, chunk
and record headers). As Windows does, an event is a template whose blanks are filled with typed values, and its
EventData is a template inside a value.
"""

import re
import struct
import uuid
import zlib
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from xml.etree.ElementTree import Element

HEADER, CHUNK, CHUNK_HEADER = 4096, 65536, 512  # bytes
_TEXT, _UINT32, _GUID, _FILETIME, _SID, _HEX, _BINXML = 0x01, 0x08, 0x0F, 0x11, 0x13, 0x15, 0x21
_START, _CLOSE, _CLOSE_EMPTY, _END, _ATTRIBUTE, _TEMPLATE, _BLANK = 0x01, 0x02, 0x03, 0x04, 0x06, 0x0C, 0x0D
_MORE = 0x40  # added to a token: attributes follow, or another attribute
_FRAGMENT = b"\x0f\x01\x01\x00"
_EPOCH = datetime(1601, 1, 1, tzinfo=UTC)


def evtx(events: Iterable[Element]) -> bytes:
    """Return the file that holds these events."""
    chunks: list[list[bytes]] = [[]]
    position = CHUNK_HEADER
    number = 0
    for number, event in enumerate(events, 1):
        record = _record(event, number, position)
        if position + len(record) > CHUNK:
            chunks.append([])
            position = CHUNK_HEADER
            record = _record(event, number, position)
        chunks[-1].append(record)
        position += len(record)
    head = struct.pack("<8sQQQIHHHH", b"ElfFile", 0, len(chunks) - 1, number + 1, 128, 1, 3, HEADER, len(chunks))
    head = head.ljust(120, b"\0")
    first, out = 1, [(head + struct.pack("<II", 0, zlib.crc32(head))).ljust(HEADER, b"\0")]
    for records in chunks:
        out.append(_chunk(records, first))
        first += len(records)
    return b"".join(out)


def _chunk(records: list[bytes], first: int) -> bytes:
    last, data = first + len(records) - 1, b"".join(records)
    end = CHUNK_HEADER + len(data)
    head = struct.pack("<8sQQQQ", b"ElfChnk", first, last, first, last)
    head += struct.pack("<IIII", 128, end - len(records[-1] if records else b""), end, zlib.crc32(data))
    head = head.ljust(120, b"\0")
    tables = bytes(CHUNK_HEADER - 128)  # of names and templates met before: every event here brings its own
    return (head + struct.pack("<II", 0, zlib.crc32(head + tables)) + tables + data).ljust(CHUNK, b"\0")


def _record(root: Element, number: int, position: int) -> bytes:
    created = root.find("{*}System/{*}TimeCreated")
    moment = "" if created is None else created.get("SystemTime", "")
    written = _filetime(moment) if _TIME.fullmatch(moment) else bytes(8)
    body = _FRAGMENT + _instance(root, position + 28) + b"\0"
    size = 24 + len(body) + 4
    return struct.pack("<4sIQ", b"\x2a\x2a\0\0", size, number) + written + body + struct.pack("<I", size)


def _instance(element: Element, position: int) -> bytes:
    """Write a template and the values of its blanks, for an element; `position` is where in the chunk it comes."""
    values: list[tuple[int, Element | str]] = []
    definition = position + 10
    body = _FRAGMENT + _element(element, definition + 28, values) + b"\0"
    out = struct.pack("<BBII", _TEMPLATE, 1, 0, definition)
    out += struct.pack("<I16sI", 0, uuid.uuid5(uuid.NAMESPACE_OID, str(position)).bytes_le, len(body)) + body
    at = position + len(out) + 4 + 4 * len(values)
    data = []
    for kind, value in values:
        if isinstance(value, Element):
            data.append(_FRAGMENT + _instance(value, at + 4) + b"\0")
        else:
            data.append(_WRITERS[kind](value))
        at += len(data[-1])
    out += struct.pack("<I", len(values))
    out += b"".join(struct.pack("<HBB", len(d), kind, 0) for d, (kind, _) in zip(data, values, strict=True))
    return out + b"".join(data)


def _element(element: Element, position: int, values: list[tuple[int, Element | str]]) -> bytes:
    space, _, tag = element.tag.rpartition("}")
    attributes = [("xmlns", space[1:])] * (tag == "Event" and bool(space)) + list(element.attrib.items())
    start = position + 7
    body = _name(tag, start)
    if attributes:
        listed = b""
        for left, (key, value) in zip(range(len(attributes))[::-1], attributes, strict=True):
            listed += bytes([_ATTRIBUTE | (_MORE if left else 0)])
            listed += _name(key, start + len(body) + 4 + len(listed)) + _blank(_kind(value), value, values)
        body += struct.pack("<I", len(listed)) + listed
    if len(element) or element.text:
        body += bytes([_CLOSE]) + (_blank(_kind(element.text), element.text, values) if element.text else b"")
        for child in element:
            nested = child.tag.endswith("EventData")
            body += _blank(_BINXML, child, values) if nested else _element(child, start + len(body), values)
        body += bytes([_END])
    else:
        body += bytes([_CLOSE_EMPTY])
    return struct.pack("<BHI", _START | (_MORE if attributes else 0), 0xFFFF, len(body)) + body


def _name(name: str, position: int) -> bytes:
    """Write where in the chunk a name stands, which is right behind, and the name."""
    value = 0
    for char in name:
        value = (value * 65599 + ord(char)) & 0xFFFFFFFF
    return struct.pack("<IIHH", position + 4, 0, value & 0xFFFF, len(name)) + name.encode("utf-16-le") + b"\0\0"


def _blank(kind: int, value: Element | str, values: list[tuple[int, Element | str]]) -> bytes:
    values.append((kind, value))
    return struct.pack("<BHB", _BLANK, len(values) - 1, kind)


def _kind(text: str) -> int:
    """Choose a type that gives this text when it is written out."""
    return next((kind for kind, shape in _SHAPES.items() if shape.fullmatch(text)), _TEXT)


_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z", re.A)
_SHAPES = {
    _UINT32: re.compile("0|[1-9][0-9]{0,8}"),
    _HEX: re.compile("0x(0|[1-9a-f][0-9a-f]{0,15})"),
    _GUID: re.compile(r"\{[0-9A-F]{8}-([0-9A-F]{4}-){3}[0-9A-F]{12}\}"),
    _SID: re.compile(r"S-1-[0-9]{1,2}(-[1-9][0-9]{0,8}|-0){1,15}"),
    _FILETIME: _TIME,
}


def _filetime(text: str) -> bytes:
    whole, _, fraction = text.rstrip("Z").partition(".")
    seconds = (datetime.fromisoformat(whole).replace(tzinfo=UTC) - _EPOCH) // timedelta(seconds=1)
    return struct.pack("<Q", seconds * 10_000_000 + int(fraction.ljust(7, "0")[:7]))


def _sid(text: str) -> bytes:
    authority, *parts = map(int, text.split("-")[2:])
    return struct.pack(f"<BB6s{len(parts)}I", 1, len(parts), authority.to_bytes(6, "big"), *parts)


_WRITERS: dict[int, Callable[[str], bytes]] = {
    _TEXT: lambda text: text.encode("utf-16-le", "surrogatepass"),
    _UINT32: lambda text: struct.pack("<I", int(text)),
    _HEX: lambda text: struct.pack("<Q", int(text, 16)),
    _GUID: lambda text: uuid.UUID(text).bytes_le,
    _SID: _sid,
    _FILETIME: _filetime,
}

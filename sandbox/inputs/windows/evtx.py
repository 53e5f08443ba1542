"""Windows event log files (.evtx) -> the XML of their events, as the XmlWinEventLog input would give it."""

import io
from collections.abc import Iterator
from typing import IO, Any, NamedTuple

from evtx import PyEvtxParser

MAGIC = b"ElfFile\0"
"""The first bytes of such a file."""

_HEADER, _CHUNK = 4_096, 65_536  # bytes: of the file's header, and of each part that follows
_DECLARATION = '<?xml version="1.0" encoding="utf-8"?>\n'


class Record(NamedTuple):
    """The XML of one event, or the description of damage: to a record, or to the rest of a chunk."""

    xml: str
    problem: str = ""


def records(file: IO[bytes]) -> Iterator[Record]:
    """Read the records of a file that can seek, in its order, a few chunks at a time; damage costs no other record.

    The XML is that of Windows but for what means the same: GUIDs have no braces, times six digits, and an element
    without content two tags. Text ends at a NUL, as where Windows writes it out. Checksums are not verified: in a
    copy of a log that was in use, those of the last chunk are wrong as a rule.

    Raises OSError or RuntimeError for a file without a whole header, or that cannot be read.
    """
    parsed = PyEvtxParser(file, indent=False).records()
    while True:
        try:
            record: Any = next(parsed)
        except StopIteration:
            break
        except RuntimeError as error:
            yield Record("", f"damaged EVTX: {str(error).partition(chr(10))[0]}")
        else:
            yield Record(str(record["data"]).removeprefix(_DECLARATION))
    if rest := (file.seek(0, io.SEEK_END) - _HEADER) % _CHUNK:
        yield Record("", f"damaged EVTX: the last {rest} bytes are no whole chunk, and were not read")

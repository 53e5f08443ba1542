"""Files -> their text in chunks, or the refusal of what is no file of Windows events."""

import codecs
import gzip
import re
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from sandbox.inputs.windows import evtx

CHUNK = 1 << 18
"""Characters that are read at a time."""

EXPECTED = "expected an event log (.evtx), or text of XmlWinEventLog (<Event …>) or of classic WinEventLog events"

_SNIFFED, _LATIN = 4_096, 64  # bytes
# By their first bytes. What begins as text is judged by its text.
_KINDS = {
    b"\x30\0\0\0LfLe": "an event log of Windows XP (.evt): open it in Event Viewer and save it as .evtx",
    b"PK\3\4": "a ZIP archive: unpack it",
    b"7z\xbc\xaf": "a 7z archive: unpack it",
    b"\xfd7zXZ": "compressed by xz: unpack it",
    b"BZh": "compressed by bzip2: unpack it",
    b"\x28\xb5\x2f\xfd": "compressed by zstd: unpack it",
    b"MZ": "a Windows program",
    b"%PDF": "a PDF document",
    b"SQLite format 3\0": "a SQLite database",
}
_CELL = r'(?:"[^"\r\n]*"|[^\W\d][\w .()/#%-]*)'
_TEXTS = {
    "JSON": (
        re.compile(r'\s*\[?\s*\{\s*(?:"|\}|\Z)|\s*\[\s*(?:\]|\Z)'),
        "export the events as XML: in a value of JSON, backslashes and quotation marks are escaped",
    ),
    "CSV": (
        re.compile(rf"\s*{_CELL}([,;\t]){_CELL}?(?:\1{_CELL}?)*\r?(?:\n|\Z)"),
        "save the events as .evtx or XML, in Splunk as raw events: in a cell of CSV, quotation marks are doubled",
    ),
    "an HTML page": (re.compile(r"\s*<(?:!DOCTYPE\s+html|html)\b", re.IGNORECASE), "did the download need a login?"),
}
# Texts in which there may be events all the same: what to say where there are none.
_HINTS = {
    "syslog without the XML of events: let its sender write XML": re.compile(
        r"<[0-9]{1,3}>|[A-Z][a-z]{2} [ 0-9][0-9] [0-9:]{8} "
    ),
    "the text that Event Viewer, wevtutil or PowerShell shows: save the events as .evtx or XML": re.compile(
        r"\s*(?:Log Name:|Event\[[0-9]+\]|TimeCreated\s*:|ProviderName\s*:|Message\s*:)"
    ),
}


class Opened:
    """A file of events: an event log of Windows (`is_evtx`), or text. `hint` says what a text seems to be."""

    def __init__(self, path: Path) -> None:
        """Look at the first bytes. Raises OSError for what is no file of Windows events; a pipe is not looked at."""
        self.path, self.encoding, self.is_evtx, self.hint = path, "utf-8-sig", False, ""
        if path.is_dir():
            raise OSError(f"{path} is a folder: name the files in it")
        self._gzip = path.suffix == ".gz"
        if path.is_file():
            with path.open("rb") as file:
                self._gzip = file.read(2) == b"\x1f\x8b"
            with self.binary() as file:
                self._look(bytes(file.read(_SNIFFED)))

    def binary(self) -> IO[Any]:
        """Open it for its bytes."""
        file: IO[Any] = self._opener(self.path, "rb")
        return file

    def chunks(self) -> Iterator[str]:
        """Yield its text; undecodable bytes are replaced. Raises OSError."""
        # newline="\n": a lone \r belongs to the event that holds it, and \r\n must not be rewritten.
        with self._opener(self.path, "rt", encoding=self.encoding, errors="replace", newline="\n") as file:
            while chunk := file.read(CHUNK):
                yield chunk

    @property
    def _opener(self) -> Any:
        return gzip.open if self._gzip else open

    def _look(self, start: bytes) -> None:
        self.is_evtx = start.startswith(evtx.MAGIC)
        if self.is_evtx:
            return
        if not start.strip(b"\0"):
            raise OSError(f"{self.path} {'holds nothing but zeros' if start else 'is empty'}: {EXPECTED}")
        if self.path.name.lower().removesuffix(".gz").endswith(".evtx"):
            raise OSError(f"{self.path} is no event log, though it is named so: it does not begin with ElfFile")
        for magic, kind in _KINDS.items():
            if start.startswith(magic):
                raise OSError(f"{self.path} is {kind}; {EXPECTED}")
        self.encoding = _encoding(start)
        text = start.decode(self.encoding, "replace").lstrip("\ufeff")
        for kind, (pattern, instead) in _TEXTS.items():
            if pattern.match(text):
                raise OSError(f"{self.path} is {kind}: {instead}; {EXPECTED}")
        self.hint = next((kind for kind, pattern in _HINTS.items() if pattern.match(text)), "")


def _encoding(start: bytes) -> str:
    """Tell UTF-16, in which Windows exports, with and without its mark: in Latin letters every second byte is zero.

    An event begins with such letters in every language.
    """
    if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    start = start[:_LATIN]
    zeros = [start[place::2].count(0) / len(start) for place in (0, 1)]
    if max(zeros) > 0.3 and min(zeros) < 0.05:
        return "utf-16-le" if zeros[1] > zeros[0] else "utf-16-be"
    return "utf-8-sig"

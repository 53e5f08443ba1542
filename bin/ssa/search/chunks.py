"""A chunk of the search command protocol without holding it: its body as it arrives, its answer beyond some MB on disk.

The protocol says how long a body is before the body itself, in both directions.
"""

from __future__ import annotations

import io
from typing import Any

IN_MEMORY = 8 << 20
"""How much of an answer is held in memory, in bytes; what is longer goes to a temporary file."""

PIECE = 1 << 16


class MalformedChunkError(Exception):
    """A chunk that is not what the protocol says: cut off, or with a header or metadata that cannot be read."""


class Body(io.RawIOBase):
    """The body of a chunk, read from the stream when asked for; raises MalformedChunkError where it is cut off."""

    def __init__(self, stream: Any, length: int) -> None:
        self._stream = stream
        self._length = self.left = length
        self._back = b""

    def __len__(self) -> int:
        """The length that the chunk states, in bytes."""
        return self._length

    @property
    def at_end(self) -> bool:
        """Whether nothing is left."""
        return not self.left and not self._back

    def take(self, count: int) -> bytes:
        """Return the next bytes, as many as asked for or as there are left."""
        if self._back:
            taken, self._back = self._back, b""
            return taken
        wanted = min(count, self.left)
        taken = self._stream.read(wanted)
        self.left -= len(taken)
        if len(taken) < wanted:
            raise MalformedChunkError(f"a chunk ends {self.left:,} bytes too early; what was in it may be missed")
        return bytes(taken)

    def give_back(self, taken: bytes) -> None:
        """Put bytes back that were taken, to be the next ones."""
        self._back = taken + self._back

    def drain(self) -> None:
        """Read what is left, so that the next chunk can be."""
        self._back = b""
        while self.left:
            self.take(PIECE)

    def lines(self) -> io.TextIOWrapper:
        """Return what is left as lines of text, as splunk-sdk would read it; no line ends but by a newline."""
        return io.TextIOWrapper(io.BufferedReader(self, PIECE), encoding="utf-8", errors="replace", newline="\n")

    def readable(self) -> bool:
        """Tell that it can be read."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Read into a buffer, as io.RawIOBase has it."""
        taken = self.take(len(buffer))
        if len(taken) > len(buffer):
            taken, self._back = taken[: len(buffer)], taken[len(buffer) :]
        buffer[: len(taken)] = taken
        return len(taken)


class Spool:
    """The body of an answer, while it is written: in memory, and when it gets long in a temporary file."""

    def __init__(self) -> None:
        self._file: Any = io.BytesIO()

    def __len__(self) -> int:
        """How many bytes were written."""
        return int(self._file.tell())

    def write(self, text: str) -> None:
        """Add text; half a character (a lone surrogate), which UTF-8 cannot hold, becomes a question mark."""
        self._file.write(text.encode("utf-8", "replace"))
        if self._file.tell() > IN_MEMORY and isinstance(self._file, io.BytesIO):
            import tempfile  # not at the start, because most searches find little

            held, self._file = self._file, tempfile.TemporaryFile()  # noqa: SIM115 - it lives as long as this does
            self._file.write(held.getbuffer())

    def send(self, stream: Any) -> None:
        """Copy everything to a stream, and begin anew."""
        self._file.seek(0)
        while piece := self._file.read(PIECE):
            stream.write(piece)
        self.clear()

    def clear(self) -> None:
        """Begin anew."""
        self._file.seek(0)
        self._file.truncate()

    def close(self) -> None:
        """Let the temporary file go."""
        self._file.close()

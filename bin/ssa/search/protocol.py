"""The search command protocol, version 2 (`chunked = true` in commands.conf), from the command's side.

splunkd sends `getinfo`, then `execute` chunks until it closes its end, and gets one reply to each. This module reads
and answers them, and knows the command's options and messages; what a command does with its rows it leaves to others.
splunk-sdk speaks the same protocol (see sdk_command.py) and takes twice as long to start: every search waits for it.
Of a command that generates rows, splunkd sends `execute` without any, as long as an answer does not say it is finished.
Source: Splunk's own description of the protocol, splunk-sdk 2.1.1, and recordings of what splunkd 6.3 to 8.2 sent.
"""

from __future__ import annotations

import io
import itertools
import json
import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from ssa.checking import TYPE_CHECKING
from ssa.immutable import Immutable

if TYPE_CHECKING:
    from typing import Any, BinaryIO, TypeVar

    Prepared = TypeVar("Prepared")


HEADER = re.compile(rb"chunked\s+1\.0\s*,\s*(\d{1,8})\s*,\s*(\d{1,12})\s*\n")
MAX_HEADER = 200
"""The longest header line, in bytes: what goes on beyond it is no header."""

IN_MEMORY = 8 << 20
"""How much of an answer is held in memory, in bytes; what is longer goes to a temporary file."""

MOST_ROWS = 50_000
"""How many rows an answer of rows of our own has: what splunkd takes at a time, and splunk-sdk gives it."""

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

    @property
    def place(self) -> int:
        """How many bytes were taken, but for those that were given back."""
        return self._length - self.left - len(self._back)

    def take(self, count: int) -> bytes:
        """Return the next bytes, as many as asked for or as there are left; first those that were given back, alone."""
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


class NoRoomError(Exception):
    """No file takes what an answer is to hold; the message names the folder and the reason."""


class Spool:
    """The body of an answer, while it is written: in memory, and when it gets long in a temporary file.

    `folder` is where that file is made, None for the usual place. It has no name, and goes with the process.
    """

    def __init__(self) -> None:
        self.folder: str | None = None
        self._file: Any = io.BytesIO()
        self._length = 0

    def __len__(self) -> int:
        """How many bytes were written."""
        return self._length

    def write(self, text: str) -> None:
        """Add text; half a character (a lone surrogate), which UTF-8 cannot hold, becomes a question mark.

        Raises NoRoomError where it does not fit: here, and never once the answer is under way. It is not added then,
        and what was written before stays.
        """
        added = text.encode("utf-8", "replace")
        try:
            if isinstance(self._file, io.BytesIO) and self._length + len(added) > IN_MEMORY:
                import tempfile  # not at the start, because most searches find little

                file = tempfile.TemporaryFile(dir=self.folder, buffering=0)  # noqa: SIM115 - it lives as long as this does
                _write(file, self._file.getvalue())
                self._file = file
            _write(self._file, added)
        except OSError as error:
            raise NoRoomError(f"{self.folder or 'the folder for temporary files'}: {error}") from error
        self._length += len(added)

    def send(self, stream: Any) -> None:
        """Copy everything to a stream, and begin anew."""
        self._file.seek(0)
        left = self._length
        while left and (piece := self._file.read(min(left, PIECE))):
            stream.write(piece)
            left -= len(piece)
        self._file.close()
        self._file, self._length = io.BytesIO(), 0


def _write(file: Any, added: Any) -> None:
    """Write all of it: a file without a buffer may take a part, where the disk is nearly full."""
    added = memoryview(added)
    while added:
        added = added[file.write(added) :]


class RefusedError(Exception):
    """What the user asked for cannot be done: one argument for each reason. It ends the search at getinfo."""


class Option(Immutable):
    """An option of a command: its value where it is not given, and how its text is read (ValueError: not valid)."""

    default: Any
    read: Callable[[str], Any]


def boolean(text: str) -> bool:
    """Read a truth value as splunk-sdk's validator does; raises ValueError for anything else."""
    if text.lower() in ("1", "t", "true", "y", "yes"):
        return True
    if text.lower() in ("0", "f", "false", "n", "no"):
        return False
    raise ValueError


def read_options(arguments: list[str], options: Mapping[str, Option]) -> tuple[dict[str, Any], list[str]]:
    """Return the value of each option, and the arguments that name none. Raises RefusedError, in splunk-sdk's words."""
    values = {name: option.default for name, option in options.items()}
    unnamed: list[str] = []
    problems: list[str] = []
    for argument in arguments:
        name, named, text = argument.partition("=")
        if not named:
            unnamed.append(argument)
        elif name not in options:
            problems.append(f"Unrecognized option: {argument}")
        else:
            try:
                values[name] = options[name].read(text)
            except ValueError:
                problems.append(f"Illegal value: {argument}")
    if problems:
        raise RefusedError(*problems)
    return values, unnamed


class Chunk(Immutable):
    """One chunk of rows to be answered: `out` takes the rows of the reply. `finished` marks the last chunk."""

    body: Body
    out: Spool
    finished: bool


class Conversation:
    """The chunks of one search. `failed` says that an error was reported, so that the command must exit with 1."""

    def __init__(self, source: BinaryIO, sink: BinaryIO) -> None:
        self.failed = False
        self._source, self._sink = source, sink
        self._messages: list[tuple[str, str]] = []
        self._spool = Spool()

    def inform(self, text: str) -> None:
        """Show the user a remark, with the next reply."""
        self._messages.append(("INFO", text))

    def warn(self, text: str) -> None:
        """Show the user a warning, with the next reply."""
        self._messages.append(("WARN", text))

    def fail(self, text: str) -> None:
        """Show the user an error, with the next reply, and fail the search once all input is read."""
        self._messages.append(("ERROR", text))
        self.failed = True

    def open(self, prepare: Callable[[list[str]], Prepared], **described: object) -> Prepared | None:
        """Answer getinfo: say what the command is, with the messages so far.

        Returns what `prepare` makes of the arguments, or None where that raised RefusedError, which is shown.
        """
        prepared = None
        arguments = self._arguments()
        try:
            prepared = prepare(arguments)
        except RefusedError as refused:
            for problem in refused.args:
                self.fail(problem)
        self._reply(described)
        return prepared

    def chunks(self) -> Iterator[Chunk]:
        """Yield the chunks of rows; each is answered when the next one is asked for. Raises MalformedChunkError."""
        while True:
            asked = self._read("execute")
            if asked is None:
                return
            metadata, body = asked
            finished = bool(metadata.get("finished", False))
            yield Chunk(body, self._spool, finished)
            body.drain()
            self._reply({"finished": finished})

    def generate(self, columns: Sequence[str], rows: Iterable[Mapping[str, str]]) -> None:
        """Answer with rows of the command's own, MOST_ROWS at a time. Raises MalformedChunkError and NoRoomError."""
        import csv  # not at the start, because ssadetect writes its rows without it

        writer, left = csv.DictWriter(self._spool, columns), iter(rows)
        while (asked := self._read("execute")) is not None:
            asked[1].drain()
            some = list(itertools.islice(left, MOST_ROWS))
            writer.writeheader()
            writer.writerows(some)
            self._reply({"finished": len(some) < MOST_ROWS})

    def end(self, problem: str) -> None:
        """Answer a chunk that cannot be read, for the last time; what was found in it goes out."""
        self.fail(problem)
        self._reply({"finished": True})

    def _arguments(self) -> list[str]:
        """Read getinfo; return the command's arguments, without their quotes. Raises MalformedChunkError."""
        asked = self._read("getinfo")
        if asked is None:
            raise MalformedChunkError("it ends before getinfo")
        metadata, body = asked
        if len(body):
            body.drain()
            raise MalformedChunkError("getinfo has a body")
        info = metadata.get("searchinfo")
        info = info if isinstance(info, dict) else {}
        given = info.get("args")
        if not isinstance(given, list) or not all(isinstance(text, str) for text in given):
            raise MalformedChunkError("getinfo has no searchinfo with args, a list of texts")
        folder = info.get("dispatch_dir")
        self._spool.folder = folder if isinstance(folder, str) and os.path.isdir(folder) else None
        return given

    def _read(self, action: str) -> tuple[dict[str, Any], Body] | None:
        """Read the header and the metadata of a chunk; None where splunkd has closed its end."""
        header = self._source.readline(MAX_HEADER)
        if not header:
            return None
        match = HEADER.fullmatch(header)
        if match is None:
            raise MalformedChunkError(f"a chunk begins with {header[:80]!r}, which is no header")
        text = self._source.read(int(match[1]))
        if len(text) < int(match[1]):
            raise MalformedChunkError("a chunk ends within its metadata")
        body = Body(self._source, int(match[2]))
        try:
            metadata = json.loads(text.decode())
        except (ValueError, RecursionError) as error:
            body.drain()  # splunkd reads no answer before it has written it all
            raise MalformedChunkError(f"a chunk has metadata that is not JSON: {error}") from error
        found = metadata.get("action") if isinstance(metadata, dict) else None
        if found != action:
            body.drain()
            raise MalformedChunkError(f"Expected {action} action, not {found}")
        return metadata, body

    def _reply(self, described: dict[str, object]) -> None:
        if self._messages:
            described["inspector"] = {"messages": self._messages}
        metadata = json.dumps(described, separators=(",", ":")).encode()
        self._sink.write(b"chunked 1.0,%d,%d\n%b" % (len(metadata), len(self._spool), metadata))
        self._spool.send(self._sink)
        self._sink.flush()
        self._messages = []


def serve_splunkd(name: str, serve: Callable[[BinaryIO, BinaryIO], int]) -> int:
    """Have `serve` answer what splunkd sends, with the streams from and to it; return the exit code that it returns."""
    try:
        return serve(*streams())
    except OSError as error:
        sys.stderr.write(f"{name}: splunkd has ended the search: {error}\n")
        sys.stderr.flush()
        os._exit(1)  # without the interpreter's own try to write what is left


def streams() -> tuple[BinaryIO, BinaryIO]:
    """Return what splunkd writes to and reads from, as bytes; a stray print goes to stderr, into splunkd's log."""
    source, sink = sys.stdin.buffer, sys.stdout.buffer
    if sys.platform == "win32":
        import msvcrt  # there is none elsewhere

        for stream in (source, sink):
            msvcrt.setmode(stream.fileno(), os.O_BINARY)  # no line end is translated, nor Ctrl-Z taken for the end
    sys.stdout = sys.stderr
    return source, sink

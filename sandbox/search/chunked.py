"""Splunkd's side of the external search command protocol, version 2 (`chunked = true` in commands.conf).

One child process per command and place. Both sides speak in chunks: `chunked 1.0,<metadata bytes>,<body bytes>` and a
newline, JSON metadata, then a CSV body. splunkd forgives some mistakes; this side forgives none, so that a command
that works here does not depend on luck there.

Bodies have the form of public recordings of Splunk 6.3 (splunk-sdk's tests/searchcommands/recordings) and 8.2.1.
Assumed, as no public text settles it: the working directory is the script's folder.
"""

import csv
import io
import json
import os
import re
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, NamedTuple, Self, cast

from sandbox.errors import SearchError

MAX_ROWS = 50_000  # splunkd's largest chunk, maxresultrows
Value = str | list[str] | None  # None: the field is missing or empty

_HEADER = re.compile(rb"chunked 1\.0,(\d+),(\d+)\n")
_MV_ITEM = re.compile(r"\$((?:[^$]|\$\$)*)\$(?:;(?=\$)|\Z)")
_QUOTED = re.compile(r'"((?:\\.|[^"\\])*)"')
_ARGUMENT = re.compile(r'(?:"(?:\\.|[^"\\])*"|[^\s"])+')
csv.field_size_limit(sys.maxsize)  # a command may well return one field of megabytes


class Reply(NamedTuple):
    """A command's answer to one chunk."""

    metadata: dict[str, object]
    columns: list[str]
    rows: list[list[Value]]


def encode_mv(values: Sequence[str]) -> str:
    """Write the cell of a `__mv_` column: `$a$;$b$`, a dollar sign inside a value doubled."""
    return ";".join("$" + value.replace("$", "$$") + "$" for value in values)


def decode_mv(text: str) -> list[str]:
    """Read the cell of a `__mv_` column, the reverse of `encode_mv`. Raises SearchError if it is malformed."""
    values, at = [], 0
    while at < len(text):
        item = _MV_ITEM.match(text, at)
        if not item:
            raise SearchError(f"malformed multivalue text at its character {at + 1}: {text[:80]!r}")
        values.append(item[1].replace("$$", "$"))
        at = item.end()
    return values


def encode_rows(columns: Sequence[str], rows: Iterable[Sequence[Value]]) -> bytes:
    """Write a chunk's body as splunkd does: the columns, then a `__mv_` column for each; without rows only the header.

    A field is bare when it is empty or made of ASCII letters and digits; any other is quoted.
    """
    body, empty_mv = io.BytesIO(), "," * len(columns)  # a chunk may have 50,000 rows: no copy of it is kept
    if columns:
        body.write(_line(",".join(map(_field, [*columns, *("__mv_" + name for name in columns)]))))
    for row in rows:
        if list in map(type, row):
            joined = ["\n".join(cell) if isinstance(cell, list) else cell for cell in row]
            several = [encode_mv(cell) if isinstance(cell, list) and len(cell) > 1 else "" for cell in row]
            body.write(_line(",".join(map(_field, [*joined, *several]))))
        else:
            body.write(_line(",".join(map(_field, cast("Sequence[str | None]", row))) + empty_mv))
    return body.getvalue()


def _line(text: str) -> bytes:
    return text.encode() + b"\n"


def _field(text: str | None) -> str:
    if not text or (text.isalnum() and text.isascii()):
        return text or ""
    return '"' + text.replace('"', '""') + '"'


def decode_rows(body: bytes) -> tuple[list[str], list[list[Value]]]:
    """Read a chunk's body into field names and rows. Raises SearchError for anything but strict UTF-8 CSV."""
    # Read piece by piece: a reply may have 100 MB, of which no more than its rows should be in memory.
    reader = csv.reader(io.TextIOWrapper(io.BytesIO(body), "utf-8", newline=""), strict=True)
    try:
        header = next(reader, [])
        places = {name: place for place, name in enumerate(header)}
        fields = [name for name in header if not name.startswith("__mv_")]
        unpaired = places.keys() - {*fields, *("__mv_" + name for name in fields)}
        if len(places) < len(header) or "" in places or unpaired:
            raise SearchError(f"its CSV header has an empty, repeated or unpaired name: {','.join(header)}")
        pairs = [(places[name], places.get("__mv_" + name)) for name in fields]
        rows = list[list[Value]]()
        for number, row in enumerate(reader, 1):
            if len(row) != len(header):
                raise SearchError(f"row {number} of its CSV body has {len(row)} cells, the header has {len(header)}")
            rows.append([decode_mv(row[mv]) if mv and row[mv] else row[at] or None for at, mv in pairs])
    except (UnicodeDecodeError, csv.Error) as error:
        raise SearchError(f"its body is not CSV in UTF-8: {error}") from None
    return fields, rows


def environment(home: Path) -> dict[str, str]:
    """Return the environment of splunkd's child processes: SPLUNK_HOME is `home`, no PYTHONPATH or the like."""
    given = {key: os.environ[key] for key in ("PATH", "LANG") if key in os.environ}
    return {"PATH": os.defpath, **given, "SPLUNK_HOME": str(home), "PYTHONDONTWRITEBYTECODE": "1"}


def arguments(text: str) -> tuple[list[str], list[str]]:
    """Split the arguments of a command: as they are written (`raw_args`), and without their quotes (`args`)."""
    raw = _ARGUMENT.findall(text)
    return raw, [_QUOTED.sub(lambda match: re.sub(r"\\(.)", r"\1", match[1]), word) for word in raw]


class CommandProcess:
    """One running search command; use it in a `with` statement, which ends the process whatever happens.

    `name` is what the search calls it, `script` the entry file, `home` becomes SPLUNK_HOME, `timeout` the seconds
    within which each reply must be complete. `messages` collects the command's own (level, text) messages.
    Every method raises SearchError when the process breaks the protocol, dies, exits with an error or takes too long.
    """

    def __init__(self, name: str, script: Path, *, python: str, home: Path, timeout: float = 60.0) -> None:
        self.messages: list[tuple[str, str]] = []
        self._name, self._timeout = name, timeout
        self._timed_out = self._unread = False
        try:
            self._process = subprocess.Popen(
                [python, str(script)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                cwd=script.parent,
                env=environment(home),
                start_new_session=True,  # so that its own children end with it
            )
        except OSError as error:
            raise SearchError(f"External search command '{name}' could not be started: {error}") from error
        self._stdin = cast("IO[bytes]", self._process.stdin)
        self._stdout = cast("io.BufferedReader", self._process.stdout)
        self._stderr: deque[bytes] = deque(maxlen=20)
        self._drain = threading.Thread(target=self._read_stderr, daemon=True)
        self._drain.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._end()
        for pipe in (self._stdin, self._stdout):
            with suppress(OSError):  # an unsent rest has nowhere to go
                pipe.close()

    def getinfo(self, searchinfo: Mapping[str, object]) -> dict[str, object]:
        """Open the conversation and return the metadata of the reply. An ERROR message in it is raised."""
        action = {"action": "getinfo", "preview": False, "streaming_command_will_restart": False}
        metadata, body = self._exchange(action | {"searchinfo": dict(searchinfo)}, b"")
        if body:
            raise self._failure("it answered getinfo with a body")
        if self._errors():
            self.close()
            raise SearchError(" ".join(self._errors()))
        return metadata

    def execute(self, columns: Sequence[str], rows: Iterable[Sequence[Value]], finished: bool) -> Reply:
        """Send one chunk of at most MAX_ROWS rows and return its one reply; `finished` marks the last chunk."""
        metadata, body = self._exchange({"action": "execute", "finished": finished}, encode_rows(columns, rows))
        if bool(metadata.get("finished", False)) != finished:
            raise self._failure(f"its reply has finished: {metadata.get('finished')}, the chunk had {finished}")
        try:
            return Reply(metadata, *decode_rows(body))
        except SearchError as error:
            raise self._failure(str(error)) from None

    def close(self) -> None:
        """Close the command's input and see it end: nothing more to read, exit code 0."""
        with self._deadline():
            with suppress(OSError):  # it may be gone already; the exit code shows why
                self._stdin.close()
            rest = self._stdout.read1(80)
            if rest:
                raise self._failure(f"it sent bytes after its last reply: {rest!r}")
            code = self._process.wait()
        if code:
            raise self._failure()

    def _exchange(self, metadata: Mapping[str, object], body: bytes) -> tuple[dict[str, object], bytes]:
        """Send a chunk and read one, at the same time: with both pipes full, one after the other would never end."""
        data = json.dumps(metadata, separators=(",", ":")).encode()
        head = b"chunked 1.0,%d,%d\n%b" % (len(data), len(body), data)
        sender = threading.Thread(target=self._send, args=(head, body))
        with self._deadline():
            sender.start()
            try:
                reply = self._receive()
            finally:
                sender.join()
        if self._unread or self._timed_out:
            raise self._failure("it replied without reading its input")
        return reply

    def _send(self, *parts: bytes) -> None:
        try:
            for part in parts:
                self._stdin.write(part)
            self._stdin.flush()
        except OSError:  # the process is gone, or has closed its input
            self._unread = True

    def _receive(self) -> tuple[dict[str, object], bytes]:
        line = self._stdout.readline(200)
        header = _HEADER.fullmatch(line)
        if not header:
            raise self._failure(f"it sent a malformed chunk header: {line!r}" if line else "")
        lengths = int(header[1]), int(header[2])
        text, body = (self._stdout.read(length) for length in lengths)
        if (len(text), len(body)) != lengths:
            raise self._failure(f"its reply announced {sum(lengths)} bytes and has {len(text) + len(body)}")
        try:
            metadata = json.loads(text)
        except ValueError as error:
            raise self._failure(f"its metadata is not JSON: {error}: {text[:80]!r}") from None
        if not isinstance(metadata, dict):
            raise self._failure(f"its metadata is not a JSON object: {text[:80]!r}")
        try:
            inspector = metadata.get("inspector", {}).get("messages", [])
            self.messages += [(str(level), str(message)) for level, message in inspector]
        except (AttributeError, TypeError, ValueError):
            raise self._failure(f"its messages are not [level, text] pairs: {text[:200]!r}") from None
        return metadata, body

    def _failure(self, complaint: str = "") -> SearchError:
        """End the process; return the error: the breach of the protocol or, without one, the sudden end."""
        text = f"External search command '{self._name}' "
        if self._timed_out:
            text += f"did not reply in full within {self._timeout:g} seconds and was ended."
        elif complaint:
            text += f"broke the protocol: {complaint}."
        else:
            text += f"returned error code {self._process.wait()}."
        self._end()
        lines = [line.decode(errors="replace").strip() for line in self._stderr if line.strip()]
        return SearchError(" ".join([*self._errors(), text, *lines[-1:]]))

    def _errors(self) -> list[str]:
        return [text for level, text in self.messages if level in ("ERROR", "FATAL")]

    @contextmanager
    def _deadline(self) -> Iterator[None]:
        timer = threading.Timer(self._timeout, self._expire)
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    def _expire(self) -> None:
        self._timed_out = True
        self._end()

    def _end(self) -> None:
        if self._process.returncode is None:  # not reaped yet, so that the number is still its own
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        self._drain.join(timeout=5)

    def _read_stderr(self) -> None:
        stderr = cast("io.BufferedReader", self._process.stderr)
        with stderr:
            for line in iter(lambda: stderr.readline(10_000), b""):
                self._stderr.append(line)

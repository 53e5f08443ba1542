"""What no command can do without: reading (`read`), looking for the literal (`find`), or parsing CSV (`csv`).

Speaks just enough of the protocol; nothing is answered.
"""

from __future__ import annotations

import csv
import io
import json
import sys
from collections import deque
from collections.abc import Callable

csv.field_size_limit(2**31 - 1)


def find(body: bytes) -> None:
    """Look for the literal as it is written."""
    at = body.find(b"msiexec.exe")
    while at >= 0:
        at = body.find(b"msiexec.exe", at + 1)


def fold(body: bytes) -> None:
    """Look for the literal in any case."""
    find(body.lower())


def parse(body: bytes) -> None:
    """Parse all rows."""
    deque(csv.reader(io.StringIO(body.decode("utf-8", "replace"), newline="")), maxlen=0)


WORK: dict[str, Callable[[bytes], object]] = {"read": len, "find": find, "fold": fold, "csv": parse}
source, sink = sys.stdin.buffer, sys.stdout.buffer
for header in source:
    metadata, body = map(int, header[12:].split(b","))
    asked = json.loads(source.read(metadata))
    WORK[sys.argv[1]](source.read(body))
    told = json.dumps(
        {"type": "streaming"} if asked["action"] == "getinfo" else {"finished": asked["finished"]}
    ).encode()
    sink.write(b"chunked 1.0,%d,0\n" % len(told) + told)
    sink.flush()

"""The pictures of views in README and docs: each has a fingerprint of what it was drawn from; a test sees a stale one.

The fingerprint is a text chunk (tEXt) behind the header of the PNG. Source: PNG specification, 5.3 and 11.3.4.
"""

from __future__ import annotations

import hashlib
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

from tools import ROOT

FOLDER = ROOT / "docs/images"
VIEWS = ("overview", "entity", "tuning", "start_here")
SIZES = {"": 1440, "-wide": 1920}
"""The width of the window, in pixels, by what follows the view in a picture's name."""

KEYWORD = b"Drawn from"
START = len(b"\x89PNG\r\n\x1a\n")


def place(view: str, size: str) -> Path:
    """Return where the picture of a view is, in one of the SIZES."""
    return FOLDER / f"{view}{size}.png"


def sources(view: str) -> list[Path]:
    """List the files that a picture is drawn from: the view, the demo's events, and what draws."""
    ui = ROOT / "ui"
    events = (ROOT / "sandbox/demo").glob("*.log")
    return [
        ROOT / f"default/data/ui/views/{view}.xml",
        *sorted(events),
        *sorted((ui / "src").iterdir()),
        ui / "package-lock.json",
    ]


def fingerprint(view: str) -> str:
    """Return the SHA-256 of what a picture is drawn from, in hexadecimal."""
    each = (
        f"{path.relative_to(ROOT).as_posix()} {hashlib.sha256(path.read_bytes()).hexdigest()}\n"
        for path in sources(view)
    )
    return hashlib.sha256("".join(each).encode()).hexdigest()


def write(view: str, path: Path) -> None:
    """Put a view's fingerprint into its picture."""
    png = path.read_bytes()
    (header, _, _), *_ = chunks(png)
    body = b"tEXt" + KEYWORD + b"\0" + fingerprint(view).encode()
    chunk = struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))
    path.write_bytes(png[:header] + chunk + png[header:])


def chunks(png: bytes) -> Iterator[tuple[int, bytes, bytes]]:
    """Yield where each chunk ends, its kind and its data."""
    place = START
    while place < len(png):
        (size,) = struct.unpack_from(">I", png, place)
        end = place + 12 + size
        yield end, png[place + 4 : place + 8], png[place + 8 : end - 4]
        place = end

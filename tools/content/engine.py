"""The version of the engine: a hash of the sources on which profiles of detections depend (`make generate`)."""

from __future__ import annotations

import hashlib
from pathlib import Path

from tools import ROOT
from tools.marks import mark

PATH = "bin/ssa/content/engine.py"
SOURCES = "bin/ssa/regex, bin/ssa/language, bin/ssa/content/profile.py"


def files(app: Path) -> list[Path]:
    """Return the files of an app folder on which profiles depend."""
    named = [app / each for each in SOURCES.split(", ")]
    return sorted(path for each in named for path in (each.rglob("*.py") if each.is_dir() else [each]))


def version() -> str:
    """Return the version of this checkout."""
    hashed = hashlib.sha256()
    for path in files(ROOT):
        hashed.update(path.relative_to(ROOT).as_posix().encode() + b"\0")
        hashed.update(path.read_bytes().replace(b"\r\n", b"\n") + b"\0")
    return hashed.hexdigest()[:16]


def module() -> str:
    """Write the module that states the version."""
    return (
        '"""Which engine profiles detections: entries of another one in the index are not used."""\n\n'
        f'# {mark(*SOURCES.split(", "))}\nENGINE = "{version()}"\n'
    )

"""Bytecode for the Python files of installed apps, so that no process compiles what another one has compiled before.

Python writes it at a file's first run, and a Splunk server keeps it. Here an app is unpacked anew for each instance, so
bytecode is kept outside of them, by the content of its source, and linked to where Python looks for it. A file that was
changed since is compiled, as ever: Python checks the bytecode against its source.
"""

import functools
import hashlib
import json
import subprocess
from contextlib import suppress
from pathlib import Path

from sandbox.store.files import link

STORE = Path(__file__).resolve().parents[2] / "build/bytecode"

_COMPILE = """
import json, py_compile, sys
for source, target in json.load(sys.stdin):
    try:
        py_compile.compile(source, target, doraise=True, invalidation_mode=py_compile.PycInvalidationMode.CHECKED_HASH)
    except py_compile.PyCompileError:
        pass  # the process that runs it reports that
"""


@functools.cache
def _tag(python: str) -> str:
    """Name the kind of bytecode of a Python, as in `module.<tag>.pyc`; "" for one that does not start."""
    code = "import sys; print(sys.implementation.cache_tag)"
    with suppress(OSError, subprocess.CalledProcessError):
        return subprocess.run([python, "-c", code], capture_output=True, text=True, check=True).stdout.strip()
    return ""


def supply(folder: Path, python: str) -> None:
    """Put the bytecode of every Python file in `folder` to where `python` finds it, compiling what is not kept yet."""
    if tag := _tag(python):
        with suppress(OSError, subprocess.CalledProcessError):  # without bytecode all is as it is, but slower
            _supply(folder, python, STORE / tag, tag)


def _supply(folder: Path, python: str, store: Path, tag: str) -> None:
    store.mkdir(parents=True, exist_ok=True)
    sources = [source for source in folder.rglob("*.py") if source.is_file()]
    kept = {source: store / f"{hashlib.sha256(source.read_bytes()).hexdigest()}.pyc" for source in sources}
    missing = [(str(source), str(place)) for source, place in kept.items() if not place.exists()]
    if missing:
        subprocess.run([python, "-c", _COMPILE], input=json.dumps(missing), text=True, check=True)
    for source, place in kept.items():
        cache = source.parent / "__pycache__"
        cache.mkdir(exist_ok=True)
        with suppress(FileExistsError, FileNotFoundError):
            link(place, cache / f"{source.stem}.{tag}.pyc")

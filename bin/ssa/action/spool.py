"""The sink that Splunk's own actions use: files in splunkd's spool, which it indexes and deletes.

It needs no capability, no index on this server and no splunkd that answers. How splunkd reads such a file is set in
inputs.conf and props.conf [stash_ssa_risk] of this app.
"""

from __future__ import annotations

import errno
import os
import sys
import time
import uuid
from collections.abc import Sequence
from contextlib import suppress
from typing import IO

from . import stash
from .sink import SinkError

if sys.platform != "win32":
    import fcntl

EXTENSION = ".stash_ssa_risk"
"""By which inputs.conf takes a file. An own one: another app's stash input would read events in its own way."""

BREAKER = "\n==##~~##~~  1E8N3D4E6V5E7N2T9 ~~##~~##==\n"
"""What stands before each event (props.conf LINE_BREAKER), the first too, as the files of Splunk's own actions have it:
splunkd may break lines before it looks for the header. No event holds a line end."""

STAGED = "ssa_risk_"
"""How the names of files begin that are being written."""

ABANDONED = 3_600
"""Seconds after which a staged file has lost its writer, where no lock tells."""

LASTING = (errno.EACCES, errno.EPERM, errno.EROFS, errno.EXDEV, errno.ENOTDIR)
"""Errors that another try meets again."""


class Spool:
    """The sink of one index: each write is one whole file in `var/spool/splunk` of a Splunk home, or none."""

    name = "spool"

    def __init__(self, home: str, index: str, source: str, host: str) -> None:
        """Take the index, the source and the host of the events; nothing is touched yet."""
        self.header = f'***SPLUNK*** index="{safe(index)}" host="{safe(host)}" source="{safe(source)}"'
        self.folder = os.path.join(home, "var", "spool", "splunk")
        # splunkd takes every file of its spool, also one that is half written: files are written elsewhere and moved
        # there. A move is whole within one file system only, and each of these folders may be a mount.
        self.stages = [os.path.join(home, "var", "run", "splunk"), os.path.join(home, "var", "spool")]
        self.begun = time.time()

    def write(self, lines: Sequence[str]) -> None:
        """Write lines as events; raises SinkError, `temporary` where it may work later (a full disk, a file in use)."""
        content = (self.header + "".join(BREAKER + line for line in lines)).encode("utf-8")
        problems: list[OSError] = []
        for stage in self.stages:
            try:
                return self._move_in(stage, content)
            except OSError as error:
                problems.append(error)
        # On Windows a scanner that holds the file open looks like a missing right.
        lasting = sys.platform != "win32" and all(problem.errno in LASTING for problem in problems)
        raise SinkError(
            f"splunkd's spool cannot be written: {'; '.join(map(str, problems))}",
            temporary=not lasting and os.path.isdir(self.folder),
            status=None,
        )

    def clean(self) -> None:
        """Remove what runs that were ended left half written; files of runs that go on stay."""
        for stage in self.stages:
            with suppress(OSError):
                for name in os.listdir(stage):
                    path = os.path.join(stage, name)
                    if name.startswith(STAGED) and name.endswith(EXTENSION) and _abandoned(path, self.begun):
                        _remove(path)

    def _move_in(self, stage: str, content: bytes) -> None:
        """Write a file into a folder, and move it into the spool; the name is never used twice."""
        name = f"{int(time.time())}_{uuid.uuid4().hex}{EXTENSION}"
        path = os.path.join(stage, STAGED + name)
        try:
            with open(path, "xb", opener=_private) as file:
                with suppress(OSError):  # a file system without locks
                    _lock(file)
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
                if sys.platform == "win32":
                    file.close()  # no open file can be moved
                os.replace(path, os.path.join(self.folder, name))
        except BaseException:
            _remove(path)
            raise


def safe(text: str) -> str:
    """Return a text as a value of the header: it ends neither the value nor the line, and is no header itself."""
    return stash.visible(text).replace('"', "_").rstrip("\\")


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _lock(file: IO[bytes]) -> None:
    """Lock a file until it is closed or its process ends; raises OSError where another process has."""
    if sys.platform != "win32":
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _abandoned(path: str, begun: float) -> bool:
    """Whether a staged file is older than a run that began then (epoch s), and no process writes it any more."""
    try:
        age = begun - os.stat(path).st_mtime
        if sys.platform == "win32":
            return age > ABANDONED
        with open(path, "r+b") as file:
            try:
                _lock(file)
            except BlockingIOError:
                return False
            except OSError:
                return age > ABANDONED
        return age > 0
    except OSError:
        return False


def _remove(path: str) -> None:
    with suppress(OSError):
        os.remove(path)

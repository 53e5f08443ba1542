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
                    if name.startswith(STAGED) and name.endswith(EXTENSION):
                        _clear(os.path.join(stage, name), self.begun)

    def _move_in(self, stage: str, content: bytes) -> None:
        """Write a file into a folder, and move it into the spool; the name is never used twice."""
        file = _create(stage)
        try:
            with file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
                if sys.platform == "win32":
                    file.close()  # no open file can be moved
                os.replace(file.name, os.path.join(self.folder, os.path.basename(file.name)[len(STAGED) :]))
        except BaseException:
            with suppress(OSError):
                os.remove(file.name)
            raise


def safe(text: str) -> str:
    """Return a text as a value of the header: it ends neither the value nor the line, and is no header itself."""
    return stash.visible(text).replace('"', "_").rstrip("\\")


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _create(stage: str) -> IO[bytes]:
    """Create a file in a folder, locked until it is closed or this process ends, so that no other run clears it."""
    while True:
        name = f"{STAGED}{int(time.time())}_{uuid.uuid4().hex}{EXTENSION}"
        file = open(os.path.join(stage, name), "xb", opener=_private)  # noqa: SIM115 (the caller closes it)
        if sys.platform != "win32":
            with suppress(OSError):  # a file system without locks
                fcntl.flock(file, fcntl.LOCK_EX)
        if os.path.exists(file.name):
            return file
        file.close()  # another run cleared it before it was locked


def _clear(path: str, begun: float) -> None:
    """Remove a staged file if it is older than a run that began then (epoch s), and no process writes it any more."""
    with suppress(OSError):
        age = begun - os.stat(path).st_mtime
        if sys.platform == "win32":
            if age > ABANDONED:
                os.remove(path)
        elif age > 0:
            with open(path, "r+b") as file:
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except OSError as error:
                    if isinstance(error, BlockingIOError) or age <= ABANDONED:
                        return
                os.remove(path)  # while it is locked: its writer would look for it

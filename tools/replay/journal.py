"""What a replay has done so far: a file next to the events, by which it goes on where it stopped."""

from __future__ import annotations

import fcntl
import json
import os
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Self

from tools.replay.errors import ReplayError

Plan = Mapping[str, str | int | None]


class Journal:
    """A file of JSON lines: first the run and its plan, then how far it is, each time that this changes.

    A line counts when its end is there: a write is whole, or none. It is on the disk before the replay goes on. The
    file is locked: two replays of one journal would send each event twice.

    `done` is the last batch that the server has for certain; `sent` is the next one when it may have that, too, else
    the same. `run` (hex digits) is in the marker of each batch; `shift` (s) is what all times are moved by.
    """

    def __init__(self, path: Path) -> None:
        """Open a journal, or make one; raises OSError, and ReplayError for another's file."""
        self.path = path
        self.run, self.shift, self.done, self.sent = uuid.uuid4().hex, 0, 0, 0
        self.plan: Plan = {}
        self.file = path.open("a+b")
        try:
            fcntl.flock(self.file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if not os.path.samestat(os.fstat(self.file.fileno()), path.stat()):
                raise FileNotFoundError  # as when another replay has just removed it
            self._read()
        except (BlockingIOError, FileNotFoundError):
            self.file.close()
            raise ReplayError(f"{path}: another replay is at work with this state file") from None
        except (ValueError, KeyError, TypeError):
            self.file.close()
            raise ReplayError(f"{path} is not the state file of a replay: name another with --state FILE") from None

    def _read(self) -> None:
        self.file.seek(0)
        *lines, rest = self.file.read().split(b"\n")
        if lines:
            head, *notes = map(json.loads, lines)
            self.run, self.shift, self.plan = head["run"], head["shift"], head["plan"]
            for note in notes:
                self.done, self.sent = note["done"], note["sent"]
        elif rest and not rest.startswith(b'{"run":'):
            raise ValueError
        self.file.truncate(sum(len(line) + 1 for line in lines))

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Let others have the file; remove it when nothing of the replay is on the server."""
        if not self.sent:
            self.path.unlink()
        self.file.close()

    def begin(self, plan: Plan, shift: int) -> None:
        """Begin the run, or go on with it; raises ReplayError when it began with another plan."""
        if not self.sent:
            self.plan, self.shift = plan, shift
            self.file.truncate(0)
            self._write({"run": self.run, "shift": shift, "plan": plan})
        changed = [name for name, value in plan.items() if self.plan.get(name) != value]
        if changed:
            was = ", ".join(f"{name} (then {self.plan.get(name)}, now {plan[name]})" for name in changed)
            raise ReplayError(
                f"this replay began with other events or options: {was}. To go on with it, use those of then; to "
                f"replay anew, and have what was sent twice, name another --state or remove {self.path}"
            )

    def note(self, *, done: int, sent: int) -> None:
        """Write down how far the replay is; raises OSError."""
        self._write({"done": done, "sent": sent})
        self.done, self.sent = done, sent

    def _write(self, line: Mapping[str, object]) -> None:
        self.file.write(json.dumps(line).encode() + b"\n")
        self.file.flush()
        os.fsync(self.file.fileno())

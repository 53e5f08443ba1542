"""The confs of an app's local/ folder: edited in memory, checked, then written all together or not at all."""

from __future__ import annotations

import io
import os
import tempfile
from collections.abc import Collection, Mapping
from contextlib import suppress
from pathlib import Path

from ssa.content import conf, index
from ssa.content.detection import CONF
from ssa.content.profile import Profile
from tools.content.conf_text import ConfText
from tools.content.importer.published import ImporterError
from tools.content.index_text import index_text

LONGEST_SHOWN = 60
"""Characters of an old and a new value together; where they have more, only the key is reported."""


class LocalConfs:
    """Some confs of the app folder `app`, by name. Raises ImporterError, or ConfError for one that is malformed."""

    def __init__(self, app: Path, names: Collection[str]) -> None:
        self.app = app
        self.stanzas = {name: conf.load(str(app), name).stanzas for name in names}
        """Default and local together: as they are on disk, and then with what was put."""
        self._before = {name: _read(self._path(name)) for name in names}
        self._texts = {name: ConfText(text or "") for name, text in self._before.items()}
        self.put_stanzas: dict[tuple[str, str], dict[str, str]] = {}
        """What was put, by conf and stanza."""
        self.profiles: dict[str, Profile] = {}
        """Profiles that are known of detections that were put, by their searches."""

    def put(
        self, name: str, stanza: str, settings: Mapping[str, str], theirs: Collection[str] = (), comment: str = ""
    ) -> list[str]:
        """Set a stanza of a conf, but for the keys in `theirs` that a layer has; return a report of what changes.

        See ConfText.put.
        """
        there = self.settings(name, stanza)
        wanted = {key: value for key, value in settings.items() if key not in theirs or key not in there}
        self._texts[name].put(stanza, wanted, comment)
        path = str(self._path(name))
        now = {key: conf.Setting(value, path, 0) for key, value in wanted.items()}
        self.stanzas[name].setdefault(stanza, conf.Stanza()).update(now)
        self.put_stanzas.setdefault((name, stanza), {}).update(wanted)
        return [
            _change(key, there[key], value) if key in wanted else f"{key} stays {there[key]}"
            for key, value in settings.items()
            if there.get(key, value) != value
        ]

    def remove(self, name: str, stanza: str, comment: str = "") -> None:
        """Remove a stanza from the local layer of a conf: see ConfText.remove. It must not be in the default layer."""
        self._texts[name].remove(stanza, comment)
        self.stanzas[name].pop(stanza, None)
        self.put_stanzas.pop((name, stanza), None)

    def settings(self, name: str, stanza: str) -> dict[str, str]:
        """Return the settings of a stanza as they would now be read, default below local."""
        return {key: setting.value for key, setting in self.stanzas[name].get(stanza, conf.Stanza()).items()}

    def check(self) -> None:
        """See that what was put is what will be read; raises ImporterError."""
        for name, text in self._texts.items():
            as_read = io.StringIO(text.text.removeprefix("\ufeff"), newline=None).read()
            stanzas = conf.parse(as_read, f"local/{name}.conf")
            for (_, stanza), settings in filter(lambda one: one[0][0] == name, self.put_stanzas.items()):
                read = stanzas.get(stanza, conf.Stanza())
                for key, value in settings.items():
                    if key not in read or read[key].value != value:
                        problem = "a conf would not give this text back as it is"
                        raise ImporterError(f"{self._path(name)}: [{stanza}] {key}: {problem}")

    def shown(self) -> str:
        """Return the stanzas that were put, as they would stand in their files."""
        parts = []
        for name, text in self._texts.items():
            stanzas = [text.stanza(stanza) for conf_name, stanza in self.put_stanzas if conf_name == name]
            parts.append("\n".join([f"# {self._path(name)}", *stanzas]))
        return "\n".join(parts)

    def put_index(self) -> int:
        """Put the index of the detections as they now are, whatever is there; return how many entries it has."""
        text = index_text(self.app, self.stanzas[CONF], self.profiles)
        there = self._path(index.CONF)
        self._before[index.CONF] = there.read_text("utf-8", "replace") if there.is_file() else None
        self._texts[index.CONF] = ConfText(text)
        return len(conf.parse(text, index.CONF))

    def write(self) -> None:
        """Write the files that change, and with detections their index; a file that has nothing any more goes.

        Raises ImporterError when one cannot be written; then all are as before.
        """
        if CONF in self._texts and self._texts[CONF].text != (self._before[CONF] or ""):
            self.put_index()
        changed = {name: text.text for name, text in self._texts.items() if text.text != (self._before[name] or "")}
        made: dict[str, Path] = {}
        done: list[str] = []
        at = folder = self.app / "local"
        new = not folder.is_dir()
        try:
            if new:
                folder.mkdir()
                _make_like(folder, self.app, 0o777)
            for name, text in changed.items():
                at = self._path(name)
                if text:
                    made[name] = _beside(at, text)
            for name, text in changed.items():
                at = self._path(name)
                done.append(name)
                if text:
                    made[name].replace(at)
                else:
                    at.unlink()
        except BaseException as error:
            for name in done:
                self._restore(name)
            for file in made.values():
                file.unlink(missing_ok=True)
            if new:
                with suppress(OSError):
                    folder.rmdir()
            if isinstance(error, OSError):
                raise ImporterError(f"{at}: cannot be written: {error.strerror}") from error
            raise
        with suppress(OSError):
            folder.rmdir()  # where nothing is left in it

    def _restore(self, name: str) -> None:
        before = self._before[name]
        if before is None:
            self._path(name).unlink(missing_ok=True)
        else:
            _beside(self._path(name), before).replace(self._path(name))

    def _path(self, name: str) -> Path:
        return (self.app / "local" / f"{name}.conf").resolve()  # a symbolic link stays, and what it leads to changes


def _change(key: str, before: str, now: str) -> str:
    short = len(before + now) <= LONGEST_SHOWN and "\n" not in before + now
    return f"{key} {before or '(empty)'} → {now or '(empty)'}" if short else key


def _read(path: Path) -> str | None:
    """Read a file, line ends as they are; None when there is none. It is UTF-8: `conf.load` has read it."""
    return path.read_bytes().decode() if path.is_file() else None


def _beside(path: Path, text: str) -> Path:
    """Write a new file next to `path`, with the owner and mode that `path` has, or that its folder gives."""
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    new = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(text.encode())
            file.flush()
            os.fsync(handle)
        _make_like(new, path if path.exists() else path.parent, 0o666)
    except BaseException:
        new.unlink()
        raise
    return new


def _make_like(new: Path, model: Path, mode: int) -> None:
    """Give what is new the owner of a model, and of its mode what the mask leaves."""
    status = model.stat()
    new.chmod(status.st_mode & mode)
    with suppress(AttributeError, PermissionError):  # Windows has no owners; only root may give a file away
        os.chown(new, status.st_uid, status.st_gid)

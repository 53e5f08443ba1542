"""The confs of an app's local/ folder: edited in memory, checked, then written all together or not at all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Collection, Mapping
from contextlib import suppress
from pathlib import Path

from ssa import conf
from tools.importer.editing import ConfText
from tools.importer.published import ImporterError


class LocalConfs:
    """Some confs of the app folder `app`, by name. Raises ImporterError, or ConfError for one that is malformed."""

    def __init__(self, app: Path, names: Collection[str]) -> None:
        self.app = app
        self.layered = {name: conf.load(str(app), name).stanzas for name in names}
        """Default and local together, as they are on disk."""
        self._before = {name: _read(self._path(name)) for name in names}
        self._texts = {name: ConfText(text or "") for name, text in self._before.items()}
        self.put_stanzas: dict[tuple[str, str], Mapping[str, str]] = {}
        """What was put, by conf and stanza."""

    def put(
        self, name: str, stanza: str, settings: Mapping[str, str], theirs: Collection[str] = (), comment: str = ""
    ) -> None:
        """Set a stanza of a conf; see ConfText.put."""
        self._texts[name].put(stanza, settings, theirs, comment)
        self.put_stanzas[name, stanza] = settings

    def settings(self, name: str, stanza: str) -> dict[str, str]:
        """Return the settings of a stanza as they would now be read, default below local."""
        local = conf.parse(self._texts[name].text.removeprefix("\ufeff"), f"local/{name}.conf").get(
            stanza, conf.Stanza()
        )
        below = self.layered[name].get(stanza, conf.Stanza())
        return {key: found.value for key, found in {**below, **local}.items()}

    def text(self, name: str) -> str:
        """Return the text of a conf's local file, as it is now in memory."""
        return self._texts[name].text

    def shown(self) -> str:
        """Return the stanzas that were put, as they would stand in their files."""
        parts = []
        for name, text in self._texts.items():
            stanzas = [text.stanza(stanza) for conf_name, stanza in self.put_stanzas if conf_name == name]
            parts.append("\n".join([f"# {self._path(name)}", *stanzas]))
        return "\n".join(parts)

    def write(self) -> None:
        """Write the files that change. Raises ImporterError when one cannot be written; then all are as before."""
        changed = {name: text.text for name, text in self._texts.items() if text.text != (self._before[name] or "")}
        made: dict[str, Path] = {}
        done: list[str] = []
        try:
            (self.app / "local").mkdir(exist_ok=True)
            for name, text in changed.items():
                made[name] = _beside(self._path(name), text)
            for name, file in made.items():
                file.replace(self._path(name))
                done.append(name)
        except OSError as error:
            for name in done:
                self._restore(name)
            raise ImporterError(f"{error.filename or self.app}: cannot be written: {error.strerror}") from error
        finally:
            for file in made.values():
                file.unlink(missing_ok=True)

    def _restore(self, name: str) -> None:
        before = self._before[name]
        if before is None:
            self._path(name).unlink()
        else:
            _beside(self._path(name), before).replace(self._path(name))

    def _path(self, name: str) -> Path:
        return (self.app / "local" / f"{name}.conf").resolve()  # a symbolic link stays, and what it leads to changes


def _read(path: Path) -> str | None:
    """Read a file, line ends as they are; None when there is none. It is UTF-8: `conf.load` has read it."""
    return path.read_bytes().decode() if path.is_file() else None


def _beside(path: Path, text: str) -> Path:
    """Write a new file beside `path`, with the owner and mode that `path` has, or that its folder gives."""
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    with os.fdopen(handle, "wb") as file:
        file.write(text.encode())
        file.flush()
        os.fsync(handle)
    model = (path if path.exists() else path.parent).stat()
    new = Path(name)
    new.chmod(model.st_mode & 0o666)
    with suppress(AttributeError, PermissionError):  # Windows has no owners; only root may give a file away
        os.chown(new, model.st_uid, model.st_gid)
    return new

"""Splunk's configuration files, layered as splunkd layers them.

Syntax after "About configuration files" (Admin Manual): it differs from INI files in ways that matter here, such as
`\\` at the end of a line, `[default]`, case-sensitive keys and `%` as an ordinary character.
"""

from pathlib import Path

from sandbox.errors import SandboxError

Stanzas = dict[str, dict[str, str]]


def load(app: Path, name: str) -> Stanzas:
    """Read one conf of an app: `default/<name>.conf`, then `local/<name>.conf` over it, key by key.

    `[default]` and keys before the first stanza apply to every stanza that does not set them itself. A missing file
    counts as empty. Raises SandboxError for a line that is no comment, stanza or setting: splunkd would skip it, and
    the author would never know.
    """
    return _layered(app / "default" / f"{name}.conf", app / "local" / f"{name}.conf")


def read(path: Path) -> Stanzas:
    """Read one file by itself; as `load`."""
    return _layered(path)


def installed(apps: Path) -> list[str]:
    """Return the names of the apps in a folder."""
    return sorted(path.name for path in apps.iterdir() if path.is_dir())


def metadata(app: Path) -> Stanzas:
    """Read the owners and permissions of an app's objects: default.meta, then local.meta over it. As `load`."""
    return _layered(app / "metadata/default.meta", app / "metadata/local.meta")


def _layered(*paths: Path) -> Stanzas:
    merged: Stanzas = {}
    for path in paths:
        if path.is_file():
            for stanza, settings in _parse(path).items():
                merged.setdefault(stanza, {}).update(settings)
    inherited = merged.pop("default", {})
    return {stanza: inherited | settings for stanza, settings in merged.items()}


def is_true(value: str) -> bool:
    """Whether a setting's value is one of the words for true of Splunk's splunk.util.normalizeBoolean."""
    return value.strip().lower() in ("1", "t", "true", "y", "yes", "on")


def _parse(path: Path) -> Stanzas:
    current: dict[str, str] = {}
    stanzas = {"default": current}
    lines = enumerate(path.read_text("utf-8-sig").split("\n"), 1)
    for number, line in lines:
        line = line.strip("\r")
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        if line.lstrip().startswith("[") and "]" in line:
            current = stanzas.setdefault(line[line.index("[") + 1 : line.rindex("]")], {})
            continue
        while line.endswith("\\"):
            line = line[:-1] + "\n" + next(lines, (0, ""))[1].strip("\r")
        key, equals, value = line.partition("=")
        if not equals or not key.strip():
            raise SandboxError(f"{path}, line {number}: expected 'key = value' or '[stanza]', found: {line.strip()}")
        current[key.strip()] = value.strip()
    return stanzas

"""Build dist/ssa_detections-<version>.tar.gz: byte-identical from one commit, with splunk-sdk vendored into bin/lib.

Splunk's own packagers (slim, ucc-gen) and ksconf write times, users or gzip headers that differ from build to build;
plain tarfile does not.
"""

from __future__ import annotations

import gzip
import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path

from tools import ROOT

APP = "ssa_detections"
SHIPPED = (
    "LICENSE",
    "README",
    "README.md",
    "app.manifest",
    "appserver",
    "bin",
    "default",
    "docs",
    "lookups",
    "metadata",
    "static",
)
"""What an admin gets; everything else of the repository stays here."""

VENDOR = ROOT / "requirements" / "vendor.txt"
DOWNLOADS = ROOT / "build" / "vendor"


def version() -> str:
    """Return the app's version, from app.manifest."""
    return str(json.loads((ROOT / "app.manifest").read_text())["info"]["id"]["version"])


def git(*arguments: str) -> str | None:
    """Return the output of git in this checkout; None where there is no git, or no checkout."""
    try:
        ran = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=True)  # noqa: S607 (git from PATH, as every build does)
    except (OSError, subprocess.CalledProcessError):
        return None
    return ran.stdout


def listed(*command: str) -> list[str]:
    """Return the names of shipped files that a git command lists."""
    return [name for name in (git(*command, "-z", "--", *SHIPPED) or "").split("\0") if name]


def shipped_files() -> Iterator[tuple[str, Path]]:
    """Yield (path in the app, file) of the repository's part of the package.

    In a checkout these are the files that git tracks, so that one commit gives one archive; what is not as the commit
    has it is named on stderr. Elsewhere, as in an unpacked source archive, every file counts but hidden ones.
    Raises SystemExit for a tracked file that is missing.
    """
    if (git("rev-parse", "--show-toplevel") or "").strip() == str(ROOT):
        paths = [ROOT / name for name in listed("ls-files")]
        for name in listed("ls-files", "--others", "--exclude-standard"):
            sys.stderr.write(f"not packed, because git does not track it: {name}\n")
        for name in listed("diff", "--name-only", "HEAD"):
            sys.stderr.write(f"packed with changes that are not committed: {name}\n")
        for path in paths:
            if not path.is_file():
                raise SystemExit(f"the package would be incomplete: {path} is missing")
    else:
        paths = [
            path for top in SHIPPED for path in ([ROOT / top] if (ROOT / top).is_file() else (ROOT / top).rglob("*"))
        ]
    for path in sorted(paths):
        inside = path.relative_to(ROOT)
        hidden = any(part.startswith(".") or part == "__pycache__" for part in inside.parts)
        if path.is_file() and not hidden and inside.parts[:2] != ("bin", "lib"):
            yield inside.as_posix(), path


def sdk_archive() -> Path:
    """Return the source archive of splunk-sdk, downloaded once and checked against its pinned hash by pip."""
    wanted = VENDOR.read_text()
    stamp = DOWNLOADS / "vendor.txt"
    if not (stamp.is_file() and stamp.read_text() == wanted):
        shutil.rmtree(DOWNLOADS, ignore_errors=True)
        options = ["-qq", "--no-deps", "--no-binary", ":all:", "--require-hashes", "--dest", str(DOWNLOADS)]
        subprocess.run([sys.executable, "-m", "pip", "download", *options, "-r", str(VENDOR)], check=True)
        stamp.write_text(wanted)
    (archive,) = DOWNLOADS.glob("splunk*sdk*.tar.gz")
    return archive


def sdk_files() -> Iterator[tuple[str, bytes]]:
    """Yield (path in the app, content) of the vendored SDK, as published."""
    with tarfile.open(sdk_archive()) as archive:
        for member in archive.getmembers():
            _, _, inside = member.name.partition("/")
            if member.isfile() and inside.startswith("splunklib/") and inside.endswith(".py"):
                content = archive.extractfile(member)
                if content is not None:
                    yield f"bin/lib/{inside}", content.read()


def commit_time() -> int:
    """Return SOURCE_DATE_EPOCH, else the time of the last commit (epoch s): the time of every file in the archive."""
    if "SOURCE_DATE_EPOCH" in os.environ:
        return int(os.environ["SOURCE_DATE_EPOCH"])
    committed = git("log", "-1", "--format=%ct")
    return int(committed) if committed and committed.strip() else 315_532_800


def build(target: Path = ROOT / "dist") -> Path:
    """Write the package into `target` and return its path."""
    files = {name: path.read_bytes() for name, path in shipped_files()}
    files.update(sdk_files())
    folders = {parent.as_posix() for name in files for parent in Path(name).parents if parent != Path()}
    time = commit_time()
    target.mkdir(parents=True, exist_ok=True)
    package = target / f"{APP}-{version()}.tar.gz"
    unfinished = package.with_name(f".{package.name}.{os.getpid()}")  # others may read the last one meanwhile
    try:
        with (
            unfinished.open("wb") as raw,
            gzip.GzipFile(filename="", mode="wb", fileobj=raw, mtime=0) as packed,
            tarfile.open(mode="w", fileobj=packed, format=tarfile.USTAR_FORMAT) as archive,
        ):
            for name in sorted(["", *folders, *files]):
                entry = tarfile.TarInfo(f"{APP}/{name}".rstrip("/"))
                entry.mtime = time
                content = files.get(name)
                if content is None:
                    entry.type, entry.mode = tarfile.DIRTYPE, 0o755
                    archive.addfile(entry)
                else:
                    entry.mode, entry.size = 0o644, len(content)
                    archive.addfile(entry, io.BytesIO(content))
        return unfinished.replace(package)
    finally:
        unfinished.unlink(missing_ok=True)


if __name__ == "__main__":
    built = build()
    sys.stdout.write(f"{built.relative_to(ROOT)} ({built.stat().st_size / 1024:.0f} KB)\n")

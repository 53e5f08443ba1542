"""The Pythons on which the packaged code is run: those of Splunk (3.9 and 3.13) where found, and the tests' own."""

import os
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

WANTED = ("3.9", "3.13")


def _version(python: str) -> str:
    # A pyenv shim is on PATH and yet may answer that its version is not selected: run it before trusting it.
    ran = subprocess.run(
        [python, "-c", "import sys; print(*sys.version_info[:2], sep='.')"],
        capture_output=True,
        text=True,
        check=False,
    )
    return ran.stdout.strip()


@cache
def found() -> dict[str, str]:
    """Version -> interpreter, looked for on PATH, then under pyenv's versions folder."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    pythons = {f"{sys.version_info.major}.{sys.version_info.minor}": sys.executable}
    for version in WANTED:
        on_path = shutil.which(f"python{version}")
        under_pyenv = sorted(str(path) for path in pyenv.glob(f"{version}.*/bin/python"))
        for candidate in ([on_path] if on_path else []) + under_pyenv:
            if _version(candidate) == version:
                pythons[version] = candidate
                break
    return pythons

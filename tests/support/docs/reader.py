"""Who types the commands of a page into a shell, in a checkout as `git clone` leaves it."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from tools import ROOT
from tools.build.package import DOWNLOADS, git

STAMPS = ("sandbox", "sigma", "dev", "contentctl/ready")
"""What `make` leaves in .venv: so much is installed."""


def clone(folder: Path) -> None:
    """Write what git has of this tree, with the tests' Python as its .venv, and what a build downloads."""
    for name in (git("ls-files", "-z", "--cached", "--others", "--exclude-standard") or "").split("\0"):
        if name and (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)
    shutil.copytree(DOWNLOADS, folder / DOWNLOADS.relative_to(ROOT))
    venv = folder / ".venv"
    (venv / "contentctl").mkdir(parents=True)
    for path in Path(sys.prefix).iterdir():
        if path.name not in {stamp.partition("/")[0] for stamp in STAMPS}:
            (venv / path.name).symlink_to(path)
    for stamp in STAMPS:
        (venv / stamp).touch()


class Reader:
    """Types commands in a clone; `out` is what the last has written. Next to it lies a server's folder, `splunk`."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.splunk, self.out = folder / "app", folder / "splunk", ""
        clone(self.folder)
        self.environment = {**os.environ, "SPLUNK_HOME": str(self.splunk), "COLUMNS": "300"}
        self.environment.pop("SSA_REAL_EVENTS", None)  # what a newcomer does not have

    def clones_from(self, address: str, source: Path) -> None:
        """Let git find a public repository in a folder of this machine."""
        self.environment |= {
            "GIT_CONFIG_COUNT": "1",
            "GIT_CONFIG_KEY_0": f"url.{source.as_uri()}.insteadOf",
            "GIT_CONFIG_VALUE_0": address,
        }

    def types(self, *lines: str, code: int = 0) -> None:
        """Run each line as it stands; an AssertionError where one ends with another exit code."""
        for line in lines:
            ran = subprocess.run(
                ["sh", "-c", line],
                cwd=self.folder,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                check=False,
            )
            self.out = ran.stdout + ran.stderr
            assert ran.returncode == code, f"{line}\n{self.out}"

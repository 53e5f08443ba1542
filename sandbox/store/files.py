"""Put a file that is only read into several folders."""

import os
import shutil
from pathlib import Path


def link(source: Path, target: Path) -> None:
    """Put a file in another place too: as a hard link, or as a copy where there can be none."""
    try:
        os.link(source.resolve(), target)
    except FileExistsError:
        raise
    except OSError:
        shutil.copy2(source, target)

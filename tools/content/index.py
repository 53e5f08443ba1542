"""Write the index of an app's detections, so that a search starts without analysing them.

local/ssa_detection_index.conf has an entry for each detection that the app does not ship one of. `import` and `sigma`
write it with the detections; run this after an edit of local/ssa_detections.conf, and after an upgrade of the app.
What the index does not have is found all the same: it is analysed at each search, on each indexer.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from ssa.content import conf
from ssa.content.detection import CONF
from tools.content import importer
from tools.content.importer.local import LocalConfs
from tools.content.importer.published import ImporterError


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    importer.app_argument(parser)


def write(app: Path) -> int:
    """Write the index of an app's local folder; return how many entries it has. Raises ImporterError, ConfError."""
    confs = LocalConfs(app, [CONF])
    count = confs.put_index()
    confs.write()
    return count


def run(options: argparse.Namespace) -> int:
    """Write the index; return the exit code: 1 when it cannot be, and then nothing is written."""
    try:
        count = write(importer.app_folder(options.app))
    except (ImporterError, conf.ConfError) as error:
        sys.stderr.write(f"{error}\nNothing was written.\n")
        return 1
    have = "detection has its" if count == 1 else "detections have their"
    sys.stdout.write(f"{count:,} {have} entry in {options.app / 'local'}, all others in default/\n")
    return 0

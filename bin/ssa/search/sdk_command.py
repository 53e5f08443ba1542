"""ssadetect as a plain StreamingCommand of splunk-sdk: the reference for command.py, and the fallback for it.

It reads and judges row by row, with the same detector. An edge to splunklib.
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterable, Iterator
from typing import Any

from splunklib.searchcommands import Configuration, Option, StreamingCommand, validators

from ssa.content.conf import ConfError
from ssa.content.detection import DetectionError

from .command import refuse_unnamed
from .detector import Detector
from .messages import SdkMessages


@Configuration(distributed=True)
class SsaDetectCommand(SdkMessages, StreamingCommand):
    """Runs SSA detections on process events. A row that k detections match comes out k times."""

    detection = Option(
        doc="""
        **Syntax:** detection=<name or id>[,<name or id>...]

        **Description:** The detections to run, by stanza name or id of ssa_detections.conf. Without it, every enabled
        detection runs, in one pass.
        """
    )

    trace = Option(
        default=False,
        validate=validators.Boolean(),
        doc="""
        **Syntax:** trace=<bool>

        **Description:** Adds the columns ssa_host and ssa_folder: the machine and the app folder where the command ran.
        """,
    )

    def prepare(self) -> None:
        """Load and compile the detections, during getinfo: whatever is wrong with them ends the search here."""
        try:
            refuse_unnamed(self.fieldnames)
            self.detector = Detector(self.detection, self.trace, self)
        except (ConfError, DetectionError) as error:
            self.refuse(str(error))
        except Exception as error:
            # The SDK would end the search without a word.
            self.refuse(f"ssadetect cannot start, please report this: {type(error).__name__}: {error}")

    def stream(self, records: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
        """Yield the detected rows of a chunk, with the same columns each: the SDK drops what its first row lacks."""
        detector = self.detector
        try:
            for number, row in enumerate(records):
                if not number:
                    detector.note_columns(row)
                for hit in detector.detect(row, lambda seen: detector.detections):
                    yield {**dict.fromkeys(detector.columns_written), **row, **hit}
        except csv.Error as error:
            detector.fail_to_read(error)
        if self.metadata.finished:
            detector.report_blindness()


def main() -> int:
    """Serve one search; return the exit code."""
    command = SsaDetectCommand()
    command.process(sys.argv, sys.stdin, sys.stdout)
    return int(command.failed)

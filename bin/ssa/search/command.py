"""The search command `ssadetect`: rows in, detected rows out.

Its chunks are scanned, not parsed (see scan.py). sdk_command.py is the same command on splunk-sdk, row by row.
"""

from __future__ import annotations

import csv
import gc
import os
import sys
from typing import BinaryIO

from ssa.content.conf import ConfError
from ssa.content.detection import DetectionError

from .detector import Detector
from .messages import here
from .protocol import Chunk, Conversation, MalformedChunkError, Option, RefusedError, boolean, read_options, streams
from .scan import Scan

OPTIONS = {"detection": Option(None, str), "trace": Option(False, boolean)}
"""See default/searchbnf.conf for what they mean."""


def refuse_unnamed(arguments: list[str]) -> None:
    """Raise DetectionError for an argument that names no option."""
    if arguments:
        raise DetectionError(f"unexpected argument '{arguments[0]}': write detection=\"<name or id>\"")


class SsaDetect:
    """One search: its detector, and the scan that finds rows for it."""

    def __init__(self, arguments: list[str], conversation: Conversation) -> None:
        """Load and compile the detections; raises RefusedError for whatever is wrong with them."""
        options, unnamed = read_options(arguments, OPTIONS)
        try:
            refuse_unnamed(unnamed)
            self.detector = Detector(options["detection"], options["trace"], conversation)
        except (ConfError, DetectionError) as error:
            raise RefusedError(here() + str(error)) from error
        except Exception as error:
            problem = f"ssadetect cannot start, please report this: {type(error).__name__}: {error}"
            raise RefusedError(here() + problem) from error
        self.scan = Scan(
            self.detector.search,
            self.detector.detect,
            self.detector.columns_read,
            self.detector.columns_written,
        )

    def answer(self, chunk: Chunk) -> None:
        """Write the detected rows of a chunk. Whatever is wrong with it, what was found goes out."""
        try:
            table = self.scan.table(chunk.body)
            if table is not None and not chunk.body.at_end:
                self.detector.note_columns(table.names)
                self.scan.run(table, chunk.body, chunk.out)
        except csv.Error as error:
            self.detector.fail_to_read(error)
        except MalformedChunkError:
            raise
        except OSError as error:
            chunk.out.clear()
            self.detector.fail(f"the hits of a chunk are lost, because they cannot be written to a file: {error}")
        except Exception as error:
            self.detector.fail(f"a chunk cannot be searched, please report this: {type(error).__name__}: {error}")
        if chunk.finished:
            chunk.body.drain()
            self.detector.report_blindness()


def serve(source: BinaryIO, sink: BinaryIO) -> int:
    """Serve one search, whose chunks come from `source`; return the exit code."""
    conversation = Conversation(source, sink)
    try:
        arguments = conversation.arguments()
        try:
            command = SsaDetect(arguments, conversation)
        except RefusedError as refused:
            for problem in refused.args:
                conversation.fail(problem)
        conversation.describe(type="streaming")
        if conversation.failed:
            return 1
        gc.freeze()  # what is there now stays
        gc.enable()
        for chunk in conversation.chunks():
            command.answer(chunk)
    except MalformedChunkError as error:
        conversation.end(f"{here()}splunkd's input cannot be read: {error}")
    return int(conversation.failed)


def main() -> int:
    """Serve one search; return the exit code."""
    try:
        return serve(*streams())
    except OSError as error:
        sys.stderr.write(f"ssadetect: splunkd has ended the search: {error}\n")
        sys.stderr.flush()
        os._exit(1)  # without the interpreter's own try to write what is left

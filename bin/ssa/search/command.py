"""The search command `ssadetect`: rows in, detected rows out.

Its chunks are scanned, not parsed (see scan.py). sdk_command.py is the same command on splunk-sdk, row by row.
"""

from __future__ import annotations

import gc
from collections.abc import Sequence

from ssa.checking import TYPE_CHECKING
from ssa.content.conf import APP, ConfError
from ssa.content.detection import Catalogue, DetectionError
from ssa.content.index import Index
from ssa.content.selection import EVERY, refuse_unnamed, to_run

from .detector import Detector
from .messages import here, log
from .protocol import Conversation, MalformedChunkError, Option, RefusedError, boolean, read_options, serve_splunkd
from .scan.scan import Scan

if TYPE_CHECKING:
    from typing import BinaryIO

    from .messages import Messages


OPTIONS = {"detection": Option(None, str), "set": Option(None, str), "trace": Option(False, boolean)}
"""See default/searchbnf.conf for what they mean."""


def detector(
    named: str | None, trace: bool, unnamed: Sequence[str], messages: Messages, sets: str | None = None
) -> Detector:
    """Load and compile the detections of a search; raises RefusedError for whatever is wrong with them.

    `named`, `trace` and `sets` are the values of the options, `unnamed` the arguments that name none.
    """
    try:
        refuse_unnamed(unnamed)
        index = Index(APP)
        catalogue = Catalogue.of_app(APP, index)
        for problem in catalogue.settings.problems:
            messages.warn(here() + problem)
        chosen = to_run(
            catalogue, named, sets, lambda error: messages.warn(f"{here()}a detection is left out: {error}")
        )
        index.report(lambda text: messages.warn(here() + text), lambda text: messages.inform(here() + text), log)
        for detection in chosen if named is not None else ():
            _ = detection.plan  # named ones are few, and likely to be needed: compiled before the first row
        return Detector(chosen, trace, messages, named=named is not None, of_set=sets not in (None, EVERY))
    except (ConfError, DetectionError) as error:
        raise RefusedError(here() + str(error)) from error
    except Exception as error:
        problem = f"ssadetect cannot start, please report this: {type(error).__name__}: {error}"
        raise RefusedError(here() + problem) from error


def prepare(arguments: list[str], conversation: Conversation) -> Scan:
    """Return the scan that the arguments ask for; raises RefusedError."""
    options, unnamed = read_options(arguments, OPTIONS)
    return Scan(detector(options["detection"], options["trace"], unnamed, conversation, options["set"]))


def serve(source: BinaryIO, sink: BinaryIO) -> int:
    """Serve one search, whose chunks come from `source`; return the exit code."""
    conversation = Conversation(source, sink)
    scan: Scan | None = None
    try:
        scan = conversation.open(lambda arguments: prepare(arguments, conversation), type="streaming")
        if scan is None:
            return 1
        gc.freeze()  # what is there now stays
        gc.set_threshold(20_000)  # no row leaves a cycle behind: to look for one takes time, and finds hardly any
        gc.enable()
        for chunk in conversation.chunks():
            scan.answer(chunk)
        scan.end()
    except MalformedChunkError as error:
        if scan:
            scan.end()
        conversation.end(f"{here()}splunkd's input cannot be read: {error}")
    return int(conversation.failed)


def main() -> int:
    """Serve one search; return the exit code."""
    return serve_splunkd("ssadetect", serve)

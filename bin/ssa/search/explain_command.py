"""The search command `ssaexplain`: what a detection reads, does, and may get wrong."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from ssa.checking import TYPE_CHECKING
from ssa.content import conf
from ssa.content.conf import APP, ConfError
from ssa.content.detection import Catalogue, DetectionError
from ssa.content.index import Index
from ssa.content.selection import EXCLUDE, names_in, refuse_unnamed
from ssa.content.settings import CONF

from .explanation import COLUMNS, MORE_PARTS, PARTS, Line, explain, explain_set
from .messages import here
from .protocol import (
    Conversation,
    MalformedChunkError,
    NoRoomError,
    Option,
    RefusedError,
    boolean,
    read_options,
    serve_splunkd,
)

if TYPE_CHECKING:
    from typing import BinaryIO

OPTIONS = {
    "detection": Option(None, str),
    "set": Option(None, str),
    "measure": Option(True, boolean),
    "part": Option(None, str),
}
"""See default/searchbnf.conf for what they mean."""


def explanations(arguments: list[str]) -> list[Line]:
    """Return the rows that the arguments ask for; raises RefusedError for whatever is wrong with what they name."""
    options, unnamed = read_options(arguments, OPTIONS)
    try:
        refuse_unnamed(unnamed)
        only = _parts(options["part"])
        catalogue = Catalogue.of_app(APP, Index(APP) if only else None)
        rows = _all(catalogue, options["detection"], options["set"], options["measure"], only)
        return [row for row in rows if not only or row["part"] in only]
    except (ConfError, DetectionError) as error:
        raise RefusedError(here() + str(error)) from error
    except Exception as error:
        problem = f"ssaexplain failed, please report this: {type(error).__name__}: {error}"
        raise RefusedError(here() + problem) from error


def _parts(named: str | None) -> list[str]:
    """Return the parts that are asked for, none for all; raises DetectionError."""
    if named is None:
        return []
    only = conf.comma_list(named)
    unknown = [f"'{name}'" for name in only if name not in (*PARTS, *MORE_PARTS)]
    if unknown or not only:
        what = f"unknown part {', '.join(unknown)}" if unknown else "part= is empty"
        raise DetectionError(f"{what}: the parts are {', '.join((*PARTS, *MORE_PARTS))}")
    return only


def _all(
    catalogue: Catalogue, named: str | None, sets: str | None, measured: bool, only: Collection[str]
) -> Iterator[Line]:
    if named is not None:
        if sets is not None:
            raise DetectionError(EXCLUDE)
        for detection in catalogue.selected(named):
            yield from explain(detection, only)
        return
    broken: list[DetectionError] = []
    running = []
    for name in names_in(catalogue, sets, broken.append):
        try:
            detection = catalogue.find(name)
            yield from explain(detection, only)
            running += [detection] * (not detection.disabled)
        except DetectionError as error:
            yield _row(name, "error", str(error))
    for no_set in broken:
        yield _row("", "error", str(no_set))
    if measured and (not only or "set" in only):
        from .costs import usual_rows  # as in explain_set

        yield from explain_set(running, [*usual_rows()], "made events of what Windows machines run most")
    for problem in catalogue.settings.problems:
        yield _row("", "error", problem)
    for header in catalogue.settings.unused:
        yield _row("", "warning", f"{CONF}.conf: {header} holds for no detection")


def _row(detection: str, part: str, text: str) -> Line:
    return {**dict.fromkeys(COLUMNS, ""), "detection": detection, "part": part, "text": text}


def serve(source: BinaryIO, sink: BinaryIO) -> int:
    """Serve one search, whose chunks come from `source`; return the exit code."""
    conversation = Conversation(source, sink)
    try:
        rows = conversation.open(explanations, type="reporting", generating=True)
        if rows is not None:
            conversation.generate(COLUMNS, rows)
    except MalformedChunkError as error:
        conversation.end(f"{here()}splunkd's input cannot be read: {error}")
    except NoRoomError as error:
        conversation.end(f"{here()}the rows do not fit where answers are kept: {error}")
    return int(conversation.failed)


def main() -> int:
    """Serve one search; return the exit code."""
    return serve_splunkd("ssaexplain", serve)

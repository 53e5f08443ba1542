"""The search command `ssaexplain`: what a detection reads, does, and may get wrong. An edge to splunklib."""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterator

from splunklib.searchcommands import Configuration, GeneratingCommand, Option, dispatch, validators

from ssa.content import conf
from ssa.content.conf import APP, ConfError
from ssa.content.detection import Catalogue, DetectionError
from ssa.content.index import Index
from ssa.content.selection import EXCLUDE, names_in
from ssa.content.settings import CONF

from .costs import usual_rows
from .explanation import COLUMNS, MORE_PARTS, PARTS, Line, explain, explain_set
from .messages import SdkMessages


@Configuration(type="reporting")
class SsaExplainCommand(SdkMessages, GeneratingCommand):
    """Explains detections, one row for each field that they read, each step, and each warning."""

    detection = Option(
        doc="""
        **Syntax:** detection=<name or id>[,<name or id>...]

        **Description:** The detections to explain, by stanza name or id of ssa_detections.conf. Without it, all outside
        of sets are, one that is wrong shows its error as a row, and the costliest of all that are enabled are listed.
        """
    )

    set = Option(
        doc="""
        **Syntax:** set=<name>[,<name>...]|*

        **Description:** The sets whose detections to explain; * stands for all detections, in sets and outside.
        """
    )

    measure = Option(
        doc="""
        **Syntax:** measure=<bool>

        **Description:** false leaves out the rows of the part set, and the time that measuring takes. By default true.
        """,
        default=True,
        validate=validators.Boolean(),
    )

    part = Option(
        doc="""
        **Syntax:** part=<name>[,<name>...]

        **Description:** The rows of these parts only: summary, technique, field, requirement, step, warning, error,
        set. Where they are summary, technique or error, and no set is measured, no search needs to be compiled.
        """
    )

    def prepare(self) -> None:
        """Explain, during getinfo: whatever is wrong with what was asked for ends the search here."""
        try:
            self.rows = list(self.explanations())
        except (ConfError, DetectionError) as error:
            self.refuse(str(error))
        except Exception as error:
            # The SDK would end the search without a word.
            self.refuse(f"ssaexplain failed, please report this: {type(error).__name__}: {error}")

    def generate(self) -> Iterator[Line]:
        """Yield the rows."""
        yield from self.rows

    def explanations(self) -> Iterator[Line]:
        """Yield the rows; raises ConfError, and DetectionError for what was asked for."""
        if self.fieldnames:
            raise DetectionError(
                f"unexpected argument '{self.fieldnames[0]}': write detection=\"<name or id>\" or set=<name>"
            )
        only = conf.comma_list(self.part or "")
        unknown = [f"'{name}'" for name in only if name not in (*PARTS, *MORE_PARTS)]
        if unknown or (self.part is not None and not only):
            what = f"unknown part {', '.join(unknown)}" if unknown else "part= is empty"
            raise DetectionError(f"{what}: the parts are {', '.join((*PARTS, *MORE_PARTS))}")
        for row in self._all(Catalogue.of_app(APP, Index(APP) if only else None), only):
            if not only or row["part"] in only:
                yield row

    def _all(self, catalogue: Catalogue, only: Collection[str]) -> Iterator[Line]:
        if self.detection is not None:
            if self.set is not None:
                raise DetectionError(EXCLUDE)
            for detection in catalogue.selected(self.detection):
                yield from explain(detection, only)
            return
        broken: list[DetectionError] = []
        running = []
        for name in names_in(catalogue, self.set, broken.append):
            try:
                detection = catalogue.find(name)
                yield from explain(detection, only)
                running += [detection] * (not detection.disabled)
            except DetectionError as error:
                yield _row(name, "error", str(error))
        for no_set in broken:
            yield _row("", "error", str(no_set))
        if self.measure and (not only or "set" in only):
            yield from explain_set(running, [*usual_rows()], "made events of what Windows machines run most")
        for problem in catalogue.settings.problems:
            yield _row("", "error", problem)
        for header in catalogue.settings.unused:
            yield _row("", "warning", f"{CONF}.conf: {header} holds for no detection")


def _row(detection: str, part: str, text: str) -> Line:
    return {**dict.fromkeys(COLUMNS, ""), "detection": detection, "part": part, "text": text}


def main() -> None:
    """Serve one search."""
    dispatch(SsaExplainCommand, sys.argv, sys.stdin, sys.stdout, "__main__")

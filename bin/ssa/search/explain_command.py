"""The search command `ssaexplain`: what a detection reads, does, and may get wrong. An edge to splunklib."""

from __future__ import annotations

import sys
from collections.abc import Iterator

from splunklib.searchcommands import Configuration, GeneratingCommand, Option, dispatch

from ssa.content.conf import APP, ConfError
from ssa.content.detection import Catalogue, DetectionError

from .costs import usual_rows
from .explanation import COLUMNS, Line, explain, explain_set
from .messages import SdkMessages


@Configuration(type="reporting")
class SsaExplainCommand(SdkMessages, GeneratingCommand):
    """Explains detections, one row for each field that they read, each step, and each warning."""

    detection = Option(
        doc="""
        **Syntax:** detection=<name or id>[,<name or id>...]

        **Description:** The detections to explain, by stanza name or id of ssa_detections.conf. Without it, all are,
        one that is wrong shows its error as a row, and the costliest of all that are enabled are listed.
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
            raise DetectionError(f"unexpected argument '{self.fieldnames[0]}': write detection=\"<name or id>\"")
        catalogue = Catalogue.of_app(APP)
        if self.detection is not None:
            for detection in catalogue.selected(self.detection):
                yield from explain(detection)
            return
        running = []
        for name in catalogue.names:
            try:
                detection = catalogue.find(name)
                yield from explain(detection)
                running += [detection] * (not detection.disabled)
            except DetectionError as error:
                yield {**dict.fromkeys(COLUMNS, ""), "detection": name, "part": "error", "text": str(error)}
        yield from explain_set(running, [*usual_rows()], "made events of what Windows machines run most")


def main() -> None:
    """Serve one search."""
    dispatch(SsaExplainCommand, sys.argv, sys.stdin, sys.stdout, "__main__")

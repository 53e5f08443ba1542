"""The one error type that leaves the language."""

from __future__ import annotations

from collections.abc import Iterable


class SsaError(ValueError):
    """A text that is not a detection of the SSA dialect, with the place of the problem.

    `str()` gives the problem, then line and column (both from 1), the line of the text, and a caret under the place.
    """

    def __init__(self, problem: str, text: str, at: int) -> None:
        super().__init__(problem)
        self.problem = problem
        self.text = text
        self.at = min(at, len(text))

    @property
    def line(self) -> int:
        """Line of the place, from 1."""
        return line_and_column(self.text, self.at)[0]

    @property
    def column(self) -> int:
        """Column of the place, from 1."""
        return line_and_column(self.text, self.at)[1]

    @property
    def near(self) -> str:
        """The text at the place, up to the end of its line, not much of it: what follows is three dots."""
        line = self.text[self.at :].partition("\n")[0]
        return line if len(line) <= 60 else f"{line[:60]} …"

    def __str__(self) -> str:
        start = self.text.rfind("\n", 0, self.at) + 1
        end = self.text.find("\n", self.at)
        line = self.text[start : len(self.text) if end < 0 else end]
        # A detection is often one line of a thousand characters: show the part around the place.
        left = max(0, self.column - 1 - 50)
        shown = line[left : left + 100].replace("\t", " ")
        caret = " " * (self.column - 1 - left) + "^"
        return f"{self.problem} (line {self.line}, column {self.column})\n  {shown}\n  {caret}"


def line_and_column(text: str, at: int) -> tuple[int, int]:
    """Return line and column, both from 1, of an offset in a text."""
    return text.count("\n", 0, at) + 1, at - text.rfind("\n", 0, at)


def near_miss(name: str, known: Iterable[str]) -> str:
    """Suggest, for a message, the known name that an unknown one resembles; nothing where none does."""
    names = [candidate for candidate in known if abs(len(candidate) - len(name)) <= 3][:200]  # each costs its length
    import difflib  # not at the start of each search: most detections are right

    close = difflib.get_close_matches(name[:100], names, n=1)
    return f": did you mean {close[0]}?" if close else ""

"""The one error type that leaves the language."""

from __future__ import annotations


class SsaError(ValueError):
    """A text that is not a detection of the SSA dialect, with the place that says so.

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
        return self.text.count("\n", 0, self.at) + 1

    @property
    def column(self) -> int:
        """Column of the place, from 1."""
        return self.at - (self.text.rfind("\n", 0, self.at) + 1) + 1

    def __str__(self) -> str:
        start = self.text.rfind("\n", 0, self.at) + 1
        end = self.text.find("\n", self.at)
        line = self.text[start : len(self.text) if end < 0 else end]
        # A detection is often one line of a thousand characters: show the part around the place.
        left = max(0, self.column - 1 - 50)
        shown = line[left : left + 100].replace("\t", " ")
        caret = " " * (self.column - 1 - left) + "^"
        return f"{self.problem} (line {self.line}, column {self.column})\n  {shown}\n  {caret}"

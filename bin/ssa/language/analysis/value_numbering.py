"""Which expressions of a program have one value: so that each is evaluated once a row, wherever it stands.

Value numbering: expressions get one number when they apply the same operation to the same numbers. A column has the
number of the expression that it was assigned last, so equal numbers mean equal values in all pipelines of a program.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Sequence

from ssa.checking import TYPE_CHECKING
from ssa.language.text import syntax

from .columns import FIRST_COLUMNS, Columns, walk
from .pipelines import Segment

if TYPE_CHECKING:
    from typing import Any


_WORTH_KEEPING = (syntax.Call, syntax.Arithmetic, syntax.In)


class Numbering:
    """Numbers the expressions of a program, given its segments. Every rex in them must have a regex that compiles."""

    def __init__(self, segments: Sequence[Segment]) -> None:
        self._known: dict[Hashable, int] = {}
        self._numbers: dict[int, int] = {}
        self._times: Counter[int] = Counter()
        given = {name: self._intern(("column", name)) for name in FIRST_COLUMNS}
        for _, command, columns in walk(segments, given, self._expression, self._extracted, self._union):
            if isinstance(command, syntax.Where):
                self._expression(command.condition, columns)
        for segment in segments:
            for command in segment.commands:
                for expression in syntax.expressions(command):
                    self._count(expression)

    def number(self, node: syntax.Expression) -> int:
        """Return the number of an expression."""
        return self._numbers[id(node)]

    def is_shared(self, node: syntax.Expression) -> bool:
        """Return whether an expression is worth keeping, and several places need its value."""
        return isinstance(node, _WORTH_KEEPING) and self._times[self._numbers[id(node)]] > 1

    def _expression(self, expression: syntax.Expression, columns: Columns[int]) -> int:
        for node in syntax.postorder(expression):
            self._numbers[id(node)] = self._of(node, columns)
        return self._numbers[id(expression)]

    def _of(self, node: syntax.Expression, columns: Columns[int]) -> int:
        if isinstance(node, syntax.Name):
            return columns.get(node.name, self._intern(("null",)))
        if isinstance(node, syntax.Literal):
            return self._intern((type(node.value), repr(node.value)))
        return self._intern((type(node), *(self._key(part) for name, part in vars(node).items() if name != "at")))

    def _key(self, part: Any) -> Hashable:
        if isinstance(part, syntax.NODES):
            return self._numbers[id(part)]
        return tuple(map(self._key, part)) if isinstance(part, tuple) else (type(part), part)

    def _intern(self, key: Hashable) -> int:
        return self._known.setdefault(key, len(self._known))

    def _extracted(self, command: syntax.Rex, name: str, columns: Columns[int]) -> int:
        return self._intern((id(command), name))

    def _union(self, name: str, numbers: list[int | None]) -> int:
        """Return the number of a column in the records of several segments.

        What differs between them has no one value in a row: whoever runs the segment keeps values for each record.
        """
        first = numbers[0]
        if first is not None and all(number == first for number in numbers):
            return first
        return self._intern(("union", len(self._known)))

    def _count(self, expression: syntax.Expression) -> None:
        """Count how often each value is needed, when what is worth keeping is computed once."""
        waiting = [expression]
        while waiting:
            node = waiting.pop()
            if isinstance(node, _WORTH_KEEPING):
                number = self._numbers[id(node)]
                self._times[number] += 1
                if self._times[number] > 1:
                    continue
            waiting.extend(syntax.children(node))

"""A regex that no text can stretch, written for Python's `re`: it finds in a fraction of the time that automata take.

`re` backtracks. That is harmless where, whatever the text, few ways lead through the regex from one place.
"""

from __future__ import annotations

import re
from typing import Callable

from . import edges
from .characters import as_class
from .nodes import Assertion, Chars, Choice, Group, Node, Parsed, Repeat, Sequence, can_be_empty

MOST_STEPS = 500
"""What `re` may have to try from one place of a text: characters and places, on all ways together."""

_EDGES: dict[edges.Edge, str] = {
    edges.start: r"\A",
    edges.end: r"\Z",
    edges.last: edges.LAST,
    edges.unix_last: edges.UNIX_LAST,
}


class _OutOfReach(Exception):  # noqa: N818 - it is an answer, not a failure
    """The regex can be stretched, or is beyond `re`."""


def search_of(parsed: Parsed) -> Callable[[str], object] | None:
    """Return a search that tells whether a regex is found in a text; None where `re` is not safe, or lacks words."""
    node = _least(_least(parsed.node, 0), -1)
    try:
        _ways(node)
        return re.compile(_written(node, parsed)).search
    except _OutOfReach:
        return None


def _least(node: Node, end: int) -> Node:
    """Leave out what a match need not have at its start (`end` 0) or its end (-1): whether there is one stays so."""
    if isinstance(node, Repeat):
        return node._replace(most=node.least)
    if isinstance(node, Sequence) and node.items:
        items = [*node.items]
        items[end] = _least(items[end], end)
        return Sequence(tuple(items))
    if isinstance(node, Choice):
        return Choice(tuple(_least(option, end) for option in node.options))
    return _least(node.item, end) if isinstance(node, Group) else node


def _ways(node: Node) -> tuple[int, int]:
    """Return how many ways lead through a node from one place, and the steps on all of them, MOST_STEPS at the most."""
    ways, steps = 1, 1
    if isinstance(node, Sequence):
        for item in node.items:
            ways, steps = _after(ways, steps, _ways(item))
    elif isinstance(node, Choice):
        several = [_ways(option) for option in node.options]
        ways, steps = sum(each for each, _ in several), 1 + sum(each for _, each in several)
    elif isinstance(node, Repeat):
        if node.most is None or (node.most and can_be_empty(node.item)):  # Java ends a loop at an empty round
            raise _OutOfReach
        one, last = _ways(node.item), 1
        ways = int(not node.least)
        for round_ in range(1, node.most + 1):
            last, steps = _after(last, steps, one)
            ways += last if round_ >= node.least else 0
    elif isinstance(node, Group):
        return _ways(node.item)
    if steps > MOST_STEPS:
        raise _OutOfReach
    return ways, steps


def _after(ways: int, steps: int, following: tuple[int, int]) -> tuple[int, int]:
    """Return the ways and steps of what is followed by something."""
    more, each = following
    if steps + ways * each > MOST_STEPS:
        raise _OutOfReach
    return ways * more, steps + ways * each


def _written(node: Node, parsed: Parsed) -> str:
    if isinstance(node, Chars):
        written = as_class(node.accepted)
    elif isinstance(node, Assertion):
        edge = parsed.assertions[node.number]
        written = None if isinstance(edge, tuple) else _EDGES.get(edge)
    elif isinstance(node, Sequence):
        written = "".join(_written(item, parsed) for item in node.items)
    elif isinstance(node, Choice):
        written = f"(?:{'|'.join(_written(option, parsed) for option in node.options)})"
    elif isinstance(node, Repeat):
        written = f"(?:{_written(node.item, parsed)}){{{node.least},{node.most}}}" if node.most else ""
    else:
        written = _written(node.item, parsed) if isinstance(node, Group) else None
    if written is None:
        raise _OutOfReach
    return written

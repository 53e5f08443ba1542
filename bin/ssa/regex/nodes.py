"""What a regex is made of, once parsed."""

from __future__ import annotations

from collections.abc import Container
from typing import NamedTuple, Union

from .edges import Edge


class Chars(NamedTuple):
    """One character of a set."""

    accepted: Container[str]


class Sequence(NamedTuple):
    """One after the other; without items, the empty text."""

    items: tuple[Node, ...]


class Choice(NamedTuple):
    """The first of the options that lets the whole match."""

    options: tuple[Node, ...]


class Repeat(NamedTuple):
    """An item again and again: `most` None is without end; greedy takes more before less."""

    item: Node
    least: int
    most: int | None
    greedy: bool


class Group(NamedTuple):
    """A capturing group, numbered from 1."""

    item: Node
    number: int


class Atomic(NamedTuple):
    """An item that keeps its first match, (?>…): possessive quantifiers are this too."""

    item: Node


class Assertion(NamedTuple):
    """A place where the assertion of this number holds; see Parsed."""

    number: int


Node = Union[Chars, Sequence, Choice, Repeat, Group, Atomic, Assertion]


class Look(NamedTuple):
    """A lookahead or a lookbehind: where a match of the item starts or ends."""

    item: Node
    behind: bool
    negative: bool


class Parsed(NamedTuple):
    """A regex. An assertion's number is its place in `assertions`; a lookaround stands after those inside it."""

    node: Node
    assertions: tuple[Edge | Look, ...]
    names: dict[str, int]
    groups: int
    unread: frozenset[int]


def can_be_empty(node: Node) -> bool:
    """Return whether a node may match without taking a character."""
    if isinstance(node, Sequence):
        return all(map(can_be_empty, node.items))
    if isinstance(node, Choice):
        return any(map(can_be_empty, node.options))
    if isinstance(node, Repeat):
        return not node.least or can_be_empty(node.item)
    return isinstance(node, Assertion) or (not isinstance(node, Chars) and can_be_empty(node.item))


def reverse(node: Node) -> Node:
    """Return a node that matches, read backwards, what the node matches: without groups, and atomic groups let go."""
    if isinstance(node, Sequence):
        return Sequence(tuple(map(reverse, reversed(node.items))))
    if isinstance(node, Choice):
        return Choice(tuple(map(reverse, node.options)))
    if isinstance(node, Repeat):
        item = reverse(node.item)
        if node.least < 2:
            return node._replace(item=item)
        # A round that takes nothing ends a loop; the last round may be such a one, and is the first one backwards.
        more = None if node.most is None else node.most - node.least
        return Sequence((*[item] * node.least, Repeat(item, 0, more, True)))
    return reverse(node.item) if isinstance(node, (Group, Atomic)) else node

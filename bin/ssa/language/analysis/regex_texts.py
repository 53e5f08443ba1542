"""The texts without which a regex of the dialect matches nothing, by its syntax tree."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator
from itertools import groupby

from ssa.language.required_text import Clauses
from ssa.regex.nodes import Assertion, Atomic, Chars, Choice, Group, Node, Repeat, Sequence
from ssa.regex.parser import parse

from .clauses import TRUE, both, either

MOST_COPIES = 16
"""Characters that a count such as {12} stands for, as they are looked for."""

LONGEST_SETS = 32
"""Sets of characters in a row, as they are looked for: the time for that is their number times the text's length."""

_SIGMAS = frozenset("σς")

_MORE = Repeat(Sequence(()), 0, None, True)
"""Stands for anything, or nothing."""

Need = Callable[[str, bool], Clauses]
"""What a value needs for a text to be in it: as it stands, or (True) in either case of its ASCII letters."""


def needed(pattern: str, need: Need, matches: Callable[[str], Clauses]) -> Clauses:
    """Return what a text needs for a regex to be found in it; raises ValueError for no regex.

    `matches` says what it needs for a pattern of Python's `re` to be found in it: it is asked where a text of the regex
    is nowhere certain.
    """
    node = parse(pattern).node
    clauses = _of(node, need)
    sets = [] if clauses else max(_sets(node), key=len)
    return matches("".join(f"{one}{{{len([*same])}}}" for one, same in groupby(sets))) if sets else clauses


def _of(node: Node, need: Need) -> Clauses:
    if isinstance(node, Choice):
        return either([_of(option, need) for option in node.options])
    found: list[Clauses] = []
    run: list[tuple[str, bool]] = []

    def end_run() -> None:
        if run:
            found.append(need("".join(char for char, _ in run), any(fold for _, fold in run)))
            run.clear()

    for item in _flat(node):
        chars = item.item if isinstance(item, Repeat) and item.least else item
        one = _one(chars.accepted) if isinstance(chars, Chars) else None
        if one is not None:
            run.append(one)
            if item is not chars:
                # The first one ends what stands before, and the last one begins what follows.
                end_run()
                run.append(one)
        elif not isinstance(item, Assertion):
            end_run()
            if not isinstance(chars, (Chars, Repeat)):
                found.append(_of(chars, need))
    end_run()
    return both(found) if found else TRUE


def _flat(node: Node) -> Iterator[Node]:
    """Yield what stands one after the other: the items of groups and sequences, and those that a count repeats."""
    if isinstance(node, (Group, Atomic)):
        yield from _flat(node.item)
    elif isinstance(node, Sequence):
        for item in node.items:
            yield from _flat(item)
    elif isinstance(node, Repeat) and 0 < node.least <= MOST_COPIES and node.most == node.least:
        for _ in range(node.least):
            yield from _flat(node.item)
    elif isinstance(node, Repeat) and node.least and not isinstance(node.item, Chars):
        yield from _flat(node.item)  # the first round
        yield _MORE
    else:
        yield node


def _one(accepted: Container[str]) -> tuple[str, bool] | None:
    """Return the one character of a set, or the small one of an ASCII letter in both cases, and whether it is that."""
    if not isinstance(accepted, frozenset):
        return None
    if len(accepted) == 1:
        return next(iter(accepted)), False
    small = min(accepted, key=lambda char: (char.isupper(), char)) if len(accepted) == 2 else ""
    return (small, True) if small.isascii() and {small, small.swapcase()} == accepted else None


def _sets(node: Node) -> Iterator[list[str]]:
    """Yield sets of characters that stand one after the other in each match, as classes of Python's `re`."""
    run: list[str] = []
    for item in _flat(node):
        chars = item.item if isinstance(item, Repeat) and item.least else item
        if isinstance(chars, Chars):
            several = [_as_class(chars.accepted)] * (min(item.least, LONGEST_SETS) if isinstance(item, Repeat) else 1)
            run += several
            if item is chars or (isinstance(item, Repeat) and len(several) == item.most):
                continue
            yield run[:LONGEST_SETS]
            run = several
        elif not isinstance(item, Assertion):
            yield run[:LONGEST_SETS]
            run = []
    yield run[:LONGEST_SETS]


def _as_class(accepted: Container[str]) -> str:
    """Write a set as a class of `re`; one that is no list of characters may have any outside of ASCII.

    A part in lower case may have another small sigma than the whole, in which it is looked for: so either will do.
    """
    if isinstance(accepted, frozenset):
        either_sigma = accepted | _SIGMAS if accepted & _SIGMAS else accepted
        return f"[{''.join(map(_escaped, sorted(either_sigma)))}]"
    listed = [_escaped(char) for char in map(chr, range(128)) if char in accepted]
    return f"[{''.join(listed)}\\x80-\\U0010ffff]"


def _escaped(char: str) -> str:
    return f"\\x{ord(char):02x}" if char.isascii() else f"\\U{ord(char):08x}"

"""The texts without which a regex of the dialect matches nothing, by its syntax tree."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator
from itertools import groupby

from ssa.language.required_text import Clauses
from ssa.regex.characters import ranges
from ssa.regex.nodes import Assertion, Atomic, Chars, Choice, Group, Node, Repeat, Sequence
from ssa.regex.parser import parse

from .clauses import TRUE, both, either
from .rarity import likelihood

MOST_COPIES = 16
"""Characters that a count such as {12} stands for, as they are looked for."""

LONGEST_SETS = 32
"""Sets of characters in a row, as they are looked for: the time for that is their number times the text's length."""

SHORT = 3
"""Characters of a text that, alone, few values have."""

RARE = 0.1
"""Share of the rows, at the most, that may hold a short text which few values have."""

WIDE = 64
"""Characters of ASCII in a set that, at the start or end, tells nothing and takes time."""

_SIGMAS = frozenset("σς")

_MORE = Repeat(Sequence(()), 0, None, True)
"""Stands for anything, or nothing."""

Need = Callable[[str, bool], Clauses]
"""What a value needs for a text to be in it: as it stands, or (True) in either case of its ASCII letters."""


def needed(pattern: str, need: Need, matches: Callable[[str], Clauses] | None) -> Clauses:
    """Return what a text needs for a regex to be found in it; raises ValueError for no regex.

    `matches` says what it needs for a pattern of Python's `re` to be found in it, if that can be said: it is asked
    where no text of the regex is certain, or only a short one. A short one that few values have stays: it is found in
    a fraction of the time.
    """
    node = parse(pattern).node
    clauses = _of(node, need)
    longest = max((min((len(text.text) for text in clause), default=0) for clause in clauses), default=0)
    sets = max(map(_trimmed, _sets(node)), key=len) if longest < SHORT else []
    if len(sets) <= longest or not matches:
        return clauses
    counted = ((one, len([*same])) for one, same in groupby(map(_as_class, sets)))
    found = matches("".join(one + f"{{{count}}}" * (count > 1) for one, count in counted))
    return both([clauses, found]) if any(likelihood(clause) < RARE for clause in clauses) else found


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


def _sets(node: Node) -> Iterator[list[Container[str]]]:
    """Yield sets of characters that stand one after the other in each match."""
    run: list[Container[str]] = []
    for item in _flat(node):
        chars = item.item if isinstance(item, Repeat) and item.least else item
        if isinstance(chars, Chars):
            several = [chars.accepted] * (min(item.least, LONGEST_SETS) if isinstance(item, Repeat) else 1)
            run += several
            if item is chars or (isinstance(item, Repeat) and len(several) == item.most):
                continue
            yield run[:LONGEST_SETS]
            run = several
        elif not isinstance(item, Assertion):
            yield run[:LONGEST_SETS]
            run = []
    yield run[:LONGEST_SETS]


def _trimmed(sets: list[Container[str]]) -> list[Container[str]]:
    """Leave out what is wide at either end; keep all where nothing else is there."""
    narrow = [at for at, accepted in enumerate(sets) if len(_ascii(accepted)) < WIDE]
    return sets[narrow[0] : narrow[-1] + 1] if narrow else sets


def _ascii(accepted: Container[str]) -> list[int]:
    return [code for code in range(128) if chr(code) in accepted]


def _as_class(accepted: Container[str]) -> str:
    """Write a set as a class of `re`; one that is no list of characters may have any outside of ASCII.

    A part in lower case may have another small sigma than the whole, in which it is looked for: so either will do.
    """
    if isinstance(accepted, frozenset):
        either_sigma = accepted | _SIGMAS if accepted & _SIGMAS else accepted
        written = ranges(map(ord, either_sigma))
        return f"[{written}]" if len(either_sigma) > 1 else written  # which `re` finds faster
    return f"[{ranges(_ascii(accepted))}\\x80-\\U0010ffff]"

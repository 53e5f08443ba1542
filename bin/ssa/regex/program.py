"""Nodes -> a program: steps that lead to one another, never in a circle without taking a character.

Each node is written twice where that matters: for the case that nothing was taken since the innermost round of a loop
began, and for the case that something was. A round that takes nothing then leaves its loop, as Java has it, and no
run of the program needs to remember where a round began.
"""

from __future__ import annotations

from typing import NamedTuple

from .nodes import Assertion, Atomic, Chars, Choice, Group, Node, Repeat, Sequence, can_be_empty

MAX_STEPS = 2000
_TOO_LONG = f"the regex is too long: more than {MAX_STEPS} steps, its counts written out"
MAX_CHARACTERS = 5000
MATCH, CHAR, SPLIT, SAVE, ASSERT, ATOMIC = range(6)


class Step(NamedTuple):
    """One step; `to` are the steps that follow, the first one first.

    MATCH ends. CHAR takes a character of the set with the bit `arg` of the alphabet. SPLIT tries one after the other.
    SAVE writes the place into slot `arg`. ASSERT goes on where all assertions with the bits `arg` hold. ATOMIC finds
    the first match of the steps from `arg`, then goes on, to the second of `to` if it took something.
    """

    op: int
    arg: int
    to: tuple[int, ...]


class Alphabet(dict[str, int]):
    """Character -> the bits of the CHAR steps that take it, found at first use."""

    def __init__(self, steps: list[Chars]) -> None:
        super().__init__()
        self.one: dict[str, int] = {}
        self.sets: dict[int, tuple[Chars, int]] = {}
        for number, step in enumerate(steps):
            if isinstance(step.accepted, frozenset):
                for ch in step.accepted:
                    self.one[ch] = self.one.get(ch, 0) | 1 << number
            else:
                key = id(step.accepted)
                self.sets[key] = step, self.sets.get(key, (step, 0))[1] | 1 << number

    def __missing__(self, ch: str) -> int:
        bits = self.one.get(ch, 0)
        for step, mask in self.sets.values():
            if ch in step.accepted:
                bits |= mask
        if len(self) >= MAX_CHARACTERS:
            self.clear()
        self[ch] = bits
        return bits


class Program(NamedTuple):
    """Steps, of which number 0 is MATCH, and the step to begin with."""

    steps: tuple[Step, ...]
    entry: int
    alphabet: Alphabet
    atomic: bool


class _Writer:
    def __init__(self, most: int) -> None:
        self.most = most
        self.steps = [Step(MATCH, 0, ())]
        self.written: dict[tuple[int, int, int], int] = {}
        self.chars: dict[int, Chars] = {}
        self.empties: dict[int, bool] = {}

    def add(self, op: int, arg: int, *to: int) -> int:
        self.steps.append(Step(op, arg, to))
        if len(self.steps) > self.most:
            raise ValueError(_TOO_LONG)
        return len(self.steps) - 1

    def write(self, node: Node, still: int, moved: int) -> int:
        """Return the step at which the node begins; behind it follows `moved`, or `still` if nothing was taken."""
        if not self.can_be_empty(node):
            still = moved
        key = id(node), still, moved
        if key in self.written:
            return self.written[key]
        if isinstance(node, Chars):
            at = self.add(CHAR, 0, moved)
            self.chars[at] = node
        elif isinstance(node, Assertion):
            at = self.add(ASSERT, 1 << node.number, still)
        elif isinstance(node, Sequence):
            at, after = still, moved
            for item in reversed(node.items):
                at, after = self.write(item, at, after), self.write(item, after, after)
        elif isinstance(node, Choice):
            at = self.add(SPLIT, 0, *[self.write(option, still, moved) for option in node.options])
        elif isinstance(node, Group):
            ends = [self.add(SAVE, 2 * node.number + 1, to) for to in dict.fromkeys((still, moved))]
            at = self.add(SAVE, 2 * node.number, self.write(node.item, ends[0], ends[-1]))
        elif isinstance(node, Atomic):
            at = self.add(ATOMIC, self.write(node.item, 0, 0), still, moved)
        else:
            at = self.write_repeat(node, still, moved)
        self.written[key] = at
        return at

    def write_repeat(self, node: Repeat, still: int, moved: int) -> int:
        # A round that takes nothing goes to `still` or `moved`, whatever the count: no round after it takes more.
        at, after = still, moved
        if node.most is None:
            after = self.add(SPLIT, 0)
            self.steps[after] = Step(SPLIT, 0, self.another(node, moved, after))
            at = after if still == moved else self.add(SPLIT, 0, *self.another(node, still, after))
        for _ in range((node.most or 0) - node.least):
            onward = self.add(SPLIT, 0, *self.another(node, moved, after))
            at = onward if still == moved else self.add(SPLIT, 0, *self.another(node, still, after))
            after = onward
        for _ in range(node.least):
            at, after = self.write(node.item, still, after), self.write(node.item, moved, after)
        return at

    def another(self, node: Repeat, leave: int, after: int) -> tuple[int, int]:
        """Return the choice between another round and leaving, in the order of the repeat."""
        again = self.write(node.item, leave, after)
        return (again, leave) if node.greedy else (leave, again)

    def can_be_empty(self, node: Node) -> bool:
        if id(node) not in self.empties:
            self.empties[id(node)] = can_be_empty(node)
        return self.empties[id(node)]


def write(node: Node, most: int = MAX_STEPS) -> Program:
    """Return the program of a node; raises ValueError if it has more steps than that."""
    # Some of the steps written are never reached; writing them must come to an end too.
    writer = _Writer(10 * most)
    entry = writer.write(node, 0, 0)
    reached = {0: 0}
    waiting = [entry]
    while waiting:
        at = waiting.pop()
        if at not in reached:
            reached[at] = len(reached)
            step = writer.steps[at]
            waiting += [*reversed(step.to), *([step.arg] if step.op == ATOMIC else [])]
    if len(reached) > most:
        raise ValueError(_TOO_LONG)
    chars = {at: bit for bit, at in enumerate(at for at in reached if at in writer.chars)}
    steps = []
    for at in reached:
        op, arg, to = writer.steps[at]
        arg = 1 << chars[at] if op == CHAR else reached[arg] if op == ATOMIC else arg
        steps.append(Step(op, arg, tuple(reached[each] for each in to)))
    alphabet = Alphabet([writer.chars[at] for at in chars])
    return Program(tuple(steps), reached[entry], alphabet, any(step.op == ATOMIC for step in steps))

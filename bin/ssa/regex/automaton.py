"""A program run on all its ways at once: a deterministic automaton, built as far as texts need it.

One look-up for a character; a new transition costs a pass over the program, at worst. What is built is kept for the
next text, up to a limit, and thrown away beyond it: memory stays bounded, and so does time.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from itertools import chain
from typing import Optional

from .program import ASSERT, CHAR, MATCH, Program

MAX_TRANSITIONS = 4000
MAX_FOLLOWED = 20_000

Flags = Optional[Sequence[int]]
"""Per place of a text (one more than characters) the bits of the assertions that hold; None without assertions."""


class State(dict[Hashable, "State"]):
    """The CHAR steps that took the last character, as bits; a key (see Automaton._keys) leads to the next state.

    `matched` is True where a match ended before that character: only then were the assertions at its place known.
    """

    __slots__ = ("automaton", "matched", "places")

    def __init__(self, automaton: Automaton, places: int, matched: bool) -> None:
        super().__init__()
        self.automaton = automaton
        self.places = places
        self.matched = matched

    def __missing__(self, key: Hashable) -> State:
        return self.automaton.build(self, key)


class Automaton:
    """Finds where matches of a program without atomic groups end, whichever place they start at."""

    def __init__(self, program: Program) -> None:
        self.steps = program.steps
        self.alphabet = program.alphabet
        self.after = [step.to[0] for step in program.steps if step.op == CHAR]
        self.begun = 1 << len(self.after)
        self.match = self.begun << 1
        self.after.append(program.entry)
        self.states: dict[tuple[int, bool], State] = {}
        self.followed: dict[tuple[int, int, str], int] = {}
        self.transitions = 0
        self.start = State(self, self.begun, False)

    def search(self, text: str, flags: Flags) -> bool:
        """Return whether there is a match anywhere in the text."""
        state = self.start
        for key in _keys(text, flags):
            state = state[key]
            if state.matched:
                return True
        return False

    def ends(self, text: str, flags: Flags) -> list[int]:
        """Return all places of the text where a match ends."""
        state = self.start
        ends = []
        for at, key in enumerate(_keys(text, flags)):
            state = state[key]
            if state.matched:
                ends.append(at)
        return ends

    def build(self, state: State, key: Hashable) -> State:
        """Return the state after a key, and keep it in the state before."""
        ch, flags = key if isinstance(key, tuple) else (key, 0)
        reached = self._follow(state.places, flags)
        places = self.begun | (reached & self.alphabet[ch] if ch else 0)
        self.transitions += 1
        if self.transitions > MAX_TRANSITIONS:
            self._forget()
        identity = places, reached >= self.match
        new = self.states.get(identity)
        if new is None:
            new = self.states[identity] = State(self, *identity)
        state[key] = new
        return new

    def _forget(self) -> None:
        for state in (self.start, *self.states.values()):
            state.clear()
        self.states.clear()
        self.transitions = 0

    def _follow(self, places: int, flags: int) -> int:
        """Return what is reached from the places without a character, four places at a time: as hexadecimal digits."""
        reached = 0
        for number, digit in enumerate(reversed(f"{places:x}")):
            if digit != "0":
                key = flags, number, digit
                known = self.followed.get(key)
                if known is None:
                    if len(self.followed) >= MAX_FOLLOWED:
                        self.followed.clear()
                    each = [self.after[4 * number + bit] for bit in range(4) if int(digit, 16) >> bit & 1]
                    known = self.followed[key] = self._reach(each, flags)
                reached |= known
        return reached

    def _reach(self, waiting: list[int], flags: int) -> int:
        reached = 0
        seen = set()
        while waiting:
            at = waiting.pop()
            if at not in seen:
                seen.add(at)
                op, arg, to = self.steps[at]
                if op == CHAR:
                    reached |= arg
                elif op == MATCH:
                    reached |= self.match
                elif op != ASSERT or arg & flags:
                    waiting += to
        return reached


def _keys(text: str, flags: Flags) -> Iterable[Hashable]:
    """Return a key for each place: its character, "" at the end, and where there are assertions which of them hold."""
    chars = chain(text, ("",))
    return chars if flags is None else zip(chars, flags)

"""What an event must hold for a search to match it: what the analysis finds, and all else looks for."""

from __future__ import annotations

from ssa.checking import TYPE_CHECKING
from ssa.immutable import Immutable

if TYPE_CHECKING:
    from typing import TypeAlias  # novm: for the type checker alone

PRESENT, SAME, MATCHES = "present", "same", "matches"
GATES = (PRESENT, SAME, MATCHES)
"""Kinds of requirements that hold no text which could be searched for."""


class RequiredText(Immutable):
    """A text that a field of the input event must hold.

    `field` is the key in input_event, and `how` is "equals", "contains", "starts" or "ends". `text` is never empty: a
    text of the detection is cut at control characters, and at the Greek sigma, whose small letter depends on the next.

    With `fold`, the letters of the text are small and it is the value in lower case that holds it, by Python's
    str.lower, as in the detection. Two characters outside of ASCII give letters of ASCII: U+212A (Kelvin sign) gives
    "k", and U+0130 gives "i" followed by U+0307. So where the text has a "k", the value may have U+212A; and where its
    ASCII ends in "i" while `how` is "contains" or "starts", U+0130. Whoever searches the value as it is must allow for
    both, and for any other letter outside of ASCII.

    Where `how` is one of GATES, less is known: PRESENT means that the field has a value (`text` is empty), SAME that
    it is equal to that of the field `text`, MATCHES that Python's `re` finds `text`, which is a few sets of characters
    in a row, in it.
    """

    field: str
    text: str
    how: str
    fold: bool


Clause: TypeAlias = "tuple[RequiredText, ...]"
"""Texts of which an event that matches has at least one; each stands once."""

Clauses: TypeAlias = "tuple[Clause, ...]"
"""Clauses that all hold for an event that matches. An empty clause never does."""

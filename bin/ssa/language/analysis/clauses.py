"""Clauses put together: what holds where all of several conditions hold, or one of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ssa.language.required_text import GATES, MATCHES, PRESENT, SAME, Clause, Clauses

from .rarity import likelihood

MAX_CLAUSES = 8
"""How many clauses are kept: the strongest, which are those whose weakest text is the longest, and the rarest one."""

MAX_TEXTS = 256
"""How many texts a clause may have that is put together of clauses of several parts."""

MAX_ALTERNATIVES = 2_000
"""How many texts any other may have; one with more is left out."""

TRUE: Clauses = ()
FALSE: Clauses = ((),)

_RANKS = {PRESENT: 0, MATCHES: 1, SAME: 2, "equals": 4}
_TEXT = 3


def both(parts: Iterable[Clauses]) -> Clauses:
    """Return what holds where all parts hold."""
    return _best([clause for part in parts for clause in part])


def either(parts: Sequence[Clauses]) -> Clauses:
    """Return what holds where one of the parts holds, or more."""
    if not all(parts):
        return TRUE
    single = dict.fromkeys(text for part in parts if len(part) == 1 for text in part[0])
    clauses: Clauses = FALSE
    for part in parts:
        if len(part) > 1:
            joined = [tuple(dict.fromkeys((*one, *other))) for one in clauses for other in part]
            clauses = _best([clause for clause in joined if len(clause) <= MAX_TEXTS])
    # What is long is kept once: it is the same in all.
    most = MAX_CLAUSES if len(single) <= MAX_TEXTS else 1
    return _best([tuple(dict.fromkeys((*single, *clause))) for clause in clauses[:most]])


def _best(clauses: Sequence[Clause]) -> Clauses:
    """Return the strongest clauses and the rarest, without those that a stronger one implies.

    That a field has a value is nearly always so: it counts where nothing else is known.
    """
    best: list[Clause] = []
    left: list[Clause] = []
    for clause in sorted((clause for clause in clauses if len(clause) <= MAX_ALTERNATIVES), key=_weakness):
        if best and clause and all(one.how == PRESENT for one in clause):
            break
        if len(best) >= MAX_CLAUSES:
            left.append(clause)
        elif not any(set(kept) <= set(clause) for kept in best):
            best.append(clause)
    if left:
        rarest = min([*best, *left], key=likelihood)
        if rarest not in best:
            best.append(rarest)
    return tuple(best)


def _weakness(clause: Clause) -> tuple[int, int, int]:
    weakest = min(
        ((_RANKS.get(one.how, _TEXT), 0 if one.how in GATES else len(one.text)) for one in clause),
        default=(_RANKS["equals"], MAX_TEXTS),
    )
    return -weakest[0], -weakest[1], len(clause)

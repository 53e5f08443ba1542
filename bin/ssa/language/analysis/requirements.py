"""What an event must hold for a detection to match: literals that can be searched before anything is parsed.

Found by following texts of the input event through the pipelines, as far as it is plain what becomes of them. Where it
is not, nothing is required: a clause too few costs time, one too many would hide events.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Callable, NamedTuple

from ssa.language.functions import like_matcher
from ssa.language.text import syntax

from .columns import INPUT_EVENT, Columns, after, joined
from .map_keys import key_of
from .pipelines import segments

MAX_CLAUSES = 8
"""How many clauses are kept: the strongest, which are those whose weakest literal says most."""

MAX_LITERALS = 256
"""How many literals a clause may have; one with more is left out."""


class Literal(NamedTuple):
    """A text that a field of the input event must hold.

    `field` is the key in input_event, and `how` is "equals", "contains", "starts" or "ends". `text` is never empty and
    all of printable ASCII (U+0020 to U+007E): a literal of the detection is cut at anything else, such as a newline.

    With `fold`, the letters of the text are small and it is the value in lower case that holds it, by Python's
    str.lower, as in the detection. Two characters outside of ASCII give such letters: U+212A (Kelvin sign) gives "k",
    and U+0130 gives "i" followed by U+0307. So where the text has a "k", the value may have U+212A; and where it ends
    in "i" while `how` is "contains" or "starts", U+0130. Whoever searches the value as it is must allow for both.
    """

    field: str
    text: str
    how: str
    fold: bool


Clause = tuple[Literal, ...]
"""Literals of which an event that matches has at least one; each stands once."""

Clauses = tuple[Clause, ...]
"""Clauses that all hold for an event that matches. An empty clause never does."""

_TRUE: Clauses = ()
_FALSE: Clauses = ((),)


class _Source(NamedTuple):
    """The text of a field of the input event: as it is, lower, or cased in another way; the whole or a part of it."""

    field: str
    case: str = ""
    whole: bool = True


class _Held(NamedTuple):
    """What is known of a value.

    `texts` are all texts that it may be or, if it is a list, have in it: of a field, or constants; None is unknown.
    `true` is what must hold for it to be true, or to have true in it.
    """

    texts: tuple[_Source | str, ...] | None
    true: Clauses


_UNKNOWN, _NULL = _Held(None, _TRUE), _Held((), _FALSE)
_EVENT = _Held(None, _FALSE)
"""The input event itself: this one object stands for it."""

_CHOOSE: dict[str, slice] = {
    "ucast": slice(0, None, 2),
    "coalesce": slice(None),
    "if": slice(1, None),
    "case": slice(1, None, 2),
    "validate": slice(1, None, 2),
    "nullif": slice(1),
    "mvappend": slice(None),
    "mvindex": slice(1),
    "mvdedup": slice(1),
    "mvsort": slice(1),
}
"""Functions that give one of these arguments, a list of them, or null."""

_CUT = ("substr", "trim", "ltrim", "rtrim", "split")
"""Functions that give parts of their first argument."""

_PIECE = re.compile("[ -~]+")
_PIECE_CASED = re.compile("[ -@BCDEGMOPQRUVXZ[-`bcdegmopqruvxz{-~]+")
"""Without the letters that a change of case makes out of others, such as the S of a sharp s, the F of a ligature."""

_LIKE = re.compile(r"[%_]|(?:[^%_\\]|\\.|\\\Z)+", re.DOTALL)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)


def required(program: syntax.Program) -> Clauses:
    """Return clauses of which every one holds for each event of strings that a program makes anything of.

    The strongest comes first; () means that nothing is required. Raises SsaError for pipelines that do not fit.
    """
    ends: list[Columns[_Held]] = []
    needs: list[Clauses] = []
    hits: list[Clauses] = []
    for segment in segments(program):
        columns: Columns[_Held] = {INPUT_EVENT: _EVENT, "_datamodels": _UNKNOWN, "body": _UNKNOWN}
        if segment.sources:
            columns = joined([ends[source] for source in segment.sources], _joined)
        need = _either([needs[source] for source in segment.sources]) if segment.sources else _TRUE
        for command in segment.commands:
            if isinstance(command, syntax.Where):
                need = _both([need, _held(command.condition, columns).true])
            columns = after(command, columns, _held, _extracted)
        ends.append(columns)
        needs.append(need)
        if segment.ends:
            hits.append(need)
    found = _either(hits)
    return _TRUE if found == _FALSE else found  # what never matches may as well be run


# -- values


def _held(node: syntax.Expression, columns: Columns[_Held]) -> _Held:
    """Find out what is known of an expression over these columns."""
    if isinstance(node, syntax.Literal):
        return _Held((node.value,) if isinstance(node.value, str) else (), _TRUE if node.value is True else _FALSE)
    if isinstance(node, syntax.Name):
        return columns.get(node.name, _NULL)
    inner = [_held(child, columns) for child in syntax.children(node)]
    key = key_of(node)
    if key is not None and inner[0] is _EVENT:
        return _Held((_Source(key),), _FALSE)
    if isinstance(node, (syntax.ListOf, syntax.Access)):
        return _one_of(inner if isinstance(node, syntax.ListOf) else inner[:1])
    if isinstance(node, syntax.Call) and not node.named:
        return _called(node, inner)
    if isinstance(node, (syntax.Comparison, syntax.In)):
        return _Held((), _compared(node, inner))
    if isinstance(node, (syntax.And, syntax.Or)):
        return _Held((), (_both if isinstance(node, syntax.And) else _either)([operand.true for operand in inner]))
    return _UNKNOWN


def _called(node: syntax.Call, inner: list[_Held]) -> _Held:
    name = node.function
    if name in _CHOOSE:
        return _one_of(inner[_CHOOSE[name]])
    if name in _CUT:
        return _Held(_part(inner[0].texts), _FALSE)
    if name in ("lower", "upper"):
        return _Held(_cased(inner[0].texts, name), _FALSE)
    if name == "like" and len(inner) == 2 and isinstance(node.arguments[1], syntax.Literal):
        pattern = node.arguments[1].value
        return _Held((), _matching(inner[0], _runs(pattern), like_matcher(pattern)) if isinstance(pattern, str) else ())
    return _UNKNOWN


def _compared(node: syntax.Comparison | syntax.In, inner: list[_Held]) -> Clauses:
    """Return what must hold for a comparison to be true: of two sides, one of which is a constant."""
    if isinstance(node, syntax.In):
        operand, sides = (node.operand, inner[0]), list(zip(node.options, inner[1:]))
        return _TRUE if node.negated else _either([_equal(operand, option) for option in sides])
    return _equal((node.left, inner[0]), (node.right, inner[1])) if node.operator == "=" else _TRUE


def _equal(one: tuple[syntax.Expression, _Held], other: tuple[syntax.Expression, _Held]) -> Clauses:
    for (node, _), (_, held) in ((one, other), (other, one)):
        if isinstance(node, syntax.Literal) and isinstance(node.value, str):
            return _matching(held, [("equals", node.value)], node.value.__eq__)
        if isinstance(node, syntax.Literal) and node.value is True:
            return held.true
    return _TRUE


def _one_of(helds: Sequence[_Held]) -> _Held:
    """Return what is known of a value that is one of these, or has them in it."""
    if helds and all(held is helds[0] for held in helds):
        return helds[0]
    texts: dict[_Source | str, None] = {}
    for held in helds:
        texts.update(dict.fromkeys(held.texts or ()))
    unknown = len(texts) > MAX_LITERALS or any(held.texts is None for held in helds)
    return _Held(None if unknown else tuple(texts), _either([held.true for held in helds]))


def _joined(name: str, helds: list[_Held | None]) -> _Held:
    return _one_of([held or _NULL for held in helds])


def _extracted(command: syntax.Rex, name: str, columns: Columns[_Held]) -> _Held:
    group = _Held(_part(columns.get(command.field, _NULL).texts), _FALSE)
    return _one_of([group, columns.get(name, _NULL)])


def _part(texts: tuple[_Source | str, ...] | None) -> tuple[_Source | str, ...] | None:
    parts = [text._replace(whole=False) for text in texts or () if isinstance(text, _Source)]
    return tuple(parts) if texts is not None and len(parts) == len(texts) else None


def _cased(texts: tuple[_Source | str, ...] | None, function: str) -> tuple[_Source | str, ...] | None:
    return None if texts is None else tuple(_recased(text, function) for text in texts)


def _recased(text: _Source | str, function: str) -> _Source | str:
    if isinstance(text, str):
        return text.lower() if function == "lower" else text.upper()
    return text._replace(case="lower" if function == "lower" and text.case in ("", "lower") else "cased")


# -- literals


def _matching(held: _Held, runs: Sequence[tuple[str, str]], is_met: Callable[[str], bool]) -> Clauses:
    """Return what must hold for a text to have all runs, which are pairs of how and what."""
    if held.texts is None:
        return _TRUE
    return _either([
        (_TRUE if is_met(text) else _FALSE) if isinstance(text, str) else _both(_need(text, *run) for run in runs)
        for text in held.texts
    ])  # fmt: skip


def _need(source: _Source, how: str, text: str) -> Clauses:
    """Return what a field must hold where its text, or the part of it, is to hold another: the longest piece of it."""
    pieces = (_PIECE_CASED if source.case == "cased" else _PIECE).finditer(text)
    piece = max(pieces, key=lambda found: len(found.group()), default=None)
    if piece is None:
        return _TRUE
    starts = source.whole and how in ("equals", "starts") and piece.start() == 0
    ends = source.whole and how in ("equals", "ends") and piece.end() == len(text)
    how = "equals" if starts and ends else "starts" if starts else "ends" if ends else "contains"
    found = piece.group()
    return ((Literal(source.field, found.lower() if source.case else found, how, bool(source.case)),),)


def _runs(pattern: str) -> list[tuple[str, str]]:
    """Return the plain texts of a LIKE pattern, each with how it must be held."""
    parts = _LIKE.findall(pattern)
    last = len(parts) - 1
    return [
        (("equals" if last == 0 else "starts") if at == 0 else "ends" if at == last else "contains", _plain(part))
        for at, part in enumerate(parts)
        if part not in ("%", "_")
    ]


def _plain(run: str) -> str:
    return _ESCAPED.sub(r"\1", run)


# -- clauses


def _both(parts: Iterable[Clauses]) -> Clauses:
    """Return what holds where all parts hold."""
    return _best(clause for part in parts for clause in part)


def _either(parts: Sequence[Clauses]) -> Clauses:
    """Return what holds where one of the parts holds, or more."""
    if not all(parts):
        return _TRUE
    single = dict.fromkeys(literal for part in parts if len(part) == 1 for literal in part[0])
    found = _best([tuple(single)])
    for part in parts:
        if len(part) > 1:
            found = _best(tuple(dict.fromkeys((*one, *other))) for one in found for other in part)
    return found


def _best(clauses: Iterable[Clause]) -> Clauses:
    """Return the strongest clauses, without those that say no more than a stronger one."""
    found: list[Clause] = []
    for clause in sorted((clause for clause in clauses if len(clause) <= MAX_LITERALS), key=_weakness):
        if len(found) < MAX_CLAUSES and not any(set(kept) <= set(clause) for kept in found):
            found.append(clause)
    return tuple(found)


def _weakness(clause: Clause) -> tuple[bool, int, int]:
    weakest = min(((literal.how == "equals", len(literal.text)) for literal in clause), default=(True, MAX_LITERALS))
    return not weakest[0], -weakest[1], len(clause)

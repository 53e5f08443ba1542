"""What an event must hold for a detection to match: texts that can be searched before anything is parsed.

Found by following texts of the input event through the pipelines, as far as it is plain what becomes of them. Where it
is not, nothing is required: a clause too few costs time, one too many would hide events.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence

from ssa.immutable import Immutable
from ssa.language.functions import like_matcher, meaning_of
from ssa.language.functions.meanings import LIKE_PATTERN, LOWER, RECASED, ChangeOfCase, OneOf, PartOfText, PatternTest
from ssa.language.text import syntax

from .columns import INPUT_EVENT, Columns, walk
from .map_keys import key_of
from .pipelines import segments

MAX_CLAUSES = 8
"""How many clauses are kept: the strongest, which are those whose weakest text is the longest."""

MAX_TEXTS = 256
"""How many texts a clause may have; one with more is left out."""


class RequiredText(Immutable):
    """A text that a field of the input event must hold.

    `field` is the key in input_event, and `how` is "equals", "contains", "starts" or "ends". `text` is never empty and
    all of printable ASCII (U+0020 to U+007E): a text of the detection is cut at anything else, such as a newline.

    With `fold`, the letters of the text are small and it is the value in lower case that holds it, by Python's
    str.lower, as in the detection. Two characters outside of ASCII give such letters: U+212A (Kelvin sign) gives "k",
    and U+0130 gives "i" followed by U+0307. So where the text has a "k", the value may have U+212A; and where it ends
    in "i" while `how` is "contains" or "starts", U+0130. Whoever searches the value as it is must allow for both.
    """

    field: str
    text: str
    how: str
    fold: bool


Clause = tuple[RequiredText, ...]
"""Texts of which an event that matches has at least one; each stands once."""

Clauses = tuple[Clause, ...]
"""Clauses that all hold for an event that matches. An empty clause never does."""

_TRUE: Clauses = ()
_FALSE: Clauses = ((),)


_AS_IS, _LOWERED, _CASED = "as it is", "lowered", "cased"


class _FieldText(Immutable):
    """The text of a field of the input event: as it is, lower, or cased in another way; the whole or a part of it."""

    field: str
    case: str = _AS_IS
    whole: bool = True


class _Known:
    """What is known of a value.

    `texts` are all texts that it may be or, if it is a list, have in it: of a field, or constants; None is unknown.
    `if_true` is what must hold for it to be true, or to have true in it.
    """

    __slots__ = ("if_true", "texts")

    def __init__(self, texts: tuple[_FieldText | str, ...] | None, if_true: Clauses) -> None:
        self.texts, self.if_true = texts, if_true


_UNKNOWN, _NULL = _Known(None, _TRUE), _Known((), _FALSE)
_EVENT = _Known(None, _FALSE)
"""The input event itself: this one object stands for it."""

_AT_START = {INPUT_EVENT: _EVENT, "_datamodels": _UNKNOWN, "body": _UNKNOWN}
"""What a record holds at the start."""

_PIECE = re.compile("[ -~]+")
_PIECE_CASED = re.compile("[ -@BCDEGMOPQRUVXZ[-`bcdegmopqruvxz{-~]+")
"""Without the letters that a change of case makes out of others, such as the S of a sharp s, the F of a ligature."""

_LIKE_PARTS = re.compile(r"[%_]|(?:[^%_\\]|\\.|\\\Z)+", re.DOTALL)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)


def required(program: syntax.Program) -> Clauses:
    """Return clauses of which every one holds for each event of strings that a program makes anything of.

    The strongest comes first; () means that nothing is required. Raises SsaError for pipelines that do not fit.
    """
    parts = segments(program)
    conditions: list[list[Clauses]] = [[] for _ in parts]
    for place, command, columns in walk(parts, _AT_START, _known_of, _extracted, _union):
        if isinstance(command, syntax.Where):
            conditions[place].append(_known_of(command.condition, columns).if_true)
    needs: list[Clauses] = []
    for segment, own in zip(parts, conditions):
        before = _either([needs[source] for source in segment.sources]) if segment.sources else _TRUE
        needs.append(_both([before, *own]))
    clauses = _either([need for segment, need in zip(parts, needs) if segment.ends])
    return _TRUE if clauses == _FALSE else clauses  # what never matches may as well be run


# -- values


def _known_of(node: syntax.Expression, columns: Columns[_Known]) -> _Known:
    """Find out what is known of an expression over these columns."""
    if isinstance(node, syntax.Literal):
        return _Known((node.value,) if isinstance(node.value, str) else (), _TRUE if node.value is True else _FALSE)
    if isinstance(node, syntax.Name):
        return columns.get(node.name, _NULL)
    inner = [_known_of(child, columns) for child in syntax.children(node)]
    key = key_of(node)
    if key is not None and inner[0] is _EVENT:
        return _Known((_FieldText(key),), _FALSE)
    if isinstance(node, (syntax.ListOf, syntax.Access)):
        return _one_of(inner if isinstance(node, syntax.ListOf) else inner[:1])
    if isinstance(node, syntax.Call):
        return _called(node, inner)
    if isinstance(node, (syntax.Comparison, syntax.In)):
        return _Known((), _compared(node, inner))
    if isinstance(node, (syntax.And, syntax.Or)):
        return _Known((), (_both if isinstance(node, syntax.And) else _either)([operand.if_true for operand in inner]))
    return _UNKNOWN


def _called(node: syntax.Call, inner: list[_Known]) -> _Known:
    meaning = meaning_of(node)
    if isinstance(meaning, OneOf):
        return _one_of(inner[meaning.arguments])
    if isinstance(meaning, PartOfText):
        return _Known(_part(inner[0].texts), _FALSE)
    if isinstance(meaning, ChangeOfCase):
        return _Known(_recased(inner[0].texts, meaning.case), _FALSE)
    if isinstance(meaning, PatternTest) and meaning.kind == LIKE_PATTERN:
        pattern = node.arguments[1].value if isinstance(node.arguments[1], syntax.Literal) else None
        if isinstance(pattern, str):
            return _Known((), _matching(inner[0], _runs(pattern), like_matcher(pattern)))
    return _UNKNOWN


def _compared(node: syntax.Comparison | syntax.In, inner: list[_Known]) -> Clauses:
    """Return what must hold for a comparison to be true: of two sides, one of which is a constant."""
    if isinstance(node, syntax.In):
        operand, sides = (node.operand, inner[0]), list(zip(node.options, inner[1:]))
        return _TRUE if node.negated else _either([_equal(operand, option) for option in sides])
    return _equal((node.left, inner[0]), (node.right, inner[1])) if node.operator == "=" else _TRUE


def _equal(one: tuple[syntax.Expression, _Known], other: tuple[syntax.Expression, _Known]) -> Clauses:
    for (node, _), (_, known) in ((one, other), (other, one)):
        if isinstance(node, syntax.Literal) and isinstance(node.value, str):
            return _matching(known, [("equals", node.value)], node.value.__eq__)
        if isinstance(node, syntax.Literal) and node.value is True:
            return known.if_true
    return _TRUE


def _one_of(several: Sequence[_Known]) -> _Known:
    """Return what is known of a value that is one of these, or has them in it."""
    if several and all(known is several[0] for known in several):
        return several[0]
    texts: dict[_FieldText | str, None] = {}
    for known in several:
        texts.update(dict.fromkeys(known.texts or ()))
    unknown = len(texts) > MAX_TEXTS or any(known.texts is None for known in several)
    return _Known(None if unknown else tuple(texts), _either([known.if_true for known in several]))


def _union(name: str, several: list[_Known | None]) -> _Known:
    return _one_of([known or _NULL for known in several])


def _extracted(command: syntax.Rex, name: str, columns: Columns[_Known]) -> _Known:
    group = _Known(_part(columns.get(command.field, _NULL).texts), _FALSE)
    return _one_of([group, columns.get(name, _NULL)])


def _part(texts: tuple[_FieldText | str, ...] | None) -> tuple[_FieldText | str, ...] | None:
    parts = [_FieldText(text.field, text.case, whole=False) for text in texts or () if isinstance(text, _FieldText)]
    return tuple(parts) if texts is not None and len(parts) == len(texts) else None


def _recased(texts: tuple[_FieldText | str, ...] | None, case: str) -> tuple[_FieldText | str, ...] | None:
    if texts is None:
        return None
    return tuple(
        RECASED[case](text)
        if isinstance(text, str)
        else _FieldText(text.field, _LOWERED if case == LOWER and text.case != _CASED else _CASED, text.whole)
        for text in texts
    )


# -- required texts


def _matching(known: _Known, runs: Sequence[tuple[str, str]], is_met: Callable[[str], bool]) -> Clauses:
    """Return what must hold for a text to have all runs, which are pairs of how and what."""
    if known.texts is None:
        return _TRUE
    return _either([
        (_TRUE if is_met(text) else _FALSE) if isinstance(text, str) else _both(_need(text, *run) for run in runs)
        for text in known.texts
    ])  # fmt: skip


def _need(source: _FieldText, how: str, text: str) -> Clauses:
    """Return what a field must hold where its text, or the part of it, is to hold another: the longest piece of it."""
    pieces = (_PIECE_CASED if source.case == _CASED else _PIECE).finditer(text)
    piece = max(pieces, key=lambda run: len(run.group()), default=None)
    if piece is None:
        return _TRUE
    starts = source.whole and how in ("equals", "starts") and piece.start() == 0
    ends = source.whole and how in ("equals", "ends") and piece.end() == len(text)
    how = "equals" if starts and ends else "starts" if starts else "ends" if ends else "contains"
    fold = source.case != _AS_IS
    return ((RequiredText(source.field, piece.group().lower() if fold else piece.group(), how, fold),),)


def _runs(pattern: str) -> list[tuple[str, str]]:
    """Return the plain texts of a LIKE pattern, each with how it must be held."""
    parts = _LIKE_PARTS.findall(pattern)
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
    single = dict.fromkeys(text for part in parts if len(part) == 1 for text in part[0])
    clauses = _best([tuple(single)])
    for part in parts:
        if len(part) > 1:
            clauses = _best(tuple(dict.fromkeys((*one, *other))) for one in clauses for other in part)
    return clauses


def _best(clauses: Iterable[Clause]) -> Clauses:
    """Return the strongest clauses, without those that a stronger one implies."""
    best: list[Clause] = []
    for clause in sorted((clause for clause in clauses if len(clause) <= MAX_TEXTS), key=_weakness):
        if len(best) < MAX_CLAUSES and not any(set(kept) <= set(clause) for kept in best):
            best.append(clause)
    return tuple(best)


def _weakness(clause: Clause) -> tuple[bool, int, int]:
    weakest = min(((one.how == "equals", len(one.text)) for one in clause), default=(True, MAX_TEXTS))
    return not weakest[0], -weakest[1], len(clause)

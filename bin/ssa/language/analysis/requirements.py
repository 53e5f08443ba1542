"""What an event must hold for a detection to match: texts that can be searched before anything is parsed.

Found by following texts of the input event through the pipelines, as far as it is plain what becomes of them. Where it
is not, nothing is required: a clause too few costs time, one too many would hide events.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence

from ssa.immutable import Immutable
from ssa.language.functions import like_matcher, meaning_of
from ssa.language.functions.meanings import (
    LIKE_PATTERN,
    LOWER,
    RECASED,
    REGEX,
    ChangeOfCase,
    FirstOf,
    OneOf,
    PartOfText,
    PatternTest,
)
from ssa.language.required_text import MATCHES, PRESENT, SAME, Clause, Clauses, RequiredText
from ssa.language.text import syntax

from .clauses import FALSE, MAX_TEXTS, TRUE, both, either
from .columns import INPUT_EVENT, Columns, walk
from .map_keys import key_of, without_text_cast
from .pipelines import segments

_AS_IS, _LOWERED, _CASED = "as it is", "lowered", "cased"


class _FieldText(Immutable):
    """The text of a field of the input event: as it is, lower, or cased in another way; the whole or a part of it."""

    field: str
    case: str = _AS_IS
    whole: bool = True


class _Known:
    """What is known of a value.

    `texts` are all texts that it may be or, if it is a list, have in it: of a field, or constants; None is unknown.
    With `plain`, it is the first of them that is there, and else null: no list, and nothing that is no text. `if_true`
    is what must hold for it to be true, or to have true in it. Where one of `enough` holds it is true; where one of
    `never` does it is not.
    """

    __slots__ = ("enough", "if_true", "never", "plain", "texts")

    def __init__(
        self,
        texts: tuple[_FieldText | str, ...] | None,
        if_true: Clauses,
        plain: bool = False,
        enough: Clause = (),
        never: Clause = (),
    ) -> None:
        self.texts, self.if_true, self.plain, self.enough, self.never = texts, if_true, plain, enough, never


_UNKNOWN, _NULL = _Known(None, TRUE), _Known((), FALSE, plain=True)
_EVENT = _Known(None, FALSE)
"""The input event itself: this one object stands for it."""

_PERHAPS_EVENT = _Known(None, FALSE)
"""The input event, or null, or a list with it in it."""

_AT_START = {INPUT_EVENT: _EVENT, "_datamodels": _UNKNOWN, "body": _UNKNOWN}
"""What a record holds at the start."""

_PIECE = re.compile("[ -~\x80-\u03a2\u03a4-\u03c1\u03c4-\U0010ffff]+")
"""Without the Greek sigma, whose small letter depends on what stands behind it: in a part, on what does not."""

_PIECE_CASED = re.compile("[ -@BCDEGMOPQRUVXZ[-`bcdegmopqruvxz{-~]+")
"""Without the letters that a change of case makes out of others, such as the S of a sharp s, the F of a ligature."""

_LIKE_PARTS = re.compile(r"[%_]|(?:[^%_\\]|\\.|\\\Z)+", re.DOTALL)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)


def requirements(program: syntax.Program) -> tuple[Clauses, Clause]:
    """Return what each event of strings holds, and what it does not, that a program makes anything of.

    First clauses of which every one holds, the strongest first; () means that nothing is required. Then texts of which
    none does. Raises SsaError for pipelines that do not fit.
    """
    parts = segments(program)
    conditions: list[list[_Known]] = [[] for _ in parts]
    for place, command, columns in walk(parts, _AT_START, _known_of, _extracted, _union):
        if isinstance(command, syntax.Where):
            conditions[place].append(_known_of(command.condition, columns))
    needs: list[Clauses] = []
    nevers: list[Clause] = []
    for segment, own in zip(parts, conditions):
        before = either([needs[source] for source in segment.sources]) if segment.sources else TRUE
        needs.append(both([before, *(known.if_true for known in own)]))
        nevers.append(_any([_all([nevers[source] for source in segment.sources]), *(known.never for known in own)]))
    ends = [place for place, segment in enumerate(parts) if segment.ends]
    clauses = either([needs[place] for place in ends])
    never = _all([nevers[place] for place in ends])
    return (TRUE if clauses == FALSE else clauses), never  # what never matches may as well be run


# -- values


def _known_of(node: syntax.Expression, columns: Columns[_Known]) -> _Known:
    """Find out what is known of an expression over these columns."""
    if isinstance(node, syntax.Literal):
        texts = (node.value,) if isinstance(node.value, str) else ()
        return _Known(texts, TRUE if node.value is True else FALSE, plain=bool(texts) or node.value is None)
    if isinstance(node, syntax.Name):
        return columns.get(node.name, _NULL)
    value = without_text_cast(node)
    if value is not node:
        return _known_of(value, columns)
    inner = [_known_of(child, columns) for child in syntax.children(node)]
    key = key_of(node)
    if key is not None and inner[0] in (_EVENT, _PERHAPS_EVENT):
        return _Known((_FieldText(key),), FALSE, plain=inner[0] is _EVENT)
    if isinstance(node, (syntax.ListOf, syntax.Access)):
        return _one_of(inner if isinstance(node, syntax.ListOf) else inner[:1])
    if isinstance(node, syntax.Call):
        return _called(node, inner)
    if isinstance(node, (syntax.Comparison, syntax.In)):
        return _compared(node, inner)
    if isinstance(node, syntax.IsNull):
        return _Known((), _present(inner[0]) if node.negated else TRUE)
    if isinstance(node, syntax.Not):
        return _Known((), TRUE, never=inner[0].enough)
    if isinstance(node, (syntax.And, syntax.Or)):
        merge, of_all, of_any = (both, _any, _all) if isinstance(node, syntax.And) else (either, _all, _any)
        return _Known(
            (),
            merge([operand.if_true for operand in inner]),
            enough=of_any([operand.enough for operand in inner]),
            never=of_all([operand.never for operand in inner]),
        )
    return _UNKNOWN


def _called(node: syntax.Call, inner: list[_Known]) -> _Known:
    meaning = meaning_of(node)
    if isinstance(meaning, FirstOf) and inner:
        return _one_of(inner, plain=all(known.plain for known in inner), enough=inner[0].enough)
    if isinstance(meaning, OneOf):
        return _one_of(inner[meaning.arguments])
    if isinstance(meaning, PartOfText):
        return _Known(_part(inner[0].texts), FALSE)
    if isinstance(meaning, ChangeOfCase):
        plain = inner[0].plain and meaning.case == LOWER
        return _Known(_recased(inner[0].texts, meaning.case), FALSE, plain)
    if isinstance(meaning, PatternTest):
        return _tested(inner[0], meaning.kind, node.arguments[1])
    return _UNKNOWN


def _tested(known: _Known, kind: str, pattern: syntax.Expression) -> _Known:
    """Return what is known of the test of a value by a pattern."""
    written = pattern.pattern if isinstance(pattern, syntax.Regex) else getattr(pattern, "value", None)
    if not isinstance(written, str):
        return _UNKNOWN
    if kind == LIKE_PATTERN:
        runs = _runs(written)
        is_plain = len(runs) == 1 and "_" not in _LIKE_PARTS.findall(written)
        enough = _exactly(known, *runs[0]) if is_plain else ()
        return _Known((), _matching(known, runs, like_matcher(written)), enough=enough)
    if kind == REGEX and known.texts is not None:
        try:
            return _Known((), either([_regex(text, written) for text in known.texts]))
        except ValueError:  # no regex: an error, where it is a constant
            return _UNKNOWN
    return _UNKNOWN


def _regex(source: _FieldText | str, pattern: str) -> Clauses:
    """Return what must hold for a regex to be found in a text."""
    if isinstance(source, str):
        return TRUE
    from .regex_texts import needed  # loads the parser of regexes, which most searches need not

    def need(text: str, fold: bool) -> Clauses:
        found = _need(source, "contains", text.lower() if source.case == _LOWERED else text)
        return tuple(tuple(one if one.fold or not fold else _folded(one) for one in clause) for clause in found)

    def matches(text: str) -> Clauses:
        return ((RequiredText(source.field, text, MATCHES, source.case == _LOWERED),),)

    return needed(pattern, need, None if source.case == _CASED else matches) or need("", False)


def _folded(wanted: RequiredText) -> RequiredText:
    return wanted if wanted.how == PRESENT else RequiredText(wanted.field, wanted.text.lower(), wanted.how, True)


def _exactly(known: _Known, how: str, text: str) -> Clause:
    """Return what is enough for a value to have a text; nothing where nothing is for certain."""
    source = known.texts[0] if known.plain and known.texts else None
    if not isinstance(source, _FieldText) or not text:
        return ()
    return (RequiredText(source.field, text, how, source.case == _LOWERED),)


def _compared(node: syntax.Comparison | syntax.In, inner: list[_Known]) -> _Known:
    """Return what is known of a comparison: of two sides, one of which is a constant, or a field."""
    if isinstance(node, syntax.In):
        options = [_equal((node.operand, inner[0]), option) for option in zip(node.options, inner[1:])]
        enough = _any([option.enough for option in options])
        if node.negated:
            return _Known((), TRUE, never=enough)
        return _Known((), either([option.if_true for option in options]), enough=enough)
    equal = _equal((node.left, inner[0]), (node.right, inner[1]))
    if node.operator == "=":
        return equal
    return _Known((), TRUE, never=equal.enough if node.operator == "!=" else ())


def _equal(one: tuple[syntax.Expression, _Known], other: tuple[syntax.Expression, _Known]) -> _Known:
    for (node, _), (_, known) in ((one, other), (other, one)):
        if isinstance(node, syntax.Literal) and isinstance(node.value, str):
            runs = [("equals", node.value)]
            return _Known((), _matching(known, runs, node.value.__eq__), enough=_exactly(known, *runs[0]))
        if isinstance(node, syntax.Literal) and node.value is True:
            return _Known((), known.if_true)
    (_, left), (_, right) = one, other
    if not left.plain or not right.plain:
        return _UNKNOWN
    return _Known((), either([_same(source, text) for source in left.texts or () for text in right.texts or ()]))


def _same(one: _FieldText | str, other: _FieldText | str) -> Clauses:
    """Return what must hold for two texts, of whole fields or constants, to be equal."""
    if isinstance(one, str):
        one, other = other, one
    if isinstance(one, str):
        return TRUE if one == other else FALSE
    if isinstance(other, str):
        return _need(one, "equals", other)
    if one == other:
        return _need(one, "contains", "")
    return ((RequiredText(one.field, other.field, SAME, one.case == _LOWERED),),) if one.case == other.case else TRUE


def _present(known: _Known) -> Clauses:
    """Return what must hold for a value not to be null."""
    if not known.plain:
        return TRUE
    texts = known.texts or ()
    return either([_need(text, "contains", "") if isinstance(text, _FieldText) else TRUE for text in texts])


def _any(several: Iterable[Clause]) -> Clause:
    """Return all the texts of several clauses, as far as a clause has room."""
    return tuple(dict.fromkeys(text for clause in several for text in clause))[:MAX_TEXTS]


def _all(several: Sequence[Clause]) -> Clause:
    """Return the texts that stand in every one of several clauses."""
    return tuple(text for text in several[0] if all(text in clause for clause in several)) if several else ()


def _one_of(several: Sequence[_Known], plain: bool = False, enough: Clause = ()) -> _Known:
    """Return what is known of a value that is one of these, or null, or has them in it."""
    if several and all(known in (_EVENT, _PERHAPS_EVENT) for known in several):
        return _PERHAPS_EVENT
    texts: dict[_FieldText | str, None] = {}
    for known in several:
        texts.update(dict.fromkeys(known.texts or ()))
    unknown = len(texts) > MAX_TEXTS or any(known.texts is None for known in several)
    clauses = either([known.if_true for known in several])
    return _Known(None if unknown else tuple(texts), clauses, plain and not unknown, enough)


def _union(name: str, several: list[_Known | None]) -> _Known:
    return _EVENT if all(known is _EVENT for known in several) else _one_of([known or _NULL for known in several])


def _extracted(command: syntax.Rex, name: str, columns: Columns[_Known]) -> _Known:
    group = _Known(_part(columns.get(command.field, _NULL).texts), FALSE)
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
        return TRUE
    return either([
        (TRUE if is_met(text) else FALSE)
        if isinstance(text, str)
        else both(_need(text, *run) for run in runs or [("contains", "")])
        for text in known.texts
    ])  # fmt: skip


def _need(source: _FieldText, how: str, text: str) -> Clauses:
    """Return what a field must hold where its text, or the part of it, is to hold another: the longest piece of it."""
    pieces = (_PIECE_CASED if source.case == _CASED else _PIECE).finditer(text)
    piece = max(pieces, key=lambda run: len(run.group()), default=None)
    if piece is None:
        return ((RequiredText(source.field, "", PRESENT, False),),)
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

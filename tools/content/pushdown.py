"""What a detection requires, as terms of a Splunk search: they keep other events away from the command.

They are wide on purpose. Search ignores case, and no documentation says whether beyond ASCII; it tests the values of a
field one by one; and a wildcard in the middle of a text, or next to a blank, is too loosely documented to hide an event
by it (Search Manual, "Wildcards"). So a text is cut at what search may read in another way, and the term is its
longest piece, with wildcards at the ends.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from ssa.content.datamodels import DataModel
from ssa.content.detection import Detection
from ssa.language.required_text import GATES, Clause, RequiredText
from ssa.rows.event import required

EVERYTHING, EVERYTHING_INDEXED = "*", "(index=* OR index=_*)"
"""What holds for every event: as a term, which `where` of tstats does not take, and as a comparison."""

MAX_TERMS = 100
"""How many terms a clause may have; a longer one is left out: it would cost the indexers more than it keeps away."""

MANY_TERMS = 20
"""Of clauses with more terms than these one is kept, the shortest: others hardly keep more events away."""

_FIELD = re.compile(r"[A-Za-z][A-Za-z0-9_.]*")
_NO_FIELD = re.compile(
    r"and|or|not|in|index|earliest|latest|(start|end)(time|days|hours|minutes|months).*|.*ago|searchtimespan.*"
    r"|timeformat|saved.*|.*tag",
    re.IGNORECASE,
)
"""What is no field of an event in a search: operators, time modifiers, and what may be one of these."""

_PLAIN, _PLAIN_FOLDED = re.compile(r'[^"*`$\x80-\U0010ffff]+'), re.compile(r'[^"*`$k\x80-\U0010ffff]+')
"""Runs of ASCII without what ends a text, is a wildcard, or starts a macro or token; the second without what may be
U+212A."""

_PROGRAM = {
    "equals": re.compile(r"([a-z0-9]+)\.exe(?:\.mui)?"),
    "ends": re.compile(r"\\([a-z0-9]+)\.exe"),
    "starts": re.compile("([a-z0-9]+)"),
    "contains": re.compile(r"\\([a-z0-9]+)"),
}
"""The name of a program in lower case, or how one begins, by what it is required for."""

_WORD = re.compile(r"[a-z0-9]+\*?")
"""The term for the word of a program in an event."""


def prefilter(detection: Detection) -> str:
    """Return search terms that hold for every raw event which a detection can match."""
    return _conjunction(detection, None) or EVERYTHING


def tstats_where(detection: Detection, model: DataModel) -> str:
    """Return the same as a condition of tstats on the dataset of a data model."""
    return _conjunction(detection, dataset_columns(model)) or EVERYTHING_INDEXED


def dataset_columns(model: DataModel) -> dict[str, str]:
    """Return field of an event -> its name in the dataset of a data model: accelerated searches have no other."""
    return {"host": "host", **{name: model.prefix + name for name in model.columns}}


def has_words(detection: Detection) -> bool:
    """Return whether every event that a detection can match has one of some words, which the index finds at once.

    Other terms of the prefilter are compared with fields, for which the indexers read every event of the time range.
    """
    return bool(_words(detection))


def shared_words(detections: Iterable[Detection]) -> str:
    """Return the term of words of which every event has one that any of the detections can match.

    Empty where one of them requires none, or where they are too many: every event is to be read then.
    """
    each = [_words(detection) for detection in detections]
    words = sorted({word for some in each for word in some})
    return f"({' OR '.join(words)})" if words and all(each) and len(words) <= MAX_TERMS else ""


def _words(detection: Detection) -> list[str]:
    """Return the fewest words of which every event has one that a detection can match; none where it requires none."""
    clauses = (_alternatives(detection, clause, None) for clause in required(detection))
    of_words = (terms for terms in clauses if terms and all(map(_WORD.fullmatch, terms)))
    return min(of_words, key=len, default=[])


def _conjunction(detection: Detection, names: Mapping[str, str] | None) -> str:
    clauses = [terms for clause in required(detection) if (terms := _alternatives(detection, clause, names))]
    least = min((terms for terms in clauses if len(terms) > MANY_TERMS), key=len, default=None)
    kept = (terms for terms in clauses if len(terms) <= MANY_TERMS or terms is least)
    return " ".join(dict.fromkeys(terms[0] if len(terms) == 1 else f"({' OR '.join(terms)})" for terms in kept))


def _alternatives(detection: Detection, clause: Clause, names: Mapping[str, str] | None) -> list[str]:
    """Return the terms of which one holds where a clause does; none where one of its texts has none."""
    terms: dict[str, None] = {}
    for wanted in clause:
        alternatives = _terms(wanted, detection.sources(wanted.field), names)
        if alternatives is None:
            return []
        terms.update(dict.fromkeys(alternatives))
    return [*terms] if len(terms) <= MAX_TERMS else []


def _terms(wanted: RequiredText, columns: tuple[str, ...], names: Mapping[str, str] | None) -> list[str] | None:
    """Return the terms of which one holds where a required text does; None where there are none.

    The text stands in one of the columns.
    """
    if wanted.how in GATES or not all(
        _FIELD.fullmatch(column) and not _NO_FIELD.fullmatch(column) for column in columns
    ):
        return None
    word = _word(wanted) if names is None and columns == (wanted.field,) else ""
    if word:
        return [word]
    value = _value(wanted)
    if names is not None:
        columns = tuple(names[column] for column in columns if column in names)
    return [f'{column}="{value}"' for column in columns] if value else None


def _word(wanted: RequiredText) -> str:
    """Return the word of the index that an event has whose program has this name; empty for another text.

    It stands between breakers wherever a path or a name does, while the field itself may be computed.
    """
    name = _PROGRAM[wanted.how].fullmatch(wanted.text.lower()) if wanted.how in _PROGRAM else None
    if name is None or not wanted.field.endswith(("process_name", "original_file_name")):
        return ""
    stem, kelvin, _ = name[1].partition("k") if wanted.fold else (name[1], "", "")
    begins = bool(kelvin) or wanted.how in ("starts", "contains")
    return stem + "*" * begins if len(stem) > 2 else ""


def _value(wanted: RequiredText) -> str:
    """Return what a field is compared with, without the quotes; empty where too little is left of the text."""
    text = wanted.text
    if wanted.fold and text.endswith("i") and wanted.how in ("contains", "starts"):
        text = text[:-1]  # U+0130, see RequiredText
    pieces = (_PLAIN_FOLDED if wanted.fold else _PLAIN).finditer(text)
    longest = max(pieces, key=lambda piece: len(piece[0].strip()), default=None)
    kept = longest[0].strip() if longest else ""
    whole = wanted.how == "equals" and kept == text
    starts = wanted.how in ("equals", "starts") and text.startswith(kept)
    ends = wanted.how in ("equals", "ends") and text.endswith(kept) and not starts
    if len(kept) < 2 and not whole:
        return ""
    return "*" * (not starts) + kept.replace("\\", "\\\\") + "*" * (not ends and not whole)

"""What to search in the bytes of a chunk: texts, without which no row can match, as they stand in CSV."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from ssa.immutable import Immutable
from ssa.language.analysis.requirements import Clause, Clauses, RequiredText

FEW = 6
"""How many texts are searched one by one. More are looked up together, as the cells of a window are."""

KELVIN = "\u212a".encode()
"""The one character whose small letter is a letter of ASCII: k. Rows near one are all read; events hardly have it."""

DOTTED = "\u0130".encode()
"""This one becomes an i and a dot of its own: only the i at the end of a text can come from it."""

_PIECE = re.compile(r"[ !#%-+\--~]+")
"""What stands in a body as it stands in the value: ASCII without the quote, comma and dollar sign that CSV doubles or
puts between values."""

_SPACE = "\1"
_CELLS = bytes.maketrans(
    b'ABCDEFGHIJKLMNOPQRSTUVWXYZ,"$\r\n \t\v\f', b"abcdefghijklmnopqrstuvwxyz" + b" " * 5 + _SPACE.encode() * 4
)
"""Makes words of the cells, in lower case: blanks within them are none, what stands between them is."""


class Piece(Immutable):
    """The part of a required text that is searched; `whole` says that a cell must be equal to it."""

    text: str
    whole: bool
    fold: bool


class ByteSearch:
    """What is searched in the bytes of a window: where none of it is, there is nothing to detect."""

    def __init__(self, pieces: Iterable[Piece]) -> None:
        found = set(pieces)
        words = {piece.text.lower() for piece in found if piece.whole}
        texts = {piece.text for piece in found if not piece.whole}
        self.fold = any(piece.fold for piece in found)
        self.kelvin = any(piece.fold and "k" in piece.text for piece in found)
        self.words: frozenset[bytes] = frozenset()
        if len(words) + len(texts) > FEW and words:
            self.fold = True
            self.words = frozenset(word.replace(" ", _SPACE).encode() for word in words)
            texts = {text.replace(" ", _SPACE) for text in texts}
        else:
            texts |= {piece.text for piece in found}
        if self.fold:
            texts = {text.lower() for text in texts}
        dotted = {piece.text[:-1] for piece in found if piece.fold and piece.text.endswith("i") and not piece.whole}
        self.texts = sorted([text.encode() for text in texts] + [self._as_searched(text) + DOTTED for text in dotted])

    def _as_searched(self, text: str) -> bytes:
        return (text.replace(" ", _SPACE) if self.words else text).encode()

    def places(self, window: bytes) -> list[int] | None:
        """Return where a window has one of the texts, in order; None where its bytes do not decide that."""
        if self.kelvin and not window.isascii() and KELVIN in window:
            return None
        texts: Sequence[bytes] = self.texts
        if self.words:
            window = window.translate(_CELLS)
            texts = [*texts, *self.words.intersection(window.split())]
        elif self.fold:
            window = window.lower()
        found: list[int] = []
        find = window.find
        for text in texts:
            at = find(text)
            while at >= 0:
                found.append(at)
                at = find(text, at + 1)
        if len(texts) > 1:
            found.sort()
        return found

    def stand_in(self, cells: Iterable[str]) -> bool:
        """Tell whether one of them stands in cells of a row, or cannot be told not to."""
        return self.places(",".join(cells).encode("utf-8", "surrogatepass")) != []


def byte_search(required: Iterable[Clauses]) -> ByteSearch | None:
    """Return what to search for detections that require this; None where all rows must be read."""
    found: list[Piece] = []
    for clauses in required:
        chosen = max(map(_pieces, clauses), key=_strength, default=[])
        if not chosen or min(len(piece.text) for piece in chosen) < 2:
            return None
        found.extend(chosen)
    return ByteSearch(found) if found else None


def _pieces(clause: Clause) -> list[Piece]:
    """Return what to search for a clause; nothing where one of its texts has nothing that can be."""
    found = [_piece(wanted) for wanted in clause]
    return [piece for piece in found if piece] if all(found) else []


def _piece(wanted: RequiredText) -> Piece | None:
    text = max(_PIECE.findall(wanted.text), key=len, default="")
    return Piece(text, wanted.how == "equals" and text == wanted.text, wanted.fold) if text else None


def _strength(pieces: list[Piece]) -> tuple[bool, int, int]:
    shortest = min((len(piece.text) for piece in pieces), default=0)
    return shortest > 1 and all(piece.whole for piece in pieces), shortest, -len(pieces)

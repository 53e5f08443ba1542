"""What to search in the bytes of a chunk: texts, without which no row can match, as they stand in CSV."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from ssa.checking import TYPE_CHECKING
from ssa.immutable import Immutable
from ssa.language.required_text import GATES

if TYPE_CHECKING:
    from ssa.content.profile import Group, Profile

MOST = 100
"""How many texts are searched, but for those that are equal to cells: beyond, to read each row takes less time."""

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


FOREIGN = Piece("", False, False)
"""Any character outside of ASCII, for a text that has little else; NUL becomes one when it is read."""

_FOREIGN_BYTES = rb"[\0\x80-\xff]+"


class ByteSearch:
    """What is searched in the bytes of a window: where none of it is, there is nothing to detect."""

    def __init__(self, pieces: Iterable[Piece]) -> None:
        found = set(pieces)
        self.foreign = FOREIGN in found
        found.discard(FOREIGN)
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
        found = [match.start() for match in re.finditer(_FOREIGN_BYTES, window)] if self.foreign else []
        find = window.find
        for text in texts:
            at = find(text)
            while at >= 0:
                found.append(at)
                at = find(text, at + 1)
        if len(texts) + self.foreign > 1:
            found.sort()
        return found

    def stand_in(self, cells: Iterable[str]) -> bool:
        """Tell whether one of them stands in cells of a row, or cannot be told not to."""
        return self.places(",".join(cells).encode("utf-8", "surrogatepass")) != []


def byte_search(profiles: Iterable[Profile]) -> ByteSearch | None:
    """Return what to search for detections of these profiles; None where all rows must be read."""
    found: set[Piece] = set()
    for profile in profiles:
        chosen = max(map(_pieces, profile.required), key=_strength, default=[])
        if not chosen or _strength(chosen)[1] < 2:
            return None
        found.update(chosen)
        if len(found) > MOST and sum(not piece.whole for piece in found) > MOST:
            return None
    return ByteSearch(found) if found else None


def _pieces(clause: Iterable[Group]) -> list[Piece]:
    """Return what to search for a clause; nothing where one of its texts has nothing that can be."""
    found = [_piece(text, how, fold) for _, how, fold, texts in clause for text in texts]
    return [piece for piece in found if piece] if all(found) else []


def _piece(text: str, how: str, fold: bool) -> Piece | None:
    if how in GATES:
        return None
    piece = max(_PIECE.findall(text), key=len, default="")
    if len(piece) < 2 and not text.isascii():
        return FOREIGN
    return Piece(piece, how == "equals" and piece == text, fold) if piece else None


def _strength(pieces: list[Piece]) -> tuple[bool, int, int]:
    shortest = min((len(piece.text) or 2 for piece in pieces), default=0)
    return shortest > 1 and all(piece.whole for piece in pieces), shortest, -len(pieces)

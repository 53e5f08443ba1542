"""Change stanzas in a conf's text and leave every other byte as it is: comments, order, line ends, other stanzas."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+\Z")


@dataclass(eq=False)
class _Piece:
    """Some lines: a setting with its continuations (`key`), a stanza's header (`header`), or a comment or blank."""

    stanza: str
    text: str
    key: str = ""
    header: bool = False


def setting(key: str, value: str) -> str:
    """Write a setting as lines without the last line end: a backslash joins the lines of its value."""
    return f"{key} = {value}".rstrip().replace("\n", "\\\n")


class ConfText:
    """The text of one conf file, to be edited. It must be well-formed: `ssa.content.conf.parse` has read it before."""

    def __init__(self, text: str) -> None:
        self._mark = "\ufeff" if text.startswith("\ufeff") else ""
        text = text.removeprefix(self._mark)
        first = re.search(r"\r\n|\r|\n", text)
        self._end = first.group() if first else "\n"
        self._pieces = list(_pieces(text))
        self._names = {piece.stanza for piece in self._pieces if piece.key or piece.header}

    @property
    def text(self) -> str:
        """The whole text, as it is now."""
        return self._mark + "".join(piece.text for piece in self._pieces)

    def stanza(self, name: str) -> str:
        """Return the header and the settings of a stanza, without comments, as lines end here."""
        return "".join(piece.text for piece in self._pieces if piece.stanza == name and (piece.key or piece.header))

    def remove_marked(self, mark: str) -> None:
        """Remove each stanza directly below a comment that contains `mark`, with that comment from the mark on.

        Comments above the mark, and those after the last setting of the stanza, stay.
        """
        removed: set[int] = set()
        headers = [at for at, piece in enumerate(self._pieces) if piece.header]
        for at, end in pairwise([*headers, len(self._pieces)]):
            start = self._marked(at, mark)
            if start < at:
                last = max((i for i in range(at, end) if self._pieces[i].key), default=at)
                while last + 1 < end and not self._pieces[last + 1].text.strip():
                    last += 1
                removed.update(range(start, last + 1))
        self._pieces = [piece for at, piece in enumerate(self._pieces) if at not in removed]
        self._names = {piece.stanza for piece in self._pieces if piece.key or piece.header}

    def _marked(self, header: int, mark: str) -> int:
        """Return where the comment directly above a header begins, from its mark on; without a mark, the header."""
        start = at = header
        while at and self._pieces[at - 1].text.lstrip().startswith("#"):
            at -= 1
            if mark in self._pieces[at].text:
                start = at
        return start

    def put(self, name: str, settings: Mapping[str, str], comment: str = "") -> None:
        """Give a stanza these settings, in place where it has them; a new one stands at the end, below its comment.

        Its other settings stay.
        """
        if name not in self._names:  # as nearly all of thousands: no look at every line for each
            self._append(name, comment)
            self._pieces += [_Piece(name, self._lines(setting(key, value)), key) for key, value in settings.items()]
            return
        own = [piece for piece in self._pieces if piece.stanza == name and (piece.key or piece.header)]
        wanted = dict(settings)
        for piece in own:
            if piece.key in wanted:
                piece.text = self._lines(setting(piece.key, wanted.pop(piece.key)))
            elif piece.key in settings:
                piece.text = ""  # it stood twice
        last = self._pieces.index(own[-1])
        self._close(last)
        self._pieces[last + 1 : last + 1] = [
            _Piece(name, self._lines(setting(key, value)), key) for key, value in wanted.items()
        ]

    def remove(self, name: str, comment: str = "") -> None:
        """Remove a stanza, with the comment that it was put below, and the blank row that parts it from what precedes.

        Comments of others stay, those after its last setting too.
        """
        own = [at for at, piece in enumerate(self._pieces) if piece.stanza == name and (piece.key or piece.header)]
        self._names.discard(name)
        above = _comment(comment).splitlines()
        for header in [at for at in own if self._pieces[at].header]:
            start = header - len(above)
            if above and [piece.text.rstrip() for piece in self._pieces[max(0, start) : header]] == above:
                own += range(start, header)
            else:
                start = header
            if start and not self._pieces[start - 1].text.strip():
                own.append(start - 1)
        self._pieces = [piece for at, piece in enumerate(self._pieces) if at not in {*own}]
        if own:
            while self._pieces and not self._pieces[0].text.strip():
                del self._pieces[0]  # the blank row of what followed the first stanza

    def _append(self, name: str, comment: str) -> None:
        if self._pieces:
            self._close(len(self._pieces) - 1)
            if self._pieces[-1].text.strip():
                self._pieces.append(_Piece("", self._end))
        if comment:
            self._pieces += [_Piece("", self._lines(row)) for row in _comment(comment).splitlines()]
        self._pieces.append(_Piece(name, self._lines(f"[{name}]"), header=True))
        self._names.add(name)

    def _close(self, at: int) -> None:
        """See that a line ends before another follows it."""
        piece = self._pieces[at]
        if piece.text and not piece.text.endswith(("\n", "\r")):
            piece.text += self._end
        if piece.key and piece.text.rstrip().endswith("\\"):
            piece.text += self._end  # the last line of the file: its backslash would join what follows

    def _lines(self, text: str) -> str:
        return text.replace("\n", self._end) + self._end


def _comment(text: str) -> str:
    return "# " + text.replace("\n", "\n# ") if text else ""


def _pieces(text: str) -> list[_Piece]:
    """Cut a text as `ssa.content.conf.parse` reads it."""
    pieces: list[_Piece] = []
    stanza = "default"
    lines = iter(_LINE.findall(text))
    for line in lines:
        stripped = line.strip()
        if stripped.startswith("["):
            stanza = stripped[1:-1]
            pieces.append(_Piece(stanza, line, header=True))
        elif not stripped or stripped.startswith("#"):
            pieces.append(_Piece(stanza, line))
        else:
            whole = line
            while line.rstrip().endswith("\\"):
                line = next(lines, "")
                whole += line
            pieces.append(_Piece(stanza, whole, key=whole.partition("=")[0].strip()))
    return pieces

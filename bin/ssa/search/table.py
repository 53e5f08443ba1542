"""The columns of a chunk: a record's cells -> the row that is judged; a hit -> the line that goes out."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Mapping
from operator import itemgetter

from ssa.rows.cells import Cell

MV = "__mv_"

Row = Mapping[str, Cell]
Hit = Mapping[str, Cell]


class OddHeaderError(Exception):
    """A chunk whose columns the scan does not serve: repeated, or values without their column."""


class Table:
    """The columns of a chunk: what is read of its rows, and how a detected row is written.

    `read` names the columns that the detections need (None: all), `written` those that the command adds or, where the
    row has them, fills or replaces.
    """

    def __init__(
        self, header: str, read: Iterable[str] | None, written: Iterable[str], decode: Callable[[str], list[str]]
    ) -> None:
        try:
            (names,) = csv.reader([header], strict=True)  # without any for an empty line
        except (csv.Error, ValueError) as error:
            raise OddHeaderError from error
        place = {name: at for at, name in enumerate(names)}
        plain = [name for name in names if not name.startswith(MV)]
        if (
            not names
            or len(place) < len(names)
            or any(name[len(MV) :] not in place for name in names if name.startswith(MV))
        ):
            raise OddHeaderError
        self.names = frozenset(plain)
        self.width = len(names)
        self._decode = decode
        self._read = [name for name in plain if read is None or name in read]
        # One place more, so that itemgetter always gives a tuple; zip leaves it out.
        self._values: Callable[[list[str]], tuple[str, ...]] = itemgetter(*[place[name] for name in self._read], 0, 0)
        lists = {name: place[MV + name] for name in self._read if MV + name in place}
        self._lists = list(lists.items())
        self._several: Callable[[list[str]], tuple[str, ...]] | None = (
            itemgetter(*lists.values(), *lists.values()) if lists else None
        )
        written = list(written)
        self._new = [name for name in written if name not in place]
        self._old = [(name, place[name], place.get(MV + name)) for name in written if name in place]
        added = [text for name in self._new for text in (name, MV + name)]
        added += [MV + name for name, _, list_at in self._old if list_at is None]
        self.header = f"{header},{','.join(map(_quoted, added))}\r\n"

    def row(self, values: list[str]) -> dict[str, Cell]:
        """Return the row of a record's cells, as far as it is read."""
        row: dict[str, Cell] = dict(zip(self._read, self._values(values)))
        if self._several and any(self._several(values)):
            for name, at in self._lists:
                if values[at]:
                    row[name] = self._decode(values[at])
        return row

    def line(self, values: list[str], text: str | None, hit: Hit) -> str:
        """Return the line of a detected row. `text` is the record's own; None when it must be written anew."""
        added = [
            "," if not cell else f'"{cell}",' if type(cell) is str and '"' not in cell else _column(cell)
            for cell in map(hit.get, self._new)
        ]
        for name, at, list_at in self._old:
            several = ""
            if name in hit:
                text, values = None, [*values]
                values[at], several = _cells(hit[name])
                if list_at is not None:
                    values[list_at] = several
            if list_at is None:
                added.append(_quoted(several))
        record = ",".join(map(_quoted, values)) if text is None else text
        return f"{record},{','.join(added)}\r\n"


def cells(record: str) -> list[str] | None:
    """Return the cells of a record, as csv.reader in less time; None where quotes stand as RFC 4180 does not have them.

    What is between two quotes is text of a cell, as is one quote where nothing is between; the rest separates cells.
    """
    before, *parts = record.split('"')
    found = before.split(",")
    quoted: list[str] = []
    for within, behind in zip(parts[::2], parts[1::2]):
        if not quoted and found[-1]:
            return None
        quoted.append(within)
        if behind:
            found[-1] = '"'.join(quoted)
            nothing, *others = behind.split(",")
            if nothing:
                return None
            found += others
            quoted = []
    if quoted:
        found[-1] = '"'.join(quoted)
    return found


def _column(cell: Cell) -> str:
    """Return a column and its list as CSV."""
    return ",".join(map(_quoted, _cells(cell)))


def _quoted(cell: str) -> str:
    return '"' + cell.replace('"', '""') + '"' if cell else ""


def _cells(cell: Cell) -> tuple[str, str]:
    """Return the cell of a column and of its list, which is empty where there is one value only."""
    if not isinstance(cell, list):
        return cell or "", ""
    if len(cell) < 2:
        return "".join(cell), ""
    return "\n".join(cell), ";".join(["$" + value.replace("$", "$$") + "$" for value in cell])

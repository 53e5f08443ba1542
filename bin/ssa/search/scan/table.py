"""The columns of a chunk: a record's cells -> the row that is judged; a hit -> the line that goes out."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Mapping
from operator import itemgetter

from ssa.rows.cells import MV, Cell, listed

Row = Mapping[str, Cell]
Hit = Mapping[str, Cell]


class Table:
    """The columns of a chunk: what is read of its rows, and how a detected row is written.

    `header` is the text of the header row, without its line end; csv.Error is raised where that is no CSV. `read` names
    the columns that the detections need (None: all), `written` those that the command adds or, where the row has them,
    fills or replaces. Of columns with the same name the last one counts: splunkd puts its lists behind the plain
    columns, so that a field of an event that is called like a list is none.
    """

    def __init__(self, header: str, read: Iterable[str] | None, written: Iterable[str]) -> None:
        (names,) = csv.reader([f"{header},"], strict=True)  # so that a CR at its end is none of a line end
        names.pop()
        if names == [""]:
            raise csv.Error("the first row names no column")
        place = {name: at for at, name in enumerate(names)}
        lists = {name for name in place if name.startswith(MV) and name[len(MV) :] in place}
        self.names = place.keys() - lists
        self.width = len(names)
        self._read = [name for name in place if name in self.names and (read is None or name in read)]
        # One place more, so that itemgetter always gives a tuple; zip leaves it out.
        self._values: Callable[[list[str]], tuple[str, ...]] = itemgetter(*[place[name] for name in self._read], 0, 0)
        self._lists = [(name, place[name], place[MV + name]) for name in self._read if MV + name in lists]
        places = [at for _, _, at in self._lists]
        self._several: Callable[[list[str]], tuple[str, ...]] | None = itemgetter(*places, *places) if places else None
        written = list(written)
        self._new = [name for name in written if name not in place and MV + name not in place]
        self._old = [
            (name, [[at for at, other in enumerate(names) if other == text] for text in (name, MV + name)])
            for name in written
            if name in place or MV + name in place
        ]
        added = [text for name in self._new for text in (name, MV + name)]
        for name, (own, several) in self._old:
            added += [name] * (not own) + [MV + name] * (not several)
        self.header = f"{','.join([header, *map(_quoted, added)])}\r\n"

    def row(self, values: list[str]) -> dict[str, Cell]:
        """Return the row of a record's cells, as far as it is read."""
        row: dict[str, Cell] = dict(zip(self._read, self._values(values)))
        if self._several and any(self._several(values)):
            for name, place, at in self._lists:
                if values[at]:
                    row[name] = listed(values[at], values[place]) or values[place]
        return row

    def line(self, values: list[str], text: str | None, hit: Hit) -> str:
        """Return the line of a detected row. `text` is the record's own; None when it must be written anew."""
        added = [
            "," if not cell else f"{_quoted(cell)}," if type(cell) is str else ",".join(map(_quoted, _cells(cell)))
            for cell in map(hit.get, self._new)
        ]
        for name, there in self._old:
            # A list without its column is none of the row's: it must not become the list of a column that is added.
            replaced = name in hit or not there[0]
            for cell, places in zip(_cells(hit.get(name)), there):
                if not places:
                    added.append(_quoted(cell))
                elif replaced:
                    text, values = None, [*values]
                    for at in places:
                        values[at] = cell
        record = ",".join(map(_quoted, values)) if text is None else text
        return f"{','.join([record, *added])}\r\n"


def cells(record: str) -> list[str] | None:
    """Return the cells of a record, as csv.reader in less time; None where it is not as RFC 4180 has it.

    That has quotes around a cell or doubled within one, and carriage returns within quotes.
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
    if "\r" in record and any("\r" in between for between in (before, *parts[1::2])):
        return None
    return found


def _quoted(cell: str) -> str:
    return '"' + cell.replace('"', '""') + '"' if cell else ""


def _cells(cell: Cell) -> tuple[str, str]:
    """Return the cell of a column and of its list, which is empty where there is one value only."""
    if not isinstance(cell, list):
        return cell or "", ""
    if len(cell) < 2:
        return "".join(cell), ""
    return "\n".join(cell), ";".join(["$" + value.replace("$", "$$") + "$" for value in cell])

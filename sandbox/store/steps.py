"""The rows of a running search: in temporary tables, the columns that a command adds beside those that it leaves."""

import itertools
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import duckdb

from sandbox.search.command import Row
from sandbox.store import sql, tables


class Steps:
    """The temporary tables of a search, which end with its connection at the latest."""

    def __init__(self, database: duckdb.DuckDBPyConnection) -> None:
        self.database = database
        self.numbers = itertools.count(1)
        self.lent = set[str]()  # tables that nothing drops for now
        self.sizes = dict[str, int]()  # of tables, in rows

    def keep(self, rows: Iterable[Row]) -> sql.Relation:
        """Put rows that were made in Python into a table."""
        name = self._name()
        self.database.execute(f'CREATE TEMP TABLE {name} ("{sql.NO_COLUMN}" INTEGER)')
        tables.store(self.database, name, rows)
        return self._relation(name)

    def table(self, code: str, *spent: sql.Relation) -> sql.Relation:
        """Keep the rows of a query in a table; the rows that they came from are not needed any more."""
        name = self._name()
        [[self.sizes[name]]] = self.database.execute(f"CREATE TEMP TABLE {name} AS {code}").fetchall()
        self.drop(*spent)
        return self._relation(name)

    def beside(self, rows: sql.Relation, change: sql.Beside) -> sql.Relation:
        """Put the columns that a command computes into a table beside those of its rows, which are spent.

        A field that keeps its values costs nothing, whatever its name is then.
        """
        old = {sql.ident(name): name for name in rows.columns}
        kept = {name: old[code] for name, code in change.columns.items() if code in old}
        new = {name: code for name, code in change.columns.items() if code not in old}
        if not rows.tables:
            return self.table(sql.query(change.source, change.columns, change.tail), rows)
        added = self.table(sql.query(change.source, new, change.tail)) if new else None
        codes, kinds = dict[str, str](), dict[str, str]()
        for name in change.columns:
            relation, field = (rows, kept[name]) if name in kept else (added or rows, name)
            codes[name], kinds[name] = relation.codes[field], relation.columns[field]
        return _together((*rows.tables, *(added.tables if added else ())), codes, kinds)

    def whole(self, rows: sql.Relation) -> sql.Relation:
        """Put rows into one table, if they are in several."""
        return rows if len(rows.tables) == 1 else self.table(sql.query(rows.source, sql.same(rows)), rows)

    def size(self, rows: sql.Relation) -> int:
        """Count rows, of tables once."""
        if not rows.tables:
            return tables.size(self.database, rows.source)
        name = rows.tables[0]
        if name not in self.sizes:
            self.sizes[name] = tables.size(self.database, name)
        return self.sizes[name]

    @contextmanager
    def lending(self, rows: sql.Relation) -> Iterator[None]:
        """Let commands work on rows that stay."""
        lent = set(rows.tables) - self.lent
        self.lent |= lent
        try:
            yield
        finally:
            self.lent -= lent

    def drop(self, *spent: sql.Relation) -> None:
        """Forget rows."""
        for name in dict.fromkeys(name for rows in spent for name in rows.tables if name not in self.lent):
            self.database.execute(f"DROP TABLE {name}")

    def _name(self) -> str:
        return f"step{next(self.numbers)}"

    def _relation(self, table: str) -> sql.Relation:
        """Return a table with the fields that it has."""
        described = tables.describe(self.database, table)
        kinds = {sql.field_name(one): kind for one, kind in described.items() if one != sql.NO_COLUMN}
        codes = {name: f"{table}.{sql.ident(name)}" for name in kinds}
        return sql.Relation(table, kinds, tables=(table,), codes=codes)


def _together(names: tuple[str, ...], codes: dict[str, str], kinds: dict[str, str]) -> sql.Relation:
    """Read tables side by side, their first rows together, and so on."""
    source = f"({sql.query(' POSITIONAL JOIN '.join(names), codes, more=f', {names[0]}.rowid AS rowid')})"
    return sql.Relation(source, kinds, tables=names, codes=codes)

"""Lookup tables of an app: CSV files and KV store collections, as its transforms.conf defines them."""

import csv
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sandbox import confs
from sandbox.errors import SandboxError
from sandbox.search import spl
from sandbox.search.command import Context, Row
from sandbox.store.kvstore import Collection, DownError

Values = Mapping[str, str | list[str]]  # of a row: its fields that have a value

_FILE = re.compile(r"[\w-][\w.-]*\.csv")
_SETTINGS = {"case_sensitive_match", "check_permission", "default_match", "match_type", "max_matches", "min_matches"}
_MATCH_TYPE = re.compile(r"(WILDCARD|EXACT)\(\s*([^\s()]+)\s*\)", re.I)


@dataclass(frozen=True)
class Table:
    """A lookup table and how it is matched: settings of transforms.conf.spec (Admin Manual)."""

    path: Path
    collection: Collection | None  # if None, the table is the CSV file `path`
    listed: list[str]  # fields_list: those of the collection that lookups see
    most: int  # max_matches
    least: int  # min_matches
    default: str  # default_match
    any_case: bool  # not case_sensitive_match
    wildcards: set[str]  # fields that hold patterns: match_type
    checked: bool  # check_permission

    @property
    def fields(self) -> list[str]:
        """The table's fields; those of a file come from its first line."""
        if self.collection:
            return self.listed
        with self.path.open(encoding="utf-8-sig", newline="") as file:
            return next(csv.reader(file), [])

    def rows(self) -> Iterator[Row]:
        """Read the table, in order. A record carries its `_key`, and may have lists of texts; empty is null."""
        if self.collection:
            for record in self.collection.find(fields=self.listed or ["_key"]):
                yield {name: _text(value) for name, value in record.items()}
            return
        with self.path.open(encoding="utf-8-sig", newline="") as file:
            for row in csv.DictReader(file):
                yield {name: value for name, value in row.items() if name and value}

    def write(self, rows: Sequence[Values], columns: Sequence[str], *, append: bool, key: str = "_key") -> None:
        """Put rows into the table, in place of all it has or after it.

        A file gets these columns, or when rows are appended those it has; several values are joined by blanks. A
        collection gets the listed fields; a record takes the place of the one with its key, the value of `key`.
        """
        if self.collection:
            listed = {*self.listed} - {"_key"}
            records = [{"_key": row.get(key), **{k: v for k, v in row.items() if k in listed}} for row in rows]
            self.collection.save(records, replace=not append)
            return
        append = append and self.path.is_file()
        columns = self.fields if append else columns
        cells = [
            [" ".join(value) if isinstance(value := row.get(name, ""), list) else value for name in columns]
            for row in [*(self.rows() if append else ()), *rows]
        ]
        self.path.parent.mkdir(exist_ok=True)
        fresh = self.path.with_suffix(".new")
        with fresh.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file, lineterminator="\n").writerows([columns, *cells])
        fresh.replace(self.path)

    def clear(self) -> None:
        """Delete the file, or empty the collection."""
        if self.collection:
            self.collection.delete()
        else:
            self.path.unlink(missing_ok=True)


def find(context: Context, word: spl.Node, *, new: bool = False) -> Table:
    """Find a lookup definition of the app, or a CSV file named as such; `new`: the file need not be there.

    Raises SearchError at the word if there is none, or for a setting that is wrong or not supported.
    """

    def fail(what: str) -> SandboxError:
        return spl.fail(f"The lookup table '{word.text}' {what}", word.position)

    file = {"filename": word.text} if word.text.endswith(".csv") else None
    settings = confs.load(context.app, "transforms").get(word.text, file)
    if settings is None:
        raise fail("requires a .csv or KV store lookup definition")

    def number(key: str, default: int, least: int) -> int:
        text = settings.get(key, str(default))
        if not re.fullmatch("[0-9]{1,4}", text) or not least <= int(text) <= 1000:
            raise fail(f"has a wrong {key} in transforms.conf: '{text}'")
        return int(text)

    in_store = settings.get("external_type") == "kvstore"
    needed = {"external_type", "collection", "fields_list"} if in_store else {"filename"}
    for key in sorted(settings.keys() - needed - _SETTINGS):
        raise fail(f"has the unsupported setting '{key}' in transforms.conf")
    for key in sorted(needed - settings.keys()):
        raise fail(f"is invalid: transforms.conf lacks its {key}")
    folder, collection = context.app / "lookups", None
    path = folder / settings.get("filename", "")
    if in_store:
        try:
            collection = context.kvstore.collection(context.app.name, settings["collection"])
        except DownError as error:
            what = f"The lookup table 'External command based lookup '{word.text}' is not available because {error}'"
            raise spl.fail(f"{what} is invalid", word.position) from None
        except SandboxError as error:
            raise fail(f"is invalid: {error} It is named") from None
    elif not _FILE.fullmatch(settings["filename"]) or not (new or path.is_file()):
        raise fail(f"is invalid: there is no file lookups/{settings['filename']}")
    match_type = settings.get("match_type", "")
    if re.sub(r"[\s,]", "", _MATCH_TYPE.sub("", match_type)):
        raise fail(f"has an unsupported match_type in transforms.conf: '{match_type}'")
    return Table(
        path,
        collection,
        re.findall(r"[^\s,]+", settings.get("fields_list", "")),
        number("max_matches", 100, 1),
        number("min_matches", 0, 0),
        settings.get("default_match", ""),
        not confs.is_true(settings.get("case_sensitive_match", "true")),
        {field for kind, field in _MATCH_TYPE.findall(match_type) if kind.upper() == "WILDCARD"},
        confs.is_true(settings.get("check_permission", "0")),
    )


def may_write(context: Context, table: Table, word: spl.Node) -> None:
    """Check that the user may write a table, which the search names by this word. Raises SearchError.

    Of a collection its permissions count, of a file those where splunkd looks. What those of the lookup's definition
    have to say is documented nowhere: here nothing.
    """
    try:
        if context.access and table.collection:
            context.access.may_write(context.app.name, "collections", table.collection.name)
        elif context.access and table.checked:
            context.access.may_write_file(context.app.name, table.path.name)
    except SandboxError as error:
        raise spl.fail(str(error), word.position) from None


def _text(value: Any) -> str | list[str] | None:
    """Give a record's value as a field has it: JSON for what is no text (a choice of the sandbox)."""
    if isinstance(value, list):
        return [text if isinstance(text := _text(one), str) else json.dumps(one) for one in value if one is not None]
    return value if value is None or isinstance(value, str) else json.dumps(value)

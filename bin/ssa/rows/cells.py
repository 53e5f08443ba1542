"""Cells of a row: their values, their text, their time, and the canonical JSON that identities are hashed from."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import cache, lru_cache

from ssa.checking import TYPE_CHECKING

if TYPE_CHECKING:
    import hashlib
    from typing import Any, TypeAlias  # novm: for the type checker alone

Cell: TypeAlias = "str | list[str] | None"
Row = Mapping[str, Cell]

LONGEST_BODY = 2 * 1024 * 1024
"""Characters of the JSON of a body, as it is written and read."""

_TIME = re.compile(r"(-?[0-9]{1,15})(?:\.([0-9]{1,15}))?")

MV = "__mv_"
"""How the name of a column begins that has the lists of another: `$a$;$b$`, with each dollar sign in a value doubled.
Empty where the row has one value."""

MAX_VALUES = 10_000
"""Values of a list that are read; of more, the text of their column is."""

_ITEM = re.compile(r"\$((?:\$\$|[^$])*)\$(?:;|$)")

quoted = json.encoder.encode_basestring
"""Write a text as a JSON string, with no escapes beyond JSON's own."""

_ENCODE: Any = json.encoder.c_make_encoder(None, None, quoted, None, ":", ",", True, False, True)  # type: ignore[attr-defined]  # typeshed lacks it
"""What json.JSONEncoder makes anew for each value, with sort_keys, these separators, and not ensure_ascii."""


def values(cell: Cell) -> list[str]:
    """Read a cell as its distinct values, without empty ones; values that differ in case alone are one.

    Two extractions of one field often give the same value twice, which must not hide the event.
    """
    if not isinstance(cell, list):
        return [cell] if cell else []
    distinct: dict[str, str] = {}
    for value in cell:
        if value:
            distinct.setdefault(value.casefold(), value)
    return list(distinct.values())


def listed(several: str, plain: str | None) -> list[str] | None:
    """Return the values of a list, given the cells of its column `__mv_x` and of its plain column x.

    None where it is no list, has more than MAX_VALUES, or does not agree with its plain column: splunkd writes both,
    and an event that has a field called `__mv_user` cannot say who the user was.
    """
    found: list[str] = []
    at = 0
    while at < len(several):
        value = _ITEM.match(several, at)
        if value is None or len(found) == MAX_VALUES:
            return None
        found.append(value[1].replace("$$", "$"))
        at = value.end()
    return found if agree(found, plain or "") else None


def agree(several: list[str], plain: str) -> bool:
    """Return whether a text is these values with one separator between them: newlines, or what mvcombine was given."""
    if len(several) < 2:
        return several == [plain]
    width, rest = divmod(len(plain) - sum(map(len, several)), len(several) - 1)
    separator = plain[len(several[0]) :][: max(width, 0)]
    is_one = separator and not rest and not any(map(str.isalnum, separator))
    return bool(is_one) and separator.join(several) == plain


def text(cell: Cell) -> str | None:
    """Read a cell as one string: null when empty; distinct values joined by newlines."""
    return "\n".join(values(cell)) or None


def milliseconds(cell: Cell) -> str | None:
    """Turn Splunk's `_time` (epoch seconds, with or without a fraction) into epoch milliseconds as a string."""
    return _moment(cell if isinstance(cell, str) else text(cell) or "")[0]


@lru_cache(maxsize=64)
def _moment(time: str) -> tuple[str | None, int | None]:
    """Return milliseconds and whole second of a time: callers need both, one after the other."""
    match = _TIME.fullmatch(time)
    if not match:
        return None, None
    millis = _thousandths(match[1], match[2])
    return str(millis), millis // 1000


def _thousandths(whole: str, fraction: str | None) -> int:
    return int(whole + ((fraction or "") + "000")[:3])


def whole_second(cell: Cell) -> int | None:
    """Return the whole second (epoch s) of a `_time` cell; None when it is no time."""
    return _moment(cell if isinstance(cell, str) else text(cell) or "")[1]


def as_cell(value: Any) -> Cell:
    """Write a value of the language as a cell: a list as its values that are not null, what is no string as JSON.

    A list without any is null.
    """
    if isinstance(value, list):
        items = [item if isinstance(item, str) else canonical(item) for item in value if item is not None]
        return items if len(items) > 1 else items[0] if items else None
    return value if isinstance(value, str) else canonical(value)


def canonical(value: Any) -> str:
    """Write JSON that is the same for the same value: sorted keys, no blanks, no escapes beyond JSON's own."""
    return quoted(value) if isinstance(value, str) else "".join(_ENCODE(value, 0))


def sha256(value: Any) -> bytes:
    """Hash the canonical JSON of a value."""
    return digest(canonical(value))


def digest(text: str) -> bytes:
    """Return the SHA-256 of a text."""
    # A lone surrogate in an event cannot be encoded; it must not stop the search.
    hashed = _sha256().copy()
    hashed.update(text.encode("utf-8", "surrogatepass"))
    return hashed.digest()


@cache
def _sha256() -> hashlib._Hash:
    """Return the start of all hashes, to be copied: OpenSSL looks an algorithm up for as long as it hashes an event."""
    import hashlib  # not at the start: most searches find nothing

    return hashlib.sha256()

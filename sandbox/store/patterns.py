"""Regexes of a search, written for PCRE, as DuckDB's engine (RE2) takes them."""

import functools
import re

import duckdb

from sandbox.store import failures

_PARTS = re.compile(
    r"\\.|\[\^?\]?(?:\\.|\[:\w+:\]|[^\]\\])*\]|\(\?P?<(?P<name>[A-Za-z_]\w*)>|(?P<plain>\((?!\?))", re.S
)


@functools.lru_cache(1024)
def readable(pattern: str) -> str:
    """Return a regex with its named groups as RE2 writes them. Raises ValueError, which says what is wrong with it."""
    written = _PARTS.sub(lambda part: f"(?P<{part['name']}>" if part["name"] else part[0], pattern)
    try:
        duckdb.connect().execute("SELECT regexp_matches('', ?)", [written])
    except duckdb.Error as error:
        reason = failures.words(error)
        raise ValueError(f"{reason}, which the sandbox lacks" if "invalid perl" in reason else reason) from None
    return written


def groups(pattern: str) -> list[str]:
    """Return the names of a regex's groups, in their order; an empty one for a group without a name."""
    return [part["name"] or "" for part in _PARTS.finditer(pattern) if part["name"] or part["plain"]]

"""Why a search found no events, where that can be known: hints for who typed it."""

import difflib
import re
from collections.abc import Iterator

from sandbox.demo.console import at
from sandbox.errors import SandboxError
from sandbox.search import spl
from sandbox.search.instance import Instance
from sandbox.search.matching import TIME_MODIFIERS
from sandbox.search.server import Result

MAX_NAMED = 10
"""The most values that a hint lists."""

MAX_READ = 1_000
"""Of how many events a hint takes the names of fields."""

_RANGE = re.compile(r'\b_?(?:index_)?(?:earliest|latest)\s*=\s*(?:"[^"]*"|[^\s()]+)')
_EVERYTHING = "(index=* OR index=_*)"


def nothing_found(instance: Instance, result: Result) -> list[str]:
    """Say why the events that a search begins with are not there; nothing of a search that found events."""
    first = result.stages[0]
    if first.command != "search" or first.rows_out:
        return []
    try:
        node = spl.SearchReader(spl.Command("search", first.text, 0, 0)).expression()
        wanted = [found for found in _compared(node) if found[0] not in TIME_MODIFIERS]
        lacking = [hint for field, values in wanted for hint in _lacking(instance, field, values)]
        if lacking or any(field == "index" for field, _ in wanted):
            return lacking or _elsewhen(instance, first.text)
        return _elsewhen(instance, first.text) or _default_index(instance)
    except SandboxError:  # a hint is no reason to fail
        return []


def _compared(node: spl.Node) -> Iterator[tuple[str, list[str]]]:
    """Yield each field that must have one of these values."""
    if node.kind == "and":
        for arg in node.args:
            yield from _compared(arg)
    elif node.kind == "or" and all(arg.kind == "compare" for arg in node.args):
        each = [found for arg in node.args for found in _compared(arg)]
        if len(each) == len(node.args) and len({field for field, _ in each}) == 1:
            yield each[0][0], [value for _, values in each for value in values]
    elif node.kind == "in" or (node.kind == "compare" and node.text in ("=", "==")):
        yield node.args[0].text, [arg.text for arg in node.args[1:]]


def _lacking(instance: Instance, field: str, values: list[str]) -> Iterator[str]:
    """Say of a field that no event has it, or none of these values."""
    name = field if re.fullmatch(r"\w+", field) else _quote(field)
    tests = " OR ".join(f"{name}={_quote(value)}" for value in values)
    if _rows(instance, f"{_EVERYTHING} ({tests}) | head 1"):
        return
    there = [str(row[field]) for row in _rows(instance, f"{_EVERYTHING} | top limit=0 {name}")]
    if there:
        yield f"no event has {field}={' or '.join(values)}{_near(values[0], there)} There are {_listed(there)}"
    else:
        names = instance.search(f"search {_EVERYTHING} | head {MAX_READ}").columns
        yield f"no event has a field {field}{_near(field, names)}"


def _elsewhen(instance: Instance, text: str) -> list[str]:
    """Say when there are events that match, if there are any."""
    anytime = _RANGE.sub(" ", text)
    found = _rows(instance, f"search {anytime or '*'} | stats count min(_time) as first max(_time) as last")
    count, first, last = (found[0].get(name) for name in ("count", "first", "last"))
    if not first or not last:
        return []
    given = "widen --earliest and --latest, or earliest= and latest= in the search."
    return [f"none in this time range, but {count} match from {at(first)} to {at(last)}: {given}"]


def _default_index(instance: Instance) -> list[str]:
    there = [str(row["index"]) for row in _rows(instance, f"{_EVERYTHING} | stats count by index")]
    return [f"a search that names no index sees main alone. There are {_listed(there)}"] if there else []


def _rows(instance: Instance, text: str) -> list[dict[str, object]]:
    return [dict(row) for row in instance.search(text if text.startswith("search ") else f"search {text}").rows]


def _quote(text: str) -> str:
    return '"' + re.sub(r'([\\"])', r"\\\1", text) + '"'


def _near(value: str, there: list[str]) -> str:
    by_fold = {each.casefold(): each for each in there}
    near = difflib.get_close_matches(value.casefold(), by_fold, n=1)
    return f", did you mean {by_fold[near[0]]}?" if near else "."


def _listed(there: list[str]) -> str:
    more = f" and {len(there) - MAX_NAMED} more" if len(there) > MAX_NAMED else ""
    return ", ".join(there[:MAX_NAMED]) + f"{more}."

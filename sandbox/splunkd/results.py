"""Results of a search, as JSON: no caller wants another form.

Source: REST API Reference, "search/v2/jobs/{search_id}/results"; what splunklib.results reads. A field without a value
is left out of a result; times are UTC.
"""

import json
import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

from starlette.responses import JSONResponse, Response, StreamingResponse

from sandbox import confs
from sandbox.search.chunked import Value
from sandbox.splunkd.calls import Call, CallError

MODES = ("json", "json_rows", "json_cols")
PAGE = 100
"""Results in an answer where the call names no count."""


class Found(NamedTuple):
    """Results, the messages (level, text) that come with them, and how many post-processing made."""

    columns: list[str]
    rows: list[dict[str, Value]]
    messages: list[tuple[str, str]]
    made: int | None = None


def answer(call: Call, found: Found, page: int = PAGE) -> Response:
    """Answer with a page of results: `count` (0: all), `offset`, `f` (only these fields), `output_mode`."""
    columns, offset, count = _columns(call, found), call.number("offset", 0), call.number("count", page)
    rows = found.rows[offset : offset + count if count else None]
    mode = mode_of(call)
    messages = [{"type": level, "text": text} for level, text in found.messages]
    head: dict[str, Any] = {"preview": False, "init_offset": offset, "messages": messages}
    if found.made is not None:
        head["post_process_count"] = found.made
    if mode == "json":
        return JSONResponse(
            {**head, "fields": [{"name": name} for name in columns], "results": _objects(columns, rows)}
        )
    if mode == "json_rows":
        form = {"rows": [[cell(name, row.get(name)) for name in columns] for row in rows]}
    else:
        form = {"columns": [[cell(name, row.get(name)) for row in rows] for name in columns]}
    # Splunk's data sources ask for metadata, and read each field as an object.
    described = confs.is_true(call.args.get("show_metadata", "0"))
    return JSONResponse({**head, "fields": [{"name": name} for name in columns] if described else columns, **form})


def stream(call: Call, found: Found) -> Response:
    """Answer with all results as export does: a JSON object a line, or a document."""
    if mode_of(call) != "json":
        return answer(call, found, 0)
    columns = _columns(call, found)

    def lines() -> Iterator[str]:
        messages = [{"type": level, "text": text} for level, text in found.messages]
        if messages:
            yield json.dumps({"preview": False, "messages": messages}) + "\n"
        for number, result in enumerate(_objects(columns, found.rows), 1):
            last = {"lastrow": True} if number == len(found.rows) else {}
            yield json.dumps({"preview": False, "offset": number - 1, **last, "result": result}) + "\n"
        if not found.rows:
            yield json.dumps({"preview": False, "lastrow": True}) + "\n"

    return StreamingResponse(lines(), media_type="application/json")


def mode_of(call: Call) -> str:
    """Return the form that a call wants. Raises CallError for one that is none."""
    mode = call.args.get("output_mode", "xml")
    if mode not in MODES:
        raise CallError(400, f"Invalid output_mode '{mode}': expected one of {', '.join(MODES)}.")
    return mode


def cell(name: str, value: Value) -> Value:
    """Return a value as results show it: a time, epoch s, in ISO 8601 with milliseconds."""
    if name == "_time" and isinstance(value, str) and re.fullmatch(r"-?[0-9]{1,11}(\.[0-9]+)?", value):
        return datetime.fromtimestamp(float(value), UTC).isoformat(timespec="milliseconds")
    return value


def _columns(call: Call, found: Found) -> list[str]:
    wanted = [value for key, value in call.pairs if key == "f"]
    return [name for name in found.columns if not wanted or name in wanted]


def _objects(columns: Sequence[str], rows: Sequence[dict[str, Value]]) -> list[dict[str, Value]]:
    return [{name: cell(name, row[name]) for name in columns if row.get(name) is not None} for row in rows]

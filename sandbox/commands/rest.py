"""The command rest: splunkd's answers as rows.

Choices of the sandbox: the search head alone answers, as to the search's owner; where splunkd would warn that it has no
such endpoint, this is an error; where it would warn that the owner may not read one, there are no rows; a time of an
entity, its author and links are left out.
"""

import urllib.parse
from collections.abc import Iterator, Mapping
from typing import Any

from sandbox.commands.options import options
from sandbox.errors import SandboxError
from sandbox.search import spl
from sandbox.search.command import Context, whole
from sandbox.store.sql import Relation, query, same

_ALL = 0


def build_rest(context: Context, command: spl.Command, _: Relation) -> str:
    """Give a row for each entity of an endpoint: title, permissions (eai:acl.*) and settings."""
    reader = spl.Reader(command)
    path = reader.word()
    given = options(reader, command)
    reader.end()
    if "splunk_server" in given and given["splunk_server"].text != "local":
        raise spl.fail("Only splunk_server=local is supported", given["splunk_server"].position)
    arguments = {"output_mode": "json", "count": whole(given["count"]) if "count" in given else _ALL}
    arguments |= {name: word.text for name, word in given.items() if name == "add_orphan_field"}
    try:
        answer = context.get(f"/{path.text.strip('/')}?{urllib.parse.urlencode(arguments)}")
    except SandboxError as error:
        if not str(error).startswith("403 "):
            raise spl.fail(f"The endpoint '{path.text}' gives {str(error).rstrip('.')}", path.position) from None
        answer = {}
    rows = context.keep(_row(entry) | {"splunk_server": context.server} for entry in answer.get("entry", []))
    return query(rows.source, same(rows))


def _row(entry: Mapping[str, Any]) -> dict[str, object]:
    shown = {"title": entry["name"], **entry.get("content", {}), "eai:acl": entry.get("acl", {})}
    return dict(_flat(shown))


def _flat(settings: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, object]]:
    """Yield name and value of each setting: `a.b` for b within a; 1 or 0 for what is true or not."""
    for key, value in settings.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{key}.")
        elif isinstance(value, list):
            yield f"{prefix}{key}", [str(one) for one in value]
        elif value is not None:
            yield f"{prefix}{key}", str(int(value) if isinstance(value, bool) else value)

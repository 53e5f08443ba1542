"""Many rules, each a function, in the plain SDK: what an engineer would write without this app. Adds five columns."""

from __future__ import annotations

import json
import runpy
import sys
from collections.abc import Iterable, Iterator
from typing import Any

from splunklib.searchcommands import Configuration, StreamingCommand, dispatch

MODULE = runpy.run_path(sys.argv.pop())
COLUMNS, RULES = MODULE["COLUMNS"], MODULE["RULES"]


@Configuration(distributed=True)
class RulesCommand(StreamingCommand):  # type: ignore[misc]  # the SDK has no types
    """The rules."""

    def stream(self, records: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
        """Yield a row for each rule that matches."""
        for row in records:
            lower = [(row.get(column) or "").lower() for column in COLUMNS]
            for name, matches in RULES:
                if matches(row, *lower):
                    time = int(float(row["_time"]) * 1000 + 0.5)
                    body = {"process": row["process"], "process_name": row["process_name"]}
                    yield {
                        **row,
                        "detection": name,
                        **{"start_time": time, "end_time": time, "body": json.dumps(body)},
                        "entities": [row["user"], row["dest"]],
                    }


dispatch(RulesCommand, sys.argv, sys.stdin, sys.stdout, __name__)

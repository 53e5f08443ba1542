"""The shipped rule, written by hand for the plain SDK: what an engineer would write without this app.

With `all` as the last word of SSA_BENCH it computes every column that ssadetect gives; without, four of them.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import sys
from collections.abc import Iterable, Iterator
from typing import Any

from splunklib.searchcommands import Configuration, StreamingCommand, dispatch

ALL = os.environ.get("SSA_BENCH") == "all"


def compact(value: object) -> str:
    """Write JSON that is the same for the same value."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def digest(value: object) -> bytes:
    """Hash it."""
    return hashlib.sha256(compact(value).encode()).digest()


@Configuration(distributed=True)
class PlainCommand(StreamingCommand):  # type: ignore[misc]  # the SDK has no types
    """The rule."""

    def stream(self, records: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
        """Yield the rows that match."""
        for row in records:
            name, line = row.get("process_name", "").lower(), row.get("process", "").lower()
            if name == "msiexec.exe" and ("/y " in line or "-y " in line):
                time = int(float(row["_time"]) * 1000 + 0.5)
                row["start_time"] = row["end_time"] = str(time)
                row["entities"] = entities = [row["user"], row["dest"]]
                body = {
                    "cmd_line": line,
                    "process_name": name,
                    "parent_process_name": row.get("parent_process_name"),
                    "process_path": row.get("process_path"),
                }
                if ALL:
                    keys = ("dest", "user", "process_id", "process_path", "process")
                    body["event_id"] = row["event_id"] = digest(
                        [time // 1000, *[row.get(key, "") for key in keys]]
                    ).hex()
                    found = {"detection_id": "8d1d5570-722c-49a3-996c-2e2cceef5163", "body": body, "entities": entities}
                    hashed = digest({**found, "start_time": time, "end_time": time})
                    row["finding_id"] = "sha256:" + base64.b64encode(hashed).decode()
                    row["detection"] = "Windows System Binary Proxy Execution MSIExec DLLRegisterServer"
                    row["detection_id"], row["detection_version"], row["detection_type"] = (
                        found["detection_id"],
                        "1",
                        "TTP",
                    )
                    row["risk_score"], row["risk_severity"] = "35", "low"
                    row["dest_user_id"], row["dest_device_id"] = entities
                row["body"] = compact(body)
                yield row


dispatch(PlainCommand, sys.argv, sys.stdin, sys.stdout, __name__)

"""What a new detection begins with: a search that finds the example event, and no other."""

from __future__ import annotations

import json
from datetime import UTC, datetime

COMMENT = """\
Yours. README/ssa_detections.conf.spec explains each setting, docs/language.md the language of `search`.
search: each eval reads a column of the event, where decides, body is what a hit shows. A line goes on below when it
  ends with a backslash.
impact, confidence: 0 to 100; impact * confidence / 100 is the score of a hit. From 61 on it is severe.
message: $field$ is a field of the body or the event. observables: who gets the risk has the role Victim.
type: TTP (an attack pattern as such), Anomaly (unusual, often harmless) or Hunting (to look through, no alert).
datamodel: Endpoint_Processes is the start of processes. mitre_attack_id: such as T1218.010, T1105.
Raise version with the search; never change id."""

SEARCH = """\
| from read_ssa_enriched_events()
| eval timestamp=parse_long(ucast(map_get(input_event, "_time"), "string", null)),
    process_name=lower(ucast(map_get(input_event, "process_name"), "string", null)),
    cmd_line=lower(ucast(map_get(input_event, "process"), "string", null))
| where process_name="example.exe" AND like(cmd_line, "%--example%")
| eval start_time=timestamp, end_time=timestamp,
    entities=mvappend(ucast(map_get(input_event, "dest_user_id"), "string", null),
      ucast(map_get(input_event, "dest_device_id"), "string", null)),
    body=create_map(["process_name", process_name, "cmd_line", cmd_line])
| into write_ssa_detected_events();"""

OBSERVABLES = (
    {"name": "dest_user_id", "type": "User", "role": "Victim"},
    {"name": "dest_device_id", "type": "Hostname", "role": "Victim"},
    {"name": "process_name", "type": "Process", "role": "Attacker"},
)

TESTS = """\
# Events as Splunk shows them: columns and values. Each below `true` must be a hit, none below `false` may be one.
# python -m tools test runs them.
detection: {name}
true:
- user: jdoe
  dest: ws-1
  process_name: example.exe
  process_path: 'C:\\Users\\jdoe\\example.exe'
  process: '"C:\\Users\\jdoe\\example.exe" --example now'
  parent_process_name: explorer.exe
false:
- user: jdoe
  dest: ws-1
  process_name: example.exe
  process_path: 'C:\\Users\\jdoe\\example.exe'
  process: '"C:\\Users\\jdoe\\example.exe" --help'
  parent_process_name: explorer.exe
"""


def settings(name: str, id: str) -> dict[str, str]:
    """Return the settings of a new detection."""
    return {
        "id": id,
        "version": "1",
        "date": datetime.now(UTC).date().isoformat(),
        "type": "TTP",
        "datamodel": "Endpoint_Processes",
        "description": f"{name}.",
        "search": SEARCH,
        "impact": "50",
        "confidence": "70",
        "message": "$process_name$ on $dest_device_id$ by $dest_user_id$: $cmd_line$",
        "observables": json.dumps(OBSERVABLES),
        "mitre_attack_id": "",
        "required_fields": "_time, dest_device_id, dest_user_id, process, process_name",
    }


def tests(name: str) -> str:
    """Return its test file."""
    return TESTS.format(name=json.dumps(name, ensure_ascii=False))

"""Detections of a set, as an import writes them: each finds command lines that hold a word."""

import json

OBSERVABLES = [
    {"name": "dest_user_id", "type": "User", "role": "Victim"},
    {"name": "dest_device_id", "type": "Hostname", "role": "Victim"},
    {"name": "process_name", "type": "Process", "role": "Child Process"},
]

_SEARCH = (
    '| from read_ssa_enriched_events() | eval timestamp=parse_long(ucast(map_get(input_event, "_time"), "string", '
    'null)), line=lower(ucast(map_get(input_event, "process"), "string", null)) | where line LIKE "%{}%" '
    "| eval start_time=timestamp, end_time=timestamp, "
    'entities=mvappend(ucast(map_get(input_event, "dest_user_id"), "string", null), '
    'ucast(map_get(input_event, "dest_device_id"), "string", null)), body=create_map(["line", line]) '
    "| into write_ssa_detected_events();"
)


def rule(name, of="mine", word=None, **settings):
    """The stanza of a detection of the set `of`, which finds `word`, by default its name in lower case."""
    stanza = {
        "id": f"id-{name}",
        "version": 1,
        "set": of,
        "author": "Ann Lee",
        "license": "DRL 1.1",
        "source": f"Sigma: rules/{name}.yml",
        "level": "high",
        "status": "test",
        "type": "TTP",
        "datamodel": "Endpoint_Processes",
        "date": "2024-01-02",
        "description": f"Finds {name}.",
        "search": _SEARCH.format(word or name.lower()),
        "impact": 55,
        "confidence": 100,
        "message": f"{name} (Sigma rule by Ann Lee) on $dest_device_id$ by $dest_user_id$: $process$",
        "observables": json.dumps(OBSERVABLES),
        "analytic_story": "Sigma Windows process creation",
        **settings,
    }
    return f"[{name}]\n" + "".join(f"{key} = {value}\n" for key, value in stanza.items() if value != "") + "\n"

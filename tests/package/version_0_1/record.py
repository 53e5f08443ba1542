"""Records what version 0.1.0 leaves behind; it has run once, and tests/package/test_upgrade.py reads what it wrote.

    git worktree add OLD 941d494
    cd OLD && PYTHONPATH=. python RECORD.py FOLDER

It runs in a checkout of that version, with its sandbox and the package that it builds: a user's local settings, entries
of the lookups, process events of a morning, and two runs of each scheduled search with the action ssa_risk. Into
FOLDER it writes

    local/*.conf      the settings
    kvstore.json      the records of the app's collections, also those that the action wrote
    events.json       the process events
    risk.json         the risk events: when each was indexed (epoch s), its source, and its line
    files.txt         the files of the package, less bytecode
"""

import json
import sys
import tempfile
from pathlib import Path

from sandbox import confs
from sandbox.alerts.scheduler import Scheduler
from sandbox.search.instance import Instance
from sandbox.splunkd import Splunkd
from tools.build import package

APP, INDEX, LATER = "ssa_detections", "edr_risk", "2099-01-01"
GIVEN = "Windows System Binary Proxy Execution MSIExec DLLRegisterServer"
STEM = GIVEN.lower().replace(" ", "_")
HARDENED, PACKAGE = "Windows MSIExec DLL Registration", "Windows MSIExec Package From Network"
SCORE, BREADTH = "SSA - Risk Over 24 Hours - Rule", "SSA - ATT&CK Breadth Over 7 Days - Rule"
DAY, HOUR = 1_772_409_600, 3_600
OURS = {"enableSched": "1", "dispatch.earliest_time": "-310m@m", "action.ssa_risk.param.index": INDEX}
SEARCH = (
    '| from read_ssa_enriched_events() | eval at=parse_long(ucast(map_get(input_event, "_time"), "string", null)), '
    'process=ucast(map_get(input_event, "process"), "string", null) | where like(process, "%ourtool%") | eval '
    "start_time=at, end_time=at, "
    'entities=mvappend(map_get(input_event, "dest_user_id"), map_get(input_event, "dest_device_id")), '
    'body=create_map(["process", process]) | into write_ssa_detected_events();'
)


def settings(default):
    """Return what the user has set, by conf; the own rule is a copy of the shipped one, with another message."""
    rule = default("savedsearches")[SCORE]
    given = default("ssa_detections")[GIVEN]
    own = {key: given[key] for key in ("version", "type", "datamodel", "observables")}
    search = '`ssa_process_events` ourtool | ssadetect detection="Our Tool" | `our_tool_filter` | addinfo'
    shipped = {"cron_schedule": "0 * * * *", "dispatch.latest_time": "-10m@m", "action.ssa_risk": "1"}
    trigger = {"counttype": "number of events", "relation": "greater than", "quantity": "0"}
    return {
        "macros": {
            "ssa_risk_events": {"definition": f"index={INDEX} sourcetype=stash risk_event_id=*"},
            "ssa_risk_threshold": {"definition": "50"},
            "ssa_risk_cap": {"definition": "55"},
            f"{STEM}_filter": {"definition": "search NOT user=svc_deploy | `ssa_allow_list`"},
            "our_tool_filter": {"definition": "search *"},
        },
        "ssa_detections": {
            GIVEN: {"impact": "80"},
            "Our Tool": {
                **own,
                "id": "0000-our-tool",
                "search": SEARCH,
                "impact": "60",
                "confidence": "50",
                "message": "Our tool ran on $dest_device_id$.",
                "analytic_story": "Our story",
            },
        },
        "savedsearches": {
            f"SSA - {GIVEN} - Rule": OURS,
            f"SSA - {HARDENED} - Rule": {**OURS, "disabled": "0"},
            f"SSA - {PACKAGE} - Rule": {**OURS, "disabled": "0"},
            "SSA - Our Tool - Rule": {**OURS, **shipped, **trigger, "search": search},
            SCORE: {"enableSched": "1"},
            BREADTH: {"enableSched": "1"},
            "Our risk rule": {**rule, "enableSched": "1", "search": rule["search"].replace("has gathered", "has")},
        },
    }


LOOKUPS = {
    "ssa_allow_list": {"detection": GIVEN, "field": "process", "pattern": r"*\agent.dll*", "ticket": "CHG-1"},
    "ssa_ignored_entities": {"entity": "svc_scanner", "type": "user"},
    "ssa_risk_modifiers": {"entity": "srv-*", "factor": 2},
}
OWNED = {"expires": LATER, "owner": "alice", "reason": "known"}


def event(hour, minute, user, dest, line, **more):
    """Return a process event as the add-ons give it."""
    at = DAY + hour * HOUR + minute * 60 + 0.25
    row = {"process_name": line.split(" ")[0], "process": line, "user": user, "dest": dest, "host": "collector"}
    row |= {"process_id": f"{hour}{minute}0", "parent_process_name": "cmd.exe", "event_id": "4688"} | more
    return row | {"_time": at, "_raw": line, "index": "win", "sourcetype": "x", "tag": ["process", "report"]}


WEB = {"parent_process_name": "powershell.exe"}
MORNING = [
    event(5, 30, "zoe", "ws-9", r"msiexec.exe /y C:\Users\Public\old.dll"),  # too early for later runs
    event(8, 0, r"CORP\Amy", "WS-1.", r"msiexec.exe /y C:\Users\Public\a.dll"),
    event(8, 0, r"CORP\Amy", "WS-1.", r"msiexec.exe /y C:\Users\Public\b.dll", process_id="77"),
    event(9, 5, "bob", "-", r"msiexec.exe /y C:\Temp\c.dll", host="ws-2"),
    event(9, 10, "bob", "ws-2", "msiexec.exe /i https://cdn.example/tool-1.msi", **WEB),
    event(9, 15, "bob", "ws-2", "msiexec.exe /i https://cdn.example/tool-2.msi", **WEB),
    event(9, 20, "carol", "srv-1", "ourtool.exe --all"),
    event(9, 25, "svc_deploy", "ws-3", r"msiexec.exe /y C:\x\deploy.dll"),
    event(9, 30, "dan", "ws-3", r"msiexec.exe /y C:\x\agent.dll"),
    event(9, 35, "svc_scanner", "ws-4", r"msiexec.exe /y C:\x\scan.dll"),
]


def write_conf(path, stanzas):
    """Write a conf file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    parts = (f"[{name}]\n" + "".join(f"{k} = {v}\n" for k, v in keys.items()) for name, keys in stanzas.items())
    path.write_text("\n".join(parts))


def main(folder):
    """Play the morning of 2026-03-02, and write what is left of it."""
    home = Path(tempfile.mkdtemp())
    instance = Instance(home, session_key="key")
    archive = package.build(home / "dist")
    instance.install(archive)
    app = instance.apps / APP
    files = sorted(
        path.relative_to(app).as_posix() for path in app.rglob("*") if path.is_file() and path.suffix != ".pyc"
    )
    for name, stanzas in settings(lambda conf: confs.load(app, conf)).items():
        write_conf(app / "local" / f"{name}.conf", stanzas)
        write_conf(folder / "local" / f"{name}.conf", stanzas)
    for name, entry in LOOKUPS.items():
        instance.kvstore.collection(APP, name).save([entry | OWNED], replace=True)
    instance.add_events(MORNING)
    with Splunkd(instance) as splunkd:
        splunkd.sessions["key"] = frozenset({"edit_tcp"})
        splunkd.indexes.add(INDEX)
        instance.splunkd_uri = splunkd.uri
        scheduler = Scheduler(instance)
        risk, alerts = [], []
        for hour in (10, 11):
            for run in scheduler.run(DAY + hour * HOUR, DAY + (hour + 1) * HOUR):
                assert not run.error, run
                assert all(action.code == 0 for action in run.actions), run
                rows = [row for alert in run.raised for row in alert.rows]
                alerts += [(run.search, row.get("risk_object"), row.get("risk_score")) for row in rows]
                written = instance.search(f"index={INDEX} | table source, _raw").rows
                known = {line for _, _, line in risk}
                risk += [(run.time, row["source"], row["_raw"]) for row in written if row["_raw"] not in known]
    sys.stdout.writelines(f"{alert}\n" for alert in alerts if alert[0] in (SCORE, BREADTH, "Our risk rule"))
    names = [*LOOKUPS, "ssa_risk_ledger"]
    records = {name: instance.kvstore.collection(APP, name).find() for name in names}
    for name, found in {"kvstore": records, "events": MORNING, "risk": risk}.items():
        (folder / f"{name}.json").write_text(json.dumps(found, indent=1) + "\n")
    (folder / "files.txt").write_text("".join(f"{name}\n" for name in files))


if __name__ == "__main__":
    main(Path(sys.argv[1]))

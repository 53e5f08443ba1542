"""Chunks of process events as splunkd sends them: wide (50 columns, 1.2 KB a row) or narrow (the shipped search's)."""

from __future__ import annotations

import csv
import io
from random import Random
from typing import NamedTuple

from tools.docs.pages import GIVEN

WIDE = (
    *("_time", "_raw", "host", "source", "sourcetype", "index", "process", "process_name", "process_path"),
    *("process_id", "process_guid", "process_hash", "process_integrity_level", "parent_process"),
    *("parent_process_name", "parent_process_path", "parent_process_id", "original_file_name", "user", "user_id"),
    *("dest", "action", "vendor_product", "signature_id", "splunk_server"),
)

NARROW = (
    *("_time", "host", "dest", "user", "process", "process_name", "process_path", "process_id"),
    *("parent_process", "parent_process_name"),
)
"""The columns that the shipped search passes on."""

PROCESSES = (
    ("svchost.exe", r"C:\Windows\System32\svchost.exe -k netsvcs -p -s Schedule"),
    ("conhost.exe", r"\??\C:\Windows\system32\conhost.exe 0xffffffff -ForceV1"),
    ("chrome.exe", r'"C:\Program Files\Google\Chrome\Application\chrome.exe" --type=renderer --lang=en-US,i,1236'),
    ("cmd.exe", r'C:\Windows\system32\cmd.exe /c "dir /s C:\Users & echo done"'),
    ("powershell.exe", r'powershell.exe -NoProfile -Command "Get-Process | Where {$_.CPU -gt 10}"'),
    ("MsMpEng.exe", r'"C:\ProgramData\Microsoft\Windows Defender\Platform\4.18\MsMpEng.exe"'),
    ("splunkd.exe", r'"C:\Program Files\SplunkUniversalForwarder\bin\splunk-winevtlog.exe"'),
    ("TiWorker.exe", r"C:\Windows\winsxs\amd64_microsoft-windows-servicingstack\TiWorker.exe -Embedding"),
)
NEAR = ("msiexec.exe", r'msiexec.exe /i "C:\pkg\setup.msi" /qn')
NEAR_RATE = 0.003
"""How many rows have the process that is looked for, and are no match all the same."""

MATCHES = (
    ("msiexec.exe", r'"C:\Windows\System32\msiexec.exe" /y "C:\Users\Public\evil dll.dll" /q'),
    ("MSIEXEC.EXE", r"MsiExec.exe -Y C:\ProgramData\x.dll -q"),
    ("msiexec.exe", "msiexec.exe /Y C:\\temp\\a.dll \nsecond line"),
)


class Chunk(NamedTuple):
    """The body of a chunk, how many rows it has, and how many of them match."""

    body: bytes
    rows: int
    matches: int


def chunk(columns: tuple[str, ...], rows: int, rate: float, names: int = 1) -> Chunk:
    """Make a chunk. The matches are of the shipped detection, or in turn of as many as `names` (see detections)."""
    random = Random(f"{rows} {rate}")
    text = io.StringIO()
    written = csv.writer(text, lineterminator="\n")
    matches = 0
    for number in range(rows):
        chance = random.random()
        name, line = random.choice(PROCESSES)
        if chance < rate:
            name, line = random.choice(MATCHES)
            if matches % names:
                name, line = program(matches % names), f"{program(matches % names)} {argument(matches % names)}"
            matches += 1
        elif chance < rate + NEAR_RATE:
            name, line = NEAR
        row = event(random, number, name, line)
        written.writerow([row[column] for column in columns] + [""] * len(columns))
    header = ",".join(
        f'"{name}"' if "_" in name else name for name in (*columns, *(f"__mv_{name}" for name in columns))
    )
    return Chunk(f"{header}\n{text.getvalue()}".encode(), rows, matches)


def event(random: Random, number: int, name: str, line: str) -> dict[str, str]:
    """Make the fields of one event."""
    dest, user = f"WKS-{random.randrange(3000):04}.corp.example", f"user{random.randrange(800)}"
    process, parent = random.randrange(400, 30_000), random.randrange(400, 30_000)
    path, guid, digest = f"C:\\Windows\\System32\\{name}", f"{random.getrandbits(128):032x}", random.getrandbits(256)
    data = {
        "ProcessGuid": guid,
        "ProcessId": process,
        "Image": path,
        "CommandLine": line,
        "User": f"CORP\\{user}",
        "Hashes": f"SHA256={digest:064X}",
        "ParentImage": "C:\\Windows\\explorer.exe",
    }
    items = "".join(f"<Data Name='{key}'>{value}</Data>" for key, value in data.items())
    return {
        "_time": f"{1_700_000_000 + number * 0.137:.3f}",
        "_raw": "<Event xmlns='http://schemas.microsoft.com/win/2004/08/events/event'><System><Provider "
        f"Name='Microsoft-Windows-Sysmon'/><EventID>1</EventID><Computer>{dest}</Computer></System>"
        f"<EventData>{items}</EventData></Event>",
        "host": dest,
        "source": "XmlWinEventLog:Microsoft-Windows-Sysmon/Operational",
        "sourcetype": "XmlWinEventLog",
        "index": "win",
        "process": line,
        "process_name": name,
        "process_path": path,
        "process_id": str(process),
        "process_guid": guid,
        "process_hash": f"SHA256={digest:064X}",
        "process_integrity_level": "medium",
        "parent_process": "C:\\Windows\\explorer.exe /NOUACCHECK",
        "parent_process_name": "explorer.exe",
        "parent_process_path": "C:\\Windows\\explorer.exe",
        "parent_process_id": str(parent),
        "original_file_name": name.lower(),
        "user": user,
        "user_id": f"S-1-5-21-{random.getrandbits(32)}",
        "dest": dest,
        "action": "allowed",
        "vendor_product": "Microsoft Sysmon",
        "signature_id": "1",
        "splunk_server": f"idx{random.randrange(12):02}",
    }


def program(number: int) -> str:
    """Name the process of a made-up detection."""
    return f"tool{number}x.exe"


def argument(number: int) -> str:
    """Return what the command line of a match of a made-up detection has in it."""
    return f"/flag{number} "


def detections(count: int) -> str:
    """Write the conf of so many detections, the shipped one among them; each made up has its process and argument."""
    return (
        "[default]\ndisabled = 1\n"
        + f"[{GIVEN}]\ndisabled = 0\n"
        + "".join(
            f"[Made {number}]\ndisabled = 0\nid = made-{number}\nversion = 1\nimpact = 50\n"
            "confidence = 50\nmessage = found $process$\n"
            'observables = [{"name": "dest", "type": "Hostname", "role": "Victim"}]\nsearch = '
            "| from read_ssa_enriched_events() "
            '| eval timestamp=parse_long(ucast(map_get(input_event, "_time"), "string", null)), '
            'line=lower(ucast(map_get(input_event, "process"), "string", null)), '
            'name=lower(ucast(map_get(input_event, "process_name"), "string", null)) '
            f'| where name="{program(number)}" AND like(line, "%{argument(number)}%") '
            '| eval start_time=timestamp, end_time=timestamp, entities=[name], body=create_map(["line", line]) '
            "| into write_ssa_detected_events();\n"
            for number in range(1, count)
        )
    )

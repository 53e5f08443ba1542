"""Four days of a small estate, as its Windows event logs have them: what its users and devices do, and what fires."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from tests.support.windows.events import security_xml

FIRST = datetime(2026, 3, 2, tzinfo=UTC)
"""The first day; the fourth is "today" of the views."""

SYSTEM32 = r"C:\Windows\System32"
CMD, EXPLORER, WORD = rf"{SYSTEM32}\cmd.exe", r"C:\Windows\explorer.exe", r"C:\Program Files\Office\winword.exe"
REGISTER = r"msiexec.exe /y C:\Users\Public\{}.dll"
UNREGISTER = r"msiexec.exe /z C:\Users\Public\{}.dll"
NETWORK = "msiexec.exe /q /i http://files.invalid/{}.msi"
SILENT = r"msiexec.exe /i C:\Users\svc.deploy\AppData\Local\Temp\tool-{}.msi /qn"
REMOVAL = 'msiexec.exe /x "Sophos Endpoint Agent" /qn {}'


class Process(NamedTuple):
    """A process that starts: on a day (1 to 4), at a time, of a user on a device."""

    day: int
    clock: str
    user: str
    device: str
    parent: str
    line: str


NOISE = [
    Process(day, f"{hour:02}:{10 * day:02}", "svc.deploy", f"ws-{hour:02}", CMD, SILENT.format(f"{day}-{hour}"))
    for day in (1, 2, 3, 4)
    for hour in range(8, 17, 2)
]
"""A deployment that installs from a user's folder: always the same user, parent and detection."""

ATTACKS = [
    Process(1, "09:15", "z.orr", "ws-14", EXPLORER, UNREGISTER.format("old")),
    Process(2, "11:02", "m.rao", "ws-11", WORD, NETWORK.format("offer")),
    Process(2, "11:04", "m.rao", "ws-11", CMD, REGISTER.format("stage")),
    Process(2, "11:31", "m.rao", "ws-11", CMD, REMOVAL.format("")),
    Process(3, "14:20", "l.kim", "ws-12", CMD, REGISTER.format("codec")),
    Process(3, "15:45", "l.kim", "ws-13", EXPLORER, UNREGISTER.format("codec")),
    Process(4, "08:05", "m.rao", "ws-11", CMD, REGISTER.format("again")),
    Process(4, "13:12", "j.doe", "ws-10", WORD, NETWORK.format("invoice")),
    Process(4, "13:13", "j.doe", "ws-10", CMD, REGISTER.format("update")),
    Process(4, "13:40", "j.doe", "ws-10", CMD, REMOVAL.format("/norestart")),
    Process(4, "14:01", "adm.t", "ws-15", CMD, REGISTER.format("tool")),
]
"""What the other users do: m.rao, l.kim and j.doe exceed the threshold, on the second, third and fourth day."""

EVERYDAY = [
    Process(day, f"{hour:02}:30", user, device, EXPLORER, rf"{SYSTEM32}\notepad.exe")
    for day in (1, 2, 3, 4)
    for hour, user, device in ((8, "j.doe", "ws-10"), (12, "m.rao", "ws-11"), (16, "l.kim", "ws-12"))
]
"""What nothing fires on; the last of it ends the fourth day's data, at 16:30."""

ONE = [Process(4, "10:00", "j.doe", "ws-10", CMD, REGISTER.format("update")), *EVERYDAY[-3:]]
"""A single hit, and what nothing fires on."""


def write(path: Path, processes: Iterable[Process]) -> Path:
    """Write the events of processes into a file, in the order of their times; return its path."""
    path.write_text("".join(event + "\n" for _, event in sorted(map(event_of, processes))), "utf-8")
    return path


def event_of(process: Process) -> tuple[datetime, str]:
    """Return when a process started, and its event."""
    hour, minute = map(int, process.clock.split(":"))
    when = FIRST + timedelta(days=process.day - 1, hours=hour, minutes=minute)
    image = rf"{SYSTEM32}\{process.line.split()[0]}" if process.line.startswith("msiexec") else process.line
    text = security_xml(
        process.line,
        image,
        SubjectUserName=process.user,
        ParentProcessName=process.parent,
        NewProcessId=f"{4 * (10_000 * process.day + 60 * hour + minute):#x}",
    )
    text = text.replace("2026-03-02T07:00:00.123456700Z", f"{when:%Y-%m-%dT%H:%M:%S}.000000000Z")
    return when, text.replace("ws-01.example", f"{process.device}.example")

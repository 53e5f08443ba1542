"""The demo dataset: one invented working day on twelve invented Windows machines, with msiexec.exe in the middle.

`make generate` writes the files of sandbox/demo. They have to hold what no public dataset has: true
hits of the msiexec detection next to everyday msiexec and everyday `/y `, in each rendering that Splunk may receive.
All of it is synthetic; the same seed always gives the same bytes.
"""

import hashlib
import json
import random
import re
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple
from xml.sax.saxutils import escape

SEED = 4688
DAY_START = datetime(2026, 3, 2, 7, tzinfo=UTC)
DAY_LENGTH = timedelta(hours=12)
BOOT = DAY_START - timedelta(days=3)  # when the processes started that are there all day
DOMAIN = "SYNTHETIC"
DNS_SUFFIX = "synthetic.example"
ALL_ROLES_SHARE = 0.35  # how much of a machine's routine is that of every machine
UNAUDITED_SHARE = 0.03  # how many ordinary 4688 events have no command line

SECURITY = "security-4688.xml.log"
SYSMON = "sysmon.xml.log"
CLASSIC = "security-4688.classic.log"

ABOUT = (
    "Synthetic events made by tools/content/demo_data.py: there are no such machines or people. `expected`: whether "
    "the given msiexec DLLRegisterServer detection claims the event; `what`: what the event stands for; "
    "`command_line`: as it was started, before an add-on completes it; `id`: host and record number of the event."
)


class Host(NamedTuple):
    """A machine: the file its events are in, its user at the user's integrity level, its role and amount of routine."""

    name: str
    file: str
    user: str
    level: str
    role: str
    chains: int


HOSTS = (
    Host("ws-fin-01", SECURITY, "a.finch", "Medium", "office", 30),
    Host("ws-fin-02", SECURITY, "b.heron", "Medium", "office", 32),
    Host("ws-hr-01", SECURITY, "c.wren", "Medium", "office", 28),
    Host("ws-sales-01", SECURITY, "d.swift", "Medium", "office", 28),
    Host("dc-01", SECURITY, "adm.rook", "High", "administration", 24),
    Host("ws-eng-01", SYSMON, "f.crane", "Medium", "development", 24),
    Host("ws-eng-02", SYSMON, "g.martin", "Medium", "development", 24),
    Host("build-01", SYSMON, "svc.build", "High", "build", 16),
    Host("web-01", SYSMON, "svc.portal", "High", "web", 20),
    Host("ws-sales-02", CLASSIC, "e.plover", "Medium", "office", 22),
    Host("file-01", CLASSIC, "adm.lark", "High", "administration", 18),
    Host("deploy-01", CLASSIC, "adm.jay", "High", "administration", 18),
)

# Programs that are not in System32.
PROGRAMS = {
    "agent": r"C:\Program Files\Deploy Agent\agent.exe",
    "chrome": r"C:\Program Files\Google\Chrome\Application\chrome.exe",
    "choco": r"C:\ProgramData\chocolatey\bin\choco.exe",
    "cl": r"C:\BuildTools\VC\Tools\bin\cl.exe",
    "code": r"C:\Program Files\Microsoft VS Code\Code.exe",
    "csc": r"C:\Windows\Microsoft.NET\Framework64\v4.0.30319\csc.exe",
    "edge": r"C:\Program Files (x86)\Microsoft\Edge\Application\msedge.exe",
    "excel": r"C:\Program Files\Microsoft Office\root\Office16\EXCEL.EXE",
    "explorer": r"C:\Windows\explorer.exe",
    "git": r"C:\Program Files\Git\cmd\git.exe",
    "msbuild": r"C:\BuildTools\MSBuild\Current\Bin\MSBuild.exe",
    "msiexec32": r"C:\Windows\SysWOW64\msiexec.exe",
    "node": r"C:\Program Files\nodejs\node.exe",
    "outlook": r"C:\Program Files\Microsoft Office\root\Office16\OUTLOOK.EXE",
    "powershell": r"C:\Windows\System32\WindowsPowerShell\v1.0\powershell.exe",
    "python": r"C:\Python311\python.exe",
    "sevenzip": r"C:\Program Files\7-Zip\7z.exe",
    "setup": r"C:\Users\<user>\Downloads\viewer-setup.exe",
    "splunkd": r"C:\Program Files\SplunkUniversalForwarder\bin\splunkd.exe",
    "splwow64": r"C:\Windows\splwow64.exe",
    "trustedinstaller": r"C:\Windows\servicing\TrustedInstaller.exe",
    "w3wp": r"C:\Windows\System32\inetsrv\w3wp.exe",
    "winevtlog": r"C:\Program Files\SplunkUniversalForwarder\bin\splunk-winevtlog.exe",
    "winword": r"C:\Program Files\Microsoft Office\root\Office16\WINWORD.EXE",
    "wmiprvse": r"C:\Windows\System32\wbem\WmiPrvSE.exe",
    "worker": r"C:\BuildAgent\bin\Worker.exe",
}


DAY = tomllib.loads(Path(__file__).with_name("demo_day.toml").read_text("utf-8"))
"""The processes of the day: `residents`, `routine` and `script`, each explained there."""

# What fills a <placeholder>, apart from <image>, <user>, and <n>, <guid> and <hex>, which are new for each chain.
PLACES = {
    "atomics": r"C:\AtomicRedTeam\atomics\T1218.007\src",
    "remote": "https://github.com/redcanaryco/atomic-red-team/raw/master/atomics/T1218.007/src",
}

# The end of the text that Windows writes into every classic 4688.
CLASSIC_END = """
Token Elevation Type indicates the type of token that was assigned to the new process in accordance with User Account \
Control policy.

Type 1 is a full token with no privileges removed or groups disabled.  A full token is only used if User Account \
Control is disabled or if the user is the built-in Administrator account or a service account.

Type 2 is an elevated token with no privileges removed or groups disabled.  An elevated token is used when User \
Account Control is enabled and the user chooses to start the program using Run as administrator.  An elevated token is \
also used when an application is configured to always require administrative privilege or to always require maximum \
privilege, and the user is a member of the Administrators group.

Type 3 is a limited token with administrative privileges removed and administrative groups disabled.  The limited \
token is used when User Account Control is enabled, the application does not require administrative privilege, and the \
user does not choose to start the program using Run as administrator.
"""

# Integrity level -> its SID and the type of the token.
LEVELS = {
    "Medium": ("S-1-16-8192", "%%1938"),
    "High": ("S-1-16-12288", "%%1937"),
    "System": ("S-1-16-16384", "%%1936"),
}
# Program -> Sysmon's Description and OriginalFileName, where these are not just its name.
VERSION_INFO = {
    "cmd.exe": ("Windows Command Processor", "Cmd.Exe"),
    "msiexec.exe": ("Windows® installer", "msiexec.exe"),
    "powershell.exe": ("Windows PowerShell", "PowerShell.EXE"),
    "svchost.exe": ("Host Process for Windows Services", "svchost.exe"),
}


@dataclass(frozen=True)
class Account:
    """Who a process runs as."""

    name: str  # as 4688 names it, without the domain
    security_id: str  # as Sysmon and classic text name it, with the domain
    sid: str
    logon_id: str
    level: str
    session: int


@dataclass(frozen=True)
class Running:
    """A process."""

    host: Host
    time: datetime  # of its start
    account: Account
    image: str
    command_line: str
    pid: int

    @property
    def name(self) -> str:
        """The basename of the image."""
        return self.image.rpartition("\\")[2]

    @property
    def guid(self) -> str:
        """The process GUID, made of machine, start time and process id as Sysmon makes it."""
        epoch = int(self.time.timestamp())
        return f"{{{_machine(self.host)}-{epoch & 0xFFFF:04X}-{epoch >> 16:04X}-{self.pid & 0xFFFF:04X}-000000000500}}"


@dataclass(frozen=True)
class Process(Running):
    """A process that started that day: an event. The catalogue describes those of msiexec.exe further."""

    parent: Running
    what: str = ""
    expected: bool = False


class Chain(NamedTuple):
    """A heading of the routine or the script and its processes: program and command line."""

    heading: str
    steps: list[tuple[str, str]]


def build() -> dict[str, str]:
    """Return the dataset as file name -> content: the same on each call."""
    rng = random.Random(SEED)
    events: list[tuple[datetime, str, str]] = []
    catalogue = []
    for number, host in enumerate(HOSTS, start=1):
        kind, render = FORMATS[host.file]
        for record, process in enumerate(_Machine(host, rng).day(), start=10_000 * number + rng.randrange(5000)):
            events.append((process.time, host.file, render(process, record)))
            if process.name.lower() == "msiexec.exe":
                account = process.account
                catalogue.append(
                    {
                        "id": f"{host.name}/{record}",
                        "file": host.file,
                        "format": kind,
                        "command_line": process.command_line,
                        "process_path": process.image,
                        "user": account.security_id if host.file == SYSMON else account.name,
                        "dest": _computer(host),
                        "expected": process.expected,
                        "what": process.what,
                    }
                )
    events.sort()
    files = {name: "".join(text for _, file, text in events if file == name) for name in FORMATS}
    files["catalogue.json"] = json.dumps({"about": ABOUT, "events": catalogue}, indent=1, ensure_ascii=False) + "\n"
    return files


class _Machine:
    """A host on that day: its accounts, its resident processes, and what they start."""

    def __init__(self, host: Host, rng: random.Random) -> None:
        number = HOSTS.index(host)
        self._host = host
        self._rng = rng
        self._accounts = {
            "system": Account(f"{host.name.upper()}$", r"NT AUTHORITY\SYSTEM", "S-1-5-18", "0x3e7", "System", 0),
            "user": Account(
                name=host.user,
                security_id=rf"{DOMAIN}\{host.user}",
                sid=f"S-1-5-21-1004336348-1177238915-682003330-{1101 + number}",
                logon_id=f"0x{0x4E000 + 0x1A35 * number:x}",
                level=host.level,
                session=1,
            ),
        }
        self._residents: dict[str, Running] = {}
        for row in DAY["residents"].strip().splitlines():
            name, who, program, command_line = row.split(maxsplit=3)
            image, filled = _fill(host, program, command_line, {})
            self._residents[name] = Running(host, BOOT, self._accounts[who], image, filled, _pid(rng))

    def day(self) -> list[Process]:
        """Return the processes that start that day, in the order of time."""
        return sorted([*self._script(), *self._routine()], key=lambda process: process.time)

    def _script(self) -> Iterator[Process]:
        for chain in _chains(DAY["script"]):
            name, clock, parent, who, claimed, what = chain.heading.split(maxsplit=5)
            if name == self._host.name:
                begin = datetime.combine(DAY_START, datetime.strptime(clock, "%H:%M:%S").time(), UTC)
                *others, msiexec = self._run(chain, parent, who, begin)
                yield from others
                yield replace(msiexec, what=what, expected=claimed == "claimed")

    def _routine(self) -> Iterator[Process]:
        routine: dict[str, list[tuple[Chain, str, str]]] = {}
        for chain in _chains(DAY["routine"]):
            role, parent, who = chain.heading.split()
            routine.setdefault(role, []).append((chain, parent, who))
        for _ in range(self._host.chains):
            role = "all" if self._rng.random() < ALL_ROLES_SHARE else self._host.role
            begin = DAY_START + (DAY_LENGTH - timedelta(minutes=1)) * self._rng.random()
            for process in self._run(*self._rng.choice(routine[role]), begin):
                audited = self._host.file == SYSMON or self._rng.random() >= UNAUDITED_SHARE
                yield process if audited else replace(process, command_line="")

    def _run(self, chain: Chain, parent: str, who: str, begin: datetime) -> Iterator[Process]:
        creator = self._residents[parent]
        values = _values(self._rng)
        time = begin
        for program, command_line in chain.steps:
            time += timedelta(microseconds=self._rng.randrange(20_000, 1_500_000))
            image, filled = _fill(self._host, program, command_line, values)
            process = Process(self._host, time, self._accounts[who], image, filled, _pid(self._rng), creator)
            yield process
            creator = process


def _chains(text: str) -> list[Chain]:
    chains: list[Chain] = []
    for row in text.splitlines():
        if row.startswith(" "):
            program, _, command_line = row.strip().partition(" ")
            chains[-1].steps.append((program, command_line.strip()))
        elif row:
            chains.append(Chain(row, []))
    return chains


def _values(rng: random.Random) -> dict[str, str]:
    digits = f"{rng.getrandbits(128):032X}"
    guid = "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))
    return {"n": str(rng.randrange(100, 1000)), "hex": digits, "guid": guid}


def _fill(host: Host, program: str, command_line: str, values: dict[str, str]) -> tuple[str, str]:
    """Return the program's image and its command line, with every <placeholder> filled in."""
    known = PLACES | values | {"user": host.user}

    def fill(text: str) -> str:
        return re.sub(r"<(\w+)>", lambda match: known[match[1]], text)

    known["image"] = fill(PROGRAMS.get(program, rf"C:\Windows\System32\{program}.exe"))
    return known["image"], fill(command_line)


def _pid(rng: random.Random) -> int:
    return 4 * rng.randrange(150, 5000)


def _computer(host: Host) -> str:
    return f"{host.name}.{DNS_SUFFIX}"


def _machine(host: Host) -> str:
    return hashlib.sha256(host.name.encode()).hexdigest()[:8].upper()


def _system_time(process: Process) -> str:
    return f"{process.time:%Y-%m-%dT%H:%M:%S.%f}{process.time.microsecond % 10}00Z"


def _subject_and_target(process: Process) -> tuple[Account, Account | None]:
    """Return the accounts of a 4688: it names both where a system process starts one as the user."""
    creator = process.parent.account
    return (creator, process.account) if creator != process.account else (creator, None)


def _security_xml(process: Process, record: int) -> str:
    subject, target = _subject_and_target(process)
    label, token = LEVELS[process.account.level]
    return _xml(
        "<Provider Name='Microsoft-Windows-Security-Auditing' Guid='{54849625-5478-4994-A5BA-3E3B0328C30D}'/>"
        "<EventID>4688</EventID><Version>2</Version><Level>0</Level><Task>13312</Task><Opcode>0</Opcode>"
        f"<Keywords>0x8020000000000000</Keywords><TimeCreated SystemTime='{_system_time(process)}'/>"
        f"<EventRecordID>{record}</EventRecordID><Correlation/><Execution ProcessID='4' ThreadID='{record % 97 * 4}'/>"
        f"<Channel>Security</Channel><Computer>{_computer(process.host)}</Computer><Security/>",
        {
            "SubjectUserSid": subject.sid,
            "SubjectUserName": subject.name,
            "SubjectDomainName": DOMAIN,
            "SubjectLogonId": subject.logon_id,
            "NewProcessId": hex(process.pid),
            "NewProcessName": process.image,
            "TokenElevationType": token,
            "ProcessId": hex(process.parent.pid),
            "CommandLine": process.command_line,
            "TargetUserSid": target.sid if target else "S-1-0-0",
            "TargetUserName": target.name if target else "-",
            "TargetDomainName": DOMAIN if target else "-",
            "TargetLogonId": target.logon_id if target else "0x0",
            "ParentProcessName": process.parent.image,
            "MandatoryLabel": label,
        },
    )


def _sysmon_xml(process: Process, record: int) -> str:
    account, parent = process.account, process.parent
    windows = process.image.lower().startswith("c:\\windows\\")
    description, original_name = VERSION_INFO.get(process.name.lower(), (process.name, process.name))
    hashes = hashlib.sha512(process.image.lower().encode()).hexdigest().upper()  # of nothing: there is no such file
    home = "C:\\Windows\\system32\\" if account.session == 0 else f"C:\\Users\\{process.host.user}\\"
    logon = replace(process, time=BOOT, pid=int(account.logon_id, 16))
    return _xml(
        "<Provider Name='Microsoft-Windows-Sysmon' Guid='{5770385F-C22A-43E0-BF4C-06F5698FFBD9}'/>"
        "<EventID>1</EventID><Version>5</Version><Level>4</Level><Task>1</Task><Opcode>0</Opcode>"
        f"<Keywords>0x8000000000000000</Keywords><TimeCreated SystemTime='{_system_time(process)}'/>"
        f"<EventRecordID>{record}</EventRecordID><Correlation/><Execution ProcessID='2876' ThreadID='3516'/>"
        "<Channel>Microsoft-Windows-Sysmon/Operational</Channel>"
        f"<Computer>{_computer(process.host)}</Computer><Security UserID='S-1-5-18'/>",
        {
            "RuleName": "-",
            "UtcTime": f"{process.time:%Y-%m-%d %H:%M:%S.%f}"[:-3],
            "ProcessGuid": process.guid,
            "ProcessId": str(process.pid),
            "Image": process.image,
            "FileVersion": "10.0.19041.3636 (WinBuild.160101.0800)" if windows else "-",
            "Description": description,
            "Product": "Microsoft® Windows® Operating System" if windows else "-",
            "Company": "Microsoft Corporation" if windows else "-",
            "OriginalFileName": original_name,
            "CommandLine": process.command_line,
            "CurrentDirectory": home,
            "User": account.security_id,
            "LogonGuid": logon.guid,
            "LogonId": account.logon_id,
            "TerminalSessionId": str(account.session),
            "IntegrityLevel": account.level,
            "Hashes": f"MD5={hashes[:32]},SHA256={hashes[32:96]},IMPHASH={hashes[96:]}",
            "ParentProcessGuid": parent.guid,
            "ParentProcessId": str(parent.pid),
            "ParentImage": parent.image,
            "ParentCommandLine": parent.command_line,
            "ParentUser": parent.account.security_id,
        },
    )


def _xml(system: str, data: dict[str, str]) -> str:
    """Return an event as a forwarder renders it: one row, single-quoted attributes, double quotes left as they are."""
    values = "".join(f"<Data Name='{name}'>{escape(value)}</Data>" for name, value in data.items())
    return (
        f"<Event xmlns='http://schemas.microsoft.com/win/2004/08/events/event'><System>{system}</System>"
        f"<EventData>{values}</EventData></Event>\n"
    )


def _classic(process: Process, record: int) -> str:
    subject, target = _subject_and_target(process)
    _, token = LEVELS[process.account.level]
    rows = [
        f"{process.time:%m/%d/%Y %I:%M:%S %p}",
        "LogName=Security",
        "SourceName=Microsoft Windows security auditing.",
        "EventCode=4688",
        "EventType=0",
        "Type=Information",
        f"ComputerName={_computer(process.host)}",
        "TaskCategory=Process Creation",
        "OpCode=Info",
        f"RecordNumber={record}",
        "Keywords=Audit Success",
        "Message=A new process has been created.",
        "",
        "Creator Subject:",
        f"\tSecurity ID:\t\t{subject.security_id}",
        f"\tAccount Name:\t\t{subject.name}",
        f"\tAccount Domain:\t\t{DOMAIN}",
        f"\tLogon ID:\t\t{subject.logon_id.upper().replace('X', 'x')}",
        "",
        "Target Subject:",
        f"\tSecurity ID:\t\t{target.security_id if target else 'NULL SID'}",
        f"\tAccount Name:\t\t{target.name if target else '-'}",
        f"\tAccount Domain:\t\t{DOMAIN if target else '-'}",
        f"\tLogon ID:\t\t{target.logon_id.upper().replace('X', 'x') if target else '0x0'}",
        "",
        "Process Information:",
        f"\tNew Process ID:\t\t{process.pid:#x}",
        f"\tNew Process Name:\t{process.image}",
        f"\tToken Elevation Type:\t{token}",
        f"\tMandatory Label:\t\tMandatory Label\\{process.account.level} Mandatory Level",
        f"\tCreator Process ID:\t{process.parent.pid:#x}",
        f"\tCreator Process Name:\t{process.parent.image}",
        f"\tProcess Command Line:\t{process.command_line}",
        CLASSIC_END,
    ]
    return "\n".join(rows)


# File -> what the catalogue calls its format, and what writes its events.
FORMATS: dict[str, tuple[str, Callable[[Process, int], str]]] = {
    SECURITY: ("XmlWinEventLog 4688", _security_xml),
    SYSMON: ("XmlWinEventLog Sysmon 1", _sysmon_xml),
    CLASSIC: ("classic WinEventLog 4688", _classic),
}

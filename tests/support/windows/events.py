"""Windows events as tests write them."""

import html

MSIEXEC = r"C:\Windows\System32\msiexec.exe"
REGISTER = r'msiexec.exe /Y "C:\AtomicRedTeam\atomics\T1218.007\src\MSIRunner.dll"'


def security_xml(command_line: str = REGISTER, path: str = MSIEXEC, event_id: int = 4688, **data: str) -> str:
    values = {
        "SubjectUserName": "WS-01$",
        "SubjectDomainName": "CORP",
        "NewProcessId": "0x1f4",
        "NewProcessName": path,
        "ProcessId": "0x2bc",
        "CommandLine": html.escape(command_line, quote=False),
        "TargetUserName": "-",
        "TargetDomainName": "-",
        "ParentProcessName": r"C:\Windows\System32\cmd.exe",
    } | data
    body = "".join(f"<Data Name='{name}'>{value}</Data>" for name, value in values.items())
    return (
        "<Event xmlns='http://schemas.microsoft.com/win/2004/08/events/event'><System>"
        f"<Provider Name='Microsoft-Windows-Security-Auditing'/><EventID>{event_id}</EventID>"
        "<TimeCreated SystemTime='2026-03-02T07:00:00.123456700Z'/><Channel>Security</Channel>"
        f"<Computer>ws-01.example</Computer></System><EventData>{body}</EventData></Event>"
    )


def sysmon_xml(command_line: str = REGISTER, path: str = MSIEXEC, second: str = "00", **data: str) -> str:
    values = {
        "ProcessId": "500",
        "Image": path,
        "CommandLine": html.escape(command_line, quote=False),
        "User": "CORP\\WS-01$",
        "ParentImage": r"C:\Windows\System32\cmd.exe",
    } | data
    body = "".join(f"<Data Name='{name}'>{value}</Data>" for name, value in values.items())
    return (
        "<Event xmlns='http://schemas.microsoft.com/win/2004/08/events/event'><System>"
        "<Provider Name='Microsoft-Windows-Sysmon'/><EventID>1</EventID>"
        f"<TimeCreated SystemTime='2026-03-02T07:00:{second}.000100000Z'/>"
        "<Channel>Microsoft-Windows-Sysmon/Operational</Channel>"
        f"<Computer>ws-01.example</Computer></System><EventData>{body}</EventData></Event>"
    )

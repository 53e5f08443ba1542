"""Windows events as tests write them."""

import html
import re

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


def connection_xml(path: str = MSIEXEC, second: str = "00", **data: str) -> str:
    """A Sysmon 3: msiexec connects to the web, from ws-01."""
    values = {
        "RuleName": "-",
        "UtcTime": f"2026-03-02 07:00:{second}.000",
        "ProcessGuid": "{6820D070-1F1B-6323-E113-000000007402}",
        "ProcessId": "500",
        "Image": path,
        "User": "CORP\\dana",
        "Protocol": "tcp",
        "Initiated": "true",
        "SourceIsIpv6": "false",
        "SourceIp": "10.0.1.14",
        "SourceHostname": "ws-01.example",
        "SourcePort": "61722",
        "SourcePortName": "-",
        "DestinationIsIpv6": "false",
        "DestinationIp": "203.0.113.9",
        "DestinationHostname": "far.example",
        "DestinationPort": "443",
        "DestinationPortName": "https",
    } | data
    return _sysmon_xml(3, second, values)


def query_xml(name: str = "files.example.net", path: str = MSIEXEC, second: str = "00", **data: str) -> str:
    """A Sysmon 22: msiexec asks for a name, on ws-01."""
    values = {
        "RuleName": "-",
        "UtcTime": f"2026-03-02 07:00:{second}.000",
        "ProcessGuid": "{6820D070-1F1B-6323-E113-000000007402}",
        "ProcessId": "500",
        "QueryName": html.escape(name, quote=False),
        "QueryStatus": "0",
        "QueryResults": "type:  5 cdn.example.net;::ffff:203.0.113.9;",
        "Image": path,
        "User": "CORP\\dana",
    } | data
    return _sysmon_xml(22, second, values)


def _sysmon_xml(code: int, second: str, values: dict[str, str]) -> str:
    body = "".join(f"<Data Name='{name}'>{value}</Data>" for name, value in values.items())
    return (
        "<Event xmlns='http://schemas.microsoft.com/win/2004/08/events/event'><System><Provider "
        f"Name='Microsoft-Windows-Sysmon' Guid='{{5770385F-C22A-43E0-BF4C-06F5698FFBD9}}'/><EventID>{code}</EventID>"
        "<Version>5</Version><Level>4</Level><Opcode>0</Opcode><Keywords>0x8000000000000000</Keywords>"
        f"<TimeCreated SystemTime='2026-03-02T07:00:{second}.000100000Z'/><EventRecordID>11</EventRecordID>"
        "<Execution ProcessID='2684' ThreadID='1380'/><Channel>Microsoft-Windows-Sysmon/Operational</Channel>"
        f"<Computer>ws-01.example</Computer><Security UserID='S-1-5-18'/></System><EventData>{body}</EventData></Event>"
    )


def sysmon_text(xml: str, title: str = "Network connection detected") -> str:
    """The same event as classic text."""
    code = re.search(r"<EventID>(\d+)", xml)[1]
    data = re.findall(r"<Data Name='(\w+)'>([^<]*)<", xml)
    rows = "\n".join([f"{title}:", *(f"{name}: {html.unescape(value)}" for name, value in data)])
    return (
        "03/22/2026 07:00:00 AM\nLogName=Microsoft-Windows-Sysmon/Operational\nSourceName=Microsoft-Windows-Sysmon\n"
        f"EventCode={code}\nEventType=4\nType=Information\nComputerName=ws-01.example\nOpCode=Info\nRecordNumber=11\n"
        f"Keywords=None\nMessage={rows}"
    )

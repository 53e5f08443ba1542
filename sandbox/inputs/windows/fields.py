"""What the Windows and Sysmon add-ons make of an event: its CIM fields and its tags.

Those of Sysmon's connections (3) and name queries (22) are what splunk/security_content lists of the add-on 5.0. Two
are not known for certain, and no detection may depend on them: where Sysmon knows no name of the far end, `dest` is
missing here, and `user` has no domain (both as a published search result of a Splunk has it).
"""

import re
from collections.abc import Callable, Mapping
from typing import NamedTuple

Fields = dict[str, str | list[str]]

PROCESS_TAGS = ("process", "report")
"""Tags of a new process. Those of connections and name queries follow."""
_CONNECTION_TAGS, _QUERY_TAGS = ("network", "communicate"), ("network", "resolution", "dns")

# An opening quote that is never closed is an ordinary character: the word ends at a blank, and no argument is lost.
_FIRST_WORD = re.compile(r'\s*("[^"]*"|\S+)')

# The answers to a name query: each ends with a semicolon, and has its type before it, unless it is an address.
_ANSWER = re.compile(r"(?:type:\s+\d+\s+)?([^;]+);")

# Splunk makes fields of all data of XML, by their names: these tell accounts apart. Classic text has no such names.
_ACCOUNTS = ("SubjectUserName", "SubjectUserSid", "TargetUserName", "TargetUserSid")


def _security_fields(data: Mapping[str, str], host: str) -> Fields:
    path = data.get("NewProcessName", "")
    parent = data.get("ParentProcessName", "")
    # A service that starts a process as another user is the subject; that user is the target.
    account = "Subject" if data.get("TargetUserName", "") in {"", "-"} else "Target"
    return {
        "dest": host,
        "process_path": path,
        "process_name": _basename(path),
        "process": _security_process(path, data.get("CommandLine", "")),
        "process_id": data.get("NewProcessId", ""),
        "parent_process_id": data.get("ProcessId", ""),
        "parent_process_path": parent,
        "parent_process_name": _basename(parent),
        "parent_process": parent,
        "user": data.get(f"{account}UserName", ""),
        "user_domain": data.get(f"{account}DomainName", ""),
        "vendor_product": "Microsoft Windows",
    }


def _security_xml_fields(data: Mapping[str, str], host: str) -> Fields:
    return {**_security_fields(data, host), **{name: data.get(name, "") for name in _ACCOUNTS}}


def _security_process(path: str, command_line: str) -> str:
    """Return the command line, with the full path of the process where it was started by its bare name."""
    word = _FIRST_WORD.match(command_line)
    if word is None:
        return path
    if "\\" in word[1] or not path:
        return command_line
    return (f'"{path}"' if " " in path else path) + command_line[word.end() :]


def _sysmon_fields(data: Mapping[str, str], host: str) -> Fields:
    path = data.get("Image", "")
    parent = data.get("ParentImage", "")
    user = data.get("User", "")
    return {
        "dest": host,
        "process_path": path,
        "process_name": _basename(path),
        "process": data.get("CommandLine", ""),
        "process_id": data.get("ProcessId", ""),
        "parent_process_id": data.get("ParentProcessId", ""),
        "parent_process_path": parent,
        "parent_process_name": _basename(parent),
        "parent_process": data.get("ParentCommandLine", ""),
        "user": user,
        "user_domain": user.partition("\\")[0] if "\\" in user else "",
        "original_file_name": data.get("OriginalFileName", ""),
        "vendor_product": "Microsoft Sysmon",
    }


def _connection_fields(data: Mapping[str, str], host: str) -> Fields:
    """Return the fields of a connection: `dest` is the far end of one that the machine, `dvc`, has opened."""
    return {
        **_network_fields(data, host, "User", "SourceHostname", "DestinationHostname", "Initiated"),
        "app": data.get("Image", ""),
        "process_id": data.get("ProcessId", ""),
        "user": data.get("User", "").rpartition("\\")[2],
        "dvc": host,
        "src": _known(data.get("SourceHostname", "")),
        "src_host": _known(data.get("SourceHostname", "")),
        "src_ip": data.get("SourceIp", ""),
        "src_port": data.get("SourcePort", ""),
        "dest": _known(data.get("DestinationHostname", "")),
        "dest_ip": data.get("DestinationIp", ""),
        "dest_port": data.get("DestinationPort", ""),
        "transport": data.get("Protocol", ""),
        "protocol": "ip",
        "direction": "outbound" if data.get("Initiated") == "true" else "inbound",
    }


def _query_fields(data: Mapping[str, str], host: str) -> Fields:
    """Return the fields of a name query, which has no `dest`, nor, but by the data's own name, a user."""
    return {
        **_network_fields(data, host, "User", "QueryName"),
        "src": host,
        "query": data.get("QueryName", ""),
        "answer": [answer for answer in _ANSWER.findall(data.get("QueryResults", "")) if answer],
        "reply_code_id": data.get("QueryStatus", ""),
    }


def _network_fields(data: Mapping[str, str], host: str, *names: str) -> Fields:
    """Return what both have: the process, and data of the XML by their names."""
    name = _basename(data.get("Image", ""))
    return {
        **{own: data.get(own, "") for own in ("Image", *names)},
        "Computer": host,
        "process_name": name,
        "process_exec": name,
        "process_guid": data.get("ProcessGuid", ""),
        "vendor_product": "Microsoft Sysmon",
    }


def _known(name: str) -> str:
    return "" if name == "-" else name


def _basename(path: str) -> str:
    return path.replace("/", "\\").rpartition("\\")[2]


class Rule(NamedTuple):
    """What the add-ons give an event of a kind: fields, from its data and its computer, and tags."""

    fields: Callable[[Mapping[str, str], str], Fields]
    tags: tuple[str, ...]


_SYSMON = {
    "1": Rule(_sysmon_fields, PROCESS_TAGS),
    "3": Rule(_connection_fields, _CONNECTION_TAGS),
    "22": Rule(_query_fields, _QUERY_TAGS),
}
RULES: Mapping[tuple[str, str], Rule] = {
    ("XmlWinEventLog:Security", "4688"): Rule(_security_xml_fields, PROCESS_TAGS),
    ("WinEventLog:Security", "4688"): Rule(_security_fields, PROCESS_TAGS),
    **{
        (f"{sourcetype}:Microsoft-Windows-Sysmon/Operational", code): rule
        for sourcetype in ("XmlWinEventLog", "WinEventLog")
        for code, rule in _SYSMON.items()
    },
}
"""The rules by source and event code."""

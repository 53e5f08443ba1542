"""What the Windows and Sysmon add-ons make of a process-creation event: its CIM fields."""

import re
from collections.abc import Callable, Mapping

# An opening quote that is never closed is an ordinary character: the word ends at a blank, and no argument is lost.
_FIRST_WORD = re.compile(r'\s*("[^"]*"|\S+)')

# Splunk makes fields of all data of XML, by their names: these tell accounts apart. Classic text has no such names.
_ACCOUNTS = ("SubjectUserName", "SubjectUserSid", "TargetUserName", "TargetUserSid")


def _security_fields(data: Mapping[str, str]) -> dict[str, str]:
    path = data.get("NewProcessName", "")
    parent = data.get("ParentProcessName", "")
    # A service that starts a process as another user is the subject; that user is the target.
    account = "Subject" if data.get("TargetUserName", "") in {"", "-"} else "Target"
    return {
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


def _security_xml_fields(data: Mapping[str, str]) -> dict[str, str]:
    return {**_security_fields(data), **{name: data.get(name, "") for name in _ACCOUNTS}}


def _security_process(path: str, command_line: str) -> str:
    """Return the command line, with the full path of the process where it was started by its bare name."""
    word = _FIRST_WORD.match(command_line)
    if word is None:
        return path
    if "\\" in word[1] or not path:
        return command_line
    return (f'"{path}"' if " " in path else path) + command_line[word.end() :]


def _sysmon_fields(data: Mapping[str, str]) -> dict[str, str]:
    path = data.get("Image", "")
    parent = data.get("ParentImage", "")
    user = data.get("User", "")
    return {
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


def _basename(path: str) -> str:
    return path.replace("/", "\\").rpartition("\\")[2]


RULES: Mapping[tuple[str, str], Callable[[Mapping[str, str]], dict[str, str]]] = {
    ("XmlWinEventLog:Security", "4688"): _security_xml_fields,
    ("WinEventLog:Security", "4688"): _security_fields,
    ("XmlWinEventLog:Microsoft-Windows-Sysmon/Operational", "1"): _sysmon_fields,
    ("WinEventLog:Microsoft-Windows-Sysmon/Operational", "1"): _sysmon_fields,
}
"""The rules by source and event code: of events of process creation alone."""

"""Every form in which an event of process creation comes, made from one dictionary of values.

A form states what it has no place for; `expected` states, apart from the code that reads events, what each gives.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from xml.etree.ElementTree import fromstring
from xml.sax.saxutils import escape

from sandbox.inputs.windows.labels import LANGUAGES, Language
from tests.support.windows.evtx_files import evtx

Values = Mapping[str, str]

VALUES: Values = {
    "time": "1772439330.123",  # epoch s
    "when": "",  # the first row of classic text, instead of the time as Splunk's forwarders write it
    "host": "ws-07.lab.example",
    "user": "mia",
    "domain": "LAB",
    "target": "-",  # the user that a service started the process as, and its domain
    "target_domain": "-",
    "path": r"C:\Windows\System32\msiexec.exe",
    "command_line": r"C:\Windows\System32\msiexec.exe /y C:\tmp\a.dll",
    "id": "6700",  # decimal
    "parent": r"C:\Windows\explorer.exe",
    "parent_command_line": r'"C:\Windows\explorer.exe" /factory',
    "parent_id": "2500",
    "original_file_name": "msiexec.exe",
    "description": "Windows installer",
}
SECURITY = ("Security", "Microsoft-Windows-Security-Auditing", "4688")
SYSMON = ("Microsoft-Windows-Sysmon/Operational", "Microsoft-Windows-Sysmon", "1")
NAMESPACE = "http://schemas.microsoft.com/win/2004/08/events/event"


@dataclass(frozen=True)
class Form:
    """A way to write an event: `lacks` names the values that it cannot carry, `remark` what the census reports."""

    write: Callable[[Values], str]
    log: tuple[str, str, str] = SECURITY
    classic: bool = False
    lacks: tuple[str, ...] = ()
    remark: str = ""
    fraction: int = 3  # digits of the time's fraction

    def __call__(self, **values: str) -> str:
        """Write an event of these values, the others as in VALUES."""
        return self.write({**VALUES, **values})


def expected(form: Form, **values: str) -> dict[str, str]:
    """Return the fields of an event, by CIM's names."""
    value = {**VALUES, **values} | dict.fromkeys(form.lacks, "")
    has_target = value["target"] not in ("-", "")
    fields = {
        "dest": value["host"],
        "process": value["command_line"] or (value["path"] if form.log == SECURITY else ""),
        "process_path": value["path"],
        "process_name": re.split(r"[\\/]", value["path"])[-1],
        "parent_process_path": value["parent"],
        "parent_process_name": re.split(r"[\\/]", value["parent"])[-1],
    }
    if form.log == SYSMON:
        fields |= {"process_id": value["id"], "parent_process_id": value["parent_id"]}
        fields |= {"parent_process": value["parent_command_line"], "user": f"{value['domain']}\\{value['user']}"}
        fields |= {"user_domain": value["domain"], "original_file_name": value["original_file_name"]}
    else:
        fields |= {"process_id": _hex(value["id"]), "parent_process_id": _hex(value["parent_id"])}
        fields["parent_process"] = value["parent"]
        fields["user"] = value["target" if has_target else "user"]
        fields["user_domain"] = value["target_domain" if has_target else "domain"]
    return {name: text for name, text in fields.items() if text}


def seconds(form: Form, **values: str) -> float:
    """Return the time of an event as its form can write it."""
    whole, _, fraction = {**VALUES, **values}["time"].partition(".")
    return float(f"{whole}.{fraction[: form.fraction] or 0}")


def _hex(number: str) -> str:
    return f"{int(number):#x}" if number else ""


def _moment(value: Values) -> datetime:
    return datetime.fromtimestamp(int(value["time"].partition(".")[0]), UTC)


# XML


def _header(value: Values, log: tuple[str, str, str], version: int) -> Iterator[tuple[str, str, str]]:
    """Yield the elements of <System>: tag, attributes, text."""
    channel, provider, code = log
    fraction = value["time"].partition(".")[2].ljust(7, "0")
    yield "Provider", f"Name='{provider}'", ""
    yield "EventID", "", code
    yield "Version", "", str(version)
    yield "Keywords", "", "0x8020000000000000"
    yield "TimeCreated", f"SystemTime='{_moment(value):%Y-%m-%dT%H:%M:%S}.{fraction}Z'", ""
    yield "EventRecordID", "", "11"
    yield "Correlation", "", ""
    yield "Execution", "ProcessID='4' ThreadID='88'", ""
    yield "Channel", "", channel
    yield "Computer", "", escape(value["host"])
    yield "Security", "", ""


def _security_data(value: Values, version: int) -> dict[str, str]:
    data = {
        "SubjectUserSid": "S-1-5-21-1-2-3-1001",
        "SubjectUserName": value["user"],
        "SubjectDomainName": value["domain"],
        "SubjectLogonId": "0x3e7",
        "NewProcessId": _hex(value["id"]),
        "NewProcessName": value["path"],
        "TokenElevationType": "%%1936",
        "ProcessId": _hex(value["parent_id"]),
    }
    if version > 0:
        data["CommandLine"] = value["command_line"]
    if version > 1:
        data |= {"TargetUserSid": "S-1-0-0", "TargetUserName": value["target"]}
        data |= {"TargetDomainName": value["target_domain"], "TargetLogonId": "0x0"}
        data |= {"ParentProcessName": value["parent"], "MandatoryLabel": "S-1-16-8192"}
    return data


def _sysmon_data(value: Values, left_out: tuple[str, ...] = ()) -> dict[str, str]:
    data = {
        "RuleName": "-",
        "UtcTime": f"{_moment(value):%Y-%m-%d %H:%M:%S}.120",
        "ProcessGuid": "{00000000-0000-0000-0000-000000000001}",
        "ProcessId": value["id"],
        "Image": value["path"],
        "FileVersion": "5.0.22621.1 (WinBuild.160101.0800)",
        "Description": value["description"],
        "Product": "Windows Installer - Unicode",
        "Company": "Microsoft Corporation",
        "OriginalFileName": value["original_file_name"],
        "CommandLine": value["command_line"],
        "CurrentDirectory": "C:\\tmp\\",
        "User": f"{value['domain']}\\{value['user']}",
        "LogonGuid": "{00000000-0000-0000-0000-000000000002}",
        "LogonId": "0x3e7",
        "TerminalSessionId": "1",
        "IntegrityLevel": "Medium",
        "Hashes": "SHA1=00,MD5=00",
        "ParentProcessGuid": "{00000000-0000-0000-0000-000000000003}",
        "ParentProcessId": value["parent_id"],
        "ParentImage": value["parent"],
        "ParentCommandLine": value["parent_command_line"],
        "ParentUser": "LAB\\tom",
    }
    return {name: text for name, text in data.items() if name not in left_out}


def _xml(value: Values, log: tuple[str, str, str], version: int, data: Values, rendering: bool = False) -> str:
    system = "".join(
        f"<{tag}{' ' * bool(attributes)}{attributes}>{text}</{tag}>"
        if text
        else f"<{tag}{' ' * bool(attributes)}{attributes}/>"
        for tag, attributes, text in _header(value, log, version)
    )
    rows = "".join(f"<Data Name='{name}'>{escape(text)}</Data>" for name, text in data.items())
    message = escape(_classic_message(value, LANGUAGES["English"], version)).replace("\n", "\r\n")
    rendered = (
        f"<RenderingInfo Culture='en-US'><Message>{message}</Message><Level>Information</Level></RenderingInfo>"
        if rendering
        else ""
    )
    return f"<Event xmlns='{NAMESPACE}'><System>{system}</System><EventData>{rows}</EventData>{rendered}</Event>"


def security(version: int = 2, **options: bool) -> Callable[[Values], str]:
    return lambda value: _xml(value, SECURITY, version, _security_data(value, version), **options)


def sysmon(*left_out: str) -> Callable[[Values], str]:
    return lambda value: _xml(value, SYSMON, 5, _sysmon_data(value, left_out))


def double_quoted(xml: str) -> str:
    return re.sub("<[^<>]*>", lambda tag: tag[0].replace("'", '"'), xml)


def pretty(xml: str, indent: str = "  ", end: str = "\n", before: str = "") -> str:
    """Give each element its own row; `before` stands before the tag of one that has elements, as a browser shows it."""
    depth, rows = 0, []
    for token in re.finditer(r"<([\w:]+)[^<>]*(?<!/)>[^<]*</\1>|<[^<>]*>", xml):
        text = token[0]
        depth -= text.startswith("</")
        opens = not token[1] and not text.startswith("</") and not text.endswith("/>")
        rows.append(indent * depth + (before if opens else "") + text)
        depth += opens
    return end.join(rows)


def prefixed(xml: str, prefix: str = "e") -> str:
    return re.sub(r"<(/?)(?=[A-Z])", rf"<\1{prefix}:", xml).replace(" xmlns=", f" xmlns:{prefix}=", 1)


# Classic text


def _classic(value: Values, log: tuple[str, str, str], message: str, digits: int = 0) -> str:
    channel, _, code = log
    fraction = f".{value['time'].partition('.')[2][:digits]}" if digits else ""
    when = value["when"] or f"{_moment(value):%m/%d/%Y %I:%M:%S}{fraction} {_moment(value):%p}"
    source = "Microsoft Windows security auditing." if log == SECURITY else "Microsoft-Windows-Sysmon"
    return (
        f"{when}\nLogName={channel}\nSourceName={source}\nEventCode={code}\nEventType=0\nType=Information\n"
        f"ComputerName={value['host']}\nTaskCategory=Process Creation\nOpCode=Info\nRecordNumber=11\n"
        f"Keywords=Audit Success\nMessage={message}"
    )


def _classic_message(value: Values, words: Language, version: int, colon: str = ":", end: str = "") -> str:
    """Write a 4688 message; a word that is not known of the language is one that no language has."""
    data = _security_data(value, version)

    def word(known: tuple[str, ...], number: int) -> str:
        return known[0] if known else f"Wort {number}"

    def section(heading: str, names: tuple[str, ...], labels: Mapping[str, tuple[str, ...]], prefix: str = "") -> str:
        rows = "".join(
            f"\t{word(labels.get(name, ()), at)}{colon}\t\t{data[prefix + name]}\n"
            for at, name in enumerate(names)
            if prefix + name in data
        )
        return f"\n{heading}{colon}\n{rows}"

    account = ("UserSid", "UserName", "DomainName", "LogonId")
    creator = words.creator[:1] if version > 1 else words.creator[-1:]
    process = ("NewProcessId", "NewProcessName", "TokenElevationType", "MandatoryLabel", "ProcessId")
    return (
        f"{word(words.first_lines, 0)}\n"
        + section(word(creator, 0), account, words.account, "Subject")
        + (section(word(words.target, 1), account, words.account, "Target") if version > 1 else "")
        + section(word(words.process, 2), (*process, "ParentProcessName", "CommandLine"), words.labels)
        + (end or "\nToken Elevation Type indicates the type of token that was assigned to the new process.\n")
    ).rstrip("\n")


_UNHEARD_OF = Language((), (), (), (), {}, {})


def classic(version: int = 2, language: str = "English", digits: int = 0, **how: str) -> Callable[[Values], str]:
    words = LANGUAGES.get(language, _UNHEARD_OF)
    return lambda value: _classic(value, SECURITY, _classic_message(value, words, version, **how), digits)


def _sysmon_text(*left_out: str) -> Callable[[Values], str]:
    def write(value: Values) -> str:
        rows = (f"{name}: {text}" for name, text in _sysmon_data(value, left_out).items())
        return _classic(value, SYSMON, "\n".join(("Process Create:", *rows)))

    return write


def cleaned(text: str) -> str:
    """Clean values away as the add-on's SEDCMD settings do."""
    text = re.sub(r"(?m)(^\s+[^:\n]+:)[ \t]+-?$", r"\1", text)
    text = re.sub(r"(?m)(:)(\s+NULL SID)$", r"\1", text)
    text = re.sub(r"(?m)(ID:)(\s+0x0)$", r"\1", text)
    return re.sub(r"Token Elevation Type indicates[\S\s]+\Z", "", text)


def _then(write: Callable[[Values], str], change: Callable[[str], str]) -> Callable[[Values], str]:
    return lambda value: change(write(value))


# The values that a version of 4688 has no place for, beyond what Sysmon alone has.
_ONLY_SYSMON = ("parent_command_line", "original_file_name", "description")
_LACKS = {
    0: ("command_line", "parent", "target", "target_domain", *_ONLY_SYSMON),
    1: ("parent", "target", "target_domain", *_ONLY_SYSMON),
    2: _ONLY_SYSMON,
}
_TARGETS = ("target", "target_domain")
_SYSMON_V3 = ("RuleName", "FileVersion", "Description", "Product", "Company", "OriginalFileName", "ParentUser")
_UNKNOWN, _TEXT_OF_SYSMON = "unknown language", "Sysmon as text"


def _form(write: Callable[[Values], str], version: int = 2, **settings: object) -> Form:
    return Form(write, lacks=_LACKS[version], **settings)


def _text(write: Callable[[Values], str], version: int = 2, fraction: int = 0, **settings: object) -> Form:
    return _form(write, version, classic=True, fraction=fraction, **settings)


def _of_sysmon(write: Callable[[Values], str], lacks: tuple[str, ...] = (), **settings: object) -> Form:
    return Form(write, SYSMON, lacks=(*_TARGETS, *lacks), **settings)


_SPACES = "classic, indented by spaces"
FORMS: dict[str, Form] = {
    "xml": _form(security(), fraction=6),
    **{f"xml, version {version}": _form(security(version), version, fraction=6) for version in (0, 1)},
    "xml, double quotes": _form(_then(security(), double_quoted), fraction=6),
    "xml, pretty-printed": _form(_then(security(), pretty), fraction=6),
    "xml, pretty-printed, CRLF, tabs": _form(_then(security(), lambda xml: pretty(xml, "\t", "\r\n")), fraction=6),
    "xml, rendered": _form(security(rendering=True), fraction=6),
    "xml, prefixed": _form(_then(security(), prefixed), fraction=6),
    "xml, prefixed, pretty-printed": _form(_then(security(), lambda xml: pretty(prefixed(xml, "ns0"))), fraction=6),
    "xml, of a browser": _form(_then(security(), lambda xml: pretty(double_quoted(xml), before="- ")), fraction=6),
    "sysmon xml": _of_sysmon(sysmon(), fraction=6),
    "sysmon xml, schema 3": _of_sysmon(sysmon(*_SYSMON_V3), ("original_file_name", "description"), fraction=6),
    "sysmon xml, pretty-printed": _of_sysmon(_then(sysmon(), pretty), fraction=6),
    "classic": _text(classic()),
    **{f"classic, version {version}": _text(classic(version), version) for version in (0, 1)},
    "classic, milliseconds": _text(classic(digits=3), fraction=3),
    "classic, CRLF": _text(_then(classic(), lambda text: text.replace("\n", "\r\n"))),
    _SPACES: _text(_then(classic(), lambda text: text.replace("\n\t", "\n    "))),
    "classic, no tabs": _text(_then(classic(), lambda text: text.expandtabs(8))),
    "classic, cleaned": _text(_then(classic(), cleaned)),
    "sysmon classic": _of_sysmon(_sysmon_text(), classic=True, fraction=0, remark=_TEXT_OF_SYSMON),
    "sysmon classic, CRLF": _of_sysmon(
        _then(_sysmon_text(), lambda text: text.replace("\n", "\r\n")), classic=True, fraction=0, remark=_TEXT_OF_SYSMON
    ),
    "sysmon classic, schema 3": _of_sysmon(
        _sysmon_text(*_SYSMON_V3),
        ("original_file_name", "description"),
        classic=True,
        fraction=0,
        remark=_TEXT_OF_SYSMON,
    ),
    **{
        f"classic, {name}, version {version}": _text(
            classic(version, name, colon=" :" if name == "French" else ":", end="\n"),
            version,
            remark=f"language: {name}",
        )
        for name in LANGUAGES
        if name != "English"
        for version in (0, 1, 2)
    },
    **{
        f"classic, unknown language, version {version}": _text(classic(version, "none"), version, remark=_UNKNOWN)
        for version in (0, 1, 2)
    },
    "classic, unknown language, wide colon": _text(
        classic(language="none", colon="\N{FULLWIDTH COLON}"), remark=_UNKNOWN
    ),
    "classic, unknown language, CRLF": _text(
        _then(classic(language="none"), lambda text: text.replace("\n", "\r\n")), remark=_UNKNOWN
    ),
    "classic, unknown language, cleaned": _text(_then(classic(language="none"), cleaned), remark=_UNKNOWN),
}


def event_log(*xml: str) -> bytes:
    """Return the .evtx of events that are written as XML."""
    return evtx(fromstring(text) for text in xml)

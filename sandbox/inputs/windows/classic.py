"""Classic WinEventLog text -> what it holds, by the names that the XML of the same event has for it."""

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache

from sandbox.inputs.windows import labels, times
from sandbox.inputs.windows.event import Reading

SOURCETYPE = "WinEventLog"
SECURITY, SYSMON = "Security", "Microsoft-Windows-Sysmon/Operational"

UNKNOWN_LANGUAGE, LANGUAGE, TEXT_OF_SYSMON = "unknown language", "language: ", "Sysmon as text"
"""What is worth saying of an event (see census.py); the name of a language follows."""

_HEADER = re.compile(r"^(LogName|SourceName|EventCode|ComputerName)=([^\r\n]*)", re.MULTILINE)
_COLON = re.compile("[:\N{FULLWIDTH COLON}]")
_HEADINGS = {heading for heading, _ in labels.NAMES}
_ID = re.compile(r"0[xX][0-9A-Fa-f]+")
# An event that a collector gathered is of the log that its provider writes to.
_PROVIDERS = {
    "Microsoft Windows security auditing.": SECURITY,
    "Microsoft-Windows-Security-Auditing": SECURITY,
    "Microsoft-Windows-Sysmon": SYSMON,
}
_FORWARDED = "ForwardedEvents"

# The rows of a Sysmon message by its event code, in their order; older versions lack some.
_PROCESS = ("RuleName", "UtcTime", "ProcessGuid", "ProcessId")
_SYSMON_ROWS = {
    "1": (
        *(*_PROCESS, "Image", "FileVersion", "Description", "Product", "Company", "OriginalFileName", "CommandLine"),
        *("CurrentDirectory", "User", "LogonGuid", "LogonId", "TerminalSessionId", "IntegrityLevel", "Hashes"),
        *("ParentProcessGuid", "ParentProcessId", "ParentImage", "ParentCommandLine", "ParentUser"),
    ),
    "3": (
        *(*_PROCESS, "Image", "User", "Protocol", "Initiated"),
        *("SourceIsIpv6", "SourceIp", "SourceHostname", "SourcePort", "SourcePortName"),
        *("DestinationIsIpv6", "DestinationIp", "DestinationHostname", "DestinationPort", "DestinationPortName"),
    ),
    "22": (*_PROCESS, "QueryName", "QueryStatus", "QueryResults", "Image", "User"),
}
_PLACES = {code: {name: place for place, name in enumerate(rows)} for code, rows in _SYSMON_ROWS.items()}


def read(raw: str) -> Reading:
    """Read an event that begins with a row that is a time; what is wrong with it stands in its `problem`."""
    first, _, rest = raw.partition("\n")
    moment = times.row(first)
    head, marked, message = rest.partition("\nMessage=")
    header = dict(reversed(_HEADER.findall(head)))
    log, code = header.get("LogName", "").strip(), header.get("EventCode", "").strip()
    if log == _FORWARDED:
        log = _PROVIDERS.get(header.get("SourceName", "").strip(), log)
    data: Mapping[str, str] = {}
    problem, remarks = "", moment.remarks
    if code and not marked:
        problem = "no Message= row: the event was cut, or its text is left out (suppress_text in inputs.conf)"
    elif (log, code) == (SECURITY, "4688"):
        data, found = _security(message)
        remarks += found
    elif log == SYSMON and code in _PLACES:
        data, problem = _sysmon(message, _PLACES[code])
        remarks += (TEXT_OF_SYSMON,)
    return Reading(
        SOURCETYPE, log, header.get("ComputerName", "").strip(), code, moment.seconds, data, problem, remarks
    )


def _security(message: str) -> tuple[Mapping[str, str], tuple[str, ...]]:
    """Read a 4688 message: by its words, and where they are not all known by the places of its rows."""
    if found := _CANONICAL.match(message):
        return {name: value for name, value in found.groupdict().items() if value is not None}, ()
    rows = message.split("\n")
    language = labels.language(rows[0])
    if language == labels.ENGLISH:
        return _by_words(rows), ()
    placed, end = _by_place(rows)
    if not (language and "CommandLine" in labels.LANGUAGES[language].labels):
        rows = rows[:end]
    data = _by_words(rows)
    if "NewProcessName" in data and not language:
        return data, ()
    return {**placed, **data}, (LANGUAGE + language if language else UNKNOWN_LANGUAGE,) if message else ()


def _canonical() -> re.Pattern[str]:
    """Return the pattern of a message as an English Windows writes it, up to the command line or to its end."""
    words = labels.LANGUAGES[labels.ENGLISH]

    def rows(prefix: str, rows: Mapping[str, tuple[str, ...]]) -> str:
        return "".join(
            # possessive: a message that ends otherwise is given up at once
            rf"(?:\t{label}:[\t ]*+(?P<{prefix}{name}>[^\r\n]*+)\r?\n)?+"
            for name, (label,) in rows.items()
        )

    *process, command_line = words.labels.items()
    return re.compile(
        rf"{re.escape(words.first_lines[0])}\r?\n\r?\n"
        rf"(?:{'|'.join(words.creator)}):\r?\n{rows('Subject', words.account)}\r?\n"
        rf"(?:{words.target[0]}:\r?\n{rows('Target', words.account)}\r?\n)?"
        rf"{words.process[0]}:\r?\n{rows('', dict(process))}"
        rf"(?:\t{command_line[1][0]}:[\t ]*+(?P<{command_line[0]}>[^\r\n]*+)(?:\r?\n|\Z)"
        r"|\r?\nToken Elevation Type indicates|\Z)"
    )


_CANONICAL = _canonical()


@lru_cache(1_000)
def _name(heading: str, label: str) -> str | None:
    """Return the name of a row; the words of the process are known without their heading."""
    word = labels.key(label)
    return labels.NAMES.get((heading, word)) or labels.NAMES.get(("", word))


def _by_words(rows: Sequence[str]) -> dict[str, str]:
    """Read the labelled rows of a 4688 message.

    The command line is the only text of an attacker's choice that may hold newlines and labels, and it comes last: so
    reading ends there, and of each label the first one in its section counts. The format does not separate the
    rest of a command line of several rows from the text that follows it: `process` is then its first row, without
    leading blanks, as an extraction by row ends has it (how the add-on reads such an event is documented nowhere). The
    XML renderings keep it all.
    """
    data: dict[str, str] = {}
    heading = ""
    for row in rows:
        label, colon, value = row.partition(":")
        if not colon:
            continue
        name = _name(heading, label)
        if name is not None:
            data.setdefault(name, value.removesuffix("\r").lstrip(" \t"))
            if name == "CommandLine":
                break
        elif not value.strip() and ((word := labels.key(label)) in _HEADINGS or not row[0].isspace()):
            heading = word
    return data


def _by_place(rows: Sequence[str]) -> tuple[dict[str, str], int]:
    """Read a 4688 message of whose words nothing is known; return how many rows there are to its command line, too.

    Its sections and rows stand in one order in all languages. The sections are the creator, since Windows 10 the
    target, and the process: the first that begins with a number, as accounts begin with their SID. Its rows are ID,
    name, elevation, since Windows 10 label, creator's ID, and since Windows 10 creator's name; then the command line.
    """
    accounts: list[list[str]] = []
    section: list[str] = []
    places: list[int] = []
    for number, row in enumerate(rows, 1):
        _, colon, value = _split(row)
        if not colon:
            continue
        if not row[0].isspace() and not value.strip():
            if section and _ID.fullmatch(section[0]):
                break
            accounts += [section] if len(section) > 2 else []
            section, places = [], []
        elif row[0].isspace():
            section.append(value.strip())
            places.append(number)
    creator = next((place for place in range(2, len(section)) if _ID.fullmatch(section[place])), 0)
    if len(accounts) not in (1, 2) or not creator or not _ID.fullmatch(section[0]):
        return {}, 0
    names = ("ParentProcessName", "CommandLine") if len(accounts) == 2 else ("CommandLine",)
    data: dict[str, str] = {}
    for prefix, account in zip(("Subject", "Target"), accounts, strict=False):
        data |= {f"{prefix}UserSid": account[0], f"{prefix}UserName": account[1], f"{prefix}DomainName": account[2]}
    data |= {"NewProcessId": section[0], "NewProcessName": section[1], "ProcessId": section[creator]}
    data |= dict(zip(names, section[creator + 1 :], strict=False))
    return data, places[min(creator + len(names), len(places) - 1)]


def _split(row: str) -> tuple[str, str, str]:
    colon = _COLON.search(row)
    return (row[: colon.start()], colon[0], row[colon.end() :]) if colon else (row, "", "")


def _sysmon(message: str, place: Mapping[str, int]) -> tuple[Mapping[str, str], str]:
    """Read a message of Sysmon, in which a value goes on until the next row of the order; `place` has that of each.

    Values stand as they are, so one with a newline may hold rows like those that follow. Then none can be trusted.
    """
    data: dict[str, list[str]] = {}
    name = ""
    for row in message.split("\n"):
        label, colon, value = row.removesuffix("\r").strip().partition(":")
        if colon and label in place:
            if name and place[label] <= place[name]:
                return {}, f"a value holds a row like {label}: of the event itself, and which is which cannot be told"
            name = label
            data[name] = [value.removeprefix(" ")]
        elif name:
            data[name].append(row.removesuffix("\r"))
    return {name: "\n".join(value).rstrip("\n") for name, value in data.items()}, ""

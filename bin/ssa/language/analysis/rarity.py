"""How likely a row of process events is to hold a text: a guess, by what Windows machines mostly run.

It decides by which of its requirements a detection is looked up, and never whether it is found: a bad guess costs time.
"""

from __future__ import annotations

import re
from collections import defaultdict
from functools import cache, lru_cache

from ssa.language.required_text import GATES, MATCHES, PRESENT, SAME, Clause

_USUAL = {"user": 0.3, "level": 0.4, "company": 0.2, "product": 0.1, "description": 0.05, "logon": 0.3}
"""Parts of the names of fields that have few values, each with the share of rows that hold one of them."""

_OF_GATES = {SAME: 0.3, MATCHES: 0.5, PRESENT: 3.0}

_PROGRAMS = (
    *["svchost.exe"] * 6,
    *["cmd.exe", "conhost.exe"] * 5,
    *["powershell.exe", "backgroundtaskhost.exe", "runtimebroker.exe"] * 3,
    *["dllhost.exe", "taskhostw.exe", "rundll32.exe", "reg.exe", "net.exe", "net1.exe", "wmiprvse.exe"] * 2,
    *("searchprotocolhost.exe", "searchfilterhost.exe", "wmic.exe", "schtasks.exe", "sc.exe", "msiexec.exe"),
    *("explorer.exe", "services.exe", "lsass.exe", "csrss.exe", "smss.exe", "winlogon.exe", "whoami.exe"),
    *("ipconfig.exe", "find.exe", "findstr.exe", "tasklist.exe", "regsvr32.exe", "cscript.exe"),
)
"""Names of programs, the frequent ones more often."""

_FOLDERS = (
    *[r"c:\windows\system32"] * 12,
    r"c:\windows\system32\windowspowershell\v1.0",
    r"c:\windows\syswow64",
    r"c:\windows",
    r"c:\program files (x86)\google\update",
    r"c:\program files\windows defender",
    r"c:\program files\common files\microsoft shared\clicktorun",
    r"c:\programdata\microsoft\windows defender\platform",
    r"c:\users\administrator\appdata\local\temp",
)
_ARGUMENTS = (
    "",
    "",
    " -k netsvcs -p -s schedule",
    " -k localservice -p",
    " 0xffffffff -forcev1",
    ' /c "echo test & exit"',
    " /c dir c:\\users /s /b > nul 2>&1",
    " -embedding",
    " -noprofile -noninteractive -executionpolicy bypass",
    ' -command "& {get-process | out-file -append c:\\temp\\x.txt}"',
    " -servername:app.appxy7vb4pc2dr3kc93kfc509b1d0arkfb2x.mca",
    " /processid:{ab8902b4-09ca-4bb6-b78d-a8f59079a8d5}",
    ' add "hklm\\software\\microsoft\\windows\\currentversion\\policies\\system" /v enable /t reg_dword /d 1 /f',
    " user administrator /domain",
    " --type=renderer --lang=en-us --no-sandbox",
    ' start= auto displayname= "update service"',
    " https://www.microsoft.com/download/setup.msi /quiet /i",
)


@cache
def sample() -> tuple[list[str], list[str]]:
    """Return paths of programs, and command lines, as they are frequent."""
    folders = [_FOLDERS[at % len(_FOLDERS)] for at in range(len(_PROGRAMS) * 3)]
    paths = [f"{folder}\\{_PROGRAMS[at % len(_PROGRAMS)]}" for at, folder in enumerate(folders)]
    written = [(f'"{path}"', path)[at % 2] for at, path in enumerate(paths)]
    return paths, [f"{path}{_ARGUMENTS[at % len(_ARGUMENTS)]}" for at, path in enumerate(written)]


@cache
def _grams(size: int) -> dict[str, int]:
    grams: dict[str, int] = defaultdict(int)
    for text in sample()[1]:
        for at in range(len(text) - size + 1):
            grams[text[at : at + size]] += 1
    return grams


@lru_cache(maxsize=10_000)  # most texts are wanted of two fields
def rarest(text: str, size: int) -> str:
    """Return the part of so many characters of a text in lower case that the fewest rows hold."""
    return min([text[at : at + size] for at in range(len(text) - size + 1)], key=_grams(size).__getitem__)


def likelihood(clause: Clause) -> float:
    """Return which share of rows may hold one of the texts of a clause, or more; above 1 for any row."""
    return sum(_of(wanted.field, wanted.how, wanted.text) for wanted in clause)


@lru_cache(maxsize=10_000)
def _of(field: str, how: str, text: str) -> float:
    if how in GATES:
        return _OF_GATES[how]
    usual = next((share for part, share in _USUAL.items() if part in field.lower()), 0)
    return usual or _of_text(text.lower(), how, sample()["path" not in field and "name" not in field])


def _of_text(text: str, how: str, sample: list[str]) -> float:
    guess = 0.7 * 0.45 ** min(len(text), 8) if len(text) > 1 else 0.5 if text.isalnum() or text in ' \\.:-/"' else 0.05
    if how in ("equals", "ends"):
        text = re.sub(r"^.*\\", "", text) or text
        return 0.1 * guess + sum(one.endswith(text) for one in sample) / len(sample)
    if how == "starts":
        return guess + sum(one.lstrip('"').startswith(text) for one in sample) / len(sample)
    if not text.isascii():
        return 0.0001
    return guess + sum(text in one for one in sample) / len(sample)

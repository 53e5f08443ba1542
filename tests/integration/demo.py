"""The demo events, made a run's own: its id is in the name of every user and device."""

import json
import re
from collections import Counter
from functools import cached_property

from tools import ROOT

FOLDER = ROOT / "sandbox/demo"
SOURCES = {
    "security-4688.xml.log": ("XmlWinEventLog:Security", "XmlWinEventLog"),
    "sysmon.xml.log": ("XmlWinEventLog:Microsoft-Windows-Sysmon/Operational", "XmlWinEventLog"),
    "security-4688.classic.log": ("WinEventLog:Security", "WinEventLog"),
}
"""Source and sourcetype of each file, as the Windows add-ons name them."""

DAY = 1_772_323_200
"""The day before the demo's, epoch s: texts without a time zone are read in the server's."""
FIRST, ALL = (DAY, DAY + 3 * 86_400), (DAY, DAY + 5 * 86_400)
"""Time ranges: the demo's day alone; and with the late hit, which is found by a second run."""
LONG = (DAY + 6 * 86_400, DAY + 7 * 86_400)
"""The time range of a hit at the end of a very long command line."""


class Demo:
    """The demo of a run, of which no other knows: `id` is a word."""

    def __init__(self, id):
        self.id = id

    @cached_property
    def catalogue(self):
        """What the detection is expected to claim."""
        return [entry for entry in self._catalogue if entry["expected"]]

    @cached_property
    def _catalogue(self):
        return json.loads((FOLDER / "catalogue.json").read_text("utf-8"))["events"]

    @cached_property
    def people(self):
        """Users who are people: their risk is to be this run's alone."""
        users = {entry["user"].rpartition("\\")[2] for entry in self._catalogue}
        return sorted(user for user in users if not user.endswith("$") and user != "SYSTEM")

    def own(self, text):
        """Rename users and devices."""
        names = "|".join(map(re.escape, self.people))
        return re.sub(rf"\b(?:{names})\b", rf"\g<0>.{self.id}", text.replace("synthetic.example", f"{self.id}.example"))

    @property
    def files(self):
        """Each file: its text, source and sourcetype."""
        for name, (source, sourcetype) in SOURCES.items():
            yield self.own((FOLDER / name).read_bytes().decode()), source, sourcetype

    @property
    def hits(self):
        """Whom the detection finds, and how often: (user, device), without a domain."""
        return Counter(pair(self.own(entry["user"]), self.own(entry["dest"])) for entry in self.catalogue)

    def xml(self, day, user, device, command):
        """Return a Security 4688 event of noon."""
        return (
            "<Event xmlns='http://schemas.microsoft.com/win/2004/08/events/event'><System>"
            "<Provider Name='Microsoft-Windows-Security-Auditing' Guid='{54849625-5478-4994-A5BA-3E3B0328C30D}'/>"
            "<EventID>4688</EventID><Version>2</Version><Level>0</Level><Task>13312</Task><Opcode>0</Opcode>"
            f"<Keywords>0x8020000000000000</Keywords><TimeCreated SystemTime='2026-03-0{day}T12:00:00.000000000Z'/>"
            "<EventRecordID>1</EventRecordID><Correlation/><Execution ProcessID='4' ThreadID='16'/>"
            f"<Channel>Security</Channel><Computer>{device}.{self.id}.example</Computer><Security/></System><EventData>"
            f"<Data Name='SubjectUserSid'>S-1-5-21-1-1</Data><Data Name='SubjectUserName'>{user}.{self.id}</Data>"
            "<Data Name='SubjectDomainName'>SYNTHETIC</Data><Data Name='SubjectLogonId'>0x52e9f</Data>"
            r"<Data Name='NewProcessId'>0x3714</Data><Data Name='NewProcessName'>C:\Windows\System32\msiexec.exe</Data>"
            "<Data Name='TokenElevationType'>%%1938</Data><Data Name='ProcessId'>0x3cc0</Data>"
            f"<Data Name='CommandLine'>{command}</Data><Data Name='TargetUserSid'>S-1-0-0</Data>"
            "<Data Name='TargetUserName'>-</Data><Data Name='TargetDomainName'>-</Data>"
            r"<Data Name='TargetLogonId'>0x0</Data><Data Name='ParentProcessName'>C:\Windows\explorer.exe</Data>"
            "<Data Name='MandatoryLabel'>S-1-16-8192</Data></EventData></Event>\n"
        )

    @property
    def late(self):
        """A hit two days after the demo."""
        return self.xml(4, "h.late", "ws-late", r"C:\Windows\System32\msiexec.exe /y C:\late\a.dll")

    @property
    def long(self):
        """A hit whose command line is longer than the 10,000 bytes to which Splunk cuts a line by default."""
        return self.xml(7, "i.long", "ws-long", rf"C:\Windows\System32\msiexec.exe /q A={'a' * 12_000} /y C:\long.dll")


def pair(user, device):
    """Return user and device as they are compared: whatever the case, the user without a domain."""
    return user.rpartition("\\")[2].lower(), device.lower()

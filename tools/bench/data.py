"""Process-creation events (4688) of one day, as many as are asked for, with hits of the msiexec detection among them.

All of it is synthetic, about 2.2 KB an event, half of that the command line; the same number gives the same events.
"""

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from xml.sax.saxutils import escape

SEED = 4688
DAY = datetime(2026, 3, 2, tzinfo=UTC)
DAY_SECONDS = 86_400
HOSTS, USERS = 60, 200
HITS_PER_EVENT = 0.0001

SYSTEM32 = r"C:\Windows\System32"
MSIEXEC, CHROME = rf"{SYSTEM32}\msiexec.exe", r"C:\Program Files\Google\Chrome\Application\chrome.exe"
JAVA, CSC = r"C:\Program Files\Java\bin\java.exe", r"C:\Windows\Microsoft.NET\Framework64\v4.0.30319\csc.exe"
POWERSHELL = rf"{SYSTEM32}\WindowsPowerShell\v1.0\powershell.exe"
EXPLORER, SERVICES, CMD = r"C:\Windows\explorer.exe", rf"{SYSTEM32}\services.exe", rf"{SYSTEM32}\cmd.exe"

# How often (in a thousand), image, parent, command line. {0} is a number of the event, {1} some 1,500 characters.
ORDINARY = (
    (300, CHROME, CHROME, '"{image}" --type=renderer --lang=en-US --num-raster-threads=4 --trace={0} --features={1}'),
    (150, JAVA, CMD, '"{image}" -Xmx2g -Dbuild.number={0} -cp "{1}" org.example.build.Main --yes'),
    (100, CSC, JAVA, '"{image}" /noconfig /target:library /out:obj\\part-{0}.dll /reference:{1}'),
    (80, POWERSHELL, SERVICES, "powershell.exe -NoProfile -NonInteractive -File C:\\Ops\\task-{0}.ps1 -Modules {1}"),
    (150, rf"{SYSTEM32}\svchost.exe", SERVICES, "{image} -k netsvcs -p -s Task{0}"),
    (100, rf"{SYSTEM32}\conhost.exe", CMD, "\\??\\{image} 0xffffffff -ForceV1"),
    (50, rf"{SYSTEM32}\xcopy.exe", CMD, "xcopy /s /y C:\\Build\\{0} \\\\files\\drop\\{0}"),
    (45, CMD, EXPLORER, '"{image}" /c copy /y "C:\\Users\\Public\\report-{0}.docx" D:\\Archive'),
    (5, CMD, EXPLORER, '"{image}" /c echo yes | msiexec /i C:\\Packages\\tool-{0}.msi /qn'),
    (10, MSIEXEC, SERVICES, "{image} /V"),
    (6, MSIEXEC, EXPLORER, '"{image}" /i "C:\\Users\\Public\\Downloads\\setup-{0}.msi" /qn /norestart'),
    (3, MSIEXEC, CMD, "msiexec /x {{9A2B6C1E-0000-4F6D-9C3E-{0:012X}}} /quiet"),
    (1, MSIEXEC, CMD, "msiexec.exe /i C:\\Packages\\tool-yaml-{0}.msi /quiet"),  # passes the prefilter
)
HITS = ('"{image}" /y "C:\\Users\\Public\\part-{0}.dll"', "msiexec.exe -Y C:\\ProgramData\\cache-{0}.dll /quiet")

EVENT = (
    "<Event xmlns='http://schemas.microsoft.com/win/2004/08/events/event'><System>"
    "<Provider Name='Microsoft-Windows-Security-Auditing' Guid='{{54849625-5478-4994-A5BA-3E3B0328C30D}}'/>"
    "<EventID>4688</EventID><Version>2</Version><Level>0</Level><Task>13312</Task><Opcode>0</Opcode>"
    "<Keywords>0x8020000000000000</Keywords><TimeCreated SystemTime='{when:%Y-%m-%dT%H:%M:%S.%f}Z'/>"
    "<EventRecordID>{number}</EventRecordID><Correlation/><Execution ProcessID='4' ThreadID='16'/>"
    "<Channel>Security</Channel><Computer>ws-{host:02}.synthetic.example</Computer><Security/></System><EventData>"
    "<Data Name='SubjectUserSid'>S-1-5-21-1004336348-1177238915-682003330-{user}</Data>"
    "<Data Name='SubjectUserName'>user.{user}</Data><Data Name='SubjectDomainName'>SYNTHETIC</Data>"
    "<Data Name='SubjectLogonId'>0x52e9f</Data><Data Name='NewProcessId'>{process:#x}</Data>"
    "<Data Name='NewProcessName'>{image}</Data><Data Name='TokenElevationType'>%%1938</Data>"
    "<Data Name='ProcessId'>{creator:#x}</Data><Data Name='CommandLine'>{line}</Data>"
    "<Data Name='TargetUserSid'>S-1-0-0</Data><Data Name='TargetUserName'>-</Data>"
    "<Data Name='TargetDomainName'>-</Data><Data Name='TargetLogonId'>0x0</Data>"
    "<Data Name='ParentProcessName'>{parent}</Data><Data Name='MandatoryLabel'>S-1-16-8192</Data></EventData></Event>\n"
)


def planted(count: int) -> int:
    """Return how many of so many events the msiexec detection must find."""
    return max(1, round(count * HITS_PER_EVENT))


def events(count: int) -> Iterator[str]:
    """Yield the events as raw XML, a row each, in the order of their times, which are all different."""
    chance = random.Random(SEED)
    hits = set(chance.sample(range(count), planted(count)))
    weights = [weight for weight, *_ in ORDINARY]
    words = [f"C:\\Lib\\{name}{number}.jar;" for name in ("net", "xml", "log", "data", "web") for number in range(400)]
    step = DAY_SECONDS * 1_000_000 // count  # µs
    for number in range(count):
        if number in hits:
            image, parent, form = MSIEXEC, CMD, chance.choice(HITS)
        else:
            _, image, parent, form = chance.choices(ORDINARY, weights)[0]
        start = chance.randrange(len(words) - 90)
        long = "".join(words[start : start + chance.randrange(60, 90)]) if "{1}" in form else ""
        yield EVENT.format(
            when=DAY + timedelta(microseconds=number * step + chance.randrange(step)),
            number=number + 1,
            host=chance.randrange(HOSTS),
            user=1000 + chance.randrange(USERS),
            process=4 * chance.randrange(1_000, 16_000),
            creator=4 * chance.randrange(1_000, 16_000),
            image=image,
            parent=parent,
            line=escape(form.format(number, long, image=image)),
        )

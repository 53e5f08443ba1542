"""Real process-creation events for tests, and attacks planted in them."""

import re
from xml.sax.saxutils import escape

import pytest

from tools.evaluate import real_events as real
from tools.evaluate.real_events import RealEvent, as_splunk

# The values that name a target, in XML and in classic text.
_XML_TARGET = re.compile(r"(<Data Name='Target(?:UserName|DomainName)'>)[^<]*")
_CLASSIC_TARGET = re.compile(r"^(Target Subject:\n.*\n\tAccount Name:\t\t).*(\n\tAccount Domain:\t\t).*", re.MULTILINE)


def real_events() -> tuple[RealEvent, ...]:
    """Return all real events. Skips the test when no folder is named; a named folder without them is an error."""
    folder = real.folder()
    if folder is None:
        pytest.skip(f"set {real.FOLDER} to a folder with real events")
    return real.load(folder)


def plant(event: RealEvent, process_path: str, command_line: str, user: str | None = None) -> str:
    """Return the event as Splunk has it, with another process, command line and user (DOMAIN\\name, or a name).

    Everything else stays as it was; but in a 4688 the user becomes the subject, and then there is no target. Raises
    ValueError when the event has no place for one of them: classic text has none for a command line of several rows.
    """
    raw = as_splunk(event)
    classic = event.format == "classic"
    if classic and "\n" in command_line:
        raise ValueError("classic text has one row for the command line")
    if classic:
        path_label, line_label = "New Process Name", "Process Command Line"
        user_label, domain_label = "Account Name", "Account Domain"  # the first of each is the subject's
    else:
        path_label, line_label = "NewProcessName" if event.event_id == 4688 else "Image", "CommandLine"
        user_label, domain_label = "SubjectUserName", "SubjectDomainName"
    values = {path_label: process_path, line_label: command_line}
    if user is not None and event.event_id == 4688:
        domain, _, name = user.rpartition("\\")
        values |= {user_label: name, domain_label: domain or "-"}
        raw = _CLASSIC_TARGET.sub(r"\1-\2-", raw) if classic else _XML_TARGET.sub(r"\1-", raw)
    elif user is not None:
        values["User"] = user
    for label, value in values.items():
        pattern = rf"^(\t{label}:[ \t]*)[^\n]*$" if classic else rf"(<Data Name='{label}'>)[^<]*(?=</Data>)"
        place = re.search(pattern, raw, re.MULTILINE)
        if place is None:
            raise ValueError(f"the event has no {label}")
        raw = raw[: place.end(1)] + (value if classic else escape(value)) + raw[place.end() :]
    return raw

"""Events of process creation, as a row of Splunk and as Sigma names their fields: two ways from one text."""

import functools
import json
import re
from xml.etree.ElementTree import Element

from defusedxml.ElementTree import fromstring

from sandbox.inputs import windows
from ssa.rows.event import input_event
from tests.support.sigma.matcher import Event
from tests.support.soak import SOAK
from tests.support.windows.real_events import as_splunk, real_events

NAMESPACE = re.compile(r"^\{.*\}")

SECURITY = {
    "Image": "NewProcessName",
    "ParentImage": "ParentProcessName",
    "ProcessId": "NewProcessId",
    "ParentProcessId": "ProcessId",
    "LogonId": "SubjectLogonId",
}
"""Sigma's field -> the name in the data of Security 4688."""

LABELS = {"S-1-16-4096": "Low", "S-1-16-8192": "Medium", "S-1-16-12288": "High", "S-1-16-16384": "System"}

CIM = {
    "Image": "process_path",
    "CommandLine": "process",
    "ParentImage": "parent_process_path",
    "ParentCommandLine": "parent_process",
    "ProcessId": "process_id",
    "ParentProcessId": "parent_process_id",
    "OriginalFileName": "original_file_name",
    "Computer": "dest",
}


def data(raw):
    """The data of an event's XML, by their names; nothing of classic text."""
    if not raw.startswith("<"):
        return {}
    root: Element = fromstring(raw)
    found = (one for one in root.iter() if NAMESPACE.sub("", one.tag) == "Data")
    values = {one.get("Name"): one.text or "" for one in found}
    provider = next(one for one in root.iter() if NAMESPACE.sub("", one.tag) == "Provider")
    return {**values, "Provider_Name": provider.get("Name", "")}


def row(event):
    """The row that Splunk makes of an event: what the add-ons extract, all data of XML, the text."""
    own = {name: value for name, value in data(event.raw).items() if value}
    return {**own, **event.fields, "_time": f"{event.time:.3f}", "host": event.host, "_raw": event.raw}


def sigma(event):
    """The event with Sigma's names: Sysmon's data are theirs; of a 4688 what means the same.

    The add-on puts the full path into the command line of a 4688, and the parent's path for its command line. Where a
    line is compared from its start, the event's own counts.
    """
    own = data(event.raw)
    if event.fields["signature_id"] == "1":
        named = {**own, "Computer": event.host}
    else:
        named = {**own, **{name: event.fields.get(column, "") for name, column in CIM.items()}}
        named |= {name: own[source] for name, source in SECURITY.items() if source in own}
        user, domain = event.fields.get("user", ""), event.fields.get("user_domain", "")
        named["User"] = f"{domain}\\{user}" if domain and user and "\\" not in user else user
        label = own.get("MandatoryLabel", "")
        named["IntegrityLevel"] = LABELS.get(label, label)
        level = re.search(r"Mandatory Label\\(\w+) Mandatory Level", event.raw)
        if level and not own:
            named["IntegrityLevel"] = ""  # the sandbox's reader gives no such column of classic text
    return Event(named, event.raw, {"CommandLine": own.get("CommandLine", "")})


@functools.cache
def real():
    """(row, event) of each real event of which Splunk makes a process event."""
    events = [windows.parse(as_splunk(one)) for one in real_events()]
    return [(row(event), sigma(event)) for event in events if event.tags]


ALIKE = frozenset({"_raw", "_time", "event_id", "dest_device_id", "LogonId", "SubjectLogonId"})
"""What tells one event from another that says the same: when and where it was, its ids, and its text."""


def differing(fields):
    """Of the real events those that differ in these fields, but for ALIKE; in soak, all."""
    if SOAK:
        return real()
    found = {}
    for row, event in real():
        seen = input_event(row, fields - ALIKE)
        found.setdefault(json.dumps(seen, sort_keys=True), (row, event))
    return [*found.values()]

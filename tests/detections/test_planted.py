"""Attacks and benign commands put into real events: every attack is found, nothing else is, in every format."""

import random
from collections import Counter

import pytest

from sandbox.demo.replay import row
from sandbox.inputs import windows
from sandbox.search.instance import Instance
from tests.support.app.demo import CATALOGUE
from tests.support.examples import GIVEN
from tests.support.windows.real_events import as_splunk, plant, real_events

COPIES = 20
SEED = 1218
FORMATS = {
    "XmlWinEventLog:Security": lambda e: e.format in ("xml", "evtx") and e.event_id == 4688,
    "XmlWinEventLog:Microsoft-Windows-Sysmon/Operational": lambda e: e.event_id == 1,
    "WinEventLog:Security": lambda e: e.format == "classic",
}
RULE = f"SSA - {GIVEN} - Rule"


@pytest.fixture
def instance(archive, tmp_path):
    made = Instance(tmp_path, indexers=2)
    made.install(archive)
    return made


def rows(raws):
    for raw in raws:
        event = windows.parse(raw)
        assert not event.problem, event.problem
        yield row(event)


def commands():
    """Each command line of the demo's catalogue once, with the path of its process."""
    found = {(entry["process_path"], entry["command_line"]): entry["expected"] for entry in CATALOGUE}
    return [(path, line, expected) for (path, line), expected in found.items()]


@pytest.mark.parametrize("source", FORMATS)
def test_every_planted_attack_is_found_and_no_benign_command_is(instance, source):
    chooser = random.Random(SEED)
    carriers = [event for event in real_events() if FORMATS[source](event)]
    planted = {True: Counter(), False: Counter()}
    raws = []
    for path, line, expected in commands():
        for event in chooser.sample(carriers, COPIES):
            raw = plant(event, path, line)
            parsed = windows.parse(raw)
            assert (parsed.source, parsed.fields["process_path"]) == (source, path)
            planted[expected][parsed.fields.get("process"), parsed.fields["dest"]] += 1
            raws.append(raw)
    assert instance.add_events(rows(raws)) == len(commands()) * COPIES
    hits = Counter((hit["process"], hit["dest_device_id"]) for hit in instance.search(search(instance)).rows)
    assert hits == planted[True]
    assert planted[True].total() >= 6 * COPIES
    assert planted[False].total() >= 10 * COPIES


def test_all_real_events_pass_without_an_error_and_without_a_hit(instance):
    events = real_events()
    assert instance.add_events(rows(map(as_splunk, events))) == len(events) == 5624
    result = instance.search(search(instance))
    assert (result.rows, result.messages) == ([], [])
    # Without the prefilter, too: then the command itself sees every one of them.
    bare = f'`ssa_process_events` | ssadetect detection="{GIVEN}"'
    result = instance.search(bare)
    assert (result.rows, result.messages) == ([], [])
    assert result.stages[-1].rows_in == len(events)


def search(instance):
    return instance.saved_search(RULE)["search"]

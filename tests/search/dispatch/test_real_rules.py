"""On real Sigma rules and real events, all rules in one pass find what each one finds alone."""

import pytest

from ssa.content.profile import Profile
from ssa.rows.event import input_event
from ssa.search.dispatch.dispatch import Dispatch
from tests.support.soak import LONG

rules = pytest.importorskip("tests.support.sigma.rules")
events = pytest.importorskip("tests.support.sigma.events")
conversion = pytest.importorskip("tools.content.sigma.conversion")

PARTS = 8
"""Of the events: each is a test, so that they run side by side."""


@pytest.fixture(scope="module")
def detections(tmp_path_factory):
    """A detection of each rule of the selection, with the profile that the index would give."""
    rules.folder()
    folder = rules.unpacked("rules.tar.gz", tmp_path_factory.mktemp("rules"))
    found = [conversion.detection(one.name, one.settings) for one in rules.converted(folder)]
    for one in found:
        one.__dict__["profile"] = Profile.read(Profile.of(one.plan).written)
    return found


@pytest.mark.parametrize("part", range(PARTS))
def test_dispatch_leaves_out_no_rule_that_fires(detections, part):
    fields = frozenset().union(*(one.plan.input_fields for one in detections))
    dispatch, offered, fired = Dispatch(detections), 0, 0
    rows = [row for row, _ in events.real()][part::PARTS]
    for row in rows if LONG else rows[::10]:
        seen = input_event(row, fields)
        found = dispatch(seen)
        firing = [one for one in detections if one.plan.run(seen)]
        assert [one.name for one in firing if one not in found] == [], row
        offered, fired = offered + len(found), fired + len(firing)
    assert 0 < fired <= offered < 4 * len(rows)


def test_few_rules_are_run_for_most_rows(detections):
    """None is without a text, a set of characters, or fields that are equal."""
    free = [one.name for one in detections if not one.profile.required or one.profile.required[0][0][1] == "present"]
    assert len(free) <= len(detections) / 200

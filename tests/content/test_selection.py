"""Which detections a search runs."""

import pytest

from ssa.content.detection import Catalogue, DetectionError
from ssa.content.selection import names_in, to_run
from ssa.content.settings import CONF
from tests.support.examples import GIVEN, catalogue
from tests.support.sets import rule

STANZAS = (
    rule("One", "mine")
    + rule("Two", "mine", disabled=1)
    + rule("Three", "other_2")
    + rule("Four", "")
    + rule("Off", "off", disabled=1)
)
SETS = "the sets of ssa_detections.conf are mine, off, other_2; * stands for all detections"


@pytest.fixture
def detections(tmp_path):
    return catalogue(tmp_path, STANZAS, "[default]\n")


@pytest.mark.parametrize(
    ("named", "sets", "run"),
    [
        (None, None, ["Four"]),
        (None, "mine", ["One"]),
        (None, "other_2,mine", ["Three", "One"]),
        (None, " mine , mine,off", ["One"]),
        (None, "*", ["One", "Three", "Four"]),
        (None, "mine,*", ["One", "Three", "Four"]),
        ("One", None, ["One"]),
        ("id-Three,Four", None, ["Three", "Four"]),
    ],
)
def test_a_search_runs_what_it_names_or_the_enabled_ones_of_its_sets(detections, named, sets, run):
    assert [detection.name for detection in to_run(detections, named, sets, pytest.fail)] == run


@pytest.mark.parametrize(
    ("named", "sets", "problem"),
    [
        (None, "gone", f"unknown set 'gone': {SETS}"),
        (None, "mine,gone,Mine", f"unknown set 'gone', 'Mine': {SETS}"),
        (None, "", f"set= is empty: {SETS}"),
        (None, " , ", f"set= is empty: {SETS}"),
        (None, "off", "no detection of set=off is enabled in ssa_detections.conf"),
        ("One", "mine", "detection= and set= exclude each other: name detections, or sets"),
        ("One", "*", "detection= and set= exclude each other: name detections, or sets"),
        ("Two", None, "the detection 'Two' is disabled: set disabled = 0 in local/ssa_detections.conf to run it"),
    ],
)
def test_what_cannot_be_run_is_reported(detections, named, sets, problem):
    with pytest.raises(DetectionError) as caught:
        to_run(detections, named, sets, pytest.fail)
    assert str(caught.value).startswith(problem)


def test_who_has_disabled_a_detection_by_settings_is_told_where(tmp_path):
    catalogue(tmp_path, STANZAS, "[default]\n")
    (tmp_path / "local" / f"{CONF}.conf").write_text("[id:id-One]\ndisabled = 1\n")
    with pytest.raises(DetectionError) as caught:
        to_run(Catalogue.of_app(str(tmp_path)), "One", None, pytest.fail)
    assert str(caught.value).endswith(
        "set disabled = 0 in local/ssa_detections.conf to run it; what [id:id-One] of ssa_detection_settings.conf says "
        "comes first"
    )


def test_without_sets_none_are_named_and_without_detections_there_is_nothing_to_run(tmp_path):
    detections = catalogue(tmp_path, "", "[default]\n")
    with pytest.raises(DetectionError, match=r"unknown set 'mine': the sets of ssa_detections\.conf are none"):
        names_in(detections, "mine", pytest.fail)
    with pytest.raises(DetectionError, match=r"^no detection outside of sets is enabled in ssa_detections\.conf$"):
        to_run(detections, None, None, pytest.fail)


@pytest.mark.parametrize("sets", [None, "*", "mine"])
@pytest.mark.parametrize("name", ["Mine", "a b", "a-b", "x" * 61, "*", "ä"])
def test_the_name_of_a_set_that_is_none_leaves_its_detection_out_of_every_run(tmp_path, name, sets):
    detections = catalogue(tmp_path, rule("Bad", name) + rule("One") + rule("Four", ""))
    problems = []
    run = to_run(detections, None, sets, problems.append)
    assert "Bad" not in [detection.name for detection in run]
    assert [f"[Bad] set: expected up to 60 of a-z, 0-9 and _, found '{name}'" in str(one) for one in problems] == [True]


def test_what_a_search_does_not_run_is_not_read(tmp_path):
    """A broken stanza of a set costs a search that names another detection, or a run without sets, nothing."""
    detections = catalogue(tmp_path, rule("Bad", search="| from nowhere") + rule("Four", ""), "[default]\n")
    for named, sets in ((None, None), ("Four", None)):
        assert [one.name for one in to_run(detections, named, sets, pytest.fail)] == ["Four"]


def test_the_given_detection_is_outside_of_sets(tmp_path):
    assert catalogue(tmp_path).find(GIVEN).set == ""

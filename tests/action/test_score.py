"""dynamic_score: a detection weighs each hit itself, and no event can."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ssa.action import risk
from ssa.content.detection import DetectionError
from ssa.language import TooLargeError
from ssa.rows.hits import detect
from tests.support.examples import GIVEN, HIT, catalogue, given_detection
from tests.support.hostile import HOSTILE

CONTEXT = risk.Context("SSA - Test - Rule", "sid_1", 1_800_000_000.0)
STANZA = """
[Weighed]
id = 1
version = 1
datamodel = Endpoint_Processes
dynamic_score = {dynamic}
impact = 80
confidence = 50
message = m
observables = [{{"name": "dest_user_id", "type": "User", "role": "Victim"}}]
search = | from read_ssa_enriched_events() | eval line=input_event.process, weight=if(like(line, "%calm%"), 10, 40) \
| where like(line, "%go%") | eval body={{{body}}} | into write_ssa_detected_events();
"""


def weighed(tmp_path, body="confidence: weight", dynamic="1"):
    return catalogue(tmp_path, default=STANZA.format(body=body, dynamic=dynamic)).find("Weighed")


def score(detection, line="go", **columns):
    """The score that the command gives, and those of the risk events that the action makes of the result."""
    source = {**HIT, "process": line, **columns}
    (hit,) = detect(detection, source)
    outcome = risk.risk_events(detection, {**source, **hit}, CONTEXT)
    written = {(e["risk_score"], e["severity"]) for e in outcome.events}
    assert written <= {(hit["risk_score"], hit["risk_severity"])}
    return hit["risk_score"], len(outcome.events), outcome.ignored


def test_the_score_follows_what_the_search_computes(tmp_path):
    assert score(weighed(tmp_path), "go") == ("32", 1, 0)
    assert score(weighed(tmp_path), "go calm") == ("8", 1, 0)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("impact: 20", "10"),
        ("impact: 20, confidence: 20", "4"),
        ("impact: 12.5, confidence: 50", "6.25"),
        ("impact: 80.0", "40"),
        # never more than the stanza says
        ("impact: 81, confidence: 1000", "40"),
        # what is no number from 0 up counts for nothing
        ("impact: -1, confidence: -0.5", "40"),
        ('impact: "20", confidence: "0"', "40"),
        ("impact: true, confidence: false", "40"),
        ("impact: null, confidence: missing", "40"),
        ("impact: [1], confidence: {a: 1}", "40"),
        ("impact: input_event.process, confidence: input_event.user", "40"),
        ("risk_score: 1, severity: 'low'", "40"),
    ],
)
def test_only_numbers_within_the_stanzas_bounds_count(tmp_path, body, expected):
    assert score(weighed(tmp_path, body))[0] == expected


def test_a_name_of_the_body_that_the_event_is_read_from_too_changes_no_score(tmp_path):
    text = STANZA.format(body="process: 'go calm', confidence: weight", dynamic="1").replace("= m\n", "= $process$\n")
    detection = catalogue(tmp_path, default=text).find("Weighed")
    assert (score(detection, "go")[0], score(detection, "go calm")[0]) == ("32", "8")


def test_without_dynamic_score_the_body_does_not_count(tmp_path):
    assert score(weighed(tmp_path, "impact: 1, confidence: 1", dynamic="0")) == ("40", 1, 0)
    assert not given_detection().dynamic_score


def test_a_hit_without_risk_is_found_and_no_risk_event_is_written(tmp_path):
    assert score(weighed(tmp_path, "confidence: 0")) == ("0", 0, 1)


def test_a_stanza_of_impact_0_without_dynamic_score_writes_its_event_as_before(tmp_path):
    detection = catalogue(tmp_path, f"[{GIVEN}]\nimpact = 0").find(GIVEN)
    (hit,) = detect(detection, HIT)
    assert [e["risk_score"] for e in risk.risk_events(detection, {**HIT, **hit}, CONTEXT).events] == ["0", "0"]


def test_a_wrong_setting_is_refused(tmp_path):
    with pytest.raises(DetectionError, match="dynamic_score: expected a boolean"):
        weighed(tmp_path, dynamic="sometimes")


FORGED = (
    {"body": '{"impact": 0, "confidence": 0}', "risk_score": "0", "impact": "0", "confidence": "0", "severity": "low"},
    {"body": '{"impact": 100, "confidence": 100}', "risk_score": "100", "dynamic_score": "0"},
    {"body": ["{}", '{"confidence": 0}'], "risk_score": ["0", "100"], "finding_id": "sha256:x", "weight": "0"},
)


@pytest.mark.parametrize("columns", FORGED)
def test_no_column_of_an_event_is_taken_for_the_score(tmp_path, columns):
    detection = weighed(tmp_path)
    assert score(detection, "go calm", **columns) == ("8", 1, 0)
    # Nor where the row never came through ssadetect: the action then computes ssadetect's score.
    for row in (columns, {**columns, "detection": "Weighed"}):
        (event,) = risk.risk_events(detection, {**HIT, "process": "go calm", **row}, CONTEXT).events
        assert (event["risk_score"], event["severity"]) == ("8", "informational")


def test_where_a_search_took_the_fields_away_the_score_is_the_most_that_the_stanza_allows(tmp_path):
    detection = weighed(tmp_path)
    (hit,) = detect(detection, {**HIT, "process": "go calm"})
    row = {**HIT, **hit, "process": ""}
    assert [e["risk_score"] for e in risk.risk_events(detection, row, CONTEXT).events] == ["40"]


def test_where_the_detection_cannot_judge_the_row_any_more_the_score_is_the_most_that_the_stanza_allows(tmp_path):
    detection = weighed(tmp_path, "confidence: weight, more: replace(line, 'a', line)")
    (hit,) = detect(detection, {**HIT, "process": "go calm"})
    row = {**HIT, **hit, "process": "go calm" + "a" * 2_000}
    with pytest.raises(TooLargeError):
        detect(detection, row)
    assert [e["risk_score"] for e in risk.risk_events(detection, row, CONTEXT).events] == ["40"]


@pytest.fixture(scope="module")
def detection(tmp_path_factory):
    return weighed(tmp_path_factory.mktemp("weighed"))


COLUMNS = st.sampled_from(["body", "risk_score", "impact", "confidence", "__mv_body", "finding_id", "detection"])


@given(st.dictionaries(COLUMNS, st.sampled_from(HOSTILE) | st.text()))
def test_whatever_the_columns_hold_the_score_is_the_same(detection, columns):
    row = {**HIT, "process": "go calm", **columns}
    assert {e["risk_score"] for e in risk.risk_events(detection, row, CONTEXT).events} == {"8"}


def test_a_detection_may_make_several_hits_of_a_row_and_each_has_its_own(tmp_path):
    other = "search = $a = | from read_ssa_enriched_events() | eval body={confidence: 20}, start_time=1L; $b = "
    text = STANZA.format(body="confidence: 10", dynamic="1").replace("search = ", other)
    text = text.replace("into write", "union $a | into write")
    detection = catalogue(tmp_path, default=text).find("Weighed")
    row = {**HIT, "process": "go"}
    hits = detect(detection, row)
    for hit in hits:
        (event,) = risk.risk_events(detection, {**row, **hit}, CONTEXT).events
        assert event["risk_score"] == hit["risk_score"]
    assert {hit["risk_score"] for hit in hits} == {"8", "16"}
    assert all(json.loads(hit["body"]) for hit in hits)

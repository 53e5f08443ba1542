"""ssa_detection_settings.conf: what users set of many detections at once."""

import pytest

from ssa.content.detection import Catalogue
from ssa.content.settings import CONF
from tests.support.examples import GIVEN, GIVEN_ID, catalogue
from tests.support.sets import rule

RULES = (
    rule("One", level="high", tags="attack.t1059.001, attack.execution", author="Ann Lee, Bob (Acme, Inc)", impact=55)
    + rule("Two", level="high", tags="attack.t1218", author="Ann Lee", impact=55)
    + rule("Three", level="low", tags="cve.2021-1", author="Bob (Acme)", impact=15, disabled=1)
    + rule("Four", of="other", level="high", tags="attack.t1059.001", author="Ann Lee", impact=55)
)
ALL = {"One": 55, "Two": 55, "Three": None, "Four": 55}
"""What each detection scores; None of one that is disabled."""


def written(tmp_path, text, layer="local"):
    catalogue(tmp_path, RULES)
    (tmp_path / layer / f"{CONF}.conf").write_text(text)
    return Catalogue.of_app(str(tmp_path))


def scores(detections):
    return {
        name: detections.find(name).risk_score if detections.is_enabled(name) else None
        for name in detections.names
        if name in ALL
    }


@pytest.mark.parametrize(
    ("text", "changed"),
    [
        ("", {}),
        ("[id:id-One]\ndisabled = 1", {"One": None}),
        ("[id:id-Three]\ndisabled = 0", {"Three": 15}),
        ("[id:id-One]\nimpact = 80", {"One": 80}),
        ("[id:id-One]\nconfidence = 50", {"One": 27.5}),
        ("[id:id-One]\nscore = 12.5", {"One": 12.5}),
        ("[id:id-one]\nscore = 12.5", {}),
        ("[level:mine:high]\nscore = 30", {"One": 30, "Two": 30}),
        ("[level:mine:High]\nscore = 30", {"One": 30, "Two": 30}),
        ("[level:other:high]\ndisabled = true", {"Four": None}),
        ("[tag:mine:attack]\nscore = 5", {"One": 5, "Two": 5}),
        ("[tag:mine:attack.t1059]\nscore = 5", {"One": 5}),
        ("[tag:mine:attack.T1059.001]\nscore = 5", {"One": 5}),
        ("[tag:mine:attack.t105]\nscore = 5", {}),
        ("[tag:mine:cve.2021-1]\ndisabled = 0", {"Three": 15}),
        ("[author:mine:ann lee]\nscore = 5", {"One": 5, "Two": 5}),
        ("[author:mine:Bob]\ndisabled = 0\nscore = 7", {"Three": 7}),
        ("[author:mine:Bob (Acme)]\ndisabled = 0", {"Three": 15}),
        ("[author:mine:Ann Lee, Bob (Acme, Inc)]\nscore = 5", {"One": 5}),
        # the most specific wins, setting by setting
        ("[id:id-One]\nscore = 1\n[level:mine:high]\nscore = 2\ndisabled = 1", {"One": None, "Two": None}),
        ("[id:id-One]\ndisabled = 0\n[level:mine:high]\ndisabled = 1", {"Two": None}),
        ("[level:mine:high]\nscore = 1\n[author:mine:Ann Lee]\nscore = 2", {"One": 2, "Two": 2}),
        ("[tag:mine:attack.execution]\nscore = 3\n[author:mine:Ann Lee]\nscore = 2", {"One": 3, "Two": 2}),
        ("[tag:mine:attack.t1059.001]\nscore = 4\n[tag:mine:attack.t1059]\nscore = 3", {"One": 4}),
        ("[tag:mine:attack.t1059]\nscore = 3\n[tag:mine:attack.execution]\nscore = 4", {"One": 4}),
        ("[id:id-One]\nimpact = 40\n[level:mine:high]\nscore = 2", {"One": 40, "Two": 2}),
        ("[default]\ndisabled = 1\n[id:id-One]\n", {"One": None}),
        (f"[id:{GIVEN_ID}]\ndisabled = 1", {}),
    ],
)
def test_settings_hold_by_id_level_author_and_tag(tmp_path, text, changed):
    detections = written(tmp_path, text)
    assert detections.settings.problems == []
    assert scores(detections) == ALL | changed
    assert detections.is_enabled(GIVEN) == (GIVEN_ID not in text)


def test_both_layers_are_read_and_local_wins(tmp_path):
    written(tmp_path, "[id:id-One]\nimpact = 10\nconfidence = 50", "default")
    assert scores(written(tmp_path, "[id:id-One]\nimpact = 20")) == ALL | {"One": 10}


WRONG = [
    (
        "[One]\nscore = 5",
        1,
        "[One]: expected [id:<id>], [level:<set>:<level>], [author:<set>:<name>] or [tag:<set>:<ta",
    ),
    ("[level:high]\nscore = 5", 1, "[level:high]: expected [id:<id>]"),
    ("[level:Mine:high]\nscore = 5", 1, "[level:Mine:high]: expected [id:<id>]"),
    ("[id:]\nscore = 5", 1, "[id:]: expected [id:<id>]"),
    ("[level:mine:hihg]\nscore = 5", 1, "expected a level of informational, low, medium, high, critical"),
    ("[id:id-One]\nscore = high", 2, "[id:id-One] score: expected a number from 0 to 100, found 'high'"),
    ("[id:id-One]\nscore = 101", 2, "[id:id-One] score: expected a number from 0 to 100, found '101'"),
    ("[id:id-One]\nimpact = -1", 2, "[id:id-One] impact: expected a number from 0 to 100, found '-1'"),
    ("[id:id-One]\ndisabled = maybe", 2, "disabled: expected a boolean (true or false), found 'maybe'"),
    ("[id:id-One]\nsearch = x", 2, "[id:id-One] search: expected one of disabled, impact, confidence, score"),
    ("[id:id-One]\nscore = 5\nimpact = 5", 1, "score stands for impact and confidence: set it, or these"),
]


@pytest.mark.parametrize(("text", "line", "problem"), WRONG, ids=[problem for _, _, problem in WRONG])
def test_a_wrong_stanza_is_reported_with_its_place_and_loses_only_itself(tmp_path, text, line, problem):
    detections = written(tmp_path, f"{text}\n[id:id-Two]\nscore = 1\n")
    assert scores(detections) == ALL | {"Two": 1}
    (reported,) = detections.settings.problems
    assert reported.startswith(f"{tmp_path}/local/{CONF}.conf, line {line}: [")
    assert problem in reported
    assert reported.endswith(". The stanza does not apply")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[id:id-Two]\nscore = 1\n[id:id-One\nscore = 5\n", "line 3: the stanza '[id:id-One' is not closed with ]"),
        ("[id:id-Two]\nscore = 1\nscore 5\n", "line 3: expected a [stanza], key = value or # comment, found 'score 5'"),
    ],
)
def test_a_line_that_cannot_be_read_costs_no_other_stanza(tmp_path, text, problem):
    detections = written(tmp_path, text)
    assert scores(detections) == ALL | {"Two": 1}
    assert [problem in one for one in detections.settings.problems] == [True]


def test_a_file_that_cannot_be_read_is_reported_and_costs_no_detection(tmp_path):
    catalogue(tmp_path, RULES)
    (tmp_path / "local" / f"{CONF}.conf").write_bytes(b"[id:\xff]")
    detections = Catalogue.of_app(str(tmp_path))
    assert scores(detections) == ALL
    assert ["cannot be read" in one for one in detections.settings.problems] == [True]


def test_a_detection_names_the_stanzas_that_hold_for_it_and_the_others_are_known(tmp_path):
    detections = written(tmp_path, "[id:id-One]\nscore = 5\n[level:mine:high]\ndisabled = 0\n[tag:gone:x]\nscore = 1\n")
    assert detections.find("One").changed_by == ("[level:mine:high]", "[id:id-One]")
    assert detections.find("Four").changed_by == ()
    assert list(detections.settings.unused) == ["[tag:gone:x]"]

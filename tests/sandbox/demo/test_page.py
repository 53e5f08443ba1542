"""What a reader at a terminal sees of a replay and of a search, from what they found."""

import pytest
from rich.console import Console

from sandbox.demo.console import write_result
from sandbox.demo.replay import Replay
from sandbox.demo.report import FEW, write_page
from sandbox.demo.runs import Runs
from sandbox.search.server import Result

RUN, OFF = "run by SSA - Set - Rule", "disabled, so nothing runs it: set disabled = 0 in its stanza"


def page(capsys, **found):
    write_page(Replay(**found), Console(width=200), False)
    return capsys.readouterr().out


@pytest.mark.parametrize(
    ("own", "expected"),
    [
        ({"A": RUN, "B": OFF}, [f"   A: {RUN}", f"   B: {OFF}"]),
        ({**{f"D{n}": RUN for n in range(FEW)}}, [f"   D{n}: {RUN}" for n in range(FEW)]),
        ({**{f"D{n}": RUN for n in range(FEW + 1)}, "B": OFF}, [f"   {FEW + 1} detections: {RUN}", f"   B: {OFF}"]),
    ],
)
def test_many_detections_with_the_same_fate_are_one_line(capsys, own, expected):
    assert [line for line in page(capsys, own=own).splitlines() if line.endswith((RUN, OFF))] == expected


@pytest.mark.parametrize(
    ("searches", "expected"), [(["A"], "passed the prefilter,"), (["A", "B"], "passed the prefilters of 2 searches,")]
)
def test_events_that_several_searches_let_through_are_said_to_be_of_several(capsys, searches, expected):
    assert page(capsys, searches=searches, passed_prefilter=5).count(expected) == 2


@pytest.mark.parametrize(("setting", "unless"), [("disabled = 1", True), ("disabled = 0", False), ("score = 5", False)])
def test_a_fate_says_that_settings_of_many_may_disable_it(tmp_path, setting, unless):
    (tmp_path / "local").mkdir()
    for name, text in {
        "savedsearches": "[S]\nsearch = | ssadetect set=x\naction.ssa_risk = 1\n",
        "ssa_detections": "[A]\nset = x\nsearch = y\n",
        "ssa_detection_settings": f"[level:x:high]\n{setting}\n",
    }.items():
        (tmp_path / f"local/{name}.conf").write_text(text)
    expected = "run by S" + ", unless ssa_detection_settings.conf disables it" * unless
    assert Runs(tmp_path).fate("A", ["S"]) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("soon", "soon"),
        ("nan", "nan"),
        ("1e300", "1e300"),
        (["1", "2"], "1, 2"),
        (None, ""),
    ],
)
def test_what_is_no_time_is_shown_as_it_is(capsys, tmp_path, value, expected):
    write_result(Result("1.1", tmp_path, ["_time", "n"], [{"_time": value, "n": "1772474606.47"}]), False)
    row = capsys.readouterr().out.splitlines()[-3]
    assert row.split("1772474606.47")[0].strip() == expected

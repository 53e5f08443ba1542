"""What many detections cost over rows, measured, the costliest first, and what is advised."""

import pytest

from ssa.content import conf
from ssa.content.detection import Catalogue
from ssa.search.costs import Cost, advice, measure, usual_rows
from tests.support.app.search_command import stanza
from tests.support.language.cases import END, START

ROWS = [{"_time": "1", "process": f"tool.exe /{number}", "process_name": "tool.exe"} for number in range(99)]
ROWS.append({"_time": "1", "process": "rare.exe now", "process_name": "rare.exe"})

LINES = " + ".join(
    f"len(replace(input_event.process, /[a-z]+{number}/, lower(input_event.process)))" for number in range(9)
)
SLOW = f"{LINES} > 0"


def detections(**conditions):
    texts = [stanza(name, f"{START}| where {condition}{END}") for name, condition in conditions.items()]
    catalogue = Catalogue({name: value for text in texts for name, value in conf.parse(text, "own.conf").items()})
    return [catalogue.find(name) for name in catalogue.names]


def test_each_detection_counts_for_the_rows_that_it_was_run_for_and_the_costliest_comes_first():
    costs = measure(
        detections(
            Rare='input_event.process_name="rare.exe"',
            Never='input_event.process_name="never.exe"',
            Slow=SLOW,
            Often='input_event.process_name="tool.exe"',
        ),
        ROWS,
    )
    assert [(cost.detection.name, cost.offered, cost.hits) for cost in costs] == [
        ("Slow", 100, 100),
        ("Often", 99, 99),
        ("Rare", 1, 1),
    ]
    assert all(cost.seconds > 0 for cost in costs)
    assert 0 < sum(cost.share for cost in costs) < 1  # the rest is reading rows, and finding who can match them


@pytest.mark.parametrize(
    ("condition", "advised"),
    [
        ('input_event.process_name="rare.exe"', ""),
        ('input_event.process_name="tool.exe"', 'many events hold "tool.exe": require a text that fewer hold'),
        ("like(input_event.process, '%/1%')", 'what it is found by is short: "/1". A longer text, or a further one'),
    ],
)
def test_what_makes_a_detection_cheaper_follows_from_what_it_was_run_for(condition, advised):
    (cost,) = measure(detections(Own=condition), ROWS)
    advised_of = advice(cost, len(ROWS))
    assert advised_of.startswith(advised)
    assert bool(advised_of) is bool(advised)


@pytest.mark.parametrize(("seconds", "advised"), [(0.1, "its steps take long: let `where` drop events"), (1e-6, "")])
def test_a_detection_that_takes_long_for_a_row_is_to_drop_it_sooner(seconds, advised):
    (detection,) = detections(Own='input_event.process_name="rare.exe"')
    advised_of = advice(Cost(detection, 1, 0, seconds, 0.5), len(ROWS))
    assert advised_of.startswith(advised)
    assert bool(advised_of) is bool(advised)


def test_a_detection_that_cannot_judge_a_row_is_measured_all_the_same():
    doubled = "".join("| eval text=text + text " for _ in range(20))
    text = stanza("Large", f"{START}| eval text=input_event.process {doubled}| where len(text) > 0{END}")
    (cost,) = measure([Catalogue(conf.parse(text, "own.conf")).find("Large")], ROWS[:2])
    assert (cost.offered, cost.hits) == (2, 0)


def test_nothing_to_run_costs_nothing():
    assert measure([], ROWS) == measure(detections(Never='input_event.process_name="never.exe"'), ROWS) == []


def test_made_rows_have_what_process_detections_read():
    rows = [*usual_rows()]
    assert len(rows) == 174
    assert all(row["process"].lstrip('"').startswith(row["process_path"]) for row in rows)
    assert all(row["process_path"].endswith("\\" + row["process_name"]) for row in rows)

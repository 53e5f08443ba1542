"""What an analyst does in the views: inputs, drill-downs, and a tuning line that removes what it promised."""

import pytest

from sandbox.demo import replay

CANDIDATES, LINE = "Values that hits share", "The line that leaves it out"
PAGE = 5
"""Rows that the tables of rows in Tuning show at once."""


def whole(screen):
    """Check that nothing went wrong since the last look."""
    assert (screen.failed_searches(), screen.unanswered(), screen.errors) == ([], [], [])


@pytest.mark.parametrize("field", ["parent_process_name", "parent_process", "process", "user"])
def test_a_tuning_line_removes_exactly_the_rows_that_it_promised(screen, demo, field):
    screen.open("tuning")
    hits = int(screen.value("Found, after the allow list"))
    row = next(row for row in screen.table(CANDIDATES) if row["Field"] == field)
    screen.click(CANDIDATES, row["Value"])
    screen.settle()
    promised = screen.table("What the clicked value would remove")
    lines = {each["What"]: each["Line"] for each in screen.table(LINE)}
    assert lines["removes"].startswith(f"{row['Hits']} of {hits} hits; ")
    assert len(promised) == min(int(row["Hits"]), PAGE) > 0
    whole(screen)
    with pasted(demo, lines["macro"], lines["definition"]):
        screen.open("tuning")
        assert int(screen.value("Removed by the filter")) == int(row["Hits"])
        assert int(screen.value("Left after the filter")) == hits - int(row["Hits"])
        removed = screen.table("What the filter removes now")
        assert sorted(map(str, removed)) == sorted(map(str, promised))
        whole(screen)


class pasted:  # noqa: N801 (reads as a statement)
    """A macro's definition, as an admin changes it in Settings; what it was, afterwards."""

    def __init__(self, demo, macro, definition):
        self.stanza = replay.connect(demo.splunkd).confs["macros"][macro]
        self.before, self.definition = self.stanza["definition"], definition

    def __enter__(self):
        self.stanza.submit({"definition": self.definition})

    def __exit__(self, *_):
        self.stanza.submit({"definition": self.before})


def test_the_alert_form_explains_each_setting_and_holds_its_default(screen):
    screen.open("alert_form")
    shown = dict(
        screen.page.evaluate("() => [...document.querySelectorAll('input[name]')].map(i => [i.name, i.value])")
    )
    assert shown["action.ssa_risk.param.index"] == "risk"
    assert "It must exist where events are indexed." in screen.text
    assert screen.violations() == []
    whole(screen)

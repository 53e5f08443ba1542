"""Tuning, as somebody works in it: which detection is noisy, what an entry would remove, and that its line does it."""

from contextlib import contextmanager

import pytest

from sandbox.splunkd.state import ROLES, Session
from tests.ui.conftest import misfits, splunks_own
from tools.ui.browser import WIDTHS

GIVEN = "Windows System Binary Proxy Execution MSIExec DLLRegisterServer"
SILENT = "Windows MSIExec Silent Package From User Folder"
REGISTRATION = "Windows MSIExec DLL Registration"
NOISE, VALUES, ENTRY = "Detections by the risk they wrote", "Values that hits share", "The entry"
SCORES, PREVIEW, REMOVED = "Scores with and without these hits", "Which hits", "Hits left out"
AFTER_A_CLICK = (ENTRY, REMOVED, "Entities not seen any more", "No longer above the threshold", SCORES, PREVIEW)
PAGE = 5
"""Rows that the table of hits shows at once."""


def whole(screen):
    """Check that nothing went wrong since the last look."""
    assert (screen.failed_searches(), screen.unanswered(), screen.errors) == ([], [], [])


def choose(screen, panel, text):
    screen.click(panel, text)
    screen.settle()
    whole(screen)


def said(screen):
    return {row["What"]: row["Entry"] for row in screen.table(ENTRY)}


@contextmanager
def pasted(served, line):
    """Run a line as an analyst does; afterwards the list is empty again."""
    acting = served.splunkd.acting(Session("admin", "admin", ROLES["admin"]))
    acting.search(line)
    try:
        yield
    finally:
        acting.search("| makeresults | where false() | outputlookup ssa_allow_list")
        acting.search("| `ssa_apply_allow_list`")


def hits(served, detection):
    """What the rule of a detection finds when it runs now, over all events."""
    name = f"SSA - {detection} - Rule"
    acting = served.splunkd.acting(Session("admin", "admin", ROLES["admin"]))
    return acting.search(served.splunkd.instance.saved_search(name)["search"], now=served.splunkd.clock()).rows


def test_before_a_click_the_view_shows_what_is_noisy_and_nothing_empty(days):
    days.open("tuning")
    whole(days)
    assert 0 < len(days.searches()) <= 8
    first = days.table(NOISE)[0]
    assert (first["Detection"], first["Hits"], first["Entities"]) == (SILENT, "20", "6")
    assert not [title for title in AFTER_A_CLICK if days.page.get_by_text(title, exact=True).count()]
    assert "The allow list is on; no entry of it holds for this detection." in days.text


def test_a_detection_is_chosen_then_a_value_and_another_detection_forgets_it(days):
    days.open("tuning")
    choose(days, NOISE, SILENT)
    assert days.token("detection") == SILENT
    assert {"Field": "user", "Value": "svc.deploy", "Hits": "20"}.items() <= days.table(VALUES)[1].items()
    choose(days, VALUES, "svc.deploy")
    assert (days.value(REMOVED), days.value("Entities not seen any more")) == ("20 of 20", "6 of 6")
    assert "Nothing is left" in said(days)["leaves out"]
    choose(days, NOISE, REGISTRATION)
    assert days.token("candidate") == "nothing"
    assert not days.page.get_by_text(ENTRY, exact=True).count()


def test_scores_that_fall_are_shown_as_the_score_has_them(days, four_days):
    days.open("tuning")
    choose(days, NOISE, REGISTRATION)
    choose(days, VALUES, "cmd.exe")
    acting = four_days.splunkd.acting(Session("admin", "admin", ROLES["admin"]))
    scores = {row["risk_object"]: float(row["risk_score"]) for row in acting.search("`ssa_risk_scores`").rows}
    shown = {row["Entity"]: (float(row["Score"]), float(row["Without"])) for row in days.table(SCORES)}
    assert {name: score for name, (score, _) in shown.items()} == {name: scores[name] for name in shown}
    assert all(without <= score for score, without in shown.values())
    below = [name for name, (score, without) in shown.items() if score > 100 >= without]
    assert int(days.value("No longer above the threshold")) >= len(below)


@pytest.mark.parametrize("field", ["user", "parent_process_name", "process"])
def test_a_pasted_line_removes_exactly_what_was_promised(screen, demo, field):
    screen.open("tuning")
    row = next(row for row in screen.table(VALUES) if row["Field"] == field)
    choose(screen, VALUES, row["Value"])
    promised, entry = int(row["Hits"]), said(screen)
    assert screen.value(REMOVED) == f"{promised} of 11"
    assert len(screen.table(PREVIEW)) == min(promised, PAGE)
    assert entry["leaves out"].startswith(f"{field}={row['Value']}: {promised} of 11 hits.")
    before = hits(demo, GIVEN)
    with pasted(demo, entry["run this"]):
        left = hits(demo, GIVEN)
        screen.open("tuning")
        assert "The allow list is on: 1 entry holds for this detection." in screen.text
    assert (len(before), len(before) - len(left)) == (11, promised)
    assert len(hits(demo, GIVEN)) == 11


def test_a_link_from_triage_opens_the_detection_and_its_time(days):
    days.open("tuning", **{"form.detection": SILENT, "form.time.earliest": "-24h@h", "form.time.latest": "now"})
    whole(days)
    assert {search.earliest for search in days.searches()} == {"-24h@h"}
    assert days.table(VALUES)[0]["Hits"] == "6"
    assert "Click a value" in days.text


@pytest.mark.parametrize(
    ("detection", "says"),
    [
        ("Not There", 'No detection outside of sets is called "Not There"'),
        ("Windows MSIExec Hidden Launch", "Windows MSIExec Hidden Launch has no hit in this time range"),
    ],
)
def test_a_link_to_a_detection_that_is_not_on_the_list_says_what_is_wrong(days, detection, says):
    days.open("tuning", **{"form.detection": detection})
    whole(days)
    assert says in days.text
    choose(days, NOISE, SILENT)
    assert "Click a value" in days.text


def test_what_is_left_out_already_opens_as_a_search(days, four_days):
    days.open("tuning", **{"form.detection": SILENT})
    choose(days, VALUES, "ws-08")
    with pasted(four_days, said(days)["run this"]), days.page.expect_popup() as popup:
        days.click("Left out already", "See what")
        popup.value.wait_for_function("() => document.querySelectorAll('main table tbody tr').length")
        shown = popup.value.locator("main table tbody tr").all_inner_texts()
        popup.value.close()
    assert len(shown) == 4
    assert all("ws-08" in row for row in shown)


def test_a_single_hit_is_left_out_whole(lone):
    lone.open("tuning")
    choose(lone, VALUES, "j.doe")
    assert (lone.value(REMOVED), lone.value("No longer above the threshold")) == ("1 of 1", "0")
    assert {row["Without"] for row in lone.table(SCORES)} == {"0"}


def test_without_risk_the_view_says_what_to_do(bare):
    bare.open("tuning")
    whole(bare)
    assert "No risk in this time range: widen it." in bare.text
    assert "there is nothing to tune" in bare.text


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_what_a_click_shows_fits_every_width_and_is_readable(days, theme):
    days.open("tuning", theme=theme, **{"form.detection": REGISTRATION})
    choose(days, VALUES, "cmd.exe")
    assert [one for one in days.violations() if not splunks_own(one)] == []
    for width in WIDTHS if theme == "dark" else ():  # a theme has colours of its own, and nothing wider
        days.resize(width)
        assert misfits(days) == set()

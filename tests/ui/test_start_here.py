"""What an admin asks Start here, and the clicks that answer it: is it set up, what is open, where is it settled?"""

import time

import pytest

from tests.support.app.data_check import events
from tests.ui.conftest import opened, served

POINTS = "Open points"
CHECK = "SSA - Data check"
HOUR = 3600


def whole(screen):
    assert (screen.failed_searches(), screen.unanswered(), screen.errors) == ([], [], [])


def points(screen):
    """The open points by name, with their state."""
    return {row["Point"]: row["State"] for row in screen.table(POINTS)}


def test_it_says_first_how_much_is_done_and_what_is_open(screen):
    screen.open("start_here")
    well, _, every = screen.value("Done").partition(" of ")
    found = points(screen)
    states = [*found.values()]
    assert (int(screen.value("To do")), int(screen.value("To look at"))) == (
        states.count("TO DO"),
        states.count("LOOK"),
    )
    assert int(every) - int(well) == len(states) > 0
    assert states == sorted(states, reverse=True)  # what is to do comes first
    assert found["Data check"] == found["Schedule"] == "TO DO"
    assert all(row["Do"] and row["Open"] for row in screen.table(POINTS))
    assert POINTS not in " ".join(screen.below(1000))
    whole(screen)


@pytest.mark.parametrize(
    ("point", "path"),
    [("Data check", "/manager/ssa_detections/saved/searches"), ("Schedule", "/manager/ssa_detections/saved/searches")],
)
def test_a_click_opens_the_page_where_a_point_is_settled(screen, point, path):
    screen.open("start_here")
    follow(screen, point)
    assert path in screen.page.url
    assert "SSA - " in screen.page.locator("main").inner_text()


def follow(screen, point):
    """Click what an open point says to open."""
    screen.panel(POINTS).locator("tbody tr", has_text=point).first.locator("td").last.click()
    screen.page.wait_for_url("**/en-US/manager/**")


def test_nothing_but_the_page_to_open_looks_like_a_link(screen):
    screen.open("start_here")
    colours = screen.panel(POINTS).evaluate(
        "panel => [...panel.querySelectorAll('tbody tr:first-child td')].map(cell => getComputedStyle("
        "cell.querySelector('*') || cell).color)"
    )
    assert colours[-1] not in colours[:-1]


def test_a_click_on_a_detection_opens_tuning(screen):
    screen.open("start_here")
    screen.click("Detections: do they run?", "Windows MSIExec DLL Registration")
    screen.page.wait_for_url("**/tuning?**")
    assert screen.token("detection") == "Windows MSIExec DLL Registration"


def test_what_it_would_switch_on_is_shown_before(screen, demo):
    screen.open("start_here")
    screen.page.get_by_text("show what would be switched on").click()
    screen.page.get_by_role("button", name="Run Query Anyway").click()
    screen.page.wait_for_selector("table")
    found = {row["search"]: row["result"] for row in screen.results()}
    assert found[CHECK] == "would be scheduled: | ssasetup apply=true"
    assert not demo.splunkd.instance.search("| inputlookup ssa_data_check").rows


def test_from_the_installation_to_nothing_to_do_in_four_clicks(archive, bundle, window, tmp_path):
    """A server with the app, its index and events, as an admin finds it who has installed the package."""
    with served(tmp_path / "home", archive, []) as stand_in, opened(window, stand_in) as screen:
        splunkd, clicks = stand_in.splunkd, Clicks(screen)
        now = splunkd.clock()
        for hour in range(-3, 5):  # ten minutes of each, which the data check looks at
            run = now // HOUR * HOUR + 600 + hour * HOUR
            splunkd.instance.add_events(events(at=run, process_id="7", parent_process="p.exe -x"))
        screen.open("overview")
        clicks.link("Start here")
        screen.settle()
        assert int(screen.value("To do")) > 0
        clicks.text("switch it on")
        assert "risky commands: ssasetup" in screen.text
        clicks.button("Run Query Anyway")
        assert {row["result"] for row in screen.results()} >= {"scheduled now"}
        splunkd.scheduler.run(now, now + 2 * HOUR)
        splunkd.clock = lambda: time.time() + 2 * HOUR
        clicks.link("Start here")
        screen.settle()
        assert points(screen) == {"Nothing is open": ""}
        assert (screen.value("To do"), screen.value("To look at")) == ("0", "0")
        assert clicks.number == 4
        whole(screen)


class Clicks:
    """Clicks on a page, counted."""

    def __init__(self, screen):
        self.page, self.number = screen.page, 0

    def link(self, name):
        self._click(self.page.locator("header").get_by_role("link", name=name, exact=True))

    def text(self, text):
        self._click(self.page.get_by_text(text, exact=True))

    def button(self, name):
        self._click(self.page.get_by_role("button", name=name))

    def _click(self, what):
        what.click()
        self.number += 1
        self.page.wait_for_load_state()


def test_one_search_can_be_scheduled_by_hand_as_in_settings(archive, bundle, window, tmp_path):
    with served(tmp_path / "home", archive, []) as stand_in, opened(window, stand_in) as screen:
        screen.open("start_here")
        assert points(screen)["Data check"] == "TO DO"
        follow(screen, "Data check")
        with screen.page.expect_response("**/saved/searches/SSA*") as answer:
            screen.page.get_by_role("button", name=CHECK).click()
        assert answer.value.status == 200
        screen.open("start_here")
        assert points(screen)["Data check"] == "LOOK"


def test_without_events_it_says_what_to_do(bare):
    bare.open("start_here")
    found = {row["Point"]: row for row in bare.table(POINTS)}
    assert found["Process events"]["State"] == "TO DO"
    assert "Widen the time range" in found["Process events"]["Do"]
    whole(bare)

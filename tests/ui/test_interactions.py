"""What an analyst does in the views: inputs and drill-downs."""

import re

import pytest

ENTITIES, DEVICES = "Users by highest 24-hour score", "Devices by highest 24-hour score"
MESSAGES = "Latest risk messages"


def whole(screen):
    """Check that nothing went wrong since the last look."""
    assert (screen.failed_searches(), screen.unanswered(), screen.errors) == ([], [], [])


def sources(screen):
    return sorted(search.source for search in screen.searches())


def test_another_time_range_runs_every_search_again_over_it(screen):
    screen.open("overview")
    before = sources(screen)
    screen.forget()
    screen.page.locator("[data-test=time-range-dropdown]").click()
    screen.page.get_by_text("Last 7 days").click()
    screen.settle()
    assert sources(screen) == before
    assert {(search.earliest, search.latest) for search in screen.searches()} == {("-7d@h", "now")}
    assert screen.token("time.earliest") == "-7d@h"
    whole(screen)


def test_another_entity_runs_the_searches_again_that_are_about_it(screen):
    screen.open("overview")
    about = sorted(one.source for one in screen.searches() if 'risk_object="' in one.text)
    screen.forget()
    name = screen.page.get_by_role("textbox").first
    name.fill('o"neil | delete')
    name.press("Enter")
    screen.settle()
    assert sources(screen) == about != []
    assert all('risk_object="o\\"neil | delete"' in search.text for search in screen.searches())
    whole(screen)


@pytest.mark.parametrize(("panel", "entity"), [(ENTITIES, "b.heron"), (DEVICES, "ws-fin-02")])
def test_a_click_on_a_user_or_device_opens_what_is_known_of_it(screen, panel, entity):
    screen.open("overview")
    screen.click(panel, entity)
    screen.page.wait_for_url("**/entity?**")
    screen.settle()
    assert screen.token("entity").startswith(entity)
    assert screen.token("time.earliest") == "-24h@h"
    kind = "user" if panel == ENTITIES else "device"
    whose = {row["Of"].partition(".synthetic")[0] for row in screen.table("Its events, the newest")}
    assert whose == {f"{kind} {entity}"}
    whole(screen)


@pytest.mark.parametrize("row", [0, 1])
def test_a_message_leads_to_the_event_that_caused_it(screen, row):
    screen.open("overview")
    message = screen.table(MESSAGES)[row]["Message"]
    device, user = re.search(r"endpoint (\S+?),? .*?user (\S+?),? ", message).groups()
    screen.click(MESSAGES, message)
    screen.page.wait_for_url("**/search?**")
    screen.settle()
    (event,) = screen.results()
    assert (event["dest"], event["process_name"]) == (device, "msiexec.exe")
    assert event["user"].rpartition("\\")[2] == user.rpartition("\\")[2]
    whole(screen)


def test_the_alert_form_explains_each_setting_and_holds_its_default(screen):
    screen.open("alert_form")
    shown = dict(
        screen.page.evaluate("() => [...document.querySelectorAll('input[name]')].map(i => [i.name, i.value])")
    )
    assert shown["action.ssa_risk.param.index"] == "risk"
    assert "It must exist where events are indexed." in screen.text
    assert screen.violations() == []
    whole(screen)

"""Every view, drawn by Splunk's own renderer: valid, whole, and readable, with data and with none."""

import json
import subprocess

import pytest

from tests.support.servers import routes
from tests.ui.conftest import misfits, splunks_own
from tools import ROOT
from tools.ui.browser import WIDTHS

VIEWS = {path.stem: path for path in sorted((ROOT / "default/data/ui/views").glob("*.xml"))}


def validate(*paths):
    done = subprocess.run(["node", "validate.cjs", *paths], cwd=ROOT / "ui", capture_output=True, check=False)
    return json.loads(done.stdout)


def test_every_view_is_valid_by_splunks_schemas():
    assert validate(*VIEWS.values()) == {str(path): [] for path in VIEWS.values()}


@pytest.mark.parametrize(
    ("right", "wrong", "complaint"),
    [
        ('"type": "splunk.table"', '"type": "splunk.tabel"', "there is no splunk.tabel"),
        ('"count": 8', '"cuont": 8', "splunk.table has no option cuont"),
        ('"count": 8', '"count": true', "/options/count"),
    ],
)
def test_a_mistake_in_a_view_is_found(tmp_path, right, wrong, complaint):
    text = VIEWS["overview"].read_text("utf-8")
    assert right in text
    (tmp_path / "view.xml").write_text(text.replace(right, wrong), "utf-8")
    ((_, errors),) = validate(tmp_path / "view.xml").items()
    assert complaint in "\n".join(errors)


def whole(screen, view, theme):
    """Open a view, and check that nothing went wrong, that every panel is there, and that it fits every width."""
    screen.open(view, theme=theme)
    assert screen.failed_searches() == []
    assert screen.unanswered() == []
    assert screen.errors == []
    assert screen.untitled() == []
    assert screen.speechless() == []
    assert [one for one in screen.violations() if not splunks_own(one)] == []
    found = set()
    for width in WIDTHS if theme == "dark" else ():  # a theme has colours of its own, and nothing wider
        screen.resize(width)
        found |= misfits(screen)
    assert found == set()
    assert screen.errors == []


@pytest.mark.parametrize("theme", ["dark", "light"])
@pytest.mark.parametrize("view", VIEWS)
def test_a_view_is_whole_over_the_demo_events_and_takes_few_searches(screen, view, theme):
    whole(screen, view, theme)
    assert 0 < len(screen.searches()) <= 8


@pytest.mark.parametrize("view", VIEWS)
def test_a_view_is_whole_over_no_events(bare, view):
    whole(bare, view, "dark")


def test_the_guards_see_what_goes_wrong(screen):
    """A view whose search fails, whose button has no name, and that requests what is not there."""
    screen.open("overview")
    screen.page.evaluate(
        """async () => {
            document.getElementById('root').append(document.createElement('button'));
            const body = new URLSearchParams({output_mode: 'json', label: 'ds_wrong', search: '| nonsense'});
            await fetch('/en-US/splunkd/__raw/servicesNS/-/ssa_detections/search/jobs', {method: 'POST', body});
            await fetch('/en-US/splunkd/__raw/services/nothing');
            console.error('complaint');
        }"""
    )
    screen.settle()
    assert "nonsense" in "".join(screen.failed_searches())
    assert screen.unanswered() == ["GET /en-US/splunkd/__raw/services/nothing"]
    assert "complaint" in screen.errors
    assert "button-name" in "".join(screen.violations())


def test_the_views_call_each_route_that_is_there_for_them(screen, demo):
    screen.open("overview")
    screen.page.locator("[data-test=time-range-dropdown]").click()
    screen.page.get_by_text("Last 7 days").click()
    screen.settle()
    for view in VIEWS:
        if routes.VIEWS - demo.splunkd.used:  # which the views of other tests have called too
            screen.open(view)
    assert sorted(routes.VIEWS - demo.splunkd.used) == []


def test_the_alert_form_explains_each_setting_and_holds_its_default(screen):
    screen.open("alert_form")
    shown = dict(
        screen.page.evaluate("() => [...document.querySelectorAll('input[name]')].map(i => [i.name, i.value])")
    )
    assert shown["action.ssa_risk.param.index"] == "risk"
    assert "It must exist where events are indexed." in screen.text
    assert screen.violations() == []
    assert (screen.failed_searches(), screen.unanswered(), screen.errors) == ([], [], [])

"""The searches of the app's views: points of docs/first-install.md. What draws them is tests/ui's."""

from typing import NamedTuple

import pytest
from splunklib.client import Job

from tests.integration import demo
from tests.integration.server import job, rows
from tools.ui import views

pytestmark = pytest.mark.xdist_group("integration")

VIEWS = views.shipped()


class Found(NamedTuple):
    """A job, or what was made of its results, and the rows."""

    job: Job
    rows: list[dict[str, object]]


def painted(service, view):
    """Run the searches of a view over the demo's days, as Splunk does; return rows by data source."""
    jobs = []

    def search(text, over):
        if over:
            return Found(over.job, rows(over.job, text))
        jobs.append(job(service, text, *demo.ALL))
        return Found(jobs[-1], rows(jobs[-1]))

    found = {id: one.rows for id, one in views.paint(view, view.defaults, search)}
    for one in jobs:
        one.cancel()
    return found


@pytest.mark.point(23)
@pytest.mark.parametrize("name", VIEWS)
def test_the_searches_of_a_view_run_and_find_the_demos_risk(service, risk, events, name):
    found = painted(service, VIEWS[name])
    shown = {
        "overview": lambda: {int(found["ds_hit_figures"][1]["hits"]) >= events.hits.total()},
        "entity": lambda: {f"b.heron.{events.id}" in {row["Name"] for row in found["ds_chooser"]}},
        "start_here": lambda: {row["State"] == "OK" for row in found["ds_points"] if row["Check"] == "Risk index"},
        "tuning": lambda: {
            len(found["ds_hits"]) >= events.hits.total(),
            any(row["Field"] == "user" for row in found["ds_values"]),
        },
    }
    assert shown[name]() == {True}

"""The searches of the app's views: points of docs/first-install.md. What draws them is tests/ui's."""

import pytest

from tests.integration import demo
from tests.integration.server import search
from tools.ui import views

pytestmark = pytest.mark.xdist_group("integration")

VIEWS = views.shipped()


def painted(service, view):
    """Run the searches of a view over the demo's days, a chain after what it extends; return rows by data source."""
    known, found = view.defaults, {}
    for id, source in view.sources.items():
        found[id] = search(service, views.fill(view.query(id), known), *demo.ALL)
        known |= view.results(id, found[id]) if source["options"].get("enableSmartSources") else {}
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

"""Views next to what others may save: of other apps and of single users, objects are neither run nor shown."""

from contextlib import contextmanager

import pytest

from sandbox.search.instance import Instance
from sandbox.splunkd import Splunkd
from sandbox.splunkd.state import ROLES, Session
from tools.ui import views

pytestmark = pytest.mark.xdist_group("foreign")  # one worker opens the views of the app alone

VIEWS = views.shipped()
RULE = "SSA - Windows System Binary Proxy Execution MSIExec DLLRegisterServer - Rule"
FILTER = "windows_system_binary_proxy_execution_msiexec_dllregisterserver_filter"
WRITES = '| makeresults | eval entity="forged" | outputlookup ssa_ignored_entities'
FORGED = {
    "savedsearches": f"[{RULE}]\nsearch = {WRITES}\nenableSched = 1\ncron_schedule = * * * * *\naction.ssa_risk = 1\n"
    "action.ssa_risk.param.index = forged\naction.risk = 1\n"
    "[SSA - Risk Over 24 Hours - Rule]\nsearch = forged\nenableSched = 1\ncron_schedule = * * * * *\n",
    "alert_actions": "[ssa_risk]\nallowed_indexes = forged\ndelivery = receivers\n",
    "macros": f"[{FILTER}]\ndefinition = search * {WRITES}\n[ssa_risk_events]\ndefinition = index=forged\n",
}
OPENED = {"tuning": {"candidate": 'user="b.heron"'}, "start_here": {}}
"""The views, and the tokens that a click has set in them."""


@contextmanager
def installed(archive, home):
    """The app on a server, as an admin has it."""
    instance = Instance(home, app="ssa_detections")
    instance.install(archive)
    with Splunkd(instance) as splunkd:
        yield splunkd.acting(Session("admin", "admin", ROLES["admin"]))


def opened(instance, name):
    """Open a view: the searches that ran, and their rows, by data source."""
    searches = []

    def search(text, over):
        searches.append(text)
        return instance.search(text, over=over)

    view = VIEWS[name]
    return searches, {id: found.rows for id, found in views.paint(view, view.defaults | OPENED[name], search)}


ONCE = "Each hit scores once"


def own(rows):
    """What a view shows of this app's objects alone: of Start here without the point on others, and without counts."""
    kept = {id: [row for row in each if ONCE not in row.values()] for id, each in rows.items()}
    return kept | {"ds_verdict": []}


@pytest.fixture(scope="module")
def alone(archive, tmp_path_factory):
    """What each view runs and shows without any objects but the app's own."""
    with installed(archive, tmp_path_factory.mktemp("alone")) as instance:
        return {name: opened(instance, name) for name in OPENED}


@pytest.mark.parametrize(
    ("folder", "app"),
    [
        pytest.param("etc/apps/aaa/default", "aaa", id="another app that exports"),
        pytest.param("etc/apps/SSA_Detections/default", "SSA_Detections", id="an app of the same letters"),
        pytest.param("etc/users/mallory/ssa_detections/local", "ssa_detections", id="private to another user"),
        pytest.param("etc/users/admin/ssa_detections/local", "ssa_detections", id="private to the admin"),
    ],
)
def test_a_view_runs_and_shows_shared_objects_of_this_app_only(alone, archive, tmp_path, folder, app):
    with installed(archive, tmp_path) as instance:
        (tmp_path / folder).mkdir(parents=True)
        for name, text in FORGED.items():
            (tmp_path / folder / f"{name}.conf").write_text(text)
        if "apps" in folder:
            (tmp_path / f"etc/apps/{app}/metadata").mkdir()
            (tmp_path / f"etc/apps/{app}/metadata/default.meta").write_text("[]\nexport = system\n")
        path = "| rest /servicesNS/nobody/ssa_detections/{} splunk_server=local count=0"
        listed = instance.search(path.format("saved/searches")).rows
        assert WRITES in {row["search"] for row in listed}  # else there is nothing to leave out
        assert "index=forged" in {row["definition"] for row in instance.search(path.format("configs/conf-macros")).rows}
        for name in OPENED:
            searches, rows = opened(instance, name)
            ran, shown = alone[name]
            assert searches == ran
            assert own(rows) == own(shown)
        assert instance.search("| inputlookup ssa_ignored_entities").rows == []
        (twice,) = [row for row in instance.search("| `ssa_setup_risk`").rows if row["Check"] == ONCE]
        assert (twice["State"], twice["Found"]) == (
            "TO DO",
            f"1 searches add risk in Enterprise Security as well: one of the app {app}.",
        )

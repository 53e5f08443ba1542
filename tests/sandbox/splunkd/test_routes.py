"""Each route of the sandbox has a caller: the integration suite, the demo, a tool, a script or a view."""

import pytest

from sandbox import __main__ as command_line
from sandbox.splunkd import Splunkd
from sandbox.splunkd.routes import ROUTES
from tests.support.servers import routes
from tools import ROOT


@pytest.mark.xdist_group("integration")  # behind that suite, in its process
def test_every_route_has_a_caller(request, archive, monkeypatch):
    """By the integration suite and the demo; both run the packaged action, and all of it in this process."""
    suite = [item for item in request.session.items if item.path.parent == routes.SUITE]
    if {item.path for item in suite} != {*routes.SUITE.glob("test_*.py")}:
        pytest.skip("this test goes with all of tests/integration")
    assert {item.nodeid for item in suite} == routes.ran, "the suite ran in another process"
    served, enter = [], Splunkd.__enter__
    monkeypatch.setattr(Splunkd, "__enter__", lambda self: served.append(self) or enter(self))
    demo = sorted(str(path) for path in (ROOT / "sandbox/demo").glob("*.log"))
    assert command_line.main(["replay", *demo, "--package", str(archive)]) == 0
    used = routes.called.union(*(splunkd.used for splunkd in served))
    assert used > {("POST", "collector/event"), ("POST", "receivers/simple")}
    known = routes.TOOLS | routes.SCRIPTS | routes.VIEWS
    assert sorted({(route.method, route.path) for route in ROUTES} - used - known) == []

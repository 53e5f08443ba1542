"""The sandbox serves nothing that nobody calls: each route has a caller among those for whom it is there."""

import json
import os
import subprocess
import sys

from sandbox.splunkd.calls import ROUTES
from tools import ROOT

CALLERS = ["tests/integration", "tests/sandbox/test_replay.py::test_the_page_tells_the_story"]
"""The integration suite and the demo; both run the packaged action, and all of it in this process."""

TOOLS = {("POST", "collector/ack")}
"""What `python -m tools replay` calls besides, see tools/replay/hec.py: its tests run the server in another process."""

SCRIPTS = {("POST", "receivers/stream"), ("POST", "search/v2/jobs/export")}
"""What scripts of the SDK call besides: Index.attach and jobs.export."""

RESULTS = ("results", "results_preview")
VIEWS = {
    ("GET", "apps/local"),
    ("GET", "authentication/current-context"),
    ("GET", "configs/conf-{file}"),
    ("GET", "data/indexes"),
    ("GET", "data/ui/times"),
    ("GET", "data/ui/views/{name}"),
    ("GET", "search/jobs"),
    ("GET", "search/timeparser"),
    ("POST", "search/jobs"),
    ("POST", "search/jobs/{sid}/control"),
    *((method, f"search/v2/jobs/{{sid}}/{part}") for method in ("GET", "POST") for part in RESULTS),
}
"""What the app's views call besides, by themselves, by the command rest in their searches, or Splunk Web for them.

tests/ui proves it.
"""


def test_every_route_has_a_caller(tmp_path):
    asked = tmp_path / "routes.json"
    # As if begun by itself, and not as one of this run's workers; and never against a real Splunk.
    environment = {name: text for name, text in os.environ.items() if not name.startswith(("PYTEST", "SPLUNK_"))}
    subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "tests.sandbox.routes", *CALLERS],
        cwd=ROOT,
        env={**environment, "ROUTES": str(asked)},
        check=True,
    )
    used = {(method, path) for method, path in json.loads(asked.read_text())}
    assert used > {("POST", "collector/event"), ("POST", "receivers/simple")}
    assert sorted({(route.method, route.path) for route in ROUTES} - used - TOOLS - SCRIPTS - VIEWS) == []

"""The callers of each route of the sandbox's splunkd, and what the integration suite called in this process."""

from tools import ROOT

SUITE = ROOT / "tests/integration"

TOOLS = {("POST", "collector/ack"), ("GET", "search/v2/jobs/{sid}/search.log")}
"""What `python -m tools replay` and `python -m tools backfill` also call, see tools/replay/hec.py and
tools/backfill/splunkd.py: their tests run the server in another process."""

SCRIPTS = {
    *(("POST", path) for path in ("receivers/stream", "search/v2/jobs/export")),
    *(("GET", path) for path in ("authentication/users/{name}", "search/v2/jobs", "search/v2/jobs/{sid}/results")),
    *(("POST", f"collector{path}") for path in ("", "/event/1.0", "/raw", "/raw/1.0")),
    *(("GET", f"collector/health{version}") for version in ("", "/1.0")),
}
"""What scripts also call: Index.attach and jobs.export of the Python SDK; current users and lists of jobs of the
JavaScript one; whatever sends by HTTP. The tests of tests/sandbox/splunkd prove it, those of tests/sandbox/demo for
results."""

VIEWS = {
    ("GET", "apps/local"),
    ("GET", "authentication/current-context"),
    ("GET", "authentication/users"),
    ("GET", "configs/conf-{file}"),
    ("GET", "data/indexes"),
    ("GET", "data/outputs/tcp/default"),
    ("GET", "data/ui/times"),
    ("GET", "data/ui/views/{name}"),
    ("GET", "search/jobs"),
    ("GET", "search/timeparser"),
    ("POST", "search/jobs"),
    ("POST", "search/jobs/{sid}/control"),
    ("GET", "search/v2/jobs/{sid}/results_preview"),
    *(("POST", f"search/v2/jobs/{{sid}}/{part}") for part in ("results", "results_preview")),
}
"""What the app's views also call, by themselves, by the command rest in their searches, or Splunk Web for them.

tests/ui proves it.
"""

called: set[tuple[str, str]] = set()
"""What the suite has called of its server."""

ran: set[str] = set()
"""The tests of the suite that ran, by their ids."""

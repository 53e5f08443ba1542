"""One server for all, with the package and the demo events of this run; afterwards it is as it was, but for the risk.

Without SPLUNK_URL it is the sandbox. Only `environ` knows which one it is.
"""

import os
import re
import secrets
from contextlib import closing

import pytest
from splunklib import binding

from sandbox import confs
from sandbox.search.instance import Instance
from sandbox.splunkd import Splunkd, Token
from tests.integration import demo
from tests.integration.server import APP, collector, connect, finished, search, submit, until
from tests.support.examples import GIVEN
from tests.support.servers import routes
from tools import ROOT

RULE = f"SSA - {GIVEN} - Rule"
SINKS = set()
HEC_TOKEN = "0d9f5b60-3c5e-4f0e-9b57-1f4a7c2e8d31"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item):
    """Name the points of the page in the report of a test that fails."""
    report, mark = (yield), item.get_closest_marker("point")
    if report.failed and mark:
        report.sections.append(("docs/first-install.md", f"point {', '.join(map(str, mark.args))}"))
    return report


def pytest_terminal_summary(terminalreporter):
    """Tell which way the risk events went."""
    if SINKS:
        terminalreporter.write_line(f"risk events were written by: {', '.join(sorted(SINKS))}")


@pytest.fixture(autouse=True)
def noted(request):
    """Note that a test of this suite ran."""
    routes.ran.add(request.node.nodeid)


@pytest.fixture(scope="session")
def environ(tmp_path_factory):
    """Where the server is: the caller's word, or a sandbox."""
    if os.environ.get("SPLUNK_URL"):
        yield os.environ
        return
    users = {"admin": ("changed me", "admin")}
    with (
        closing(Instance(tmp_path_factory.mktemp("splunk"), app=APP)) as instance,
        Splunkd(instance, users=users) as splunkd,
    ):
        splunkd.tokens[HEC_TOKEN] = Token()
        routes.called = splunkd.used
        yield {
            "SPLUNK_URL": splunkd.uri,
            "SPLUNK_USERNAME": "admin",
            "SPLUNK_PASSWORD": "changed me",
            "SPLUNK_CA": str(splunkd.ca_file),
            "SPLUNK_HEC_URL": splunkd.hec_uri,
            "SPLUNK_HEC_TOKEN": HEC_TOKEN,
        }


@pytest.fixture(scope="session")
def server(environ):
    """The server, in no app."""
    return connect(environ)


@pytest.fixture(scope="session")
def service(environ, server, archive):
    """The server, in our app, with the index `risk`: both are made where they are not there (README, Install).

    An app can be installed where the server can read this tree; into any other it must have been.
    """
    ours = confs.load(ROOT, "app")["launcher"]["version"]
    if APP not in server.apps:
        try:
            server.post("apps/local", name=str(archive), filename=1)
        except binding.HTTPError as error:
            pytest.exit(f"{APP} is not there, and cannot be installed from here ({error}): see README, Install", 1)
    if (there := server.apps[APP]["version"]) != ours:
        pytest.exit(f"the server has {APP} {there}, this is {ours}: install the one from make package", 1)
    if "risk" not in server.indexes:
        server.indexes.create("risk")
    return connect(environ, APP)


@pytest.fixture(scope="session")
def events():
    """The demo events of this run."""
    return demo.Demo(f"r{secrets.token_hex(4)}")


@pytest.fixture(scope="session")
def own(environ, server, service, events):
    """What finds the events of this run: in an index of theirs, which goes with them, unless SPLUNK_INDEX names one.

    The demo's come in through receivers, where there are none for us through HEC; two more hits through HEC if there is
    one, as from another forwarder.
    """
    given, hec = environ.get("SPLUNK_INDEX"), collector(environ)
    name = given or f"ssa_integration_{events.id}"
    if not given:
        server.indexes.create(name)
    try:
        for text, source, sourcetype in events.files:
            try:
                submit(server, name, text, source=source, sourcetype=sourcetype)
            except binding.HTTPError as error:
                if hec is None or error.status not in (403, 404):
                    raise
                submit(hec, name, text, source=source, sourcetype=sourcetype)
        source, sourcetype = demo.SOURCES["security-4688.xml.log"]
        submit(hec or server, name, events.late + events.long, source=source, sourcetype=sourcetype)
        until(
            lambda: search(service, f"index={name} {events.id} | stats count"),
            lambda rows: rows == [{"count": "474"}],
            "not all events are there, one by one: has the server the add-ons for Windows and Sysmon?",
        )
        yield f"index={name} {events.id}"
    finally:
        if not given:
            server.indexes.delete(name)


@pytest.fixture(scope="session")
def dispatch(service, events):
    """Run a saved search over a time range, by default without its actions; return the results that are of this run."""

    def run(name, bounds, **more):
        between = dict(zip(("dispatch.earliest_time", "dispatch.latest_time"), bounds, strict=True))
        rows = finished(service.saved_searches[name].dispatch(**between, **more))
        return [row for row in rows if events.id in (row.get("risk_object") or row["dest_device_id"])]

    return run


@pytest.fixture(scope="session")
def hits(own, dispatch):
    """What the rule finds on the demo's day."""
    return dispatch(RULE, demo.FIRST)


@pytest.fixture(scope="session")
def sinks(service, risk):
    """The sinks that took the risk of this run, by the action's log; the summary of the tests tells them."""
    said = until(
        lambda: search(service, "index=_internal sendmodalert action=ssa_risk earliest=-1h | table _raw"),
        lambda rows: any(" sink=" in row["_raw"] for row in rows),
        "the log of the action is not in the index _internal",
    )
    wrote = (row["_raw"] for row in said if " written=0 " not in row["_raw"])
    SINKS.update(sink for text in wrote for sink in re.findall("(?<= sink=)[a-z,]+", text))
    return SINKS


@pytest.fixture(scope="session")
def risk(service, dispatch, hits, events):
    """The risk events of this run: the action ran on the demo's day, then on all of it and a late hit."""
    for bounds, enough in ((demo.FIRST, 2 * len(hits)), (demo.ALL, 2 * len(hits) + 2)):
        dispatch(RULE, bounds, trigger_actions=1)
        written = until(
            lambda: search(service, f'index=risk source="{RULE}" risk_object="*{events.id}*"'),
            lambda rows, enough=enough: len(rows) >= enough,
            "the action has not written all risk; its log: index=_internal sendmodalert action=ssa_risk",
        )
    return written

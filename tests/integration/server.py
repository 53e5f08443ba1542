"""The address of the server, and the user: from the environment, whoever filled it.

SPLUNK_URL (https://host:8089), SPLUNK_USERNAME, SPLUNK_PASSWORD: splunkd and its admin. SPLUNK_CA: a file of CAs to
trust, PEM (default: the system's); SPLUNK_INSECURE=1 trusts any certificate. SPLUNK_HEC_URL (https://host:8088) and
SPLUNK_HEC_TOKEN: the HTTP Event Collector, where events cannot go through receivers, as on Splunk Cloud. SPLUNK_INDEX:
an index to put the demo events into, where one made for them would not be found, as behind a forwarding search head.
"""

import ssl
import time
from contextlib import contextmanager
from urllib.parse import urlsplit

from splunklib import binding, client
from splunklib.results import JSONResultsReader, Message

APP = "ssa_detections"
PATIENCE = 120
"""Seconds that a search, an action or indexing may take."""


def connect(environ, app=None):
    """Log in, and work in an app: what is written there is shared by all."""
    who = {key: environ[f"SPLUNK_{key.upper()}"] for key in ("username", "password")}
    return client.connect(**_address(environ, "SPLUNK_URL", 8089), **who, owner="nobody" if app else None, app=app)


def collector(environ):
    """Return the HTTP Event Collector, None where the environment names none."""
    if not environ.get("SPLUNK_HEC_URL"):
        return None
    return binding.Context(**_address(environ, "SPLUNK_HEC_URL", 8088), token=environ["SPLUNK_HEC_TOKEN"])


def _address(environ, name, port):
    at, insecure = urlsplit(environ[name]), environ.get("SPLUNK_INSECURE") == "1"
    trusted = None if insecure else ssl.create_default_context(cafile=environ.get("SPLUNK_CA") or None)
    handler = binding.handler(timeout=PATIENCE, verify=not insecure, context=trusted)
    return {"scheme": at.scheme, "host": at.hostname, "port": at.port or port, "handler": handler}


def submit(to, index, text, **metadata):
    """Send events to be broken and indexed: to receivers/simple of a service, or to a collector."""
    path = "receivers/simple" if isinstance(to, client.Service) else "/services/collector/raw"
    to.post(path, index=index, **metadata, body=text.encode())


def until(request, enough, what):
    """Ask again and again; return the first answer that is enough."""
    end, pause = time.monotonic() + PATIENCE, 0.1
    while not enough(answer := request()):
        assert time.monotonic() < end, f"after {PATIENCE} s {what}; the last answer: {answer!r:.500}"
        time.sleep(pause := min(pause * 1.5, 2))
    return answer


def finished(job):
    """Wait for a job; return its rows. An error that it tells of fails."""
    found = rows(job)
    job.cancel()
    return found


def rows(job, over=""):
    """Wait for a job; return its rows, or what a search makes of them. An error fails."""
    until(job.is_done, bool, "the search still runs")
    more = {"search": over} if over else {}
    read = [*JSONResultsReader(job.results(output_mode="json", count=0, **more))]
    wrong = [str(message) for message in read if isinstance(message, Message) and message.type in ("ERROR", "FATAL")]
    assert (job["isFailed"], wrong) == ("0", []), over or job["search"]
    return [dict(row) for row in read if not isinstance(row, Message)]


def search(service, spl, earliest=0, latest="now"):
    """Run a search to its end; return its rows."""
    return finished(job(service, spl, earliest, latest))


def job(service, spl, earliest, latest):
    """Start a search."""
    text = spl if spl.lstrip().startswith("|") else f"search {spl}"
    return service.jobs.create(text, earliest_time=earliest, latest_time=latest)


def complaint(service, spl):
    """Return what a search fails with, whether it is refused at once or ends so."""
    try:
        job = service.jobs.create(spl)
        until(job.is_done, bool, "the search still runs")
    except binding.HTTPError as error:
        return str(error)
    assert job["isFailed"] == "1", f"{spl} did not fail"
    return str(job["messages"])


@contextmanager
def changed(service, file, stanza, **settings):
    """Change settings of the app for a while. Their old values are written back: they stay in its local/ then."""
    one = service.confs[file][stanza]
    before = {key: one[key] for key in settings}
    try:
        one.update(**settings)
        yield
    finally:
        one.update(**before)


@contextmanager
def entries(service, collection, *records):
    """Add entries to a lookup for a while; give what changes them all."""
    data = service.kvstore[collection].data
    keys = [data.insert(record)["_key"] for record in records]

    def change(**fields):
        for key, record in zip(keys, records, strict=True):
            data.update(key, {**record, **fields})

    try:
        yield change
    finally:
        for key in keys:
            data.delete_by_id(key)

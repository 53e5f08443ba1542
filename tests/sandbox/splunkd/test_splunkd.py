"""splunkd's REST API as Splunk's own SDK calls it, over TLS; and the HTTP Event Collector."""

import base64
import gzip
import json
import re
import socket
import ssl
import tarfile
import time
import urllib.error
import urllib.parse
import urllib.request

import pytest
from splunklib import binding, client
from splunklib.results import JSONResultsReader, Message

from sandbox.alerts.scheduler import TriggeredAlert
from sandbox.search.instance import Instance
from sandbox.splunkd import Splunkd, Token
from tests.support.examples import GIVEN
from tests.support.servers.tiny import EVENTS, FILES, START, USERS, WHOAMI, write
from tests.support.windows.events import security_xml

TOKEN, CHANNEL = "11111111-aaaa-4bbb-8ccc-222222222222", "33333333-aaaa-4bbb-8ccc-444444444444"

ALL_TIME = {"dispatch.earliest_time": 0, "dispatch.latest_time": "now"}


@pytest.fixture
def splunkd(tmp_path):
    """A server with the app `tiny`, five events, and three users."""
    instance = Instance(tmp_path / "home", app="tiny")
    write(instance.apps / "tiny")
    instance.add_events(EVENTS)
    with Splunkd(instance, users=USERS) as served:
        yield served
    instance.close()


@pytest.fixture
def connect(splunkd):
    """Log in with the SDK, which verifies the server's certificate."""

    def service(user="admin", verify=True, **more):
        context = ssl.create_default_context(cafile=splunkd.ca_file)
        handler = binding.handler(verify=verify, context=context if verify else None, timeout=30)
        port = urllib.parse.urlsplit(splunkd.uri).port
        given = {"host": "127.0.0.1", "port": port, "handler": handler, "owner": "nobody", "app": "tiny"}
        if not {"token", "splunkToken"} & {*more}:
            given |= {"username": user, "password": USERS[user][0]}
        return client.connect(**given | more)

    return service


@pytest.fixture
def service(connect):
    return connect()


@pytest.fixture
def call(splunkd):
    """Send a request as curl would; return status and body."""
    context = ssl.create_default_context(cafile=splunkd.ca_file)

    def send(path, body=None, root=splunkd.uri, method=None, **headers):
        data = body.encode() if isinstance(body, str) else body
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        request = urllib.request.Request(root + path, data, names, method=method)
        try:
            with urllib.request.urlopen(request, context=context, timeout=30) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()

    return send


@pytest.fixture
def hec(splunkd, call):
    """Send to the HTTP Event Collector; return status and answer."""
    splunkd.tokens[TOKEN] = Token()

    def send(path, body="", token=TOKEN, **headers):
        headers = {"Authorization": f"Splunk {token}", **headers} if token else headers
        status, text = call(f"/services/collector/{path}", body, splunkd.hec_uri, "POST", **headers)
        return status, json.loads(text)

    return send


def stored(splunkd, spl):
    return splunkd.instance.search(spl, app="tiny").rows


def refused(status, text=""):
    return pytest.raises(binding.HTTPError, match=f"HTTP {status} .*{text}")


def rows(stream):
    return [dict(row) for row in JSONResultsReader(stream) if not isinstance(row, Message)]


def listed(service, **options):
    """Return the ids of the jobs, as a dashboard lists them."""
    answer = service.get("search/jobs", output_mode="json", **options).body.read()
    return [entry["content"]["sid"] for entry in json.loads(answer)["entry"]]


def finished(job):
    until = time.monotonic() + 30
    while not job.is_done():
        assert time.monotonic() < until
        time.sleep(0.02)
    return job


# -- who calls


def test_a_user_logs_in_over_tls_whether_or_not_the_certificate_is_verified(connect):
    for verify in (True, False):
        assert connect(verify=verify).info["version"] == "9.4.0"


def test_the_certificate_is_not_trusted_without_its_authority(splunkd):
    with pytest.raises(urllib.error.URLError, match="CERTIFICATE_VERIFY_FAILED"):
        urllib.request.urlopen(splunkd.uri, context=ssl.create_default_context())


def test_plain_http_is_served_on_request(tmp_path):
    with Splunkd(Instance(tmp_path / "home"), tls=False, users=USERS) as splunkd:
        assert splunkd.uri.startswith("http://127.0.0.1:")
        port = urllib.parse.urlsplit(splunkd.uri).port
        service = client.connect(scheme="http", host="127.0.0.1", port=port, username="amy", password="ann")
        assert service.info["serverName"] == "search_head"


def test_a_wrong_password_and_an_unknown_user_get_401(connect, call):
    for user, password in (("admin", "wrong"), ("eve", "adm")):
        with pytest.raises(binding.AuthenticationError, match="Login failed"):
            connect(username=user, password=password)
    status, body = call("/services/auth/login?output_mode=json", "username=amy&password=no")
    assert (status, json.loads(body)) == (401, {"messages": [{"type": "WARN", "text": "Login failed"}]})


def test_a_session_key_and_a_bearer_token_identify_the_caller(splunkd, connect):
    key = splunkd.login("amy")
    for given in ({"token": key}, {"splunkToken": key}):
        body = connect(**given).get("authentication/current-context", output_mode="json").body.read()
        content = json.loads(body)["entry"][0]["content"]
        assert (content["username"], content["roles"], "edit_tcp" in content["capabilities"]) == (
            "amy",
            ["user"],
            False,
        )


def test_http_basic_identifies_the_caller(connect):
    content = connect(username="amy", password="ann", basic=True).get("authentication/current-context").body.read()
    assert b">amy<" in content
    for user, password in (("amy", "adm"), ("eve", "")):
        with pytest.raises(binding.AuthenticationError):
            connect(username=user, password=password, basic=True).get("server/info")


def test_who_may_not_list_others_sees_only_itself_and_no_outputs(splunkd, connect):
    splunkd.default_group, splunkd.server_roles = "indexers", ["search_head", "shc_member"]

    def listed(service, path):
        return json.loads(service.get(path, output_mode="json").body.read())["entry"]

    admin, amy = connect(), connect("amy")
    roles = {one["name"]: one["content"]["roles"] for one in listed(admin, "authentication/users")}
    assert roles == {"admin": ["admin"], "amy": ["user"], "paul": ["power"]}
    assert [one["name"] for one in listed(amy, "authentication/users")] == ["amy"]
    (tcpout,) = listed(admin, "data/outputs/tcp/default")
    assert (tcpout["name"], tcpout["content"]["defaultGroup"]) == ("tcpout", "indexers")
    with refused(403, "requires capability: list_forwarders"):
        amy.get("data/outputs/tcp/default")
    assert amy.info["server_roles"] == ["search_head", "shc_member"]


@pytest.mark.parametrize("status", ["starting", "failed"])
def test_a_kv_store_that_does_not_run_answers_503_and_the_server_says_so(splunkd, service, status):
    assert service.info["kvStoreStatus"] == "ready"
    splunkd.instance.kvstore.status = status
    try:
        assert service.info["kvStoreStatus"] == status
        with refused(503, "KV Store is initializing. Please try again later."):
            service.get("storage/collections/data/none", owner="nobody", app="tiny")
    finally:
        splunkd.instance.kvstore.status = "ready"


def test_a_job_has_a_log_of_its_own(service):
    job = service.jobs.create("| makeresults", exec_mode="blocking")
    assert job.searchlog().read() == b""


def test_an_expired_or_unknown_session_gets_401_and_use_prolongs_one(splunkd, connect, call):
    key = splunkd.login("admin")
    splunkd.sessions[key].expires = time.time() + 60
    service = connect(token=key)
    assert service.info["version"]
    assert splunkd.sessions[key].expires > time.time() + 3000
    splunkd.sessions[key].expires = time.time() - 1
    for broken in (service, connect(token="unknown")):
        with pytest.raises(binding.AuthenticationError) as caught:
            broken.get("server/info")
        assert caught.value.status == 401
    assert call("/services/server/info") == (
        401,
        "<?xml version='1.0' encoding='utf-8'?>\n"
        '<response><messages><msg type="WARN">call not properly authenticated</msg></messages></response>',
    )


def test_a_missing_capability_is_403_with_its_name(connect):
    amy = connect("amy")
    with refused(403, r"You \(user=amy\) do not have permission .*\(requires capability: indexes_edit\)"):
        amy.indexes.create("new")
    with refused(403, "insufficient permission to access this resource"):
        amy.indexes["main"].submit("x")


@pytest.mark.parametrize(
    ("capability", "simple", "stream"),
    [
        ("edit_tcp", 200, 200),
        ("edit_log_alert_event", 200, 403),
        ("edit_tcp_stream", 403, 200),
        ("search", 403, 403),
    ],
)
def test_one_of_a_receivers_capabilities_is_enough(splunkd, call, capability, simple, stream):
    splunkd.sessions["key"] = frozenset({capability})
    paths = [f"/services/receivers/{each}?index=main" for each in ("simple", "stream")]
    assert [call(path, "x", Authorization="Splunk key")[0] for path in paths] == [simple, stream]


@pytest.mark.parametrize(("user", "simple", "stream"), [("admin", 200, 200), ("paul", 200, 403), ("amy", 403, 403)])
def test_power_may_post_an_event_and_user_may_not(splunkd, call, user, simple, stream):
    key = {"Authorization": f"Splunk {splunkd.login(user)}"}
    paths = [f"/services/receivers/{each}?index=main" for each in ("simple", "stream")]
    assert [call(path, "x", **key)[0] for path in paths] == [simple, stream]


def test_an_objects_metadata_name_the_roles_that_may_write_it(connect):
    amy, paul = connect("amy"), connect("paul")
    with refused(403, r"User 'amy' with roles \{ user \} cannot write: /nobody/tiny/collections/things"):
        amy.kvstore["things"].data.insert({"n": 1})
    paul.kvstore["things"].data.insert({"n": 1})
    assert len(amy.kvstore["things"].data.query()) == 1
    with refused(403, "cannot write: /nobody/tiny/savedsearches/All - Rule"):
        paul.saved_searches["All - Rule"].update(description="x")


# A call of a collection: method, path below it and body -> whether it writes.
COLLECTION_CALLS = [
    ("GET", "", None, False),
    ("GET", "/1", None, False),
    ("POST", "/batch_find", [{"query": {"n": 1}}], False),
    ("POST", "/batch_save", [{"_key": "1", "n": 2}], True),
    ("POST", "", {"n": 3}, True),
    ("POST", "/1", {"n": 4}, True),
    ("DELETE", "/1", None, True),
    ("DELETE", "", None, True),
]


@pytest.mark.parametrize(("method", "path", "body", "writes"), COLLECTION_CALLS)
def test_whoever_the_metadata_do_not_name_reads_a_collection_and_writes_nothing(
    splunkd, call, method, path, body, writes
):
    splunkd.instance.kvstore.collection("tiny", "ledger").save([{"_key": "1", "n": 1}])
    data = None if body is None else json.dumps(body)
    answered = {}
    for user in ("amy", "paul", "admin"):
        key = {"Authorization": f"Splunk {splunkd.login(user)}", "Content_Type": "application/json"}
        at = f"/servicesNS/nobody/tiny/storage/collections/data/ledger{path}"
        status, _ = call(at, data, method=method, **key)
        answered[user] = status
        if user != "admin":
            assert splunkd.instance.kvstore.collection("tiny", "ledger").find({}) == [
                {"_key": "1", "_user": "nobody", "n": 1}
            ]
    fine = 201 if (method, path) == ("POST", "") else 200
    assert answered == {"amy": 403 if writes else fine, "paul": 403 if writes else fine, "admin": fine}


# -- the form of answers


def test_what_is_not_served_is_404_and_a_wrong_method_405(service, call, splunkd):
    with refused(404, "Not Found"):
        service.get("data/inputs/all")
    with refused(404, "Application does not exist: nosuch"):
        service.get("saved/searches", app="nosuch")
    with refused(405, "Method Not Allowed"):
        service.post("server/info")
    assert call("/services/server/info", root=splunkd.hec_uri)[0] == 404
    assert call("/services/collector/event", "{}")[0] == 404


def test_json_and_xml_hold_the_same(splunkd, service):
    xml = service.apps["tiny"]
    assert (xml["label"], xml["version"], xml["disabled"]) == ("Tiny", "1.2.3", "0")
    answer = json.loads(service.get("apps/local/tiny", output_mode="json").body.read())
    (entry,) = answer["entry"]
    assert (entry["name"], entry["content"]["label"], entry["content"]["disabled"]) == ("tiny", "Tiny", False)
    assert entry["id"] == splunkd.uri + "/servicesNS/nobody/system/apps/local/tiny"
    assert answer["paging"]["total"] == 1


def test_a_list_is_answered_in_pages(service):
    assert [one.name for one in service.saved_searches.list(count=1, offset=1)] == ["Broken"]
    assert len(service.saved_searches.list()) == 2


@pytest.mark.parametrize(
    ("arguments", "names"),
    [
        ({}, ["admin", "amy", "paul"]),
        ({"search": "A"}, ["admin", "amy", "paul"]),
        ({"search": "power"}, ["paul"]),
        ({"search": "name=a*"}, ["admin", "amy"]),
        ({"search": 'name=a* roles="user"'}, ["amy"]),
        ({"search": "nofield=a"}, []),
        ({"sort_dir": "desc"}, ["paul", "amy", "admin"]),
        ({"sort_key": "roles"}, ["admin", "paul", "amy"]),
        ({"sort_key": "roles", "sort_dir": "desc", "count": 1}, ["amy"]),
    ],
)
def test_a_list_is_filtered_and_sorted_as_the_call_wants(service, arguments, names):
    answer = json.loads(service.get("authentication/users", output_mode="json", **arguments).body.read())
    assert [one["name"] for one in answer["entry"]] == names


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"search": "a OR b"}, "Argument 'search': 'OR' is not supported by the sandbox."),
        ({"search": "(a)"}, r"Unexpected '\(' at position 1."),
        ({"search": "a!=b"}, "Unexpected '!=' at position 2."),
        ({"sort_dir": "up"}, "The sandbox sorts asc or desc, by alpha, not 'up' by 'auto'."),
        ({"sort_mode": "num"}, "The sandbox sorts asc or desc, by alpha, not 'asc' by 'num'."),
    ],
)
def test_a_filter_that_is_not_supported_is_refused(service, arguments, text):
    with refused(400, text):
        service.get("authentication/users", **arguments)


def test_a_call_names_the_settings_that_it_wants(service):
    answer = json.loads(service.get("server/info", output_mode="json", f=["version", "nofield"]).body.read())
    assert answer["entry"][0]["content"] == {"version": "9.4.0", "eai:acl": None}


def test_a_feed_says_what_made_it_and_when(splunkd, service):
    splunkd.clock = lambda: START
    answer = json.loads(service.get("server/info", output_mode="json").body.read())
    assert (answer["origin"], answer["updated"], answer["generator"]) == (
        f"{splunkd.uri}/servicesNS/nobody/tiny/server/info",
        "2023-11-14T22:13:20+00:00",
        {"build": "sandbox", "version": "9.4.0"},
    )
    assert answer["entry"][0]["updated"] == "1970-01-01T00:00:00+00:00"
    xml = service.get("server/info").body.read().decode()
    for part in (
        f"<id>{splunkd.uri}/servicesNS/nobody/tiny/server/info</id>",
        "<updated>2023-11-14T22:13:20+00:00</updated>",
        '<generator build="sandbox" version="9.4.0"',
        "<author><name>nobody</name></author>",
    ):
        assert part in xml


def test_failures_and_drops_are_those_that_a_test_requests(splunkd, service):
    index = service.indexes["main"]
    splunkd.failures.append(503)
    with refused(503, "as set in failures"):
        index.submit("one")
    splunkd.drops += ["before", "after"]
    for text in ("two", "three"):
        with pytest.raises((ConnectionError, ssl.SSLError)):
            index.submit(text)
    assert [row["_raw"] for row in stored(splunkd, "index=main (one OR two OR three)")] == ["three"]
    assert sum("receivers/simple" in url for url in splunkd.requests) == 3
    assert ("POST", "receivers/simple") in splunkd.used


# -- search jobs


def test_a_job_is_created_polled_and_read(service):
    job = finished(service.jobs.create("search index=main | sort n", earliest_time=START + 1, latest_time=START + 4))
    assert (job["dispatchState"], job["resultCount"], job["isFailed"]) == ("DONE", "3", "0")
    found = rows(job.results(output_mode="json"))
    assert [row["n"] for row in found] == ["1", "2", "3"]
    assert found[0]["_time"] == "2023-11-14T22:13:21.000+00:00"
    assert [row["tag"] for row in found] == [["a", "b"], "a", ["a", "b"]]
    assert [row["n"] for row in rows(job.results(output_mode="json", count=1, offset=2))] == ["3"]
    assert rows(job.preview(output_mode="json")) == found


def test_a_job_is_found_under_both_versions_of_the_endpoint(service):
    job = service.jobs.create("| makeresults | eval n=1 | table n", exec_mode="blocking")
    for version in ("search/jobs", "search/v2/jobs"):
        answer = json.loads(service.get(f"{version}/{job.sid}", output_mode="json").body.read())
        assert answer["entry"][0]["content"]["sid"] == job.sid
        for results in ("results", "results_preview"):
            assert rows(service.get(f"{version}/{job.sid}/{results}", output_mode="json").body) == [{"n": "1"}]


def test_results_come_as_rows_and_columns(service):
    job = service.jobs.create('| makeresults | eval a="x,y", b=split("1 2", " ") | table a b', exec_mode="blocking")
    read = {mode: job.results(output_mode=mode).read().decode() for mode in ("json_rows", "json_cols")}
    rows_form, columns_form = (json.loads(read[mode]) for mode in ("json_rows", "json_cols"))
    assert (rows_form["fields"], rows_form["rows"]) == (["a", "b"], [["x,y", ["1", "2"]]])
    assert columns_form["columns"] == [["x,y"], [["1", "2"]]]
    assert rows(job.results(output_mode="json", f="a")) == [{"a": "x,y"}]
    with refused(400, "Invalid output_mode 'xml': expected one of json, json_rows, json_cols."):
        job.results()


def test_a_oneshot_answers_with_results_at_once(service):
    assert rows(service.jobs.oneshot("search index=main | stats count", output_mode="json")) == [{"count": "5"}]
    assert rows(service.jobs.oneshot("`all` | stats count", output_mode="json")) == [{"count": "5"}]
    counted = service.jobs.oneshot("search index=main", output_mode="json", count=0, earliest_time="-1h")
    assert rows(counted) == []


def test_an_export_streams_one_object_a_line(service):
    body = service.jobs.export("search index=main | sort n | table n", output_mode="json").read().decode()
    lines = [json.loads(line) for line in body.splitlines()]
    assert [line["result"]["n"] for line in lines] == [*"01234"]
    assert [line.get("lastrow", False) for line in lines] == [False, False, False, False, True]
    assert [*JSONResultsReader(service.jobs.export("search index=none", output_mode="json"))] == []


def test_what_cannot_be_parsed_is_400_with_a_fatal_message_when_the_job_is_created(service, call, splunkd):
    for text, wrong in {
        "search index=main | nosuch": "Unknown search command .*nosuch",
        "index=main": "Unknown search command .*index",
        "search index=main | stats": "Unexpected .*end of the command",
        "search `nosuch`": "a macro .*nosuch.* that cannot be found",
    }.items():
        for ask in (service.jobs.create, service.jobs.oneshot, service.jobs.export):
            with refused(400, wrong):
                ask(text, output_mode="json")
    status, body = call(
        "/services/search/v2/jobs", "search=|+nosuch&output_mode=json", Authorization=f"Splunk {splunkd.login('amy')}"
    )
    assert (status, json.loads(body)["messages"][0]["type"]) == (400, "FATAL")
    with refused(400, "Invalid earliest_time."):
        service.jobs.create("search x", earliest_time="soon")
    with refused(400, "latest_time must be after earliest_time"):
        service.jobs.create("search x", earliest_time="10", latest_time="5")
    with refused(400, 'Argument "surprise" is not supported by this handler.'):
        service.jobs.create("search x", surprise=1)
    assert listed(service) == []


def test_a_search_that_fails_while_it_runs_is_a_failed_job_with_the_message(splunkd, service):
    (splunkd.instance.apps / "tiny/bin/whoami.py").write_text(
        WHOAMI.replace("meta, _ = read()", "read(); sys.exit('it broke')")
    )
    job = finished(service.jobs.create("search index=main | whoami"))
    assert (job["dispatchState"], job["isFailed"]) == ("FAILED", "1")
    assert "it broke" in job["messages"]["fatal"][0]
    (reported,) = JSONResultsReader(job.results(output_mode="json"))
    assert (reported.type, "it broke" in reported.message) == ("FATAL", True)


def test_a_command_gets_the_servers_address_and_a_session_of_the_jobs_owner(splunkd, connect):
    service = connect("amy")
    found = [*JSONResultsReader(service.jobs.oneshot("search index=main | whoami", output_mode="json"))]
    assert found[0] == Message("WARN", "mind")
    assert (found[1]["uri"], found[1]["owner"]) == (splunkd.uri, "amy")
    assert found[1]["key"] not in splunkd.sessions, "it ends with the job"


def test_others_jobs_are_seen_by_admins_only_and_a_cancelled_one_by_no_user(connect, service):
    job = connect("amy").jobs.create("search index=main", exec_mode="blocking")
    assert listed(service) == [job.sid]
    assert listed(connect("paul")) == []
    with refused(404, "Unknown sid."):
        connect("paul").job(job.sid)
    job.cancel()
    with refused(404, "Unknown sid."):
        job.refresh()
    one, two = (service.jobs.create("search index=main", exec_mode="blocking") for _ in range(2))
    assert listed(service) == [two.sid, one.sid]
    assert listed(service, id=one.sid) == [one.sid]


def test_a_running_job_is_not_done_and_can_be_cancelled(splunkd, service):
    wait = splunkd.instance.home / "wait"
    wait.touch()
    job = service.jobs.create("search index=main | whoami")
    assert not job.is_done()
    assert job["dispatchState"] == "RUNNING"
    assert job.results(output_mode="json").read() == b""
    job.cancel()
    wait.unlink()
    assert listed(service) == []


# -- data in


def test_an_index_is_created_and_events_are_submitted_to_it(splunkd, service):
    index = service.indexes.create("extra")
    index.submit("first\nsecond\n", host="ws-1", source="s", sourcetype="lines")
    found = stored(splunkd, "index=extra")
    assert sorted(row["_raw"] for row in found) == ["first", "second"]
    assert {(row["host"], row["source"], row["sourcetype"]) for row in found} == {("ws-1", "s", "lines")}
    assert service.indexes["extra"]["totalEventCount"] == "2"
    assert service.indexes.get_default() == "main"
    assert "nosuch" not in service.indexes
    with refused(409, "Index name=extra already exists"):
        service.indexes.create("extra")
    with refused(400, "Invalid index name 'Bad Name'"):
        service.indexes.create("Bad Name")


def test_an_unknown_index_is_400_with_splunks_text(service):
    with refused(400, "supplied index 'nosuch' missing"):
        service.post("receivers/simple", index="nosuch", body="x")


@pytest.mark.filterwarnings("ignore:ssl.OP_NO_SSL")  # the SDK's
def test_events_are_streamed_over_a_raw_socket_in_pieces(splunkd, service):
    with service.indexes["main"].attached_socket(sourcetype="lines", host="raw") as raw:
        for piece in (b"one\ntw", b"o\nindex=none&", b"x\n"):
            raw.send(piece)
    until = time.monotonic() + 10
    while len(found := stored(splunkd, "index=main host=raw")) < 3:
        assert time.monotonic() < until
        time.sleep(0.02)
    assert sorted(row["_raw"] for row in found) == ["index=none&x", "one", "two"]


def test_a_client_that_goes_away_in_the_middle_leaves_no_trace(splunkd, caplog):
    context = ssl.create_default_context(cafile=splunkd.ca_file)
    at = urllib.parse.urlsplit(splunkd.uri)
    head = f"POST /services/receivers/simple HTTP/1.1\r\nHost: x\r\nAuthorization: Splunk {splunkd.login('admin')}\r\n"
    with context.wrap_socket(socket.create_connection((at.hostname, at.port)), server_hostname="127.0.0.1") as raw:
        raw.sendall(f"{head}Content-Length: 100\r\n\r\nhalf of it".encode())
    until = time.monotonic() + 10
    while not splunkd.used:
        assert time.monotonic() < until
        time.sleep(0.02)
    splunkd.__exit__()
    assert (caplog.text, splunkd.instance.search("* half", app="tiny").rows) == ("", [])


@pytest.mark.filterwarnings("ignore:ssl.OP_NO_SSL")
def test_an_attached_socket_without_the_right_is_refused(splunkd, connect):
    raw = connect("amy").indexes["main"].attach(sourcetype="lines")
    raw.settimeout(10)
    raw.send(b"x\n")
    assert b"403 Forbidden" in raw.recv(1_000)
    raw.close()
    assert stored(splunkd, "index=main sourcetype=lines") == []


def test_windows_events_come_with_their_cim_fields(splunkd, service, hec):
    service.indexes["main"].submit(security_xml() + "\r\n" + security_xml("a.exe /1"), sourcetype="XmlWinEventLog")
    hec("event", json.dumps({"event": security_xml("c.exe /2"), "sourcetype": "XmlWinEventLog", "host": "mine"}))
    found = stored(splunkd, "index=main tag=process")
    assert sorted(row["process"][-3:] for row in found) == [" /1", " /2", 'll"']
    assert {row["source"] for row in found} == {"XmlWinEventLog:Security", "http:sandbox"}
    assert [row["host"] for row in found].count("mine") == 1


# -- the HTTP Event Collector


def test_hec_stores_events_with_their_own_metadata(splunkd, hec):
    events = [
        {
            "event": "plain",
            "time": START + 100,
            "host": "h1",
            "source": "s1",
            "sourcetype": "t1",
            "fields": {"mark": "m1"},
        },
        {"event": {"a": {"b": 1}, "c": ["x", "y"]}, "time": f"{START + 101}.5", "index": "risk"},
    ]
    assert hec("event", "\n".join(map(json.dumps, events))) == (200, {"text": "Success", "code": 0})
    (plain,) = stored(splunkd, "index=main mark=m1")
    assert {key: plain[key] for key in ("_raw", "host", "source", "sourcetype")} == {
        "_raw": "plain",
        "host": "h1",
        "source": "s1",
        "sourcetype": "t1",
    }
    (nested,) = stored(splunkd, "index=risk")
    assert (float(nested["_time"]), nested["a.b"], nested["c{}"]) == (START + 101.5, "1", ["x", "y"])


@pytest.mark.parametrize("path", ["", "/event", "/event/1.0", "/raw", "/raw/1.0"])
def test_hec_takes_events_by_each_path_plain_or_compressed(splunkd, call, hec, path):
    def send(body, **headers):
        headers |= {"Authorization": f"Splunk {TOKEN}"}
        return call(f"/services/collector{path}", body, splunkd.hec_uri, "POST", **headers)

    body = '{"event": "a b", "host": "h"}'
    assert json.loads(send(body)[1]) == {"text": "Success", "code": 0}
    assert send(gzip.compress(body.encode()), Content_Encoding="gzip")[0] == 200
    found = [row["_raw"] for row in stored(splunkd, "index=main NOT n=*")]
    assert found == [body if "raw" in path else "a b"] * 2
    for broken, how in ((body, "gzip"), (gzip.compress(body.encode())[:-9], "gzip"), (body, "br")):
        status, text = send(broken.encode() if isinstance(broken, str) else broken, Content_Encoding=how)
        assert (status, json.loads(text)) == (400, {"text": "Invalid data format", "code": 6})
    assert json.loads(send(gzip.compress(b" "), Content_Encoding="gzip")[1])["code"] == 5
    assert len(stored(splunkd, "index=main NOT n=*")) == 2


def test_hec_says_that_it_is_well_to_whoever_asks(splunkd, call):
    for path in ("health", "health/1.0"):
        status, text = call(f"/services/collector/{path}", root=splunkd.hec_uri)
        assert (status, json.loads(text)) == (200, {"text": "HEC is healthy", "code": 17})
    splunkd.failures += [503]
    status, text = call("/services/collector/health", root=splunkd.hec_uri)
    assert (status, json.loads(text)["code"]) == (503, 18)


@pytest.mark.parametrize("path", ["mint", "mint/1.0", "s2s", "event/2.0"])
def test_hec_has_no_other_path(hec, path):
    assert hec(path, '{"event": "x"}')[0] == 404


def test_hec_takes_a_token_as_the_password_of_any_user_and_none_in_the_address(splunkd, hec):
    basic = base64.b64encode(f"x:{TOKEN}".encode()).decode()
    assert hec("event", '{"event": "x"}', token="", Authorization=f"Basic {basic}")[1]["code"] == 0
    assert hec("event", '{"event": "x"}', token="", Authorization="Basic %%%")[1]["code"] == 3
    answer = {"text": "Query string authorization is not enabled", "code": 16}
    assert hec(f"event?token={TOKEN}", '{"event": "x"}', token="") == (400, answer)


def test_hec_takes_raw_data(splunkd, hec):
    assert hec("raw?sourcetype=lines&host=r", "one\ntwo\n")[1]["code"] == 0
    assert sorted(row["_raw"] for row in stored(splunkd, "index=main host=r")) == ["one", "two"]


@pytest.mark.parametrize(
    ("body", "status", "answer"),
    [
        ("", 400, {"text": "No data", "code": 5}),
        ('{"event": "good"} {"event": ', 400, {"text": "Invalid data format", "code": 6, "invalid-event-number": 1}),
        ('"text"', 400, {"text": "Invalid data format", "code": 6, "invalid-event-number": 0}),
        ('{"event": "x", "time": "now"}', 400, {"text": "Invalid data format", "code": 6, "invalid-event-number": 0}),
        ('{"event": "good"}{"event": "x", "index": "nosuch"}', 400, {"text": "Incorrect index", "code": 7}),
        ('{"event": "x", "index": "risk"}', 400, {"text": "Incorrect index", "code": 7, "invalid-event-number": 1}),
        ('{"host": "h"}', 400, {"text": "Event field is required", "code": 12, "invalid-event-number": 0}),
        ('{"event": ""}', 400, {"text": "Event field cannot be blank", "code": 13, "invalid-event-number": 0}),
        ('{"event": "x", "fields": {"a": {}}}', 400, {"text": "Error in handling indexed fields", "code": 15}),
    ],
)
def test_hec_refuses_a_wrong_request_whole_with_splunks_code(splunkd, hec, body, status, answer):
    splunkd.tokens[TOKEN].allowed = frozenset({"main"})
    got, answered = hec("event", body)
    assert (got, {**answered, **answer}) == (status, answered)
    assert stored(splunkd, "index=* good OR x") == []


def test_hec_wants_a_token_that_is_known_and_enabled(splunkd, hec, call):
    event = '{"event": "x"}'
    assert hec("event", event, token="") == (401, {"text": "Token is required", "code": 2})
    assert hec("event", event, token="", Authorization=f"Bearer {TOKEN}")[1]["code"] == 3
    assert hec("event", event, token="nosuch") == (403, {"text": "Invalid token", "code": 4})
    splunkd.tokens[TOKEN].disabled = True
    assert hec("event", event) == (403, {"text": "Token disabled", "code": 1})


def test_hec_acknowledges_what_is_indexed_once_for_each_channel(splunkd, hec):
    assert hec("ack", '{"acks": [0]}') == (400, {"text": "ACK is disabled", "code": 14})
    splunkd.tokens[TOKEN].ack = True
    event, channel = '{"event": "x"}', {"X_Splunk_Request_Channel": CHANNEL}
    assert hec("event", event) == (400, {"text": "Data channel is missing", "code": 10})
    assert hec("event", event, X_Splunk_Request_Channel="mine") == (400, {"text": "Invalid data channel", "code": 11})
    assert hec("event", event, **channel) == (200, {"text": "Success", "code": 0, "ackId": 0})
    assert hec(f"event?channel={CHANNEL}", event)[1]["ackId"] == 1
    query = '{"acks": [0, 1, 2]}'
    assert hec("ack", query, X_Splunk_Request_Channel=TOKEN) == (200, {"acks": {"0": False, "1": False, "2": False}})
    assert hec("ack", query, **channel) == (200, {"acks": {"0": True, "1": True, "2": False}})
    assert hec("ack", query, **channel) == (200, {"acks": {"0": False, "1": False, "2": False}})


def test_hec_is_busy_or_breaks_where_a_test_requests_it(splunkd, hec):
    splunkd.failures += [503, 500]
    assert hec("event", '{"event": "x"}') == (503, {"text": "Server is busy", "code": 9})
    assert hec("event", '{"event": "x"}') == (500, {"text": "Internal server error", "code": 8})
    splunkd.drops += ["before", "after"]
    for text in ("lost", "kept"):
        with pytest.raises((OSError, ConnectionError)):
            hec("event", json.dumps({"event": text}))
    assert [row["_raw"] for row in stored(splunkd, "index=main lost OR kept")] == ["kept"]


# -- the KV store


def test_kv_store_records_are_inserted_read_changed_and_deleted(service):
    data = service.kvstore["things"].data
    key = data.insert({"n": 1, "name": "a/b c"})["_key"]
    assert data.query_by_id(key) == {"n": 1, "name": "a/b c", "_key": key, "_user": "nobody"}
    assert data.update(key, {"n": 2}) == {"_key": key}
    assert [record["n"] for record in data.query()] == [2]
    assert data.batch_save({"_key": "k/1", "n": 3}, {"_key": "k2", "n": 1, "m": "x"}) == ["k/1", "k2"]
    assert [record["n"] for record in data.query(sort="n:-1")] == [3, 2, 1]
    assert data.query(query={"n": {"$gt": 1}}, sort="n", fields="n", limit=1, skip=1) == [{"_key": "k/1", "n": 3}]
    assert [len(found) for found in data.batch_find({"query": {"n": 1}}, {"query": {"n": 9}}, {"limit": 2})] == [
        1,
        0,
        2,
    ]
    data.delete_by_id("k/1")
    data.delete(json.dumps({"n": 1}))
    assert [record["_key"] for record in data.query()] == [key]
    data.delete()
    assert data.query() == []


def test_kv_store_mistakes_are_404_409_and_400(service):
    data = service.kvstore["things"].data
    data.insert({"_key": "k"})
    with refused(409, "A document with the same key and user already exists"):
        data.insert({"_key": "k"})
    for wrong in (lambda: data.query_by_id("x"), lambda: data.update("x", {}), lambda: data.delete_by_id("x")):
        with refused(404, "Could not find object id=x"):
            wrong()
    for wrong in (lambda: data.insert("{"), lambda: data.insert("[]"), lambda: data.query(query="[1]")):
        with refused(400):
            wrong()
    with refused(400, "max_documents_per_batch_save=1000"):
        data.batch_save(*[{}] * 1001)
    with refused(404):
        service.get("storage/collections/data/nosuch")
    with refused(415):
        service.post("storage/collections/data/things", body="{}")


def test_a_collection_shows_its_fields(service):
    things = service.kvstore["things"]
    assert things["field.n"] == "number"
    things.data.insert({"n": "7"})
    assert things.data.query()[0]["n"] == 7
    with pytest.raises(KeyError):
        service.kvstore["nosuch"]


# -- configuration, apps, views


def test_a_conf_is_read_and_what_is_written_goes_to_local_and_wins(splunkd, service):
    macros = service.confs["macros"]
    assert macros["all"]["definition"] == "search index=main"
    macros["all"].submit({"definition": "search index=main\nn=1", "args": ""})
    macros["b [1]"].submit({"definition": "x = y"})
    assert (macros["b [1]"]["definition"], macros["a/b"]["definition"]) == ("x = y", "x")
    assert macros["all"].refresh()["definition"] == "search index=main\nn=1"
    assert rows(service.jobs.oneshot("`all` | stats count", output_mode="json")) == [{"count": "1"}]
    assert (splunkd.instance.apps / "tiny/default/macros.conf").read_text() == FILES["default/macros.conf"]
    assert "nosuch" not in service.confs
    with pytest.raises(KeyError):
        macros["nosuch"]
    with refused(404):
        service.post("configs/conf-macros/nosuch", definition="x")
    with refused(400, "Invalid key"):
        service.post("configs/conf-macros/all", **{"a\nb": "x"})
    for path in ("configs/conf-..%2Fapp", "properties/..%2Fapp"):
        with refused(404):
            service.get(binding.UrlEncoded(f"/servicesNS/nobody/tiny/{path}", skip_encode=True))


def test_apps_are_listed_and_installed_from_an_archive_on_the_server(service, tmp_path):
    assert "new" not in service.apps
    with tarfile.open(tmp_path / "new.tgz", "w:gz") as tar:
        tar.add(write(tmp_path / "new"), "new")
    service.post("apps/local", name=str(tmp_path / "new.tgz"), filename="true")
    assert service.apps["new"]["version"] == "1.2.3"
    with refused(409, "App 'new' already exists"):
        service.post("apps/local", name=str(tmp_path / "new.tgz"), filename="true")
    answer = service.post("apps/local", name=str(tmp_path / "new.tgz"), filename="true", update="true")
    assert answer.status == 201
    with refused(404, "nosuch.tgz"):
        service.post("apps/local", name=str(tmp_path / "nosuch.tgz"), filename="true")
    (tmp_path / "bad.tgz").write_text("no archive")
    with refused(400, "cannot be read"):
        service.post("apps/local", name=str(tmp_path / "bad.tgz"), filename="true")
    with pytest.raises(KeyError):
        service.apps["nosuch"]
    assert {one.name for one in client.Collection(service, "saved/searches").list()} == {"All - Rule", "Broken"}
    every = service.get("saved/searches", owner="-", app="-", output_mode="json").body.read()
    assert len(json.loads(every)["entry"]) == 4


def test_views_and_time_ranges_are_there_to_be_read(service):
    answer = json.loads(service.get("data/ui/views/page", output_mode="json").body.read())
    assert answer["entry"][0]["content"]["eai:data"] == "<dashboard/>"
    with refused(404):
        service.get("data/ui/views/nosuch")
    times = client.Collection(service, "data/ui/times")
    assert {one["label"]: one["earliest_time"] for one in times}["Last 24 hours"] == "-24h@h"


# -- saved searches and alerts


def test_a_saved_search_is_found_by_its_name_whatever_stands_in_it(splunkd, service):
    local = splunkd.instance.apps / "tiny/local"
    local.mkdir()
    (local / "savedsearches.conf").write_text("[50% & a/b ü]\naction.risk = 1\n")
    path = f"/servicesNS/admin/tiny/saved/searches/{urllib.parse.quote('50% & a/b ü', '')}"
    answer = service.get(binding.UrlEncoded(path, skip_encode=True), output_mode="json")
    (entry,) = json.loads(answer.body.read())["entry"]
    assert (entry["name"], entry["content"]["action.risk"]) == ("50% & a/b ü", "1")


def test_a_scheduled_search_runs_with_its_actions_when_time_passes(splunkd, service):
    saved = service.saved_searches["All - Rule"]
    saved.update(is_scheduled=1, cron_schedule="*/5 * * * *", **{"alert.suppress": 1, "alert.suppress.period": "1h"})
    runs = splunkd.scheduler.run(START - START % 300, START - START % 300 + 600)
    assert [(run.error, len(run.raised), run.silenced) for run in runs] == [("", 1, 0), ("", 0, 1)]
    kept = json.loads((splunkd.instance.home / "kept.json").read_text())
    assert (kept["server_uri"], kept["search_name"]) == (splunkd.uri, "All - Rule")
    assert kept["session_key"] in splunkd.sessions


def test_a_saved_search_is_read_changed_and_dispatched(splunkd, service):
    saved = service.saved_searches["All - Rule"]
    assert (saved["search"], saved["is_scheduled"], saved["action.keep"]) == ("index=main | sort n", "0", "1")
    saved.update(is_scheduled=1, cron_schedule="0 * * * *").refresh()
    assert saved["is_scheduled"] == "1"
    assert splunkd.instance.saved_search("All - Rule", "tiny")["enableSched"] == "1"
    job = finished(saved.dispatch(**{"dispatch.earliest_time": START + 3}))
    assert [row["n"] for row in rows(job.results(output_mode="json"))] == ["3", "4"]
    assert stored(splunkd, "index=_internal") == []
    with refused(400, 'Argument "surprise" is not supported by this handler.'):
        saved.update(surprise="x")
    with refused(400, "Unknown search command 'nosuch'"):
        service.saved_searches["Broken"].dispatch()
    with pytest.raises(KeyError):
        service.saved_searches["nosuch"]
    saved.update(disabled=1)
    with refused(400, "disabled"):
        saved.dispatch()


def test_a_dispatch_with_actions_runs_them_as_the_searchs_owner_and_the_alert_is_listed(splunkd, connect):
    amy = connect("amy")
    saved = amy.saved_searches["All - Rule"]
    assert (saved.alert_count, [one.name for one in amy.fired_alerts]) == (0, ["-"])
    job = saved.dispatch(trigger_actions=1)
    splunkd.wait()
    (line,) = stored(splunkd, "index=_internal sendmodalert action=keep")
    assert line["_raw"].startswith(time.strftime("%m-%d-%Y ", time.gmtime(float(line["_time"]))))
    assert re.search(
        r"\+0000 INFO  sendmodalert - action=keep - Alert action script completed in duration=\d+ ms with exit code=0$",
        line["_raw"],
    )
    kept = json.loads((splunkd.instance.home / "kept.json").read_text())
    assert (kept["sid"], kept["server_uri"], kept["owner"], kept["search_name"]) == (
        *(job.sid, splunkd.uri, "admin"),
        "All - Rule",
    )
    every, group = amy.fired_alerts
    assert (every.count, group.name, group.count) == (1, "All - Rule", 1)
    assert [(alert.search, alert.sid, alert.results) for alert in splunkd.scheduler.alerts] == [
        ("All - Rule", job.sid, 5)
    ]
    assert saved.refresh().alert_count == 1


def test_alerts_of_the_scheduler_are_listed_until_they_expire(splunkd, service):
    for n in (1, 2):
        alert = TriggeredAlert("All - Rule", f"s{n}", START, START + 60 * n, 3, 2, False)
        splunkd.scheduler.alerts.append(alert)
    splunkd.clock = lambda: START + 90
    counts = {one.name: one.count for one in service.fired_alerts}
    assert counts == {"-": 1, "All - Rule": 1}
    assert rows(service.jobs.oneshot("| makeresults | eval n=now() | table n", output_mode="json")) == [
        {"n": str(START + 90)}
    ]


# -- the packaged app


def test_the_package_is_installed_and_its_action_writes_risk_as_the_searchs_owner(archive, tmp_path):
    instance = Instance(tmp_path / "home")
    with Splunkd(instance, users=USERS) as splunkd:
        splunkd.tokens[TOKEN] = Token()
        port = urllib.parse.urlsplit(splunkd.uri).port
        log_in = {"host": "127.0.0.1", "port": port, "owner": "nobody", "app": "ssa_detections"}
        admin = client.connect(**log_in, username="admin", password="adm")
        admin.post("apps/local", owner="nobody", app="system", name=str(archive), filename="true")
        admin.indexes["main"].submit(security_xml(SubjectUserName="amy"), sourcetype="XmlWinEventLog")
        amy = client.connect(**log_in, username="amy", password="ann")
        job = finished(amy.saved_searches[f"SSA - {GIVEN} - Rule"].dispatch(trigger_actions=1, **ALL_TIME))
        assert job["resultCount"] == "1"
        splunkd.wait()
        log = instance.search("index=_internal sendmodalert action=ssa_risk | sort 0 _time").rows
        assert log[-1]["_raw"].endswith("exit code=0"), log
        assert "STDERR -  search=" in log[0]["_raw"]
        found = rows(admin.jobs.oneshot("search index=risk", output_mode="json"))
        assert sorted(row["risk_object_type"] for row in found) == ["system", "user"]
    instance.close()


# -- the hooks of the tests that there were before it


def test_a_session_may_be_given_as_bare_capabilities(splunkd, connect):
    splunkd.sessions["key"] = frozenset()
    service = connect(token="key")
    with refused(403, "insufficient permission"):
        service.post("receivers/simple", index="main", body="x")
    splunkd.sessions["key"] = frozenset({"edit_tcp"})
    service.post("receivers/simple", index="main", body="x", sourcetype="lines")
    service.kvstore["things"].data.insert({})
    splunkd.sessions.clear()
    with pytest.raises(binding.AuthenticationError):
        service.post("receivers/simple", index="main", body="x")


def test_the_certificate_stays_when_the_server_starts_again_on_its_ports(tmp_path):
    instance = Instance(tmp_path / "home")
    with Splunkd(instance) as first:
        ports = tuple(urllib.parse.urlsplit(uri).port for uri in (first.uri, first.hec_uri))
        certificate = first.ca_file.read_bytes()
    with Splunkd(instance, ports=ports) as second:
        assert (second.uri, second.hec_uri, second.ca_file.read_bytes()) == (first.uri, first.hec_uri, certificate)
        context = ssl.create_default_context(cafile=second.ca_file)
        with pytest.raises(urllib.error.HTTPError, match="401"):
            urllib.request.urlopen(second.uri + "/services/server/info", context=context)

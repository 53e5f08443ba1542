"""The sandbox's REST API as splunklib calls it: the KV store's routes, and a saved search's settings."""

import json
import urllib.parse

import pytest
from splunklib import binding, client

from sandbox.rest import Splunkd
from sandbox.search import Instance

APP = {"owner": "nobody", "app": "ssa_detections", "sharing": "app"}
LEDGER = "storage/collections/data/ssa_risk_ledger"
JSON = [("Content-Type", "application/json")]


@pytest.fixture
def splunkd(archive, tmp_path):
    instance = Instance(tmp_path)
    instance.install(archive)
    with Splunkd(instance) as splunkd:
        splunkd.sessions["key"] = frozenset()
        yield splunkd


@pytest.fixture
def service(splunkd):
    host, _, port = splunkd.uri.removeprefix("http://").rpartition(":")
    return client.Service(scheme="http", host=host, port=port, token="key")


def post(service, route, content):
    return json.loads(service.post(f"{LEDGER}/{route}", headers=JSON, body=json.dumps(content), **APP).body.read())


def test_records_that_are_saved_in_a_batch_are_found_by_key_and_pruned_by_age(service):
    assert post(service, "batch_save", [{"_key": "a", "written": 1}, {"_key": "b", "written": 2}]) == ["a", "b"]
    found = post(service, "batch_find", [{"query": {"$or": [{"_key": "a"}, {"_key": "c"}]}}, {"query": {"_key": "b"}}])
    assert [[record["_key"] for record in records] for records in found] == [["a"], ["b"]]
    service.delete(LEDGER, query=json.dumps({"written": {"$lt": 2}}), **APP)
    (left,) = json.loads(service.get(LEDGER, **APP).body.read())
    assert (left["_key"], left["written"]) == ("b", 2)


def test_a_record_that_is_saved_again_takes_its_own_place(service):
    for written in (1, 2):
        post(service, "batch_save", [{"_key": "a", "written": written}])
    assert [record["written"] for record in json.loads(service.get(LEDGER, **APP).body.read())] == [2]


@pytest.mark.parametrize(
    ("path", "status"),
    [
        (LEDGER.replace("ledger", "nothing"), 404),
        (f"{LEDGER}/no/such/route", 404),
        ("saved/searches/SSA%20-%20nothing", 404),
    ],
)
def test_what_is_not_there_is_404(service, path, status):
    with pytest.raises(binding.HTTPError) as caught:
        service.get(path, **APP)
    assert caught.value.status == status


def test_a_wrong_query_or_record_is_400_and_nobody_without_a_session_gets_in(splunkd, service):
    with pytest.raises(binding.HTTPError) as caught:
        service.get(LEDGER, query='{"$nor": []}', **APP)
    assert caught.value.status == 400
    with pytest.raises(binding.HTTPError) as caught:
        post(service, "batch_save", [{"_key": "a", "written": "soon"}])  # enforceTypes
    assert caught.value.status == 400
    splunkd.sessions.clear()
    with pytest.raises(binding.AuthenticationError):
        service.get(LEDGER, **APP)


def test_a_saved_search_is_read_by_its_name_whatever_stands_in_it(splunkd, service):
    local = splunkd.instance.apps / "ssa_detections/local"
    local.mkdir()
    (local / "savedsearches.conf").write_text("[50% & a/b ü]\naction.risk = 1\n")
    for name, key, value in [("50% & a/b ü", "action.risk", "1"), ("SSA - Self test", "disabled", "0")]:
        path = f"/servicesNS/admin/ssa_detections/saved/searches/{urllib.parse.quote(name, '')}"
        asked = service.get(binding.UrlEncoded(path, skip_encode=True), output_mode="json")
        (entry,) = json.loads(asked.body.read())["entry"]
        assert (entry["name"], entry["content"][key]) == (name, value)

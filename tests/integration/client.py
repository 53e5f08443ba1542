"""A plain client of splunk-sdk: `SPLUNK_URL=https://host:8089 … python -m tests.integration.client` calls any Splunk.

What it finds it prints, a line for each step; the first thing that is not so ends it.
"""

import os
import secrets

from splunklib import binding
from splunklib.results import JSONResultsReader

from tests.integration.server import APP, changed, connect, finished, search, submit, until


def main(environ):
    server, service, run = connect(environ), connect(environ, APP), secrets.token_hex(4)

    who = next(iter(JSONResultsReader(service.jobs.oneshot("| makeresults | eval a=1 | table a", output_mode="json"))))
    print(f"login: {server.info['serverName']} runs Splunk {server.info['version']}")
    assert dict(who) == {"a": "1"}, who
    print("oneshot: one row")

    try:
        connect({**environ, "SPLUNK_PASSWORD": "wrong"})
    except binding.AuthenticationError as error:
        assert error.status == 401, error
    else:
        raise AssertionError("a wrong password is taken")
    print("login: a wrong password is refused")

    job = service.jobs.create('| makeresults count=3 | eval b=split("x y", " ") | table b')
    assert finished(job) == [{"b": ["x", "y"]}] * 3
    print("job: three rows with a field of two values")

    index = f"ssa_client_{run}"
    server.indexes.create(index)
    try:
        submit(server, index, f"{run} äöü\n", sourcetype="ssa_client", host="client", source="client")
        (row,) = until(lambda: search(service, f"index={index}"), bool, "what was sent is not there")
        assert (row["_raw"].strip(), row["host"], row["sourcetype"]) == (f"{run} äöü", "client", "ssa_client"), row
    finally:
        server.indexes.delete(index)
    print("receivers: one event, found again")

    try:
        submit(server, index, run)
    except binding.HTTPError as error:
        assert (error.status, f"supplied index '{index}' missing" in str(error)) == (400, True), error
    else:
        raise AssertionError("an index that is not there takes events")
    print("receivers: an index that is not there is refused")

    data = service.kvstore["ssa_ignored_entities"].data
    key = data.insert({"entity": run, "type": "user", "expires": "2020-01-01"})["_key"]
    try:
        data.update(key, {"entity": run, "type": "user", "expires": "2020-01-02"})
        (record,) = data.query(query={"entity": run})
        assert (record["_key"], record["expires"]) == (key, "2020-01-02"), record
        (row,) = search(service, f'| inputlookup ssa_ignored_entities where entity="{run}"')
        assert row["expires"] == "2020-01-02", row
    finally:
        data.delete_by_id(key)
    assert data.query(query={"entity": run}) == []
    print("KV store: one record, written, changed, found by a query and by a search, removed")

    before = service.confs["macros"]["ssa_risk_threshold"]["definition"]
    with changed(service, "macros", "ssa_risk_threshold", definition="4711"):
        (row,) = search(service, "| makeresults | eval a=`ssa_risk_threshold` | table a")
        assert row == {"a": "4711"}, row
    assert service.confs["macros"]["ssa_risk_threshold"]["definition"] == before
    print("confs: a macro changed, used, and restored")


if __name__ == "__main__":
    main(os.environ)

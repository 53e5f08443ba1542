"""splunkd's REST API as the data sources of Splunk's dashboards call it, in the same process."""

import asyncio
import itertools
import time

import httpx
import pytest

from sandbox.search.instance import Instance
from sandbox.splunkd import Splunkd

APP = {
    "default/app.conf": "[ui]\nlabel = Tiny\n",
    "default/macros.conf": "[twice]\ndefinition = eval n=2*n\n",
}
ROWS = '| makeresults count=3 | eval n=2, who=split("a,b", ",") | fields - _time'
SENT = {"preview": "true", "sid": "", "label": "ds_base", "check_risky_command": "false", "postprocess_searches": "[]"}
START = 1_700_000_000


@pytest.fixture(scope="module")
def call(tmp_path_factory):
    """Call the REST API as the analyst whom a page belongs to; the answer is JSON."""
    home = tmp_path_factory.mktemp("home")
    for name, text in APP.items():
        path = home / "etc/apps/tiny" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    instance = Instance(home, app="tiny")
    with Splunkd(instance) as splunkd:
        splunkd.clock = lambda: START
        key = splunkd.login("admin")

        async def once(method, path, given):
            within = httpx.ASGITransport(splunkd.rest)
            async with httpx.AsyncClient(transport=within, base_url=splunkd.uri) as http:
                where = {"params" if method == "GET" else "data": {**given, "output_mode": "json"} | given}
                return await http.request(
                    method, f"/services/{path}", headers={"Authorization": f"Splunk {key}"}, **where
                )

        yield lambda method, path, **given: asyncio.run(once(method, path, given))
    instance.close()


@pytest.fixture(scope="module")
def base(call):
    """The sid of a base search, which is done."""
    sid = call("POST", "search/jobs", search=ROWS, earliest_time="-1h", latest_time="now", **SENT).json()["sid"]
    for _ in range(1000):
        if listed(call, sid)[0]["isDone"]:
            return sid
        time.sleep(0.01)
    raise TimeoutError(sid)


def listed(call, *sids):
    entries = call("GET", "search/jobs", id=list(sids), count=len(sids)).json()["entry"]
    return [one["content"] for one in entries]


def results(call, sid, **given):
    arguments = {"output_mode": "json_cols", "show_metadata": "true", "count": "0", **given}
    return call("POST", f"search/v2/jobs/{sid}/results_preview", **arguments)


def test_jobs_are_polled_together_by_id(call, base):
    other = call("POST", "search/jobs", search="| makeresults", **SENT).json()["sid"]
    assert {one["sid"] for one in listed(call, base, other)} == {base, other}
    (one,) = listed(call, base)
    assert (one["dispatchState"], one["resultCount"], one["resultPreviewCount"]) == ("DONE", 3, 3)
    assert one["isRealTimeSearch"] is False


def test_results_come_in_columns_each_described(call, base):
    content = results(call, base).json()
    columns = dict(zip([one["name"] for one in content["fields"]], content["columns"], strict=True))
    assert columns == {"n": ["2"] * 3, "who": [["a", "b"]] * 3}
    assert "post_process_count" not in content


def test_a_script_gets_the_results_of_a_job_that_is_done(call, base):
    got = call("GET", f"search/v2/jobs/{base}/results", output_mode="json_cols", count="0").json()
    assert got["columns"] == results(call, base).json()["columns"]


def test_fields_are_names_where_no_metadata_is_requested(call, base):
    assert results(call, base, show_metadata="false").json()["fields"] == ["n", "who"]


@pytest.mark.parametrize(
    ("chain", "columns"),
    [
        ("| stats sum(n) as n", {"n": ["6"]}),
        ("| `twice` | stats sum(n) as n", {"n": ["12"]}),
        ("search n=3 | stats count", {"count": ["0"]}),
        ('| head 1 | mvexpand who | sort 0 -"who"', {"n": ["2", "2"], "who": ["b", "a"]}),
        ("| stats count | appendpipe [eval count=count+1]", {"count": ["3", "4"]}),
        ("| head 1 | addinfo | fields info_min_time", {"info_min_time": [f"{START - 3600}.000"]}),
    ],
)
def test_a_chain_works_on_the_rows_of_its_base_search_which_stay(call, base, chain, columns):
    content = results(call, base, search=chain).json()
    assert dict(zip([one["name"] for one in content["fields"]], content["columns"], strict=True)) == columns
    assert content["post_process_count"] == len(next(iter(columns.values())))
    assert len(results(call, base).json()["columns"][0]) == 3


def test_a_page_of_a_chain_has_the_number_of_all_rows(call, base):
    content = results(call, base, search="| eval a=1", count="2", offset="1").json()
    assert (content["post_process_count"], len(content["columns"][0])) == (3, 2)


def test_a_chain_over_nothing_has_its_columns(call):
    sid = call("POST", "search/jobs", search=f"{ROWS} | search n=3", exec_mode="blocking", **SENT).json()["sid"]
    assert results(call, sid, search="| stats count by n").json()["columns"] in ([], [[], []])
    assert results(call, sid, search="| stats count").json()["columns"] == [["0"]]


@pytest.mark.parametrize("chain", ["| nonsense", "| makeresults", "| stats", "| where n="])
def test_a_chain_that_is_none_is_refused(call, base, chain):
    answer = results(call, base, search=chain)
    assert (answer.status_code, answer.json()["messages"][0]["type"]) == (400, "FATAL")


def test_a_job_is_kept_by_touch_and_gone_after_cancel(call):
    sid = call("POST", "search/jobs", search="| makeresults", **SENT).json()["sid"]
    status = [
        call("POST", f"search/jobs/{sid}/control", action=one).status_code for one in ("touch", "cancel", "touch")
    ]
    assert status == [200, 200, 404]
    assert listed(call, sid) == []


def test_the_time_picker_learns_what_a_modifier_means(call):
    answers = [call("GET", "search/timeparser", time=text) for text in ("-1d@d", "now", "nonsense")]
    assert [one.status_code for one in answers] == [200, 200, 400]
    assert list(itertools.chain(*(one.json().values() for one in answers[:2]))) == [
        "2023-11-13T00:00:00.000+00:00",
        "2023-11-14T22:13:20.000+00:00",
    ]

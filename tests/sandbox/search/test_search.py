"""Searches: where they and the app's commands run, and how they fail. What SPL means is in spl/*.toml."""

import io
import json
import shutil
import sys
import tarfile
import time
from copy import copy
from pathlib import Path

import pytest
import splunklib

from sandbox.errors import SandboxError, SearchError
from sandbox.search import chunked
from sandbox.search.instance import Instance
from sandbox.store import tables

# -- an app with commands of its own

SPEAKER = r"""
import csv, io, json, os, sys
def read():
    header = sys.stdin.buffer.readline()
    if not header:
        sys.exit()
    meta, body = map(int, header[len(b"chunked 1.0,"):].split(b","))
    return json.loads(sys.stdin.buffer.read(meta)), sys.stdin.buffer.read(body).decode()
def send(meta, rows=()):
    out = io.StringIO()
    names = list(dict.fromkeys(name for row in rows for name in row))
    if names:
        writer = csv.DictWriter(out, names)
        writer.writeheader()
        writer.writerows(rows)
    data, body = json.dumps(meta).encode(), out.getvalue().encode()
    sys.stdout.buffer.write(b"chunked 1.0,%d,%d\n" % (len(data), len(body)) + data + body)
    sys.stdout.buffer.flush()
def chunks():
    while True:
        meta, body = read()
        yield meta["finished"], list(csv.DictReader(io.StringIO(body, newline="")))
info = read()[0]["searchinfo"]
"""
STREAM = "send({'type': 'streaming'})\nfor finished, rows in chunks():\n    "
COMMANDS = {
    # adds to each row where it was handled and in which chunk
    "mark": "n = 0\n"
    + STREAM
    + "n += 1\n    for row in rows: row.update(sid=info['sid'], chunk=n, file=__file__, size=len(rows))\n"
    "    send({'finished': finished, 'inspector': {'messages': [['WARN', 'chunk %d' % n]]}}, rows)\n",
    "stateful": "send({'type': 'stateful'})\nfor finished, rows in chunks():\n"
    "    send({'finished': finished}, [{**row, 'sid': info['sid']} for row in rows])\n",
    "info": STREAM + "send({'finished': finished}, [{'info': json.dumps(info), 'home': os.environ['SPLUNK_HOME']}])\n",
    "double": STREAM + "send({'finished': finished}, [row for row in rows for _ in (1, 2)])\n",
    "several": STREAM + "send({'finished': finished}, [{'m': 'p\\nq', '__mv_m': '$p$;$q$', **row} for row in rows])\n",
    "refuse": "send({'inspector': {'messages': [['ERROR', 'I refuse']]}})\nread()\n",
    "dies": "send({'type': 'streaming'})\nif info['sid'].startswith('remote_indexer2'):\n"
    "    read(); print('Traceback\\nOSError: no conf', file=sys.stderr); sys.exit(1)\n"
    + STREAM.partition("\n")[2]
    + "send({'finished': finished}, rows)\n",
    "generating": "send({'type': 'streaming', 'generating': True})\nread()\n",
    "picky": "send({'type': 'streaming', 'required_fields': ['a']})\nread()\n",
    "badtime": STREAM + "send({'finished': finished}, [{'_time': 'yesterday'}])\n",
}
SDK = """
import os, sys
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
from splunklib.searchcommands import Configuration, Option, StreamingCommand, dispatch, validators

@Configuration()
class Sdk(StreamingCommand):
    suffix = Option(require=True)
    def stream(self, records):
        if self.metadata.searchinfo.sid.startswith("remote_"):
            self.write_warning("on a peer")
        for record in records:
            record["host"] += self.suffix
            record["tag"] = record["tag"] if isinstance(record["tag"], list) else [record["tag"], "one"]
            yield record

dispatch(Sdk, sys.argv, sys.stdin, sys.stdout, __name__)
"""
EVENTS = [
    {
        "_raw": f"event={number} process=C:\\Windows\\msiexec.exe arg=/y user_id=7{number}",
        "_time": 1_700_000_000 + number,
        "host": f"Host{number}",
        "index": "main",
        "number": str(number),
        "tag": ["process", "report"] if number % 2 else "process",
        "User": "Alice",
        "user": "bob",
        "empty": "",
    }
    for number in range(6)
]
KINDS = "Only streaming commands that take all fields, and generating ones of the search head, are supported"


@pytest.fixture(scope="module")
def app(tmp_path_factory):
    """The folder of an app with the commands above."""
    app = tmp_path_factory.mktemp("apps") / "ssa_detections"
    (app / "default").mkdir(parents=True)
    (app / "bin/lib").mkdir(parents=True)
    for name, code in COMMANDS.items():
        (app / f"bin/{name}.py").write_text(SPEAKER + code)
    (app / "bin/sdk.py").write_text(SDK)
    shutil.copytree(Path(splunklib.__file__).parent, app / "bin/lib/splunklib")
    stanzas = [
        f"[{name}]\nchunked = true\nfilename = {name}.py\npython.version = python3\n" for name in [*COMMANDS, "sdk"]
    ]
    stanzas += ["[old]\nfilename = mark.py\n", "[lost]\nchunked = true\nfilename = lost.py\n"]
    stanzas += ["[odd]\nchunked = true\nfilename = mark.py\nmaxwait = 5\n"]
    (app / "default/commands.conf").write_text("\n".join(stanzas))
    (app / "default/macros.conf").write_text("[empty_filter]\ndefinition = search *\n")
    (app / "default/savedsearches.conf").write_text("[All - Rule]\nsearch = index=main\ndisabled = 0\n")
    return app


@pytest.fixture(scope="module")
def archive(app, tmp_path_factory):
    path = tmp_path_factory.mktemp("dist") / "app.tar.gz"
    with tarfile.open(path, "w:gz") as tar:
        tar.add(app, "ssa_detections")
    return path


@pytest.fixture
def make(archive, tmp_path):
    def instance(indexers=1, events=EVENTS, **options):
        made = Instance(tmp_path / "home", indexers, **options)
        made.install(archive)
        made.add_events(events)
        return made

    return instance


@pytest.fixture(scope="module")
def shared(archive, tmp_path_factory):
    """One instance with two indexers for the searches that change nothing."""
    instance = Instance(tmp_path_factory.mktemp("home"), indexers=2)
    instance.install(archive)
    instance.add_events(EVENTS)
    return instance


def values(result, *fields):
    return [tuple(row.get(field) for field in fields) if len(fields) > 1 else row.get(fields[0]) for row in result.rows]


# -- search


def test_the_time_range_is_inclusive_at_its_start_and_exclusive_at_its_end(shared):
    found = shared.search("index=main", earliest=1_700_000_001, latest=1_700_000_003)
    assert values(found, "number") == ["2", "1"]
    assert (found.stages[0].rows_in, found.stages[0].rows_out) == (2, 2)


def test_a_disabled_app_runs_nothing(make):
    instance = make()
    (instance.apps / "ssa_detections/local").mkdir(exist_ok=True)
    (instance.apps / "ssa_detections/local/app.conf").write_text("[install]\nstate = disabled\n")
    with pytest.raises(SearchError, match="is disabled"):
        instance.search("*")


def test_the_time_range_may_stand_in_the_search_as_epoch_seconds(shared):
    found = shared.search("index=main earliest=1700000001 latest=1700000003")
    assert values(found, "number") == ["2", "1"]


def test_only_fields_that_the_found_events_have_are_there(make):
    instance = make(events=[{"_raw": "a", "_time": 1, "x": "1"}, {"_raw": "b", "_time": 2, "y": "2"}])
    assert instance.search("a").columns == ["_time", "_raw", "x", "splunk_server"]


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("+".join(["one"] * 60), "60"),
        ("+".join(["word"] * 60), "w" * 60),
        ("mvcount(" + "mvappend(one," * 60 + '"z"' + ")" * 61, "61"),
        ("mvindex(" * 60 + "word" + ",0)" * 60, "w"),
        ("if(1=1," * 60 + '"z"' + ',"y")' * 60, "z"),
    ],
)
def test_deep_expressions_do_not_explode(shared, expression, expected):
    (row,) = shared.search(f'| makeresults | eval one="1", word="w", x={expression}').rows
    assert row["x"] == expected


def test_an_expression_whose_sql_would_explode_is_refused(shared):
    with pytest.raises(SearchError, match="Too large an expression: 'if' at position"):
        shared.search("| makeresults | eval x=" + 'if("a"=' * 20 + '"z"' + ",1,2)" * 20)


def test_addinfo_adds_the_id_and_the_start_of_the_search(shared):
    found = shared.search("number=1 | addinfo | table info_sid, info_search_time")
    (row,) = found.rows
    assert row["info_sid"] == found.sid
    assert abs(float(row["info_search_time"]) - time.time()) < 60


def test_subsearches_may_stand_in_one_another_but_not_without_end(shared):
    nested = "| makeresults"
    for _ in range(9):
        nested = f"| makeresults | append [{nested}]"
    assert len(shared.search(nested).rows) == 10
    with pytest.raises(SearchError, match=r"Too many \["):
        shared.search(f"| makeresults | append [| makeresults | append [{nested}]]")


# -- what is wrong is named, with its place


@pytest.mark.parametrize(
    ("search", "message"),
    [
        ("* | nonsense x", "Unknown search command 'nonsense' at position 5."),
        ("| mark", "'mark' cannot be the first command; it stands at position 3."),
        ("| makeresults data=x", "Unsupported option 'data' of 'makeresults' at position 15."),
        ("| makeresults count=x", "Expected a whole number, found 'x' at position 21."),
        ("| makeresults | eval a=spath(b)", "Unsupported function: 'spath' at position 24."),
        ("| makeresults | eval a=if(1=1, 2)", "Wrong number of arguments: 'if' at position 24."),
        ("| makeresults | eval a=len()", "Wrong number of arguments: 'len' at position 24."),
        ("| makeresults | eval a=if(1, 2, 3)", "A value stands where a condition is needed: 'if' at position 24."),
        ("| makeresults | eval a=len(1=1)", "A boolean stands where a value is needed: 'len' at position 24."),
        ("| makeresults | where 1 + 1", "A value stands where a condition is needed: 'where' at position 17."),
        ("| makeresults | where a=1 b", "Unexpected 'b' at position 27."),
        ("* | sort num(x)", "Unexpected '(' at position 13."),
        ("* | sort x desc", "Unsupported option 'desc' of 'sort' at position 12."),
        ("* | head x=1", "Expected a whole number, found 'x' at position 10."),
        ("* | mvexpand tag limit=1", "Unexpected 'limit' at position 18."),
        ("* | rename a b", "Unexpected 'b' at position 14."),
        ("* | fields -host", "'fields' wants a blank after its sign at position 12."),
        ("* | append maxout=1 [| makeresults]", "'append' takes a subsearch in brackets and no options at position 5."),
        ("* | append [| makeresults | nonsense]", "Unknown search command 'nonsense' at position 29."),
        ("", "Missing a search command at position 1."),
        ("| makeresults | eval a.b=1", "Unexpected '.' at position 23."),
        (
            "_index_earliest IN (1) a",
            "A time modifier takes =, as '_index_earliest=', not 'in' at position 1.",
        ),
        ("* | old", "'old' is not chunked, or has no script 'mark.py' at position 5."),
        ("* | lost", "'lost' is not chunked, or has no script 'lost.py' at position 5."),
        ("* | odd", "commands.conf has the unsupported setting 'maxwait' for 'odd' at position 5."),
        (
            "* | generating",
            f"{KINDS}, not 'generating' at position 5.",
        ),
        ("* | picky", f"{KINDS}, not 'picky' at position 5."),
        ("`nope`", "The search specifies a macro 'nope' that cannot be found. It is called at position 1."),
    ],
)
def test_mistakes_are_found_before_anything_runs(shared, search, message):
    with pytest.raises(SearchError) as caught:
        shared.search(search)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("search", "message"),
    [
        (
            '| makeresults | where like("a", "a\\\\")',
            "^The pattern of like must not end with a backslash: 'where' at position 17",
        ),
        ("| makeresults | badtime", "'badtime' at position 17"),
    ],
)
def test_what_only_shows_while_running_names_its_command(shared, search, message):
    with pytest.raises(SearchError, match=message):
        shared.search(search)


def test_quotes_and_case_in_names_and_values_do_no_harm(make):
    name = 'It\'s "a" ^field^ É; DROP TABLE events --'
    event = {"_raw": "x", "_time": 1, name: "o'hara", name.lower(): "other", "a\tb": "tab"}
    instance = make(events=[event])
    (row,) = instance.search("x").rows
    assert {key: row[key] for key in event if key not in ("_time", "_raw")} == {
        name: "o'hara",
        name.lower(): "other",
        "a\tb": "tab",
    }
    quoted = name.replace('"', '\\"')
    assert len(instance.search(f'"{quoted}"="O\'HARA" | stats count by "{quoted}"').rows) == 1
    assert instance.search('"\'; DROP TABLE events; --"').rows == []


# -- where commands run


def test_a_streaming_command_runs_on_each_indexer_from_its_bundle(shared):
    found = shared.search("index=main | mark | table splunk_server, sid, file, size, chunk")
    for server, sid, file, size, chunk in values(found, *found.columns):
        assert sid == f"remote_{server}_{found.sid}"
        assert file.startswith(str(shared.home / f"peers/{server}/var/run/searchpeers/searchhead-"))
        assert file.endswith("/apps/ssa_detections/bin/mark.py")
        assert (size, chunk) == ("3", "1")
    assert sorted({row["splunk_server"] for row in found.rows}) == ["indexer1", "indexer2"]


def test_a_bundle_serves_all_searches_until_an_app_changes(make):
    instance = make()

    def ran_from():
        return {row["file"] for row in instance.search("index=main | mark | table file").rows}

    first = ran_from()
    assert ran_from() == first
    assert {*copy(instance).bundles.current(sys.executable)} == {*instance.bundles.current(sys.executable)}
    mark = instance.apps / "ssa_detections/bin/mark.py"
    mark.write_text(mark.read_text() + "\n# changed\n")
    assert ran_from().isdisjoint(first)


@pytest.mark.parametrize("search", ["index=main | head 9 | mark", "index=main | stateful", "| makeresults | mark"])
def test_elsewhere_commands_run_on_the_search_head(shared, search):
    found = shared.search(search)
    assert {row["sid"] for row in found.rows} == {found.sid}


def test_a_custom_command_in_a_subsearch_gets_getinfo_once(shared, monkeypatch):
    started = []
    start = chunked.CommandProcess.__init__

    def count(self, *args, **options):
        started.append(args)
        start(self, *args, **options)

    monkeypatch.setattr(chunked.CommandProcess, "__init__", count)
    shared.search("| makeresults | append [| makeresults | append [| makeresults | double]]")
    assert len(started) == 2  # once to ask, once to run


def test_makeresults_everywhere_takes_its_streaming_commands_along(shared):
    found = shared.search("| makeresults annotate=t splunk_server=* | mark | table splunk_server, sid")
    assert values(found, "splunk_server", "sid") == [
        ("search_head", found.sid),
        ("indexer1", f"remote_indexer1_{found.sid}"),
        ("indexer2", f"remote_indexer2_{found.sid}"),
    ]


def test_events_are_dealt_out_evenly_and_come_back_newest_first(make):
    instance = make(indexers=3)
    instance.add_events([{"_raw": "tie", "_time": 1_700_000_003, "number": "tie", "index": "main"}])
    found = instance.search("*")
    assert values(found, "number") == ["5", "4", "3", "tie", "2", "1", "0"]
    assert [sum(row["splunk_server"] == f"indexer{n}" for row in found.rows) for n in (1, 2, 3)] == [3, 2, 2]


def test_stages_count_what_was_read_what_passed_and_what_came_out(shared):
    found = shared.search("msiexec number>2 | fields number | double | `empty_filter` | stats count")
    assert [(stage.command, stage.rows_in, stage.rows_out) for stage in found.stages] == [
        *(("search", 6, 3), ("fields", 3, 3), ("double", 3, 6), ("search", 6, 6), ("stats", 6, 1))
    ]
    assert found.stages[0].text == "msiexec number>2"


def test_messages_name_where_they_come_from(shared):
    assert shared.search("index=main | mark").messages == [("WARN", "chunk 1", f"indexer{n}") for n in (1, 2)]
    assert shared.search("| makeresults | mark").messages == [("WARN", "chunk 1", "search_head")]


def test_a_command_on_the_real_sdk_works_in_both_places(shared):
    found = shared.search('index=main | sdk suffix="-a b" | sort host | sdk suffix=! | table host, tag | head 2')
    assert found.rows == [
        {"host": "Host0-a b!", "tag": ["process", "one"]},
        {"host": "Host1-a b!", "tag": ["process", "report"]},
    ]
    assert found.messages == [("WARN", "on a peer", "indexer1"), ("WARN", "on a peer", "indexer2")]


def test_an_sdk_command_that_misses_an_option_ends_the_search_before_it_starts(shared):
    with pytest.raises(SearchError, match=r'^A value for "suffix" is required'):
        shared.search("index=main | sdk")


def test_a_refusal_in_getinfo_ends_the_search(shared):
    with pytest.raises(SearchError, match=r"^I refuse$"):
        shared.search("index=main | refuse")


def test_a_failure_on_an_indexer_names_it(shared):
    with pytest.raises(SearchError) as caught:
        shared.search("index=main | dies")
    assert str(caught.value) == "[indexer2] External search command 'dies' returned error code 1. OSError: no conf"


def test_a_command_that_does_not_reach_the_indexers_fails_there(make):
    instance = make()
    (instance.apps / "ssa_detections/default/distsearch.conf").write_text(
        "[replicationSettings:refineConf]\nreplicate.commands = false\n"
    )
    with pytest.raises(SearchError, match=r"^\[indexer1\] Unknown search command 'mark' at position 14\.$"):
        instance.search("index=main | mark")


def test_the_command_gets_the_metadata_that_splunkd_sends(make):
    instance = make(splunkd_uri="https://127.0.0.1:8089", session_key="key")
    found = instance.search(
        '* | info detection="a \\"b\\" c",d  x=1 | append [| makeresults | info]', earliest=5, owner="jo"
    )
    peer, head = (json.loads(row["info"]) for row in found.rows)
    assert (peer["args"], peer["raw_args"]) == (['detection=a "b" c,d', "x=1"], ['detection="a \\"b\\" c",d', "x=1"])
    assert (peer["app"], peer["owner"], peer["username"], peer["command"]) == ("ssa_detections", "jo", "jo", "info")
    assert (peer["earliest_time"], peer["latest_time"]) == ("5", "0")
    assert peer["search"].startswith("%2A%20%7C%20info%20detection%3D")
    assert (peer["maxresultrows"], peer["splunk_version"]) == (50_000, "9.4.0")
    assert (peer["session_key"], peer["splunkd_uri"]) == ("", "")
    assert (head["session_key"], head["splunkd_uri"]) == ("key", "https://127.0.0.1:8089")
    assert (head["sid"], head["dispatch_dir"]) == (found.sid, str(found.dispatch_dir))
    assert peer["dispatch_dir"] == str(instance.home / f"peers/indexer1/var/run/splunk/dispatch/{peer['sid']}")
    assert [row["home"] for row in found.rows] == [str(instance.home / "peers/indexer1"), str(instance.home)]


def test_more_rows_than_a_chunk_holds_come_in_several(shared):
    found = shared.search("| makeresults count=100001 | mark | stats count by chunk")
    assert values(found, "chunk", "count") == [("1", "50000"), ("2", "50000"), ("3", "1")]


def test_a_command_without_input_still_gets_one_chunk(shared):
    found = shared.search("number=99 | mark")
    assert (found.rows, len(found.messages)) == ([], 2)


def test_several_values_come_back_from_a_command(shared):
    assert shared.search("| makeresults | several | table m").rows == [{"m": ["p", "q"]}]


# -- the instance


def test_saved_searches_are_found_by_name(shared):
    assert shared.saved_search("All - Rule") == {"search": "index=main", "disabled": "0"}
    with pytest.raises(SearchError, match=r"^Unable to find saved search named 'x'\.$"):
        shared.saved_search("x")


def test_an_app_that_is_not_installed_is_named(shared):
    with pytest.raises(SearchError, match="The app 'other' is not installed"):
        shared.search("*", app="other")


def test_an_archive_that_writes_elsewhere_is_refused(make, tmp_path):
    with tarfile.open(tmp_path / "bad.tar.gz", "w:gz") as tar:
        tar.addfile(tarfile.TarInfo("../evil"), io.BytesIO())
    with pytest.raises(SandboxError, match=r"Cannot install bad\.tar\.gz"):
        make(events=[]).install(tmp_path / "bad.tar.gz")
    assert not (tmp_path / "home/etc/evil").exists()


def test_what_is_no_archive_is_refused(make, tmp_path):
    (tmp_path / "x.tar.gz").write_text("no")
    with pytest.raises(SandboxError, match=r"Cannot install x\.tar\.gz"):
        make(events=[]).install(tmp_path / "x.tar.gz")


def test_new_fields_and_kinds_of_values_may_come_later(make):
    instance = make(events=[{"_raw": "x", "_time": 1, "a": "one"}])
    instance.add_events([{"_raw": "x", "_time": "2.5", "a": ["two", "three"], "b": 7, "c": ["only"]}])
    instance.add_events([{"_raw": "x", "_time": 3, "a": "four", "b": None}])
    assert instance.search("x | table _time a b c").rows == [
        {"_time": "3", "a": "four", "b": None, "c": None},
        {"_time": "2.5", "a": ["two", "three"], "b": "7", "c": "only"},
        {"_time": "1", "a": "one", "b": None, "c": None},
    ]


def test_a_search_reads_the_events_of_one_moment(make, monkeypatch):
    instance, describe = make(indexers=2), tables.describe

    def meanwhile(database, table):
        """Return the columns, and then, as another thread might, add one."""
        kinds = describe(database, table)
        if table == "events" and database is not instance.database:
            instance.add_events([{"_time": 1_700_000_000, "tag": ["process", "report"], f"new{len(kinds)}": "x"}])
        return kinds

    monkeypatch.setattr(tables, "describe", meanwhile)
    assert values(instance.search("| tstats count from datamodel=Endpoint.Processes"), "count") == ["3"]


def test_events_on_disk_outlive_the_instance(make):
    make(on_disk=True).database.close()
    assert len(make(events=[], on_disk=True).search("*").rows) == 6


def test_no_name_of_a_field_collides_with_a_column_of_the_sandbox_s_own(make):
    events = [{"_time": n, "index": "main", "Part": f"p{n}", "Row": "r", "None": "n"} for n in (1, 2)]
    instance = make(indexers=2, events=events)
    found = instance.search("index=main | sort _time | table Part Row None").rows
    assert found == [{"Part": f"p{n}", "Row": "r", "None": "n"} for n in (1, 2)]


def test_events_know_when_they_were_indexed(make):
    start = int(time.time())
    instance = make(events=[{"_time": 5, "n": "1"}, {"_time": 4, "n": "2", "_indextime": 6}])
    now, given = values(instance.search("* | table _indextime"), "_indextime")
    assert (start <= int(now) <= time.time(), given) == (True, "6")
    instance.add_events([{"_time": 3, "n": "3"}])
    assert values(instance.search("_index_earliest=-1d | sort n | table n"), "n") == ["1", "3"]


def test_events_of_a_database_without_index_times_were_indexed_at_their_time(make):
    instance = make(events=[{"_time": 5.5, "n": "1"}])
    instance.database.execute('ALTER TABLE events DROP COLUMN "_indextime"')
    assert values(instance.search("_index_earliest=5 _index_latest=6 | table _indextime"), "_indextime") == ["5"]
    instance.add_events([{"_time": 3, "n": "2"}])
    assert values(instance.search("_index_latest=6 | table n"), "n") == ["1"]

"""The packaged search command as a process, over the real protocol, on each Python that Splunk runs."""

import json
import shutil
import socket

import pytest

from sandbox.errors import SearchError
from sandbox.search.chunked import CommandProcess
from tests.support.app.search_command import COLUMNS, MISS, Session, local, searchinfo, stanza
from tests.support.examples import GIVEN, GIVEN_ID, HIT, only
from tests.support.sets import rule


@pytest.fixture
def app(app):
    """The app with one detection, whatever else is shipped."""
    path = app / "default/ssa_detections.conf"
    path.write_text(only(path.read_text(), GIVEN))
    return app


@pytest.fixture(params=["ssadetect.py", "ssadetect_sdk.py"], ids=["", "sdk"])
def entry(request):
    """The command, and the one on splunk-sdk."""
    return request.param


@pytest.fixture
def session(app, python, tmp_path, entry):
    return lambda *args: Session(app, python, tmp_path, *args, entry=entry)


def test_it_says_that_it_may_run_on_the_indexers(session):
    one = session()
    one.run([])
    assert one.metadata["type"] == "streaming"


@pytest.mark.parametrize("args", [(), (f"detection={GIVEN}",), (f"detection={GIVEN_ID}",)])
def test_a_hit_comes_out_once_with_its_own_fields_and_a_miss_does_not(session, args):
    ((hit,),) = session(*args).run([MISS, HIT, MISS])
    assert {name: hit[name] for name in HIT} == HIT
    assert (hit["detection"], hit["risk_score"], hit["entities"]) == (GIVEN, "35", ["jdoe", "ws-01.example"])
    assert json.loads(hit["body"])["cmd_line"] == HIT["process"].lower()


def test_every_chunk_has_its_reply_also_an_empty_one(session):
    assert [len(rows) for rows in session().run([HIT], [], [MISS], [HIT, HIT])] == [1, 0, 0, 2]


def test_a_row_that_two_detections_match_comes_out_twice(app, session):
    local(app, stanza("Everything"))
    ((first, second),) = session().run([HIT])
    assert [first["detection"], second["detection"]] == [GIVEN, "Everything"]
    ((only,),) = session("detection=Everything").run([HIT])
    assert only["detection_id"] == "everything"


ANOTHER = (
    "| from read_ssa_enriched_events() | where input_event.dest_user_id IS NOT NULL | eval "
    "entities=mvappend(input_event.dest_user_id) | into write_ssa_detected_events();"
)


def test_a_detection_with_columns_of_its_own_has_an_input_event_of_its_own(app, session):
    local(app, stanza("Another", ANOTHER, columns="dest_user_id:parent_process_name") + stanza("Everything"))
    ((given, everything, other),) = session().run([HIT])
    assert [hit["detection"] for hit in (given, everything, other)] == [GIVEN, "Everything", "Another"]
    assert (given["entities"], other["entities"]) == (["jdoe", "ws-01.example"], "cmd.exe")
    assert given["event_id"] == everything["event_id"] == other["event_id"]
    assert session("detection=Another").run([{**HIT, "parent_process_name": "-"}]) == [[]]


def warnings(app, python, tmp_path, entry, *chunks):
    """The warnings of a search over chunks of rows with any columns, and its detected rows."""
    found = []
    with CommandProcess("ssadetect", app / "bin" / entry, python=python, home=tmp_path) as command:
        command.getinfo(searchinfo(tmp_path))
        for number, rows in enumerate(chunks, 1):
            names = list(dict.fromkeys(name for row in rows for name in row))
            values = [[row.get(name) for name in names] for row in rows]
            reply = command.execute(names, values, finished=number == len(chunks))
            found += [dict(zip(reply.columns, row, strict=True)) for row in reply.rows]
        command.close()
    return [text.partition("] ")[2] for _, text in command.messages], found


def test_a_user_and_a_device_that_do_not_count_are_reported_once_at_the_end(app, python, tmp_path, entry):
    own = {"dest_user_id": "eve", "dest_device_id": "ws-9", "event_id": "4688"}
    chunks = (
        [{**HIT, **own}, {**MISS, **own}, {**HIT, **own, "dest_device_id": "WS-01.example"}],
        [
            {**HIT, **own, "dest_user_id": "-", "dest_device_id": ""},
            {**HIT, **own, "user": "eve", "dest_device_id": None},
        ],
        [{**HIT, **own, "user": "unknown", "dest": "-"}],
    )
    said, found = warnings(app, python, tmp_path, entry, *chunks)
    assert said == [
        "3 rows with a hit have another user or device in a column that does not count: dest_device_id in 2, "
        "dest_user_id in 2. What counts is user, and dest or else host. Where a detection means another column, set "
        "`columns` in its stanza of ssa_detections.conf"
    ]
    assert [(hit["dest_user_id"], hit["dest_device_id"]) for hit in found] == [
        *([("jdoe", "ws-01.example")] * 3),
        *(("eve", "ws-01.example"), ("eve", "forwarder")),
    ]
    assert len({hit["event_id"] for hit in found} | {"4688"}) == 4


def test_detections_that_read_named_fields_and_one_that_reads_any_field_see_the_same_row(app, session):
    condition = 'map_get(input_event, lower("PROCESS_NAME")) = "MsiExec.exe" AND input_event.event_id IS NOT NULL'
    local(
        app, stanza("Any", f"| from read_ssa_enriched_events() | where {condition} | into write_ssa_detected_events();")
    )
    ((first, second),) = session().run([MISS | {"process_name": "cmd.exe"}, HIT])
    assert [first["detection"], second["detection"]] == [GIVEN, "Any"]
    assert first["event_id"] == second["event_id"]
    ((alone,),) = session(f"detection={GIVEN}").run([HIT])
    assert {name: alone[name] for name in alone} == {name: first[name] for name in alone}


def test_a_local_setting_changes_the_score_without_code(app, session):
    local(app, f"[{GIVEN}]\nconfidence = 100\n")
    ((hit,),) = session().run([HIT])
    assert (hit["risk_score"], hit["risk_severity"]) == ("70", "high")


def test_a_column_of_the_row_that_the_command_writes_is_replaced_others_are_kept(app, python, tmp_path, entry):
    with CommandProcess("ssadetect", app / "bin" / entry, python=python, home=tmp_path) as command:
        command.getinfo(searchinfo(tmp_path))
        columns = [*COLUMNS, "risk_score", "entities", "tag", "_chunked_idx"]
        row = [*HIT.values(), "999", ["x", "y"], ["process", "report"], "7"]
        reply = command.execute(columns, [row], finished=True)
        command.close()
    hit = dict(zip(reply.columns, reply.rows[0], strict=True))
    assert (hit["risk_score"], hit["entities"]) == ("35", ["jdoe", "ws-01.example"])
    assert (hit["tag"], hit["_chunked_idx"]) == (["process", "report"], "7")
    assert len(set(reply.columns)) == len(reply.columns)


def test_hostile_text_passes_unchanged(session):
    process = 'msiexec.exe /y "C:\\x\n{0}$y$;$z$.dll" \r\n,"",\'%s é 💥 \u202e'
    ((hit,),) = session().run([{**HIT, "process": process}])
    assert hit["process"] == process
    assert json.loads(hit["body"])["cmd_line"] == process.lower()


# -- what a user sees when something is wrong


def test_rows_that_could_not_be_judged_are_reported_once_with_the_fields_that_lack(session):
    one = session()
    nameless, silent = {**HIT, "process_name": ""}, {**HIT, "process": "", "parent_process_name": ""}
    one.run([HIT, nameless, silent], [nameless, MISS])
    ((level, text),) = one.command.messages
    assert level == "WARN"
    assert f"fields that decide are missing for '{GIVEN}' (process_name in 2 rows, process in 1 row). Counted" in text


def test_rows_that_no_detection_can_match_whatever_they_lack_are_not_reported(session):
    one = session()
    one.run([{**HIT, "process_name": "cmd.exe", "process": "", "process_path": ""}])
    assert one.command.messages == []


def test_a_chunk_without_a_row_says_nothing_of_missing_columns(app, python, tmp_path, entry):
    with CommandProcess("ssadetect", app / "bin" / entry, python=python, home=tmp_path) as command:
        command.getinfo(searchinfo(tmp_path))
        for last in (False, True):
            command.execute(["_chunked_idx"], [], finished=last)
        command.close()
    assert command.messages == []


def test_columns_that_the_search_does_not_pass_on_are_reported(app, python, tmp_path, entry):
    with CommandProcess("ssadetect", app / "bin" / entry, python=python, home=tmp_path) as command:
        command.getinfo(searchinfo(tmp_path))
        for last in (False, True):
            command.execute(["host", "process_path"], [["h", "cmd.exe"]], finished=last)
        command.close()
    ((level, text),) = command.messages
    assert level == "WARN"
    lacks = "process in 2 chunks (no column), process_name in 2 chunks (no column)"
    assert f"fields that decide are missing for '{GIVEN}' ({lacks}). Counted" in text


@pytest.mark.parametrize("args", [(), ("detection=Name 3,Name 1",)], ids=["all", "named"])
def test_of_many_detections_the_worst_is_named_and_each_that_was_asked_for(app, session, args):
    """Of a thousand one line speaks. Name 0 to Name 4 read another field each, which more and more rows lack."""
    where = '| from read_ssa_enriched_events() | where lower(input_event.{}) = "x{}.exe" | into w();'
    fields = ("user", "host", "parent_process_name", "process_path", "process_id")
    where = where.replace("w()", "write_ssa_detected_events()")
    local(app, "".join(stanza(f"Name {at}", where.format(name, at)) for at, name in enumerate(fields)))
    one = session(*args)
    one.run(
        [{**HIT, "process": "x1.exe x3.exe", **dict.fromkeys(fields[at:], "")} for at in range(1, 5) for _ in range(at)]
    )
    ((level, text),) = one.command.messages
    assert level == "WARN"
    if args:
        assert "missing for 'Name 3' (process_path in 6 rows), 'Name 1' (host in 1 row). Counted are rows" in text
    else:
        assert (
            "missing for 4 of 6 detections, most of all for 'Name 4' (process_id in 10 rows). Counted are rows" in text
        )


@pytest.mark.parametrize("args", [(), ("detection=Far",), ("set=far",)], ids=["all", "named", "set"])
def test_over_processes_a_detection_of_connections_is_reported_only_where_it_is_named(app, session, args):
    far = 'lower(input_event.process_name)="msiexec.exe" AND input_event.dest_ip="203.0.113.9"'
    search = f"| from read_ssa_enriched_events() | where {far} | into write_ssa_detected_events();"
    local(app, stanza("Far", search, datamodel="Network_Traffic", **{"set": "far"} if "set=far" in args else {}))
    one = session(*args)
    one.run([HIT])
    found = [text for _, text in one.command.messages if "missing for 'Far' (dest_ip in 1 chunk (no column))" in text]
    assert len(found) == len(one.command.messages) == len(args)


def test_rows_that_can_be_judged_give_no_message(session):
    one = session()
    one.run([HIT, MISS, {**MISS, "parent_process_name": "", "user": "", "dest": ""}])
    assert one.command.messages == []


def message(session, *args):
    with pytest.raises(SearchError) as caught:
        session(*args).run([HIT])
    assert f"[{socket.gethostname()}] " in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    ("args", "found"),
    [
        ((), [GIVEN]),
        (("set=mine",), ["One"]),
        (("set=*",), [GIVEN, "One", "Two"]),
        (("set=mine,other",), ["One", "Two"]),
        (("detection=Two",), ["Two"]),
    ],
)
def test_a_search_runs_the_detections_outside_of_sets_or_those_of_its_sets(app, session, args, found):
    local(app, rule("One", word="evil") + rule("Two", "other", word="evil") + rule("Off", word="evil", disabled=1))
    one = session(*args)
    (rows,) = one.run([HIT])
    assert sorted(row["detection"] for row in rows) == sorted(found)
    assert one.command.messages == []


def test_the_sets_that_exist_are_named_and_a_set_excludes_detections(app, session):
    local(app, rule("One") + rule("Two", "other"))
    assert "unknown set 'gone': the sets of ssa_detections.conf are mine, other;" in message(session, "set=gone")
    assert "detection= and set= exclude each other" in message(session, "set=mine", f"detection={GIVEN}")


def test_settings_by_rule_hold_on_indexers_and_what_is_wrong_in_them_is_reported(app, session):
    local(app, rule("One", word="evil") + rule("Two", word="evil"))
    (app / "local/ssa_detection_settings.conf").write_text(
        "[id:id-One]\ndisabled = 1\n[level:mine:high]\nscore = 12\n[id:id-Two]\nscore = {much}\n"
    )
    one = session("set=mine")
    ((hit,),) = one.run([HIT])
    assert (hit["detection"], hit["risk_score"], hit["risk_severity"]) == ("Two", "12", "informational")
    ((level, text),) = one.command.messages
    assert level == "WARN"
    assert "ssa_detection_settings.conf, line 6: [id:id-Two] score: expected a number from 0 to 100, found" in text


def test_an_unknown_detection_is_named_with_a_near_one(session):
    said = message(session, "detection=Windows System Binary Proxy {Execution} MSIExec DLLRegisterServer")
    assert "unknown detection 'Windows System Binary Proxy {Execution} MSIExec DLLRegisterServer'" in said
    assert f"Did you mean '{GIVEN}'?" in said


def test_a_syntax_error_shows_file_line_stanza_and_place(app, session):
    local(app, stanza("Broken", "| from read_ssa_enriched_events() | where {x} | into write_ssa_detected_events();"))
    said = message(session, "detection=Broken")
    assert "local/ssa_detections.conf, line 4: [Broken] search: expected ':' after the map key, found '}'" in said
    assert "line 1, column 45" in said


def test_one_broken_detection_is_reported_and_does_not_blind_the_others(app, session):
    local(app, stanza("Broken", "| from {nowhere}()") + stanza("Wrong", impact="{high}"))
    one = session()
    ((hit,),) = one.run([HIT])
    assert hit["detection"] == GIVEN
    assert [level for level, _ in one.command.messages] == ["WARN", "WARN"]
    assert "a detection is left out: " in one.command.messages[0][1]
    assert "[Wrong] impact: expected a number from 0 to 100, found '{high}'" in one.command.messages[1][1]


@pytest.mark.parametrize(
    "search",
    [
        "| from read_ssa_enriched_events() | where " + "NOT " * 5000 + "true",
        "| from read_ssa_enriched_events() | where x=" + "1" * 5000,
    ],
)
def test_a_monstrous_detection_does_not_blind_the_others_either(app, session, search):
    local(app, stanza("Monster", search))
    one = session()
    ((hit,),) = one.run([HIT])
    assert hit["detection"] == GIVEN
    assert "[Monster] search: " in one.command.messages[0][1]


def test_a_defect_at_the_start_is_a_message_and_not_a_silent_end(app, session):
    (app / "bin/ssa/content/conf.py").write_text(
        "APP, Stanza, ConfError, comma_list, is_true = '', dict, OSError, 0, 0\n"
        "def load(*_): raise KeyError('{defect}')\n"
    )
    with pytest.raises(SearchError, match="ssadetect cannot start, please report this: KeyError"):
        session().run([HIT])


def test_a_defect_that_one_detection_meets_in_a_row_costs_nothing_else(app, python, tmp_path, entry):
    local(app, stanza("Odd {0}") + stanza("Everything"))
    with (app / "bin/ssa/rows/hits.py").open("a") as module:
        module.write(
            "whole = detect\ndef detect(one, *of):\n    return whole(one, *of) if one.id[0] != 'o' else of[9]\n"
        )
    with CommandProcess("ssadetect", app / "bin" / entry, python=python, home=tmp_path) as command:
        command.getinfo(searchinfo(tmp_path))
        reply = command.execute(COLUMNS, [list(row.values()) for row in (HIT, MISS)], finished=True)
        with pytest.raises(SearchError, match=r"a row cannot be judged by 'Odd \{0\}', please report this: IndexError"):
            command.close()
    at = reply.columns.index("detection")
    assert [row[at] for row in reply.rows] == [GIVEN, "Everything", "Everything"]


@pytest.mark.parametrize(
    ("grown", "times", "says"),
    [
        ("[a, a]", 30, "a list or a map of more than 32,768 values"),
        ("[a]", 2_000, "lists and maps inside each other, more than 64 deep"),
        ("a + a", 30, "a text, or the texts of a list or a map, of more than 1,048,576 characters"),
    ],
)
def test_a_value_that_is_too_large_costs_its_detection_its_row_and_nothing_else(
    app, python, tmp_path, entry, grown, times, says
):
    step = f', a=if(like(input_event.process, "%/y%"), {grown}, a)'
    search = f'| from read_ssa_enriched_events() | eval a="x"{step * times} | into write_ssa_detected_events();'
    local(app, stanza("Large {0}", search) + stanza("Everything"))
    with CommandProcess("ssadetect", app / "bin" / entry, python=python, home=tmp_path) as command:
        command.getinfo(searchinfo(tmp_path))
        reply = command.execute(COLUMNS, [list(row.values()) for row in (MISS, HIT, MISS)], finished=True)
        with pytest.raises(SearchError) as failed:
            command.close()
    assert f"'Large {{0}}' cannot judge a row, in which its search makes {says}" in str(failed.value)
    assert "correct the search, or set disabled = 1 for it in local/ssa_detections.conf" in str(failed.value)
    at = reply.columns.index("detection")
    found = [row[at] for row in reply.rows]
    assert found == ["Large {0}", "Everything", GIVEN, "Everything", "Large {0}", "Everything"]


def test_an_argument_without_a_name_is_refused(session):
    assert "unexpected argument 'x': write detection=" in message(session, "x")


def test_trace_says_where_the_command_ran(app, session):
    ((hit,),) = session("trace=true").run([HIT])
    assert (hit["ssa_host"], hit["ssa_folder"]) == (socket.gethostname(), str(app))


def test_a_nul_in_a_row_loses_nothing(app, python, tmp_path):
    ((one, two),) = Session(app, python, tmp_path).run([{**HIT, "user": "a\0b"}, HIT])
    assert (one["user"], two["user"]) == ("a␀b", "jdoe")


def test_an_unknown_option_is_refused(session):
    with pytest.raises(SearchError, match=r"Unrecognized option: detections=\{x\}"):
        session("detections={x}").run([HIT])


def test_an_empty_option_is_refused(session):
    assert "detection= is empty" in message(session, "detection=")


def test_no_enabled_detection_is_an_error(app, session):
    local(app, "[default]\ndisabled = 1\n" + f"[{GIVEN}]\ndisabled = 1\n")
    assert "no detection outside of sets is enabled in ssa_detections.conf" in message(session)


def test_a_missing_conf_names_the_setting_that_carries_it(app, session):
    (app / "default/ssa_detections.conf").unlink()
    assert "replicate.ssa_detections = true" in message(session)


def test_it_runs_without_splunk_sdk_and_on_it_a_missing_one_is_named_with_its_place(app, python, tmp_path):
    shutil.move(app / "bin/lib", app / "lib")
    ((hit,),) = Session(app, python, tmp_path).run([HIT])
    assert hit["detection"] == GIVEN
    with pytest.raises(SearchError, match=r"splunk-sdk is missing here: .*bin/lib/splunklib does not exist"):
        Session(app, python, tmp_path, entry="ssadetect_sdk.py").run([HIT])


READ = "1 row cannot be read and is not judged, all others are: bytes .* of chunk 1: it has .* 10,485,760 are read"
READ_BY_SDK = "a row cannot be read, it and the rest of its chunk are lost: field larger than field limit"


def test_a_row_that_cannot_be_read_is_an_error_and_all_others_are_judged(app, python, tmp_path, entry):
    """On splunk-sdk what was found before it is kept, and what follows in its chunk is lost."""
    huge = {**HIT, "process": "x" * (10 * 1024 * 1024 + 1)}
    command = CommandProcess("ssadetect", app / "bin" / entry, python=python, home=tmp_path)
    with command:
        command.getinfo(searchinfo(tmp_path))
        first = command.execute(COLUMNS, [list(row.values()) for row in (HIT, huge, HIT)], finished=False)
        second = command.execute(COLUMNS, [list(HIT.values())], finished=True)
        with pytest.raises(SearchError, match=READ_BY_SDK if "sdk" in entry else READ):
            command.close()
    assert (len(first.rows), len(second.rows)) == (1 if "sdk" in entry else 2, 1)


def test_nothing_secret_is_logged(app, python, tmp_path, entry):
    command = CommandProcess("ssadetect", app / "bin" / entry, python=python, home=tmp_path)
    with command, pytest.raises(SearchError) as caught:
        command.getinfo(searchinfo(tmp_path, "detection=x"))
    assert "secret-session-key" not in str(caught.value)

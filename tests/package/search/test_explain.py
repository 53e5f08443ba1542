"""The packaged `ssaexplain`: as a process on each Python, and as the first command of a search."""

import pytest

from sandbox.errors import SearchError
from sandbox.search.chunked import CommandProcess
from sandbox.search.instance import Instance
from tests.support.app.search_command import SUSPECT, WRONG, local, searchinfo, stanza
from tests.support.examples import GIVEN, GIVEN_ID
from tests.support.language.cases import END, START
from tools.docs.pages import shipped


@pytest.fixture
def explain(app, python, tmp_path):
    def run(*args):
        with CommandProcess("ssaexplain", app / "bin/ssaexplain.py", python=python, home=tmp_path) as command:
            metadata = command.getinfo({**searchinfo(tmp_path, *args), "command": "ssaexplain"})
            assert (metadata["type"], metadata["generating"]) == ("reporting", True)
            reply = command.execute([], [], finished=True)
            command.close()
        return [dict(zip(reply.columns, row, strict=True)) for row in reply.rows]

    return run


@pytest.mark.parametrize("name", [GIVEN, GIVEN_ID])
def test_it_shows_what_a_detection_reads_does_and_may_get_wrong(explain, name):
    rows = explain(f"detection={name}")
    assert {row["detection"] for row in rows} == {GIVEN}
    fields = {row["name"]: row["text"] for row in rows if row["part"] == "field"}
    assert fields["process"] == "from the column process; the conditions depend on it"
    assert fields["dest_device_id"] == "from the column dest or host or dest_device_id"
    required = [row["text"] for row in rows if row["part"] == "requirement"]
    assert required[0] == 'process_name is "msiexec.exe", in any case'
    steps = [row["text"].partition(" ")[0] for row in rows if row["part"] == "step"]
    assert steps == ["from", "eval", "where", "eval", "into"]
    warnings = [row["text"] for row in rows if row["part"] == "warning"]
    assert warnings == ["cmd_line is required, and the search never reads it"]


def test_it_names_the_column_that_a_detection_reads_instead(app, explain):
    local(app, f"[{GIVEN}]\ncolumns = dest_user_id:src_user, process_name:image\n")
    rows = explain(f"detection={GIVEN}")
    fields = {row["name"]: row["text"] for row in rows if row["part"] == "field"}
    assert fields["dest_user_id"] == "from the column src_user"
    assert fields["process_name"] == "from the column image; the conditions depend on it"


def test_without_an_option_it_shows_all_and_what_is_wrong_as_a_row(app, explain):
    local(app, WRONG + SUSPECT)
    rows = explain()
    assert {row["detection"] for row in rows if row["part"] != "set"} == {*shipped().names, "Wrong", "Suspect"}
    (error,) = (row["text"] for row in rows if row["part"] == "error")
    assert "the command 'stats' is stateful and cannot run here" in error
    (warning,) = (row for row in rows if (row["text"] or "").startswith('"X{0}" is never equal to what is in lower'))
    assert (warning["line"], warning["column"], warning["near"][:6]) == ("1", "64", '= "X{0')


def test_without_an_option_it_lists_the_costliest_that_are_enabled(app, explain):
    local(app, stanza("Any", f"{START}| where len(input_event.process) > 9{END}"))
    gated, what, *costs = [row for row in explain() if row["part"] == "set"]
    assert gated["text"] == f"1 of {len(shipped().names) + 1} require no text: 'Any'"
    assert what["text"].startswith("over 174 made events of what Windows machines run most, ")
    texts = {row["detection"]: row["text"] for row in costs}
    assert " rows, 174 hits; it requires no text, so it is run for every row" in texts["Any"]
    assert 'many events hold "msiexec.exe": require a text that fewer hold' not in texts["Any"]


@pytest.mark.parametrize("option", ["measure=false", "measure=0", "measure=true"])
def test_with_measure_false_nothing_is_measured_and_the_rest_stays(app, explain, option):
    local(app, WRONG + SUSPECT)
    known = [row for row in explain() if row["part"] != "set"]
    shown = explain(option)
    assert [row for row in shown if row["part"] != "set"] == known
    assert any(row["part"] == "set" for row in shown) == (option == "measure=true")


def test_what_is_not_measured_costs_no_time(app, explain):
    """The cost is that of made events: where they cannot be had, measuring breaks, and nothing else."""
    costs = app / "bin/ssa/search/costs.py"
    text = costs.read_text()
    costs.unlink()  # which may be linked to the package
    costs.write_text(text + "\n\ndef usual_rows():\n    raise OSError\n")
    with pytest.raises(SearchError, match="ssaexplain failed"):
        explain()
    assert {row["detection"] for row in explain("measure=false") if row["part"] == "summary"} == {*shipped().names}


def test_part_gives_the_rows_of_some_parts_and_the_techniques_need_no_search_to_be_compiled(app, explain):
    every = explain("measure=false")
    shown = explain("part=field, step")
    assert shown == [row for row in every if row["part"] in ("field", "step")] != []
    local(app, f"[{GIVEN}]\nmitre_attack_id = T1218.007, T1105, T1105\n[Windows MSIExec Renamed]\ndisabled = 1\n")
    language = app / "bin/ssa/language/__init__.py"
    text = language.read_text()
    language.unlink()  # which may be linked to the package
    language.write_text(text + "\n\ndef compile_text(_):\n    raise OSError\n")
    rows = explain("part=technique", "set=*")
    assert {row["part"] for row in rows} == {"technique"}
    assert [row["name"] for row in rows if row["detection"] == GIVEN] == ["T1218.007", "T1105"]
    assert "Windows MSIExec Renamed" not in {row["detection"] for row in rows}


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (["part=field,nothing"], "unknown part 'nothing': the parts are summary, technique, field"),
        (["part="], "part= is empty"),
        (["detection=Nothing {0}"], "unknown detection 'Nothing {0}'"),
        (["detection=Wrong"], "the command 'stats' is stateful"),
        (["Wrong"], "unexpected argument 'Wrong'"),
        (["measure=perhaps"], "measure=perhaps"),
    ],
)
def test_what_was_asked_for_and_is_wrong_ends_the_search(app, explain, args, says):
    local(app, WRONG)
    with pytest.raises(SearchError) as caught:
        explain(*args)
    assert says in str(caught.value)


def test_a_search_may_begin_with_it(archive, tmp_path):
    instance = Instance(tmp_path / "splunk")
    instance.install(archive)
    found = instance.search(f'| ssaexplain detection="{GIVEN}" | search part=field | stats count by part')
    assert found.rows == [{"part": "field", "count": "8"}]
    with pytest.raises(SearchError, match="'ssaexplain' must be the first command"):
        instance.search("| makeresults | ssaexplain")

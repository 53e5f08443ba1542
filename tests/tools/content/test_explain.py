"""`python -m tools explain`, as an engineer runs it."""

import re
import subprocess
import sys

import pytest

from tests.support.app.search_command import SUSPECT, WRONG, stanza
from tests.support.examples import GIVEN, ROOT
from tests.support.language.cases import END, START


def explain(*files):
    command = [sys.executable, "-m", "tools", "explain", *map(str, files)]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    return ran.returncode, ran.stdout, ran.stderr


@pytest.mark.parametrize("file", [".", "default/ssa_detections.conf"])
def test_it_shows_an_app_or_its_conf(file):
    code, shown, wrong = explain(file)
    assert (code, wrong) == (0, "")
    assert shown.startswith(f"{GIVEN}\n")
    assert "    process: from the column process; the conditions depend on it\n" in shown
    switches = 'process contains "/y ", in any case or process contains "-y ", in any case'
    assert f'  requirements\n    event: process_name is "msiexec.exe", in any case\n    event: {switches}\n' in shown
    assert "    required_fields: cmd_line is required, and the search never reads it\n" in shown


def test_it_shows_where_a_warning_points(tmp_path):
    (tmp_path / "own.conf").write_text(SUSPECT)
    code, shown, _ = explain(tmp_path / "own.conf")
    assert code == 1  # nothing passes one of its conditions
    assert '    search: "X{0}" is never equal to what is in lower case' in shown
    assert '(line 1, column 64: = "X{0}" |' in shown


def test_it_reports_where_every_row_is_read(tmp_path):
    (tmp_path / "own.conf").write_text(stanza("Any", f"{START}| where len(input_event.process) > 9{END}"))
    _, shown, _ = explain(tmp_path / "own.conf")
    assert "  requirements\n    event: nothing that could be looked for: the detection is run for every row\n" in shown
    assert (
        "    cost: it requires no text, so it is run for every row: to have fewer rows judged, add a condition" in shown
    )


def test_of_several_it_names_those_that_require_no_text(tmp_path):
    conditions = {
        "Any": "len(input_event.process) > 9",
        "Text": 'input_event.process="x"',
        "Set": "like(input_event.a, '_')",
    }
    texts = [stanza(name, f"{START}| where {condition}{END}") for name, condition in conditions.items()]
    (tmp_path / "own.conf").write_text("\n".join(texts))
    _, shown, _ = explain(tmp_path / "own.conf")
    assert "\n2 of 3 require no text: 'Any', 'Set'\nover 472 events of the demo, " in shown
    assert "it is run for every row in which a has a value: " in shown


def test_of_several_it_lists_the_costliest_over_the_events_of_a_file(tmp_path):
    heavy = "match_regex(lower(input_event.process), /(a|b|c|d)*x[0-9]+y$/)"
    conditions = {"Never": 'input_event.process="no such line"', "Heavy": f"{heavy} OR len(input_event.process) > 3"}
    texts = [stanza(name, f"{START}| where {condition}{END}") for name, condition in conditions.items()]
    (tmp_path / "own.conf").write_text("\n".join(texts))
    code, shown, _ = explain(tmp_path / "own.conf", "--events", ROOT / "sandbox/demo/sysmon.xml.log")
    *_, what, costliest = shown.splitlines()
    assert code == 0
    assert re.fullmatch(r"over 146 events, \d+% of the time is that of 1 detections:", what)
    assert re.match(
        r"  'Heavy': [0-9.]+% of the time, \d+ µs for each of \d+ rows, \d+ hits; it requires no text", costliest
    )


def test_a_file_without_events_cannot_be_measured_over(tmp_path):
    texts = [stanza(name, f'{START}| where input_event.process="x"{END}') for name in ("One", "Other")]
    (tmp_path / "own.conf").write_text("\n".join(texts))
    code, _, wrong = explain(tmp_path / "own.conf", "--events", tmp_path / "missing.log")
    assert (code, "missing.log" in wrong) == (1, True)


def test_what_is_set_by_id_holds_and_a_wrong_setting_is_told(tmp_path):
    local = tmp_path / "app" / "local"
    local.mkdir(parents=True)
    (local / "ssa_detections.conf").write_text(stanza("Own", f'{START}| where input_event.process="x"{END}'))
    settings = local / "ssa_detection_settings.conf"
    settings.write_text("[id:own]\nimpact = 90\n[level:high]\nimpact = 1\n")
    code, shown, wrong = explain(tmp_path / "app")
    assert "risk score: 9 (" in shown and "    settings: [id:own]\n" in shown
    assert (code, wrong.startswith(f"{settings}, line 3: [level:high]: expected")) == (1, True)


def test_an_override_is_read_over_the_default(tmp_path):
    for layer, text in (("default", SUSPECT), ("local", "[Suspect]\nimpact = 100\n")):
        (tmp_path / layer).mkdir()
        (tmp_path / layer / "ssa_detections.conf").write_text(text)
    code, shown, _ = explain(tmp_path / "local/ssa_detections.conf")
    assert (code, "risk score: 10 (" in shown) == (1, True)


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("own.conf", WRONG, "the command 'stats' is stateful and cannot run here"),
        ("own.conf", "nonsense", "line 1: expected a [stanza]"),
        ("own.yml", "name: [", "this is not the YAML of a detection"),
        ("missing.yml", None, "missing.yml"),
        ("missing.conf", None, "missing.conf"),
    ],
)
def test_what_is_wrong_is_reported_and_the_others_are_shown(tmp_path, name, text, says):
    if text is not None:
        (tmp_path / name).write_text(text)
    (tmp_path / "good.conf").write_text(SUSPECT)
    code, shown, wrong = explain(tmp_path / name, tmp_path / "good.conf")
    assert (code, says in wrong, "Suspect\n" in shown) == (1, True, True), wrong

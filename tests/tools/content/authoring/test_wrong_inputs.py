"""What is wrong in the input of replay, search, explain, import, new and test: the message names it and what to do."""

import shutil
import tomllib
from contextlib import closing
from pathlib import Path

import pytest

from sandbox import __main__ as sandbox
from sandbox.demo.replay import APP
from sandbox.search.instance import Instance
from tools import __main__ as tools

pytestmark = pytest.mark.xdist_group("wrong inputs")

CASES = tomllib.loads(Path(__file__).with_name("wrong_inputs.toml").read_text())["case"]
MAIN = {"sandbox": sandbox.main, "tools": tools.main}
GOOD = {
    "id": "5b1f9f0e-7a53-4c1c-9d57-0d3a2c0f1a99",
    "version": "1",
    "search": (
        '| from read_ssa_enriched_events() | where input_event.process_name="a.exe" | into write_ssa_detected_events();'
    ),
    "impact": "50",
    "confidence": "50",
    "message": "found on $dest_device_id$",
    "observables": '[{"name": "dest_device_id", "type": "Hostname", "role": "Victim"}]',
}
TRACES = ("Traceback", "[Errno", "Error(", "/sandbox-", "/tests-")
"""What no message may show: the inside of ours, or folders that are gone when it is read."""


@pytest.fixture(scope="module")
def home(archive, tmp_path_factory):
    """Kept events: one."""
    folder = tmp_path_factory.mktemp("kept")
    with closing(Instance(folder, on_disk=True, app=APP)) as instance:
        instance.install(archive)
        instance.add_events([{"_time": 1, "_raw": "x", "index": "main"}])
    return folder


@pytest.fixture(scope="module")
def folder(installed, tmp_path_factory):
    return shutil.copytree(installed, tmp_path_factory.mktemp("apps") / APP)


def test_there_are_sixty():
    assert len(CASES) >= 60
    assert {case["command"][1] for case in CASES} == {"replay", "search", "explain", "import", "new", "test"}


@pytest.mark.parametrize("case", CASES, ids=[f"{case['command'][1]}: {case['title']}" for case in CASES])
def test_the_message_names_the_place_and_what_to_do(case, home, folder, archive, tmp_path, capsys):
    places = {"tmp": tmp_path, "app": folder, "home": home, "package": archive}
    for name, text in case.get("files", {}).items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    if "stanza" in case:
        settings = {**GOOD, **case["stanza"]}
        lines = [f"[{case.get('name', 'Own')}]", *(f"{key} = {value}" for key, value in settings.items())]
        (tmp_path / "own.conf").write_text("\n".join(lines) + "\n")
    main, *words = case["command"]
    try:
        code = MAIN[main]([word.format(**places) for word in words])
    except SystemExit as error:  # of argparse
        code = error.code
    output = capsys.readouterr()
    text = output.out + output.err
    flat = " ".join(text.split())
    for words in case["says"]:
        wanted = words
        for name, place in places.items():
            wanted = wanted.replace("{" + name + "}", str(place))
        assert wanted in flat or wanted.replace(" ", "") in "".join(text.split()), text
    assert code == case.get("code", 1), text
    assert [trace for trace in TRACES if trace in output.err] == []
    assert not (folder / "local").exists()


def test_a_wrong_detection_of_the_app_is_named_by_the_users_file(folder, tmp_path, capsys):
    app = shutil.copytree(folder, tmp_path / APP)
    (app / "local").mkdir()
    (app / "local/ssa_detections.conf").write_text("[Own]\nsearch = | from nowhere()\n")
    (tmp_path / "own.yml").write_text("detection: Own\ntrue:\n- process: x\n")
    assert tools.main(["test", str(tmp_path / "own.yml"), "--app", str(app)]) == 1
    error = capsys.readouterr().err
    assert f"own.yml, line 1: {app}/local/ssa_detections.conf, line 1: [Own] id: " in error
    assert [trace for trace in TRACES if trace in error] == []

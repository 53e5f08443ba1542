"""`python -m tools export`: what contentctl's own validation says of it, and that it says the same as the confs."""

import shutil
import subprocess

import pytest
import yaml

from tests.support.examples import ROOT
from tools.__main__ import main
from tools.docs.pages import shipped, slug

pytestmark = pytest.mark.xdist_group("export")

CONTENTCTL = ROOT / ".venv/contentctl/bin/contentctl"
DETECTIONS = [shipped().find(name) for name in shipped().names]


def contentctl(folder, *arguments):
    assert CONTENTCTL.is_file(), "make .venv/contentctl/ready"
    command = [str(CONTENTCTL), *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=300)


@pytest.fixture(scope="module")
def pack(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pack")
    made = contentctl(folder, "init", "--bare")
    assert made.returncode == 0, made.stdout
    assert main(["export", str(folder)]) == 0
    return folder


def detection(folder, name):
    path = folder / f"detections/endpoint/{slug(name)}.yml"
    return path, yaml.safe_load(path.read_text())


def test_contentctl_accepts_the_whole_pack(pack):
    validated = contentctl(pack, "validate")
    assert validated.returncode == 0, validated.stdout[-2000:]
    assert len(list(pack.glob("detections/*/*.yml"))) == len(DETECTIONS)


@pytest.mark.parametrize(
    ("key", "wrong"),
    [("type", "Guess"), ("search", "| makeresults"), ("data_source", ["Nothing"]), ("id", "no-uuid"), ("rba", {})],
)
def test_what_contentctl_would_not_accept_is_noticed(pack, tmp_path, key, wrong):
    folder = shutil.copytree(pack, tmp_path / "pack")
    path, content = detection(folder, DETECTIONS[1].name)
    path.write_text(yaml.safe_dump({**content, key: wrong}))
    assert contentctl(folder, "validate").returncode != 0


@pytest.mark.parametrize("shipped_one", DETECTIONS, ids=shipped().names)
def test_an_exported_detection_has_the_settings_of_the_confs(pack, shipped_one):
    _, content = detection(pack, shipped_one.name)
    for key in ("name", "id", "date", "author", "type", "description", "known_false_positives"):
        assert content[key] == getattr(shipped_one, key)
    assert content["version"] == int(shipped_one.version)
    assert f'ssadetect detection="{shipped_one.name}"' in content["search"]
    assert content["rba"]["message"] == shipped_one.message
    assert {o["score"] for o in content["rba"]["risk_objects"]} == {round(shipped_one.risk_score)}
    assert content["tags"]["mitre_attack_id"] == list(shipped_one.mitre_attack_id)
    assert content["how_to_implement"].endswith(shipped_one.how_to_implement)
    assert ("tests" in content) == bool(shipped_one.dataset)


def test_the_story_names_its_references_and_the_macros_are_those_of_the_app(pack):
    story = yaml.safe_load((pack / "stories/windows_system_binary_proxy_execution_msiexec.yml").read_text())
    assert set(story["references"]) == {address for one in DETECTIONS for address in one.references}
    for one in DETECTIONS:
        stem = slug(one.name)
        macro = yaml.safe_load((pack / f"macros/{stem}_prefilter.yml").read_text())
        assert macro["definition"] in (ROOT / "default/macros.conf").read_text()


def test_what_a_pack_has_already_stays_but_for_the_detections(tmp_path):
    kept, replaced = tmp_path / "data_sources/sysmon_eventid_1.yml", tmp_path / "detections/endpoint/x.yml"
    kept.parent.mkdir()
    kept.write_text("mine")
    name = DETECTIONS[1].name
    replaced = tmp_path / f"detections/endpoint/{slug(name)}.yml"
    replaced.parent.mkdir(parents=True)
    replaced.write_text("old")
    assert main(["export", str(tmp_path), name]) == 0
    assert (kept.read_text(), yaml.safe_load(replaced.read_text())["name"]) == ("mine", name)
    assert [path.name for path in replaced.parent.iterdir()] == [replaced.name]


def test_a_detection_of_ones_own_is_exported_from_its_app(tmp_path, capsys):
    app = tmp_path / "app"
    for part in ("default", "bin/ssa"):
        shutil.copytree(ROOT / part, app / part)
    assert main(["import", str(ROOT / "tests/detections/run_key.yml"), "--app", str(app)]) == 0
    name = yaml.safe_load((ROOT / "tests/detections/run_key.yml").read_text())["name"]
    assert main(["export", str(tmp_path / "pack"), name, "--app", str(app)]) == 0
    (path,) = (tmp_path / "pack/detections/endpoint").iterdir()
    own = yaml.safe_load(path.read_text())
    assert (own["status"], own["rba"]["risk_objects"][0]["type"]) == ("experimental", "user")


@pytest.mark.parametrize("without", ["savedsearches", "macros", "analyticstories"])
def test_what_a_detection_lacks_in_other_confs_is_named(tmp_path, capsys, without):
    app = tmp_path / "app"
    shutil.copytree(ROOT / "default", app / "default")
    (app / f"default/{without}.conf").write_text("")
    assert main(["export", str(tmp_path / "pack"), "--app", str(app)]) == 1
    assert "cannot export: " in capsys.readouterr().err
    assert not (tmp_path / "pack").exists()


def test_an_unknown_name_is_an_error(tmp_path, capsys):
    assert main(["export", str(tmp_path / "pack"), "Nothing"]) == 1
    assert "unknown detection 'Nothing'" in capsys.readouterr().err

"""`python -m tools export`: what contentctl's own validation says of it, and that it says the same as the confs.

contentctl-ng needs Python 3.14, so its rules stand here: they are those of 1.1.1, objects/searches/detection.py.
"""

import shutil
import subprocess

import pytest
import yaml

from tests.support.examples import GIVEN, ROOT
from tools.__main__ import main
from tools.content import export
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
    assert "_prefilter` | fields _time" in content["search"]
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


@pytest.mark.parametrize(
    ("name", "sources"),
    [
        (GIVEN, ["Sysmon EventID 1", "Windows Event Log Security 4688"]),
        ("Windows MSIExec Network Connection", ["Sysmon EventID 3"]),
        ("Windows MSIExec Name Query", ["Sysmon EventID 22"]),
    ],
)
def test_a_detection_names_the_sources_of_its_events_and_they_come_along(tmp_path, name, sources):
    documents = ng_pack(tmp_path / "pack", name)
    assert documents[f"detections/endpoint/{slug(name)}.yml"]["data_source"] == sources
    written = [document["name"] for path, document in documents.items() if path.startswith("data_sources/")]
    assert sorted(written) == sources


def test_an_unknown_name_is_an_error(tmp_path, capsys):
    assert main(["export", str(tmp_path / "pack"), "Nothing"]) == 1
    assert "unknown detection 'Nothing'" in capsys.readouterr().err


# -- contentctl-ng

DOCUMENT = {"name", "id", "version", "creation_date", "modification_date", "author", "description"}
NG_FIELDS = {
    "macros": {"definition"},
    "stories": {"status", "narrative", "references", "category", "product", "usecase"},
    "data_sources": {"source", "sourcetype", "separator", "supported_TA", "fields"},
    "detections": {
        *("status", "type", "data_source", "search", "how_to_implement", "known_false_positives", "references"),
        *("drilldown_searches", "analytic_story", "asset_type", "mitre_attack_id", "product", "security_domain"),
        *("category", "custom_schedule", "tests"),
    },
}
"""Folder -> what its documents have beyond DOCUMENT; any other field is refused."""

RISK = {
    "TTP": {"finding", "intermediate_findings", "threat_objects"},
    "Anomaly": {"intermediate_findings", "threat_objects"},
    "Correlation": {"finding", "threat_objects"},
    "Hunting": set(),
}
"""Type of a detection -> which fields of its risk it must have, or may."""


def ng_pack(folder, *arguments, prefix="SSA"):
    folder.mkdir()
    (folder / "build.yml").write_text(f"content_prefix: {prefix}\n")
    assert main(["export", str(folder), *arguments]) == 0
    return {path.relative_to(folder).as_posix(): yaml.safe_load(path.read_text()) for path in folder.glob("*/**/*.yml")}


def own_app(tmp_path, **facts):
    app = tmp_path / "app"
    for part in ("default", "bin/ssa"):
        shutil.copytree(ROOT / part, app / part)
    content = {**yaml.safe_load((ROOT / "tests/detections/run_key.yml").read_text()), **facts}
    (tmp_path / "own.yml").write_text(yaml.safe_dump(content))
    assert main(["import", str(tmp_path / "own.yml"), "--app", str(app)]) == 0
    return content["name"], app


def test_documents_of_contentctl_ng_have_its_fields_and_no_others(tmp_path):
    documents = ng_pack(tmp_path / "pack")
    # A page and a prefilter each; three data models, four data sources and the story.
    assert len(documents) == 2 * len(DETECTIONS) + 8
    for path, document in documents.items():
        expected = DOCUMENT | NG_FIELDS[path.partition("/")[0]]
        assert set(document) == (expected | RISK[document["type"]] if "detections/" in path else expected), path
        assert document["creation_date"] == document["modification_date"]


@pytest.mark.parametrize("shipped_one", DETECTIONS, ids=shipped().names)
def test_an_entity_adds_its_risk_once_and_says_why(tmp_path, shipped_one):
    document = ng_pack(tmp_path / "pack", shipped_one.name)[f"detections/endpoint/{slug(shipped_one.name)}.yml"]
    entities = document["intermediate_findings"]["entities"]
    assert {entity.pop("message") for entity in entities} == {shipped_one.message}
    if shipped_one.type == "TTP":
        assert document["finding"]["title"] == shipped_one.message
        entities.insert(0, document["finding"]["entity"])
    score = round(shipped_one.risk_score)
    assert entities == [
        {"field": "dest_user_id", "type": "user", "score": score},
        {"field": "dest_device_id", "type": "system", "score": score},
    ]
    named = [*entities, *document["threat_objects"]]
    tokens = shipped_one.message.split("$")[1::2]
    assert tokens and all(name in document["search"] for name in [*tokens, *(entity["field"] for entity in named)])
    (test,) = document["tests"]
    assert test["test_type"] == ("unit" if shipped_one.dataset else "experimental")
    assert test.get("attack_data") or test["description"]


@pytest.mark.parametrize("kind", RISK)
def test_a_detection_of_each_type_has_the_risk_that_its_type_allows(tmp_path, kind):
    name, app = own_app(tmp_path, type=kind)
    document = ng_pack(tmp_path / "pack", name, "--app", str(app))[f"detections/endpoint/{slug(name)}.yml"]
    present = {field for field in RISK["TTP"] if document.get(field)}
    optional = {"intermediate_findings"} if kind == "TTP" else set()  # run_key.yml names one victim
    assert present | optional == RISK[kind] | optional
    assert document["custom_schedule"] == {
        "cron_schedule": "0 * * * *",
        "schedule_window": "auto",
        "earliest_time": "-70m@m",
        "latest_time": "-10m@m",
    }


@pytest.mark.parametrize(
    ("options", "settings", "ng"),
    [
        ([], None, False),
        ([], "build.yml", True),
        (["--format", "contentctl-ng"], None, True),
        (["--format", "contentctl"], "build.yml", False),
    ],
)
def test_the_format_follows_from_the_folder_or_the_option(tmp_path, options, settings, ng):
    if settings:
        (tmp_path / settings).write_text("content_prefix: SSA\n")
    name = DETECTIONS[1].name
    assert main(["export", str(tmp_path), name, *options]) == 0
    assert ("finding" in detection(tmp_path, name)[1]) == ng


LONG = "Windows System Binary Proxy Execution MSIExec DLLRegisterServer"


@pytest.mark.parametrize(
    ("settings", "text", "over"),
    [
        ("contentctl.yml", None, 0),
        ("contentctl.yml", "app: {label: SSA Rule}", 0),
        ("contentctl.yml", "app: {label: SSA Rules}", 1),
        ("contentctl.yml", "app: {label: Custom Content Pack}", 11),
        ("build.yml", "content_prefix: Custom Content Pack", 11),
        ("contentctl.yml", "app: [", 0),
        ("contentctl.yml", "app: x", 0),
    ],
)
def test_a_search_whose_name_is_too_long_to_build_is_named(tmp_path, capsys, settings, text, over):
    if text is not None:
        (tmp_path / settings).write_text(text)
    assert main(["export", str(tmp_path)]) == 0
    complaints = capsys.readouterr().err.splitlines()
    assert len(complaints) == bool(over)
    for line in complaints:
        assert f' - {LONG} - Rule" has {export.LONGEST + over} characters' in line
        assert f"by {over}, or leave this detection out" in line


def test_the_longest_name_is_contentctls(tmp_path):
    code = "from contentctl.objects import constants; print(constants.CONTENTCTL_MAX_STANZA_LENGTH)"
    command = [str(CONTENTCTL.parent / "python"), "-c", code]
    printed = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True, timeout=60).stdout
    assert int(printed) == export.LONGEST

"""`python -m tools import`: a published YAML becomes the confs that Splunk reads, all of it or nothing."""

import json
import os
import shutil
import stat
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from sandbox.search.instance import Instance
from ssa.content import conf
from ssa.content.datamodels import DATA_MODELS
from ssa.content.detection import Catalogue
from ssa.language import compile_text
from ssa.language.analysis.lint import lint
from tests.support.app.search_command import MISS, Session
from tests.support.examples import GIVEN, HIT
from tools import ROOT
from tools.__main__ import main
from tools.content.conf_text import ConfText
from tools.content.importer.local import LocalConfs
from tools.content.importer.published import ImporterError
from tools.content.stanzas import THEIRS
from tools.docs import pages

SHIPPED = pages.shipped().names

GOOD = (Path(__file__).parent / "good.yml").read_text()
WRONG = tomllib.loads((Path(__file__).parent / "wrong.toml").read_text())["case"]
NAME, STEM = "Example Hive Saved With Reg", "example_hive_saved_with_reg"
SAVED = f"SSA - {NAME} - Rule"
ID = "5b1f9f0e-7a53-4c1c-9d57-0d3a2c0f1a11"
SEARCH = (
    '| from read_ssa_enriched_events() | eval timestamp=parse_long(ucast(map_get(input_event, "_time"), "string", '
    'null)), cmd_line=lower(ucast(map_get(input_event, "process"), "string", null)), '
    'process_name=lower(ucast(map_get(input_event, "process_name"), "string", null)) | where process_name="reg.exe" '
    'AND like(cmd_line, "% save %") | eval start_time=timestamp, end_time=timestamp, '
    'entities=mvappend(ucast(map_get(input_event, "dest_user_id"), "string", null), ucast(map_get(input_event, '
    '"dest_device_id"), "string", null)), body=create_map(["cmd_line", cmd_line]) | into write_ssa_detected_events();'
)
REG = {
    **HIT,
    "process": r"reg.exe save HKLM\SAM C:\Temp\s.hiv",
    "process_name": "REG.EXE",
    "process_path": r"C:\Windows\System32\reg.exe",
}


def new_folder(path):
    """What an import reads of an app."""
    shutil.copytree(ROOT / "default", path / "default")
    for room in ("bin/ssa/regex", "bin/ssa/language"):
        shutil.copytree(ROOT / room, path / room, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "bin/ssa/immutable.py", path / "bin/ssa")
    (path / "bin/ssa/content").mkdir()
    for name in ("engine.py", "profile.py"):
        shutil.copy(ROOT / "bin/ssa/content" / name, path / "bin/ssa/content")
    return path


@pytest.fixture
def folder(tmp_path):
    return new_folder(tmp_path / "ssa_detections")


@pytest.fixture
def run(folder, tmp_path, capsys):
    """Import texts, each from a file of its own, and return the exit code and the output."""

    def run(*texts, options=()):
        files = []
        for number, text in enumerate(texts, 1):
            files.append(tmp_path / f"{number}.yml")
            files[-1].write_bytes(text if isinstance(text, bytes) else text.encode())
        code = main(["import", *map(str, files), "--app", str(folder), *options])
        output = capsys.readouterr()
        return code, output.out, output.err

    return run


def local(folder, name):
    return (folder / "local" / f"{name}.conf").read_text()


def values(folder, name):
    """The stanzas of a conf, default and local together, as dicts."""
    return {
        stanza: {key: setting.value for key, setting in settings.items()}
        for stanza, settings in conf.load(str(folder), name).stanzas.items()
    }


def contents(folder):
    return {path.name: path.read_bytes() for path in (folder / "local").glob("*")}


def changed(**facts):
    """good.yml with other facts: at its top, or in its tags."""
    tree = yaml.safe_load(GOOD)
    for key, value in facts.items():
        (tree["tags"] if key in tree["tags"] else tree)[key] = value
    return yaml.safe_dump(tree, allow_unicode=False)


# -- what is written


def test_a_published_file_gives_exactly_these_stanzas(run, folder):
    code, _, err = run(GOOD)
    assert (code, err) == (0, "")
    assert (
        local(folder, "ssa_detections")
        == f"""\
[{NAME}]
id = {ID}
version = 2
date = 2026-01-09
author = Somebody, Example
type = TTP
product = Splunk Behavioral Analytics
datamodel = Endpoint_Processes
description = Finds reg.exe that writes a hive to a file.
search = {SEARCH}
impact = 50
confidence = 25
message = $process_name$ wrote a hive on $dest_device_id$ for $dest_user_id$.
observables = [{{"name": "dest_user_id", "type": "User", "role": "Victim"}}, \
{{"name": "dest_device_id", "type": "Hostname", "role": "Victim"}}, \
{{"name": "process_name", "type": "Process", "role": "Child Process"}}]
mitre_attack_id = T1003.002
kill_chain_phases = Exploitation
nist =
cis20 = CIS 3, CIS 5
cve =
analytic_story = Example Hives
required_fields = _time, process
how_to_implement = Ingest process creation events.
known_false_positives = Backups.
references = https://example.com/hives
dataset = https://example.com/hives.log
"""
    )
    assert (
        local(folder, "macros")
        == f"""\
# Wide on purpose: it only has to keep every event that the detection could match. The command decides.
[{STEM}_prefilter]
definition = reg process="*save*"
iseval = 0

# Yours: what to leave out of this detection's results.
[{STEM}_filter]
definition = search *
iseval = 0
"""
    )
    assert (
        local(folder, "savedsearches")
        == f"""\
[{SAVED}]
description = Finds reg.exe that writes a hive to a file.
search = `ssa_process_events` `{STEM}_prefilter` `ssa_due(index)` | fields _time, host, dest, user, process, \
process_name, process_path, process_id, parent_process, parent_process_name, TargetUserName, TargetUserSid, \
SubjectUserName, SubjectUserSid | fields - _raw | ssadetect detection="{NAME}" \
| `ssa_usual` | `ssa_allow_list` | `{STEM}_filter` | addinfo | table _time, detection, risk_score, dest_user_id, \
dest_device_id, process_name, process, *
request.ui_dispatch_app = ssa_detections
disabled = 0
enableSched = 0
cron_schedule = 0 * * * *
dispatch.earliest_time = -70m@m
dispatch.latest_time = -10m@m
schedule_window = auto
allow_skew = 100%
realtime_schedule = 0
is_visible = 1
counttype = number of events
relation = greater than
quantity = 0
alert.digest_mode = 1
alert.track = 0
alert.suppress = 0
action.ssa_risk = 1
action.ssa_risk.param.index = risk
action.correlationsearch.enabled = 1
action.correlationsearch.detection_type = ebd
action.correlationsearch.label = {SAVED}
action.correlationsearch.annotations = {{"analytic_story":["Example Hives"],"cis20":["CIS 3","CIS 5"],"cve":[],\
"data_source":["Windows Security 4688"],"kill_chain_phases":["Exploitation"],"mitre_attack":["T1003.002"],\
"nist":[],"type":"TTP","type_list":["TTP"]}}
action.correlationsearch.metadata = {{"deprecated":"0","detection_id":"{ID}","detection_version":"2",\
"publish_time":1767916800}}
action.risk = 0
action.risk.param._risk_message = $process_name$ wrote a hive on $dest_device_id$ for $dest_user_id$.
action.risk.param._risk = [{{"risk_object_field":"dest_device_id","risk_object_type":"system","risk_score":12.5,\
"risk_message":"$process_name$ wrote a hive on $dest_device_id$ for $dest_user_id$."}},\
{{"threat_object_field":"process_name","threat_object_type":"process_name"}}]
action.risk.param._risk_score = 0
action.risk.param.verbose = 0
action.notable = 0
action.notable.param._entities = [{{"risk_object_field":"dest_user_id","risk_object_type":"user","risk_score":12.5}}]
action.notable.param.nes_fields = dest_user_id,dest_device_id
action.notable.param.rule_title = {SAVED}
action.notable.param.rule_description = Finds reg.exe that writes a hive to a file.
action.notable.param.security_domain = endpoint
action.notable.param.severity = informational
action.notable.param.drilldown_searches = [{{"name":"Events of $dest_device_id$ around the hit",\
"search":"`ssa_process_events` dest=\\"$dest_device_id$\\"","earliest_offset":"600","latest_offset":"600"}}]
"""
    )
    assert (
        local(folder, "analyticstories")
        == f"""\
[savedsearch://{SAVED}]
type = detection
asset_type = Endpoint
confidence = low
explanation = Finds reg.exe that writes a hive to a file.
how_to_implement = Ingest process creation events.
annotations = {{"analytic_story":["Example Hives"],"cis20":["CIS 3","CIS 5"],\
"kill_chain_phases":["Exploitation"],"mitre_attack":["T1003.002"]}}
known_false_positives = Backups.
providing_technologies = ["Windows Security 4688"]

[analytic_story://Example Hives]
category = Adversary Tactics
last_updated = 2026-01-09
version = 1
references = ["https://example.com/hives"]
maintainers = [{{"company":"SSA Detections","email":"-","name":"SSA Detections maintainers"}}]
spec_version = 3
searches = ["{SAVED}"]
description = Detections of the analytic story Example Hives.
narrative = The analytic story Example Hives, as published detections name it. Each describes what it finds.
"""
    )


def test_the_shipped_detection_in_published_layout_gives_the_shipped_stanzas(run, folder):
    shipped = {name: values(ROOT, name) for name in ("ssa_detections", "savedsearches", "analyticstories", "macros")}
    facts = shipped["ssa_detections"][GIVEN]
    listed = {key: conf.comma_list(facts[key]) for key in ("mitre_attack_id", "kill_chain_phases", "analytic_story")}
    text = changed(
        name=GIVEN,
        datamodel=[facts["datamodel"]],
        references=conf.comma_list(facts["references"]),
        **{key: facts[key] for key in ("id", "author", "description", "search", "message")},
        **{key: facts[key] for key in ("how_to_implement", "known_false_positives")},
        **{key: int(facts[key]) for key in ("version", "impact", "confidence")},
        date=facts["date"],
        observable=[{**one, "role": [one["role"]]} for one in json.loads(facts["observables"])],
        required_fields=conf.comma_list(facts["required_fields"]),
        dataset=[facts["dataset"]],
        cis20=[],
        **listed,
    )
    assert run(text)[0] == 0
    name = pages.saved_search(Catalogue.of_app(str(ROOT)).find(GIVEN))
    assert values(folder, "ssa_detections")[GIVEN] == facts
    put, theirs = conf.parse(local(folder, "savedsearches"), "")[name], shipped["savedsearches"][name]
    assert list(put) == [key for key in theirs if key not in THEIRS]
    ours = values(folder, "savedsearches")[name]
    assert list(ours) == list(theirs)
    own = "action.correlationsearch.annotations"  # its data sources are those of its file
    assert {key: ours[key] for key in ours if key != own} == {key: theirs[key] for key in theirs if key != own}
    story = f"analytic_story://{facts['analytic_story']}"
    assert values(folder, "analyticstories")[story] == shipped["analyticstories"][story]
    assert values(folder, "macros") == shipped["macros"]


def test_it_reports_what_it_wrote_and_what_comes_next(run, folder):
    _, out, _ = run(GOOD)
    assert out.startswith(f"added: {NAME}, from ")
    assert f"  savedsearches.conf  [{SAVED}]\n" in out
    assert f"  macros.conf  [{STEM}_prefilter]\n" in out
    assert "restart it" in out
    assert run(GOOD)[1].startswith(f"replaced: {NAME}, from ")


def test_a_dry_run_shows_the_stanzas_and_writes_nothing(run, folder):
    code, out, _ = run(GOOD, options=["--dry-run"])
    assert code == 0
    assert not (folder / "local").exists()
    for line in (f"[{NAME}]\nid = {ID}\n", f"[{STEM}_filter]\n", f"[{SAVED}]\n", "would be added: "):
        assert line in out


def test_several_files_go_in_together(run, folder):
    other = changed(name="Another", id=ID.replace("5b", "6c"), analytic_story=["Example Hives"])
    assert run(GOOD, other)[0] == 0
    story = values(folder, "analyticstories")["analytic_story://Example Hives"]
    assert json.loads(story["searches"]) == [SAVED, "SSA - Another - Rule"]
    assert Catalogue.of_app(str(folder)).names == [*SHIPPED, NAME, "Another"]


def test_a_story_that_the_app_ships_keeps_its_texts_and_gets_one_more_search(run, folder):
    assert run(changed(analytic_story=["Windows System Binary Proxy Execution MSIExec"]))[0] == 0
    name = "analytic_story://Windows System Binary Proxy Execution MSIExec"
    now, shipped = values(folder, "analyticstories")[name], values(ROOT, "analyticstories")[name]
    assert json.loads(now["searches"]) == [*json.loads(shipped["searches"]), SAVED]
    assert json.loads(now["references"]) == [*json.loads(shipped["references"]), "https://example.com/hives"]
    assert now["narrative"] == shipped["narrative"]
    assert run(GOOD)[0] == 0


# -- layouts


def test_the_search_goes_through_character_by_character(run, folder):
    search = (
        "  from read_ssa_enriched_events()\n"
        '| eval a="two  blanks,\n a newline,  \n\n a tab\t, # no comment, [no stanza] and a backslash \\\\ ", /* see\n'
        "# of two lines */   \n"
        "       b='é 💥 \u2028 \u00a0'\n"
        '| where a LIKE "%\\\\%" AND\tb != "\\"x\\""\n'
        "| into write_ssa_detected_events();   \n"
    )
    assert run(changed(search=search))[0] == 0
    assert Catalogue.of_app(str(folder)).find(NAME).search == search.strip()
    assert run(changed(search=search))[0] == 0
    assert Catalogue.of_app(str(folder)).find(NAME).search == search.strip()


def test_texts_of_several_lines_become_one(run, folder):
    assert run(changed(description="# one\n\n  [two]  \n three = 3\n", message="$a$\nb"))[0] == 0
    detection = Catalogue.of_app(str(folder)).find(NAME)
    assert (detection.description, detection.message) == ("# one [two] three = 3", "$a$ b")


@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_files_of_other_editors_are_read(run, folder, encoding, line_end):
    text = GOOD.replace("Backups.", "Bäckups 💥.").replace("\n", line_end)
    assert run(text.encode(encoding))[0] == 0
    detection = Catalogue.of_app(str(folder)).find(NAME)
    assert (detection.search, detection.known_false_positives) == (SEARCH, "Bäckups 💥.")


def test_unquoted_dates_single_texts_and_aliases_are_read(run, folder):
    text = GOOD.replace("'2026-01-09'", "2026-1-9").replace("datamodel:\n- End", "datamodel: End")
    text = text.replace("  - Exploitation", "  - &x Exploitation\n  - *x")
    assert run(text)[0] == 0
    detection = Catalogue.of_app(str(folder)).find(NAME)
    assert (detection.date, detection.datamodel) == ("2026-01-09", "Endpoint_Processes")
    assert detection.kill_chain_phases == ("Exploitation",)


def test_numbers_and_days_are_taken_as_they_are_written(run, folder):
    text = GOOD.replace("version: 2", "version: 010").replace("  - CIS 3", "  - 3.10")
    text = text.replace("author: Somebody, Example", "author: 2026-01-09").replace("impact: 50", "impact: 50.50")
    assert run(text)[0] == 0
    detection = Catalogue.of_app(str(folder)).find(NAME)
    assert (detection.version, detection.cis20[0], detection.author, detection.impact) == (
        "10",
        "3.10",
        "2026-01-09",
        50.5,
    )


def test_an_observable_of_two_roles_becomes_two(run, folder):
    assert run(GOOD.replace("    - Child Process", "    - Child Process\n    - Attacker"))[0] == 0
    assert [o.role for o in Catalogue.of_app(str(folder)).find(NAME).observables][2:] == ["Child Process", "Attacker"]


def test_a_comma_in_an_address_is_written_otherwise_and_elsewhere_refused(run, folder):
    assert run(changed(references=["https://example.com/a,b", "A book"]))[0] == 0
    assert Catalogue.of_app(str(folder)).find(NAME).references == ("https://example.com/a%2Cb", "A book")
    assert "so none can stand in 'A book, 2nd edition'" in run(changed(references=["A book, 2nd edition"]))[2]


def test_the_drilldown_goes_to_the_first_device_else_to_the_first_victim(run, folder):
    for name, term in (("src_ip", 'src_ip="$src_ip$"'), ("dest_user_id", 'user="$dest_user_id$"')):
        kind = "IP Address" if name == "src_ip" else "User"
        observable = [
            {"name": "src", "type": "Process", "role": "Attacker"},
            {"name": name, "type": kind, "role": "Victim"},
        ]
        assert run(changed(observable=observable))[0] == 0
        (one,) = json.loads(values(folder, "savedsearches")[SAVED]["action.notable.param.drilldown_searches"])
        assert one["search"] == f"`ssa_process_events` {term}"


USER, HOST, ADDRESS = (
    {"name": name, "type": kind, "role": "Victim"}
    for name, kind in (("dest_user_id", "User"), ("dest_device_id", "Hostname"), ("src_ip", "IP Address"))
)


@pytest.mark.parametrize(
    ("kind", "victims", "entity", "scored"),
    [
        ("TTP", [HOST, USER], "dest_user_id", ["dest_device_id"]),
        ("TTP", [ADDRESS, HOST], "src_ip", ["dest_device_id"]),
        ("TTP", [USER], "dest_user_id", []),
        ("TTP", [], "N/A", []),
        ("Correlation", [HOST, USER], "dest_user_id", ["dest_device_id"]),
        ("Anomaly", [HOST, USER], "N/A", ["dest_device_id", "dest_user_id"]),
        ("Hunting", [HOST, USER], "N/A", ["dest_device_id", "dest_user_id"]),
    ],
)
def test_a_finding_and_the_risk_action_never_score_the_same_entity(run, folder, kind, victims, entity, scored):
    assert run(changed(type=kind, observable=victims))[0] == 0
    saved = values(folder, "savedsearches")[SAVED]
    (found,) = json.loads(saved["action.notable.param._entities"])
    assert (found["risk_object_field"], found["risk_score"]) == (entity, 0 if entity == "N/A" else 12.5)
    assert [o["risk_object_field"] for o in json.loads(saved["action.risk.param._risk"])] == scored


def test_the_dataset_of_a_later_layout_is_found_in_its_tests(run, folder):
    later = GOOD.replace("  dataset:\n  - https://example.com/hives.log\n", "")
    later += "tests:\n- name: ours\n- name: x\n  attack_data:\n  - data: https://example.com/later.log\n"
    assert run(later)[0] == 0
    assert Catalogue.of_app(str(folder)).find(NAME).dataset == "https://example.com/later.log"


PROCESSES = ("Endpoint_Processes", "ssa_process_events")
REGISTRY = ("Endpoint_Registry", "ssa_endpoint_registry_events")


@pytest.mark.parametrize(
    ("stated", "search", "model", "macro", "by"),
    [
        (["Endpoint_Registry"], SEARCH, *REGISTRY, "index"),
        (["endpoint_REGISTRY"], SEARCH, *REGISTRY, "index"),
        ([], SEARCH, *PROCESSES, "index"),
        ([], SEARCH.replace("process_name", "registry_path"), *REGISTRY, "event"),
        ([], SEARCH.replace("process", "dest_port"), "Network_Traffic", "ssa_network_traffic_events", "event"),
        ([], SEARCH.replace("process", "other"), *PROCESSES, "event"),
        ([], SEARCH.replace("| where", '| where "Web" IN (_datamodels) AND'), "Web", "ssa_web_events", "index"),
        ([], SEARCH.replace("| where", '| where NOT "Web" IN (_datamodels) AND'), *PROCESSES, "index"),
    ],
)
def test_the_saved_search_reads_the_events_of_the_data_model(run, folder, stated, search, model, macro, by):
    code, out, _ = run(changed(datamodel=stated, search=search))
    assert code == 0
    assert Catalogue.of_app(str(folder)).find(NAME).datamodel == model
    begins = f"`{macro}` `{STEM}_prefilter` `ssa_due({by})` | "
    assert values(folder, "savedsearches")[SAVED]["search"].startswith(begins)
    assert macro in values(folder, "macros")
    assert ("no datamodel is stated" in out) == (not stated and model not in search)
    assert "the data model" not in out


@pytest.mark.parametrize("model", DATA_MODELS.values(), ids=DATA_MODELS)
def test_a_detection_of_each_data_model_searches_its_events(run, folder, model):
    assert run(changed(datamodel=[model.name]))[0] == 0
    assert values(folder, "savedsearches")[SAVED]["search"].startswith(f"`{model.macro}` ")
    macros = {**values(ROOT, "macros"), **values(folder, "macros")}
    assert macros[model.macro]["definition"] == model.terms
    assert model.ships == (model.macro in values(ROOT, "macros"))


@pytest.mark.parametrize(
    ("stated", "searched", "says"),
    [
        (["Web", "Endpoint.Dreams"], "Web", "the data model Endpoint.Dreams is stated, but only events of Web are "),
        (["Web"], "Endpoint_Registry", "the data model Endpoint_Registry is in the search, but only events of Web "),
        (["Web"], "web", "the data model web is in the search, but only events of Web are searched; known are "),
        ([], "Dreams", "the data model Dreams is in the search, but only events of Endpoint_Processes are searched"),
    ],
)
def test_a_data_model_that_is_not_searched_is_noted(run, stated, searched, says):
    search = SEARCH.replace("| where", f'| where "{searched}" IN (_datamodels) AND')
    code, out, _ = run(changed(datamodel=stated, search=search))
    assert (code, f"  note: {says}" in out) == (0, True)
    assert "known are Endpoint_Processes, Endpoint_Registry, " in out


@pytest.mark.parametrize(
    ("stated", "search", "model", "why"),
    [
        ("Endpoint", SEARCH, "Endpoint_Processes", "it reads process"),
        ("endpoint", SEARCH.replace("process_name", "registry_path"), "Endpoint_Registry", "it reads registry_path"),
        ("Network", SEARCH.replace("process", "dest_port"), "Network_Traffic", "it reads dest_port"),
        ("Network", SEARCH, "Network_Resolution", "most detections read such events"),
    ],
)
def test_of_a_data_model_as_a_whole_the_part_that_fits_is_taken_with_a_note(run, folder, stated, search, model, why):
    code, out, _ = run(changed(datamodel=[stated], search=search))
    assert (code, Catalogue.of_app(str(folder)).find(NAME).datamodel) == (0, model)
    assert f"  note: the datamodel {stated} is {stated.title()}_" in out
    assert f" together: {model} is taken, because {why}; if that is wrong, state it" in out


def test_a_data_model_may_be_written_as_cim_writes_its_datasets(run, folder):
    code, out, _ = run(changed(datamodel=["Endpoint.Processes"]))
    assert (code, Catalogue.of_app(str(folder)).find(NAME).datamodel) == (0, "Endpoint_Processes")
    assert "  note: the data" not in out


def test_several_data_models_are_searched_together_and_distinguished_by_their_tags(run, folder):
    search = SEARCH.replace("| where", '| where "Endpoint_Processes" IN (_datamodels) AND')
    assert run(changed(datamodel=["Endpoint_Processes", "Endpoint_Registry"], search=search))[0] == 0
    search = values(folder, "savedsearches")[SAVED]["search"]
    base = "((`ssa_process_events`) OR (`ssa_endpoint_registry_events`))"
    assert search.startswith(f"{base} `{STEM}_prefilter` `ssa_due(index)` | ")
    assert ", tag | fields - _raw" in search
    assert values(folder, "macros")["ssa_endpoint_registry_events"]["definition"] == "index=* tag=endpoint tag=registry"


def test_a_saved_search_passes_what_the_detection_reads_beyond_the_usual(run, folder):
    search = SEARCH.replace('AND like(cmd_line, "% save %")', "AND input_event.logon_id=input_event.session")
    assert run(changed(search=search, message="$ticket$ $dest_user_id$"))[0] == 0
    passed = values(folder, "savedsearches")[SAVED]["search"].partition(" | fields - _raw")[0]
    assert passed.endswith("SubjectUserName, SubjectUserSid, logon_id, session, ticket")


def test_a_column_that_a_detection_reads_instead_is_passed_on_and_searched(run, folder):
    search = SEARCH.replace('AND like(cmd_line, "% save %")', 'AND input_event.logon_id="x1"')
    conf_file = folder / "local/ssa_detections.conf"
    conf_file.parent.mkdir(exist_ok=True)
    conf_file.write_text(f"[{NAME}]\ncolumns = dest_user_id:src_user, dest_device_id:src_host, logon_id:Logon.Id\n")
    assert run(changed(search=search))[0] == 0
    saved = values(folder, "savedsearches")[SAVED]
    passed = saved["search"].partition(" | fields - _raw")[0]
    assert passed.endswith("SubjectUserName, SubjectUserSid, Logon.Id, src_host, src_user")
    (one,) = json.loads(saved["action.notable.param.drilldown_searches"])
    assert one["search"] == '`ssa_process_events` src_host="$dest_device_id$"'
    assert (
        'Logon.Id="x1"'
        in [one["definition"] for name, one in values(folder, "macros").items() if "_prefilter" in name][-1]
    )


@pytest.mark.parametrize(
    ("key", "message", "passed"),
    [
        ('"a, b | delete"', "x", "fields * | fields - _raw"),
        ('"a, b | delete"', "$_raw$", "fields *"),
        ("lower(_time)", "x", "fields *"),
        ('"process_name"', "$_raw$", "fields _time, host, dest, user, process, process_name, process_path, process_id, "
         "parent_process, parent_process_name, TargetUserName, TargetUserSid, SubjectUserName, SubjectUserSid, _raw"),
    ],
)  # fmt: skip
def test_a_saved_search_drops_only_what_it_can_be_seen_not_to_need(run, folder, key, message, passed):
    assert run(changed(search=SEARCH.replace('"process"', key), message=message))[0] == 0
    assert f"`ssa_due(index)` | {passed} | ssadetect " in values(folder, "savedsearches")[SAVED]["search"]


@pytest.mark.parametrize(
    ("key", "observed", "dropped"),
    [
        ('"process"', "process_name", False),
        ("lower(_time)", "process_name", True),
        ('"risk_object"', "process_name", True),
        ('"process"', "risk_object_type", True),
    ],
)
def test_no_column_of_an_event_stands_where_enterprise_security_looks_for_the_entity(
    run, folder, key, observed, dropped
):
    observable = [{"name": observed, "type": "File Name", "role": "Attacker"}]
    assert run(changed(search=SEARCH.replace('"process"', key), observable=observable))[0] == 0
    search = values(folder, "savedsearches")[SAVED]["search"]
    assert (f"{STEM}_filter` | fields - risk_object, risk_object_type | addinfo | table" in search) == dropped
    assert "risk_object" not in search.partition("| table")[2]


@pytest.mark.parametrize(
    ("facts", "note"),
    [
        ({"risk_score": 40}, "the file states a risk score of 40; impact × confidence / 100 = 12.5"),
        ({"observable": []}, "no observable has the role Victim, so its hits add no risk"),
        ({"observable": [{"name": "dest_user_id", "type": "user", "role": "victim"}]},
         "the observable dest_user_id is a user, which counts only when written User"),
        ({"observable": [{"name": "dest_user_id", "type": "User", "role": "victim"}]},
         "the observable dest_user_id is a victim, which counts only when written Victim"),
        ({"observable": [{"name": "acount", "type": "User", "role": "Victim"}]},
         "message: nothing in the search names acount, which the message or an observable does: is it misspelt?"),
        ({"message": "$proces_nme$"},
         "message: nothing in the search names proces_nme, which the message or an observable does: is it misspelt?"),
        ({"required_fields": ["_time", "pid"]}, "required_fields: pid is required, and the search never reads it"),
    ],
)  # fmt: skip
def test_doubtful_facts_are_noted(run, facts, note):
    code, out, _ = run(changed(**facts))
    assert (code, f"  note: {note}\n" in out) == (0, True), out


def test_warnings_on_the_search_are_noted_with_their_place(run):
    search = SEARCH.replace('"reg.exe"', '"Reg.exe"')
    warnings = lint(compile_text(search).program)
    assert len(warnings) >= 1
    out = run(changed(search=search))[1]
    for warning in warnings:
        place = f"line {warning.line}, column {warning.column}: {warning.near}"
        assert f"  note: search: {warning.problem} ({place})\n" in out


@pytest.mark.parametrize("name", ["process_id", "cmd_line", "dest_device_id", "risk_score", "dest", "event_id"])
def test_a_name_that_body_event_or_row_supply_is_not_noted(run, name):
    assert "is it misspelt" not in run(changed(message=f"${name}$"))[1]


# -- what is there already


LOCAL = f"""\
# mine, on top
[{GIVEN}]
confidence = 60

  # about the hives
[{NAME}]
# why it is off
disabled = 1
id = {ID}
search = old \\
  text \\
# no comment
message=old
message = older
notes = kept

# about the last
[Last]
x = y \\"""


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_everything_else_in_local_stays_byte_for_byte(run, folder, end, mark):
    (folder / "local").mkdir()
    path = folder / "local/ssa_detections.conf"
    path.write_bytes((mark + LOCAL.replace("\n", end)).encode())
    assert run(GOOD)[0] == 0
    after = path.read_bytes().decode().replace(end, "\n")
    head, _, tail = LOCAL.partition("id = ")
    tail = tail[tail.index("\nnotes") + 1 :]
    assert after.startswith(mark + head + f"id = {ID}\nsearch = {SEARCH}\nmessage = $process_name$ wrote a hive on ")
    own, _, rest = after.partition("notes = kept\n")
    assert rest.startswith("version = 2\ndate = ")
    assert after.endswith(f"dataset = https://example.com/hives.log\n{tail.removeprefix('notes = kept' + chr(10))}")
    assert own.count("message = ") == 1
    assert path.read_bytes().count(b"\r") == (path.read_bytes().count(b"\n") if end == "\r\n" else 0)
    detection = Catalogue.of_app(str(folder)).find(NAME)
    assert (detection.search, detection.disabled) == (SEARCH, True)


def test_a_file_without_a_last_line_end_gets_one_before_the_new_stanza(run, folder):
    (folder / "local").mkdir()
    (folder / "local/macros.conf").write_text("[mine]\ndefinition = x")
    assert run(GOOD)[0] == 0
    assert local(folder, "macros").startswith("[mine]\ndefinition = x\n\n# Wide on purpose")


def test_a_last_line_that_ends_with_a_backslash_does_not_join_what_comes_after_it(run, folder):
    (folder / "local").mkdir()
    (folder / "local/ssa_detections.conf").write_text(f"[{NAME}]\nnotes = mine \\")
    assert run(GOOD)[0] == 0
    stanza = values(folder, "ssa_detections")[NAME]
    assert (stanza["notes"], stanza["id"]) == ("mine", ID)


def test_importing_again_changes_nothing(run, folder):
    assert run(GOOD)[0] == 0
    before = contents(folder)
    assert run(GOOD)[0] == 0
    assert contents(folder) == before


def edit(folder, name, old, new):
    path = folder / f"local/{name}.conf"
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))


def test_a_new_version_replaces_the_facts_and_keeps_the_schedule_and_the_filter(run, folder):
    assert run(GOOD)[0] == 0
    edit(folder, "savedsearches", "enableSched = 0", "enableSched = 1\naction.email = 1")
    edit(folder, "savedsearches", "severity = informational", "severity = critical")
    edit(folder, "savedsearches", f"rule_title = {SAVED}", "rule_title = mine")
    edit(folder, "savedsearches", "security_domain = endpoint", "security_domain = threat")
    edit(folder, "savedsearches", "nes_fields = dest_user_id,dest_device_id", "nes_fields = user")
    edit(folder, "macros", "search *", "search NOT user=backup")
    assert run(changed(version=3, description="New.", confidence=80, impact=80))[0] == 0
    stanza = values(folder, "savedsearches")[SAVED]
    assert (stanza["enableSched"], stanza["action.email"], stanza["description"]) == ("1", "1", "New.")
    shown = [stanza[f"action.notable.param.{key}"] for key in ("severity", "rule_title", "security_domain")]
    assert [*shown, stanza["action.notable.param.nes_fields"]] == ["critical", "mine", "threat", "user"]
    assert json.loads(stanza["action.correlationsearch.metadata"])["detection_version"] == "3"
    assert values(folder, "macros")[f"{STEM}_filter"]["definition"] == "search NOT user=backup"


def test_each_setting_that_changes_is_reported_and_a_lower_version_too(run, folder):
    assert "conf: " not in run(GOOD)[1]
    edit(folder, "ssa_detections", "impact = 50", "impact = 20")
    edit(folder, "ssa_detections", "nist =", "nist = DE.CM")
    edit(folder, "ssa_detections", "description = Finds", "description = Long ago this found")
    edit(folder, "savedsearches", "enableSched = 0", "enableSched = 1")
    out = run(changed(version=1, impact=70))[1]
    assert "  note: version 2 was there, and the file's is lower\n" in out
    changes = "version 2 → 1, description, impact 20 → 70, nist DE.CM → (empty)"
    assert f"  note: ssa_detections.conf: {changes}\n" in out
    assert "  note: savedsearches.conf: enableSched stays 1, action.correlationsearch.metadata, action." in out
    assert "analyticstories.conf: " not in out


def test_a_setting_that_default_has_is_reported_as_well_when_it_changes(run):
    facts = values(ROOT, "ssa_detections")[GIVEN]
    out = run(changed(name=GIVEN, id=facts["id"], impact=10))[1]
    assert "version 1 → 2" in out
    assert "impact 70 → 10" in out


def test_a_shipped_detection_keeps_its_schedule_wherever_that_stands(run, folder):
    facts = values(ROOT, "ssa_detections")[GIVEN]
    default = folder / "default/savedsearches.conf"  # as a deployer leaves it, who merges local into default
    default.write_text(
        default.read_text().replace("enableSched = 0\ncron_schedule = 0 ", "enableSched = 1\ncron_schedule = 9 ")
    )
    assert run(changed(name=GIVEN, id=facts["id"]))[0] == 0
    stanza = values(folder, "savedsearches")[f"SSA - {GIVEN} - Rule"]
    assert (stanza["enableSched"], stanza["cron_schedule"]) == ("1", "9 * * * *")


def test_a_narrowed_prefilter_stays_until_the_search_changes(run, folder):
    name = f"{STEM}_prefilter"
    assert run(GOOD)[0] == 0
    edit(folder, "macros", 'definition = reg process="*save*"\n', "definition = reg save\n")
    assert name not in run(changed(version=3))[1].partition("has them now")[0]
    assert values(folder, "macros")[name]["definition"] == "reg save"
    out = run(changed(version=4, search=SEARCH.replace("reg.exe", "regedit.exe")))[1]
    assert f"  note: the search has changed, and with it the macro {name}; it was: reg save\n" in out
    assert values(folder, "macros")[name]["definition"] == 'regedit process="*save*"'


def test_what_a_shipped_detection_requires_goes_with_its_search(run, folder):
    facts, stem = values(ROOT, "ssa_detections")[GIVEN], pages.slug(GIVEN)
    assert run(changed(name=GIVEN, id=facts["id"]))[0] == 0
    macros = values(folder, "macros")
    assert macros[f"{stem}_prefilter"]["definition"] == 'reg process="*save*"'
    accelerated = 'Processes.process_name="reg.exe" Processes.process="*save*"'
    assert macros[f"{stem}_tstats_where"]["definition"] == accelerated


def test_a_prefilter_that_was_made_in_advance_stays_and_is_reported(run, folder):
    (folder / "local").mkdir()
    (folder / "local/macros.conf").write_text(f"[{STEM}_prefilter]\ndefinition = reg\n[{STEM}_filter]\n")
    assert f"  note: the macro {STEM}_prefilter was there before the detection and stays: reg\n" in run(GOOD)[1]
    macros = values(folder, "macros")
    assert (macros[f"{STEM}_prefilter"], macros[f"{STEM}_filter"]["definition"]) == ({"definition": "reg"}, "search *")


def test_a_story_that_a_new_version_drops_is_reported(run):
    assert run(GOOD)[0] == 0
    out = run(changed(version=3, analytic_story=["Other"]))[1]
    assert (
        "  note: the story Example Hives is no longer stated, and its stanza still lists the search: see to it\n" in out
    )


@pytest.mark.parametrize("end", ["\r", "\r\n"])
def test_confs_with_other_line_ends_are_read_as_the_command_reads_them(run, folder, end):
    (folder / "local").mkdir()
    text = f"[{STEM}_filter]\ndefinition = search \\\nNOT user=backup\n[mine]\ndefinition = x\n"
    (folder / "local/macros.conf").write_bytes(text.replace("\n", end).encode())
    assert run(GOOD)[0] == 0
    assert values(folder, "macros")[f"{STEM}_filter"] == {"definition": "search \nNOT user=backup"}
    assert b"\n" not in (folder / "local/macros.conf").read_bytes().replace(end.encode(), b"")


def test_a_base_macro_that_a_user_has_narrowed_stays(run, folder):
    (folder / "local").mkdir()
    (folder / "local/macros.conf").write_text("[ssa_endpoint_registry_events]\ndefinition = index=edr\n")
    assert run(changed(datamodel=["Endpoint_Registry"]))[0] == 0
    assert values(folder, "macros")["ssa_endpoint_registry_events"]["definition"] == "index=edr"


def test_a_symbolic_link_stays_one(run, folder, tmp_path):
    (folder / "local").mkdir()
    (tmp_path / "managed.conf").write_text("# managed\n")
    (folder / "local/macros.conf").symlink_to(tmp_path / "managed.conf")
    assert run(GOOD)[0] == 0
    assert (folder / "local/macros.conf").is_symlink()
    assert (tmp_path / "managed.conf").read_text().startswith("# managed\n")


def test_files_keep_their_mode_and_new_ones_are_readable_as_their_folder_is(run, folder):
    (folder / "local").mkdir(mode=0o755)
    (folder / "local").chmod(0o755)
    (folder / "local/macros.conf").write_text("# mine\n")
    (folder / "local/macros.conf").chmod(0o640)
    assert run(GOOD)[0] == 0
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (folder / "local").iterdir()}
    assert modes.pop("macros.conf") == 0o640
    assert set(modes.values()) == {0o644}


def test_a_new_local_folder_has_the_owner_and_mode_of_the_app(run, folder, monkeypatch):
    folder.chmod(0o750)
    given = []
    monkeypatch.setattr(os, "chown", lambda path, user, group: given.append((Path(path).parent, user, group)))
    assert run(GOOD)[0] == 0
    owner = (folder.stat().st_uid, folder.stat().st_gid)
    assert given == [(folder, *owner)] + [(folder / "local", *owner)] * 5
    assert stat.S_IMODE((folder / "local").stat().st_mode) == 0o750
    assert {stat.S_IMODE(path.stat().st_mode) for path in (folder / "local").iterdir()} == {0o640}


# -- what is refused


@pytest.mark.parametrize("case", WRONG, ids=[case["title"] for case in WRONG])
def test_a_wrong_file_is_refused_with_place_and_remedy(run, folder, tmp_path, case):
    if "file" not in case:
        assert case["from"] in GOOD
    text = case["file"] if "file" in case else GOOD.replace(case["from"], case["to"])
    code, out, err = run(text)
    assert (code, out) == (1, "")
    assert err.startswith(str(tmp_path / "1.yml"))
    assert case["says"] in err
    assert err.endswith("\nNothing was written.\n")
    assert not (folder / "local").exists()


def test_a_search_that_does_not_compile_is_shown_with_a_caret(run):
    _, _, err = run(GOOD.replace('like(cmd_line, "% save %")', 'likes(cmd_line, "% save %")'))
    shown, caret = err.splitlines()[1:3]
    assert shown[caret.index("^") :].startswith("likes(")


@pytest.mark.parametrize("text", ["[" * 5000, "{a: " * 5000, "- " * 5000])
def test_a_file_that_is_nested_too_deeply_is_refused(run, text):
    code, _, err = run(text)
    assert code == 1
    assert "this is not the YAML of a detection: " in err


def test_a_file_that_is_too_large_or_no_text_is_refused(run):
    assert "it has 1,000,001 bytes, more than 1,000,000" in run("#" * 1_000_001)[2]
    assert "this is not the YAML of a detection: " in run(b"name: \xff\xfe")[2]


def test_a_missing_file_and_a_folder_are_refused(folder, tmp_path, capsys):
    assert main(["import", str(tmp_path / "none.yml"), str(tmp_path), "--app", str(folder)]) == 1
    err = capsys.readouterr().err
    assert f"{tmp_path / 'none.yml'}: cannot be read: No such file or directory" in err
    assert f"{tmp_path}: cannot be read: Is a directory" in err


def test_a_folder_that_is_not_the_app_is_refused(tmp_path, capsys):
    (tmp_path / "1.yml").write_text(GOOD)
    assert main(["import", str(tmp_path / "1.yml"), "--app", str(tmp_path)]) == 1
    assert (
        "is not the app's folder: it has no default/ssa_detections.conf. Give it with --app" in capsys.readouterr().err
    )


@pytest.mark.parametrize("name", ["values.py", "functions/casting.py"])
@pytest.mark.parametrize("text", [None, "# another version"])
def test_an_app_with_another_language_is_refused(run, folder, name, text):
    path = folder / "bin/ssa/language" / name
    path.unlink()
    if text is not None:
        path.write_text(text)
    code, _, err = run(GOOD)
    assert (code, "what compiles here may not run there: install this version there first" in err) == (1, True)
    assert not (folder / "local").exists()


def test_every_wrong_file_of_a_call_is_named_and_the_right_ones_are_not_written(run, folder):
    code, _, err = run(GOOD, "- x", "")
    assert code == 1
    assert ("2.yml: " in err, "3.yml: " in err, "1.yml" in err) == (True, True, False)
    assert not (folder / "local").exists()


def test_a_name_of_a_shipped_detection_needs_its_id(run, folder):
    _, _, err = run(changed(name=GIVEN))
    assert f"name: '{GIVEN}' exists ({folder}/default/ssa_detections.conf, line 7), with the id 8d1d5570-" in err


def test_an_id_of_another_detection_is_refused(run, folder):
    assert run(GOOD)[0] == 0
    before = contents(folder)
    code, _, err = run(changed(name="Renamed", id=ID.upper()))
    assert code == 1
    assert f"id: {ID.upper()} is the id of '{NAME}' ({folder}/local/ssa_detections.conf, line 1)" in err
    assert contents(folder) == before


def test_names_that_would_share_their_macros_are_refused(run):
    _, _, err = run(GOOD, changed(name="example hive: saved with REG", id=ID.replace("5b", "6c")))
    assert f"would share the macros {STEM}_… with '{NAME}'" in err


def test_one_name_in_two_files_is_refused(run):
    _, _, err = run(GOOD, GOOD)
    assert f"2.yml: name: '{NAME}' is also in " in err


def test_a_conf_that_is_malformed_already_is_named(run, folder):
    (folder / "local").mkdir()
    (folder / "local/macros.conf").write_text("[open\n")
    code, _, err = run(GOOD)
    assert code == 1
    assert "macros.conf, line 1: the stanza '[open' is not closed with ]" in err


@pytest.mark.parametrize("listed", ["a, b", '"abc"', '{"a": 1}', "5", "null", "[1]", "[" * 9999])
@pytest.mark.parametrize("key", ["searches", "references"])
def test_a_story_whose_list_cannot_be_read_is_named(run, folder, key, listed):
    (folder / "local").mkdir()
    (folder / "local/analyticstories.conf").write_text(f"[analytic_story://Example Hives]\n{key} = {listed}\n")
    place = f"{folder}/local/analyticstories.conf, line 2: [analytic_story://Example Hives] {key}"
    assert run(GOOD)[2].startswith(f"{place}: expected a JSON list of texts: correct it\n")


NO_SPACE = OSError(28, "No space left on device")


@pytest.mark.parametrize("error", [NO_SPACE, KeyboardInterrupt()])
@pytest.mark.parametrize("there", [True, False])
@pytest.mark.parametrize(("step", "fails"), [*(("replace", number) for number in range(4)), ("chmod", 0), ("chmod", 2)])
def test_when_a_file_cannot_be_written_all_are_as_before(run, folder, monkeypatch, there, step, fails, error):
    if there:
        (folder / "local").mkdir()
        for name in ("macros", "ssa_detections", "analyticstories", "savedsearches"):
            (folder / "local" / f"{name}.conf").write_text("# mine\n")
    before, real, calls = contents(folder), getattr(Path, step), []

    def failing(path, *arguments):
        calls.append(path)
        if len(calls) == fails + 1:
            raise error
        return real(path, *arguments)

    monkeypatch.setattr(Path, step, failing)
    if error is NO_SPACE:
        code, out, err = run(GOOD)
        assert (code, out) == (1, "")
        place, _, problem = err.partition(": ")
        assert problem == "cannot be written: No space left on device\nNothing was written.\n"
        assert Path(place).name in {
            "local",
            "macros.conf",
            "ssa_detections.conf",
            "analyticstories.conf",
            "savedsearches.conf",
        }
    else:
        with pytest.raises(KeyboardInterrupt):
            run(GOOD)
    assert contents(folder) == before
    assert (folder / "local").exists() == there


@pytest.mark.parametrize("text", ["ends with \\", "two\n  lines ", " begins with a blank"])
def test_a_text_that_a_conf_would_not_give_back_is_never_written(folder, text):
    confs = LocalConfs(folder, ["macros"])
    confs.put("macros", "mine", {"definition": text, "iseval": "0"})
    with pytest.raises(
        ImporterError, match=r"local/macros.conf: \[mine\] definition: a conf would not give this text back"
    ):
        confs.check()


def test_a_local_folder_that_is_a_file_is_named(run, folder):
    (folder / "local").write_text("")
    assert f"{folder}/local: cannot be written: File exists\nNothing was written." in run(GOOD)[2]


# -- what it says where

TOOLS = [sys.executable, "-m", "tools"]


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "1.yml"
    path.write_text(GOOD.replace("Backups.", "Bäckups."))
    return path


def test_a_terminal_that_cannot_show_a_letter_gets_its_number(folder, file):
    command = [*TOOLS, "import", file, "--app", folder, "--dry-run"]
    done = subprocess.run(
        command, cwd=ROOT, env={**os.environ, "PYTHONIOENCODING": "ascii"}, capture_output=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"known_false_positives = B\\xe4ckups." in done.stdout


@pytest.mark.parametrize("closed", [True, False])
def test_a_closed_output_does_not_change_the_exit_code(folder, file, closed):
    wrong = file.with_name("2.yml")
    wrong.write_text("search: x")
    for command, code in ((["import", file, "--app", folder], 0), (["explain", file, wrong], 1)):
        reader, writer = os.pipe()
        os.close(reader)
        done = subprocess.run(
            [*TOOLS, *command],
            cwd=ROOT,
            stdout=writer,
            stderr=subprocess.PIPE,
            check=False,
            preexec_fn=(lambda: os.close(1)) if closed else None,
        )
        os.close(writer)
        assert (done.returncode, b"Traceback" in done.stderr, b"Exception" in done.stderr) == (code, False, False)
    assert Catalogue.of_app(str(folder)).find(NAME)


# -- what was imported runs


def test_the_packaged_command_runs_an_imported_detection(run, folder, app, python, tmp_path):
    assert run(GOOD)[0] == 0
    shutil.copytree(folder / "local", app / "local")
    ((hit,),) = Session(app, python, tmp_path, f"detection={NAME}").run([MISS, REG, HIT])
    assert (hit["detection"], hit["risk_score"], hit["risk_severity"]) == (NAME, "12.5", "informational")
    assert json.loads(hit["body"]) == {"cmd_line": REG["process"].lower()}
    (found,) = Session(app, python, tmp_path).run([REG, HIT])
    assert {NAME, GIVEN} <= {hit["detection"] for hit in found}


@pytest.mark.parametrize(("models", "tags"), [(["Endpoint_Processes"], ["process", "report"]),
                                              (["Endpoint_Registry"], ["endpoint", "registry"]),
                                              (["Web", "Endpoint_Processes"], ["process", "report"])])  # fmt: skip
def test_the_saved_search_as_written_finds_the_events_of_its_data_model(run, folder, archive, tmp_path, models, tags):
    assert run(changed(datamodel=models))[0] == 0
    instance = Instance(tmp_path / "home", indexers=2)
    instance.install(archive)
    shutil.copytree(folder / "local", instance.apps / "ssa_detections/local")
    events = [{**REG, "tag": tags}, {**MISS, "tag": tags}, {**REG, "tag": ["other"]}]
    more = [{"index": "main", "_raw": event["process"], "_time": float(event["_time"])} for event in events]
    instance.add_events([{**event, **raw} for event, raw in zip(events, more, strict=True)])
    (row,) = instance.search(instance.saved_search(SAVED)["search"]).rows
    assert (row["detection"], row["dest_device_id"], row["dest_user_id"]) == (NAME, REG["dest"], REG["user"])


def test_a_detection_that_reads_the_raw_event_finds_it(run, folder, archive, tmp_path):
    read = 'like(ucast(map_get(input_event, "_raw"), "string", null), "%secret%")'
    assert run(changed(search=SEARCH.replace('like(cmd_line, "% save %")', read)))[0] == 0
    instance = Instance(tmp_path / "home", indexers=1)
    instance.install(archive)
    shutil.copytree(folder / "local", instance.apps / "ssa_detections/local")
    event = {**REG, "index": "main", "tag": ["process", "report"], "_time": float(REG["_time"])}
    instance.add_events([{**event, "_raw": "reg.exe a secret"}, {**event, "_raw": "reg.exe"}])
    (row,) = instance.search(instance.saved_search(SAVED)["search"]).rows
    assert row["detection"] == NAME


# -- properties

TEXTS = st.one_of(st.text(), st.text(alphabet="ab \t\n\r\\#[]=\"'$`;|é\u2028\u00a0\x00\x1c\ud83d"))


def foreign(text):
    """Whether a conf cannot carry a text: control characters, halves of surrogate pairs."""
    return any(
        (ord(char) < 32 and char not in "\t\n") or ord(char) == 127 or 0xD800 <= ord(char) < 0xE000 for char in text
    )


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    """One app folder for all examples of a property; each begins without local/."""
    return new_folder(tmp_path_factory.mktemp("app"))


def imported(shared, text):
    """Import a text; return the catalogue, or None when it was refused in our own words, with nothing written."""
    shutil.rmtree(shared / "local", ignore_errors=True)
    file = shared / "x.yml"
    file.write_text(text)
    if main(["import", str(file), "--app", str(shared)]) == 0:
        return Catalogue.of_app(str(shared))
    assert not (shared / "local").exists()
    return None


@given(description=TEXTS, message=TEXTS)
@example("# a", "[b]")
@example("a\\\nb", "$x$\\ $y$")
def test_any_text_comes_back_on_one_line_or_is_refused(shared, description, message):
    folded = [" ".join(text.split()) for text in (description, message)]
    refused = any(not text or text.endswith("\\") or foreign(text) for text in folded)
    detection = imported(shared, changed(description=description, message=message))
    assert (detection is None) == refused
    if detection is not None:
        assert [detection.find(NAME).description, detection.find(NAME).message] == folded
        assert len(detection.names) == len(SHIPPED) + 1


PARTS = st.sampled_from([
    *(": ", "- ", "\n", " ", "  ", "[", "]", "{", "}", ",", "&a ", "*a", "<<: ", "|", ">-", "'", '"', "#", "? "),
    "---\n",
    *("!!int ", "!!bool ", "!!timestamp ", "!!set ", "!!binary ", "name", "search", "tags", "2026-13-01", "~", "\t"),
])  # fmt: skip
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.dates() | st.binary(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.integers() | st.none(), inner),
    max_leaves=5,
)
KEYS = st.sampled_from([*yaml.safe_load(GOOD), *yaml.safe_load(GOOD)["tags"]])


@given(text=st.lists(PARTS, max_size=30).map("".join))
@example("!!timestamp x: !!int y")
@example("? {? a}")
def test_any_other_file_is_refused_in_our_own_words(shared, text):
    assert imported(shared, text) is None


@given(key=KEYS, value=VALUES)
def test_any_value_of_any_key_is_taken_or_refused_in_our_own_words(shared, key, value):
    detection = imported(shared, changed(**{key: value}))
    if detection is not None:
        assert detection.names[0] == GIVEN
        assert len(detection.names) == len(SHIPPED) + 1
        assert detection.find(detection.names[-1])


@given(literal=TEXTS, comment=st.text(alphabet="a \n#[=\\"))
@example("a \\\nb", "")
@example("a\n\n[b]\n# c = d", "\\\n")
def test_any_literal_of_a_search_comes_back_as_it_is_or_is_refused(shared, literal, comment):
    quoted = literal.replace("\\", "\\\\").replace('"', '\\"')
    search = f'from read_ssa_enriched_events() | where x="{quoted}" /* {comment} */ | into write_ssa_detected_events()'
    detection = imported(shared, changed(search=search))
    assert (detection is None) == foreign(literal)
    if detection is not None:
        assert detection.find(NAME).search == search


@given(name=TEXTS)
@example("default")
@example("../../etc/passwd")
@example("x" * 86)
@example("x" * 87)
def test_any_name_becomes_one_stanza_of_each_kind_or_is_refused(shared, name):
    folded = " ".join(name.split())
    refused = foreign(folded) or set(folded) & set('[]"`|$\\') or folded.lower() == "default" or len(folded) > 86
    detection = imported(shared, changed(name=name))
    assert (detection is None) == bool(refused or not pages.slug(folded))
    if detection is not None:
        assert detection.names == [*SHIPPED, folded]
        assert values(shared, "savedsearches").keys() - values(ROOT, "savedsearches").keys() == {
            f"SSA - {folded} - Rule"
        }
        assert {path.name for path in shared.iterdir()} == {"bin", "default", "local", "x.yml"}
        assert len(list((shared / "local").iterdir())) == 5


LINES = st.lists(
    st.sampled_from(
        ["k = v", "k=w  ", "  k = long \\\n  tail", "k = end \\\n\\\nx", "# c", "", "  # [x]", "m = 1 = 2"]
    ),
    max_size=6,
).map(lambda lines: "".join(line + "\n" for line in lines))


@given(before=LINES, own=LINES, after=LINES, there=st.booleans(), end=st.sampled_from(["\n", "\r\n"]))
def test_other_stanzas_and_comments_stay_whatever_surrounds_them(before, own, after, there, end):
    head = f"{before}[one]\n{before}"
    stanza = f"[x]\n{own}" if there else ""
    tail = f"[two]\n{after}"
    text = ConfText((head + stanza + tail).replace("\n", end))
    text.put("x", {"k": "new\nline", "n": "2"})
    now = text.text
    assert now.startswith(head.replace("\n", end))
    assert (tail in now.replace(end, "\n")) and (not there or now.endswith(tail.replace("\n", end)))
    parsed, was = conf.parse(now.replace(end, "\n"), ""), conf.parse(head + stanza + tail, "")
    assert (parsed["x"]["k"].value, parsed["x"]["n"].value) == ("new\nline", "2")
    for name in was.keys() - {"x"}:
        assert {key: s.value for key, s in parsed[name].items()} == {key: s.value for key, s in was[name].items()}
    if there:
        assert [line for line in own.split("\n") if line.strip().startswith("#") and line not in now] == []
        assert "m = 1" not in own or parsed["x"]["m"].value == "1 = 2"

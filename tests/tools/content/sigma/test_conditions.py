"""Rules of our own become detections that find what they say: by the tables of cases.toml, and by another matcher."""

import json
import tomllib
from pathlib import Path

import pytest
import yaml

from ssa.rows.hits import detect
from tests.support.sigma.matcher import Event, matcher
from tools.content.sigma.conversion import convert, convert_one, detection
from tools.content.sigma.mapping import SHIPPED, MappingError, RuleMapping

TABLE = tomllib.loads(Path(__file__).with_name("cases.toml").read_text("utf-8"))
RULE = {"title": "Ours", "id": "b0a5a0a0-0000-4000-8000-00000000000a", "level": "high", "status": "test"}
LOGSOURCE = {"product": "windows", "category": "process_creation"}
PLACEHOLDERS = {"Administrators": ["adm_*", "root"], "Servers": ["web1", "db\\*"]}


@pytest.fixture(scope="module")
def mapping(tmp_path_factory):
    """The shipped mapping, with placeholders."""
    folder = tmp_path_factory.mktemp("mapping")
    (folder / "servers.csv").write_text("host,owner\nweb1,a\ndb*,b\nweb1,c\n,d\n")
    text = SHIPPED.read_text("utf-8").replace(
        "[placeholders]",
        '[placeholders]\nAdministrators = ["adm_*", "root"]\nServers = { lookup = "servers.csv", column = "host" }',
    )
    (folder / "own.toml").write_text(text)
    return RuleMapping(folder / "own.toml")


def convert_rule(mapping, text, **others):
    rule = {**RULE, "logsource": LOGSOURCE, "detection": yaml.safe_load(text), **others}
    return convert_one("ours.yml", rule, [], mapping)


def as_row(mapping, event):
    """The row of an event: CIM's columns, and of a path its last part."""
    source = mapping.sources[0]
    row = {source.field(name).columns[0]: value for name, value in event.items()}
    for path in ("process", "parent_process"):
        if f"{path}_path" in row:
            row[f"{path}_name"] = row[f"{path}_path"].rpartition("\\")[2]
    return row


@pytest.mark.parametrize("case", TABLE["case"], ids=lambda case: case["about"])
def test_a_rule_finds_what_it_says(mapping, case):
    converted = convert_rule(mapping, case["detection"])
    assert converted.reason == ""
    found = detection(converted.name, converted.settings)
    is_match = matcher(yaml.safe_load(case["detection"]), PLACEHOLDERS)
    for key, fires in (("fires", True), ("silent", False)):
        for event in case.get(key, ()):
            assert bool(detect(found, as_row(mapping, event))) is fires, event
            assert is_match(Event(event, event.get("_raw", ""))) is fires, event
    for key, fires in (("rows", True), ("other_rows", False)):
        for row in case.get(key, ()):
            assert bool(detect(found, row)) is fires, row


def test_the_table_has_events_of_both_kinds_for_each_rule():
    for case in TABLE["case"]:
        assert case.get("fires") or case.get("rows"), case["about"]
        assert case.get("silent") or case.get("other_rows"), case["about"]


@pytest.mark.parametrize("case", TABLE["refused"], ids=lambda case: case["reason"][:60])
def test_what_cannot_be_converted_is_refused_with_a_reason(tmp_path, case):
    (tmp_path / "rule.yml").write_text(case["rule"])
    (tmp_path / "sound.yaml").write_text(
        yaml.safe_dump({**RULE, "logsource": LOGSOURCE, "detection": {"a": {"x": 1}, "condition": "a"}})
    )
    refused, sound = sorted(convert([tmp_path], RuleMapping()), key=lambda one: one.file)
    assert case["reason"] in refused.reason
    assert (refused.file, refused.name, refused.settings) == ("rule.yml", "", {})
    assert sound.name == "Ours b0a5a0a0"


HEAD = "title: t\nlogsource: {category: process_creation}\n"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (HEAD + "x: " + "[" * 200_000 + "]" * 200_000, "nested more than 20 deep"),
        ("".join(" " * depth + "a:\n" for depth in range(900)), "nested more than 20 deep"),
        (HEAD + "x: '" + "y" * 1_000_000 + "'", "more than 1,000,000 bytes"),
        (HEAD + "detection: {a: {x: 1}, condition: '" + "not " * 3_000 + "a'}", "RecursionError"),
        (HEAD + "detection: {a: {x: " + "9" * 5_000 + "}, condition: a}", "the file is not YAML: Exceeds the limit"),
        (HEAD + "detection: {" + "a" * 200 + ": {x: 1}, condition: '1 of " + "a*" * 200 + "b'}", "match any detection"),
        (HEAD + "detection: {a: {x|re: '" + "(a{1,100}){1,100}" * 20 + "'}, condition: a}", "the regex is too long"),
        (
            HEAD
            + "detection: {a: {x|windash: ["
            + ",".join(f"' -a{n} -b -c'" for n in range(900))
            + "]}, condition: a}",
            "characters, more than 1,000,000",
        ),
    ],
    ids=["flow", "block", "bytes", "not", "number", "selector", "regex", "windash"],
)
def test_what_is_made_to_take_long_or_to_crash_is_refused(tmp_path, text, reason):
    (tmp_path / "rule.yml").write_text(text)
    (refused,) = convert([tmp_path], RuleMapping())
    assert reason in refused.reason


def test_equal_values_of_a_field_are_looked_up_in_one_list(mapping):
    text = "s: [{Image|endswith: '\\a.exe'}, {Image|endswith: ['\\b.exe', '\\A.exe']}, {OriginalFileName: c}]"
    search = convert_rule(mapping, f"{text}\ncondition: s").settings["search"]
    assert 'where (lower_of_process_name IN ("a.exe", "b.exe") OR lower_of_original_file_name = "c") |' in search


def test_without_names_the_path_is_asked(tmp_path):
    own = tmp_path / "own.toml"
    own.write_text(SHIPPED.read_text("utf-8").replace('Image = "process_name"\n', ""))
    converted = convert_rule(RuleMapping(own), "s: {Image|endswith: '\\a.exe'}\ncondition: s")
    found = detection(converted.name, converted.settings)
    assert [bool(detect(found, row)) for row in ({"process_path": "C:\\a.exe"}, {"process_name": "a.exe"})] == [
        True,
        False,
    ]


def test_a_rule_says_on_which_events_it_can_fire(mapping):
    cases = {
        "s: {CommandLine: x}\ncondition: s": ("Sysmon 1", "Security 4688"),
        "s: {OriginalFileName: x}\ncondition: s": ("Sysmon 1",),
        "s: {CommandLine: x}\nf: {Company: y}\ncondition: s and not f": ("Sysmon 1", "Security 4688"),
        "s: {CommandLine: x}\nf: {Company: null}\ncondition: s and not f": ("Sysmon 1",),
        "s: [{CommandLine: x}, {Company: y}]\ncondition: s": ("Sysmon 1", "Security 4688"),
        "s: {Strange: x}\ncondition: s": (),
        "s: {Strange|exists: false}\ncondition: s": ("Sysmon 1", "Security 4688"),
    }
    for text, fires_on in cases.items():
        assert convert_rule(mapping, text).fires_on == fires_on, text
    assert convert_rule(mapping, "s: {Strange: x, Odd|fieldref: Other}\ncondition: s").unknown == (
        "Odd",
        "Other",
        "Strange",
    )


def test_a_filter_file_narrows_the_rules_that_it_names(tmp_path, mapping):
    rule = {**RULE, "logsource": LOGSOURCE, "detection": {"a": {"CommandLine|contains": "evil"}, "condition": "a"}}
    others = {"title": "Other", "id": "b0a5a0a0-0000-4000-8000-00000000000b"}
    body = {"rules": [RULE["id"]], "known": {"User": "svc"}, "condition": "not known"}
    documents = [rule, {**rule, **others}, {"title": "f", "logsource": LOGSOURCE, "filter": body}]
    (tmp_path / "all.yml").write_text(yaml.safe_dump_all(documents))
    first, second = convert([tmp_path], mapping)
    for converted, fires in ((first, False), (second, True)):
        found = detection(converted.name, converted.settings)
        assert bool(detect(found, {"process": "evil", "user": "svc"})) is fires
        assert detect(found, {"process": "evil", "user": "other"})
    (tmp_path / "all.yml").write_text(yaml.safe_dump_all([rule, {"title": "f", "logsource": LOGSOURCE, "filter": {}}]))
    assert [one.reason.partition(":")[0] for one in convert([tmp_path], mapping)] == ["it is no Sigma filter", ""]


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("high = 55", "high = 155", "expected a number from 0 to 100, found 155"),
        ("medium = 30\n", "", "'medium' is missing"),
        ('columns = ["process", "CommandLine"]', 'columns = "process"', "expected a list of texts"),
        ("[placeholders]", '[placeholders]\nx = { lookup = "none.csv", column = "a" }', "cannot be read"),
        ("[placeholders]", "[placeholders]\nx = []", "a placeholder has 0 values"),
        ("[impact]", "[impact", "cannot be read"),
        ("[[source]]", "[[sources]]", "compare the file with"),
    ],
)  # fmt: skip
def test_a_wrong_mapping_file_is_named_with_what_is_wrong(tmp_path, old, new, problem):
    own = tmp_path / "own.toml"
    text = SHIPPED.read_text("utf-8")
    assert old in text
    own.write_text(text.replace(old, new))
    with pytest.raises(MappingError) as error:
        RuleMapping(own)
    assert problem in str(error.value)
    assert str(own) in str(error.value)


def test_the_observables_of_the_mapping_are_those_of_a_stanza(mapping):
    settings = convert_rule(mapping, "s: {x: 1}\ncondition: s").settings
    assert [one["name"] for one in json.loads(settings["observables"])] == [
        "dest_user_id",
        "dest_device_id",
        "process_name",
        "parent_process_name",
    ]

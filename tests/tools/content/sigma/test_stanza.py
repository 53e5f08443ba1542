"""What a rule's stanza says beside its search: names that are safe, scores, texts that stay within their setting."""

import re

import pytest
import yaml

from ssa.content import conf
from ssa.content.detection import CONF, Catalogue
from tools import ROOT
from tools.content.conf_text import ConfText
from tools.content.sigma.conversion import convert, convert_one, detection
from tools.content.sigma.mapping import RuleMapping
from tools.content.stanzas import PLAIN

MAPPING = RuleMapping()
RULE = {
    "title": "Odd Tool",
    "id": "0f6da907-5854-4be6-859a-e9958747b0aa",
    "logsource": {"product": "windows", "category": "process_creation"},
    "detection": {"a": {"CommandLine|contains": "odd"}, "condition": "a"},
}
HOSTILE = (
    "a] b",
    "[default]",
    "x\n[evil]\nsearch = | delete",
    "x\r\nid = 1",
    "x\u2028y\x85z",
    "ends with \\",
    "\\",
    "$process$ $$",
    '"] | delete `x` ```',
    "# comment",
    "\u202egnp.exe",
    "\x00\x1b[31m",
    "a" * 256,
    "\ud800",
    " ",
    "../../etc/passwd",
    "default",
)


def converted(**changed):
    return convert_one("windows/odd.yml", {**RULE, **changed}, [], MAPPING)


def test_a_stanza_says_whose_rule_it_is_and_what_it_counts():
    one = converted(
        level="high",
        status="stable",
        author="Ann Author, Bob",
        description="Finds\nodd tools",
        date="2024-01-02",
        modified="2025-11-25",
        references=["https://example.org/a,b", "a book, page 3"],
        falsepositives=["Admins", "Odd admins"],
        tags=["attack.execution", "attack.t1059.001", "attack.t1003", "attack.s0002", "cve.2021-44228"],
    )
    settings = dict(one.settings)
    assert settings.pop("search").startswith("| from read_ssa_enriched_events() | eval timestamp=")
    assert settings.pop("observables").startswith('[{"name":"dest_user_id","type":"User","role":"Victim"},')
    assert settings.pop("how_to_implement").startswith("Ingest process creation events")
    assert settings == {
        "id": "0f6da907-5854-4be6-859a-e9958747b0aa",
        "version": "20251125",
        "date": "2025-11-25",
        "author": "Ann Author, Bob",
        "license": "DRL 1.1",
        "source": "Sigma: odd.yml",
        "level": "high",
        "status": "stable",
        "tags": "attack.execution, attack.t1059.001, attack.t1003, attack.s0002, cve.2021-44228",
        "type": "TTP",
        "product": "Sigma",
        "datamodel": "Endpoint_Processes",
        "description": "Finds odd tools",
        "impact": "55",
        "confidence": "100",
        "message": "Odd Tool (Sigma rule by Ann Author, Bob) on $dest_device_id$ by $dest_user_id$: $process$",
        "mitre_attack_id": "T1059.001, T1003",
        "cve": "CVE-2021-44228",
        "analytic_story": "Sigma Windows process creation",
        "known_false_positives": "Admins; Odd admins",
        "references": "https://example.org/a%2Cb, a book; page 3",
    }
    assert one.name == "Odd Tool 0f6da907"
    found = detection(one.name, one.settings)
    assert found.tokens == ("dest_device_id", "dest_user_id", "process")
    assert all(PLAIN.fullmatch(name) for name in found.needs)


@pytest.mark.parametrize(
    ("level", "status", "score", "kind"),
    [
        ("informational", "stable", 0, "Anomaly"),
        ("low", "test", 15, "Anomaly"),
        ("medium", "stable", 30, "Anomaly"),
        ("high", "test", 55, "TTP"),
        ("critical", "stable", 85, "TTP"),
        ("low", "experimental", 7.5, "Anomaly"),
        ("critical", "experimental", 42.5, "TTP"),
        (None, None, 30, "Anomaly"),
    ],
)
def test_level_and_status_are_a_score_and_a_type(level, status, score, kind):
    one = converted(level=level, status=status)
    found = detection(one.name, one.settings)
    assert (found.risk_score, found.type) == (score, kind)


def test_two_high_rules_cross_the_threshold_and_one_critical_is_severe():
    scores = {level: detection("x", converted(level=level).settings) for level in ("high", "critical")}
    assert scores["high"].risk_score * 2 > 100
    assert scores["critical"].severity == "critical"


@pytest.mark.parametrize("text", HOSTILE)
def test_no_text_of_a_rule_leaves_its_setting(text):
    """Whatever a title, an author or a file is: the conf has one stanza, its keys, and the search."""
    sound = converted()
    one = convert_one(
        text,
        {
            **RULE,
            **{"title": text, "author": text, "description": text, "license": text, "references": [text]},
            **{"falsepositives": [text], "tags": [f"attack.{text}", f"cve.{text}", f"attack.t1059,{text}"]},
        },
        [],
        MAPPING,
    )
    assert one.reason == ""
    assert re.fullmatch(r"[^\[\]\"`|$\\\n\r]{1,86}", one.name)
    assert one.name.isprintable()
    text_of_conf = ConfText("")
    text_of_conf.put(one.name, one.settings)
    stanzas = conf.parse(text_of_conf.text, "x.conf")
    assert [*stanzas] == [one.name]
    assert stanzas[one.name].keys() == one.settings.keys() == sound.settings.keys()
    found = Catalogue(stanzas).find(one.name)
    assert found.tokens == ("dest_device_id", "dest_user_id", "process")
    assert found.search == sound.settings["search"]
    assert found.mitre_attack_id == ()


@pytest.mark.parametrize("text", [*HOSTILE, '\\" | delete', '%") OR true'])
def test_no_value_of_a_rule_leaves_its_string(text):
    """A value is found as it is, or refused for what a conf cannot carry: it is never read as SSA."""
    plain = text.replace("\\", "\\\\").replace("*", "\\*").replace("?", "\\?")
    one = converted(detection={"a": {"x": plain, "y": plain}, "condition": "a"})
    if one.reason:
        assert "a conf cannot carry the character" in one.reason
        return
    found = detection(one.name, one.settings)
    row = {"x": text, "y": text}
    assert [bool(hits) for hits in (found.plan.run(row, ()), found.plan.run({**row, "y": text + "."}, ()))] == [
        True,
        False,
    ]


def test_names_of_equal_titles_differ_and_of_equal_ids_the_first_counts(tmp_path):
    other = {**RULE, "id": "1f6da907-5854-4be6-859a-e9958747b0aa"}
    near = {**RULE, "id": "0f6da907-5854-4be6-859a-e9958747b0ab"}
    for name, rule in {"a": RULE, "b": other, "c": {**RULE, "title": "Third"}, "d": near}.items():
        (tmp_path / f"{name}.yml").write_text(yaml.safe_dump(rule))
    found = list(convert([tmp_path], MAPPING))
    assert [one.name for one in found] == ["Odd Tool 0f6da907", "Odd Tool 1f6da907", "", f"Odd Tool {near['id']}"]
    assert found[2].reason == "its id is that of a rule in a.yml"


def test_a_rule_without_an_id_has_one_that_stays():
    rule = {key: value for key, value in RULE.items() if key != "id"}
    ids = {convert_one(file, rule, [], MAPPING).settings["id"] for file in ("a.yml", "b.yml")}
    assert len(ids) == 1
    assert convert_one("a.yml", {**rule, "title": "Other"}, [], MAPPING).settings["id"] not in ids


def test_the_spec_explains_every_setting_of_a_stanza():
    spec = (ROOT / f"README/{CONF}.conf.spec").read_text("utf-8")
    assert [key for key in converted().settings if not re.search(rf"^{key} = ", spec, re.MULTILINE)] == []

"""Published rules and ours: what the list must hold, and the section that is written from it."""

import pytest

from tools.docs.pages import shipped
from tools.evaluate import published
from tools.evaluate.published import RELATIONS, REPOSITORIES, PublishedError, load, section

RULES = load()
ENTRY = {
    "repository": "Sigma",
    "name": "A rule",
    "id": "1",
    "path": "rules/a.yml",
    "looks_for": "Something.",
    "ours": ["A detection"],
    "relation": "wider",
}


def test_every_detection_that_the_list_names_is_shipped():
    assert {name for rule in RULES for name in rule.ours} <= {*shipped().names}


def test_every_shipped_detection_has_a_published_rule_beside_it():
    assert {name for rule in RULES for name in rule.ours} >= {*shipped().names}


def test_the_list_has_rules_of_every_repository_and_relation_worth_a_page():
    assert len(RULES) >= 70
    assert {rule.repository for rule in RULES} == {*REPOSITORIES}
    assert {rule.relation for rule in RULES} == {*RELATIONS}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: f"{rule.repository} {rule.id}")
def test_an_entry_is_short_and_written_out(rule):
    assert len(rule.looks_for) <= 170
    assert rule.looks_for.endswith(".")
    assert not rule.why or (rule.why.endswith(".") and rule.relation in published.LACKING)
    assert rule.path.endswith((".toml", ".yml"))


def read(tmp_path, *entries):
    """Load a list of these entries."""
    file = tmp_path / "list.toml"
    file.write_text("".join(
        "[[rules]]\n" + "".join(f"{name} = {value!r}\n" for name, value in entry.items()) for entry in entries
    ))  # fmt: skip
    return load(file)


def test_a_right_entry_is_read(tmp_path):
    (rule,) = read(tmp_path, ENTRY)
    assert rule.ours == ("A detection",)
    assert rule.link == "[A rule](https://github.com/SigmaHQ/sigma/blob/HEAD/rules/a.yml)"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"relation": "similar"}, "relation is one of equal, wider, narrower, none"),
        ({"repository": "Other"}, "repository is one of ESCU, Elastic SIEM, Elastic endpoint, Sigma"),
        ({"relation": "narrower"}, "why is needed where relation is narrower"),
        ({"relation": "none", "ours": []}, "why is needed where relation is none"),
        ({"relation": "none", "why": "Because."}, "relation is none where ours is empty, and only there"),
        ({"ours": []}, "relation is none where ours is empty, and only there"),
        ({"ours": "A detection"}, "ours is a list of names"),
        ({"ours": [1]}, "ours is a list of names"),
        ({"path": ""}, "path is missing"),
        ({"id": 1}, "id is a text"),
        ({"why": 1}, "why is a text"),
        ({"note": "x"}, "note is no field"),
    ],
)
def test_a_wrong_entry_is_refused_by_its_number_and_name(tmp_path, changes, message):
    with pytest.raises(PublishedError, match=r"^list\.toml, rule 2 ") as refused:
        read(tmp_path, ENTRY, {**ENTRY, "id": "2", **changes})
    assert str(refused.value) == f"list.toml, rule 2 (A rule): {message}"


@pytest.mark.parametrize("name", ["looks_for", "ours", "relation", "repository"])
def test_an_entry_without_a_field_is_refused(tmp_path, name):
    with pytest.raises(PublishedError, match=r"^list\.toml, rule 1 \(A rule\): " + name):
        read(tmp_path, {key: value for key, value in ENTRY.items() if key != name})


def test_an_entry_without_a_name_is_refused_by_its_number(tmp_path):
    with pytest.raises(PublishedError, match=r"rule 1 \(without a name\): name is missing"):
        read(tmp_path, {key: value for key, value in ENTRY.items() if key != "name"})


def test_an_id_stands_once_in_a_repository(tmp_path):
    assert len(read(tmp_path, ENTRY, {**ENTRY, "repository": "Elastic SIEM"})) == 2
    with pytest.raises(PublishedError, match="Sigma has 1 2 times"):
        read(tmp_path, ENTRY, ENTRY)


def test_the_section_has_every_rule_and_counts_them_by_repository_and_relation():
    text = section()
    for rule in RULES:
        (line,) = [line for line in text.splitlines() if rule.link in line and f"| {rule.repository}: " in line]
        for name in rule.ours:
            assert name in line
        assert f"| {rule.relation} |" in line
    counts = [sum(rule.relation == relation for rule in RULES) for relation in RELATIONS]
    assert f"| all | {len(RULES)} | {' | '.join(map(str, counts))} |" in text
    sigma = [rule for rule in RULES if rule.repository == "Sigma"]
    assert f"| Sigma | {len(sigma)} | " in text


def test_every_table_of_the_section_has_rows_of_one_width():
    for block in section().split("\n\n"):
        rows = [line.replace("\\|", "") for line in block.splitlines() if line.startswith("|")]
        assert len({row.count("|") for row in rows}) <= 1

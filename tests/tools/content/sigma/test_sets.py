"""Sets of imported rules: what an import writes, how it updates, and that a removal leaves nothing."""

import pytest
import yaml

from ssa.content import conf
from ssa.content.detection import CONF, Catalogue
from tests.support.sigma.own import correlation, rule

SET = "sigma_process_creation"
SEARCH = "SSA - Sigma process_creation - Rule"
IDS = [f"0f6da907-5854-4be6-859a-e9958747b0a{number}" for number in range(10)]


def files(app):
    """The local folder: path -> text."""
    return {path.name: path.read_text() for path in (app / "local").glob("*")} if (app / "local").exists() else None


def local(app, name):
    path = app / f"local/{name}.conf"
    stanzas = conf.parse(path.read_text(), str(path)) if path.exists() else {}
    return {stanza: {key: one.value for key, one in settings.items()} for stanza, settings in stanzas.items()}


def members(app, name=SET):
    return {stanza for stanza, settings in local(app, CONF).items() if settings.get("set") == name}


def told(err):
    """The last lines that the import prints: what it changed."""
    lines = err.partition("\n\n")[0].splitlines()
    return lines[next(at for at, line in enumerate(lines) if "Security 4688" in line) + 1 :]


@pytest.mark.parametrize(
    ("options", "name", "search"),
    [([], SET, SEARCH), (["--set", "mine"], "mine", "SSA - Set mine - Rule")],
)
def test_a_set_has_one_search_one_macro_and_an_entry_in_the_index_for_each_rule(app, run, options, name, search):
    run(*options)
    assert members(app, name) == {"Rule 1 0f6da907", "Rule 2 0f6da907"}
    assert [*local(app, "savedsearches")] == [search]
    assert local(app, "savedsearches")[search]["action.ssa_risk"] == "1"
    assert local(app, "macros") == {f"ssa_set_{name}_filter": {"definition": "search *", "iseval": "0"}}
    assert {one["detection"] for one in local(app, "ssa_detection_index").values()} == members(app, name)


def test_an_update_goes_by_id_and_leaves_what_users_have_set(app, rules, run):
    run()
    path = app / f"local/{CONF}.conf"
    mine = "[Rule 1 0f6da907]\ndisabled = 1\n"
    text = path.read_text().replace("[Rule 1 0f6da907]\n", mine)
    head, _, second = text.partition("[Rule 2 0f6da907]")
    path.write_text(f"# ours\n{head}[Rule 2 0f6da907]{second.replace('impact = 85', 'impact = 20')}")
    macros = app / "local/macros.conf"
    macros.write_text(macros.read_text().replace("search *", "search NOT user=svc"))
    settings = app / "local/ssa_detection_settings.conf"
    settings.write_text("[id:x]\ndisabled = 1\n")
    before = files(app)
    _, _, err = run()
    assert files(app) == before
    assert told(err) == ["unchanged: 2"]
    assert "restart" not in err
    for number, level in ((1, "critical"), (2, "high")):
        changed = rule(number, level=level, status="stable", title="Renamed")
        (rules / f"deep/{number}.yml").write_text(yaml.safe_dump(changed))
    _, _, err = run()
    assert told(err) == ["changed: 2: Rule 1 0f6da907, Rule 2 0f6da907", "unchanged: 0"]
    found = [Catalogue.of_app(str(app)).find(IDS[number]) for number in (1, 2)]
    assert [(one.name, one.disabled, one.impact) for one in found] == [
        ("Rule 1 0f6da907", True, 85),
        ("Rule 2 0f6da907", False, 20),
    ]
    assert "search NOT user=svc" in macros.read_text()
    assert settings.read_text() == before[settings.name]


def test_rules_that_are_no_longer_given_stay_until_they_are_to_be_replaced(app, rules, run):
    run()
    (rules / "deep/1.yml").unlink()
    _, _, err = run()
    assert told(err) == ["not given, they stay (--replace removes them): 1: Rule 1 0f6da907", "unchanged: 1"]
    assert members(app) == {"Rule 1 0f6da907", "Rule 2 0f6da907"}
    (rules / "deep/2.yml").write_text("no rule at all")
    (rules / "deep/4.yml").write_text(yaml.safe_dump(rule(4, level="high", status="test")))
    _, _, err = run("--replace")
    assert told(err) == ["added: 1: Rule 4 0f6da907", "removed: 2: Rule 1 0f6da907, Rule 2 0f6da907", "unchanged: 0"]
    assert members(app) == {"Rule 4 0f6da907"}


def test_a_rule_that_no_longer_converts_stays_as_it_was(app, rules, run):
    run()
    broken = rule(1, level="high", status="test", detection={"condition": "a"})
    (rules / "deep/1.yml").write_text(yaml.safe_dump(broken))
    _, _, err = run("--replace")
    assert told(err) == ["unchanged: 1"]
    assert members(app) == {"Rule 1 0f6da907", "Rule 2 0f6da907"}


OTHERS = {
    f"{CONF}.conf": "# mine\n[Mine]\nid = 1\nset = other\n",
    "macros.conf": "[mine]\ndefinition = x\n\n# last words\n",
    "savedsearches.conf": "[Mine]\r\nsearch = a \\\r\nb\r\n",
}


@pytest.mark.parametrize("before", [None, {}, OTHERS], ids=["no folder", "an empty one", "others"])
@pytest.mark.parametrize("options", [[], ["--set", "mine"]])
def test_a_removed_set_leaves_nothing(app, rules, run, before, options):
    (rules / "c.yml").write_text(
        yaml.safe_dump(correlation(5, "event_count", [IDS[0]], condition={"gte": 2}, **{"group-by": ["User"]}))
    )
    if before is not None:
        (app / "local").mkdir()
        for name, text in before.items():
            (app / "local" / name).write_bytes(text.encode())
    run(*options)
    run(*options)
    assert len(local(app, "savedsearches")) == 2 + ("Mine" in local(app, "savedsearches"))
    code, _, err = run("--remove", "mine" if options else SET, path=None)
    assert (code, err) == (0, f"removed: the set {'mine' if options else SET}, 4 detections, and its searches\n")
    left = {path.name: path.read_bytes().decode() for path in (app / "local").glob("*")}
    assert left == (before or {})


@pytest.mark.parametrize(
    ("name", "problem"),
    [("none", "there is no set none"), ("a] b", "the name of a set: expected"), ("", "the name of a set: expected")],
)
def test_only_a_set_can_be_removed(app, run, name, problem):
    run()
    before = files(app)
    code, _, err = run("--remove", name, path=None)
    assert (code, files(app)) == (2, before)
    assert problem in err


def test_a_rule_is_in_one_set(app, run):
    run("--set", "one")
    code, _, err = run("--set", "two")
    assert code == 1
    assert "refused: deep/1.yml: it is in the set one: remove that one first, or import it with --set one" in err
    assert members(app, "two") == set()


def test_a_rule_never_takes_the_place_of_a_detection_that_is_no_imported_rule(app, rules, run):
    shipped = Catalogue.of_app(str(app))
    taken = shipped.find(shipped.names[0])
    (rules / "deep/1.yml").write_text(yaml.safe_dump(rule(1, level="high", status="test", id=taken.id)))
    (app / "local").mkdir()
    mine = "[Rule 2 0f6da907]\nid = mine\n"
    (app / f"local/{CONF}.conf").write_text(mine)
    _, _, err = run()
    assert f"refused: deep/1.yml: its id is that of the detection {taken.name!r}, which is no imported rule" in err
    assert Catalogue.of_app(str(app)).find(taken.id).search == taken.search
    assert members(app) == {f"Rule 2 {IDS[2]}"}
    assert (app / f"local/{CONF}.conf").read_text().startswith(mine)


def test_rules_of_several_log_sources_are_no_set_of_one_name(app, rules, run, tmp_path):
    from tools.content.sigma.mapping import SHIPPED

    text = SHIPPED.read_text()
    source = text[text.index("[[source]]") :].replace('"process_creation"', '"Other Kind"')
    (tmp_path / "own.toml").write_text(text + "\n" + source)
    other = {"product": "windows", "category": "Other Kind"}
    (rules / "deep/5.yml").write_text(yaml.safe_dump(rule(5, level="high", status="test", logsource=other)))
    code, _, err = run("--mapping", str(tmp_path / "own.toml"), "--set", "x")
    assert code == 2
    assert "--set is for rules of one log source, not of Other Kind, process_creation" in err
    run("--mapping", str(tmp_path / "own.toml"))
    assert members(app, "sigma_other_kind") == {"Rule 5 0f6da907"}
    assert [*local(app, "savedsearches")] == ["SSA - Sigma other_kind - Rule", SEARCH]

"""Correlation rules: their searches find what they say in a sandbox, once, and what cannot be converted is refused."""

from contextlib import closing

import pytest
import yaml

from ssa.content.detection import CONF, Catalogue
from tests.support.app.estate import Estate, process, running
from tests.support.app.schedule import DAY, HOUR
from tests.support.sigma.own import correlation, rule
from tools.__main__ import main
from tools.content.sigma.conversion import convert
from tools.content.sigma.mapping import RuleMapping

ID = "0f6da907-5854-4be6-859a-e9958747b0a{}".format
BY_USER = {"group-by": ["User"]}
CORRELATIONS = {
    3: ("event_count", [ID(1)], {"condition": {"gte": 3}, **BY_USER}),
    4: ("value_count", ["first"], {"condition": {"gt": 1, "field": "Computer"}, **BY_USER}),
    5: ("temporal", ["first", ID(2)], BY_USER),
    6: ("temporal_ordered", ["first", ID(2)], BY_USER),
    7: ("event_count", [ID(1), ID(2)], {"condition": {"gte": 4}}),
    8: ("temporal", [ID(1), ID(2)], {"group-by": ["who"], "aliases": {"who": {ID(1): "User", ID(2): "Computer"}}}),
    9: ("value_count", [ID(1)], {"condition": {"gte": 2, "field": "Event.Device"}, "group-by": ["Event.User"]}),
}
"""By number: each of ten minutes."""


def named(number):
    return f"SSA - Rule {number} 0f6da907 - Rule"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("rules")
    for number, name in ((1, "first"), (2, "second")):
        (folder / f"{number}.yml").write_text(yaml.safe_dump(rule(number, level="low", status="test", name=name)))
    for number, (kind, rules, more) in CORRELATIONS.items():
        (folder / f"{number}.yml").write_text(yaml.safe_dump(correlation(number, kind, rules, **more)))
    return folder


@pytest.fixture(scope="module")
def estate(archive, folder, tmp_path_factory):
    with running(archive, tmp_path_factory.mktemp("estate")) as splunkd, closing(splunkd.instance):
        estate = Estate(splunkd.instance)
        assert main(["sigma", str(folder), "--app", str(estate.local.parent)]) == 0
        yield estate


CASES = [
    ("three within the time, and on with the burst", 3, "0 amy a 1, 60 amy a 1, 500 amy b 1, 510 amy a 1", [500]),
    ("not of three users, nor of more time", 3, "0 amy a 1, 60 bob a 1, 120 eve a 1, 601 amy a 1, 1300 amy a 1", []),
    ("over the border of any fixed window", 3, "3500 amy a 1, 3590 amy a 1, 3610 amy a 1", [3610]),
    ("again after a pause", 3, "0 amy a 1, 1 amy a 1, 2 amy a 1, 700 amy a 1, 701 amy a 1, 702 amy a 1", [2, 702]),
    ("not of another rule", 3, "0 amy a 1, 1 amy a 2, 2 amy a 2, 3 amy a 1", []),
    ("two devices", 4, "0 amy a 1, 5 amy a 1, 9 amy b 1", [9]),
    ("one device in two spellings", 4, "0 amy a 1, 5 amy A 1", []),
    ("both rules, in either order", 5, "0 amy a 2, 5 amy a 1, 50 bob a 1", [5]),
    ("both rules, too far apart", 5, "0 amy a 2, 700 amy a 1", []),
    ("in order", 6, "0 amy a 1, 500 amy b 2", [500]),
    ("in the wrong order", 6, "0 amy a 2, 500 amy b 1", []),
    ("in order, from the last beginning", 6, "0 amy a 1, 500 amy b 1, 900 amy a 2", [900]),
    ("in order, too late", 6, "0 amy a 1, 601 amy b 2", []),
    ("of all users together, and of two rules", 7, "0 amy a 1, 1 bob b 2, 2 eve c 1, 3 amy d 1", [3]),
    ("by what each rule calls it", 8, "0 pat a 1, 4 amy pat 2", [4]),
    ("not by what one of them alone calls so", 8, "0 pat a 1, 4 pat a 2", []),
    ("by columns with a dot in their names", 9, "0 amy a 1, 4 amy b 1", [4]),
    ("not of two by such columns", 9, "0 amy a 1, 4 bob b 1", []),
]


@pytest.mark.parametrize(("about", "number", "events", "expected"), CASES, ids=[case[0] for case in CASES])
def test_a_correlation_fires_once_when_its_condition_becomes_true(estate, about, number, events, expected):
    day = DAY + 24 * HOUR * CASES.index((about, number, events, expected))
    for event in events.split(", "):
        at, user, device, odd = event.split()
        more = {"Event.User": user, "Event.Device": device}
        estate.instance.add_events([process(day + int(at), user, device, f"x.exe odd{odd}", "x.exe", **more)])
    found = estate.found(estate.saved(named(number)), start=day - HOUR, end=day + 20 * HOUR)
    assert [float(row["_time"]) - day for row in found] == expected
    assert {row["detection"] for row in found} <= {f"Rule {number} 0f6da907"}


def test_a_hit_raises_risk_once_in_overlapping_runs(estate):
    day = DAY - 24 * HOUR
    for at in (3000, 3100, 3200):
        estate.instance.add_events([process(day + at, "amy", "ws-1", "x.exe odd1", "x.exe")])
    for end in (4000, 5000, 6000, 12_000):
        estate.detect(named(3), start=day + end - 2 * 600 - HOUR, end=day + end)
    risk = [row for row in estate.risk() if row["search_name"] == named(3)]
    assert sorted((row["risk_object"], row["risk_score"]) for row in risk) == [("amy", "55"), ("ws-1", "55")]
    assert {row["risk_message"] for row in risk} == {"Rule 3 (Sigma rule by unknown) on ws-1 by amy: x.exe odd1"}


def test_rules_of_a_correlation_fire_for_it_alone_unless_it_says_generate(tmp_path, app, capsys):
    def sets(**more):
        (tmp_path / "c.yml").write_text(
            yaml.safe_dump(correlation(3, "event_count", [ID(1)], condition={"gte": 2}, **more))
        )
        main(["sigma", str(tmp_path / "1.yml"), str(tmp_path / "c.yml"), "--app", str(app)])
        capsys.readouterr()
        found = (app / f"local/{CONF}.conf").read_text().split("[Rule ")[1:]
        return {text[0]: text.partition("\nset = ")[2].partition("\n")[0] for text in found}

    (tmp_path / "1.yml").write_text(yaml.safe_dump(rule(1, level="high", status="test")))
    apart = "sigma_process_creation_correlation"
    assert sets() == {"1": apart, "3": apart}
    assert sets(generate=True) == {"1": "sigma_process_creation", "3": apart}
    assert Catalogue.of_app(str(app)).find(ID(1)).risk_score == 55


REFUSED = [
    ({"rules": ["nowhere"]}, "it names 'nowhere', which is no converted rule"),
    ({"rules": ["] | delete"]}, "it names '] | delete', which is no converted rule"),
    ({"rules": [ID(4)]}, "which is no converted rule"),
    ({"rules": []}, "it names 0 rules, not 1 to 20"),
    (
        {"type": "value_sum", "condition": {"gte": 2, "field": "x"}},
        "correlations of the type value_sum are not converted",
    ),
    ({"type": "wrong"}, "'wrong' is no valid Sigma correlation type"),
    ({"condition": {"lt": 3}}, "its condition lt bounds a number from above"),
    ({"condition": {"eq": 3}}, "its condition eq bounds a number from above"),
    ({"condition": {"gte": 1.5}}, "its condition wants 1.5, not a whole number from 1 to 10,000"),
    ({"condition": {"gte": 10_001}}, "not a whole number from 1 to 10,000"),
    ({"condition": {"gte": 0}}, "not a whole number from 1 to 10,000"),
    ({"type": "value_count", "condition": {"gte": 2}}, "Value count correlation rule without field reference"),
    (
        {"type": "value_count", "condition": {"gte": 2, "field": "a] b"}},
        "the column 'a] b' cannot be written in a search",
    ),
    (
        {"type": "temporal", "rules": ["first", "second"], "condition": "first and not second"},
        "conditions that combine rules",
    ),
    ({"timespan": "8d"}, "its timespan has 691,200 seconds, not 1 to 604,800"),
    ({"timespan": "1m | delete"}, "Timespan '1m | delete' is invalid"),
    ({"group-by": ["x | delete"]}, "the column 'x | delete' cannot be written in a search"),
    ({"group-by": ['a" b']}, "cannot be written in a search"),
    ({"group-by": ["f"] * 11}, "it groups by 11 fields, not 10 at most"),
    ({"group-by": ["a"], "aliases": {"a": {"second": "User"}}}, "its alias 'a' is for rules that it does not name"),
    ({"group-by": ["a"], "aliases": {"a": {"first": "x`y"}}}, "the column 'x`y' cannot be written in a search"),
]


@pytest.mark.parametrize(("more", "reason"), REFUSED, ids=[str(more)[:60] for more, _ in REFUSED])
def test_what_is_no_correlation_of_ours_is_refused_with_a_reason(tmp_path, more, reason):
    first = rule(1, name="first", level="low")
    second = rule(2, name="second", level="low")
    given = {"condition": {"gte": 2}, **more}
    wrong = correlation(3, given.pop("type", "event_count"), given.pop("rules", ["first"]), **given)
    other = correlation(4, "event_count", ["first"], condition={"gte": 2})
    (tmp_path / "all.yml").write_text(yaml.safe_dump_all([wrong, first, second, other]))
    found = {one.title: one for one in convert([tmp_path], RuleMapping())}
    assert reason in found["Rule 3"].reason
    assert [one.name for one in found.values() if not one.reason] == [f"Rule {n} 0f6da907" for n in (1, 2, 4)]

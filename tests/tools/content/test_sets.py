"""The saved search of a set, and its macros."""

import pytest

from tests.support.examples import catalogue
from tests.support.sets import rule
from tools.content import sets


def search(tmp_path, *rules, name="mine"):
    """The settings of the saved search of a set of these rules."""
    detections = catalogue(tmp_path, "".join(rules), "[default]\n")
    return sets.saved_search(name, [detections.find(one) for one in detections.names])


def by_program(*programs):
    """A search that requires one of these programs."""
    names = ", ".join(f'"{program}"' for program in programs)
    return (
        f"| from read_ssa_enriched_events() | where lower(input_event.process_name) IN ({names}) "
        "| into write_ssa_detected_events();"
    )


@pytest.mark.parametrize(
    ("name", "title"),
    [
        ("sigma_process_creation", "SSA - Sigma process_creation - Rule"),
        ("sigma_network_connection", "SSA - Sigma network_connection - Rule"),
        ("mine", "SSA - Set mine - Rule"),
    ],
)
def test_a_set_has_one_search_and_one_macro_of_its_own(name, title):
    assert sets.title(name) == title
    assert sets.macros(name) == {f"ssa_set_{name}_filter": {"definition": "search *", "iseval": "0"}}


def test_the_search_detects_leaves_out_folds_and_deals_out_in_this_order(tmp_path):
    settings = search(tmp_path, rule("One"), rule("Two"))
    assert settings["search"] == (
        "`ssa_process_events` `ssa_due(event)` | fields _time, host, dest, user, process, process_name, process_path, "
        "process_id, parent_process, parent_process_name, TargetUserName, TargetUserSid, SubjectUserName, "
        "SubjectUserSid | fields - _raw | ssadetect set=mine | `ssa_usual` | `ssa_allow_list` | `ssa_set_mine_filter` "
        "| `ssa_set_fold(process)` | `ssa_set_limit` | fields - risk_object, risk_object_type | addinfo | table _time, "
        "detection, risk_score, dest_user_id, dest_device_id, process, ssa_hits, ssa_cut, *"
    )


def test_it_runs_when_its_users_enable_and_schedule_it_and_adds_risk_by_our_action_alone(tmp_path):
    settings = search(tmp_path, rule("One"))
    keys = ("disabled", "enableSched", "cron_schedule", "action.ssa_risk", "action.risk", "action.notable")
    assert [settings[key] for key in keys] == ["1", "0", "0 * * * *", "1", "0", "0"]


@pytest.mark.parametrize(
    ("rules", "terms"),
    [
        ([by_program("a.exe")], "`ssa_due(event)`"),  # too short to be a word
        ([by_program("abc.exe")], "(abc) `ssa_due(index)`"),
        ([by_program("abc.exe", "def.exe"), by_program("def.exe")], "(abc OR def) `ssa_due(index)`"),
        ([by_program("abc.exe"), ""], "`ssa_due(event)`"),
        ([by_program(*(f"p{number:02}.exe" for number in range(100)))], None),
        ([by_program(f"p{number:02}.exe") for number in range(101)], "`ssa_due(event)`"),
    ],
    ids=["no word", "one", "shared", "one without", "a hundred", "too many"],
)
def test_events_are_looked_for_by_words_where_each_rule_requires_one(tmp_path, rules, terms):
    named = [rule(f"R{at}", **({"search": text} if text else {})) for at, text in enumerate(rules)]
    terms = terms or f"({' OR '.join(f'p{number:02}' for number in range(100))}) `ssa_due(index)`"
    assert search(tmp_path, *named)["search"].startswith(f"`ssa_process_events` {terms} | fields ")


def test_the_columns_of_all_rules_are_passed_on(tmp_path):
    reads = '| from read_ssa_enriched_events() | where input_event.{}="x" | into write_ssa_detected_events();'
    rules = [rule(name, search=reads.format(name)) for name in ("original_file_name", "Hashes", "process_hash")]
    assert (
        " SubjectUserSid, Hashes, original_file_name, process_hash | fields - _raw |"
        in search(tmp_path, *rules)["search"]
    )
    keywords = search(tmp_path, *rules, rule("Raw", search=reads.format("_raw")))["search"]
    assert ", _raw, original_file_name, process_hash | ssadetect set=mine |" in keywords


def test_events_of_several_data_models_are_searched_and_only_processes_repeat(tmp_path):
    text = search(tmp_path, rule("One"), rule("Two", datamodel="Network_Traffic"))["search"]
    assert text.startswith("((`ssa_process_events`) OR (`ssa_network_traffic_events`)) `ssa_due(event)` | ")
    assert "`ssa_set_fold(event)`" in text


@pytest.mark.parametrize(
    ("reads", "passed"), [("input_event", "| fields * | ssadetect"), ("input_event.risk_object", ", risk_object | ")]
)
def test_an_entity_of_an_event_does_not_pass_for_ours(tmp_path, reads, passed):
    every = f"| from read_ssa_enriched_events() | eval x={reads} | into write_ssa_detected_events();"
    text = search(tmp_path, rule("One", search=every))["search"]
    assert passed in text
    assert "| `ssa_set_limit` | fields - risk_object, risk_object_type | addinfo |" in text

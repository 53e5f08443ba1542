"""Message, score and fan-out of a hit."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ssa import event, risk, stash
from tests.ssa.examples import FLAGSHIP, FLAGSHIP_ID, HIT, catalogue, flagship

CONTEXT = risk.Context("SSA - Test - Rule", "sid_1", 1_800_000_000.0)


def row(**changes):
    source = {**HIT, **changes}
    (found,) = event.detect(flagship(), source)
    return {**source, **found}


def events(detection=None, **changes):
    return risk.risk_events(detection or flagship(), row(**changes), CONTEXT)


def test_one_hit_gives_one_event_for_the_user_and_one_for_the_device_each_with_the_full_score():
    found = [(e["risk_object"], e["risk_object_type"], e["risk_score"]) for e in events()]
    assert found == [("jdoe", "user", "35"), ("ws-01.example", "system", "35")]


def test_the_message_is_the_detections_own_with_its_tokens_filled():
    assert events()[0]["risk_message"] == (
        "An instance of spawning msiexec.exe was identified on endpoint ws-01.example by user jdoe "
        "attempting to register a file."
    )


def test_a_process_is_a_threat_object_and_never_a_risk_object():
    for found in events():
        assert (found["threat_object"], found["threat_object_type"]) == (("msiexec.exe",), ("process_name",))


def test_a_missing_value_is_unknown_in_the_message_and_named():
    (found,) = events(user="")
    assert "by user unknown attempting" in found["risk_message"]
    assert found["defaulted_tokens"] == ("dest_user_id",)
    assert found["risk_object_type"] == "system"


def test_a_hit_without_any_victim_gives_no_event():
    assert events(user="", dest="", host="") == []


def test_an_empty_value_is_no_victim():
    source = {**row(user=""), "body": '{"dest_user_id": "", "process_name": "x"}'}
    assert [e["risk_object"] for e in risk.risk_events(flagship(), source, CONTEXT)] == ["ws-01.example"]


def test_each_of_several_users_is_a_risk_object_of_its_own():
    found = events(user=["SYSTEM", "jdoe", "JDOE"])
    assert [e["risk_object"] for e in found] == ["SYSTEM", "jdoe", "ws-01.example"]
    assert "by user SYSTEM, jdoe attempting" in found[0]["risk_message"]


def test_each_of_several_processes_is_a_threat_object_of_its_own():
    source = {**row(), "body": '{"process_name": ["a.exe", "b.exe"]}'}
    (found, _) = risk.risk_events(flagship(), source, CONTEXT)
    assert (found["threat_object"], found["threat_object_type"]) == (("a.exe", "b.exe"), ("process_name",) * 2)


def test_an_event_cannot_name_tokens_of_its_own():
    (found, _) = events(user="$process_id$", process_id="0x666")
    assert "by user $process_id$ attempting" in found["risk_message"]


def test_a_token_is_looked_up_in_the_body_then_the_event_then_the_row():
    lookup = risk.Lookup({"body": '{"a": "body", "n": null, "l": ["x", 1]}', "a": "row", "n": "row", "user": "u"})
    assert [lookup(name) for name in ("a", "n", "l", "dest_user_id", "none")] == ["body", "row", "x, 1", "u", None]


@pytest.mark.parametrize("body", ["", "no json", "[1]", "7", "[" * 100_000])
def test_a_damaged_body_is_an_empty_one(body):
    assert risk.Lookup({"body": body, "a": "row"})("a") == "row"


@pytest.mark.parametrize(
    ("kind", "role", "expected"),
    [
        ("User", "Victim", "user"),
        ("Hostname", "Victim", "system"),
        ("Endpoint", "Victim", "system"),
        ("IP Address", "Victim", "system"),
        ("Device", "Victim", "system"),
        ("File Name", "Victim", "other"),
        ("Process", "Parent Process", "process_name"),
        ("Process Name", "Attacker", "process_name"),
        ("File Name", "Attacker", "file_name"),
        ("IP Address", "Attacker", "ip_address"),
    ],
)
def test_an_observable_becomes_a_risk_object_or_a_threat_object(tmp_path, kind, role, expected):
    observables = json.dumps(
        [{"name": "process", "type": kind, "role": role}, {"name": "dest", "type": "Hostname", "role": "Victim"}]
    )
    detection = catalogue(tmp_path, f"[{FLAGSHIP}]\nobservables = {observables}").find(FLAGSHIP)
    found = events(detection)
    if role == "Victim":
        assert found[0]["risk_object_type"] == expected
    else:
        assert found[0]["threat_object_type"] == (expected,)


def test_the_annotations_are_those_that_enterprise_security_reads():
    found = events()[0]
    story = "Windows System Binary Proxy Execution MSIExec"
    assert json.loads(found["annotations"]) == {
        "analytic_story": [story],
        "kill_chain_phases": ["Exploitation"],
        "mitre_attack": ["T1218.007"],
    }
    assert found["annotations.mitre_attack"] == ("T1218.007",)
    assert found["annotations._frameworks"] == ("analytic_story", "kill_chain_phases", "mitre_attack")
    assert found["annotations._all"] == (story, "Exploitation", "T1218.007")
    assert found["analyticstories"] == (story,)
    assert found["security_domain"] == "endpoint"
    assert (found["orig_sid"], found["search_name"]) == (CONTEXT.sid, CONTEXT.search_name)


@pytest.mark.parametrize(
    ("datamodel", "domain"),
    [
        ("Endpoint_Processes", "endpoint"),
        ("Network_Traffic", "network"),
        ("Web", "network"),
        ("Authentication", "access"),
        ("Change", "audit"),
        ("Other", "threat"),
        ("", "threat"),
    ],
)
def test_the_security_domain_follows_from_the_data_model(tmp_path, datamodel, domain):
    local = f"[{FLAGSHIP}]\ndatamodel = {datamodel}\n"
    assert risk.security_domain(catalogue(tmp_path, local).find(FLAGSHIP)) == domain


def test_fields_that_enterprise_security_computes_are_never_written():
    names = [name for name, _ in events()[0].fields]
    computed = ("normalized_risk_object", "calculated_risk_score")
    assert not [name for name in names if name in computed or name.startswith("risk_factor")]


def test_what_readers_need_first_stands_before_the_long_texts():
    names = [name for name, _ in events()[0].fields]
    assert names[:4] == ["search_name", "risk_object", "risk_object_type", "risk_score"]
    assert names[-4:] == ["risk_message", "annotations", "contributing_events_search", "savedsearch_description"]


def test_the_contributing_search_names_second_device_and_process():
    assert events()[0]["contributing_events_search"] == (
        "`ssa_process_events` earliest=1772442000 latest=1772442001 "
        '(dest="ws-01.example" OR host="ws-01.example") process_id="0x1a2b"'
    )


@pytest.mark.parametrize(
    ("value", "quoted"),
    [
        ("ws-01", '"ws-01"'),
        ('x" | delete', '"x* | delete"'),
        ("C:\\x\\", '"C:\\\\x\\\\"'),
        ("`drop`", '"*drop*"'),
        ("$token$\n", '"*token**"'),
    ],
)
def test_no_value_of_an_event_leaves_its_quotes_in_a_search(value, quoted):
    assert risk.spl_quote(value) == quoted


def test_the_event_has_the_time_of_the_hit():
    assert (events()[0].time, events()[0]["orig_time"]) == (1772442000.25, "1772442000.250")
    assert events(_time="")[0].time == CONTEXT.now


def test_the_risk_event_id_is_the_same_whichever_search_found_the_hit():
    one, two = events()
    again, _ = events(_time="1772442000", process=HIT["process"].upper())
    assert one["risk_event_id"] == again["risk_event_id"] != two["risk_event_id"]
    assert len(one["risk_event_id"]) == 64


@pytest.mark.parametrize("change", [{"_time": "1772442001"}, {"dest": "other"}, {"process": "msiexec /y other.dll"}])
def test_the_risk_event_id_differs_for_another_hit(change):
    assert events(**change)[0]["risk_event_id"] != events()[0]["risk_event_id"]


def test_the_risk_event_id_is_the_same_from_raw_and_from_tstats_when_no_device_is_named():
    raw = events(dest="", host="forwarder")[0]
    tstats = events(dest="unknown", host="", _time="1772442000")[0]
    assert raw["risk_object"] == tstats["risk_object"] == "jdoe"
    assert raw["risk_event_id"] == tstats["risk_event_id"]


def test_a_token_for_the_time_is_in_milliseconds_as_in_the_input_event(tmp_path):
    detection = catalogue(tmp_path, f"[{FLAGSHIP}]\nmessage = at $_time$ $event_id$\n").find(FLAGSHIP)
    assert events(detection)[0]["risk_message"] == f"at 1772442000250 {event.event_id(HIT)}"


def test_the_contributing_search_looks_for_each_of_several_devices():
    found = events(dest=["ws-1", "ws-1.example"], process_id=["0x1", "0x2"])[0]["contributing_events_search"]
    assert '(dest="ws-1" OR host="ws-1" OR dest="ws-1.example" OR host="ws-1.example")' in found
    assert '(process_id="0x1" OR process_id="0x2")' in found


def test_threat_objects_are_bounded_in_number_and_length_and_stay_paired():
    source = {**row(), "body": json.dumps({"process_name": [f"{n}" + "x" * 2000 for n in range(50)]})}
    found = risk.risk_events(flagship(), source, CONTEXT)[0]
    assert len(found["threat_object"]) == len(found["threat_object_type"]) == risk.MOST_THREATS
    line = stash.line(found)
    assert line.count(" threat_object=") == line.count(" threat_object_type=") == risk.MOST_THREATS
    assert len(line) < 10_000


def test_a_long_message_is_cut_with_a_mark():
    found = events(user="x" * 5000)[0]["risk_message"]
    assert len(found) < risk.LONGEST_MESSAGE + 50
    assert found.endswith("more characters)")


@given(st.dictionaries(st.sampled_from(["user", "dest", "process_id", "body", "_time", "start_time"]), st.text()))
def test_no_row_stops_the_action(changes):
    found = risk.risk_events(flagship(), {**row(), **changes}, CONTEXT)
    assert all(e["detection_id"] == FLAGSHIP_ID for e in found)

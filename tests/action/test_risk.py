"""Message, score and fan-out of a hit."""

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.inputs.indexing import stash_fields
from ssa.action import entities, risk, stash
from ssa.action.entities import Ignored
from ssa.content import message_fields
from ssa.content.datamodels import security_domain
from ssa.language import TooLargeError
from ssa.rows import event
from ssa.rows.hits import detect
from tests.support.app.search_command import stanza
from tests.support.examples import GIVEN, HIT, catalogue, given_detection
from tests.support.hostile import HOSTILE, fields

CONTEXT = risk.Context("SSA - Test - Rule", "sid_1", 1_800_000_000.0)
LATER = risk.Context("SSA - Test - Rule", "sid_2", 1_800_000_060.0)


def row(**changes):
    source = {**HIT, **changes}
    (hit,) = detect(given_detection(), source)
    return {**source, **hit}


def events(detection=None, **changes):
    return risk.risk_events(detection or given_detection(), row(**changes), CONTEXT).events


def with_body(body, **changes):
    source = {**row(**changes), "body": body if isinstance(body, str) else json.dumps(body)}
    return risk.risk_events(given_detection(), source, CONTEXT)


def with_message(tmp_path, message):
    return catalogue(tmp_path, f"[{GIVEN}]\nmessage = {message}\n").find(GIVEN)


def test_one_hit_gives_one_event_for_the_user_and_one_for_the_device_each_with_the_full_score():
    found = [(e["risk_object"], e["risk_object_type"], e["risk_score"]) for e in events()]
    assert found == [("jdoe", "user", "35"), ("ws-01.example", "system", "35")]


def test_the_message_is_the_detections_own_with_its_tokens_filled():
    assert events()[0]["risk_message"] == (
        "An instance of spawning msiexec.exe was identified on endpoint ws-01.example by user jdoe "
        "attempting to register a file."
    )


def test_a_process_is_a_threat_object_and_never_a_risk_object():
    for risk_event in events():
        assert (risk_event["threat_object"], risk_event["threat_object_type"]) == (("msiexec.exe",), ("process_name",))


def test_a_missing_value_is_unknown_in_the_message_and_named():
    (risk_event,) = events(user="")
    assert "by user unknown attempting" in risk_event["risk_message"]
    assert risk_event["defaulted_tokens"] == ("dest_user_id",)
    assert risk_event["risk_object_type"] == "system"


def test_a_hit_without_any_victim_gives_no_event():
    assert events(user="", dest="", host="") == []


def test_an_empty_value_is_no_victim():
    outcome = with_body({"dest_user_id": "", "process_name": "x"}, user="")
    assert [e["risk_object"] for e in outcome.events] == ["ws-01.example"]


def test_each_of_several_users_is_a_risk_object_of_its_own():
    written = events(user=["eve", "CORP\\JDoe", "JDOE"], dest=["ws-1", "WS-1.", "ws-2"])
    assert [e["risk_object"] for e in written] == ["eve", "jdoe", "ws-1", "ws-2"]
    assert len({e["risk_event_id"] for e in written}) == 4
    assert "by user eve, CORP\\JDoe, JDOE attempting" in written[0]["risk_message"]


@pytest.mark.parametrize("user", ["SYSTEM", "CORP\\WS-01$", "AUTORITE NT\\Système", ["SYSTEM", "WS-01$", "-"]])
def test_a_user_that_is_no_risk_object_has_no_risk_and_the_device_has_it_all_the_same(user):
    outcome = risk.risk_events(given_detection(), row(user=user), CONTEXT)
    assert [(e["risk_object"], e["risk_object_type"], e["risk_score"]) for e in outcome.events] == [
        ("ws-01.example", "system", "35")
    ]
    assert outcome.ignored == (2 if isinstance(user, list) else 1)


@pytest.mark.parametrize("user", ["-", "unknown", "Null", "CORP\\-", " n/a ", "\u00a0", ["-", "(null)"]])
def test_a_placeholder_is_no_user(user):
    outcome = risk.risk_events(given_detection(), row(user=user), CONTEXT)
    assert [e["risk_object"] for e in outcome.events] == ["ws-01.example"]
    assert (outcome.ignored, outcome.events[0]["defaulted_tokens"]) == (0, ("dest_user_id",))


@pytest.mark.parametrize("dest", ["-", "unknown", "Null", " n/a ", ["-", "(null)"]])
def test_a_placeholder_is_no_device_and_the_host_stands_in_for_it(dest):
    assert [e["risk_object"] for e in events(dest=dest)] == ["jdoe", "forwarder"]
    assert [e["risk_object"] for e in events(dest=dest, host="-")] == ["jdoe"]


def test_a_detection_with_columns_of_its_own_puts_the_risk_on_whom_they_name(tmp_path):
    local = f"[{GIVEN}]\ncolumns = dest_user_id:src_user, dest_device_id:src_host\n"
    detection = catalogue(tmp_path, local).find(GIVEN)
    source = {**HIT, "src_user": "eve", "src_host": "ws-9"}
    (hit,) = detect(detection, source)
    first, second = risk.risk_events(detection, {**source, **hit}, CONTEXT).events
    assert (first["risk_object"], second["risk_object"]) == ("eve", "ws-9")
    assert 'latest=1772442001 src_host="ws-9" process_id="0x1a2b"' in first["contributing_events_search"]
    assert "on endpoint ws-9 by user eve" in first["risk_message"]
    assert (first["event_id"], first["process_key"]) == (events()[0]["event_id"], events()[0]["process_key"])
    without = {**HIT, "dest_user_id": "own", "dest_device_id": "own"}
    assert risk.risk_events(detection, without, CONTEXT).events == []


def test_an_entity_that_users_ignore_has_no_risk():
    context = risk.Context("s", "sid", CONTEXT.now, (Ignored("JD*", "user"), Ignored("ws-01", "user")))
    outcome = risk.risk_events(given_detection(), row(), context)
    assert ([e["risk_object"] for e in outcome.events], outcome.ignored) == (["ws-01.example"], 1)


@pytest.mark.parametrize(
    ("sid", "named"),
    [
        ("S-1-5-18", ["ws-01.example"]),
        ("S-1-5-21-1-2-3-1104", ["rendszer", "ws-01.example"]),
        ("", ["rendszer", "ws-01.example"]),
    ],
)
def test_a_service_account_of_another_language_has_no_risk_where_its_sid_says_so(sid, named):
    source = row(user="NT-FELÜGYELET\\Rendszer", SubjectUserName="Rendszer", SubjectUserSid=sid)
    outcome = risk.risk_events(given_detection(), source, CONTEXT)
    assert ([e["risk_object"] for e in outcome.events], outcome.ignored) == (named, 2 - len(named))


@pytest.mark.parametrize(
    ("observables", "most", "chosen"),
    [
        ([], 3, ""),
        (["abcdef"], 3, "abc"),
        (["abcdef", "x"], 3, "abx"),
        (["abcdef", "xyz"], 4, "abxy"),
        (["abcdef", "", "x", "y"], 4, "abxy"),
        (["a", "bcdef"], 3, "abc"),
        (["aab", "bcd"], 3, "abc"),
        (["abc", "abc"], 2, "ab"),
        (["abc", "xyz"], 9, "abcxyz"),
    ],
)
def test_the_values_of_one_observable_push_no_other_out(observables, most, chosen):
    dealt = risk.dealt([[(value, "t") for value in values] for values in observables], most)
    assert "".join(value for value, _ in dealt) == chosen


def test_many_users_leave_the_device_its_risk_and_many_processes_the_address_its_place(tmp_path):
    observables = [
        {"name": "user", "type": "User", "role": "Victim"},
        {"name": "process_name", "type": "Process", "role": "Child Process"},
        {"name": "dest", "type": "Hostname", "role": "Victim"},
        {"name": "src", "type": "IP Address", "role": "Attacker"},
    ]
    detection = catalogue(tmp_path, f"[{GIVEN}]\nobservables = {json.dumps(observables)}").find(GIVEN)
    body = {"user": [f"u{n}" for n in range(5_000)], "process_name": [f"p{n}" for n in range(50)], "src": "10.0.0.1"}
    outcome = risk.risk_events(detection, {**row(), "body": json.dumps(body)}, CONTEXT)
    assert (len(outcome.events), outcome.left_out) == (risk.MOST_VICTIMS, 5_001 - risk.MOST_VICTIMS)
    assert outcome.events[-1]["risk_object"] == "ws-01.example"
    assert outcome.events[0]["threat_object"] == (*(f"p{n}" for n in range(9)), "10.0.0.1")


def test_victims_are_bounded_in_number_and_those_beyond_are_counted():
    outcome = with_body({"dest_user_id": [f"u{number}" for number in range(risk.MOST_VICTIMS + 7)]}, dest="", host="")
    assert (len(outcome.events), outcome.left_out) == (risk.MOST_VICTIMS, 7)


def test_each_of_several_processes_is_a_threat_object_of_its_own():
    (risk_event, _) = with_body({"process_name": ["a.exe", "b.exe"]}).events
    assert (risk_event["threat_object"], risk_event["threat_object_type"]) == (
        ("a.exe", "b.exe"),
        ("process_name",) * 2,
    )


@pytest.mark.parametrize(
    "template", ["$user$$dest$", "$$user$$", "a$user$b$dest$c$", "$user$risk_score$dest$", "$user$"]
)
@pytest.mark.parametrize(
    "value", ["$risk_score$", "$result.x$", "$$x$$", "$", "x$", ["$risk", "score$"], "$risk-score$"]
)
def test_no_token_is_left_in_a_message_also_none_of_a_value(template, value):
    text, defaulted = risk.message(template, risk.Lookup({"user": value, "dest": value}))
    assert re.search(r"\$.*\$", text) is None
    assert defaulted == ()


def test_a_single_dollar_sign_stays_as_it_is():
    lookup = risk.Lookup({"user": "WS-01$", "dest": "\\\\ws\\C$"})
    assert risk.message("by $user$", lookup) == ("by WS-01$", ())
    assert risk.message("by $user$ on $dest$", lookup) == ("by WS-01＄ on \\\\ws\\C＄", ())


def test_a_token_without_a_value_is_unknown_and_named_once():
    text, defaulted = risk.message(
        "$a$ $b.c$ $a$ $result.user$", risk.Lookup({"user": "x", "a": "", "body": '{"a": null}'})
    )
    assert (text, defaulted) == ("unknown unknown unknown unknown", ("a", "b.c", "result.user"))


def test_a_message_shows_what_cannot_be_seen():
    text, _ = risk.message("by $user$", risk.Lookup({"user": "a\nb\u202ec\u200bd\x00"}))
    assert text == "by a␊b⟨U+202E⟩c⟨U+200B⟩d␀"


def test_a_long_value_leaves_room_for_the_others_in_a_message():
    text, _ = risk.message("$process$ by $user$", risk.Lookup({"process": "x" * 1_000_000, "user": "jdoe"}))
    assert text == "x" * risk.LONGEST_PART + "… (1,000,000 characters in all) by jdoe"
    for value in ("x" * 5_000, "$" * 5_000, "\u200b" * 5_000, "\ud800" * 5_000):
        text, _ = risk.message("$user$" * 10, risk.Lookup({"user": value}))
        assert len(text) < risk.LONGEST_MESSAGE + 50
        assert text.endswith(" characters in all)")
        assert "$" not in text


def test_a_token_is_looked_up_in_the_body_then_the_event_then_the_row():
    lookup = risk.Lookup({"body": '{"a": "body", "n": null, "l": ["x", 1]}', "a": "row", "n": "row", "user": "u"})
    assert [lookup(name) for name in ("a", "n", "l", "dest_user_id", "none")] == ["body", "row", "x, 1", "u", None]


@pytest.mark.parametrize(
    "body",
    ["", "no json", "[1]", "7", "null", "[" * 100_000, '{"a": ' + "[" * 70 + "]" * 70 + "}", '{"a": 1', "{" * 9_999],
)
def test_a_damaged_body_is_an_empty_one(body):
    assert risk.Lookup({"body": body, "a": "row"})("a") == "row"


def made(tmp_path, first, step, times):
    search = f"| from read_ssa_enriched_events() | eval a={first}{f', a={step}' * times}, body={{found: a}}"
    text = stanza("Large", search + " | into write_ssa_detected_events();")
    return detect(catalogue(tmp_path, default=text).find("Large"), HIT)


LARGEST = [("'x'", "[a]", 63), ("'x'", "a + a", 20), ("'\"'", "a + a", 19), ("'x'", "[a, a]", 14)]


@pytest.mark.parametrize(("first", "step", "times"), LARGEST)
def test_the_largest_body_of_a_hit_is_read(tmp_path, first, step, times):
    (hit,) = made(tmp_path, first, step, times)
    assert risk.Lookup({**HIT, **hit}).body == json.loads(hit["body"]) != {}
    with pytest.raises(TooLargeError):
        made(tmp_path, first, step, times + 1)


def test_a_body_is_bounded_by_its_json(tmp_path):
    with pytest.raises(TooLargeError, match="a body of more than 2,097,152 characters of JSON"):
        made(tmp_path, "'\"'", "a + a", 20)


@pytest.mark.parametrize(
    ("kind", "role", "expected"),
    [
        ("User", "Victim", "user"),
        ("Hostname", "Victim", "system"),
        ("Endpoint", "Victim", "system"),
        ("IP Address", "Victim", "system"),
        ("Device", "Victim", "system"),
        ("File Name", "Victim", "other"),
        ("Process", "Child Process", "process_name"),
        ("Process", "Parent Process", "parent_process_name"),
        ("Parent Process", "Attacker", "parent_process_name"),
        ("Process Name", "Attacker", "process_name"),
        ("File Name", "Attacker", "file_name"),
        ("IP Address", "Attacker", "ip_address"),
    ],
)
def test_an_observable_becomes_a_risk_object_or_a_threat_object(tmp_path, kind, role, expected):
    observables = json.dumps(
        [{"name": "process", "type": kind, "role": role}, {"name": "dest", "type": "Hostname", "role": "Victim"}]
    )
    detection = catalogue(tmp_path, f"[{GIVEN}]\nobservables = {observables}").find(GIVEN)
    written = events(detection)
    if role == "Victim":
        assert written[0]["risk_object_type"] == expected
    else:
        assert written[0]["threat_object_type"] == (expected,)


def test_the_annotations_are_those_that_enterprise_security_reads():
    risk_event = events()[0]
    story = "Windows System Binary Proxy Execution MSIExec"
    assert json.loads(risk_event["annotations"]) == {
        "analytic_story": [story],
        "kill_chain_phases": ["Exploitation"],
        "mitre_attack": ["T1218.007"],
    }
    assert risk_event["annotations.mitre_attack"] == ("T1218.007",)
    assert risk_event["annotations._frameworks"] == ("analytic_story", "kill_chain_phases", "mitre_attack")
    assert risk_event["annotations._all"] == (story, "Exploitation", "T1218.007")
    assert risk_event["analyticstories"] == (story,)
    assert risk_event["security_domain"] == "endpoint"
    assert (risk_event["orig_sid"], risk_event["search_name"]) == (CONTEXT.sid, CONTEXT.search_name)


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
    local = f"[{GIVEN}]\ndatamodel = {datamodel}\n"
    assert security_domain(catalogue(tmp_path, local).find(GIVEN).datamodel) == domain


def test_fields_that_enterprise_security_computes_are_never_written():
    names = [name for name, _ in events()[0].fields]
    computed = ("normalized_risk_object", "calculated_risk_score")
    assert not [name for name in names if name in computed or name.startswith("risk_factor")]


def test_what_readers_need_first_stands_before_the_long_texts():
    names = [name for name, _ in events()[0].fields]
    assert names[:8] == [
        "search_name",
        "risk_object",
        "risk_object_type",
        "risk_score",
        "risk_event_id",
        "process_key",
        "repeat_key",
        "detection_type",
    ]
    assert names.index("analyticstories") < names.index("threat_object") < names.index("risk_message")
    long = names.index("risk_message")
    assert names[long : long + 3] == ["risk_message", "annotations", "contributing_events_search"]
    assert names[-1] == "savedsearch_description"


@pytest.mark.parametrize("letter", ["x", '"', "\\", "\u202e", "💥"])
def test_no_name_pushes_what_rules_read_out_of_the_part_of_a_line_that_is_extracted(letter):
    many = [f"{number}{letter * 250}" for number in range(10)]
    hit = {**row(), "body": "", "dest_user_id": f"a{letter * 298}z", "user": f"a{letter * 298}z", "process_name": many}
    found = risk.risk_events(given_detection(), hit, CONTEXT).events
    assert len(found[0]["threat_object"]) == 10
    for one in found:
        start = stash.line(one).encode()[:10_240]  # limits.conf, [kv] maxchars, if it means bytes
        for name in ("process_key", "repeat_key", "detection_type", "severity", "detection", "analyticstories"):
            assert f' {name}="'.encode() in start


def test_the_contributing_search_names_second_device_and_process():
    assert events()[0]["contributing_events_search"] == (
        "`ssa_process_events` earliest=1772442000 latest=1772442001 "
        '(dest="ws-01.example" OR host="ws-01.example") process_id="0x1a2b"'
    )


@pytest.mark.parametrize(
    ("value", "quoted"),
    [
        ("ws-01", '"ws-01"'),
        ('x" | delete', '"x* * delete"'),
        ("[search x | delete]", '"*search x * delete*"'),
        ("C:\\x\\", '"C:\\\\x\\\\"'),
        ("`drop`", '"*drop*"'),
        ("$token$\n", '"*token**"'),
    ],
)
def test_no_value_of_an_event_leaves_its_quotes_in_a_search(value, quoted):
    assert risk.spl_quote(value) == quoted


def test_the_event_has_the_time_of_the_hit():
    assert (events()[0].time, events()[0]["orig_time"]) == (1772442000.25, "1772442000.250")


def test_a_hit_without_a_time_has_that_of_the_action_and_no_search_for_its_event():
    risk_event = events(_time="")[0]
    names = [name for name, _ in risk_event.fields]
    assert risk_event.time == CONTEXT.now
    assert not {"orig_time", "contributing_events_search"} & {*names}


@pytest.mark.parametrize("_time", ["-5", "0.001", "999999999999", "1800300000", "900000000"])
def test_a_time_that_splunk_does_not_take_is_kept_next_to_that_of_the_action(_time):
    risk_event, again = events(_time=_time)[0], risk.risk_events(given_detection(), row(_time=_time), LATER).events[0]
    assert (risk_event.time, again.time) == (CONTEXT.now, LATER.now)
    assert float(risk_event["orig_time"]) == float(_time)
    assert risk_event["risk_event_id"] == again["risk_event_id"]


def test_the_risk_event_id_is_the_same_whichever_search_found_the_hit():
    one, two = events()
    again, _ = events(_time="1772442000", process=HIT["process"].upper())
    assert one["risk_event_id"] == again["risk_event_id"] != two["risk_event_id"]
    assert len(one["risk_event_id"]) == 64


@pytest.mark.parametrize("change", [{"_time": "1772442001"}, {"dest": "other"}, {"process": "msiexec /y other.dll"}])
def test_the_risk_event_id_differs_for_another_hit(change):
    assert events(**change)[0]["risk_event_id"] != events()[0]["risk_event_id"]


def test_the_risk_event_id_is_the_same_from_raw_and_from_tstats_where_only_the_host_names_the_device():
    raw = events(dest="", host="forwarder")[0]
    tstats = events(dest="unknown", host="forwarder", _time="1772442000")[0]
    other = events(dest="", host="other")[0]
    assert raw["risk_object"] == tstats["risk_object"] == other["risk_object"] == "jdoe"
    assert raw["risk_event_id"] == tstats["risk_event_id"] != other["risk_event_id"]


def test_a_token_for_the_time_is_in_milliseconds_as_in_the_input_event(tmp_path):
    detection = catalogue(tmp_path, f"[{GIVEN}]\nmessage = at $_time$ $event_id$\n").find(GIVEN)
    assert events(detection)[0]["risk_message"] == f"at 1772442000250 {event.event_id(HIT)}"


def test_the_contributing_search_looks_for_each_of_several_devices():
    search = events(dest=["ws-1", "ws-1.example"], process_id=["0x1", "0x2"])[0]["contributing_events_search"]
    assert '(dest="ws-1" OR host="ws-1" OR dest="ws-1.example" OR host="ws-1.example")' in search
    assert '(process_id="0x1" OR process_id="0x2")' in search


@pytest.mark.parametrize("character", ["x", '"', "\\", "\u200b", "\U000e0041"])
def test_threat_objects_are_bounded_in_number_and_length_and_stay_paired(character):
    risk_event = with_body({"process_name": [f"{n}" + character * 2000 for n in range(50)]}).events[0]
    assert len(risk_event["threat_object"]) == len(risk_event["threat_object_type"]) == risk.MOST_THREATS
    read = fields(stash.line(risk_event))
    names = [name for name, _ in read]
    assert names.count("threat_object") == names.count("threat_object_type") == risk.MOST_THREATS
    assert dict(read)["risk_object"] == "jdoe"
    assert "risk_message" in names


def test_parallel_values_of_several_observables_keep_their_types(tmp_path):
    observables = [
        {"name": "process_name", "type": "Process", "role": "Child Process"},
        {"name": "parent_process_name", "type": "Process", "role": "Attacker"},
        {"name": "src", "type": "IP Address", "role": "Attacker"},
        {"name": "user", "type": "User", "role": "Victim"},
    ]
    detection = catalogue(tmp_path, f"[{GIVEN}]\nobservables = {json.dumps(observables)}").find(GIVEN)
    source = {**row(), "body": json.dumps({"process_name": ["a", "", "b", "a", None]}), "src": ["10.0.0.1", "10.0.0.2"]}
    (risk_event,) = risk.risk_events(detection, source, CONTEXT).events
    assert list(zip(risk_event["threat_object"], risk_event["threat_object_type"], strict=True)) == [
        ("a", "process_name"),
        ("b", "process_name"),
        ("cmd.exe", "parent_process_name"),
        ("10.0.0.1", "ip_address"),
        ("10.0.0.2", "ip_address"),
    ]


def test_a_message_that_is_longer_than_it_may_be_is_cut_with_a_mark(tmp_path):
    message = events(with_message(tmp_path, "$dest_user_id$ " * 40), user="x" * 5000)[0]["risk_message"]
    assert len(message) < risk.LONGEST_MESSAGE + 50
    assert message.endswith("characters in all)")


@pytest.mark.parametrize("character", ["x", '"', "\\", "\u200b", "\U000e0041", "$", "💥"])
def test_whatever_is_long_an_event_keeps_who_and_how_much(character):
    long = character * 100_000
    changed = dict.fromkeys(("user", "dest", "process", "process_path", "rid", "finding_id", "event_id"), long)
    for risk_event in risk.risk_events(given_detection(), {**row(), **changed, "body": ""}, CONTEXT).events:
        read = dict(fields(stash.line(risk_event)))
        assert len(read["risk_object"]) < 350
        assert read["risk_score"] == "35"
        assert read["risk_message"].startswith("An instance of spawning")
        assert {"risk_event_id", "threat_object", "detection_id", "event_id", "orig_time", "annotations"} <= set(read)


# -- whatever strings an event holds

COLUMNS = [*HIT, "dest_user_id", "dest_device_id", "body", "start_time", "rid", "finding_id", "event_id", "detection"]
FORGED = ["risk_score", "risk_object", "search_name", "risk_message", "threat_object", "annotations", "", "__mv_"]


def texts():
    characters = st.one_of(st.characters(), st.sampled_from('\\"\n=,*$[]|` '))
    return st.one_of(st.text(characters, max_size=40), st.sampled_from(HOSTILE))


@given(
    st.dictionaries(
        st.sampled_from(COLUMNS + FORGED), st.one_of(texts(), st.lists(texts(), max_size=3), st.none()), max_size=8
    ),
    st.dictionaries(
        st.sampled_from(["process_name", "dest_user_id", "dest_device_id", "risk_score"]), texts(), max_size=3
    ),
)
def test_no_string_forges_a_field_or_costs_an_event(changes, body):
    source = {**row(), "body": json.dumps(body), **changes}
    outcome = risk.risk_events(given_detection(), source, CONTEXT)
    lookup, kinds = risk.Lookup(source), {"dest_user_id": "user", "dest_device_id": "system"}
    named = [(entities.normal(value, kind), kind) for name, kind in kinds.items() for value in lookup.values(name)]
    assert len(outcome.events) == len({e["risk_event_id"] for e in outcome.events})
    assert [(e["risk_object"], e["risk_object_type"]) for e in outcome.events] == [
        (risk.shorten(name, risk.LONGEST_NAME), kind)
        for name, kind in dict.fromkeys(named)
        if not entities.is_no_risk_object(name, kind)
    ]
    for e in outcome.events:
        read = fields(stash.line(e))
        left_out = dict(read).get("truncated", "").split()
        meant = [(n, v) for n, value in e.fields for v in (value if isinstance(value, tuple) else (value,))]
        meant = [(n, v) for n, v in meant if stash.TOGETHER.get(n, n) not in left_out]
        written = [(n, v) for n, v in read if n != "truncated"]
        assert [n for n, _ in written] == [n for n, _ in meant]
        for (n, v), (_, w) in zip(meant, written, strict=True):
            longest = stash.LONGEST_LINE if n in stash.WHOLE else stash.LONGEST_VALUE
            assert w.removesuffix(" ") == stash.visible(risk.shorten(v, longest)).removesuffix(" ")
        assert dict(read)["risk_score"] == "35"
        assert dict(read)["search_name"] == CONTEXT.search_name
        assert re.search(r"\$.*\$", dict(read)["risk_message"]) is None
        assert stash_fields(stash.line(e)) == gathered(read)


def gathered(read):
    risk_of = {}
    for name, value in read:
        risk_of.setdefault(name, []).append(value)
    return {name: values if len(values) > 1 else values[0] for name, values in risk_of.items()}


# -- names that nothing supplies


@pytest.mark.parametrize(
    ("message", "doubt"),
    [
        ("by $acount$", "nothing in the search names acount, which the message or an observable does: is it misspelt?"),
        ("$result.user$", "nothing in the search names result.user, which"),
        ("the $process name$ ran", "$process name$ in the message is no field name"),
        ("$a-b$", "$a-b$ in the message is no field name"),
    ],
)
def test_a_token_that_nothing_fills_is_found_when_the_detection_is_loaded(tmp_path, message, doubt):
    (warning,) = message_fields.unsupplied(with_message(tmp_path, message))
    assert warning.startswith(doubt)


@pytest.mark.parametrize(
    "message",
    [
        "body $cmd_line$ $parent_process_name$",
        "event $process$ $event_id$ $_time$",
        "row $dest$ $user$ $host$ $risk_score$ $detection$ $process_id$",
        "costs $5 or $ 6 $",
    ],
)
def test_a_token_that_something_may_fill_is_no_doubt(tmp_path, message):
    assert message_fields.unsupplied(with_message(tmp_path, message)) == []


def test_a_key_of_the_body_is_a_name_also_where_it_is_no_required_field(tmp_path):
    local = f"[{GIVEN}]\nmessage = $cmd_line$\nrequired_fields = process\n"
    assert message_fields.unsupplied(catalogue(tmp_path, local).find(GIVEN)) == []


def test_a_column_that_does_not_go_into_the_body_fills_no_token(tmp_path):
    assert len(message_fields.unsupplied(with_message(tmp_path, "$timestamp$"))) == 1


def test_a_search_that_reads_the_whole_event_may_supply_any_name(tmp_path):
    search = "| from read_ssa_enriched_events() | eval body=input_event | into write_ssa_detected_events();"
    local = f"[{GIVEN}]\nsearch = {search}\nmessage = $anything$\n"
    assert message_fields.unsupplied(catalogue(tmp_path, local).find(GIVEN)) == []


def test_an_observable_that_nothing_supplies_is_found_too(tmp_path):
    observables = '[{"name": "dest_usr", "type": "User", "role": "Victim"}]'
    (warning,) = message_fields.unsupplied(catalogue(tmp_path, f"[{GIVEN}]\nobservables = {observables}").find(GIVEN))
    assert "names dest_usr," in warning

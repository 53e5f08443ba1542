"""Sysmon's connections (3) and name queries (22): the fields and tags that the add-on gives them."""

import pytest

from sandbox.inputs.windows import parse, read_text
from sandbox.inputs.windows.census import Census
from tests.support.windows.events import MSIEXEC, connection_xml, query_xml, security_xml, sysmon_text

COMMON = {
    "Image": MSIEXEC,
    "Computer": "ws-01.example",
    "User": "CORP\\dana",
    "process_name": "msiexec.exe",
    "process_exec": "msiexec.exe",
    "process_guid": "{6820D070-1F1B-6323-E113-000000007402}",
    "vendor_product": "Microsoft Sysmon",
}
CONNECTION = {
    **COMMON,
    "signature_id": "3",
    "app": MSIEXEC,
    "user": "dana",
    "process_id": "500",
    "dvc": "ws-01.example",
    "src": "ws-01.example",
    "src_host": "ws-01.example",
    "src_ip": "10.0.1.14",
    "src_port": "61722",
    "dest": "far.example",
    "dest_ip": "203.0.113.9",
    "dest_port": "443",
    "transport": "tcp",
    "protocol": "ip",
    "direction": "outbound",
    "SourceHostname": "ws-01.example",
    "DestinationHostname": "far.example",
    "Initiated": "true",
}
QUERY = {
    **COMMON,
    "signature_id": "22",
    "src": "ws-01.example",
    "query": "files.example.net",
    "answer": ["cdn.example.net", "::ffff:203.0.113.9"],
    "reply_code_id": "0",
    "QueryName": "files.example.net",
}
CONNECTIONS, QUERIES = ("network", "communicate"), ("network", "resolution", "dns")
ONLY = "tells of a new process (Security 4688 or Sysmon 1): only its connections and name queries can be detected"


@pytest.mark.parametrize(
    ("xml", "title", "fields", "tags"),
    [
        (connection_xml(), "Network connection detected", CONNECTION, CONNECTIONS),
        (query_xml(), "Dns query", QUERY, QUERIES),
    ],
)
def test_xml_and_text_give_the_same_fields_and_tags(xml, title, fields, tags):
    event, text = parse(xml), parse(sysmon_text(xml, title))
    assert (event.fields, event.tags, event.host) == (fields, tags, "ws-01.example")
    assert (event.problem, event.remarks) == ("", ())
    assert event.source == "XmlWinEventLog:Microsoft-Windows-Sysmon/Operational"
    assert (text.fields, text.tags, text.host) == (fields, tags, "ws-01.example")
    assert (text.problem, text.remarks) == ("", ("Sysmon as text",))


@pytest.mark.parametrize(
    ("xml", "changed"),
    [
        (connection_xml(Initiated="false"), {"direction": "inbound", "Initiated": "false"}),
        (
            connection_xml(DestinationHostname="-", SourceHostname="-"),
            {"dest": None, "src": None, "src_host": None, "DestinationHostname": "-", "SourceHostname": "-"},
        ),
        (connection_xml(User="dana"), {"user": "dana", "User": "dana"}),
        (query_xml(QueryResults="-"), {"answer": None}),
        (query_xml(QueryResults=""), {"answer": None}),
        (query_xml(QueryResults="203.0.113.9;"), {"answer": ["203.0.113.9"]}),
        (query_xml("a&b;<c>.example"), {"query": "a&b;<c>.example", "QueryName": "a&b;<c>.example"}),
    ],
)
def test_a_value_that_differs(xml, changed):
    plain = QUERY if "QueryName" in xml else CONNECTION
    assert parse(xml).fields == {name: value for name, value in {**plain, **changed}.items() if value is not None}


def test_older_versions_of_a_name_query_have_no_user():
    assert "User" not in parse(query_xml().replace("<Data Name='User'>CORP\\dana</Data>", "")).fields


def test_a_name_that_holds_rows_of_the_text_gives_no_field():
    forged = query_xml("x\nQueryStatus: 0\nQueryResults: -\nImage: C:\\a.exe\nUser: CORP\\eve")
    event = parse(sysmon_text(forged, "Dns query"))
    assert (event.fields, event.tags) == ({}, ())
    assert event.problem.startswith("a value holds a row like QueryStatus:")


def told(*events):
    census = Census("a.log")
    assert len([*census.count(read_text(["\n".join(events)]))]) == len(events)
    return [problem.problem for problem in census.problems()]


def test_the_census_tells_what_can_be_seen_in_a_file_without_a_new_process():
    assert told(connection_xml(), security_xml()) == told(query_xml(), security_xml()) == []
    (told_of_both,) = told(connection_xml(), query_xml())
    assert told_of_both.startswith(f"none of its 2 events {ONLY}")


def test_the_census_tells_once_of_what_text_and_missing_names_hide():
    unnamed = connection_xml(path="")
    assert told(security_xml(), unnamed, unnamed)[0].startswith("2 of 3 events, the first is event 2: no name of their")
    texts = [sysmon_text(connection_xml()), sysmon_text(query_xml(), "Dns query")]
    assert told(security_xml(), *texts)[0].startswith("2 of 3 events, the first is event 2: Sysmon as classic text")

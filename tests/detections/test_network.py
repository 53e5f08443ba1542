"""What msiexec does in the network: a table of events, and their way from a file to the risk of a machine."""

import json

import pytest

from sandbox import __main__ as command_line
from ssa.action.identity import Identity
from ssa.rows.hits import detect
from tests.support.windows.events import MSIEXEC, connection_xml, query_xml, sysmon_text
from tools.docs.pages import saved_search, shipped

CONNECTION, QUERY = "Windows MSIExec Network Connection", "Windows MSIExec Name Query"
FAKE = r"C:\Users\amy\Downloads\msiexec.exe"
FAR = "2001:470:1:18::119"  # an address of the Internet
ONLINE, ODD_PORT, SHARE, PUBLISHED, SHORT, NAME = 7, 35, 56, 33, 24, 3
"""Scores."""
ELSEWHERE = {CONNECTION: 21, QUERY: 18}
"""What a msiexec.exe outside its folders adds."""


def to(ip, port="443", **changes):
    """Msiexec on ws-1 connects to an address, as the Sysmon add-on shows it: `dest` is the far end."""
    far = {"dest_ip": ip, "dest_port": port, "dest": "far.example", "DestinationHostname": "far.example"}
    machine = {"dvc": "ws-1.corp.example", "src": "ws-1.corp.example", "src_ip": "10.0.1.14", "user": "amy"}
    process = {"process_name": "msiexec.exe", "process_id": "500", "Image": MSIEXEC, "app": MSIEXEC}
    return {**far, **machine, **process, "direction": "outbound", **changes}


def asks(name, **changes):
    """Msiexec on ws-1 asks for a name."""
    machine = {"src": "ws-1.corp.example", "host": "collector-1", "User": "CORP\\amy"}
    return {**machine, "process_name": "msiexec.exe", "Image": MSIEXEC, "query": name, **changes}


CASES = [
    # -- to the web: packages that are fetched, revocation checks (Sigma 8e5e38e4, low; ESCU 827409a1)
    (CONNECTION, to("203.0.113.9"), ONLINE),
    (CONNECTION, to("203.0.113.9", "80"), ONLINE),
    (CONNECTION, to(FAR), ONLINE),
    (CONNECTION, to("::ffff:203.0.113.9"), ONLINE),
    (CONNECTION, to("172.32.0.1"), ONLINE),
    (CONNECTION, to("100.128.0.1"), ONLINE),
    (CONNECTION, to("203.0.113.9", process_name="MSIEXEC.EXE"), ONLINE),
    (CONNECTION, to("203.0.113.9", direction=""), ONLINE),  # a source that does not know it
    (CONNECTION, to("203.0.113.9", ""), ONLINE),
    (CONNECTION, to("203.0.113.9", "https"), ONLINE),  # no number
    (CONNECTION, to("203.0.113.9", Image=r"C:\Windows\SysWOW64\msiexec.exe"), ONLINE),
    (CONNECTION, to("203.0.113.9", Image=r"\Device\HarddiskVolume3\Windows\System32\msiexec.exe"), ONLINE),
    (CONNECTION, to("203.0.113.9", Image="", app=""), ONLINE),
    (CONNECTION, to("203.0.113.9", dest="ocsp.digicert.com", DestinationHostname="ocsp.digicert.com"), ONLINE),
    # -- other ports (Red Canary and Microsoft on Raspberry Robin: 8080)
    (CONNECTION, to("203.0.113.9", "8080"), ODD_PORT),
    (CONNECTION, to("203.0.113.9", "8443"), ODD_PORT),
    (CONNECTION, to(FAR, "4444"), ODD_PORT),
    (CONNECTION, to("203.0.113.9", "0"), ODD_PORT),
    # A reverse lookup says what the owner of the address wants.
    (
        CONNECTION,
        to("203.0.113.9", "8080", dest="crl.microsoft.com", DestinationHostname="crl.microsoft.com"),
        ODD_PORT,
    ),
    # -- file sharing with the Internet
    (CONNECTION, to("203.0.113.9", "445"), SHARE),
    (CONNECTION, to(FAR, "139"), SHARE),
    # -- a file of that name in a user's folder (ATT&CK T1036.005)
    (CONNECTION, to("203.0.113.9", Image=FAKE), ONLINE + ELSEWHERE[CONNECTION]),
    (CONNECTION, to("203.0.113.9", Image="", app=FAKE), ONLINE + ELSEWHERE[CONNECTION]),
    (CONNECTION, to("203.0.113.9", Image=r"C:\Windows\System32\a\msiexec.exe"), ONLINE + ELSEWHERE[CONNECTION]),
    (CONNECTION, to("203.0.113.9", "445", Image=FAKE), 70),  # never more than the impact
    # -- no address of the Internet (IANA's registries of special-purpose addresses)
    (CONNECTION, to("10.1.2.3", "8080"), None),
    (CONNECTION, to("172.31.255.255"), None),
    (CONNECTION, to("192.168.1.1", "445"), None),
    (CONNECTION, to("127.0.0.1", "8080"), None),
    (CONNECTION, to("169.254.169.254", "80"), None),
    (CONNECTION, to("100.64.0.1"), None),
    (CONNECTION, to("198.18.0.7"), None),
    (CONNECTION, to("0.0.0.0"), None),
    (CONNECTION, to("239.255.255.250", "1900"), None),
    (CONNECTION, to("255.255.255.255", "67"), None),
    (CONNECTION, to("::1"), None),
    (CONNECTION, to("0:0:0:0:0:0:0:1"), None),
    (CONNECTION, to("::"), None),
    (CONNECTION, to("fe80::1c2b:5d6e"), None),
    (CONNECTION, to("fec0::1"), None),
    (CONNECTION, to("fd12:3456::1"), None),
    (CONNECTION, to("ff02::1:3", "5355"), None),
    (CONNECTION, to("::ffff:10.0.0.1", "445"), None),
    (CONNECTION, to("far.example"), None),
    (CONNECTION, to("-"), None),
    (CONNECTION, to(""), None),
    # -- what is not msiexec, or has not opened the connection
    (CONNECTION, to("203.0.113.9", "8080", direction="inbound"), None),
    (CONNECTION, to("203.0.113.9", "8080", direction="Inbound"), None),
    (CONNECTION, to("203.0.113.9", "8080", process_name="chrome.exe"), None),
    (CONNECTION, to("203.0.113.9", "8080", process_name=""), None),
    (CONNECTION, asks("x.workers.dev"), None),
    # -- a name like any other
    (QUERY, asks("files.vendor.example"), NAME),
    (QUERY, asks("FILES.Vendor.Example."), NAME),
    (QUERY, asks("aka.ms"), NAME),
    (QUERY, asks("core.bdec.microsoft.com"), NAME),
    (QUERY, asks("xn--80ak6aa92e.com"), NAME),
    (QUERY, asks("ocsp.attacker.example"), NAME),  # anyone may call a host ocsp
    (QUERY, asks("crl3.digicert.com.attacker.example"), NAME),
    (QUERY, asks("evildigicert.com"), NAME),
    (QUERY, asks("notcorp.example", src="ws-1.corp.example"), NAME),
    (QUERY, asks("far.example", src="ws-1.example"), NAME),  # a domain of one label says nothing
    (QUERY, asks("far.example", src=""), NAME),
    # -- anyone publishes files or opens tunnels there (ESCU 94ebc001)
    (QUERY, asks("abc.workers.dev"), PUBLISHED),
    (QUERY, asks("raw.githubusercontent.com"), PUBLISHED),
    (QUERY, asks("CDN.discordapp.com"), PUBLISHED),
    (QUERY, asks("some-words-here.trycloudflare.com"), PUBLISHED),
    (QUERY, asks("temp.sh"), PUBLISHED),
    (QUERY, asks("myworkers.dev"), NAME),
    # -- as short as those of Raspberry Robin (Red Canary 2022-05)
    (QUERY, asks("0dz.me"), SHORT),
    (QUERY, asks("1i.pm"), SHORT),
    (QUERY, asks("J2.GY"), SHORT),
    (QUERY, asks("www.0dz.me"), NAME),
    (QUERY, asks("zoom.us"), NAME),
    (QUERY, asks("163.com"), NAME),
    # -- a file of that name in a user's folder (ATT&CK T1036.005)
    (QUERY, asks("files.vendor.example", Image=FAKE), NAME + ELSEWHERE[QUERY]),
    (QUERY, asks("abc.workers.dev", Image=FAKE), PUBLISHED + ELSEWHERE[QUERY]),
    # -- revocation and time (Elastic 1fe3b299)
    (QUERY, asks("ocsp.digicert.com"), None),
    (QUERY, asks("crl3.digicert.com"), None),
    (QUERY, asks("secure.globalsign.com"), None),
    (QUERY, asks("s2.symcb.com"), None),
    (QUERY, asks("oneocsp.microsoft.com"), None),
    (QUERY, asks("CTLDL.WindowsUpdate.com"), None),
    (QUERY, asks("time.windows.com."), None),
    # -- of a local network
    (QUERY, asks("wpad"), None),
    (QUERY, asks("localhost"), None),
    (QUERY, asks("FILES"), None),
    (QUERY, asks("printer.local"), None),
    (QUERY, asks("9.113.0.203.in-addr.arpa"), None),
    (QUERY, asks("deploy.corp.example"), None),
    (QUERY, asks("Deploy.Site.CORP.example."), None),
    (QUERY, asks("203.0.113.9"), None),  # an address: the connection shows it
    (QUERY, asks("."), None),
    (QUERY, asks(""), None),
    # -- what is not msiexec
    (QUERY, asks("abc.workers.dev", process_name="chrome.exe"), None),
    (QUERY, asks("abc.workers.dev", process_name="<unknown process>"), None),
    (QUERY, to("203.0.113.9", "8080"), None),
]


def event(row):
    return {"_time": "1772442000", **{name: value for name, value in row.items() if value}}


def hits(name, row):
    return [*detect(shipped().find(name), event(row))]


def ids(case):
    name, row, _ = case
    return f"{name}: {row.get('query') or row.get('dest_ip')} {row.get('dest_port', '')}"


@pytest.mark.parametrize(("name", "row", "score"), CASES, ids=map(ids, CASES))
def test_a_detection_scores_an_event_as_in_the_table(name, row, score):
    assert [float(hit["risk_score"]) for hit in hits(name, row)] == ([] if score is None else [score])


@pytest.mark.parametrize("name", [CONNECTION, QUERY])
def test_there_are_cases_enough_of_both_kinds(name):
    scores = [score for other, _, score in CASES if other == name]
    assert sum(score is None for score in scores) >= 4
    assert sum(score is not None for score in scores) >= 4


BY_NAME = ("far.example", "far.example (203.0.113.9), port 443")


@pytest.mark.parametrize(
    ("row", "host", "destination"),
    [
        (to("203.0.113.9"), *BY_NAME),
        (to("203.0.113.9", DestinationHostname="-", dest="-"), None, "203.0.113.9, port 443"),
        (to("203.0.113.9", DestinationHostname="-", dest="203.0.113.9"), None, "203.0.113.9, port 443"),
        (to("203.0.113.9", "", DestinationHostname="", dest=""), None, "203.0.113.9"),
        (to(FAR, DestinationHostname="", dest=FAR), None, f"{FAR}, port 443"),
        (to("203.0.113.9", DestinationHostname="", dest="FAR.example"), *BY_NAME),
        (to("203.0.113.9", DestinationHostname="a b (10.0.0.1)"), None, "203.0.113.9, port 443"),
    ],
)
def test_the_far_end_of_a_connection_by_address_and_name(row, host, destination):
    (hit,) = hits(CONNECTION, row)
    body = json.loads(hit["body"])
    assert (hit.get("dest_host"), hit["destination"], body["dest_ip"]) == (host, destination, row["dest_ip"])


@pytest.mark.parametrize(
    ("name", "row", "user"),
    [
        (CONNECTION, to("203.0.113.9", "8080", dest_device_id="far.example"), "amy"),
        (QUERY, asks("abc.workers.dev", dest="far.example", dest_device_id="far.example", user="eve"), "CORP\\amy"),
    ],
)
def test_the_device_of_a_hit_is_the_machine_and_never_the_far_end(name, row, user):
    (hit,) = hits(name, row)
    assert (hit["dest_device_id"], hit["dest_user_id"]) == ("ws-1.corp.example", user)
    assert hit["entities"] == [user, "ws-1.corp.example"]
    without = {column: value for column, value in row.items() if column not in ("dvc", "src")}
    (hit,) = hits(name, without)
    assert (hit["dest_device_id"], hit["entities"]) == (None, user)


@pytest.mark.parametrize(("name", "row"), [(CONNECTION, to("203.0.113.9", "8080")), (QUERY, asks("abc.workers.dev"))])
def test_the_same_seen_again_is_one_risk_and_another_far_end_or_machine_is_not(name, row):
    def risk(**changes):
        found = event({**row, **changes})
        (hit,) = detect(shipped().find(name), found)
        whole = Identity(shipped().find(name), {**found, **hit}, json.loads(hit["body"]), 1772442000, 35)
        return whole.risk_event_id("amy", "user")

    machine = "dvc" if name == CONNECTION else "src"
    far = {"dest_ip": "203.0.113.10"} if name == CONNECTION else {"query": "other.workers.dev"}
    assert risk() == risk(src_port="50001") == risk(answer="198.51.100.1")
    assert len({risk(), risk(**far), risk(**{machine: "ws-2.corp.example"})}) == 3


# -- from a file to the risk


@pytest.fixture(scope="module")
def replayed(archive, tmp_path_factory):
    """What a replay reports of a file, both searches switched on: lines by their kind."""
    folder = tmp_path_factory.mktemp("network")
    (folder / "local").mkdir()
    searches = [saved_search(shipped().find(name)) for name in (CONNECTION, QUERY)]
    (folder / "local/savedsearches.conf").write_text("".join(f"[{name}]\ndisabled = 0\n" for name in searches))

    def run(capsys, *events):
        (folder / "events.log").write_text("\n".join(events) + "\n")
        options = ("--package", str(archive), "--local", str(folder / "local"), "--json")
        code = command_line.main(["replay", str(folder / "events.log"), *options])
        found = {"problem": [], "detection": [], "risk_event": [], "risk_alert": [], "summary": []}
        for line in capsys.readouterr().out.splitlines():
            fields = json.loads(line)
            found[fields.pop("kind")].append(fields)
        assert code == 0, found["summary"]
        return found

    return run


def risk(found):
    fields = ("detection", "risk_object_type", "risk_object", "risk_score")
    return sorted(tuple(event[name] for name in fields) for event in found["risk_event"])


EXPECTED = [
    (QUERY, "system", "ws-01.example", "33"),
    (QUERY, "user", "dana", "33"),
    (CONNECTION, "system", "ws-01.example", "35"),
    (CONNECTION, "system", "ws-01.example", "7"),
    (CONNECTION, "user", "dana", "35"),
    (CONNECTION, "user", "dana", "7"),
]


def test_events_of_a_file_become_risk_of_the_machine_and_its_user(replayed, capsys):
    found = replayed(
        capsys,
        connection_xml(),
        connection_xml(second="01", DestinationPort="8080", DestinationHostname="-"),
        connection_xml(second="02", DestinationIp="10.0.0.7", DestinationPort="445"),
        connection_xml(second="03", Initiated="false", SourceIp="203.0.113.9", DestinationIp="10.0.1.14"),
        connection_xml(r"C:\Program Files\Google\Chrome\Application\chrome.exe", second="04"),
        query_xml("abc.workers.dev", second="05"),
        query_xml("ocsp.digicert.com", second="06"),
        query_xml("abc.workers.dev", "&lt;unknown process&gt;", second="07"),
    )
    assert risk(found) == EXPECTED
    messages = {event["risk_message"] for event in found["risk_event"]}
    begin = "On endpoint ws-01.example, msiexec.exe of user"
    assert messages == {
        f"{begin} dana connected to far.example (203.0.113.9), port 443: to a port of the web.",
        f"{begin} dana connected to 203.0.113.9, port 8080: its port is none of the web.",
        f"{begin} CORP\\dana asked for abc.workers.dev: anyone publishes files or opens tunnels there.",
    }
    threats = {tuple(event["threat_object"]) for event in found["risk_event"]}
    assert threats == {
        ("msiexec.exe", "203.0.113.9", "far.example"),
        ("msiexec.exe", "203.0.113.9"),
        ("msiexec.exe", "abc.workers.dev"),
    }
    (problem,) = found["problem"]
    assert problem["problem"].startswith("none of its 8 events tells of a new process")


def test_classic_text_gives_the_same_risk(replayed, capsys):
    found = replayed(
        capsys,
        sysmon_text(connection_xml()),
        sysmon_text(connection_xml(DestinationPort="8080", DestinationHostname="-")),
        sysmon_text(query_xml("abc.workers.dev"), "Dns query"),
    )
    assert risk(found) == EXPECTED


def test_a_name_query_without_a_user_is_the_machines_risk_alone(replayed, capsys):
    found = replayed(capsys, query_xml("abc.workers.dev").replace("<Data Name='User'>CORP\\dana</Data>", ""))
    assert risk(found) == [(QUERY, "system", "ws-01.example", "33")]


def test_an_account_of_windows_has_no_risk(replayed, capsys):
    system = "NT AUTHORITY\\SYSTEM"
    found = replayed(capsys, connection_xml(User=system), query_xml("abc.workers.dev", User=system))
    assert {(event["risk_object_type"], event["risk_object"]) for event in found["risk_event"]} == {
        ("system", "ws-01.example")
    }


@pytest.mark.parametrize("name", ["$dest$", 'x"] | delete', "a.example$result.host$", "a`b`.example"])
def test_a_name_that_means_no_good_is_a_text(replayed, capsys, name):
    found = replayed(capsys, query_xml(f"{name}.workers.dev"))
    assert risk(found) == EXPECTED[:2]
    messages = [event["risk_message"].replace("＄", "$") for event in found["risk_event"]]
    assert all(f"asked for {name}.workers.dev: " in message for message in messages)

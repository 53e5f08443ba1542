"""The other detections of the story on msiexec: a table of events, and the shipped searches that find the same."""

import json
from contextlib import closing

import pytest

from sandbox.search.instance import Instance
from ssa.content.datamodels import DATA_MODELS, PROCESSES
from ssa.rows.hits import detect
from tests.support.examples import GIVEN
from tools.content.generated import is_accelerated
from tools.docs.pages import saved_search, shipped
from tools.evaluate.catalogue import load
from tools.evaluate.rules import HARDENED

ZAP, FETCH, PARENT = (
    "Windows MSIExec DLL Unregistration",
    "Windows MSIExec Package From Network",
    "Windows MSIExec Unusual Parent",
)
CHILD, HIDDEN, RENAMED = "Windows MSIExec Unusual Child", "Windows MSIExec Hidden Launch", "Windows MSIExec Renamed"
SYSTEM = "C:\\Windows\\System32\\"
INSTALLER = {"parent_process_name": "msiexec.exe", "parent_process_path": SYSTEM + "msiexec.exe"}


def started(line, **changes):
    """Msiexec with a command line, started by Explorer."""
    parent = {"parent_process_name": "explorer.exe", "parent_process_path": r"C:\Windows\explorer.exe"}
    own = {"process_name": "msiexec.exe", "process_path": SYSTEM + "msiexec.exe", "original_file_name": "msiexec.exe"}
    return {"process": line, **own, **parent, **changes}


def child(name, line, **changes):
    """A child of msiexec."""
    return {"process": line, "process_name": name, "process_path": SYSTEM + name, **INSTALLER, **changes}


CASES = [
    # -- /z calls DllUnregisterServer (Command-Line Options; LOLBAS; Atomic Red Team)
    (ZAP, started(r'msiexec /z "C:\folder\evil.dll"'), 48),
    (ZAP, started(r"msiexec -Z C:\AtomicRedTeam\atomics\T1218.007\src\MSIRunner.dll"), 48),
    (ZAP, started(r"msiexec /z \\h\s\evil.dll"), 48),
    (ZAP, started(r'msiexec /z "C:\Program Files\..\Users\a\evil.dll"'), 48),
    (ZAP, started(r"a.exe /z C:\a.dll", process_name="a.exe"), 48),
    (ZAP, started(r"msiexec /z C:\Windows\\Temp\evil.dll"), 48),
    (ZAP, started(r'msiexec /z "C:\Windows\`\evil.dll"'), 48),
    (ZAP, started(r'msiexec /Z "C:\Program Files\Vendor\a.dll"'), 24),
    (ZAP, started(r'msiexec /Z "C:\Program Files\Vendor\a.dll"', **INSTALLER), 4),  # SelfUnregModules
    (ZAP, started(r'msiexec /Z "C:\Users\a\AppData\Local\Vendor\a.dll"', **INSTALLER), 36),
    (ZAP, started("msiexec /z"), None),
    (ZAP, started(r"msiexec /y C:\a.dll"), None),
    (ZAP, started(r'msiexec /i C:\x.msi P="a /z C:\b.dll"'), None),
    (ZAP, started(""), None),
    (ZAP, child("a.exe", r"a /z C:\a.dll", original_file_name="a.exe"), None),
    # -- a package, patch or transform from another machine (Command-Line Options; LOLBAS)
    (FETCH, started("msiexec /q /i http://192.168.100.3/tmp/cmd.png"), 42),
    (FETCH, started("msiexec /i https://h.example/x.msi"), 35),
    (FETCH, started(r"msiexec /i https:\\h.example\x.msi"), 35),
    (FETCH, started("msiexec /q /i http://h/x.msi", parent_process_name="wscript.exe"), 49),
    (FETCH, started('msiexec /i "https://t/s.msi" TRANSFORMS="https://e/e.mst" /qb'), 42),
    (FETCH, started(r"msiexec /i C:\s.msi TRANSFORMS=https://e/e.mst /qn"), 49),
    (FETCH, started(r"msiexec /i C:\s.msi TRANSFORMS=@x.mst;\\h@SSL\s\e.mst"), 42),
    (FETCH, started("msiexec /p https://h/x.msp /qn"), 42),
    (FETCH, started(r"msiexec /i \\h.example@8080\s\x.msi"), 35),
    (FETCH, started(r"msiexec /i \\h\DavWWWRoot\x.msi"), 35),
    (FETCH, started(r"msiexec /i \\files\deploy\x.msi /qn"), 24.5),
    (FETCH, started(r"msiexec /i C:\s.msi PATCH=\\h\s\x.msp"), 17.5),
    (FETCH, started("svc.exe /i http://h/x.msi", process_name="svc.exe"), 35),
    (FETCH, started("msiexec /i x.msi SERVER=https://h.example/"), None),
    (FETCH, started("msiexec /i x.msi /l*v \\\\files\\logs\\x.log"), None),
    (FETCH, started(r"msiexec /i C:\http\x.msi"), None),
    (FETCH, started(r"msiexec /y \\h\s\x.dll"), None),  # a registration
    (FETCH, started("MsiExec.exe -Embedding 9F17CF72F57573D6B6AE5214F745A83C"), None),
    # -- started by what installs nothing
    (PARENT, started(r"msiexec /i C:\x.msi", parent_process_name="WINWORD.EXE"), 30),
    (PARENT, started("", parent_process_name=r"C:\Windows\System32\wbem\WmiPrvSE.exe"), 30),
    (PARENT, started("msiexec /q /i x", parent_process_name="w3wp.exe"), 30),
    (PARENT, started(r"msiexec /i C:\x.msi"), None),
    (PARENT, started(r"msiexec /i C:\x.msi", parent_process_name=r"C:\winword.exe\setup.exe"), None),
    (PARENT, child("cmd.exe", "cmd", parent_process_name="winword.exe"), None),
    # -- starts what installs nothing (Red Canary, Raspberry Robin; the DFIR Report)
    (CHILD, child("whoami.exe", "whoami /all"), 42),
    (CHILD, child("odbcconf.exe", "odbcconf.exe /a {configsysdsn}"), 42),
    (CHILD, child("powershell.exe", "powershell -nop -EncodedCommand AAAA"), 42),
    (CHILD, child("powershell.exe", "powershell /e AAAA"), 42),
    (CHILD, child("nltest.exe", "", parent_process_name=SYSTEM + "msiexec.exe"), 42),
    (CHILD, child("powershell.exe", "powershell -ExecutionPolicy Bypass -File C:\\x.ps1"), None),
    (CHILD, child("rundll32.exe", r'rundll32.exe "C:\Windows\Installer\MSI1.tmp",zzzzInvokeManagedCustomAction'), None),
    (CHILD, child("cmd.exe", "cmd /c ver"), None),
    (CHILD, child("whoami.exe", "whoami", parent_process_name="cmd.exe"), None),
    # -- /HideWindow (Splunk ESCU, Windows MsiExec HideWindow Rundll32 Execution)
    (HIDDEN, child("MSI4F2A.tmp", r'"C:\Windows\Installer\MSI4F2A.tmp" /HideWindow rundll32 C:\a.dll,Go'), 49),
    (HIDDEN, child("MSI4F2A.tmp", r'"C:\MSI4F2A.tmp" /DontWait /hidewindow "C:\Windows\System32\cmd.exe" /c a'), 49),
    (HIDDEN, child("MSIA.tmp", r"MSIA.tmp /HideWindow powershell -c a", parent_process_name="a.exe"), 49),
    (HIDDEN, child("MSI4F2A.tmp", r'"C:\MSI4F2A.tmp" /HideWindow C:\Vendor\setup.exe'), None),
    (HIDDEN, child("a.exe", "a /HideWindow rundll32 x", parent_process_name="b.exe"), None),
    (HIDDEN, child("a.exe", "a --nohidewindow rundll32 x"), None),
    # -- a copy under another name (ATT&CK T1036.003)
    (RENAMED, started("a.exe /i x", process_name="a.exe"), 56),
    (RENAMED, started("", process_name="svchost.exe", original_file_name="MSIEXEC.EXE"), 56),
    (RENAMED, started("msiexec /i x", process_name="MSIEXEC.EXE"), None),
    (RENAMED, child("cmd.exe", "msiexec", original_file_name="Cmd.Exe"), None),
    (RENAMED, started("a.exe /i x", process_name="a.exe", original_file_name=""), None),
]
EVENTS = [
    {k: v for k, v in {"_time": str(1_772_442_000 + n), "dest": "ws-1", "user": "amy", **row}.items() if v}
    for n, (_, row, _) in enumerate(CASES)
]


def ids(case):
    name, row, _ = case
    return f"{name.removeprefix('Windows MSIExec ')}: {row['process']}"


@pytest.mark.parametrize("number", range(len(CASES)), ids=[ids(case) for case in CASES])
def test_a_detection_scores_an_event_as_in_the_table(number):
    name, _, score = CASES[number]
    scores = [float(hit["risk_score"]) for hit in detect(shipped().find(name), EVENTS[number])]
    assert scores == ([] if score is None else [score])


def test_every_detection_of_the_story_has_cases_of_both_kinds():
    others = [name for name in shipped().names if name not in (GIVEN, HARDENED)]
    for name in others:
        scores = [score for other, _, score in CASES if other == name]
        assert sum(score is None for score in scores) >= 2, name
        assert sum(score is not None for score in scores) >= 2, name


# -- the searches


FORGED = {"body": '{"confidence": 0, "why": "nothing"}', "risk_score": "0", "detection": "mine", "verdict": "clean"}


@pytest.fixture(scope="module")
def instance(archive, tmp_path_factory):
    """The app on two indexers, with the events of the table and the catalogue, some with columns that mean no good."""
    rows = [
        *({**event, "tag": [*PROCESSES.tags]} for event in EVENTS),
        *(
            {**row.event, "_time": str(1_772_450_000 + n), "tag": [*DATA_MODELS[row.datamodel].tags]}
            for n, row in enumerate(load().rows)
        ),
    ]
    made = Instance(tmp_path_factory.mktemp("story"), indexers=2)
    made.install(archive)
    made.add_events(
        {**(FORGED if n % 3 == 0 else {}), **row, "_time": float(row["_time"]), "case": str(n), "index": "main"}
        | {"_raw": json.dumps(row)}
        for n, row in enumerate(rows)
    )
    with closing(made):
        yield made, rows


@pytest.mark.parametrize("name", shipped().names)
def test_its_saved_search_finds_exactly_what_the_detection_makes_of_all_events(instance, name):
    """The prefilter hides nothing, the columns that it needs pass, and no column of an event is taken for its own."""
    made, rows = instance
    detection = shipped().find(name)
    expected = sorted(
        (row["_time"].split(".")[0], hit["risk_score"], json.loads(hit["body"]).get("why"))
        for row in rows
        if DATA_MODELS[detection.datamodel].tags <= {*row["tag"]}
        for hit in detect(detection, row)
    )
    result = made.search(made.saved_search(saved_search(detection))["search"])
    found = [
        (f"{float(row['_time']):.0f}", row["risk_score"], json.loads(row["body"]).get("why")) for row in result.rows
    ]
    assert sorted(found) == expected
    assert {row["detection"] for row in result.rows} == {name}
    if detection.dynamic_score:
        scores = [float(row["risk_score"]) for row in result.rows]
        assert scores == sorted(scores, reverse=True)  # those without risk come last


@pytest.mark.parametrize("name", [name for name in shipped().names if is_accelerated(shipped().find(name))])
def test_its_accelerated_search_finds_the_same(instance, name):
    made, _ = instance
    raw = made.search(made.saved_search(f"SSA - {name} - Rule")["search"])
    accelerated = made.search(made.saved_search(f"SSA - {name} - Accelerated - Rule")["search"])
    same = ("event_id", "risk_score", "body", "entities")
    assert sorted([str(row[k]) for k in same] for row in raw.rows) == sorted(
        [str(row[k]) for k in same] for row in accelerated.rows
    )

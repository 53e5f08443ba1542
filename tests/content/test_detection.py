"""From ssa_detections.conf to a checked detection."""

import pytest

from ssa.content.detection import DetectionError, Observable
from ssa.content.selection import to_run
from tests.support.examples import GIVEN, GIVEN_ID, catalogue, given_detection


def test_the_given_detection_has_every_fact_of_its_publication():
    detection = given_detection()
    assert (detection.id, detection.version, detection.date, detection.author) == (
        GIVEN_ID,
        "1",
        "2022-08-31",
        "Michael Haag, Splunk",
    )
    assert (detection.type, detection.product, detection.datamodel) == (
        "TTP",
        "Splunk Behavioral Analytics",
        "Endpoint_Processes",
    )
    assert (detection.impact, detection.confidence, detection.risk_score, detection.severity) == (70, 50, 35.0, "low")
    assert detection.observables == (
        Observable("dest_user_id", "User", "Victim"),
        Observable("dest_device_id", "Hostname", "Victim"),
        Observable("process_name", "Process", "Child Process"),
    )
    assert detection.tokens == ("process_name", "dest_device_id", "dest_user_id")
    assert detection.message == (
        "An instance of spawning $process_name$ was identified on endpoint $dest_device_id$ by user $dest_user_id$ "
        "attempting to register a file."
    )
    assert (detection.mitre_attack_id, detection.kill_chain_phases) == (("T1218.007",), ("Exploitation",))
    assert (detection.nist, detection.cis20, detection.cve) == ((), (), ())
    assert detection.analytic_story == ("Windows System Binary Proxy Execution MSIExec",)
    assert detection.required_fields == (
        "_time",
        "dest_device_id",
        "process_name",
        "parent_process_name",
        "process_path",
        "dest_user_id",
        "process",
        "cmd_line",
    )
    assert detection.references == (
        "https://thedfirreport.com/2022/06/06/will-the-real-msiexec-please-stand-up-exploit-leads-to-data-exfiltration/",
        "https://github.com/redcanaryco/atomic-red-team/blob/master/atomics/T1218.007/T1218.007.md",
    )
    assert detection.dataset == (
        "https://media.githubusercontent.com/media/splunk/attack_data/master/datasets/attack_techniques/T1218.007/"
        "atomic_red_team/4688_msiexec-windows-security.log"
    )
    for part in ("/y switch", "DllRegisterServer", "parent process", "artifacts"):
        assert part in detection.description
    assert "6.0.4 or later" in detection.how_to_implement
    assert "filter macro" in detection.known_false_positives


@pytest.mark.parametrize("name", [GIVEN, GIVEN_ID, f" {GIVEN} ", f"{GIVEN},{GIVEN_ID}"])
def test_a_detection_is_found_by_name_or_id_and_once(tmp_path, name):
    assert [found.name for found in catalogue(tmp_path).selected(name)] == [GIVEN]


def test_a_name_with_a_comma_is_taken_whole_first(tmp_path):
    lines = [
        "[A, B]",
        "id = 1",
        "version = 1",
        "search = from read_ssa_enriched_events() | into write_ssa_detected_events()",
        "impact = 1",
        "confidence = 1",
        "message = m",
        "observables = []",
    ]
    assert [found.name for found in catalogue(tmp_path, "\n".join(lines)).selected("A, B")] == ["A, B"]


def test_an_unknown_name_suggests_a_near_one(tmp_path):
    with pytest.raises(DetectionError, match=f"unknown detection.*Did you mean '{GIVEN}'"):
        catalogue(tmp_path).selected(GIVEN.replace("MSIExec", "MSIExcc"))


@pytest.mark.parametrize(
    ("setting", "says"),
    [
        ("impact = 101", "impact: expected a number from 0 to 100, found '101'"),
        ("impact = high", "impact: expected a number from 0 to 100, found 'high'"),
        ("impact = nan", "impact: expected a number from 0 to 100, found 'nan'"),
        ("impact = -1", "impact: expected a number from 0 to 100, found '-1'"),
        ("impact = -0", "impact: expected a number from 0 to 100, found '-0'"),
        ("impact = 100.5", r"impact: expected a number from 0 to 100, found '100\.5'"),
        ("impact = 1_0", "impact: expected a number from 0 to 100, found '1_0'"),
        ("impact = ٧٠", "impact: expected a number from 0 to 100, found '٧٠'"),
        ("confidence = 50%", "confidence: expected a number from 0 to 100, found '50%'"),
        ("confidence = 101", "confidence: expected a number from 0 to 100, found '101'"),
        ("confidence =", "confidence: this setting is required"),
        ("message =", "message: this setting is required"),
        ("search = | from nowhere()", r"search: 'from' knows only read_ssa_enriched_events\(\)"),
        ("observables = no json", "observables: expected a JSON list"),
        ("observables = {}", "observables: expected a JSON list"),
        ('observables = [{"name": "x"}]', r'observables: expected a JSON list .* found \{"name": "x"\}'),
        ("disabled = maybe", "disabled: expected a boolean"),
        ("columns = src_user", "columns: expected <SSA field>:<column>, …, such as .*, found 'src_user'"),
        ("columns = dest_user_id:", "columns: expected .*, found 'dest_user_id:'"),
        ("columns = dest_user_id:a:b", "columns: expected .*, found 'dest_user_id:a:b'"),
        ("columns = dest_user_id:a b", "columns: expected .*, found 'dest_user_id:a b'"),
        ('columns = dest_user_id:a"|x', "columns: expected .*, found"),
        ("columns = dest_user_id:a, dest_user_id:b", "columns: dest_user_id is there twice"),
        ("columns = event_id:EventCode", "columns: event_id is computed, and never read from a row"),
        ("columns = _time:when", "columns: _time is computed"),
        ("columns = dest_user_id:entities", "columns: entities is computed"),
        ("columns = dest_usr_id:src_user", "columns: neither the search nor .* name dest_usr_id: is it misspelt"),
    ],
)
def test_a_wrong_setting_is_named_with_file_line_and_stanza(tmp_path, setting, says):
    with pytest.raises(DetectionError, match=rf"local/ssa_detections\.conf, line 2: \[{GIVEN}\] {says}"):
        catalogue(tmp_path, f"[{GIVEN}]\n{setting}").find(GIVEN)


def test_fields_with_columns_of_their_own_are_read_in_pairs(tmp_path):
    local = f"[{GIVEN}]\ncolumns = dest_user_id:src_user , process : Cmd.Line,\n"
    detection = catalogue(tmp_path, local).find(GIVEN)
    assert detection.columns == {"dest_user_id": "src_user", "process": "Cmd.Line"}
    assert [detection.sources(name) for name in ("dest_user_id", "dest_device_id", "process_name")] == [
        ("src_user",),
        ("dest", "host", "dest_device_id"),
        ("process_name",),
    ]
    assert given_detection().columns == {}


def test_a_local_setting_overrides_one_fact_and_keeps_the_others(tmp_path):
    detection = catalogue(tmp_path, f"[{GIVEN}]\nconfidence = 100").find(GIVEN)
    assert (detection.risk_score, detection.severity, detection.id) == (70.0, "high", GIVEN_ID)


@pytest.mark.parametrize(
    ("score", "band"),
    [
        (0, "informational"),
        (20, "informational"),
        (20.5, "low"),
        (40, "low"),
        (60, "medium"),
        (80, "high"),
        (81, "critical"),
        (100, "critical"),
    ],
)
def test_the_band_of_a_score(tmp_path, score, band):
    detection = catalogue(tmp_path, f"[{GIVEN}]\nimpact = {score}\nconfidence = 100").find(GIVEN)
    assert detection.severity == band


def test_a_disabled_detection_does_not_run_and_is_an_error_when_named(tmp_path):
    detections = catalogue(tmp_path, f"[{GIVEN}]\ndisabled = 1")
    assert not detections.is_enabled(GIVEN)
    with pytest.raises(DetectionError, match="is disabled: set disabled = 0 in local"):
        to_run(detections, GIVEN, None, print)


def test_a_setting_that_is_missing_is_looked_for_where_the_stanza_stands(tmp_path):
    with pytest.raises(
        DetectionError, match=r"local/ssa_detections\.conf, line 2: \[Mine\] id: this setting is required"
    ):
        catalogue(tmp_path, "# mine\n[Mine]\nversion = 1").find("Mine")


def test_a_deeply_nested_list_of_observables_is_refused_with_our_own_error(tmp_path):
    with pytest.raises(DetectionError, match="observables: expected a JSON list"):
        catalogue(tmp_path, f"[{GIVEN}]\nobservables = {'[' * 100_000}").find(GIVEN)

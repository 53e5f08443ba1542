"""From ssa_detections.conf to a checked detection."""

import pytest

from ssa.detection import DetectionError, Observable
from tests.ssa.examples import FLAGSHIP, FLAGSHIP_ID, catalogue, flagship


def test_the_flagship_has_every_fact_of_its_publication():
    found = flagship()
    assert (found.id, found.version, found.date, found.author) == (
        FLAGSHIP_ID,
        "1",
        "2022-08-31",
        "Michael Haag, Splunk",
    )
    assert (found.type, found.product, found.datamodel) == ("TTP", "Splunk Behavioral Analytics", "Endpoint_Processes")
    assert (found.impact, found.confidence, found.risk_score, found.severity) == (70, 50, 35.0, "low")
    assert found.observables == (
        Observable("dest_user_id", "User", "Victim"),
        Observable("dest_device_id", "Hostname", "Victim"),
        Observable("process_name", "Process", "Child Process"),
    )
    assert found.tokens == ("process_name", "dest_device_id", "dest_user_id")
    assert found.mitre_attack_id == ("T1218.007",)
    assert (found.nist, found.cis20, found.cve) == ((), (), ())
    assert len(found.references) == 2


@pytest.mark.parametrize("name", [FLAGSHIP, FLAGSHIP_ID, f" {FLAGSHIP} ", f"{FLAGSHIP},{FLAGSHIP_ID}"])
def test_a_detection_is_found_by_name_or_id_and_once(tmp_path, name):
    assert [found.name for found in catalogue(tmp_path).resolve(name)] == [FLAGSHIP]


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
    assert [found.name for found in catalogue(tmp_path, "\n".join(lines)).resolve("A, B")] == ["A, B"]


def test_an_unknown_name_suggests_a_near_one(tmp_path):
    with pytest.raises(DetectionError, match=f"unknown detection.*Did you mean '{FLAGSHIP}'"):
        catalogue(tmp_path).resolve(FLAGSHIP.replace("MSIExec", "MSIExcc"))


@pytest.mark.parametrize(
    ("setting", "says"),
    [
        ("impact = 101", "impact: expected a number from 0 to 100, found '101'"),
        ("impact = high", "impact: expected a number from 0 to 100, found 'high'"),
        ("impact = nan", "impact: expected a number from 0 to 100, found 'nan'"),
        ("confidence =", "confidence: this setting is required"),
        ("message =", "message: this setting is required"),
        ("search = | from nowhere()", r"search: 'from' knows only read_ssa_enriched_events\(\)"),
        ("observables = no json", "observables: expected a JSON list"),
        ("observables = {}", "observables: expected a JSON list"),
        ('observables = [{"name": "x"}]', r'observables: expected a JSON list .* found \{"name": "x"\}'),
        ("disabled = maybe", "disabled: expected a boolean"),
    ],
)
def test_a_wrong_setting_is_named_with_file_line_and_stanza(tmp_path, setting, says):
    with pytest.raises(DetectionError, match=rf"local/ssa_detections\.conf, line 2: \[{FLAGSHIP}\] {says}"):
        catalogue(tmp_path, f"[{FLAGSHIP}]\n{setting}").find(FLAGSHIP)


def test_a_local_setting_overrides_one_fact_and_keeps_the_others(tmp_path):
    found = catalogue(tmp_path, f"[{FLAGSHIP}]\nconfidence = 100").find(FLAGSHIP)
    assert (found.risk_score, found.severity, found.id) == (70.0, "high", FLAGSHIP_ID)


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
    found = catalogue(tmp_path, f"[{FLAGSHIP}]\nimpact = {score}\nconfidence = 100").find(FLAGSHIP)
    assert found.severity == band


def test_a_disabled_detection_does_not_run_and_says_so_when_named(tmp_path):
    found = catalogue(tmp_path, f"[{FLAGSHIP}]\ndisabled = 1")
    assert not found.is_enabled(FLAGSHIP)
    with pytest.raises(DetectionError, match="is disabled: set disabled = 0 in local"):
        found.resolve(FLAGSHIP)

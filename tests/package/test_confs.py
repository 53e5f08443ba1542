"""Code and conf are held to each other: no name without a definition, no fact stated in two ways, no typo."""

import configparser
import csv
import json
import re
from datetime import UTC, datetime
from functools import cache
from importlib import resources
from pathlib import Path

import pytest

from sandbox import confs
from ssa.action import payload, risk
from ssa.action.rest.lookups import LEDGER
from ssa.action.rest.receivers import SOURCETYPE
from ssa.action.spool import BREAKER, EXTENSION
from ssa.content import conf
from ssa.content import settings as by_rule
from ssa.content.datamodels import DATA_MODELS, PROCESSES, security_domain
from ssa.content.detection import CONF, REQUIRED
from ssa.content.fields import COLUMNS, COUNTERPARTS
from tools import ROOT
from tools.content import generated, sets
from tools.docs import pages
from tools.ui import views

# The published text, character for character. It stands here a second time on purpose.
PUBLISHED = r"""| from read_ssa_enriched_events() | eval timestamp=parse_long(ucast(map_get(input_event, "_time"), "string", null)), cmd_line=lower(ucast(map_get(input_event, "process"), "string", null)), process_name=lower(ucast(map_get(input_event, "process_name"), "string", null)), process_path=ucast(map_get(input_event, "process_path"), "string", null), parent_process_name=ucast(map_get(input_event, "parent_process_name"), "string", null), event_id=ucast(map_get(input_event, "event_id"), "string", null) | where cmd_line IS NOT NULL AND process_name IS NOT NULL AND process_name="msiexec.exe" AND (like (cmd_line, "%/y %") OR like (cmd_line, "%-y %")) | eval start_time=timestamp, end_time=timestamp, entities=mvappend(ucast(map_get(input_event, "dest_user_id"), "string", null), ucast(map_get(input_event, "dest_device_id"), "string", null)), body=create_map(["event_id", event_id, "cmd_line", cmd_line, "process_name", process_name, "parent_process_name", parent_process_name, "process_path", process_path]) | into write_ssa_detected_events();"""  # noqa: E501 (one line, as published)

CONFS = sorted(path.stem for path in (ROOT / "default").glob("*.conf"))
OTHER_APPS_ACTIONS = {"correlationsearch", "risk", "notable"}
"""Alert actions of Enterprise Security that our searches carry, off."""

ES_LISTS_IT = {"correlationsearch"}
"""What may be on: it runs nothing, it only makes Enterprise Security list the search."""

NEWER_KEYS = {
    # After the specs of 2017 that come with Splunk's packaging toolkit; each with the spec of Splunk 9.3 that has it.
    "app": ["state", "triggers:reload.<conf_file_name>"],
    "alert_actions": ["python.version"],
    "authorize": [
        *("search", "input_file", "output_file", "run_custom_command", "run_collect", "run_mcollect", "get_typeahead"),
        *("rest_apps_view", "rest_properties_get", "change_own_password", "export_results_is_visible"),
    ],
    "commands": ["python.version"],
    "savedsearches": ["allow_skew"],
    "server": ["conf_replication_include.<conf_file_name>"],
    "transforms": ["check_permission"],
}
BUILT_INS = [
    "search",
    "where",
    "eval",
    "fields",
    "table",
    "rename",
    "sort",
    "head",
    "dedup",
    "stats",
    "append",
    "appendpipe",
    "makeresults",
    "mvexpand",
    "rex",
    "inputlookup",
    "lookup",
    "rest",
    "tstats",
    "fillnull",
    "addinfo",
    "timechart",
    "bin",
    "collect",
    "outputlookup",
    "eventstats",
    "streamstats",
]


def stanzas(name):
    return {
        stanza: {key: setting.value for key, setting in settings.items()}
        for stanza, settings in conf.merge([str(ROOT / "default" / f"{name}.conf")]).items()
    }


DETECTIONS = pages.shipped()
SAVED = stanzas("savedsearches")
MACROS = stanzas("macros")
TUNING = (ROOT / "docs/tuning.md").read_text()


def searches():
    """Every text of SPL in a conf, with the place where it stands."""
    yield from ((f"savedsearches.conf [{name}]", settings["search"]) for name, settings in SAVED.items())
    yield from ((f"macros.conf [{name}]", settings["definition"]) for name, settings in MACROS.items())
    for stanza, settings in stanzas("searchbnf").items():
        yield from ((f"searchbnf.conf [{stanza}]", v) for key, v in settings.items() if key.startswith("example"))


TEXTS = list(searches())
by_place = pytest.mark.parametrize("text", [text for _, text in TEXTS], ids=[place for place, _ in TEXTS])
by_detection = pytest.mark.parametrize(
    "detection", [DETECTIONS.find(name) for name in DETECTIONS.names], ids=DETECTIONS.names
)


def used_macros(text):
    for call in re.findall(r"`([^`]+)`", text):
        name, _, rest = call.partition("(")
        yield name + (f"({rest.count(',') + 1})" if rest else "")


# -- names that exist


@by_place
def test_every_macro_that_a_search_uses_is_ours_and_exists(text):
    assert [name for name in used_macros(text) if name not in MACROS] == []


def test_every_macro_is_used_or_offered_to_users():
    shown = [view.query(source) for view in views.shipped().values() for source in view.sources]
    of_set = sets.saved_search("x", [DETECTIONS.find(name) for name in DETECTIONS.names])["search"]
    used = {name for text in [*shown, of_set, *(text for _, text in TEXTS)] for name in used_macros(text)}
    offered = {stanza.name for stanza in generated.macros() if stanza.source == generated.TABLE}
    of_older_versions = {"ssa_risk_by_object", "ssa_risk_drilldown"}
    assert set(MACROS) - used - offered == of_older_versions
    assert "`ssa_allow_list`" in TUNING
    upgrade = (ROOT / "docs/upgrade.md").read_text()
    assert [name for name in of_older_versions if f"`{name}`" not in upgrade] == []


def test_a_macro_that_stands_in_a_text_has_nothing_that_would_end_it():
    """Whether Splunk expands macros inside quotes is documented nowhere: either way must give the same search."""
    inside = {
        name
        for _, text in TEXTS
        for quoted in re.findall(r'"(?:\\.|[^"\\])*"', text)
        for name in used_macros(quoted)
        if name in MACROS
    }
    assert inside == {"ssa_risk_events"}
    for name in inside:
        assert not set(MACROS[name]["definition"]) & set('"\\`|[]')


@by_place
def test_every_command_that_a_search_uses_exists(text):
    if "|" not in text:
        return  # a fragment of a search: terms, no command
    outside_quotes = re.sub(r'"(\\.|[^"\\])*"', '""', text)
    commands = re.findall(
        r"(?:^|\||\[)\s*([a-z_]+)(?=\s|$)", re.sub(r"`[^`]*`", "", outside_quotes).removeprefix("index")
    )
    ours = set(stanzas("commands"))
    assert [name for name in commands if name not in ours and name not in BUILT_INS and "=" not in name] == []


def test_every_command_has_its_script_its_python_and_its_help():
    help_texts = stanzas("searchbnf")
    for name, settings in stanzas("commands").items():
        assert (ROOT / "bin" / settings["filename"]).is_file()
        assert settings["chunked"] == "true"
        assert (settings["python.version"], settings["python.required"]) == ("python3.9", "3.9, 3.13")
        assert help_texts[f"{name}-command"]["usage"] == "public"


def test_the_help_of_a_command_names_only_what_exists():
    for stanza, settings in stanzas("searchbnf").items():
        for other in re.findall(r"<([a-z-]+-names?)>", settings["syntax"]):
            assert other in stanzas("searchbnf")
        assert set(settings.get("related", "").split()) <= {*BUILT_INS, *stanzas("commands")}
        assert settings["description"], stanza


def test_every_alert_action_has_its_script_its_form_and_its_icon():
    for name, settings in stanzas("alert_actions").items():
        assert (ROOT / "bin" / f"{name}.py").is_file()
        assert (ROOT / "appserver/static" / settings["icon_path"]).is_file()
        assert settings["payload_format"] == "json"
        assert (settings["python.version"], settings["python.required"]) == ("python3.9", "3.9, 3.13")
        form = (ROOT / "default/data/ui/alerts" / f"{name}.html").read_text()
        parameters = set(re.findall(rf'name="action\.{name}\.param\.(\w+)"', form))
        assert parameters == {key[6:] for key in settings if key.startswith("param.") and not key.startswith("param._")}


def test_what_adaptive_response_shows_of_the_action_is_complete():
    """The keys of param._cam: Adaptive Response framework, Enterprise Security (Splunk Dev)."""
    capabilities = json.loads(stanzas("alert_actions")["ssa_risk"]["param._cam"])
    version = stanzas("app")["launcher"]["version"]
    (technology,) = capabilities.pop("technology")
    assert (technology["vendor"], technology["product"]) == ("Splunk", stanzas("app")["ui"]["label"])
    assert [version.startswith(f"{one}.") for one in technology["version"]] == [True]
    # Run by hand on a finding it would score the hit a second time, at the finding's time.
    assert (capabilities.pop("supports_adhoc"), capabilities.pop("supports_cloud")) == (False, False)
    assert capabilities == {"category": ["Information Conveyance"], "task": ["create"], "subject": ["splunk.event"]}


def test_every_action_of_a_saved_search_exists_and_only_ours_runs():
    ours = set(stanzas("alert_actions"))
    for settings in SAVED.values():
        for key, value in settings.items():
            found = re.match(r"action\.(\w+)(\.(.*))?$", key)
            if found:
                assert found[1] in ours | OTHER_APPS_ACTIONS
                if not found[2]:
                    assert value == "1" if found[1] in ours else value == "0"
                elif found[1] in ours:
                    assert found[3] in stanzas("alert_actions")[found[1]]


def test_every_lookup_file_has_its_lookup_and_every_lookup_its_file_or_collection():
    lookups = stanzas("transforms")
    files = {settings["filename"] for settings in lookups.values() if "filename" in settings}
    assert files == {path.name for path in (ROOT / "lookups").iterdir()}
    for name in files:
        with (ROOT / "lookups" / name).open(newline="") as handle:
            rows = list(csv.reader(handle))
        assert len({len(row) for row in rows}) == 1
        assert (len(rows) > 1) == (name != "ssa_allow_list_copy.csv")  # which the app writes itself
    stored = {name: settings for name, settings in lookups.items() if "filename" not in settings}
    assert set(stored) == set(stanzas("collections"))
    assert {(settings["external_type"], settings["collection"] == name) for name, settings in stored.items()} == {
        ("kvstore", True)
    }


UNTYPED = {"ssa_alerts": ["entities", "detections"]}
"""Fields that hold a list, or, after outputlookup, one text."""


@pytest.mark.parametrize("name", stanzas("collections"))
def test_a_lookup_has_every_field_of_its_collection(name):
    collection, lookup = stanzas("collections")[name], stanzas("transforms")[name]
    fields = [key.removeprefix("field.") for key in collection if key.startswith("field.")] + UNTYPED.get(name, [])
    listed = lookup["fields_list"].split(", ")
    assert sorted(listed) == sorted(["_key", *fields])
    assert collection["enforceTypes"] == "true"
    for key, value in collection.items():
        if key.startswith("accelerated_fields."):
            assert set(json.loads(value)) <= {*fields}
    assert set(re.findall(r"\((\w+)\)", lookup.get("match_type", ""))) <= set(fields)


KEPT = {LEDGER, "ssa_alerts", "ssa_data_check", "ssa_lookup_history"}
"""Collections that the app writes."""


@pytest.mark.parametrize("name", sorted(set(stanzas("collections")) - KEPT))
def test_what_users_edit_ends_has_an_owner_and_a_reason_and_is_on_the_page_with_every_field(name):
    fields = {key.removeprefix("field.") for key in stanzas("collections")[name] if key.startswith("field.")}
    assert {"expires", "owner", "reason"} <= fields
    line = rf"\| makeresults \| eval (.*) \| outputlookup append=true {name}(?: \| `ssa_apply_allow_list`)?$"
    (example,) = re.findall(line, TUNING, re.MULTILINE)
    assert set(re.findall(r'(\w+)=(?=["0-9])', example)) == fields
    assert f"inputlookup {name}" in stanzas("macros")["ssa_entries_to_review"]["definition"]


def test_every_conf_that_is_named_for_replication_or_reload_is_shipped():
    named = [
        *(key.removeprefix("replicate.") for key in stanzas("distsearch")["replicationSettings:refineConf"]),
        *(key.removeprefix("conf_replication_include.") for key in stanzas("server")["shclustering"]),
        *(key.removeprefix("reload.") for key in stanzas("app")["triggers"]),
    ]
    assert set(named) <= set(CONFS)


def test_the_detections_reach_search_peers_and_cluster_members():
    assert conf.is_true(stanzas("distsearch")["replicationSettings:refineConf"][f"replicate.{CONF}"])
    assert conf.is_true(stanzas("server")["shclustering"][f"conf_replication_include.{CONF}"])


def test_by_receivers_a_risk_event_is_one_line_and_becomes_stash():
    settings = stanzas("props")[SOURCETYPE]
    assert settings["HEADER_MODE"] == "none"
    assert settings["LINE_BREAKER"] == r"([\r\n]+)"


def test_by_the_spool_a_header_is_read_and_events_stand_between_breakers():
    settings = stanzas("props")["stash_ssa_risk"]
    assert (settings["HEADER_MODE"], settings["LEARN_MODEL"]) == ("firstline", "false")
    assert re.fullmatch(settings["LINE_BREAKER"], BREAKER)
    assert re.fullmatch(settings["LINE_BREAKER"], BREAKER.replace("\n", "\r\n"))
    assert (settings["MAX_DIFF_SECS_AGO"], settings["MAX_DIFF_SECS_HENCE"]) == ("155520000", "155520000")


@pytest.mark.parametrize("sourcetype", [SOURCETYPE, "stash_ssa_risk"])
def test_a_risk_event_has_its_own_time_and_whole_text_and_becomes_stash(sourcetype):
    settings = stanzas("props")[sourcetype]
    assert settings["SHOULD_LINEMERGE"] == "false"
    assert (settings["TIME_PREFIX"], settings["TIME_FORMAT"]) == ("^", "%s.%Q")
    assert settings["TRANSFORMS-st"] == "set_sourcetype_to_stash"
    assert (settings["MAX_DAYS_AGO"], settings["TRUNCATE"], settings["MAX_TIMESTAMP_LOOKAHEAD"]) == ("10000", "0", "20")


def test_the_spool_is_read_on_linux_and_on_windows_alike():
    unix, windows = stanzas("inputs")
    assert unix == f"batch://$SPLUNK_HOME/var/spool/splunk/...{EXTENSION[1:]}"
    assert windows == unix.replace("/", "\\").replace(":\\\\", "://")
    expected = {"queue": "stashparsing", "sourcetype": EXTENSION[1:], "move_policy": "sinkhole", "crcSalt": "<SOURCE>"}
    assert list(stanzas("inputs").values()) == [expected] * 2


# -- keys that are specified


@cache
def splunks_keys(name):
    """The keys of Splunk's own spec of a conf, as patterns."""
    spec = resources.files("slim") / "config" / "conf-specs" / f"{name}.conf.spec"
    return spec_keys(spec.read_text()) if spec.is_file() else []


def spec_keys(text):
    found = re.findall(r"^([A-Za-z_][\w.:<>-]*)(?:\[[^\]]*\])?\s*=", text, re.MULTILINE)
    return [
        re.compile(re.sub(r"<[^>]*>|\\<.*?\\>", ".+", re.escape(key).replace(r"\<", "<").replace(r"\>", ">")))
        for key in found
    ]


@cache
def our_keys(name):
    spec = ROOT / "README" / f"{name}.conf.spec"
    return spec_keys(spec.read_text()) if spec.is_file() else []


def unknown_keys(name, stanzas):
    newer = [re.compile(re.sub(r"<[^>]*>", ".+", key.partition(":")[2] or key)) for key in NEWER_KEYS.get(name, [])]
    known = [*splunks_keys(name), *our_keys(name), *newer]
    return [
        f"[{stanza}] {key}"
        for stanza, settings in stanzas.items()
        for key in settings
        if not any(pattern.fullmatch(key) for pattern in known)
    ]


@pytest.mark.parametrize("name", CONFS)
def test_every_key_is_in_a_spec(name):
    assert unknown_keys(name, stanzas(name)) == []


@pytest.mark.parametrize("name", CONFS)
def test_a_key_that_is_in_no_spec_would_be_found(name):
    assert unknown_keys(name, {"one": {"no_such_key": "1"}}) == ["[one] no_such_key"]


@pytest.mark.parametrize("name", ["commands", "alert_actions"])
def test_our_specs_name_every_command_and_action(name):
    """btool looks for a key in the spec of its stanza."""
    named = re.findall(r"^\[(.+)\]$", (ROOT / f"README/{name}.conf.spec").read_text(), re.MULTILINE)
    assert named == list(stanzas(name))


def test_our_specs_name_no_key_that_nothing_reads_or_writes():
    text = (ROOT / "bin/ssa/content/detection.py").read_text() + (ROOT / "tools/content/sigma/stanza.py").read_text()
    keys = re.findall(r"^(\w+) = ", (ROOT / f"README/{CONF}.conf.spec").read_text(), re.MULTILINE)
    assert [key for key in keys if f'"{key}"' not in text] == []
    assert set(REQUIRED) <= set(keys)
    keys = re.findall(r"^(\w+) = ", (ROOT / f"README/{by_rule.CONF}.conf.spec").read_text(), re.MULTILINE)
    assert tuple(keys) == by_rule.SETTINGS


def test_the_settings_of_many_detections_ship_empty():
    """An upgrade replaces default/: what users set stands in local/."""
    assert stanzas(by_rule.CONF) == {}


@pytest.mark.parametrize("path", sorted((ROOT / "default").glob("*.conf")), ids=lambda path: path.name)
def test_no_stanza_and_no_key_stands_twice(path):
    parser = configparser.RawConfigParser(
        strict=True, delimiters="=", comment_prefixes="#", empty_lines_in_values=False
    )
    parser.optionxform = str
    parser.read_string("[-top-]\n" + re.sub(r"\\\n\s*", " ", path.read_text()))


# -- facts that agree


def test_the_shipped_search_is_the_published_one_character_for_character():
    assert DETECTIONS.find(pages.GIVEN).search == PUBLISHED


@by_detection
def test_a_detection_ships_its_saved_search_its_macros_and_its_page(detection):
    stem, saved = pages.slug(detection.name), SAVED[pages.saved_search(detection)]
    assert MACROS[f"{stem}_filter"]["definition"] == "search *"
    for part in (
        f"`{DATA_MODELS[detection.datamodel].macro}`",
        f"`{stem}_prefilter`",
        f'ssadetect detection="{detection.name}"',
        f"`{stem}_filter`",
    ):
        assert part in saved["search"]
    assert (ROOT / pages.FOLDER / f"{stem}.md").is_file()


@by_detection
def test_a_saved_search_passes_every_field_that_the_detection_and_its_risk_need(detection):
    search = SAVED[pages.saved_search(detection)]["search"]
    passed = set(re.split(r",\s*", re.search(r"\| fields ([^|]+?) \|", search)[1])) | {"event_id"}
    for name in detection.needs | (detection.plan.input_fields or set()):
        assert {name, *COUNTERPARTS.get(name, ())} & passed, name
    for columns in PROCESSES.identity:
        assert set(columns) & passed, columns


@by_detection
def test_required_fields_are_read_or_computed_by_the_search(detection):
    for name in detection.required_fields:
        assert re.search(rf"\b{name}\b", detection.search), name


@by_detection
def test_the_saved_search_repeats_the_facts_of_the_detection(detection):
    saved = SAVED[pages.saved_search(detection)]
    assert saved["description"] == saved["action.notable.param.rule_description"] == detection.description
    assert saved["action.correlationsearch.label"] == pages.saved_search(detection)
    assert saved["action.risk.param._risk_message"] == detection.message
    notes = json.loads(saved["action.correlationsearch.annotations"])
    assert notes["mitre_attack"] == list(detection.mitre_attack_id)
    assert notes["kill_chain_phases"] == list(detection.kill_chain_phases)
    assert notes["analytic_story"] == list(detection.analytic_story)
    assert (notes["nist"], notes["cis20"], notes["cve"]) == tuple(
        map(list, (detection.nist, detection.cis20, detection.cve))
    )
    assert (notes["type"], notes["type_list"]) == (detection.type, [detection.type])
    meta = json.loads(saved["action.correlationsearch.metadata"])
    assert (meta["detection_id"], meta["detection_version"]) == (detection.id, detection.version)
    assert datetime.fromtimestamp(meta["publish_time"], UTC).date().isoformat() == detection.date
    assert saved["action.notable.param.severity"] == detection.severity
    assert saved["action.notable.param.security_domain"] == security_domain(detection.datamodel)
    assert saved["action.notable.param.rule_title"] == pages.saved_search(detection)


@by_detection
def test_enterprise_securitys_own_actions_together_would_score_each_victim_once_and_the_same(detection):
    """In Enterprise Security 8 the finding scores its entity, the risk action the rest; an anomaly has no finding."""
    saved = SAVED[pages.saved_search(detection)]
    (entity,) = json.loads(saved["action.notable.param._entities"])
    written = json.loads(saved["action.risk.param._risk"])
    objects = [o for o in written if "risk_object_field" in o]
    victims = [o for o in detection.observables if o.role == "Victim"]
    if detection.type == "TTP":
        assert (entity["risk_object_field"], len(objects)) == ("dest_user_id", len(victims) - 1)
        objects.append({**entity, "risk_message": detection.message})
    else:
        assert entity == {"risk_object_field": "N/A", "risk_object_type": "N/A", "risk_score": 0}
    assert {tuple(o.values()) for o in objects} == {
        (o.name, risk.OBJECT_TYPES[o.type], detection.risk_score, detection.message) for o in victims
    }
    assert len(objects) == len(victims)
    assert saved["action.correlationsearch.detection_type"] == "ebd"
    threats = {(o["threat_object_field"], o["threat_object_type"]) for o in written if "threat_object_field" in o}
    assert threats == {(o.name, risk.threat_object_type(o)) for o in detection.observables if o.role != "Victim"}
    assert saved["action.risk.param._risk_score"] == "0"


@pytest.mark.parametrize("name", [name for name in SAVED if "action.ssa_risk" in SAVED[name]])
def test_a_detections_search_returns_no_column_that_enterprise_security_takes_for_the_entity(name):
    """It would take risk_object of a result in place of every entry of _risk."""
    passed = re.findall(r"\| fields ([^-|][^|]*)\|", SAVED[name]["search"])
    shown = re.search(r"\| table (.+)$", SAVED[name]["search"])[1]
    columns = re.split(r",\s*", ",".join([*passed, shown]).replace(" ", ""))
    assert {"risk_object", "risk_object_type"}.isdisjoint(columns)
    assert "*" not in passed and set(COLUMNS).isdisjoint({"risk_object", "risk_object_type"})
    text = SAVED[name]["search"]
    assert (
        passed or "_tstats`" in text or re.search(r"\| ssadetect .*\| fields - risk_object, risk_object_type \|", text)
    )


@pytest.mark.parametrize("name", ["savedsearches", "analyticstories"])
def test_json_in_a_generated_setting_has_no_blanks(name):
    """Enterprise Security saves it so: with blanks, the next save in its editor would put a copy into local."""
    found = [value for one in stanzas(name).values() for value in one.values() if value[:1] in ("[", "{")]
    assert found and all(
        value == json.dumps(json.loads(value), ensure_ascii=False, separators=(",", ":")) for value in found
    )


@by_detection
def test_what_a_search_shows_or_hands_on_are_fields_that_its_results_have(detection):
    saved = SAVED[pages.saved_search(detection)]
    passed = set(re.split(r",\s*", re.search(r"\| fields ([^|]+?) \|", saved["search"])[1]))
    results = passed | set(COLUMNS) | detection.needs
    shown = re.split(r",\s*", re.search(r"\| table (.+)$", saved["search"])[1])
    assert set(shown) - {"*"} <= results
    assert set(saved["action.notable.param.nes_fields"].split(",")) <= results
    for drilldown in json.loads(saved["action.notable.param.drilldown_searches"]):
        assert set(re.findall(r"\$(\w+)\$", json.dumps(drilldown))) <= results
        fields = set(re.findall(r"(\w+)=", drilldown["search"]))
        assert fields <= passed


@by_detection
def test_a_saved_search_is_ready_but_not_scheduled(detection):
    saved = SAVED[pages.saved_search(detection)]
    assert (saved["enableSched"], saved["cron_schedule"]) == ("0", "0 * * * *")
    assert (saved["dispatch.earliest_time"], saved["dispatch.latest_time"]) == ("-70m@m", "-10m@m")
    assert saved["alert.suppress"] == "0"  # throttling would silence the other victims too
    assert (saved["counttype"], saved["relation"], saved["quantity"]) == ("number of events", "greater than", "0")
    assert (saved["alert.digest_mode"], saved["realtime_schedule"]) == ("1", "0")
    assert (saved["schedule_window"], saved["allow_skew"]) == ("auto", "100%")
    assert (saved["action.ssa_risk"], saved["action.risk"], saved["action.notable"]) == ("1", "0", "0")


BY_EVENT_TIME = {
    "Windows MSIExec Copy By Its Options",
    "Windows MSIExec Hidden Launch",
    "Windows MSIExec Security Product Removal",
    "Windows Installer Through Another Program",
}
"""Detections whose prefilter has no word that each event must have."""


@by_detection
def test_a_scheduled_search_finds_late_events_by_their_index_time_where_a_word_finds_them_at_once(detection):
    search = SAVED[pages.saved_search(detection)]["search"]
    by = "event" if detection.name in BY_EVENT_TIME else "index"
    assert re.findall(r"`ssa_due\((\w+)\)`", search.partition("|")[0]) == [by]
    if generated.is_accelerated(detection):
        accelerated = SAVED[f"SSA - {detection.name} - Accelerated - Rule"]["search"]
        assert re.findall(r"`ssa_due\((\w+)\)`", accelerated) == ["summary"]


def test_of_the_detections_the_given_one_is_on_and_only_the_allow_lists_copy_is_scheduled():
    for name, settings in SAVED.items():
        ours = "action.ssa_risk" in settings and pages.GIVEN not in name
        copies = name == "SSA - Apply allow list"
        assert (settings["disabled"], settings["enableSched"]) == ("1" if ours else "0", "1" if copies else "0")
        assert not copies or not [key for key in settings if key.startswith(("action.", "counttype"))]
        assert settings["is_visible"] == "1"
        assert settings["description"]
        assert ("cron_schedule" in settings) == ("counttype" in settings or copies or name == "SSA - Lookup changes")


def test_what_triggers_writes_risk_and_suppresses_nothing_or_is_a_risk_rule():
    """Throttling a detection would silence the other victims too: its repeats are the ledger's business."""
    triggering = {name: settings for name, settings in SAVED.items() if "counttype" in settings}
    rules = {name for name, settings in triggering.items() if "action.ssa_risk" not in settings}
    assert rules == {*RULES, "SSA - Data check"}
    for name, settings in triggering.items():
        expected = ("0", "1", "1") if name in rules else ("1", "0", "0")
        assert tuple(settings[f"alert.{key}"] for key in ("digest_mode", "track", "suppress")) == expected
        assert ("alert.suppress.period" in settings) == ("alert.severity" in settings) == (name in rules)
    for name in set(SAVED) - set(triggering):
        assert not [key for key in SAVED[name] if key.startswith("alert.")]


RULES = {
    "SSA - Severe Hit - Rule": ("process_key", "48h", "-9d"),
    "SSA - Risk Over 24 Hours - Rule": ("risk_object,risk_object_type,window", "24h", "-9d"),
    "SSA - ATT&CK Breadth Over 7 Days - Rule": ("risk_object,risk_object_type", "7d", "-7d@h"),
}
"""What each rule suppresses by, for how long, and how far back it reads."""


def test_the_data_check_alerts_low_and_once_a_day_for_each_group_and_thing():
    check = SAVED["SSA - Data check"]
    assert (check["alert.severity"], check["alert.suppress.period"]) == ("2", "24h")
    assert check["alert.suppress.fields"] == "index,sourcetype,device_class,what"
    columns = re.search(r"\| table ([^|]+)$", MACROS["ssa_data_check_judge"]["definition"])[1].split(", ")
    assert {*check["alert.suppress.fields"].split(","), "message", "fix"} <= {*columns}
    # Ten minutes of each hour, so that it is cheap; an hour old, so that late events are seen.
    assert (check["dispatch.earliest_time"], check["dispatch.latest_time"]) == ("-70m@m", "-60m@m")
    assert re.fullmatch(r"[1-5]?[0-9] \* \* \* \*", check["cron_schedule"])


@pytest.mark.parametrize("name", RULES)
def test_a_risk_rule_alerts_once_for_each_process_or_user_or_device_and_period(name):
    rule = SAVED[name]
    assert rule["action.ssa_alert"] == "1"
    columns = re.split(r",\s*", re.search(r"\| table ([^|]+)$", rule["search"])[1])
    keys = ("alert.suppress.fields", "alert.suppress.period", "dispatch.earliest_time")
    assert tuple(rule[key] for key in keys) == RULES[name]
    assert {*rule["alert.suppress.fields"].split(","), "severity", "message", "drilldown_search"} <= set(columns)
    assert rule["dispatch.latest_time"] == ("+2d" if "Severe" in name else "now")
    assert rule["alert.severity"] in ("4", "5")
    assert re.fullmatch(r"([1-5]?[0-9]|\*/5) \* \* \* \*", rule["cron_schedule"])
    assert (rule["counttype"], rule["relation"], rule["quantity"]) == ("number of events", "greater than", "0")
    at_once = "/" in rule["cron_schedule"]
    waits = ("0", "0") if at_once else ("auto", "100%")
    assert (rule["realtime_schedule"], rule["schedule_window"], rule["allow_skew"]) == ("0", *waits)


@by_detection
def test_the_analytic_story_repeats_the_facts_of_the_detection(detection):
    story = stanzas("analyticstories")
    own = story[f"savedsearch://{pages.saved_search(detection)}"]
    assert own["explanation"] == detection.description
    assert own["how_to_implement"] == detection.how_to_implement
    assert own["known_false_positives"] == detection.known_false_positives
    notes = json.loads(own["annotations"])
    assert notes["mitre_attack"] == list(detection.mitre_attack_id)
    assert notes["kill_chain_phases"] == list(detection.kill_chain_phases)
    assert notes["analytic_story"] == list(detection.analytic_story)
    for name in detection.analytic_story:
        story_settings = story[f"analytic_story://{name}"]
        assert pages.saved_search(detection) in json.loads(story_settings["searches"])
        assert set(json.loads(story_settings["references"])) >= set(detection.references)


@by_detection
def test_every_attack_technique_has_a_name(detection):
    assert set(detection.mitre_attack_id) <= set(pages.techniques())


def test_the_app_has_one_id_one_version_and_one_label():
    manifest = json.loads((ROOT / "app.manifest").read_text())["info"]
    app = stanzas("app")
    assert manifest["id"]["name"] == app["id"]["name"] == app["package"]["id"] == "ssa_detections"
    assert manifest["id"]["version"] == app["id"]["version"] == app["launcher"]["version"]
    assert manifest["title"] == app["ui"]["label"] == "SSA Detections"


def test_no_conf_of_splunk_gets_settings_that_would_hold_for_every_app():
    """Our confs are exported to all apps, so a [default] in one of Splunk's own confs would change them all."""
    for name in CONFS:
        text = (ROOT / f"default/{name}.conf").read_text()
        first = re.search(r"^[^#\s].*", text, re.MULTILINE)
        assert (first is None) == (name == by_rule.CONF)
        assert first is None or first[0].startswith("["), name
        assert "[default]" not in text or name == CONF


@pytest.mark.parametrize("action", ["ssa_risk", "ssa_alert"])
def test_an_action_reads_its_limits_where_splunk_does(action):
    settings, problems = stanzas("alert_actions")[action], []
    limits = payload.limits(lambda *problem: problems.append(problem), str(ROOT), action)
    assert (limits.results, problems) == (int(settings["maxresults"]), [])
    assert (f"{limits.seconds / 60:.0f}m", settings["is_custom"]) == (settings["maxtime"], "1")


def test_the_app_is_on_and_shown():
    assert (stanzas("app")["install"]["state"], stanzas("app")["ui"]["is_visible"]) == ("enabled", "true")


def test_changed_detections_are_read_without_a_restart():
    assert stanzas("app")["triggers"][f"reload.{CONF}"] == "simple"


def test_the_app_is_exported_roles_are_named_and_searches_run_as_admin():
    meta = (ROOT / "metadata/default.meta").read_text()
    assert "export = system" in meta
    assert "access = read : [ * ], write : [ admin, sc_admin ]" in meta
    assert re.search(r"\[savedsearches\]\nowner = admin", meta)
    ours = {stanza.removeprefix("role_") for stanza in stanzas("authorize")}
    assert {*re.findall(r"\w+|\*", " ".join(re.findall(r"\[ (.+?) \]", meta)))} == {"*", "admin", "sc_admin"} | ours


def test_an_analyst_may_write_what_users_edit_and_nothing_else():
    meta = confs.metadata(ROOT)
    edited = re.findall(r"inputlookup append=true strict=true (\w+)", MACROS["ssa_lookup_changes"]["definition"])
    assert {name for name, one in meta.items() if "ssa_analyst" in one.get("access", "")} == {
        "lookups/ssa_allow_list_copy.csv",
        *(f"collections/{name}" for name in [*edited, "ssa_alerts"]),
    }
    assert (
        f"ssa_(?:{'|'.join(name.removeprefix('ssa_') for name in edited)})"
        in MACROS["ssa_lookup_writers"]["definition"]
    )
    files = [one for one in stanzas("transforms").values() if "filename" in one]
    assert {one["check_permission"] for one in files} == {"true"}


def test_no_macro_of_another_app_is_named():
    for path in [*Path(ROOT / "default").rglob("*"), *Path(ROOT / "bin/ssa").rglob("*.py")]:
        if path.is_file():
            assert not re.search(r"cim_\w+_indexes|drop_dm_object_name|security_content_", path.read_text()), path

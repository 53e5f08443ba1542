"""The catalogue, read strictly, and what the story promises over it."""

import json
import re
from collections import Counter

import pytest

from ssa.content.datamodels import PROCESSES
from tests.support.examples import GIVEN
from tools.docs.pages import shipped
from tools.evaluate import figures, page, rules
from tools.evaluate.catalogue import WORKS, load
from tools.evaluate.tables import INFORMATIONAL, LOW, code

CATALOGUE = load()
REGISTRATIONS = [row for name in page.COMPARED for row in CATALOGUE.part(name).rows]
"""The rows on which the rules for /y are compared."""


# -- the catalogue


def test_the_catalogue_is_large_and_names_no_event_twice():
    seen = Counter(json.dumps(row.event, sort_keys=True) for row in CATALOGUE.rows)
    assert len(CATALOGUE.rows) >= 400
    assert sum(row.works == "harmless" for row in CATALOGUE.rows) >= len(CATALOGUE.rows) / 2
    assert [text for text, times in seen.items() if times > 1] == []
    assert {row.source for row in CATALOGUE.rows} == set(CATALOGUE.sources)


def test_what_works_and_leaves_a_trace_is_expected_to_be_found():
    for row in REGISTRATIONS:
        assert not row.no_trace or row.expect in ("blind", "none")
    for row in CATALOGUE.part("attack").rows:
        others = row.found_by and rules.HARDENED not in row.found_by
        assert row.expect == "none" if others else row.expect in ("alarm", "low") or row.no_trace
    for row in CATALOGUE.rows:
        assert {"known", "inferred"}.isdisjoint([row.works]) or row.no_trace or row.found_by, (row.part, row.what)
        assert {*row.found_by} <= {*shipped().names}


def test_it_has_rows_of_every_kind_and_of_every_model():
    assert {row.works for row in CATALOGUE.rows} == set(WORKS)
    assert {row.datamodel for row in CATALOGUE.rows} == {PROCESSES.name, "Network_Traffic", "Network_Resolution"}
    assert sum(row.vendor for row in CATALOGUE.rows) >= 100


SMALL = """
[sources]
S = "a source"
[programs]
msiexec = {{ path = 'C:\\Windows\\System32\\msiexec.exe', original = "msiexec.exe" }}
cmd = {{ path = 'C:\\Windows\\System32\\cmd.exe' }}
[parts.one]
title = "One"
works = "{works}"
rows = [ {{ what = "a", source = "S", line = "msiexec /y a.dll"{more} }} ]
"""


@pytest.mark.parametrize(
    ("changes", "raises"),
    [
        ({}, None),
        ({"more": ', no_trace = "why"'}, None),
        ({"works": "perhaps"}, ValueError),
        ({"more": ', expect = "perhaps"'}, ValueError),
        ({"more": ', colour = "red"'}, ValueError),
        ({"more": ', query = "h.example"'}, ValueError),
        ({"more": ', datamodel = "Network_Traffic"'}, ValueError),
        ({"more": ', datamodel = "Web"'}, KeyError),
        ({"more": ', parent = "nobody"'}, KeyError),
        ({"more": ", vendor = true"}, ValueError),
        ({"more": ', reason = "why"'}, ValueError),
        ({"more": ', form = "inferred"'}, None),
        ({"works": "harmless", "more": ', form = "guessed"'}, ValueError),
        ({"works": "harmless", "more": ', no_trace = "why"'}, ValueError),
        ({"works": "harmless", "more": ', found_by = ["a"]'}, ValueError),
        ({"works": "harmless", "more": ', vendor = true, reason = "why", form = "inferred"'}, None),
    ],
)
def test_it_is_read_strictly(tmp_path, changes, raises):
    text = SMALL.format(**{"works": "known", "more": "", **changes})
    (tmp_path / "small.toml").write_text(text)
    if raises is None:
        assert len(load(tmp_path).rows) == 1
    else:
        with pytest.raises(raises):
            load(tmp_path)


def test_a_source_is_known_and_no_name_is_given_twice(tmp_path):
    (tmp_path / "a.toml").write_text(SMALL.format(works="known", more="").replace('source = "S"', 'source = "T"'))
    with pytest.raises(KeyError):
        load(tmp_path)
    (tmp_path / "a.toml").write_text(SMALL.format(works="known", more=""))
    (tmp_path / "b.toml").write_text('[sources]\nS = "another"\n')
    with pytest.raises(ValueError, match="twice"):
        load(tmp_path)


# -- the story: what it promises

ATOMIC = (
    *(rf"msiexec.exe /q /[iaj] .*{kind}" for kind in ("JScript", "VBScript", "DLL", "EXE")),
    *(rf"Invoke-CimMethod .*{kind}" for kind in ("JScript", "VBScript", "DLL", "EXE")),
    *(f"Write-Host {what} executed me" for what in ("JScript", "VBScript", "CustomAction export")),
    r"MSI[0-9A-F]+\.tmp\" \"?Hello",
    *(rf"msiexec.exe +/{switch} .*MSIRunner.dll" for switch in "yz"),
    "msiexec.exe /q /i .https://",
)
"""The tests of the public page of T1218.007, by the command lines of what they start."""


def named(judged):
    return [f"{each.row.part} {each.row.number}: {each.row.what}: {each.hits}" for each in judged]


def test_it_finds_nearly_all_that_is_known_to_work_and_leaves_a_trace():
    missed, known = figures.missed("known"), figures.attacks("known")
    assert len(missed) <= 0.03 * len(known), named(missed)


def test_what_leaves_no_trace_is_found_by_nothing():
    assert named(each for each in rules.judged() if each.row.no_trace and each.hits) == []


def test_every_test_of_atomic_red_team_raises_risk():
    atomic = [each for each in rules.judged() if each.row.what.startswith("Atomic Red Team") and not each.row.no_trace]
    assert named(each for each in atomic if not each.hits) == []
    lines = "\n".join(each.row.line for each in atomic)
    for kind in ATOMIC:
        assert re.search(kind, lines), kind


def test_what_the_given_detection_finds_and_works_the_hardened_one_finds():
    lost = [
        each
        for works in ("known", "inferred")
        for each in figures.attacks(works)
        if each.fires(GIVEN) and not each.fires(rules.HARDENED)
    ]
    assert named(lost) == []


def test_few_harmless_rows_score_above_low():
    alarms = figures.above(figures.harmless(), LOW)
    assert len(alarms) <= 0.03 * len(figures.harmless()), named(alarms)
    assert named(each for each in alarms if not each.row.reason) == []  # the page says of each why


def test_no_vendors_installation_scores_above_informational():
    assert named(figures.above(figures.vendors(), INFORMATIONAL)) == []


def test_a_harmless_row_that_scores_above_low_states_a_reason():
    assert [each.row.what for each in figures.above(figures.harmless(), LOW) if not each.row.reason] == []


def test_the_story_is_every_shipped_detection_of_that_name():
    assert set(rules.story()) == {name for name in shipped().names if name == GIVEN or name.startswith(rules.NAMES)}
    assert all(each.verdicts or each.row.datamodel != PROCESSES.name for each in rules.judged())


# -- the page's tables


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("", "(none)"),
        ("a | b", "`a \\| b`"),
        (r"C:\`\a", r"`` C:\`\a ``"),
        ("a\tb", "`a⟨U+0009⟩b`"),
        ("a" * 200, f"`{'a' * 109}…`"),
    ],
)
def test_a_command_line_stands_in_a_table(line, shown):
    assert code(line) == shown

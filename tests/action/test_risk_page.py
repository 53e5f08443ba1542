"""docs/risk-events.md, docs/tuning.md, the code, the confs and their specs say the same."""

import json
import re

import pytest

from sandbox import confs
from ssa.action import risk, stash
from ssa.action.entities import Ignored, is_no_risk_object, normal
from tests.support.app.alerting import result
from tests.support.app.risk_page import NAMES, PAGE, TABLE
from tests.support.examples import GIVEN, ROOT, catalogue
from tests.support.hostile import fields

TUNING = (ROOT / "docs/tuning.md").read_text()
LOOKUPS = ("ssa_ignored_entities", "ssa_risk_modifiers", "ssa_allow_list")
APPLY = r"( \| `ssa_apply_allow_list`)?"
SAMPLES = {
    name: re.search(rf"^ +\| makeresults .*append=true {name}{APPLY}$", TUNING, re.MULTILINE).group()
    for name in LOOKUPS
}


def example(tmp_path, **changes):
    """The line of a risk event that has every field."""
    local = f"[{GIVEN}]\nnist = DE.CM\ncis20 = CIS 10\ncve = CVE-2022-1\nmessage = $process$ $nothing$\n"
    local += "set = mine\nlevel = high\n"
    row = {
        **result(),
        "ssa_hits": "2",
        "ssa_last": "1772442003.5",
        "rid": "0",
        "info_min_time": "1",
        "info_max_time": "2",
        "info_search_time": "3",
        **changes,
    }
    row["process_path"] = row["process"]
    context = risk.Context("SSA - Test - Rule", "sid", 1_772_442_060.0, historic=True)
    return stash.line(risk.risk_events(catalogue(tmp_path, local).find(GIVEN), row, context).events[0])


def test_every_field_that_is_written_is_on_the_page_in_its_order_and_no_other(tmp_path):
    written = list(dict.fromkeys(name for name, _ in fields(example(tmp_path, parent_process_name="x" * 5_000))))
    long = [str(number) + "z" * 1_400 for number in range(9)]
    left_out = dict(fields(example(tmp_path, user=long, process="y" * 5_000)))["truncated"].split()
    assert ["_time", *written, "truncated"] == TABLE
    assert set(left_out) <= NAMES


def test_the_lengths_on_the_page_are_those_of_the_code():
    stated = re.search(r"a value in a message after ([\d,]+), a message after ([\d,]+), a name after (\d+), a threat "
                     r"object after (\d+), other values after ([\d,]+)", PAGE)  # fmt: skip
    lengths = [int(number.replace(",", "")) for number in stated.groups()]
    assert lengths == [
        risk.LONGEST_PART, risk.LONGEST_MESSAGE, risk.LONGEST_NAME, risk.LONGEST_THREAT, stash.LONGEST_VALUE
    ]  # fmt: skip
    assert f"At most {risk.MOST_THREATS}." in PAGE
    assert f"more than {risk.MOST_DAYS_HENCE} days ahead, {risk.MOST_DAYS_AGO:,} days ago" in PAGE


def test_the_accounts_on_the_page_are_no_risk_objects():
    table = PAGE.partition("| Account | Why |")[2].partition("## Each")[0]
    accounts = re.findall(r"`([^`]+)`", "".join(re.findall(r"^\|[^|]*\|", table, re.MULTILINE)))
    assert len(accounts) > 8
    assert [name for name in accounts if not is_no_risk_object(normal(name, "user"), "user")] == []


@pytest.mark.parametrize("name", LOOKUPS)
def test_the_columns_of_a_lookup_are_the_same_everywhere(name):
    collection = confs.load(ROOT, "collections")[name]
    transform = confs.load(ROOT, "transforms")[name]
    columns = [key.removeprefix("field.") for key in collection if key.startswith("field.")]
    assert transform["collection"] == name
    assert [column.strip() for column in transform["fields_list"].split(",")] == ["_key", *columns]
    assert sorted(re.findall(r'(\w+)=(?=["0-9])', SAMPLES[name])) == sorted(columns)
    described = TUNING.replace(SAMPLES[name], "")
    assert [column for column in columns if f"`{column}`" not in described] == []


def test_the_ledger_has_the_columns_of_the_page():
    transform = confs.load(ROOT, "transforms")["ssa_risk_ledger"]
    assert transform["fields_list"] == "_key, index, written"
    assert "the lookup `ssa_risk_ledger`: `_key` is the risk_event_id, `written` epoch seconds" in PAGE
    assert "`index` is where it went" in PAGE


def test_an_entry_of_the_page_ignores_the_entities_it_names_and_a_domain_alone_none():
    entity, kind = re.search(r'entity="([^"]+)", type="([^"]+)"', SAMPLES["ssa_ignored_entities"]).groups()
    assert (normal("CORP\\SVC_Scanner1", "user"), "user") in Ignored(entity, kind)
    assert ("jdoe", "user") not in Ignored("CORP\\*")


def test_the_annotations_on_the_page_are_those_of_the_event(tmp_path):
    annotations = json.loads(dict(fields(example(tmp_path)))["annotations"])
    assert {f"annotations.{name}" for name in annotations} == {
        name for name in TABLE if re.match(r"annotations\.[a-z]", name)
    }

"""Rules and events at random: the conversion finds what another matcher, written from the specification, finds."""

from hypothesis import given, settings
from hypothesis import strategies as st

from ssa.rows.hits import detect
from tests.support.sigma.matcher import Event, matcher
from tests.support.soak import count
from tools.content.sigma.conversion import convert_one, detection
from tools.content.sigma.mapping import RuleMapping

MAPPING = RuleMapping()
FIELDS = ("CommandLine", "OriginalFileName", "Company")
COLUMNS = dict(zip(FIELDS, ("process", "original_file_name", "Company"), strict=True))
MODIFIERS = (
    *("", "|contains", "|startswith", "|endswith", "|contains|all", "|cased", "|contains|cased", "|endswith|cased"),
    *(
        "|windash",
        "|contains|windash",
        "|contains|all|windash",
        "|base64offset|contains",
        "|wide|base64offset|contains",
    ),
    *("|base64|contains", "|neq", "|contains|neq"),
)
REFUSALS = (
    "wildcards is not allowed",
    "windash modifier expands at most three",
    "Wide modifier only allowed for ascii",
)

texts = st.text("aAb*?\\%_-/ \"'\nÄäß\u2013", max_size=5)
cells = st.one_of(texts, st.text("aAb*?\\%_-/ \"'\nÄäß\u2013", max_size=12))
items = st.dictionaries(
    st.builds("".join, st.tuples(st.sampled_from(FIELDS), st.sampled_from(MODIFIERS))),
    st.one_of(texts, st.lists(texts, min_size=1, max_size=3)),
    min_size=1,
    max_size=2,
)
nothing = st.dictionaries(
    st.sampled_from([*FIELDS, *(f"{name}|exists" for name in FIELDS)]), st.none(), min_size=1, max_size=1
).map(lambda found: {key: False if key.endswith("exists") else None for key in found})
searches = st.one_of(items, nothing, st.lists(items, min_size=1, max_size=2))
conditions = st.recursive(
    st.sampled_from(["a1", "a2", "b", "1 of a*", "all of a*", "1 of them", "all of them"]),
    lambda inner: st.one_of(
        inner.map("not {}".format),
        st.tuples(inner, st.sampled_from(["and", "or"]), inner).map(" ".join),
        inner.map("({})".format),
    ),
    max_leaves=5,
)
events = st.dictionaries(st.sampled_from(FIELDS), cells)


@settings(max_examples=count(300, 5_000))
@given(st.tuples(searches, searches, searches), conditions, st.lists(events, min_size=1, max_size=8))
def test_both_find_the_same(bodies, condition, seen):
    rule = dict(zip(("a1", "a2", "b"), bodies, strict=True))
    logsource = {"product": "windows", "category": "process_creation"}
    document = {"title": "x", "logsource": logsource, "detection": {**rule, "condition": condition}}
    converted = convert_one("x.yml", document, [], MAPPING)
    if converted.reason:
        assert any(one in converted.reason for one in REFUSALS), converted.reason
        return
    found, is_match = detection(converted.name, converted.settings), matcher(document["detection"])
    for event in seen:
        row = {COLUMNS[name]: value for name, value in event.items()}
        assert bool(detect(found, row)) == is_match(Event(event)), event

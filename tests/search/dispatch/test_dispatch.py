"""Dispatch offers every detection that would fire, whatever programs and events there are, and few others."""

from random import Random

import pytest

from ssa.content.profile import Profile, ProfileError
from ssa.language import SsaError, compile_text
from ssa.language.analysis.rarity import likelihood, rarest
from ssa.language.required_text import RequiredText
from ssa.search.dispatch import dispatch as module
from ssa.search.dispatch.dispatch import Dispatch
from ssa.search.dispatch.lookup import Lookup, Memo
from tests.support.language.cases import END, START
from tests.support.language.literals import NAMES, near, requiring_program
from tests.support.language.printing import print_program
from tests.support.language.profiles import detection
from tests.support.soak import SEED, count, report

EVENT = {"process": r"C:\Tools\Kit.exe /add User1 тест", "process_name": "Kit.exe", "parent": "kit.EXE"}


def where(condition):
    columns = "p=input_event.process, l=lower(input_event.process), n=lower(input_event.process_name)"
    return f"{START}| eval {columns}, q=input_event.parent, m=lower(input_event.parent) | where {condition}{END}"


@pytest.mark.parametrize(
    ("condition", "is_offered"),
    [
        # How a text is held, in each case of letters.
        ('like(l, "%kit.exe /add%")', True),
        ('like(p, "%kit.exe /add%")', False),
        ('like(p, "%Kit.exe /add%")', True),
        ('like(l, "c:\\\\\\\\tools%")', True),
        ('like(l, "c:\\\\\\\\tool")', False),
        ('like(l, "%user1 тест")', True),
        ('like(l, "%user2 тест")', False),
        ('n="kit.exe"', True),
        ('input_event.process_name="kit.exe"', False),
        ('n IN ("cmd.exe", "kit.exe")', True),
        # Texts shorter than a part that is looked up, and beyond ASCII.
        ('like(l, "%/a%")', True),
        ('like(l, "%|%")', False),
        ('like(l, "%т%")', True),
        ('like(l, "%я%")', False),
        ('like(l, "%тест%")', True),
        # Several alternatives, of several fields; several texts.
        ('like(l, "%nothing%") OR n="kit.exe"', True),
        ('like(l, "%nothing%") OR n="no.exe"', False),
        ('like(l, "%kit%add%user%")', True),
        ('like(l, "%kit%add%nobody%")', False),
        # Texts of regexes, and sets of characters.
        ('match_regex(p, "(?i)KIT\\\\.exe\\\\s+/(add|del)")', True),
        ('match_regex(p, "Kit\\\\.dll")', False),
        ('match_regex(p, "[a-z]{3,} [^ ]{4}$")', True),
        ('match_regex(p, "[0-9]{8}")', False),
        ('match_regex(p, "..r[0-9]+")', True),
        ('match_regex(p, "..r[0-9]{2,}")', False),
        ('match_regex(l, "..r[0-9] .*")', True),
        # Gates: a value, and fields that are equal.
        ("p IS NOT NULL", True),
        ("input_event.nothing IS NOT NULL", False),
        ("n=m", True),
        ("p=q", False),
        ("coalesce(input_event.nothing, n)=coalesce(m, p)", True),
        ("coalesce(p, input_event.none)=coalesce(q, input_event.nothing)", False),
        ("coalesce(input_event.nothing, 5) IS NOT NULL", True),
        ("coalesce(input_event.nothing, input_event.none) IS NOT NULL", False),
        # What the event must not hold.
        ('n="kit.exe" AND NOT coalesce(like(l, "%/add%"), false)', False),
        ('n="kit.exe" AND NOT like(l, "%/del%")', True),
        ('n="kit.exe" AND n NOT IN ("x", "kit.exe")', False),
        ('n="kit.exe" AND l!="x" AND NOT coalesce(like(p, "%/ADD%") OR m="kit.exe", false)', False),
        ('n="kit.exe" AND NOT coalesce(like(l, "%/add%") AND like(l, "%/del%"), false)', True),
        ('n="kit.exe" AND NOT coalesce(like(if(m="x", l, null), "%/add%"), false)', True),
        ('n="kit.exe" AND NOT coalesce(like(lower(coalesce(p, q)), "%/add%"), false)', False),
        ('n="kit.exe" AND NOT coalesce(like(lower(coalesce(input_event.nothing, p)), "%/add%"), false)', True),
        # A field of what may be no event.
        ('n="kit.exe" AND NOT coalesce(case(m="x", input_event).process=p, false)', True),
        ('n="kit.exe" AND NOT coalesce(case(m="x", input_event).parent="kit.EXE", false)', True),
        ('n="kit.exe" AND NOT coalesce([input_event].parent="kit.EXE", false)', True),
        ('n="kit.exe" AND NOT coalesce(input_event[n].parent="kit.EXE", false)', True),
        ('n="kit.exe" AND NOT coalesce(nullif(input_event, input_event).parent="kit.EXE", false)', True),
        ('case(m="kit.exe", input_event).parent="kit.EXE"', True),
        ('case(m="kit.exe", input_event).parent="kit"', False),
        # Nothing.
        ("len(p) > 3", True),
    ],
)
def test_what_an_event_is_offered_to(condition, is_offered):
    wanted = detection("it", where(condition))
    others = [detection(name, where(f'n="{name}.exe"')) for name in "ab"]
    for detections in ([wanted], [others[0], wanted, others[1]]):
        offered = Dispatch(detections)(EVENT)
        assert [one.name for one in offered] == ["it"] * is_offered
    assert is_offered or not wanted.plan.run(EVENT)


def test_detections_are_offered_in_their_order_and_once():
    conditions = {"c": 'n="kit.exe"', "a": "len(p) > 1", "d": 'like(l, "%kit%") OR n="kit.exe"', "b": 'n="no"'}
    detections = [detection(name, where(condition)) for name, condition in conditions.items()]
    assert [one.name for one in Dispatch(detections)(EVENT)] == ["c", "a", "d"]


def test_no_detection_that_would_fire_is_left_out(monkeypatch):
    monkeypatch.setattr(module, "MEMO", 4_000)
    random, number = Random(SEED + 1), count(4_000, 100_000, 1_200)
    fired = offered = tried = 0
    while tried < number:
        trees, detections = [], []
        for _ in range(12):
            tree = requiring_program(random)
            try:
                detections.append(detection(str(len(trees)), print_program(tree)))
                trees.append(tree)
            except SsaError:
                continue
        dispatch = Dispatch(detections)
        events = [near(random, tree, one.plan.required) for tree, one in zip(trees, detections, strict=True)]
        for event, models in events * 2:  # the second time out of memory
            seen = {name: value for name, value in event.items() if value}
            found = dispatch(seen)
            firing = [one for one in detections if any(one.plan.run(seen, models))]
            assert [one for one in firing if one not in found] == [], ([one.plan.program.text for one in firing], seen)
            tried, fired, offered = tried + len(detections), fired + len(firing), offered + len(found)
    assert fired > number / 50
    assert offered < tried * 0.75
    report(f"{tried} programs with an event each: {fired} would fire, {offered} were offered")


def test_what_is_remembered_of_values_has_a_bound():
    memo = Memo(10_000)
    lookup = Lookup(memo)
    lookup.add(0, "contains", True, ["abcd"])
    for number in range(1_000):
        assert lookup.find(f"{number} {'x' * (number % 90)} abcd") == (0,)
        assert sum(2 * len(value) for value in lookup.known) <= 10_000
    assert 0 < len(lookup.known) < 100
    assert lookup.find("x" * 100_000) == ()
    assert lookup.find("y") == ()
    assert len(lookup.known) <= 2


def test_a_text_is_filed_under_its_rarest_part():
    assert rarest("windows\\zqxj.exe", 4) in "ows\\zqxj.exe"
    frequent = RequiredText("process_path", "\\cmd.exe", "ends", True)
    rare = RequiredText("process", "zqxj", "contains", True)
    assert likelihood([rare]) < likelihood([frequent]) < likelihood([frequent, rare])


@pytest.mark.parametrize("name", NAMES)
def test_a_profile_that_is_written_reads_back(name):
    random = Random(SEED)
    for _ in range(50):
        try:
            profile = Profile.of(compile_text(print_program(requiring_program(random))))
        except SsaError:
            continue
        assert Profile.read(profile.written).written == profile.written


@pytest.mark.parametrize(
    "text",
    [
        *("", "null", "[]", "{}", "[1,2,3,4,5]", "[null,[],false,[],[],[]]", '["a",[],false,[],[]]'),
        *("[null,[1],false,[],[]]", "[null,[],0,[],[]]", "[null,[],false,{},[]]", "[null,[],false,[[1]],[]]"),
        '[null,[],false,[[["a","is",false,["x"]]]],[]]',
        '[null,[],false,[[["a","equals",0,["x"]]]],[]]',
        '[null,[],false,[[["a","equals",false,[1]]]],[]]',
        '[null,[],false,[],[["a","equals",false]]]',
        "[" * 100_000,
    ],
)
def test_a_text_that_is_no_profile_is_refused(text):
    with pytest.raises(ProfileError):
        Profile.read(text)

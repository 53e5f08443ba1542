"""What a search at the command line says: hints where it finds nothing, and times as people read them."""

import time

import pytest

from sandbox.demo import console
from sandbox.demo.hints import nothing_found
from sandbox.search.instance import Instance

RAW = "<Event><System><EventID>4688</EventID></System></Event>"


@pytest.fixture(scope="module")
def instance(tmp_path_factory):
    instance = Instance(tmp_path_factory.mktemp("home"))
    (instance.apps / "search").mkdir()
    windows = {"index": "wineventlog", "sourcetype": "XmlWinEventLog", "source": "a", "_raw": RAW}
    instance.add_events(
        [
            {**windows, "_time": 1_700_000_000, "user": "jo"},
            {**windows, "_time": 1_700_000_100, "user": "al"},
            {"_time": 1_700_000_200, "index": "risk", "sourcetype": "stash", "source": "b", "_raw": "x"},
        ]
    )
    return instance


@pytest.mark.parametrize(
    ("search", "hints"),
    [
        ("index=wineventlog", []),
        ("index=wineventlog user=jo NOT user=j*", []),
        (
            "index=winevenlog | stats count",
            ["no event has index=winevenlog, did you mean wineventlog? There are wineventlog, risk."],
        ),
        ("jo", ["a search that names no index sees main alone. There are risk, wineventlog."]),
        (
            "index=wineventlog sourcetype=xmlwinevent",
            ["no event has sourcetype=xmlwinevent, did you mean XmlWinEventLog? There are XmlWinEventLog, stash."],
        ),
        ("index=wineventlog (source=x OR source=y)", ["no event has source=x or y. There are a, b."]),
        ("index=wineventlog usr=jo", ["no event has a field usr, did you mean user?"]),
        ("index=wineventlog EventCode IN (1, 3)", ["no event has EventCode=1 or 3. There are 4688."]),
        ("index=wineventlog EventCode=4688 user=x", ["no event has user=x. There are al, jo."]),
        ("index=wineventlog NOT user=*", []),
        (
            "index=wineventlog user=* earliest=-5m",
            [
                "none in this time range, but 2 match from 2023-11-14T22:13:20+00:00 to 2023-11-14T22:15:00+00:00: "
                "widen --earliest and --latest, or earliest= and latest= in the search."
            ],
        ),
        ('index=wineventlog user="a\\"b | delete"', ['no event has user=a"b | delete. There are al, jo.']),
        ("| makeresults | search a=b", []),
    ],
)
def test_a_search_that_finds_nothing_says_why(instance, search, hints, local):
    local("UTC")
    assert nothing_found(instance, instance.search(search)) == hints


def test_the_range_that_was_given_with_the_search_counts(instance, local):
    local("UTC")
    (hint,) = nothing_found(instance, instance.search("index=risk", latest=1_600_000_000))
    assert hint.startswith("none in this time range, but 1 match from 2023-11-14T22:16:40+00:00 to ")


@pytest.mark.parametrize(
    ("zone", "moment", "text"),
    [
        ("UTC", "1700000000", "2023-11-14T22:13:20+00:00"),
        ("Asia/Tokyo", 1700000000.25, "2023-11-15T07:13:20.250+09:00"),
        ("UTC", "0-10", "0-10"),
        ("UTC", "1e300", "1e300"),
        ("UTC", None, None),
        ("UTC", ["1", "2"], ["1", "2"]),
    ],
)
def test_a_time_is_shown_in_the_local_time_zone(zone, moment, text, local):
    local(zone)
    assert console.at(moment) == text


def test_only_the_time_of_an_event_is_shown_so_and_json_has_it_as_it_is(instance, local, capsys):
    local("UTC")
    found = instance.search("index=risk | eval n=_time | table _time n")
    console.write_result(found, as_json=False)
    assert "2023-11-14T22:16:40+00:00   1700000200" in capsys.readouterr().out
    console.write_result(found, as_json=True, hints=["x"])
    assert capsys.readouterr() == ('{"_time": "1700000200", "n": "1700000200"}\n', "Hint: x\n1 rows\n")


@pytest.fixture
def local(monkeypatch):
    def use(zone):
        monkeypatch.setenv("TZ", zone)
        time.tzset()

    yield use
    monkeypatch.undo()
    time.tzset()

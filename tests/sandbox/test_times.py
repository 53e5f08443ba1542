"""What time modifiers mean: Search Manual, "Specify time modifiers in your search"; Search Reference, "Time modifiers".

The units and snaps themselves have their cases in spl/times.toml.
"""

from datetime import UTC, datetime

import pytest

from sandbox import times
from sandbox.errors import SearchError


def at(text):
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("modifier", "now", "expected"),
    [
        ("now", "2024-04-03T13:37:05", "2024-04-03T13:37:05"),
        ("now()", "2024-04-03T13:37:05", "2024-04-03T13:37:05"),
        ("-60m", "2024-04-03T13:37:05", "2024-04-03T12:37:05"),
        ("-h@h", "2024-04-03T13:37:05", "2024-04-03T12:00:00"),
        ("-1h@h", "2024-04-03T00:37:05", "2024-04-02T23:00:00"),
        ("-70m@m", "2024-04-03T13:37:05", "2024-04-03T12:27:00"),
        ("-10m@m", "2024-04-03T13:37:00", "2024-04-03T13:27:00"),
        ("@d", "2024-04-03T00:00:00", "2024-04-03T00:00:00"),
        ("-1d@d", "2024-03-01T13:37:05", "2024-02-29T00:00:00"),
        ("-7d@d", "2024-04-03T13:37:05", "2024-03-27T00:00:00"),
        ("+1d@d", "2024-04-03T13:37:05", "2024-04-04T00:00:00"),
        ("-1d@d+3h", "2024-04-03T13:37:05", "2024-04-02T03:00:00"),
        ("@d-2h", "2024-04-03T13:37:05", "2024-04-02T22:00:00"),
        ("-mon@mon+7d", "2024-04-03T13:37:05", "2024-03-08T00:00:00"),
        ("@w0", "2024-04-03T13:37:05", "2024-03-31T00:00:00"),
        ("@w7", "2024-03-31T00:00:00", "2024-03-31T00:00:00"),
        ("@w6", "2024-03-31T00:00:00", "2024-03-30T00:00:00"),
        ("-w@w1", "2024-04-03T13:37:05", "2024-03-25T00:00:00"),
        ("@w1", "2024-04-01T00:00:00", "2024-04-01T00:00:00"),
        ("@q", "2024-12-31T23:59:59", "2024-10-01T00:00:00"),
        ("-1q@q", "2024-02-15T00:00:00", "2023-10-01T00:00:00"),
        ("-1mon", "2023-03-31T10:00:00", "2023-02-28T10:00:00"),
        ("+1mon", "2024-01-31T10:00:00", "2024-02-29T10:00:00"),
        ("-1y", "2024-02-29T10:00:00", "2023-02-28T10:00:00"),
        ("-1y@y", "2024-02-29T10:00:00", "2023-01-01T00:00:00"),
        ("10/19/2009:0:0:0", "2024-02-29T10:00:00", "2009-10-19T00:00:00"),
        ("10/27/2009:23:05:59", "2024-02-29T10:00:00", "2009-10-27T23:05:59"),
    ],
)
def test_a_modifier_is_resolved_against_now(modifier, now, expected):
    assert times.resolve(modifier, at(now)) == at(expected)


@pytest.mark.parametrize(("modifier", "expected"), [("1700000000", 1_700_000_000), ("1700000000.25", 1_700_000_000.25)])
def test_an_epoch_time_is_itself(modifier, expected):
    assert times.resolve(modifier, 5) == expected


@pytest.mark.parametrize("modifier", ["", "0"])
def test_nothing_and_zero_are_no_bound(modifier):
    assert times.resolve(modifier, at("2024-04-03T13:37:05")) is None


def test_a_time_that_happens_to_be_the_epoch_is_still_a_bound():
    assert times.resolve("@d", 5) == 0.0


def test_only_a_snap_takes_the_fraction_of_a_second_away():
    assert [times.resolve(modifier, 1_711_892_730.5) for modifier in ("-1s", "-1s@s")] == [1711892729.5, 1711892729]


@pytest.mark.parametrize(
    "modifier",
    [
        *(
            "rt",
            "rt-5m",
            "-5",
            "5m",
            "-",
            "@",
            "-1d@",
            "@w8",
            "@w10",
            "-1w1",
            "-1fortnight",
            "-1D",
            "-1 d",
            " ",
            "-1.5h",
        ),
        *("tomorrow", "now-1d", "-1", "1e9", "13/19/2009:0:0:0", "2009-10-19", "-999999y", "-9999999999s", "@d'"),
    ],
)
def test_anything_else_is_an_error_that_names_it(modifier):
    with pytest.raises(SearchError, match="Unsupported time modifier") as caught:
        times.resolve(modifier, at("2024-04-03T13:37:05"))
    assert f"'{modifier}'" in str(caught.value)

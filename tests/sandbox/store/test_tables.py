"""How rows made in Python get into the database."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox.search.command import Row
from sandbox.search.instance import Instance
from sandbox.store.tables import BATCH


@pytest.fixture(params=[False, True], ids=["memory", "disk"])
def instance(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Instance]:
    made = Instance(tmp_path / "home", on_disk=request.param)
    yield made
    made.database.close()


def column(instance: Instance, name: str) -> list[object]:
    return [value for (value,) in instance.database.execute(f'FROM events SELECT "{name}" ORDER BY _time').fetchall()]


def test_a_field_may_come_or_get_several_values_in_a_later_batch(instance: Instance) -> None:
    rows: list[Row] = [{"_time": number, "a": "x"} for number in range(BATCH)]
    assert instance.add_events([*rows, {"_time": BATCH, "a": ["y", "z"], "late": "b"}]) == BATCH + 1
    assert column(instance, "a") == [["x"]] * BATCH + [["y", "z"]]
    assert column(instance, "late") == [None] * BATCH + ["b"]


def test_what_is_empty_is_null_and_zero_is_a_value(instance: Instance) -> None:
    instance.add_events({"_time": number, "a": value} for number, value in enumerate(["", None, 0, 2.5, "0", "é\0"]))
    assert column(instance, "a") == [None, None, "0", "2.5", "0", "é\0"]
    instance.add_events({"_time": number, "b": value} for number, value in enumerate([[], "", None, 0, ["", "x"]]))
    assert [value for value in column(instance, "b") if value] == [["0"], ["", "x"]]


def test_events_that_fail_half_way_leave_nothing_and_others_still_come(instance: Instance) -> None:
    def failing() -> Iterator[Row]:
        yield from ({"_time": number, "new": "x"} for number in range(2 * BATCH))
        raise OSError("the file ends here")

    with pytest.raises(OSError, match="the file ends here"):
        instance.add_events(failing())
    assert column(instance, "_raw") == []
    assert instance.add_events([{"_time": 1, "_raw": "x"}]) == 1
    assert column(instance, "_raw") == ["x"]

"""Results keep their past: what replaces or removes them leaves them as they were, and nothing else does."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

import pytest

from iop4cli.archive.moments import Moment, inputs_at, item_versions, results_at
from iop4cli.archive.past import KEPT, Replacement, remove_items
from iop4cli.archive.store import Batch, Store

START = datetime.datetime(2026, 1, 1)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    made = Store(tmp_path / "iop4.duckdb")
    made.create()
    return made


def at(hour: float) -> datetime.datetime:
    return START + datetime.timedelta(hours=hour)


def result(name: str = "a", **columns: Any) -> dict[str, Any]:
    return {"id": name, "origin": "T/N/f", "source": "BL Lac", "mag": 15.0, "mag_err": 0.01, "version": "0.1"} | columns


def measured(store: Store, hour: int, *rows: dict[str, Any], calibrators: tuple[str, ...] = ("x",)) -> None:
    """What run number `hour` finds on the frame, then."""
    inputs = [
        {"measurement": row["id"], "origin": "T/N/f", "input": name, "role": "calibrator", "value": 14.0}
        for row in rows
        for name in calibrators
    ]
    batches = [Batch("measurement", rows, "origin", ["T/N/f"]), Batch("measurement_input", inputs, "origin", ["T/N/f"])]
    store.write(batches, replacement=Replacement(f"run {hour}", at(hour)))


def mags(store: Store, hour: float | None) -> dict[str, float | None]:
    moment = Moment(store, "", None if hour is None else at(hour))
    return {row["id"]: row["mag"] for row in results_at(moment, "true").iter_rows(named=True)}


def test_a_result_is_at_each_time_what_it_was(store: Store) -> None:
    measured(store, 1, result(mag=15.0))
    measured(store, 2, result(mag=15.1), result("b", mag=None))
    measured(store, 3)
    measured(store, 4, result(mag=15.2))
    assert [mags(store, hour) for hour in (0.5, 1, 1.5, 2.5, 3.5, 4)] == [
        {}, {"a": 15.0}, {"a": 15.0}, {"a": 15.1, "b": None}, {}, {"a": 15.2},
    ]  # fmt: skip
    assert mags(store, None) == mags(store, 99) == {"a": 15.2}


def test_the_same_numbers_leave_no_row_and_keep_their_date(store: Store) -> None:
    """Another version of the software that finds the same is no other result."""
    measured(store, 1, result())
    measured(store, 2, result(version="0.2"))
    assert store.rows("select * from measurement_past") == []
    assert store.rows("select run, made, version from measurement") == [
        {"run": "run 1", "made": at(1), "version": "0.2"}
    ]


@pytest.mark.parametrize("changed", [{"mag": None}, {"mag_reason": "saturated"}, {"bits": 4}, {"mag": 15.0 + 2e-15}])
def test_any_column_makes_it_another_result(store: Store, changed: dict[str, Any]) -> None:
    measured(store, 1, result())
    measured(store, 2, result(**changed))
    (past,) = store.rows("select mag, run, made, replaced, replaced_by from measurement_past")
    assert past == {"mag": 15.0, "run": "run 1", "made": at(1), "replaced": at(2), "replaced_by": "run 2"}


def test_what_it_rested_on_is_kept_with_it(store: Store) -> None:
    measured(store, 1, result(), calibrators=("x", "y"))
    measured(store, 2, result(mag=15.1), calibrators=("y", "z"))
    before, after = (inputs_at(Moment(store, "", at(hour)), ["a"])["a"] for hour in (1, 2))
    assert [row["input"] for row in before] == ["x", "y"] and [row["input"] for row in after] == ["y", "z"]
    assert before[0]["value"] == 14.0


def test_other_results_are_not_touched(store: Store) -> None:
    measured(store, 1, result())
    other = result("b", origin="T/N/g")
    store.write([Batch("measurement", [other], "origin", ["T/N/g"])], replacement=Replacement("run 2", at(2)))
    assert store.rows("select * from measurement_past") == []
    assert mags(store, None) == {"a": 15.0, "b": 15.0}


def test_quality_has_a_past_too(store: Store) -> None:
    measured(store, 1, result())
    for hour, bits in ((2, 0), (3, 0), (4, 8)):
        rows = [{"measurement": "a", "origin": "T/N/results", "quality": bits}]
        store.write(
            [Batch("correction", rows, "origin", ["T/N/results"])], replacement=Replacement(f"run {hour}", at(hour))
        )
    seen = [results_at(Moment(store, "", at(hour)), "true")["quality"].to_list() for hour in (1, 2, 3, 4)]
    assert seen == [[None], [0], [0], [8]]
    assert [row["quality"] for row in store.rows("select quality from correction_past")] == [0]


def test_items_keep_the_parts_of_other_keys_only(store: Store) -> None:
    def done(hour: int, key: str) -> None:
        row = {"step": "phot", "name": "T/N/f", "key": key, "parts": f'{{"k": "{key}"}}', "status": "done"}
        store.write([Batch("item", [row])], replacement=Replacement(f"run {hour}", at(hour)))

    for hour, key in ((1, "one"), (2, "one"), (3, "two")):
        done(hour, key)
    store.write([], remove_items("step = 'phot'", Replacement("run 4", at(4))))
    versions = item_versions(store, ["T/N/f"])
    assert [(row["key"], row["replaced"]) for row in versions] == [("one", at(3)), ("two", at(4))]


def test_a_failed_write_leaves_no_past(store: Store) -> None:
    measured(store, 1, result())
    with pytest.raises(Exception, match="no_such_table"):
        store.write(
            [Batch("measurement", [result(mag=16.0)], "origin", ["T/N/f"])],
            "insert into no_such_table values (1);",
            Replacement("run 2", at(2)),
        )
    assert store.rows("select * from measurement_past") == []
    assert mags(store, None) == {"a": 15.0}


@pytest.mark.parametrize("table", sorted(KEPT))
def test_the_past_has_every_column_of_its_table(store: Store, table: str) -> None:
    """A migration that adds a column to the one must add it to the other."""
    sql = "select column_name, data_type from information_schema.columns where table_name = '{}'"
    own, past = ({row["column_name"]: row["data_type"] for row in store.rows(sql.format(name))}
                 for name in (table, f"{table}_past"))  # fmt: skip
    assert {name: past.get(name) for name in own} == own
    assert set(past) - set(own) == {"replaced", "replaced_by"} | ({"inputs"} if KEPT[table].with_inputs else set())

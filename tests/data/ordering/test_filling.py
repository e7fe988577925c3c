"""Short gaps become rows of missing numbers; longer ones still end a run."""

from __future__ import annotations

import numpy as np
import pytest

from seqrt.data import arrange
from seqrt.data.ordering.filling import most_filled
from seqrt.data.table import Table
from seqrt.encoding.column import TableColumn

HOURS = [i for i in range(30) if i not in (3, 10, 11, 20, 21, 22, 23)]


def table(first=0):
    columns = {
        "time": [f"2024-01-0{1 + i // 24} {i % 24:02}:00" for i in HOURS],
        "on": [str(i % 2 == 0) for i in HOURS],
        "word": ["ab"[i % 2] for i in HOURS],
        "y": [str(first + i) for i in HOURS],
    }
    held = {name: TableColumn.of_text(cells) for name, cells in columns.items()}
    return Table("t.csv", held, range(2, len(HOURS) + 2))


def test_gaps_of_at_most_so_many_steps_are_filled_with_missing_numbers():
    timeline = arrange(table(), fill=2)

    assert timeline.runs.tolist() == [[0, 20], [20, 26]]
    y, on = timeline.table.numbers(["y", "on"], missing=True).T
    assert np.flatnonzero(np.isnan(y)).tolist() == [3, 10, 11]
    assert np.flatnonzero(np.isnan(on)).tolist() == [3, 10, 11]
    np.testing.assert_array_equal(y[[2, 4, 9, 12]], [2, 4, 9, 12])
    assert timeline.table.columns["time"].cells[10:12] == ["2024-01-01 10:00", "2024-01-01 11:00"]
    assert timeline.table.columns["word"].cells[10] == timeline.table.columns["word"].cells[9]
    assert timeline.notes == (
        "2 gaps are filled with 3 rows of missing values",
        "1 gap of 4 hours after 2024-01-01 19:00 (line 18); no window reaches over it",
    )


def test_the_times_of_new_rows_continue_the_step():
    timeline = arrange(table(), fill=9)

    assert (np.diff(timeline.times.instant) == 3_600_000_000).all()
    assert len(timeline.runs) == 1


def test_bounds_of_series_move_with_the_rows():
    one, other = table(), table(100)
    columns = {
        name: TableColumn.of_text([*one.columns[name].cells, *other.columns[name].cells])
        for name in one.names
    }
    columns["shop"] = TableColumn.of_text(["a"] * len(HOURS) + ["b"] * len(HOURS))
    both = Table("t.csv", columns, range(2, 2 * len(HOURS) + 2))

    timeline = arrange(both, series=["shop"], fill=9)

    assert timeline.bounds.tolist() == [0, 30, 60]
    assert timeline.runs.tolist() == [[0, 30], [30, 60]]
    assert timeline.table.columns["shop"].cells[29:31] == ["a", "b"]


def test_native_timestamps_are_filled_too():
    hours = np.array(HOURS, np.int64) * 3_600_000_000
    columns = {"time": TableColumn.of_stamps(hours), "y": TableColumn(np.array(HOURS, float))}

    timeline = arrange(Table("t.parquet", columns, range(1, len(HOURS) + 1), place="row"), fill=9)

    stamps = timeline.table.columns["time"].stamps
    assert (stamps == np.arange(30) * 3_600_000_000).all()


@pytest.mark.parametrize(
    ("task", "missing", "window", "most"),
    [
        ("forecast", "forward", 24, 6),
        ("regress", "forward", 9, 2),
        ("classify", "forward", 24, 0),
        ("forecast", "mean", 24, 0),
        ("forecast", "forward", None, 0),
    ],
)
def test_a_quarter_of_the_window_may_be_filled_for_the_policy_forward(task, missing, window, most):
    assert most_filled(task, missing, window) == most

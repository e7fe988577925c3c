"""A wide table melted: where each cell goes, which rows are in a run, and where errors point."""

from __future__ import annotations

import numpy as np
import pytest

from seqrt.data import arrange, read
from seqrt.data.wide.melt import check_filled, melted, new_names
from seqrt.errors import InputError, UsageError

WIDE = """day,shop,north,south,holiday
2024-03-01,A,1,10,0
2024-03-02,A,2,20,1
2024-03-03,A,3,30,0
2024-03-01,B,4,40,0
2024-03-02,B,5,50,1
"""
LONG = """day,shop,variable,value,holiday
2024-03-01,A,south,10,0
2024-03-02,A,south,20,1
2024-03-03,A,south,30,0
2024-03-01,B,north,4,0
2024-03-02,B,north,5,1
2024-03-01,B,south,40,0
2024-03-02,B,south,50,1
2024-03-01,A,north,1,0
2024-03-02,A,north,2,1
2024-03-03,A,north,3,0
"""


def timeline(path, text, *series):
    path.write_text(text)
    return arrange(read(path), series=series)


def melt(data, *targets, missing=False, planned=False):
    added, kept = new_names(data.table), ("holiday",)
    return melted(data, targets, added, kept, missing=missing, planned=planned)


@pytest.fixture
def wide(tmp_path):
    return timeline(tmp_path / "wide.csv", WIDE, "shop")


def test_a_melted_table_is_the_long_table_of_the_same_series(tmp_path, wide):
    found = melt(wide, "south", "north")
    long = timeline(tmp_path / "long.csv", LONG, "shop", "variable")
    assert found.keys == long.keys
    for name in ("bounds", "runs"):
        np.testing.assert_array_equal(getattr(found, name), getattr(long, name))
    for name in ("value", "holiday"):
        np.testing.assert_array_equal(
            found.table.columns[name].values, long.table.columns[name].values
        )
    assert found.table.columns["day"].texts() == long.table.columns["day"].texts()
    np.testing.assert_array_equal(found.times.instant, long.times.instant)
    assert found.table.names == ("day", "shop", "variable", "value", "holiday")


def test_the_rows_of_the_targets_are_found_again(wide):
    found = melt(wide, "south", "north")
    rows = found.rows_of(np.arange(5))
    values = found.table.columns["value"].values
    np.testing.assert_array_equal(values[rows], wide.table.numbers(("south", "north")))


def test_names_that_are_taken_get_a_number(tmp_path):
    data = timeline(tmp_path / "taken.csv", "variable,a,value\n1,2,3\n2,3,4\n")
    assert new_names(data.table) == ("variable_2", "value_2")


ENDS = "a,b\n1,\n2,\n3,7\n4,8\n5,\n"


@pytest.mark.parametrize(
    ("how", "runs"),
    [({}, [[0, 5], [7, 9]]), ({"missing": True}, [[0, 5], [7, 10]])],
)
def test_a_series_begins_with_its_first_value_and_without_a_policy_ends_with_its_last(
    tmp_path, how, runs
):
    found = melt(timeline(tmp_path / "ends.csv", ENDS), "a", "b", **how)
    assert found.runs.tolist() == runs
    assert found.used.tolist() == runs
    assert "1 of 2 targets begins after the first row: b" in found.notes


def test_a_gap_in_the_times_cuts_the_runs_of_all_targets(tmp_path):
    text = "day,a,b\n2024-03-01,1,2\n2024-03-02,1,2\n2024-03-05,1,2\n2024-03-06,1,2\n"
    found = melt(timeline(tmp_path / "gap.csv", text), "a", "b")
    assert found.runs.tolist() == [[0, 2], [2, 4], [4, 6], [6, 8]]


def test_a_missing_value_between_others_is_named_with_its_column(tmp_path):
    data = timeline(tmp_path / "hole.csv", "a,b\n1,2\n2,\n3,4\n")
    with pytest.raises(InputError, match=r"E_INPUT_MISSING: .*line 3, column 'b'"):
        melt(data, "a", "b")
    assert melt(data, "a", "b", missing=True).runs.tolist() == [[0, 3], [3, 6]]


def test_a_word_in_a_target_is_named_with_its_column(tmp_path):
    rows = "\n".join(f"{i},{i}" for i in range(9))
    data = timeline(tmp_path / "word.csv", f"a,b\n{rows}\n9,broken\n")
    with pytest.raises(InputError, match=r"E_INPUT_CELL: .*line 11, column 'b'.*'broken'"):
        melt(data, "a", "b", missing=True)


def test_an_error_of_a_melted_cell_names_its_own_column(wide):
    table = melt(wide, "north", "south").table
    assert table.cell_place("value", 3).endswith("line 2, column 'south'")


def test_a_target_without_values_cannot_be_learnt(tmp_path):
    data = timeline(tmp_path / "empty.csv", "a,b\n1,\n2,\n")
    with pytest.raises(UsageError, match=r"the target 'b' of .* has no values"):
        check_filled(data.table, ("a", "b"))

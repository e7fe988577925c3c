"""Tables: which columns are numbers, which one is the time, and spans of time."""

from __future__ import annotations

from datetime import datetime

import numpy as np
import pytest

from seqrt.data.table import Table
from seqrt.encoding.column import TableColumn
from seqrt.encoding.time_column import find_time
from seqrt.errors import InputError, UsageError


def table(**columns):
    held = {
        name: TableColumn.of_text([str(cell) for cell in cells]) for name, cells in columns.items()
    }
    rows = len(next(iter(columns.values())))
    return Table("t.csv", held, range(2, rows + 2), find_time(held))


def test_columns_come_in_the_order_that_was_asked_for():
    numbers = table(a=[3, 1], b=[4, 5], c=["x", "y"]).numbers(["b", "a"])

    assert numbers.dtype == np.float64
    assert numbers.tolist() == [[4.0, 3.0], [5.0, 1.0]]


def test_no_columns_are_an_array_of_no_features():
    assert table(a=[1, 2, 0]).numbers([]).shape == (3, 0)


def test_numeric_columns_leave_out_the_time_and_the_text():
    assert table(t=[1, 2, 3], a=[3, 1, 2], s=["x", "y", "z"]).numeric == ("a",)


def test_a_stray_word_in_a_column_of_numbers_is_an_error_and_no_reason_to_leave_it_out():
    mostly = table(s=["u", "v", "w"], a=["1", "oops", "3"])

    assert mostly.numeric == ("a",)
    with pytest.raises(InputError, match=r"^E_INPUT_CELL: t\.csv, line 3, column 'a': .* 'oops'"):
        mostly.numbers(mostly.numeric)


def test_a_stray_word_among_booleans_is_an_error_as_well():
    mostly = table(a=["True", "ture", "FALSE"], b=[3, 1, 2])

    assert mostly.numeric == ("a", "b")
    with pytest.raises(InputError, match=r"line 3, column 'a': .* True or False, got 'ture'\. Wri"):
        mostly.numbers(["a"])


def test_a_column_of_empty_cells_is_not_numeric():
    assert table(a=[3, 1], b=["", ""]).numeric == ("a",)


@pytest.mark.parametrize(
    "times",
    [
        [1700, 1701, 1800],
        [-1.5, 0, 1e9],
        ["1958-03-29", "1958-04-05", "1960-01-01"],
        ["19580329", "19580405", "19600101"],
        ["2020-01-01T00:00", "2020-01-01T00:10", "2020-01-01T00:11"],
        ["2020-01-01 00:00:00+01:00", "2020-01-01 00:00:00Z", "2020-01-02 00:00:00"],
    ],
)
def test_a_first_column_that_rises_at_every_row_is_the_time(times):
    assert table(t=times, a=[3, 1, 2]).time == "t"


@pytest.mark.parametrize(
    "times",
    [[1, 1, 2], [3, 2, 1], [1, "", 3], ["a", "b", "c"], ["2020-01-02", "b", "c"]],
)
def test_a_first_column_that_does_not_rise_is_not_the_time(times):
    assert table(x=times, a=[3, 1, 2]).time is None


def test_one_column_alone_or_one_row_of_numbers_has_no_time():
    assert table(a=[1, 2, 3]).time is None
    assert table(a=[1], b=[2]).time is None


def test_a_span_of_rows_out_of_order_keeps_the_order_of_the_file():
    days = ["2024-01-03", "2024-01-01", "2024-01-04", "2024-01-02"]

    part = table(t=days, a=[3, 1, 4, 2]).span("2024-01-02", "2024-01-03")

    assert part.numbers(["a"])[:, 0].tolist() == [3.0, 2.0]
    assert list(part.lines) == [2, 5]


@pytest.mark.parametrize(
    ("first", "last", "kept"),
    [
        ("1701", "1703", [1, 2, 3]),
        (None, "1700.5", [0]),
        ("1703", None, [3, 4]),
        (None, None, [0, 1, 2, 3, 4]),
    ],
)
def test_a_span_of_numbers_includes_both_ends(first, last, kept):
    part = table(t=range(1700, 1705), a=[4, 0, 1, 0, 9]).span(first, last)

    assert part.numbers(["t"])[:, 0].tolist() == [1700 + i for i in kept]
    assert part.rows == len(kept)
    assert list(part.lines) == [i + 2 for i in kept]


@pytest.mark.parametrize(
    ("first", "last", "kept"),
    [
        ("1959", "1959", [1, 2]),
        ("1959-12", "1960-02", [2, 3]),
        ("1958-12-31", "1959-01-01", [0, 1]),
        ("19581231", "1959-01-01T00:00", [0, 1]),
    ],
)
def test_in_a_span_of_dates_a_year_a_month_or_a_day_stands_for_all_of_it(first, last, kept):
    times = ["1958-12-31", "1959-01-01", "1959-12-31 23:59", "1960-02-29 12:00", "1961-01-01"]

    part = table(t=times, a=[1, 2, 0, 4, 5]).span(first, last)

    assert part.labels("t") == [times[i] for i in kept]


def test_without_a_time_a_span_counts_rows_from_1():
    part = table(a=[5, 3, 4, 1]).span("2", "3")

    assert part.numbers(["a"])[:, 0].tolist() == [3.0, 4.0]


def test_errors_in_a_part_name_the_line_of_the_whole_file():
    part = table(a=[5, 3, "oops", 1]).span("3", None)

    with pytest.raises(InputError, match="line 4, column 'a'"):
        part.numbers(["a"])


@pytest.mark.parametrize(("first", "last"), [("1900", None), (None, "3"), ("1702", "1701")])
def test_a_span_of_nothing_says_what_there_is(first, last):
    with pytest.raises(UsageError, match=r"t\.csv has no rows .* 't' runs from 1700 to 1702\."):
        table(t=[1700, 1701, 1702], a=[1, 0, 2]).span(first, last)
    with pytest.raises(UsageError, match=r"t\.csv has no rows from 7 to .*; it has rows 1 to 3"):
        table(a=[1, 0, 2]).span("7", None)


def test_the_times_of_rows_are_dates_numbers_or_their_place():
    days = ["1958-12-31", "1959-01-01", "1959-12-31"]

    assert table(t=days, a=[1, 0, 2]).times().tolist() == [datetime.fromisoformat(d) for d in days]
    assert table(t=[1700, 1701.5, 1703], a=[1, 0, 2]).times().tolist() == [1700, 1701.5, 1703]
    assert table(a=[1, 0, 2]).times().tolist() == [1, 2, 3]


def test_an_edge_that_is_no_number_or_no_date_is_named():
    with pytest.raises(UsageError, match="must be a number here, got '1701-01-01'"):
        table(t=[1700, 1701], a=[1, 0]).span("1701-01-01", None)
    for edge in ("1958-13", "0000", "1958-02-30"):
        with pytest.raises(UsageError, match=rf"must be a date such as .*, got '{edge}'"):
            table(t=["1958-01-01", "1959-01-01"], a=[1, 0]).span(None, edge)


def test_a_column_that_is_not_there_is_named_with_the_nearest_that_is():
    with pytest.raises(
        UsageError,
        match=r"has no column 'sunactivty'; it has t, SUNACTIVITY\. "
        r"Did you mean 'SUNACTIVITY'\?",
    ):
        table(t=[1, 2], SUNACTIVITY=[3, 1]).numbers(["sunactivty"])


@pytest.mark.parametrize(
    ("cells", "labels"),
    [
        (["3", " 1", "-2"], [3, 1, -2]),
        (["walk", "run ", "3"], ["walk", "run", "3"]),
        (["007", "1", "2"], ["007", "1", "2"]),
        (["1.5", "1", "2"], ["1.5", "1", "2"]),
    ],
)
def test_labels_are_whole_numbers_where_all_are_and_text_otherwise(cells, labels):
    assert table(s=cells).labels("s") == labels


def test_an_empty_label_is_named():
    with pytest.raises(InputError, match=r"^E_INPUT_MISSING: t\.csv, line 3, column 's'"):
        table(s=["walk", " ", "run"]).labels("s")

"""The time column is found by its cells, its place and its name."""

from __future__ import annotations

import numpy as np
import pytest

from seqrt.encoding.column import TableColumn
from seqrt.encoding.time_column import find_time, read_column

DAYS = ["2024-01-03", "2024-01-01", "2024-01-02"]


def columns(**cells):
    return {name: TableColumn.of_text(list(map(str, each))) for name, each in cells.items()}


def test_a_column_of_dates_is_the_time_wherever_it_is_and_in_any_order():
    assert find_time(columns(a=[1, 2, 3], b=DAYS, c=[1, 2, 3])) == "b"


def test_a_column_with_one_date_in_all_rows_is_not_the_time():
    assert find_time(columns(exported=["2024-01-01"] * 3, day=DAYS, c=[1, 2, 3])) == "day"


@pytest.mark.parametrize(
    ("names", "numbers"),
    [
        ("value timestamp", [1711713600, 1711713660, 1711713600]),
        ("value unixTime", [1711713600000, 1711713660000, 1711713600000]),
    ],
)
def test_a_column_of_epochs_with_the_name_of_a_time_is_the_time(names, numbers):
    first, second = names.split()

    assert find_time(columns(**{first: [5, 3, 4], second: numbers})) == second
    assert find_time(columns(**{first: [5, 3, 4], "amount": numbers})) is None


def test_whole_numbers_like_dates_are_times_in_the_first_column_or_by_name():
    compact = [20240101, 20240102, 20240103]

    assert find_time(columns(x=compact, a=[3, 1, 2])) == "x"
    assert find_time(columns(a=[3, 1, 2], day=compact)) == "day"
    assert find_time(columns(a=[3, 1, 2], x=compact)) is None


def test_numbers_that_were_never_text_are_read_like_text():
    text, number = (
        read_column(TableColumn.of_text(["20240101", "20240102"])),
        read_column(TableColumn(np.array([20240101.0, 20240102.0]))),
    )

    assert text.times.instant.tolist() == number.times.instant.tolist()


def test_a_first_column_called_t_is_the_time_of_several_series():
    assert find_time(columns(t=[0, 1, 2] * 3, a=range(9))) == "t"
    assert find_time(columns(hour=[0, 1, 2] * 3, a=range(9))) is None


def test_numbers_need_to_rise_inside_each_series_only():
    held = columns(shop=["a", "b", "a", "b"], n=[1, 1, 2, 3], y=[0, 5, 1, 2])

    assert find_time(held, ("shop",), np.array([0, 1, 0, 1])) == "n"
    assert find_time(held) is None


def test_a_column_of_dates_with_a_bad_cell_is_the_time_only_by_its_place_or_name():
    broken = ["2024-01-01", "2024-01-02", "pending"]

    assert find_time(columns(x=broken, a=[3, 1, 2])) == "x"
    assert find_time(columns(a=[3, 1, 2], date=broken)) == "date"
    assert find_time(columns(a=[3, 1, 2], delivered=broken)) is None

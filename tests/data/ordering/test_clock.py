"""Times in several columns: a date and a clock, or a year, a month, a day and an hour."""

from __future__ import annotations

import pytest

from seqrt.data import arrange
from seqrt.data.table import Table
from seqrt.encoding.column import TableColumn

DAYS = [f"{day:02}.01.2024" for day in (1, 2, 3) for _ in range(24)]


MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]


def table(**columns):
    held = {
        name: TableColumn.of_text([str(cell) for cell in cells]) for name, cells in columns.items()
    }
    return Table("t.csv", held, range(2, len(next(iter(columns.values()))) + 2))


@pytest.mark.parametrize(
    ("name", "clock", "after"),
    [
        ("time", [f"{hour}:00" for hour in range(24)] * 3, "04.01.2024 00:00"),
        ("at", [f"{hour:02}:00:00" for hour in range(24)] * 3, "04.01.2024 00:00:00"),
        ("Hour", [*range(24)] * 3, "04.01.2024 00:00"),
        ("hour", [*range(1, 25)] * 3, "04.01.2024 01:00"),
    ],
)
def test_dates_that_come_again_take_the_clock_of_another_column(name, clock, after):
    timeline = arrange(table(date=DAYS, **{name: clock}, y=range(72)))

    assert (timeline.step, len(timeline.runs)) == ("1 hour", 1)
    assert timeline.notes == (f"times are read from 'date' and {name!r}",)
    last = timeline.times.take(slice(-1, None))
    assert timeline.spacing.after(last, 1).text()[0].replace(" 0:", " 00:") == after


def test_one_date_in_all_rows_takes_the_clock_too():
    clock = [f"{hour}:{minute:02}" for hour in range(24) for minute in (0, 30)]

    timeline = arrange(table(date=["2024-01-01"] * 48, time=clock, y=range(48)))

    assert (timeline.table.time, timeline.step) == ("date", "30 minutes")


def test_each_series_has_its_own_clock():
    shops = ["a"] * 72 + ["b"] * 72
    clock = [f"{hour:02}:00" for hour in range(24)] * 6

    timeline = arrange(table(date=DAYS * 2, time=clock, shop=shops, y=range(144)), series=["shop"])

    assert timeline.step == "1 hour"
    assert timeline.runs.tolist() == [[0, 72], [72, 144]]


def test_dates_that_come_once_need_no_clock():
    opens = ["9:00", "8:30", "9:00"]

    timeline = arrange(table(date=["2024-01-01", "2024-01-02", "2024-01-03"], opens=opens, y="123"))

    assert (timeline.step, timeline.notes) == ("1 day", ())


@pytest.mark.parametrize("months", [[*range(1, 13)], [f"{m:02}" for m in range(1, 13)], MONTHS])
def test_years_and_months_in_two_columns_are_one_time(months):
    years = [year for year in (2022, 2023) for _ in range(12)]

    timeline = arrange(table(year=years, month=months * 2, y=range(24)))

    assert (timeline.table.time, timeline.step) == ("year", "1 month")
    assert timeline.notes == ("times are read from 'year' and 'month'",)


def test_a_row_number_beside_year_month_day_and_hour_is_not_the_time():
    held = table(
        No=range(1, 49),
        year=[2010] * 48,
        month=[1] * 48,
        day=[1] * 24 + [2] * 24,
        hour=[*range(24)] * 2,
        y=[0.5] * 48,
    )

    timeline = arrange(held)

    assert (timeline.step, len(timeline.runs)) == ("1 hour", 1)
    assert "No" not in timeline.table.numeric


def test_an_epoch_is_the_time_and_the_year_and_month_are_features():
    seconds = [1711713600 + 60 * i for i in range(9)]

    timeline = arrange(table(timestamp=seconds, year=[2024] * 9, month=[3] * 9, y=range(9)))

    assert (timeline.table.time, timeline.step) == ("timestamp", "1 minute")
    assert timeline.table.numeric == ("year", "month", "y")

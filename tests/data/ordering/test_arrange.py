"""A table in order: series, sorted rows, gaps, and one line for what cannot be ordered."""

from __future__ import annotations

import numpy as np
import pytest

from seqrt.data import arrange, read
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


def days(count, first="2024-01-01", step=1):
    return [str(np.datetime64(first) + step * i) for i in range(count)]


def hours(count, first="2024-10-27T00", but=()):
    every = (np.datetime64(first) + np.timedelta64(i, "h") for i in range(count))
    return [f"{hour}:00" for i, hour in enumerate(every) if i not in but]


def numbers(timeline, name):
    return timeline.table.numbers([name])[:, 0].tolist()


# Order


def test_rows_in_order_stay_as_they_are():
    timeline = arrange(table(date=days(4), y=[3, 1, 2, 5]))

    assert numbers(timeline, "y") == [3, 1, 2, 5]
    assert timeline.runs.tolist() == [[0, 4]]
    assert (timeline.step, timeline.notes, timeline.keys) == ("1 day", (), ((),))


def test_rows_newest_first_are_turned_round_and_that_is_said():
    timeline = arrange(table(date=days(4)[::-1], y=[3, 1, 2, 5]))

    assert numbers(timeline, "y") == [5, 2, 1, 3]
    assert list(timeline.table.lines) == [5, 4, 3, 2]
    assert timeline.notes == ("rows were in descending order of 'date', newest first: sorted",)


def test_rows_out_of_order_are_sorted_and_counted():
    timeline = arrange(table(date=[*days(6)[2:], *days(2)], y=range(6)))

    assert numbers(timeline, "y") == [4, 5, 0, 1, 2, 3]
    assert timeline.notes == ("1 row was out of order by 'date': sorted",)


def test_without_a_time_the_order_is_that_of_the_file():
    timeline = arrange(table(date=days(4)[::-1], y=range(4)), time="none")

    assert numbers(timeline, "y") == [0, 1, 2, 3]
    assert (timeline.times, timeline.table.time, timeline.step) == (None, None, "")


def test_a_time_column_may_be_named():
    timeline = arrange(table(date=days(3), n=[2, 0, 1], y=range(3)), time="n")

    assert numbers(timeline, "y") == [1, 2, 0]
    assert timeline.table.time == "n"
    with pytest.raises(UsageError, match="has no column 'when'"):
        arrange(table(date=days(3), y=range(3)), time="when")


def test_a_first_column_that_numbers_the_rows_is_no_feature():
    held = table(x0=range(4), date=days(4)[::-1], y=[3, 1, 2, 5])

    assert arrange(held).table.numeric == ("y",)
    assert arrange(table(x0=[0, 1, 2, 4], date=days(4), y=[3, 1, 2, 5])).table.numeric == (
        "x0",
        "y",
    )


# Series


def test_a_series_column_groups_the_rows_by_its_cells():
    shops = ["b", "a", "b", "a", "b"]
    dates = ["2024-01-02", "2024-01-01", "2024-01-01", "2024-01-02", "2024-01-03"]

    timeline = arrange(table(date=dates, shop=shops, y=range(5)), series=["shop"])

    assert numbers(timeline, "y") == [1, 3, 2, 0, 4]
    assert timeline.keys == (("a",), ("b",))
    assert timeline.bounds.tolist() == [0, 2, 5]
    assert timeline.runs.tolist() == [[0, 2], [2, 5]]


def test_keys_of_whole_numbers_are_in_numeric_order_and_of_two_columns_in_that_of_both():
    held = table(t=[1] * 4, shop=[10, 9, 10, 9], item=["x", "x", "b", "b"], y=range(4))

    timeline = arrange(held, series=["shop", "item"])

    assert timeline.keys == (("9", "b"), ("9", "x"), ("10", "b"), ("10", "x"))
    assert numbers(timeline, "y") == [3, 1, 2, 0]


def test_unique_id_and_ds_are_series_and_time_by_themselves():
    timeline = arrange(table(unique_id=["a", "b"] * 3, ds=[1, 1, 2, 2, 3, 3], y=range(6)))

    assert (timeline.series, timeline.table.time) == (("unique_id",), "ds")
    assert numbers(timeline, "y") == [0, 2, 4, 1, 3, 5]


@pytest.mark.parametrize(
    ("columns", "line", "option"),
    [
        ({"date": days(5) * 3, "shop": [*"aaaaabbbbbccccc"]}, 7, "--series shop"),
        ({"date": days(5) * 3, "shop": [0] * 5 + [1] * 5 + [2] * 5}, 7, "--series shop"),
        ({"date": sorted(days(5) * 3), "shop": [*"abc"] * 5}, 3, "--series shop"),
        ({"date": days(5)[::-1] * 3, "shop": [*"aaaaabbbbbccccc"]}, 7, "--series shop"),
        ({"t": [*range(5)] * 3, "run": [*"aaaaabbbbbccccc"]}, 7, "--series run"),
        ({"date": days(4) * 4, "a": [*"xxxxxxxxyyyyyyyy"], "b": [*"uuuuvvvv"] * 2}, 6, "a,b"),
        ({"date": [*days(5, "2024-06-01"), *days(5)], "s": [*"aaaaabbbbb"]}, 7, "--series s"),
    ],
)
def test_where_the_time_starts_over_training_stops_with_the_line_and_the_option(
    columns, line, option
):
    rows = len(columns["date" if "date" in columns else "t"])
    y = [0.5 + (7 * i) % rows for i in range(rows)]

    with pytest.raises(UsageError, match=rf"^t\.csv, line {line}: .* starts over .*{option}\b"):
        arrange(table(**columns, y=y))


def test_a_row_without_a_series_is_named():
    with pytest.raises(InputError, match=r"^E_INPUT_MISSING: t\.csv, line 3, column 'shop'"):
        arrange(table(date=days(3), shop=["a", "", "a"], y=range(3)), series=["shop"])


def test_series_without_a_long_run_are_listed():
    held = table(date=[*days(5), *days(2)], shop=[*"aaaaabb"], y=range(7))

    timeline = arrange(held, series=["shop"])

    assert timeline.short(3) == [("b",)]
    assert timeline.short(2) == []


@pytest.mark.parametrize(
    ("columns", "line", "option"),
    [
        ({"country": [*"aaaaabbbbb"], "year": [*range(2000, 2005)] * 2}, 7, "--series country"),
        ({"unit": [1] * 5 + [2] * 6, "cycle": [*range(5), *range(6)]}, 7, "--series unit"),
        ({"country": [*"ab"] * 5, "year": [y for y in range(5) for _ in "ab"]}, 3, "country"),
    ],
)
def test_a_counter_that_starts_over_in_any_column_stops_training(columns, line, option):
    rows = len(next(iter(columns.values())))
    held = table(**columns, y=[0.5 + i % 3 for i in range(rows)])

    with pytest.raises(UsageError, match=rf"^t\.csv, line {line}: .*{option}\."):
        arrange(held)
    timeline = arrange(held, series=[next(iter(columns))])
    assert timeline.table.numeric == ("y",)
    assert len(timeline.keys) == 2


def test_a_counter_that_no_column_explains_is_a_feature():
    held = table(v=[i % 11 for i in range(60)], cycle=[i % 7 for i in range(60)], w=[0.5] * 60)

    assert arrange(held).table.numeric == ("v", "cycle", "w")


# Repeats


def test_a_time_that_comes_twice_is_an_error_with_both_lines():
    with pytest.raises(InputError, match=r"^E_INPUT_TIME: t\.csv, lines 4 and 32: .* 2024-01-03"):
        arrange(table(date=[*days(30), days(3)[-1]], promo=[0, 1, 0] * 10 + [1], y=range(31)))


def test_a_time_that_comes_twice_in_a_series_is_an_error():
    held = table(date=[*days(2), *days(2), days(1)[0]], shop=[*"aabba"], y=range(5))

    with pytest.raises(InputError, match=r"^E_INPUT_TIME: t\.csv, lines 2 and 6"):
        arrange(held, series=["shop"])


def test_the_hour_that_clocks_show_twice_is_named_as_that():
    clock = [*hours(3), *hours(20)[2:]]

    with pytest.raises(InputError, match=r"lines 4 and 5: .* the end of summer time.*offset"):
        arrange(table(time=clock, y=range(len(clock))))


def test_the_hour_that_comes_twice_is_named_in_many_series_too():
    clock = [*hours(3), *hours(20)[2:]]
    held = table(time=clock * 2, shop=["a"] * 21 + ["b"] * 21, y=range(42))

    with pytest.raises(InputError, match=r"lines 4 and 5: .* the end of summer time"):
        arrange(held, series=["shop"])
    with pytest.raises(UsageError, match=r"line 23: .*--series shop\."):
        arrange(held)


def test_offsets_tell_the_hour_that_comes_twice():
    summer = [f"{hour}+02:00" for hour in hours(3)]
    winter = [f"{hour}+01:00" for hour in hours(9)[2:]]

    timeline = arrange(table(time=summer + winter, y=range(10)))

    assert (timeline.step, len(timeline.runs), timeline.notes) == ("1 hour", 1, ())


# Cells


@pytest.mark.parametrize(
    ("cells", "said"),
    [
        (["31.01.2024", "31.02.2024", "01.03.2024"], "'31.02.2024' is a date that does not exist"),
        (["2024-01-01", "", "2024-01-03"], "empty .1 of 3"),
        (["2024-01-01", "pending", "2024-01-03"], "'pending' is no date"),
    ],
)
def test_a_bad_cell_in_a_column_of_dates_is_named(cells, said):
    with pytest.raises(
        InputError, match=rf"^E_INPUT_TIME: t\.csv, line 3, column 'date': .*{said}"
    ):
        arrange(table(date=cells, y=range(3)))


def test_a_named_time_column_without_times_is_an_error_at_its_first_cell():
    with pytest.raises(InputError, match=r"^E_INPUT_TIME: t\.csv, line 2, column 's': .* got 'a'"):
        arrange(table(date=days(3), s=["a", "b", "c"], y=range(3)), time="s")


def test_dates_that_may_be_day_first_or_month_first_are_asked_for():
    cells = ["03/04/2024", "04/04/2024", "05/04/2024"]

    with pytest.raises(InputError, match=r"^E_INPUT_DATE: t\.csv, line 2, .*--dates dmy or"):
        arrange(table(date=cells, y=range(3)))
    assert arrange(table(date=cells, y=range(3)), dates="dmy").step == "1 day"
    assert arrange(table(date=cells, y=range(3)), dates="mdy").step == "1 month"


# Gaps


def test_a_run_ends_at_a_gap_and_the_longest_gap_is_named():
    dates = [day for i, day in enumerate(days(30)) if i not in (5, 10, 11)]

    timeline = arrange(table(date=dates, y=range(27)))

    assert timeline.runs.tolist() == [[0, 5], [5, 9], [9, 27]]
    assert timeline.notes == (
        "2 gaps, the longest of 2 days after 2024-01-10 (line 10); no window reaches over them",
    )


def test_weekends_are_no_gaps_of_business_days_and_one_holiday_is_said():
    dates = [day for i, day in enumerate(days(60)) if np.is_busday(day) and i != 17]

    timeline = arrange(table(date=dates, y=range(len(dates))))

    assert timeline.step == "1 business day"
    assert timeline.runs.tolist() == [[0, len(dates)]]
    assert "1 business day without a row is taken as a holiday" in timeline.notes[0]


def test_the_hour_that_clocks_skip_is_a_gap_with_its_name():
    timeline = arrange(table(time=hours(20, "2024-03-31T00", but=[2]), y=range(19)))

    assert timeline.runs.tolist() == [[0, 2], [2, 19]]
    assert "1 gap of 1 hour after 2024-03-31T01:00" in timeline.notes[0]
    assert "start of summer time" in timeline.notes[0]


def test_irregular_steps_are_said_and_cut_nothing():
    seconds = np.cumsum(np.random.default_rng(0).exponential(10, 50)).round(2)

    timeline = arrange(table(t=seconds, y=range(50)))

    assert timeline.runs.tolist() == [[0, 50]]
    assert timeline.notes[0].startswith("irregular steps (median ")


def test_a_step_that_changes_for_long_is_an_error_where_it_does():
    dates = [*days(40), *days(40, "2024-02-16", 7)]

    with pytest.raises(InputError, match=r"^E_INPUT_STEP: t\.csv, line 41: .* 1 day to 1 week"):
        arrange(table(date=dates, y=range(80)))
    part = arrange(table(date=dates, y=range(80)), span=("2024-02-09", None))
    assert part.step == "1 week"


def test_series_with_another_step_are_an_error():
    held = table(date=[*days(40), *days(20, step=7)], shop=[*"a" * 40, *"b" * 20], y=range(60))

    with pytest.raises(InputError, match=r"^E_INPUT_STEP: t\.csv, line 42: all series must have"):
        arrange(held, series=["shop"])


def test_data_with_another_step_than_the_model_was_trained_on_is_an_error():
    with pytest.raises(InputError, match=r"^E_INPUT_STEP: .* 1 hour, .* but they have 1 day"):
        arrange(table(date=days(5), y=range(5)), step="1 hour")
    two = arrange(table(date=[days(1)[0], days(9)[-1]], y=range(2)), step="")
    assert two.step == "8 days"


# Spans and times ahead


def test_a_span_is_taken_of_each_series():
    held = table(date=days(4) * 2, shop=[*"aaaabbbb"], y=range(8))

    timeline = arrange(held, series=["shop"], span=("2024-01-02", "2024-01-03"))

    assert numbers(timeline, "y") == [1, 2, 5, 6]
    assert timeline.bounds.tolist() == [0, 2, 4]


def test_a_span_without_a_time_numbers_the_rows_of_each_series():
    held = table(shop=[*"abab"], y=range(4))

    timeline = arrange(held, series=["shop"], time="none", span=("2", None))

    assert numbers(timeline, "y") == [2, 3]


def test_a_span_of_nothing_is_an_error():
    with pytest.raises(UsageError, match=r"has no rows from 2025 to .* runs from 2024-01-01 to"):
        arrange(table(date=days(4), y=range(4)), span=("2025", None))


def test_years_are_numbers_as_they_were():
    timeline = arrange(table(YEAR=range(1700, 1705), y=[3, 1, 2, 5, 4]))

    assert timeline.table.time == "YEAR"
    assert timeline.times.written == "number"
    assert timeline.table.times().tolist() == [1700, 1701, 1702, 1703, 1704]


@pytest.mark.parametrize(
    ("name", "cells", "told"),
    [
        ("week", ["2018-W01", "2018-W02", "2018-W03"], True),
        ("t", ["Q1 2000/01", "Q2 2000/01", "Q3 2000/01"], True),
        ("part", ["p1", "p2", "p3"], False),
        ("month", ["May", "June", "July"], False),
    ],
)
def test_a_column_that_seems_to_be_the_time_but_is_not_understood_is_named(
    name, cells, told, tmp_path
):
    rows = "".join(f"{cell},{i % 2}\n" for i, cell in enumerate(cells))
    (tmp_path / "a.csv").write_text(f"{name},y\n{rows}")

    notes = arrange(read(tmp_path / "a.csv")).notes

    said = (
        f"{name!r} may be the time, but cells such as {cells[0]!r} are not understood as times:"
        " rows are taken in the order of the file, at equal steps"
    )
    assert notes == ((said,) if told else ())
    assert arrange(read(tmp_path / "a.csv"), time="none").notes == ()

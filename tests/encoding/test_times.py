"""Times: every notation gives the right instant, is decided by the whole column, and comes back."""

from __future__ import annotations

import numpy as np
import pytest

from seqrt.encoding.times import read_numbers, read_texts


def instants(cells, dates=None):
    times = read_texts(cells, dates).times
    return [str(instant) for instant in times.instant.view("datetime64[us]").astype("M8[ms]")]


@pytest.mark.parametrize(
    ("cell", "instant"),
    [
        ("2024-03-29", "2024-03-29T00:00:00.000"),
        (" 20240329 ", "2024-03-29T00:00:00.000"),
        ("2024/3/9", "2024-03-09T00:00:00.000"),
        ("2024-03-29 7:05", "2024-03-29T07:05:00.000"),
        ("2024-03-29T12:00:00.25Z", "2024-03-29T12:00:00.250"),
        ("2024-03-29T12:00:00,123456789", "2024-03-29T12:00:00.123"),
        ("20240329T120030", "2024-03-29T12:00:30.000"),
        ("2024-03-29 12:00+02:00", "2024-03-29T10:00:00.000"),
        ("2024-03-29T12:00-0530", "2024-03-29T17:30:00.000"),
        ("2024-03-29 12:00:00 +02", "2024-03-29T10:00:00.000"),
        ("2024-03-29 12:00 UTC", "2024-03-29T12:00:00.000"),
        ("2024-07-01 12:00 CEST", "2024-07-01T10:00:00.000"),
        ("2024-07-01 12:00 Europe/Berlin", "2024-07-01T10:00:00.000"),
        ("2024-01-01T12:00+01:00[Europe/Berlin]", "2024-01-01T11:00:00.000"),
        ("2024-03-29 24:00", "2024-03-30T00:00:00.000"),
        ("29.03.2024", "2024-03-29T00:00:00.000"),
        ("9.3.24 18:30", "2024-03-09T18:30:00.000"),
        ("29/03/2024 12:00:01.5", "2024-03-29T12:00:01.500"),
        ("3/29/2024 1:05 PM", "2024-03-29T13:05:00.000"),
        ("3/29/2024 12:05 am", "2024-03-29T00:05:00.000"),
        ("29-03-2024", "2024-03-29T00:00:00.000"),
        ("29 Mar 2024", "2024-03-29T00:00:00.000"),
        ("March 29, 2024", "2024-03-29T00:00:00.000"),
        ("Fri, 29 Mar 2024 12:00:00 +0000", "2024-03-29T12:00:00.000"),
        ("2024-03", "2024-03-01T00:00:00.000"),
        ("2024Q2", "2024-04-01T00:00:00.000"),
        ("1899-12-31", "1899-12-31T00:00:00.000"),
    ],
)
def test_a_time_in_every_notation_is_the_right_instant(cell, instant):
    assert instants([cell]) == [instant]


@pytest.mark.parametrize(
    "cells",
    [
        ["2024-02-28", "2024-02-29"],
        ["1.1.2024", "31.12.2024"],
        ["01/13/2024 01:00 PM", "01/13/2024 12:00 AM"],
        ["2024-03-29T12:00:00.250Z", "2024-03-29T12:00:01.000Z"],
        ["2024-03-29 12:00+02:00", "2024-03-29 12:00-03:30"],
        ["29 Mar 2024 7:00", "1 May 2024 17:00"],
        ["September 1, 2024", "May 2, 2024"],
        ["2024-Q4", "2025-Q1"],
        ["Mon, 01 Jan 2024 00:00:00 +0000", "Tue, 02 Jan 2024 00:00:00 +0000"],
        ["20240228", "20240229"],
        ["2024-03-31 01:59 Europe/Berlin", "2024-03-31 03:00 Europe/Berlin"],
    ],
)
def test_times_are_written_as_they_were(cells):
    assert read_texts(cells).times.text() == cells


def test_one_cell_proves_the_order_of_all():
    assert instants(["03/04/2024", "13/04/2024"])[0] == "2024-04-03T00:00:00.000"
    assert instants(["03/04/2024", "04/13/2024"])[0] == "2024-03-04T00:00:00.000"
    assert instants(["03/04/2024"], "mdy") == ["2024-03-04T00:00:00.000"]


def test_dates_with_dots_are_day_first():
    assert instants(["03.04.2024"]) == ["2024-04-03T00:00:00.000"]


def test_an_order_that_nothing_decides_is_ambiguous():
    assert read_texts(["03/04/2024", "05/06/2024"]).ambiguous
    assert not read_texts(["03/03/2024", "05/05/2024"]).ambiguous
    assert not read_texts(["03/04/2024", "05/06/2024"], "dmy").ambiguous


def test_an_order_in_which_alone_the_steps_are_equal_is_assumed():
    months = [f"01/{month:02}/{year}" for year in (2023, 2024) for month in range(1, 13)]

    reading = read_texts(months)

    assert reading.assumed
    assert not reading.ambiguous
    assert reading.times.written == "dmy"


def test_a_day_that_does_not_exist_is_bad_and_an_empty_cell_is_missing():
    reading = read_texts(["31.01.2024", "31.02.2024", "", "n/a", "soon", "29.02.2023", "25:00"])

    assert reading.bad.tolist() == [False, True, False, False, True, True, True]
    assert reading.missing.tolist() == [False, False, True, True, False, False, False]
    assert reading.formed.tolist() == [True, True, False, False, False, True, False]


@pytest.mark.parametrize(
    "cells", [["a", "b"], ["12.5", "7"], ["1711713600"], ["10:30"], ["1/2"], ["-"], [], ["", ""]]
)
def test_other_texts_are_no_times(cells):
    assert read_texts(cells) is None


def test_the_hour_of_two_offsets_is_two_instants():
    cells = ["2024-10-27 02:30+02:00", "2024-10-27 02:30+01:00"]

    assert instants(cells) == ["2024-10-27T00:30:00.000", "2024-10-27T01:30:00.000"]


def test_a_long_or_foreign_text_in_a_column_of_times_is_bad():
    reading = read_texts(["2024-01-01"] * 3 + ["x" * 10_000, "2024-01-0٣"])

    assert reading.bad.tolist() == [False, False, False, True, True]


@pytest.mark.parametrize(
    ("numbers", "written", "instant"),
    [
        ([1711713600, 1711713601.5], "seconds", "2024-03-29T12:00:01.500"),
        ([1711713600000, 1711713600250], "milliseconds", "2024-03-29T12:00:00.250"),
    ],
)
def test_seconds_and_milliseconds_since_1970_are_instants(numbers, written, instant):
    times = read_numbers(np.array(numbers, float))

    assert times.written == written
    assert str(times.instant[1:].view("M8[us]").astype("M8[ms]")[0]) == instant
    assert times.text() == [str(number) for number in numbers]


def test_other_numbers_stay_numbers():
    assert read_numbers(np.array([1979.0, 1980.0])).text() == ["1979", "1980"]
    assert read_numbers(np.array([1.0, 1711713600.0])).written == "number"
    assert read_numbers(np.array([1711713600.0]), epochs=False).written == "number"

"""Columns that a program passes: every type of Python and numpy becomes the same column."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal

import numpy as np
import pytest

from seqrt.contract import TimeColumn
from seqrt.encoding.clock import wall_times
from seqrt.encoding.given import GivenColumns, column_of
from seqrt.errors import InputError

NOON = 12 * 3600 * 1_000_000


@pytest.mark.parametrize(
    "cells",
    [
        [1, 2.5, None],
        (1, 2.5, float("nan")),
        np.array([1, 2.5, np.nan], np.float32),
        np.ma.masked_array([1, 2.5, 9.0], [False, False, True]),
        [Decimal(1), Decimal("2.5"), None],
        ["1", "2.5", ""],
        [np.int8(1), np.float64(2.5), None],
    ],
)
def test_numbers_are_the_same_however_they_are_given(cells):
    np.testing.assert_array_equal(column_of(cells).values, [1, 2.5, np.nan])


@pytest.mark.parametrize("cells", [[True, False], np.array([True, False]), ["True", "false"]])
def test_booleans_are_one_and_zero(cells):
    column = column_of(cells)

    assert (column.kind, column.values.tolist()) == ("boolean", [1, 0])


def test_whole_numbers_beyond_float64_stay_exact():
    for cells in ([2**60 + 1, None], [2**60 + 1, 0]):
        assert column_of(cells).exact.tolist() == [2**60 + 1, 0]
    assert column_of(np.array([2**60 + 1])).exact.tolist() == [2**60 + 1]


@pytest.mark.parametrize("cells", [[2**63], [2**60 + 1, 0.5], [10**400], np.array([2**64 - 1])])
def test_numbers_that_fit_no_type_are_refused(cells):
    with pytest.raises(InputError, match="E_INPUT_RANGE: the column"):
        column_of(cells)


def test_a_single_cell_is_a_column_of_one_row():
    assert column_of(3).values.tolist() == [3]
    assert column_of("Fri").text(0) == "Fri"


def test_text_beside_numbers_is_text():
    assert column_of(["A", 3, None]).cells == ["A", "3", ""]


@pytest.mark.parametrize(
    "cells",
    [
        ["1970-01-01 12:00"],
        [datetime(1970, 1, 1, 12, tzinfo=UTC).replace(tzinfo=None)],
        [datetime(1970, 1, 1, 12, tzinfo=timezone(timedelta(hours=-9)))],
        np.array(["1970-01-01T12"], "datetime64[h]"),
        [np.datetime64("1970-01-01T12", "h")],
    ],
)
def test_a_time_is_what_the_clock_shows(cells):
    columns = GivenColumns({"when": column_of(cells)}, 1)

    assert wall_times(columns, TimeColumn("when")).tolist() == [NOON]


def test_a_day_begins_at_midnight():
    columns = GivenColumns({"when": column_of([date(1970, 1, 2)])}, 1)

    assert wall_times(columns, TimeColumn("when")).tolist() == [2 * NOON]


@pytest.mark.parametrize(
    ("written", "cell"),
    [
        ("seconds", 12 * 3600),
        ("milliseconds", "43200000"),
        ("dmy", "01.01.1970 12:00"),
        ("mdy", "01/01/1970 12:00"),
    ],
)
def test_a_time_is_written_as_in_training(written, cell):
    columns = GivenColumns({"when": column_of([cell])}, 1)

    assert wall_times(columns, TimeColumn("when", written)).tolist() == [NOON]


def test_day_first_is_read_day_first():
    columns = GivenColumns({"when": column_of(["03.02.1970"])}, 1)

    assert wall_times(columns, TimeColumn("when", "dmy")).tolist() == [33 * 2 * NOON]


@pytest.mark.parametrize(
    ("written", "cells"),
    [
        ("iso", ["2024-01-01", "tomorrow"]),
        ("iso", ["2024-01-01", None]),
        ("iso", [1.0, 2.0]),
        ("seconds", [1.0, None]),
        ("dmy", ["31.12.2024", "31.11.2024"]),
    ],
)
def test_a_cell_that_is_no_time_is_named(written, cells):
    columns = GivenColumns({"when": column_of(cells)}, 2)

    with pytest.raises(InputError, match=r"E_INPUT_TIME: columns\['when'\]\[[01]\]: .* a time"):
        wall_times(columns, TimeColumn("when", written))


@pytest.mark.parametrize(
    ("cells", "code"),
    [
        (np.zeros((2, 2)), "E_INPUT_SHAPE"),
        (np.zeros(2, complex), "E_INPUT_DTYPE"),
        ([b"a"], "E_INPUT_DTYPE"),
        ([[1, 2], [3, 4]], "E_INPUT_DTYPE"),
        ([{}], "E_INPUT_DTYPE"),
        ([datetime(2024, 1, 1, tzinfo=UTC), "a"], "E_INPUT_DTYPE"),
    ],
)
def test_other_types_are_refused(cells, code):
    with pytest.raises(InputError, match=code):
        column_of(cells)


def test_columns_of_pandas_are_columns():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(
        {
            "n": pandas.array([1, None], "Int64"),
            "text": pandas.Categorical(["Fri", None]),
            "when": pandas.to_datetime(["1970-01-01 12:00", None]).tz_localize("Asia/Tokyo"),
            "open": pandas.array([True, None], "boolean"),
        }
    )

    made = {name: column_of(frame[name]) for name in frame}

    np.testing.assert_array_equal(made["n"].values, [1, np.nan])
    assert made["text"].cells == ["Fri", ""]
    assert made["when"].wall[0] == NOON
    assert made["open"].kind == "boolean"

"""The encoder: which numbers a network reads for the cells of a table, and what it refuses."""

from __future__ import annotations

import numpy as np
import pytest

from seqrt.contract import Input
from seqrt.data import Table
from seqrt.encoding.column import TableColumn
from seqrt.encoding.encoder import encode
from seqrt.errors import InputError

NAN = np.nan


def table(**columns: list[str] | list[float]) -> Table:
    made = {
        name: TableColumn.of_text(cells)
        if isinstance(cells[0], str)
        else TableColumn(np.array(cells, np.float64))
        for name, cells in columns.items()
    }
    return Table("shop.csv", made, range(2, 2 + len(next(iter(columns.values())))))


def test_features_come_in_the_order_of_the_inputs():
    cells = table(day=["Mon", "Sun"], temp=["1.5", "2"])
    inputs = [Input("temp"), Input("day", "category", levels=("Mon", "Tue"))]

    assert encode(inputs, cells).tolist() == [[1.5, 1, 0, 0], [2, 0, 0, 1]]


def test_calendar_features_come_from_the_clock():
    cells = table(temp=[1.0, 2.0])
    midnight_and_six = np.array([0, 6 * 3600 * 1_000_000])

    found = encode([Input("when", "calendar", cycle="hour")], cells, midnight_and_six)

    np.testing.assert_allclose(found, [[0, 1], [1, 0]], atol=1e-15)


def test_an_offset_is_subtracted_exactly_from_whole_numbers_beyond_float64():
    exact = np.array([2**60 + 1, 2**60 + 3])
    cells = Table("a", {"n": TableColumn(exact.astype(float), exact=exact)}, range(2))

    assert encode([Input("n", offset=2**60)], cells).tolist() == [[1], [3]]


def test_a_value_too_far_from_its_offset_is_named():
    cells = table(meter=["1000000001", "1020000003"])

    with pytest.raises(
        InputError,
        match=r"E_INPUT_RANGE: shop\.csv, line 3, column 'meter': a cell must be within"
        " 16,777,216 of 1,000,000,000",
    ):
        encode([Input("meter", offset=10**9)], cells)


def test_differences_that_overflow_int64_are_refused():
    exact = np.array([-(2**62)])
    cells = Table("a", {"n": TableColumn(exact.astype(float) + 512, exact=exact)}, range(1))

    with pytest.raises(InputError, match="E_INPUT_RANGE"):
        encode([Input("n", offset=2**62 + 2**61 + 1)], cells)


def test_a_number_too_large_for_float32_is_named_by_its_cell():
    cells = table(load=[1.0, -1e39])

    with pytest.raises(InputError, match=r"^E_INPUT_RANGE: shop.csv, line 3, column 'load': .*sca"):
        encode([Input("load")], cells)


def test_values_known_ahead_are_taken_from_the_rows_that_follow_in_the_same_run():
    cells = table(promo=[0.0, 1.0, 2.0, 3.0, 4.0])
    runs = np.array([[0, 3], [3, 5]])

    found = encode([Input("promo", ahead=1), Input("promo", ahead=2)], cells, None, runs)

    np.testing.assert_array_equal(found, [[1, 2], [2, NAN], [NAN, NAN], [4, NAN], [NAN, NAN]])


def test_a_plan_behind_a_run_gives_its_values_but_needs_no_others():
    cells = table(y=["5", "6", "", ""], promo=["0", "1", "1", "0"])
    inputs = [Input("y"), Input("promo"), *(Input("promo", ahead=k) for k in (1, 2))]

    found = encode(inputs, cells, None, np.array([[0, 2]]), np.array([4]))

    np.testing.assert_array_equal(found[:2], [[5, 0, 1, 1], [6, 1, 1, 0]])
    assert np.isnan(found[2:]).all()


def test_more_rows_ahead_than_there_are_rows_is_all_unknown():
    assert np.isnan(encode([Input("promo", ahead=5)], table(promo=[1.0, 2.0]))).all()


def test_a_missing_cell_is_an_error_unless_there_is_a_policy():
    cells = table(temp=["1", ""])

    with pytest.raises(InputError, match=r"E_INPUT_MISSING: shop\.csv, line 3, column 'temp'"):
        encode([Input("temp")], cells)
    assert np.isnan(encode([Input("temp")], cells, missing=True)[1])


def test_a_category_without_text_is_missing():
    cells = table(day=["Mon", " "])
    inputs = [Input("day", "category", levels=("Mon",))]

    with pytest.raises(InputError, match=r"E_INPUT_MISSING: shop\.csv, line 3, column 'day'"):
        encode(inputs, cells)
    assert np.isnan(encode(inputs, cells, missing=True)[1]).all()


def test_a_word_in_a_column_of_numbers_is_an_error_even_with_a_policy():
    with pytest.raises(InputError, match=r"E_INPUT_CELL: shop\.csv, line 3, column 'temp'"):
        encode([Input("temp")], table(temp=["1", "warm"]), missing=True)


def test_a_missing_plan_is_named_at_its_own_row():
    cells = table(promo=["0", "1", ""])

    with pytest.raises(InputError, match=r"E_INPUT_MISSING: shop\.csv, line 4, column 'promo'"):
        encode([Input("promo", ahead=1)], cells)


def test_a_boolean_is_one_or_zero_however_it_is_written():
    inputs = [Input("open", "boolean")]

    assert encode(inputs, table(open=["True", "false"])).tolist() == [[1], [0]]
    assert encode(inputs, table(open=["1", "0"])).tolist() == [[1], [0]]
    with pytest.raises(InputError, match=r"E_INPUT_CELL: shop\.csv, line 3, .* true or false"):
        encode(inputs, table(open=["1", "2"]))

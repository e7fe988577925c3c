"""Decimal commas and marks between thousands, decided over a whole column."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqrt.encoding.column import TableColumn
from seqrt.encoding.text.number_style import Forms, Style, file_mark, has_sign


@pytest.mark.parametrize(
    ("cells", "values", "style"),
    [
        (["12.5", "3"], [12.5, 3], ""),
        (["12,5", "3"], [12.5, 3], "decimal comma"),
        (["1.612,50", "999"], [1612.5, 999], "decimal comma, points between thousands"),
        (["1.612,50", "1612,5"], [1612.5, 1612.5], "decimal comma, points between thousands"),
        (["1,612.50", "2,000"], [1612.5, 2000], "commas between thousands"),
        (["1,612.50", "999.5"], [1612.5, 999.5], "commas between thousands"),
        (["1 612,50", "-7"], [1612.5, -7], "decimal comma, spaces between thousands"),
        (["1\xa0612.5", "1\u202f000"], [1612.5, 1000], "spaces between thousands"),
        (["1'612.50", "1’000"], [1612.5, 1000], "apostrophes between thousands"),
        (["1,234,567", "1"], [1234567, 1], "commas between thousands"),
        (["1.234.567", "1.234"], [1234567, 1234], "decimal comma, points between thousands"),
        (["1,234", "999"], [1234, 999], "commas between thousands"),
        (["0,500", "1,234"], [0.5, 1.234], "decimal comma"),
        (["1.234", "2.345"], [1.234, 2.345], ""),
        ([" 3,5 ", "+4,5", ",5", "5,"], [3.5, 4.5, 0.5, 5], "decimal comma"),
        (["1,5e3", "2,5E-1"], [1500, 0.25], "decimal comma"),
        (["3,5", "", "NA"], [3.5, math.nan, math.nan], "decimal comma"),
        (["3,5", "4,5", "x"], [3.5, 4.5, math.nan], "decimal comma"),
        (["3.5", "4.5", "2,5"], [3.5, 4.5, math.nan], ""),
        (["3,5", "2.5"], [math.nan, 2.5], ""),
        (["9.007.199.254.740.993", "1,0"], [2**53, 1], "decimal comma, points between thousands"),
    ],
)
def test_the_style_of_most_cells_is_that_of_a_column(cells, values, style):
    column = TableColumn.of_text(cells)

    assert (column.kind, column.style) == ("number", style)
    np.testing.assert_array_equal(column.values, values)


@pytest.mark.parametrize("cells", [["1,234", "2,345"], ["1,234", "4500"], ["1,234", "1.234"]])
def test_a_column_that_may_be_read_in_two_ways_is_of_numbers_and_not_read(cells):
    column = TableColumn.of_text(cells)

    assert column.kind == "number"
    assert np.isnan(column.values).all()
    assert column.fault is not None
    assert "may be 1234 or 1.234" in column.fault.sentence


@pytest.mark.parametrize(
    ("mark", "cells", "values"),
    [
        (",", ["1,234", "2,345"], [1.234, 2.345]),
        (",", ["1.234", "999"], [1234, 999]),
        (".", ["1,234", "2,345"], [1234, 2345]),
        (".", ["1.234", "2.345"], [1.234, 2.345]),
        (",", ["1.5", "1.25"], [1.5, 1.25]),
    ],
)
def test_the_mark_of_the_file_decides_what_a_column_leaves_open(mark, cells, values):
    style = Forms.of(cells).style(mark)

    assert style is not None
    assert [style.number(cell) for cell in cells] == values


def test_a_file_has_the_mark_of_its_columns_unless_they_differ():
    comma, point, whole = Forms.of(["1,5"]), Forms.of(["1.5"]), Forms.of(["15"])

    assert file_mark([comma, whole]) == ","
    assert file_mark([point, whole]) == "."
    assert file_mark([comma, point]) is None
    assert file_mark([whole]) is None


@pytest.mark.parametrize("cell", ["5%", "5 %", "€ 3,50", "-$1,612.50", "12.5 €", "+7‰"])
def test_a_sign_of_percent_or_currency_is_seen(cell):
    assert has_sign(cell)


@pytest.mark.parametrize("cell", ["5", "%", "a%", "1.2.3 €", "5 %%", ""])
def test_other_text_has_no_sign(cell):
    assert not has_sign(cell)


MARKS = st.sampled_from([(".", ""), (".", ","), (".", " "), (".", "'"), (",", "."), (",", " ")])


@given(st.lists(st.decimals(-(10**9), 10**9, places=2), min_size=1), MARKS)
def test_numbers_written_in_a_style_come_back(numbers, marks):
    decimal, group = marks
    cells = [f"{n:,.2f}".translate({ord(","): group, ord("."): decimal}) for n in numbers]

    column = TableColumn.of_text(cells)

    assert column.kind == "number"
    assert column.fault is None
    assert column.values.tolist() == [float(n) for n in numbers]


@given(st.lists(st.text("0123456789.,' +-e%"), min_size=1))
def test_every_cell_has_one_value_or_none(cells):
    column = TableColumn.of_text(cells)

    assert len(column.values) == len(cells)
    assert not np.isinf(column.values).any()
    if column.kind == "number" and column.fault is None:
        finite = np.flatnonzero(np.isfinite(column.values))
        assert all(Style().number(cells[i]) == column.values[i] for i in finite) or column.style

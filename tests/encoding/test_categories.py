"""Categories: which cells are the same level, in which order, and what becomes of the others."""

from __future__ import annotations

import numpy as np

from seqrt.encoding.categories import category_features, levels_of
from seqrt.encoding.column import TableColumn


def text(*cells: str) -> TableColumn:
    return TableColumn.of_text(cells)


def test_levels_are_the_texts_of_the_cells_in_order():
    assert levels_of(text("Tue", " Mon", "Tue", "Fri ")) == (("Fri", "Mon", "Tue"), 0)


def test_whole_numbers_are_ordered_as_numbers():
    assert levels_of(text("10", "9", "-1")) == (("-1", "9", "10"), 0)


def test_a_number_is_the_same_level_however_it_is_stored():
    numbers = TableColumn(np.array([3.0, 10.0, 2.5]))

    assert levels_of(text("3", "10.0", "2.50")) == levels_of(numbers) == (("10", "2.5", "3"), 0)


def test_text_that_begins_with_zeros_is_not_a_number():
    assert levels_of(text("007", "7")) == (("007", "7"), 0)


def test_the_most_frequent_of_many_categories_are_levels():
    cells = [str(i) for i in range(100) for _ in range(2 if i % 3 == 0 else 1)]

    levels, others = levels_of(text(*cells))

    frequent = [i for i in range(100) if i % 3 == 0]
    rare = [i for i in range(100) if i % 3][: 64 - len(frequent)]
    assert levels == tuple(map(str, sorted(frequent + rare)))
    assert others == 36


def test_a_cell_is_one_at_its_level_and_zero_elsewhere():
    found = category_features(text("b", "a", "b"), ("a", "b"))

    assert found.tolist() == [[0, 1, 0], [1, 0, 0], [0, 1, 0]]


def test_a_text_that_is_not_a_level_is_other():
    assert category_features(text("c"), ("a", "b")).tolist() == [[0, 0, 1]]


def test_all_features_of_a_missing_cell_are_nan():
    for column in (text("", "a"), TableColumn(np.array([np.nan, 1.0]))):
        found = category_features(column, ("a", "1"))

        assert np.isnan(found[0]).all()
        assert found[1].sum() == 1


def test_whole_numbers_beyond_float64_are_categories_of_their_own():
    exact = np.array([2**60, 2**60 + 1])

    levels, _ = levels_of(TableColumn(exact.astype(float), exact=exact))

    assert levels == (str(2**60), str(2**60 + 1))


def test_numbers_with_a_decimal_comma_are_the_numbers_that_they_denote():
    column = TableColumn(np.array([1.0, 2.5]), ["1,0", "2,5"], style="decimal comma")

    assert levels_of(column) == (("1", "2.5"), 0)

"""Columns: what kind they are, and the text, labels and whole numbers that come back."""

from __future__ import annotations

import numpy as np
import pytest

from seqrt.encoding.column import TableColumn


@pytest.mark.parametrize(
    ("cells", "kind"),
    [
        (["1", "", "2.5", "x"], "number"),
        (["True", "false", "", "TRUE"], "boolean"),
        (["True", "False", "unknown"], "boolean"),
        (["True", "unknown", "maybe"], "text"),
        (["yes", "no", "yes"], "text"),
        (["2020-01-31", "2020-02-01 12:00", ""], "time"),
        (["31.01.2020", "1.2.2020"], "time"),
        (["3/29/24 1:05 PM", "29 Mar 2024", "Mar 29, 2024", "Fri, 29 March 2024"], "time"),
        (["2024-03", "2024Q1", "2024M03", "03/2024", "Mar 2024"], "time"),
        (["1.2.3", "12 apples 2024", "1-2", "2024-03-29x", "a-b-2024"], "text"),
        (["19580329", "19580330"], "number"),
        (["", "NA"], "text"),
        ([], "text"),
    ],
)
def test_a_column_is_of_the_kind_of_most_of_its_cells(cells, kind):
    column = TableColumn.of_text(cells)

    assert column.kind == kind
    assert column.numeric == (kind in ("number", "boolean"))


def test_true_and_false_are_one_and_zero_and_come_back_as_words():
    column = TableColumn.of_text(["TRUE", "false", "", "True "])

    np.testing.assert_array_equal(column.values, [1, 0, np.nan, 1])
    assert column.labels() == column.texts() == ["True", "False", "", "True"]
    assert TableColumn.of_booleans(column.values).labels() == column.labels()
    assert TableColumn.of_text(["TRUE", "true", " ?"]).labels() == ["True", "True", "?"]


@pytest.mark.parametrize(
    ("cells", "labels"),
    [
        (["1.0", "2.00", "-3"], [1, 2, -3]),
        (["1.50", "2.0"], ["1.5", "2"]),
        (["1e3", "2"], [1000, 2]),
        (["007", "1"], ["007", "1"]),
        (["+1", "1"], ["+1", "1"]),
        (["1", "NA", "2"], ["1", "", "2"]),
        (["a", " NA "], ["a", "NA"]),
        (["9007199254740993", "1"], [9007199254740993, 1]),
        (["18446744073709551615", "1"], ["18446744073709551615", "1"]),
    ],
)
def test_labels_are_written_by_value_unless_text_would_be_lost(cells, labels):
    assert TableColumn.of_text(cells).labels() == labels


def test_whole_numbers_that_float64_rounds_are_kept_exactly():
    column = TableColumn.of_text(["9007199254740993", "", "5.0", "-3"])

    assert column.exact is not None
    assert column.exact.tolist() == [2**53 + 1, 0, 5, -3]


@pytest.mark.parametrize("cell", ["9007199254740992.5", "1e300", "36893488147419103232"])
def test_large_numbers_that_are_no_counters_stay_float64(cell):
    column = TableColumn.of_text([cell, "1"])

    assert (column.exact, column.fault) == (None, None)
    assert column.values[0] == float(cell)


def test_whole_numbers_beyond_int64_that_float64_rounds_are_a_fault():
    fault = TableColumn.of_text(["18446744073709551615", "1"]).fault

    assert fault is not None
    assert fault.code == "E_INPUT_RANGE"


def test_rows_are_taken_from_all_that_a_column_holds():
    column = TableColumn.of_stamps(np.array([3, 1, 2]) * 86_400_000_000)
    text = TableColumn.of_text(["c", "a", "b"])

    assert column.take(np.array([1, 2, 0])).texts() == ["1970-01-02", "1970-01-03", "1970-01-04"]
    assert column.part(1, 3).texts() == ["1970-01-02", "1970-01-03"]
    assert text.take(np.array([1, 2, 0])).texts() == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("column", "texts", "places"),
    [
        (TableColumn.of_text(["b", "a ", "b", ""]), ["b", "a", ""], [0, 1, 0, 2]),
        (TableColumn.of_text(["2.0", "1", "", "2"]), ["1", "2", ""], [1, 0, 2, 1]),
        (TableColumn.of_text(["2,5", "1,0"]), ["1", "2.5", ""], [1, 0]),
        (TableColumn.of_text(["TRUE", "true", "false"]), ["True", "False"], [0, 0, 1]),
        (
            TableColumn.of_text(["9007199254740993", "", "1"]),
            ["1", "9007199254740993", ""],
            [1, 2, 0],
        ),
    ],
)
def test_the_texts_of_a_column_are_numbered(column, texts, places):
    found, where = column.distinct()

    assert (found, where.tolist()) == (texts, places)
    assert [found[place] for place in where] == column.texts()


@pytest.mark.parametrize(
    ("column", "rows"),
    [
        (TableColumn.of_text(["1", "", "NA", "x", "2"]), [0, 3, 4]),
        (TableColumn(np.array([1, np.nan, np.inf])), [0, 2]),
        (TableColumn.of_booleans(np.array([1, np.nan, 0])), [0, 2]),
        (TableColumn.of_stamps(np.array([0, -(2**63)])), [0]),
        (TableColumn.of_nothing(2, "struct"), [0, 1]),
    ],
)
def test_a_cell_is_filled_unless_it_is_empty_or_says_so(column, rows):
    assert column.filled(range(len(column.values))) == rows

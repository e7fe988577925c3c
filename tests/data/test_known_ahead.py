"""Values known ahead: where runs end before a plan, and which windows can be predicted with it."""

from __future__ import annotations

import numpy as np
import pytest

from seqrt.contract import Column, Input, Layer, Manifest
from seqrt.data import Table, Timeline
from seqrt.data.known_ahead import known_targets, predictable, without_plan
from seqrt.data.serving import feature_values, labelled
from seqrt.data.slices import slices
from seqrt.encoding.column import TableColumn
from seqrt.errors import InputError

MANIFEST = Manifest(
    name="shop",
    producer="seqrt",
    task="forecast",
    head="last",
    activation="none",
    layers=(Layer("gru", 4),),
    features=(Column("y"), Column("promo+1"), Column("promo+2")),
    outputs=(Column("y+1"), Column("y+2")),
    targets=("y",),
    window=2,
    horizon=2,
    inputs=(Input("y"), Input("promo", ahead=1), Input("promo", ahead=2)),
)


def timeline(y: list[str], runs: list[tuple[int, int]] | None = None) -> Timeline:
    promo = TableColumn(np.arange(float(len(y))))
    table = Table("plan.csv", {"promo": promo, "y": TableColumn.of_text(y)}, range(2, len(y) + 2))
    plain = Timeline.plain(table)
    if runs is None:
        return plain
    bounds = np.array([0, *(end for _, end in runs)])
    return Timeline(table, ("s",), (("a",), ("b",)), bounds, np.array(runs))


def test_the_plan_is_the_rows_at_the_end_of_a_run_without_a_target():
    data = timeline(["1", "", "3", "", "", "6", "7", ""], [(0, 5), (5, 8)])

    known = without_plan(data, ["y"])

    assert known.runs.tolist() == [[0, 3], [5, 7]]
    assert known.reach.tolist() == [5, 8]


def test_a_run_of_plan_alone_is_left_out():
    known = without_plan(timeline(["1", "2", "", ""], [(0, 2), (2, 4)]), ["y"])

    assert (known.runs.tolist(), known.reach.tolist()) == ([[0, 2]], [2])


def test_a_table_without_the_target_has_no_plan():
    assert without_plan(timeline(["1", ""]), ["sales"]).runs.tolist() == [[0, 2]]


def test_the_last_window_ends_at_the_last_target_where_the_plan_is_long_enough():
    data = predictable(timeline(["1", "2", "3", "", "", ""]), MANIFEST)

    read = slices(data, MANIFEST)

    assert read.sequences == 2
    expected = [[[1, 1, 2], [2, 2, 3]], [[2, 2, 3], [3, 3, 4]]]
    np.testing.assert_array_equal(read.part(slice(0, 2), slice(0, 2)), expected)
    assert data.notes == ()


def test_windows_without_enough_of_a_plan_are_left_out_and_said():
    data = predictable(timeline(["1", "2", "3", "4", ""]), MANIFEST)

    assert slices(data, MANIFEST).sequences == 2
    assert data.notes == (
        "1 row at the end has no forecast, because promo must be known for 2 rows more:"
        " append rows with promo and an empty y",
    )


def test_it_says_how_many_rows_a_plan_lacks_where_nothing_can_be_predicted():
    with pytest.raises(
        InputError,
        match=r"E_INPUT_FUTURE: plan\.csv: a forecast needs promo for 2 rows after its window of 2,"
        r" but the data ends before\. Append 1 row with promo and an empty y\.",
    ):
        predictable(timeline(["1", "2", ""]), MANIFEST)


def test_a_forecast_of_the_end_needs_the_whole_plan():
    with pytest.raises(InputError, match=r"after the last y, .* Append 1 row with promo"):
        predictable(timeline(["1", "2", "3", "4", ""]), MANIFEST, at_end=True)


def test_a_model_without_values_known_ahead_reads_every_row():
    data = timeline(["1", "2", "3"])
    plain = Manifest(**{**vars(MANIFEST), "inputs": (), "features": (Column("y"),)})

    assert predictable(data, plain) is data


def test_an_empty_target_before_the_plan_is_an_error_without_a_policy():
    known = without_plan(timeline(["1", "", "3", ""]), ["y"])

    with pytest.raises(InputError, match=r"E_INPUT_MISSING: plan\.csv, line 3, column 'y'"):
        known_targets(known, ["y"], missing=False)
    assert np.isnan(known_targets(known, ["y"], missing=True)).sum() == 2


def test_an_evaluation_judges_every_window_before_the_plan():
    part = labelled(timeline(["1", "2", "3", "4", ""]), MANIFEST)

    assert part.y.tolist() == [[3, 4]]
    assert part.x[0].tolist() == [[1, 1, 2], [2, 2, 3]]


def test_a_model_with_a_category_reads_it_from_its_column():
    table = Table("a.csv", {"day": TableColumn.of_text(["Mon", "Sun"])}, range(2))
    day = Input("day", "category", levels=("Mon",))
    fields = {"inputs": (day,), "features": tuple(map(Column, day.names))}

    found = feature_values(Timeline.plain(table), Manifest(**{**vars(MANIFEST), **fields}))

    assert found.tolist() == [[1, 0], [0, 1]]


def test_a_model_with_an_offset_finds_the_columns_of_an_array_by_their_order():
    table = Table("a.npy", {"x0": TableColumn(np.array([1e9, 1e9 + 1]))}, range(2), named=False)
    fields = {"inputs": (Input("n", offset=10**9),), "features": (Column("n"),)}

    found = feature_values(Timeline.plain(table), Manifest(**{**vars(MANIFEST), **fields}))

    assert found.tolist() == [[0], [1]]

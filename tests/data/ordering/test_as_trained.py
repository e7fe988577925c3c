"""A table is put in the order of the training data: its series, its time, its step."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from seqrt.contract import Column, Layer, Manifest
from seqrt.contract.columns import TimeColumn
from seqrt.data import read
from seqrt.data.ordering.as_trained import as_trained
from seqrt.errors import InputError, UsageError

PLAIN = Manifest(
    name="shop",
    producer="seqrt",
    task="forecast",
    head="last",
    activation="none",
    layers=(Layer("gru", 4),),
    features=(Column("sales"),),
    outputs=(Column("sales+1"),),
    window=2,
)
SHOPS = replace(PLAIN, series=("shop",), time=TimeColumn("day", "mdy", "1 day"))


@pytest.fixture
def table(tmp_path):
    """Save rows of shop, day and sales."""

    def save(*lines, header="shop,day,sales"):
        (tmp_path / "shops.csv").write_text("\n".join([header, *lines]) + "\n")
        return read(tmp_path / "shops.csv")

    return save


def test_series_and_time_are_those_of_training(table):
    rows = table("B,1/2/2024,5", "A,1/3/2024,4", "A,1/2/2024,3", "B,1/3/2024,6")

    data = as_trained(rows, SHOPS)

    assert (data.series, data.keys) == (("shop",), (("A",), ("B",)))
    assert data.table.columns["sales"].values.tolist() == [3, 4, 5, 6]
    # the dates alone do not tell day and month apart; the training data did
    assert data.times.text() == ["1/2/2024", "1/3/2024", "1/2/2024", "1/3/2024"]
    assert np.datetime64("2024-01-03") in data.times.values()


def test_a_table_without_the_series_column_is_one_series(table):
    data = as_trained(table("1/2/2024,3", "1/3/2024,4", header="day,sales"), SHOPS)

    assert (data.series, len(data.keys)) == ((), 1)


def test_what_is_given_goes_before_what_was_trained(table):
    rows = table("A,2/1/2024,3", "A,3/1/2024,4", "B,2/1/2024,5", "B,3/1/2024,6")

    data = as_trained(rows, SHOPS, dates="dmy")

    assert data.times.values()[1] == np.datetime64("2024-01-03")
    assert as_trained(rows, SHOPS, time="none").times is None
    with pytest.raises(UsageError, match="has no column 'store'"):
        as_trained(rows, SHOPS, series=("store",))


def test_a_model_that_records_no_time_takes_the_one_that_is_found(table):
    data = as_trained(table("2024-01-03,4", "2024-01-02,3", header="day,sales"), PLAIN)

    assert data.table.columns["sales"].values.tolist() == [3, 4]


def test_another_step_than_in_training_is_an_error(table):
    weeks = table("1/1/2024,3", "1/8/2024,4", "1/15/2024,4", header="day,sales")

    with pytest.raises(InputError, match=r"E_INPUT_STEP: .* steps of 1 day.* they have 1 week"):
        as_trained(weeks, SHOPS)


def test_rows_of_an_array_keep_their_order(tmp_path):
    np.save(tmp_path / "x.npy", np.float32([[3, 1], [2, 1], [1, 1]]))

    data = as_trained(read(tmp_path / "x.npy"), PLAIN)

    assert data.table.columns["x0"].values.tolist() == [3, 2, 1]
    assert (data.times, data.runs.tolist()) == (None, [[0, 3]])


def test_the_step_of_training_leads_from_the_end_of_a_month_to_the_end_of_the_next(table):
    months = replace(PLAIN, time=TimeColumn("day", "iso", "1 month"))

    data = as_trained(table("2024-01-31,3", "2024-02-29,4", header="day,sales"), months)

    last = data.times.take(slice(-1, None))
    assert data.spacing.after(last, 1).text() == ["2024-03-31"]


def test_short_gaps_are_filled_for_a_model_that_carries_values_forward(table):
    forward = replace(
        PLAIN, window=4, missing="forward", time=TimeColumn("day", "iso", "1 day"), features=()
    )
    rows = table("2024-01-01,1", "2024-01-02,2", "2024-01-04,4", header="day,sales")

    assert as_trained(rows, forward).runs.tolist() == [[0, 4]]
    assert as_trained(rows, replace(forward, missing="error")).runs.tolist() == [[0, 2], [2, 3]]


def test_a_feature_that_rises_by_equal_steps_is_not_the_time(table):
    rows = table("5,1", "6,1", "7,1", header="sales,price")

    assert as_trained(rows, SHOPS).times is None

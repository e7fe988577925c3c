"""Each prediction is beside its series and its time, however many there are."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from seqrt.contract import Column, Layer, Manifest
from seqrt.data import Sequences, read
from seqrt.data.ordering.arrange import arrange
from seqrt.data.predicted.table import answers, beside, prediction_table
from seqrt.data.readers.mapped import Mapped
from seqrt.data.slices import slices
from seqrt.encoding.column import TableColumn

FORECASTER = Manifest(
    name="shop",
    producer="seqrt",
    task="forecast",
    head="last",
    activation="none",
    layers=(Layer("gru", 4),),
    features=(Column("sales"),),
    outputs=(Column("sales+1"), Column("sales+2")),
    targets=("sales",),
    window=3,
    horizon=2,
)
REGRESSOR = replace(FORECASTER, task="regress", outputs=(Column("load"),), targets=("load",))
TAGGER = replace(REGRESSOR, task="tag", head="sequence", window=None)


@pytest.fixture
def shops(tmp_path):
    """Seven days of shop A, with a gap after the fourth, and five of shop B."""
    days = [
        *(f"2024-01-{d:02}" for d in (1, 2, 3, 4, 8, 9, 10)),
        *(f"2024-03-0{d}" for d in range(1, 6)),
    ]
    lines = [f"{'A' if i < 7 else 'B'},{day},{i}" for i, day in enumerate(days)]
    (tmp_path / "shops.csv").write_text("\n".join(["shop,date,sales", *lines]) + "\n")
    return arrange(read(tmp_path / "shops.csv"), series=("shop",))


def tabled(data, manifest):
    """The table of predictions that count up from 0."""
    found = slices(data, manifest)
    steps = (found.steps,) if manifest.head == "sequence" else ()
    shape = (found.sequences, *steps, len(manifest.outputs))
    y = np.arange(np.prod(shape), dtype=np.float32).reshape(-1, shape[-1])

    def read(i, n):
        return y[i : i + n]

    pieces = list(prediction_table(data, manifest, shape, read, found.lengths))
    return {name: np.concatenate([piece[name] for piece in pieces]).tolist() for name in pieces[0]}


def test_other_tasks_have_the_last_row_of_each_window(shops):
    assert tabled(shops, REGRESSOR) == {
        "shop": ["A", "A", "A", "B", "B", "B"],
        "date": [f"2024-{day}" for day in ("01-03", "01-04", "01-10", "03-03", "03-04", "03-05")],
        "load": [0, 1, 2, 3, 4, 5],
    }


def test_a_forecast_has_the_first_row_that_it_predicts(shops):
    table = tabled(shops, FORECASTER)

    assert table["shop"] == ["A", "A", "A", "B", "B", "B"]
    # the rows after a window, or after the end of a run, are a step later
    assert table["date"] == [
        f"2024-{day}" for day in ("01-04", "01-05", "01-11", "03-04", "03-05", "03-06")
    ]
    assert (table["sales+1"], table["sales+2"]) == ([0, 2, 4, 6, 8, 10], [1, 3, 5, 7, 9, 11])


def test_tags_are_those_of_every_row_in_a_run(shops):
    table = tabled(shops, TAGGER)

    assert table["date"] == list(shops.table.columns["date"].cells)
    assert table["shop"] == ["A"] * 7 + ["B"] * 5
    # three runs of 4, 3 and 5 rows, padded to 5
    assert table["load"] == [0, 1, 2, 3, 5, 6, 7, 10, 11, 12, 13, 14]


def test_without_a_time_rows_are_counted_in_each_series(shops):
    table = tabled(replace(shops, table=replace(shops.table, time=None), times=None), FORECASTER)

    assert table["row"] == [4, 5, 8, 4, 5, 6]


def test_a_series_with_a_number_stays_a_number(shops):
    stores = TableColumn(np.repeat([10.0, 20.0], [7, 5]))
    table = replace(shops.table, columns={**shops.table.columns, "shop": stores})

    found = tabled(replace(shops, table=table, keys=(("10",), ("20",))), REGRESSOR)

    assert found["shop"] == [10, 10, 10, 20, 20, 20]


@pytest.mark.parametrize("cells", ["dates", "numbers"])
def test_without_a_step_the_time_after_the_last_row_is_missing(tmp_path, cells):
    seconds = np.array([0, 7, 11, 30, 90])
    times = [f"2024-01-01 00:{s // 60:02}:{s % 60:02}" for s in seconds]
    lines = [f"{time},{i}" for i, time in enumerate(times if cells == "dates" else seconds)]
    (tmp_path / "odd.csv").write_text("\n".join(["time,sales", *lines]) + "\n")

    found = tabled(arrange(read(tmp_path / "odd.csv")), FORECASTER)["time"]

    assert found == ([*times[3:], None] if cells == "dates" else ["30", "90", None])


def test_numbers_that_were_never_text_are_nan_where_the_time_is_missing(shops):
    column = TableColumn(np.array([0.0, 7, 11, 30, 90, 91, 150, 151, 160, 200, 260, 261]))
    columns = {"t": column, "sales": shops.table.columns["sales"]}
    data = arrange(replace(shops.table, columns=columns, time=None), time="t")

    found = tabled(data, FORECASTER)["t"]

    np.testing.assert_array_equal(found, [*column.values[3:], np.nan])


def test_a_large_array_comes_in_pieces(tmp_path):
    np.save(tmp_path / "x.npy", np.zeros(150_002, np.float32))
    data = Mapped(tmp_path / "x.npy")

    pieces = list(
        prediction_table(data, REGRESSOR, (150_000, 1), lambda i, n: np.zeros((n, 1), np.float32))
    )

    assert len(pieces) > 2
    rows = np.concatenate([piece["row"] for piece in pieces])
    np.testing.assert_array_equal(rows, np.arange(3, 150_003))


def test_sequences_are_items_and_their_steps():
    x = [np.zeros((n, 1), np.float32) for n in (2, 1)]
    data = Sequences.of_arrays({"x": np.concatenate(x), "lengths": np.array([2, 1])}, "x.npz")

    assert tabled(data, TAGGER) == {"item": [0, 0, 1], "step": [0, 1, 0], "load": [0, 1, 2]}
    assert tabled(data, replace(TAGGER, head="last")) == {"item": [0, 1], "load": [0, 1]}


def test_several_labels_have_a_probability_each():
    manifest = replace(
        REGRESSOR,
        task="classify",
        activation="sigmoid",
        outputs=(Column("wet"), Column("windy")),
        classes=("wet", "windy"),
    )

    found = answers(manifest, np.float32([[0.25, 0.75]]))

    assert {name: cells.tolist() for name, cells in found.items()} == {
        "wet": [0.25],
        "windy": [0.75],
    }


def test_labels_that_are_numbers_stay_numbers():
    manifest = replace(
        REGRESSOR,
        task="classify",
        activation="softmax",
        outputs=(Column("0"), Column("5")),
        classes=(0, 5),
        targets=("level",),
    )

    found = answers(manifest, np.float32([[0.25, 0.75], [0.5, 0.5]]))

    assert (found["level"].tolist(), found["level"].dtype) == ([5, 0], np.int64)


def test_a_name_that_is_taken_gets_a_number():
    one = np.zeros(1)

    assert [*beside({"step": one, "step_2": one}, {"step": one})] == ["step", "step_2", "step_3"]

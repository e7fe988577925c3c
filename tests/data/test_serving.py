"""A model reads its own columns of a file, cut as in training, and is judged on its targets."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from seqrt.contract import Column, Layer, Manifest
from seqrt.data import Sequences, Timeline, read
from seqrt.data.ragged import Ragged
from seqrt.data.serving import labelled
from seqrt.errors import InputError, UsageError

FORECASTER = Manifest(
    name="wave",
    producer="seqrt",
    task="forecast",
    head="last",
    activation="none",
    layers=(Layer("gru", 4),),
    features=(Column("height"), Column("wind")),
    outputs=(Column("height+1"),),
    targets=("height",),
    window=3,
    horizon=1,
)
TAGGER = replace(
    FORECASTER,
    task="tag",
    head="sequence",
    activation="softmax",
    features=(Column("wind"),),
    outputs=(Column("calm"), Column("rough")),
    classes=("calm", "rough"),
    targets=("sea",),
    horizon=None,
)


@pytest.fixture
def table(tmp_path):
    lines = [f"{1990 + i},{i * 10},{'rough' if i % 3 else 'calm'},{i}" for i in range(8)]
    (tmp_path / "wave.csv").write_text("\n".join(["year,wind,sea,height", *lines]) + "\n")
    return read(tmp_path / "wave.csv")


def test_a_forecast_is_judged_by_the_row_that_follows_its_window(table):
    part = labelled(Timeline.plain(table), FORECASTER)

    np.testing.assert_array_equal(part.truth[:, 0], [3, 4, 5, 6, 7])
    np.testing.assert_array_equal(part.known[:, 0], [2, 3, 4, 5, 6])


def test_a_span_judges_all_its_answers_and_no_other(table):
    part = labelled(Timeline.plain(table), FORECASTER, span=("1995", "1996"))

    np.testing.assert_array_equal(part.truth[:, 0], [5, 6])
    np.testing.assert_array_equal(part.x[0][:, 0], [2, 3, 4])


def test_labels_at_every_row_are_judged_without_a_run_up(table):
    part = labelled(Timeline.plain(table), TAGGER, span=("1995", "1996"))

    assert part.truth.tolist() == ["rough", "calm"]


def test_another_column_may_hold_the_answers(table):
    part = labelled(Timeline.plain(table), FORECASTER, target=("wind",))

    np.testing.assert_array_equal(part.truth[:, 0], [30, 40, 50, 60, 70])


def test_a_model_that_does_not_say_what_it_learnt_needs_a_target(table):
    with pytest.raises(UsageError, match="does not name its target column"):
        labelled(Timeline.plain(table), replace(FORECASTER, targets=()))


def test_answers_in_a_series_without_names_must_be_features(tmp_path):
    np.save(tmp_path / "wave.npy", np.zeros((8, 2)))
    series = read(tmp_path / "wave.npy")

    assert labelled(Timeline.plain(series), FORECASTER).truth.shape == (5, 1)
    with pytest.raises(
        UsageError, match="has no column names, so the target sea, which is not a feature"
    ):
        labelled(Timeline.plain(series), FORECASTER, target=("sea",))


def test_a_column_that_the_model_reads_and_the_table_lacks_is_named(table):
    with pytest.raises(
        InputError, match=r"E_INPUT_COLUMN: .* 'depth'.* The model needs this column\."
    ):
        labelled(Timeline.plain(table), replace(FORECASTER, features=(Column("depth"),)))


@pytest.mark.parametrize("y", [np.array([[1.0], [2.0]], np.float32), np.array(["calm", "rough"])])
def test_sequences_are_judged_by_the_answers_beside_them(y):
    x = Ragged.of([np.zeros((3, 2), np.float32), np.ones((2, 2), np.float32)])

    part = labelled(Sequences(x, y, per_step=False), FORECASTER)

    np.testing.assert_array_equal(part.truth, y)
    assert [len(each) for each in part.x] == [3, 2]


def test_a_span_of_sequences_is_a_usage_error():
    data = Sequences(Ragged.of([np.zeros((3, 1), np.float32)]), np.zeros(1), per_step=False)

    with pytest.raises(UsageError, match="--target and --span apply to tables"):
        labelled(data, FORECASTER, span=("1", "2"))


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_an_answer_of_sequences_that_is_no_number_is_named(value):
    x, wide = (Ragged.of([np.zeros((3, width), np.float32)] * 2) for width in (1, 2))
    y = np.array([[1.0, 2.0], [3.0, value]], np.float32)
    steps = [np.zeros((3, 1), np.float32), np.array([[0], [value], [0]], np.float32)]

    with pytest.raises(InputError, match=r"E_INPUT_NONFINITE: y .* y\[item 1, output 1\] is"):
        labelled(Sequences(wide, y, per_step=False), FORECASTER)
    with pytest.raises(InputError, match=r"E_INPUT_NONFINITE: y .* y\[item 1, step 1, output 0\]"):
        labelled(Sequences(x, steps, per_step=True), TAGGER)


def test_windows_without_an_answer_are_left_out_where_the_model_reads_gaps(tmp_path):
    lines = [f"{i},{'' if i in (0, 5) else i}" for i in range(12)]
    (tmp_path / "t.csv").write_text("\n".join(["wind,height", *lines]) + "\n")
    gaps = replace(FORECASTER, missing="forward")

    part = labelled(Timeline.plain(read(tmp_path / "t.csv")), gaps)

    assert part.left_out == 1
    assert part.y[:, 0].tolist() == [3, 4, 6, 7, 8, 9, 10, 11]
    assert part.known[2] == 4
    with pytest.raises(InputError, match="E_INPUT_MISSING"):
        labelled(Timeline.plain(read(tmp_path / "t.csv")), FORECASTER)

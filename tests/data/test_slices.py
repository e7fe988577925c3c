"""A model reads its own columns of a file, cut as in training; any slice is part of the whole."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from seqrt.contract import Column, Layer, Manifest
from seqrt.data import Sequences, Timeline, read, windows
from seqrt.data.ragged import Ragged
from seqrt.data.readers.mapped import Mapped
from seqrt.data.runs import as_runs
from seqrt.data.slices import slices
from seqrt.errors import InputError

FORECASTER = Manifest(
    name="wave",
    producer="seqrt",
    task="forecast",
    head="last",
    activation="none",
    layers=(Layer("gru", 4),),
    features=(Column("height"), Column("wind")),
    outputs=(Column("height+1"),),
    window=5,
)
TAGGER = replace(FORECASTER, task="tag", head="sequence", window=None)


@pytest.fixture
def saved(tmp_path):
    """Save an array as x.npy and map it."""

    def save(array):
        np.save(tmp_path / "x.npy", array)
        return Mapped(tmp_path / "x.npy")

    return save


@pytest.fixture
def table(tmp_path):
    lines = [f"{1990 + i},{i * 10},{i}" for i in range(8)]
    (tmp_path / "wave.csv").write_text("\n".join(["year,wind,height", *lines]) + "\n")
    return read(tmp_path / "wave.csv")


def whole(found):
    return found.part(slice(0, found.sequences), slice(0, found.steps))


# What is read


def test_a_forecaster_reads_a_table_in_windows_of_its_columns(table):
    x = whole(slices(Timeline.plain(table), FORECASTER))

    assert x.shape == (4, 5, 2)
    np.testing.assert_array_equal(x[-1], [[3, 30], [4, 40], [5, 50], [6, 60], [7, 70]])


@pytest.mark.parametrize("manifest", [TAGGER, replace(FORECASTER, window=None)])
def test_a_model_without_windows_reads_a_table_as_one_sequence(table, manifest):
    x = whole(slices(Timeline.plain(table), manifest))

    np.testing.assert_array_equal(x, [[[i, 10 * i] for i in range(8)]])


def test_an_empty_table_gives_no_windows(table):
    assert whole(slices(Timeline.plain(table.cut(0, 0)), FORECASTER)).shape == (0, 5, 2)


def test_a_series_of_one_feature_needs_no_axis_for_it(saved):
    one = replace(FORECASTER, features=(Column("height"),))

    np.testing.assert_array_equal(
        whole(slices(saved(np.arange(9.0)), one)), windows(np.arange(9.0)[:, None], 5)
    )


@pytest.mark.parametrize("kind", ["<f4", "<f8", ">f4", "<i4", "?"])
def test_any_kind_of_number_is_read_as_float32(saved, kind):
    array = np.random.default_rng(0).uniform(0, 90, (7, 6, 2)).astype(kind)

    for data, want in ((array, array), (array[0], windows(array[0], 5))):
        x = whole(slices(saved(data), FORECASTER))

        assert x.dtype == np.float32
        np.testing.assert_array_equal(x, want.astype(np.float32))


@pytest.mark.parametrize("manifest", [FORECASTER, TAGGER])
@pytest.mark.parametrize("shape", [(20, 2), (9, 7, 2)])
def test_a_slice_is_that_of_the_whole(saved, shape, manifest):
    found = slices(saved(np.random.default_rng(0).random(shape)), manifest)
    x = whole(found)

    for rows in (slice(0, 1), slice(found.sequences // 2, found.sequences)):
        for steps in (slice(0, found.steps), slice(1, 2), slice(2, found.steps)):
            np.testing.assert_array_equal(found.part(rows, steps), x[rows, steps])


def test_ragged_sequences_come_as_a_list_and_are_counted_step_by_step():
    items = [np.ones((n, 2), np.float32) for n in (3, 0, 5)]

    found = slices(Sequences(Ragged.of(items), None, per_step=False), FORECASTER)

    assert (found.sequences, found.steps, found.steps_of(slice(None))) == (3, 5, 8)
    assert [len(item) for item in found.part(slice(1, 3), slice(0, 5))] == [0, 5]
    assert found.steps_of(slice(1, 3)) == 5


# What is refused, by its place in the file


def test_nan_is_named_by_its_place_in_the_file(saved):
    x = np.zeros((9, 7, 2))
    x[6, 4, 1] = np.nan
    found = slices(saved(x), FORECASTER)

    assert found.part(slice(0, 6), slice(0, 7)).shape == (6, 7, 2)
    with pytest.raises(
        InputError,
        match=r"^E_INPUT_NONFINITE: .*x\.npy must .* x\[item 6, step 4, feature 1\] is nan\.",
    ):
        found.part(slice(5, 8), slice(3, 6))


def test_nan_in_a_series_is_named_by_its_row(saved):
    x = np.zeros((30, 2))
    x[20, 1] = -np.inf
    found = slices(saved(x), FORECASTER)

    assert found.part(slice(0, 16), slice(0, 5)).shape == (16, 5, 2)
    with pytest.raises(
        InputError,
        match=r"^E_INPUT_NONFINITE: .*x\.npy must be finite; row 21, column 'x1' is -inf\.",
    ):
        found.part(slice(16, 17), slice(0, 5))


@pytest.mark.parametrize(("number", "why"), [(1e300, "too large"), (2**24 + 1, "rounded")])
def test_a_number_that_float32_does_not_hold_is_named_by_its_place_in_the_file(saved, number, why):
    x = np.zeros((9, 7, 2), type(number))
    x[6, 4, 1] = number

    with pytest.raises(InputError, match=rf"^E_INPUT_RANGE: .* at \[6, 4, 1\] is {why}"):
        slices(saved(x), FORECASTER).part(slice(5, 8), slice(3, 6))


def test_a_series_keeps_integers_that_float64_holds_and_names_those_it_does_not(saved):
    x = np.full((30, 2), 2**24 + 1)
    x[20, 1] = 2**53 + 1
    found = slices(saved(x), FORECASTER)

    assert (found.part(slice(0, 16), slice(0, 5)) == np.float32(2**24 + 1)).all()
    with pytest.raises(InputError, match=r"^E_INPUT_RANGE: .* at \[20, 1\] is rounded by float64"):
        found.part(slice(16, 17), slice(0, 5))


def test_a_number_of_a_table_too_large_for_float32_is_named_by_its_row(saved):
    x = np.zeros((30, 2))
    x[20, 1] = 1e300

    with pytest.raises(InputError, match=r"^E_INPUT_RANGE: .* at \[20, 1\] is too large"):
        slices(saved(x), FORECASTER).part(slice(16, 17), slice(0, 5))


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.zeros((5, 9, 3)), r"must have shape \(batch, time, 2\), got \(5, 9, 3\)\.$"),
        (np.zeros((5, 2, 9)), r"got \(5, 2, 9\)\. .* use --channels-first\.$"),
        (np.zeros((32, 10)), r"must have 2 columns \(height, wind\), got shape \(32, 10\)"),
        (np.zeros(32), r"must have 2 columns \(height, wind\), got shape \(32, 1\)"),
        (np.zeros(()), r"E_INPUT_SHAPE: .*, got a single number"),
        (
            np.zeros((3, 2)),
            r"E_INPUT_SHORT: .* at least 5 rows without a gap, .* has 3",
        ),
    ],
)
def test_an_array_that_does_not_fit_is_refused_before_it_is_read(saved, array, message):
    with pytest.raises(InputError, match=message):
        slices(saved(array), FORECASTER)


def test_text_is_refused(saved):
    with pytest.raises(InputError, match=r"^E_INPUT_DTYPE: .*x\.npy must hold numbers"):
        whole(slices(saved(np.full((5, 9, 2), "a")), FORECASTER))


def test_ragged_sequences_that_do_not_fit_are_refused():
    items = [np.zeros((3, 2), np.float32), np.array([[0, np.nan]], np.float32)]
    wide = Ragged.of([np.zeros((4, 3), np.float32)])

    with pytest.raises(InputError, match=r"x\[item 1, step 0, feature 1\] is nan"):
        slices(Sequences(Ragged.of(items), None, per_step=False), FORECASTER)
    with pytest.raises(InputError, match=r"x\[item 0\] must have shape \(time, 2\), got \(4, 3\)"):
        slices(Sequences(wide, None, per_step=False), FORECASTER)


def test_windows_of_a_table_stay_inside_its_runs_however_they_are_read(tmp_path):
    np.save(tmp_path / "t.npy", np.arange(40.0).reshape(20, 2))
    table = read(tmp_path / "t.npy")
    runs = as_runs((0, 7), (7, 9), (10, 20))

    found = slices(replace(Timeline.plain(table), runs=runs), FORECASTER)

    firsts = [0, 1, 2, 10, 11, 12, 13, 14, 15]
    assert whole(found)[:, 0, 0].tolist() == [2.0 * first for first in firsts]
    some = found.part(slice(2, 5), slice(1, 4))
    np.testing.assert_array_equal(some, whole(found)[2:5, 1:4])

"""Sequences from archives: padded or flat, with targets per sequence or per step."""

from __future__ import annotations

import numpy as np
import pytest

from seqrt.data.sequences import Sequences
from seqrt.errors import InputError, UsageError

BATCH = np.arange(24, dtype=np.float32).reshape(2, 4, 3)
FLAT = np.arange(18, dtype=np.float32).reshape(6, 3)


def sequences(**arrays):
    return Sequences.of_arrays({k: np.asarray(v) for k, v in arrays.items()}, "d.npz")


def test_a_batch_is_cut_into_views_of_its_rows():
    data = sequences(x=BATCH)

    assert [item.shape for item in data.x] == [(4, 3), (4, 3)]
    assert all(np.shares_memory(item, BATCH) for item in data.x)
    assert (data.features, data.y, data.per_step) == (3, None, False)


def test_lengths_cut_the_padding_off():
    padded = BATCH.copy()
    padded[1, 2:] = np.nan

    data = sequences(x=padded, lengths=[4, 2])

    np.testing.assert_array_equal(data.x[0], BATCH[0])
    np.testing.assert_array_equal(data.x[1], BATCH[1, :2])


def test_lengths_cut_a_flat_array_into_views():
    data = sequences(x=FLAT, lengths=[4, 0, 2])

    assert [len(item) for item in data.x] == [4, 0, 2]
    np.testing.assert_array_equal(np.concatenate(data.x), FLAT)
    assert np.shares_memory(data.x[2], FLAT)


def test_a_flat_series_of_single_numbers_has_one_feature():
    data = sequences(x=np.arange(6.0), lengths=[4, 2])

    assert [item.shape for item in data.x] == [(4, 1), (2, 1)]
    assert data.features == 1


@pytest.mark.parametrize("y", [[1, 0], ["run", "walk"], [[0.5], [1.5]], [[1, 2, 3], [4, 5, 6]]])
@pytest.mark.parametrize("x", [{"x": BATCH}, {"x": FLAT, "lengths": [4, 2]}], ids=["batch", "flat"])
def test_targets_a_sequence_stay_one_array(x, y):
    data = sequences(**x, y=y)

    assert not data.per_step
    assert data.y.tolist() == y


def test_targets_a_step_are_cut_like_a_padded_batch():
    y = [[1, 2, 3, 4], [5, 6, -1, -1]]

    data = sequences(x=BATCH, lengths=[4, 2], y=y)

    assert data.per_step
    assert [item.tolist() for item in data.y] == [[1, 2, 3, 4], [5, 6]]


def test_targets_a_step_are_cut_like_a_flat_array():
    data = sequences(x=FLAT, lengths=[4, 2], y=np.arange(12.0).reshape(6, 2))

    assert data.per_step
    assert [item.shape for item in data.y] == [(4, 2), (2, 2)]


def test_several_targets_a_step_are_kept_apart():
    data = sequences(x=BATCH, y=np.zeros((2, 4, 5)))

    assert data.per_step
    assert [item.shape for item in data.y] == [(4, 5), (4, 5)]


def test_with_a_single_step_one_column_is_an_output():
    data = sequences(x=np.zeros((3, 1, 2)), y=[[1.0], [2.0], [3.0]])

    assert not data.per_step
    assert data.y.shape == (3, 1)


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        (np.float64, np.float32),
        (np.dtype(">f4"), np.float32),
        (np.int8, np.int64),
        (np.uint64, np.int64),
        (np.bool_, np.int64),
        ("U4", "U4"),
    ],
)
def test_targets_are_float32_int64_or_text(given, kept):
    data = sequences(x=BATCH, y=np.array([1, 0]).astype(given))

    assert data.y.dtype == np.dtype(kept)


def test_x_is_float32_whatever_it_was():
    data = sequences(x=BATCH.astype(">f8"))

    assert data.x[0].dtype == np.float32
    np.testing.assert_array_equal(data.x[0], BATCH[0])


@pytest.mark.parametrize("x", [np.zeros((0, 4, 3)), np.zeros((2, 0, 3))])
def test_an_empty_batch_is_read_as_one(x):
    data = sequences(x=x)

    assert len(data.x) == len(x)
    assert data.features == 3


def test_a_flat_array_of_no_sequences_is_empty():
    data = sequences(x=np.zeros((0, 3)), lengths=np.zeros(0, np.int64))

    assert (len(data.x), data.features) == (0, 3)


@pytest.mark.parametrize(
    ("lengths", "what"),
    [
        ([4, 5], r"be at most 4, the number of steps in x; lengths\[item 1\] is 5\."),
        ([-1, 4], r"be 0 or more; lengths\[item 0\] is -1\."),
        ([4], r"have one value for each of the 2 sequences, got 1\."),
        ([4.0, 2.0], r"be whole numbers .*, got float64 of shape \(2,\)"),
        ([True, False], r"be whole numbers .*, got bool"),
        ([[4, 2]], r"be whole numbers .* of shape \(1, 2\)"),
        (
            np.array([2**64 - 1, 0], np.uint64),
            r"be 0 or more; lengths\[item 0\] is 18446744073709551615",
        ),
    ],
)
def test_lengths_that_do_not_fit_a_batch_are_named(lengths, what):
    with pytest.raises(InputError, match=rf"^E_INPUT_LENGTHS: d\.npz, lengths must {what}"):
        sequences(x=BATCH, lengths=lengths)


def test_lengths_that_do_not_add_up_are_named():
    with pytest.raises(
        InputError, match=r"^E_INPUT_LENGTHS: .* add up to the 6 rows of x, got 7\."
    ):
        sequences(x=FLAT, lengths=[4, 3])


@pytest.mark.parametrize("x", [np.zeros((5, 3)), np.zeros(5)])
def test_a_flat_x_without_lengths_is_refused(x):
    with pytest.raises(
        InputError, match=r"^E_INPUT_SHAPE: d\.npz, x must have shape .*x\[\.\.\., None\]"
    ):
        sequences(x=x, y=np.zeros(5))


@pytest.mark.parametrize(
    ("x", "shape"),
    [
        ({"x": BATCH}, (3,)),
        ({"x": BATCH}, (2, 3, 1)),
        ({"x": BATCH}, (4, 2)),
        ({"x": FLAT, "lengths": [4, 2]}, (5,)),
        ({"x": FLAT, "lengths": [4, 2]}, (2, 4, 1)),
    ],
)
def test_targets_that_fit_neither_way_are_refused(x, shape):
    with pytest.raises(
        InputError, match=r"^E_INPUT_SHAPE: d\.npz, y must have shape \(2,\), .* got \("
    ):
        sequences(**x, y=np.zeros(shape))


def test_a_single_target_for_all_is_refused():
    with pytest.raises(InputError, match=r"^E_INPUT_SHAPE: d\.npz, y must have a value per seq"):
        sequences(x=BATCH, y=1.0)


def test_what_float32_or_int64_cannot_hold_is_refused():
    with pytest.raises(InputError, match=r"^E_INPUT_RANGE: d\.npz, x .* 1e\+300 at \[0, 0, 0\]"):
        sequences(x=[[[1e300]]])
    with pytest.raises(InputError, match=r"^E_INPUT_RANGE: d\.npz, y must fit int64"):
        sequences(x=BATCH, y=np.array([2**63, 1], np.uint64))
    with pytest.raises(
        InputError, match=r"^E_INPUT_DTYPE: d\.npz, x must hold numbers, got dtype <U"
    ):
        sequences(x=[[["a"]]])


def test_steps_at_the_end_that_are_all_nan_are_padding_and_that_is_said():
    x = BATCH.copy()
    x[1, 2:] = np.nan
    x[0, 1, 0] = np.nan  # a missing value inside stays one

    data = sequences(x=x, y=np.array([[1.0, 2, 3, 4], [5, 6, np.nan, np.nan]]))

    assert data.x.lengths.tolist() == [4, 2]
    assert [step.tolist() for step in data.y] == [[1, 2, 3, 4], [5, 6]]
    assert np.isnan(data.x[0]).sum() == 1
    assert data.notes == (
        "1 of 2 sequences end in steps that are all NaN: taken as padding, so lengths are 2 to 4",
    )


def test_with_lengths_nothing_is_inferred_and_with_a_value_in_it_a_step_counts():
    x = BATCH.copy()
    x[1, 3] = np.nan

    assert sequences(x=x, lengths=[4, 4]).x.lengths.tolist() == [4, 4]
    x[1, 3, 2] = 7
    data = sequences(x=x)
    assert (data.x.lengths.tolist(), data.notes) == ([4, 4], ())


def test_a_sequence_without_any_value_is_named():
    x = BATCH.copy()
    x[1] = np.nan

    with pytest.raises(InputError, match=r"^E_INPUT_NONFINITE: d\.npz, x\[item 1\] is NaN at ev"):
        sequences(x=x)


@pytest.mark.parametrize("more", [{}, {"lengths": np.array([4, 2])}])
def test_channels_first_gives_the_same_sequences(more):
    want = sequences(x=BATCH, **more)

    got = Sequences.of_arrays({"x": BATCH.transpose(0, 2, 1), **more}, "d.npz", channels_first=True)

    for one, other in zip(got.x, want.x, strict=True):
        np.testing.assert_array_equal(one, other)


def test_channels_first_is_for_batches():
    with pytest.raises(UsageError, match=r"--channels-first is for an array x .* shape \(6, 3\)"):
        Sequences.of_arrays({"x": FLAT, "lengths": np.array([6])}, "d.npz", channels_first=True)


def test_few_steps_of_many_features_are_a_hint_at_channels_first():
    note = (
        "x is read as 3 steps of 30 features; if its axes are (sequences, features, steps), use"
        " --channels-first"
    )

    assert sequences(x=np.ones((9, 3, 30))).notes == (note,)
    assert sequences(x=np.ones((9, 30, 3))).notes == ()
    assert sequences(x=np.ones((9, 3, 30)), lengths=[3] * 9).notes == ()


def test_zeros_at_the_ends_may_be_padding_and_that_is_said():
    x = np.ones((4, 6, 2))
    x[1, 3:] = 0
    x[3, 5:] = 0

    assert sequences(x=x).notes == (
        "2 of 4 sequences end in steps that are all 0; if these are padding, save the lengths of"
        " the sequences beside them",
    )
    assert sequences(x=x).x.lengths.tolist() == [6] * 4
    assert sequences(x=x, lengths=[6, 3, 6, 5]).notes == ()
    x[1, 3:5] = 1  # all of one length: not padding
    assert sequences(x=x).notes == ()


def test_lengths_that_fit_the_last_axis_are_a_hint_too():
    with pytest.raises(InputError, match=r"at most 3, .*, or 30 with --channels-first; lengths\["):
        sequences(x=np.zeros((2, 3, 30)), lengths=[12, 30])

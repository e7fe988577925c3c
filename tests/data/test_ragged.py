"""Sequences as row ranges of one array: the same numbers, copied only where they must be."""

from __future__ import annotations

import numpy as np
import pytest

from seqrt.data import windows
from seqrt.data.limits import ReadLimits
from seqrt.data.ragged import Ragged
from seqrt.errors import InputError

LENGTHS, SHORT = np.array([4, 1, 3]), np.array([2, 1, 1])


@pytest.fixture
def block():
    rng = np.random.default_rng(0)
    return rng.standard_normal((3, 4, 2)).astype(np.float32)


def cut(x, lengths=LENGTHS):
    return [row[:length] for row, length in zip(x, lengths, strict=True)]


def assert_same(got, want):
    assert len(got) == len(want)
    for one, other in zip(got, want, strict=True):
        np.testing.assert_array_equal(one, other)


# Made without a copy


@pytest.mark.parametrize(
    "read",
    [
        lambda x: (Ragged.of_batch(x), list(x)),
        lambda x: (Ragged.of_batch(x, LENGTHS), cut(x)),
        lambda x: (Ragged.of_batch(x[:, ::2][:, :1], LENGTHS[[1, 1, 1]]), list(x[:, :1])),
        lambda x: (Ragged.of_batch(x[:1], LENGTHS[:1]), [x[0]]),
        lambda x: (Ragged.of_batch(x[::2], LENGTHS[::2]), cut(x[::2], LENGTHS[::2])),
        lambda x: (Ragged.of_batch(windows(x[0], 3), np.array([3, 3])), [x[0, :3], x[0, 1:]]),
        lambda x: (
            Ragged.of_batch(x.reshape(3, 8)[:, :, None], np.array([8, 8, 8])),
            list(x.reshape(3, 8, 1)),
        ),
        lambda x: (Ragged.of(cut(x)), cut(x)),
        lambda x: (Ragged.of(cut(x)[::-1]), cut(x)[::-1]),
        lambda x: (Ragged.of([x[0, 1:], x[0, :3], x[2]]), [x[0, 1:], x[0, :3], x[2]]),
        lambda x: (Ragged.of_flat(x[0], np.array([1, 0, 3])), [x[0, :1], x[0, 1:1], x[0, 1:]]),
        lambda x: (Ragged.of_windows(x[0], 3), [x[0, :3], x[0, 1:]]),
        lambda x: (Ragged.of_windows(x[0], 2, range(1, 4)), [x[0, 1:3], x[0, 2:]]),
    ],
    ids=[
        "whole",
        "padded",
        "one-step",
        "alone",
        "every-second",
        "windows",
        "one-feature",
        "list",
        "backwards",
        "overlapping",
        "flat",
        "own-windows",
        "windows-of-some-rows",
    ],
)
def test_what_lies_in_one_block_is_not_copied(block, read):
    got, want = read(block)

    assert_same(got, want)
    assert np.shares_memory(got.values, block)


@pytest.mark.parametrize(
    "read",
    [
        lambda x: (Ragged.of_batch(x.mT, SHORT), cut(x.mT, SHORT)),
        lambda x: (Ragged.of_batch(x[..., :1], LENGTHS), cut(x[..., :1])),
        lambda x: (Ragged.of_batch(x[..., ::-1], LENGTHS), cut(x[..., ::-1])),
        lambda x: (Ragged.of([row.copy() for row in cut(x)]), cut(x)),
        lambda x: (Ragged.of([x[0], x[1, :, ::-1]]), [x[0], x[1, :, ::-1]]),
        lambda x: (Ragged.of([x[0], np.ones((2, 2), np.float32)]), [x[0], np.ones((2, 2))]),
        lambda x: (Ragged.of_flat(x[0].T, np.array([1, 1])), [x[0].T[:1], x[0].T[1:]]),
    ],
    ids=["transposed", "some-features", "features-backwards", "own", "mixed", "two-blocks", "flat"],
)
def test_what_does_not_is_copied_and_the_same(block, read):
    got, want = read(block)

    assert_same(got, want)
    assert got.values.flags.c_contiguous
    assert not np.shares_memory(got.values, block)


@pytest.mark.parametrize("shape", [(0, 4, 2), (3, 0, 2), (3, 4, 0)])
def test_an_empty_batch_keeps_its_sequences(shape):
    got = Ragged.of_batch(np.zeros(shape, np.float32))

    assert [row.shape for row in got] == [shape[1:]] * shape[0]


# Picked and joined


def test_several_are_picked_by_a_slice_or_by_their_numbers(block):
    got = Ragged.of_batch(block, LENGTHS)

    assert_same(got[1:], cut(block)[1:])
    assert_same(got[np.array([2, 0])], [block[2, :3], block[0]])
    assert got[np.array([2, 0])].values is got.values


def test_parts_of_one_array_are_joined_without_a_copy(block):
    series = block[0]
    parts = [Ragged.of_windows(series, 2, range(2)), Ragged.of_windows(series, 3, range(1, 4))]

    both = Ragged.joined(parts)

    assert_same(both, [series[:2], series[1:]])
    assert both.values is series


def test_parts_of_several_arrays_are_joined_in_order(block):
    both = Ragged.joined([Ragged.of_batch(block[:1]), Ragged.of_batch(block[1:])])

    assert_same(both, list(block))


# As arrays


@pytest.mark.parametrize("places", [[0, 1, 2], [0, 2], [1, 1, 1], [2]], ids=str)
def test_sequences_of_one_length_at_even_distances_are_an_array_that_is_a_view(block, places):
    got = Ragged.of_batch(block)[np.array(places)]

    for batch in (got.arrays(), np.asarray(got)):
        np.testing.assert_array_equal(batch, block[places])
        assert np.shares_memory(batch, block)
        assert not batch.flags.writeable


def test_at_other_distances_they_are_a_list_of_views_or_a_copied_array(block):
    got = Ragged.of_batch(block)[np.array([0, 2, 1])]

    assert isinstance(got.arrays(), list)
    assert_same(got.arrays(), block[[0, 2, 1]])
    np.testing.assert_array_equal(np.asarray(got), block[[0, 2, 1]])
    with pytest.raises(ValueError, match="without a copy"):
        np.asarray(got, copy=False)


def test_an_array_of_them_takes_any_dtype(block):
    assert np.asarray(Ragged.of_batch(block), np.float64).dtype == np.float64


def test_sequences_of_different_lengths_make_no_array(block):
    got = Ragged.of_batch(block, LENGTHS)

    assert_same(got.arrays(), cut(block))
    with pytest.raises(ValueError, match=r"different lengths cannot form one array: use list\(x\)"):
        np.asarray(got)


# Checked, and read in pieces


@pytest.mark.parametrize("missing", [False, True])
def test_padding_is_never_looked_at(block, missing):
    block[1, 1:], block[2, 3:] = np.nan, np.inf

    got = Ragged.of_batch(block, LENGTHS).checked(missing=missing)

    assert_same(got, cut(block))
    assert got.nan is missing


def test_the_first_value_that_is_not_finite_is_named(block):
    block[2, 1, 0] = np.nan
    got = Ragged.of_batch(block, LENGTHS)

    with pytest.raises(InputError, match=r"E_INPUT_NONFINITE: x .* x\[item 2, step 1, feature 0\]"):
        got.checked(missing=False, limits=ReadLimits(numbers=3))
    assert got.checked(missing=True).nan
    with pytest.raises(InputError, match="E_INPUT_NONFINITE"):
        got.checked(missing=True).checked(missing=False)


def test_parts_of_what_was_checked_are_checked(block):
    good = Ragged.of_batch(block).checked(missing=False)

    assert good[1:].checked(missing=True).nan is False
    assert Ragged.joined([good[:1], good[1:]]).nan is False
    assert Ragged.joined([good[:1], good[1:].checked(missing=True)]).nan is False
    assert Ragged.joined([good, Ragged(good.values, good.starts, good.lengths)]).nan is None


@pytest.mark.parametrize("numbers", [1, 4, 6, 100])
def test_pieces_are_all_steps_in_order(block, numbers):
    pieces = list(Ragged.of_batch(block, LENGTHS).pieces(ReadLimits(numbers=numbers)))

    np.testing.assert_array_equal(np.concatenate(pieces), np.concatenate(cut(block)))
    assert all(piece.size < numbers + block[0].size for piece in pieces)

"""Windows: all of a series, without copying it."""

from __future__ import annotations

import numpy as np
import pytest

from seqrt.data import windows
from seqrt.data.windows import count_windows
from seqrt.errors import InputError, UsageError


@pytest.mark.parametrize("window", [1, 3, 7])
def test_every_window_is_the_piece_that_starts_there(window):
    values = np.random.default_rng(0).normal(size=(7, 2))

    pieces = windows(values, window)

    assert pieces.shape == (count_windows(7, window), window, 2)
    for start, piece in enumerate(pieces):
        np.testing.assert_array_equal(piece, values[start : start + window])


def test_windows_are_a_view_that_cannot_be_written():
    values = np.zeros((7, 2))

    pieces = windows(values, 3)

    assert np.shares_memory(pieces, values)
    with pytest.raises(ValueError, match="read-only"):
        pieces[0] = 1


def test_a_series_shorter_than_its_window_is_refused():
    with pytest.raises(InputError, match=r"^E_INPUT_SHORT: a window of 8 steps .*, got 7\."):
        windows(np.zeros((7, 2)), 8)


def test_a_window_of_no_steps_is_refused():
    with pytest.raises(UsageError, match="window must be at least 1 step, got 0"):
        windows(np.zeros((7, 2)), 0)


def test_a_series_without_a_feature_axis_is_refused():
    with pytest.raises(
        InputError, match=r"^E_INPUT_SHAPE: .* got \(7,\)\. Try values\[:, None\]\."
    ):
        windows(np.zeros(7), 3)

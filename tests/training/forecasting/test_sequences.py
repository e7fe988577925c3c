"""Training sequences: every row has its own future, and none sees what it may not."""

from __future__ import annotations

import numpy as np

from seqrt.training.forecasting.sequences import MOST_ROWS, pieces, ragged, scales, targets_of
from seqrt.training.networks.forecasting.config import ForecasterConfig

CONFIG = ForecasterConfig(horizon=2, season=1, seasons=2, level_window=2)


def test_long_runs_are_cut_and_each_piece_reads_the_rows_before_it():
    runs = np.array([[0, 3], [10, 10 + MOST_ROWS + 5]])
    cut = pieces(runs, 4, runs)
    assert cut.tolist() == [
        [0, 0, 3],
        [10, 10, 10 + MOST_ROWS],
        [6 + MOST_ROWS, 10 + MOST_ROWS, 15 + MOST_ROWS],
    ]


def test_the_targets_of_a_row_are_the_next_values_of_its_run():
    values, runs = np.arange(8.0), np.array([[0, 4], [4, 8]])
    everything = np.ones(8, bool)
    y = targets_of(pieces(runs, 1, runs), runs, values, everything, CONFIG)
    nan = np.nan
    # the first row has no two values to read yet
    np.testing.assert_equal(y[0][:, :2], [[nan, nan], [2, 3], [3, nan], [nan, nan]])
    np.testing.assert_equal(y[1][:, :2], [[nan, nan], [6, 7], [7, nan], [nan, nan]])


def test_only_rows_that_may_be_looked_at_are_targets():
    values, runs = np.arange(6.0), np.array([[0, 6]])
    (y,) = targets_of(pieces(runs, 1, runs), runs, values, np.arange(6) >= 4, CONFIG)
    nan = np.nan
    expected = [[nan, nan], [nan, nan], [nan, 4], [4, 5], [5, nan], [nan, nan]]
    np.testing.assert_equal(y[:, :2], expected)


def test_pieces_together_have_each_target_once():
    values = np.arange(MOST_ROWS + 100.0)
    runs, everything = np.array([[0, len(values)]]), np.ones(len(values), bool)
    y = targets_of(pieces(runs, 1, runs), runs, values, everything, CONFIG)
    first = np.concatenate(y)[:, 0]
    assert np.sort(first[~np.isnan(first)]).tolist() == list(range(2, len(values)))


def test_the_scale_is_that_of_the_known_lags():
    scale = scales(np.array([1.0, 3.0, np.nan]), CONFIG)
    np.testing.assert_allclose(scale, [1e-3 + 1e-8, 1 + 2e-3 + 1e-8, 3e-3 + 1e-8])


def test_sequences_are_not_copied():
    x = np.zeros((5, 1), np.float32)
    rows = ragged(x, np.array([[0, 0, 3], [2, 3, 5]]))
    assert [len(row) for row in rows] == [3, 3]
    assert rows.values is x

"""Linear forecasts: naive ones are copies, autoregressions find the process that made the data."""

from __future__ import annotations

import numpy as np
import pytest

from seqrt.training.forecasting.linear import fitted_autoregression, naive_forecasts


def test_naive_forecasts_repeat_the_last_value_or_the_last_season():
    persistence, seasonal = naive_forecasts(lags=4, horizon=5, seasons=(3, 9))
    window = np.array([[1.0, 2, 3, 4]])
    assert persistence.forecast(window).tolist() == [[4, 4, 4, 4, 4]]
    assert seasonal.forecast(window).tolist() == [[2, 3, 4, 2, 3]]


def _windows(series: np.ndarray, lags: int) -> tuple[np.ndarray, np.ndarray]:
    return np.lib.stride_tricks.sliding_window_view(series[:-1], lags), series[lags:]


def test_an_autoregression_finds_the_process_and_iterates_it():
    rng = np.random.default_rng(0)
    x = np.zeros(5_000)
    for t in range(2, len(x)):
        x[t] = 3 + 0.5 * x[t - 1] + 0.3 * x[t - 2] + rng.normal()
    fitted = fitted_autoregression(*_windows(x, 8), horizon=2, season=1, relative=False)
    assert fitted
    weights = fitted.weights
    assert weights[-1, 0] == pytest.approx(0.5, abs=0.05)
    assert weights[-2, 0] == pytest.approx(0.3, abs=0.05)
    window = x[-8:][None]
    (one, two), (older, last) = fitted.forecast(window)[0], x[-2:]
    again = np.append(window[:, 1:], [[one]], axis=1)
    assert two == pytest.approx(fitted.forecast(again)[0, 0])
    assert older != last


def test_an_autoregression_reads_more_than_a_season():
    x = np.tile(np.random.default_rng(0).normal(size=60), 20)
    fitted = fitted_autoregression(*_windows(x, 120), horizon=60, season=60, relative=False)
    assert fitted
    error = np.abs(fitted.forecast(x[None, -120:]) - x[:60]).mean()
    assert error < 0.1 * np.abs(x).mean()


def test_too_few_rows_have_no_autoregression():
    assert fitted_autoregression(np.ones((4, 2)), np.ones(4), 1, 1, relative=False) is None

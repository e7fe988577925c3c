"""The ridge autoregression: its order, its weights, its forecasts."""

from __future__ import annotations

import numpy as np
import pytest

from seqrt.forecasting.autoregression import (
    autoregression,
    fit_autoregression,
    iterated,
    least_rows,
    most_lags,
)
from seqrt.forecasting.naive import persistence
from seqrt.forecasting.origins import Origins


@pytest.fixture
def process():
    """A stationary process y_t = 0.6 y_(t-1) - 0.3 y_(t-2) + noise (4000,)."""
    rng = np.random.default_rng(0)
    y = np.zeros(4000)
    for t in range(2, len(y)):
        y[t] = 0.6 * y[t - 1] - 0.3 * y[t - 2] + rng.normal()
    return y


def test_the_weights_of_a_process_are_found_again(process):
    weights = fit_autoregression(process, 12)

    assert weights[-3:] == pytest.approx([-0.3, 0.6, 0], abs=0.05)
    assert len(weights) <= 5


def test_the_order_is_that_of_separate_least_squares_fits(process):
    y, most = process[:200], 6

    def aic(order):
        x = np.column_stack([np.ones(200 - most)] + [y[most - k : -k] for k in range(1, order + 1)])
        rest = y[most:] - x @ np.linalg.lstsq(x, y[most:])[0]
        return len(rest) * np.log(rest @ rest / len(rest)) + 2 * order

    assert len(fit_autoregression(y, most)) - 1 == min(range(1, most + 1), key=aic)


def test_a_step_is_computed_from_the_steps_before_it():
    # y_t = 0.5 y_(t-2) + 1
    assert iterated(np.array([[2.0, 4.0]]), np.array([0.5, 0.0, 1.0]), 3).tolist() == [[2, 3, 2]]


def test_a_sine_is_continued():
    wave = np.sin(np.arange(300) / 5)
    origins = Origins.in_series(wave, 200, 10)

    np.testing.assert_allclose(autoregression(origins, 31), origins.truth, atol=0.05)


def test_each_series_has_its_own_weights_and_the_fit_ends_at_its_first_origin(process):
    values = np.stack([process[:300], np.sin(np.arange(300) / 5)], axis=1)

    both = autoregression(Origins.in_series(values, 200, 5), 1)

    for k in (0, 1):
        alone = autoregression(Origins.in_series(values[:, k], 200, 5), 1)
        np.testing.assert_array_equal(both[:, :, k], alone[:, :, 0])


def test_a_constant_series_stays_constant():
    origins = Origins.in_series(np.full(60, 7.0), 40, 5)

    np.testing.assert_allclose(autoregression(origins, 1), 7, rtol=1e-12)


def test_a_series_with_too_few_rows_before_its_first_origin_is_persisted(process):
    def persisted(first, season):
        origins = Origins.in_series(process[:100], first, 2)
        return (autoregression(origins, season) == persistence(origins)).all()

    assert persisted(23, 1)
    assert not persisted(24, 1)
    assert persisted(47, 24)
    assert not persisted(48, 24)
    assert least_rows(24) == 48


def test_lags_reach_over_two_seasons_where_there_are_rows_for_them(process):
    assert most_lags(len(process), 24) == 50
    assert most_lags(len(process), 1) == 12
    assert most_lags(60, 24) == 10

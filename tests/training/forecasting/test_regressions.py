"""Autoregressions find the process that made the data, of values or of their differences."""

from __future__ import annotations

import numpy as np
import pytest

from seqrt.training.forecasting.linear import Windows
from seqrt.training.forecasting.regressions import (
    direct_fit,
    iterated_fit,
    mean_forecast,
    median_forecast,
)


def windows(series: np.ndarray, lags: int, horizon: int) -> Windows:
    """Return all examples of a series."""
    cut = np.lib.stride_tricks.sliding_window_view(series, lags + horizon)
    level = cut[:, :lags].mean(1, keepdims=True)
    scale = np.abs(cut[:, :lags] - level).mean(1, keepdims=True) + 1e-8
    return Windows(cut[:, :lags], cut[:, lags:], level, scale)


def process(rows: int = 5_000) -> np.ndarray:
    """Return x_t = 3 + 0.5 x_(t-1) + 0.3 x_(t-2) + noise."""
    rng, x = np.random.default_rng(0), np.zeros(rows)
    for t in range(2, rows):
        x[t] = 3 + 0.5 * x[t - 1] + 0.3 * x[t - 2] + rng.normal()
    return x


def test_an_autoregression_finds_the_process_and_iterates_it():
    examples = windows(process(), 8, 2)
    fitted = iterated_fit(examples, 1)
    assert fitted.weights[-1, 0] == pytest.approx(0.5, abs=0.05)
    assert fitted.weights[-2, 0] == pytest.approx(0.3, abs=0.05)
    one, two = fitted.forecast(examples)[0]
    lags = np.append(examples.lags[0, 1:], one)[None]
    again = Windows(lags, examples.ahead[:1], examples.level[:1], examples.scale[:1])
    assert two == pytest.approx(fitted.forecast(again)[0, 0])


def test_rows_before_the_first_value_are_left_out():
    examples = windows(process(300), 8, 2)
    gaps = Windows(examples.lags.copy(), *examples[1:])
    gaps.lags[:250, :6] = np.nan
    few, all_rows = (iterated_fit(each, 1).weights for each in (gaps, examples))
    assert np.isfinite(few).all()
    assert np.abs(few - all_rows).max() < 0.5


@pytest.mark.parametrize(
    ("differences", "season"), [((1,), 1), ((12,), 12), ((1, 12), 12)], ids=str
)
def test_an_autoregression_of_differences_continues_trend_and_season(differences, season):
    t = np.arange(300)
    series = 2.0 * t + np.where(t % season == 0, 50, 0)
    fitted = iterated_fit(windows(series, 40, 24), season, differences)
    examples = windows(series, 40, 24)
    np.testing.assert_allclose(fitted.forecast(examples), examples.ahead, atol=0.5)


def test_an_autoregression_of_normalised_values_is_the_same_for_any_level_and_size():
    x = process(400)
    small, large = windows(x, 8, 2), windows(1e4 + 1e3 * x, 8, 2)
    one, two = (iterated_fit(each, 1, relative=True) for each in (small, large))
    np.testing.assert_allclose(one.weights, two.weights, atol=1e-6)


def test_a_direct_fit_finds_a_walk_as_an_autoregression_of_its_differences_does():
    examples = windows(np.cumsum(process()), 8, 3)
    direct, iterated = (
        fitted.errors(examples).mean()
        for fitted in (direct_fit(examples), iterated_fit(examples, 1, (1,)))
    )
    assert direct == pytest.approx(iterated, rel=0.02)


def test_a_direct_fit_is_moved_with_its_series():
    examples = windows(process(300), 8, 3)
    fitted = direct_fit(examples)
    moved = Windows(examples.lags + 7, examples.ahead, examples.level + 7, examples.scale)
    np.testing.assert_allclose(fitted.forecast(moved), fitted.forecast(examples) + 7)


def test_the_mean_is_that_of_the_next_values():
    examples = windows(process(300), 8, 3)
    assert mean_forecast(examples).forecast(examples)[:, 1] == pytest.approx(
        examples.ahead[:, 0].mean()
    )


def test_the_median_of_rare_sales_is_zero_whatever_is_not_known():
    sales = np.where(np.arange(200) % 9 == 0, 5.0, 0.0)
    sales[50] = np.nan
    examples = windows(sales, 8, 3)
    assert np.all(median_forecast(examples).forecast(examples.known(8, 3)) == pytest.approx(0.0))


def test_too_few_rows_have_no_fit():
    examples = windows(np.arange(12.0), 8, 2)
    assert iterated_fit(examples, 1) is None
    assert direct_fit(examples) is None

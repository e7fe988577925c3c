"""Linear forecasts: naive ones are copies, and a mixture is the weighted mean in any units."""

from __future__ import annotations

import numpy as np
import pytest

from seqrt.training.forecasting.linear import Linear, Windows, mixture, naive, seasonal_mean


def windows(lags: np.ndarray, ahead: np.ndarray) -> Windows:
    """Return examples with the mean as level and the scale 2."""
    level = np.nanmean(lags, axis=1, keepdims=True)
    return Windows(lags, ahead, level, np.full_like(level, 2.0))


@pytest.mark.parametrize(
    ("season", "expected"), [(1, [4, 4, 4, 4, 4]), (3, [2, 3, 4, 2, 3])], ids=["value", "season"]
)
def test_naive_forecasts_repeat_the_last_value_or_the_last_season(season, expected):
    lags = windows(np.array([[1.0, 2, 3, 4]]), np.zeros((1, 5)))
    assert naive(4, 5, season).forecast(lags)[0] == pytest.approx(expected)


@pytest.mark.parametrize(
    ("season", "expected"), [(1, [2.5, 2.5, 2.5]), (2, [2, 3, 2])], ids=["all", "seasons"]
)
def test_means_are_those_of_all_seasons_that_are_read(season, expected):
    lags = windows(np.array([[1.0, 2, 3, 4]]), np.zeros((1, 3)))
    assert seasonal_mean(4, 3, season).forecast(lags)[0] == pytest.approx(expected)


def test_a_mixture_is_the_weighted_mean_whatever_units_its_forecasts_are_in():
    rng = np.random.default_rng(0)
    lags = windows(rng.normal(50, 3, (6, 4)), rng.normal(50, 3, (6, 2)))
    members = [
        Linear.of_values(rng.normal(size=(4, 2)), rng.normal(size=2)),
        Linear.of_normalised(rng.normal(size=(4, 2)), rng.normal(size=2)),
        naive(4, 2, 2),
    ]
    shares = np.array([[0.5, 0.1], [0.3, 0.2], [0.2, 0.7]])
    expected = sum(s * each.forecast(lags) for s, each in zip(shares, members, strict=True))
    np.testing.assert_allclose(mixture(members, shares).forecast(lags), expected)


def test_a_forecast_of_values_reads_the_values_as_they_are():
    lags = windows(np.array([[10.0, 20]]), np.zeros((1, 1)))
    double = Linear.of_values(np.array([[0.0], [2]]), np.array([1.0]))
    assert double.forecast(lags).tolist() == [[41.0]]


def test_errors_are_in_units_of_the_scale():
    lags = windows(np.array([[1.0, 5], [2, 6]]), np.array([[7.0], [2]]))
    assert naive(2, 1, 1).errors(lags).tolist() == [(2 + 4) / 2 / 2]


def test_only_examples_whose_values_are_known_are_taken():
    lags = np.array([[np.nan, 2, 3], [1, 2, 3], [1, 2, 3]])
    ahead = np.array([[4, 5], [4, np.nan], [4, 5.0]])
    found = windows(lags, ahead)
    assert [len(found.known(*most).lags) for most in ((2, 1), (3, 1), (3, 2))] == [3, 2, 1]


def test_the_first_value_after_zeros_does_not_count():
    lags, ahead = np.array([[0.0, 0], [1, 3], [1, 3]]), np.array([[1.0], [4], [4]])
    level, scale = np.array([[0.0], [2], [2]]), np.array([[1e-8], [1], [1]])
    examples = Windows(lags, ahead, level, scale)
    assert naive(2, 1, 1).errors(examples).tolist() == [1]
    assert len(examples.normalised().lags) == 2

"""Naive2: the seasonality test and the decomposition of M4 on small cases."""

from __future__ import annotations

import numpy as np
import pytest

from seqrt.forecasting.naive import persistence
from seqrt.forecasting.naive2 import is_seasonal, naive2, seasonal_indices
from seqrt.forecasting.origins import Origins


def test_the_indices_of_a_repeated_season_are_its_shares():
    season = np.array([0.5, 1.5, 1.2, 0.8])

    np.testing.assert_allclose(seasonal_indices(np.tile(10 * season, 6), 4), season)
    np.testing.assert_allclose(seasonal_indices(np.tile([1.0, 2, 6], 6), 3), [1 / 3, 2 / 3, 2])


def test_indices_are_averages_of_ratios_to_a_centred_mean():
    y = np.array([4.0, 1, 5, 1, 6, 1, 7, 1, 6, 1, 7, 1])
    # centred means over two rows, the ends halved, and the ratios to them in the rows between
    average = np.array([(a + 2 * b + c) / 4 for a, b, c in zip(y, y[1:], y[2:], strict=False)])
    ratios = y[1:-1] / average
    expected = np.array([ratios[1::2].mean(), ratios[::2].mean()])

    np.testing.assert_allclose(seasonal_indices(y, 2), expected / expected.mean())


def test_a_repeated_season_is_continued():
    origins = Origins.in_series(np.tile([2.0, 4, 6], 9), 14, 4)

    np.testing.assert_allclose(naive2(origins, 3), origins.truth)


@pytest.mark.parametrize("season", [1, 4])
def test_noise_is_persisted(season):
    values = 10 + np.random.default_rng(1).random(60)
    origins = Origins.in_series(values, 40, 5)

    assert not is_seasonal(values[:40], season)
    np.testing.assert_allclose(naive2(origins, season), persistence(origins), rtol=1e-12)


def test_a_series_has_to_hold_three_seasons():
    values = np.tile(np.random.default_rng(0).random(12), 3)

    assert is_seasonal(values, 12)
    assert not is_seasonal(values[:-1], 12)
    assert not is_seasonal(np.ones(36), 12)


def test_the_limit_of_the_test_is_that_of_bartlett():
    y = np.array([1.0, 3, 2, 4, 2, 3, 3, 5, 1])
    c = y - y.mean()
    r = [c[k:] @ c[:-k] / (c @ c) for k in (1, 2)]

    assert is_seasonal(y, 2) == (abs(r[1]) > 1.645 * np.sqrt((1 + 2 * r[0] ** 2) / 9))


def test_values_that_are_not_positive_are_not_divided():
    assert seasonal_indices(np.tile([0.0, 9, 2, 5], 9), 4).tolist() == [1, 1, 1, 1]

"""Naive baselines: right values, and no look at what comes after an origin."""

from __future__ import annotations

import numpy as np
import pytest

from seqrt.data.runs import as_runs
from seqrt.forecasting.autoregression import autoregression
from seqrt.forecasting.naive import (
    drift,
    history_mean,
    longer_season,
    persistence,
    season_of_origins,
    seasonal_naive,
)
from seqrt.forecasting.naive2 import naive2
from seqrt.forecasting.origins import Origins

FORECASTERS = {
    "persistence": persistence,
    "seasonal naive": lambda origins: seasonal_naive(origins, 4),
    "drift": drift,
    "mean": history_mean,
    "Naive2": lambda origins: naive2(origins, 4),
    "ridge AR": lambda origins: autoregression(origins, 4),
}
each_forecaster = pytest.mark.parametrize("forecast", FORECASTERS.values(), ids=FORECASTERS)


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def test_small_cases_have_the_values_computed_by_hand():
    origins = Origins.in_series(np.array([1.0, 4, 2, 5, 3, 0, 0]), 5, 2)

    assert persistence(origins)[0, :, 0].tolist() == [3, 3]
    assert seasonal_naive(origins, 2)[0, :, 0].tolist() == [5, 3]
    assert seasonal_naive(origins, 1)[0, :, 0].tolist() == [3, 3]
    assert drift(origins)[0, :, 0].tolist() == [3.5, 4]
    assert history_mean(origins)[0, :, 0].tolist() == [3, 3]


def test_a_horizon_beyond_a_season_repeats_it():
    origins = Origins.in_series(np.array([7.0, 8, 9, 0, 0, 0, 0, 0]), 3, 5)

    assert seasonal_naive(origins, 3)[0, :, 0].tolist() == [7, 8, 9, 7, 8]


def test_a_season_longer_than_the_history_falls_back_to_the_last_value():
    origins = Origins.in_series(np.array([7.0, 8, 0, 0]), 2, 2)

    assert seasonal_naive(origins, 3)[0, :, 0].tolist() == [8, 7]


@each_forecaster
def test_a_baseline_never_reads_past_the_origin(forecast, rng):
    values = 50 + rng.normal(size=(80, 2))
    origins = Origins.in_series(values, 40, 3, every=7)
    before = forecast(origins)

    for place, row in enumerate(origins.rows):
        changed = values.copy()
        changed[row:] = 1e6 * (1 + rng.random((80 - row, 2)))
        after = forecast(Origins.in_series(changed, 40, 3, every=7))
        np.testing.assert_array_equal(after[: place + 1], before[: place + 1])


@each_forecaster
def test_a_baseline_reads_no_other_series_and_nothing_before_a_gap(forecast, rng):
    values = 50 + rng.normal(size=(200, 1))
    runs, bounds = as_runs((0, 60), (70, 130), (130, 200)), np.array([0, 130, 200])
    rows = np.array([110, 115, 180])
    before = forecast(Origins(values, rows, 3, runs, bounds))

    changed = values.copy()
    changed[:70] = -1e6
    changed[185:] = 1e6
    after = forecast(Origins(changed, rows, 3, runs, bounds))

    np.testing.assert_array_equal(after, before)
    alone = forecast(Origins.in_series(values[130:], 50, 3))
    np.testing.assert_allclose(after[2], alone[0], rtol=1e-12)


@each_forecaster
def test_a_baseline_moves_with_the_unit_of_the_values(forecast, rng):
    values = 50 + rng.normal(size=80)

    plain = forecast(Origins.in_series(values, 50, 3))
    scaled = forecast(Origins.in_series(1e6 * values, 50, 3))

    np.testing.assert_allclose(scaled, 1e6 * plain, rtol=1e-9)


def test_gaps_of_missing_values_are_read_as_the_value_before_them():
    values = np.array([np.nan, 2.0, np.nan, 4, np.nan, 0, 0])
    origins = Origins.in_series(values, 5, 2)

    assert persistence(origins)[0, :, 0].tolist() == [4, 4]
    assert drift(origins)[0, :, 0].tolist() == pytest.approx([4 + 2 / 3, 4 + 4 / 3])
    assert history_mean(origins)[0, :, 0].tolist() == [3, 3]
    assert seasonal_naive(origins, 5)[0, :, 0].tolist() == [4, 2]


def test_the_mean_of_values_far_from_zero_keeps_its_digits():
    values = 1e9 + np.tile([0.0, 1.0], 5000)

    found = history_mean(Origins.in_series(values, 5000, 1))

    np.testing.assert_allclose(found[::2, 0, 0] - 1e9, 0.5, atol=1e-6)


def test_the_season_is_found_before_the_first_origin():
    wave = np.tile([1.0, 5, 2, 8, 3, 9, 4], 20)
    other = np.tile([0.0, 1, 0, -1], 35)

    assert season_of_origins(Origins.in_series(np.r_[wave, other], 140, 3)) == 7
    assert season_of_origins(Origins.in_series(np.ones(50), 20, 3)) == 1


def test_a_week_is_found_as_the_longer_season_of_a_day(rng):
    day, week = np.sin(np.arange(24) / 24 * 2 * np.pi), np.repeat([1, 1, 1, 1, 1, 0.2, 0], 24)
    values = np.tile(np.tile(day, 7) * week, 10) + 0.05 * rng.normal(size=1680)

    assert longer_season(Origins.in_series(values, 1000, 24), 24) == 168
    assert longer_season(Origins.in_series(np.tile(day, 70), 1000, 24), 24) is None
    assert longer_season(Origins.in_series(values, 1000, 24), 1) is None

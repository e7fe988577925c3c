"""The season of a series is found where there is one, and nowhere else."""

from __future__ import annotations

import numpy as np
import pytest

from seqrt.data.understanding.season import autocorrelation, common_season, season_of


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.mark.parametrize("period", [4, 7, 12, 24, 168])
def test_the_period_of_a_noisy_wave_with_a_trend_is_found(period, rng):
    t = np.arange(8 * period)
    wave = 100 + 0.3 * t + 5 * np.sin(2 * np.pi * t / period) + rng.normal(size=len(t))

    assert season_of(wave) == pytest.approx(period, abs=max(1, period // 20))


def test_weekdays_repeat_after_seven_days(rng):
    week = np.array([9.0, 8, 7, 8, 9, 2, 1])

    assert season_of(np.tile(week, 20) + rng.normal(0, 0.5, 140)) == 7


@pytest.mark.parametrize(
    "values",
    [np.ones(100), np.arange(100.0), np.zeros(0), np.array([1.0]), np.full(50, np.nan)],
    ids=["constant", "line", "empty", "one value", "no value"],
)
def test_a_series_that_does_not_repeat_itself_has_no_season(values):
    assert season_of(values) is None


def test_noise_and_a_random_walk_have_no_season(rng):
    assert season_of(rng.normal(size=500)) is None


@pytest.mark.parametrize("size", [1e-200, 1e200])
def test_a_season_is_found_in_values_of_any_size(size):
    assert season_of(size * np.tile([1.0, 5, 2, 8, 3, 9, 4], 10)) == 7


def test_gaps_do_not_hide_it(rng):
    wave = np.sin(2 * np.pi * np.arange(200) / 12)
    wave[rng.choice(200, 20, replace=False)] = np.nan

    assert season_of(wave) == 12


def test_a_season_is_found_in_the_median_of_many_noisy_series(rng):
    profile = rng.normal(size=7)
    series = [np.tile(profile, 20) + rng.normal(size=140) for _ in range(40)]

    assert common_season(series) == 7
    assert common_season([*series, np.ones(140), np.zeros(0)]) == 7
    assert common_season([]) is None


def test_the_first_of_peaks_of_nearly_the_same_height_is_the_season():
    day = np.sin(np.arange(24) / 24 * 2 * np.pi)
    week = np.tile(day, 7) * np.repeat([1, 1, 1, 1, 1, 0.9, 0.8], 24)

    assert season_of(np.tile(week, 8)) == 24


def test_the_autocorrelation_is_that_of_its_definition(rng):
    values = rng.normal(size=30)
    rest = values - np.polynomial.Polynomial.fit(np.arange(30), values, 1)(np.arange(30))
    expected = [rest[k:] @ rest[: 30 - k] / (rest @ rest) for k in range(6)]

    np.testing.assert_allclose(autocorrelation(values, 5), expected)
    assert autocorrelation(np.arange(9.0), 2).tolist() == [1, 0, 0]


def test_a_short_series_beside_long_ones_does_not_hide_their_season(rng):
    waves = [np.sin(2 * np.pi * np.arange(rows) / 7) for rows in (160, 96, 10)]
    assert common_season([wave + 0.1 * rng.normal(size=len(wave)) for wave in waves]) == 7

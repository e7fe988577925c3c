"""The sizes of a forecaster follow from the number, the length and the season of the series."""

from __future__ import annotations

import numpy as np
import pytest

from seqrt.training.forecasting.options import ForecastOptions
from seqrt.training.forecasting.rules import config_for, sizes


def waves(count, rows, season):
    rng = np.random.default_rng(0)
    wave = np.sin(2 * np.pi * np.arange(rows) / season)
    return [wave + 0.1 * rng.normal(size=rows) for _ in range(count)]


def test_many_series_are_read_up_to_fourteen_seasons_at_a_time():
    found = sizes(waves(40, 700, 24), ForecastOptions())
    assert found == {"season": 24, "seasons": 14, "level_window": 168, "units": 64}


def test_a_single_series_is_read_at_least_three_seasons_at_a_time():
    found = sizes(waves(1, 200, 11), ForecastOptions())
    assert found == {"season": 11, "seasons": 3, "level_window": 22, "units": 16}


def test_without_a_season_the_level_is_that_of_all_lags():
    found = sizes([np.random.default_rng(0).normal(size=100)], ForecastOptions())
    assert found["season"] == 1
    assert found["level_window"] == found["seasons"] == 14


@pytest.mark.parametrize(("context", "seasons"), [(24, 1), (25, 2), (72, 3)])
def test_a_context_is_rounded_up_to_whole_seasons(context, seasons):
    options = ForecastOptions(season=24, context=context)
    assert config_for(waves(1, 700, 24), options).seasons == seasons


def test_levels_become_quantiles_on_both_sides_of_the_median():
    config = config_for(waves(1, 200, 11), ForecastOptions(levels=(95, 80)))
    assert config.answers == (0.025, 0.1, 0.5, 0.9, 0.975)
    assert set(config.answers) <= set(config.quantiles)


def test_an_unusual_level_is_learnt_as_well():
    config = config_for(waves(1, 200, 11), ForecastOptions(levels=(99,)))
    assert config.quantiles[0] == 0.005
    assert config.quantiles[-1] == 0.995

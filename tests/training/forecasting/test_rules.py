"""The sizes of a forecaster follow from the number, the length and the season of the series."""

from __future__ import annotations

import numpy as np
import pytest

from seqrt.data.steps.step import Step
from seqrt.training.forecasting.options import ForecastOptions
from seqrt.training.forecasting.rules import config_for, natural_season, sizes


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
    assert config_for(waves(1, 700, 24), options, horizon=1).seasons == seasons


def test_levels_become_quantiles_on_both_sides_of_the_median():
    config = config_for(waves(1, 200, 11), ForecastOptions(levels=(95, 80)), horizon=1)
    assert config.answers == (0.025, 0.1, 0.5, 0.9, 0.975)
    assert set(config.answers) <= set(config.quantiles)


def test_an_unusual_level_is_learnt_as_well():
    config = config_for(waves(1, 200, 11), ForecastOptions(levels=(99,)), horizon=1)
    assert config.quantiles[0] == 0.005
    assert config.quantiles[-1] == 0.995


@pytest.mark.parametrize(("found", "season"), [(51, 52), (52, 52), (40, 40)])
def test_a_season_near_a_natural_cycle_is_that_cycle(found, season):
    assert natural_season(found, Step("day", 7)) == season


def test_an_irregular_step_has_no_natural_cycle():
    assert natural_season(51, Step("day", 7, regular=False)) == 51


@pytest.mark.parametrize(
    ("series", "horizon", "one"),
    [(waves(40, 50, 7), 1, True), (waves(2, 50, 7), 1, False), (waves(2, 20_000, 24), 48, True)],
)
def test_large_batches_learn_from_one_chain(series, horizon, one):
    assert config_for(series, ForecastOptions(), horizon=horizon).one_chain == one


def test_a_short_series_beside_long_ones_does_not_shorten_what_is_read():
    long = waves(4, 200, 12)
    short = [long[0][:9]]
    assert sizes([*long, *short], ForecastOptions()) == sizes(long, ForecastOptions())

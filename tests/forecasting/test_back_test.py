"""A back-test: the same origins for all, metrics that follow from the errors, a verdict."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from seqrt.ahead.layout import ForecastLayout
from seqrt.data.runs import as_runs
from seqrt.forecasting import intervals, point
from seqrt.forecasting.back_test import back_test
from seqrt.forecasting.origins import Origins

HORIZON = 6
PLAIN = ForecastLayout(HORIZON, ("y",))


@pytest.fixture
def origins():
    """Origins in the second half of a noisy season of 12 rows."""
    t = np.arange(240)
    values = 100 + 10 * np.sin(t * np.pi / 6) + np.random.default_rng(0).normal(size=240)
    return Origins.in_series(values, 120, HORIZON)


@pytest.fixture
def several():
    """Origins in three series of different size; the second has none, the last is constant."""
    rng = np.random.default_rng(0)
    values = np.concatenate([rng.random(60) + 1, rng.random(40), 1e6 * rng.random(60), np.ones(60)])
    edges = np.array([0, 60, 100, 160, 220])
    rows = np.concatenate([np.arange(first + 40, first + 54) for first in (0, 100, 160)])
    runs = as_runs(*pairwise(edges.tolist()))
    return Origins(values[:, None], rows, HORIZON, runs, edges)


def perfect(origins):
    return origins.truth[..., 0]


def test_baselines_have_the_metrics_of_their_forecasts(origins):
    test = back_test(origins, perfect(origins), PLAIN)
    scores = {each.name: each.overall for each in test.all}
    history, truth = origins.values[:120, 0], origins.truth[..., 0]
    persisted = np.repeat(origins.values[origins.rows - 1], HORIZON, axis=1)

    assert test.season == 12
    naive = ["persistence", "seasonal naive 12", "drift", "mean", "Naive2"]
    assert list(scores) == ["model", *naive, "ridge AR"]
    found = scores["persistence"]
    scale = point.seasonal_scale(history, 12)
    assert found["MASE"] == pytest.approx(point.mase(truth, persisted, scale).mean())
    assert found["MAE"] == pytest.approx(np.abs(truth - persisted).mean())
    assert found["sMAPE"] == pytest.approx(point.smape(truth, persisted).mean())
    squared = point.rmsse(truth.ravel(), persisted.ravel(), point.seasonal_scale(history, 12, 2))
    assert found["RMSSE"] == pytest.approx(squared)


def test_a_perfect_network_wins_and_a_bad_one_loses(origins):
    won = back_test(origins, perfect(origins), PLAIN)
    lost = back_test(origins, perfect(origins) + 100, PLAIN)

    assert won.beats_naive
    assert won.error(won.model) == 0
    assert won.difference.high < 0
    assert not lost.beats_naive
    assert lost.difference.low > 0
    assert lost.best_naive.name == "seasonal naive 12"
    assert lost.best_fitted.name == "ridge AR"


def test_the_difference_is_that_of_the_two_errors(several):
    rng = np.random.default_rng(1)
    test = back_test(several, perfect(several) * (1 + 0.1 * rng.random((42, HORIZON))), PLAIN)

    expected = test.error(test.model) - test.error(test.best_naive)
    assert test.difference.mean == pytest.approx(expected)


def test_metrics_over_steps_and_series_average_to_the_whole(several):
    test = back_test(several, np.ones((42, HORIZON)), PLAIN)
    scores = test.model

    for name in ("MASE", "MAE", "sMAPE"):
        whole = scores.overall[name]
        assert np.nanmean(scores.by_series[name]) == pytest.approx(whole)
        assert scores.by_step[name].mean() == pytest.approx(whole)
    assert scores.by_series["MASE"].shape == (3,)
    assert scores.by_step["RMSSE"].shape == (HORIZON,)


def test_series_of_any_size_count_the_same_in_mase(several):
    test = back_test(several, perfect(several) + np.repeat([0.1, 1e5, 0], 14)[:, None], PLAIN)

    mase = test.model.by_series["MASE"]
    assert mase[0] == pytest.approx(mase[1], rel=0.3)
    assert np.isnan(mase[2]), "a constant series has no scale"


def test_constant_series_are_judged_by_the_absolute_error():
    origins = Origins.in_series(np.full(60, 5.0), 40, HORIZON)
    test = back_test(origins, perfect(origins) + 0.5, PLAIN)

    assert test.metric == "MAE"
    assert test.error(test.model) == 0.5
    assert not test.beats_naive


def test_forecasts_that_are_not_numbers_lose(origins):
    test = back_test(origins, np.nan * perfect(origins), PLAIN)

    assert test.error(test.model) == np.inf
    assert not test.beats_naive


def test_naive2_has_an_owa_of_one_and_is_left_out_for_values_that_pass_zero(origins):
    test = back_test(origins, perfect(origins), PLAIN)
    below = Origins.in_series(origins.values - 100, 120, HORIZON)

    assert test.owa(test.model) == 0
    assert test.owa(next(each for each in test.naive if each.name == "Naive2")) == 1
    crossing = back_test(below, perfect(below), PLAIN)
    assert np.isnan(crossing.owa(crossing.model))
    assert "Naive2" not in [each.name for each in crossing.naive]


def test_a_given_season_is_used(origins):
    test = back_test(origins, perfect(origins), PLAIN, season=7)

    assert test.season == 7
    assert "seasonal naive 7" in [each.name for each in test.naive]


def test_the_autoregression_is_left_out_with_a_note_where_rows_are_few():
    values = np.random.default_rng(0).random(60)
    early = Origins.in_series(values, 10, HORIZON)

    test = back_test(early, perfect(early), PLAIN)

    assert test.fitted == ()
    assert test.notes == (
        "ridge AR and other fitted baselines are left out: they need 24 rows before the first"
        " origin, got 10. Choose later rows with --span.",
    )


def test_a_short_series_among_others_is_persisted_with_a_note():
    values, edges = np.random.default_rng(0).random(120)[:, None], np.array([0, 60, 120])
    rows = np.array([50, 52, 70, 80])
    origins = Origins(values, rows, HORIZON, as_runs((0, 60), (60, 120)), edges)

    test = back_test(origins, perfect(origins), PLAIN)

    assert test.notes == (
        "1 of 2 series are persisted by fitted baselines, which need 24 rows before the first"
        " origin",
    )
    scores = {each.name: each for each in test.all}
    assert scores["ridge AR"].losses[2:].tolist() == scores["persistence"].losses[2:].tolist()
    assert scores["ridge AR"].losses[0] != scores["persistence"].losses[0]


def test_further_baselines_are_judged_too(origins):
    def more(given, season):
        assert (given, season) == (origins, 12)
        yield "oracle", given.truth

    test = back_test(origins, perfect(origins) + 1, PLAIN, more=more)

    assert test.best_fitted.name == "oracle"


def test_quantiles_are_measured_by_step_and_interval(origins):
    outputs = ForecastLayout(HORIZON, ("y",), (0.1, 0.5, 0.9))
    truth = origins.truth[..., 0]
    wide = np.stack([truth - 2, truth, truth + 3], axis=-1)
    wide[:, 0] += 10  # the first step is outside
    predicted = wide.reshape(len(truth), -1)

    bands = back_test(origins, predicted, outputs).bands

    scale = point.seasonal_scale(origins.values[:120, 0], 12)
    assert bands.wql == pytest.approx(intervals.wql(truth, wide, [0.1, 0.5, 0.9]))
    assert bands.wql_by_step[2] == pytest.approx(
        intervals.wql(truth[:, 2], wide[:, 2], [0.1, 0.5, 0.9])
    )
    assert bands.by_step(80)["coverage"].tolist() == [0, 1, 1, 1, 1, 1]
    assert bands.by_series(80)["width"] == pytest.approx([5])
    assert bands.by_step(80)["MSIS"] == pytest.approx(np.array([5 + 10 * 8, *[5] * 5]) / scale)
    assert bands.overall(80)["coverage"] == pytest.approx(5 / 6)

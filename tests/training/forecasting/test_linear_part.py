"""The linear part: its shares follow the errors, and it is fitted to all rows at the end."""

from __future__ import annotations

import numpy as np
import pytest

from seqrt.training import Plan
from seqrt.training.forecasting.lagged import windows_of
from seqrt.training.forecasting.linear_part import linear_part, refitted, shares_of


def problem_of(tmp_path, values, **options):
    """Return the problem of a series."""
    path = tmp_path / "series.csv"
    path.write_text("y\n" + "\n".join(map(str, np.asarray(values).tolist())))
    return Plan(str(path), target="y", **options).problem()


def waves(rows: int) -> np.ndarray:
    """Return a series with a trend, a season of 7 and noise."""
    t, rng = np.arange(rows), np.random.default_rng(0)
    return 100 + 0.5 * t + 20 * np.sin(2 * np.pi * t / 7) + rng.normal(0, 2, rows)


def test_half_the_error_has_sixteen_times_the_weight():
    shares = shares_of(np.array([[1.0, 1.0], [2.0, 2.0]]))
    np.testing.assert_allclose(shares[0], 16 / 17)
    np.testing.assert_allclose(shares.sum(axis=0), 1)


def test_a_forecast_that_is_better_one_step_ahead_has_more_weight_there():
    shares = shares_of(np.array([[1.0, 2.0], [2.0, 1.0]]))
    assert shares[0, 0] == shares[1, 1] > 0.5


def test_a_forecast_without_error_leaves_the_shares_finite():
    shares = shares_of(np.array([[0.0], [1.0]]))
    assert shares[:, 0].tolist() == pytest.approx([1, 0])


def test_a_trend_with_a_season_is_continued(tmp_path):
    problem = problem_of(tmp_path, waves(300), horizon=7, season=7)
    part = linear_part(problem)
    judged = windows_of(problem, [problem.validation]).known(problem.forecaster.lags, 7)
    scale = problem.metadata.outputs[0].scale
    error = np.abs(part.forecast.forecast(judged) - judged.ahead).mean() * scale
    assert error < 1.5 * 2 * (2 / np.pi) ** 0.5


def test_the_last_fit_reads_the_validation_part(tmp_path):
    values = waves(300)
    values[240:] += np.linspace(0, 100, 60)
    problem = problem_of(tmp_path, values, horizon=7, season=7)
    part = linear_part(problem)
    judged = windows_of(problem, [problem.validation]).known(problem.forecaster.lags, 7)
    before, after = (
        each.errors(judged).mean() for each in (part.forecast, refitted(part, problem))
    )
    assert after < before


T = np.arange(200.0)


@pytest.mark.parametrize(
    "values",
    [
        np.full(200, 5.0),
        np.zeros(200),
        1e5 + 3 * T,
        1e-20 * T,
        np.where(T < 120, 1.0, 9.0),
        np.where(T == 150, 1.0, 0.0),
        np.tile([1.0, 5, 2, 8, 3, 3, 7], 29)[:200],
        1.05**T,
    ],
    ids=["constant", "zero", "line", "tiny", "step", "spike", "season", "explosive"],
)
def test_a_regular_series_is_fitted_as_well(tmp_path, values):
    problem = problem_of(tmp_path, values, horizon=14)
    part = linear_part(problem)
    for linear in (part.forecast, refitted(part, problem)):
        assert all(np.isfinite(each).all() for each in linear)
        assert max(np.abs(each).max() for each in linear[:3]) < 1e6


def test_a_series_that_never_changes_is_continued(tmp_path):
    problem = problem_of(tmp_path, np.full(80, 5.0), horizon=3)
    part = linear_part(problem)
    judged = windows_of(problem, [problem.train]).known(problem.forecaster.lags, 3)
    np.testing.assert_allclose(part.forecast.forecast(judged), judged.ahead, rtol=1e-6)

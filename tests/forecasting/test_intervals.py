"""Metrics of quantiles and intervals: right values of small cases, and laws."""

from __future__ import annotations

import numpy as np
import pytest

from seqrt.forecasting.intervals import (
    coverage,
    interval_score,
    mean_width,
    msis,
    pinball,
    wql,
)


def test_the_pinball_loss_weighs_the_two_sides_by_the_level():
    assert pinball([5.0, 5.0], [3.0, 7.0], 0.9).tolist() == pytest.approx([0.9 * 2, 0.1 * 2])


def test_the_pinball_loss_of_the_median_is_half_the_absolute_error():
    rng = np.random.default_rng(0)
    y, f = rng.normal(size=(2, 100))

    np.testing.assert_allclose(pinball(y, f, 0.5), np.abs(y - f) / 2)


def test_no_constant_has_a_smaller_mean_pinball_loss_than_the_quantile_of_the_data():
    y = np.random.default_rng(0).normal(size=1001)
    best = pinball(y, np.quantile(y, 0.1), 0.1).mean()

    others = [pinball(y, c, 0.1).mean() for c in np.linspace(-3, 3, 200)]

    assert min(others) >= best


def test_wql_is_twice_the_loss_over_the_size_of_the_values():
    truth = np.array([10.0, -10.0])
    quantiles = np.array([[8.0, 12.0], [-12.0, -8.0]])

    # each level: 0.1 x 2 + 0.1 x 2, over |10| + |-10|
    assert wql(truth, quantiles, [0.1, 0.9]) == pytest.approx(2 * 0.4 / 20)
    assert np.isnan(wql([0.0], [[1.0]], [0.5]))


def test_the_score_of_an_interval_that_holds_every_value_is_its_width():
    y = np.random.default_rng(0).normal(size=20)

    score = msis(y, y - 1, y + 3, 0.95, 2.0)

    assert score == pytest.approx(4 / 2)
    assert mean_width(y - 1, y + 3) == pytest.approx(4)


def test_a_value_outside_costs_2_over_alpha_times_its_distance():
    assert interval_score([0.0, 5.0, 11.0], [2.0] * 3, [10.0] * 3, 0.95).tolist() == pytest.approx(
        [8 + 40 * 2, 8, 8 + 40 * 1]
    )


def test_the_interval_score_is_the_pinball_loss_of_both_ends_over_half_alpha():
    rng = np.random.default_rng(0)
    y, low, width = rng.normal(size=(3, 50))
    high, a = low + np.abs(width), 0.2

    pinballs = pinball(y, low, a / 2) + pinball(y, high, 1 - a / 2)

    np.testing.assert_allclose(interval_score(y, low, high, 1 - a), pinballs * 2 / a)


def test_coverage_counts_the_ends_as_inside():
    assert coverage([1.0, 2.0, 3.0, 4.0], [2.0] * 4, [3.0] * 4) == 0.5

"""Bootstrap intervals hold the true difference about as often as they say."""

from __future__ import annotations

import numpy as np
import pytest

from seqrt.forecasting.bootstrap import difference_interval

ONE = np.array([0])


def test_the_same_numbers_give_the_same_interval():
    numbers = np.random.default_rng(0).normal(size=50)

    assert difference_interval(numbers, ONE, 5) == difference_interval(numbers, ONE, 5)


def test_equal_differences_leave_no_doubt():
    assert difference_interval(np.full(20, 3.0), ONE, 4) == pytest.approx((3, 3, 3))
    assert difference_interval(np.full(20, 3.0), np.arange(20), 4) == pytest.approx((3, 3, 3))


def test_the_mean_is_that_of_the_series():
    numbers = np.array([1.0, 1, 1, 1, 5])

    assert difference_interval(numbers, np.array([0, 4]), 1).mean == 3


@pytest.mark.parametrize("count", [40, 200])
def test_a_95_percent_interval_of_one_series_holds_the_truth_in_about_95_percent(count):
    held = 0
    for seed in range(200):
        noise = np.random.default_rng(seed).normal(size=count + 4)
        correlated = np.convolve(noise, np.ones(5) / 5, "valid")  # as of overlapping horizons
        interval = difference_interval(correlated, ONE, 5)
        held += interval.low <= 0 <= interval.high

    assert 180 <= held <= 200


def test_a_95_percent_interval_of_many_series_holds_the_truth_in_about_95_percent():
    held = 0
    for seed in range(200):
        rng = np.random.default_rng(seed)
        numbers = np.repeat(rng.normal(size=12), 5) + rng.normal(size=60)
        interval = difference_interval(numbers, np.arange(0, 60, 5), 5)
        held += interval.low <= 0 <= interval.high

    assert 180 <= held <= 200


def test_a_difference_that_no_series_is_without_is_not_taken_for_chance():
    losses = 10.0 ** np.arange(12)

    interval = difference_interval(losses, np.arange(12), 1)

    assert interval.low == 1
    assert interval.high > interval.mean


def test_a_horizon_longer_than_the_data_and_missing_differences_are_allowed():
    assert difference_interval(np.array([1.0, 2.0]), ONE, 10).mean == 1.5
    assert difference_interval(np.array([1.0, np.nan]), np.array([0, 1]), 1).mean == 1
    assert np.isnan(difference_interval(np.array([np.nan]), ONE, 1)).all()

"""Origins: their truth and history, and the scales of the rows before the first of them."""

from __future__ import annotations

import numpy as np
import pytest

from seqrt.data.runs import as_runs
from seqrt.forecasting.origins import Origins
from seqrt.forecasting.point import seasonal_scale


def test_the_truth_of_an_origin_begins_with_its_row():
    origins = Origins.in_series(np.arange(10.0), 6, 2)

    assert origins.rows.tolist() == [6, 7, 8]
    assert origins.truth[..., 0].tolist() == [[6, 7], [7, 8], [8, 9]]


def test_scales_are_those_of_the_rows_before_the_first_origin_of_each_series():
    values = np.random.default_rng(0).normal(size=(50, 2))
    origins = Origins(
        values, np.array([12, 40]), 3, as_runs((0, 20), (20, 50)), np.array([0, 20, 50])
    )

    for power in (1, 2):
        expected = [
            [seasonal_scale(rows[:, k], 4, power) for k in (0, 1)]
            for rows in (values[:12], values[20:40])
        ]
        np.testing.assert_allclose(origins.scales(4, power), expected)


def test_a_difference_does_not_reach_across_a_gap():
    values = np.array([1.0, 2, 3, 50, 52, 54, 0, 0])
    runs, bounds = as_runs((0, 3), (3, 8)), np.array([0, 8])

    assert Origins(values[:, None], np.array([6]), 2, runs, bounds).scales(1) == (1 + 1 + 2 + 2) / 4


def test_all_rows_give_the_scale_where_too_few_precede_the_first_origin():
    values = np.random.default_rng(0).normal(size=30)

    short = Origins.in_series(values, 5, 2).scales(4)

    np.testing.assert_allclose(short, seasonal_scale(values, 4))


def test_a_constant_series_has_no_scale():
    assert np.isnan(Origins.in_series(np.ones(30), 20, 2).scales(1)).all()


def test_means_are_taken_over_the_origins_of_each_series():
    values = np.zeros((50, 1))
    rows, bounds = np.array([5, 7, 40]), np.array([0, 20, 30, 50])
    origins = Origins(values, rows, 2, as_runs((0, 20), (20, 30), (30, 50)), bounds)

    assert origins.judged.tolist() == [0, 2]
    assert origins.means(np.array([1.0, 3.0, 7.0])).tolist() == pytest.approx([2, 7])
    assert origins.slice_of(0) == slice(0, 2)
    assert origins.slice_of(1) == slice(2, 3)
    assert origins.fitted.tolist() == [[0, 5], [30, 40]]

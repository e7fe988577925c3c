"""Metrics of point forecasts: right values of small cases, and laws."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from seqrt.forecasting.point import mase, owa, rmsse, seasonal_scale, smape

values = arrays(np.float64, 8, elements=st.floats(-1e6, 1e6, width=32))


def test_small_cases_have_the_values_computed_by_hand():
    history, truth, predicted = [1.0, 3, 2, 6], [5.0, 7], [4.0, 9]

    # one row apart: |3-1|, |2-3|, |6-2| = 2, 1, 4; two rows apart: |2-1|, |6-3| = 1, 3
    assert seasonal_scale(history) == pytest.approx(7 / 3)
    assert seasonal_scale(history, 2) == 2
    assert seasonal_scale(history, 2, power=2) == 5
    assert mase(truth, predicted, 2) == (1 + 2) / 2 / 2
    assert rmsse(truth, predicted, 5) == np.sqrt((1 + 4) / 2 / 5)
    assert smape(truth, predicted) == pytest.approx((200 / 9 + 400 / 16) / 2)


def test_mase_of_the_seasonal_naive_forecast_in_its_own_history_is_one():
    y = np.random.default_rng(0).normal(size=60)

    assert mase(y[7:], y[:-7], seasonal_scale(y, 7)) == pytest.approx(1)
    assert rmsse(y[7:], y[:-7], seasonal_scale(y, 7, 2)) == pytest.approx(1)


@pytest.mark.parametrize("factor", [1e-6, 1000.0])
def test_scaled_metrics_do_not_depend_on_the_unit(factor):
    rng = np.random.default_rng(0)
    history, truth, predicted = rng.normal(size=50), rng.normal(size=9), rng.normal(size=9)

    def metrics(unit):
        scales = [seasonal_scale(unit * history, 4, power) for power in (1, 2)]
        pair = unit * truth, unit * predicted
        return [mase(*pair, scales[0]), rmsse(*pair, scales[1]), smape(*pair)]

    assert metrics(factor) == pytest.approx(metrics(1))


@given(values, values)
def test_smape_is_between_0_and_200_and_symmetric(truth, predicted):
    assert 0 <= smape(truth, predicted) <= 200 + 1e-9
    assert smape(truth, predicted) == smape(predicted, truth)


def test_smape_of_zeros_that_were_predicted_is_0():
    assert smape([0.0, 0.0], [0.0, 0.0]) == 0
    assert smape([0.0], [1.0]) == 200


def test_missing_values_are_left_out_of_the_scale():
    assert seasonal_scale([1.0, np.nan, 2, 5]) == 3


@pytest.mark.parametrize("history", [[], [1.0], [4.0, 4, 4], [np.nan, np.nan], [0.3, 0.1 + 0.2]])
def test_a_history_that_never_changes_has_no_scale(history):
    assert np.isnan(seasonal_scale(history))


def test_owa_of_naive2_is_one_and_half_of_its_errors_is_one_half():
    assert owa(18.383, 2.395, (18.383, 2.395)) == 1
    assert owa(9.0, 1.0, (18.0, 2.0)) == 0.5


def test_owa_gives_the_published_value_for_seasonal_naive_on_m4_hourly():
    assert owa(13.912, 1.1932, (18.383, 2.3950)) == pytest.approx(0.6275, abs=5e-5)

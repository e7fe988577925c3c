"""Models of statsforecast as baselines, and the message where it is not installed."""

from __future__ import annotations

import importlib.util

import numpy as np
import pytest

from seqrt.errors import MissingExtraError
from seqrt.forecasting.classical import NAMES, check_statsforecast, classical
from seqrt.forecasting.origins import Origins

INSTALLED = importlib.util.find_spec("statsforecast") is not None


@pytest.mark.skipif(INSTALLED, reason="statsforecast is installed")
def test_the_extra_to_install_is_named():
    with pytest.raises(MissingExtraError, match=r"pip install 'seqrt\[baselines\]'"):
        check_statsforecast()


@pytest.mark.skipif(not INSTALLED, reason="statsforecast is not installed")
def test_a_seasonal_series_with_a_trend_is_continued():
    t = np.arange(96)
    values = 100 + t + 10 * np.sin(t * np.pi / 6)
    origins = Origins.in_series(values, 72, 12, every=6)
    made = []

    found = dict(classical(origins, 12, made.append))

    assert tuple(found) == NAMES
    assert sum(made) == len(NAMES) * len(origins)
    for name in ("AutoETS", "AutoARIMA", "MSTL"):
        np.testing.assert_allclose(found[name], origins.truth, atol=2)


@pytest.mark.skipif(not INSTALLED, reason="statsforecast is not installed")
def test_a_model_never_reads_past_the_origin():
    values = 50 + np.random.default_rng(0).normal(size=60)
    changed = np.append(values[:45], 1e3 * values[45:])

    before, after = (
        dict(classical(Origins.in_series(each, 40, 3, every=5), 1)) for each in (values, changed)
    )

    assert set(before) == set(NAMES) - {"MSTL"}  # there is no season
    for name, forecasts in before.items():
        np.testing.assert_allclose(after[name][:2], forecasts[:2])


@pytest.mark.skipif(not INSTALLED, reason="statsforecast is not installed")
def test_a_season_of_seasons_is_taken_by_mstl():
    hour = np.arange(24 * 7 * 6)
    week = np.where(hour // 24 % 7 < 5, 30.0, 0.0)
    values = 100 + 10 * np.sin(hour * np.pi / 12) + week
    origins = Origins.in_series(values, 24 * 7 * 5, 24, every=24)

    found = dict(classical(origins, 24))

    error = {name: np.abs(each - origins.truth).mean() for name, each in found.items()}
    assert error["MSTL"] < 0.2 * error["AutoTheta"]

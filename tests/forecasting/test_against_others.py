"""Metrics equal those of utilsforecast and scoringrules, to 1e-12."""

from __future__ import annotations

import numpy as np
import pytest

from seqrt.forecasting import intervals, point

SEASON = 7


@pytest.fixture(params=[0, 1, 2])
def case(request):
    """A history (T,), and the truth, a forecast and an interval (H,)."""
    rng = np.random.default_rng(request.param)
    history, truth = 50 + 10 * rng.normal(size=90), 50 + 10 * rng.normal(size=24)
    predicted, width = truth + 5 * rng.normal(size=24), np.abs(rng.normal(size=(2, 24)))
    return history, truth, predicted, predicted - 4 * width[0], predicted + 4 * width[1]


def test_point_metrics_equal_those_of_utilsforecast(case):
    losses = pytest.importorskip("utilsforecast.losses", reason="utilsforecast is not installed")
    pandas = pytest.importorskip("pandas")
    history, truth, predicted, *_ = case
    before = pandas.DataFrame({"unique_id": "a", "ds": range(90), "y": history})
    frame = pandas.DataFrame({"unique_id": "a", "ds": range(90, 114), "y": truth, "f": predicted})
    theirs = [
        losses.mase(frame, ["f"], SEASON, before)["f"].item(),
        losses.rmsse(frame, ["f"], SEASON, before)["f"].item(),
        200 * losses.smape(frame, ["f"])["f"].item(),
    ]

    scales = [point.seasonal_scale(history, SEASON, power) for power in (1, 2)]
    ours = [
        point.mase(truth, predicted, scales[0]),
        point.rmsse(truth, predicted, scales[1]),
        point.smape(truth, predicted),
    ]

    np.testing.assert_allclose(ours, theirs, rtol=1e-12)


def test_quantile_metrics_equal_those_of_utilsforecast(case):
    losses = pytest.importorskip("utilsforecast.losses", reason="utilsforecast is not installed")
    pandas = pytest.importorskip("pandas")
    _, truth, predicted, low, high = case
    frame = pandas.DataFrame(
        {"unique_id": "a", "y": truth, "f": predicted, "f-lo-90": low, "f-hi-90": high}
    )
    names = ["f-lo-90", "f", "f-hi-90"]
    levels = np.array([0.05, 0.5, 0.95])
    theirs = [
        losses.quantile_loss(frame, {"f": "f-lo-90"}, 0.05)["f"].item(),
        losses.mqloss(frame, {"f": names}, levels)["f"].item(),
        losses.coverage(frame, ["f"], 90)["f"].item(),
    ]

    size = np.abs(truth).mean()
    ours = [
        intervals.pinball(truth, low, 0.05).mean(),
        intervals.wql(truth, np.stack([low, predicted, high], axis=-1), levels) * size / 2,
        intervals.coverage(truth, low, high),
    ]

    np.testing.assert_allclose(ours, theirs, rtol=1e-12)


def test_scores_equal_those_of_scoringrules(case):
    rules = pytest.importorskip("scoringrules", reason="scoringrules is not installed")
    _, truth, _, low, high = case

    np.testing.assert_allclose(
        intervals.interval_score(truth, low, high, 0.9),
        rules.interval_score(truth, low, high, 0.1),
        rtol=1e-12,
    )
    np.testing.assert_allclose(
        intervals.pinball(truth, low, 0.05), rules.quantile_score(truth, low, 0.05), rtol=1e-12
    )

"""Metrics of point forecasts (..., H), each averaged over the last axis, in float64."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

Numbers = NDArray[np.float64]

# Differences this small, relative to the values, are rounding errors of their last digits.
ROUNDING: Final = 1e-12


def seasonal_scale(history: ArrayLike, season: int = 1, power: int = 1) -> float:
    """Return the in-sample error of the seasonal naive forecast one season ahead.

    With `history` y (T,) that is the mean of |y_t - y_(t-m)|^power over t > m; power 1 is the
    denominator of MASE and MSIS, 2 that of RMSSE squared. Differences with a missing value are left
    out; without any, or where all are zero or rounding errors of the values, the scale is NaN. For
    several series at a time see `Origins.scales`.

    Hyndman & Koehler 2006, doi:10.1016/j.ijforecast.2006.03.001.
    """
    y = np.asarray(history, np.float64)
    differences = np.abs(y[season:] - y[: max(len(y) - season, 0)])
    known = np.isfinite(differences)
    if not known.any():
        return float("nan")
    scale = float(np.mean(differences[known] ** power))
    rounding = (ROUNDING * float(np.abs(y[season:][known]).max())) ** power
    return scale if scale > rounding else float("nan")


def mase(truth: ArrayLike, predicted: ArrayLike, scale: ArrayLike) -> Any:
    """Return the mean absolute scaled error: the mean of |y - f| over H, divided by `scale`.

    `scale` is `seasonal_scale` of the history. Below 1 is better than the seasonal naive forecast
    was in sample.

    Hyndman & Koehler 2006, doi:10.1016/j.ijforecast.2006.03.001; with the season as in M4:
    Makridakis, Spiliotis & Assimakopoulos 2020, doi:10.1016/j.ijforecast.2019.04.014.
    """
    return np.abs(_error(truth, predicted)).mean(axis=-1) / scale


def rmsse(truth: ArrayLike, predicted: ArrayLike, scale: ArrayLike) -> Any:
    """Return the root mean squared scaled error: the root of the mean of (y - f)^2 over `scale`.

    `scale` is `seasonal_scale` of the history with power 2.

    Makridakis, Spiliotis & Assimakopoulos 2022 (M5), doi:10.1016/j.ijforecast.2021.11.013.
    """
    return np.sqrt(np.square(_error(truth, predicted)).mean(axis=-1) / scale)


def smape(truth: ArrayLike, predicted: ArrayLike) -> Any:
    """Return the symmetric mean absolute percentage error of M4, from 0 to 200.

    The mean of 200 |y - f| / (|y| + |f|), where 0 / 0 counts as 0.

    Makridakis, Spiliotis & Assimakopoulos 2020, doi:10.1016/j.ijforecast.2019.04.014.
    """
    return percentages(truth, predicted).mean(axis=-1)


def percentages(truth: ArrayLike, predicted: ArrayLike) -> Numbers:
    """Return the terms of `smape`, one for each value."""
    sizes = np.abs(np.asarray(truth, np.float64)) + np.abs(np.asarray(predicted, np.float64))
    return 200 * np.abs(_error(truth, predicted)) / np.where(sizes > 0, sizes, 1)


def owa(smape: ArrayLike, mase: ArrayLike, of_naive2: tuple[ArrayLike, ArrayLike]) -> Any:
    """Return the overall weighted average of M4: half of sMAPE and of MASE relative to Naive2.

    `of_naive2` are sMAPE and MASE of Naive2 on the same values, all averaged over the series first.

    Makridakis, Spiliotis & Assimakopoulos 2020, doi:10.1016/j.ijforecast.2019.04.014.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        return (np.divide(smape, of_naive2[0]) + np.divide(mase, of_naive2[1])) / 2


def _error(truth: ArrayLike, predicted: ArrayLike) -> Numbers:
    return np.asarray(truth, np.float64) - np.asarray(predicted, np.float64)

"""Metrics of quantiles and prediction intervals (..., H), in float64."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Numbers = NDArray[np.float64]


def pinball(truth: ArrayLike, quantile: ArrayLike, level: ArrayLike) -> Numbers:
    """Return the quantile loss of each value: max(q (y - f), (q - 1) (y - f)) at the level q.

    Koenker & Bassett 1978, doi:10.2307/1913643.
    """
    error = np.asarray(truth, np.float64) - np.asarray(quantile, np.float64)
    q = np.asarray(level, np.float64)
    return np.maximum(q * error, (q - 1) * error)


def wql(truth: ArrayLike, quantiles: ArrayLike, levels: ArrayLike) -> float:
    """Return the weighted quantile loss of quantiles (..., Q) at `levels` (Q,).

    The mean over the levels of 2 sum(pinball) / sum(|y|), over all values; NaN if all y are 0.

    Park et al. 2022, arXiv:2111.06581.
    """
    y = np.asarray(truth, np.float64)
    size = np.abs(y).sum()
    losses = pinball(y[..., None], quantiles, levels)
    return float(2 * losses.sum() / (size * losses.shape[-1])) if size > 0 else float("nan")


def interval_score(truth: ArrayLike, low: ArrayLike, high: ArrayLike, level: float) -> Numbers:
    """Return the interval score of each value: the width, and a fine for a value outside.

    With a = 1 - level it is (u - l) + 2/a max(l - y, 0) + 2/a max(y - u, 0), smaller is better.
    `level` is the share of values that the interval is to hold, such as 0.95.

    Gneiting & Raftery 2007, doi:10.1198/016214506000001437.
    """
    y, lower, upper = (np.asarray(each, np.float64) for each in (truth, low, high))
    fine = np.maximum(lower - y, 0) + np.maximum(y - upper, 0)
    return np.asarray((upper - lower) + 2 / (1 - level) * fine)


def msis(truth: ArrayLike, low: ArrayLike, high: ArrayLike, level: float, scale: ArrayLike) -> Any:
    """Return the mean scaled interval score of M4: the mean interval score over H, over `scale`.

    `scale` is `seasonal_scale` of the history, the denominator of MASE.

    Makridakis, Spiliotis & Assimakopoulos 2020, doi:10.1016/j.ijforecast.2019.04.014.
    """
    return interval_score(truth, low, high, level).mean(axis=-1) / scale


def coverage(truth: ArrayLike, low: ArrayLike, high: ArrayLike) -> Any:
    """Return the share of values over H that lie in their interval, its ends included."""
    y = np.asarray(truth, np.float64)
    return ((np.asarray(low) <= y) & (y <= np.asarray(high))).mean(axis=-1)


def mean_width(low: ArrayLike, high: ArrayLike) -> Any:
    """Return the mean width of intervals over H, in units of the target."""
    return (np.asarray(high, np.float64) - np.asarray(low, np.float64)).mean(axis=-1)

"""Naive2, the reference of the M4 competition: persistence of the seasonally adjusted series."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from seqrt.forecasting.origins import Origins

Numbers = NDArray[np.float64]

# Of a normal distribution, 90 % lies within this many standard deviations.
_WITHIN_90 = 1.645


def naive2(origins: Origins, season: int) -> Numbers:
    """Return forecasts (N, H, K): the last value, adjusted by the season where there is one.

    The seasonal indices are those of the rows before the first origin of each series.
    """
    found = np.empty((len(origins), origins.horizon, origins.values.shape[1]))
    for group in range(len(origins.judged)):
        part = origins.slice_of(group)
        last = origins.rows[part] - 1
        for k in range(found.shape[2]):
            history = origins.before_first(group, k)
            indices = seasonal_indices(history, season)
            # the season is counted from the first row of the history
            phase = last - (origins.rows[origins.edges[group]] - len(history))
            ahead = phase[:, None] + np.arange(1, origins.horizon + 1)
            level = origins.filled[last, k] / indices[phase % season]
            found[part, :, k] = level[:, None] * indices[ahead % season]
    return found


def seasonal_indices(history: Numbers, season: int) -> Numbers:
    """Return the factor (m,) of each row of a season, 1 each if the history (T,) is not seasonal.

    It is the classical multiplicative decomposition: ratios to a centred moving average over a
    season, averaged at each row of the season and scaled to a mean of 1. As in M4, the history is
    seasonal if it holds three seasons and passes `is_seasonal`. A history with values that are not
    positive is left as it is.

    Makridakis, Spiliotis & Assimakopoulos 2020, doi:10.1016/j.ijforecast.2019.04.014; Hyndman &
    Athanasopoulos 2021, section 3.4.
    """
    if not is_seasonal(history, season) or not (history > 0).all():
        return np.ones(season)
    average = _moving_average(history, season)
    first = season // 2
    ratios = history[first : first + len(average)] / average
    phase = (first + np.arange(len(average))) % season
    sums = np.bincount(phase, ratios, season)
    indices = sums / np.bincount(phase, minlength=season)
    return np.asarray(indices / indices.mean())


def is_seasonal(history: Numbers, season: int) -> bool:
    """Whether a history (T,) passes the test of M4 for a season of m rows, at 90 %.

    The autocorrelation at lag m has to be beyond 1.645 standard errors, which Bartlett's formula
    gives as the root of (1 + 2 (r_1^2 + ... + r_(m-1)^2)) / T.
    """
    count = len(history)
    if season < 2 or count < 3 * season:
        return False
    centred = history - history.mean()
    power = centred @ centred
    if not power > 0:
        return False
    lags = [centred[k:] @ centred[:-k] / power for k in range(1, season + 1)]
    limit = _WITHIN_90 * math.sqrt((1 + 2 * sum(r * r for r in lags[:-1])) / count)
    return bool(abs(lags[-1]) > limit)


def _moving_average(values: Numbers, season: int) -> Numbers:
    """Return the centred mean over a season: (T - 2 (m // 2),), the ends of an even one halved."""
    weights = np.ones(season) if season % 2 else np.r_[0.5, np.ones(season - 1), 0.5]
    return np.convolve(values, weights / season, "valid")

"""Naive baselines: forecasts (N, H, K) that need no fitting, for all origins at a time.

They read only the history of each origin, where a gap is filled by the value before it. Sources:
Hyndman & Athanasopoulos 2021, Forecasting: Principles and Practice, 3rd ed., section 5.2.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from seqrt.data.understanding.season import common_season, multiple_of_season
from seqrt.forecasting.origins import Origins

Numbers = NDArray[np.float64]

_MOST_SERIES = 200


def persistence(origins: Origins) -> Numbers:
    """Repeat the last value of the history."""
    last = origins.filled[origins.rows - 1]
    return np.repeat(last[:, None], origins.horizon, axis=1)


def seasonal_naive(origins: Origins, season: int) -> Numbers:
    """Repeat the last season of the history; where it is shorter than that, its last value."""
    ahead = np.arange(origins.horizon) % season
    rows = origins.rows[:, None] - season + ahead
    known = rows >= origins.begin[origins.rows - 1][:, None]
    rows = np.where(known, rows, origins.rows[:, None] - 1)
    found = origins.filled[rows]
    # a gap at the start of a run has no value before it
    return np.where(np.isnan(found), persistence(origins), found)


def drift(origins: Origins) -> Numbers:
    """Continue the straight line from the first to the last value of the history."""
    newest = origins.rows[:, None] - 1
    first = np.minimum(_first_known(origins)[origins.begin[newest[:, 0]]], newest)
    last, known = origins.filled[newest[:, 0]], np.take_along_axis(origins.filled, first, axis=0)
    slope = (last - known) / np.maximum(newest - first, 1)
    ahead = np.arange(1, origins.horizon + 1)[:, None]
    return np.asarray(last[:, None] + ahead * slope[:, None])


def history_mean(origins: Origins) -> Numbers:
    """Repeat the mean of the history."""
    newest = origins.rows - 1
    mean = np.empty((len(newest), origins.values.shape[1]))
    for first, last, part in _runs_read(origins):
        values = origins.values[first : last + 1]
        known = np.isfinite(values)
        # counted from a value of the run, since sums of values far from zero lose digits
        level = origins.filled[newest[part][0]]
        sums = np.cumsum(np.where(known, values - level, 0.0), axis=0)
        counts = np.cumsum(known, axis=0)
        mean[part] = level + (sums / np.maximum(counts, 1))[newest[part] - first]
    return np.repeat(mean[:, None], origins.horizon, axis=1)


def season_of_origins(origins: Origins) -> int:
    """Return the season that the series have in common, 1 if there is none.

    It is found in the rows before the first origin of each series. Where these show none, because
    they are few, all rows are searched: a season is a setting, and the baselines may have it right.
    """
    before = [
        origins.before_first(group, k)
        for group in range(min(len(origins.judged), _MOST_SERIES))
        for k in range(origins.values.shape[1])
    ]
    return common_season(before) or common_season(_whole(origins)) or 1


def longer_season(origins: Origins, season: int) -> int | None:
    """Return the multiple of a season, up to 14 of them, that correlates more than it, or None.

    Of several it is the one with the highest autocorrelation, in the median over the series.
    """
    return multiple_of_season(_whole(origins), season)


def _whole(origins: Origins) -> list[Numbers]:
    """Return the longest run of each target of each series, up to 200 of them."""
    series = np.searchsorted(origins.bounds, origins.runs[:, 0], "right") - 1
    sizes = origins.runs[:, 1] - origins.runs[:, 0]
    found = []
    for number in origins.judged[:_MOST_SERIES].tolist():
        place = np.flatnonzero(series == number)
        first, stop = origins.runs[place[sizes[place].argmax()]]
        found += [origins.values[first:stop, k] for k in range(origins.values.shape[1])]
    return found[:_MOST_SERIES]


def _runs_read(origins: Origins) -> Iterator[tuple[int, int, slice]]:
    """Yield each run with an origin: its first row, the last row read, and its origins."""
    begins = origins.begin[origins.rows - 1]
    edges = [*np.flatnonzero(np.diff(begins, prepend=-1)).tolist(), len(begins)]
    for start, stop in pairwise(edges):
        yield int(begins[start]), int(origins.rows[stop - 1]) - 1, slice(start, stop)


def _first_known(origins: Origins) -> NDArray[np.int64]:
    """Return for each row and target (T, K) the first row at or after it that has a value."""
    rows = np.arange(len(origins.values))[:, None]
    known = np.where(np.isfinite(origins.values), rows, len(origins.values) - 1)
    return np.minimum.accumulate(known[::-1], axis=0)[::-1]

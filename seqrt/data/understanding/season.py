"""The season of one or many series: after how many rows they repeat, by their autocorrelation."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]

# A season must be seen this many times. Of many series, the first are enough to find it.
_CYCLES = 3
_LONGEST = 1_000
_MOST_SERIES = 200
# Short series with less than this share of all values do not count.
_FEW = 0.1

# Seasons beside the shortest one are its multiples, such as the week beside the day.
_MOST_SEASONS = 14

# A peak is told from noise by an autocorrelation of at least `_LEAST`, and beyond the 1 % limits of
# Bartlett for a series whose neighbours are correlated. It is the highest within a third of its lag
# on either side. A season has peaks at its multiples too, some of them a little higher.
_LEAST = 0.2
_SURE = 2.58
_NEARLY = 0.75


def season_of(values: NDArray[Any]) -> int | None:
    """Return the number of rows after which a series (T,) repeats itself, or None.

    A straight trend is removed first. The season is the lag of the first of the high peaks of the
    autocorrelation. Gaps of NaN are filled by the mean.
    """
    return common_season([values])


def common_season(series: Sequence[NDArray[Any]]) -> int | None:
    """Return the season that series (T_i,) have in common, or None: see `season_of`.

    It is found in the median of their autocorrelations, up to a third of the shortest. Series that
    are constant or a straight line say nothing and are left out, and so are the shortest ones that
    hold less than a tenth of all values.
    """
    rests = [_detrended(np.asarray(values, np.float64)) for values in series[:_MOST_SERIES]]
    rests = [rest for rest in rests if rest.any()]
    shortest = typical_length([len(rest) for rest in rests])
    rests = [rest for rest in rests if len(rest) >= shortest]
    longest = min(shortest // _CYCLES, _LONGEST)
    if longest < 2:
        return None
    each = [_of_rest(rest, longest + 1) for rest in rests]
    correlation = np.median(each, axis=0)
    limit = max(_LEAST, _SURE * math.sqrt((1 + 2 * correlation[1] ** 2) / shortest))
    peaks = [k for k in range(2, longest) if correlation[k] > limit and _is_peak(correlation, k)]
    if not peaks:
        return None
    highest = max(correlation[peaks])
    return next(k for k in peaks if correlation[k] >= _NEARLY * highest)


def typical_length(lengths: Sequence[int]) -> int:
    """Return the length that series with nine tenths of all values have at least; 0 for none.

    >>> typical_length([5, 96, 160])
    96
    """
    ordered = np.sort(np.asarray(lengths, np.int64))
    if not len(ordered):
        return 0
    held = np.cumsum(ordered)
    return int(ordered[np.searchsorted(held, _FEW * held[-1])])


def autocorrelation(values: NDArray[Any], longest: int) -> Numbers:
    """Return the autocorrelation of a series (T,) at lags 0 to `longest` (L + 1,).

    A straight trend is removed first, and gaps of NaN are filled by the mean. Every lag is divided
    by the sum of all squares (Box, Jenkins, Reinsel & Ljung 2015, section 2.1.5), so that long
    lags, which have few pairs, are small. All but lag 0 are 0 for a straight line.
    """
    return _of_rest(_detrended(np.asarray(values, np.float64)), longest)


def multiple_of_season(series: Sequence[NDArray[Any]], season: int) -> int | None:
    """Return the multiple of a season, up to 14 of them, that correlates more than it, or None.

    Of several it is the one with the highest autocorrelation, in the median over series (T_i,).
    """
    if season < 2:
        return None
    long = [values for values in series if len(values) >= 2 * season]
    shortest = min(map(len, long), default=0)
    multiples = season * np.arange(1, min(_MOST_SEASONS, shortest // (2 * season)) + 1)
    if len(multiples) < 2:
        return None
    each = [autocorrelation(values, int(multiples[-1]))[multiples] for values in long]
    best = int(multiples[np.median(each, axis=0).argmax()])
    return best if best > season else None


def _of_rest(rest: Numbers, longest: int) -> Numbers:
    lags = np.zeros(longest + 1)
    if not rest.any():
        lags[0] = 1
        return lags
    size = 1 << (2 * len(rest) - 1).bit_length()
    spectrum = np.fft.rfft(rest / np.abs(rest).max(), size)  # or squares may overflow
    products = np.fft.irfft(spectrum * spectrum.conj(), size)[: min(longest + 1, len(rest))]
    lags[: len(products)] = products / products[0]
    return lags


def _is_peak(correlation: Numbers, lag: int) -> bool:
    """Whether a lag correlates more than its neighbours, and than all lags within a third."""
    near = max(2, lag // 3)
    highest = correlation[max(1, lag - near) : lag + near + 1].max()
    here, before = correlation[lag], correlation[lag - 1]
    return bool(here > before and here >= correlation[lag + 1] and here >= highest)


def _detrended(values: Numbers) -> Numbers:
    """Return a series without its linear trend, 0 where it is NaN."""
    known = np.isfinite(values)
    if known.sum() < 2:
        return np.zeros(len(values))
    steps = np.arange(len(values), dtype=np.float64)
    trend = np.polynomial.Polynomial.fit(steps[known], values[known], 1)
    rest = np.where(known, values - trend(steps), 0.0)
    spread = np.abs(values[known]).max()
    return rest if np.abs(rest).max() > 1e-9 * spread else np.zeros(len(values))

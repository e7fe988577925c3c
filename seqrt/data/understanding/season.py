"""The season of a series: after how many rows it repeats itself, found by its autocorrelation."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]

# A season is told from noise by an autocorrelation of at least this, and shown by this many cycles.
_LEAST = 0.3
_CYCLES = 3
_LONGEST = 1_000

# Of several peaks nearly as high as the highest, the first is the season, and those at its
# multiples are repetitions. Noise makes several small peaks of one: the highest of them counts.
_NEARLY = 0.9
_NEAR = 1.3


def season_of(values: NDArray[Any]) -> int | None:
    """Return the number of rows after which a series (T,) repeats itself, or None.

    A straight trend is removed first. The season is the lag of the first of the high peaks of the
    autocorrelation. Gaps of NaN are filled by the mean.
    """
    series = _detrended(np.asarray(values, np.float64))
    longest = min(len(series) // _CYCLES, _LONGEST)
    if longest < 2 or not series.any():
        return None
    correlation = _autocorrelation(series, 2 * longest + 1)
    # neighbours resemble each other: a season shows after the first lag without a correlation
    unlike = np.flatnonzero(correlation[: longest + 1] <= 0)
    lags = np.arange(max(2, int(unlike[0])) if len(unlike) else longest + 1, longest + 1)
    here, before, after = (correlation[lags + shift] for shift in (0, -1, 1))
    peaks = lags[(here > before) & (here >= after) & (here >= _LEAST)]
    peaks = peaks[correlation[2 * peaks] >= _LEAST]  # a random walk comes back once, by chance
    if not len(peaks):
        return None
    first = peaks[correlation[peaks] >= _NEARLY * correlation[peaks].max()][0]
    near = peaks[(peaks >= first) & (peaks <= _NEAR * first)]
    return int(near[correlation[near].argmax()])


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


def _autocorrelation(series: Numbers, longest: int) -> Numbers:
    """Return the autocorrelation at lags 0 to `longest` (L + 1,), each over its own pairs."""
    size = 1 << (2 * len(series) - 1).bit_length()
    spectrum = np.fft.rfft(series, size)
    products = np.fft.irfft(spectrum * spectrum.conj(), size)[: longest + 1]
    lags = np.arange(longest + 1)
    means = products / (len(series) - lags)
    return np.asarray(means / means[0])

"""A bootstrap interval of the difference between the errors of two forecasters."""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]
Rows = NDArray[np.int64]

_RESAMPLES = 1_000
_LEAST_SERIES = 10
_MOST_NUMBERS = 1 << 22


class Interval(NamedTuple):
    """The mean of a difference, and the limits of its interval."""

    mean: float
    low: float
    high: float


def difference_interval(
    differences: Numbers, edges: Rows, horizon: int, *, level: float = 0.95, seed: int = 0
) -> Interval:
    """Return the mean difference over the series, with its bootstrap interval.

    `differences` (N,) has one number for each origin, in the order of time inside each of the
    series, which begin at `edges` (G,). The mean is that of the means of the series. A difference
    that is NaN is left out.

    With 10 series or more, whole series are drawn with replacement, since the errors of one are
    correlated (Field & Welsh 2007, doi:10.1111/j.1467-9868.2007.00593.x). With fewer, blocks of
    consecutive origins are drawn inside each series, in a circle: the circular block bootstrap of
    Politis & Romano 1992. Forecasts overlap over the horizon, so a block is twice as long where
    there are four blocks of that, and at least the cube root of the number of origins.

    Percentile intervals of n draws are too short where n is small. As Hesterberg 2015,
    doi:10.1080/00031305.2015.1089789, they are expanded by t / z and the root of n / (n - 1), of
    series not beyond the smallest and the largest of their means.
    """
    pieces = [piece[np.isfinite(piece)] for piece in np.split(differences, edges[1:])]
    pieces = [piece for piece in pieces if len(piece)]
    if not pieces:
        return Interval(math.nan, math.nan, math.nan)
    rng = np.random.default_rng(seed)
    means = np.array([piece.mean() for piece in pieces])
    if len(pieces) >= _LEAST_SERIES:
        drawn, count = _means_of_draws(means, len(means), rng), float(len(means))
        least, most = means.min(), means.max()
    else:
        blocks = [_block(len(piece), horizon) for piece in pieces]
        pairs = list(zip(pieces, blocks, strict=True))
        drawn = np.mean([_means_of_blocks(piece, block, rng) for piece, block in pairs], axis=0)
        count = sum(len(piece) / block for piece, block in pairs)
        least, most = -np.inf, np.inf
    mean = means.mean()
    limits = mean + _expansion(count, level) * (np.quantile(drawn, _ends(level)) - mean)
    low, high = np.clip(limits, least, most)
    return Interval(float(mean), float(low), float(high))


def _ends(level: float) -> tuple[float, float]:
    return (1 - level) / 2, (1 + level) / 2


def _block(count: int, horizon: int) -> int:
    """Return how many consecutive origins are drawn together."""
    longest = max(min(2 * horizon, count // 4), min(horizon, count // 2))
    return max(1, longest, round(math.cbrt(count)))


def _expansion(count: float, level: float) -> float:
    """Return t / z times the root of n / (n - 1), for n - 1 degrees of freedom.

    t is computed from z by the expansion of Abramowitz & Stegun 1964, 26.7.5; for one degree it is
    a quarter too small.
    """
    v, z = max(count - 1, 1.0), NormalDist().inv_cdf((1 + level) / 2)
    t = z + (z**3 + z) / (4 * v) + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * v**2)
    t += (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / (384 * v**3)
    return t / z * math.sqrt((v + 1) / v)


def _means_of_draws(values: Numbers, draws: int, rng: np.random.Generator) -> Numbers:
    """Return the means (R,) of so many draws from values (n,), with replacement."""
    size = max(1, _MOST_NUMBERS // draws)
    portions = [min(size, _RESAMPLES - first) for first in range(0, _RESAMPLES, size)]
    means = [values[rng.integers(len(values), size=(n, draws))].mean(axis=1) for n in portions]
    return np.concatenate(means)


def _means_of_blocks(values: Numbers, block: int, rng: np.random.Generator) -> Numbers:
    """Return the means (R,) of circular blocks that are together as long as values (n,)."""
    count = len(values)
    around = np.cumsum(np.concatenate([[0.0], values, values[: block - 1]]))
    return _means_of_draws((around[block:] - around[:-block]) / block, -(-count // block), rng)

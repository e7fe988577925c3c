"""The distribution between and beyond the quantiles of a forecast, by normal scores.

A value's normal score z is linear between neighbouring quantiles: a quantile q has the score of the
normal distribution, Phi^-1(q). Beyond the outermost quantile of a side, z goes on along a line, as
steep as the last piece or as the line from the median to that quantile, whichever makes the tail
longer. The two-sided p-value is 2 Phi(-|z|), and the interval of level 1 - a lies between
z = Phi^-1(a / 2) and its opposite.

So the tails are those of a normal distribution. If the quantiles are right and the noise is normal,
values have a p-value below a in a share a of all rows, for any a. Noise with heavier tails has more
of them beyond the outermost quantiles: with quantiles from 0.025 to 0.975 and a = 0.001, Laplace
noise has 3 times as many. At the quantiles themselves, shares are right for any noise.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]

_NORMAL = NormalDist()
# numpy has neither; the functions of the standard library do not depend on the place in an array
_erfc = np.frompyfunc(math.erfc, 1, 1)
_upper_score = np.frompyfunc(lambda a: _NORMAL.inv_cdf(1 - a / 2), 1, 1)


class NormalScores:
    """Scores of values among Q quantiles, and values of scores; arrays have any leading axes."""

    def __init__(self, quantiles: Sequence[float]) -> None:
        """Take the quantiles in ascending order, with the median in the middle."""
        self._z = np.array([_NORMAL.inv_cdf(q) for q in quantiles])
        self._z[len(self._z) // 2] = 0.0
        self._between = np.diff(self._z)

    def score(self, quantiles: NDArray[Any], value: Numbers) -> Numbers:
        """Return the scores (...) of values (...) among quantiles (..., Q).

        Where quantiles are equal, a value equal to them has the score closest to 0.
        """
        v = np.sort(quantiles.astype(np.float64), axis=-1)
        gaps = np.diff(v)
        with np.errstate(divide="ignore", invalid="ignore"):
            passed = np.clip((value[..., None] - v[..., :-1]) / gaps, 0, 1)
            flat = np.where(
                self._z[:-1] < 0, value[..., None] >= v[..., :-1], value[..., None] > v[..., :-1]
            )
            passed = np.where(gaps > 0, passed, flat)
            z = self._z[0] + _summed(passed * self._between)
            below, above = self._slopes(v, gaps)
            under, over = value - v[..., 0], value - v[..., -1]
            z = z + np.where(under < 0, under / below, 0) + np.where(over > 0, over / above, 0)
        return np.where(np.isnan(value) | np.isnan(v).any(axis=-1), np.nan, z)

    def value(self, quantiles: NDArray[Any], z: Numbers) -> Numbers:
        """Return the values (...) that have the scores z (...) among quantiles (..., Q)."""
        v = np.sort(quantiles.astype(np.float64), axis=-1)
        gaps = np.diff(v)
        passed = np.clip((z[..., None] - self._z[:-1]) / self._between, 0, 1)
        below, above = self._slopes(v, gaps)
        finite = np.where(np.isinf(z), 0.0, z)
        found = v[..., 0] + _summed(passed * gaps)
        found = found + np.minimum(finite - self._z[0], 0) * below
        found = found + np.maximum(finite - self._z[-1], 0) * above
        return np.where(np.isinf(z), z, found)

    def _slopes(self, v: Numbers, gaps: Numbers) -> tuple[Numbers, Numbers]:
        """Return by how much a value changes with the score, below and above all quantiles."""
        middle = len(self._z) // 2
        half = np.abs(v[..., [0, -1]] - v[..., middle, None])
        below = np.maximum(gaps[..., 0] / self._between[0], half[..., 0] / -self._z[0])
        above = np.maximum(gaps[..., -1] / self._between[-1], half[..., 1] / self._z[-1])
        return below, above


def _summed(pieces: Numbers) -> Numbers:
    """Return the sums over the last axis, added in order whatever the memory layout."""
    total: Numbers = pieces[..., 0]
    for i in range(1, pieces.shape[-1]):
        total = total + pieces[..., i]
    return total


def p_values(z: Numbers) -> Numbers:
    """Return the two-sided p-values of normal scores; NaN for NaN."""
    return np.asarray(_erfc(np.abs(z) / math.sqrt(2)), np.float64)


def upper_scores(a: Numbers) -> Numbers:
    """Return the score of the upper end of the interval of level 1 - a.

    It is infinite where a is 0 or less, and 0 where a is 1 or more.
    """
    inside = np.clip(a, np.finfo(np.float64).eps, 1.0)
    z = np.asarray(_upper_score(inside), np.float64)
    return np.where(a <= 0, np.inf, np.where(a >= 1, 0.0, z))

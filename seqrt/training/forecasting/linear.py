"""Forecasts that are linear in the lags: of which kinds there are, and their weighted mean."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Doubles = NDArray[np.float64]


# A value so many scales from the level of its lags is an outlier. The first value after nothing but
# zeros, whose scale is next to nothing, is one of any size.
OUTLIER = 100.0


class Windows(NamedTuple):
    """Examples: lags (N, L), oldest first, NaN where unknown, and the values after them (N, H).

    `level` and `scale` (N, 1) are those of the lags.
    """

    lags: Doubles
    ahead: Doubles
    level: Doubles
    scale: Doubles

    def normalised(self) -> Windows:
        """Return the examples in units of their own level and scale, except for outliers."""
        plain = self.at(np.flatnonzero(~self.outliers().any(axis=1)))
        lags, ahead = ((each - plain.level) / plain.scale for each in (plain.lags, plain.ahead))
        return Windows(lags, ahead, np.zeros_like(plain.level), np.ones_like(plain.scale))

    def outliers(self) -> NDArray[np.bool_]:
        """Return which values ahead (N, H) are out of all proportion to the lags."""
        return np.asarray(np.abs(self.ahead - self.level) > OUTLIER * self.scale)

    def known(self, lags: int, ahead: int) -> Windows:
        """Return the examples whose last `lags` and first values `ahead` are known."""
        there = np.isfinite(self.lags[:, self.lags.shape[1] - lags :]).all(axis=1)
        there &= np.isfinite(self.ahead[:, :ahead]).all(axis=1)
        return self.at(np.flatnonzero(there))

    def at(self, rows: NDArray[np.int64]) -> Windows:
        """Return some of the examples."""
        return Windows(*(each[rows] for each in self))

    def spread(self, most: int) -> Windows:
        """Return at most that many of the examples, evenly spread."""
        if len(self.lags) <= most:
            return self
        return self.at(np.linspace(0, len(self.lags) - 1, most).astype(np.int64))


class Linear(NamedTuple):
    """A forecast linear in the lags x (L,) with level and scale: (H,).

        z = (x - level) / scale
        y = level + scale (z W + offset) + level slope + start

    Shapes: `weights` W (L, H), the others (H,).
    """

    weights: Doubles
    offset: Doubles
    slope: Doubles
    start: Doubles

    @classmethod
    def of_values(cls, weights: Doubles, start: Doubles) -> Linear:
        """Return the forecast y = x W + start of lags in the units of the series."""
        return cls(weights, np.zeros_like(start), weights.sum(0) - 1, start)

    @classmethod
    def of_normalised(cls, weights: Doubles, offset: Doubles) -> Linear:
        """Return the forecast z W + offset, in units of level and scale."""
        return cls(weights, offset, np.zeros_like(offset), np.zeros_like(offset))

    def forecast(self, windows: Windows) -> Doubles:
        """Return the forecasts (N, H) from lags that are all known."""
        z = (windows.lags - windows.level) / windows.scale
        drift = windows.level * self.slope + self.start
        forecast: Doubles = windows.level + windows.scale * (z @ self.weights + self.offset) + drift
        return forecast

    def errors(self, windows: Windows) -> Doubles:
        """Return the mean absolute error of each step ahead (H,), in units of the scale.

        Outliers do not count. They tell forecasts apart no better than others, but are larger.
        """
        off = np.abs(self.forecast(windows) - windows.ahead) / windows.scale
        counted = ~windows.outliers()
        errors: Doubles = (off * counted).sum(axis=0) / np.maximum(counted.sum(axis=0), 1)
        return errors


def mixture(members: Sequence[Linear], shares: Doubles) -> Linear:
    """Return the weighted mean of some forecasts, with shares (K, H) that sum to one."""
    return Linear(
        *(
            sum((share * part for share, part in zip(shares, parts, strict=True)), np.zeros(()))
            for parts in zip(*members, strict=True)
        )
    )


def naive(lags: int, horizon: int, season: int) -> Linear:
    """Return the forecast that repeats the last season; the last value, for a season of 1."""
    weights = np.zeros((lags, horizon))
    for step in range(horizon):
        weights[lags - season + step % season, step] = 1
    return Linear.of_normalised(weights, np.zeros(horizon))


def seasonal_mean(lags: int, horizon: int, season: int) -> Linear:
    """Return the forecast that repeats the mean of all seasons; of all lags, for a season of 1."""
    weights = np.zeros((lags, horizon))
    for step in range(horizon):
        weights[step % season :: season, step] = season / lags
    return Linear.of_normalised(weights, np.zeros(horizon))

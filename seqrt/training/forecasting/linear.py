"""Linear forecasts from the lags: autoregressions in closed form, and the naive ones."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from seqrt.forecasting.autoregression import LEAST_LAGS, most_lags, order_of

Doubles = NDArray[np.float64]

# How much the weights of an autoregression are drawn towards zero: as one more row of standard
# size for each of them would do.
_RIDGE = 1.0


# The kinds of linear forecasts.
FITTED, NAIVE, COMBINED = "autoregression", "naive", "mean of both"


class Linear(NamedTuple):
    """A forecast that is linear in the lags w (L,): y = w A + start, (H,).

    `name` is its kind. With `relative`, w may be normalised, and y is in the same units.
    """

    name: str
    weights: Doubles
    start: Doubles
    relative: bool = False

    def forecast(self, windows: Doubles) -> Doubles:
        """Return the forecasts (N, H) from lags (N, L)."""
        return windows @ self.weights + self.start


def naive_forecasts(lags: int, horizon: int, seasons: Sequence[int]) -> Iterator[Linear]:
    """Yield persistence, and the value a season ago for each of some seasons up to `lags`."""
    for season in dict.fromkeys((1, *seasons)):
        if season > lags:
            continue
        weights = np.zeros((lags, horizon))
        for step in range(horizon):
            weights[lags - season + step % season, step] = 1
        yield Linear(NAIVE, weights, np.zeros(horizon), relative=True)


def fitted_autoregression(
    windows: Doubles, following: Doubles, horizon: int, season: int, *, relative: bool
) -> Linear | None:
    """Return an autoregression fitted to lags (N, L) and the values that follow them (N,).

    Its order, of up to two seasons and 2, is the one with the lowest AIC, and its weights are those
    of a ridge regression; steps ahead are forecast one after the other, each from those before it.
    Returns None for too few rows. See seqrt.forecasting.autoregression for the sources.
    """
    count, lags = windows.shape
    most = most_lags(count, season)
    if count <= LEAST_LAGS:
        return None
    most = min(most, lags)
    newest_first = windows[:, : -most - 1 : -1]
    order = order_of(np.column_stack([np.ones(count), newest_first]), following)
    return _iterated(windows, following, order, horizon, relative)


def _iterated(
    windows: Doubles, following: Doubles, order: int, horizon: int, relative: bool
) -> Linear:
    """Fit the weights of `order` lags; return the forecasts of all steps, linear in the lags."""
    lags = windows.shape[1]
    read = windows[:, -order:]
    centre, middle = read.mean(0), following.mean()
    spread = max(float(following.std()), 1e-12)
    z = (read - centre) / spread
    square = z.T @ z + _RIDGE * np.eye(order)
    weights = np.linalg.solve(square, z.T @ ((following - middle) / spread))
    start = middle - centre @ weights
    # each value as a linear form of the lags and 1
    forms = list(np.eye(lags + 1)[:lags])
    for _ in range(horizon):
        step = weights @ np.array(forms[-order:])
        forms.append(step + start * np.eye(lags + 1)[lags])
    ahead = np.array(forms[lags:]).T
    return Linear(FITTED, ahead[:lags], ahead[lags], relative)


def combined(fitted: Linear, naive: Linear) -> Linear:
    """Return the mean of an autoregression and a naive forecast, which is right in any units."""
    weights = (fitted.weights + naive.weights) / 2
    return Linear(COMBINED, weights, (fitted.start + naive.start) / 2, fitted.relative)

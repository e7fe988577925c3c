"""Linear forecasts that are fitted in closed form: autoregressions, and one fit for each step."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from seqrt.forecasting.autoregression import LEAST_LAGS, most_lags, order_of
from seqrt.training.forecasting.linear import Linear, Windows

Doubles = NDArray[np.float64]

# How much the weights of an autoregression are drawn towards zero: as one more row of standard
# size for each of them would do.
_RIDGE = 1.0

# Differences after which there may be a constant. After that from a season it would be a trend of
# few seasons: without it, the error of half-hourly load a week ahead was .27 instead of .35.
_WITH_CONSTANT = ((), (1,))

_ROUNDING = 1e-9

# The penalties of the direct fit, for each row of standard size, and its most rows.
_PENALTIES = (0.001, 0.01, 0.1, 1.0, 10.0)
_MOST_ROWS = 5_000
# With fewer rows than this for each lag, there is no direct fit.
_ROWS_PER_LAG = 0.5
_LEAST_ROWS = 5


def iterated_fit(
    windows: Windows, season: int, differences: Sequence[int] = (), *, relative: bool = False
) -> Linear | None:
    """Return an autoregression of the differences z_t = (1 - B^d) ... y_t, d in `differences`.

        z_t = a_1 z_(t-1) + ... + a_p z_(t-p) + c      c = 0 after the difference from a season

    Its order p, of up to two seasons and 2, is the one with the lowest AIC, and its weights are
    those of a ridge regression. Steps ahead are forecast one after the other, each from those
    before it. With `relative` the values are those in units of their level and scale. Returns None
    for too few rows. See seqrt.forecasting.autoregression for the sources.
    """
    examples = windows.normalised() if relative else windows
    polynomial = _polynomial(differences)
    lost = len(polynomial) - 1
    room = examples.lags.shape[1] - lost
    count = len(examples.known(min(lost + 1, examples.lags.shape[1]), 1).lags)
    most = min(most_lags(count, season), room)
    if most < 1 or count <= LEAST_LAGS + most:
        return None
    x, y = _differenced(examples, polynomial, most)
    if len(y) <= LEAST_LAGS:
        return None
    order = order_of(np.column_stack([np.ones(len(y)), x[:, ::-1]]), y)
    x, y = _differenced(examples, polynomial, order)
    weights, constant = _ridge(x, y, with_constant=tuple(differences) in _WITH_CONSTANT)
    # (1 - a_1 B - ...) (1 - B^d) ... y_t = c, as weights of the last values of y
    product = np.convolve(np.r_[1.0, -weights[::-1]], polynomial)
    ahead, start = _iterated(-product[:0:-1], constant, windows)
    return (Linear.of_normalised if relative else Linear.of_values)(ahead, start)


def mean_forecast(windows: Windows, *, relative: bool = False) -> Linear:
    """Return the forecast that repeats the mean."""
    lags, horizon = windows.lags.shape[1], windows.ahead.shape[1]
    examples = windows.normalised() if relative else windows
    following = _next_values(examples)
    mean = np.full(horizon, following.mean() if len(following) else 0.0)
    return (Linear.of_normalised if relative else Linear.of_values)(np.zeros((lags, horizon)), mean)


def median_forecast(windows: Windows) -> Linear:
    """Return the forecast that repeats the median: 0 where most values are."""
    lags, horizon = windows.lags.shape[1], windows.ahead.shape[1]
    following = _next_values(windows)
    median = np.full(horizon, np.median(following) if len(following) else 0.0)
    return Linear.of_values(np.zeros((lags, horizon)), median)


def _next_values(windows: Windows) -> Doubles:
    """Return the first value after each example, of those that are known."""
    following: Doubles = windows.ahead[:, 0]
    return following[np.isfinite(following)]


def direct_fit(windows: Windows, *, relative: bool = False) -> Linear | None:
    """Return a ridge regression for each step ahead on all lags, as differences from the last.

    The penalty is that with the smallest mean absolute error of leave-one-out predictions, of all
    steps ahead. Returns None for too few rows.

    Allen 1974, doi:10.1080/00401706.1974.10489157.
    """
    lags, horizon = windows.lags.shape[1], windows.ahead.shape[1]
    examples = windows.known(lags, horizon)
    if lags < 2 or len(examples.lags) < _ROWS_PER_LAG * lags + _LEAST_ROWS:
        return None
    examples = examples.spread(_MOST_ROWS)
    examples = examples.normalised() if relative else examples
    last = examples.lags[:, -1:]
    x, y = examples.lags[:, :-1] - last, examples.ahead - last
    size = max(float(x.std()), 1e-12)
    weights, start = _least_left_out(x / size, y / size)
    whole = np.vstack([weights, 1 - weights.sum(0)])
    return (Linear.of_normalised if relative else Linear.of_values)(whole, start * size)


def _polynomial(differences: Sequence[int]) -> Doubles:
    """Return the coefficients of (1 - B^d) ... in rising powers of B."""
    polynomial = np.ones(1)
    for lag in differences:
        factor = np.zeros(lag + 1)
        factor[0], factor[-1] = 1, -1
        polynomial = np.convolve(polynomial, factor)
    return polynomial


def _differenced(examples: Windows, polynomial: Doubles, order: int) -> tuple[Doubles, Doubles]:
    """Return the last differences (n, order), oldest first, and the next one (n,)."""
    lost = len(polynomial) - 1
    known = examples.known(order + lost, 1)
    values = np.column_stack([known.lags[:, -order - lost :], known.ahead[:, 0]])
    z = np.zeros((len(values), order + 1))
    for power in np.flatnonzero(polynomial).tolist():
        z += polynomial[power] * values[:, lost - power : lost - power + order + 1]
    return z[:, :-1], z[:, -1]


def _ridge(x: Doubles, y: Doubles, *, with_constant: bool) -> tuple[Doubles, float]:
    """Return the weights and the constant of a ridge regression."""
    centre, middle = (x.mean(0), float(y.mean())) if with_constant else (np.zeros(x.shape[1]), 0.0)
    # differences of a regular series may be the same all along, or nothing but rounding
    size = float(np.abs(x).max(initial=0.0))
    spread = max(float(np.sqrt(np.mean((y - middle) ** 2))), _ROUNDING * size, 1e-12)
    z = (x - centre) / spread
    square = z.T @ z + _RIDGE * np.eye(x.shape[1])
    weights = np.asarray(np.linalg.solve(square, z.T @ ((y - middle) / spread)), np.float64)
    return weights, float(middle - centre @ weights)


def _iterated(weights: Doubles, constant: float, windows: Windows) -> tuple[Doubles, Doubles]:
    """Return the weights (L, H) of the lags in each step ahead, and what is added to them (H,)."""
    lags, horizon = windows.lags.shape[1], windows.ahead.shape[1]
    # each value as a linear form of the lags and 1
    forms = np.zeros((lags + horizon, lags + 1))
    forms[:lags, :lags] = np.eye(lags)
    for row in range(lags, lags + horizon):
        forms[row] = weights @ forms[row - len(weights) : row]
        forms[row, lags] += constant
    ahead = forms[lags:].T
    return ahead[:lags], ahead[lags]


def _least_left_out(x: Doubles, y: Doubles) -> tuple[Doubles, Doubles]:
    """Return weights (L - 1, H) and constants (H,) with the least leave-one-out error."""
    centre, middle = x.mean(0), y.mean(0)
    x, y = x - centre, y - middle
    squares, axes = np.linalg.eigh(x.T @ x)
    squares = np.maximum(squares, 0)
    turned = x @ axes
    products = turned.T @ y
    best, least = np.zeros((x.shape[1], y.shape[1])), np.inf
    for penalty in _PENALTIES:
        shrunk = 1 / (squares + penalty * len(x))
        leverage = (turned**2) @ shrunk + 1 / len(x)
        off = y - turned @ (shrunk[:, None] * products)
        error = float(np.abs(off / np.maximum(1 - leverage, 0.01)[:, None]).mean())
        if error < least:
            least, best = error, axes @ (shrunk[:, None] * products)
    return best, middle - centre @ best
